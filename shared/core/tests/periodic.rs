//! Periodic snapshots, one test a sentence of what is promised.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it is about")]
#![allow(clippy::unwrap_used, unreachable_pub, reason = "a test and its helpers")]

#[path = "periodic"]
mod periodic {
    pub mod ward;
}
mod town;

use std::collections::BTreeSet;

use periodic::ward::*;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::plan::RUN_EVERY;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::SlotState;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Change, ChangeKind, Proof, Purpose, Stage, Superseded, operation_tag};
use stateful_asg_core::waiting::Reason;
use town::*;

fn run_every() -> i64 {
    RUN_EVERY.as_secs() as i64
}

fn changing(kind: ChangeKind, stage: Stage, since: jiff::Timestamp) -> Change {
    Change {
        operation: 1,
        kind,
        stage,
        since,
        begun: since,
        ordered: true,
        unreachable: None,
        stale: false,
        used: false,
        volumes: Default::default(),
    }
}

/// What was snapshotted, and for which operation.
fn taken(steps: &[Step]) -> Vec<(String, String)> {
    let of = |what: String, tags: &Tags| (what, tags[tags::OPERATION].clone());
    steps
        .iter()
        .filter_map(|step| match step {
            Step::CreateSnapshot { volume, tags, .. } => Some(of(volume.to_string(), tags)),
            Step::CreateSnapshots { instance, tags, .. } => Some(of(instance.to_string(), tags)),
            _ => None,
        })
        .collect()
}

fn set(n: u32, operation: u32) -> Vec<(String, String)> {
    vec![(volume_id(n).to_string(), format!("periodic-{n}-{operation}"))]
}

#[test]
fn a_set_is_recorded_before_it_is_taken_and_taken_once() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    let intent = ward.plan().steps;
    let [Step::Write { write, .. }] = intent.as_slice() else { panic!("{intent:?}") };
    let (expected, slot) = write.slot.as_ref().unwrap();
    assert_eq!((*expected, slot.upkeep.operations), (Some(Generation(7)), 1));
    assert_eq!(slot.upkeep.periodic.map(|set| (set.operation, set.at)), Some((1, ward.town.now)));

    let steps = ward.run();
    assert_eq!(taken(&steps), set(0, 1));
    let shown = ward.snapshots().values().next().unwrap().tags.clone();
    for (key, value) in [
        (tags::GROUP, "cass"),
        (tags::DEPLOYMENT, "test"),
        (tags::SLOT, "0"),
        (tags::VOLUME, "data"),
        (tags::CLAIM, "3"),
        (tags::OPERATION, "periodic-0-1"),
        ("Name", "cass-0"),
    ] {
        assert_eq!(shown.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(ward.run(), [], "while it is pending");
    ward.end(SnapshotState::Completed);
    assert_eq!(ward.run(), [], "nor until the next is due");
    ward.wait(6 * HOUR);
    assert_eq!(taken(&ward.run()), set(0, 2));
}

#[test]
fn the_volumes_of_a_slot_are_taken_at_one_instant_and_told_their_names() {
    let mut ward = Ward::new(1, TWO_VOLUMES).with_logs();
    let foreign = volume_id(900);
    ward.town.obs.instances.get_mut(&instance_id(0)).unwrap().volumes.insert(foreign.clone());
    let steps = ward.run();
    let without = steps.iter().find_map(|step| match step {
        Step::CreateSnapshots { without, instance, .. } if *instance == instance_id(0) => Some(without.clone()),
        _ => None,
    });
    assert_eq!(without, Some(BTreeSet::from([foreign])));
    assert_eq!(kinds(&steps), ["Write", "CreateSnapshots", "Tag", "Tag"]);
    let names: BTreeSet<(VolumeId, String)> =
        ward.snapshots().values().map(|s| (s.volume.clone(), s.tags[tags::VOLUME].clone())).collect();
    assert_eq!(names, BTreeSet::from([(volume_id(0), "data".to_owned()), (volume_id(100), "log".to_owned())]));
    assert_eq!(ward.run(), []);
}

#[test]
fn without_a_running_holder_that_has_them_all_they_are_taken_one_by_one() {
    let one_by_one = |disturb: &dyn Fn(&mut Ward)| {
        let mut ward = Ward::new(1, TWO_VOLUMES).with_logs();
        disturb(&mut ward);
        let steps = ward.run();
        assert_eq!(kinds(&steps), ["Write", "CreateSnapshot", "CreateSnapshot"]);
        assert_eq!(ward.run(), []);
    };
    one_by_one(&|ward| ward.town.state(0, InstanceState::Stopped));
    one_by_one(&|ward| ward.vacate(0));
    one_by_one(&|ward| {
        let volume = ward.town.obs.volumes.get_mut(&volume_id(100)).unwrap();
        volume.attachments[0].state = AttachmentState::Detaching;
    });
}

#[test]
fn what_a_crash_left_open_is_taken_by_the_next_run_under_the_same_operation() {
    let mut ward = Ward::new(1, TWO_VOLUMES).with_logs();
    ward.town.state(0, InstanceState::Stopped);
    let intent = ward.plan().steps;
    intent.iter().for_each(|step| ward.take(step));
    let calls = ward.plan().steps;
    assert_eq!(kinds(&calls), ["CreateSnapshot", "CreateSnapshot"]);
    ward.take(&calls[0]); // And then the process dies.
    ward.wait(run_every());
    assert_eq!(ward.run(), calls[1..], "only what is missing, and no new operation");

    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.plan().steps.iter().for_each(|step| ward.take(step));
    ward.wait(4 * run_every());
    assert_eq!(taken(&ward.run()), set(0, 2), "too long ago: decided anew");
    ward.end(SnapshotState::Completed);
    ward.wait(run_every());
    assert_eq!(ward.run(), [], "and only once");
}

#[test]
fn a_call_that_failed_is_looked_up_before_it_is_made_again() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.plan().steps.iter().for_each(|step| ward.take(step));
    let call = ward.plan().steps.remove(0);
    let failure = Failure { kind: FailureKind::Unknown, message: String::new(), count: 1, retry_at: ward.town.now };
    ward.town.obs.notes.failures.insert(call.key(), failure);
    ward.wait(60);
    assert!(matches!(ward.reasons().as_slice(), [Reason::CallFailed { .. }]), "{:?}", ward.reasons());
    assert_eq!(ward.run(), [], "not in this run, of which the reading cannot tell whether it was applied");
    let mut applied = Ward::new(1, SIX_HOURLY);
    applied.town.obs = ward.town.obs.clone();
    applied.town.now = ward.town.now;
    applied.take(&call);
    applied.wait(run_every() - 60);
    assert_eq!(applied.run(), [], "it was applied");
    ward.wait(run_every() - 60);
    assert_eq!(taken(&ward.run()), set(0, 1), "it was not");
}

