//! Changes that begin anew, or are dropped: what was made for them is left behind, never forgotten.

use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::step::Why;
use crate::table::Slot;
use crate::upkeep::{Change, ChangeKind, Proof, Stage, Superseded, Upkeep};

/// The change begins anew, with snapshots of its own.
pub(crate) fn again(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeBegun);
    let upkeep = &mut entry.slot.upkeep;
    let Some(mut change) = upkeep.change.take() else { return };
    give_up_successors(&mut change, slot, view, upkeep);
    upkeep.operations += 1;
    change.operation = upkeep.operations;
    change.stage = Stage::Saving;
    change.since = view.now;
    change.unreachable = None;
    change.stale = false;
    upkeep.change = Some(change);
}

/// Successors that exist already are left behind: nobody ever used them.
pub(super) fn give_up_successors(change: &mut Change, slot: &Slot, view: &View<'_>, upkeep: &mut Upkeep) {
    for (name, made) in std::mem::take(&mut change.volumes) {
        upkeep.attempts = upkeep.attempts.max(made.record.attempt);
        if let Some(id) = made.record.id {
            let left = Superseded {
                name,
                claim: slot.claim,
                since: view.now,
                proof: Proof::NeverUsed,
                keep: false,
                deleting: None,
            };
            upkeep.superseded.insert(id, left);
        }
    }
}

/// The slot is claimed as it was: true if its change could still be dropped.
pub(crate) fn dropped(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) -> bool {
    let Some(change) = &slot.upkeep.change else { return true };
    let droppable = match change.kind {
        ChangeKind::Move { .. } | ChangeKind::Retire => change.stage < Stage::Switching && !change.ordered,
        ChangeKind::Restore => false,
    };
    if droppable {
        let entry = draft.slot(slot.number);
        entry.why.insert(Why::ChangeDropped);
        let upkeep = &mut entry.slot.upkeep;
        if let Some(mut change) = upkeep.change.take() {
            give_up_successors(&mut change, slot, view, upkeep);
        }
    }
    droppable
}
