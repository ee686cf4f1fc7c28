//! The table's items: their keys, what is written into them and how they are read.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | group | `groups` | the group's name | `content`, `generation`, `op`; `lease`, `epoch`, `dirty`, `seen`, `digest`, `look_at`, `audited_at` |
//! | slot | `group#NAME` | `slot#0000000003` | `content`, `generation`, `op` |
//! | lifecycle action | `group#NAME` | `action#INSTANCE#launching` | `content`, `since`, `expires` |
//! | binding | `instance#ID`, `volume#ID`, `eni#ID` | `-` | `group`, `slot` |

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::{GroupName, InstanceId, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::table::{Action, Binding, Bound, Group, LAYOUT, Slot};
use stateful_asg_runtime::ports::{CallError, Summary};

/// An item, or a part of it.
pub(crate) type Item = BTreeMap<String, AttributeValue>;

/// How long an action is kept after it began: longer than any hook waits (48 hours at most).
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html>
const ACTION_KEPT: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The partition of all groups' items.
pub(crate) const GROUPS: &str = "groups";

/// Where an item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

impl Key {
    pub(crate) fn group(group: &GroupName) -> Self {
        Self { pk: GROUPS.to_owned(), sk: group.to_string() }
    }

    pub(crate) fn slot(group: &GroupName, slot: SlotNumber) -> Self {
        Self { pk: partition(group), sk: slot_key(slot) }
    }

    pub(crate) fn action(group: &GroupName, instance: &InstanceId, transition: Transition) -> Self {
        Self { pk: partition(group), sk: action_key(instance, transition) }
    }

    pub(crate) fn binding(bound: &Bound) -> Self {
        Self { pk: bound.key(), sk: "-".to_owned() }
    }

    pub(crate) fn item(&self) -> Item {
        BTreeMap::from([text("pk", &self.pk), text("sk", &self.sk)])
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

fn slot_key(slot: SlotNumber) -> String {
    format!("slot#{:010}", slot.0)
}

fn action_key(instance: &InstanceId, transition: Transition) -> String {
    let transition = match transition {
        Transition::Launching => "launching",
        Transition::Terminating => "terminating",
    };
    format!("action#{instance}#{transition}")
}

/// The partition of a group's slots and actions.
pub(crate) fn partition(group: &GroupName) -> String {
    format!("group#{group}")
}

/// An item that this version cannot write or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadItem {
    #[error(
        "the item {item} was written by a newer version (layout {found}, this one knows {LAYOUT}): update stateful-asg before it goes on"
    )]
    Newer { item: String, found: u32 },
    #[error("the item {item} has an unexpected form ({source}): restore it from the table's backup")]
    Form { item: String, source: serde_dynamo::Error },
    #[error("the item {item} has no content: restore it from the table's backup")]
    NoContent { item: String },
    #[error("the item {item} holds {holds}, which stands elsewhere: restore both from the table's backup")]
    Misplaced { item: String, holds: String },
    #[error("bindings of group {0} are written without the slot that they name; this is a fault in stateful-asg")]
    NoSlot(GroupName),
    #[error("a part of the write cannot be built: {0}")]
    Unbuilt(#[from] aws_sdk_dynamodb::error::BuildError),
    #[error("a part of the write cannot be put into JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl BadItem {
    pub(crate) fn in_call(&self, operation: &'static str) -> CallError {
        CallError { operation, kind: FailureKind::Invalid, code: String::new(), message: self.to_string() }
    }
}

pub(crate) fn text(name: &str, value: &str) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::S(value.to_owned()))
}

pub(crate) fn number(name: &str, value: impl ToString) -> (String, AttributeValue) {
    (name.to_owned(), AttributeValue::N(value.to_string()))
}

/// A moment as text that sorts as the moments do.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A value as an attribute.
pub(crate) fn attribute<T: Serialize>(key: &Key, value: &T) -> Result<AttributeValue, BadItem> {
    serde_dynamo::to_attribute_value(value).map_err(|source| BadItem::Form { item: key.to_string(), source })
}

pub(crate) fn slot_item(group: &GroupName, slot: &Slot, op: &str) -> Result<Item, BadItem> {
    let key = Key::slot(group, slot.number);
    let content = ("content".to_owned(), attribute(&key, slot)?);
    let rest = [content, number("generation", slot.generation), text("op", op)];
    Ok(key.item().into_iter().chain(rest).collect())
}

