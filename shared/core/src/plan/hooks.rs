//! Launch hooks: answered when the instance is served, extended while the wait can end, given up where it cannot.

use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Asg, Lifecycle, Transition};
use crate::ids::{Claim, InstanceId};
use crate::observed::FailureKind;
use crate::plan::Phase;
use crate::plan::draft::Draft;
use crate::plan::serve::Serving;
use crate::plan::view::{View, later};
use crate::step::{ActionRef, Step, Why};
use crate::table::{Action, Done, HookResult};
use crate::waiting::{Reason, Subject};

/// How long an instance may wait in our launch hook before a person is told, whatever it waits for.
const OVERDUE: Duration = Duration::from_secs(30 * 60);
/// The longest interval between launches that are given up.
const LONGEST_INTERVAL: Duration = Duration::from_secs(6 * 3600);

/// Answers, extends or gives up every launch action of ours that waits.
pub(crate) fn launching(view: &View<'_>, draft: &mut Draft<'_>, serving: &Serving) {
    for asg in &view.obs.asgs {
        for (id, member) in &asg.members {
            match member.lifecycle {
                Lifecycle::PendingWait => waits(view, asg, id, draft, serving),
                Lifecycle::WarmedPendingWait => {
                    if !reopen(view, id, Transition::Launching, draft) {
                        warm(view, asg, id, draft);
                    }
                }
                Lifecycle::Warmed => _ = reopen(view, id, Transition::Launching, draft),
                Lifecycle::InPool => {
                    if !reopen(view, id, Transition::Launching, draft) {
                        arrived(view, id, draft);
                    }
                }
                Lifecycle::InService => _ = reopen(view, id, Transition::Terminating, draft),
                Lifecycle::WarmedTerminatingWait => {
                    if let Some(action) = open_action(view, asg, id, Transition::Terminating, draft) {
                        complete(view, &action, HookResult::Continue, Claim(0), draft);
                    }
                }
                Lifecycle::Pending
                | Lifecycle::PendingProceed
                | Lifecycle::Terminating
                | Lifecycle::TerminatingWait
                | Lifecycle::TerminatingProceed
                | Lifecycle::TerminatingRetained
                | Lifecycle::Terminated
                | Lifecycle::Detached
                | Lifecycle::Standby
                | Lifecycle::ReplacingRootVolume
                | Lifecycle::Unknown(_) => {}
            }
        }
    }
}

/// A warm-pool instance passes the same hook again: the answer of its last passage is no answer to the next. Whether that
/// is to be recorded now; the passage itself is answered once it is.
fn reopen(view: &View<'_>, id: &InstanceId, transition: Transition, draft: &mut Draft<'_>) -> bool {
    let served = |action: &Action| action.done.as_ref().is_some_and(|done| done.claim > Claim(0));
    let answered = draft.action(id, transition).filter(|action| served(action)).cloned();
    answered.map(|action| draft.set_action(anew(view, &action))).is_some()
}

/// It is in the pool: its passage there is over, also where the table never learnt of the answer. What waits for an answer
/// later is the next passage, and has not waited since.
fn arrived(view: &View<'_>, id: &InstanceId, draft: &mut Draft<'_>) {
    let open = |action: &Action| action.done.is_none() && action.into_pool != Some(false);
    if let Some(action) = draft.action(id, Transition::Launching).filter(|action| open(action)).cloned() {
        let done = Done { result: HookResult::Continue, claim: Claim(0), at: view.now };
        draft.set_action(Action { done: Some(done), ..action });
    }
}

/// The next passage of the same instance through the same hook.
fn anew(view: &View<'_>, action: &Action) -> Action {
    Action { token: None, into_pool: None, since: view.now, beat: None, done: None, ..action.clone() }
}

