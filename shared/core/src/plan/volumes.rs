//! A slot's volumes: attempts to create them, their birth, and their way to the holder.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::cloud::{Attachment, AttachmentState, Instance, Tags, Volume, VolumeState};
use crate::ids::{DeviceName, SlotNumber, VolumeName};
use crate::observed::{FailureKind, Observed};
use crate::plan::change::anew;
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, set_tags, take};
use crate::plan::view::{View, later};
use crate::plan::{ATTACH_STUCK, CERTAINLY_ABSENT};
use crate::spec::{VolumeParams, VolumeSpec};
use crate::step::{Step, Why};
use crate::table::{Bound, Slot, VolumeRecord};
use crate::tags;
use crate::waiting::Reason;

/// Notes births, absences, and IDs that the tags tell.
pub(crate) fn note(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    for (name, record) in &slot.volumes {
        let named = anew::named(view, slot, (name, record), draft);
        let (mut next, why) = match &record.id {
            Some(id) if view.obs.absent.volumes.contains(id) => absent(view, record),
            Some(id) => seen(record, view.obs.volumes.get(id)),
            None => match found_by_tag(view.obs, slot, name, record) {
                (_, None) if tagged(view.obs, slot.number, name).next().is_none() => {
                    match spent(view, slot, name, record) {
                        Some(next) => (next, Some(Why::NextAttempt)),
                        None => anew::mended(view, slot, name, record, named.as_ref()),
                    }
                }
                found => found,
            },
        };
        let Some(why) = why else { continue };
        if why == Why::NextAttempt {
            next.params = anew::params_in_force(view, slot, name, &record.params, named.as_ref());
            if let Some(saved) = &named {
                anew::follow(slot, name, saved, draft);
            }
        }
        let entry = draft.slot(slot.number);
        entry.why.insert(why);
        if let (None, Some(id)) = (&record.id, &next.id) {
            entry.bind.insert(Bound::Volume(id.clone()));
        }
        if let (Some(id), None) = (&record.id, &next.id) {
            entry.unbind.insert(Bound::Volume(id.clone()));
        }
        entry.slot.volumes.insert(name.clone(), next);
    }
}

/// The next attempt with these parameters, if EC2 refused the last one's and they differ.
pub(crate) fn mended_by(
    view: &View<'_>,
    slot: &Slot,
    name: &VolumeName,
    record: &VolumeRecord,
    params: VolumeParams,
) -> Option<VolumeRecord> {
    let key = Step::create_volume_key(slot.number, name);
    let refused = view.obs.notes.failures.get(&key).is_some_and(|failure| {
        matches!(failure.kind, FailureKind::Invalid | FailureKind::Key | FailureKind::Quota | FailureKind::NotFound)
    });
    let next = || VolumeRecord { attempt: record.attempt.saturating_add(1), params: params.clone(), ..record.clone() };
    (refused && params != record.params).then(next)
}

/// The next attempt, if what this one made is another slot's by now.
pub(crate) fn spent(view: &View<'_>, slot: &Slot, name: &VolumeName, record: &VolumeRecord) -> Option<VolumeRecord> {
    let spent = view.obs.notes.spent.contains(&token(view.obs, slot.number, name.as_str(), record.attempt));
    spent.then(|| VolumeRecord { attempt: record.attempt.saturating_add(1), ..record.clone() })
}

pub(crate) fn absent(view: &View<'_>, record: &VolumeRecord) -> (VolumeRecord, Option<Why>) {
    let mut next = record.clone();
    match record.absent_since {
        None => {
            next.absent_since = Some(view.now);
            (next, Some(Why::AbsenceNoted))
        }
        // A born volume is never replaced here: its data counts, and a person decides.
        Some(_) if !record.born && view.past(record.absent_since, CERTAINLY_ABSENT) => {
            next.attempt = next.attempt.saturating_add(1);
            next.id = None;
            next.absent_since = None;
            (next, Some(Why::NextAttempt))
        }
        Some(_) => (next, None),
    }
}

