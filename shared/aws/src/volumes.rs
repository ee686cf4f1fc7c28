//! EBS volumes.

use aws_sdk_ec2::types;
use stateful_asg_core::cloud::{Attachment, AttachmentState, Volume, VolumeState};
use stateful_asg_core::ids::{DeviceName, InstanceId, VolumeId};
use stateful_asg_runtime::ports::{Called, NewVolume, Which};

use crate::Aws;
use crate::ec2::{PAGE, core_tags, created_with, filters, gather};
use crate::errors::{answer, goal};
use crate::parse::{Unreadable, count, count_if_told, int, required, time};

impl Aws {
    pub(crate) async fn described_volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        gather(filters(which, "volume-id"), |filters| self.volume_pages(filters)).await
    }

    /// A volume that cannot be read fails the read: left out, it might pass for one that is gone, or that was never made.
    async fn volume_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Volume>> {
        const OPERATION: &str = "ec2:DescribeVolumes";
        let request = self.ec2.describe_volumes();
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for seen in answer(OPERATION, page)?.volumes() {
                found.push(volume(seen).map_err(|error| error.in_answer(OPERATION, seen.volume_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn make_volume(&self, new: &NewVolume) -> Called<VolumeId> {
        const OPERATION: &str = "ec2:CreateVolume";
        let request = self.ec2.create_volume();
        let params = &new.params;
        let sent = request
            .availability_zone(new.zone.as_str())
            .size(int(params.size_gib))
            // EC2's own default is gp2, and unencrypted unless the account says otherwise: both are always given.
            .volume_type(params.kind.as_str().into())
            .encrypted(params.encrypted)
            .set_kms_key_id(params.kms_key.clone())
            .set_iops(params.iops.map(int))
            .set_throughput(params.throughput.map(int))
            .set_snapshot_id(params.snapshot.as_ref().map(ToString::to_string))
            // EC2 takes a rate with a snapshot only.
            .set_volume_initialization_rate(params.snapshot.as_ref().and(params.initialization_rate).map(int))
            .client_token(&new.token)
            .tag_specifications(created_with(types::ResourceType::Volume, &new.tags))
            .send()
            .await;
        let made = answer(OPERATION, sent)?;
        required("volume ID", made.volume_id()).map_err(|error| error.in_answer(OPERATION, Some("the new volume")))
    }

    pub(crate) async fn join_volume(
        &self,
        volume: &VolumeId,
        instance: &InstanceId,
        device: &DeviceName,
    ) -> Called<()> {
        let request = self.ec2.attach_volume();
        let request = request.volume_id(volume.as_str()).instance_id(instance.as_str()).device(device.as_str());
        answer("ec2:AttachVolume", request.send().await).map(drop)
    }

    pub(crate) async fn protect_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = self.ec2.modify_instance_attribute();
        let kept = types::EbsInstanceBlockDeviceSpecification::builder()
            .volume_id(volume.as_str())
            .delete_on_termination(false)
            .build();
        let mapping = types::InstanceBlockDeviceMappingSpecification::builder().device_name(device).ebs(kept).build();
        let sent = request.instance_id(instance.as_str()).block_device_mappings(mapping).send().await;
        answer("ec2:ModifyInstanceAttribute", sent).map(drop)
    }

    pub(crate) async fn part_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = self.ec2.detach_volume();
        let request = request.volume_id(volume.as_str()).instance_id(instance.as_str()).device(device);
        goal("ec2:DetachVolume", request.send().await)
    }

    pub(crate) async fn drop_volume(&self, volume: &VolumeId) -> Called<()> {
        goal("ec2:DeleteVolume", self.ec2.delete_volume().volume_id(volume.as_str()).send().await)
    }
}

fn volume(seen: &types::Volume) -> Result<Volume, Unreadable> {
    let id: VolumeId = required("volume ID", seen.volume_id())?;
    let attachments = seen.attachments().iter().filter_map(|a| attachment(&id, a).transpose());
    Ok(Volume {
        attachments: attachments.collect::<Result<_, _>>()?,
        state: volume_state(seen.state().ok_or(Unreadable::Missing("state"))?.as_str())?,
        zone: required("zone", seen.availability_zone())?,
        size_gib: count("size", seen.size())?,
        kind: seen.volume_type().ok_or(Unreadable::Missing("type"))?.as_str().to_owned(),
        iops: count_if_told("IOPS", seen.iops())?,
        throughput: count_if_told("throughput", seen.throughput())?,
        encrypted: seen.encrypted().unwrap_or(false),
        multi_attach: seen.multi_attach_enabled().unwrap_or(false),
        tags: core_tags(seen.tags()).into(),
        id,
    })
}

/// None for an attachment to something that is no instance: the volume's state still says that it is in use.
fn attachment(volume: &VolumeId, seen: &types::VolumeAttachment) -> Result<Option<Attachment>, Unreadable> {
    let Some(instance) = seen.instance_id() else {
        tracing::warn!(%volume, holder = seen.associated_resource(), "the volume is attached to something that is no instance");
        return Ok(None);
    };
    Ok(Some(Attachment {
        instance: required("attachment's instance", Some(instance))?,
        device: seen.device().unwrap_or_default().to_owned(),
        state: attachment_state(seen.state().ok_or(Unreadable::Missing("attachment state"))?.as_str())?,
        // One that is not told is taken for true: then it is set to false and read back.
        delete_on_termination: seen.delete_on_termination().unwrap_or(true),
        since: time(seen.attach_time()),
    }))
}

fn volume_state(word: &str) -> Result<VolumeState, Unreadable> {
    Ok(match word {
        "creating" => VolumeState::Creating,
        "available" => VolumeState::Available,
        "in-use" => VolumeState::InUse,
        "deleting" => VolumeState::Deleting,
        "deleted" => VolumeState::Deleted,
        "error" => VolumeState::Error,
        other => return Err(Unreadable::novel("state", other)),
    })
}

/// How far an attachment of a volume or an interface is.
pub(crate) fn attachment_state(word: &str) -> Result<AttachmentState, Unreadable> {
    Ok(match word {
        "attaching" => AttachmentState::Attaching,
        "attached" => AttachmentState::Attached,
        "detaching" => AttachmentState::Detaching,
        "busy" => AttachmentState::Busy,
        "detached" => AttachmentState::Detached,
        other => return Err(Unreadable::novel("attachment state", other)),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::primitives::DateTime;
    use stateful_asg_core::observed::FailureKind;
    use stateful_asg_runtime::ports::Cloud;

    use super::*;
    use crate::samples;
    use crate::wire::{Answer, Wire};

    fn attached() -> types::builders::VolumeAttachmentBuilder {
        types::VolumeAttachment::builder()
            .instance_id("i-0123456789abcdef0")
            .device("/dev/sdf")
            .state(types::VolumeAttachmentState::Busy)
            .delete_on_termination(false)
            .attach_time(DateTime::from_secs(1_700_000_000))
    }

    fn seen() -> types::builders::VolumeBuilder {
        types::Volume::builder()
            .volume_id("vol-0123456789abcdef0")
            .state(types::VolumeState::InUse)
            .availability_zone("eu-central-1a")
            .size(2048)
            .volume_type(types::VolumeType::Gp3)
            .iops(6000)
            .encrypted(true)
            .tags(types::Tag::builder().key("stateful-asg:volume").value("data").build())
    }

    #[test]
    fn a_volume_is_read_whole() {
        let read = volume(&seen().attachments(attached().build()).build()).unwrap();
        assert_eq!((read.state, read.size_gib, read.kind.as_str()), (VolumeState::InUse, 2048, "gp3"));
        assert_eq!((read.iops, read.throughput), (Some(6000), None));
        assert!(read.encrypted && !read.multi_attach);
        assert_eq!(read.name().unwrap().as_str(), "data");
        let attachment = &read.attachments[0];
        assert_eq!((attachment.state, attachment.device.as_str()), (AttachmentState::Busy, "/dev/sdf"));
        assert!(!attachment.delete_on_termination);
        assert_eq!(attachment.since.unwrap().as_second(), 1_700_000_000);
    }

    fn new(snapshot: Option<&str>) -> NewVolume {
        let mut params = samples::params();
        params.snapshot = snapshot.map(|id| id.parse().unwrap());
        let tags = [("stateful-asg:slot".to_owned(), "3".to_owned())].into();
        NewVolume { zone: "eu-central-1a".parse().unwrap(), params, token: "token-1".to_owned(), tags }
    }

    #[tokio::test]
    async fn a_volume_is_made_from_a_snapshot_at_a_rate() {
        let wire = Wire::answering("CreateVolume", "<volumeId>vol-0123456789abcdef0</volumeId>");
        let made = wire.aws().create_volume(&new(Some("snap-0123456789abcdef0"))).await.unwrap();
        assert_eq!(made.as_str(), "vol-0123456789abcdef0");
        let from_snapshot = [
            "Action=CreateVolume",
            "AvailabilityZone=eu-central-1a",
            "ClientToken=token-1",
            "Encrypted=true",
            "Iops=6000",
            "KmsKeyId=alias/cassandra",
            "Size=2048",
            "SnapshotId=snap-0123456789abcdef0",
            "TagSpecification.1.ResourceType=volume",
            "TagSpecification.1.Tag.1.Key=stateful-asg:slot",
            "TagSpecification.1.Tag.1.Value=3",
            "VolumeInitializationRate=200",
            "VolumeType=gp3",
        ];
        assert_eq!(wire.sent(), from_snapshot);

        let wire = Wire::answering("CreateVolume", "<volumeId>vol-0123456789abcdef0</volumeId>");
        wire.aws().create_volume(&new(None)).await.unwrap();
        let with_snapshot = ["SnapshotId=", "VolumeInitializationRate="];
        let blank: Vec<_> =
            from_snapshot.into_iter().filter(|sent| !with_snapshot.iter().any(|name| sent.starts_with(name))).collect();
        assert_eq!(wire.sent(), blank);
    }

    #[tokio::test]
    async fn a_volume_is_deleted_unless_it_is_in_use() {
        let id = VolumeId::new("vol-0123456789abcdef0").unwrap();
        let wire = Wire::answering("DeleteVolume", "<return>true</return>");
        wire.aws().delete_volume(&id).await.unwrap();
        assert_eq!(wire.sent(), ["Action=DeleteVolume", "VolumeId=vol-0123456789abcdef0"]);
        Wire::new([Answer::Refused(400, "InvalidVolume.NotFound")]).aws().delete_volume(&id).await.unwrap();
        let error = Wire::new([Answer::Refused(400, "VolumeInUse")]).aws().delete_volume(&id).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::InUse);
    }

    #[test]
    fn delete_on_termination_that_is_not_told_is_feared() {
        let read = volume(&seen().attachments(attached().set_delete_on_termination(None).build()).build()).unwrap();
        assert!(read.attachments[0].delete_on_termination);
    }

    #[test]
    fn what_a_service_holds_is_not_free() {
        let held = attached().set_instance_id(None).associated_resource("arn:aws:ecs:task").build();
        let read = volume(&seen().attachments(held).build()).unwrap();
        assert!(read.attachments.is_empty() && !read.is_free());
    }

    #[test]
    fn a_volume_in_a_novel_state_is_an_error_and_no_absence() {
        let error = volume(&seen().state("initializing".into()).build()).unwrap_err();
        let error = error.in_answer("ec2:DescribeVolumes", Some("vol-0123456789abcdef0"));
        assert!(error.kind.is_retryable());
        assert!(error.message.contains("vol-0123456789abcdef0") && error.message.contains("initializing"), "{error}");
    }
}
