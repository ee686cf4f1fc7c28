//! What the next attempt at a volume is made from: as the spec in force asks, from the slot's own past, or from another
//! snapshot that a person names where the one on record is gone.
//!
//! Such an order waits for nothing: a retired slot has no volumes to be replaced, and one that was just claimed has attempts
//! that EC2 refuses.

use std::collections::BTreeMap;

use crate::cloud::Snapshot;
use crate::ids::{SnapshotId, VolumeName};
use crate::plan::draft::Draft;
use crate::plan::loss::{made_from, tell};
use crate::plan::view::View;
use crate::plan::volumes;
use crate::spec::VolumeParams;
use crate::step::Why;
use crate::table::{Slot, VolumeRecord};
use crate::upkeep::{Data, Order, Origin, Saved};
use crate::waiting::{Reason, Subject};

/// The retired slot is made anew from the named snapshots when it is needed again.
pub(super) fn retired(
    slot: &Slot,
    chosen: &BTreeMap<VolumeName, SnapshotId>,
    snapshots: &BTreeMap<SnapshotId, Snapshot>,
    draft: &mut Draft<'_>,
) {
    let mut named = BTreeMap::new();
    for (name, id) in chosen {
        match snapshots.get(id).filter(|snapshot| snapshot.is_completed()) {
            Some(snapshot) => drop(named.insert(name.clone(), Saved::of(snapshot))),
            None => {
                let reason = Reason::SnapshotGone { name: name.clone(), snapshot: id.clone() };
                return draft.wait(Subject::Slot(slot.number), reason, None);
            }
        }
    }
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::SnapshotNamed);
    entry.slot.upkeep.order = None;
    entry.slot.upkeep.retired.extend(named);
}

/// The snapshot that a person named for a volume of which nothing exists yet.
pub(crate) fn named(
    view: &View<'_>,
    slot: &Slot,
    (name, record): (&VolumeName, &VolumeRecord),
    draft: &mut Draft<'_>,
) -> Option<Saved> {
    let Some(Order::Restore { volumes }) = &slot.upkeep.order else { return None };
    let id = volumes.get(name).filter(|_| !record.born)?;
    let Some(snapshots) = &view.obs.snapshots else {
        draft.look.snapshots = true;
        return None;
    };
    snapshots.get(id).filter(|snapshot| snapshot.is_completed()).map(Saved::of)
}

/// The next attempt is made from it: for this volume the order is carried out.
pub(crate) fn follow(slot: &Slot, name: &VolumeName, saved: &Saved, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::SnapshotNamed);
    if let Some(Order::Restore { volumes }) = &mut entry.slot.upkeep.order {
        volumes.remove(name);
        if volumes.is_empty() {
            entry.slot.upkeep.order = None;
        }
    }
    tell(&mut entry.slot, Data { origin: Origin::Snapshot, as_of: Some(saved.as_of), told: None });
}

/// What the next attempt asks for: a refused key is mended by an edit, so the spec in force is followed; but data that was
/// saved from the slot's own past is never replaced by what a spec says of new volumes. A person may name another snapshot.
pub(crate) fn params_in_force(
    view: &View<'_>,
    slot: &Slot,
    name: &VolumeName,
    before: &VolumeParams,
    named: Option<&Saved>,
) -> VolumeParams {
    let wanted = view.spec.volumes.get(name).map_or_else(|| before.clone(), |spec| spec.params_beside(before));
    if named.is_some() {
        return made_from(&wanted, named);
    }
    if !view.spec.volumes.contains_key(name) {
        return before.clone();
    }
    if slot.upkeep.data.is_none_or(|data| data.as_of.is_none()) {
        return wanted;
    }
    VolumeParams {
        size_gib: wanted.size_gib.max(before.size_gib),
        encrypted: wanted.encrypted || before.encrypted,
        snapshot: before.snapshot.clone(),
        ..wanted
    }
}

/// EC2 refused these parameters, so that nothing was made, and an edit of the spec has changed them since: asked again,
/// but under another number, because a token stands for its parameters.
pub(crate) fn mended(
    view: &View<'_>,
    slot: &Slot,
    name: &VolumeName,
    record: &VolumeRecord,
    named: Option<&Saved>,
) -> (VolumeRecord, Option<Why>) {
    match volumes::mended_by(view, slot, name, record, params_in_force(view, slot, name, &record.params, named)) {
        Some(next) => (next, Some(Why::NextAttempt)),
        None => (record.clone(), None),
    }
}
