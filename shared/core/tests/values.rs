//! The values that everything is made of: what the table keeps of them, what AWS's words mean, which names are taken.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod town;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stateful_asg_core::cloud::{Lifecycle, Tags, Transition};
use stateful_asg_core::ids::*;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Bound, Slot, TableWrite};
use stateful_asg_core::upkeep::*;
use stateful_asg_core::waiting::Reason;
use town::{Town, asg_name, at, instance_id, interface_id, volume_id, zone};

fn slot(town: &mut Town) -> &mut Slot {
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap()
}

/// The slot as its item holds it, and what is read back from that.
fn written(slot: &Slot) -> (Value, Slot) {
    let item = serde_json::to_value(slot).unwrap();
    let read = serde_json::from_value(item.clone()).unwrap();
    (item, read)
}

#[test]
fn the_numbers_that_never_fall_are_on_the_slots_item() {
    let cases = [
        (0, 0, json!({})),
        (1, 0, json!({"operations": 1})),
        (0, 1, json!({"attempts": 1})),
        (9, 12, json!({"operations": 9, "attempts": 12})),
    ];
    for (operations, attempts, expected) in cases {
        let upkeep = Upkeep { operations, attempts, ..Upkeep::default() };
        assert_eq!(serde_json::to_value(&upkeep).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Upkeep>(expected).unwrap(), upkeep, "read back");
    }
}

#[test]
fn what_a_slot_keeps_beyond_its_holder_is_on_its_item_and_nothing_else_is() {
    let mut town = Town::served(1);
    let (item, read) = written(slot(&mut town));
    assert_eq!((item.get("upkeep"), &read), (None, &*slot(&mut town)), "there is nothing to keep");
    slot(&mut town).upkeep.order = Some(Order::Retire);
    let (item, read) = written(slot(&mut town));
    assert_eq!(item.get("upkeep"), Some(&json!({"order": {"kind": "retire"}})));
    assert_eq!(read.upkeep.order, Some(Order::Retire));
    assert!(Upkeep::default().is_empty());
    assert!(!Upkeep { operations: 1, ..Upkeep::default() }.is_empty());
}

#[test]
fn the_changes_of_a_volume_are_on_the_slots_item_so_that_none_is_made_twice() {
    let mut town = Town::served(1);
    let growth = |item: &Value| item["volumes"]["data"].get("growth").cloned();
    let (item, _) = written(slot(&mut town));
    assert_eq!(growth(&item), None, "no change was ever made");
    assert!(Growth::default().is_empty());

    let target = Target { size_gib: Some(30), ..Target::default() };
    let grown = Growth { target: Some(target), begun: vec![at(0)] };
    assert!(!grown.is_empty());
    slot(&mut town).volumes.get_mut(&VolumeName::new("data").unwrap()).unwrap().growth = grown;
    let (item, read) = written(slot(&mut town));
    assert_eq!(growth(&item), Some(json!({"target": {"size_gib": 30}, "begun": ["2027-01-15T08:00:00Z"]})));
    assert_eq!(read, *slot(&mut town));
}

#[test]
fn what_belongs_to_one_slot_has_a_key_of_its_own_in_the_table() {
    let keys = [
        (Bound::Instance(instance_id(1)), "instance#i-00000000000000001"),
        (Bound::Volume(volume_id(1)), "volume#vol-00000000000000001"),
        (Bound::Interface(interface_id(1)), "eni#eni-00000000000000001"),
    ];
    for (bound, key) in keys {
        assert_eq!(bound.key(), key);
    }
}

#[test]
fn an_order_that_waits_for_the_holder_says_what_is_to_happen() {
    let restore = Order::Restore { volumes: [].into() };
    for (order, what) in [(Order::Retire, "retired"), (Order::Move { to: zone('b') }, "moved"), (restore, "restored")] {
        let mut town = Town::served(1);
        slot(&mut town).upkeep.order = Some(order);
        assert_eq!(town.reasons(), [Reason::Ordered { what }]);
        let said = town.reasons()[0].to_string();
        assert!(said.contains(&format!("it is to be {what} when it is vacant")), "{said}");
    }
}

#[test]
fn a_group_is_live_where_it_wants_or_has_instances_and_is_not_being_deleted() {
    for (deleting, desired, members, live) in [
        (false, 1, 1, true),
        (false, 1, 0, true),
        (false, 0, 1, true),
        (false, 0, 0, false),
        (true, 1, 1, false),
        (true, 0, 0, false),
    ] {
        let mut asg = Town::served(members).obs.asgs.remove(0);
        asg.deleting = deleting;
        asg.desired = desired;
        assert_eq!(asg.is_live(), live, "deleting: {deleting}, desired {desired}, {members} members");
    }
}

