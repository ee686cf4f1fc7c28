//! Snapshots: taken, completed, deleted.
//!
//! Documented: EBS User Guide, *How Amazon EBS snapshots work* and *Create Amazon EBS snapshots*; BC
//! CreateSnapshot, CreateSnapshots, DescribeSnapshots, DeleteSnapshot.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::data::Data;
use crate::model::effects::{EffectKind, Gone};
use crate::model::types::{
    AttachmentStatus, CreateSnapshot, CreateSnapshots, Describe, Paged, Snapshot, SnapshotState, Tags, Volume,
    VolumeState,
};
use crate::model::{Answer, Aws, AwsError};

use super::copies::Copy;
use super::describe::{Described, cost, not_both, page, text};
use super::tags::check as check_tags;

/// Documented (EC2 API error codes, `SnapshotCreationPerVolumeRateExceeded`): between the beginnings
/// of concurrent snapshots of one volume.
const APART: SignedDuration = SignedDuration::from_secs(15);

impl Aws {
    /// `ec2:CreateSnapshot`. The point in time is that of the call; the rest follows.
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `IncorrectState` for a volume that is neither available nor in use;
    /// `ConcurrentSnapshotLimitExceeded`, `SnapshotCreationPerVolumeRateExceeded`,
    /// `PendingSnapshotLimitExceeded`, `SnapshotLimitExceeded`, `TagLimitExceeded`;
    /// `InternalError` for a volume out of reach.
    pub fn create_snapshot(&mut self, request: &CreateSnapshot) -> Answer<Arc<Snapshot>> {
        self.call("ec2:CreateSnapshot", Cost::Resource, |aws| {
            let volume = aws.known_volume(&request.volume_id)?;
            check_tags(&Tags::new(), &request.tags)?;
            aws.check_snapshots(&[Arc::clone(&volume)])?;
            let fails = aws.faults.failing_snapshots.remove(&volume.volume_id);
            Ok(aws.new_snapshot(&volume, &request.description, request.tags.clone(), fails))
        })
    }

    /// `ec2:CreateSnapshots`: crash-consistent over all volumes attached to an instance. If one of them
    /// fails, all do (documented: EBS User Guide, *Create Amazon EBS snapshots*, multi-volume).
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `InvalidParameterValue` if the root volume or a volume of no
    /// attachment is named among the excluded, more than 40 are, or nothing is left; as
    /// [`create_snapshot`](Self::create_snapshot) for any of the volumes: then none is taken.
    pub fn create_snapshots(&mut self, request: &CreateSnapshots) -> Answer<Vec<Arc<Snapshot>>> {
        self.call("ec2:CreateSnapshots", Cost::Resource, |aws| {
            let volumes = aws.volumes_to_snapshot(request)?;
            aws.check_snapshots(&volumes)?;
            let tags_of = |volume: &Volume| {
                // Assumed: the request's own tags win, and AWS's own tags are not copied.
                let copied = volume.tags.iter().filter(|(key, _)| request.copy_tags && !key.starts_with("aws:"));
                let mut tags: Tags = copied.map(|(key, value)| (key.clone(), value.clone())).collect();
                tags.extend(request.tags.clone());
                tags
            };
            for volume in &volumes {
                check_tags(&Tags::new(), &tags_of(volume))?;
            }
            let mut fails = false;
            for volume in &volumes {
                fails |= aws.faults.failing_snapshots.remove(&volume.volume_id);
            }
            let taken =
                volumes.iter().map(|volume| aws.new_snapshot(volume, &request.description, tags_of(volume), fails));
            Ok(taken.collect())
        })
    }

    /// Assumed: volumes that are still being attached are left out.
    fn volumes_to_snapshot(&mut self, request: &CreateSnapshots) -> Answer<Vec<Arc<Volume>>> {
        let instance = self.known_instance(&request.instance_id)?;
        let excluded = &request.exclude_data_volume_ids;
        // Documented (BC InstanceSpecification): at most 40, and not the root volume. The codes are assumed.
        if excluded.len() > 40 {
            return Err(AwsError::parameter("At most 40 data volumes can be excluded."));
        }
        let here = |id: &String| instance.block_devices.iter().any(|device| device.volume_id == *id);
        if let Some(id) = excluded.iter().find(|id| self.ec2.roots.contains(*id) || !here(id)) {
            let message = format!("Volume '{id}' is not a data volume of instance '{}'.", request.instance_id);
            return Err(AwsError::parameter(message));
        }
        let wanted = instance.block_devices.iter().filter(|device| {
            device.status != AttachmentStatus::Attaching
                && !excluded.contains(&device.volume_id)
                && !(request.exclude_boot_volume && self.ec2.roots.contains(&device.volume_id))
        });
        let volumes: Vec<_> =
            wanted.filter_map(|device| self.ec2.volumes.get(&device.volume_id)).map(Arc::clone).collect();
        if volumes.is_empty() {
            let message = format!("No volumes of instance '{}' are left to snapshot.", request.instance_id);
            return Err(AwsError::parameter(message));
        }
        Ok(volumes)
    }

