//! What a single reading misses, lacks the tags of, or shows too late: nothing follows from it.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod town;

use std::collections::BTreeMap;

use stateful_asg_core::cloud::{Lifecycle, Transition};
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Action, HookResult};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Order;
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
    town.obs.volumes.remove(&volume_id(0));
    town.obs.absent.volumes.insert(volume_id(0));
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

#[test]
fn a_restore_does_not_begin_in_the_pass_that_makes_a_lost_volume_anew() {
    let mut town = Town::with_spec(1, &SPEC.replace(r#""address""#, r#""data_lost":"blank","address""#));
    town.gone(0);
    town.free(0);
    town.obs.volumes.remove(&volume_id(0));
    town.obs.absent.volumes.insert(volume_id(0));
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