fn seen(record: &VolumeRecord, volume: Option<&Volume>) -> (VolumeRecord, Option<Why>) {
    let mut next = record.clone();
    let Some(volume) = volume else { return (next, None) };
    let mut why = None;
    if record.absent_since.is_some() {
        next.absent_since = None;
        why = Some(Why::AbsenceNoted);
    }
    if !record.born && volume.is_born() {
        next.born = true;
        why = Some(Why::VolumeBorn);
    }
    (next, why)
}

fn found_by_tag(obs: &Observed, slot: &Slot, name: &VolumeName, record: &VolumeRecord) -> (VolumeRecord, Option<Why>) {
    let mut next = record.clone();
    let attempt = record.attempt.to_string();
    // An answer may have been folded in while another slot took what it names: then its tags tell nothing.
    let found: Vec<&Volume> =
        tagged(obs, slot.number, name).filter(|volume| !obs.is_anothers(slot.number, &volume.id)).collect();
    let ours = found.iter().find(|volume| volume.tags.get(tags::ATTEMPT) == Some(&attempt));
    // An earlier attempt that turned up late is taken, if it is the only one: never two.
    let chosen = ours.or(if found.len() == 1 { found.first() } else { None });
    let Some(volume) = chosen else { return (next, None) };
    next.id = Some(volume.id.clone());
    next.born = volume.is_born();
    let why = if next.born { Why::VolumeBorn } else { Why::VolumeKnown };
    (next, Some(why))
}

/// Volumes that bear this slot's and name's tags and exist.
pub(crate) fn tagged<'o>(obs: &'o Observed, slot: SlotNumber, name: &VolumeName) -> impl Iterator<Item = &'o Volume> {
    let name = name.clone();
    obs.volumes
        .values()
        .filter(move |volume| volume.slot() == Some(slot) && volume.name().as_ref() == Some(&name))
        .filter(|volume| !volume.tags.contains_key(tags::SUPERSEDED))
        .filter(|volume| !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted))
        .filter(move |volume| !left_behind(obs, slot, volume))
}

/// It was the slot's once: a reading may lag behind the tag that says so.
fn left_behind(obs: &Observed, slot: SlotNumber, volume: &Volume) -> bool {
    let attempt = volume.tags.get(tags::ATTEMPT).and_then(|text| text.parse::<u32>().ok());
    obs.slots.get(&slot).is_some_and(|slot| {
        // The volumes of a slot share its numbers: the attempt that is on record may be no higher than another's.
        let on_record = slot.volumes.iter().any(|(name, record)| match &record.id {
            Some(id) => *id == volume.id,
            None => volume.name().as_ref() == Some(name) && attempt == Some(record.attempt),
        });
        let earlier = attempt.is_some_and(|attempt| attempt <= slot.upkeep.attempts);
        slot.upkeep.superseded.contains_key(&volume.id) || (earlier && !on_record)
    })
}

/// The slot's volumes that were not read as free. One that a single reading misses is not free: it may be attached.
pub(crate) fn not_free(view: &View<'_>, slot: &Slot) -> Vec<String> {
    let gone = |id, record: &VolumeRecord| {
        view.obs.absent.volumes.contains(id) && view.past(record.absent_since, CERTAINLY_ABSENT)
    };
    slot.volumes
        .values()
        .filter_map(|record| record.id.as_ref().map(|id| (id, record)))
        .filter(|(id, record)| match view.obs.volumes.get(id) {
            Some(volume) => {
                !(volume.is_free() || (volume.attachments.is_empty() && volume.state != VolumeState::InUse))
            }
            None => !gone(id, record),
        })
        .map(|(id, _)| id.to_string())
        .collect()
}

