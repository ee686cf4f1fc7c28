//! Growth online: volumes follow an edit of the spec, one slot first, then as many at a time as the spec says.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Modification, ModificationState, Volume};
use crate::ids::{SlotNumber, VolumeName};
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, take_at_leisure};
use crate::plan::view::{View, later};
use crate::plan::volumes::is_ours;
use crate::spec::VolumeParams;
use crate::step::{Step, Why};
use crate::table::{Slot, VolumeRecord};
use crate::upkeep::Target;
use crate::waiting::{Reason, Subject};

/// EC2 allows this many changes of a volume within [`WINDOW`].
/// <https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html>
const MOST_CHANGES: usize = 4;
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// How long after a change was recorded a reading that shows nothing of it is not believed.
const MAY_LAG: Duration = Duration::from_secs(120);
/// How often to look at a change whose new size is in use already.
const OPTIMIZING: Duration = Duration::from_secs(300);
/// How long after a failed change the same is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(3600);

/// Goes on with changes under way, and begins those whose turn it is.
pub(crate) fn tend(view: &View<'_>, draft: &mut Draft<'_>) {
    let mut busy = BTreeSet::new();
    let mut done = false;
    let mut behind: Vec<(bool, SlotNumber)> = Vec::new();
    for slot in view.obs.slots().filter(|slot| slot.upkeep.change.is_none()) {
        let grown = volumes(view, slot);
        let under_way = grown.iter().any(|(_, record, _)| record.growth.target.is_some());
        let differs = grown.iter().any(|(name, _, volume)| differs(view, name, volume).is_some());
        if under_way {
            busy.insert(slot.number);
            for (name, record, volume) in &grown {
                pursue(view, slot, (name, record, volume), draft);
            }
        } else if differs {
            // A slot in service first: there it shows whether the change does harm.
            behind.push((view.holder_phase(slot).is_none(), slot.number));
        } else {
            done |= grown.iter().any(|(_, record, _)| !record.growth.begun.is_empty());
        }
    }
    behind.sort();
    // What EC2 lets nobody change yet takes no turn.
    let (limited, behind): (Vec<_>, Vec<_>) = behind.into_iter().partition(|(_, number)| is_limited(view, *number));
    for number in limited.into_iter().map(|(_, number)| number) {
        if let Some(slot) = view.obs.slots.get(&number) {
            intend(view, slot, draft);
        }
    }
    let at_once = if done { view.spec.growth.at_once as usize } else { 1 };
    for (_, number) in behind.into_iter().take(at_once.saturating_sub(busy.len())) {
        if let Some(slot) = view.obs.slots.get(&number) {
            intend(view, slot, draft);
        }
    }
}

/// EC2 allows no change yet of any volume of the slot that differs.
fn is_limited(view: &View<'_>, number: SlotNumber) -> bool {
    view.obs.slots.get(&number).is_some_and(|slot| {
        let mut behind =
            volumes(view, slot).into_iter().filter(|(name, _, volume)| differs(view, name, volume).is_some());
        behind.all(|(_, record, _)| allowed_at(&record.growth.begun, view.now).is_some())
    })
}

type Grown<'v> = (&'v VolumeName, &'v VolumeRecord, &'v Volume);

/// The slot's born volumes that are shown, bear our tag, and that the spec names.
fn volumes<'v>(view: &View<'v>, slot: &'v Slot) -> Vec<Grown<'v>> {
    slot.volumes
        .iter()
        .filter(|(name, record)| record.born && view.spec.volumes.contains_key(*name))
        .filter_map(|(name, record)| {
            let volume = record.id.as_ref().and_then(|id| view.obs.volumes.get(id))?;
            (volume.is_born() && is_ours(view, volume)).then_some((name, record, volume))
        })
        .collect()
}

/// What must change for the volume to be as the spec asks. A volume larger than that is left as it is.
fn differs(view: &View<'_>, name: &VolumeName, volume: &Volume) -> Option<Target> {
    let spec = view.spec.volumes.get(name)?;
    // Figures that the spec leaves to a template count for new volumes only.
    match &spec.template {
        Some(_) => target(&spec.params_beside(&VolumeParams::shown(volume)?), volume),
        None => target(&spec.params, volume),
    }
}

pub(crate) fn target(wanted: &VolumeParams, volume: &Volume) -> Option<Target> {
    let kind = (wanted.kind.as_str() != volume.kind).then_some(wanted.kind);
    // With another type its figures are asked for anew; without, only what the spec names and EC2 shows otherwise.
    let other = |asked: Option<u32>, shown: Option<u32>| asked.filter(|_| kind.is_some() || asked != shown);
    let target = Target {
        size_gib: (wanted.size_gib > volume.size_gib).then_some(wanted.size_gib),
        kind,
        iops: other(wanted.iops, volume.iops),
        throughput: other(wanted.throughput, volume.throughput),
    };
    (target != Target::default()).then_some(target)
}

