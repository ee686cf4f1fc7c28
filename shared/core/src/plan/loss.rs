//! A born volume that is certainly gone: replaced only as the spec says, and never under an instance in service.

use crate::ids::{VolumeId, VolumeName};
use crate::plan::draft::Draft;
use crate::plan::view::{View, later};
use crate::plan::{CERTAINLY_ABSENT, Phase, saving};
use crate::spec::{DataLost, VolumeParams};
use crate::step::Why;
use crate::table::{Slot, VolumeRecord};
use crate::upkeep::{Data, Growth, Origin, Proof, Saved, Superseded};
use crate::waiting::{Reason, Subject};

/// Records the next attempt for every lost volume that the spec allows to replace.
pub(crate) fn tend(view: &View<'_>, draft: &mut Draft<'_>) {
    for slot in view.obs.slots().filter(|slot| slot.upkeep.change.is_none()) {
        if !matches!(view.holder_phase(slot), None | Some(Phase::Launching)) {
            continue;
        }
        for (name, record) in &slot.volumes {
            let lost = record.born && view.past(record.absent_since, CERTAINLY_ABSENT);
            if let Some(id) = record.id.as_ref().filter(|id| lost && view.obs.absent.volumes.contains(*id)) {
                replace(view, slot, (name, record, id), draft);
            }
        }
    }
}

fn replace(
    view: &View<'_>,
    slot: &Slot,
    (name, record, id): (&VolumeName, &VolumeRecord, &VolumeId),
    draft: &mut Draft<'_>,
) {
    let (snapshot, origin) = match view.spec.data_lost {
        DataLost::Wait => return,
        DataLost::Blank => (None, Origin::Blank),
        DataLost::SnapshotUpTo(bound) => {
            let Some(snapshots) = &view.obs.snapshots else {
                draft.look.snapshots = true;
                return;
            };
            let newest = saving::newest(snapshots, slot.number, id);
            let last_write = record.absent_since.unwrap_or(view.now);
            match newest.filter(|snapshot| later(snapshot.started, bound) >= last_write) {
                Some(snapshot) => (Some(Saved::of(snapshot)), Origin::Stale),
                None => {
                    let reason =
                        Reason::SnapshotTooOld { volume: id.clone(), newest: newest.map(|snapshot| snapshot.started) };
                    return draft.wait(Subject::Slot(slot.number), reason, record.absent_since);
                }
            }
        }
    };
    let as_of = snapshot.as_ref().map(|saved| saved.as_of);
    let wanted = view.spec.volumes.get(name).map_or(record.params.clone(), |spec| spec.params_beside(&record.params));
    // What the guest is told to be blank is not made from the spec's own snapshot either.
    let params = made_from(&VolumeParams { snapshot: None, ..wanted }, snapshot.as_ref());
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::LossAccepted);
    let attempt = record.attempt.max(slot.upkeep.attempts).saturating_add(1);
    let next = VolumeRecord { attempt, params, id: None, born: false, absent_since: None, growth: Growth::default() };
    entry.slot.volumes.insert(name.clone(), next);
    entry.slot.upkeep.attempts = entry.slot.upkeep.attempts.max(record.attempt);
    // Should it come back (from the Recycle Bin, say), it is neither in the way of its successor nor deleted by itself.
    let left = Superseded {
        name: name.clone(),
        claim: slot.claim,
        since: view.now,
        vacated: slot.vacated,
        proof: Proof::None,
        keep: true,
        deleting: None,
        absent_since: record.absent_since,
    };
    entry.slot.upkeep.superseded.insert(id.clone(), left);
    tell(&mut entry.slot, Data { origin, as_of, told: None });
}

/// The parameters of a volume that is made from what was saved, or empty.
pub(crate) fn made_from(wanted: &VolumeParams, saved: Option<&Saved>) -> VolumeParams {
    match saved {
        None => wanted.clone(),
        Some(saved) => VolumeParams {
            size_gib: wanted.size_gib.max(saved.size_gib),
            encrypted: wanted.encrypted || saved.encrypted,
            snapshot: Some(saved.snapshot.clone()),
            ..wanted.clone()
        },
    }
}

/// Notes what the next holder finds: the gravest of all volumes, and the oldest instant.
pub(crate) fn tell(slot: &mut Slot, data: Data) {
    let told = slot.upkeep.data;
    let gravest = told.map_or(data.origin, |told| told.origin.max(data.origin));
    let as_of = [told.and_then(|told| told.as_of), data.as_of].into_iter().flatten().min();
    slot.upkeep.data = Some(Data { origin: gravest, as_of, told: None });
}
