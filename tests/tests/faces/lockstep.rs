//! The ports as the SDK plays them, with the time, the faults and the crashes of the typed face around each call.
//!
//! Every call goes out and takes effect at the moments at which the typed face's would. So a history is the same on both
//! faces, call for call, and whatever is not is a fault in one of them. Reads are answered by both and compared at once.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_campaign::actors::{Face, Handled};
use stateful_asg_core::cloud::{
    Asg, Hook, Instance, Interface, Modification, RecordChange, RecordKey, RecordSeen, Snapshot, Subnet, Tags, Volume,
};
use stateful_asg_core::ids::{
    AsgName, DeploymentId, DeviceName, GroupName, InstanceId, InterfaceAttachmentId, InterfaceId, SnapshotId, SubnetId,
    VolumeId,
};
use stateful_asg_core::plan::Plan;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::{Action, Binding, Group, HookResult, Slot, TableWrite};
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::handlers::{self, Context};
use stateful_asg_runtime::ports::{
    Called, Clock, Cloud, NewInterface, NewVolume, Rest, SettleRequest, Summary, Table, Which, Woken,
};
use stateful_asg_sim::typed::{SimWorld, Sort};

use crate::mirror::Mirror;
use crate::seam::{as_actor, at_once};

/// Has the functions see the world over the wire.
pub(crate) struct OnTheWire(pub(crate) Rc<Mirror>);

impl Face for OnTheWire {
    fn handle<'a>(
        &'a self,
        world: &'a SimWorld,
        context: &'a Context<'a>,
        event: &'a serde_json::Value,
    ) -> Handled<'a> {
        let world = Lockstep { sim: world.clone(), mirror: Rc::clone(&self.0) };
        Box::pin(async move { handlers::handle(&world, context, event).await })
    }
}

/// One actor's world.
#[derive(Clone)]
struct Lockstep {
    sim: SimWorld,
    mirror: Rc<Mirror>,
}

const READ: Sort = Sort::Read;
const CHANGE: Sort = Sort::Change;

/// A call of the port that changes something: it is made over the wire alone, at the moment at which it takes effect.
macro_rules! change {
    ($self:ident, $operation:literal, $method:ident($($owned:ident),*)) => {{
        $(let $owned = $owned.to_owned();)*
        let mirror = Rc::clone(&$self.mirror);
        let sent = move |world: &SimWorld| as_actor(world.name(), mirror.aws.$method($($owned.lend()),*));
        $self.sim.call_by($operation, CHANGE, sent).await
    }};
}

/// A call of the port that looks: both faces answer, and must agree. Where reads lag, each of them draws how much, so
/// only one is asked.
macro_rules! look {
    ($self:ident, $operation:literal, $method:ident($($owned:ident),*)) => {{
        $(let $owned = $owned.to_owned();)*
        let mirror = Rc::clone(&$self.mirror);
        let seen = move |world: &SimWorld| {
            let wire = as_actor(world.name(), mirror.aws.$method($($owned.lend()),*));
            if world.region().truth(|aws, _| aws.settings().read_lag.is_zero()) {
                let typed = at_once(world.instant().$method($($owned.lend()),*));
                mirror.compare($operation, &wire, &typed);
            }
            wire
        };
        $self.sim.call_by($operation, READ, seen).await
    }};
}

/// A call of the table's port, to both tables; and whether it is about the lease.
macro_rules! table {
    ($self:ident, $operation:literal, $sort:ident, $lease:literal, $method:ident($($owned:ident),*)) => {{
        $(let $owned = $owned.to_owned();)*
        let mirror = Rc::clone(&$self.mirror);
        let done = move |world: &SimWorld| {
            let instant = world.instant();
            let wire = mirror.aws.$method($($owned.lend()),*);
            let typed = instant.$method($($owned.lend()),*);
            mirror.both((world, stringify!($method), $lease), wire, typed)
        };
        $self.sim.call_by($operation, $sort, done).await
    }};
}

/// How a port wants an argument that a call keeps until it takes effect.
trait Lend {
    type Lent<'a>
    where
        Self: 'a;
    fn lend(&self) -> Self::Lent<'_>;
}

