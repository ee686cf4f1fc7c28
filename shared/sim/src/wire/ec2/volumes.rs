//! Volumes and their attachments.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::Query;
use super::super::xml::Element;
use super::{describe, done, page, tag_specifications, with_tags};
use crate::model::types::{
    AttachVolume, CreateVolume, DetachVolume, ModifyVolume, Volume, VolumeAttachment, VolumeModification,
};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("CreateVolume", create),
    ("DescribeVolumes", describe_volumes),
    ("AttachVolume", attach),
    ("DetachVolume", detach),
    ("DeleteVolume", delete),
    ("ModifyVolume", modify),
    ("DescribeVolumesModifications", describe_modifications),
];

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = CreateVolume {
        availability_zone: query.required("AvailabilityZone")?,
        size_gib: query.number("Size")?,
        volume_type: query.string("VolumeType"),
        iops: query.number("Iops")?,
        throughput: query.number("Throughput")?,
        encrypted: query.flag("Encrypted")?.unwrap_or_default(),
        kms_key_id: query.string("KmsKeyId"),
        snapshot_id: query.string("SnapshotId").filter(|id| !id.is_empty()),
        volume_initialization_rate: query.number("VolumeInitializationRate")?,
        multi_attach_enabled: query.flag("MultiAttachEnabled")?.unwrap_or_default(),
        client_token: query.string("ClientToken"),
        tags: tag_specifications(query, "volume")?,
    };
    let volume = aws.create_volume(&request)?;
    Ok(fill(body(), &volume))
}

fn describe_volumes(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_volumes(&describe(query, "VolumeId")?)?;
    Ok(page("volumeSet", &found, |volume| {
        fill(entry(), volume).list(
            "attachmentSet",
            "item",
            volume.attachments.iter().map(|attachment| attached(entry(), attachment)),
        )
    }))
}

fn attach(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = AttachVolume {
        volume_id: query.required("VolumeId")?,
        instance_id: query.required("InstanceId")?,
        device: query.required("Device")?,
    };
    Ok(attached(body(), &aws.attach_volume(&request)?))
}

fn detach(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = DetachVolume {
        volume_id: query.required("VolumeId")?,
        instance_id: query.string("InstanceId"),
        device: query.string("Device"),
        force: query.flag("Force")?.unwrap_or_default(),
    };
    Ok(attached(body(), &aws.detach_volume(&request)?))
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_volume(&query.required("VolumeId")?)?;
    Ok(done())
}

fn modify(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = ModifyVolume {
        volume_id: query.required("VolumeId")?,
        size_gib: query.number("Size")?,
        volume_type: query.string("VolumeType"),
        iops: query.number("Iops")?,
        throughput: query.number("Throughput")?,
    };
    if query.flag("MultiAttachEnabled")?.is_some() {
        let message = "The simulated EC2 does not modify MultiAttachEnabled.";
        return Err(AwsError::new("InvalidParameterCombination", message).into());
    }
    let modification = aws.modify_volume(&request)?;
    Ok(body().child(modified(Element::new("volumeModification"), &modification)))
}

fn describe_modifications(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_volumes_modifications(&describe(query, "VolumeId")?)?;
    Ok(page("volumeModificationSet", &found, |modification| modified(entry(), modification)))
}

fn modified(element: Element, modification: &VolumeModification) -> Element {
    let (original, target) = (&modification.original, &modification.target);
    element
        .field("volumeId", &modification.volume_id)
        .field("modificationState", modification.state.name())
        .maybe("statusMessage", modification.status_message.as_ref())
        .field("targetSize", target.size_gib)
        .maybe("targetIops", target.iops)
        .field("targetVolumeType", &target.volume_type)
        .maybe("targetThroughput", target.throughput)
        .field("originalSize", original.size_gib)
        .maybe("originalIops", original.iops)
        .field("originalVolumeType", &original.volume_type)
        .maybe("originalThroughput", original.throughput)
        .field("progress", modification.progress)
        .field("startTime", iso(modification.start_time))
        .maybe("endTime", modification.end_time.map(iso))
}

fn fill(element: Element, volume: &Volume) -> Element {
    let element = element
        .field("volumeId", &volume.volume_id)
        .field("size", volume.size_gib)
        .field("snapshotId", volume.snapshot_id.as_deref().unwrap_or_default())
        .field("availabilityZone", &volume.availability_zone)
        .field("status", volume.state.name())
        .field("createTime", iso(volume.create_time))
        .field("volumeType", &volume.volume_type)
        .maybe("iops", volume.iops)
        .maybe("throughput", volume.throughput)
        .maybe("volumeInitializationRate", volume.volume_initialization_rate)
        .field("encrypted", volume.encrypted)
        .maybe("kmsKeyId", volume.kms_key_id.as_ref())
        .field("multiAttachEnabled", volume.multi_attach_enabled);
    with_tags(element, &volume.tags)
}

fn attached(element: Element, attachment: &VolumeAttachment) -> Element {
    element
        .field("volumeId", &attachment.volume_id)
        .field("instanceId", &attachment.instance_id)
        .field("device", &attachment.device)
        .field("status", attachment.status.name())
        .field("attachTime", iso(attachment.attach_time))
        .field("deleteOnTermination", attachment.delete_on_termination)
}
