//! Steps: one change to the world each, with every choice already made.

mod about;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::cloud::{RecordChange, RecordKey, Tags, Transition};
use crate::ids::{
    ActionToken, AsgName, DeviceName, HookName, InstanceId, InterfaceAttachmentId, InterfaceId, SecurityGroupId,
    SlotNumber, SnapshotId, SubnetId, VolumeId, VolumeName, Zone,
};
use crate::spec::VolumeParams;
use crate::table::{HookResult, TableWrite};
use crate::upkeep::Target;

/// One change to the world. Taking it twice does what taking it once does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// One transaction on the table.
    Write {
        /// What changes.
        write: TableWrite,
        /// Why, for people.
        why: BTreeSet<Why>,
    },
    /// CreateVolume, with the token that the slot's record gives.
    CreateVolume {
        /// For which slot.
        slot: SlotNumber,
        /// Its name in the slot.
        name: VolumeName,
        /// Frozen parameters.
        params: VolumeParams,
        /// The slot's zone.
        zone: Zone,
        /// Deterministic: group, slot, name and attempt.
        token: String,
        /// All tags.
        tags: Tags,
    },
    /// AttachVolume.
    AttachVolume {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The volume.
        volume: VolumeId,
        /// The slot's holder.
        instance: InstanceId,
        /// A name that the instance has free.
        device: DeviceName,
    },
    /// Sets the attachment's DeleteOnTermination to false.
    KeepVolume {
        /// The volume.
        volume: VolumeId,
        /// The instance.
        instance: InstanceId,
        /// The device name of the attachment.
        device: String,
    },
    /// DetachVolume, never with force.
    DetachVolume {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The volume.
        volume: VolumeId,
        /// The instance.
        instance: InstanceId,
        /// The device name of the attachment.
        device: String,
    },
    /// CreateNetworkInterface, with the token that the slot's record gives.
    CreateInterface {
        /// For which slot.
        slot: SlotNumber,
        /// Frozen.
        subnet: SubnetId,
        /// Frozen.
        security_groups: Vec<SecurityGroupId>,
        /// The address that it must have: the slot's own, where its interface was lost.
        ip: Option<Ipv4Addr>,
        /// Deterministic: group, slot and attempt.
        token: String,
        /// All tags.
        tags: Tags,
    },
    /// AttachNetworkInterface.
    AttachInterface {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The interface.
        interface: InterfaceId,
        /// The slot's holder.
        instance: InstanceId,
        /// A device index that the instance has free; never 0.
        index: u32,
    },
    /// Sets the attachment's DeleteOnTermination to false.
    KeepInterface {
        /// The interface.
        interface: InterfaceId,
        /// Its attachment.
        attachment: InterfaceAttachmentId,
    },
    /// DetachNetworkInterface, never with force.
    DetachInterface {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The interface.
        interface: InterfaceId,
        /// From whom.
        instance: InstanceId,
        /// Its attachment.
        attachment: InterfaceAttachmentId,
    },
    /// CreateSnapshot of one volume.
    CreateSnapshot {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The volume.
        volume: VolumeId,
        /// All tags, the operation's among them.
        tags: Tags,
    },
    /// CreateSnapshots: of all volumes of one slot at one instant.
    CreateSnapshots {
        /// The slot.
        slot: SlotNumber,
        /// Its holder.
        instance: InstanceId,
        /// The holder's volumes that are not taken.
        without: BTreeSet<VolumeId>,
        /// All tags but the volume's name, the operation's among them.
        tags: Tags,
    },
    /// DeleteSnapshot.
    DeleteSnapshot {
        /// The snapshot.
        snapshot: SnapshotId,
    },
    /// ModifyVolume.
    ModifyVolume {
        /// The slot that owns it.
        slot: SlotNumber,
        /// The volume.
        volume: VolumeId,
        /// What is changed.
        target: Target,
    },
    /// DeleteVolume: of a volume that is on no slot's record, and whose data is proven to be elsewhere.
    DeleteVolume {
        /// The slot that it once served.
        slot: SlotNumber,
        /// The volume.
        volume: VolumeId,
    },
    /// DeleteNetworkInterface: of one that is on no slot's record.
    DeleteInterface {
        /// The slot that it once served.
        slot: SlotNumber,
        /// The interface.
        interface: InterfaceId,
    },
    /// CreateTags on one resource.
    Tag {
        /// Instance, volume or interface ID.
        resource: String,
        /// Tags to set.
        tags: Tags,
    },
    /// A compare-and-swap of one A record.
    ChangeRecord(RecordChange),
    /// RecordLifecycleActionHeartbeat.
    Heartbeat(ActionRef),
    /// CompleteLifecycleAction.
    Complete {
        /// Which action.
        action: ActionRef,
        /// The answer.
        result: HookResult,
    },
}

/// Names one lifecycle action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRef {
    /// The Auto Scaling group.
    pub asg: AsgName,
    /// Our hook.
    pub hook: HookName,
    /// Launching or terminating.
    pub transition: Transition,
    /// The instance.
    pub instance: InstanceId,
    /// The token, if an event brought it.
    pub token: Option<ActionToken>,
}

