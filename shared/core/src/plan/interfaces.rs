//! A slot's network interface: made once for a zone, attached to each holder in turn, its address never changes.

use std::collections::BTreeSet;

use crate::cloud::{AttachmentState, Instance, Interface, Tags, slot_of};
use crate::ids::{InterfaceId, SecurityGroupId, SlotNumber, SubnetId};
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, take};
use crate::plan::view::{View, later};
use crate::plan::volumes::token;
use crate::plan::{ATTACH_STUCK, CERTAINLY_ABSENT};
use crate::spec::{AddressKind, Choice};
use crate::step::{Step, Why};
use crate::table::{Bound, InterfaceRecord, Slot};
use crate::tags;
use crate::waiting::Reason;

/// Notes births, absences, and IDs that the tags tell.
pub(crate) fn note(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let Some(record) = &slot.interface else { return };
    let mut next = record.clone();
    let why = match &record.id {
        Some(id) if view.obs.absent.interfaces.contains(id) => absent(view, record, &mut next),
        Some(id) => view.obs.interfaces.get(id).and_then(|interface| seen(interface, &mut next)),
        None => tagged(view, slot, record.attempt).and_then(|interface| {
            next.id = Some(interface.id.clone());
            seen(interface, &mut next).or(Some(Why::InterfaceKnown))
        }),
    };
    let Some(why) = why else { return };
    let entry = draft.slot(slot.number);
    entry.why.insert(why);
    match (&record.id, &next.id) {
        (None, Some(id)) => {
            entry.bind.insert(Bound::Interface(id.clone()));
        }
        (Some(id), None) => {
            entry.unbind.insert(Bound::Interface(id.clone()));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    entry.slot.interface = Some(next);
}

fn absent(view: &View<'_>, record: &InterfaceRecord, next: &mut InterfaceRecord) -> Option<Why> {
    if record.absent_since.is_none() {
        next.absent_since = Some(view.now);
        return Some(Why::AbsenceNoted);
    }
    // No data is lost with an interface, and its successor gets the same address.
    view.past(record.absent_since, CERTAINLY_ABSENT).then(|| {
        next.attempt = next.attempt.saturating_add(1);
        next.id = None;
        next.born = false;
        next.absent_since = None;
        Why::NextAttempt
    })
}

fn seen(interface: &Interface, next: &mut InterfaceRecord) -> Option<Why> {
    let mut why = None;
    if next.absent_since.take().is_some() {
        why = Some(Why::AbsenceNoted);
    }
    if !next.born && interface.ip.is_some() && (interface.available || interface.attachment.is_some()) {
        next.born = true;
        next.ip = interface.ip;
        why = Some(Why::InterfaceKnown);
    }
    why
}

/// The interface that bears this slot's tag: the attempt's own, else the only one.
fn tagged<'o>(view: &View<'o>, slot: &Slot, attempt: u32) -> Option<&'o Interface> {
    let found: Vec<&Interface> = of_slot(view, slot).collect();
    let attempt = attempt.to_string();
    let ours = found.iter().find(|interface| interface.tags.get(tags::ATTEMPT) == Some(&attempt));
    ours.or(if found.len() == 1 { found.first() } else { None }).copied()
}

/// Interfaces that bear the slot's tag and were not left behind.
fn of_slot<'o>(view: &View<'o>, slot: &Slot) -> impl Iterator<Item = &'o Interface> {
    let (number, attempts) = (slot.number, slot.upkeep.attempts);
    let left: BTreeSet<InterfaceId> = slot.upkeep.left_interfaces.keys().cloned().collect();
    let present = slot.interface.as_ref().map(|record| record.attempt);
    view.obs
        .interfaces
        .values()
        .filter(move |interface| slot_of(&interface.tags) == Some(number) && !left.contains(&interface.id))
        .filter(move |interface| {
            let attempt = interface.tags.get(tags::ATTEMPT).and_then(|text| text.parse::<u32>().ok());
            attempt.is_none_or(|attempt| attempt > attempts || Some(attempt) == present)
        })
}

/// The slot's interface, if it was not read as free.
pub(crate) fn not_free(view: &View<'_>, slot: &Slot) -> Vec<String> {
    slot.interface
        .iter()
        .filter_map(|record| record.id.as_ref().map(|id| (id, record)))
        .filter(|(id, record)| match view.obs.interfaces.get(id) {
            Some(interface) => !interface.available || interface.attachment.is_some(),
            None => !(view.obs.absent.interfaces.contains(id) && view.past(record.absent_since, CERTAINLY_ABSENT)),
        })
        .map(|(id, _)| id.to_string())
        .collect()
}

/// It bears our deployment's tag: without it, it is out of our reach.
pub(crate) fn is_ours(view: &View<'_>, shown: &Tags) -> bool {
    shown.get(tags::DEPLOYMENT).map(String::as_str) == Some(view.obs.deployment.as_str())
}

/// Records an attempt, if the spec asks for an interface and the slot has none.
pub(crate) fn intend(view: &View<'_>, draft: &mut Draft<'_>, number: SlotNumber) {
    let slot = &draft.slot(number).slot;
    if view.spec.address.kind != AddressKind::Eni || slot.interface.is_some() {
        return;
    }
    let Some(instance) = slot.holder.as_ref().and_then(|holder| view.instance(&holder.instance)) else { return };
    let Some(subnet) = choose_subnet(view, instance, draft) else { return };
    let security_groups: Vec<SecurityGroupId> = match &view.spec.address.security_groups {
        Choice::Group => instance.security_groups.clone(),
        Choice::List(list) => list.clone(),
    };
    let entry = draft.slot(number);
    entry.why.insert(Why::InterfaceIntended);
    entry.slot.interface = Some(InterfaceRecord {
        attempt: entry.slot.upkeep.attempts.saturating_add(1),
        subnet,
        security_groups,
        id: None,
        ip: None,
        born: false,
        absent_since: None,
    });
}

