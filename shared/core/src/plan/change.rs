//! Changes of a vacant slot's volumes: moved to another zone, restored from snapshots, retired.
//!
//! Each stage is recorded before its first call, so that any actor goes on from any crash. What the slot has stays on its
//! record, untouched, until everything that replaces it stands.

pub(crate) mod anew;
mod dropping;
mod keeping;
mod making;
mod switching;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Snapshot, SnapshotState, Volume};
use crate::ids::{SlotNumber, SnapshotId, VolumeName, Zone};
use crate::plan::CERTAINLY_ABSENT;
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, take, take_at_leisure};
use crate::plan::view::{View, later};
use crate::plan::volumes::is_ours;
use crate::spec::{VolumeParams, ZoneMove};
use crate::step::{Step, Why};
use crate::table::{Slot, SlotState, VolumeRecord};
use crate::upkeep::{Change, ChangeKind, Growth, Made, Order, Saved, Stage};
use crate::waiting::{Reason, Subject};

pub(crate) use dropping::{again, dropped};

/// How long after a failed snapshot the next one is taken.
const NEXT_SNAPSHOT: Duration = Duration::from_secs(60);

/// Begins what is due, and goes on with what was begun.
pub(crate) fn tend(view: &View<'_>, draft: &mut Draft<'_>) {
    for slot in view.obs.slots() {
        if slot.holder.is_some() {
            if let Some(order) = &slot.upkeep.order {
                draft.wait(Subject::Slot(slot.number), Reason::Ordered { what: order.word() }, None);
            }
            continue;
        }
        // What this very pass records of its volumes takes the next numbers: a change begins after that.
        if slot.upkeep.change.is_none() && draft.slot(slot.number).slot.volumes != slot.volumes {
            continue;
        }
        match (&slot.upkeep.change, &slot.upkeep.order) {
            (Some(change), Some(order)) if change.stage < Stage::Switching => reorder(slot, change, order, view, draft),
            (Some(change), _) => advance(view, slot, change, draft),
            (None, Some(order)) => obey(view, slot, order, draft),
            (None, None) if retires(view, slot, draft) => begin(view, slot, ChangeKind::Retire, false, draft),
            (None, None) => {}
        }
    }
}

/// The wait of everything that the slot's change keeps waiting.
pub(crate) fn reason(slot: SlotNumber, change: &Change) -> Reason {
    Reason::Changing { slot, what: change.kind.word(), stage: change.stage }
}

fn retires(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) -> bool {
    let (Some(after), Some(vacated), SlotState::Parked) = (view.spec.slots.retire_after, slot.vacated, slot.state)
    else {
        return false;
    };
    // A group that is deleted keeps everything: nobody scaled it in.
    if view.live_asgs().count() != 1 {
        return false;
    }
    let due = later(vacated, after);
    if due > view.now {
        draft.look_at(due);
    }
    due <= view.now && (!slot.volumes.is_empty() || slot.interface.is_some() || slot.record.is_some())
}

/// The slot's volumes that are on record, if each was read as free.
pub(crate) fn all_free<'v>(view: &View<'v>, slot: &Slot) -> Option<BTreeMap<VolumeName, &'v Volume>> {
    slot.volumes
        .iter()
        .map(|(name, record)| {
            let volume = record.id.as_ref().and_then(|id| view.obs.volumes.get(id))?;
            (record.born && volume.is_free() && is_ours(view, volume)).then(|| (name.clone(), volume))
        })
        .collect()
}

/// A born volume that reads aimed at its ID have missed for ten minutes.
pub(crate) fn is_lost(view: &View<'_>, record: &VolumeRecord) -> bool {
    record.born
        && view.past(record.absent_since, CERTAINLY_ABSENT)
        && record.id.as_ref().is_some_and(|id| view.obs.absent.volumes.contains(id))
}

/// What is to be replaced is free, and ours still, or lost: nobody writes to it.
fn at_rest(view: &View<'_>, slot: &Slot) -> bool {
    slot.volumes.values().all(|record| {
        let shown = record.id.as_ref().and_then(|id| view.obs.volumes.get(id));
        is_lost(view, record) || record.born && shown.is_some_and(|volume| volume.is_free() && is_ours(view, volume))
    })
}

/// Somebody has one of its volumes. One that is not shown says nothing: it comes back, or ten minutes later it is lost.
fn is_used(view: &View<'_>, slot: &Slot) -> bool {
    let shown = slot.volumes.values().filter_map(|record| view.obs.volumes.get(record.id.as_ref()?));
    shown.into_iter().any(|volume| !volume.is_free())
}

/// Notes that somebody has what is being replaced, for who does not go on with changes: what was saved of it may lack what is
/// written now.
pub(crate) fn note_use(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let Some(change) = slot.upkeep.change.as_ref().filter(|_| is_used(view, slot)) else { return };
    match (change.stage, &change.kind) {
        (Stage::Saving, _) if keeping::has_begun(view, slot, change) => again(view, slot, draft),
        (Stage::Making, ChangeKind::Move { .. } | ChangeKind::Retire) => again(view, slot, draft),
        (Stage::Switching, _) if !change.used => switching::note_use(slot, draft),
        (Stage::Saving | Stage::Making | Stage::Switching, _) => {}
    }
}

