//! The group's item: hooks are looked up where some are not known, and edits of the spec are judged once.

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::table::RefusedSpec;
use stateful_asg_core::waiting::Reason;

use crate::town::*;
use crate::{SECOND, fails, planned};

fn hooks(text: &str) -> Option<Vec<Hook>> {
    Some(vec![hook(Transition::Launching, Some(text)), hook(Transition::Terminating, Some(""))])
}

#[test]
fn hooks_are_looked_up_where_one_is_not_known_or_no_spec_is() {
    let both = [Transition::Launching, Transition::Terminating];
    for (known, with_spec, looks) in
        [(&both[..], true, false), (&both[..1], true, true), (&both[1..], true, true), (&both[..], false, true)]
    {
        let mut town = Town::served(1);
        let group = town.obs.record.as_mut().unwrap();
        group.hooks.retain(|hook| known.contains(&hook.transition));
        group.spec = group.spec.take().filter(|_| with_spec);
        assert_eq!(town.plan().look.hooks, looks, "{known:?} {with_spec}");
    }
    let mut town = Town::served(1);
    town.obs.record.as_mut().unwrap().hooks.iter_mut().for_each(|hook| hook.asg = AsgName::new("other").unwrap());
    assert!(town.plan().look.hooks, "another group's hooks are not its own");
}

#[test]
fn the_hook_that_is_missing_is_named() {
    for (has, missing) in
        [(Transition::Launching, Transition::Terminating), (Transition::Terminating, Transition::Launching)]
    {
        let mut town = Town::served(1);
        town.obs.hooks = Some(vec![hook(has, Some(SPEC))]);
        let named = Reason::HookMissing { asg: asg_name(), transition: missing };
        assert!(town.reasons().contains(&named), "{:?}", town.reasons());
    }
}

#[test]
fn the_spec_is_what_the_launch_hook_says_whichever_hook_is_listed_first() {
    let mut town = Town::served(1);
    let text = SPEC.replace("20GiB", "30GiB");
    let mut listed = hooks(&text).unwrap();
    listed.reverse();
    town.obs.hooks = Some(listed);
    town.run_once();
    let group = town.obs.record.as_ref().unwrap();
    assert_eq!((group.spec.as_ref().unwrap().number, &group.refused), (2, &None));
}

#[test]
fn a_refusal_ends_with_the_text_and_is_dated_anew_only_where_something_differs() {
    let bad = SPEC.replace("20GiB", "10GiB");
    let mut town = Town::served(1);
    town.obs.hooks = hooks(&bad);
    town.run();
    let first = town.obs.record.as_ref().unwrap().refused.clone().unwrap();
    assert_eq!(first.at, at(1000));
    town.now = at(2000);
    for (before, dated) in [
        (first.clone(), 1000),
        (RefusedSpec { text: "{}".to_owned(), ..first.clone() }, 2000),
        (RefusedSpec { problems: "others".to_owned(), ..first.clone() }, 2000),
    ] {
        town.obs.record.as_mut().unwrap().refused = Some(before);
        town.run();
        let now = town.obs.record.as_ref().unwrap().refused.clone();
        assert_eq!(now, Some(RefusedSpec { at: at(dated), ..first.clone() }));
    }
    town.obs.hooks = hooks(SPEC);
    town.run();
    assert_eq!(town.obs.record.as_ref().unwrap().refused, None);
}

#[test]
fn a_write_that_failed_is_tried_again_to_the_second() {
    for (rests, tried) in [(SECOND, false), (SignedDuration::ZERO, true)] {
        let mut town = Town::served(1);
        town.gone(0);
        town.free(0);
        let writes: Vec<_> = town.plan().steps.into_iter().filter(|step| step.kind() == "Write").collect();
        writes.iter().for_each(|step| fails(&mut town, step, FailureKind::Conflict, rests));
        assert_eq!(planned(&town).contains(&"Write"), tried);
    }
}