    fn check_snapshots(&self, volumes: &[Arc<Volume>]) -> Answer<()> {
        for volume in volumes {
            self.check_snapshot(volume)?;
        }
        // Documented: EC2 API error codes. The account's numbers are a setting of the tests.
        let beyond = |quota: Option<usize>, used: usize| quota.is_some_and(|quota| used + volumes.len() > quota);
        if beyond(self.faults.pending_snapshot_quota, self.ec2.copies.pending()) {
            let message = "You have reached the limit of snapshots in the pending state.";
            return Err(AwsError::new("PendingSnapshotLimitExceeded", message));
        }
        if beyond(self.faults.snapshot_quota, self.ec2.snapshots.iter().count()) {
            return Err(AwsError::new("SnapshotLimitExceeded", "You have reached the limit of snapshots."));
        }
        Ok(())
    }

    fn check_snapshot(&self, volume: &Volume) -> Answer<()> {
        let id = &volume.volume_id;
        self.check_reach(&volume.availability_zone)?;
        if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            return Err(AwsError::incorrect_state(format!("Volume '{id}' is in the '{}' state.", volume.state.name())));
        }
        if self.ec2.copies.latest_begin(id).is_some_and(|begin| begin + APART > self.now) {
            // Observed wording: N2WS, ansible amazon.aws.
            let message = "The maximum per volume CreateSnapshot request rate has been exceeded. Use an increasing or variable sleep interval between requests.";
            return Err(AwsError::new("SnapshotCreationPerVolumeRateExceeded", message));
        }
        // Documented (EBS User Guide, *Quotas for Amazon EBS*; AWS re:Post, ebs-snapshot-stuck): failed
        // ones count, and those that were deleted before they were completed.
        let limit = if matches!(volume.volume_type.as_str(), "st1" | "sc1") { 1 } else { 5 };
        if self.ec2.copies.unfinished(id) >= limit {
            let message = format!("Maximum allowed in-progress snapshots for a single volume exceeded: {id}.");
            return Err(AwsError::new("ConcurrentSnapshotLimitExceeded", message));
        }
        Ok(())
    }

    fn new_snapshot(&mut self, volume: &Volume, description: &str, tags: Tags, fails: bool) -> Arc<Snapshot> {
        let id = self.new_id("snap");
        let snapshot = Snapshot {
            snapshot_id: id.clone(),
            volume_id: volume.volume_id.clone(),
            state: SnapshotState::Pending,
            state_message: None,
            start_time: self.now,
            completion_time: None,
            progress: 0,
            volume_size_gib: volume.size_gib,
            description: description.to_owned(),
            encrypted: volume.encrypted,
            kms_key_id: volume.kms_key_id.clone(),
            owner_id: self.settings.account.clone(),
            tags: tags.into(),
        };
        let answer = Arc::new(snapshot.clone());
        self.ec2.snapshots.insert(self.now, &id, snapshot);
        let data = self.data(&volume.volume_id);
        let marks = data.marks().saturating_sub(self.ec2.copies.saved(&volume.volume_id));
        let due = self.after(self.settings.timings.snapshot) + self.copying(marks);
        let copy = Copy {
            volume: volume.volume_id.clone(),
            zone: volume.availability_zone.clone(),
            data,
            begin: self.now,
            due,
            saved_before: 0,
            in_progress: true,
            deleted: false,
            fails,
        };
        let due = self.ec2.copies.add(&id, copy);
        self.agenda.add(due, Due::SnapshotDone(id.clone()));
        self.log(EffectKind::SnapshotCreated { snapshot: id, volume: volume.volume_id.clone() });
        answer
    }

    /// How long so many marks take on their way into a snapshot.
    fn copying(&self, marks: u64) -> SignedDuration {
        let timings = &self.settings.timings;
        let per_gib = timings.snapshot_per_gib.as_millis();
        let millis = u128::from(marks) * u128::from(timings.mib_per_stamp) * per_gib / 1024;
        SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX / 1_000_000))
    }

    pub(in crate::model) fn snapshot_done(&mut self, id: &str) {
        let Some(failed) = self.ec2.copies.finish(id) else { return };
        let (now, oldest) = (self.now, self.oldest());
        let Some(snapshot) = self.ec2.snapshots.change(now, oldest, id) else { return };
        if failed {
            snapshot.state = SnapshotState::Error;
            snapshot.state_message = Some("Snapshot creation failed due to an internal error.".to_owned());
        } else {
            (snapshot.state, snapshot.progress) = (SnapshotState::Completed, 100);
            snapshot.completion_time = Some(now);
        }
        let (volume, begin) = (snapshot.volume_id.clone(), snapshot.start_time);
        self.emit_snapshot(id, &volume, begin, failed);
        self.log(EffectKind::SnapshotReady { snapshot: id.to_owned(), volume, failed });
    }

    /// `ec2:DescribeSnapshots`, of this account's snapshots: there are no others.
    ///
    /// # Errors
    /// `InvalidSnapshot.NotFound`; `InvalidParameterValue` for a filter that the model does not know;
    /// `InvalidParameterCombination` for IDs with a page size (documented in the API reference of 2023).
    pub fn describe_snapshots(&mut self, request: &Describe) -> Answer<Paged<Arc<Snapshot>>> {
        self.call("ec2:DescribeSnapshots", cost(request), |aws| {
            not_both(request)?;
            let mut found = page(aws, |aws| &aws.ec2.snapshots, request)?;
            for snapshot in found.items.iter_mut().filter(|s| s.state == SnapshotState::Pending) {
                let progress = aws.ec2.copies.progress(&snapshot.snapshot_id, aws.now);
                Arc::make_mut(snapshot).progress = progress;
            }
            Ok(found)
        })
    }

    /// The snapshot that a call names, as [`known_volume`](Self::known_volume).
    pub(super) fn known_snapshot(&mut self, id: &str) -> Answer<Arc<Snapshot>> {
        let moment = self.moment();
        let seen = self.ec2.snapshots.at(id, moment).is_some();
        let snapshot = self.ec2.snapshots.get(id).filter(|_| seen);
        snapshot.cloned().ok_or_else(|| Snapshot::not_found(id))
    }

    /// `ec2:DeleteSnapshot`. One that is still pending vanishes at once (assumed), and goes on counting
    /// against the volume's limit until it would have been completed (documented: EBS User Guide,
    /// *Delete an Amazon EBS snapshot*).
    ///
    /// # Errors
    /// `InvalidSnapshot.NotFound`; `InvalidSnapshot.InUse` while an image uses it.
    pub fn delete_snapshot(&mut self, id: &str) -> Answer<()> {
        self.call("ec2:DeleteSnapshot", Cost::Resource, |aws| {
            aws.known_snapshot(id)?;
            if aws.faults.snapshots_in_images.contains(id) {
                let message = format!("The snapshot {id} is currently in use by ami-0123456789abcdef0");
                return Err(AwsError::new("InvalidSnapshot.InUse", message));
            }
            aws.drop_snapshot(id, Gone::Deleted);
            Ok(())
        })
    }

    fn drop_snapshot(&mut self, id: &str, why: Gone) {
        let Some(snapshot) = self.ec2.snapshots.remove(self.now, id) else { return };
        self.ec2.copies.drop(id);
        self.log(EffectKind::SnapshotGone { snapshot: id.to_owned(), volume: snapshot.volume_id.clone(), why });
        let oldest = self.oldest();
        self.ec2.snapshots.prune(oldest);
    }

    /// What a snapshot holds, pending ones included; absent once it is gone, and empty if it failed.
    #[must_use]
    pub fn snapshot_data(&self, snapshot: &str) -> Option<&Data> {
        self.ec2.copies.data(snapshot)
    }

    /// The next snapshot of this volume ends in `error`, and the set that it belongs to.
    pub fn fail_snapshot(&mut self, volume: &str) {
        self.faults.failing_snapshots.insert(volume.to_owned());
    }

    /// The snapshot vanishes.
    pub fn lose_snapshot(&mut self, snapshot: &str) {
        self.drop_snapshot(snapshot, Gone::Lost);
    }

    /// An image uses the snapshot from now on, or no longer.
    pub fn use_in_image(&mut self, snapshot: &str, used: bool) {
        if used {
            self.faults.snapshots_in_images.insert(snapshot.to_owned());
        } else {
            self.faults.snapshots_in_images.remove(snapshot);
        }
    }
}

impl Described for Snapshot {
    const FIELDS: &[&str] = &["snapshot-id", "volume-id", "status", "owner-id", "description", "encrypted"];
    fn id(&self) -> &str {
        &self.snapshot_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "snapshot-id" => vec![&self.snapshot_id],
            "volume-id" => vec![&self.volume_id],
            "status" => vec![self.state.name()],
            "owner-id" => vec![&self.owner_id],
            "description" => vec![&self.description],
            "encrypted" => vec![text(self.encrypted)],
            _ => return None,
        })
    }
}