#[test]
fn who_loses_the_race_for_a_slot_leaves_it_alone_until_the_next_run() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    let lost = Failure { kind: FailureKind::Conflict, message: String::new(), count: 1, retry_at: ward.town.now };
    ward.town.obs.notes.failures.insert(ward.plan().steps[0].key(), lost);
    let plan = ward.plan();
    assert_eq!((plan.steps, plan.waiting), (vec![], vec![]));
}

#[test]
fn missed_runs_are_caught_up_once() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.go_on(12 * HOUR);
    ward.wait(10 * 24 * HOUR);
    let begun = ward.go_on(6 * HOUR);
    assert!(begun[0] == 1 && begun.iter().sum::<usize>() <= 2, "{begun:?}");
}

#[test]
fn a_week_brings_each_slot_its_snapshots_evenly_and_keeps_what_the_spec_asks_for() {
    let mut ward = Ward::new(24, SIX_HOURLY);
    let begun = ward.go_on(7 * 24 * HOUR);
    assert!(begun.iter().all(|sets| *sets <= 2), "{begun:?}");
    for n in 0..24 {
        let sets = ward.slot(n).upkeep.operations;
        assert!((27..=29).contains(&sets), "slot {n}: {sets} sets in 28 intervals");
        let left = ward.snapshots().values().filter(|s| s.slot() == Some(SlotNumber(n))).count();
        assert!((2..=3).contains(&left), "slot {n}: {left} are left");
    }
}

