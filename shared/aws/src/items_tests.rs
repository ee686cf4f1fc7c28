use stateful_asg_core::ids::Zone;
use stateful_asg_core::table::SlotState;
use stateful_asg_core::upkeep::{ChangeKind, Growth, Order, Stage, Upkeep};

use super::*;
use crate::samples;

#[test]
fn a_slot_comes_back_as_it_was_written() {
    let item = slot_item(&samples::group_name(), &samples::slot(), "op-1").unwrap();
    assert_eq!(member(&item).unwrap(), Member::Slot(Box::new(samples::slot())));
    assert_eq!(item["pk"], AttributeValue::S("group#cass".to_owned()));
    assert_eq!(item["sk"], AttributeValue::S("slot#0000000003".to_owned()));
    assert_eq!(item["generation"], AttributeValue::N("5".to_owned()));
}

#[test]
fn every_order_and_change_comes_back() {
    let retire = (Order::Retire, ChangeKind::Retire, Stage::Saving, SlotState::Retired);
    let to: Zone = "eu-central-1b".parse().unwrap();
    let moved = (Order::Move { to }, ChangeKind::Restore, Stage::Switching, SlotState::Parked);
    for (order, kind, stage, state) in [retire, moved] {
        let mut slot = samples::slot();
        slot.state = state;
        slot.upkeep.order = Some(order);
        let change = slot.upkeep.change.as_mut().unwrap();
        (change.kind, change.stage) = (kind, stage);
        let item = slot_item(&samples::group_name(), &slot, "op-1").unwrap();
        assert_eq!(member(&item).unwrap(), Member::Slot(Box::new(slot)));
    }
}

#[test]
fn an_item_from_before_there_was_upkeep_is_read_and_written_as_before() {
    let mut slot = samples::slot();
    slot.upkeep = Upkeep::default();
    for volume in slot.volumes.values_mut() {
        volume.growth = Growth::default();
        volume.params.initialization_rate = None;
    }
    let item = slot_item(&samples::group_name(), &slot, "op-1").unwrap();
    let written = format!("{:?}", item["content"]);
    for later in ["upkeep", "growth", "initialization_rate"] {
        assert!(!written.contains(later), "{written}");
    }
    assert_eq!(member(&item).unwrap(), Member::Slot(Box::new(slot)));
}

#[test]
fn an_action_comes_back_as_it_was_written() {
    let item = action_item(&samples::group_name(), &samples::action()).unwrap();
    assert_eq!(member(&item).unwrap(), Member::Action(Box::new(samples::action())));
    assert_eq!(item["sk"], AttributeValue::S("action#i-0123456789abcdef0#terminating".to_owned()));
    let expires = samples::at("2026-11-23T10:00:00Z").as_second();
    assert_eq!(item["expires"], AttributeValue::N(expires.to_string()));
}

#[test]
fn a_group_comes_back_with_what_stands_beside_its_content() {
    let mut item = Key::group(&samples::group_name()).item();
    let content = attribute(&Key::group(&samples::group_name()), &samples::group()).unwrap();
    item.extend([("content".to_owned(), content), number("dirty", 3), number("seen", 2), text("digest", "d1")]);
    assert_eq!(group_content(&item).unwrap(), Some(samples::group()));
    let summary = summary(&item).unwrap();
    assert_eq!(summary.group, samples::group_name());
    assert_eq!(summary.digest.as_deref(), Some("d1"));
    assert!(summary.dirty);
    item.extend([number("seen", 3)]);
    assert!(!super::summary(&item).unwrap().dirty);
}

#[test]
fn an_item_that_only_notes_who_goes_round_has_no_group() {
    let mut item = Key::group(&samples::group_name()).item();
    item.extend([number("dirty", 1)]);
    assert_eq!(group_content(&item).unwrap(), None);
}

#[test]
fn a_binding_comes_back_as_it_was_written() {
    let bound = Bound::Instance(samples::instance());
    let item = binding_item(&bound, &samples::group_name(), SlotNumber(3));
    assert_eq!(binding(&item).unwrap(), Binding { group: samples::group_name(), slot: SlotNumber(3) });
    assert_eq!(item["pk"], AttributeValue::S("instance#i-0123456789abcdef0".to_owned()));
}

#[test]
fn a_newer_layout_is_refused_with_what_to_do() {
    // Of a form that this version could not read: the refusal comes before that.
    let mut item = Key::slot(&samples::group_name(), SlotNumber(3)).item();
    let content = AttributeValue::M([number("v", LAYOUT + 1)].into());
    item.extend([("content".to_owned(), content)]);
    let error = member(&item).unwrap_err();
    assert!(matches!(error, BadItem::Newer { found, .. } if found == LAYOUT + 1), "{error}");
    let error = error.in_call("dynamodb:Query");
    assert_eq!(error.kind, FailureKind::Invalid);
    for told in ["group#cass / slot#0000000003", "newer version", "update"] {
        assert!(error.message.contains(told), "{error}");
    }
}

#[test]
fn an_item_of_an_odd_form_is_an_error_and_no_panic() {
    let mut item = Key::slot(&samples::group_name(), SlotNumber(3)).item();
    assert!(matches!(member(&item), Err(BadItem::NoContent { .. })));
    item.extend([text("content", "what?")]);
    assert!(matches!(member(&item), Err(BadItem::Form { .. })));
    let mut other = item.clone();
    other.extend([text("sk", "audit#1")]);
    assert_eq!(member(&other).unwrap(), Member::Other("audit#1".to_owned()));
}

#[test]
fn a_copy_under_another_key_is_refused() {
    let copied = |mut item: Item, sk: &str| {
        item.extend([text("sk", sk)]);
        item
    };
    let group = samples::group_name();
    let slot = copied(slot_item(&group, &samples::slot(), "op-1").unwrap(), "slot#0000000004");
    assert!(matches!(member(&slot), Err(BadItem::Misplaced { holds, .. }) if holds == "slot#0000000003"));
    let action = copied(action_item(&group, &samples::action()).unwrap(), "action#i-0123456789abcdef0#launching");
    assert!(matches!(member(&action), Err(BadItem::Misplaced { .. })));
    let other = Key::group(&GroupName::new("kafka").unwrap());
    let content = ("content".to_owned(), attribute(&other, &samples::group()).unwrap());
    let item: Item = other.item().into_iter().chain([content]).collect();
    assert!(matches!(group_content(&item), Err(BadItem::Misplaced { .. })));
}

#[test]
fn moments_sort_as_text() {
    let moments = ["2026-11-20T10:00:00Z", "2026-11-20T10:00:00.5Z", "2026-11-20T10:00:01Z"].map(samples::at);
    let texts = moments.map(moment);
    assert!(texts.is_sorted(), "{texts:?}");
    assert_eq!(texts.clone().map(|text| samples::at(&text)), moments);
}