/// The instance's own subnet, or the spec's first one in its zone.
fn choose_subnet(view: &View<'_>, instance: &Instance, draft: &mut Draft<'_>) -> Option<SubnetId> {
    match &view.spec.address.subnets {
        Choice::Group => instance.subnet.clone(),
        Choice::List(list) => {
            draft.look.subnets.extend(list.iter().filter(|id| !view.obs.subnets.contains_key(id)).cloned());
            list.iter().find(|id| view.obs.subnet(id).is_some_and(|subnet| subnet.zone == instance.zone)).cloned()
        }
    }
}

/// Plans what the interface still needs.
pub(crate) fn serve(view: &View<'_>, slot: &Slot, holder: Option<&Instance>, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    if view.spec.address.kind != AddressKind::Eni {
        return;
    }
    let Some(record) = &slot.interface else {
        if holder.is_some() && draft.slot(slot.number).slot.interface.is_none() {
            let looking = !draft.look.subnets.is_empty();
            lacks.reasons.push(if looking { Reason::InterfaceCreating } else { Reason::NoSubnet(slot.zone.clone()) });
        }
        return;
    };
    let Some(id) = &record.id else {
        create(view, slot, record, draft, lacks);
        return;
    };
    let Some(interface) = view.obs.interfaces.get(id) else {
        if let Some(since) = record.absent_since {
            draft.look_at(later(since, CERTAINLY_ABSENT));
        }
        lacks.reasons.push(Reason::InterfaceUnseen(id.clone()));
        return;
    };
    if !record.born {
        lacks.reasons.push(Reason::InterfaceCreating);
        return;
    }
    if !is_ours(view, &interface.tags) {
        lacks.reasons.push(Reason::InterfaceForeign(id.clone()));
        return;
    }
    match holder {
        Some(instance) => attach(view, slot, interface, instance, draft, lacks),
        None => detach(view, slot, interface, draft, lacks),
    }
}

fn create(view: &View<'_>, slot: &Slot, record: &InterfaceRecord, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    lacks.pending = true;
    if of_slot(view, slot).next().is_some() {
        let known = draft.slot(slot.number).slot.interface.as_ref().is_some_and(|record| record.id.is_some());
        if !known {
            lacks.reasons.push(Reason::InterfaceCreating);
        }
        return;
    }
    let step = Step::CreateInterface {
        slot: slot.number,
        subnet: record.subnet.clone(),
        security_groups: record.security_groups.clone(),
        ip: record.ip,
        token: token(view.obs, slot.number, "interface", record.attempt),
        tags: view.own_tags(slot.number, record.attempt),
    };
    take(view, step, draft, lacks);
}

fn attach(
    view: &View<'_>,
    slot: &Slot,
    interface: &Interface,
    instance: &Instance,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    let id = interface.id.clone();
    match &interface.attachment {
        None if interface.available && view.obs.notes.full.contains(&instance.id) => {
            lacks.reasons.push(Reason::AttachLimit(format!("{} takes no further interface", instance.id)));
        }
        None if interface.available => {
            let index = (1..16).find(|index| !instance.interface_indexes.contains(index)).unwrap_or(16);
            let step = Step::AttachInterface { slot: slot.number, interface: id, instance: instance.id.clone(), index };
            take(view, step, draft, lacks);
        }
        None => lacks.reasons.push(Reason::InterfaceInTransit(id)),
        Some(attachment) if attachment.instance.as_ref() != Some(&instance.id) => {
            lacks.reasons.push(Reason::InterfaceHeldBy { interface: id, instance: attachment.instance.clone() });
        }
        Some(attachment)
            if attachment.state == AttachmentState::Attaching && view.past(attachment.since, ATTACH_STUCK) =>
        {
            lacks.reasons.push(Reason::AttachStuck { what: id.to_string() });
        }
        Some(attachment) if attachment.state != AttachmentState::Attached => {
            lacks.reasons.push(Reason::InterfaceInTransit(id));
        }
        Some(attachment) if attachment.delete_on_termination => {
            take(view, Step::KeepInterface { interface: id, attachment: attachment.id.clone() }, draft, lacks);
        }
        Some(_) => {}
    }
}

/// Detaches from a holder that Auto Scaling takes out and whose guest has released it for this claim.
fn detach(view: &View<'_>, slot: &Slot, interface: &Interface, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let Some(holder) = &slot.holder else { return };
    if !view.has_released(slot) {
        return;
    }
    let attachment = interface.attachment.as_ref().filter(|a| a.instance.as_ref() == Some(&holder.instance));
    let Some(attachment) = attachment else { return };
    if attachment.state == AttachmentState::Attached {
        let step = Step::DetachInterface {
            slot: slot.number,
            interface: interface.id.clone(),
            instance: holder.instance.clone(),
            attachment: attachment.id.clone(),
        };
        take(view, step, draft, lacks);
    } else {
        lacks.reasons.push(Reason::InterfaceInTransit(interface.id.clone()));
    }
}