/// Plans what each volume of the spec still needs.
pub(crate) fn serve(view: &View<'_>, slot: &Slot, holder: Option<&Instance>, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let mut devices: BTreeSet<DeviceName> = BTreeSet::new();
    for (name, spec) in &view.spec.volumes {
        let Some(record) = slot.volumes.get(name) else {
            // Its attempt is being recorded, or a stray volume keeps it from being made: not served without it.
            lacks.pending = true;
            continue;
        };
        let Some(id) = &record.id else {
            create(view, slot, name, record, draft, lacks);
            continue;
        };
        let Some(volume) = view.obs.volumes.get(id) else {
            lacks.reasons.push(unseen(view, name, record, draft));
            continue;
        };
        if !record.born {
            lacks.reasons.push(match volume.state {
                VolumeState::Error => Reason::VolumeFailed { name: name.clone(), volume: id.clone() },
                VolumeState::Creating
                | VolumeState::Available
                | VolumeState::InUse
                | VolumeState::Deleting
                | VolumeState::Deleted => Reason::VolumeCreating { name: name.clone(), volume: Some(id.clone()) },
            });
            continue;
        }
        if !is_ours(view, volume) {
            lacks.reasons.push(Reason::VolumeForeign { name: name.clone(), volume: id.clone() });
            continue;
        }
        own(view, slot, name, volume, draft, lacks);
        match holder {
            Some(instance) => attach(view, slot, (spec, volume), instance, &mut devices, draft, lacks),
            None => detach(view, slot, volume, draft, lacks),
        }
    }
}

/// It bears our deployment's tag: without it, it is out of our reach.
pub(crate) fn is_ours(view: &View<'_>, volume: &Volume) -> bool {
    volume.tags.get(tags::DEPLOYMENT).map(String::as_str) == Some(view.obs.deployment.as_str())
}

fn unseen(view: &View<'_>, name: &VolumeName, record: &VolumeRecord, draft: &mut Draft<'_>) -> Reason {
    let volume = record.id.clone().expect("only called with an ID");
    let name = name.clone();
    if record.born && view.past(record.absent_since, CERTAINLY_ABSENT) {
        return Reason::VolumeLost { name, volume };
    }
    if let Some(since) = record.absent_since {
        draft.look_at(later(since, CERTAINLY_ABSENT));
    }
    Reason::VolumeUnseen { name, volume }
}

fn create(
    view: &View<'_>,
    slot: &Slot,
    name: &VolumeName,
    record: &VolumeRecord,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    lacks.pending = true;
    // It exists already, by its tags: its ID is being written in this pass, or a person must choose.
    if let Some(volume) = tagged(view.obs, slot.number, name).next() {
        let known = draft.slot(slot.number).slot.volumes.get(name).is_some_and(|record| record.id.is_some());
        if !known {
            lacks.reasons.push(Reason::VolumeStray { name: name.clone(), volume: volume.id.clone() });
        }
        return;
    }
    // The next attempt is being recorded: this one is over.
    if draft.slot(slot.number).slot.volumes.get(name) != Some(record) {
        return;
    }
    let mut tags = view.own_tags(slot.number, record.attempt);
    tags.insert(tags::VOLUME.to_owned(), name.to_string());
    let step = Step::CreateVolume {
        slot: slot.number,
        name: name.clone(),
        params: record.params.clone(),
        zone: slot.zone.clone(),
        token: token(view.obs, slot.number, name.as_str(), record.attempt),
        tags,
    };
    let failure = view.obs.notes.failures.get(&step.key());
    if let Some(snapshot) = record.params.snapshot.as_ref()
        && failure.is_some_and(|failure| failure.kind == FailureKind::NotFound)
    {
        lacks.reasons.push(Reason::SnapshotGone { name: name.clone(), snapshot: snapshot.clone() });
        if let Some(failure) = view.backing_off(&step.key()) {
            return draft.look_at(failure.retry_at);
        }
    }
    take(view, step, draft, lacks);
}

/// The ClientToken of an attempt: the same for every actor, and another for every attempt.
pub(crate) fn token(obs: &Observed, slot: SlotNumber, name: &str, attempt: u32) -> String {
    let made = obs.record.as_ref().and_then(|group| group.made).map_or(0, |made| made.as_second());
    let text = format!("{}/{}/{made}/{slot}/{name}/{attempt}", obs.deployment, obs.group);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
}

/// Marks a pool volume as the slot's. The binding was written first.
fn own(view: &View<'_>, slot: &Slot, name: &VolumeName, volume: &Volume, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let wanted =
        Tags::from([(tags::SLOT.to_owned(), slot.number.to_string()), (tags::VOLUME.to_owned(), name.to_string())]);
    set_tags(view, volume.id.as_str(), &volume.tags, wanted, draft, lacks);
}

