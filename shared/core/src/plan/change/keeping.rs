//! The last snapshots of a change: taken, waited for, or where they cannot be had replaced by older ones.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::ids::{VolumeId, VolumeName};
use crate::observed::FailureKind;
use crate::plan::change::{
    NEXT_SNAPSHOT, again, at_rest, dropping, is_lost, is_urgent, is_used, note_reach, pursue, successor,
    wait_for_volumes,
};
use crate::plan::draft::Draft;
use crate::plan::saving::{self, Progress};
use crate::plan::serve::Lacks;
use crate::plan::view::{View, later};
use crate::spec::ZoneMove;
use crate::step::Why;
use crate::table::Slot;
use crate::upkeep::{Change, ChangeKind, Made, Saved, Stage};
use crate::waiting::Reason;

/// How long calls for the last snapshot must have failed before an older one may serve, where the spec allows that.
const UNREACHABLE: Duration = Duration::from_secs(600);

/// Takes the snapshots that are missing; when all are complete, the successors are recorded.
pub(super) fn save(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let Some(snapshots) = &view.obs.snapshots else {
        draft.look.snapshots = true;
        return;
    };
    if !at_rest(view, slot) {
        return disturbed(view, slot, change, draft, lacks);
    }
    let volumes: BTreeMap<&VolumeName, &VolumeId> =
        slot.volumes.iter().filter_map(|(name, record)| Some((name, record.id.as_ref()?))).collect();
    let mut saved = BTreeMap::new();
    let mut unreached = BTreeSet::new();
    let mut failed = false;
    let urgent = is_urgent(view, change);
    for (name, volume) in volumes.iter().map(|(name, volume)| (*name, *volume)) {
        let progress = saving::progress(snapshots, slot.number, change, volume);
        if matches!(progress, Progress::Pending(_) | Progress::Missing)
            && let Some(message) = saving::failed_before(snapshots, slot.number, change, volume)
        {
            lacks.reasons.push(Reason::SnapshotFailed { volume: volume.clone(), message });
        }
        match progress {
            Progress::Done(done) => {
                saved.insert(name.clone(), done);
            }
            // Nobody waits for it: the sweep looks again.
            Progress::Pending(_) if !urgent => draft.look_at(later(view.now, NEXT_SNAPSHOT)),
            Progress::Pending(snapshot) => {
                lacks.reasons.push(Reason::SnapshotPending { volume: volume.clone(), snapshot });
            }
            // It was lost before it was saved: what then follows is not this change's to decide.
            Progress::Missing | Progress::Failed(_) if is_lost(view, &slot.volumes[name]) => {
                return dropping::drop_for_good(view, slot, draft);
            }
            Progress::Missing => {
                let step = saving::take(view, slot, name, volume, change.operation);
                // Any other failure is an answer: the zone is there.
                if view.backing_off(&step.key()).is_some_and(|failure| failure.kind == FailureKind::Unknown) {
                    unreached.insert(name.clone());
                }
                pursue(view, change, step, draft, lacks);
            }
            Progress::Failed(message) => {
                failed = true;
                lacks.reasons.push(Reason::SnapshotFailed { volume: volume.clone(), message });
            }
        }
    }
    if saved.len() == volumes.len() {
        return saved_all(view, slot, change, (saved, false), draft);
    }
    if failed {
        let next = later(change.since, NEXT_SNAPSHOT);
        return if next <= view.now { again(view, slot, draft) } else { draft.look_at(next) };
    }
    if !unreached.is_empty() || !lacks.pending {
        note_reach(view, slot, change, !unreached.is_empty(), draft);
    }
    if let Some(older) = older(view, slot, change, &volumes, &unreached, lacks) {
        saved.extend(older);
        if saved.len() == volumes.len() {
            saved_all(view, slot, change, (saved, true), draft);
        }
    }
}

/// Someone attached a volume meanwhile: what was saved may lack what was written since.
fn disturbed(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    if is_used(view, slot) && has_begun(view, slot, change) {
        again(view, slot, draft);
    }
    wait_for_volumes(view, slot, change, draft, lacks);
}

/// A last snapshot was taken, or is being taken.
pub(super) fn has_begun(view: &View<'_>, slot: &Slot, change: &Change) -> bool {
    let Some(snapshots) = &view.obs.snapshots else { return false };
    let mut held = slot.volumes.values().filter_map(|record| record.id.as_ref());
    held.any(|id| !matches!(saving::progress(snapshots, slot.number, change, id), Progress::Missing))
}

/// Where the last snapshot cannot be had: older ones, if the spec allows them and they are recent enough. They are one
/// set, the newest that all volumes have completed: what was taken at different moments is not consistent. Only a volume
/// that has no periodic snapshots keeps its last one beside the set.
fn older(
    view: &View<'_>,
    slot: &Slot,
    change: &Change,
    volumes: &BTreeMap<&VolumeName, &VolumeId>,
    unreached: &BTreeSet<VolumeName>,
    lacks: &mut Lacks,
) -> Option<BTreeMap<VolumeName, Saved>> {
    let (ZoneMove::StaleUpTo(bound), ChangeKind::Move { .. }) = (view.spec.zones.r#move, &change.kind) else {
        return None;
    };
    if unreached.is_empty() || !view.past(change.unreachable, UNREACHABLE) {
        return None;
    }
    let last_write = slot.vacated.unwrap_or(change.begun);
    let snapshots = view.obs.snapshots.as_ref()?;
    let falls_back = |name: &VolumeName| unreached.contains(name) || view.spec.snapshots_of(name).is_some();
    let members: BTreeMap<&VolumeName, &VolumeId> =
        volumes.iter().filter(|(name, _)| falls_back(name)).map(|(name, volume)| (*name, *volume)).collect();
    let newest = saving::newest_set(snapshots, slot.number, &members);
    let oldest = newest.as_ref().and_then(|set| set.values().map(|snapshot| snapshot.started).min());
    if let Some(set) = newest.filter(|_| oldest.is_some_and(|oldest| later(oldest, bound) >= last_write)) {
        return Some(set.into_iter().map(|(name, snapshot)| (name.clone(), Saved::of(snapshot))).collect());
    }
    let told = unreached.iter().filter_map(|name| volumes.get(name));
    lacks.reasons.extend(told.map(|volume| Reason::SnapshotTooOld { volume: (*volume).clone(), newest: oldest }));
    None
}

/// Everything is saved: the successors are recorded, or for a retirement the end.
fn saved_all(
    view: &View<'_>,
    slot: &Slot,
    change: &Change,
    (saved, stale): (BTreeMap<VolumeName, Saved>, bool),
    draft: &mut Draft<'_>,
) {
    let made: BTreeMap<VolumeName, Made> =
        saved.into_iter().map(|(name, from)| (name.clone(), successor(view, slot, &name, from))).collect();
    let stage = if change.kind == ChangeKind::Retire { Stage::Switching } else { Stage::Making };
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeSaved);
    if let Some(change) = entry.slot.upkeep.change.as_mut() {
        change.stage = stage;
        change.stale = stale;
        change.volumes = made;
    }
}
