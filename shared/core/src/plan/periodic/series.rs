//! A slot as the decision about what is due sees it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Ours;
use crate::cloud::{Snapshot, SnapshotState, Volume};
use crate::ids::{VolumeId, VolumeName};
use crate::plan::view::View;
use crate::snapshots::{Failing, Series, SlotSeries, Taken, Use};
use crate::table::{Slot, SlotState};
use crate::upkeep::{Purpose, operation_tag};

/// A slot whose volumes are snapshotted, and those of its volumes that are.
pub(super) struct Tended<'a> {
    pub(super) slot: &'a Slot,
    pub(super) volumes: BTreeMap<&'a VolumeName, &'a VolumeId>,
    used: Use,
    anchor: Timestamp,
}

impl<'a> Tended<'a> {
    /// None where there is nothing to snapshot, or a change takes snapshots of its own.
    pub(super) fn of(view: &View<'_>, ours: &Ours<'_>, slot: &'a Slot) -> Option<Self> {
        let tended = match slot.state {
            SlotState::Active | SlotState::Parked => slot.upkeep.change.is_none(),
            SlotState::Retired => false,
        };
        let recorded =
            slot.volumes.iter().filter(|(name, record)| record.born && view.spec.snapshots_of(name).is_some());
        let volumes: BTreeMap<_, _> = recorded.filter_map(|(name, record)| Some((name, record.id.as_ref()?))).collect();
        if !tended || volumes.is_empty() {
            return None;
        }
        let used = match slot.holder {
            Some(_) => Use::Held,
            None => Use::Vacant { since: slot.vacated },
        };
        let shortest =
            volumes.keys().filter_map(|name| view.spec.snapshots_of(name)).map(|own| own.every.as_secs()).min();
        let oldest = ours.of_slot(slot).map(|snapshot| snapshot.started).min();
        let known = slot.holder.as_ref().map(|holder| holder.since).or(slot.vacated).or(oldest).unwrap_or(view.now);
        Some(Self { slot, volumes, used, anchor: floor(known, shortest.unwrap_or_default()) })
    }

    /// Its snapshots so far, of the volumes that were read as usable; those of operation `without` are left out.
    pub(super) fn series(&self, view: &View<'_>, ours: &Ours<'_>, without: Option<&str>) -> SlotSeries {
        let of_volume = |id: &VolumeId| -> Vec<&Snapshot> {
            let taken = ours.of_slot(self.slot).filter(|snapshot| &snapshot.volume == id);
            taken.filter(|snapshot| without.is_none() || snapshot.operation() != without).collect()
        };
        let mut volumes = BTreeMap::new();
        let mut failed: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut pending = false;
        let usable = |id: &VolumeId| view.obs.volumes.get(id).is_some_and(Volume::is_born);
        for (name, id) in self.volumes.iter().filter(|(_, id)| usable(id)) {
            let Some(own) = view.spec.snapshots_of(name) else { continue };
            let taken = of_volume(id);
            let newest = taken.iter().filter(|s| counts(s)).max_by_key(|s| (s.started, &s.id));
            pending |= taken.iter().any(|snapshot| is_pending(snapshot));
            let since = newest.map(|newest| newest.started);
            for failure in taken.iter().filter(|s| s.state == SnapshotState::Error && Some(s.started) > since) {
                let last = failed.entry(failure.operation().unwrap_or_default()).or_insert(failure.started);
                *last = failure.started.max(*last);
            }
            let newest = newest.map(|newest| Taken { started: newest.started, decided: self.decided(newest) });
            volumes.insert((*name).clone(), Series { every: own.every, newest });
        }
        let last = failed.values().max().copied();
        let count = u32::try_from(failed.len()).unwrap_or(u32::MAX);
        SlotSeries {
            slot: self.slot.number,
            volumes,
            pending,
            failing: last.map(|last| Failing { count, last }),
            used: self.used,
            born: Some(self.anchor),
        }
    }

    /// When the set that it belongs to was recorded, if that is still known.
    fn decided(&self, snapshot: &Snapshot) -> Option<Timestamp> {
        let set = self.slot.upkeep.periodic?;
        let tag = operation_tag(Purpose::Periodic, self.slot.number, set.operation);
        (snapshot.operation() == Some(&tag)).then_some(set.at)
    }

    /// Nobody has written since each volume's newest completed snapshot.
    pub(super) fn is_saved(&self, ours: &Ours<'_>) -> bool {
        let Use::Vacant { since: Some(since) } = self.used else { return false };
        let volumes: BTreeSet<&VolumeId> = self.volumes.values().copied().collect();
        let saved: BTreeSet<&VolumeId> = ours
            .of_slot(self.slot)
            .filter(|snapshot| snapshot.is_completed() && snapshot.started > since)
            .map(|snapshot| &snapshot.volume)
            .collect();
        volumes.is_subset(&saved)
    }

    /// Since when its data may have changed, as far as is known.
    pub(super) fn used_since(&self) -> Option<Timestamp> {
        self.slot.holder.as_ref().map(|holder| holder.since).or(self.slot.vacated)
    }
}

pub(super) fn is_pending(snapshot: &Snapshot) -> bool {
    snapshot.state == SnapshotState::Pending
}

/// It holds data, or is about to.
fn counts(snapshot: &Snapshot) -> bool {
    match snapshot.state {
        SnapshotState::Pending | SnapshotState::Completed => true,
        SnapshotState::Error | SnapshotState::Other => false,
    }
}

/// The last whole multiple of the interval, counted from 1970. The table does not say when a volume was born, only when
/// its slot last changed hands: with this, that does not move the slot's timetable.
fn floor(at: Timestamp, interval: u64) -> Timestamp {
    let interval = i64::try_from(interval).unwrap_or(i64::MAX).max(1);
    Timestamp::from_second(at.as_second().div_euclid(interval).saturating_mul(interval)).unwrap_or(at)
}
