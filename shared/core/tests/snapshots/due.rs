//! What is due: by example.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{SlotNumber, VolumeName};
use stateful_asg_core::snapshots::{Due, Failing, MOST_A_RUN, Series, SlotSeries, Taken, Use, due, most_a_run};

const RUN: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);

/// In the middle between two runs.
fn born() -> Timestamp {
    "2026-11-20T10:02:30Z".parse().unwrap()
}

fn after(minutes: i64) -> Timestamp {
    born() + SignedDuration::from_mins(minutes)
}

fn name(name: &str) -> VolumeName {
    VolumeName::new(name).unwrap()
}

fn taken(minutes: i64) -> Option<Taken> {
    Some(Taken { started: after(minutes), decided: None })
}

fn slot(number: u32, volumes: &[(&str, Duration, Option<Taken>)]) -> SlotSeries {
    let series = |(called, every, newest): &(&str, Duration, Option<Taken>)| {
        (name(called), Series { every: *every, newest: *newest })
    };
    SlotSeries {
        slot: SlotNumber(number),
        volumes: volumes.iter().map(series).collect::<BTreeMap<_, _>>(),
        pending: false,
        failing: None,
        used: Use::Held,
        born: Some(born()),
    }
}

fn is_due(slot: &SlotSeries, minutes: i64) -> bool {
    !due(std::slice::from_ref(slot), RUN, after(minutes)).is_empty()
}

#[test]
fn the_first_slot_is_due_at_its_birth_and_the_others_within_an_interval() {
    let slots: Vec<SlotSeries> = (0..12).map(|number| slot(number, &[("data", HOUR, None)])).collect();
    let firsts: Vec<i64> = slots.iter().map(|slot| (0..=60).find(|minutes| is_due(slot, *minutes)).unwrap()).collect();
    assert_eq!(firsts[0], 0);
    assert!(firsts.iter().all(|first| *first < 60));
    let mut sorted = [&firsts[..], &[60]].concat();
    sorted.sort_unstable();
    let widest = sorted.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(widest <= 10, "twelve in an hour, no ten minutes without: {firsts:?}");
}

/// Runs that are late by up to two minutes, now more and now less, on five-minute intervals.
#[test]
fn seconds_of_jitter_cost_no_snapshot() {
    let mut one = slot(0, &[("data", RUN, None)]);
    for seconds in 0..300 {
        one.born = Some(born() + SignedDuration::from_secs(seconds));
        one.volumes.insert(name("data"), Series { every: RUN, newest: None });
        for (run, late) in [(2, 100), (3, 3), (4, 120), (5, 0), (6, 7), (7, 5)] {
            let now = born() + SignedDuration::from_secs(run * 300 - 150 + late);
            assert_eq!(due(&[one.clone()], RUN, now).len(), 1, "born {seconds} s later, run {run}");
            let newest = Some(Taken { started: now + SignedDuration::from_secs(5), decided: Some(now) });
            one.volumes.insert(name("data"), Series { every: RUN, newest });
        }
    }
}

#[test]
fn nothing_is_due_of_what_is_not_born_has_no_volumes_or_has_a_snapshot_pending() {
    let mut one = slot(0, &[("data", HOUR, None)]);
    assert!(is_due(&one, 0) && !is_due(&one, -1));
    one.pending = true;
    assert!(!is_due(&one, 600));
    one.pending = false;
    one.born = None;
    assert!(!is_due(&one, 600));
    assert!(!is_due(&slot(0, &[]), 600));
}

#[test]
fn a_slot_keeps_its_timetable_however_late_a_snapshot_was() {
    let late = slot(0, &[("data", HOUR, taken(119))]);
    assert!(!is_due(&late, 119) && is_due(&late, 120));
    let missed = slot(0, &[("data", HOUR, taken(1))]);
    let dues = due(&[missed], RUN, after(600));
    assert_eq!(dues, [Due { slot: SlotNumber(0), volumes: vec![name("data")], since: after(60) }]);
    assert!(!is_due(&slot(0, &[("data", HOUR, taken(600))]), 659), "ten were missed, one was taken");
}

#[test]
fn a_timetable_that_begins_anew_or_with_another_interval_leaves_no_gap() {
    let hours = |newest: i64, every: u32| {
        let mut one = slot(5, &[("data", every * HOUR, taken(newest)), ("new", every * HOUR, None)]);
        one.born = Some(after(600));
        one
    };
    for newest in (0..600).step_by(7) {
        for every in [1, 2, 6, 24] {
            let one = hours(newest, every);
            let dues = due(&[one], RUN, after(newest.max(600) + 60 * i64::from(every)));
            assert_eq!(dues.iter().map(|due| due.volumes.len()).collect::<Vec<_>>(), [2], "{newest}, {every}");
            let since = dues[0].since.duration_since(after(newest));
            assert!(since > SignedDuration::ZERO && since <= SignedDuration::from_hours(i64::from(every)), "{since}");
        }
    }
}