/// Records what each volume of the slot is about to be changed to.
fn intend(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    for (name, record, volume) in volumes(view, slot) {
        let Some(target) = differs(view, name, volume) else { continue };
        if let Some(until) = allowed_at(&record.growth.begun, view.now) {
            let reason = Reason::GrowthLimit { volume: volume.id.clone(), until };
            draft.look_at(until);
            draft.wait(Subject::Slot(slot.number), reason, None);
            continue;
        }
        let entry = draft.slot(slot.number);
        entry.why.insert(Why::GrowthNoted);
        if let Some(record) = entry.slot.volumes.get_mut(name) {
            record.growth.target = Some(target);
            record.growth.begun.retain(|at| later(*at, WINDOW) > view.now);
            record.growth.begun.push(view.now);
        }
    }
}

/// When EC2 allows the next change, if it does not now.
fn allowed_at(begun: &[Timestamp], now: Timestamp) -> Option<Timestamp> {
    let mut recent: Vec<Timestamp> = begun.iter().map(|at| later(*at, WINDOW)).filter(|until| *until > now).collect();
    recent.sort();
    (recent.len() >= MOST_CHANGES).then(|| recent[recent.len() - MOST_CHANGES])
}

/// From the recorded target to the volume that shows it.
fn pursue(
    view: &View<'_>,
    slot: &Slot,
    (name, record, volume): (&VolumeName, &VolumeRecord, &Volume),
    draft: &mut Draft<'_>,
) {
    let Some(target) = record.growth.target else { return };
    // The spec asks for something else now, and EC2 has refused this: nothing was begun.
    if view.backing_off(&step_key(slot, volume, target)).is_some_and(|failure| !failure.kind.is_retryable())
        && differs(view, name, volume) != Some(target)
    {
        return note(slot, name, draft);
    }
    let Some(seen) = view.obs.modifications.get(&volume.id) else {
        draft.look.modifications.insert(volume.id.clone());
        return;
    };
    let began = record.growth.begun.last().copied();
    let newest = seen.as_ref().filter(|modification| since(modification, began));
    let mut lacks = Lacks { reasons: Vec::new(), pending: false };
    match newest.map(|modification| modification.state) {
        Some(ModificationState::Modifying) => {
            lacks.reasons.push(Reason::VolumeGrowing { volume: volume.id.clone() });
        }
        Some(ModificationState::Optimizing) => draft.look_at(later(view.now, OPTIMIZING)),
        Some(ModificationState::Completed) if shows(volume, &target) => note(slot, name, draft),
        // Completed, and not what was asked: the volume's reading lags, or the change before this one is shown.
        Some(ModificationState::Completed) if !view.past(began, MAY_LAG) => {
            lacks.reasons.push(Reason::VolumeGrowing { volume: volume.id.clone() });
        }
        Some(ModificationState::Failed) => {
            let message = newest.and_then(|m| m.message.clone()).unwrap_or_else(|| "EC2 does not say why".to_owned());
            lacks.reasons.push(Reason::GrowthFailed { volume: volume.id.clone(), message });
            match began.map(|began| later(began, AFTER_FAILURE)) {
                Some(at) if at > view.now => draft.look_at(at),
                Some(_) | None => note(slot, name, draft),
            }
        }
        // It is as asked already: a change that changes nothing would count as one.
        None if shows(volume, &target) => {
            if view.past(began, MAY_LAG) {
                note(slot, name, draft);
            } else {
                lacks.reasons.push(Reason::VolumeGrowing { volume: volume.id.clone() });
            }
        }
        // It has grown beyond that meanwhile: what is still to change is noted anew.
        Some(ModificationState::Completed) | None if target.size_gib.is_some_and(|size| size < volume.size_gib) => {
            note(slot, name, draft);
        }
        Some(ModificationState::Completed) | None => take_at_leisure(
            view,
            Step::ModifyVolume { slot: slot.number, volume: volume.id.clone(), target },
            draft,
            &mut lacks,
        ),
    }
    for reason in lacks.reasons {
        draft.wait(Subject::Slot(slot.number), reason, began);
    }
}

fn step_key(slot: &Slot, volume: &Volume, target: Target) -> String {
    Step::ModifyVolume { slot: slot.number, volume: volume.id.clone(), target }.key()
}

/// The modification is the one that was recorded, not an older one. Clocks may differ by minutes.
fn since(modification: &Modification, began: Option<Timestamp>) -> bool {
    match (modification.started, began) {
        (Some(started), Some(began)) => later(started, MAY_LAG) >= began,
        (Some(_), None) | (None, _) => true,
    }
}

fn shows(volume: &Volume, target: &Target) -> bool {
    target.size_gib.is_none_or(|size| volume.size_gib >= size)
        && target.kind.is_none_or(|kind| volume.kind == kind.as_str())
        && target.iops.is_none_or(|iops| volume.iops == Some(iops))
        && target.throughput.is_none_or(|throughput| volume.throughput == Some(throughput))
}

/// The change is over: the record forgets its target.
fn note(slot: &Slot, name: &VolumeName, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::GrowthNoted);
    if let Some(record) = entry.slot.volumes.get_mut(name) {
        record.growth.target = None;
    }
}
