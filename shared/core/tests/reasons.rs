//! Reasons that the other tests do not reach, and the demand that each is reached by some test.
#![allow(clippy::unwrap_used, reason = "tests")]

mod town;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::table::*;
use stateful_asg_core::upkeep::Order;
use stateful_asg_core::waiting::Reason;
use town::*;

/// Slot 0's holder waits in its launch hook, and nothing of the slot is attached.
fn launching() -> Town {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    town.free(0);
    town
}

fn attaches(town: &Town) -> bool {
    kinds(&town.plan().steps).iter().any(|kind| kind.starts_with("Attach"))
}

#[test]
fn a_volume_that_several_instances_may_attach_is_not_used() {
    let mut town = launching();
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().multi_attach = true;
    let steps = kinds(&town.plan().steps);
    assert!(!steps.contains(&"AttachVolume"), "{steps:?}");
    let reason = Reason::VolumeMultiAttach { volume: volume_id(0) };
    assert!(town.reasons().contains(&reason) && reason.alarms(), "{:?}", town.reasons());
}

#[test]
fn what_another_instance_holds_is_waited_for_and_taken_when_it_lets_go() {
    let mut town = launching();
    town.attach(0, 1);
    assert!(!attaches(&town));
    let held = [
        Reason::VolumeHeldBy { volume: volume_id(0), instance: instance_id(1) },
        Reason::InterfaceHeldBy { interface: interface_id(0), instance: Some(instance_id(1)) },
    ];
    let reasons = town.reasons();
    for reason in &held {
        assert!(reasons.contains(reason) && reason.pace().is_some(), "{reasons:?}");
    }
    town.free(0);
    assert!(attaches(&town), "{:?}", town.reasons());
}

#[test]
fn an_interface_that_another_service_holds_is_named_without_an_instance() {
    let mut town = launching();
    town.attach(0, 0);
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap().attachment.as_mut().unwrap().instance = None;
    let reason = Reason::InterfaceHeldBy { interface: interface_id(0), instance: None };
    assert!(town.reasons().contains(&reason), "{:?}", town.reasons());
    assert!(reason.to_string().contains("another AWS service"), "{reason}");
}

#[test]
fn an_interface_that_is_not_shown_is_waited_for_until_it_is_certainly_gone() {
    let mut town = launching();
    town.obs.interfaces.remove(&interface_id(0));
    town.obs.absent.interfaces.insert(interface_id(0));
    for minutes in [0, 9] {
        let since = town.now - SignedDuration::from_mins(minutes);
        let record = town.obs.slots.get_mut(&SlotNumber(0)).unwrap().interface.as_mut().unwrap();
        record.absent_since = Some(since);
        assert!(!kinds(&town.plan().steps).contains(&"CreateInterface"), "after {minutes} minutes");
        assert!(town.reasons().contains(&Reason::InterfaceUnseen(interface_id(0))), "{:?}", town.reasons());
    }
}

#[test]
fn an_answered_hook_is_not_answered_again_while_another_owners_hook_holds_the_instance() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::PendingWait);
    let action = Action {
        instance: instance_id(0),
        transition: Transition::Launching,
        asg: asg_name(),
        hook: HookName::new("stateful-asg-test-launch").unwrap(),
        token: None,
        into_pool: None,
        since: town.now,
        beat: None,
        done: Some(Done { result: HookResult::Continue, claim: Claim(3), at: town.now }),
    };
    town.obs.actions.insert((instance_id(0), Transition::Launching), action);
    assert!(!kinds(&town.run()).contains(&"Complete"));
    assert!(town.reasons().contains(&Reason::Answered), "{:?}", town.reasons());
}

fn names(town: &Town, kind: &str) -> bool {
    town.reasons().iter().any(|reason| reason.kind() == kind)
}

