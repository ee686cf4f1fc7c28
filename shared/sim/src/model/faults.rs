//! What can be made to go wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::agenda::Due;
use super::effects::Gone;
use super::{Aws, AwsError};

/// Faults that are set and have not struck yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    before: BTreeMap<String, VecDeque<String>>,
    after: BTreeMap<String, VecDeque<String>>,
    pub(crate) stuck_attaching: BTreeSet<String>,
    pub(crate) never_boots: u32,
    pub(crate) zones_without_capacity: BTreeSet<String>,
    /// The zones out of reach, each with what stands still there.
    pub(crate) held: BTreeMap<String, Vec<Due>>,
    pub(crate) unusable_keys: BTreeSet<String>,
    pub(crate) volume_quota: Option<usize>,
    pub(crate) snapshot_quota: Option<usize>,
    pub(crate) pending_snapshot_quota: Option<usize>,
    pub(crate) failing_snapshots: BTreeSet<String>,
    pub(crate) failing_modifications: BTreeSet<String>,
    pub(crate) snapshots_in_images: BTreeSet<String>,
}

impl Faults {
    pub(crate) fn before(&mut self, operation: &str) -> Result<(), AwsError> {
        strike(&mut self.before, operation)
    }

    pub(crate) fn after(&mut self, operation: &str) -> Result<(), AwsError> {
        strike(&mut self.after, operation)
    }
}

fn strike(faults: &mut BTreeMap<String, VecDeque<String>>, operation: &str) -> Result<(), AwsError> {
    match faults.get_mut(operation).and_then(VecDeque::pop_front) {
        Some(code) => Err(AwsError::injected(&code)),
        None => Ok(()),
    }
}

impl Aws {
    /// The next call of `operation` (such as `ec2:AttachVolume`) is refused with `code` and changes
    /// nothing. Said several times, it refuses as many calls.
    pub fn fail_next(&mut self, operation: &str, code: &str) {
        self.faults.before.entry(operation.to_owned()).or_default().push_back(code.to_owned());
    }

    /// The next call of `operation` that succeeds is applied, and answered with `code` all the same.
    pub fn fail_next_after_effect(&mut self, operation: &str, code: &str) {
        self.faults.after.entry(operation.to_owned()).or_default().push_back(code.to_owned());
    }

    /// Takes back all faults set for calls.
    pub fn clear_call_faults(&mut self) {
        self.faults.before.clear();
        self.faults.after.clear();
    }

    /// Attachments of this volume stay `attaching` until [`Aws::unstick`].
    pub fn stick_attaching(&mut self, volume: &str) {
        self.faults.stuck_attaching.insert(volume.to_owned());
    }

    /// The next `count` instances launched never leave `pending`.
    pub fn never_boots(&mut self, count: u32) {
        self.faults.never_boots = count;
    }

    /// Launches in this zone fail for want of capacity, or succeed again.
    pub fn set_capacity(&mut self, zone: &str, has_capacity: bool) {
        if has_capacity {
            self.faults.zones_without_capacity.remove(zone);
        } else {
            self.faults.zones_without_capacity.insert(zone.to_owned());
        }
    }

    /// The volume vanishes with its data.
    pub fn lose_volume(&mut self, volume: &str) {
        self.drop_volume(volume, Gone::Lost);
    }

    /// Whether the key can be used (a grant exists): volumes under one that cannot be end in `error`.
    /// A snapshot's key goes on to volumes made from it.
    pub fn set_key_usable(&mut self, key: &str, usable: bool) {
        if usable {
            self.faults.unusable_keys.remove(key);
        } else {
            self.faults.unusable_keys.insert(key.to_owned());
        }
    }

    /// CreateVolume is refused with `VolumeLimitExceeded` while there are as many volumes, root volumes
    /// left out; absent means without limit.
    pub fn set_volume_quota(&mut self, quota: Option<usize>) {
        self.faults.volume_quota = quota;
    }

    /// Snapshots beyond so many are refused with `SnapshotLimitExceeded`; absent means without limit.
    pub fn set_snapshot_quota(&mut self, quota: Option<usize>) {
        self.faults.snapshot_quota = quota;
    }

    /// Snapshots beyond so many in progress are refused with `PendingSnapshotLimitExceeded`; absent
    /// means without limit.
    pub fn set_pending_snapshot_quota(&mut self, quota: Option<usize>) {
        self.faults.pending_snapshot_quota = quota;
    }
}
