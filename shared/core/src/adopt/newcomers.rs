//! Members in service that never came through our hook: each gets a slot with what it has.

use std::collections::{BTreeMap, BTreeSet};

use crate::adopt::case::Case;
use crate::adopt::evidence::Evidence;
use crate::adopt::{names, rebuild};
use crate::cloud::{Attachment, AttachmentState, Instance, Interface, Volume, slot_of};
use crate::ids::{Claim, InstanceId, SlotNumber, VolumeId, VolumeName};
use crate::plan::Phase;
use crate::spec::AddressKind;
use crate::table::{Holder, Slot};
use crate::tags;

/// Proposes a slot for each, in the order of their launch.
pub(super) fn slots(case: &mut Case<'_>) {
    let recorded = case.obs.record.as_ref().map_or(0, |group| group.next_slot);
    let seen = super::evidence::numbers(case.obs).last().map_or(0, |number| number.0.saturating_add(1));
    let mut next = recorded.max(seen);
    for instance in newcomers(case) {
        if let Some(slot) = slot(case, SlotNumber(next), instance) {
            case.new.push(slot);
            next = next.saturating_add(1);
        }
    }
    if let Some(max) = case.spec.slots.max.filter(|max| next > *max && !case.new.is_empty()) {
        case.notice("group", format!("it will have {next} slots, more than slots.max = {max} of its spec"));
    }
}

/// Members in service without a slot, and without a sign that they ever had one.
fn newcomers<'o>(case: &Case<'o>) -> Vec<&'o Instance> {
    let members = case.obs.asgs.iter().filter(|asg| !asg.deleting).flat_map(|asg| asg.members.iter());
    let mut found: Vec<&Instance> = members
        .filter(|(id, _)| !case.wishes.leave_out.contains(*id) && case.held_by(id).is_none())
        .filter_map(|(id, member)| case.obs.instances.get(id).map(|instance| (instance, member)))
        .filter(|(instance, member)| Phase::of(Some(instance), Some(member)) == Phase::InService)
        .map(|(instance, _)| instance)
        .filter(|instance| slot_of(&instance.tags).is_none())
        .collect();
    found.sort_by_key(|instance| (instance.launched, instance.id.clone()));
    found
}

fn slot(case: &mut Case<'_>, number: SlotNumber, instance: &Instance) -> Option<Slot> {
    let unread: Vec<VolumeId> =
        instance.volumes.iter().filter(|id| !case.obs.volumes.contains_key(id)).cloned().collect();
    if !unread.is_empty() {
        case.needs.volumes.extend(unread);
        return None;
    }
    let before = case.refused.len();
    let volumes = volumes(case, instance);
    let interface = interface(case, instance);
    if case.refused.len() > before {
        return None;
    }
    let mut slot = rebuild::bare(case, number, instance.zone.clone(), &Evidence::of(case.obs, number));
    slot.claim = Claim(1);
    slot.holder = Some(Holder { instance: instance.id.clone(), since: case.now, absent_since: None });
    slot.vacated = None;
    slot.volumes = volumes.iter().map(|(name, volume)| (name.clone(), case.volume_record(name, volume))).collect();
    slot.interface = interface.and_then(|found| case.interface_record(found, instance.subnet.as_ref()));
    slot.record = names::slot_record(case, &slot);
    Some(slot)
}

/// The volumes attached to it that are, or could be, its data.
fn attached<'o>(case: &Case<'o>, instance: &Instance) -> Vec<(&'o Volume, &'o Attachment)> {
    let volumes = instance.volumes.iter().filter_map(|id| case.obs.volumes.get(id));
    volumes.filter_map(|volume| volume.attachment_to(&instance.id).map(|attachment| (volume, attachment))).collect()
}

type Mapped<'o> = BTreeMap<VolumeName, &'o Volume>;

fn volumes<'o>(case: &mut Case<'o>, instance: &Instance) -> Mapped<'o> {
    let attached = attached(case, instance);
    let mut mapped = Mapped::new();
    let mut taken: BTreeSet<&VolumeId> = BTreeSet::new();
    for rule in [by_device, by_tag, by_preferred_device, by_size, the_only_one] {
        for name in case.spec.volumes.keys() {
            if mapped.contains_key(name) {
                continue;
            }
            let open: Vec<_> = attached.iter().copied().filter(|(volume, _)| !taken.contains(&volume.id)).collect();
            let missing = case.spec.volumes.keys().filter(|name| !mapped.contains_key(*name)).count();
            if let Some(volume) = rule(case, name, &open, missing) {
                taken.insert(&volume.id);
                mapped.insert(name.clone(), volume);
            }
        }
    }
    for name in case.spec.volumes.keys().filter(|name| !mapped.contains_key(*name)) {
        let open = attached.iter().filter(|(volume, _)| !taken.contains(&volume.id));
        let open: Vec<String> = open.map(|(volume, at)| format!("{} at {}", volume.id, at.device)).collect();
        let message = if open.is_empty() {
            format!("has no volume for `{name}`: attach one, or leave the instance out (--leave-out)")
        } else {
            format!("which volume is `{name}` cannot be told ({}): say --volume {name}=DEVICE", open.join(", "))
        };
        case.refused.push(crate::spec::Problem { path: instance.id.to_string(), message });
    }
    for volume in mapped.values() {
        check(case, &instance.id, volume);
    }
    for (volume, _) in attached.iter().filter(|(volume, _)| !taken.contains(&volume.id)) {
        case.notice(&instance.id, format!("{} is none of its slot's volumes, and stays as it is", volume.id));
    }
    mapped
}

