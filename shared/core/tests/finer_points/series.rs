//! Periodic snapshots: when a slot's next set is due, what keeps it, and what is called late.

use ward::{HOUR, SIX_HOURLY, TWO_VOLUMES, Ward};

use super::*;

/// When slot 0 is due again; for the first time it is at once.
const SECOND: i64 = 14_550;

fn ward(spec: &str, now: i64, snapshots: Vec<Snapshot>) -> Ward {
    let mut ward = Ward::new(1, spec);
    if spec != SIX_HOURLY {
        ward = ward.with_logs();
    }
    ward.town.now = at(now);
    ward.snapshots().extend(snapshots.into_iter().map(|one| (one.id.clone(), one)));
    ward
}

/// What is taken in this run: the volume or the instance, and the operation.
fn taken(ward: &mut Ward) -> Vec<(String, String)> {
    let taken = |step: Step| match step {
        Step::CreateSnapshot { volume, tags, .. } => Some((volume.to_string(), tags[tags::OPERATION].clone())),
        Step::CreateSnapshots { instance, tags, .. } => Some((instance.to_string(), tags[tags::OPERATION].clone())),
        _ => None,
    };
    ward.run().into_iter().filter_map(taken).collect()
}

fn of_volume(n: u32, operation: &str) -> Vec<(String, String)> {
    vec![(volume_id(n).to_string(), operation.to_owned())]
}

fn completed(n: u32, operation: &str, started: i64) -> Snapshot {
    shot(n, 0, operation, at(started), SnapshotState::Completed)
}

/// The set of this number was recorded then.
fn recorded(ward: &mut Ward, operation: u32, then: i64) {
    let upkeep = &mut ward.slot(0).upkeep;
    upkeep.operations = operation;
    upkeep.periodic = Some(Periodic { operation, at: at(then) });
}

fn late(ward: &Ward) -> Vec<(VolumeId, Option<Timestamp>)> {
    let late = |reason: Reason| match reason {
        Reason::SnapshotsLate { volume, newest } => Some((volume, newest)),
        _ => None,
    };
    ward.reasons().into_iter().filter_map(late).collect()
}

#[test]
fn a_slots_next_set_is_due_at_its_own_second_and_not_before() {
    let due = |now: i64| {
        let mut ward = ward(SIX_HOURLY, now, vec![completed(50, "periodic-0-90", 1_000)]);
        taken(&mut ward)
    };
    assert_eq!(due(SECOND - 1), []);
    assert_eq!(due(SECOND), of_volume(0, "periodic-0-1"));
}

#[test]
fn a_new_slots_first_set_waits_for_its_place_in_the_interval() {
    let mut ward = Ward::new(2, SIX_HOURLY);
    assert_eq!(taken(&mut ward), of_volume(0, "periodic-0-1"));
    ward.town.now = at(6_149);
    assert_eq!(taken(&mut ward), []);
    ward.town.now = at(6_150);
    assert_eq!(taken(&mut ward), of_volume(1, "periodic-1-1"));
}

#[test]
fn no_set_begins_while_a_snapshot_of_the_last_one_is_pending() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    assert_eq!(taken(&mut ward), of_volume(0, "periodic-0-1"));
    ward.wait(13 * HOUR);
    assert_eq!(taken(&mut ward), []);
    ward.end(SnapshotState::Completed);
    assert_eq!(taken(&mut ward), of_volume(0, "periodic-0-2"));
}

#[test]
fn a_set_on_record_is_taken_of_each_volume_that_has_none_pending() {
    let earlier = shot(50, 100, "periodic-0-1", at(930), SnapshotState::Pending);
    let mut ward = ward(TWO_VOLUMES, 1_000, vec![earlier]);
    recorded(&mut ward, 2, 940);
    assert_eq!(taken(&mut ward), of_volume(0, "periodic-0-2"));
}

#[test]
fn a_set_on_record_is_taken_although_the_one_before_turns_out_to_have_failed() {
    let earlier = shot(50, 0, "periodic-0-1", at(900), SnapshotState::Error);
    let mut ward = ward(SIX_HOURLY, 1_000, vec![earlier]);
    recorded(&mut ward, 2, 940);
    assert_eq!(taken(&mut ward), of_volume(0, "periodic-0-2"));
}

