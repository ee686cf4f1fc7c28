//! One write of the settle loop as one DynamoDB transaction, and what its refusal means.
//!
//! The transaction's name (`op`) follows from its content alone, so that a retry names the same one: DynamoDB then
//! does not apply it twice within ten minutes, and after that a refused condition shows our own `op` in the item.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>

use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use serde::Serialize;
use stateful_asg_core::ids::{Generation, GroupName, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::table::{Action, Bound, Done, Group, Slot, TableWrite};
use uuid::Uuid;

use crate::items::{BadItem, Item, Key, action_item, attribute, binding_item, number, slot_item, text};

/// The namespace of our operations' names.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f3c_1d0e_8b7a_4c52_9e61_27d4_a0b8_3f19);

/// One part of a transaction, and what a person calls the item that it writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) subject: String,
    pub(crate) item: TransactWriteItem,
}

/// The name of this write: the same for the same content, in every process.
pub(crate) fn op(write: &TableWrite) -> Result<String, BadItem> {
    #[derive(Serialize)]
    struct Canonical<'a> {
        group: &'a GroupName,
        slot: Option<(Option<Generation>, &'a Slot)>,
        record: Option<(Option<Generation>, &'a Group)>,
        bind: Vec<String>,
        unbind: Vec<String>,
        action: Option<&'a Action>,
        answered: Option<&'a Done>,
    }
    let canonical = Canonical {
        group: &write.group,
        slot: write.slot.as_ref().map(|(old, slot)| (*old, &**slot)),
        record: write.record.as_ref().map(|(old, record)| (*old, &**record)),
        bind: write.bind.iter().map(Bound::key).collect(),
        unbind: write.unbind.iter().map(Bound::key).collect(),
        action: write.action.as_ref(),
        answered: write.answered.as_ref(),
    };
    Ok(Uuid::new_v5(&NAMESPACE, &serde_json::to_vec(&canonical)?).to_string())
}

/// All parts of the write; a transaction takes 100 at most, and no write has as many.
pub(crate) fn transaction(table: &str, write: &TableWrite, op: &str) -> Result<Vec<Part>, BadItem> {
    let mut parts = Vec::new();
    if let Some((old, slot)) = &write.slot {
        parts.push(slot_part(table, &write.group, *old, slot, op)?);
    }
    if let Some((old, record)) = &write.record {
        parts.push(record_part(table, *old, record, op)?);
    }
    if !(write.bind.is_empty() && write.unbind.is_empty()) {
        let (_, slot) = write.slot.as_ref().ok_or_else(|| BadItem::NoSlot(write.group.clone()))?;
        for bound in &write.bind {
            parts.push(bind_part(table, bound, &write.group, slot.number)?);
        }
        for bound in &write.unbind {
            parts.push(unbind_part(table, bound, &write.group, slot.number)?);
        }
    }
    if let Some(action) = &write.action {
        parts.push(action_part(table, write, action)?);
    }
    Ok(parts)
}

/// A condition and what its placeholders stand for; `#x` always stands for the attribute `x`.
pub(crate) struct Condition {
    pub(crate) text: &'static str,
    pub(crate) names: &'static [&'static str],
    pub(crate) values: Vec<(String, AttributeValue)>,
}

impl Condition {
    /// The item is at this generation, or is not there.
    fn slot_at(old: Option<Generation>) -> Self {
        old.map_or(Self { text: "attribute_not_exists(#pk)", names: &["pk"], values: Vec::new() }, Self::at)
    }

    /// The group is at this generation, or has no content: its item may be there, for its lease.
    fn group_at(old: Option<Generation>) -> Self {
        let fresh = Self { text: "attribute_not_exists(#generation)", names: &["generation"], values: Vec::new() };
        old.map_or(fresh, Self::at)
    }

    fn at(old: Generation) -> Self {
        Self { text: "#generation = :old", names: &["generation"], values: vec![number(":old", old)] }
    }

    /// The action is open, or answered as its writer had read, or as it is to be answered now.
    pub(crate) fn answered_as_read(write: &TableWrite, action: &Action) -> Result<Self, BadItem> {
        let key = Key::action(&write.group, &action.instance, action.transition);
        let values = vec![
            text(":null", "NULL"),
            (":was".to_owned(), attribute(&key, &write.answered)?),
            (":new".to_owned(), attribute(&key, &action.done)?),
        ];
        let text = "attribute_not_exists(#content.#done) OR attribute_type(#content.#done, :null) \
                    OR #content.#done = :was OR #content.#done = :new";
        Ok(Self { text, names: &["content", "done"], values })
    }

    fn this_slots_or_absent(group: &GroupName, slot: SlotNumber) -> Self {
        Self {
            text: "attribute_not_exists(#pk) OR (#group = :group AND #slot = :slot)",
            names: &["pk", "group", "slot"],
            values: vec![text(":group", group.as_str()), number(":slot", slot)],
        }
    }
}

/// What the placeholders of an expression stand for.
pub(crate) fn names(attributes: &[&str]) -> impl Iterator<Item = (String, String)> {
    attributes.iter().map(|name| (format!("#{name}"), (*name).to_owned()))
}

fn slot_part(table: &str, group: &GroupName, old: Option<Generation>, slot: &Slot, op: &str) -> Result<Part, BadItem> {
    let subject = format!("slot {} of group {group}", slot.number);
    let put = conditional_put(table, slot_item(group, slot, op)?, Condition::slot_at(old))?;
    Ok(Part { subject, item: TransactWriteItem::builder().put(put).build() })
}