type Open<'o> = [(&'o Volume, &'o Attachment)];

/// A person named the device.
fn by_device<'o>(case: &Case<'_>, name: &VolumeName, open: &Open<'o>, _: usize) -> Option<&'o Volume> {
    let device = case.wishes.devices.get(name)?;
    one(open.iter().filter(|(_, at)| at.device == device.as_str()))
}

/// The volume bears its name.
fn by_tag<'o>(case: &Case<'_>, name: &VolumeName, open: &Open<'o>, _: usize) -> Option<&'o Volume> {
    unless_named(case, name)?;
    one(open.iter().filter(|(volume, _)| volume.name().as_ref() == Some(name)))
}

/// It is where the spec would attach it.
fn by_preferred_device<'o>(case: &Case<'_>, name: &VolumeName, open: &Open<'o>, _: usize) -> Option<&'o Volume> {
    unless_named(case, name)?;
    let device = case.spec.volumes.get(name)?.device.as_ref()?;
    one(open.iter().filter(|(_, at)| at.device == device.as_str()))
}

/// Its size is that of this name alone.
fn by_size<'o>(case: &Case<'_>, name: &VolumeName, open: &Open<'o>, _: usize) -> Option<&'o Volume> {
    unless_named(case, name)?;
    let size = case.spec.volumes.get(name)?.params.size_gib;
    let alone = case.spec.volumes.values().filter(|spec| spec.params.size_gib == size).count() == 1;
    alone.then(|| one(open.iter().filter(|(volume, _)| volume.size_gib == size && volume.name().is_none()))).flatten()
}

/// One name is left, and one volume.
fn the_only_one<'o>(case: &Case<'_>, name: &VolumeName, open: &Open<'o>, missing: usize) -> Option<&'o Volume> {
    unless_named(case, name)?;
    let alone = missing == 1 && open.len() == 1;
    alone.then(|| one(open.iter().filter(|(volume, _)| volume.name().is_none()))).flatten()
}

/// What a person said of a name is final: nothing else is guessed.
fn unless_named(case: &Case<'_>, name: &VolumeName) -> Option<()> {
    (!case.wishes.devices.contains_key(name)).then_some(())
}

fn one<'a, 'o: 'a>(mut found: impl Iterator<Item = &'a (&'o Volume, &'o Attachment)>) -> Option<&'o Volume> {
    let first = found.next().map(|(volume, _)| *volume);
    first.filter(|_| found.next().is_none())
}

fn check(case: &mut Case<'_>, instance: &InstanceId, volume: &Volume) {
    let id = &volume.id;
    if let Some(other) = case.owner_of(id) {
        case.refuse(instance, format!("{id} is on the record of slot {other}"));
    }
    if let Some(other) = volume.slot() {
        case.refuse(instance, format!("{id} bears the tag of slot {other}: remove it if that slot never had it"));
    }
    if volume.tags.contains_key(tags::SUPERSEDED) || volume.tags.contains_key(tags::FOR_SLOT) {
        case.refuse(instance, format!("{id} was left behind by a slot, or is being made for one"));
    }
    if case.is_foreign(&volume.tags) {
        case.refuse(instance, format!("{id} bears the tags of another group or deployment"));
    }
    if volume.multi_attach || volume.attachments.len() > 1 {
        case.refuse(instance, format!("{id} may be attached to several instances: such volumes are not served"));
    }
    if volume.attachments.iter().any(|attachment| attachment.state != AttachmentState::Attached) {
        case.refuse(instance, format!("{id} is being attached or detached: run this again when it has come to rest"));
    }
}

/// Its second interface, which must bear the group's tags: others cannot be told from what the operating system uses.
fn interface<'o>(case: &mut Case<'o>, instance: &Instance) -> Option<&'o Interface> {
    if case.spec.address.kind != AddressKind::Eni {
        return None;
    }
    let has = |interface: &&Interface| {
        let attached = interface.attachment.as_ref().and_then(|attachment| attachment.instance.as_ref());
        attached == Some(&instance.id) && case.is_ours(&interface.tags)
    };
    let found: Vec<&Interface> = case.obs.interfaces.values().filter(has).collect();
    if let Some((one, owner)) = found.iter().find_map(|one| Some((one, case.interface_owner(&one.id)?))) {
        case.refuse(&instance.id, format!("{} is on the record of slot {owner}", one.id));
        return None;
    }
    match found.as_slice() {
        [one] if slot_of(&one.tags).is_some() => {
            case.refuse(&instance.id, format!("{} bears the tag of another slot", one.id));
            None
        }
        [one] => Some(one),
        [] if instance.interface_indexes.iter().any(|index| *index > 0) => {
            let message = format!(
                "has a second network interface that does not bear the group's tags: set {} and {} on it, and run this again",
                tags::GROUP,
                tags::DEPLOYMENT
            );
            case.refuse(&instance.id, message);
            None
        }
        [] => {
            case.notice(&instance.id, "has no second network interface: one is made for its slot and attached");
            None
        }
        several => {
            let ids: Vec<String> = several.iter().map(|interface| interface.id.to_string()).collect();
            case.refuse(&instance.id, format!("which of {} is its slot's cannot be told", ids.join(" and ")));
            None
        }
    }
}
