use std::collections::BTreeMap;

use super::*;
use crate::samples;

/// One line a part: subject, kind of action, condition.
fn conditions(parts: &[Part]) -> Vec<String> {
    let line = |part: &Part| {
        let item = &part.item;
        let (kind, condition) = match (item.put(), item.update(), item.delete()) {
            (Some(put), None, None) => ("put", put.condition_expression()),
            (None, Some(update), None) => ("update", update.condition_expression()),
            (None, None, Some(delete)) => ("delete", delete.condition_expression()),
            _ => panic!("a part does one thing"),
        };
        format!("{}: {kind} if {}", part.subject, condition.unwrap_or("true"))
    };
    parts.iter().map(line).collect()
}

#[test]
fn each_part_has_its_condition() {
    let mut write = samples::write();
    write.record = Some((None, Box::new(samples::group())));
    write.action = Some(samples::action());
    let as_read = "attribute_not_exists(#content.#done) OR attribute_type(#content.#done, :null) \
                   OR #content.#done = :was OR #content.#done = :new";
    let this = "attribute_not_exists(#pk) OR (#group = :group AND #slot = :slot)";
    assert_eq!(
        conditions(&transaction("t", &write, "op-1").unwrap()),
        [
            "slot 3 of group cass: put if #generation = :old".to_owned(),
            "group cass: update if attribute_not_exists(#generation)".to_owned(),
            format!("binding volume#vol-0123456789abcdef0: put if {this}"),
            format!("binding instance#i-0123456789abcdef0: delete if {this}"),
            format!("the Terminating action of i-0123456789abcdef0: put if {as_read}"),
        ]
    );
}

#[test]
fn a_slot_is_replaced_at_its_old_generation_only() {
    let parts = transaction("t", &samples::write(), "op-1").unwrap();
    let put = parts[0].item.put().unwrap();
    assert_eq!(put.expression_attribute_values().unwrap()[":old"], AttributeValue::N("4".to_owned()));
    assert_eq!(put.item()["generation"], AttributeValue::N("5".to_owned()));
    assert_eq!(put.item()["op"], AttributeValue::S("op-1".to_owned()));
    let mut fresh = samples::write();
    fresh.slot = Some((None, Box::new(samples::slot())));
    let parts = transaction("t", &fresh, "op-1").unwrap();
    let put = parts[0].item.put().unwrap();
    assert_eq!(put.condition_expression(), Some("attribute_not_exists(#pk)"));
    assert_eq!(put.expression_attribute_values(), None, "DynamoDB refuses an empty map");
}

#[test]
fn a_groups_lease_is_left_alone_by_its_content() {
    let mut write = samples::write();
    write.record = Some((Some(Generation(7)), Box::new(samples::group())));
    let parts = transaction("t", &write, "op-1").unwrap();
    let update = parts[1].item.update().unwrap();
    assert_eq!(update.update_expression(), "SET #content = :content, #generation = :generation, #op = :op");
    let values: BTreeMap<_, _> = update.expression_attribute_values().unwrap().iter().collect();
    assert_eq!(values[&":old".to_owned()], &AttributeValue::N("7".to_owned()));
    assert_eq!(values[&":generation".to_owned()], &AttributeValue::N("8".to_owned()));
}

#[test]
fn bindings_name_the_slot_that_is_written() {
    let mut write = samples::write();
    let parts = transaction("t", &write, "op-1").unwrap();
    let values = parts[1].item.put().unwrap().expression_attribute_values().unwrap();
    assert_eq!(values[":slot"], AttributeValue::N("3".to_owned()));
    write.slot = None;
    assert!(matches!(transaction("t", &write, "op-1"), Err(BadItem::NoSlot(_))));
}

#[test]
fn a_write_of_one_action_needs_no_transaction() {
    let mut write = samples::write();
    write.action = Some(samples::action());
    assert_eq!(write.lone_action(), None);
    write.slot = None;
    write.bind.clear();
    write.unbind.clear();
    assert_eq!(write.lone_action(), Some(&samples::action()));
}

#[test]
fn the_same_write_has_the_same_name() {
    let name = op(&samples::write()).unwrap();
    assert_eq!(name, op(&samples::write()).unwrap());
    assert_eq!(name.len(), 36, "a ClientRequestToken takes 36 characters");
}

#[test]
fn every_part_of_a_write_is_in_its_name() {
    let base = samples::write();
    let mut others = vec![base.clone()];
    let mut changed = |change: &dyn Fn(&mut TableWrite)| {
        let mut other = base.clone();
        change(&mut other);
        others.push(other);
    };
    changed(&|w| w.slot.as_mut().unwrap().0 = None);
    changed(&|w| w.slot.as_mut().unwrap().1.generation = Generation(6));
    changed(&|w| w.slot.as_mut().unwrap().1.upkeep.operations += 1);
    changed(&|w| w.record = Some((None, Box::new(samples::group()))));
    changed(&|w| std::mem::swap(&mut w.bind, &mut w.unbind));
    changed(&|w| w.unbind.clear());
    changed(&|w| w.action = Some(samples::action()));
    changed(&|w| w.group = GroupName::new("kafka").unwrap());
    let names: std::collections::BTreeSet<_> = others.iter().map(|write| op(write).unwrap()).collect();
    assert_eq!(names.len(), others.len());
}

fn reason(code: &str, item: &[(&str, AttributeValue)]) -> CancellationReason {
    let item = item.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    CancellationReason::builder().code(code).set_item(Some(item)).build()
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn n(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[test]
fn our_own_earlier_success_is_no_lost_race() {
    let subjects = ["slot 3 of group cass".to_owned(), "group cass".to_owned()];
    // The group has moved on since; the slot still shows that all of it was applied.
    let reasons = [
        reason("ConditionalCheckFailed", &[("op", s("op-1")), ("generation", n(5))]),
        reason("ConditionalCheckFailed", &[("op", s("op-2")), ("generation", n(9))]),
    ];
    assert_eq!(verdict(&subjects, &reasons, "op-1"), Ok(()));
}

#[test]
fn a_lost_race_names_what_stands_in_the_way() {
    let subjects = ["slot 3 of group cass".to_owned(), "binding volume#vol-1".to_owned()];
    let reasons = [
        reason("ConditionalCheckFailed", &[("op", s("op-2")), ("generation", n(9))]),
        reason("ConditionalCheckFailed", &[("group", s("kafka")), ("slot", n(1))]),
    ];
    let lost = verdict(&subjects, &reasons, "op-1").unwrap_err();
    assert_eq!(lost.kind, FailureKind::Conflict);
    assert!(lost.message.contains("slot 3 of group cass is at generation 9"), "{}", lost.message);
    assert!(lost.message.contains("binding volume#vol-1 belongs to slot 1 of group kafka"), "{}", lost.message);
}

#[test]
fn other_reasons_have_their_own_kinds() {
    let rows = [
        ("TransactionConflict", FailureKind::Conflict),
        ("ThrottlingError", FailureKind::Throttled),
        ("ProvisionedThroughputExceeded", FailureKind::Throttled),
        ("ItemCollectionSizeLimitExceeded", FailureKind::Quota),
        ("ValidationError", FailureKind::Invalid),
        ("SomethingNew", FailureKind::Unknown),
    ];
    for (code, kind) in rows {
        let reasons = [reason("None", &[]), reason(code, &[])];
        let cancelled = verdict(&["a".to_owned(), "b".to_owned()], &reasons, "op-1").unwrap_err();
        assert_eq!(cancelled.kind, kind, "{code}");
        assert!(cancelled.message.starts_with("b: "), "{}", cancelled.message);
    }
}