/// What keeps a change from going on: volumes that are not free, or not shown.
fn name_what_holds(view: &View<'_>, slot: &Slot, since: Option<Timestamp>, draft: &mut Draft<'_>) {
    draft.look_at(later(view.now, NEXT_SNAPSHOT));
    for (name, record) in slot.volumes.iter().filter(|(_, record)| !is_lost(view, record)) {
        let shown = record.id.as_ref().and_then(|id| view.obs.volumes.get(id));
        if let Some(foreign) = shown.filter(|volume| !is_ours(view, volume)) {
            let reason = Reason::VolumeForeign { name: name.clone(), volume: foreign.id.clone() };
            draft.wait(Subject::Slot(slot.number), reason, None);
            continue;
        }
        if record.born && shown.is_some_and(Volume::is_free) {
            continue;
        }
        let by = shown.and_then(|volume| volume.attachments.first()).map(|attachment| attachment.instance.clone());
        let reason = Reason::ChangeHeld { name: name.clone(), volume: record.id.clone(), by };
        draft.wait(Subject::Slot(slot.number), reason, since);
    }
}

/// Records that a change begins, if everything of the slot is free.
pub(crate) fn begin(view: &View<'_>, slot: &Slot, kind: ChangeKind, ordered: bool, draft: &mut Draft<'_>) {
    if all_free(view, slot).is_none() {
        return name_what_holds(view, slot, slot.vacated, draft);
    }
    record(view, slot, kind, ordered, Stage::Saving, BTreeMap::new(), draft);
}

fn record(
    view: &View<'_>,
    slot: &Slot,
    kind: ChangeKind,
    ordered: bool,
    stage: Stage,
    volumes: BTreeMap<VolumeName, Made>,
    draft: &mut Draft<'_>,
) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeBegun);
    let upkeep = &mut entry.slot.upkeep;
    upkeep.operations = upkeep.operations.saturating_add(1);
    upkeep.order = None;
    let change = Change {
        operation: upkeep.operations,
        kind,
        stage,
        since: view.now,
        begun: view.now,
        ordered,
        unreachable: None,
        stale: false,
        used: false,
        volumes,
    };
    if change.kind == ChangeKind::Retire {
        entry.slot.state = SlotState::Parked;
    }
    draft.wait(Subject::Slot(slot.number), reason(slot.number, &change), Some(view.now));
    draft.slot(slot.number).slot.upkeep.change = Some(change);
}

/// A person asks for something while a change is under way: what was asked for last counts, and nothing is lost by it.
fn reorder(slot: &Slot, change: &Change, order: &Order, view: &View<'_>, draft: &mut Draft<'_>) {
    let same = matches!((&change.kind, order), (ChangeKind::Move { to }, Order::Move { to: asked }) if to == asked);
    let entry = draft.slot(slot.number);
    let upkeep = &mut entry.slot.upkeep;
    if same {
        upkeep.order = None;
        upkeep.change = Some(Change { ordered: true, ..change.clone() });
        entry.why.insert(Why::ChangeBegun);
    } else {
        upkeep.give_up_change(slot.claim, slot.vacated, view.now);
        entry.why.insert(Why::ChangeDropped);
    }
}

/// Begins what a person asked for.
fn obey(view: &View<'_>, slot: &Slot, order: &Order, draft: &mut Draft<'_>) {
    match order {
        Order::Retire => begin(view, slot, ChangeKind::Retire, true, draft),
        // It is there already.
        Order::Move { to } if *to == slot.zone => {
            let entry = draft.slot(slot.number);
            entry.why.insert(Why::ChangeDropped);
            entry.slot.upkeep.order = None;
        }
        Order::Move { to } => begin(view, slot, ChangeKind::Move { to: to.clone() }, true, draft),
        Order::Restore { volumes } => restore(view, slot, volumes, draft),
    }
}

fn restore(view: &View<'_>, slot: &Slot, chosen: &BTreeMap<VolumeName, SnapshotId>, draft: &mut Draft<'_>) {
    let Some(snapshots) = &view.obs.snapshots else {
        draft.look.snapshots = true;
        return;
    };
    if slot.state == SlotState::Retired {
        return anew::retired(slot, chosen, snapshots, draft);
    }
    if !at_rest(view, slot) {
        return name_what_holds(view, slot, slot.vacated, draft);
    }
    let mut made = BTreeMap::new();
    for (name, id) in chosen {
        if !slot.volumes.get(name).is_some_and(|record| record.born) {
            return;
        }
        let found = snapshots.get(id);
        let Some(snapshot) = found.filter(|snapshot| snapshot.is_completed()) else {
            let reason = match found.filter(|snapshot| snapshot.state != SnapshotState::Error) {
                Some(Snapshot { volume, id, .. }) => {
                    Reason::SnapshotPending { volume: volume.clone(), snapshot: id.clone() }
                }
                None => Reason::SnapshotGone { name: name.clone(), snapshot: id.clone() },
            };
            return draft.wait(Subject::Slot(slot.number), reason, None);
        };
        made.insert(name.clone(), successor(view, slot, name, Saved::of(snapshot)));
    }
    record(view, slot, ChangeKind::Restore, true, Stage::Making, made, draft);
}

