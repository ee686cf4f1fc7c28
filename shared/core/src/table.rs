//! What the table holds: the group's item, its slots, its open lifecycle actions, and bindings.
//!
//! Every write is conditional: a slot's on its generation, the group's on the group's own, a
//! binding's on being absent or the same slot's already.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cloud::{RecordKey, Transition};
use crate::ids::{
    ActionToken, AsgName, Claim, Generation, GroupName, HookName, InstanceId, InterfaceId, SecurityGroupId, SlotNumber,
    SubnetId, VolumeId, VolumeName, Zone,
};
use crate::spec::VolumeParams;
use crate::upkeep::{Growth, Upkeep};
use crate::waiting::Subject;

/// The version of the items' layout that this code writes. Newer ones are refused: 2 brought [`Slot::upkeep`], which a
/// writer that does not know it would drop.
pub const LAYOUT: u32 = 2;

/// The group's item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Layout version.
    pub v: u32,
    /// The group.
    pub name: GroupName,
    /// Raised by every change.
    pub generation: Generation,
    /// The next slot's number: it never falls.
    pub next_slot: u32,
    /// When its first slot was made: a group that was removed and made again creates nothing under old tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// The last valid spec.
    pub spec: Option<AcceptedSpec>,
    /// The newest edit that was refused, if it was.
    pub refused: Option<RefusedSpec>,
    /// Our hooks, as last read.
    pub hooks: Vec<KnownHook>,
    /// The group's shared record.
    pub record: Option<NameRecord>,
    /// How often launches were given up lately.
    pub abandons: Abandons,
    /// Since when a person is waited for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits: Vec<NotedWait>,
}

impl Group {
    /// A group that was never seen before.
    #[must_use]
    pub fn new(name: GroupName) -> Self {
        Self {
            v: LAYOUT,
            name,
            generation: Generation(0),
            next_slot: 0,
            made: None,
            spec: None,
            refused: None,
            hooks: Vec::new(),
            record: None,
            abandons: Abandons::default(),
            waits: Vec::new(),
        }
    }
}

/// A wait for a person, and when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NotedWait {
    /// Who waits.
    pub subject: Subject,
    /// [`Reason::kind`](crate::waiting::Reason::kind): text, so that a newer version's reasons can be read.
    pub reason: String,
    /// The first plan that had it.
    pub since: Timestamp,
}

/// A valid spec and its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedSpec {
    /// Raised with each accepted edit.
    pub number: u64,
    /// The JSON text.
    pub text: String,
    /// Written by `spec apply` (true), or found in the hook.
    pub from_table: bool,
}

/// An edit that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSpec {
    /// The text as found.
    pub text: String,
    /// What is wrong with it, one line a problem.
    pub problems: String,
    /// When it was first refused.
    pub at: Timestamp,
}

/// What must be known of a hook to complete and extend its actions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KnownHook {
    /// The Auto Scaling group.
    pub asg: AsgName,
    /// The hook.
    pub name: HookName,
    /// Launching or terminating.
    pub transition: Transition,
    /// Seconds.
    pub heartbeat_timeout: u32,
}

/// Launches given up, for growing intervals between them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandons {
    /// How many in a row.
    pub count: u32,
    /// The last one.
    pub last: Option<Timestamp>,
}

/// A slot's item: one identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Layout version.
    pub v: u32,
    /// Its number.
    pub number: SlotNumber,
    /// Raised by every write.
    pub generation: Generation,
    /// Active, parked or retired.
    pub state: SlotState,
    /// The zone of its volumes and interface.
    pub zone: Zone,
    /// The number of the newest claim.
    pub claim: Claim,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// When it last lost its holder.
    pub vacated: Option<Timestamp>,
    /// Its volumes by name.
    pub volumes: BTreeMap<VolumeName, VolumeRecord>,
    /// Its network interface.
    pub interface: Option<InterfaceRecord>,
    /// Its own name in DNS.
    pub record: Option<NameRecord>,
    /// Its data beyond the present holder.
    #[serde(default, skip_serializing_if = "Upkeep::is_empty")]
    pub upkeep: Upkeep,
}

impl Slot {
    /// Held by this instance.
    #[must_use]
    pub fn held_by(&self, instance: &InstanceId) -> bool {
        self.holder.as_ref().is_some_and(|h| &h.instance == instance)
    }

    /// One of the slots that the desired capacity asks for.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == SlotState::Active
    }
}

/// Whether a slot is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotState {
    /// One of as many as the desired capacity.
    Active,
    /// Vacated by scale-in; everything is kept.
    Parked,
    /// Only snapshots are left.
    Retired,
}

/// The instance that holds a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The instance.
    pub instance: InstanceId,
    /// When it claimed the slot.
    pub since: Timestamp,
    /// Since when reads aimed at its ID have not shown it.
    pub absent_since: Option<Timestamp>,
}

/// A volume of a slot: an attempt to create it, or a born one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRecord {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// What it is created with, frozen when the attempt was recorded.
    pub params: VolumeParams,
    /// The volume, once known.
    pub id: Option<VolumeId>,
    /// It was seen `available` or `in-use`: its data counts, for ever.
    pub born: bool,
    /// Since when reads aimed at its ID have not shown it.
    pub absent_since: Option<Timestamp>,
    /// Its changes by ModifyVolume.
    #[serde(default, skip_serializing_if = "Growth::is_empty")]
    pub growth: Growth,
}

