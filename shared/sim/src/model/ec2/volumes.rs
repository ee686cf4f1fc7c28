//! Volumes: made, ready, deleted, lost.

use std::sync::Arc;

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::data::Disk;
use crate::model::effects::{EffectKind, Gone};
use crate::model::types::{CreateVolume, Snapshot, SnapshotState, Volume, VolumeShape, VolumeState};
use crate::model::{Answer, Aws, AwsError};

use super::volume_types::{self, GP3_IOPS, GP3_THROUGHPUT};
use super::{mismatch, no_volume};

impl Aws {
    /// `ec2:CreateVolume`.
    ///
    /// # Errors
    /// `InvalidZone.NotFound`, `MissingParameter`, `InvalidParameterValue`,
    /// `InvalidParameterCombination`, `UnknownVolumeType`; `IdempotentParameterMismatch` for a client
    /// token that was used with other parameters; with a snapshot `InvalidSnapshot.NotFound`, and
    /// `IncorrectState` for one that is not completed; `VolumeLimitExceeded`; `InternalError` for a zone
    /// out of reach.
    pub fn create_volume(&mut self, request: &CreateVolume) -> Answer<Arc<Volume>> {
        self.call("ec2:CreateVolume", Cost::Resource, |aws| {
            // Documented (EC2 API reference, *Ensuring idempotency*): the first answer again.
            // Observed (EBS CSI driver): also when the volume has failed and is gone by now.
            if let Some((token, (before, volume))) =
                request.client_token.as_ref().and_then(|t| Some((t, aws.ec2.volume_tokens.get(t)?)))
            {
                return if before == request { Ok(Arc::clone(volume)) } else { Err(mismatch(token)) };
            }
            let (shape, source) = aws.check_new_volume(request)?;
            Ok(aws.new_volume(request, shape, source.as_deref()))
        })
    }

    /// What the new volume will be like, and the snapshot that it is made from.
    fn check_new_volume(&mut self, request: &CreateVolume) -> Answer<(VolumeShape, Option<Arc<Snapshot>>)> {
        let zone = &request.availability_zone;
        if !self.ec2.network.zones.iter().any(|known| known.zone_name == *zone) {
            return Err(AwsError::new("InvalidZone.NotFound", format!("The zone '{zone}' does not exist.")));
        }
        self.check_reach(zone)?;
        let source = request.snapshot_id.as_ref().map(|id| self.known_snapshot(id)).transpose()?;
        let Some(size_gib) = request.size_gib.or(source.as_ref().map(|source| source.volume_size_gib)) else {
            return Err(AwsError::new("MissingParameter", "The request must contain the parameter size/snapshot"));
        };
        check_source(source.as_deref(), size_gib, request.volume_initialization_rate)?;
        let volume_type = request.volume_type.clone().unwrap_or_else(|| "gp2".to_owned());
        let mut shape = VolumeShape { size_gib, volume_type, iops: request.iops, throughput: request.throughput };
        volume_types::check(&shape)?;
        if shape.volume_type == "gp3" {
            shape.iops = shape.iops.or(Some(GP3_IOPS));
            shape.throughput = shape.throughput.or(Some(GP3_THROUGHPUT));
        }
        // Documented: EC2 API error codes. The account's number is a setting of the tests.
        if self.faults.volume_quota.is_some_and(|quota| self.volumes().count() >= quota) {
            return Err(AwsError::new("VolumeLimitExceeded", "You have reached the limit of volumes."));
        }
        Ok((shape, source))
    }

    /// Documented (BC CreateSnapshot, CreateVolume): volumes made from encrypted snapshots are encrypted,
    /// under the snapshot's key unless another one is named.
    fn new_volume(&mut self, request: &CreateVolume, shape: VolumeShape, source: Option<&Snapshot>) -> Arc<Volume> {
        let volume_id = self.new_id("vol");
        let volume = Volume {
            volume_id: volume_id.clone(),
            availability_zone: request.availability_zone.clone(),
            size_gib: shape.size_gib,
            volume_type: shape.volume_type,
            iops: shape.iops,
            throughput: shape.throughput,
            encrypted: request.encrypted || source.is_some_and(|source| source.encrypted),
            kms_key_id: request.kms_key_id.clone().or_else(|| source?.kms_key_id.clone()),
            snapshot_id: request.snapshot_id.clone(),
            volume_initialization_rate: request.volume_initialization_rate,
            multi_attach_enabled: request.multi_attach_enabled,
            state: VolumeState::Creating,
            create_time: self.now,
            attachments: Vec::new(),
            tags: request.tags.clone().into(),
        };
        if let Some(data) = source.and_then(|source| self.snapshot_data(&source.snapshot_id)).cloned() {
            self.ec2.copies.restored(&volume_id, data.marks());
            self.ec2.disks.insert(volume_id.clone(), Disk::restored(data));
        }
        let answer = Arc::new(volume.clone());
        self.ec2.volumes.insert(self.now, &volume_id, volume);
        if let Some(token) = &request.client_token {
            self.ec2.volume_tokens.insert(token.clone(), (request.clone(), Arc::clone(&answer)));
        }
        self.log(EffectKind::VolumeCreated { volume: volume_id.clone(), zone: request.availability_zone.clone() });
        self.later(self.settings.timings.create_volume, Due::VolumeCreated(volume_id));
        answer
    }

