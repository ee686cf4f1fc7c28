//! Slots that follow their instances to another zone, and what may come between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::{GroupName, SlotNumber};
use stateful_asg_core::table::{Slot, VolumeRecord};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Stage;
use stateful_asg_sim::model::types::{AttachVolume, DetachVolume, InstanceState, LifecycleResult, Volume};
use stateful_asg_sim::model::{Aws, EffectKind, Span, Timings};
use stateful_asg_sim::typed::Fault;

use crate::{LIMIT, kill, served, told, until_waits, waits};

/// One volume, an interface, a name, moves with a last snapshot.
pub(crate) const FINAL: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"zones":{"move":"final","keep_source":"1h"},"snapshots":{"every":"1h","keep":{"last":3}},"launch":{"surge_wait":"2m"}}"#;
const ZONES: [&str; 2] = ["eu-central-1a", "eu-central-1b"];

pub(crate) fn slot(lab: &Lab, group: &GroupName, number: u32) -> Slot {
    lab.truth(|_, table| {
        let found = table.slots(group).find(|slot| slot.number == SlotNumber(number));
        Slot::clone(found.expect("the slot exists"))
    })
}

pub(crate) fn volume_of(slot: &Slot) -> String {
    slot.volumes.values().next().and_then(|record| record.id.as_ref()).expect("it has a volume").to_string()
}

/// All its volumes, by name.
pub(crate) fn volumes_of(slot: &Slot) -> BTreeMap<String, String> {
    let volume = |record: &VolumeRecord| record.id.as_ref().map(ToString::to_string).expect("it was born");
    slot.volumes.iter().map(|(name, record)| (name.to_string(), volume(record))).collect()
}

pub(crate) fn holder_of(slot: &Slot) -> String {
    slot.holder.as_ref().expect("it is held").instance.to_string()
}

/// A group that launches in whichever zone has capacity.
pub(crate) async fn anywhere(lab: &Lab, spec: &str, desired: u32) -> GroupName {
    let group = lab.create(&NewGroup { any_zone: true, ..NewGroup::cass(spec, desired) });
    served(lab, &group).await;
    lab.pass(Duration::from_secs(300)).await;
    group
}

/// The slot's zone has no capacity any more, and its holder dies.
pub(crate) fn drive_out(lab: &Lab, group: &GroupName, number: u32) {
    let slot = slot(lab, group, number);
    lab.operate("its zone has no capacity", |aws, _| aws.set_capacity(slot.zone.as_str(), false));
    kill(lab, &holder_of(&slot));
}

/// The other zone.
pub(crate) fn other(zone: &str) -> &'static str {
    if zone == ZONES[0] { ZONES[1] } else { ZONES[0] }
}

/// Each of these volumes is another than before, and holds all that was on that one.
pub(crate) fn succeeded(lab: &Lab, before: &Slot, now: &Slot) {
    let (old, new) = (volumes_of(before), volumes_of(now));
    assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>(), "{}", lab.story());
    for (name, old) in &old {
        let new = &new[name];
        assert_ne!(old, new, "{}", lab.story());
        let lacks = lab.truth(|aws, _| aws.data(new).lacks(&aws.data(old)));
        assert!(lacks.is_empty(), "{}\n{new} lacks {lacks:?} of {old}, its `{name}`", lab.story());
    }
}

