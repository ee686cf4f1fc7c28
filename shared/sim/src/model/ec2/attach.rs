//! Volumes on their way to and from instances.

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{
    AttachVolume, AttachmentStatus, DetachVolume, Instance, InstanceBlockDevice, InstanceState,
    ModifyInstanceAttribute, Volume, VolumeAttachment, VolumeState,
};
use crate::model::{Answer, Aws, AwsError};

use super::instance_types::limits;

impl Aws {
    /// `ec2:AttachVolume`.
    ///
    /// # Errors
    /// As documented in EC2's error codes: `InvalidInstanceID.NotFound`, `InvalidVolume.NotFound`,
    /// `InvalidVolume.ZoneMismatch`, `VolumeInUse`, `IncorrectState` (volume not available, instance
    /// neither running nor stopped), `InvalidParameterValue` (device name in use),
    /// `AttachmentLimitExceeded`; `InternalError` out of reach.
    pub fn attach_volume(&mut self, request: &AttachVolume) -> Answer<VolumeAttachment> {
        self.call("ec2:AttachVolume", Cost::Mutating, |aws| {
            let instance = aws.known_instance(&request.instance_id)?;
            let volume = aws.known_volume(&request.volume_id)?;
            aws.check_reach(&volume.availability_zone)?;
            aws.check_attachable(&instance, &volume, &request.device)?;
            Ok(aws.begin_attaching(request))
        })
    }

    fn check_attachable(&self, instance: &Instance, volume: &Volume, device: &str) -> Answer<()> {
        let (id, volume_id) = (&instance.instance_id, &volume.volume_id);
        // Observed: linuxkit 2388, px-dev 42.
        if instance.availability_zone != volume.availability_zone {
            let message = format!("The volume '{volume_id}' is not in the same availability zone as instance '{id}'");
            return Err(AwsError::new("InvalidVolume.ZoneMismatch", message));
        }
        check_free(instance, volume)?;
        // Documented: BC AttachVolume (running or stopped). Observed: ansible amazon.aws 497, salt 44242.
        if !matches!(instance.state, InstanceState::Running | InstanceState::Stopped) {
            return Err(AwsError::incorrect_state(format!("Instance '{id}' is not 'running'.")));
        }
        // Documented (error codes), worded as the EBS CSI driver matches it; the second half are
        // names that the machine image uses (observed there too).
        let taken = instance.block_devices.iter().any(|d| d.device_name == device)
            || self.settings.hidden_devices.iter().any(|d| d == device);
        if taken {
            return Err(AwsError::parameter(format!(
                "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
            )));
        }
        check_limit(instance)
    }

    fn begin_attaching(&mut self, request: &AttachVolume) -> VolumeAttachment {
        let AttachVolume { volume_id, instance_id, device } = request.clone();
        let attachment = VolumeAttachment {
            volume_id: volume_id.clone(),
            instance_id: instance_id.clone(),
            device: device.clone(),
            status: AttachmentStatus::Attaching,
            attach_time: self.now,
            delete_on_termination: self.settings.volumes_delete_on_termination,
        };
        self.put_attachment(attachment.clone());
        if !self.faults.stuck_attaching.contains(&volume_id) {
            self.later(
                self.settings.timings.attach,
                Due::VolumeAttached { volume: volume_id.clone(), instance: instance_id.clone() },
            );
        }
        self.log(EffectKind::VolumeAttaching { volume: volume_id, instance: instance_id, device });
        attachment
    }

    /// Writes an attachment on both sides.
    pub(super) fn put_attachment(&mut self, attachment: VolumeAttachment) {
        if let Some(instance) = self.instance_mut(&attachment.instance_id) {
            instance.block_devices.push(InstanceBlockDevice {
                device_name: attachment.device.clone(),
                volume_id: attachment.volume_id.clone(),
                status: attachment.status,
                attach_time: attachment.attach_time,
                delete_on_termination: attachment.delete_on_termination,
            });
        }
        if let Some(volume) = self.volume_mut(&attachment.volume_id.clone()) {
            volume.state = VolumeState::InUse;
            volume.attachments.push(attachment);
        }
    }

    fn set_attachment(&mut self, volume: &str, instance: &str, change: impl Fn(&mut AttachmentStatus, &mut bool)) {
        if let Some(attachment) =
            self.volume_mut(volume).and_then(|v| v.attachments.iter_mut().find(|a| a.instance_id == instance))
        {
            change(&mut attachment.status, &mut attachment.delete_on_termination);
        }
        if let Some(device) =
            self.instance_mut(instance).and_then(|i| i.block_devices.iter_mut().find(|d| d.volume_id == volume))
        {
            change(&mut device.status, &mut device.delete_on_termination);
        }
    }

