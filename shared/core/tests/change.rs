//! Changes of a slot's volumes where readings lag, calls fail, tags are gone and specs are edited: found by random histories.
#![allow(clippy::unwrap_used, reason = "tests")]

mod town;

use std::collections::BTreeMap;

use stateful_asg_core::cloud::*;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use town::*;

fn spec(extra: &str) -> String {
    SPEC.replace(r#""address""#, &format!(r#"{extra},"address""#))
}

/// Slot 0 is vacant in zone a, and an instance waits for it in zone b.
fn moving(extra: &str) -> Town {
    let mut town = Town::with_spec(2, &spec(extra));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town
}

fn slot(town: &Town, n: u32) -> &Slot {
    &town.obs.slots[&SlotNumber(n)]
}

fn slot_mut(town: &mut Town, n: u32) -> &mut Slot {
    town.obs.slots.get_mut(&SlotNumber(n)).unwrap()
}

fn change(town: &Town) -> &Change {
    slot(town, 0).upkeep.change.as_ref().unwrap()
}

fn kinds_of_waits(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(|reason| reason.kind()).collect()
}

/// Every call for snapshots fails so from now on.
fn snapshots_fail(town: &mut Town, kind: FailureKind) {
    let key = Step::CreateSnapshot { slot: SlotNumber(0), volume: volume_id(0), tags: Tags::new() }.key();
    let retry_at = town.now + jiff::SignedDuration::from_secs(30);
    let failure = Failure { kind, message: "no".to_owned(), count: 1, retry_at };
    town.obs.notes.failures.insert(key, failure);
}

fn with_a_periodic_snapshot(town: &mut Town) {
    let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), "periodic-0-1".to_owned());
    tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
    let old = town.snapshot(&volume_id(0), tags, SnapshotState::Completed);
    town.obs.snapshots = Some(BTreeMap::from([(old.id.clone(), old)]));
}

const STALE: &str = r#""snapshots":{"every":"1h"},"zones":{"move":{"stale_up_to":"2h"}}"#;

#[test]
fn one_failure_long_after_the_move_began_is_no_zone_out_of_reach() {
    let mut town = moving(STALE);
    with_a_periodic_snapshot(&mut town);
    town.forbid = vec!["CreateSnapshot"];
    town.run_once();
    town.run_once();
    assert_eq!(change(&town).begun, at(1000));
    town.now = at(1000 + 3000);
    snapshots_fail(&mut town, FailureKind::Unknown);
    town.run();
    assert_eq!(change(&town).stage, Stage::Saving, "it has failed for a moment");
    town.now = at(1000 + 3000 + 660);
    snapshots_fail(&mut town, FailureKind::Unknown);
    town.run();
    assert!(change(&town).stale, "it has failed for eleven minutes");
}

#[test]
fn a_zone_that_answers_is_not_out_of_reach() {
    for kind in [FailureKind::Quota, FailureKind::Denied, FailureKind::Throttled] {
        let mut town = moving(STALE);
        with_a_periodic_snapshot(&mut town);
        town.run_once();
        for minutes in 1..40 {
            town.now = at(1000 + 60 * minutes);
            snapshots_fail(&mut town, kind);
            town.run();
        }
        assert_eq!((change(&town).stage, change(&town).stale), (Stage::Saving, false), "{kind:?}");
    }
}