#[test]
fn nothing_is_concluded_from_a_lifecycle_state_that_is_not_known() {
    for word in ["Warmed:Pending", "Warmed:Pending:Proceed", "Warmed:Terminating"] {
        assert_eq!(Lifecycle::from_aws(word), Lifecycle::Warmed, "{word}");
    }
    for word in ["Warmed:Stopped", "Warmed:Running", "Warmed:Hibernated"] {
        assert_eq!(Lifecycle::from_aws(word), Lifecycle::InPool, "{word}");
    }
    assert_eq!(Lifecycle::from_aws("Warmed:Pending:Wait"), Lifecycle::WarmedPendingWait);
    assert_eq!(Lifecycle::from_aws("Warmed:Terminating:Wait"), Lifecycle::WarmedTerminatingWait);
    for word in ["Quarantined", "Quarantined:Wait", "Warmed", "warmed:Stopped", ""] {
        assert_eq!(Lifecycle::from_aws(word), Lifecycle::Unknown(word.to_owned()), "{word}");
    }
}

#[test]
fn names_of_asgs_and_hooks_are_printable_and_no_longer_than_aws_takes() {
    let (longest, too_long) = ("x".repeat(255), "x".repeat(256));
    let taken = ["x", " ", "~", "a group, with spaces & more", &longest];
    let refused = ["", "a\u{1f}b", "a\u{7f}", "tab\t", "\n", "größe", &too_long];
    for (names, right) in [(taken.as_slice(), true), (refused.as_slice(), false)] {
        for name in names {
            assert_eq!(AsgName::new(*name).is_ok(), right, "{name:?} as an Auto Scaling group");
            assert_eq!(HookName::new(*name).is_ok(), right, "{name:?} as a hook");
        }
    }
    assert_eq!(
        AsgName::new("").unwrap_err().to_string(),
        "`` is not an Auto Scaling group name: 1 to 255 printable characters"
    );
}

#[test]
fn the_token_of_an_action_has_exactly_36_printable_characters() {
    let token = "87654321-4321-4321-4321-210987654321";
    assert_eq!(ActionToken::new(token).unwrap().as_str(), token);
    for wrong in [&token[1..], &format!("{token}0"), &token.replace('-', "\n"), ""] {
        assert!(ActionToken::new(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_generation_is_shown_as_its_number() {
    assert_eq!(Generation(41).next().to_string(), "42");
    assert_eq!(format!("{:>4}", Generation(7)), "   7");
}

#[test]
fn shared_values_are_equal_where_what_they_hold_is() {
    let tags = |slot: &str| Tags::from([("stateful-asg:slot".to_owned(), slot.to_owned())]);
    let one = Shared::from(tags("1"));
    assert_eq!(one, one.clone(), "a copy");
    assert_eq!(one, Shared::from(tags("1")), "made apart");
    assert_ne!(one, Shared::from(tags("2")));
    assert!(one == tags("1") && one != tags("2"), "beside a value that nobody shares");
    assert_eq!(format!("{one:?}"), r#"{"stateful-asg:slot": "1"}"#);
}

#[test]
fn who_writes_to_a_shared_value_changes_no_other_copy() {
    let kept = Shared::from(Tags::new());
    let mut written = kept.clone();
    written.insert("key".to_owned(), "value".to_owned());
    assert_eq!((kept.len(), written.len()), (0, 1));
    assert_ne!(kept, written);
}

#[test]
fn a_write_is_about_an_action_alone_only_where_nothing_else_is_written() {
    let mut town = Town::served(1);
    let action = Action {
        instance: instance_id(0),
        transition: Transition::Launching,
        asg: asg_name(),
        hook: HookName::new("launch").unwrap(),
        token: None,
        into_pool: None,
        since: at(0),
        beat: None,
        done: None,
    };
    let note = TableWrite { action: Some(action.clone()), ..TableWrite::about(town.obs.group.clone()) };
    assert_eq!(note.lone_action(), Some(&action));
    let bound = BTreeSet::from([Bound::Volume(volume_id(0))]);
    let record = Some((None, Box::new(town.obs.record.clone().unwrap())));
    let more = [
        ("no action", TableWrite { action: None, ..note.clone() }),
        ("a slot", TableWrite { slot: Some((None, Box::new(slot(&mut town).clone()))), ..note.clone() }),
        ("a record", TableWrite { record, ..note.clone() }),
        ("a binding", TableWrite { bind: bound.clone(), ..note.clone() }),
        ("the end of a binding", TableWrite { unbind: bound, ..note }),
    ];
    for (what, write) in more {
        assert_eq!(write.lone_action(), None, "{what}");
    }
}