/// The slot is served in the other zone, with all that was on its volumes before.
pub(crate) async fn moved(lab: &Lab, group: &GroupName, before: &Slot) {
    let to = other(before.zone.as_str());
    let there = |lab: &Lab| {
        let now = slot(lab, group, before.number.0);
        now.zone.as_str() == to && now.holder.is_some() && lab.unserved(group).is_empty()
    };
    assert!(lab.until(Duration::from_secs(3600), there).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
    let now = slot(lab, group, before.number.0);
    succeeded(lab, before, &now);
    let ours: BTreeSet<String> = lab.truth(|aws, _| {
        let of_slot = |v: &&Arc<Volume>| {
            v.tags.get(tags::SLOT) == Some(&before.number.to_string()) && !v.tags.contains_key(tags::SUPERSEDED)
        };
        aws.volumes().filter(of_slot).map(|v| v.volume_id.clone()).collect()
    });
    assert_eq!(ours, volumes_of(&now).into_values().collect(), "{}", lab.story());
    assert!(now.upkeep.change.is_none(), "{now:?}");
}

fn when(lab: &Lab, is: impl Fn(&EffectKind) -> bool) -> Timestamp {
    let found = lab.truth(|aws, _| aws.effects().iter().rev().find(|effect| is(&effect.what)).map(|effect| effect.at));
    found.unwrap_or_else(|| panic!("{}\nthat never happened", lab.story()))
}

/// The issue's budget: the last snapshot, the new volume and the attachments, as long as AWS takes for them, and ten seconds
/// of our own waiting.
#[test]
fn a_move_takes_no_longer_than_its_snapshot_and_its_volume_and_ten_seconds() {
    for seed in 200..205 {
        let timings = Timings { mib_per_stamp: 64, ..Timings::default() };
        told(&World { timings, ..World::quiet(seed) }, async |lab: &Lab| {
            let group = anywhere(lab, FINAL, 1).await;
            lab.pass(Duration::from_secs(3600 + 1200)).await;
            let before = slot(lab, &group, 0);
            drive_out(lab, &group, 0);
            moved(lab, &group, &before).await;
            let (old, new) = (volume_of(&before), volume_of(&slot(lab, &group, 0)));
            let instance = holder_of(&slot(lab, &group, 0));
            let free = when(lab, |e| matches!(e, EffectKind::VolumeAvailable { volume, .. } if *volume == old));
            let waits = when(lab, |e| matches!(e, EffectKind::HookStarted { instance: i, .. } if *i == instance));
            let taken = when(lab, |e| matches!(e, EffectKind::SnapshotCreated { volume, .. } if *volume == old));
            let saved = when(lab, |e| matches!(e, EffectKind::SnapshotReady { volume, .. } if *volume == old));
            let made = when(lab, |e| matches!(e, EffectKind::VolumeCreated { volume, .. } if *volume == new));
            let ready = when(lab, |e| matches!(e, EffectKind::VolumeReady { volume, .. } if *volume == new));
            let runs = when(
                lab,
                |e| matches!(e, EffectKind::InstanceState { instance: i, state: InstanceState::Running } if *i == instance),
            );
            let attaching = when(lab, |e| matches!(e, EffectKind::VolumeAttaching { volume, .. } if *volume == new));
            let attached = when(lab, |e| matches!(e, EffectKind::VolumeAttached { volume, .. } if *volume == new));
            let begins =
                when(lab, |e| matches!(e, EffectKind::InterfaceAttaching { instance: i, .. } if *i == instance));
            let ends = when(lab, |e| matches!(e, EffectKind::InterfaceAttached { instance: i, .. } if *i == instance));
            let done = when(
                lab,
                |e| matches!(e, EffectKind::HookCompleted { instance: i, result: LifecycleResult::Continue, .. } if *i == instance),
            );
            let written = lab.truth(|aws, _| aws.data(&old).marks());
            assert!(written > 16, "a GiB since the last snapshot: {written} marks of 64 MiB");
            let storage = saved.duration_since(taken) + ready.duration_since(made);
            let attachments = attached.duration_since(attaching) + ends.duration_since(begins);
            let budget = storage + attachments + SignedDuration::from_secs(10);
            let took = done.duration_since(free.max(waits).max(runs));
            assert!(took <= budget, "{}\nit took {took:?}, and may take {budget:?}", lab.story());
        });
    }
}

/// What happens from the holder's death on, with one call that fails so; how many changing calls there were.
fn interrupted(seed: u64, fault: Option<(u64, Fault)>) -> u64 {
    let mut changes = 0;
    told(&World { trace: true, ..World::quiet(seed) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let first = lab.region.faults(|faults| faults.changes());
        if let Some((number, fault)) = fault {
            lab.region.faults(|faults| faults.at_change(first + number, fault));
        }
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        changes = lab.region.faults(|faults| faults.changes()) - first;
    });
    changes
}

#[test]
fn a_move_interrupted_at_each_call_before_and_after_it_is_applied_ends_well() {
    let calls = interrupted(300, None);
    assert!(calls > 30, "a move is more than {calls} calls");
    for number in 1..=calls {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            interrupted(300, Some((number, fault)));
        }
    }
}

#[test]
fn a_move_ends_well_with_an_answer_lost_or_late_at_each_call() {
    let calls = interrupted(301, None);
    for number in 1..=calls {
        for fault in [Fault::AnswerLost, Fault::Late(Duration::from_secs(90))] {
            interrupted(301, Some((number, fault)));
        }
    }
}