/// Why the table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The group is seen for the first time, or its hooks changed.
    GroupSeen,
    /// Tags show slots that the counter does not know of.
    CounterRaised,
    /// A valid spec was found.
    SpecAccepted,
    /// A bad edit was found.
    SpecRefused,
    /// A new slot for a launching instance.
    SlotMade,
    /// A launching instance takes the slot.
    Claimed,
    /// The holder is gone and everything is free.
    Released,
    /// More active slots than desired.
    Parked,
    /// An attempt to create a volume is about to be made.
    VolumeIntended,
    /// A pool volume is taken.
    PoolVolumeTaken,
    /// A volume's ID is known.
    VolumeKnown,
    /// A volume is usable: its data counts from now on.
    VolumeBorn,
    /// An attempt to create an interface is about to be made.
    InterfaceIntended,
    /// An interface's ID or address is known.
    InterfaceKnown,
    /// A read aimed at an ID did not find it, or finds it again.
    AbsenceNoted,
    /// An attempt failed or vanished; the next number follows.
    NextAttempt,
    /// A record is about to be changed.
    RecordIntended,
    /// A record was changed.
    RecordConfirmed,
    /// A lifecycle action is seen without its event, answered or extended.
    ActionNoted,
    /// A launch was given up.
    LaunchGivenUp,
    /// A periodic set of snapshots is about to be taken.
    SnapshotsIntended,
    /// A change of the slot's volumes begins, or begins anew.
    ChangeBegun,
    /// The snapshots of a change are complete: its successors are about to be created.
    ChangeSaved,
    /// The successors of a change stand: what they replace is about to be marked.
    ChangeMade,
    /// The successors of a change take their place.
    ChangeDone,
    /// A change is dropped: the slot is claimed as it was.
    ChangeDropped,
    /// A volume is about to be changed by ModifyVolume, or has been.
    GrowthNoted,
    /// A person named another snapshot for a volume that is not made yet.
    SnapshotNamed,
    /// A lost volume is replaced as the spec says.
    LossAccepted,
    /// The holder came into service with what it was told of its data.
    DataTold,
    /// Something that was left behind is about to be deleted, or is gone.
    LeftoverNoted,
    /// A person is waited for, or is not any more.
    WaitNoted,
}

impl Step {
    /// It takes something away for good.
    #[must_use]
    pub fn deletes(&self) -> bool {
        matches!(self, Self::DeleteSnapshot { .. } | Self::DeleteVolume { .. } | Self::DeleteInterface { .. })
    }

    /// A stable name of the kind of step, for logs and metrics.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Write { .. } => "Write",
            Self::CreateVolume { .. } => "CreateVolume",
            Self::AttachVolume { .. } => "AttachVolume",
            Self::KeepVolume { .. } => "KeepVolume",
            Self::DetachVolume { .. } => "DetachVolume",
            Self::CreateInterface { .. } => "CreateInterface",
            Self::AttachInterface { .. } => "AttachInterface",
            Self::KeepInterface { .. } => "KeepInterface",
            Self::DetachInterface { .. } => "DetachInterface",
            Self::CreateSnapshot { .. } => "CreateSnapshot",
            Self::CreateSnapshots { .. } => "CreateSnapshots",
            Self::DeleteSnapshot { .. } => "DeleteSnapshot",
            Self::ModifyVolume { .. } => "ModifyVolume",
            Self::DeleteVolume { .. } => "DeleteVolume",
            Self::DeleteInterface { .. } => "DeleteInterface",
            Self::Tag { .. } => "Tag",
            Self::ChangeRecord(_) => "ChangeRecord",
            Self::Heartbeat(_) => "Heartbeat",
            Self::Complete { .. } => "Complete",
        }
    }

    /// The key of making a slot's volume: the same for every attempt.
    pub(crate) fn create_volume_key(slot: SlotNumber, name: &VolumeName) -> String {
        format!("CreateVolume {slot} {name}")
    }

    /// What the step is about: two steps with one key are never taken in one pass, and a failure is remembered by it.
    #[must_use]
    pub fn key(&self) -> String {
        let kind = self.kind();
        match self {
            Self::Write { write, .. } => match (&write.slot, &write.record, &write.action) {
                (Some((_, slot)), _, _) => format!("Write slot {}", slot.number),
                (None, Some(_), _) => "Write group".to_owned(),
                (None, None, Some(action)) => format!("Write action {} {:?}", action.instance, action.transition),
                (None, None, None) => "Write nothing".to_owned(),
            },
            Self::CreateVolume { slot, name, .. } => Self::create_volume_key(*slot, name),
            Self::AttachVolume { volume, .. } | Self::KeepVolume { volume, .. } | Self::DetachVolume { volume, .. } => {
                format!("{kind} {volume}")
            }
            Self::CreateInterface { slot, .. } => format!("{kind} {slot}"),
            Self::AttachInterface { interface, .. }
            | Self::KeepInterface { interface, .. }
            | Self::DetachInterface { interface, .. } => format!("{kind} {interface}"),
            Self::CreateSnapshot { volume, .. }
            | Self::ModifyVolume { volume, .. }
            | Self::DeleteVolume { volume, .. } => format!("{kind} {volume}"),
            Self::CreateSnapshots { slot, .. } => format!("{kind} {slot}"),
            Self::DeleteSnapshot { snapshot } => format!("{kind} {snapshot}"),
            Self::DeleteInterface { interface, .. } => format!("{kind} {interface}"),
            Self::Tag { resource, .. } => format!("{kind} {resource}"),
            Self::ChangeRecord(change) => record_key(&change.key),
            Self::Heartbeat(action) | Self::Complete { action, .. } => {
                format!("{kind} {} {:?}", action.instance, action.transition)
            }
        }
    }
}

/// The key of a change to this record.
#[must_use]
pub fn record_key(key: &RecordKey) -> String {
    format!("ChangeRecord {} {}", key.zone, key.name)
}