/// The interface of a slot: an attempt to create it, or a born one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRecord {
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The subnet, frozen.
    pub subnet: SubnetId,
    /// The security groups, frozen.
    pub security_groups: Vec<SecurityGroupId>,
    /// The interface, once known.
    pub id: Option<InterfaceId>,
    /// Its address: it never changes.
    pub ip: Option<Ipv4Addr>,
    /// It was seen to exist.
    pub born: bool,
    /// Since when reads aimed at its ID have not shown it.
    pub absent_since: Option<Timestamp>,
}

/// An A record of ours: what we tried, and what was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameRecord {
    /// Which record.
    pub key: RecordKey,
    /// Seconds, of what is confirmed or tried.
    pub ttl: u32,
    /// A change of ours was confirmed and not withdrawn since: the record is ours.
    pub owned: bool,
    /// What we may have written since the last confirmation, the newest last. Written here before it is tried.
    pub tried: Vec<BTreeSet<Ipv4Addr>>,
    /// What it was last confirmed to hold.
    pub confirmed: BTreeSet<Ipv4Addr>,
    /// What we wrote or tried before that, the newest last: found there again, it is a change of ours that landed late.
    #[serde(default)]
    pub past: Vec<BTreeSet<Ipv4Addr>>,
    /// When it was last changed: an older change may still be under way, and land.
    #[serde(default)]
    pub changed: Option<Timestamp>,
}

/// A lifecycle action that waits, or waited, on us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// The instance.
    pub instance: InstanceId,
    /// Launching or terminating.
    pub transition: Transition,
    /// The Auto Scaling group.
    pub asg: AsgName,
    /// Our hook.
    pub hook: HookName,
    /// The action's token, where an event brought it.
    pub token: Option<ActionToken>,
    /// Whether this passage leads into the warm pool, where an event said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into_pool: Option<bool>,
    /// Since when it waits: the event's time, or when a settle first saw it.
    pub since: Timestamp,
    /// The last heartbeat.
    pub beat: Option<Timestamp>,
    /// How it was completed.
    pub done: Option<Done>,
}

/// A completed action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What we answered.
    pub result: HookResult,
    /// The claim that the instance had on its slot; 0 without one.
    pub claim: Claim,
    /// When.
    pub at: Timestamp,
}

/// The answer to a lifecycle hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HookResult {
    /// Go on.
    Continue,
    /// Give up: a launching instance is terminated and replaced.
    Abandon,
}

/// What a binding item is about: at most one slot may own it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bound {
    /// An instance holds one slot.
    Instance(InstanceId),
    /// A volume belongs to one slot.
    Volume(VolumeId),
    /// An interface belongs to one slot.
    Interface(InterfaceId),
}

impl Bound {
    /// The item's partition key.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Instance(id) => format!("instance#{id}"),
            Self::Volume(id) => format!("volume#{id}"),
            Self::Interface(id) => format!("eni#{id}"),
        }
    }
}

/// Which slot a binding names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The group.
    pub group: GroupName,
    /// The slot.
    pub slot: SlotNumber,
}

/// One transaction: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableWrite {
    /// The group that it is about.
    pub group: GroupName,
    /// The slot's new value, and the generation that it replaces (`None`: the item must be absent).
    pub slot: Option<(Option<Generation>, Box<Slot>)>,
    /// The group's new value, and the generation that it replaces (`None`: the item must be absent).
    pub record: Option<(Option<Generation>, Box<Group>)>,
    /// Bindings to make: absent, or this slot's already.
    pub bind: BTreeSet<Bound>,
    /// Bindings to end: this slot's, or absent already.
    pub unbind: BTreeSet<Bound>,
    /// A lifecycle action's new value. It never takes back an answer that its writer had not read: whether a launch is over
    /// decides who may get a slot.
    pub action: Option<Action>,
    /// The answer that `action` may replace besides its own, as it was read (`None`: it was open, or not noted).
    pub answered: Option<Done>,
}

impl TableWrite {
    /// A write of nothing yet.
    #[must_use]
    pub fn about(group: GroupName) -> Self {
        let (bind, unbind) = (BTreeSet::new(), BTreeSet::new());
        Self { group, slot: None, record: None, bind, unbind, action: None, answered: None }
    }

    /// The action may be written over one that was answered so, or not.
    #[must_use]
    pub fn may_replace(&self, stands: Option<&Done>) -> bool {
        let new = self.action.as_ref().and_then(|action| action.done.as_ref());
        stands.is_none() || stands == self.answered.as_ref() || stands == new
    }

    /// The lifecycle action, where the write is about nothing else: a note, which takes no transaction.
    #[must_use]
    pub fn lone_action(&self) -> Option<&Action> {
        let more = self.slot.is_some() || self.record.is_some() || !self.bind.is_empty() || !self.unbind.is_empty();
        self.action.as_ref().filter(|_| !more)
    }
}
