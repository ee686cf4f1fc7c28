//! EBS snapshots.

use std::collections::BTreeSet;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types;
use stateful_asg_core::cloud::{Snapshot, SnapshotState, Tags};
use stateful_asg_core::ids::{InstanceId, SnapshotId, VolumeId};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_runtime::ports::{CallError, Called, Which};

use crate::Aws;
use crate::ec2::{PAGE, core_tags, created_with, filters, gather};
use crate::errors::{answer, goal};
use crate::parse::{Unreadable, count, required, time};

/// The most volumes that CreateSnapshots leaves out.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html>
const LEFT_OUT_MAX: usize = 40;

/// What three answers tell of a snapshot, each in a type of its own.
struct Shown<'a> {
    id: Option<&'a str>,
    volume: Option<&'a str>,
    state: Option<&'a types::SnapshotState>,
    started: Option<&'a DateTime>,
    size: Option<i32>,
    encrypted: Option<bool>,
    /// Those found; or those that it was created with, in one call.
    tags: Tags,
    message: Option<&'a str>,
}

macro_rules! shown {
    ($seen:expr, $tags:expr, $message:expr) => {
        Shown {
            id: $seen.snapshot_id(),
            volume: $seen.volume_id(),
            state: $seen.state(),
            started: $seen.start_time(),
            size: $seen.volume_size(),
            encrypted: $seen.encrypted(),
            tags: $tags,
            message: $message,
        }
    };
}
impl Aws {
    pub(crate) async fn described_snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        gather(filters(which, "snapshot-id"), |filters| self.snapshot_pages(filters)).await
    }

    /// A snapshot that cannot be read fails the read: left out, it might pass for one that was never taken.
    async fn snapshot_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Snapshot>> {
        const OPERATION: &str = "ec2:DescribeSnapshots";
        // Everybody can set our tags on a snapshot of his own and share it with us: it is not ours.
        let request = self.ec2.describe_snapshots().owner_ids("self");
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for seen in answer(OPERATION, page)?.snapshots() {
                let shown = shown!(seen, core_tags(seen.tags()), seen.state_message());
                found.push(snapshot(shown).map_err(|error| error.in_answer(OPERATION, seen.snapshot_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn make_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        const OPERATION: &str = "ec2:CreateSnapshot";
        let request = self.ec2.create_snapshot().volume_id(volume.as_str());
        let request = request.tag_specifications(created_with(types::ResourceType::Snapshot, tags));
        let made = answer(OPERATION, request.customize().config_override(self.pace.once()).send().await)?;
        let shown = shown!(made, tags.clone(), made.state_message());
        snapshot(shown).map_err(|error| error.in_answer(OPERATION, Some("the new snapshot")))
    }

    pub(crate) async fn make_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>> {
        const OPERATION: &str = "ec2:CreateSnapshots";
        if without.len() > LEFT_OUT_MAX {
            return Err(too_many_left_out(OPERATION, instance, without.len()));
        }
        let left_out = without.iter().map(ToString::to_string).collect();
        let volumes = types::InstanceSpecification::builder()
            .instance_id(instance.as_str())
            .exclude_boot_volume(true)
            .set_exclude_data_volume_ids(Some(left_out).filter(|ids: &Vec<_>| !ids.is_empty()))
            .build();
        let request = self.ec2.create_snapshots().instance_specification(volumes);
        let request = request.tag_specifications(created_with(types::ResourceType::Snapshot, tags));
        let made = answer(OPERATION, request.customize().config_override(self.pace.once()).send().await)?;
        let read = made.snapshots().iter().map(|seen| snapshot(shown!(seen, tags.clone(), None)));
        read.collect::<Result<_, _>>().map_err(|error| error.in_answer(OPERATION, Some("a new snapshot")))
    }

    pub(crate) async fn drop_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        goal("ec2:DeleteSnapshot", self.ec2.delete_snapshot().snapshot_id(snapshot.as_str()).send().await)
    }
}

fn too_many_left_out(operation: &'static str, instance: &InstanceId, number: usize) -> CallError {
    let message = format!(
        "{instance} has {number} volumes beside the slot's, and EC2 leaves out {LEFT_OUT_MAX} at most: detach some, or \
         turn the group's snapshots off"
    );
    CallError { operation, kind: FailureKind::Invalid, code: String::new(), message }
}

fn snapshot(shown: Shown<'_>) -> Result<Snapshot, Unreadable> {
    Ok(Snapshot {
        id: required("snapshot ID", shown.id)?,
        volume: required("volume", shown.volume)?,
        state: snapshot_state(shown.state.ok_or(Unreadable::Missing("state"))?.as_str()),
        started: time(shown.started).ok_or(Unreadable::Missing("start time"))?,
        size_gib: count("size", shown.size)?,
        encrypted: shown.encrypted.unwrap_or(false),
        tags: shown.tags.into(),
        message: shown.message.filter(|words| !words.is_empty()).map(str::to_owned),
    })
}

/// A word that is not known is no error: nothing is made from such a snapshot, and nothing rests on it.
fn snapshot_state(word: &str) -> SnapshotState {
    match word {
        "pending" => SnapshotState::Pending,
        "completed" => SnapshotState::Completed,
        "error" => SnapshotState::Error,
        _ => SnapshotState::Other,
    }
}

#[cfg(test)]
#[path = "snapshots_tests.rs"]
mod tests;