#[test]
fn two_slots_move_at_once() {
    told(&World::quiet(210), async |lab: &Lab| {
        let spec = FINAL.replace(r#""launch""#, r#""terminate":{"at_once":2},"launch""#);
        let group = lab.create(&NewGroup { any_zone: true, ..NewGroup::cass(&spec, 2) });
        served(lab, &group).await;
        // Both in one zone first: the second slot is moved there.
        let (first, second) = (slot(lab, &group, 0), slot(lab, &group, 1));
        assert_ne!(first.zone, second.zone);
        drive_out(lab, &group, 1);
        moved(lab, &group, &second).await;
        let before = [slot(lab, &group, 0), slot(lab, &group, 1)];
        let zone = first.zone.to_string();
        lab.operate("the other zone is back, and this one is full", |aws, _| {
            aws.set_capacity(other(&zone), true);
            aws.set_capacity(&zone, false);
        });
        before.iter().for_each(|slot| kill(lab, &holder_of(slot)));
        for slot in &before {
            moved(lab, &group, slot).await;
        }
    });
}

#[test]
fn a_move_that_the_spec_allows_no_longer_is_dropped_and_named() {
    // Long enough for the group's hooks to be read again meanwhile.
    let timings = Timings { snapshot: Span::secs(2400, 2400), ..Timings::default() };
    told(&World { timings, ..World::quiet(211) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        let saving = |lab: &Lab| slot(lab, &group, 0).upkeep.change.is_some_and(|change| change.stage == Stage::Saving);
        assert!(lab.until(LIMIT, saving).await, "{}", lab.story());
        lab.edit_spec("cass-1", &FINAL.replace(r#""final""#, r#""never""#));
        let blocked = |lab: &Lab| waits(lab, &group).contains(&"ZoneBlocked");
        assert!(lab.until(Duration::from_secs(1800), blocked).await, "{}", lab.story());
        assert!(slot(lab, &group, 0).upkeep.change.is_none(), "{}", lab.story());
        lab.operate("the old zone has capacity again", |aws, _| aws.set_capacity(before.zone.as_str(), true));
        lab.operate("and the new one has none", |aws, _| aws.set_capacity(other(before.zone.as_str()), false));
        assert!(lab.until_served(&group, Duration::from_secs(3600)).await, "{}", lab.story());
        assert_eq!(volume_of(&slot(lab, &group, 0)), volume_of(&before), "{}", lab.story());
    });
}

#[test]
fn a_larger_spec_in_the_middle_of_a_move_is_followed_afterwards() {
    told(&World::quiet(212), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        let making = |lab: &Lab| slot(lab, &group, 0).upkeep.change.is_some_and(|change| change.stage == Stage::Making);
        assert!(lab.until(LIMIT, making).await, "{}", lab.story());
        lab.edit_spec("cass-1", &FINAL.replace("20GiB", "25GiB"));
        moved(lab, &group, &before).await;
        let grown = |lab: &Lab| {
            let volume = volume_of(&slot(lab, &group, 0));
            lab.truth(|aws, _| aws.volume(&volume).is_some_and(|volume| volume.size_gib == 25))
        };
        assert!(lab.until(Duration::from_secs(3600), grown).await, "{}", lab.story());
    });
}

#[test]
fn a_last_snapshot_that_fails_is_named_and_taken_again() {
    told(&World::quiet(213), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        lab.operate("the next snapshot fails", |aws, _| aws.fail_snapshot(&volume_of(&before)));
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        let failed = when(lab, |e| matches!(e, EffectKind::SnapshotReady { failed: true, .. }));
        let source = volume_of(&before);
        let again = when(lab, |e| matches!(e, EffectKind::SnapshotCreated { volume, .. } if *volume == source));
        assert!(again > failed, "{}", lab.story());
    });
}

#[test]
fn a_last_snapshot_that_vanishes_is_taken_again() {
    told(&World::quiet(214), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        // The volume cannot be made yet, so that the snapshot is gone when it can.
        lab.operate("no more volumes", |aws, _| {
            let used = aws.volumes().count();
            aws.set_volume_quota(Some(used));
        });
        drive_out(lab, &group, 0);
        let making = |lab: &Lab| slot(lab, &group, 0).upkeep.change.is_some_and(|change| change.stage == Stage::Making);
        assert!(lab.until(LIMIT, making).await, "{}", lab.story());
        let made = slot(lab, &group, 0).upkeep.change.expect("it is being made").volumes;
        lab.operate("the snapshot vanishes, and there is room", |aws, _| {
            made.values().for_each(|made| aws.lose_snapshot(made.from.snapshot.as_str()));
            aws.set_volume_quota(None);
        });
        moved(lab, &group, &before).await;
    });
}