#[test]
fn a_move_that_the_spec_allows_no_longer_is_dropped() {
    let mut town = moving(r#""zones":{"move":"final"}"#);
    town.run();
    assert_eq!(change(&town).stage, Stage::Saving);
    town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = spec(r#""zones":{"move":"never"}"#);
    town.run();
    assert_eq!(slot(&town, 0).upkeep.change, None);
    assert!(kinds_of_waits(&town).contains(&"ZoneBlocked"), "{:?}", kinds_of_waits(&town));
}

#[test]
fn an_order_to_move_where_the_slot_is_already_is_done() {
    let mut town = Town::with_spec(2, &spec(r#""zones":{"move":"final"}"#));
    town.gone(0);
    town.free(0);
    town.run();
    slot_mut(&mut town, 0).upkeep.order = Some(Order::Move { to: zone('a') });
    town.run();
    assert_eq!((&slot(&town, 0).upkeep.order, &slot(&town, 0).upkeep.change), (&None, &None));
}

#[test]
fn a_successor_that_a_lagging_reading_shows_as_unborn_again_does_not_take_its_place() {
    let mut town = moving(r#""zones":{"move":"final"}"#);
    town.run();
    town.arrive();
    town.run();
    let made = change(&town).volumes.values().next().unwrap().record.id.clone().unwrap();
    slot_mut(&mut town, 0)
        .upkeep
        .change
        .as_mut()
        .unwrap()
        .volumes
        .values_mut()
        .for_each(|made| made.record.born = true);
    town.obs.volumes.get_mut(&made).unwrap().state = VolumeState::Creating;
    town.run();
    assert_eq!(change(&town).stage, Stage::Making);
    assert!(!change(&town).volumes.values().all(|made| made.record.born));
}

#[test]
fn what_the_next_holder_finds_is_told_until_one_came_into_service_with_it() {
    for comes in [false, true] {
        let mut town = Town::served(2);
        let told = Data { origin: Origin::Stale, as_of: Some(at(0)), told: None };
        slot_mut(&mut town, 0).upkeep.data = Some(told);
        town.lifecycle(0, if comes { Lifecycle::InService } else { Lifecycle::PendingWait });
        town.run();
        town.gone(0);
        town.free(0);
        town.run();
        assert_eq!(slot(&town, 0).holder, None);
        assert_eq!(slot(&town, 0).upkeep.data.map(|data| data.origin), (!comes).then_some(Origin::Stale));
    }
}

#[test]
fn a_volume_whose_tags_were_taken_before_it_was_known_is_known_by_its_token() {
    let mut town = Town::served(1);
    let name = VolumeName::new("data").unwrap();
    let record = slot_mut(&mut town, 0).volumes.get_mut(&name).unwrap();
    (record.id, record.born) = (None, false);
    let volume = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
    volume.tags.remove(tags::VOLUME);
    let create = town.plan().steps.into_iter().find(|step| step.kind() == "CreateVolume").unwrap();
    town.obs.fold(&create, &Outcome::Volume(volume_id(0)), town.now);
    town.run();
    assert_eq!(slot(&town, 0).volumes[&name].id, Some(volume_id(0)));
}

#[test]
fn an_attempt_whose_number_another_volume_used_up_is_found_by_its_tags() {
    let mut town = Town::served(1);
    let name = VolumeName::new("data").unwrap();
    let held = slot_mut(&mut town, 0);
    held.upkeep.attempts = 1;
    let record = held.volumes.get_mut(&name).unwrap();
    (record.id, record.born) = (None, false);
    town.run();
    assert_eq!(slot(&town, 0).volumes[&name].id, Some(volume_id(0)));
}

#[test]
fn nobody_waits_for_what_is_left_behind_to_be_deleted() {
    for kind in [FailureKind::Unknown, FailureKind::Denied] {
        let mut town = Town::served(1);
        let left = LeftInterface { since: at(-10_000), absent_since: None };
        slot_mut(&mut town, 0).upkeep.left_interfaces.insert(interface_id(9), left);
        let mut stray = town.obs.interfaces[&interface_id(0)].clone();
        (stray.id, stray.available, stray.attachment) = (interface_id(9), true, None);
        town.obs.interfaces.insert(interface_id(9), stray);
        let step = Step::DeleteInterface { slot: SlotNumber(0), interface: interface_id(9) };
        let retry_at = town.now + jiff::SignedDuration::from_secs(30);
        let failure = Failure { kind, message: "no".to_owned(), count: 1, retry_at };
        town.obs.notes.failures.insert(step.key(), failure);
        let plan = town.plan();
        assert!(plan.waiting.iter().all(|waiting| waiting.reason.pace().is_none()), "{:?}", plan.waiting);
        assert_eq!(plan.waiting.is_empty(), kind.is_retryable(), "{:?}", plan.waiting);
        assert!(plan.look_at.is_some_and(|at| at > retry_at));
    }
}

#[test]
fn what_a_person_asks_for_takes_the_place_of_a_change_under_way() {
    let orders =
        [(Order::Retire, ChangeKind::Retire), (Order::Move { to: zone('c') }, ChangeKind::Move { to: zone('c') })];
    for (order, kind) in orders {
        let mut town = moving(r#""zones":{"move":"final"}"#);
        town.run();
        town.arrive();
        town.run();
        let made = change(&town).volumes.values().next().unwrap().record.id.clone().unwrap();
        slot_mut(&mut town, 0).upkeep.order = Some(order);
        town.run();
        assert_eq!((&change(&town).kind, change(&town).ordered), (&kind, true));
        assert_eq!(slot(&town, 0).upkeep.superseded[&made].proof, Proof::NeverUsed);
    }
}

#[test]
fn an_order_for_the_move_that_is_under_way_makes_it_go_on() {
    let mut town = moving(r#""zones":{"move":"final"}"#);
    town.run();
    let operation = change(&town).operation;
    town.gone(7);
    slot_mut(&mut town, 0).upkeep.order = Some(Order::Move { to: zone('b') });
    town.run();
    assert_eq!((change(&town).operation, change(&town).ordered), (operation, true));
    assert_eq!(slot(&town, 0).upkeep.order, None);
}

#[test]
fn a_parked_slot_that_is_needed_again_while_its_retirement_is_saved_is_claimed_as_it_was() {
    let mut town = Town::with_spec(2, &spec(r#""slots":{"retire_after":"1h"}"#));
    town.gone(0);
    town.free(0);
    town.obs.asgs[0].desired = 1;
    let now = town.now;
    let parked = slot_mut(&mut town, 0);
    (parked.holder, parked.state) = (None, SlotState::Parked);
    parked.vacated = Some(now - jiff::SignedDuration::from_hours(2));
    town.run();
    assert_eq!(change(&town).stage, Stage::Saving);
    // Its snapshots are complete, so that this pass would go on, and an instance needs the slot in the same pass.
    town.arrive();
    town.obs.asgs[0].desired = 2;
    town.launching(7, 'a');
    town.run();
    assert!(slot(&town, 0).held_by(&instance_id(7)), "{:?}", kinds_of_waits(&town));
    assert_eq!(slot(&town, 0).upkeep.change, None);
}