/// By reference.
macro_rules! lent {
    ($($kept:ty => $lent:ty),* $(,)?) => {$(
        impl Lend for $kept {
            type Lent<'a> = &'a $lent;
            fn lend(&self) -> &$lent {
                self
            }
        }
    )*};
}

/// As it is.
macro_rules! given {
    ($($kept:ty),* $(,)?) => {$(
        impl Lend for $kept {
            type Lent<'a> = $kept;
            fn lend(&self) -> $kept {
                *self
            }
        }
    )*};
}

lent!(
    DeploymentId => DeploymentId, GroupName => GroupName, AsgName => AsgName, InstanceId => InstanceId,
    VolumeId => VolumeId, InterfaceId => InterfaceId, InterfaceAttachmentId => InterfaceAttachmentId,
    SnapshotId => SnapshotId, DeviceName => DeviceName, ActionRef => ActionRef, NewVolume => NewVolume,
    NewInterface => NewInterface, BTreeSet<VolumeId> => BTreeSet<VolumeId>, Tags => Tags, Target => Target,
    RecordKey => RecordKey, RecordChange => RecordChange, Action => Action, TableWrite => TableWrite, Rest => Rest,
    String => str, Vec<VolumeId> => [VolumeId], Vec<SubnetId> => [SubnetId], Vec<SettleRequest> => [SettleRequest],
    Which<InstanceId> => Which<InstanceId>, Which<VolumeId> => Which<VolumeId>,
    Which<InterfaceId> => Which<InterfaceId>, Which<SnapshotId> => Which<SnapshotId>,
);
given!(HookResult, u32, u64, Timestamp, Duration);

impl Lend for Option<GroupName> {
    type Lent<'a> = Option<&'a GroupName>;
    fn lend(&self) -> Option<&GroupName> {
        self.as_ref()
    }
}

impl Cloud for Lockstep {
    async fn asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>> {
        let group = group.cloned();
        look!(self, "autoscaling:DescribeAutoScalingGroups", asgs(deployment, group))
    }
    async fn asg_named(&self, name: &AsgName) -> Called<Option<Asg>> {
        look!(self, "autoscaling:DescribeAutoScalingGroups", asg_named(name))
    }
    async fn hooks(&self, asg: &AsgName) -> Called<Vec<Hook>> {
        look!(self, "autoscaling:DescribeLifecycleHooks", hooks(asg))
    }
    async fn complete(&self, action: &ActionRef, result: HookResult) -> Called<()> {
        change!(self, "autoscaling:CompleteLifecycleAction", complete(action, result))
    }
    async fn heartbeat(&self, action: &ActionRef) -> Called<()> {
        change!(self, "autoscaling:RecordLifecycleActionHeartbeat", heartbeat(action))
    }
    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        look!(self, "ec2:DescribeInstances", instances(which))
    }
    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        look!(self, "ec2:DescribeVolumes", volumes(which))
    }
    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        look!(self, "ec2:DescribeNetworkInterfaces", interfaces(which))
    }
    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        look!(self, "ec2:DescribeSnapshots", snapshots(which))
    }
    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        look!(self, "ec2:DescribeVolumesModifications", modifications(volumes))
    }
    async fn subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>> {
        look!(self, "ec2:DescribeSubnets", subnets(ids))
    }
    async fn create_volume(&self, new: &NewVolume) -> Called<VolumeId> {
        change!(self, "ec2:CreateVolume", create_volume(new))
    }
    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName) -> Called<()> {
        change!(self, "ec2:AttachVolume", attach_volume(volume, instance, device))
    }
    async fn keep_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        change!(self, "ec2:ModifyInstanceAttribute", keep_volume(volume, instance, device))
    }
    async fn detach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        change!(self, "ec2:DetachVolume", detach_volume(volume, instance, device))
    }
    async fn create_interface(&self, new: &NewInterface) -> Called<InterfaceId> {
        change!(self, "ec2:CreateNetworkInterface", create_interface(new))
    }
    async fn attach_interface(&self, interface: &InterfaceId, instance: &InstanceId, index: u32) -> Called<()> {
        change!(self, "ec2:AttachNetworkInterface", attach_interface(interface, instance, index))
    }
    async fn keep_interface(&self, interface: &InterfaceId, attachment: &InterfaceAttachmentId) -> Called<()> {
        change!(self, "ec2:ModifyNetworkInterfaceAttribute", keep_interface(interface, attachment))
    }
    async fn detach_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()> {
        change!(self, "ec2:DetachNetworkInterface", detach_interface(attachment))
    }
    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        change!(self, "ec2:CreateSnapshot", create_snapshot(volume, tags))
    }
    async fn create_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>> {
        change!(self, "ec2:CreateSnapshots", create_snapshots(instance, without, tags))
    }
    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        change!(self, "ec2:DeleteSnapshot", delete_snapshot(snapshot))
    }
    async fn modify_volume(&self, volume: &VolumeId, target: &Target) -> Called<()> {
        change!(self, "ec2:ModifyVolume", modify_volume(volume, target))
    }
    async fn delete_volume(&self, volume: &VolumeId) -> Called<()> {
        change!(self, "ec2:DeleteVolume", delete_volume(volume))
    }
    async fn delete_interface(&self, interface: &InterfaceId) -> Called<()> {
        change!(self, "ec2:DeleteNetworkInterface", delete_interface(interface))
    }
    async fn tag(&self, resource: &str, tags: &Tags) -> Called<()> {
        change!(self, "ec2:CreateTags", tag(resource, tags))
    }
    async fn record(&self, key: &RecordKey) -> Called<RecordSeen> {
        look!(self, "route53:ListResourceRecordSets", record(key))
    }
    async fn change_record(&self, change: &RecordChange) -> Called<()> {
        change!(self, "route53:ChangeResourceRecordSets", change_record(change))
    }
    async fn request_settles(&self, requests: &[SettleRequest]) -> Called<()> {
        for batch in requests.chunks(10) {
            change!(self, "events:PutEvents", request_settles(batch))?;
        }
        Ok(())
    }
}