    /// Documented (EBS User Guide, createVolume event): an unusable key fails the creation, not the
    /// call. Observed (EBS CSI driver): the volume may also just vanish, here for a key with `missing`.
    pub(in crate::model) fn volume_created(&mut self, id: &str) {
        let Some(volume) = self.ec2.volumes.get(id).filter(|v| v.state == VolumeState::Creating) else { return };
        let key = volume.kms_key_id.clone().unwrap_or_default();
        if key.contains("missing") {
            self.emit_volume_created(id, true);
            self.drop_volume(id, Gone::Lost);
            return;
        }
        let failed = key.contains("bad") || key.contains("revoked") || self.faults.unusable_keys.contains(&key);
        if let Some(volume) = self.volume_mut(id) {
            volume.state = if failed { VolumeState::Error } else { VolumeState::Available };
        }
        self.log(EffectKind::VolumeReady { volume: id.to_owned(), failed });
        self.emit_volume_created(id, failed);
    }

    /// `ec2:DeleteVolume`. The volume is `deleting` for a while, and then gone (documented: EBS User
    /// Guide, *EBS volume lifecycle*).
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`, for one that is `deleting` too (assumed); `VolumeInUse` while it is
    /// attached; `IncorrectState` while it is being created (documented: EC2 API error codes);
    /// `InternalError` out of reach.
    pub fn delete_volume(&mut self, volume_id: &str) -> Answer<()> {
        self.call("ec2:DeleteVolume", Cost::Resource, |aws| {
            let volume = aws.known_volume(volume_id)?;
            aws.check_reach(&volume.availability_zone)?;
            if let Some(attachment) = volume.attachments.first() {
                let message = format!("Volume {volume_id} is currently attached to {}", attachment.instance_id);
                return Err(AwsError::new("VolumeInUse", message));
            }
            match volume.state {
                VolumeState::Available | VolumeState::Error => aws.begin_deletion(volume_id),
                VolumeState::Creating | VolumeState::InUse => {
                    return Err(AwsError::incorrect_state(format!(
                        "Volume '{volume_id}' is in the '{}' state.",
                        volume.state.name()
                    )));
                }
                VolumeState::Deleting => return Err(no_volume(volume_id)),
            }
            Ok(())
        })
    }

    fn begin_deletion(&mut self, id: &str) {
        let Some(volume) = self.volume_mut(id) else { return };
        volume.state = VolumeState::Deleting;
        self.log(EffectKind::VolumeDeleting { volume: id.to_owned() });
        let due = Due::VolumeDeleted { volume: id.to_owned(), actor: self.actor.clone() };
        self.later(self.settings.timings.delete_volume, due);
    }

    /// The log names who asked for it.
    pub(in crate::model) fn volume_deleted(&mut self, id: &str, actor: String) {
        let before = std::mem::replace(&mut self.actor, actor);
        if self.ec2.volumes.get(id).is_some_and(|volume| volume.state == VolumeState::Deleting) {
            self.emit_volume(id, "deleteVolume", "deleted", "");
            self.drop_volume(id, Gone::Deleted);
        }
        self.actor = before;
    }

    pub(in crate::model) fn drop_volume(&mut self, id: &str, why: Gone) {
        let Some(volume) = self.ec2.volumes.remove(self.now, id) else { return };
        for attachment in &volume.attachments {
            if let Some(instance) = self.instance_mut(&attachment.instance_id) {
                instance.block_devices.retain(|device| device.volume_id != id);
            }
        }
        self.refresh_writes(id);
        self.forget_modifications(id);
        if !self.ec2.roots.remove(id) {
            self.log(EffectKind::VolumeGone { volume: id.to_owned(), why });
        }
        let oldest = self.oldest();
        self.ec2.volumes.prune(oldest);
    }
}

/// Observed wording: velero 1799 (`pending`), launches from images (too small).
fn check_source(source: Option<&Snapshot>, size_gib: u32, rate: Option<u32>) -> Answer<()> {
    // Documented (BC CreateVolume): 100 to 300, with a snapshot only. The codes are assumed.
    match (source, rate) {
        (None, Some(_)) => {
            let message = "The parameter volumeInitializationRate is supported for volumes made from snapshots only.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        (Some(_), Some(rate)) if !(100..=300).contains(&rate) => {
            let message = format!("The volume initialization rate {rate} is not between 100 and 300.");
            return Err(AwsError::parameter(message));
        }
        (_, Some(_) | None) => {}
    }
    let Some(source) = source else { return Ok(()) };
    if source.state != SnapshotState::Completed {
        return Err(AwsError::incorrect_state(format!("Snapshot is in invalid state - {}", source.state.name())));
    }
    if size_gib < source.volume_size_gib {
        return Err(AwsError::parameter(format!(
            "Volume of size {size_gib}GB is smaller than snapshot '{}', expect size >= {}GB",
            source.snapshot_id, source.volume_size_gib
        )));
    }
    Ok(())
}