#[test]
fn a_quota_is_named_and_the_move_goes_on_when_it_is_raised() {
    let no_snapshots = |aws: &mut Aws| {
        let used = aws.snapshots().count();
        aws.set_snapshot_quota(Some(used));
    };
    let no_volumes = |aws: &mut Aws| {
        let used = aws.volumes().count();
        aws.set_volume_quota(Some(used));
    };
    let full: [fn(&mut Aws); 2] = [no_snapshots, no_volumes];
    for (n, full) in full.into_iter().enumerate() {
        told(&World::quiet(215 + n as u64), async |lab: &Lab| {
            // An older snapshot must not serve: the zone answers.
            let spec = FINAL.replace(r#""final""#, r#"{"stale_up_to":"2h"}"#);
            let group = anywhere(lab, &spec, 1).await;
            lab.pass(Duration::from_secs(1800)).await;
            let before = slot(lab, &group, 0);
            lab.operate("the quota is reached", |aws, _| full(aws));
            drive_out(lab, &group, 0);
            let named = |lab: &Lab| lab.bus.functions().seen().waits.contains_key("CallFailed");
            assert!(lab.until(Duration::from_secs(1800), named).await, "{}", lab.story());
            lab.pass(Duration::from_secs(1200)).await;
            assert_eq!(slot(lab, &group, 0).zone, before.zone, "{}", lab.story());
            lab.operate("and raised", |aws, _| {
                aws.set_snapshot_quota(None);
                aws.set_volume_quota(None);
            });
            moved(lab, &group, &before).await;
        });
    }
}

#[test]
fn a_key_without_a_grant_is_named_and_nothing_is_lost() {
    told(&World::quiet(218), async |lab: &Lab| {
        let spec = FINAL.replace(r#""mount""#, r#""kms_key":"alias/ours","mount""#);
        let group = anywhere(lab, &spec, 1).await;
        let before = slot(lab, &group, 0);
        lab.operate("the key loses its grant", |aws, _| aws.set_key_usable("alias/ours", false));
        drive_out(lab, &group, 0);
        until_waits(lab, &group, "VolumeFailed").await;
        assert_eq!(volume_of(&slot(lab, &group, 0)), volume_of(&before), "{}", lab.story());
        lab.operate("and has it again, and the failed volume is taken away", |aws, _| {
            aws.set_key_usable("alias/ours", true);
            let failed = aws.volumes().filter(|v| v.state.name() == "error").map(|v| v.volume_id.clone());
            for volume in failed.collect::<Vec<_>>() {
                aws.delete_volume(&volume).expect("it failed");
            }
        });
        moved(lab, &group, &before).await;
    });
}

#[test]
fn a_source_that_was_attached_by_hand_after_its_snapshot_is_saved_again() {
    told(&World::quiet(225), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let source = volume_of(&before);
        // A foreign instance of the old zone.
        let rescue = lab.create(&NewGroup {
            hooks: false,
            group: "rescue".to_owned(),
            zones: vec![before.zone.to_string()],
            ..NewGroup::cass(FINAL, 1).named("rescue")
        });
        assert_eq!(rescue.as_str(), "rescue");
        lab.pass(Duration::from_secs(120)).await;
        let foreign = lab.truth(|aws, _| aws.members("rescue").next().map(|m| m.instance_id.clone())).expect("it runs");
        drive_out(lab, &group, 0);
        let saving = |lab: &Lab| {
            lab.truth(|aws, _| {
                aws.snapshots().any(|s| {
                    s.volume_id == source && s.tags.get(tags::OPERATION).is_some_and(|o| o.starts_with("final"))
                })
            })
        };
        assert!(lab.until(LIMIT, saving).await, "{}", lab.story());
        lab.operate("attaches it by hand and writes to it", |aws, _| {
            let request =
                AttachVolume { volume_id: source.clone(), instance_id: foreign.clone(), device: "/dev/sdz".to_owned() };
            aws.attach_volume(&request).expect("it is free");
        });
        lab.pass(Duration::from_secs(200)).await;
        assert_eq!(slot(lab, &group, 0).zone, before.zone, "{}", lab.story());
        lab.operate("and lets it go", |aws, _| {
            aws.terminate_instances(std::slice::from_ref(&foreign)).expect("it runs");
            let request = DetachVolume { volume_id: source.clone(), instance_id: None, device: None, force: false };
            let _ = aws.detach_volume(&request);
        });
        moved(lab, &group, &before).await;
    });
}