pub(crate) fn action_item(group: &GroupName, action: &Action) -> Result<Item, BadItem> {
    let key = Key::action(group, &action.instance, action.transition);
    let content = ("content".to_owned(), attribute(&key, action)?);
    let expires = action.since.checked_add(ACTION_KEPT).unwrap_or(Timestamp::MAX);
    let rest = [content, text("since", &moment(action.since)), number("expires", expires.as_second())];
    Ok(key.item().into_iter().chain(rest).collect())
}

pub(crate) fn binding_item(bound: &Bound, group: &GroupName, slot: SlotNumber) -> Item {
    let rest = [text("group", group.as_str()), number("slot", slot)];
    Key::binding(bound).item().into_iter().chain(rest).collect()
}

/// Who holds a group, and until when. An owner's name is used by one invocation only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) expires: Timestamp,
}

/// A group's item but for its content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct GroupState {
    pub(crate) lease: Option<Lease>,
    pub(crate) epoch: u64,
    pub(crate) dirty: u64,
    /// The value of `dirty` up to which someone has gone round.
    pub(crate) seen: u64,
    pub(crate) digest: Option<String>,
    pub(crate) look_at: Option<Timestamp>,
    pub(crate) audited_at: Option<Timestamp>,
}

impl GroupState {
    pub(crate) fn held_by(&self, owner: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.owner == owner)
    }
}

pub(crate) fn group_state(item: &Item) -> Result<GroupState, BadItem> {
    read(item)
}

/// The group that an item holds; none where the item only notes who goes round.
pub(crate) fn group_content(item: &Item) -> Result<Option<Group>, BadItem> {
    if !item.contains_key("content") {
        return Ok(None);
    }
    let group: Group = content(item)?;
    in_place(item, group.name.as_str())?;
    Ok(Some(group))
}

pub(crate) fn binding(item: &Item) -> Result<Binding, BadItem> {
    read(item)
}

/// What stands in a group's partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    Slot(Box<Slot>),
    Action(Box<Action>),
    /// Of a kind that this version does not write.
    Other(String),
}

pub(crate) fn member(item: &Item) -> Result<Member, BadItem> {
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok()).map_or("", String::as_str);
    match sk.split_once('#') {
        Some(("slot", _)) => {
            let slot: Box<Slot> = content(item)?;
            in_place(item, &slot_key(slot.number))?;
            Ok(Member::Slot(slot))
        }
        Some(("action", _)) => {
            let action: Box<Action> = content(item)?;
            in_place(item, &action_key(&action.instance, action.transition))?;
            Ok(Member::Action(action))
        }
        _ => Ok(Member::Other(sk.to_owned())),
    }
}

/// What an item holds is what its key names: a copy under another key would take the other's place in a reading.
fn in_place(item: &Item, holds: &str) -> Result<(), BadItem> {
    let sk = item.get("sk").and_then(|sk| sk.as_s().ok());
    if sk.is_some_and(|sk| sk == holds) {
        return Ok(());
    }
    Err(BadItem::Misplaced { item: name_of(item), holds: holds.to_owned() })
}

/// One group for the sweep; its content is not read, so that a newer layout does not hide it.
pub(crate) fn summary(item: &Item) -> Result<Summary, BadItem> {
    #[derive(Deserialize)]
    struct Named {
        sk: GroupName,
    }
    let Named { sk: group } = read(item)?;
    let state = group_state(item)?;
    Ok(Summary {
        group,
        dirty: state.dirty > state.seen,
        digest: state.digest,
        look_at: state.look_at,
        leased_until: state.lease.map(|lease| lease.expires),
        audited_at: state.audited_at,
    })
}

fn content<T: DeserializeOwned>(item: &Item) -> Result<T, BadItem> {
    #[derive(Deserialize)]
    struct Layout {
        #[serde(default)]
        v: u32,
    }
    let content = item.get("content").ok_or_else(|| BadItem::NoContent { item: name_of(item) })?;
    let Layout { v: found } = parse(item, content)?;
    if found > LAYOUT {
        return Err(BadItem::Newer { item: name_of(item), found });
    }
    parse(item, content)
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, BadItem> {
    parse(item, &AttributeValue::M(item.clone().into_iter().collect()))
}

fn parse<T: DeserializeOwned>(item: &Item, value: &AttributeValue) -> Result<T, BadItem> {
    serde_dynamo::from_attribute_value(value.clone()).map_err(|source| BadItem::Form { item: name_of(item), source })
}

fn name_of(item: &Item) -> String {
    let part = |name: &str| item.get(name).and_then(|v| v.as_s().ok()).cloned().unwrap_or_default();
    format!("{} / {}", part("pk"), part("sk"))
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
