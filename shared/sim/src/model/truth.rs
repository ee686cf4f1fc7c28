//! What is really so, for checks: read without calls, lag or counting.

use std::sync::Arc;

use super::Aws;
use super::types::{
    Activity, Group, Instance, LifecycleAction, Member, NetworkInterface, ResourceRecordSet, Snapshot, Volume,
    VolumeModification,
};

impl Aws {
    /// How often a read showed an object as it was before, because reads lag.
    #[must_use]
    pub fn stale_reads(&self) -> u64 {
        let Aws { ec2, asg, .. } = self;
        let shelves = [ec2.instances.stale(), ec2.volumes.stale(), ec2.interfaces.stale(), ec2.snapshots.stale()];
        shelves.iter().sum::<u64>() + asg.groups.stale() + asg.members.stale()
    }

    /// Every instance that EC2 still describes.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.ec2.instances.iter()
    }

    /// One instance.
    #[must_use]
    pub fn instance(&self, id: &str) -> Option<&Arc<Instance>> {
        self.ec2.instances.get(id)
    }

    /// Every volume, root volumes left out.
    pub fn volumes(&self) -> impl Iterator<Item = &Arc<Volume>> {
        self.ec2.volumes.iter().filter(|volume| !self.ec2.roots.contains(&volume.volume_id))
    }

    /// One volume.
    #[must_use]
    pub fn volume(&self, id: &str) -> Option<&Arc<Volume>> {
        self.ec2.volumes.get(id)
    }

    /// Every snapshot; `progress` of pending ones is not kept up.
    pub fn snapshots(&self) -> impl Iterator<Item = &Arc<Snapshot>> {
        self.ec2.snapshots.iter()
    }

    /// One snapshot.
    #[must_use]
    pub fn snapshot(&self, id: &str) -> Option<&Arc<Snapshot>> {
        self.ec2.snapshots.get(id)
    }

    /// The latest change of a volume.
    #[must_use]
    pub fn modification(&self, volume: &str) -> Option<&Arc<VolumeModification>> {
        self.ec2.latest_modification(volume)
    }

    /// Every interface, primary ones included.
    pub fn interfaces(&self) -> impl Iterator<Item = &Arc<NetworkInterface>> {
        self.ec2.interfaces.iter()
    }

    /// One interface.
    #[must_use]
    pub fn interface(&self, id: &str) -> Option<&Arc<NetworkInterface>> {
        self.ec2.interfaces.get(id)
    }

    /// Every group.
    pub fn groups(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.asg.groups.iter()
    }

    /// One group.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.asg.groups.get(name)
    }

    /// The members of a group, those of its warm pool included.
    pub fn members(&self, group: &str) -> impl Iterator<Item = &Arc<Member>> {
        let index = self.asg.of_group.get(group).into_iter().flatten();
        index.filter_map(|instance| self.asg.members.get(instance))
    }

    /// One member, by its instance.
    #[must_use]
    pub fn member(&self, instance: &str) -> Option<&Arc<Member>> {
        self.asg.members.get(instance)
    }

    /// The lifecycle actions of a member, complete ones of its present state included.
    #[must_use]
    pub fn actions(&self, instance: &str) -> &[LifecycleAction] {
        self.asg.inner.get(instance).map_or(&[], |inner| &inner.actions)
    }

    /// A group's history, oldest first.
    #[must_use]
    pub fn activities(&self, group: &str) -> &[Activity] {
        self.asg.truth.get(group).map_or(&[], |truth| &truth.activities)
    }

    /// Every record set of a zone, in Route 53's order.
    pub fn records(&self, zone: &str) -> impl Iterator<Item = &ResourceRecordSet> {
        self.dns.records(zone)
    }

    /// One simple record set.
    #[must_use]
    pub fn record(&self, zone: &str, name: &str, record_type: &str) -> Option<&ResourceRecordSet> {
        self.dns.record(zone, name, record_type)
    }
}
