//! The group's own item: its hooks, and the spec in force.

use jiff::Timestamp;

use crate::cloud::{Asg, Hook, Transition};
use crate::observed::Observed;
use crate::plan::draft::Draft;
use crate::spec::{Source, Spec, source_of};
use crate::step::Why;
use crate::table::{AcceptedSpec, KnownHook, RefusedSpec};
use crate::waiting::{Reason, Subject};

/// Takes over what the hooks say, and returns the spec in force: the last valid one.
pub(crate) fn settle_spec(obs: &Observed, now: Timestamp, draft: &mut Draft<'_>) -> Result<Spec, Reason> {
    if let Some(hooks) = &obs.hooks {
        note_hooks(obs, hooks, draft);
        if let Some(text) = launch_metadata(obs, hooks) {
            judge(obs, text, now, draft);
        }
    } else if draft.group.spec.is_none() || hooks_missing(obs, draft) {
        draft.look.hooks = true;
    }
    if let Some(refused) = draft.group.refused.clone() {
        draft.wait(Subject::Group, Reason::SpecRefused(refused.problems), Some(refused.at));
    }
    let Some(accepted) = &draft.group.spec else {
        let looked =
            if obs.hooks.is_some() { "no hook of ours carries a valid one" } else { "the hooks were not read yet" };
        return Err(Reason::NoSpec(looked.to_owned()));
    };
    // Limits bind whichever way a spec came, and whenever they were drawn.
    Spec::parse(&accepted.text)
        .and_then(|parsed| parsed.spec.check_limits(&obs.group, &obs.limits).map(|()| parsed.spec))
        .map_err(|problems| Reason::NoSpec(format!("the stored spec is not one that may be served: {problems}")))
}

/// Some live group has no launch or terminate hook that we know of.
fn hooks_missing(obs: &Observed, draft: &Draft<'_>) -> bool {
    obs.asgs.iter().filter(|asg| asg.is_live()).any(|asg| {
        [Transition::Launching, Transition::Terminating].iter().any(|transition| {
            !draft.group.hooks.iter().any(|hook| hook.asg == asg.name && hook.transition == *transition)
        })
    })
}

fn note_hooks(obs: &Observed, hooks: &[Hook], draft: &mut Draft<'_>) {
    let mut known: Vec<KnownHook> = hooks
        .iter()
        .map(|hook| KnownHook {
            asg: hook.asg.clone(),
            name: hook.name.clone(),
            transition: hook.transition,
            heartbeat_timeout: hook.heartbeat_timeout,
        })
        .collect();
    known.sort();
    if draft.group.hooks != known {
        draft.group(Why::GroupSeen).hooks = known;
    }
    for asg in obs.asgs.iter().filter(|asg| asg.is_live()) {
        for transition in [Transition::Launching, Transition::Terminating] {
            if !hooks.iter().any(|hook| hook.asg == asg.name && hook.transition == transition) {
                draft.wait(Subject::Group, Reason::HookMissing { asg: asg.name.clone(), transition }, None);
            }
        }
    }
}

/// The launch hook's text on the live group that was created last.
fn launch_metadata<'h>(obs: &Observed, hooks: &'h [Hook]) -> Option<&'h str> {
    let mut asgs: Vec<&Asg> = obs.asgs.iter().filter(|asg| asg.is_live()).collect();
    asgs.sort_by_key(|asg| (asg.created, &asg.name));
    let newest = asgs.last()?;
    hooks
        .iter()
        .find(|hook| hook.asg == newest.name && hook.transition == Transition::Launching)
        .map(|hook| hook.metadata.as_deref().unwrap_or_default())
}

/// Accepts or refuses what the hook says, if it is new.
fn judge(obs: &Observed, text: &str, now: Timestamp, draft: &mut Draft<'_>) {
    let source = match source_of(text) {
        Ok(source) => source,
        Err(problems) => return refuse(text, problems.to_string(), now, draft),
    };
    match source {
        Source::Table => {
            if draft.group.spec.as_ref().is_some_and(|spec| spec.from_table) {
                return accept_as_is(draft);
            }
            let problem =
                "the hook says that the spec is in the table, and `stateful-asg spec apply` has not put one there";
            refuse(text, problem.to_owned(), now, draft);
        }
        Source::Inline(json) => {
            if draft.group.spec.as_ref().is_some_and(|spec| !spec.from_table && spec.text == json) {
                return accept_as_is(draft);
            }
            let before = draft.group.spec.as_ref().and_then(|before| Spec::parse(&before.text).ok());
            let verdict = Spec::parse(&json).and_then(|parsed| {
                parsed.spec.check_limits(&obs.group, &obs.limits)?;
                before.map_or(Ok(()), |before| parsed.spec.check_change(&before.spec).map(|_| ()))
            });
            match verdict {
                Ok(()) => accept(json, draft),
                Err(problems) => refuse(text, problems.to_string(), now, draft),
            }
        }
    }
}

fn accept_as_is(draft: &mut Draft<'_>) {
    if draft.group.refused.is_some() {
        draft.group(Why::SpecAccepted).refused = None;
    }
}

fn accept(text: String, draft: &mut Draft<'_>) {
    let number = draft.group.spec.as_ref().map_or(1, |spec| spec.number.saturating_add(1));
    let group = draft.group(Why::SpecAccepted);
    group.spec = Some(AcceptedSpec { number, text, from_table: false });
    group.refused = None;
}

fn refuse(text: &str, problems: String, now: Timestamp, draft: &mut Draft<'_>) {
    if draft.group.refused.as_ref().is_some_and(|refused| refused.text == text && refused.problems == problems) {
        return;
    }
    draft.group(Why::SpecRefused).refused = Some(RefusedSpec { text: text.to_owned(), problems, at: now });
}
