//! What snapshots hold, and how far they are on their way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::data::Data;

/// A snapshot's data.
#[derive(Debug, Clone)]
pub(super) struct Copy {
    pub(super) volume: String,
    pub(super) zone: String,
    pub(super) data: Data,
    pub(super) begin: Timestamp,
    pub(super) due: Timestamp,
    /// How many of the volume's marks the snapshots before it hold.
    pub(super) saved_before: u64,
    pub(super) in_progress: bool,
    /// Deleted while it was in progress.
    pub(super) deleted: bool,
    pub(super) fails: bool,
}

/// The data of all snapshots.
#[derive(Debug, Clone, Default)]
pub(in crate::model) struct Copies {
    copies: BTreeMap<String, Copy>,
    /// By volume: those in progress, and those that failed.
    unfinished: BTreeMap<String, BTreeSet<String>>,
    /// How many of a volume's marks are in snapshots.
    saved: BTreeMap<String, u64>,
}

impl Copies {
    /// Begins a copy; answers when it is due. Observed (AWS re:Post, ebs-snapshot-stuck): not before
    /// the older ones of the volume.
    pub(super) fn add(&mut self, id: &str, mut copy: Copy) -> Timestamp {
        let older = self.of(&copy.volume).filter(|older| older.in_progress).map(|older| older.due).max();
        let due = older.map_or(copy.due, |older| copy.due.max(older + SignedDuration::from_millis(1)));
        copy.due = due;
        copy.saved_before = self.saved(&copy.volume);
        self.saved.insert(copy.volume.clone(), copy.data.marks());
        self.unfinished.entry(copy.volume.clone()).or_default().insert(id.to_owned());
        self.copies.insert(id.to_owned(), copy);
        due
    }

    fn of<'a>(&'a self, volume: &str) -> impl Iterator<Item = &'a Copy> + use<'a> {
        self.unfinished.get(volume).into_iter().flatten().filter_map(|id| self.copies.get(id))
    }

    /// How many of a volume's marks the next snapshot need not bring again.
    pub(super) fn saved(&self, volume: &str) -> u64 {
        self.saved.get(volume).copied().unwrap_or_default()
    }

    /// A volume begins with a snapshot's data. Documented (EBS User Guide, *How Amazon EBS snapshots
    /// work*, of different volumes): its first snapshot is incremental to that one.
    pub(super) fn restored(&mut self, volume: &str, marks: u64) {
        self.saved.insert(volume.to_owned(), marks);
    }

    /// When the latest snapshot of a volume began that is still in progress.
    pub(super) fn latest_begin(&self, volume: &str) -> Option<Timestamp> {
        self.of(volume).filter(|copy| copy.in_progress).map(|copy| copy.begin).max()
    }

    /// How many snapshots of a volume count against its limit.
    pub(super) fn unfinished(&self, volume: &str) -> usize {
        self.of(volume).count()
    }

    /// How many snapshots are in progress.
    pub(super) fn pending(&self) -> usize {
        self.unfinished.keys().map(|volume| self.of(volume).filter(|copy| copy.in_progress).count()).sum()
    }

    /// A copy is due: says whether it failed, unless nobody waits for it any more.
    pub(super) fn finish(&mut self, id: &str) -> Option<bool> {
        let copy = self.copies.get_mut(id).filter(|copy| copy.in_progress)?;
        copy.in_progress = false;
        let (failed, deleted, volume) = (copy.fails, copy.deleted, copy.volume.clone());
        if failed {
            copy.data = Data::default();
            // The next one brings again what this one did not.
            let saved = copy.saved_before;
            self.saved.entry(volume.clone()).and_modify(|now| *now = saved.min(*now));
        }
        if deleted || !failed {
            self.settle(id, &volume);
        }
        if deleted {
            self.copies.remove(id);
        }
        (!deleted).then_some(failed)
    }

    fn settle(&mut self, id: &str, volume: &str) {
        if let Some(ids) = self.unfinished.get_mut(volume) {
            ids.remove(id);
            if ids.is_empty() {
                self.unfinished.remove(volume);
            }
        }
    }

    /// The snapshot is gone.
    pub(super) fn drop(&mut self, id: &str) {
        let Some(copy) = self.copies.get_mut(id) else { return };
        copy.deleted = true;
        if !copy.in_progress {
            let volume = copy.volume.clone();
            self.copies.remove(id);
            self.settle(id, &volume);
        }
    }

    /// What a snapshot holds.
    pub(super) fn data(&self, id: &str) -> Option<&Data> {
        self.copies.get(id).filter(|copy| !copy.deleted).map(|copy| &copy.data)
    }

    /// Percent, below 100 while it is in progress.
    pub(super) fn progress(&self, id: &str, now: Timestamp) -> u8 {
        let Some(copy) = self.copies.get(id) else { return 0 };
        let (passed, whole) =
            (now.duration_since(copy.begin).as_millis(), copy.due.duration_since(copy.begin).as_millis());
        u8::try_from((passed * 100 / whole.max(1)).clamp(0, 99)).unwrap_or(99)
    }

    /// The zone of the volume that a snapshot is taken of.
    pub(in crate::model) fn zone_of(&self, id: &str) -> Option<String> {
        self.copies.get(id).map(|copy| copy.zone.clone())
    }
}
