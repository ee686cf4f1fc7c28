//! The ports: what the settle loop asks of AWS, of the table and of the clock.
//!
//! One method, one call (pages aside). Two implementations keep them: the AWS SDK in
//! `stateful-asg-aws`, and the simulator's typed face. Everything above them - observing,
//! planning, applying, the lease - is the same code in production and in simulation.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_core::cloud::{
    Asg, Hook, Instance, Interface, Modification, RecordChange, RecordKey, RecordSeen, Snapshot, Subnet, Tags, Volume,
};
use stateful_asg_core::ids::{
    AsgName, DeploymentId, DeviceName, GroupName, InstanceId, InterfaceAttachmentId, InterfaceId, SecurityGroupId,
    SlotNumber, SnapshotId, SubnetId, VolumeId, Zone,
};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::plan::Plan;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::VolumeParams;
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::{Action, Binding, Group, HookResult, Slot, TableWrite};
use stateful_asg_core::upkeep::Target;

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed ({kind:?}): {code}: {message}")]
pub struct CallError {
    /// The call, such as `ec2:AttachVolume`.
    pub operation: &'static str,
    /// What the failure means to us.
    pub kind: FailureKind,
    /// AWS's code, such as `VolumeInUse`; empty where no answer came.
    pub code: String,
    /// AWS's message, or what broke on the way.
    pub message: String,
}

/// The result of a call.
pub type Called<T> = Result<T, CallError>;

/// Which instances, volumes or interfaces to describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which<Id> {
    /// Those that bear this group's tag and this deployment's.
    Group(GroupName, DeploymentId),
    /// Those that bear this tag, whosever they are.
    Tagged(&'static str, String),
    /// Those with these IDs; one that is missing from the answer was not found.
    Ids(Vec<Id>),
}

/// A volume to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVolume {
    /// Where.
    pub zone: Zone,
    /// What.
    pub params: VolumeParams,
    /// The ClientToken (64 ASCII characters at most).
    pub token: String,
    /// Tags that it is created with.
    pub tags: Tags,
}

/// An interface to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInterface {
    /// Where.
    pub subnet: SubnetId,
    /// Its security groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Its address; one of the subnet's own choice where absent.
    pub ip: Option<Ipv4Addr>,
    /// The ClientToken (64 ASCII characters at most).
    pub token: String,
    /// Tags that it is created with.
    pub tags: Tags,
}

/// Asks for a group to be settled soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleRequest {
    /// The group.
    pub group: GroupName,
    /// Our deployment.
    pub deployment: DeploymentId,
    /// Also read hooks and records again.
    pub audit: bool,
}

/// EC2, Auto Scaling, Route 53 and EventBridge.
#[allow(async_fn_in_trait, reason = "settling runs on one thread: futures need not be Send")]
pub trait Cloud {
    /// DescribeAutoScalingGroups: those with our deployment's tag and, if given, this group's.
    async fn asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>>;
    /// DescribeAutoScalingGroups by name.
    async fn asg_named(&self, name: &AsgName) -> Called<Option<Asg>>;
    /// DescribeLifecycleHooks: all hooks of the group, other owners' too.
    async fn hooks(&self, asg: &AsgName) -> Called<Vec<Hook>>;
    /// CompleteLifecycleAction; `NoActiveAction` where AWS knows none.
    async fn complete(&self, action: &ActionRef, result: HookResult) -> Called<()>;
    /// RecordLifecycleActionHeartbeat.
    async fn heartbeat(&self, action: &ActionRef) -> Called<()>;

    /// DescribeInstances.
    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>>;
    /// DescribeVolumes.
    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>>;
    /// DescribeNetworkInterfaces.
    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>>;
    /// DescribeSnapshots of our own account: those of the group, or with these IDs; one that is missing was not found.
    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>>;
    /// DescribeVolumesModifications: the newest change of each of these volumes; a volume that never had one is left out.
    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>>;
    /// DescribeSubnets.
    async fn subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>>;

