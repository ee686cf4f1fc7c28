//! What a single reading misses, lacks the tags of, or shows too late: nothing follows from it.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod town;

use std::collections::BTreeMap;

use stateful_asg_core::cloud::{Lifecycle, RecordSeen, SnapshotState, Tags, Transition};
use stateful_asg_core::ids::{Claim, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Action, Done, HookResult, TableWrite};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Order, Stage};
use town::*;

fn words(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(stateful_asg_core::waiting::Reason::kind).collect()
}

fn launch(n: u32, into_pool: Option<bool>) -> Action {
    Action {
        instance: instance_id(n),
        transition: Transition::Launching,
        asg: asg_name(),
        hook: "stateful-asg-prod-launch".parse().unwrap(),
        token: Some("87654321-4321-4321-4321-210987654321".parse().unwrap()),
        into_pool,
        since: at(0),
        beat: None,
        done: None,
    }
}

#[test]
fn a_volume_or_interface_that_one_reading_misses_is_not_free() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.lose_volume(0);
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(0)), "its volume may be attached");

    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.obs.interfaces.remove(&interface_id(0));
    town.obs.absent.interfaces.insert(interface_id(0));
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(0)), "its interface may be attached");
}

#[test]
fn an_interface_that_lost_our_tag_is_named_and_not_touched() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.launching(9, 'a');
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap().tags.remove(tags::DEPLOYMENT);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"AttachInterface"), "{:?}", kinds(&taken));
    assert!(words(&town).contains(&"InterfaceForeign"), "{:?}", words(&town));
}

#[test]
fn a_volume_that_lost_our_tag_does_not_grow() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    town.obs.modifications.insert(volume_id(0), None);
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().tags.remove(tags::DEPLOYMENT);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"ModifyVolume"), "{:?}", kinds(&taken));
}

#[test]
fn a_passage_that_leads_into_service_is_not_answered_as_one_into_the_warm_pool() {
    let completed = |into_pool| {
        let mut town = Town::served(1);
        town.instance(9, 'a', Lifecycle::WarmedPendingWait);
        town.obs.actions.insert((instance_id(9), Transition::Launching), launch(9, into_pool));
        town.run().iter().any(|step| matches!(step, Step::Complete { action, .. } if action.instance == instance_id(9)))
    };
    assert!(completed(None), "nothing says where it leads but the reading");
    assert!(completed(Some(true)));
    assert!(!completed(Some(false)), "the reading lags behind the event");
}

#[test]
fn an_instance_that_let_go_before_its_launch_was_answered_gets_no_slot_again() {
    let mut town = Town::served(1);
    let claim = town.obs.slots[&SlotNumber(0)].claim;
    town.obs.actions.insert((instance_id(0), Transition::Launching), launch(0, Some(false)));
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.free(0);
    let leaving = town.obs.instances.get_mut(&instance_id(0)).unwrap();
    leaving.tags.insert(tags::RELEASED.to_owned(), claim.to_string());
    town.run();
    assert_eq!(town.obs.slots[&SlotNumber(0)].holder, None, "it let go");
    let action = &town.obs.actions[&(instance_id(0), Transition::Launching)];
    assert_eq!(action.done.as_ref().map(|done| done.result), Some(HookResult::Abandon));
    // A reading that lags shows it as it waited.
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.remove(tags::RELEASED);
    town.lifecycle(0, Lifecycle::PendingWait);
    town.run();
    assert_eq!(town.obs.slots[&SlotNumber(0)].holder, None);
}

/// The writes of these steps that carry an action of this instance's launch.
fn of_launch(steps: Vec<Step>, n: u32) -> Vec<TableWrite> {
    let writes = steps.into_iter().filter_map(|step| match step {
        Step::Write { write, .. } => Some(write),
        _ => None,
    });
    let about = |action: &Action| action.instance == instance_id(n) && action.transition == Transition::Launching;
    writes.filter(|write| write.action.as_ref().is_some_and(about)).collect()
}

/// Who reads more slowly may not know that its launch is over by now: one transaction asks both.
#[test]
fn a_slot_is_given_only_together_with_a_launch_that_is_open() {
    for is_new in [false, true] {
        let mut town = Town::served(2);
        if is_new {
            town.obs.asgs[0].desired = 3;
        } else {
            town.gone(0);
            town.free(0);
        }
        town.launching(9, 'a');
        let claims = of_launch(town.run(), 9).into_iter().filter(|write| write.slot.is_some());
        let given: Vec<_> = claims.map(|write| (write.action.unwrap().done, write.answered)).collect();
        assert_eq!(given, [(None, None)], "a new one: {is_new}");
    }
}

