//! Adoption: slots proposed from what AWS shows, where the table lacks them.
//!
//! It serves two ends: members that were in service before their group was given to us get a slot without a restart, and a
//! table that was lost is rebuilt from tags. What is ambiguous is refused by name; a slot that has an item is never touched.

mod case;
mod evidence;
mod missing;
mod names;
mod newcomers;
mod rebuild;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cloud::Tags;
use crate::ids::{DeviceName, Generation, InstanceId, SlotNumber, VolumeId, VolumeName};
use crate::observed::Observed;
use crate::plan::Look;
use crate::spec::{Problem, Spec};
use crate::step::Step;
use crate::table::{NameRecord, Slot};

use case::Case;

/// What a person says beyond what AWS shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Under which device name a member that never came through our hook has each volume.
    pub devices: BTreeMap<VolumeName, DeviceName>,
    /// Members that get no slot now.
    pub leave_out: BTreeSet<InstanceId>,
    /// Slots of which nothing is left: they become retired ones, without snapshots.
    pub forget: BTreeSet<SlotNumber>,
}

/// What must be read before a proposal is complete.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Volumes of members, by their IDs: they need not bear the group's tag yet.
    pub volumes: BTreeSet<VolumeId>,
    /// Snapshots, subnets and records.
    pub look: Look,
}

impl Needs {
    /// Everything was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.look.is_empty()
    }
}

/// A proposal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Slots that the tags show and the table lacks.
    pub rebuilt: Vec<Slot>,
    /// Slots for members in service that never came through our hook, in the order of their launch.
    pub new: Vec<Slot>,
    /// The counter afterwards: above every number seen.
    pub next_slot: u32,
    /// The generation of a group's item that is not there yet.
    pub first: Generation,
    /// The group's shared record, where it holds addresses of its slots alone and is on no record yet.
    pub record: Option<NameRecord>,
    /// What must survive the termination of the instances that have it: done before anything is written.
    pub keep: Vec<Step>,
    /// Tags to set once the table is written, by resource.
    pub tags: Vec<(String, Tags)>,
    /// What is ambiguous or wrong; while anything is, nothing is to be written.
    pub refused: Vec<Problem>,
    /// What a person should know all the same.
    pub notices: Vec<Problem>,
    /// What must be read first. While it is not empty, the rest is a guess.
    pub needs: Needs,
}

impl Adoption {
    /// All proposed slots.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.rebuilt.iter().chain(&self.new)
    }

    /// There is nothing to adopt, to repair or to refuse.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots().next().is_none() && self.keep.is_empty() && self.tags.is_empty() && self.refused.is_empty()
    }
}

/// Proposes slots for what the table lacks, from one reading that includes snapshots.
///
/// Claims never go down: a rebuilt slot has at least the highest claim that an instance or a snapshot of it shows. Volumes
/// that once were a slot's are kept for a person to delete, because what proved that their data is elsewhere was lost.
#[must_use]
pub fn propose(observed: &Observed, spec: &Spec, wishes: &Wishes, now: Timestamp) -> Adoption {
    let mut case = Case::new(observed, spec, wishes, now);
    if observed.snapshots.is_none() {
        case.needs.look.snapshots = true;
    }
    rebuild::slots(&mut case);
    newcomers::slots(&mut case);
    names::group_record(&mut case);
    case.finish()
}
