//! Terminate hooks: one member goes at a time, its names first, its guest given time to unmount.

use std::collections::BTreeSet;

use crate::cloud::{Lifecycle, Transition};
use crate::ids::{Claim, InstanceId, SlotNumber};
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::plan::{Phase, hooks, names};
use crate::table::{Action, HookResult, Slot};
use crate::waiting::{Reason, Subject};

/// Answers or extends every terminate action of ours that waits, in turn.
pub(crate) fn terminating(view: &View<'_>, draft: &mut Draft<'_>) {
    let mut waiting = Vec::new();
    for asg in &view.obs.asgs {
        for (id, member) in &asg.members {
            if member.lifecycle == Lifecycle::TerminatingWait
                && let Some(action) = hooks::open_action(view, asg, id, Transition::Terminating, draft)
            {
                waiting.push((id, action));
            }
        }
    }
    waiting.sort_by_key(|(id, action)| (action.since, (*id).clone()));
    let mut unready = unready(view, waiting.iter().map(|(id, _)| *id).collect());
    for (id, action) in waiting {
        let_go(view, id, action, &mut unready, draft);
    }
}

/// Active slots that nobody serves from, besides those whose holders wait here to go.
fn unready(view: &View<'_>, waiting: BTreeSet<&InstanceId>) -> BTreeSet<SlotNumber> {
    view.obs
        .slots
        .values()
        .filter(|slot| slot.is_active())
        .filter(|slot| {
            !slot.holder.as_ref().is_some_and(|holder| {
                waiting.contains(&holder.instance) && view.phase(&holder.instance) == Phase::Leaving
            })
        })
        .filter(|slot| view.holder_phase(slot) != Some(Phase::InService))
        .map(|slot| slot.number)
        .collect()
}

fn let_go(view: &View<'_>, id: &InstanceId, action: Action, unready: &mut BTreeSet<SlotNumber>, draft: &mut Draft<'_>) {
    let Some(slot) = view.slot_of(id) else {
        return hooks::complete(view, &action, HookResult::Continue, Claim(0), draft);
    };
    // One that is not shown may still run.
    let runs = view.may_run(id);
    // While one group replaces another, no slot is refilled before the old one is empty: turns would never come.
    let replacing = view.live_asgs().count() > 1;
    if runs && !replacing && unready.len() >= view.spec.terminate.at_once as usize {
        let reason = Reason::TakingTurns { unready: unready.iter().copied().collect() };
        draft.wait(Subject::Instance(id.clone()), reason, Some(action.since));
        // Not for ever: after `launch.wait` the hook runs into its default result, CONTINUE.
        if !view.past(Some(action.since), view.spec.launch.wait) {
            hooks::beat(view, action, draft);
        }
        return;
    }
    unready.insert(slot.number);
    if let Some(reason) = holds_back(view, slot, id, &action, runs) {
        draft.wait(Subject::Instance(id.clone()), reason, Some(action.since));
        return hooks::beat(view, action, draft);
    }
    hooks::complete(view, &action, HookResult::Continue, slot.claim, draft);
}

/// What must happen before this member may go.
fn holds_back(view: &View<'_>, slot: &Slot, id: &InstanceId, action: &Action, runs: bool) -> Option<Reason> {
    let patient = !view.past(Some(action.since), view.spec.launch.wait);
    if let Some(key) = names::still_names(view, slot, id).filter(|_| patient) {
        return Some(Reason::RecordChanging(key.name));
    }
    let draining = runs
        && view.has_mounted(slot)
        && !view.has_released(slot)
        && !view.past(Some(action.since), view.spec.terminate.drain);
    draining.then_some(Reason::Draining)
}