#[test]
fn an_action_is_written_over_no_answer_but_the_one_that_was_read() {
    let mut town = Town::served(1);
    town.launching(9, 'a');
    let opened: Vec<_> = of_launch(town.run_once(), 9).into_iter().map(|write| write.answered).collect();
    assert_eq!(opened, [None]);
    let done = Done { result: HookResult::Continue, claim: Claim(0), at: at(900) };
    let passed = Action { done: Some(done.clone()), ..launch(9, None) };
    town.obs.actions.insert((instance_id(9), Transition::Launching), passed);
    let reopened: Vec<_> = of_launch(town.run_once(), 9).into_iter().map(|write| write.answered).collect();
    assert_eq!(reopened, [Some(done)]);
}

#[test]
fn what_was_tried_under_a_name_is_never_forgotten_before_it_is_read_back() {
    let mut town = Town::served(1);
    let record = town.obs.slots.get_mut(&SlotNumber(0)).unwrap().record.as_mut().unwrap();
    let (key, written) = (record.key.clone(), std::collections::BTreeSet::from(["10.9.9.1".parse().unwrap()]));
    record.tried =
        (1..=8).map(|n| std::collections::BTreeSet::from([format!("10.9.9.{n}").parse().unwrap()])).collect();
    record.confirmed.clear();
    let plan = town.plan();
    assert!(plan.look.records.contains(&key), "{plan:?}");
    town.obs.records.insert(key, stateful_asg_core::cloud::RecordSeen::A { ttl: 30, values: written.clone() });
    town.run_once();
    assert_eq!(town.obs.slots[&SlotNumber(0)].record.as_ref().unwrap().confirmed, written, "it is ours, and on record");
}

/// A late change shows an older value again, after this many newer ones.
#[test]
fn a_change_that_lands_after_many_later_ones_is_known_as_ours() {
    let address = |n: u8| std::collections::BTreeSet::from([std::net::Ipv4Addr::from([10, 9, 9, n])]);
    let mut town = Town::served(1);
    let key = town.obs.slots[&SlotNumber(0)].record.clone().unwrap().key;
    for n in 1..=20 {
        let record = town.obs.slots.get_mut(&SlotNumber(0)).unwrap().record.as_mut().unwrap();
        record.tried = vec![address(n)];
        town.obs.records.insert(key.clone(), RecordSeen::A { ttl: 30, values: address(n) });
        town.run();
    }
    let record = town.obs.slots.get_mut(&SlotNumber(0)).unwrap().record.as_mut().unwrap();
    record.tried = vec![record.confirmed.clone()];
    town.obs.records.insert(key, RecordSeen::A { ttl: 30, values: address(1) });
    let steps = town.run();
    assert!(kinds(&steps).contains(&"ChangeRecord"), "{steps:?}");
    assert!(!words(&town).contains(&"RecordForeign"), "{:?}", town.reasons());
}

/// Slot 0 is vacant, and a person wants it back from a snapshot.
fn to_be_restored(state: Option<SnapshotState>) -> Town {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    let snapshot = town.snapshot(&volume_id(0), Tags::new(), state.unwrap_or(SnapshotState::Completed));
    let volumes = [("data".parse().unwrap(), snapshot.id.clone())].into();
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.order = Some(Order::Restore { volumes });
    let shown = state.map(|_| (snapshot.id.clone(), snapshot));
    town.obs.snapshots = Some(shown.into_iter().collect());
    town.run();
    town
}

#[test]
fn what_cannot_be_restored_yet_or_ever_says_so() {
    let gone = ["SnapshotGone"].as_slice();
    let pending = ["SnapshotPending"].as_slice();
    let cases = [
        (None, gone),
        (Some(SnapshotState::Error), gone),
        (Some(SnapshotState::Pending), pending),
        (Some(SnapshotState::Other), pending),
    ];
    for (state, expected) in cases {
        let town = to_be_restored(state);
        assert_eq!(words(&town), expected, "{state:?}");
        assert_eq!(town.obs.slots[&SlotNumber(0)].upkeep.change, None, "{state:?}");
    }
}

#[test]
fn a_restore_whose_snapshot_is_gone_when_its_volume_is_made_says_so() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    let snapshot = town.snapshot(&volume_id(0), Tags::new(), SnapshotState::Completed);
    let volumes = [("data".parse().unwrap(), snapshot.id.clone())].into();
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.order = Some(Order::Restore { volumes });
    town.obs.snapshots = Some([(snapshot.id.clone(), snapshot)].into());
    town.forbid = vec!["CreateVolume"];
    town.run();
    assert!(!words(&town).contains(&"SnapshotGone"), "{:?}", town.reasons());
    town.obs.notes.failures.values_mut().for_each(|failure| failure.kind = FailureKind::NotFound);
    assert!(words(&town).contains(&"SnapshotGone"), "{:?}", town.reasons());
}