#[test]
fn a_new_slot_says_what_it_still_lacks() {
    let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, r#""launch":{"ready":"mounted"},"address""#));
    town.obs.asgs[0].desired = 3;
    town.instance(7, 'a', Lifecycle::PendingWait);
    town.state(7, InstanceState::Pending);
    assert!(names(&town, "Booting"), "{:?}", town.reasons());
    town.state(7, InstanceState::Running);
    town.run();
    assert!(names(&town, "VolumeCreating") && names(&town, "InterfaceCreating"), "{:?}", town.reasons());
    town.arrive();
    let looked = town.run();
    assert!(kinds(&looked).contains(&"AttachVolume"), "{:?}", kinds(&looked));
    assert!(names(&town, "VolumeInTransit") && names(&town, "InterfaceInTransit"), "{:?}", town.reasons());
    town.arrive();
    town.run();
    assert!(names(&town, "GuestNotReady"), "{:?}", town.reasons());
}

#[test]
fn an_attachment_that_hangs_is_named_when_the_launch_is_given_up() {
    let mut town = launching();
    town.attach(0, 0);
    let attachment = &mut town.obs.volumes.get_mut(&volume_id(0)).unwrap().attachments[0];
    (attachment.state, attachment.since) = (AttachmentState::Attaching, Some(at(1000 - 90)));
    assert!(names(&town, "AttachStuck"), "{:?}", town.reasons());
}

#[test]
fn a_launch_that_no_waiting_helps_says_when_it_is_given_up() {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town.run();
    assert!(names(&town, "ZoneBlocked") && names(&town, "AbandonAt"), "{:?}", town.reasons());
}

#[test]
fn a_name_that_must_be_looked_up_first_is_named() {
    let mut town = Town::served(1);
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().record = None;
    let mut named = false;
    for _ in 0..3 {
        named |= names(&town, "RecordChanging");
        town.run_once();
    }
    assert!(named, "{:?}", town.reasons());
}

#[test]
fn a_shared_name_with_more_addresses_than_a_record_holds_is_named() {
    let mut town = Town::served(401);
    for n in 0..401_u32 {
        let ip = [10, 1, (n / 256) as u8, (n % 256) as u8].into();
        town.obs.interfaces.get_mut(&interface_id(n)).unwrap().ip = Some(ip);
        town.obs.slots.get_mut(&SlotNumber(n)).unwrap().interface.as_mut().unwrap().ip = Some(ip);
    }
    assert!(names(&town, "RecordFull"), "{:?}", town.reasons().len());
}

#[test]
fn a_change_says_how_far_it_is_and_what_holds_it() {
    let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, r#""zones":{"move":"final"},"address""#));
    town.gone(0);
    town.free(0);
    town.run();
    town.attach(0, 1);
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.order = Some(Order::Move { to: zone('b') });
    assert!(names(&town, "ChangeHeld"), "{:?}", town.reasons());
    town.free(0);
    town.run();
    assert!(names(&town, "Changing"), "{:?}", town.reasons());
    town.arrive();
    town.run();
    assert!(names(&town, "SuccessorCreating"), "{:?}", town.reasons());
}

#[test]
fn a_volume_that_is_being_changed_is_named() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    assert!(kinds(&town.run()).contains(&"ModifyVolume"));
    assert!(names(&town, "VolumeGrowing"), "{:?}", town.reasons());
}

/// The Rust files below a folder.
fn files(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// By its name in some test of a decision or a story. Whether a random history reaches it is for the histories to say.
#[test]
fn every_reason_is_reached_by_a_test() {
    let table = include_str!("../src/waiting/nature.rs");
    let table = &table[table.find("pub fn kind").unwrap()..table.find("pub fn pace").unwrap()];
    let reasons: BTreeSet<&str> = table.split('"').skip(1).step_by(2).filter(|text| !text.contains(' ')).collect();
    assert!(reasons.len() > 55, "{reasons:?}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    files(&root.join("shared/core/tests"), &mut paths);
    files(&root.join("tests/tests/stories"), &mut paths);
    let mut reached: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let words: BTreeSet<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for reason in reasons.iter().copied().filter(|reason| words.contains(*reason)) {
            reached.entry(reason).or_default().push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    reached.iter().for_each(|(reason, files)| eprintln!("{reason}: {}", files.join(", ")));
    let unreached: Vec<_> = reasons.iter().filter(|reason| !reached.contains_key(**reason)).collect();
    assert!(unreached.is_empty(), "{unreached:?}");
}
