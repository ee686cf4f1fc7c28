//! What happens to a slot's data over years: moved, retired, restored, grown, lost, and what is left behind deleted.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod town;

use std::collections::BTreeMap;

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::plan::Plan;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use stateful_asg_core::waiting::Reason;
use town::*;

fn spec(extra: &str) -> String {
    SPEC.replace(r#""address""#, &format!(r#"{extra},"address""#))
}

fn moving() -> Town {
    let mut town = Town::with_spec(2, &spec(r#""zones":{"move":"final","keep_source":"1h"}"#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town
}

fn kinds(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(Step::kind).collect()
}

fn slot(town: &Town, n: u32) -> &Slot {
    &town.obs.slots[&SlotNumber(n)]
}

fn data(town: &Town, n: u32) -> &VolumeRecord {
    &slot(town, n).volumes[&VolumeName::new("data").unwrap()]
}

fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.waiting.iter().map(|waiting| waiting.reason.kind()).collect()
}

/// Runs and lets everything arrive until nothing is done any more.
fn settle(town: &mut Town) -> Vec<Step> {
    let mut all = Vec::new();
    for _ in 0..20 {
        town.arrive();
        let steps = town.run();
        let rests = steps.is_empty();
        all.extend(steps);
        if rests {
            return all;
        }
    }
    panic!("it does not come to rest: {:?}", kinds(&all));
}

#[test]
fn a_vacant_slot_follows_a_launching_instance_to_its_zone() {
    let mut town = moving();
    let steps = settle(&mut town);
    let (slot, record) = (slot(&town, 0), data(&town, 0));
    assert!(slot.held_by(&instance_id(7)), "{:?}", reasons(&town.plan()));
    assert_eq!(slot.zone, zone('b'));
    let volume = &town.obs.volumes[record.id.as_ref().unwrap()];
    assert_eq!(volume.zone, zone('b'));
    assert_eq!(volume.attachments[0].instance, instance_id(7));
    assert_eq!(slot.upkeep.superseded.keys().collect::<Vec<_>>(), [&volume_id(0)]);
    let snapshot = town.obs.snapshots.as_ref().unwrap().values().next().unwrap();
    assert_eq!(record.params.snapshot.as_ref(), Some(&snapshot.id));
    assert_eq!(snapshot.claim(), Some(Claim(3)), "the claim whose data it holds");
    assert!(slot.upkeep.left_interfaces.contains_key(&interface_id(0)));
    assert_eq!(kinds(&steps).iter().filter(|kind| **kind == "CreateSnapshot").count(), 1);
    assert_eq!(kinds(&steps).last(), Some(&"Write"), "{:?}", kinds(&steps));
    assert!(kinds(&steps).contains(&"Complete"), "{:?}", reasons(&town.plan()));
    let guest = &town.obs.instances[&instance_id(7)].tags;
    assert_eq!(guest.get(tags::DATA).map(String::as_str), Some("kept"));
}

#[test]
fn a_move_waits_for_the_last_holder_and_for_everything_to_be_free() {
    let mut town = moving();
    town.attach(0, 0);
    town.run();
    assert!(slot(&town, 0).upkeep.change.is_none());
    town.free(0);
    town.run();
    assert_eq!(slot(&town, 0).upkeep.change.as_ref().unwrap().stage, Stage::Saving);
}

#[test]
fn an_instance_of_the_old_zone_takes_the_slot_as_it_was_and_the_move_is_dropped() {
    let mut town = moving();
    town.run();
    town.arrive();
    town.run();
    assert_eq!(slot(&town, 0).upkeep.change.as_ref().unwrap().stage, Stage::Making);
    town.obs.asgs[0].members.remove(&instance_id(7));
    town.state(7, InstanceState::Terminated);
    town.launching(8, 'a');
    settle(&mut town);
    let slot = slot(&town, 0);
    assert!(slot.held_by(&instance_id(8)));
    assert_eq!(slot.volumes.values().next().unwrap().id, Some(volume_id(0)));
    assert!(slot.upkeep.change.is_none());
    assert!(slot.upkeep.superseded.values().all(|left| left.proof == Proof::NeverUsed), "{:?}", slot.upkeep);
    assert_eq!(slot.upkeep.superseded.len(), 1, "the successor that had been made is not forgotten");
}

#[test]
fn what_was_attached_meanwhile_is_saved_again() {
    let mut town = moving();
    town.run();
    town.arrive();
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().state = VolumeState::InUse;
    town.attach(0, 1);
    town.run();
    let first = slot(&town, 0).upkeep.change.as_ref().unwrap().operation;
    town.free(0);
    settle(&mut town);
    let snapshots = town.obs.snapshots.as_ref().unwrap();
    let used = data(&town, 0).params.snapshot.clone().unwrap();
    let tag = operation_tag(Purpose::Final, SlotNumber(0), first);
    assert_eq!(snapshots[&used].operation(), Some(tag.as_str()));
    assert!(first > 1, "the operation's number is a new one");
    assert_eq!(snapshots.len(), 2);
}

#[test]
fn a_failed_snapshot_is_named_and_taken_again_under_the_next_number() {
    let mut town = moving();
    town.run();
    for snapshot in town.obs.snapshots.as_mut().unwrap().values_mut() {
        snapshot.state = SnapshotState::Error;
    }
    assert!(reasons(&town.plan()).contains(&"SnapshotFailed"));
    assert!(town.run().is_empty(), "not before a minute has passed");
    town.now = at(1000 + 60);
    settle(&mut town);
    assert!(slot(&town, 0).held_by(&instance_id(7)));
}

#[test]
fn where_the_old_zone_fails_only_a_recent_enough_snapshot_serves() {
    for (age, serves) in [(1800, true), (7200, false)] {
        let mut town = Town::with_spec(2, &spec(r#""snapshots":{"every":"1h"},"zones":{"move":{"stale_up_to":"1h"}}"#));
        let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
        tags.insert(tags::OPERATION.to_owned(), "periodic-0-1".to_owned());
        tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
        let mut old = town.snapshot(&volume_id(0), tags, SnapshotState::Completed);
        old.started = at(1000 - age);
        town.obs.snapshots = Some(BTreeMap::from([(old.id.clone(), old.clone())]));
        town.gone(0);
        town.free(0);
        town.launching(7, 'b');
        town.forbid = vec!["CreateSnapshot"];
        town.run();
        town.now = at(1000 + 900);
        town.run();
        let made = slot(&town, 0).upkeep.change.as_ref().unwrap().volumes.values().next();
        assert_eq!(made.map(|made| made.from.snapshot.clone()), serves.then(|| old.id.clone()), "{age} s old");
        assert_eq!(reasons(&town.plan()).contains(&"SnapshotTooOld"), !serves);
        if serves {
            let steps = settle(&mut town);
            assert!(slot(&town, 0).upkeep.change.is_none(), "{:?} {:?}", town.plan().waiting, kinds(&steps));
            let left = &slot(&town, 0).upkeep.superseded[&volume_id(0)];
            assert!(left.keep && left.proof == Proof::None, "it holds what no snapshot holds");
            let guest = &town.obs.instances[&instance_id(7)].tags[tags::DATA];
            assert_eq!(*guest, format!("stale {}", old.started));
        }
    }
}

#[test]
fn the_source_of_a_move_is_deleted_after_its_grace_and_on_proof_alone() {
    let mut town = moving();
    settle(&mut town);
    assert!(!town.obs.volumes[&volume_id(0)].tags.is_empty());
    town.now = at(1000 + 3600);
    settle(&mut town);
    assert!(slot(&town, 0).upkeep.superseded[&volume_id(0)].deleting.is_some(), "decided, and not done yet");
    assert_eq!(town.obs.volumes[&volume_id(0)].state, VolumeState::Available);
    town.now = at(1000 + 3600 + 1200);
    let proof = town.obs.snapshots.clone();
    town.obs.snapshots = Some(BTreeMap::new());
    assert!(!kinds(&town.run()).contains(&"DeleteVolume"));
    assert!(reasons(&town.plan()).contains(&"Unproven"));
    town.obs.snapshots = proof;
    town.obs.limits.deletes = false;
    assert!(!kinds(&town.run()).contains(&"DeleteVolume"));
    assert!(reasons(&town.plan()).contains(&"DeletesOff"));
    town.obs.limits.deletes = true;
    assert!(kinds(&town.run()).contains(&"DeleteVolume"));
    town.lose_volume(0);
    town.run();
    assert!(!slot(&town, 0).upkeep.superseded.is_empty(), "one reading may miss it");
    town.now += jiff::SignedDuration::from_secs(600);
    town.run();
    assert!(slot(&town, 0).upkeep.superseded.is_empty());
}

#[test]
fn a_parked_slot_retires_after_its_days_and_comes_back_from_its_snapshots() {
    let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1d"}"#));
    town.obs.asgs[0].desired = 1;
    town.gone(1);
    town.free(1);
    settle(&mut town);
    assert_eq!(slot(&town, 1).state, SlotState::Parked);
    town.now = at(1000 + 86_400);
    settle(&mut town);
    let retired = slot(&town, 1).clone();
    assert_eq!(retired.state, SlotState::Retired, "{:?}", reasons(&town.plan()));
    assert!(retired.volumes.is_empty() && retired.interface.is_none());
    assert!(!retired.record.as_ref().is_some_and(|record| record.owned), "its name is withdrawn");
    assert_eq!(retired.upkeep.retired.len(), 1);
    town.obs.asgs[0].desired = 2;
    town.launching(9, 'b');
    settle(&mut town);
    let back = slot(&town, 1);
    assert!(back.held_by(&instance_id(9)), "{:?}", reasons(&town.plan()));
    assert_eq!(back.zone, zone('b'), "a retired slot is made where it is needed");
    let saved = retired.upkeep.retired.values().next().unwrap();
    assert_eq!(back.volumes.values().next().unwrap().params.snapshot, Some(saved.snapshot.clone()));
    assert_ne!(back.interface.as_ref().unwrap().id, Some(interface_id(1)));
    let told = &town.obs.instances[&instance_id(9)].tags[tags::DATA];
    assert_eq!(*told, format!("snapshot {}", saved.as_of));
}

#[test]
fn a_restore_keeps_the_old_disk_and_tells_the_guest() {
    let mut town = Town::served(2);
    let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), "periodic-0-1".to_owned());
    let wanted = town.snapshot(&volume_id(0), tags, SnapshotState::Completed);
    town.obs.snapshots = Some(BTreeMap::from([(wanted.id.clone(), wanted.clone())]));
    let volumes = BTreeMap::from([(VolumeName::new("data").unwrap(), wanted.id.clone())]);
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.order = Some(Order::Restore { volumes });
    assert!(town.run().is_empty());
    assert!(reasons(&town.plan()).contains(&"Ordered"));
    town.gone(0);
    town.free(0);
    town.launching(7, 'a');
    settle(&mut town);
    let slot = slot(&town, 0);
    assert!(slot.held_by(&instance_id(7)), "{:?}", reasons(&town.plan()));
    assert_eq!(data(&town, 0).params.snapshot, Some(wanted.id));
    assert_eq!(slot.interface.as_ref().unwrap().id, Some(interface_id(0)), "the address stays");
    assert!(slot.upkeep.superseded[&volume_id(0)].keep);
    assert!(town.obs.volumes[&volume_id(0)].tags.contains_key(tags::SUPERSEDED));
    assert!(town.obs.instances[&instance_id(7)].tags[tags::DATA].starts_with("snapshot "));
}

#[test]
fn growth_goes_to_one_slot_first_and_then_to_as_many_as_the_spec_says() {
    let mut town = Town::with_spec(4, &spec(r#""growth":{"at_once":2}"#).replace("20GiB", "30GiB"));
    let wave = |town: &mut Town| {
        let steps = town.run();
        town.arrive();
        steps.iter().filter(|step| step.kind() == "ModifyVolume").count()
    };
    assert_eq!(wave(&mut town), 1, "one slot first");
    assert_eq!(wave(&mut town), 2);
    assert_eq!(wave(&mut town), 1);
    assert_eq!(settle(&mut town).iter().filter(|step| step.kind() == "ModifyVolume").count(), 0);
    for n in 0..4 {
        assert_eq!(town.obs.volumes[&volume_id(n)].size_gib, 30);
        assert_eq!(town.obs.instances[&instance_id(n)].tags["stateful-asg:size:data"], "30");
    }
}

#[test]
fn a_fifth_change_within_a_day_waits() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    let record = town.obs.slots.get_mut(&SlotNumber(0)).unwrap().volumes.values_mut().next().unwrap();
    record.growth.begun = (0..4).map(|n| at(n * 100)).collect();
    assert!(town.run().is_empty());
    let plan = town.plan();
    assert!(plan.waiting.iter().any(|w| matches!(w.reason, Reason::GrowthLimit { until, .. } if until == at(86_400))));
    town.now = at(86_400);
    assert!(kinds(&town.run()).contains(&"ModifyVolume"));
}

#[test]
fn a_change_that_took_effect_without_its_answer_is_not_made_again() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    let plan = town.plan();
    for step in &plan.steps {
        town.obs.fold(step, &stateful_asg_core::fold::Outcome::Done, town.now);
    }
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().size_gib = 30;
    assert!(!kinds(&town.run()).contains(&"ModifyVolume"));
    town.now = at(1000 + 120);
    town.run();
    assert_eq!(data(&town, 0).growth.target, None);
}

#[test]
fn a_lost_volume_is_replaced_only_as_the_spec_says() {
    for (policy, made_from) in [
        ("\"wait\"", None),
        ("\"blank\"", Some(None)),
        (r#"{"snapshot_up_to":"1h"}"#, Some(Some("snap-00000000000000001"))),
        (r#"{"snapshot_up_to":"1m"}"#, None),
    ] {
        let spec = spec(&format!(r#""snapshots":{{"every":"1h"}},"data_lost":{policy}"#));
        let mut town = Town::with_spec(1, &spec);
        let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
        tags.insert(tags::OPERATION.to_owned(), "periodic-0-1".to_owned());
        let mut newest = town.snapshot(&volume_id(0), tags, SnapshotState::Completed);
        newest.started = at(1000 - 600);
        town.obs.snapshots = Some(BTreeMap::from([(newest.id.clone(), newest)]));
        town.gone(0);
        town.free(0);
        town.lose_volume(0);
        town.launching(7, 'a');
        town.run();
        assert_eq!(data(&town, 0).id, Some(volume_id(0)), "not before ten minutes");
        town.now = at(1000 + 600);
        town.run();
        let record = data(&town, 0);
        let replaced = record.attempt > 1;
        assert_eq!(replaced, made_from.is_some(), "{policy}");
        if let Some(snapshot) = made_from {
            assert_eq!(record.params.snapshot.as_ref().map(SnapshotId::as_str), snapshot, "{policy}");
        }
    }
}

#[test]
fn what_is_made_from_an_encrypted_snapshot_is_encrypted_whatever_the_spec_says() {
    let encrypted =
        spec(r#""zones":{"move":"final"}"#).replace(r#""mount":"/data""#, r#""encrypted":false,"mount":"/data""#);
    let mut town = Town::with_spec(2, &encrypted);
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    settle(&mut town);
    assert!(data(&town, 0).params.encrypted, "EC2 makes no plain volume from an encrypted snapshot");
    assert!(slot(&town, 0).held_by(&instance_id(7)), "{:?}", reasons(&town.plan()));
}

#[test]
fn a_retired_slot_whose_new_volume_vanished_is_tried_again_from_its_snapshot() {
    let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1d"}"#));
    town.obs.asgs[0].desired = 1;
    town.gone(1);
    town.free(1);
    settle(&mut town);
    town.now = at(1000 + 86_400);
    settle(&mut town);
    town.obs.asgs[0].desired = 2;
    town.launching(9, 'a');
    town.run();
    let made = data(&town, 1).clone();
    let id = made.id.clone().expect("it is being created");
    town.obs.volumes.remove(&id);
    town.obs.absent.volumes.insert(id);
    town.run();
    town.now = at(1000 + 86_400 + 600);
    town.run();
    let next = data(&town, 1);
    assert!(next.attempt > made.attempt);
    assert_eq!(next.params.snapshot, made.params.snapshot, "never a blank one in its place");
}

#[test]
fn an_edit_that_shrinks_a_volume_is_refused_and_the_last_spec_stays() {
    let mut town = Town::served(1);
    let before = town.obs.record.as_ref().unwrap().spec.clone();
    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(&SPEC.replace("20GiB", "10GiB")))]);
    town.run();
    let group = town.obs.record.as_ref().unwrap();
    assert_eq!(group.spec, before);
    assert!(group.refused.as_ref().unwrap().problems.contains("cannot shrink"), "{:?}", group.refused);
}

/// Slot 1 is retired, and the snapshot on its record is gone; another one that bears its tags is there.
fn retired_without_its_snapshot() -> (Town, Snapshot) {
    let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1d"}"#));
    town.obs.asgs[0].desired = 1;
    town.gone(1);
    town.free(1);
    settle(&mut town);
    town.now = at(1000 + 86_400);
    settle(&mut town);
    assert_eq!(slot(&town, 1).state, SlotState::Retired);
    let lost = slot(&town, 1).upkeep.retired.values().next().unwrap().snapshot.clone();
    let mut other = town.obs.snapshots.as_mut().unwrap().remove(&lost).unwrap();
    other.id = SnapshotId::new("snap-000000000000000ff").unwrap();
    other.started = at(500);
    town.obs.snapshots.as_mut().unwrap().insert(other.id.clone(), other.clone());
    (town, other)
}

/// The same, claimed by an instance: what it is to be made from is gone.
fn claimed_without_its_snapshot() -> (Town, Snapshot) {
    let (mut town, other) = retired_without_its_snapshot();
    town.obs.asgs[0].desired = 2;
    town.launching(9, 'a');
    town.forbid = vec!["CreateVolume"];
    town.run();
    (town, other)
}

fn order_to_restore(town: &mut Town, from: &SnapshotId) {
    let volumes = BTreeMap::from([(VolumeName::new("data").unwrap(), from.clone())]);
    town.obs.slots.get_mut(&SlotNumber(1)).unwrap().upkeep.order = Some(Order::Restore { volumes });
}

/// EC2 knows the snapshot of the attempt on record no more.
fn snapshot_not_found(town: &mut Town) {
    let failures = town.obs.notes.failures.iter_mut().filter(|(key, _)| key.starts_with("CreateVolume"));
    assert_eq!(failures.map(|(_, failure)| failure.kind = FailureKind::NotFound).count(), 1);
}

#[test]
fn a_retired_slot_is_pointed_to_another_snapshot_at_once() {
    let (mut town, other) = retired_without_its_snapshot();
    order_to_restore(&mut town, &SnapshotId::new("snap-000000000000000aa").unwrap());
    assert_eq!(kinds(&town.run()), ["Write"], "that a person is waited for is noted, nothing else");
    assert!(reasons(&town.plan()).contains(&"SnapshotGone"), "{:?}", reasons(&town.plan()));
    order_to_restore(&mut town, &other.id);
    town.run();
    let upkeep = &slot(&town, 1).upkeep;
    assert_eq!((upkeep.order.clone(), slot(&town, 1).state), (None, SlotState::Retired));
    assert_eq!(upkeep.retired.values().collect::<Vec<_>>(), [&Saved::of(&other)]);
    town.obs.asgs[0].desired = 2;
    town.launching(9, 'b');
    settle(&mut town);
    assert!(slot(&town, 1).held_by(&instance_id(9)), "{:?}", reasons(&town.plan()));
    assert_eq!(data(&town, 1).params.snapshot, Some(other.id));
    assert_eq!(town.obs.instances[&instance_id(9)].tags[tags::DATA], format!("snapshot {}", at(500)));
}

#[test]
fn a_claimed_slot_whose_snapshot_is_gone_goes_on_from_another_that_a_person_names() {
    let (mut town, other) = claimed_without_its_snapshot();
    snapshot_not_found(&mut town);
    assert!(reasons(&town.plan()).contains(&"SnapshotGone"), "{:?}", reasons(&town.plan()));
    let before = data(&town, 1).clone();
    order_to_restore(&mut town, &other.id);
    town.forbid.clear();
    town.run();
    assert_eq!(slot(&town, 1).upkeep.order, None);
    town.now += jiff::SignedDuration::from_secs(60);
    settle(&mut town);
    assert!(slot(&town, 1).held_by(&instance_id(9)), "{:?}", reasons(&town.plan()));
    let now = data(&town, 1);
    assert_eq!((now.params.snapshot.as_ref(), now.attempt > before.attempt), (Some(&other.id), true));
    assert_eq!(town.obs.instances[&instance_id(9)].tags[tags::DATA], format!("snapshot {}", at(500)));
}

#[test]
fn an_attempt_that_ec2_has_not_refused_is_not_given_up_for_another_snapshot() {
    let (mut town, other) = claimed_without_its_snapshot();
    let before = data(&town, 1).clone();
    order_to_restore(&mut town, &other.id);
    town.run();
    assert_eq!(data(&town, 1), &before, "its volume may be on its way");
}
