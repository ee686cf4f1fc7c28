//! What was the slot's and is no more: kept for a grace, then deleted where proof and the deployment allow it.

use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Snapshot, Tags, Volume, VolumeState};
use crate::ids::{InterfaceId, VolumeId};
use crate::plan::draft::Draft;
use crate::plan::view::{View, later};
use crate::plan::{CERTAINLY_ABSENT, CLOCKS_DIFFER};
use crate::spec::Mode;
use crate::step::{Step, Why};
use crate::table::{Bound, Slot};
use crate::tags;
use crate::upkeep::{LeftInterface, Proof, Superseded};
use crate::waiting::{Reason, Subject};

/// How long a decision to delete rests before the call: longer than any invocation that may still think otherwise.
pub(crate) const TOMBSTONE: Duration = Duration::from_secs(1_200);

/// How long after a failed call the next settle looks.
const AFTER_FAILURE: Duration = Duration::from_secs(600);

/// Goes on with everything that was left behind.
pub(crate) fn tend(view: &View<'_>, draft: &mut Draft<'_>) {
    for slot in view.obs.slots() {
        adopt_strays(view, slot, draft);
        for (id, left) in &slot.upkeep.superseded {
            volume(view, slot, id, left, draft);
        }
        for (id, left) in &slot.upkeep.left_interfaces {
            interface(view, slot, id, left, draft);
        }
    }
}

/// Volumes that were made for a change of this slot which was dropped before their ID was on record.
fn adopt_strays(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let known: Vec<&VolumeId> = made.chain(slot.volumes.values()).filter_map(|record| record.id.as_ref()).collect();
    let number = slot.number.to_string();
    for found in view.obs.volumes.values().filter(|v| v.tags.get(tags::FOR_SLOT) == Some(&number)) {
        let attempt = found.tags.get(tags::ATTEMPT).and_then(|text| text.parse::<u32>().ok());
        let over = attempt.is_some_and(|attempt| attempt <= slot.upkeep.attempts);
        let exists = !matches!(found.state, VolumeState::Deleting | VolumeState::Deleted);
        if !over || !exists || known.contains(&&found.id) || slot.upkeep.superseded.contains_key(&found.id) {
            continue;
        }
        // One that was on record once bears the slot's own tag, and is not of this kind.
        if found.slot().is_some() {
            continue;
        }
        let Some(name) = found.name() else { continue };
        let left = Superseded {
            name,
            claim: slot.claim,
            since: view.now,
            vacated: slot.vacated,
            proof: Proof::NeverUsed,
            keep: false,
            deleting: None,
            absent_since: None,
        };
        let entry = draft.slot(slot.number);
        entry.why.insert(Why::LeftoverNoted);
        entry.bind.insert(Bound::Volume(found.id.clone()));
        entry.slot.upkeep.superseded.insert(found.id.clone(), left);
    }
}

