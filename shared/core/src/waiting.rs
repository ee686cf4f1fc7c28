//! Why nothing is done yet: one typed reason for every instance and slot that gets no step.

mod message;
mod nature;
mod reads;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cloud::Transition;
use crate::ids::{AsgName, DnsName, InstanceId, InterfaceId, SlotNumber, SnapshotId, VolumeId, VolumeName, Zone};
use crate::observed::FailureKind;
use crate::upkeep::Stage;

pub use reads::Reads;

/// A wait: who waits, for what, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who waits.
    pub subject: Subject,
    /// For what.
    pub reason: Reason,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
}

/// Who waits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The whole group.
    Group,
    /// A slot.
    Slot(SlotNumber),
    /// An instance.
    Instance(InstanceId),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group => f.write_str("group"),
            Self::Slot(number) => write!(f, "slot {number}"),
            Self::Instance(id) => write!(f, "instance {id}"),
        }
    }
}

/// For what.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Reason {
    /// No valid spec was ever found.
    NoSpec(String),
    /// The newest edit of the spec is refused; the last valid one stays in force.
    SpecRefused(String),
    /// An Auto Scaling group lacks one of our hooks.
    HookMissing { asg: AsgName, transition: Transition },
    /// Tags or the counter show slots that the table does not hold.
    TableLost(String),
    /// Two Auto Scaling groups are live: one replaces the other.
    Replacing(Vec<AsgName>),
    /// The instance does not run yet, or was stopped.
    Booting,
    /// The instance waits in our hook and does not bear our tags.
    Untagged { asg: AsgName },
    /// The slot has no holder, and no instance launches that could take it.
    Vacant(Zone),
    /// The slot's last holder is not yet gone for good.
    HolderLeaving { slot: SlotNumber, holder: InstanceId },
    /// The slot's holder is gone, and what it held is not yet free.
    NotYetFree { slot: SlotNumber, holder: InstanceId, what: Vec<String> },
    /// Every slot is held; only this instance's InService could free one.
    SurgeBlocked,
    /// The vacant slots are in other zones, and may not move.
    ZoneBlocked { vacant: Vec<Zone>, here: Zone },
    /// The vacant slot that may come to the instance's zone cannot be moved now.
    MoveBlocked { slot: SlotNumber },
    /// The instance takes no more volumes or interfaces.
    AttachLimit(String),
    /// A volume is being made.
    VolumeCreating { name: VolumeName, volume: Option<VolumeId> },
    /// A new volume failed.
    VolumeFailed { name: VolumeName, volume: VolumeId },
    /// A volume was not found by its ID; ten minutes make it certain.
    VolumeUnseen { name: VolumeName, volume: VolumeId },
    /// A born volume is lost.
    VolumeLost { name: VolumeName, volume: VolumeId },
    /// A volume with the slot's tags is not the one on record.
    VolumeStray { name: VolumeName, volume: VolumeId },
    /// A volume on record does not bear our deployment's tag.
    VolumeForeign { name: VolumeName, volume: VolumeId },
    /// The snapshot that a volume is to be made from is gone.
    SnapshotGone { name: VolumeName, snapshot: SnapshotId },
    /// A volume may be attached to several instances at once.
    VolumeMultiAttach { volume: VolumeId },
    /// The volume that new ones are to be like is not shown, or its figures cannot be used.
    TemplateUnusable { name: VolumeName, volume: VolumeId, why: String },
    /// The slot's volume is attached to another instance.
    VolumeHeldBy { volume: VolumeId, instance: InstanceId },
    /// A volume is being attached or detached.
    VolumeInTransit { volume: VolumeId },
    /// A volume or an interface hangs in `attaching`.
    AttachStuck { what: String },
    /// The interface is being made.
    InterfaceCreating,
    /// No subnet of the spec lies in the slot's zone.
    NoSubnet(Zone),
    /// The interface was not found by its ID.
    InterfaceUnseen(InterfaceId),
    /// The interface does not bear our deployment's tag.
    InterfaceForeign(InterfaceId),
    /// The interface is attached to another instance.
    InterfaceHeldBy { interface: InterfaceId, instance: Option<InstanceId> },
    /// The interface is being attached or detached.
    InterfaceInTransit(InterfaceId),
    /// The guest has not reported its volumes mounted.
    GuestNotReady,
    /// The guest has not reported its volumes released.
    Draining,
    /// The instance has waited in our launch hook for long, whatever for.
    Overdue,
    /// Another member goes first: `terminate.at_once`.
    TakingTurns { unready: Vec<SlotNumber> },
    /// A record is being changed, or must be looked up first.
    RecordChanging(DnsName),
    /// A record of that name exists and is not ours.
    RecordForeign { name: DnsName, holds: String },
    /// More addresses than a record holds.
    RecordFull { name: DnsName, addresses: usize },
    /// Our answer was given; hooks of other owners may hold the instance.
    Answered,
    /// The holder is stopped.
    HolderStopped(InstanceId),
    /// The holder is in standby.
    HolderStandby(InstanceId),
    /// The holder runs, but outside of any Auto Scaling group of ours.
    HolderDetached(InstanceId),
    /// The holder is kept in `Terminating:Retained` for a person.
    HolderRetained(InstanceId),
    /// The holder's root volume is being replaced.
    HolderReplacingRoot(InstanceId),
    /// The holder went to the warm pool.
    HolderWarm(InstanceId),
    /// The holder is not shown, or in a state that this version does not know.
    HolderUnclear(InstanceId),
    /// The instance is in service without having come through our hook.
    NeedsAdoption,
    /// The call failed; it is tried again, or a person must act.
    CallFailed { step: String, kind: FailureKind, message: String, urgent: bool },
    /// The mode of the spec keeps steps from being taken.
    Withheld { step: String },
    /// The launch will be given up, not before this time.
    AbandonAt(Timestamp),
    /// A volume of a slot that is to be changed is in use, or not shown.
    ChangeHeld { name: VolumeName, volume: Option<VolumeId>, by: Option<InstanceId> },
    /// The slot's data is being moved, restored or retired.
    Changing { slot: SlotNumber, what: &'static str, stage: Stage },
    /// What a person asked for begins when the slot is vacant.
    Ordered { what: &'static str },
    /// Snapshots are being taken.
    SnapshotPending { volume: VolumeId, snapshot: SnapshotId },
    /// A snapshot failed, and another is taken.
    SnapshotFailed { volume: VolumeId, message: String },
    /// No snapshot of the volume is recent enough for what the spec allows.
    SnapshotTooOld { volume: VolumeId, newest: Option<Timestamp> },
    /// Periodic snapshots of the slot are overdue.
    SnapshotsLate { volume: VolumeId, newest: Option<Timestamp> },
    /// A successor of a volume is being made.
    SuccessorCreating { name: VolumeName, volume: Option<VolumeId> },
    /// A volume is being changed by ModifyVolume.
    VolumeGrowing { volume: VolumeId },
    /// EC2 failed to change a volume.
    GrowthFailed { volume: VolumeId, message: String },
    /// EC2 allows no further change of the volume before this time.
    GrowthLimit { volume: VolumeId, until: Timestamp },
    /// Something could be deleted, and the deployment allows no deletes.
    DeletesOff { what: String },
    /// A volume that was left behind is kept, because nothing proves that its data is elsewhere.
    Unproven { volume: VolumeId, why: String },
}
