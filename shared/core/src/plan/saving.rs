//! The last snapshots of a vacant slot's volumes: taken once for each operation, looked up before they are taken again.

use std::collections::BTreeMap;

use crate::cloud::{Snapshot, SnapshotState, Tags};
use crate::ids::{SlotNumber, SnapshotId, VolumeId, VolumeName};
use crate::plan::CLOCKS_DIFFER;
use crate::plan::view::{View, later};
use crate::step::Step;
use crate::table::Slot;
use crate::tags;
use crate::upkeep::{Change, Purpose, Saved, operation_tag, purpose_of};

/// How far the snapshot of one volume for one operation is.
pub(crate) enum Progress {
    /// None bears the operation's tag: it is to be taken.
    Missing,
    /// Its data is being stored.
    Pending(SnapshotId),
    /// It failed.
    Failed(String),
    /// It is complete.
    Done(Saved),
}

/// How far the change's snapshot of this volume is, by what the reading shows. One that was begun before the change is
/// another's of the same number: a table that was restored from a backup gives numbers out again.
pub(crate) fn progress(
    snapshots: &BTreeMap<SnapshotId, Snapshot>,
    slot: SlotNumber,
    change: &Change,
    volume: &VolumeId,
) -> Progress {
    let tag = operation_tag(Purpose::Final, slot, change.operation);
    let of_it = |s: &&Snapshot| s.operation() == Some(&tag) && &s.volume == volume;
    let in_time = |s: &&Snapshot| later(s.started, CLOCKS_DIFFER) >= change.since;
    let ours = || snapshots.values().filter(of_it).filter(in_time);
    if let Some(done) = ours().filter(|s| s.is_completed()).min_by_key(|s| (s.started, s.id.clone())) {
        return Progress::Done(Saved::of(done));
    }
    if let Some(pending) = ours().find(|s| matches!(s.state, SnapshotState::Pending | SnapshotState::Other)) {
        return Progress::Pending(pending.id.clone());
    }
    match ours().next() {
        Some(failed) => Progress::Failed(words(failed)),
        None => Progress::Missing,
    }
}

/// Why the last snapshot of this volume that an earlier operation of the change took has failed: named until another is
/// complete, because the next one is taken as soon as the failure is seen.
pub(crate) fn failed_before(
    snapshots: &BTreeMap<SnapshotId, Snapshot>,
    slot: SlotNumber,
    change: &Change,
    volume: &VolumeId,
) -> Option<String> {
    let tag = operation_tag(Purpose::Final, slot, change.operation);
    let last =
        |s: &&Snapshot| s.operation().and_then(purpose_of) == Some(Purpose::Final) && s.operation() != Some(&tag);
    let of_it = |s: &&Snapshot| {
        &s.volume == volume && s.slot() == Some(slot) && later(s.started, CLOCKS_DIFFER) >= change.begun
    };
    let failed = snapshots.values().filter(last).filter(of_it).filter(|s| s.state == SnapshotState::Error);
    failed.max_by_key(|s| (s.started, s.id.clone())).map(words)
}

fn words(failed: &Snapshot) -> String {
    failed.message.clone().unwrap_or_else(|| "EC2 does not say why".to_owned())
}

/// Takes the operation's snapshot of one volume.
pub(crate) fn take(view: &View<'_>, slot: &Slot, name: &VolumeName, volume: &VolumeId, operation: u32) -> Step {
    let mut tags = snapshot_tags(view, slot, Purpose::Final, operation);
    tags.insert(tags::VOLUME.to_owned(), name.to_string());
    Step::CreateSnapshot { slot: slot.number, volume: volume.clone(), tags }
}

/// The tags of a snapshot of this slot but the volume's name: the spec's own, and ours.
pub(crate) fn snapshot_tags(view: &View<'_>, slot: &Slot, purpose: Purpose, operation: u32) -> Tags {
    let mut own = view.own_tags(slot.number, 0);
    own.remove(tags::ATTEMPT);
    own.insert(tags::CLAIM.to_owned(), slot.claim.to_string());
    own.insert(tags::OPERATION.to_owned(), operation_tag(purpose, slot.number, operation));
    own
}

/// The newest completed snapshot of this very volume.
pub(crate) fn newest<'s>(
    snapshots: &'s BTreeMap<SnapshotId, Snapshot>,
    slot: SlotNumber,
    volume: &VolumeId,
) -> Option<&'s Snapshot> {
    snapshots
        .values()
        .filter(|s| &s.volume == volume && s.is_completed() && s.slot() == Some(slot))
        .max_by_key(|s| (s.started, s.id.clone()))
}

/// The newest operation of which each of these volumes has a completed snapshot, with those snapshots. It is as old as the
/// oldest of them.
pub(crate) fn newest_set<'s, 'n>(
    snapshots: &'s BTreeMap<SnapshotId, Snapshot>,
    slot: SlotNumber,
    volumes: &BTreeMap<&'n VolumeName, &VolumeId>,
) -> Option<BTreeMap<&'n VolumeName, &'s Snapshot>> {
    let mut sets: BTreeMap<&str, BTreeMap<&'n VolumeName, &'s Snapshot>> = BTreeMap::new();
    for snapshot in snapshots.values().filter(|s| s.is_completed() && s.slot() == Some(slot)) {
        let of = volumes.iter().find(|(_, volume)| **volume == &snapshot.volume);
        let (Some((name, _)), Some(operation)) = (of, snapshot.operation()) else { continue };
        let member = sets.entry(operation).or_default().entry(*name).or_insert(snapshot);
        // Taken twice, because two runs overlapped: the earlier one was taken with the others.
        if (snapshot.started, &snapshot.id) < (member.started, &member.id) {
            *member = snapshot;
        }
    }
    let whole = sets.into_values().filter(|set| set.len() == volumes.len());
    whole.max_by_key(|set| set.values().map(|snapshot| (snapshot.started, snapshot.id.clone())).min())
}
