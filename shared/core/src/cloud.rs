//! What AWS shows of a group: plain facts, read by `Cloud` and never changed by the planner.

mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{
    AsgName, DeviceName, DnsName, HookName, HostedZoneId, InstanceId, InterfaceAttachmentId, InterfaceId,
    SecurityGroupId, SlotNumber, SubnetId, VolumeId, Zone,
};
use crate::shared::Shared;
use crate::tags;

pub use storage::{
    Attachment, AttachmentState, Modification, ModificationState, Snapshot, SnapshotState, Volume, VolumeState,
};

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// One Auto Scaling group that bears our tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asg {
    /// Its name.
    pub name: AsgName,
    /// All its tags.
    pub tags: Tags,
    /// When it was created.
    pub created: Timestamp,
    /// `Delete in progress` is shown.
    pub deleting: bool,
    /// The desired capacity.
    pub desired: u32,
    /// Its subnets (`VPCZoneIdentifier`).
    pub subnets: Vec<SubnetId>,
    /// Its instances, warm-pool instances among them.
    pub members: BTreeMap<InstanceId, Member>,
}

impl Asg {
    /// Takes part in the group: it is not being deleted, and wants or has instances.
    #[must_use]
    pub fn is_live(&self) -> bool {
        !self.deleting && (self.desired > 0 || !self.members.is_empty())
    }
}

/// An instance as its Auto Scaling group lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its Availability Zone.
    pub zone: Zone,
    /// Its lifecycle state.
    pub lifecycle: Lifecycle,
}

/// The lifecycle state of a member.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_Instance.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lifecycle {
    /// Launched, hooks not yet reached.
    Pending,
    /// A launch hook waits.
    PendingWait,
    /// Launch hooks are done.
    PendingProceed,
    /// In service.
    InService,
    /// Chosen to go, hooks not yet reached.
    Terminating,
    /// A terminate hook waits.
    TerminatingWait,
    /// Terminate hooks are done.
    TerminatingProceed,
    /// Kept for a person after a terminate hook was abandoned.
    TerminatingRetained,
    /// Gone.
    Terminated,
    /// Leaving the group, or out of it, alive.
    Detached,
    /// In standby, or on its way there.
    Standby,
    /// Its root volume is being replaced.
    ReplacingRootVolume,
    /// On its way into the warm pool, or out of it for good, and no hook waits.
    Warmed,
    /// In the warm pool.
    InPool,
    /// On its way into the warm pool, a hook waits.
    WarmedPendingWait,
    /// Leaving the warm pool for good, a hook waits.
    WarmedTerminatingWait,
    /// A state this version does not know: nothing is concluded from it.
    Unknown(String),
}

impl Lifecycle {
    /// Reads AWS's word for it.
    #[must_use]
    pub fn from_aws(word: &str) -> Self {
        match word {
            "Pending" => Self::Pending,
            "Pending:Wait" => Self::PendingWait,
            "Pending:Proceed" => Self::PendingProceed,
            "InService" => Self::InService,
            "Terminating" => Self::Terminating,
            "Terminating:Wait" => Self::TerminatingWait,
            "Terminating:Proceed" => Self::TerminatingProceed,
            "Terminating:Retained" => Self::TerminatingRetained,
            "Terminated" => Self::Terminated,
            "Detaching" | "Detached" => Self::Detached,
            "EnteringStandby" | "Standby" => Self::Standby,
            "ReplacingRootVolume"
            | "ReplacingRootVolume:Wait"
            | "ReplacingRootVolume:Proceed"
            | "RootVolumeReplaced" => Self::ReplacingRootVolume,
            "Warmed:Pending:Wait" => Self::WarmedPendingWait,
            "Warmed:Terminating:Wait" => Self::WarmedTerminatingWait,
            "Warmed:Stopped" | "Warmed:Running" | "Warmed:Hibernated" => Self::InPool,
            other if other.starts_with("Warmed:") => Self::Warmed,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Which way a lifecycle hook looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`.
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`.
    Terminating,
}

/// One of our lifecycle hooks, as DescribeLifecycleHooks shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The Auto Scaling group that it stands on.
    pub asg: AsgName,
    /// Its name.
    pub name: HookName,
    /// Launching or terminating.
    pub transition: Transition,
    /// Seconds until the default result is taken.
    pub heartbeat_timeout: u32,
    /// The text in `NotificationMetadata`.
    pub metadata: Option<String>,
}

/// What EC2 shows of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its ID.
    pub id: InstanceId,
    /// Its state.
    pub state: InstanceState,
    /// Its zone.
    pub zone: Zone,
    /// The subnet of its primary interface.
    pub subnet: Option<SubnetId>,
    /// Its primary private address.
    pub ip: Option<Ipv4Addr>,
    /// The security groups of its primary interface.
    pub security_groups: Vec<SecurityGroupId>,
    /// When it was launched.
    pub launched: Timestamp,
    /// Its tags.
    pub tags: Shared<Tags>,
    /// Device names in use.
    pub devices: BTreeSet<DeviceName>,
    /// Volumes on these devices, the root volume left out.
    pub volumes: BTreeSet<VolumeId>,
    /// Device indexes in use by network interfaces.
    pub interface_indexes: BTreeSet<u32>,
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// Booting.
    Pending,
    /// Running.
    Running,
    /// On its way to stopped.
    Stopping,
    /// Stopped, can be started.
    Stopped,
    /// On its way to terminated: there is no way back.
    ShuttingDown,
    /// Terminated.
    Terminated,
}

/// The slot that tags name.
#[must_use]
pub fn slot_of(tags: &Tags) -> Option<SlotNumber> {
    tags.get(tags::SLOT).and_then(|number| number.parse().ok()).map(SlotNumber)
}

/// What EC2 shows of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its ID.
    pub id: InterfaceId,
    /// `available` is shown and nothing is attached.
    pub available: bool,
    /// Its zone.
    pub zone: Zone,
    /// Its primary private address.
    pub ip: Option<Ipv4Addr>,
    /// Its tags.
    pub tags: Shared<Tags>,
    /// Its attachment.
    pub attachment: Option<InterfaceAttachment>,
}

/// The attachment of a network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAttachment {
    /// Its ID, which detaching takes.
    pub id: InterfaceAttachmentId,
    /// To whom; absent when AWS itself holds it.
    pub instance: Option<InstanceId>,
    /// How far it is.
    pub state: AttachmentState,
    /// Whether the interface would be deleted with the instance: never left so.
    pub delete_on_termination: bool,
    /// When it was begun, where EC2 tells.
    pub since: Option<Timestamp>,
}

/// A subnet's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its ID.
    pub id: SubnetId,
    /// Its zone.
    pub zone: Zone,
}

/// The name of an A record: a hosted zone and a name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordKey {
    /// The hosted zone.
    pub zone: HostedZoneId,
    /// The name, canonical.
    pub name: DnsName,
}

/// What Route 53 shows under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordSeen {
    /// No A record.
    Absent,
    /// A plain A record.
    A {
        /// Seconds.
        ttl: u32,
        /// Its addresses.
        values: BTreeSet<Ipv4Addr>,
    },
    /// An A record with a routing policy or an alias: not of our making.
    Other(String),
}

/// One compare-and-swap of an A record: the old values exactly, and the new ones. Empty means absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// Which record.
    pub key: RecordKey,
    /// What it holds now, with its TTL.
    pub old: Option<(u32, BTreeSet<Ipv4Addr>)>,
    /// What it shall hold, with its TTL.
    pub new: Option<(u32, BTreeSet<Ipv4Addr>)>,
}
