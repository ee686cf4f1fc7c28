//! Deletes the snapshots that have had their time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Ours, RUN_EVERY, attempt, name_of};
use crate::ids::{SlotNumber, SnapshotId, VolumeName};
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::snapshots::{self, Kept, expired};
use crate::step::Step;
use crate::table::Slot;
use crate::upkeep::Purpose;
use crate::waiting::{Reason, Subject};

/// How many are deleted in one plan.
pub(super) const MOST_DELETES: usize = 20;

/// Deletes what has had its time, a bounded number at once.
pub(super) fn delete(view: &View<'_>, ours: &Ours<'_>, draft: &mut Draft<'_>) {
    let mut old = expired_of_all(view, ours);
    if old.is_empty() {
        return;
    }
    if !view.obs.limits.deletes {
        let what = format!("{} snapshots that the spec does not ask to keep", old.len());
        draft.wait(Subject::Group, Reason::DeletesOff { what }, None);
        return;
    }
    // Some cannot be deleted, such as those of an image: the others have their turn.
    let turn = view.now.as_second().div_euclid(i64::try_from(RUN_EVERY.as_secs()).unwrap_or(1)).unsigned_abs();
    let skip = usize::try_from(turn).unwrap_or_default().wrapping_mul(MOST_DELETES) % old.len();
    old.rotate_left(skip);
    for (slot, snapshot) in old.into_iter().take(MOST_DELETES) {
        if let Some(slot) = view.obs.slots.get(&slot) {
            attempt(view, slot, Step::DeleteSnapshot { snapshot }, draft);
        }
    }
}

/// Each slot's, volume by volume; of a volume without settings for snapshots none.
fn expired_of_all(view: &View<'_>, ours: &Ours<'_>) -> Vec<(SlotNumber, SnapshotId)> {
    let needed = needed(view);
    let mut old = Vec::new();
    for slot in view.obs.slots() {
        for (name, lineage) in lineages(ours, slot, &needed) {
            if let Some(own) = view.spec.snapshots_of(&name) {
                old.extend(expired(&lineage, &own.keep, view.now).into_iter().map(|id| (slot.number, id)));
            }
        }
    }
    old
}

/// The snapshots of one slot by the name of the volume.
fn lineages(ours: &Ours<'_>, slot: &Slot, needed: &BTreeSet<&SnapshotId>) -> BTreeMap<VolumeName, Vec<Kept>> {
    let instants = instants(ours, slot);
    let mut lineages: BTreeMap<VolumeName, Vec<Kept>> = BTreeMap::new();
    for (purpose, snapshot) in ours.with_purpose(slot) {
        let Some(name) = name_of(slot, snapshot) else { continue };
        let kept = Kept {
            id: snapshot.id.clone(),
            volume: snapshot.volume.clone(),
            started: snapshot.operation().and_then(|set| instants.get(set)).copied().unwrap_or(snapshot.started),
            state: snapshot.state,
            ours: true,
            purpose: match purpose {
                Purpose::Periodic => snapshots::Purpose::Periodic,
                Purpose::Final => snapshots::Purpose::Final,
            },
            in_use: needed.contains(&snapshot.id),
        };
        lineages.entry(name).or_default().push(kept);
    }
    lineages
}

/// What a record of any slot names, what an attempt to create a volume starts from, and what the spec starts from.
fn needed<'a>(view: &View<'a>) -> BTreeSet<&'a SnapshotId> {
    let slots = || view.obs.slots();
    let named = slots().flat_map(|slot| slot.upkeep.named_snapshots());
    let attempts = slots().flat_map(|slot| slot.volumes.values()).filter_map(|record| record.params.snapshot.as_ref());
    let template = view.spec.volumes.values().filter_map(|volume| volume.params.snapshot.as_ref());
    named.chain(attempts).chain(template).collect()
}

/// The instant of each set. Its members may bear slightly different ones.
fn instants<'a>(ours: &Ours<'a>, slot: &Slot) -> BTreeMap<&'a str, Timestamp> {
    let mut instants: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for (set, started) in ours.of_slot(slot).filter_map(|snapshot| Some((snapshot.operation()?, snapshot.started))) {
        instants.entry(set).and_modify(|first| *first = started.min(*first)).or_insert(started);
    }
    instants
}
