//! Whose a volume is, by the table and by its tags.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use stateful_asg_core::cloud::Volume;
use stateful_asg_core::ids::{SlotNumber, VolumeId, VolumeName};
use stateful_asg_core::observed::Observed;
use stateful_asg_core::spec::Spec;
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Proof, Superseded};

/// Whose a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub(super) enum Role {
    /// A slot's own.
    OnRecord,
    /// It is being made to take the place of a slot's own.
    Successor,
    /// It was a slot's, or was made for it and not needed.
    Superseded {
        /// Since when.
        since: Timestamp,
        /// What holds its data now.
        proof: String,
        /// When the functions may delete it; never by themselves where absent.
        deletable: Option<Timestamp>,
        /// Why not by themselves, or that they decided to.
        note: Option<&'static str>,
    },
    /// It never belonged to a slot.
    Pool,
    /// It bears a slot's tags, and is on no record.
    Stray,
}

impl Role {
    pub(super) fn words(&self) -> String {
        match self {
            Self::OnRecord => "on record".to_owned(),
            Self::Successor => "successor, being made".to_owned(),
            Self::Superseded { since, proof, deletable, note } => {
                let until = deletable.map(|at| format!("deletable from {at:.0}"));
                let until = until.or_else(|| note.map(str::to_owned)).unwrap_or_default();
                format!("superseded since {since:.0}; its data: {proof}; {until}")
            }
            Self::Pool => "pool".to_owned(),
            Self::Stray => "stray".to_owned(),
        }
    }
}

/// A volume of the group.
pub(super) struct Found<'o> {
    pub(super) id: VolumeId,
    pub(super) slot: Option<SlotNumber>,
    pub(super) name: Option<VolumeName>,
    pub(super) role: Role,
    /// What EC2 shows of it.
    pub(super) seen: Option<&'o Volume>,
}

/// Every volume of the group, by slot: those on record, those that were left behind, and what the tags show besides.
pub(super) fn all<'o>(observed: &'o Observed, spec: Option<&Spec>) -> Vec<Found<'o>> {
    let mut found: Vec<Found<'o>> = observed.slots().flat_map(|slot| of_slot(observed, spec, slot)).collect();
    for volume in observed.volumes.values() {
        if found.iter().any(|known| known.id == volume.id) {
            continue;
        }
        let made_for = volume.tags.get(tags::FOR_SLOT).and_then(|text| text.parse().ok()).map(SlotNumber);
        let slot = volume.slot().or(made_for);
        let pool = slot.is_none() && !volume.tags.contains_key(tags::SUPERSEDED);
        let role = if pool { Role::Pool } else { Role::Stray };
        found.push(Found { id: volume.id.clone(), slot, name: volume.name(), role, seen: Some(volume) });
    }
    found.sort_by(|a, b| (a.slot.is_none(), a.slot, &a.name, &a.id).cmp(&(b.slot.is_none(), b.slot, &b.name, &b.id)));
    found
}

fn of_slot<'o>(observed: &'o Observed, spec: Option<&Spec>, slot: &'o Slot) -> Vec<Found<'o>> {
    let found = |id: &VolumeId, name: &VolumeName, role| Found {
        id: id.clone(),
        slot: Some(slot.number),
        name: Some(name.clone()),
        role,
        seen: observed.volumes.get(id),
    };
    let recorded = slot.volumes.iter().filter_map(|(name, record)| Some((name, record.id.as_ref()?)));
    let made = slot.upkeep.change.iter().flat_map(|change| &change.volumes);
    let made = made.filter_map(|(name, made)| Some((name, made.record.id.as_ref()?)));
    recorded
        .map(|(name, id)| found(id, name, Role::OnRecord))
        .chain(made.map(|(name, id)| found(id, name, Role::Successor)))
        .chain(slot.upkeep.superseded.iter().map(|(id, left)| found(id, &left.name, superseded(spec, left))))
        .collect()
}

fn superseded(spec: Option<&Spec>, left: &Superseded) -> Role {
    let proof = match &left.proof {
        Proof::Snapshot(snapshot) => format!("in {snapshot}"),
        Proof::NeverUsed => "none, never used".to_owned(),
        Proof::None => "nowhere else for certain".to_owned(),
    };
    let kept = left.keep || left.proof == Proof::None;
    let grace = spec.and_then(|spec| SignedDuration::try_from(spec.zones.keep_source).ok());
    let note = match (kept, left.deleting) {
        (true, _) => Some("only a person deletes it"),
        (false, Some(_)) => Some("it is being deleted"),
        (false, None) => None,
    };
    let deletable = grace.filter(|_| !kept).and_then(|grace| left.since.checked_add(grace).ok());
    Role::Superseded { since: left.since, proof, deletable, note }
}