fn attach(
    view: &View<'_>,
    slot: &Slot,
    (spec, volume): (&VolumeSpec, &Volume),
    instance: &Instance,
    devices: &mut BTreeSet<DeviceName>,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    if volume.multi_attach {
        lacks.reasons.push(Reason::VolumeMultiAttach { volume: volume.id.clone() });
        return;
    }
    if let Some(attachment) = volume.attachments.first() {
        return attached(view, volume, attachment, instance, draft, lacks);
    }
    if !volume.is_free() {
        lacks.reasons.push(Reason::VolumeInTransit { volume: volume.id.clone() });
        return;
    }
    if view.obs.notes.full.contains(&instance.id) {
        lacks.reasons.push(Reason::AttachLimit(format!("{} takes no further volume", instance.id)));
        return;
    }
    let Some(device) = free_device(view, spec, instance, devices) else {
        lacks.reasons.push(Reason::AttachLimit(format!("{} has no free device name", instance.id)));
        return;
    };
    devices.insert(device.clone());
    let step =
        Step::AttachVolume { slot: slot.number, volume: volume.id.clone(), instance: instance.id.clone(), device };
    // EC2 called the last name in use: another name is tried at once.
    let key = step.key();
    let renamed = view.backing_off(&key).is_some_and(|failure| failure.kind == FailureKind::DeviceInUse);
    if renamed {
        lacks.pending = true;
        draft.step(step);
    } else {
        take(view, step, draft, lacks);
    }
}

fn attached(
    view: &View<'_>,
    volume: &Volume,
    attachment: &Attachment,
    instance: &Instance,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    if attachment.instance != instance.id {
        lacks.reasons.push(Reason::VolumeHeldBy { volume: volume.id.clone(), instance: attachment.instance.clone() });
        return;
    }
    match attachment.state {
        AttachmentState::Attached if attachment.delete_on_termination => {
            let step = Step::KeepVolume {
                volume: volume.id.clone(),
                instance: instance.id.clone(),
                device: attachment.device.clone(),
            };
            take(view, step, draft, lacks);
        }
        AttachmentState::Attached if volume.attachments.len() == 1 && volume.state == VolumeState::InUse => {}
        AttachmentState::Attaching if view.past(attachment.since, ATTACH_STUCK) => {
            lacks.reasons.push(Reason::AttachStuck { what: volume.id.to_string() });
        }
        AttachmentState::Attaching
        | AttachmentState::Attached
        | AttachmentState::Detaching
        | AttachmentState::Busy
        | AttachmentState::Detached => {
            lacks.reasons.push(Reason::VolumeInTransit { volume: volume.id.clone() });
        }
    }
}

/// Detaches from a holder that Auto Scaling takes out and whose guest has released it for this claim.
fn detach(view: &View<'_>, slot: &Slot, volume: &Volume, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let Some(holder) = &slot.holder else { return };
    if !view.has_released(slot) {
        return;
    }
    let Some(attachment) = volume.attachment_to(&holder.instance) else { return };
    if attachment.state == AttachmentState::Attached {
        let step = Step::DetachVolume {
            slot: slot.number,
            volume: volume.id.clone(),
            instance: holder.instance.clone(),
            device: attachment.device.clone(),
        };
        take(view, step, draft, lacks);
    } else {
        lacks.reasons.push(Reason::VolumeInTransit { volume: volume.id.clone() });
    }
}

/// The preferred name, else the first of the recommended ones that is free.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html>
fn free_device(
    view: &View<'_>,
    spec: &VolumeSpec,
    instance: &Instance,
    taken: &BTreeSet<DeviceName>,
) -> Option<DeviceName> {
    let busy = view.obs.notes.busy_devices.get(&instance.id);
    let recommended = ('f'..='p').map(|letter| format!("/dev/sd{letter}"));
    let further = ('b'..='c').flat_map(|first| ('a'..='z').map(move |second| format!("/dev/xvd{first}{second}")));
    spec.device
        .clone()
        .into_iter()
        .chain(recommended.chain(further).filter_map(|name| DeviceName::new(name).ok()))
        .find(|name| {
            !instance.devices.contains(name) && !taken.contains(name) && !busy.is_some_and(|busy| busy.contains(name))
        })
}
