//! The successors of a change: made from their snapshots beside what they will replace.

use crate::cloud::{Volume, VolumeState};
use crate::ids::{SlotNumber, VolumeName, Zone};
use crate::observed::{FailureKind, Observed};
use crate::plan::change::{again, at_rest, is_used, pursue, successor_params, wait_for_volumes};
use crate::plan::draft::Draft;
use crate::plan::serve::Lacks;
use crate::plan::view::View;
use crate::plan::volumes::{self, token};
use crate::step::{Step, Why};
use crate::table::{Bound, Slot, VolumeRecord};
use crate::tags;
use crate::upkeep::{Change, ChangeKind, Stage};
use crate::waiting::Reason;

/// Creates what is missing, notes what is born, and goes on when all of it stands.
pub(crate) fn make(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    // Someone attached what is to be replaced: what was saved may lack what is written there.
    if !at_rest(view, slot) {
        if change.kind == ChangeKind::Restore || !is_used(view, slot) {
            return wait_for_volumes(view, slot, change, draft, lacks);
        }
        return again(view, slot, draft);
    }
    let zone = match &change.kind {
        ChangeKind::Move { to } => to,
        ChangeKind::Restore | ChangeKind::Retire => &slot.zone,
    };
    for (name, made) in &change.volumes {
        match &made.record.id {
            None => find_or_create(view, slot, (change, zone), name, draft, lacks),
            Some(_) => note(view, slot, name, &made.record, draft, lacks),
        }
    }
    // A reading that lags may have taken a birth back in this very pass.
    let entry = draft.slot(slot.number);
    let stands = |change: &Change| change.volumes.values().all(|made| made.record.born);
    if stands(change)
        && let Some(drafted) = entry.slot.upkeep.change.as_mut().filter(|drafted| stands(drafted))
    {
        drafted.stage = Stage::Switching;
        entry.why.insert(Why::ChangeMade);
    }
}

/// Volumes that were made for this slot's change and bear this attempt's number.
fn made_for<'o>(obs: &'o Observed, slot: SlotNumber, name: &VolumeName, attempt: u32) -> Option<&'o Volume> {
    let (slot, attempt) = (slot.to_string(), attempt.to_string());
    obs.volumes
        .values()
        .filter(|volume| volume.tags.get(tags::FOR_SLOT) == Some(&slot) && volume.name().as_ref() == Some(name))
        .filter(|volume| volume.tags.get(tags::ATTEMPT) == Some(&attempt))
        .find(|volume| !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted))
}

fn find_or_create(
    view: &View<'_>,
    slot: &Slot,
    (change, zone): (&Change, &Zone),
    name: &VolumeName,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    let record = &change.volumes[name].record;
    lacks.reasons.push(Reason::SuccessorCreating { name: name.clone(), volume: None });
    if let Some(found) = made_for(view.obs, slot.number, name, record.attempt) {
        let next = VolumeRecord { id: Some(found.id.clone()), born: found.is_free(), ..record.clone() };
        return write(slot, name, next, draft);
    }
    let from = &change.volumes[name].from;
    let params = successor_params(view, slot, name, from);
    let spent = volumes::spent(view, slot, name, record).map(|next| VolumeRecord { params: params.clone(), ..next });
    if let Some(next) = spent.or_else(|| volumes::mended_by(view, slot, name, record, params)) {
        return write(slot, name, next, draft);
    }
    let mut tags = view.own_tags(slot.number, record.attempt);
    tags.remove(tags::SLOT);
    tags.insert(tags::FOR_SLOT.to_owned(), slot.number.to_string());
    tags.insert(tags::VOLUME.to_owned(), name.to_string());
    let step = Step::CreateVolume {
        slot: slot.number,
        name: name.clone(),
        params: record.params.clone(),
        zone: zone.clone(),
        token: token(view.obs, slot.number, name.as_str(), record.attempt),
        tags,
    };
    // Its snapshot is gone: another one is taken. A person who named the snapshot must name another.
    let failure = view.obs.notes.failures.get(&step.key());
    if failure.is_some_and(|failure| failure.kind == FailureKind::NotFound) {
        if change.kind != ChangeKind::Restore {
            return again(view, slot, draft);
        }
        lacks.reasons.push(Reason::SnapshotGone { name: name.clone(), snapshot: from.snapshot.clone() });
    }
    pursue(view, change, step, draft, lacks);
}

/// Notes its birth, and absences: a successor that failed or vanished is tried again under the next number.
fn note(
    view: &View<'_>,
    slot: &Slot,
    name: &VolumeName,
    record: &VolumeRecord,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    let Some(id) = record.id.clone() else { return };
    let volume = view.obs.volumes.get(&id);
    let failed = volume.is_some_and(|volume| volume.state == VolumeState::Error);
    if record.born && volume.is_some_and(Volume::is_free) {
        return;
    }
    lacks.reasons.push(if failed {
        Reason::VolumeFailed { name: name.clone(), volume: id.clone() }
    } else {
        Reason::SuccessorCreating { name: name.clone(), volume: Some(id.clone()) }
    });
    // Nothing of value is on it before the switch: its absence costs no data.
    let unborn = VolumeRecord { born: false, ..record.clone() };
    let (next, why) = if view.obs.absent.volumes.contains(&id) {
        let (mut next, why) = volumes::absent(view, &unborn);
        if why == Some(Why::NextAttempt)
            && let Some(made) = slot.upkeep.change.as_ref().and_then(|change| change.volumes.get(name))
        {
            next.params = successor_params(view, slot, name, &made.from);
        }
        (next, why)
    } else {
        let mut next = unborn.clone();
        next.absent_since = None;
        next.born = volume.is_some_and(Volume::is_free);
        let why = (next != *record).then_some(Why::VolumeBorn);
        (next, why)
    };
    if why.is_some() {
        write(slot, name, next, draft);
    }
}

fn write(slot: &Slot, name: &VolumeName, next: VolumeRecord, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(if next.born { Why::VolumeBorn } else { Why::VolumeKnown });
    if let Some(id) = &next.id {
        entry.bind.insert(Bound::Volume(id.clone()));
    }
    let made = entry.slot.upkeep.change.as_mut().and_then(|change| change.volumes.get_mut(name));
    if let Some(made) = made {
        if let (Some(old), None) = (&made.record.id, &next.id) {
            entry.unbind.insert(Bound::Volume(old.clone()));
        }
        made.record = next;
    }
}
