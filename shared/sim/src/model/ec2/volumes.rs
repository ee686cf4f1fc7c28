//! Volumes: made, ready, deleted, lost.

use std::sync::Arc;

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::{EffectKind, Gone};
use crate::model::types::{CreateVolume, Volume, VolumeState};
use crate::model::{Answer, Aws, AwsError};

use super::{mismatch, no_volume};

/// A type's name, its smallest and largest size, and its operations a second.
type Range = (&'static str, u32, u32, Option<(u32, u32)>);

/// Documented (BC CreateVolume): sizes in GiB and operations a second by type; absent operations
/// cannot be given.
const RANGES: [Range; 7] = [
    ("gp3", 1, 65_536, Some((3_000, 80_000))),
    ("gp2", 1, 16_384, None),
    ("io1", 4, 16_384, Some((100, 64_000))),
    ("io2", 4, 65_536, Some((100, 256_000))),
    ("st1", 125, 16_384, None),
    ("sc1", 125, 16_384, None),
    ("standard", 1, 1_024, None),
];

impl Aws {
    /// `ec2:CreateVolume`.
    ///
    /// # Errors
    /// `InvalidZone.NotFound`, `MissingParameter`, `InvalidParameterValue`,
    /// `InvalidParameterCombination`, `UnknownVolumeType`; `IdempotentParameterMismatch` for a client
    /// token that was used with other parameters.
    pub fn create_volume(&mut self, request: &CreateVolume) -> Answer<Arc<Volume>> {
        self.call("ec2:CreateVolume", Cost::Resource, |aws| {
            // Documented (EC2 API reference, *Ensuring idempotency*): the first answer again.
            // Observed (EBS CSI driver): also when the volume has failed and is gone by now.
            if let Some((token, (before, volume))) =
                request.client_token.as_ref().and_then(|t| Some((t, aws.ec2.volume_tokens.get(t)?)))
            {
                return if before == request { Ok(Arc::clone(volume)) } else { Err(mismatch(token)) };
            }
            aws.check_new_volume(request)?;
            Ok(aws.new_volume(request))
        })
    }

    fn check_new_volume(&self, request: &CreateVolume) -> Answer<()> {
        let zone = &request.availability_zone;
        if !self.ec2.network.zones.iter().any(|known| known.zone_name == *zone) {
            return Err(AwsError::new("InvalidZone.NotFound", format!("The zone '{zone}' does not exist.")));
        }
        let kind = request.volume_type.as_deref().unwrap_or("gp2");
        let Some((_, min, max, iops)) = RANGES.iter().find(|(name, ..)| *name == kind) else {
            return Err(AwsError::new("UnknownVolumeType", format!("Unknown volume type: {kind}")));
        };
        let Some(size) = request.size_gib.or(request.snapshot_id.is_some().then_some(8)) else {
            return Err(AwsError::new("MissingParameter", "The request must contain the parameter size/snapshot"));
        };
        if !(*min..=*max).contains(&size) {
            return Err(AwsError::parameter(format!(
                "Volume of {size}GiB is out of range for {kind}; it must be between {min} and {max}."
            )));
        }
        match (request.iops, iops) {
            (Some(given), Some((low, high))) if !(*low..=*high).contains(&given) => {
                return Err(AwsError::parameter(format!(
                    "Volume iops of {given} is out of range for {kind}; it must be between {low} and {high}."
                )));
            }
            (Some(_), None) => {
                return Err(AwsError::new(
                    "InvalidParameterCombination",
                    format!("The parameter iops is not supported for {kind} volumes."),
                ));
            }
            (None, Some(_)) if kind.starts_with("io") => {
                return Err(AwsError::new("MissingParameter", "The request must contain the parameter iops"));
            }
            (Some(_) | None, _) => {}
        }
        if request.throughput.is_some() && kind != "gp3" {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                format!("The parameter throughput is not supported for {kind} volumes."),
            ));
        }
        Ok(())
    }

    fn new_volume(&mut self, request: &CreateVolume) -> Arc<Volume> {
        let volume_id = self.new_id("vol");
        let kind = request.volume_type.as_deref().unwrap_or("gp2");
        let gp3 = kind == "gp3";
        let volume = Volume {
            volume_id: volume_id.clone(),
            availability_zone: request.availability_zone.clone(),
            size_gib: request.size_gib.unwrap_or(8),
            volume_type: kind.to_owned(),
            iops: request.iops.or(gp3.then_some(3000)),
            throughput: request.throughput.or(gp3.then_some(125)),
            encrypted: request.encrypted,
            kms_key_id: request.kms_key_id.clone(),
            snapshot_id: request.snapshot_id.clone(),
            multi_attach_enabled: request.multi_attach_enabled,
            state: VolumeState::Creating,
            create_time: self.now,
            attachments: Vec::new(),
            tags: request.tags.clone(),
        };
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
        let failed = key.contains("bad") || key.contains("revoked");
        if let Some(volume) = self.volume_mut(id) {
            volume.state = if failed { VolumeState::Error } else { VolumeState::Available };
        }
        self.log(EffectKind::VolumeReady { volume: id.to_owned(), failed });
        self.emit_volume_created(id, failed);
    }

    /// `ec2:DeleteVolume`. The volume is gone at once (assumed).
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `VolumeInUse` while it is attached; `IncorrectState` while it is
    /// being created (documented: EC2 API error codes).
    pub fn delete_volume(&mut self, volume_id: &str) -> Answer<()> {
        self.call("ec2:DeleteVolume", Cost::Resource, |aws| {
            let volume = aws.known_volume(volume_id)?;
            if let Some(attachment) = volume.attachments.first() {
                let message = format!("Volume {volume_id} is currently attached to {}", attachment.instance_id);
                return Err(AwsError::new("VolumeInUse", message));
            }
            match volume.state {
                VolumeState::Available | VolumeState::Error => aws.drop_volume(volume_id, Gone::Deleted),
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

    pub(in crate::model) fn drop_volume(&mut self, id: &str, why: Gone) {
        let Some(volume) = self.ec2.volumes.remove(self.now, id) else { return };
        for attachment in &volume.attachments {
            if let Some(instance) = self.instance_mut(&attachment.instance_id) {
                instance.block_devices.retain(|device| device.volume_id != id);
            }
        }
        self.refresh_writes(id);
        if !self.ec2.roots.remove(id) {
            self.log(EffectKind::VolumeGone { volume: id.to_owned(), why });
        }
        let oldest = self.oldest();
        self.ec2.volumes.prune(oldest);
    }
}