fn volume(view: &View<'_>, slot: &Slot, id: &VolumeId, left: &Superseded, draft: &mut Draft<'_>) {
    let found = view.obs.volumes.get(id).filter(|volume| volume.state != VolumeState::Deleted);
    let Some(found) = found else {
        // A read aimed at its ID does not find it: nothing is left to delete.
        let missed = view.obs.absent.volumes.contains(id);
        if missed && left.absent_since.is_none() {
            return volume_absent(slot, id, Some(view.now), draft);
        }
        let gone = view.obs.volumes.contains_key(id) || (missed && is_certain(view, left.absent_since, draft));
        if gone && (left.deleting.is_some() || view.past(Some(left.since), TOMBSTONE)) {
            let entry = draft.slot(slot.number);
            entry.why.insert(Why::LeftoverNoted);
            entry.unbind.insert(Bound::Volume(id.clone()));
            entry.slot.upkeep.superseded.remove(id);
        }
        return;
    };
    if left.absent_since.is_some() {
        volume_absent(slot, id, None, draft);
    }
    if left.keep || found.state == VolumeState::Deleting {
        return;
    }
    if is_used(found) {
        return note_use(slot, id, draft);
    }
    if view.spec.mode != Mode::Full {
        return;
    }
    let due = later(left.since, view.spec.zones.keep_source);
    if due > view.now {
        return draft.look_at(due);
    }
    let snapshots = view.obs.snapshots.as_ref();
    let proof = match &left.proof {
        Proof::Snapshot(_) if snapshots.is_none() => {
            draft.look.snapshots = true;
            return;
        }
        Proof::Snapshot(snapshot) => proves(slot, id, left, snapshots.and_then(|snapshots| snapshots.get(snapshot))),
        Proof::NeverUsed => Ok(()),
        Proof::None => Err("nothing on record holds its data".to_owned()),
    };
    let verdict = proof.and_then(|()| untouched(view, found, &left.proof));
    if let Err(why) = verdict {
        let reason = Reason::Unproven { volume: id.clone(), why };
        return draft.wait(Subject::Slot(slot.number), reason, Some(left.since));
    }
    if !view.obs.limits.deletes {
        let reason = Reason::DeletesOff { what: format!("volume {id} of slot {}", slot.number) };
        return draft.wait(Subject::Slot(slot.number), reason, Some(left.since));
    }
    delete(view, slot, id, left, draft);
}

/// Somebody has it.
pub(crate) fn is_used(volume: &Volume) -> bool {
    !volume.attachments.is_empty() || volume.state == VolumeState::InUse
}

/// What is written to it from now on is nowhere else: it is kept for good.
pub(crate) fn note_use(slot: &Slot, id: &VolumeId, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::LeftoverNoted);
    if let Some(left) = entry.slot.upkeep.superseded.get_mut(id) {
        (left.keep, left.proof, left.deleting) = (true, Proof::None, None);
    }
}

/// Reads aimed at its ID have missed it for so long that it is gone.
fn is_certain(view: &View<'_>, since: Option<Timestamp>, draft: &mut Draft<'_>) -> bool {
    let Some(certain) = since.map(|since| later(since, CERTAINLY_ABSENT)) else { return false };
    if certain > view.now {
        draft.look_at(certain);
    }
    certain <= view.now
}

fn volume_absent(slot: &Slot, id: &VolumeId, since: Option<Timestamp>, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::AbsenceNoted);
    entry.slot.upkeep.superseded.get_mut(id).into_iter().for_each(|left| left.absent_since = since);
}

fn interface_absent(slot: &Slot, id: &InterfaceId, since: Option<Timestamp>, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::AbsenceNoted);
    entry.slot.upkeep.left_interfaces.get_mut(id).into_iter().for_each(|left| left.absent_since = since);
}

/// Deleting it is decided, rests, and is done.
fn delete(view: &View<'_>, slot: &Slot, id: &VolumeId, left: &Superseded, draft: &mut Draft<'_>) {
    match left.deleting {
        None => {
            let entry = draft.slot(slot.number);
            entry.why.insert(Why::LeftoverNoted);
            if let Some(left) = entry.slot.upkeep.superseded.get_mut(id) {
                left.deleting = Some(view.now);
            }
        }
        Some(decided) if later(decided, TOMBSTONE) > view.now => draft.look_at(later(decided, TOMBSTONE)),
        Some(_) => {
            step(view, slot, Step::DeleteVolume { slot: slot.number, volume: id.clone() }, draft);
        }
    }
}

/// Free, and marked as superseded or made for a change. One that failed to be made holds nothing.
fn untouched(view: &View<'_>, volume: &Volume, proof: &Proof) -> Result<(), String> {
    if !are_ours(view, &volume.tags) {
        return Err(format!("it does not bear the tags {} and {} of ours", tags::GROUP, tags::DEPLOYMENT));
    }
    let failed = volume.state == VolumeState::Error && *proof == Proof::NeverUsed;
    if !volume.is_free() && !failed {
        return Err(format!("it is {:?}", volume.state));
    }
    if volume.tags.contains_key(tags::SUPERSEDED) || volume.tags.contains_key(tags::FOR_SLOT) {
        Ok(())
    } else {
        Err(format!("it does not bear the tag {}", tags::SUPERSEDED))
    }
}

