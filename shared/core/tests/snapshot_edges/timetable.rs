//! When a slot is due, to the second, and how many are taken in one run.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{SlotNumber, VolumeName};
use stateful_asg_core::snapshots::{Series, SlotSeries, Taken, Use, due, most_a_run};

use super::at;

const RUN: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);

fn slot(number: u32, born: Timestamp, volumes: &[(&str, Duration)]) -> SlotSeries {
    let series =
        |(name, every): &(&str, Duration)| (VolumeName::new(*name).unwrap(), Series { every: *every, newest: None });
    SlotSeries {
        slot: SlotNumber(number),
        volumes: volumes.iter().map(series).collect(),
        pending: false,
        failing: None,
        used: Use::Held,
        born: Some(born),
    }
}

fn hourly(number: u32, born: &str) -> SlotSeries {
    slot(number, at(born), &[("data", HOUR)])
}

/// The slot is due from this second on, not in the one before, and says so itself.
fn assert_due_from(slot: SlotSeries, run_every: Duration, expected: &str) {
    let slots = [slot];
    let since = at(expected);
    let before = due(&slots, run_every, since - SignedDuration::from_secs(1));
    assert_eq!(before, [], "a second before {expected}");
    let dues = due(&slots, run_every, since);
    assert_eq!(dues.iter().map(|due| due.since).collect::<Vec<_>>(), [since], "at {expected}");
}

#[test]
fn a_timetable_begins_in_the_middle_between_two_runs() {
    for (born, first) in [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:02:30Z"),
        ("2026-11-20T10:01:40Z", "2026-11-20T10:02:30Z"),
        ("2026-11-20T10:02:30Z", "2026-11-20T10:02:30Z"),
        ("2026-11-20T10:02:31Z", "2026-11-20T10:07:30Z"),
        ("2026-11-20T10:04:59Z", "2026-11-20T10:07:30Z"),
        ("2026-11-20T23:59:00Z", "2026-11-21T00:02:30Z"),
    ] {
        assert_due_from(hourly(0, born), RUN, first);
    }
    assert_due_from(hourly(0, "2026-11-20T10:00:00Z"), Duration::from_mins(10), "2026-11-20T10:05:00Z");
}

#[test]
fn the_slots_of_a_group_are_spread_over_the_interval_in_whole_runs() {
    for (number, first) in [(0, "10:02:30"), (1, "10:37:30"), (2, "10:12:30"), (3, "10:52:30"), (4, "10:27:30")] {
        let expected = format!("2026-11-20T{first}Z");
        assert_due_from(hourly(number, "2026-11-20T10:00:00Z"), RUN, &expected);
    }
    let daily = slot(1, at("2026-11-20T10:00:00Z"), &[("data", 24 * HOUR)]);
    assert_due_from(daily, RUN, "2026-11-21T00:47:30Z");
}

#[test]
fn the_shortest_interval_of_a_slot_spreads_all_its_volumes() {
    let two = slot(1, at("2026-11-20T10:00:00Z"), &[("data", 24 * HOUR), ("log", HOUR)]);
    let dues = due(std::slice::from_ref(&two), RUN, at("2026-11-20T10:37:30Z"));
    assert_eq!(dues.len(), 1);
    assert_eq!(dues[0].volumes.len(), 2, "both begin together: {dues:?}");
    assert_due_from(two, RUN, "2026-11-20T10:37:30Z");
}

/// A snapshot that was begun in the very second in which the holder left may lack its last write.
#[test]
fn a_vacant_slot_rests_only_after_a_snapshot_that_is_newer_than_its_last_use() {
    let left = at("2026-11-20T11:00:00Z");
    for (started, rests) in [("10:59:59", false), ("11:00:00", false), ("11:00:01", true)] {
        let mut one = hourly(0, "2026-11-20T10:00:00Z");
        one.used = Use::Vacant { since: Some(left) };
        let started = at(&format!("2026-11-20T{started}Z"));
        let newest = Some(Taken { started, decided: None });
        one.volumes.values_mut().for_each(|series| series.newest = newest);
        let dues = due(&[one], RUN, at("2026-11-20T18:00:00Z"));
        assert_eq!(dues.is_empty(), rests, "its newest was started at {started}");
    }
}

#[test]
fn a_run_takes_twice_what_every_timetable_asks_for_on_average() {
    let born = at("2026-11-20T10:00:00Z");
    let group = |count: u32, volumes: &[(&str, Duration)]| -> Vec<SlotSeries> {
        (0..count).map(|number| slot(number, born, volumes)).collect()
    };
    let (one, same) = ([("data", HOUR)], [("data", HOUR), ("log", HOUR)]);
    let two = [("data", HOUR), ("log", 6 * HOUR)];
    for (slots, most, what) in [
        (group(0, &one), 1, "no slot"),
        (group(1, &one), 2, "one slot"),
        (group(12, &one), 2, "one a run on average"),
        (group(13, &one), 4, "hardly more than one a run"),
        (group(36, &one), 6, "three a run"),
        (group(12, &same), 2, "volumes with one interval are one set"),
        (group(12, &two), 4, "two intervals are two timetables"),
        (group(240, &one), 40, "twenty a run"),
        (group(253, &one), 40, "more than the account bears"),
    ] {
        assert_eq!(most_a_run(&slots, RUN), most, "{what}");
    }
    assert_eq!(due(&group(36, &one), RUN, at("2026-11-20T12:00:00Z")).len(), 6, "all of them are due");
}
