//! Volumes and their attachments.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::Query;
use super::super::xml::Element;
use super::{describe, done, page, tag_specifications, with_tags};
use crate::model::Aws;
use crate::model::types::{AttachVolume, CreateVolume, DetachVolume, Volume, VolumeAttachment};

pub(super) const OPERATIONS: Table = &[
    ("CreateVolume", create),
    ("DescribeVolumes", describe_volumes),
    ("AttachVolume", attach),
    ("DetachVolume", detach),
    ("DeleteVolume", delete),
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
