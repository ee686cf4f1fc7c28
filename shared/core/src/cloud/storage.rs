//! Volumes, their attachments and changes, and snapshots.

use jiff::Timestamp;

use super::{Tags, slot_of};
use crate::ids::{Claim, InstanceId, SlotNumber, SnapshotId, VolumeId, VolumeName, Zone};
use crate::shared::Shared;
use crate::tags;

/// What EC2 shows of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its ID.
    pub id: VolumeId,
    /// Its state.
    pub state: VolumeState,
    /// Its zone.
    pub zone: Zone,
    /// GiB.
    pub size_gib: u32,
    /// The type as AWS spells it, such as `gp3`.
    pub kind: String,
    /// I/O operations a second, where EC2 tells them.
    pub iops: Option<u32>,
    /// MiB/s, where EC2 tells it.
    pub throughput: Option<u32>,
    /// Encrypted or not.
    pub encrypted: bool,
    /// May be attached to several instances: we refuse those.
    pub multi_attach: bool,
    /// Its tags.
    pub tags: Shared<Tags>,
    /// Its attachments.
    pub attachments: Vec<Attachment>,
}

impl Volume {
    /// Attached to nobody, and nothing under way: safe to give to another instance.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.state == VolumeState::Available && self.attachments.is_empty()
    }

    /// It exists and has been usable: its data counts.
    #[must_use]
    pub fn is_born(&self) -> bool {
        matches!(self.state, VolumeState::Available | VolumeState::InUse)
    }

    /// The slot that its tags name.
    #[must_use]
    pub fn slot(&self) -> Option<SlotNumber> {
        slot_of(&self.tags)
    }

    /// The name within the slot that its tags give.
    #[must_use]
    pub fn name(&self) -> Option<VolumeName> {
        self.tags.get(tags::VOLUME).and_then(|name| VolumeName::new(name.as_str()).ok())
    }

    /// Its attachment to this instance.
    #[must_use]
    pub fn attachment_to(&self, instance: &InstanceId) -> Option<&Attachment> {
        self.attachments.iter().find(|a| &a.instance == instance)
    }
}

/// The state of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// Attached to nobody.
    Available,
    /// Attached, or being attached or detached.
    InUse,
    /// Being deleted.
    Deleting,
    /// Deleted.
    Deleted,
    /// Failed.
    Error,
}

/// What EC2 shows of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its ID.
    pub id: SnapshotId,
    /// The volume that it was taken of.
    pub volume: VolumeId,
    /// How far it is.
    pub state: SnapshotState,
    /// The instant that it shows.
    pub started: Timestamp,
    /// The volume's size then, GiB.
    pub size_gib: u32,
    /// Encrypted or not.
    pub encrypted: bool,
    /// Its tags.
    pub tags: Shared<Tags>,
    /// Why it failed, in EC2's words.
    pub message: Option<String>,
}

impl Snapshot {
    /// All of its data is stored.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.state == SnapshotState::Completed
    }

    /// The operation that its tags name.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.tags.get(tags::OPERATION).map(String::as_str)
    }

    /// The slot that its tags name.
    #[must_use]
    pub fn slot(&self) -> Option<SlotNumber> {
        slot_of(&self.tags)
    }

    /// The claim that its tags name.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        self.tags.get(tags::CLAIM).and_then(|number| number.parse().ok()).map(Claim)
    }

    /// The volume's name in the slot, as the tags give it.
    #[must_use]
    pub fn name(&self) -> Option<VolumeName> {
        self.tags.get(tags::VOLUME).and_then(|name| VolumeName::new(name.as_str()).ok())
    }
}

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotState {
    /// Its data is being stored.
    Pending,
    /// Its data is stored.
    Completed,
    /// It failed.
    Error,
    /// In the Recycle Bin, on its way out of it, or in a state that this version does not know.
    Other,
}

/// The newest change of a volume by ModifyVolume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modification {
    /// The volume.
    pub volume: VolumeId,
    /// How far it is.
    pub state: ModificationState,
    /// When it began.
    pub started: Option<Timestamp>,
    /// What EC2 says of it.
    pub message: Option<String>,
}

/// How far a change by ModifyVolume is.
/// <https://docs.aws.amazon.com/ebs/latest/userguide/monitoring-volume-modifications.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModificationState {
    /// Begun.
    Modifying,
    /// The new size can be used; the performance is on its way.
    Optimizing,
    /// Done: the next change may follow.
    Completed,
    /// Nothing was changed.
    Failed,
}

/// One attachment of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// To whom.
    pub instance: InstanceId,
    /// Under which device name.
    pub device: String,
    /// How far it is.
    pub state: AttachmentState,
    /// Whether the volume would be deleted with the instance: never left so.
    pub delete_on_termination: bool,
    /// When it began.
    pub since: Option<Timestamp>,
}

/// How far an attachment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachmentState {
    /// Being attached.
    Attaching,
    /// Attached.
    Attached,
    /// Being detached.
    Detaching,
    /// The guest still uses it.
    Busy,
    /// Detached.
    Detached,
}