    fn attachment_status(&self, volume: &str, instance: &str) -> Option<AttachmentStatus> {
        let volume = self.ec2.volumes.get(volume)?;
        volume.attachments.iter().find(|a| a.instance_id == instance).map(|a| a.status)
    }

    pub(in crate::model) fn volume_attached(&mut self, volume: &str, instance: &str) {
        let attaching = self.attachment_status(volume, instance) == Some(AttachmentStatus::Attaching);
        if !attaching || self.faults.stuck_attaching.contains(volume) {
            return;
        }
        self.set_attachment(volume, instance, |status, _| *status = AttachmentStatus::Attached);
        self.log(EffectKind::VolumeAttached { volume: volume.to_owned(), instance: instance.to_owned() });
        self.poke_guest(instance);
        self.refresh_writes(volume);
    }

    /// Lets a stuck attachment complete, and later ones too.
    pub fn unstick(&mut self, volume: &str) {
        self.faults.stuck_attaching.remove(volume);
        let Some(known) = self.ec2.volumes.get(volume) else { return };
        for instance in known.attachments.iter().map(|a| a.instance_id.clone()).collect::<Vec<_>>() {
            self.later(self.settings.timings.attach, Due::VolumeAttached { volume: volume.to_owned(), instance });
        }
    }

    /// `ec2:DetachVolume`. A volume that the guest has mounted stays `busy` until it is unmounted or
    /// the instance ends (documented: EBS User Guide, *Detach an Amazon EBS volume*).
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `IncorrectState` for a volume that is not attached;
    /// `InvalidAttachment.NotFound` if it is not attached as the request says;
    /// `OperationNotPermitted` for the root volume of an instance that is not stopped; `InternalError`
    /// out of reach.
    pub fn detach_volume(&mut self, request: &DetachVolume) -> Answer<VolumeAttachment> {
        self.call("ec2:DetachVolume", Cost::Mutating, |aws| {
            let volume = aws.known_volume(&request.volume_id)?;
            aws.check_reach(&volume.availability_zone)?;
            let attachment = named_attachment(&volume, request)?.clone();
            let stopped = aws.instance(&attachment.instance_id).is_some_and(|i| i.state == InstanceState::Stopped);
            if aws.ec2.roots.contains(&request.volume_id) && !stopped {
                let message = format!(
                    "Unable to detach root volume '{}' from instance '{}'",
                    request.volume_id, attachment.instance_id
                );
                return Err(AwsError::new("OperationNotPermitted", message));
            }
            Ok(aws.begin_detaching(attachment, request.force))
        })
    }

    fn begin_detaching(&mut self, mut attachment: VolumeAttachment, force: bool) -> VolumeAttachment {
        // Assumed: asking again changes nothing, unless it is by force now.
        let again = matches!(attachment.status, AttachmentStatus::Detaching | AttachmentStatus::Busy);
        if again && !force {
            return attachment;
        }
        let VolumeAttachment { volume_id: volume, instance_id: instance, .. } = attachment.clone();
        let mounted = self.is_mounted(&volume, &instance);
        attachment.status = if mounted && !force { AttachmentStatus::Busy } else { AttachmentStatus::Detaching };
        let status = attachment.status;
        self.set_attachment(&volume, &instance, |now, _| *now = status);
        self.log(EffectKind::VolumeDetaching { volume: volume.clone(), instance: instance.clone(), force, mounted });
        if status == AttachmentStatus::Detaching {
            self.later(self.settings.timings.detach, Due::VolumeDetached { volume: volume.clone(), instance });
        }
        self.refresh_writes(&volume);
        attachment
    }

    /// The guest let go of its volumes: those that were busy detach now.
    pub(in crate::model) fn unmounted(&mut self, instance: &str) {
        let Some(known) = self.ec2.instances.get(instance) else { return };
        let volumes: Vec<_> = known.block_devices.iter().map(|d| (d.volume_id.clone(), d.status)).collect();
        for (volume, status) in volumes {
            if status == AttachmentStatus::Busy {
                self.set_attachment(&volume, instance, |status, _| *status = AttachmentStatus::Detaching);
                self.later(
                    self.settings.timings.detach,
                    Due::VolumeDetached { volume: volume.clone(), instance: instance.to_owned() },
                );
            }
            self.refresh_writes(&volume);
        }
    }

