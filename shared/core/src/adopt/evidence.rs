//! What bears a slot's number in AWS.

use std::collections::BTreeSet;

use crate::cloud::{Instance, InstanceState, Interface, Snapshot, Tags, Volume, VolumeState, slot_of};
use crate::ids::{Claim, SlotNumber, VolumeName};
use crate::observed::Observed;
use crate::tags;
use crate::upkeep::{Purpose, purpose_of};

/// Everything that bears one slot's number.
pub(super) struct Evidence<'o> {
    /// The slot's volumes, and those made for it, that exist.
    pub(super) volumes: Vec<&'o Volume>,
    pub(super) interfaces: Vec<&'o Interface>,
    pub(super) instances: Vec<&'o Instance>,
    pub(super) snapshots: Vec<&'o Snapshot>,
}

impl<'o> Evidence<'o> {
    pub(super) fn of(obs: &'o Observed, slot: SlotNumber) -> Self {
        let volume = |volume: &&Volume| volume.slot() == Some(slot) || made_for(&volume.tags) == Some(slot);
        Self {
            volumes: obs.volumes.values().filter(volume).filter(|volume| exists(volume)).collect(),
            interfaces: obs.interfaces.values().filter(|interface| slot_of(&interface.tags) == Some(slot)).collect(),
            instances: obs.instances.values().filter(|instance| slot_of(&instance.tags) == Some(slot)).collect(),
            snapshots: snapshots(obs).filter(|snapshot| snapshot.slot() == Some(slot)).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.volumes.is_empty() && self.interfaces.is_empty() && self.instances.is_empty() && self.snapshots.is_empty()
    }

    /// The highest claim that anything shows.
    pub(super) fn claim(&self) -> Claim {
        let instances = self.instances.iter().filter_map(|instance| claim_of(&instance.tags));
        instances.chain(self.snapshots.iter().filter_map(|snapshot| snapshot.claim())).max().unwrap_or_default()
    }

    /// The highest number of an operation that a snapshot bears.
    pub(super) fn operations(&self) -> u32 {
        let number = |snapshot: &&Snapshot| snapshot.operation()?.rsplit('-').next()?.parse().ok();
        self.snapshots.iter().filter_map(number).max().unwrap_or_default()
    }

    /// The names of the slot's volumes that anything shows.
    pub(super) fn names(&self) -> BTreeSet<VolumeName> {
        let volumes = self.volumes.iter().filter_map(|volume| volume.name());
        volumes.chain(self.snapshots.iter().filter_map(|snapshot| snapshot.name())).collect()
    }

    pub(super) fn snapshots_of<'e>(&'e self, name: &'e VolumeName) -> impl Iterator<Item = &'o Snapshot> + 'e {
        self.snapshots.iter().copied().filter(move |snapshot| snapshot.name().as_ref() == Some(name))
    }

    /// The newest completed snapshot of this volume name, if it is the last one of a volume, and nothing is newer.
    pub(super) fn last(&self, name: &VolumeName) -> Option<&'o Snapshot> {
        let newest = self.snapshots_of(name).max_by_key(|snapshot| (snapshot.started, snapshot.id.clone()))?;
        let is_final = newest.operation().and_then(purpose_of) == Some(Purpose::Final);
        (is_final && newest.is_completed() && newest.claim() == Some(self.claim())).then_some(newest)
    }
}

fn snapshots(obs: &Observed) -> impl Iterator<Item = &Snapshot> {
    obs.snapshots.iter().flat_map(|snapshots| snapshots.values())
}

fn exists(volume: &Volume) -> bool {
    !matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted)
}

/// Not on its way to `terminated`.
pub(super) fn lives(instance: &Instance) -> bool {
    !matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated)
}

/// The slot whose change a volume was made for.
fn made_for(shown: &Tags) -> Option<SlotNumber> {
    shown.get(tags::FOR_SLOT)?.parse().ok().map(SlotNumber)
}

/// The number of the attempt that made it.
pub(super) fn attempt(shown: &Tags) -> Option<u32> {
    shown.get(tags::ATTEMPT)?.parse().ok()
}

pub(super) fn claim_of(shown: &Tags) -> Option<Claim> {
    shown.get(tags::CLAIM)?.parse().ok().map(Claim)
}

/// Every slot number that the table or any tag shows.
pub(super) fn numbers(obs: &Observed) -> BTreeSet<SlotNumber> {
    let volumes = obs.volumes.values().filter(|volume| exists(volume));
    let volumes = volumes.flat_map(|volume| volume.slot().into_iter().chain(made_for(&volume.tags)));
    volumes
        .chain(obs.interfaces.values().filter_map(|interface| slot_of(&interface.tags)))
        .chain(obs.instances.values().filter_map(|instance| slot_of(&instance.tags)))
        .chain(snapshots(obs).filter_map(Snapshot::slot))
        .chain(obs.slots.keys().copied())
        .collect()
}