/// Sets the group's content beside its lease, which other writes own.
fn record_part(table: &str, old: Option<Generation>, record: &Group, op: &str) -> Result<Part, BadItem> {
    let key = Key::group(&record.name);
    let condition = Condition::group_at(old);
    let new =
        [(":content".to_owned(), attribute(&key, record)?), number(":generation", record.generation), text(":op", op)];
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key.item().into_iter().collect()))
        .update_expression("SET #content = :content, #generation = :generation, #op = :op")
        .condition_expression(condition.text)
        .set_expression_attribute_names(Some(names(&["content", "generation", "op"]).collect()))
        .set_expression_attribute_values(Some(condition.values.into_iter().chain(new).collect()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    let subject = format!("group {}", record.name);
    Ok(Part { subject, item: TransactWriteItem::builder().update(update).build() })
}

fn bind_part(table: &str, bound: &Bound, group: &GroupName, slot: SlotNumber) -> Result<Part, BadItem> {
    let condition = Condition::this_slots_or_absent(group, slot);
    let put = conditional_put(table, binding_item(bound, group, slot), condition)?;
    Ok(Part { subject: format!("binding {}", bound.key()), item: TransactWriteItem::builder().put(put).build() })
}

fn unbind_part(table: &str, bound: &Bound, group: &GroupName, slot: SlotNumber) -> Result<Part, BadItem> {
    let condition = Condition::this_slots_or_absent(group, slot);
    let delete = Delete::builder()
        .table_name(table)
        .set_key(Some(Key::binding(bound).item().into_iter().collect()))
        .condition_expression(condition.text)
        .set_expression_attribute_names(Some(names(condition.names).collect()))
        .set_expression_attribute_values(Some(condition.values.into_iter().collect()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?;
    Ok(Part { subject: format!("binding {}", bound.key()), item: TransactWriteItem::builder().delete(delete).build() })
}

fn action_part(table: &str, write: &TableWrite, action: &Action) -> Result<Part, BadItem> {
    let put = conditional_put(table, action_item(&write.group, action)?, Condition::answered_as_read(write, action)?)?;
    let subject = format!("the {:?} action of {}", action.transition, action.instance);
    Ok(Part { subject, item: TransactWriteItem::builder().put(put).build() })
}

fn conditional_put(table: &str, item: Item, condition: Condition) -> Result<Put, BadItem> {
    // DynamoDB refuses an empty map of values.
    let values = Some(condition.values).filter(|values| !values.is_empty());
    Ok(Put::builder()
        .table_name(table)
        .set_item(Some(item.into_iter().collect()))
        .condition_expression(condition.text)
        .set_expression_attribute_names(Some(names(condition.names).collect()))
        .set_expression_attribute_values(values.map(|values| values.into_iter().collect()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()?)
}

/// Why a transaction was cancelled, to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cancelled {
    pub(crate) kind: FailureKind,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// Reads the reasons, which stand in the order of the parts. `Ok`: it had been applied before, by us.
///
/// A part whose item bears our own `op` proves that, since all parts were applied together.
pub(crate) fn verdict(subjects: &[String], reasons: &[CancellationReason], op: &str) -> Result<(), Cancelled> {
    let refused = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
    if reasons.iter().any(|reason| shown(reason, "op") == Some(op)) {
        return Ok(());
    }
    let (kind, code) = if refused("ConditionalCheckFailed") {
        (FailureKind::Conflict, "ConditionalCheckFailed")
    } else if refused("TransactionConflict") {
        (FailureKind::Conflict, "TransactionConflict")
    } else if refused("ThrottlingError") {
        (FailureKind::Throttled, "ThrottlingError")
    } else if refused("ProvisionedThroughputExceeded") {
        (FailureKind::Throttled, "ProvisionedThroughputExceeded")
    } else if refused("ItemCollectionSizeLimitExceeded") {
        (FailureKind::Quota, "ItemCollectionSizeLimitExceeded")
    } else if refused("ValidationError") {
        (FailureKind::Invalid, "ValidationError")
    } else {
        (FailureKind::Unknown, "TransactionCanceledException")
    };
    let about: Vec<_> = subjects.iter().zip(reasons).filter_map(|(subject, reason)| told(subject, reason)).collect();
    Err(Cancelled { kind, code: code.to_owned(), message: about.join("; ") })
}

fn told(subject: &str, reason: &CancellationReason) -> Option<String> {
    let code = reason.code().filter(|code| *code != "None")?;
    if let Some(generation) = shown(reason, "generation") {
        return Some(format!("{subject} is at generation {generation} by now ({code})"));
    }
    if let (Some(group), Some(slot)) = (shown(reason, "group"), shown(reason, "slot")) {
        return Some(format!("{subject} belongs to slot {slot} of group {group} ({code})"));
    }
    Some(format!("{subject}: {}", reason.message().unwrap_or(code)))
}

/// An attribute of the item that the refused part met.
fn shown<'a>(reason: &'a CancellationReason, name: &str) -> Option<&'a str> {
    let value = reason.item()?.get(name)?;
    value.as_s().or_else(|_| value.as_n()).ok().map(String::as_str)
}

#[cfg(test)]
#[path = "writes_tests.rs"]
mod tests;
