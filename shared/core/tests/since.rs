//! A wait for a person is dated when it is first seen, keeps its date, and is forgotten when it ends.
#![allow(clippy::unwrap_used, reason = "tests")]

mod town;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::step::{Step, Why};
use stateful_asg_core::waiting::Reason;
use town::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn missing_since(town: &Town) -> Vec<Option<Timestamp>> {
    let waiting = town.plan().waiting;
    waiting.iter().filter(|wait| matches!(wait.reason, Reason::HookMissing { .. })).map(|wait| wait.since).collect()
}

#[test]
fn a_missing_hook_is_dated_once_and_forgotten_when_it_is_back() {
    let mut town = Town::served(1);
    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(SPEC))]);
    let first = town.now;
    let noted = town.run();
    let why = |step: &Step| matches!(step, Step::Write { why, .. } if why.contains(&Why::WaitNoted));
    assert!(noted.iter().any(why), "{noted:?}");
    assert_eq!(missing_since(&town), [Some(first)]);

    town.now += HOUR;
    assert!(town.run().is_empty(), "the same wait is not noted again");
    assert_eq!(missing_since(&town), [Some(first)]);

    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(SPEC)), hook(Transition::Terminating, Some(SPEC))]);
    let forgotten = town.run();
    assert!(forgotten.iter().any(why), "{forgotten:?}");

    town.now += HOUR;
    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(SPEC))]);
    let second = town.now;
    town.run();
    assert_eq!(missing_since(&town), [Some(second)], "a wait that ended and comes back is a new one");
}