    pub(in crate::model) fn volume_detached(&mut self, volume: &str, instance: &str) {
        if self.attachment_status(volume, instance) == Some(AttachmentStatus::Detaching) {
            self.free_volume(volume, instance);
        }
    }

    /// Ends an attachment.
    pub(super) fn free_volume(&mut self, volume: &str, instance: &str) {
        if let Some(known) = self.instance_mut(instance) {
            known.block_devices.retain(|device| device.volume_id != volume);
        }
        let Some(known) = self.volume_mut(volume) else { return };
        known.attachments.retain(|attachment| attachment.instance_id != instance);
        if known.attachments.is_empty() {
            known.state = VolumeState::Available;
        }
        self.log(EffectKind::VolumeAvailable { volume: volume.to_owned(), instance: instance.to_owned() });
        self.refresh_writes(volume);
    }

    /// `ec2:ModifyInstanceAttribute`, for DeleteOnTermination of block devices.
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `InvalidInstanceAttributeValue` for a device that the instance
    /// does not have (observed: aws-sdk reports, *No device is currently mapped at*).
    pub fn modify_instance_attribute(&mut self, request: &ModifyInstanceAttribute) -> Answer<()> {
        self.call("ec2:ModifyInstanceAttribute", Cost::Mutating, |aws| {
            let instance = aws.known_instance(&request.instance_id)?;
            let volume_at = |device: &str| {
                instance.block_devices.iter().find(|d| d.device_name == device).map(|d| d.volume_id.clone())
            };
            let mut changes = Vec::new();
            for (device, value) in &request.delete_on_termination {
                let volume = volume_at(device).ok_or_else(|| {
                    AwsError::new("InvalidInstanceAttributeValue", format!("No device is currently mapped at {device}"))
                })?;
                changes.push((volume, *value));
            }
            for (volume, value) in changes {
                aws.set_attachment(&volume, &request.instance_id, |_, delete| *delete = value);
                aws.log(EffectKind::VolumeDeleteOnTermination { volume, instance: request.instance_id.clone(), value });
            }
            Ok(())
        })
    }
}

/// Documented (error codes): `VolumeInUse` for an attached volume, `IncorrectState` for one that is
/// not ready. Observed wording: aws-sdk-java 1623.
fn check_free(instance: &Instance, volume: &Volume) -> Answer<()> {
    let volume_id = &volume.volume_id;
    match volume.state {
        VolumeState::Available => Ok(()),
        VolumeState::InUse => {
            let here = volume.attachments.iter().any(|a| a.instance_id == instance.instance_id);
            // Documented: up to 16 instances (EBS User Guide, *Multi-Attach*).
            if volume.multi_attach_enabled && !here && volume.attachments.len() < 16 {
                return Ok(());
            }
            Err(AwsError::new("VolumeInUse", format!("{volume_id} is already attached to an instance")))
        }
        VolumeState::Creating | VolumeState::Deleting | VolumeState::Error => {
            Err(AwsError::incorrect_state(format!("{volume_id} is not 'available'.")))
        }
    }
}

/// Documented (EC2 User Guide, *Amazon EBS volume limits*): a shared limit counts interfaces too.
fn check_limit(instance: &Instance) -> Answer<()> {
    let limits = limits(&instance.instance_type);
    let shared = limits.attachment_limit_type == "shared";
    let used = instance.block_devices.len() + if shared { instance.network_interfaces.len() } else { 0 };
    if used >= limits.maximum_ebs_attachments as usize {
        let message = format!("Volume limit reached for instance '{}'.", instance.instance_id);
        return Err(AwsError::new("AttachmentLimitExceeded", message));
    }
    Ok(())
}

/// The attachment that a DetachVolume names.
fn named_attachment<'a>(volume: &'a Volume, request: &DetachVolume) -> Answer<&'a VolumeAttachment> {
    if volume.attachments.is_empty() {
        let message = format!("Volume '{}' is in the '{}' state.", volume.volume_id, volume.state.name());
        return Err(AwsError::incorrect_state(message));
    }
    let named = |a: &&VolumeAttachment| {
        request.instance_id.as_ref().is_none_or(|i| *i == a.instance_id)
            && request.device.as_ref().is_none_or(|d| *d == a.device)
    };
    let message = || format!("Volume '{}' is not attached as given.", volume.volume_id);
    volume.attachments.iter().find(named).ok_or_else(|| AwsError::new("InvalidAttachment.NotFound", message()))
}