fn waits(view: &View<'_>, asg: &Asg, id: &InstanceId, draft: &mut Draft<'_>, serving: &Serving) {
    // CONTINUE without a claim was the answer on its way into the warm pool.
    let passage = |action: &Action| {
        action.done.as_ref().is_some_and(|done| done.claim == Claim(0) && done.result == HookResult::Continue)
    };
    if let Some(action) = draft.action(id, Transition::Launching).filter(|action| passage(action)).cloned() {
        draft.set_action(Action { into_pool: Some(false), ..anew(view, &action) });
    }
    let Some(action) = open_action(view, asg, id, Transition::Launching, draft) else { return };
    let slot = view.slot_of(id);
    let phase = view.phase(id);
    if phase == Phase::Gone {
        return;
    }
    if view.past(Some(action.since), OVERDUE) {
        draft.wait(Subject::Instance(id.clone()), Reason::Overdue, Some(action.since));
    }
    let stands_still = matches!(phase, Phase::Booting | Phase::Stopped);
    if stands_still {
        draft.wait(Subject::Instance(id.clone()), Reason::Booting, Some(action.since));
    }
    if let Some(slot) = slot.filter(|slot| serving.ready(id) == Some(slot.number)) {
        if draft.group.abandons.count > 0 {
            draft.group(Why::GroupSeen).abandons.count = 0;
        }
        return complete(view, &action, HookResult::Continue, slot.claim, draft);
    }
    let claim = slot.map_or(Claim(0), |slot| slot.claim);
    // A machine that never boots, or was stopped, is given up like one whose guest stays silent. A guest can do nothing until
    // its instance holds a slot.
    let dead = stands_still && view.past(Some(action.since), view.spec.launch.wait);
    let held = slot.and_then(|slot| slot.holder.as_ref()).filter(|_| !dead);
    let since = held.map_or(action.since, |held| held.since.max(action.since));
    let despair =
        if dead { Some(Despair::After(view.spec.launch.wait)) } else { despair(view, since, serving.blockers(id)) };
    match despair {
        Some(Despair::Now) => abandon(view, &action, claim, draft),
        Some(Despair::After(wait)) => {
            let at = abandon_at(since, wait, draft);
            if at <= view.now {
                abandon(view, &action, claim, draft);
            } else {
                draft.look_at(at);
                draft.wait(Subject::Instance(id.clone()), Reason::AbandonAt(at), Some(action.since));
            }
        }
        None => beat(view, action, draft),
    }
}

/// Why no further waiting helps.
enum Despair {
    /// The launch is given up now.
    Now,
    /// It is given up after this long, at growing intervals.
    After(Duration),
}

/// Only this instance's InService could end the wait, or no retry cures it.
fn despair(view: &View<'_>, since: Timestamp, blockers: &[Reason]) -> Option<Despair> {
    let launch = &view.spec.launch;
    if blockers.iter().any(|reason| matches!(reason, Reason::AttachStuck { .. })) {
        return Some(Despair::Now);
    }
    let hopeless = |reason: &Reason| {
        matches!(
            reason,
            Reason::SurgeBlocked | Reason::ZoneBlocked { .. } | Reason::AttachLimit(_) | Reason::Untagged { .. }
        )
    };
    if blockers.iter().any(hopeless) {
        return Some(Despair::After(launch.surge_wait));
    }
    // A guest that stays silent: another machine may do better.
    let only_guest = !blockers.is_empty() && blockers.iter().all(|reason| *reason == Reason::GuestNotReady);
    (only_guest && view.past(Some(since), launch.wait)).then_some(Despair::After(launch.wait))
}

/// Not before `wait` has passed, nor before a time after the last launch given up that doubles with each.
fn abandon_at(since: Timestamp, wait: Duration, draft: &Draft<'_>) -> Timestamp {
    let abandons = &draft.group.abandons;
    let interval = wait.saturating_mul(1 << abandons.count.min(16)).min(LONGEST_INTERVAL);
    let patient = later(since, wait);
    abandons.last.map_or(patient, |last| patient.max(later(last, interval)))
}

fn abandon(view: &View<'_>, action: &Action, claim: Claim, draft: &mut Draft<'_>) {
    let now = view.now;
    let abandons = &mut draft.group(Why::LaunchGivenUp).abandons;
    abandons.count = abandons.count.saturating_add(1);
    abandons.last = Some(now);
    complete(view, action, HookResult::Abandon, claim, draft);
}

/// An instance on its way into the warm pool holds no slot: it goes on at once.
fn warm(view: &View<'_>, asg: &Asg, id: &InstanceId, draft: &mut Draft<'_>) {
    // On its way back from service it is the terminate hook that waits.
    let returns =
        view.slot_of(id).is_some() || draft.action(id, Transition::Terminating).is_some_and(|a| a.done.is_none());
    let transition = if returns { Transition::Terminating } else { Transition::Launching };
    if let Some(action) = open_action(view, asg, id, transition, draft) {
        // The group's answer is older than the event of the passage that follows: that one must be served.
        if transition == Transition::Launching && action.into_pool == Some(false) {
            return draft.wait(Subject::Instance(id.clone()), Reason::Booting, Some(action.since));
        }
        // It was answered, and the table does not know: without the token the answer would go to the passage that follows.
        if action.into_pool == Some(true) && is_over(view, &action) {
            let done = Done { result: HookResult::Continue, claim: Claim(0), at: view.now };
            return draft.set_action(Action { done: Some(done), ..action });
        }
        complete(view, &action, HookResult::Continue, Claim(0), draft);
    }
}

