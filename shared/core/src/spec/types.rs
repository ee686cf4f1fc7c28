//! A spec as the rest of the code sees it: checked, with every default filled in.
//!
//! Serialized, a [`Spec`] is a spec again: [`Spec::parse`] reads it back as the same.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::dns::Dns;
use super::mount::{MountPath, Owner};
use super::template::Template;
use super::volume_types::VolumeType;
use crate::ids::{DeviceName, SecurityGroupId, SnapshotId, SubnetId, VolumeName};

/// The settings of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "v", rename = "1")] // writes the field "v" as "1", the version that `parse` asks for
pub struct Spec {
    /// How much the functions may do.
    pub mode: Mode,
    /// How many slots, and for how long.
    pub slots: Slots,
    /// The volumes of each slot.
    pub volumes: BTreeMap<VolumeName, VolumeSpec>,
    /// The address of each slot.
    pub address: Address,
    /// The names of the slots and the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<Dns>,
    /// Whether a slot may change its zone.
    pub zones: Zones,
    /// What to do when a volume that held data is gone.
    pub data_lost: DataLost,
    /// When a launching instance may serve.
    pub launch: Launch,
    /// How instances may leave.
    pub terminate: Terminate,
    /// The periodic snapshots, of each volume that says nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Snapshots>,
    /// How a changed spec reaches volumes that exist.
    pub growth: Growth,
    /// Tags for everything that is made for the group, beside our own.
    pub tags: BTreeMap<String, String>,
}

/// How much the functions may do: a filter over the finished plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everything that the plan holds.
    #[default]
    Full,
    /// Everything but deleting.
    NoDeletes,
    /// Nothing: the plan is only told.
    Observe,
}

/// How many slots a group may have, and for how long a vacated one may be filled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Slots {
    /// The most slots that may be active; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How long after it was parked a slot may be taken again; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds_if_any")]
    pub reuse_within: Option<Duration>,
    /// How long after it was parked a slot is retired: only snapshots are left of it. Never when absent; at least an hour.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds_if_any")]
    pub retire_after: Option<Duration>,
}

/// One volume of every slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSpec {
    /// What the volume is created with. What is left to the template holds a stand-in here, a size of 0 among them:
    /// [`VolumeSpec::params_beside`] fills it.
    pub params: VolumeParams,
    /// The volume whose figures new ones have, where the spec names none.
    pub template: Option<Template>,
    /// Where it is mounted; absent exactly when `fs` is [`Filesystem::None`].
    pub mount: Option<MountPath>,
    /// What it is formatted with when it is blank.
    pub fs: Filesystem,
    /// The mount options, joined with commas.
    pub options: String,
    /// Who owns the root of the filesystem.
    pub owner: Option<Owner>,
    /// The device name to ask EC2 for, if it is free.
    pub device: Option<DeviceName>,
    /// Which periodic snapshots are taken of it; [`Spec::snapshots_of`] says what that comes to.
    pub snapshots: VolumeSnapshots,
}

/// Which periodic snapshots are taken of one volume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum VolumeSnapshots {
    /// The group's, if it has any.
    #[default]
    Inherit,
    /// None.
    Off,
    /// These, instead of the group's.
    Own(Snapshots),
}

impl VolumeSnapshots {
    pub(super) fn is_inherited(&self) -> bool {
        *self == Self::Inherit
    }
}

impl Serialize for VolumeSnapshots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Inherit => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
            Self::Own(snapshots) => snapshots.serialize(serializer),
        }
    }
}

/// What a volume is created with: frozen in the table before the attempt, so that a retry asks for the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeParams {
    /// The size in GiB.
    #[serde(rename = "size")]
    pub size_gib: u32,
    /// The volume type.
    #[serde(rename = "type")]
    pub kind: VolumeType,
    /// The provisioned I/O operations a second; for gp3, absent means what EBS gives by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// The provisioned throughput in MiB/s, gp3 only; absent means what EBS gives by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
    /// Whether EBS encrypts it.
    pub encrypted: bool,
    /// The KMS key, as the user names it; absent means the account's default key for EBS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// The snapshot that a new volume starts from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotId>,
    /// How fast EBS loads the snapshot's data, 100 to 300 MiB/s, wherever a volume is made from a snapshot; absent means
    /// as EBS pleases, on first use. <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initialization_rate: Option<u32>,
}

