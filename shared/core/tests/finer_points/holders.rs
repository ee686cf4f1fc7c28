//! What is concluded of a slot's holder.

use super::*;

/// Slot 0's holder is in no group any more, its things are free, and reads missed it from 100 s on; it is 1000 s now.
fn missed() -> Town {
    let mut town = Town::served(2);
    town.obs.asgs[0].members.remove(&instance_id(0));
    town.free(0);
    slot(&mut town, 0).holder.as_mut().unwrap().absent_since = Some(at(100));
    town
}

#[test]
fn a_holder_that_is_shown_again_keeps_its_slot_however_long_it_was_missed() {
    let mut town = missed();
    assert!(waits_of(&town, &Subject::Slot(SlotNumber(0))).contains(&Reason::HolderDetached(instance_id(0))));
    town.run();
    assert_eq!(holder_of(&town, 0), Some(instance_id(0)));
    assert_eq!(slot(&mut town, 0).holder.as_ref().unwrap().absent_since, None);
}

#[test]
fn a_reading_that_did_not_look_for_the_holder_tells_nothing_of_it() {
    let mut town = missed();
    town.obs.instances.remove(&instance_id(0));
    assert!(waits_of(&town, &Subject::Slot(SlotNumber(0))).contains(&Reason::HolderUnclear(instance_id(0))));
    town.run();
    assert_eq!(holder_of(&town, 0), Some(instance_id(0)));
    town.obs.absent.instances.insert(instance_id(0));
    town.run();
    assert_eq!(holder_of(&town, 0), None, "one that looked for it does");
}

#[test]
fn what_a_guest_released_stays_attached_where_auto_scaling_does_not_take_it_out() {
    type Disturb = fn(&mut Town);
    let cases: [(&str, Disturb); 6] = [
        ("in service", |_| ()),
        ("standby", |town| town.lifecycle(0, Lifecycle::Standby)),
        ("stopped", |town| town.state(0, InstanceState::Stopped)),
        ("retained", |town| town.lifecycle(0, Lifecycle::TerminatingRetained)),
        ("replacing its root", |town| town.lifecycle(0, Lifecycle::ReplacingRootVolume)),
        ("detached", |town| drop(town.obs.asgs[0].members.remove(&instance_id(0)))),
    ];
    for (case, disturb) in cases {
        let mut town = Town::served(2);
        guest_says(&mut town, 0, tags::RELEASED);
        disturb(&mut town);
        let steps = kinds(&town.run());
        assert!(!steps.iter().any(|kind| kind.starts_with("Detach")), "{case}: {steps:?}");
        assert_eq!(holder_of(&town, 0), Some(instance_id(0)), "{case}");
    }
    let mut town = Town::served(2);
    guest_says(&mut town, 0, tags::RELEASED);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    assert!(kinds(&town.run()).contains(&"DetachVolume"), "it is taken out");
}

#[test]
fn a_stopped_instance_that_leaves_is_not_asked_to_unmount() {
    let leaving = |state: InstanceState| {
        let mut town = Town::served(1);
        guest_says(&mut town, 0, tags::MOUNTED);
        town.lifecycle(0, Lifecycle::TerminatingWait);
        town.state(0, state);
        let steps = town.run();
        (answers(&steps), words(&town).contains(&"Draining"))
    };
    assert_eq!(leaving(InstanceState::Running), (vec![], true), "a running one is");
    assert_eq!(leaving(InstanceState::Stopped), (vec![HookResult::Continue], false));
}

#[test]
fn a_slot_is_released_from_a_gone_holder_unless_a_volume_may_still_be_attached() {
    use VolumeState::{Available, Creating, Deleted, Deleting, Error, InUse};
    let cases = [(Available, true), (Creating, true), (Error, true), (Deleting, true), (Deleted, true), (InUse, false)];
    for (state, released) in cases {
        let mut town = Town::served(2);
        town.gone(0);
        town.free(0);
        volume(&mut town, 0).state = state;
        town.run_once();
        assert_eq!(holder_of(&town, 0).is_none(), released, "{state:?} and no attachment is shown");
    }
}