    /// CreateVolume.
    async fn create_volume(&self, new: &NewVolume) -> Called<VolumeId>;
    /// AttachVolume.
    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName) -> Called<()>;
    /// ModifyInstanceAttribute: DeleteOnTermination=false for this device.
    async fn keep_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()>;
    /// DetachVolume without force; already detached is success.
    async fn detach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()>;
    /// CreateNetworkInterface.
    async fn create_interface(&self, new: &NewInterface) -> Called<InterfaceId>;
    /// AttachNetworkInterface.
    async fn attach_interface(&self, interface: &InterfaceId, instance: &InstanceId, index: u32) -> Called<()>;
    /// ModifyNetworkInterfaceAttribute: the attachment's DeleteOnTermination=false.
    async fn keep_interface(&self, interface: &InterfaceId, attachment: &InterfaceAttachmentId) -> Called<()>;
    /// DetachNetworkInterface without force; already detached is success.
    async fn detach_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()>;
    /// CreateSnapshot. It has no token: taken twice it makes two.
    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot>;
    /// CreateSnapshots of the instance's volumes at one instant, without its root volume and without these.
    async fn create_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>>;
    /// DeleteSnapshot; already gone is success.
    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()>;
    /// ModifyVolume.
    async fn modify_volume(&self, volume: &VolumeId, target: &Target) -> Called<()>;
    /// DeleteVolume, which EC2 refuses while it is attached; already gone is success.
    async fn delete_volume(&self, volume: &VolumeId) -> Called<()>;
    /// DeleteNetworkInterface, which EC2 refuses while it is attached; already gone is success.
    async fn delete_interface(&self, interface: &InterfaceId) -> Called<()>;
    /// CreateTags.
    async fn tag(&self, resource: &str, tags: &Tags) -> Called<()>;

    /// ListResourceRecordSets at this name.
    async fn record(&self, key: &RecordKey) -> Called<RecordSeen>;
    /// ChangeResourceRecordSets: DELETE of the old values and CREATE of the new ones in one batch; `RecordMismatch` where the old ones are not as given.
    async fn change_record(&self, change: &RecordChange) -> Called<()>;

    /// PutEvents: asks for groups to be settled (any number; batches of ten).
    async fn request_settles(&self, requests: &[SettleRequest]) -> Called<()>;
}

/// Who holds a group's lease, and how often it was woken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Woken {
    /// We hold the lease now.
    pub ours: bool,
    /// The `dirty` counter after our wake.
    pub dirty: u64,
    /// The lease's epoch, raised whenever it changes hands.
    pub epoch: u64,
    /// The group's item; none if nothing was ever written for it.
    pub record: Option<Group>,
}

/// How a settle ended, left in the group's item for the sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// A digest of what the Auto Scaling groups showed; a difference wakes the group.
    pub digest: String,
    /// When to look again without an event.
    pub look_at: Option<Timestamp>,
    /// Hooks and records were read in this settle.
    pub audited: bool,
}

/// One group as the sweep sees it in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The group.
    pub group: GroupName,
    /// The digest that the last settle left.
    pub digest: Option<String>,
    /// When to look again.
    pub look_at: Option<Timestamp>,
    /// The lease's expiry, where someone holds it.
    pub leased_until: Option<Timestamp>,
    /// When hooks and records were last read.
    pub audited_at: Option<Timestamp>,
    /// `dirty` was raised and nobody has gone round since.
    pub dirty: bool,
}

/// The table. All reads are strongly consistent.
#[allow(async_fn_in_trait, reason = "settling runs on one thread: futures need not be Send")]
pub trait Table {
    /// Raises `dirty` and tries for the lease, in one UpdateItem (a second one where an expired lease is taken over).
    async fn wake(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Woken>;
    /// Prolongs our lease, and tells the item; none where it is no longer ours.
    async fn prolong(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Option<Woken>>;
    /// Gives the lease back if `dirty` is what we last saw, or it is no longer ours. The item where it has risen: go round
    /// again; the lease is still ours, and `rest` is not noted.
    async fn give_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>>;
    /// One group as the sweep sees it; none if the table does not know it.
    async fn summary(&self, group: &GroupName) -> Called<Option<Summary>>;
    /// The group's item.
    async fn group(&self, group: &GroupName) -> Called<Option<Group>>;
    /// All slots and lifecycle actions of the group: one Query, pages aside.
    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)>;
    /// Which slot holds this instance.
    async fn binding(&self, instance: &InstanceId) -> Called<Option<Binding>>;
    /// All groups, for the sweep: one Query, pages aside.
    async fn summaries(&self) -> Called<Vec<Summary>>;
    /// Notes a lifecycle action that an event told of, unless a newer one is noted.
    async fn note_action(&self, group: &GroupName, action: &Action) -> Called<()>;
    /// One transaction; `Conflict` where a condition does not hold. A retry of our own that finds itself applied is success.
    async fn write(&self, write: &TableWrite) -> Called<()>;
}

/// Time, and who looks on as it passes.
#[allow(async_fn_in_trait, reason = "settling runs on one thread: futures need not be Send")]
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Sleeps.
    async fn sleep(&self, duration: Duration);
    /// Told of each plan before its steps are taken. Nobody listens, unless it is a simulated world that writes down what
    /// happens in it.
    fn planned(&self, _plan: &Plan) {}
}

/// Everything that a settle needs of the world.
pub trait World: Cloud + Table + Clock {}
impl<T: Cloud + Table + Clock> World for T {}

/// The slot that a write is about, for messages.
#[must_use]
pub fn slot_of(write: &TableWrite) -> Option<SlotNumber> {
    write.slot.as_ref().map(|(_, slot)| slot.number)
}