/// A filesystem that the guest can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Filesystem {
    /// ext4.
    #[default]
    Ext4,
    /// XFS.
    Xfs,
    /// None: the volume is attached and otherwise left alone.
    None,
}

/// The address of each slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Address {
    /// Whose address it is.
    pub kind: AddressKind,
    /// Where interfaces are made: in the subnet of this list that is in the slot's zone.
    pub subnets: Choice<SubnetId>,
    /// What interfaces are guarded by.
    pub security_groups: Choice<SecurityGroupId>,
}

/// Whose address a slot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// The instance's own: it changes with the instance.
    #[default]
    Instance,
    /// A network interface of the slot's: it outlives the instance.
    Eni,
}

/// The group's own, or these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Choice<T> {
    /// What the Auto Scaling group has.
    #[default]
    Group,
    /// These, at least one.
    #[serde(untagged)]
    List(Vec<T>),
}

/// Whether a slot may change its zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Zones {
    /// When a slot's data may move to another zone.
    pub r#move: ZoneMove,
    /// How long the volumes that a move came from are kept before they are deleted, on proof; at least an hour.
    #[serde(serialize_with = "seconds")]
    pub keep_source: Duration,
}

impl Default for Zones {
    fn default() -> Self {
        Self { r#move: ZoneMove::default(), keep_source: Duration::from_hours(24) }
    }
}

/// When a slot's data may move to another zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ZoneMove {
    /// Never: a slot waits for an instance of its zone.
    #[default]
    Never,
    /// With a final snapshot of the vacant volumes: nothing is lost, and the old zone must answer.
    Final,
    /// As `Final`; and where the old zone does not answer, from periodic snapshots no older than this.
    #[serde(with = "whole_seconds")]
    StaleUpTo(Duration),
}

/// What to do when a volume that held data is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DataLost {
    /// Wait, and call a person.
    #[default]
    Wait,
    /// Give the slot an empty volume.
    Blank,
    /// Restore the volume's newest completed snapshot if it is no older than this; else wait, and call a person.
    #[serde(with = "whole_seconds")]
    SnapshotUpTo(Duration),
}

/// When a launching instance may serve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Launch {
    /// How far the instance must be.
    pub ready: Ready,
    /// How long it is waited for.
    #[serde(serialize_with = "seconds")]
    pub wait: Duration,
    /// How long an instance waits for what only its own service could end.
    #[serde(serialize_with = "seconds")]
    pub surge_wait: Duration,
}

impl Default for Launch {
    fn default() -> Self {
        Self { ready: Ready::default(), wait: Duration::from_mins(30), surge_wait: Duration::from_mins(10) }
    }
}

/// How far a launching instance must be before it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// Its volumes are attached.
    #[default]
    Attached,
    /// Its guest reported them mounted.
    Mounted,
    /// Its guest's probe passed.
    Probe,
}

/// How instances may leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Terminate {
    /// How long a leaving instance may take to come to rest.
    #[serde(serialize_with = "seconds")]
    pub drain: Duration,
    /// How many may leave at a time, at least 1.
    pub at_once: u32,
}

impl Default for Terminate {
    fn default() -> Self {
        Self { drain: Duration::from_mins(10), at_once: 1 }
    }
}

/// How a changed spec reaches volumes that exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Growth {
    /// Of how many slots the volumes may be modified at a time, after those of one slot came through; 1 to 100.
    pub at_once: u32,
}

impl Default for Growth {
    fn default() -> Self {
        Self { at_once: 1 }
    }
}

/// Periodic snapshots: of every volume, or of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshots {
    /// How far apart.
    #[serde(serialize_with = "seconds")]
    pub every: Duration,
    /// Which are kept.
    pub keep: Keep,
}

/// How many snapshots are kept: of the newest, and of the newest in each of the latest hours, days, weeks and months.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// The newest.
    pub last: u32,
    /// One an hour.
    pub hourly: u32,
    /// One a day.
    pub daily: u32,
    /// One a week.
    pub weekly: u32,
    /// One a month.
    pub monthly: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { last: 4, hourly: 0, daily: 0, weekly: 0, monthly: 0 }
    }
}

/// A duration as whole seconds.
mod whole_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer};

    pub(super) use super::seconds as serialize;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

fn seconds_if_any<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs()).serialize(serializer)
}