impl Table for Lockstep {
    async fn wake(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Woken> {
        table!(self, "dynamodb:UpdateItem", CHANGE, true, wake(group, owner, now, ttl))
    }
    async fn prolong(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Option<Woken>> {
        table!(self, "dynamodb:UpdateItem", CHANGE, true, prolong(group, owner, now, ttl))
    }
    async fn give_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>> {
        table!(self, "dynamodb:UpdateItem", CHANGE, true, give_back(group, owner, dirty, rest, now))
    }
    async fn summary(&self, group: &GroupName) -> Called<Option<Summary>> {
        table!(self, "dynamodb:GetItem", READ, true, summary(group))
    }
    async fn group(&self, group: &GroupName) -> Called<Option<Group>> {
        table!(self, "dynamodb:GetItem", READ, false, group(group))
    }
    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)> {
        table!(self, "dynamodb:Query", READ, false, slots(group))
    }
    async fn binding(&self, instance: &InstanceId) -> Called<Option<Binding>> {
        table!(self, "dynamodb:GetItem", READ, false, binding(instance))
    }
    async fn summaries(&self) -> Called<Vec<Summary>> {
        table!(self, "dynamodb:Query", READ, true, summaries())
    }
    async fn note_action(&self, group: &GroupName, action: &Action) -> Called<()> {
        table!(self, "dynamodb:PutItem", CHANGE, false, note_action(group, action))
    }
    async fn write(&self, write: &TableWrite) -> Called<()> {
        if write.lone_action().is_some() {
            table!(self, "dynamodb:PutItem", CHANGE, false, write(write))
        } else {
            table!(self, "dynamodb:TransactWriteItems", CHANGE, false, write(write))
        }
    }
}

impl Clock for Lockstep {
    fn now(&self) -> Timestamp {
        self.sim.now()
    }
    async fn sleep(&self, duration: Duration) {
        self.sim.sleep(duration).await;
    }
    fn planned(&self, plan: &Plan) {
        self.sim.planned(plan);
    }
}
