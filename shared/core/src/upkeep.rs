//! What a slot's item tells of its data beyond the present holder: snapshots, changes under way, and what was left behind.
//!
//! A slot's data is never replaced in place. A [`Change`] saves it, makes its successors beside it, and only when they all
//! stand does one write put them on record; what they replace is kept as [`Superseded`] until proof allows deleting it.

mod left;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cloud::Snapshot;
use crate::ids::{Claim, InterfaceId, SlotNumber, SnapshotId, VolumeId, VolumeName, Zone};
use crate::spec::VolumeType;
use crate::table::VolumeRecord;

pub use left::{LeftInterface, Proof, Superseded};

/// Everything about a slot's data beyond the present holder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upkeep {
    /// The number of the newest operation (a set of snapshots, a change): it never falls, and its snapshots bear it.
    #[serde(skip_serializing_if = "is_zero")]
    pub operations: u32,
    /// The highest number of an attempt to create anything that is on record no more: later ones are higher.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// The newest periodic set of snapshots that was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periodic: Option<Periodic>,
    /// What a person asked for, to be begun when the slot is vacant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// The change under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
    /// Volumes that were the slot's, or were made for it and not needed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub superseded: BTreeMap<VolumeId, Superseded>,
    /// Interfaces that were the slot's.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub left_interfaces: BTreeMap<InterfaceId, LeftInterface>,
    /// What a retired slot is made from when it is needed again, by volume.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retired: BTreeMap<VolumeName, Saved>,
    /// What the next holder finds on the volumes, where it is not simply what the last one left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Data>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Upkeep {
    /// Nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Ends the change under way, if nothing of it has taken its place yet: successors that exist already are left behind,
    /// because nobody ever used them. True where it ended, or there is none.
    pub fn give_up_change(&mut self, claim: Claim, vacated: Option<Timestamp>, now: Timestamp) -> bool {
        if self.change.as_ref().is_some_and(|change| change.stage == Stage::Switching) {
            return false;
        }
        if let Some(change) = self.change.take() {
            self.leave_successors(change.volumes, claim, vacated, now);
        }
        true
    }

    /// Remembers successors that are not needed.
    pub(crate) fn leave_successors(
        &mut self,
        made: BTreeMap<VolumeName, Made>,
        claim: Claim,
        vacated: Option<Timestamp>,
        now: Timestamp,
    ) {
        for (name, Made { record, .. }) in made {
            self.attempts = self.attempts.max(record.attempt);
            if let Some(id) = record.id {
                let proof = Proof::NeverUsed;
                let left = Superseded {
                    name,
                    claim,
                    since: now,
                    vacated,
                    proof,
                    keep: false,
                    deleting: None,
                    absent_since: None,
                };
                self.superseded.insert(id, left);
            }
        }
    }

    /// Every snapshot that a record of this slot names: none of them may be deleted.
    pub fn named_snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        let making = self.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.from.snapshot));
        let ordered = self.order.iter().flat_map(|order| match order {
            Order::Restore { volumes } => volumes.values().collect::<Vec<_>>(),
            Order::Retire | Order::Move { .. } => Vec::new(),
        });
        let proofs = self.superseded.values().filter_map(|old| match &old.proof {
            Proof::Snapshot(snapshot) => Some(snapshot),
            Proof::NeverUsed | Proof::None => None,
        });
        making.chain(ordered).chain(proofs).chain(self.retired.values().map(|saved| &saved.snapshot))
    }
}

/// A periodic set of snapshots of all volumes of the slot, recorded before it is taken: calls for snapshots have no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Periodic {
    /// Its operation's number.
    pub operation: u32,
    /// When it was recorded.
    pub at: Timestamp,
}

/// What a person asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Order {
    /// Snapshot everything, then keep only the snapshots.
    Retire,
    /// Take the data to another zone.
    Move {
        /// Where to.
        to: Zone,
    },
    /// Put volumes made from these snapshots in place of the ones on record; make those that are not made yet from them.
    Restore {
        /// By volume.
        volumes: BTreeMap<VolumeName, SnapshotId>,
    },
}

