//! What an answer showed the actor that asked, in a line: for the story of a history, and for nothing else.

use std::collections::BTreeMap;
use std::fmt::Display;

use stateful_asg_core::cloud::{
    Asg, Attachment, Hook, Instance, Interface, InterfaceAttachment, Modification, RecordSeen, Snapshot, Subnet,
    Volume, VolumeState,
};
use stateful_asg_core::ids::InstanceId;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Binding, Group, Slot, SlotState};
use stateful_asg_runtime::ports::{Summary, Woken};

/// How many of a kind a line names.
const MOST: usize = 8;

/// The first few, and how many more there are.
pub(super) fn some<T>(all: impl IntoIterator<Item = T>, word: impl Fn(T) -> String) -> String {
    let mut all = all.into_iter();
    let mut words: Vec<String> = all.by_ref().take(MOST).map(word).collect();
    let more = all.count();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.join(", ")
}

/// The kind of what is listed, and the list; or that there is none.
fn list<'t, T: 't>(kind: &str, all: impl IntoIterator<Item = &'t T>, word: impl Fn(&T) -> String) -> String {
    let words = some(all, word);
    if words.is_empty() { format!("no {kind}") } else { format!("{kind} {words}") }
}

/// A state as AWS spells it, where that is one word.
fn lower(state: impl std::fmt::Debug) -> String {
    format!("{state:?}").to_lowercase()
}

pub(super) fn asgs<'t>(seen: impl IntoIterator<Item = &'t Asg>) -> String {
    list("groups", seen, |asg| {
        let members = some(&asg.members, |(id, member)| format!("{id} {:?}", member.lifecycle));
        let deleting = if asg.deleting { " being deleted" } else { "" };
        format!("{}{deleting}, {} desired [{members}]", asg.name, asg.desired)
    })
}

pub(super) fn hooks(seen: &[Hook]) -> String {
    list("hooks", seen, |hook| format!("{} ({:?}, {} s)", hook.name, hook.transition, hook.heartbeat_timeout))
}

pub(super) fn instances(seen: &[Instance]) -> String {
    list("instances", seen, |instance| format!("{} {}", instance.id, lower(instance.state)))
}

pub(super) fn volumes(seen: &[Volume]) -> String {
    list("volumes", seen, |volume| {
        let state = if volume.state == VolumeState::InUse { "in-use".to_owned() } else { lower(volume.state) };
        let by = |one: &Attachment| format!("{} ({})", one.instance, lower(one.state));
        let by: Vec<String> = volume.attachments.iter().map(by).collect();
        let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" and ")) };
        format!("{} {state}{by}", volume.id)
    })
}

pub(super) fn interfaces(seen: &[Interface]) -> String {
    let held = |one: &InterfaceAttachment| {
        let by = one.instance.as_ref().map_or("AWS", InstanceId::as_str);
        format!("in-use by {by} ({})", lower(one.state))
    };
    list("interfaces", seen, |interface| {
        let free = if interface.available { "available" } else { "attached to nobody" };
        format!("{} {}", interface.id, interface.attachment.as_ref().map_or_else(|| free.to_owned(), held))
    })
}

pub(super) fn subnets(seen: &[Subnet]) -> String {
    list("subnets", seen, |subnet| format!("{} in {}", subnet.id, subnet.zone))
}

/// There may be many: they are counted, by state.
pub(super) fn snapshots(seen: &[Snapshot]) -> String {
    let mut counts = BTreeMap::new();
    seen.iter().for_each(|snapshot| *counts.entry(snapshot.state).or_insert(0_u32) += 1);
    list("snapshots:", &counts.into_iter().collect::<Vec<_>>(), |(state, count)| format!("{count} {}", lower(state)))
}

pub(super) fn modifications(seen: &[Modification]) -> String {
    list("changes of volumes", seen, |change| format!("{} {}", change.volume, lower(change.state)))
}

pub(super) fn record(name: impl Display, seen: &RecordSeen) -> String {
    match seen {
        RecordSeen::Absent => format!("no record {name}"),
        RecordSeen::A { ttl, values } => format!("record {name}: {} for {ttl} s", some(values, ToString::to_string)),
        RecordSeen::Other(what) => format!("record {name}: {what}"),
    }
}

pub(super) fn group(seen: Option<&Group>) -> String {
    let Some(group) = seen else { return "no item of the group".to_owned() };
    let spec = group.spec.as_ref().map_or_else(|| "no spec".to_owned(), |spec| format!("spec {}", spec.number));
    format!("the group's item at generation {}, next slot {}, {spec}", group.generation, group.next_slot)
}

pub(super) fn slots(slots: &[Shared<Slot>], actions: &[Action]) -> String {
    let slots =
        list("slots", slots, |slot| format!("{} at generation {}, {}", slot.number, slot.generation, held(slot)));
    let actions = list("actions", actions, action);
    format!("{slots}; {actions}")
}

/// Who holds a slot.
pub(super) fn held(slot: &Slot) -> String {
    let by = slot.holder.as_ref().map_or_else(|| "vacant".to_owned(), |holder| format!("held by {}", holder.instance));
    if slot.state == SlotState::Active { by } else { format!("{} and {by}", lower(slot.state)) }
}

/// A lifecycle action, and whether it was answered.
pub(super) fn action(action: &Action) -> String {
    let done = action.done.as_ref().map_or_else(|| "open".to_owned(), |done| lower(done.result));
    format!("{} of {} ({done})", lower(action.transition), action.instance)
}

pub(super) fn binding(instance: &InstanceId, seen: Option<&Binding>) -> String {
    let slot = seen.map_or_else(|| "no slot".to_owned(), |bound| format!("slot {} of {}", bound.slot, bound.group));
    format!("{instance} bound to {slot}")
}

pub(super) fn summaries<'t>(seen: impl IntoIterator<Item = &'t Summary>) -> String {
    list("groups on record", seen, |summary| {
        let dirty = if summary.dirty { "dirty" } else { "settled" };
        let leased = if summary.leased_until.is_some() { ", leased" } else { "" };
        let look_at = summary.look_at.map(|at| format!(", to be looked at {at}")).unwrap_or_default();
        format!("{} ({dirty}{leased}{look_at})", summary.group)
    })
}

pub(super) fn woken(seen: &Woken) -> String {
    let Woken { ours, dirty, epoch, record } = seen;
    let whose = if *ours { "its own" } else { "another's" };
    format!("the lease is {whose}, wake {dirty}, epoch {epoch}; {}", group(record.as_ref()))
}