#[test]
fn tags_that_two_causes_set_on_one_volume_are_set_in_one_call() {
    let mut town = to_be_restored(Some(SnapshotState::Completed));
    town.arrive();
    town.forbid = vec!["Tag"];
    town.run();
    town.obs.notes.failures.clear();
    // The successor stands, and before its source is marked somebody takes a tag from that.
    let stage = town.obs.slots[&SlotNumber(0)].upkeep.change.as_ref().map(|change| change.stage);
    assert_eq!(stage, Some(Stage::Switching));
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().tags.remove(tags::VOLUME);
    let steps = town.plan().steps;
    let marks = steps.iter().filter_map(|step| match step {
        Step::Tag { resource, tags } if resource == volume_id(0).as_str() => Some(tags),
        _ => None,
    });
    let marks: Vec<Vec<&str>> = marks.map(|tags| tags.keys().map(String::as_str).collect()).collect();
    assert_eq!(marks, [[tags::SUPERSEDED, tags::VOLUME]]);
}

#[test]
fn a_restore_does_not_begin_in_the_pass_that_makes_a_lost_volume_anew() {
    let mut town = Town::with_spec(1, &SPEC.replace(r#""address""#, r#""data_lost":"blank","address""#));
    town.gone(0);
    town.free(0);
    town.lose_volume(0);
    let slot = town.obs.slots.get_mut(&SlotNumber(0)).unwrap();
    slot.holder = None;
    slot.volumes.values_mut().for_each(|record| record.absent_since = Some(at(0)));
    slot.upkeep.order = Some(stateful_asg_core::upkeep::Order::Restore {
        volumes: [("data".parse().unwrap(), "snap-0123456789abcdef0".parse().unwrap())].into(),
    });
    let mut snapshot = town.snapshot(
        &volume_id(0),
        stateful_asg_core::cloud::Tags::new(),
        stateful_asg_core::cloud::SnapshotState::Completed,
    );
    snapshot.id = "snap-0123456789abcdef0".parse().unwrap();
    town.obs.snapshots = Some([(snapshot.id.clone(), snapshot)].into());
    town.run_once();
    let slot = &town.obs.slots[&SlotNumber(0)];
    let attempts: Vec<u32> = slot.volumes.values().map(|record| record.attempt).collect();
    let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values()).map(|made| made.record.attempt);
    assert!(
        made.clone().all(|attempt| !attempts.contains(&attempt)),
        "{attempts:?} and {:?}",
        made.collect::<Vec<_>>()
    );
}

#[test]
fn a_lost_volume_that_comes_back_is_neither_in_its_successors_way_nor_deleted() {
    let mut town = Town::with_spec(1, &SPEC.replace(r#""address""#, r#""data_lost":"blank","address""#));
    town.gone(0);
    town.free(0);
    let lost = town.lose_volume(0);
    let slot = town.obs.slots.get_mut(&SlotNumber(0)).unwrap();
    slot.volumes.values_mut().for_each(|record| record.absent_since = Some(at(300)));
    town.launching(7, 'a');
    town.forbid = vec!["CreateVolume"];
    town.run();
    town.obs.absent.volumes.clear();
    town.obs.volumes.insert(volume_id(0), lost);
    town.obs.notes.failures.clear();
    town.forbid.clear();
    let steps = town.run();
    assert_eq!(kinds(&steps).iter().filter(|kind| **kind == "CreateVolume").count(), 1, "{steps:?}");
    town.now += jiff::SignedDuration::from_hours(48);
    let steps = town.run();
    assert!(!kinds(&steps).contains(&"DeleteVolume"), "{steps:?}");
    assert!(town.obs.slots[&SlotNumber(0)].upkeep.superseded[&volume_id(0)].keep, "only a person deletes it");
}

#[test]
fn a_volume_that_lost_our_tag_is_not_saved_for_a_change() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.obs.snapshots = Some(BTreeMap::new());
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().tags.clear();
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.order = Some(Order::Retire);
    let steps = town.run();
    assert!(!kinds(&steps).contains(&"CreateSnapshot"), "{steps:?}");
    assert!(town.reasons().iter().any(|reason| reason.kind() == "VolumeForeign"), "{:?}", town.reasons());
}