/// A change of a vacant slot's volumes, stage by stage. Each stage is recorded before its first call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its operation's number: the snapshots that it takes bear it. Raised when it begins anew.
    pub operation: u32,
    /// What it is for.
    pub kind: ChangeKind,
    /// How far it is.
    pub stage: Stage,
    /// When this operation was recorded: the slot was vacant, and everything of it was free.
    pub since: Timestamp,
    /// When the change was first begun.
    pub begun: Timestamp,
    /// A person asked for it: it goes on although no instance waits for it, and no claim drops it.
    pub ordered: bool,
    /// Since when every call for its snapshots has failed as calls fail where a zone is out of reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<Timestamp>,
    /// At least one volume is made from a snapshot that is older than its last write.
    #[serde(default)]
    pub stale: bool,
    /// Somebody used one of the old volumes after the successors were made: it may hold what nothing else holds.
    #[serde(default)]
    pub used: bool,
    /// The successors, once their snapshots are chosen.
    #[serde(default)]
    pub volumes: BTreeMap<VolumeName, Made>,
}

/// What a change is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ChangeKind {
    /// To another zone.
    Move {
        /// Where to.
        to: Zone,
    },
    /// From snapshots that a person named.
    Restore,
    /// Only snapshots are left in the end.
    Retire,
}

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its snapshots are being taken.
    Saving,
    /// The successors are being created. Until here the slot can be claimed as it was, and the change is dropped.
    Making,
    /// The successors stand: what they replace is being marked. There is no way back.
    Switching,
}

/// A snapshot, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The instant that it shows.
    pub as_of: Timestamp,
    /// The least size of a volume made from it, GiB.
    pub size_gib: u32,
    /// What is made from it is encrypted.
    pub encrypted: bool,
}

impl Saved {
    /// What this snapshot saves.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        Self {
            snapshot: snapshot.id.clone(),
            as_of: snapshot.started,
            size_gib: snapshot.size_gib,
            encrypted: snapshot.encrypted,
        }
    }
}

/// A successor: what it is made from, and the attempt to create it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it is made from.
    pub from: Saved,
    /// The attempt.
    pub record: VolumeRecord,
}

/// What the next holder finds on the volumes: a database that was rolled back is not the same member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// Whose data it is.
    pub origin: Origin,
    /// The instant that it shows, where it is not the last one.
    pub as_of: Option<Timestamp>,
    /// The claim that came into service with it: the next holder finds what that one leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<Claim>,
}

/// Whose data a slot's volumes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// What the last holder left.
    Kept,
    /// At least one volume is new and empty.
    Blank,
    /// At least one volume was made from a snapshot that was chosen for it.
    Snapshot,
    /// At least one volume was made from a snapshot older than its last write.
    Stale,
}

impl Origin {
    /// The word that the guest reads.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Blank => "blank",
            Self::Snapshot => "snapshot",
            Self::Stale => "stale",
        }
    }
}

impl Order {
    /// What shall happen to the slot, for people.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Retire => ChangeKind::Retire.word(),
            Self::Move { to } => ChangeKind::Move { to: to.clone() }.word(),
            Self::Restore { .. } => ChangeKind::Restore.word(),
        }
    }
}

impl ChangeKind {
    /// What happens to the slot, for people.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Move { .. } => "moved",
            Self::Restore => "restored",
            Self::Retire => "retired",
        }
    }
}

/// A volume's changes by ModifyVolume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Growth {
    /// What it is being changed to, recorded before the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// When changes were begun, the newest last: EC2 allows four in 24 hours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub begun: Vec<Timestamp>,
}

impl Growth {
    /// No change was ever made.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a volume is changed to: only what differs is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// GiB; larger than it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_gib: Option<u32>,
    /// The volume type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<VolumeType>,
    /// I/O operations a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// MiB/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
}

/// What a snapshot was taken for, as its operation tag tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// On schedule.
    Periodic,
    /// The last one of a volume, before a move or a retirement.
    Final,
}

/// The operation that a snapshot belongs to: the value of its tag `stateful-asg:operation`.
#[must_use]
pub fn operation_tag(purpose: Purpose, slot: SlotNumber, operation: u32) -> String {
    let word = match purpose {
        Purpose::Periodic => "periodic",
        Purpose::Final => "final",
    };
    format!("{word}-{slot}-{operation}")
}

/// What the operation tag tells.
#[must_use]
pub fn purpose_of(operation: &str) -> Option<Purpose> {
    match operation.split('-').next() {
        Some("periodic") => Some(Purpose::Periodic),
        Some("final") => Some(Purpose::Final),
        Some(_) | None => None,
    }
}