/// It was decided at the end of one interval and started at the beginning of the next.
#[test]
fn a_snapshot_stands_for_the_interval_in_which_it_was_decided() {
    let decided = Some(Taken { started: after(61), decided: Some(after(59)) });
    assert!(is_due(&slot(0, &[("data", HOUR, decided)]), 62));
    assert!(!is_due(&slot(0, &[("data", HOUR, taken(61))]), 62));
}

#[test]
fn a_record_of_the_future_does_not_stop_the_snapshots() {
    let forged = Some(Taken { started: after(1), decided: Some(after(1_000_000)) });
    assert!(is_due(&slot(0, &[("data", HOUR, forged)]), 60));
}

#[test]
fn volumes_with_the_same_interval_stay_one_set() {
    let half = slot(0, &[("data", HOUR, taken(61)), ("log", HOUR, taken(1)), ("slow", 6 * HOUR, taken(2))]);
    assert_eq!(due(&[half], RUN, after(65))[0].volumes, [name("data"), name("log")]);
    let both = slot(7, &[("data", HOUR, taken(1)), ("slow", 6 * HOUR, taken(1))]);
    assert_eq!(due(&[both], RUN, after(7 * 60))[0].volumes, [name("data"), name("slow")], "their timetables meet");
}

#[test]
fn a_vacant_slot_gets_one_more_and_then_rests() {
    let mut one = slot(0, &[("data", HOUR, taken(61)), ("log", HOUR, taken(61))]);
    one.used = Use::Vacant { since: Some(after(61)) };
    assert!(is_due(&one, 120), "started at that very second: perhaps before the last write");
    one.volumes.insert(name("data"), Series { every: HOUR, newest: taken(121) });
    assert!(is_due(&one, 180), "the log was not saved");
    one.volumes.insert(name("log"), Series { every: HOUR, newest: taken(121) });
    assert!(!is_due(&one, 100_000));
    one.used = Use::Vacant { since: None };
    assert!(is_due(&one, 180), "who knows since when");
    one.used = Use::Held;
    assert!(is_due(&one, 180));
}

#[test]
fn attempts_that_fail_are_made_ever_less_often_but_once_an_interval() {
    let mut one = slot(0, &[("data", HOUR, None)]);
    let mut attempts: Vec<i64> = Vec::new();
    for run in 0..60 {
        let minutes = run * 5;
        if is_due(&one, minutes) {
            attempts.push(minutes);
            // Some seconds pass before it fails, and the next run may come some seconds early.
            let last = after(minutes) + SignedDuration::from_secs(20);
            one.failing = Some(Failing { count: u32::try_from(attempts.len()).unwrap(), last });
        }
    }
    assert_eq!(attempts, [0, 5, 15, 35, 75, 135, 195, 255]);
    one.failing = Some(Failing { count: u32::MAX, last: after(0) });
    assert!(!is_due(&one, 55) && is_due(&one, 60));
}

#[test]
fn who_waited_longest_is_first_and_a_failed_attempt_waits_anew() {
    let mut slots = vec![
        slot(0, &[("data", HOUR, taken(240))]),
        slot(3, &[("data", HOUR, taken(1))]),
        slot(1, &[("data", HOUR, taken(120))]),
        slot(2, &[("data", HOUR, taken(400))]),
    ];
    let order = |slots: &[SlotSeries]| due(slots, RUN, after(590)).iter().map(|due| due.slot.0).collect::<Vec<_>>();
    assert_eq!(order(&slots), [3, 1], "two a run");
    slots[1].failing = Some(Failing { count: 1, last: after(580) });
    assert_eq!(order(&slots), [1, 0], "3 was tried lately");
    slots[2].failing = Some(Failing { count: 1, last: after(350) });
    slots[1].pending = true;
    assert_eq!(order(&slots), [0, 1], "1 was tried after 0 became due, but before 2 did");
}

#[test]
fn a_run_takes_twice_the_average_and_never_more_than_the_account_bears() {
    let group = |count: u32, every: Duration| -> Vec<SlotSeries> {
        (0..count).map(|number| slot(number, &[("data", every, None), ("log", every, None)])).collect()
    };
    assert_eq!(most_a_run(&[], RUN), 1);
    assert_eq!(most_a_run(&group(10, 24 * HOUR), RUN), 2);
    assert_eq!(most_a_run(&group(12, HOUR), RUN), 2);
    assert_eq!(most_a_run(&group(13, HOUR), RUN), 4);
    assert_eq!(most_a_run(&group(7, RUN), RUN), 14);
    assert_eq!(most_a_run(&group(400, RUN), RUN), MOST_A_RUN);
    assert_eq!(due(&group(400, RUN), RUN, after(5)).len(), MOST_A_RUN);
}
