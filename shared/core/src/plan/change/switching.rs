//! The end of a change: what is replaced is marked, then one write puts the successors on record.

use crate::cloud::Tags;
use crate::plan::change::{at_rest, is_used, wait_for_volumes};
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, set_tags};
use crate::plan::view::View;
use crate::plan::volumes;
use crate::step::Why;
use crate::table::{Slot, SlotState};
use crate::tags;
use crate::upkeep::{Change, ChangeKind, Data, LeftInterface, Origin, Proof, Superseded};
use crate::waiting::Reason;

/// Marks every volume that is replaced; when all are marked, the successors take their place.
pub(crate) fn switch(view: &View<'_>, slot: &Slot, change: &Change, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    // Everything that is replaced was free when it was saved; what a person attached since waits for that person.
    if !at_rest(view, slot) {
        if is_used(view, slot) && !change.used {
            note_use(slot, draft);
        }
        return wait_for_volumes(view, slot, change, draft, lacks);
    }
    let mut marked = true;
    for (name, record) in slot.volumes.iter().filter(|(name, _)| change.volumes.contains_key(*name)) {
        let made = &change.volumes[name];
        let successor = made.record.id.as_ref().map_or_else(|| made.from.snapshot.to_string(), ToString::to_string);
        let Some(volume) = record.id.as_ref().and_then(|id| view.obs.volumes.get(id)) else { continue };
        if !volumes::is_ours(view, volume) {
            lacks.reasons.push(Reason::VolumeForeign { name: name.clone(), volume: volume.id.clone() });
            marked = false;
            continue;
        }
        marked &= volume.tags.get(tags::SUPERSEDED) == Some(&successor);
        let wanted = Tags::from([(tags::SUPERSEDED.to_owned(), successor)]);
        set_tags(view, volume.id.as_str(), &volume.tags, wanted, draft, lacks);
    }
    // A retired slot has no name: it is withdrawn first.
    let named = slot.record.as_ref().is_some_and(|record| record.owned || !record.tried.is_empty());
    if marked && !lacks.pending && !(change.kind == ChangeKind::Retire && named) {
        take_place(view, slot, change, draft);
    }
}

/// What that person writes is in no successor, and on no snapshot.
pub(super) fn note_use(slot: &Slot, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeMade);
    if let Some(change) = entry.slot.upkeep.change.as_mut() {
        change.used = true;
    }
}

fn take_place(view: &View<'_>, recorded: &Slot, change: &Change, draft: &mut Draft<'_>) {
    let entry = draft.slot(recorded.number);
    entry.why.insert(Why::ChangeDone);
    let slot = &mut entry.slot;
    let as_of = change.volumes.values().map(|made| made.from.as_of).min();
    for (name, made) in &change.volumes {
        slot.upkeep.attempts = slot.upkeep.attempts.max(made.record.attempt);
        let Some(old) = slot.volumes.remove(name) else { continue };
        slot.upkeep.attempts = slot.upkeep.attempts.max(old.attempt);
        let saved = change.kind != ChangeKind::Restore && !change.stale && !change.used;
        if let Some(id) = old.id {
            let left = Superseded {
                name: name.clone(),
                claim: recorded.claim,
                since: view.now,
                vacated: recorded.vacated,
                proof: if saved { Proof::Snapshot(made.from.snapshot.clone()) } else { Proof::None },
                keep: !saved,
                deleting: None,
                absent_since: None,
            };
            slot.upkeep.superseded.insert(id, left);
        }
        if change.kind == ChangeKind::Retire {
            slot.upkeep.retired.insert(name.clone(), made.from.clone());
        } else {
            slot.volumes.insert(name.clone(), made.record.clone());
        }
    }
    let leaves = match &change.kind {
        ChangeKind::Move { to } => {
            slot.zone = to.clone();
            true
        }
        ChangeKind::Retire => {
            slot.state = SlotState::Retired;
            true
        }
        ChangeKind::Restore => false,
    };
    if let Some(interface) = slot.interface.take_if(|_| leaves) {
        slot.upkeep.attempts = slot.upkeep.attempts.max(interface.attempt);
        if let Some(id) = interface.id {
            slot.upkeep.left_interfaces.insert(id, LeftInterface { since: view.now, absent_since: None });
        }
    }
    slot.upkeep.data = match (&change.kind, change.stale) {
        (_, true) => Some(Data { origin: Origin::Stale, as_of, told: None }),
        (ChangeKind::Restore, false) => Some(Data { origin: Origin::Snapshot, as_of, told: None }),
        (ChangeKind::Move { .. } | ChangeKind::Retire, false) => slot.upkeep.data,
    };
    slot.upkeep.change = None;
}
