//! What happens to a slot by itself: births and absences are noted, a holder that is gone is released, surplus is parked.

use crate::cloud::Transition;
use crate::ids::InstanceId;
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::plan::{Phase, interfaces, volumes};
use crate::step::Why;
use crate::table::{Action, Bound, Done, HookResult, Slot, SlotState};
use crate::upkeep::Data;
use crate::waiting::{Reason, Subject};

/// Notes what the reading shows of each slot's own things, and releases slots whose holder is gone.
pub(crate) fn tend(view: &View<'_>, draft: &mut Draft<'_>) {
    for slot in view.obs.slots() {
        note_holder(view, slot, draft);
        note_told(view, slot, draft);
        volumes::note(view, slot, draft);
        interfaces::note(view, slot, draft);
        release(view, slot, draft);
    }
}

/// Keeps count of how long reads aimed at the holder's ID have missed it.
fn note_holder(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let Some(holder) = &slot.holder else { return };
    let missed = view.obs.absent.instances.contains(&holder.instance);
    let seen = view.instance(&holder.instance).is_some();
    let noted = match (missed, seen, holder.absent_since) {
        (true, _, None) => Some(view.now),
        (_, true, Some(_)) => None,
        (true, _, Some(_)) | (false, false, _) | (false, true, None) => return,
    };
    let entry = draft.slot(slot.number);
    entry.why.insert(Why::AbsenceNoted);
    if let Some(holder) = entry.slot.holder.as_mut() {
        holder.absent_since = noted;
    }
}

/// The holder came into service: it knows whose data it has.
fn note_told(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let untold = slot.upkeep.data.is_some_and(|data| data.told != Some(slot.claim));
    if untold && view.holder_phase(slot) == Some(Phase::InService) {
        let entry = draft.slot(slot.number);
        entry.why.insert(Why::DataTold);
        entry.slot.upkeep.data = entry.slot.upkeep.data.map(|data| Data { told: Some(slot.claim), ..data });
    }
}

/// The holder was seen to be gone, or its guest has released, and nothing of the slot is attached or in transit.
pub(crate) fn may_change_holder(view: &View<'_>, slot: &Slot) -> bool {
    match view.holder_phase(slot) {
        None => true,
        Some(Phase::Gone) => not_free(view, slot).is_empty(),
        Some(Phase::Leaving | Phase::Warm) => view.has_released(slot) && not_free(view, slot).is_empty(),
        Some(
            Phase::Booting
            | Phase::Launching
            | Phase::Proceeding
            | Phase::InService
            | Phase::Stopped
            | Phase::Standby
            | Phase::Detached
            | Phase::Retained
            | Phase::ReplacingRoot
            | Phase::Unclear,
        ) => false,
    }
}

/// The IDs of the slot's things that were not read as free.
pub(crate) fn not_free(view: &View<'_>, slot: &Slot) -> Vec<String> {
    let mut held = volumes::not_free(view, slot);
    held.extend(interfaces::not_free(view, slot));
    held
}

/// Its launch is over, also where the hook was never answered: the slot goes to it no more, whatever a reading that lags
/// shows of its wait. One that went back into the warm pool comes out of it through the hook again.
fn end_launch(view: &View<'_>, slot: &Slot, instance: &InstanceId, draft: &mut Draft<'_>) {
    if view.holder_phase(slot) == Some(Phase::Warm) {
        return;
    }
    let Some(open) = draft.action(instance, Transition::Launching).filter(|action| action.done.is_none()).cloned()
    else {
        return;
    };
    let done = Done { result: HookResult::Abandon, claim: slot.claim, at: view.now };
    draft.set_action(Action { done: Some(done), ..open });
    draft.slot(slot.number).launch = Some(instance.clone());
}

fn release(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>) {
    let Some(holder) = &slot.holder else { return };
    let subject = Subject::Slot(slot.number);
    let since = Some(holder.since);
    if may_change_holder(view, slot) {
        end_launch(view, slot, &holder.instance, draft);
        // A holder that came into service has seen what it was told of its data: the next one finds what it left.
        let entry = draft.slot(slot.number);
        entry.slot.upkeep.data = entry.slot.upkeep.data.filter(|data| data.told != Some(slot.claim));
        entry.slot.holder = None;
        entry.slot.vacated = Some(view.now);
        entry.unbind.insert(Bound::Instance(holder.instance.clone()));
        entry.why.insert(Why::Released);
        return;
    }
    let instance = holder.instance.clone();
    let reason = match view.holder_phase(slot) {
        Some(Phase::Gone) => Reason::NotYetFree { slot: slot.number, holder: instance, what: not_free(view, slot) },
        Some(Phase::Leaving) => Reason::HolderLeaving { slot: slot.number, holder: instance },
        Some(Phase::Stopped) => Reason::HolderStopped(instance),
        Some(Phase::Standby) => Reason::HolderStandby(instance),
        Some(Phase::Detached) => Reason::HolderDetached(instance),
        Some(Phase::Retained) => Reason::HolderRetained(instance),
        Some(Phase::ReplacingRoot) => Reason::HolderReplacingRoot(instance),
        Some(Phase::Warm) => Reason::HolderWarm(instance),
        Some(Phase::Unclear) => {
            if let Some(since) = holder.absent_since {
                draft.look_at(crate::plan::view::later(since, crate::plan::CERTAINLY_ABSENT));
            }
            Reason::HolderUnclear(instance)
        }
        None | Some(Phase::Booting | Phase::Launching | Phase::Proceeding | Phase::InService) => return,
    };
    draft.wait(subject, reason, since);
}

/// Parks vacant slots that exceed the desired capacity. Everything that they own is kept.
pub(crate) fn park(view: &View<'_>, draft: &mut Draft<'_>) {
    // While two groups are live, or none is, nobody knows which slots will be wanted.
    if view.live_asgs().count() != 1 {
        return;
    }
    for number in view.surplus_of(draft.slots.values().map(|entry| &*entry.slot)) {
        let entry = draft.slot(number);
        if entry.slot.holder.is_none() {
            entry.slot.state = SlotState::Parked;
            entry.why.insert(Why::Parked);
        }
    }
}
