//! Snapshots and changes of volumes: what the requests look like, and errors read against the goal.

use std::collections::BTreeSet;

use stateful_asg_core::cloud::{self, Tags};
use stateful_asg_core::ids::{InstanceId, VolumeId};
use stateful_asg_core::upkeep::Target;

use super::convert::id;
use crate::model::AwsError;
use crate::model::types as sim;

pub(super) fn new_snapshot(volume: &VolumeId, tags: &Tags) -> sim::CreateSnapshot {
    sim::CreateSnapshot { volume_id: volume.to_string(), description: String::new(), tags: tags.clone() }
}

pub(super) fn new_snapshots(instance: &InstanceId, without: &BTreeSet<VolumeId>, tags: &Tags) -> sim::CreateSnapshots {
    sim::CreateSnapshots {
        instance_id: instance.to_string(),
        exclude_boot_volume: true,
        exclude_data_volume_ids: without.iter().map(ToString::to_string).collect(),
        description: String::new(),
        tags: tags.clone(),
        copy_tags: false,
    }
}

pub(super) fn change(volume: &VolumeId, target: &Target) -> sim::ModifyVolume {
    sim::ModifyVolume {
        volume_id: volume.to_string(),
        size_gib: target.size_gib,
        volume_type: target.kind.map(|kind| kind.to_string()),
        iops: target.iops,
        throughput: target.throughput,
    }
}

pub(super) fn snapshot(seen: &sim::Snapshot) -> cloud::Snapshot {
    cloud::Snapshot {
        id: id(&seen.snapshot_id),
        volume: id(&seen.volume_id),
        state: match seen.state {
            sim::SnapshotState::Pending => cloud::SnapshotState::Pending,
            sim::SnapshotState::Completed => cloud::SnapshotState::Completed,
            sim::SnapshotState::Error => cloud::SnapshotState::Error,
        },
        started: seen.start_time,
        size_gib: seen.volume_size_gib,
        encrypted: seen.encrypted,
        tags: seen.tags.clone(),
        message: seen.state_message.clone(),
    }
}

pub(super) fn modification(seen: &sim::VolumeModification) -> cloud::Modification {
    cloud::Modification {
        volume: id(&seen.volume_id),
        state: match seen.state {
            sim::ModificationState::Modifying => cloud::ModificationState::Modifying,
            sim::ModificationState::Optimizing => cloud::ModificationState::Optimizing,
            sim::ModificationState::Completed => cloud::ModificationState::Completed,
            sim::ModificationState::Failed => cloud::ModificationState::Failed,
        },
        started: Some(seen.start_time),
        message: seen.status_message.clone(),
    }
}

/// To the one who wants it deleted, "not found" says that it is.
pub(super) fn gone(answer: Result<(), AwsError>) -> Result<(), AwsError> {
    const DONE: [&str; 3] =
        ["InvalidSnapshot.NotFound", "InvalidVolume.NotFound", "InvalidNetworkInterfaceID.NotFound"];
    match answer {
        Err(error) if DONE.contains(&error.code.as_str()) => Ok(()),
        answer => answer,
    }
}
