//! Snapshots, and changes of volumes.

use jiff::Timestamp;

use super::Tags;
use stateful_asg_core::shared::Shared;

/// The states of a snapshot. `recoverable` and `recovering`, of the Recycle Bin, are not modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotState {
    /// Its point in time is fixed; its data is on the way.
    Pending,
    /// Volumes can be made from it.
    Completed,
    /// It failed and holds nothing.
    Error,
}

impl SnapshotState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

/// A snapshot as DescribeSnapshots shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `snap-` and 17 hexadecimal digits.
    pub snapshot_id: String,
    /// What it was taken of; that volume may be gone.
    pub volume_id: String,
    /// How far it is.
    pub state: SnapshotState,
    /// Why it failed.
    pub state_message: Option<String>,
    /// Its point in time: the moment of the call.
    pub start_time: Timestamp,
    /// When it was completed.
    pub completion_time: Option<Timestamp>,
    /// Percent.
    pub progress: u8,
    /// The volume's size in GiB at that time: the least size of volumes made from it.
    pub volume_size_gib: u32,
    /// Free text.
    pub description: String,
    /// As the volume was.
    pub encrypted: bool,
    /// The volume's key, if it was named.
    pub kms_key_id: Option<String>,
    /// The account.
    pub owner_id: String,
    /// Its tags.
    pub tags: Shared<Tags>,
}

/// CreateSnapshot. There is no client token: a repeated call makes another snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateSnapshot {
    /// The volume.
    pub volume_id: String,
    /// Free text.
    pub description: String,
    /// Tags from the first moment on.
    pub tags: Tags,
}

/// CreateSnapshots: one snapshot of each volume of an instance, all of the same moment. There is no
/// client token: a repeated call makes another set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateSnapshots {
    /// The instance.
    pub instance_id: String,
    /// Leave the root volume out.
    pub exclude_boot_volume: bool,
    /// Leave these volumes out; the root volume cannot be named here.
    pub exclude_data_volume_ids: Vec<String>,
    /// Free text, the same for all.
    pub description: String,
    /// Tags from the first moment on, the same for all.
    pub tags: Tags,
    /// Each snapshot gets its volume's tags too.
    pub copy_tags: bool,
}

/// How far a change of a volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModificationState {
    /// Under way; the volume still is what it was.
    Modifying,
    /// The new size can be used; performance is between the old and the new one.
    Optimizing,
    /// Done.
    Completed,
    /// The volume is what it was.
    Failed,
}

impl ModificationState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Modifying => "modifying",
            Self::Optimizing => "optimizing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// What of a volume can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeShape {
    /// GiB.
    pub size_gib: u32,
    /// `gp3` and so on.
    pub volume_type: String,
    /// Operations a second, where the type has them.
    pub iops: Option<u32>,
    /// MiB a second, where the type has it.
    pub throughput: Option<u32>,
}

/// The latest change of a volume, as DescribeVolumesModifications shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeModification {
    /// The volume.
    pub volume_id: String,
    /// How far the change is.
    pub state: ModificationState,
    /// Why it failed.
    pub status_message: Option<String>,
    /// What the volume was.
    pub original: VolumeShape,
    /// What it shall be.
    pub target: VolumeShape,
    /// Percent.
    pub progress: u8,
    /// When it was asked for.
    pub start_time: Timestamp,
    /// When it was completed, or failed.
    pub end_time: Option<Timestamp>,
}

/// ModifyVolume. What is absent stays, as far as the new type allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModifyVolume {
    /// The volume.
    pub volume_id: String,
    /// GiB, never less than it has.
    pub size_gib: Option<u32>,
    /// `gp3` and so on.
    pub volume_type: Option<String>,
    /// Operations a second.
    pub iops: Option<u32>,
    /// MiB a second.
    pub throughput: Option<u32>,
}