/// AWS knows no action of this token any more.
fn is_over(view: &View<'_>, action: &Action) -> bool {
    let reference = ActionRef {
        asg: action.asg.clone(),
        hook: action.hook.clone(),
        transition: action.transition,
        instance: action.instance.clone(),
        token: action.token.clone(),
    };
    let step = Step::Complete { action: reference, result: HookResult::Continue };
    let failure = view.obs.notes.failures.get(&step.key());
    action.token.is_some() && failure.is_some_and(|failure| failure.kind == FailureKind::NoActiveAction)
}

/// The action of our hook that this member waits in; `None` where it is answered, or we have no such hook.
pub(crate) fn open_action(
    view: &View<'_>,
    asg: &Asg,
    id: &InstanceId,
    transition: Transition,
    draft: &mut Draft<'_>,
) -> Option<Action> {
    let hook =
        draft.group.hooks.iter().find(|hook| hook.asg == asg.name && hook.transition == transition)?.name.clone();
    if let Some(action) = draft.action(id, transition) {
        if let Some(done) = &action.done {
            let since = Some(done.at);
            draft.wait(Subject::Instance(id.clone()), Reason::Answered, since);
            return None;
        }
        return Some(action.clone());
    }
    let action = Action {
        instance: id.clone(),
        transition,
        asg: asg.name.clone(),
        hook,
        token: None,
        into_pool: None,
        since: view.now,
        beat: None,
        done: None,
    };
    draft.set_action(action.clone());
    Some(action)
}

fn reference(view: &View<'_>, action: &Action) -> ActionRef {
    let mut reference = ActionRef {
        asg: action.asg.clone(),
        hook: action.hook.clone(),
        transition: action.transition,
        instance: action.instance.clone(),
        token: action.token.clone(),
    };
    // AWS knows no action of this token, and the group still shows the wait: the token is an older action's.
    let step = Step::Complete { action: reference.clone(), result: HookResult::Continue };
    let stale =
        view.obs.notes.failures.get(&step.key()).is_some_and(|failure| failure.kind == FailureKind::NoActiveAction);
    if stale {
        reference.token = None;
    }
    reference
}

/// Answers a lifecycle action.
pub(crate) fn complete(view: &View<'_>, action: &Action, result: HookResult, claim: Claim, draft: &mut Draft<'_>) {
    let step = Step::Complete { action: reference(view, action), result };
    let key = step.key();
    if let Some(failure) = view.backing_off(&key) {
        draft.look_at(failure.retry_at);
        let reason =
            Reason::CallFailed { step: key, kind: failure.kind, message: failure.message.clone(), urgent: true };
        return draft.wait(Subject::Instance(action.instance.clone()), reason, Some(action.since));
    }
    if view.obs.notes.answered.contains_key(&(action.instance.clone(), action.transition)) {
        // The call succeeded in this process: the table learns it.
        let mut action = action.clone();
        action.done = Some(Done { result, claim, at: view.now });
        return draft.set_action(action);
    }
    draft.step(step);
}

/// Extends the hook when a third of its timeout has passed.
pub(crate) fn beat(view: &View<'_>, mut action: Action, draft: &mut Draft<'_>) {
    let timeout = draft
        .group
        .hooks
        .iter()
        .find(|hook| hook.asg == action.asg && hook.transition == action.transition)
        .map_or(30, |hook| hook.heartbeat_timeout);
    let third = Duration::from_secs(u64::from(timeout / 3).max(10));
    let step = Step::Heartbeat(reference(view, &action));
    // The table knows of the last try, unless writing it failed; one that failed is tried again soon.
    let beaten = view.obs.notes.beats.get(&(action.instance.clone(), action.transition)).copied();
    let due = match view.obs.notes.failures.get(&step.key()) {
        // AWS knows no such action: the next reading shows where the instance is.
        Some(failure) if failure.kind == FailureKind::NoActiveAction => failure.retry_at,
        Some(failure) => {
            let (step, kind, message) = (step.key(), failure.kind, failure.message.clone());
            let reason = Reason::CallFailed { step, kind, message, urgent: false };
            draft.wait(Subject::Instance(action.instance.clone()), reason, Some(action.since));
            failure.retry_at
        }
        None => later(action.beat.max(beaten).unwrap_or(action.since).max(action.since), third),
    };
    if due > view.now {
        return draft.look_at(due);
    }
    draft.step(step);
    draft.look_at(later(view.now, third));
    action.beat = Some(view.now);
    draft.set_action(action);
}
