//! Everything that a plan is made from: one reading of a group.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use jiff::Timestamp;

use crate::cloud::{
    Asg, Hook, Instance, Interface, Modification, RecordKey, RecordSeen, Snapshot, Subnet, Tags, Transition, Volume,
};
use crate::ids::{
    DeploymentId, DeviceName, GroupName, InstanceId, InterfaceId, SlotNumber, SnapshotId, SubnetId, VolumeId,
};
use crate::shared::Shared;
use crate::spec::Limits;
use crate::table::{Action, Group, HookResult, Slot};

/// One reading of a group. What a reading lacks is not evidence that it does not exist.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The group.
    pub group: GroupName,
    /// Our deployment: whatever bears another's ID is not shown here.
    pub deployment: DeploymentId,
    /// What the deployment allows a spec to ask for.
    pub limits: Limits,
    /// Every Auto Scaling group with the group's tag and ours.
    pub asgs: Vec<Asg>,
    /// Our hooks on them, if this reading included them.
    pub hooks: Option<Vec<Hook>>,
    /// Instances with the group's tag, and every holder that was asked for by ID.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// Volumes with the group's tag, and every one on record that was asked for by ID.
    pub volumes: BTreeMap<VolumeId, Volume>,
    /// Interfaces, likewise.
    pub interfaces: BTreeMap<InterfaceId, Interface>,
    /// What a read aimed at its ID did not find.
    pub absent: Absent,
    /// Snapshots with the group's tag, and those that records name, if this reading included them.
    pub snapshots: Option<BTreeMap<SnapshotId, Snapshot>>,
    /// The newest change of each volume that was asked for; `None` for one that has never been changed.
    pub modifications: BTreeMap<VolumeId, Option<Modification>>,
    /// Volumes that were asked for as templates; `None` for one that EC2 did not show. They may be anyone's: nothing but
    /// their figures is taken from here.
    pub templates: BTreeMap<VolumeId, Option<Volume>>,
    /// Volumes and interfaces that bear the group's tag or the deployment's, and not the other, if this reading included
    /// them. No other field shows them.
    pub half_tagged: Option<Vec<HalfTagged>>,
    /// Subnets that were looked up; `None` for one that EC2 did not show.
    pub subnets: BTreeMap<SubnetId, Option<Subnet>>,
    /// Records that were looked up in this reading.
    pub records: BTreeMap<RecordKey, RecordSeen>,
    /// The group's item, or none yet.
    pub record: Option<Group>,
    /// The group's slots.
    pub slots: BTreeMap<SlotNumber, Shared<Slot>>,
    /// Lifecycle actions, open and lately done.
    pub actions: BTreeMap<(InstanceId, Transition), Action>,
    /// What this process remembers of failed calls.
    pub notes: Notes,
}

impl Observed {
    /// The group's slots, by number.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> + Clone {
        self.slots.values().map(Deref::deref)
    }

    /// A subnet that was looked up and is there.
    #[must_use]
    pub fn subnet(&self, id: &SubnetId) -> Option<&Subnet> {
        self.subnets.get(id).and_then(Option::as_ref)
    }
}

/// A volume or an interface that lost a tag by which it would be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HalfTagged {
    /// Its ID.
    pub resource: String,
    /// The tag that it lacks.
    pub lacks: &'static str,
    /// The slot that its tags name.
    pub slot: Option<SlotNumber>,
}

/// IDs that a read aimed at them did not find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Absent {
    /// Instances.
    pub instances: BTreeSet<InstanceId>,
    /// Volumes.
    pub volumes: BTreeSet<VolumeId>,
    /// Interfaces.
    pub interfaces: BTreeSet<InterfaceId>,
}

/// What the process remembers of calls that failed: economy and messages, never safety.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    /// Device names that EC2 called in use although the instance does not show them.
    pub busy_devices: BTreeMap<InstanceId, BTreeSet<DeviceName>>,
    /// Instances that EC2 refused another attachment, volume or interface.
    pub full: BTreeSet<InstanceId>,
    /// Hooks that this process has answered, until the table knows.
    pub answered: BTreeMap<(InstanceId, Transition), HookResult>,
    /// When this process last extended a hook: the table may never learn it.
    pub beats: BTreeMap<(InstanceId, Transition), Timestamp>,
    /// Tags that this process has set: reads may lag behind them.
    pub tagged: BTreeMap<String, Tags>,
    /// Client tokens whose volume is another slot's by now.
    pub spent: BTreeSet<String>,
    /// The last failure of each step, by the step's key.
    pub failures: BTreeMap<String, Failure>,
}

/// A call that failed and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// AWS's own words.
    pub message: String,
    /// How often in a row.
    pub count: u32,
    /// Not to be tried again before.
    pub retry_at: Timestamp,
}

/// What a failed call means to the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailureKind {
    /// Our role lacks a right.
    Denied,
    /// Too many requests: later.
    Throttled,
    /// The object is not in the state that the call needs: look again.
    NotReady,
    /// The object is not found (yet).
    NotFound,
    /// The device name is taken.
    DeviceInUse,
    /// The instance takes no more attachments.
    AttachLimit,
    /// Attached to someone else.
    InUse,
    /// The instance and the object are in different zones.
    ZoneMismatch,
    /// A quota of the account.
    Quota,
    /// The KMS key is refused.
    Key,
    /// The record's values are not the expected ones.
    RecordMismatch,
    /// A record protection, or another refusal of the zone.
    RecordRefused,
    /// No such lifecycle action.
    NoActiveAction,
    /// The same token was used with other parameters.
    TokenReused,
    /// A conditional write lost: someone else was there.
    Conflict,
    /// AWS's fault, or the answer was lost: the call may have been applied.
    Unknown,
    /// AWS refuses the request as such.
    Invalid,
}

impl FailureKind {
    /// Trying the same again may succeed without anybody changing anything.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Throttled
            | Self::NotReady
            | Self::NotFound
            | Self::DeviceInUse
            | Self::InUse
            | Self::RecordMismatch
            | Self::Conflict
            | Self::Unknown => true,
            Self::Denied
            | Self::AttachLimit
            | Self::ZoneMismatch
            | Self::Quota
            | Self::Key
            | Self::RecordRefused
            | Self::NoActiveAction
            | Self::TokenReused
            | Self::Invalid => false,
        }
    }
}