/// Nothing is deleted that does not bear both our deployment's and the group's tag.
fn are_ours(view: &View<'_>, shown: &Tags) -> bool {
    let bears = |key, own: &str| shown.get(key).map(String::as_str) == Some(own);
    bears(tags::DEPLOYMENT, view.obs.deployment.as_str()) && bears(tags::GROUP, view.obs.group.as_str())
}

/// A completed snapshot of this very volume, that carries the slot's claim and was begun after that claim's last detach.
/// The claim alone does not tell: a table that was restored from a backup gives numbers out again.
pub(crate) fn proves(slot: &Slot, id: &VolumeId, left: &Superseded, snapshot: Option<&Snapshot>) -> Result<(), String> {
    let Some(snapshot) = snapshot else { return Err("its last snapshot is not shown".to_owned()) };
    let same = &snapshot.volume == id && snapshot.slot() == Some(slot.number) && snapshot.claim() == Some(left.claim);
    if !snapshot.is_completed() {
        Err(format!("{} is not completed", snapshot.id))
    } else if left.vacated.is_some_and(|vacated| later(snapshot.started, CLOCKS_DIFFER) < vacated) {
        Err(format!("{} was begun before its last detach", snapshot.id))
    } else if !same {
        Err(format!("{} is not of this volume and claim", snapshot.id))
    } else {
        Ok(())
    }
}

fn interface(view: &View<'_>, slot: &Slot, id: &InterfaceId, left: &LeftInterface, draft: &mut Draft<'_>) {
    let due = later(left.since, TOMBSTONE);
    if due > view.now {
        return draft.look_at(due);
    }
    let found = view.obs.interfaces.get(id);
    let missed = found.is_none() && view.obs.absent.interfaces.contains(id);
    if missed != left.absent_since.is_some() && (missed || found.is_some()) {
        interface_absent(slot, id, missed.then_some(view.now), draft);
    }
    match found {
        None if missed && is_certain(view, left.absent_since, draft) => {
            let entry = draft.slot(slot.number);
            entry.why.insert(Why::LeftoverNoted);
            entry.unbind.insert(Bound::Interface(id.clone()));
            entry.slot.upkeep.left_interfaces.remove(id);
        }
        None => {}
        Some(_) if view.spec.mode != Mode::Full => {}
        Some(_) if !view.obs.limits.deletes => {
            let reason = Reason::DeletesOff { what: format!("interface {id} of slot {}", slot.number) };
            draft.wait(Subject::Slot(slot.number), reason, Some(left.since));
        }
        Some(found) if !are_ours(view, &found.tags) => {
            let reason = Reason::InterfaceForeign(id.clone());
            draft.wait(Subject::Slot(slot.number), reason, Some(left.since));
        }
        Some(found) if found.available && found.attachment.is_none() => {
            step(view, slot, Step::DeleteInterface { slot: slot.number, interface: id.clone() }, draft);
        }
        Some(_) => {}
    }
}

/// Nobody waits for it: what failed is tried again when a later settle looks.
fn step(view: &View<'_>, slot: &Slot, step: Step, draft: &mut Draft<'_>) {
    let Some(failure) = view.backing_off(&step.key()) else { return draft.step(step) };
    draft.look_at(failure.retry_at.max(later(view.now, AFTER_FAILURE)));
    if !failure.kind.is_retryable() {
        let reason = Reason::DeletesOff { what: format!("{}: {}", step.key(), failure.message) };
        draft.wait(Subject::Slot(slot.number), reason, None);
    }
}
