//! Changes that begin anew, or are dropped: what was made for them is left behind, never forgotten.

use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::step::Why;
use crate::table::Slot;
use crate::upkeep::{ChangeKind, Stage};

/// The change begins anew, with snapshots of its own.
pub(crate) fn again(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeBegun);
    let upkeep = &mut entry.slot.upkeep;
    let Some(mut change) = upkeep.change.take() else { return };
    upkeep.leave_successors(std::mem::take(&mut change.volumes), slot.claim, slot.vacated, view.now);
    upkeep.operations = upkeep.operations.saturating_add(1);
    change.operation = upkeep.operations;
    change.stage = Stage::Saving;
    change.since = view.now;
    change.unreachable = None;
    change.stale = false;
    change.used = false;
    upkeep.change = Some(change);
}

/// The change ends, whoever asked for it: one of its volumes is lost, and was not saved.
pub(super) fn drop_for_good(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::ChangeDropped);
    entry.slot.upkeep.give_up_change(slot.claim, slot.vacated, view.now);
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
        // What this very pass has drafted of it is not on record: it is given up as it was.
        entry.slot.upkeep.change = Some(change.clone());
        entry.slot.upkeep.give_up_change(slot.claim, slot.vacated, view.now);
    }
    droppable
}