/// The first attempt at a successor: as the spec asks, and never smaller than what it is made from or takes the place of.
fn successor(view: &View<'_>, slot: &Slot, name: &VolumeName, from: Saved) -> Made {
    let params = successor_params(view, slot, name, &from);
    let attempt = slot.volumes[name].attempt.max(slot.upkeep.attempts).saturating_add(1);
    let record = VolumeRecord { attempt, params, id: None, born: false, absent_since: None, growth: Growth::default() };
    Made { from, record }
}

/// What a successor is created with, by the spec in force.
fn successor_params(view: &View<'_>, slot: &Slot, name: &VolumeName, from: &Saved) -> VolumeParams {
    let record = &slot.volumes[name];
    let shown = record.id.as_ref().and_then(|id| view.obs.volumes.get(id)).map_or(0, |volume| volume.size_gib);
    let wanted = view.spec.volumes.get(name).map_or(record.params.clone(), |spec| spec.params_beside(&record.params));
    VolumeParams {
        size_gib: wanted.size_gib.max(from.size_gib).max(shown),
        encrypted: wanted.encrypted || from.encrypted,
        snapshot: Some(from.snapshot.clone()),
        ..wanted
    }
}

fn advance(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>) {
    // The spec allows it no longer, and nothing was given up for it yet.
    if matches!(change.kind, ChangeKind::Move { .. })
        && view.spec.zones.r#move == ZoneMove::Never
        && dropped(view, slot, draft)
    {
        return;
    }
    draft.wait(Subject::Slot(slot.number), reason(slot.number, change), Some(change.begun));
    if !goes_on(view, change) {
        // Nobody tries any more: what is known of the zone grows old.
        return note_reach(view, slot, change, false, draft);
    }
    let mut lacks = Lacks { reasons: Vec::new(), pending: false };
    match change.stage {
        Stage::Saving => keeping::save(view, slot, change, draft, &mut lacks),
        Stage::Making => making::make(view, slot, change, draft, &mut lacks),
        Stage::Switching => switching::switch(view, slot, change, draft, &mut lacks),
    }
    for reason in lacks.reasons {
        draft.wait(Subject::Slot(slot.number), reason, Some(change.begun));
    }
}

/// A move that nobody asked for and no launching instance waits for rests where it is.
fn goes_on(view: &View<'_>, change: &Change) -> bool {
    let ChangeKind::Move { to } = &change.kind else { return true };
    let allowed = view.spec.zones.r#move != ZoneMove::Never && is_waited_for(view, to);
    change.ordered || change.stage == Stage::Switching || allowed
}

/// A move that nobody ordered, that nobody waits for where it leads, and that has not replaced anything yet.
pub(crate) fn may_turn(view: &View<'_>, change: &Change) -> bool {
    let ChangeKind::Move { to } = &change.kind else { return false };
    !change.ordered && change.stage < Stage::Switching && !is_waited_for(view, to)
}

fn is_waited_for(view: &View<'_>, zone: &Zone) -> bool {
    view.members().any(|(id, phase)| {
        matches!(phase, crate::plan::Phase::Launching | crate::plan::Phase::Booting)
            && view.slot_of(id).is_none()
            && view.member(id).is_some_and(|(_, member)| &member.zone == zone)
    })
}

/// Takes a step of a change; where nobody waits for it, at leisure.
fn pursue(view: &View<'_>, change: &Change, step: Step, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    if is_urgent(view, change) { take(view, step, draft, lacks) } else { take_at_leisure(view, step, draft, lacks) }
}

/// A launching instance waits for it.
fn is_urgent(view: &View<'_>, change: &Change) -> bool {
    matches!(&change.kind, ChangeKind::Move { to } if is_waited_for(view, to))
}

/// Keeps count of how long the volumes' zone has been out of reach.
fn note_reach(view: &View<'_>, slot: &Slot, change: &Change, unreached: bool, draft: &mut Draft<'_>) {
    if change.unreachable.is_some() == unreached {
        return;
    }
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeBegun);
    if let Some(change) = entry.slot.upkeep.change.as_mut() {
        change.unreachable = unreached.then_some(view.now);
    }
}

/// Someone else has the slot's volumes: where nobody waits for the change, a later settle looks again.
fn wait_for_volumes(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    if !is_urgent(view, change) || !is_used(view, slot) {
        return name_what_holds(view, slot, Some(change.begun), draft);
    }
    let held = slot.volumes.values().filter_map(|record| record.id.as_ref());
    let busy = held.filter_map(|id| view.obs.volumes.get(id)).filter(|volume| !volume.is_free());
    lacks.reasons.extend(busy.map(|volume| match volume.attachments.first() {
        Some(attachment) => Reason::VolumeHeldBy { volume: volume.id.clone(), instance: attachment.instance.clone() },
        None => Reason::VolumeInTransit { volume: volume.id.clone() },
    }));
}
