//! Snapshots.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::Query;
use super::super::xml::Element;
use super::{describe, done, page, tag_specifications, with_tags};
use crate::model::types::{CreateSnapshot, CreateSnapshots, Filter, Snapshot, SnapshotState};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("CreateSnapshot", create),
    ("CreateSnapshots", create_set),
    ("DescribeSnapshots", describe_snapshots),
    ("DeleteSnapshot", delete),
];

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = CreateSnapshot {
        volume_id: query.required("VolumeId")?,
        description: query.string("Description").unwrap_or_default(),
        tags: tag_specifications(query, "snapshot")?,
    };
    let snapshot = aws.create_snapshot(&request)?;
    Ok(fill(body(), &snapshot, "status"))
}

fn create_set(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let instance = query.structure("InstanceSpecification");
    let copy_tags = match query.text("CopyTagsFromSource") {
        None => false,
        Some("volume") => true,
        Some(other) => {
            let message = format!("Value ({other}) for parameter CopyTagsFromSource is invalid: expected volume");
            return Err(AwsError::new("InvalidParameterValue", message).into());
        }
    };
    let request = CreateSnapshots {
        instance_id: instance.required("InstanceId")?,
        exclude_boot_volume: instance.flag("ExcludeBootVolume")?.unwrap_or_default(),
        exclude_data_volume_ids: instance.texts("ExcludeDataVolumeId"),
        description: query.string("Description").unwrap_or_default(),
        tags: tag_specifications(query, "snapshot")?,
        copy_tags,
    };
    let taken = aws.create_snapshots(&request)?;
    // In this answer alone, the state stands under `state` (botocore, SnapshotInfo).
    Ok(body().list("snapshotSet", "item", taken.iter().map(|snapshot| fill(entry(), snapshot, "state"))))
}

fn describe_snapshots(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let mut request = describe(query, "SnapshotId")?;
    let own = aws.settings().account.clone();
    let owners = query.texts("Owner").into_iter().map(|owner| if owner == "self" { own.clone() } else { owner });
    let values: Vec<_> = owners.collect();
    if !values.is_empty() {
        request.filters.push(Filter { name: "owner-id".to_owned(), values });
    }
    let found = aws.describe_snapshots(&request)?;
    Ok(page("snapshotSet", &found, |snapshot| fill(entry(), snapshot, "status")))
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_snapshot(&query.required("SnapshotId")?)?;
    Ok(done())
}

fn fill(element: Element, snapshot: &Snapshot, state: &str) -> Element {
    // Observed: the progress is empty as long as there is none.
    let progress = match snapshot.state {
        SnapshotState::Pending if snapshot.progress == 0 => String::new(),
        SnapshotState::Pending | SnapshotState::Completed | SnapshotState::Error => format!("{}%", snapshot.progress),
    };
    let element = element
        .field("snapshotId", &snapshot.snapshot_id)
        .field("volumeId", &snapshot.volume_id)
        .field(state, snapshot.state.name())
        .maybe("statusMessage", snapshot.state_message.as_ref())
        .field("startTime", iso(snapshot.start_time))
        .maybe("completionTime", snapshot.completion_time.map(iso))
        .field("progress", progress)
        .field("ownerId", &snapshot.owner_id)
        .field("volumeSize", snapshot.volume_size_gib)
        .field("description", &snapshot.description)
        .field("encrypted", snapshot.encrypted)
        .maybe("kmsKeyId", snapshot.kms_key_id.as_ref())
        .field("storageTier", "standard");
    with_tags(element, &snapshot.tags)
}
