//! Whether an instance has what its group's spec promises, by the truth.

use std::fmt;

use stateful_asg_core::ids::{GroupName, VolumeId};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::{AddressKind, Ready, Spec};
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{AttachmentStatus, Group, InstanceState, LifecycleState, Member, VolumeState};
use stateful_asg_sim::typed::MemoryTable;

use crate::rules::Rules;

/// Something that is not yet as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unserved {
    /// Which instance it is about, if about one.
    pub instance: Option<String>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "{instance}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// How a lacking name is told.
pub(crate) const NAME: &str = "its name";

/// What this instance lacks of what the spec promises; empty if nothing.
#[must_use]
pub fn lacks(aws: &Aws, table: &MemoryTable, group: &GroupName, instance: &str, spec: &Spec) -> Vec<String> {
    let mut held =
        table.slots(group).filter(|slot| slot.holder.as_ref().is_some_and(|h| h.instance.as_str() == instance));
    let (Some(slot), None) = (held.next(), held.next()) else {
        return vec!["it does not hold exactly one slot".to_owned()];
    };
    let mut lacks = Vec::new();
    for name in spec.volumes.keys() {
        let id = slot.volumes.get(name).and_then(|record| record.id.as_ref());
        let attachment = id
            .and_then(|id| aws.volume(id.as_str()))
            .and_then(|volume| volume.attachments.iter().find(|a| a.instance_id == instance));
        match attachment {
            Some(a) if a.status == AttachmentStatus::Attached && !a.delete_on_termination => {}
            other => lacks.push(format!("its volume {name} {id:?} is {other:?}")),
        }
    }
    if spec.address.kind == AddressKind::Eni {
        let id = slot.interface.as_ref().and_then(|record| record.id.as_ref());
        match id.and_then(|id| aws.interface(id.as_str())).and_then(|interface| interface.attachment.as_ref()) {
            Some(a)
                if a.instance_id == instance && a.status == AttachmentStatus::Attached && !a.delete_on_termination => {}
            other => lacks.push(format!("its interface {id:?} is {other:?}")),
        }
    }
    lacks.extend(lacks_name(aws, slot, instance, spec));
    let mounted = aws.instance(instance).and_then(|i| i.tags.get(tags::MOUNTED).cloned());
    if spec.launch.ready != Ready::Attached && mounted != Some(slot.claim.to_string()) {
        lacks.push(format!("its guest said {mounted:?} of claim {}", slot.claim));
    }
    lacks
}

fn lacks_name(aws: &Aws, slot: &Slot, instance: &str, spec: &Spec) -> Option<String> {
    let dns = spec.dns.as_ref()?;
    let name = dns.slot.as_ref()?.name(slot.number);
    let holds = aws.record(dns.zone.as_str(), name.as_str(), "A").map(|record| record.values.clone());
    let address = address(aws, slot, instance);
    let fits = address.is_some() && holds == address.clone().map(|ip| vec![ip]);
    (!fits).then(|| format!("{NAME} {name} holds {holds:?}, not {address:?}"))
}

/// The slot's address where an interface keeps it, else the instance's own.
#[must_use]
pub fn address(aws: &Aws, slot: &Slot, instance: &str) -> Option<String> {
    match slot.interface.as_ref().and_then(|record| record.id.as_ref()) {
        Some(id) => aws.interface(id.as_str()).map(|interface| interface.private_ip_address.clone()),
        None => aws.instance(instance).and_then(|i| i.private_ip_address.clone()),
    }
}

/// Everything about a group that is not yet as it should be once faults and people rest.
#[must_use]
pub fn unserved(aws: &Aws, table: &MemoryTable, rules: &Rules, group: &GroupName) -> Vec<Unserved> {
    let about = |instance: Option<&str>, what: String| Unserved { instance: instance.map(str::to_owned), what };
    let Some(spec) = rules.accepted_spec(group) else {
        return vec![about(None, "no spec is in force".to_owned())];
    };
    let mut all = Vec::new();
    for asg in aws.groups().filter(|asg| is_part(asg, group)) {
        let members: Vec<_> = aws.members(&asg.name).collect();
        let in_service = members.iter().filter(|m| m.state == LifecycleState::InService).count();
        if in_service != asg.desired_capacity as usize {
            all.push(about(None, format!("{} has {in_service} in service of {}", asg.name, asg.desired_capacity)));
        }
        for member in members {
            all.extend(
                unserved_member(aws, table, rules, group, spec, member)
                    .into_iter()
                    .map(|what| about(Some(&member.instance_id), what)),
            );
        }
    }
    all.extend(group_record(aws, table, rules, group, spec).map(|what| about(None, what)));
    all.extend(table.slots(group).filter_map(|slot| left_name(aws, slot)).map(|what| about(None, what)));
    all.extend(table.slots(group).filter_map(|slot| unborn(aws, slot)).map(|what| about(None, what)));
    all
}

