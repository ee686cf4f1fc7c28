//! Changes of a slot's data: whom they wait for, what disturbs them, and when there is no way back.

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::SlotState;
use stateful_asg_core::upkeep::*;

use crate::town::*;
use crate::{HOUR, SECOND, change_mut, change_of, fails, planned, record_mut, settle, slot, slot_mut, spec, words};

/// Slot 0 is vacant in zone a, an instance waits for it in zone b, and the change has come to this stage.
fn moving(stage: Stage) -> Town {
    let mut town = Town::with_spec(2, &spec(r#""zones":{"move":"final"}"#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town.forbid = match stage {
        Stage::Saving => vec!["CreateSnapshot"],
        Stage::Making => vec!["CreateVolume"],
        Stage::Switching => vec!["Tag"],
    };
    settle(&mut town);
    assert_eq!(change_of(&town).stage, stage);
    town.forbid.clear();
    town.obs.notes.failures.clear();
    town
}

/// Somebody attached the volume of slot 0 to instance 1.
fn used(town: &mut Town) {
    town.attach(0, 1);
}

/// One reading does not show the volume of slot 0.
fn unshown(town: &mut Town) {
    town.obs.volumes.remove(&volume_id(0));
}

#[test]
fn nothing_takes_its_place_before_what_it_replaces_is_marked() {
    let mut town = moving(Stage::Switching);
    town.forbid = vec!["Tag"];
    town.run();
    assert_eq!((change_of(&town).stage, &slot(&town, 0).zone), (Stage::Switching, &zone('a')));
    town.forbid.clear();
    town.obs.notes.failures.clear();
    settle(&mut town);
    assert_eq!(slot(&town, 0).zone, zone('b'));
}

#[test]
fn a_name_is_withdrawn_before_its_slot_is_retired() {
    let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1h"}"#));
    town.obs.asgs[0].desired = 1;
    let key = slot(&town, 1).record.as_ref().unwrap().key.clone();
    town.obs.records.insert(key, RecordSeen::A { ttl: 30, values: [[10, 0, 9, 1].into()].into() });
    town.forbid = vec!["ChangeRecord"];
    town.gone(1);
    town.free(1);
    settle(&mut town);
    town.now += HOUR;
    settle(&mut town);
    let slot = slot(&town, 1);
    let stage = slot.upkeep.change.as_ref().map(|change| change.stage);
    assert_eq!((slot.state, stage), (SlotState::Parked, Some(Stage::Switching)));
    let record = slot_mut(&mut town, 1).record.as_mut().unwrap();
    (record.owned, record.tried) = (true, Vec::new());
    town.run_once();
    assert_eq!(crate::slot(&town, 1).state, SlotState::Parked, "what is published is withdrawn first");
}

#[test]
fn every_vacant_slot_is_named() {
    let mut town = Town::served(2);
    for n in [0, 1] {
        town.gone(n);
        town.free(n);
    }
    town.run();
    assert_eq!(words(&town), ["Vacant", "Vacant"]);
}

#[test]
fn an_order_that_comes_when_there_is_no_way_back_waits_until_the_change_is_done() {
    let mut town = moving(Stage::Switching);
    slot_mut(&mut town, 0).upkeep.order = Some(Order::Move { to: zone('c') });
    settle(&mut town);
    assert!(slot(&town, 0).upkeep.superseded.contains_key(&volume_id(0)), "{:?}", words(&town));
    let mut town = moving(Stage::Switching);
    slot_mut(&mut town, 0).upkeep.order = Some(Order::Move { to: zone('b') });
    assert!(planned(&town).contains(&"Tag"), "it goes on at once: {:?}", planned(&town));
    assert!(!change_of(&town).ordered);
}

#[test]
fn use_while_a_successor_is_made_begins_the_change_anew_and_a_gap_in_a_reading_does_not() {
    for (disturb, anew) in [(used as fn(&mut Town), true), (unshown, false)] {
        let mut town = moving(Stage::Making);
        let operation = change_of(&town).operation;
        disturb(&mut town);
        town.run();
        assert_eq!(
            (change_of(&town).operation, change_of(&town).stage == Stage::Saving),
            (operation + u32::from(anew), anew)
        );
        assert!(change_of(&town).volumes.values().all(|made| made.record.id.is_none()));
        change_mut(&mut town).kind = ChangeKind::Restore;
        change_mut(&mut town).stage = Stage::Making;
        let operation = change_of(&town).operation;
        town.run();
        assert_eq!((change_of(&town).operation, change_of(&town).stage), (operation, Stage::Making), "a restore waits");
    }
}

#[test]
fn a_volume_is_lost_only_where_reads_aimed_at_it_have_missed_it_for_ten_minutes() {
    for (seconds, absent, lost) in [(599, true, false), (600, false, false), (600, true, true)] {
        let mut town = moving(Stage::Making);
        unshown(&mut town);
        if absent {
            town.obs.absent.volumes.insert(volume_id(0));
        }
        record_mut(&mut town, 0).absent_since = Some(town.now - SECOND * seconds);
        assert_eq!(planned(&town).contains(&"CreateVolume"), lost, "{seconds} {absent}");
    }
}

#[test]
fn who_has_the_volumes_is_told_to_whoever_waits_for_them() {
    for (waits, disturb, held_by) in
        [(true, used as fn(&mut Town), true), (true, unshown, false), (false, used, false), (false, unshown, false)]
    {
        let mut town = moving(Stage::Saving);
        change_mut(&mut town).ordered = true;
        if !waits {
            town.gone(7);
        }
        disturb(&mut town);
        let words = words(&town);
        assert_eq!(words.contains(&"VolumeHeldBy"), held_by, "{waits}: {words:?}");
        assert_eq!(words.contains(&"ChangeHeld"), !held_by, "{waits}: {words:?}");
    }
}

#[test]
fn a_move_that_nobody_waits_for_rests_unless_it_was_ordered() {
    for (ordered, goes_on) in [(false, false), (true, true)] {
        let mut town = moving(Stage::Saving);
        change_mut(&mut town).ordered = ordered;
        town.gone(7);
        // One that serves already, or that has a slot, does not wait for it.
        town.instance(9, 'b', Lifecycle::InService);
        assert_eq!(planned(&town).contains(&"CreateSnapshot"), goes_on);
    }
}

#[test]
fn a_snapshot_under_way_is_named_where_somebody_waits_and_else_looked_at_after_a_minute() {
    for waits in [true, false] {
        let mut town = moving(Stage::Saving);
        change_mut(&mut town).ordered = true;
        town.run();
        if !waits {
            town.gone(7);
        }
        let plan = town.plan();
        assert_eq!(words(&town).contains(&"SnapshotPending"), waits, "{:?}", words(&town));
        assert_eq!(plan.look_at == Some(town.now + SECOND * 60), !waits, "{:?}", plan.look_at);
    }
}

#[test]
fn a_move_turns_only_while_nobody_ordered_it_or_waits_for_it_and_it_has_replaced_nothing() {
    for (stage, ordered, waits, turns) in [
        (Stage::Making, false, false, true),
        (Stage::Making, true, false, false),
        (Stage::Making, false, true, false),
        (Stage::Switching, false, false, false),
    ] {
        let mut town = moving(stage);
        change_mut(&mut town).ordered = ordered;
        if waits {
            town.state(7, InstanceState::Pending);
        } else {
            town.gone(7);
        }
        town.launching(8, 'c');
        assert_eq!(words(&town).contains(&"ZoneBlocked"), !turns, "{stage:?} {ordered} {waits}");
        town.run_once();
        assert_eq!(slot(&town, 0).upkeep.change.is_none(), turns, "{stage:?} {ordered} {waits}");
        assert!(!words(&town).contains(&"Vacant"));
    }
}

#[test]
fn a_slot_is_claimed_as_it_was_only_while_its_move_is_neither_ordered_nor_beyond_return() {
    for (stage, ordered, claimed) in
        [(Stage::Making, false, true), (Stage::Making, true, false), (Stage::Switching, false, false)]
    {
        let mut town = moving(stage);
        change_mut(&mut town).ordered = ordered;
        town.gone(7);
        town.launching(8, 'a');
        town.run_once();
        assert_eq!(slot(&town, 0).held_by(&instance_id(8)), claimed, "{stage:?} {ordered}");
        assert_eq!(slot(&town, 0).upkeep.change.is_none(), claimed, "{stage:?} {ordered}");
    }
}

#[test]
fn what_was_used_after_the_successors_stood_is_kept_for_good_and_a_gap_is_no_use() {
    for (disturb, kept) in [(used as fn(&mut Town), true), (unshown, false)] {
        let mut town = moving(Stage::Switching);
        let shown = town.obs.volumes[&volume_id(0)].clone();
        disturb(&mut town);
        town.run();
        assert_eq!(change_of(&town).used, kept);
        town.obs.volumes.insert(volume_id(0), shown);
        town.free(0);
        settle(&mut town);
        let left = &slot(&town, 0).upkeep.superseded[&volume_id(0)];
        assert_eq!((left.keep, left.proof == Proof::None), (kept, kept));
    }
}

#[test]
fn only_a_snapshot_that_is_gone_begins_a_move_anew() {
    for (kind, restore, anew) in [
        (FailureKind::NotFound, false, true),
        (FailureKind::NotFound, true, false),
        (FailureKind::Unknown, false, false),
        (FailureKind::Unknown, true, false),
    ] {
        let mut town = moving(Stage::Making);
        if restore {
            change_mut(&mut town).kind = ChangeKind::Restore;
        }
        let create = town.plan().steps.into_iter().find(|step| step.kind() == "CreateVolume").unwrap();
        fails(&mut town, &create, kind, SECOND * 30);
        town.run_once();
        assert_eq!(change_of(&town).stage == Stage::Saving, anew, "{kind:?} {restore}");
    }
}

#[test]
fn an_answer_ends_what_was_counted_as_out_of_reach() {
    let mut town = moving(Stage::Saving);
    change_mut(&mut town).unreachable = Some(at(500));
    let step = Step::CreateSnapshot { slot: SlotNumber(0), volume: volume_id(0), tags: Tags::new() };
    fails(&mut town, &step, FailureKind::Throttled, SECOND * 30);
    town.run_once();
    assert_eq!(change_of(&town).unreachable, None);
}

#[test]
fn a_parked_slot_retires_to_the_second_and_whatever_it_has() {
    for (age, has, begins) in
        [(3599, 0, false), (3600, 0, true), (3600, 1, true), (3600, 2, true), (3600, 3, true), (3600, 4, false)]
    {
        let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1h"}"#));
        town.gone(0);
        town.free(0);
        town.obs.asgs[0].desired = 1;
        let now = town.now;
        let slot = slot_mut(&mut town, 0);
        (slot.holder, slot.state, slot.vacated) = (None, SlotState::Parked, Some(now - SECOND * age));
        // All, or one thing alone, or nothing.
        if has != 0 && has != 1 {
            slot.volumes.clear();
        }
        slot.interface = slot.interface.take().filter(|_| has == 0 || has == 2);
        slot.record = slot.record.take().filter(|_| has == 0 || has == 3);
        if slot.volumes.is_empty() {
            town.obs.volumes.remove(&volume_id(0));
        }
        if age == 3599 {
            assert_eq!(town.plan().look_at, Some(now + SECOND));
        }
        assert_ne!(town.plan().look_at, Some(now), "it is not looked at again for that");
        town.run_once();
        assert_eq!(crate::slot(&town, 0).upkeep.change.is_some(), begins, "{age} {has}");
    }
}