#[test]
fn failures_up_to_the_last_completed_snapshot_delay_the_next_no_more() {
    let eight = |last: i64, apart: i64| {
        let failed = (0..8).map(|n: u32| {
            let started = at(last - apart * i64::from(n));
            shot(60 + n, 0, &format!("periodic-0-{}", 60 + n), started, SnapshotState::Error)
        });
        let snapshots = failed.chain([completed(50, "periodic-0-90", 14_000)]).collect();
        taken(&mut ward(SIX_HOURLY, SECOND, snapshots))
    };
    assert_eq!(eight(13_999, 300), of_volume(0, "periodic-0-1"));
    assert_eq!(eight(14_000, 0), of_volume(0, "periodic-0-1"), "at the same instant");
    assert_eq!(eight(14_500, 300), [], "those since then do");
}

#[test]
fn a_set_that_was_decided_before_its_next_time_does_not_stand_for_it() {
    let is_due = |decided: i64| {
        let mut ward = ward(SIX_HOURLY, SECOND + 200, vec![completed(50, "periodic-0-1", SECOND + 10)]);
        recorded(&mut ward, 1, decided);
        !ward.plan().steps.is_empty()
    };
    assert!(is_due(SECOND - 1));
    assert!(!is_due(SECOND));
}

#[test]
fn a_vacant_slot_is_late_unless_it_was_saved_after_its_last_write() {
    use SnapshotState::{Completed, Error, Pending};
    let cases = [
        (Completed, 4_999, true),
        (Completed, 5_000, true),
        (Completed, 5_001, false),
        (Pending, 5_001, true),
        (Error, 5_001, true),
    ];
    for (state, started, is_late) in cases {
        let mut ward = ward(SIX_HOURLY, 5_000, vec![shot(50, 0, "periodic-0-90", at(started), state)]);
        ward.vacate(0);
        ward.wait(14 * HOUR);
        assert_eq!(!late(&ward).is_empty(), is_late, "{state:?} at {started} s, vacated at 5000 s");
    }
}

#[test]
fn snapshots_are_late_two_intervals_and_a_quarter_of_an_hour_after_the_last_of_that_volume() {
    let after = |seconds: i64| late(&ward(SIX_HOURLY, 12 * HOUR + seconds, vec![]));
    assert_eq!(after(900), []);
    assert_eq!(after(901), [(volume_id(0), None)]);

    let log = shot(50, 100, "periodic-0-90", at(10_000), SnapshotState::Completed);
    let late_by = |seconds: i64| late(&ward(TWO_VOLUMES, 10_000 + 12 * HOUR + seconds, vec![log.clone()]));
    assert_eq!(late_by(900), [(volume_id(0), None)]);
    assert_eq!(late_by(901), [(volume_id(0), None), (volume_id(100), Some(at(10_000)))]);
}

#[test]
fn a_failed_snapshot_is_told_for_less_than_an_hour() {
    let told = |seconds: i64| {
        let failed = shot(50, 0, "periodic-0-90", at(1_000), SnapshotState::Error);
        let ward = ward(SIX_HOURLY, 1_000 + seconds, vec![failed]);
        ward.reasons().iter().any(|reason| reason.kind() == "SnapshotFailed")
    };
    assert_eq!((told(HOUR - 1), told(HOUR)), (true, false));
}

/// Midnight in UTC is 57 600 s after 0 s. The first set of two volumes lies on both sides of it.
#[test]
fn a_set_that_midnight_parts_is_kept_as_one_of_the_day_on_which_it_began() {
    let daily = TWO_VOLUMES.replace(r#""keep":{"last":2}"#, r#""keep":{"daily":3}"#);
    let set = |n: u32, operation: &str, data: i64, log: i64| {
        let one = |n, volume, started| shot(n, volume, operation, at(started), SnapshotState::Completed);
        [one(n, 0, data), one(n + 1, 100, log)]
    };
    let first = set(50, "periodic-0-90", 57_599, 57_601);
    let snapshots = first.into_iter().chain(set(60, "periodic-0-91", 100_800, 100_800)).collect();
    let steps = kinds(&ward(&daily, 101_000, snapshots).plan().steps);
    assert!(!steps.contains(&"DeleteSnapshot"), "the second set is of the day after the first: {steps:?}");
}