#[test]
fn a_new_holder_does_not_move_a_slots_timetable() {
    let mut ward = Ward::new(2, SIX_HOURLY);
    ward.go_on(24 * HOUR);
    let mut moved = Ward::new(0, SIX_HOURLY);
    moved.town.obs = ward.town.obs.clone();
    moved.town.now = ward.town.now;
    let now = moved.town.now;
    moved.slot(1).holder.as_mut().unwrap().since = now;
    assert_eq!(moved.go_on(24 * HOUR), ward.go_on(24 * HOUR));
}

#[test]
fn a_vacant_slot_gets_one_snapshot_and_then_no_more() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.go_on(2 * HOUR);
    ward.vacate(0);
    let begun: usize = ward.go_on(3 * 24 * HOUR).iter().sum();
    assert_eq!(begun, 1);
    assert_eq!(ward.reasons(), [], "nobody has written since: it is not late");
}

#[test]
fn what_is_being_changed_is_retired_or_excluded_is_left_alone() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.vacate(0);
    let now = ward.town.now;
    let mut changed = ward.slot(0).clone();
    changed.upkeep.change = Some(changing(ChangeKind::Retire, Stage::Saving, now));
    let mut retired = ward.slot(0).clone();
    retired.state = SlotState::Retired;
    let mut unborn = ward.slot(0).clone();
    unborn.volumes.get_mut(&name("data")).unwrap().born = false;
    for slot in [changed, retired, unborn] {
        *ward.slot(0) = slot;
        assert_eq!(ward.plan().steps, []);
    }
    let excluded = TWO_VOLUMES.replace(r#""mount":"/log""#, r#""mount":"/log","snapshots":false"#);
    let mut ward = Ward::new(1, &excluded).with_logs();
    assert_eq!(taken(&ward.run()), set(0, 1));
}