/// Once all is quiet, what a vacant slot's name said is gone: also where a function that slept said it again since.
fn left_name(aws: &Aws, slot: &Slot) -> Option<String> {
    let record = slot.record.as_ref().filter(|record| slot.holder.is_none() && record.confirmed.is_empty())?;
    let stands = aws.record(record.key.zone.as_str(), record.key.name.as_str(), "A")?;
    let ours = record.past.iter().any(|past| past.iter().map(ToString::to_string).eq(stands.values.iter().cloned()));
    ours.then(|| {
        format!("{NAME} {} of slot {}, which is vacant, holds {:?}", record.key.name, slot.number, stands.values)
    })
}

/// Once all is quiet, what was made for a vacant slot is known to be there.
fn unborn(aws: &Aws, slot: &Slot) -> Option<String> {
    if slot.holder.is_some() {
        return None;
    }
    let usable = |id: &&VolumeId| aws.volume(id.as_str()).is_some_and(|volume| volume.state == VolumeState::Available);
    let volumes = slot.volumes.values().filter(|record| !record.born).filter_map(|record| record.id.as_ref());
    let volume = volumes.into_iter().find(usable).map(ToString::to_string);
    let interface = slot.interface.iter().filter(|record| !record.born).filter_map(|record| record.id.as_ref());
    let mut stands = interface.filter(|id| aws.interface(id.as_str()).is_some()).map(ToString::to_string);
    let id = volume.or_else(|| stands.next())?;
    Some(format!("{id} of slot {}, which is vacant, is there and not yet on record as such", slot.number))
}

fn is_part(asg: &Group, group: &GroupName) -> bool {
    asg.tags.get(tags::GROUP).is_some_and(|tag| tag.value == group.as_str()) && asg.status.is_none()
}

#[allow(clippy::wildcard_enum_match_arm, reason = "of all states these few are well")]
fn unserved_member(
    aws: &Aws,
    table: &MemoryTable,
    rules: &Rules,
    group: &GroupName,
    spec: &Spec,
    member: &Member,
) -> Vec<String> {
    let id = &member.instance_id;
    let running = aws.instance(id).is_some_and(|i| i.state == InstanceState::Running);
    match member.state {
        LifecycleState::InService if !running => vec!["is in service and does not run".to_owned()],
        LifecycleState::InService if rules.came_through_hook(id) => lacks(aws, table, group, id, spec),
        LifecycleState::InService | LifecycleState::Standby | LifecycleState::TerminatingRetained => Vec::new(),
        state if state.is_warmed() && !state.is_wait() => Vec::new(),
        state => vec![format!("is {}", state.name())],
    }
}

/// Once all is quiet, the group's record holds the addresses of exactly those in service.
fn group_record(aws: &Aws, table: &MemoryTable, rules: &Rules, group: &GroupName, spec: &Spec) -> Option<String> {
    let dns = spec.dns.as_ref()?;
    let name = dns.group.as_ref()?;
    let in_service = |slot: &&Shared<Slot>| {
        slot.holder
            .as_ref()
            .is_some_and(|h| aws.member(h.instance.as_str()).is_some_and(|m| m.state == LifecycleState::InService))
    };
    let mut wanted: Vec<String> = table
        .slots(group)
        .filter(in_service)
        .filter_map(|slot| slot.holder.as_ref().and_then(|h| address(aws, slot, h.instance.as_str())))
        .collect();
    wanted.sort();
    // After the loss of the table `adopt` leaves alone what holds an address that it cannot tell, and says so: it is nobody's
    // until a person deletes it. Where somebody serves, the planner names it (`RecordForeign`).
    let is_nobodys = rules.lost_table() && table.group(group).is_some_and(|item| item.record.is_none());
    if is_nobodys && wanted.is_empty() {
        return None;
    }
    let mut holds =
        aws.record(dns.zone.as_str(), name.as_str(), "A").map(|record| record.values.clone()).unwrap_or_default();
    holds.sort();
    (holds != wanted).then(|| format!("the group's record {name} holds {holds:?}, not {wanted:?}"))
}
