//! The append-only log of everything that took effect.

use jiff::Timestamp;

use super::types::{
    InstanceState, LifecycleResult, LifecycleState, ModificationState, ResourceRecordSet, Tags, VolumeShape,
};

/// Something that took effect in the simulated AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// When.
    pub at: Timestamp,
    /// Who asked for it, as told by [`super::Aws::as_actor`]; empty for AWS itself, `guest` for the guest.
    pub actor: String,
    /// What.
    pub what: EffectKind,
}

/// What took effect. Root volumes and primary interfaces, which come and go with their instance,
/// are not logged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum EffectKind {
    /// A new instance, in `pending`.
    InstanceLaunched { instance: String, group: String, zone: String },
    /// The state that the instance has now.
    InstanceState { instance: String, state: InstanceState },
    /// A new volume, in `creating`.
    VolumeCreated { volume: String, zone: String },
    /// The volume left `creating`.
    VolumeReady { volume: String, failed: bool },
    /// `attaching`.
    VolumeAttaching { volume: String, instance: String, device: String },
    /// `attached`.
    VolumeAttached { volume: String, instance: String },
    /// `detaching` (or `busy`), by request or by the instance's end. `mounted`: the guest had it mounted.
    VolumeDetaching { volume: String, instance: String, force: bool, mounted: bool },
    /// Free again.
    VolumeAvailable { volume: String, instance: String },
    /// `deleting`, by request; `VolumeGone` follows.
    VolumeDeleting { volume: String },
    /// A change of the volume was asked for.
    VolumeModifying { volume: String, target: VolumeShape },
    /// The state that the change has now: `optimizing` and then `completed`, or `failed`.
    VolumeModification { volume: String, state: ModificationState },
    /// A new snapshot, in `pending`.
    SnapshotCreated { snapshot: String, volume: String },
    /// The snapshot left `pending`.
    SnapshotReady { snapshot: String, volume: String, failed: bool },
    /// Deleted, or lost (by a fault knob).
    SnapshotGone { snapshot: String, volume: String, why: Gone },
    /// Deleted, by request, by DeleteOnTermination, or lost (by a fault knob).
    VolumeGone { volume: String, why: Gone },
    /// DeleteOnTermination of a volume's attachment.
    VolumeDeleteOnTermination { volume: String, instance: String, value: bool },
    /// A new interface.
    InterfaceCreated { interface: String, ip: String, zone: String },
    /// `attaching`.
    InterfaceAttaching { interface: String, instance: String, index: u32 },
    /// `attached`.
    InterfaceAttached { interface: String, instance: String },
    /// `detaching`, by request or by the instance's end. `running`: the instance was running.
    InterfaceDetaching { interface: String, instance: String, force: bool, running: bool },
    /// Free again.
    InterfaceAvailable { interface: String, instance: String },
    /// Deleted.
    InterfaceGone { interface: String, why: Gone },
    /// DeleteOnTermination of an interface's attachment.
    InterfaceDeleteOnTermination { interface: String, instance: String, value: bool },
    /// Tags set on an object; `old` holds the values that were replaced.
    Tagged { resource: String, old: Tags, new: Tags },
    /// Tags removed from an object.
    Untagged { resource: String, old: Tags },
    /// The state that the member has now; absent once it is no member any more.
    Lifecycle { instance: String, group: String, state: Option<LifecycleState> },
    /// What the group now thinks of its member.
    Health { instance: String, group: String, healthy: bool },
    /// A lifecycle action began, and its event was sent.
    HookStarted { instance: String, group: String, hook: String },
    /// A lifecycle action was completed; `timeout`: by its default result.
    HookCompleted { instance: String, group: String, hook: String, result: LifecycleResult, timeout: bool },
    /// A heartbeat was recorded.
    HookHeartbeat { instance: String, group: String, hook: String },
    /// A new group.
    GroupCreated { group: String },
    /// A group's settings changed: its desired capacity now.
    GroupChanged { group: String, desired: u32 },
    /// The group is gone.
    GroupGone { group: String },
    /// A record set changed.
    Record {
        zone: String,
        name: String,
        record_type: String,
        old: Option<Box<ResourceRecordSet>>,
        new: Option<Box<ResourceRecordSet>>,
    },
    /// A hosted zone was made.
    HostedZoneCreated { zone: String, name: String },
    /// A zone went out of reach, or came back (by a fault knob).
    ZoneReachable { zone: String, reachable: bool },
    /// An event was put on the bus.
    EventPut { source: String, detail_type: String },
}

/// Why an object is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// Someone asked for it.
    Deleted,
    /// Its instance was terminated, with DeleteOnTermination.
    WithInstance,
    /// It vanished: a fault.
    Lost,
}