#[test]
fn each_volume_has_its_own_interval_and_a_set_remembers_who_belongs_to_it() {
    let own =
        TWO_VOLUMES.replace(r#""mount":"/log""#, r#""mount":"/log","snapshots":{"every":"1h","keep":{"last":2}}"#);
    let mut ward = Ward::new(1, &own).with_logs();
    assert_eq!(taken(&ward.run()), [(instance_id(0).to_string(), "periodic-0-1".to_owned())], "both at first");
    ward.end(SnapshotState::Completed);
    ward.wait(HOUR);
    let intent = ward.plan().steps;
    intent.iter().for_each(|step| ward.take(step));
    ward.wait(run_every());
    assert_eq!(taken(&ward.run()), [(volume_id(100).to_string(), "periodic-0-2".to_owned())]);
    assert_eq!(ward.run(), []);
}

/// Six completed snapshots of slot 0, an hour apart, the oldest first; the next are due at once.
fn stocked() -> Ward {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.run();
    let mut first = ward.snapshots().values().next().unwrap().clone();
    first.state = SnapshotState::Completed;
    for n in 0..6 {
        let mut older = first.clone();
        older.id = snapshot_id(10 + n);
        older.started = first.started - jiff::SignedDuration::from_hours(6 - i64::from(n));
        older.tags.insert(tags::OPERATION.to_owned(), format!("periodic-0-{}", 90 + n));
        ward.snapshots().insert(older.id.clone(), older);
    }
    ward.snapshots().insert(first.id.clone(), first);
    ward
}

fn deleted(steps: &[Step]) -> BTreeSet<SnapshotId> {
    let deleted = steps.iter().filter_map(|step| match step {
        Step::DeleteSnapshot { snapshot } => Some(snapshot.clone()),
        _ => None,
    });
    deleted.collect()
}

#[test]
fn what_the_spec_does_not_ask_for_is_deleted_once() {
    let mut ward = stocked();
    let all_but_two: BTreeSet<_> = (10..15).map(snapshot_id).collect();
    assert_eq!(deleted(&ward.run()), all_but_two);
    assert_eq!(ward.run(), []);
    ward.wait(365 * 24 * HOUR);
    assert_eq!(deleted(&ward.plan().steps), BTreeSet::new(), "time alone deletes nothing");
}

#[test]
fn what_a_record_or_the_spec_names_is_kept_and_what_is_not_ours_too() {
    let mut ward = stocked();
    let spec = SIX_HOURLY.replace(r#""mount""#, &format!(r#""snapshot":"{}","mount""#, snapshot_id(10)));
    ward.town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = spec;
    let now = ward.town.now;
    let proof = Proof::Snapshot(snapshot_id(11));
    let superseded = Superseded { claim: Claim(1), proof, ..left_behind(now) };
    ward.slot(0).upkeep.superseded.insert(volume_id(700), superseded);
    let tags = |ward: &mut Ward, n: u32| ward.snapshots().get_mut(&snapshot_id(n)).unwrap().tags.clone();
    let mut other = tags(&mut ward, 12);
    other.insert(tags::DEPLOYMENT.to_owned(), "other".to_owned());
    ward.snapshots().get_mut(&snapshot_id(12)).unwrap().tags = other;
    ward.snapshots().get_mut(&snapshot_id(13)).unwrap().tags.remove(tags::OPERATION);
    ward.snapshots().get_mut(&snapshot_id(14)).unwrap().tags.insert(tags::SLOT.to_owned(), "77".to_owned());
    assert_eq!(deleted(&ward.run()), BTreeSet::new());
}

#[test]
fn use_of_what_was_left_behind_is_noted_by_whoever_sees_it() {
    let mut ward = stocked();
    let now = ward.town.now;
    let kept = |ward: &mut Ward| ward.slot(0).upkeep.superseded[&volume_id(700)].keep;
    let proof = Proof::Snapshot(snapshot_id(1));
    ward.slot(0).upkeep.superseded.insert(volume_id(700), Superseded { proof, keep: false, ..left_behind(now) });
    let mut used = ward.town.obs.volumes[&volume_id(0)].clone();
    used.id = volume_id(700);
    let free = Volume { state: VolumeState::Available, attachments: Vec::new(), ..used.clone() };
    ward.town.obs.volumes.insert(volume_id(700), used.clone());
    ward.run();
    assert!(!kept(&mut ward), "volumes may have been read before it was left behind");

    ward.wait(HOUR);
    ward.town.obs.volumes.insert(volume_id(700), free);
    ward.run();
    assert!(!kept(&mut ward), "nobody uses it");

    ward.town.obs.volumes.insert(volume_id(700), used);
    let failure = Failure { kind: FailureKind::Conflict, message: String::new(), count: 1, retry_at: ward.town.now };
    ward.town.obs.notes.failures.insert("Write slot 0".to_owned(), failure);
    assert!(!kinds(&ward.plan().steps).contains(&"Write"), "another has the slot");
    ward.town.obs.notes.failures.clear();
    ward.run();
    let left = &ward.slot(0).upkeep.superseded[&volume_id(700)];
    assert_eq!((left.keep, &left.proof, left.deleting), (true, &Proof::None, None));
    assert_eq!(ward.run(), [], "once");
}

/// What was saved of it lacks what is written now: it is saved again, or kept.
#[test]
fn use_of_what_is_being_replaced_is_noted_by_whoever_sees_it() {
    let moves = || ChangeKind::Move { to: zone('b') };
    for (kind, stage, used, then) in [
        (moves(), Stage::Saving, true, (Stage::Saving, true, false)),
        (moves(), Stage::Saving, false, (Stage::Saving, false, false)),
        (moves(), Stage::Making, true, (Stage::Saving, true, false)),
        (moves(), Stage::Switching, true, (Stage::Switching, false, true)),
        (moves(), Stage::Switching, false, (Stage::Switching, false, false)),
        (ChangeKind::Retire, Stage::Switching, true, (Stage::Switching, false, true)),
        // Nothing was saved: what it replaces is kept whatever happens to it.
        (ChangeKind::Restore, Stage::Making, true, (Stage::Making, false, false)),
    ] {
        let told = format!("{kind:?} {stage:?} {used}");
        let mut ward = stocked();
        ward.vacate(0);
        let now = ward.town.now;
        let of_it = Tags::from([(tags::OPERATION.to_owned(), operation_tag(Purpose::Final, SlotNumber(0), 70))]);
        let saved = ward.town.snapshot(&volume_id(0), of_it, SnapshotState::Completed);
        ward.snapshots().insert(snapshot_id(700), Snapshot { id: snapshot_id(700), ..saved });
        ward.slot(0).upkeep.operations = 70;
        ward.slot(0).upkeep.change = Some(Change { operation: 70, ..changing(kind, stage, now) });
        if used {
            ward.town.attach(0, 1);
        }
        ward.run();
        let change = ward.slot(0).upkeep.change.clone().unwrap();
        assert_eq!((change.stage, change.operation > 70, change.used), then, "{told}");
        assert_eq!(ward.run(), [], "once: {told}");
    }
}

#[test]
fn deletes_need_the_deployments_leave_and_the_specs() {
    let mut ward = stocked();
    ward.town.obs.limits.deletes = false;
    let plan = ward.plan();
    assert_eq!(deleted(&plan.steps), BTreeSet::new());
    assert!(matches!(plan.waiting[0].reason, Reason::DeletesOff { .. }), "{:?}", plan.waiting);

    let mut ward = stocked();
    let kind = SIX_HOURLY.replace(r#""v":1"#, r#""v":1,"mode":"no_deletes""#);
    ward.town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = kind;
    assert_eq!(deleted(&ward.plan().steps), BTreeSet::new());
    let withheld = ward.reasons().iter().filter(|reason| matches!(reason, Reason::Withheld { .. })).count();
    assert_eq!(withheld, 5);
}

#[test]
fn one_plan_deletes_no_more_than_twenty_and_those_that_cannot_be_deleted_starve_nobody() {
    let mut ward = stocked();
    let model = ward.snapshots()[&snapshot_id(10)].clone();
    for n in 0..60 {
        let mut older = model.clone();
        older.id = snapshot_id(1_000 + n);
        older.started = model.started - jiff::SignedDuration::from_hours(i64::from(n) + 1);
        ward.snapshots().insert(older.id.clone(), older);
    }
    let mut tried = BTreeSet::new();
    for _ in 0..4 {
        let deletes = deleted(&ward.plan().steps);
        assert!(deletes.len() <= 20, "{}", deletes.len());
        tried.extend(deletes); // And EC2 refuses every one.
        ward.wait(run_every());
    }
    assert!(tried.len() >= 60, "{}", tried.len());
}

#[test]
fn a_failed_snapshot_is_told_for_an_hour_tried_again_and_deleted() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.run();
    ward.end(SnapshotState::Error);
    assert!(matches!(ward.reasons().as_slice(), [Reason::SnapshotFailed { volume, .. }] if *volume == volume_id(0)));
    ward.wait(run_every());
    assert_eq!(taken(&ward.run()), set(0, 2));
    ward.end(SnapshotState::Error);
    ward.wait(run_every());
    assert_eq!(taken(&ward.run()), [], "two failed: the pause doubles");
    ward.wait(run_every());
    assert_eq!(taken(&ward.run()), set(0, 3));
    ward.end(SnapshotState::Completed);
    ward.wait(HOUR);
    ward.town.obs.limits.deletes = false;
    assert!(matches!(ward.reasons().as_slice(), [Reason::DeletesOff { .. }]), "told for an hour, not for ever");
    ward.town.obs.limits.deletes = true;
    assert_eq!(deleted(&ward.run()).len(), 2);
    assert_eq!(ward.reasons(), []);
}

#[test]
fn overdue_snapshots_call_a_person() {
    let mut ward = Ward::new(1, SIX_HOURLY);
    ward.run();
    let late = |ward: &Ward| ward.reasons().into_iter().find(|reason| matches!(reason, Reason::SnapshotsLate { .. }));
    ward.town.now = at(12 * HOUR + 890);
    assert_eq!(late(&ward), None, "pending, and not yet late");
    ward.wait(20);
    assert_eq!(late(&ward), Some(Reason::SnapshotsLate { volume: volume_id(0), newest: None }));
    ward.town.obs.volumes.clear();
    assert!(late(&ward).is_some(), "of a volume that is not shown, too");
    let now = ward.town.now;
    ward.slot(0).holder.as_mut().unwrap().since = now;
    assert_eq!(late(&ward), None, "what was not written to for days is not late when it is written to again");
}

#[test]
fn without_a_spec_that_may_be_served_nothing_is_done() {
    let mut ward = stocked();
    ward.town.obs.limits.max_volume_gib = 1;
    let plan = ward.plan();
    assert_eq!(plan.steps, []);
    assert!(matches!(plan.waiting[0].reason, Reason::NoSpec(_)));
    ward.town.obs.record = None;
    assert!(matches!(ward.reasons().as_slice(), [Reason::NoSpec(_)]));
}
