//! What retention names is exactly what may go, and asking again names nothing more.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use stateful_asg_core::cloud::SnapshotState::{Completed, Error, Other, Pending};
use stateful_asg_core::ids::{SnapshotId, VolumeId};
use stateful_asg_core::snapshots::{Kept, Purpose, expired};
use stateful_asg_core::spec::Keep;

const NOTHING: Keep = Keep { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn id(number: usize) -> SnapshotId {
    SnapshotId::new(format!("snap-{number:08x}")).unwrap()
}

fn volume(number: u8) -> VolumeId {
    VolumeId::new(format!("vol-{number:08x}")).unwrap()
}

fn periodic(number: usize, started: Timestamp) -> Kept {
    let purpose = Purpose::Periodic;
    Kept { id: id(number), volume: volume(0), started, state: Completed, ours: true, purpose, in_use: false }
}

fn series(started: impl IntoIterator<Item = Timestamp>) -> Vec<Kept> {
    started.into_iter().enumerate().map(|(number, started)| periodic(number, started)).collect()
}

fn without(all: &[Kept], gone: &[SnapshotId]) -> Vec<Kept> {
    all.iter().filter(|one| !gone.contains(&one.id)).cloned().collect()
}

/// A few months around a year's end that lies in the middle of an ISO week; often several in an hour, some at one instant.
fn instant() -> impl Strategy<Value = Timestamp> {
    let begin = at("2026-11-28T00:00:00Z");
    let days = prop_oneof![0..90_i64, 30..40_i64, Just(34_i64)];
    (days, prop_oneof![0..24_i64, Just(23_i64)], 0..6_i64)
        .prop_map(move |(day, hour, part)| begin + SignedDuration::from_mins(day * 1440 + hour * 60 + part * 10))
}

fn lineage() -> impl Strategy<Value = Vec<Kept>> {
    let state = prop_oneof![8 => Just(Completed), 1 => Just(Pending), 1 => Just(Error), 1 => Just(Other)];
    let purpose = prop_oneof![8 => Just(Purpose::Periodic), 2 => Just(Purpose::Final), 1 => Just(Purpose::Retire), 1 => Just(Purpose::Other)];
    let one = (instant(), 0..4_u8, state, purpose, prop::bool::weighted(0.9), prop::bool::weighted(0.1));
    vec(one, 0..60).prop_map(|all| {
        let kept = |(number, (started, of, state, purpose, ours, in_use))| Kept {
            id: id(number),
            volume: volume(of),
            started,
            state,
            ours,
            purpose,
            in_use,
        };
        all.into_iter().enumerate().map(kept).collect()
    })
}

fn keep() -> impl Strategy<Value = Keep> {
    [0..5_u32, 0..5, 0..8, 0..4, 0..3].prop_map(|[last, hourly, daily, weekly, monthly]| Keep {
        last,
        hourly,
        daily,
        weekly,
        monthly,
    })
}

/// How many of the newest, and of the newest in each period as `strftime` names it: counted for each snapshot anew.
fn asked_for(one: &Kept, all: &[Kept], keep: &Keep) -> bool {
    let counted = |other: &&Kept| other.ours && other.state == Completed && other.purpose == Purpose::Periodic;
    let newer: Vec<&Kept> =
        all.iter().filter(counted).filter(|other| (other.started, &other.id) > (one.started, &one.id)).collect();
    let periods = [
        (keep.last, ""),
        (keep.hourly, "%Y-%m-%d %H"),
        (keep.daily, "%Y-%m-%d"),
        (keep.weekly, "%G week %V"),
        (keep.monthly, "%Y-%m"),
    ];
    periods.into_iter().enumerate().any(|(index, (latest, format))| {
        let name = |kept: &Kept| match index {
            0 => kept.id.to_string(),
            _ => kept.started.strftime(format).to_string(),
        };
        let names: BTreeSet<String> = newer.iter().map(|other| name(other)).collect();
        names.len() < usize::try_from(latest).unwrap() && !names.contains(&name(one))
    })
}

fn newest_completed_of_its_volume(one: &Kept, all: &[Kept]) -> bool {
    let of_it = all.iter().filter(|other| other.ours && other.state == Completed && other.volume == one.volume);
    of_it.max_by_key(|other| (other.started, &other.id)).is_some_and(|newest| newest.id == one.id)
}

/// The rule, sentence by sentence.
fn may_go(one: &Kept, all: &[Kept], keep: &Keep, now: Timestamp) -> bool {
    let newer_periodic = all.iter().any(|other| {
        other.ours && other.state == Completed && other.purpose == Purpose::Periodic && other.started > one.started
    });
    let past = match (one.state, one.purpose) {
        (_, Purpose::Other) | (Pending | Other, _) | (Completed, Purpose::Retire) => false,
        (Error, _) => one.started + SignedDuration::from_hours(1) <= now,
        (Completed, Purpose::Periodic) => !asked_for(one, all, keep),
        (Completed, Purpose::Final) => newer_periodic,
    };
    past && one.ours && !one.in_use && !(one.state == Completed && newest_completed_of_its_volume(one, all))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_what_may_go_is_named_oldest_first(all in lineage(), keep in keep(), now in instant()) {
        let mut expected: Vec<&Kept> = all.iter().filter(|one| may_go(one, &all, &keep, now)).collect();
        expected.sort_by_key(|one| (one.started, &one.id));
        let expected: Vec<SnapshotId> = expected.into_iter().map(|one| one.id.clone()).collect();
        prop_assert_eq!(expired(&all, &keep, now), expected);
    }

    #[test]
    fn asking_again_names_nothing_more(all in lineage(), keep in keep(), now in instant()) {
        let rest = without(&all, &expired(&all, &keep, now));
        prop_assert_eq!(expired(&rest, &keep, now), vec![]);
    }

    #[test]
    fn a_run_that_was_interrupted_ends_where_it_would_have(all in lineage(), keep in keep(), now in instant(), done in any::<prop::sample::Index>()) {
        let whole = expired(&all, &keep, now);
        let done = done.index(whole.len() + 1);
        let rest = without(&all, &whole[..done]);
        prop_assert_eq!(&expired(&rest, &keep, now)[..], &whole[done..]);
    }

    #[test]
    fn time_by_itself_expires_only_what_failed(all in lineage(), keep in keep(), now in instant(), years in 0..50_i64) {
        let rest = without(&all, &expired(&all, &keep, now));
        let later = expired(&rest, &keep, now + SignedDuration::from_hours(years * 8766));
        let failed: BTreeSet<&SnapshotId> = rest.iter().filter(|one| one.state == Error).map(|one| &one.id).collect();
        prop_assert!(later.iter().all(|id| failed.contains(id)), "{later:?}");
    }

    #[test]
    fn order_and_doubles_in_the_reading_do_not_matter(all in lineage(), keep in keep(), now in instant(), again in vec(any::<prop::sample::Index>(), 0..8)) {
        let mut other = all.clone();
        other.reverse();
        other.extend(again.iter().filter(|_| !all.is_empty()).map(|index| index.get(&all).clone()));
        prop_assert_eq!(expired(&all, &keep, now), expired(&other, &keep, now));
    }

    /// Whether retention ran after every snapshot or once at the end: the same are left.
    #[test]
    fn runs_in_between_change_nothing(mut times in vec(instant(), 1..60), keep in keep()) {
        times.sort();
        let now = times[times.len() - 1];
        let all = series(times);
        let mut left: Vec<Kept> = Vec::new();
        for one in &all {
            left.push(one.clone());
            left = without(&left, &expired(&left, &keep, one.started));
        }
        prop_assert_eq!(left, without(&all, &expired(&all, &keep, now)));
    }
}

#[test]
fn a_year_of_hourly_snapshots_leaves_the_sets_that_were_asked_for() {
    let begin = at("2026-01-01T00:30:00Z");
    let all = series((0..24 * 300).map(|hour| begin + SignedDuration::from_hours(hour)));
    let keep = Keep { last: 2, hourly: 3, daily: 3, weekly: 3, monthly: 3 };
    let now = all[all.len() - 1].started;
    let left = without(&all, &expired(&all, &keep, now));
    let left: Vec<String> = left.iter().map(|one| one.started.strftime("%a %d %b %H:%M").to_string()).collect();
    assert_eq!(
        left,
        [
            "Mon 31 Aug 23:30",
            "Wed 30 Sep 23:30",
            "Sun 18 Oct 23:30",
            "Sun 25 Oct 23:30",
            "Mon 26 Oct 23:30",
            "Tue 27 Oct 21:30",
            "Tue 27 Oct 22:30",
            "Tue 27 Oct 23:30",
        ]
    );
}

/// An outage of any length empties no set: periods without a snapshot are not counted.
#[test]
fn days_without_snapshots_take_no_place() {
    let all = series(
        ["2026-01-01T06:00:00Z", "2026-03-01T06:00:00Z", "2026-03-01T07:00:00Z", "2026-11-01T06:00:00Z"].map(at),
    );
    let keep = Keep { daily: 3, ..NOTHING };
    assert_eq!(expired(&all, &keep, at("2031-01-01T00:00:00Z")), [id(1)]);
}

#[test]
fn ten_thousand_are_judged_and_nothing_more_the_second_time() {
    let begin = at("2024-01-01T00:00:00Z");
    let mut all = series((0..10_000).map(|number| begin + SignedDuration::from_mins(number * 60)));
    for (number, one) in all.iter_mut().enumerate() {
        one.volume = volume(u8::try_from(number / 1000).unwrap());
        one.in_use = number % 997 == 0;
        one.state = if number % 101 == 0 { Error } else { Completed };
    }
    let keep = Keep { last: 24, hourly: 48, daily: 30, weekly: 52, monthly: 1000 };
    let now = all[all.len() - 1].started;
    let gone = expired(&all, &keep, now);
    let rest = without(&all, &gone);
    assert_eq!(expired(&rest, &keep, now), []);
    assert!(gone.len() > 9_800 && rest.len() > 48 + 28 + 40, "{} of {} are left", rest.len(), all.len());
}

/// A volume was moved; its final snapshot served the move, and is no longer named by a record.
#[test]
fn a_final_snapshot_goes_only_when_another_of_its_volume_and_a_newer_periodic_one_exist() {
    let mut all = series((1..=4).map(|hour| at("2026-01-01T00:00:00Z") + SignedDuration::from_hours(hour)));
    let keep = Keep { last: 1, ..NOTHING };
    let now = at("2026-02-01T00:00:00Z");
    all[2].purpose = Purpose::Final;
    all[3].volume = volume(1);
    assert_eq!(expired(&all, &keep, now), [id(0), id(1)], "it is the newest of its volume");
    all[3].volume = volume(0);
    assert_eq!(expired(&all, &keep, now), [id(0), id(1), id(2)]);
    all[2].in_use = true;
    assert_eq!(expired(&all, &keep, now), [id(0), id(1)], "a record names it");
    all[2].in_use = false;
    all[3].state = Pending;
    assert_eq!(expired(&all, &keep, now), [id(0)], "the newer one is not completed");
}

#[test]
fn what_keep_asks_for_is_never_less_than_the_newest_of_each_volume() {
    let mut all = series((1..=6).map(|hour| at("2026-01-01T00:00:00Z") + SignedDuration::from_hours(hour)));
    for (number, one) in all.iter_mut().enumerate() {
        one.volume = volume(u8::try_from(number / 2).unwrap());
    }
    let left = without(&all, &expired(&all, &NOTHING, at("2027-01-01T00:00:00Z")));
    let newest: BTreeMap<&VolumeId, &SnapshotId> = left.iter().map(|one| (&one.volume, &one.id)).collect();
    assert_eq!(newest.into_values().collect::<Vec<_>>(), [&id(1), &id(3), &id(5)]);
    assert_eq!(left.len(), 3);
}
