//! The port `Cloud`: one line a call; the rooms say how.

use std::collections::BTreeSet;

use stateful_asg_core::cloud::{
    Asg, Hook, Instance, Interface, Modification, RecordChange, RecordKey, RecordSeen, Snapshot, Subnet, Tags, Volume,
};
use stateful_asg_core::ids::{
    AsgName, DeploymentId, DeviceName, GroupName, InstanceId, InterfaceAttachmentId, InterfaceId, SnapshotId, SubnetId,
    VolumeId,
};
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::HookResult;
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::ports::{Called, Cloud, NewInterface, NewVolume, SettleRequest, Which};

use crate::Aws;

impl Cloud for Aws {
    async fn asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>> {
        self.tagged_asgs(deployment, group).await
    }

    async fn asg_named(&self, name: &AsgName) -> Called<Option<Asg>> {
        self.one_asg(name).await
    }

    async fn hooks(&self, asg: &AsgName) -> Called<Vec<Hook>> {
        self.hooks_of(asg).await
    }

    async fn complete(&self, action: &ActionRef, result: HookResult) -> Called<()> {
        self.complete_action(action, result).await
    }

    async fn heartbeat(&self, action: &ActionRef) -> Called<()> {
        self.prolong_action(action).await
    }

    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        self.described_instances(which).await
    }

    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        self.described_volumes(which).await
    }

    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        self.described_interfaces(which).await
    }

    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        self.described_snapshots(which).await
    }

    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        self.described_modifications(volumes).await
    }

    async fn subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>> {
        self.described_subnets(ids).await
    }

    async fn create_volume(&self, new: &NewVolume) -> Called<VolumeId> {
        self.make_volume(new).await
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName) -> Called<()> {
        self.join_volume(volume, instance, device).await
    }

    async fn keep_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        self.protect_volume(volume, instance, device).await
    }

    async fn detach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        self.part_volume(volume, instance, device).await
    }

    async fn create_interface(&self, new: &NewInterface) -> Called<InterfaceId> {
        self.make_interface(new).await
    }

    async fn attach_interface(&self, interface: &InterfaceId, instance: &InstanceId, index: u32) -> Called<()> {
        self.join_interface(interface, instance, index).await
    }

    async fn keep_interface(&self, interface: &InterfaceId, attachment: &InterfaceAttachmentId) -> Called<()> {
        self.protect_interface(interface, attachment).await
    }

    async fn detach_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()> {
        self.part_interface(attachment).await
    }

    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        self.make_snapshot(volume, tags).await
    }

    async fn create_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>> {
        self.make_snapshots(instance, without, tags).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        self.drop_snapshot(snapshot).await
    }

    async fn modify_volume(&self, volume: &VolumeId, target: &Target) -> Called<()> {
        self.change_volume(volume, target).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Called<()> {
        self.drop_volume(volume).await
    }

    async fn delete_interface(&self, interface: &InterfaceId) -> Called<()> {
        self.drop_interface(interface).await
    }

    async fn tag(&self, resource: &str, tags: &Tags) -> Called<()> {
        self.set_tags(resource, tags).await
    }

    async fn record(&self, key: &RecordKey) -> Called<RecordSeen> {
        self.record_at(key).await
    }

    async fn change_record(&self, change: &RecordChange) -> Called<()> {
        self.swap_record(change).await
    }

    async fn request_settles(&self, requests: &[SettleRequest]) -> Called<()> {
        self.put_settles(requests).await
    }
}
