//! Hooks: each passage is answered once and for itself, extended in time, and given up only where no wait helps.

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::step::{ActionRef, Step};
use stateful_asg_core::table::*;
use stateful_asg_core::tags;

use crate::town::*;
use crate::{HOUR, SECOND, edit, fails, planned, slot_mut, spec, words};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn hook(transition: Transition) -> HookName {
    HookName::new(match transition {
        Transition::Launching => "stateful-asg-test-launch",
        Transition::Terminating => "stateful-asg-test-terminate",
    })
    .unwrap()
}

fn done(claim: u32) -> Option<Done> {
    Some(Done { result: HookResult::Continue, claim: Claim(claim.into()), at: at(900) })
}

/// An open action of instance `n` that an event brought, with everything known of it.
fn action(n: u32, transition: Transition) -> Action {
    Action {
        instance: instance_id(n),
        transition,
        asg: asg_name(),
        hook: hook(transition),
        token: Some("00000000-0000-4000-8000-000000000001".parse().unwrap()),
        into_pool: Some(true),
        since: at(900),
        beat: Some(at(950)),
        done: None,
    }
}

fn note(town: &mut Town, action: Action) {
    town.obs.actions.insert((action.instance.clone(), action.transition), action);
}

fn of(town: &Town, n: u32, transition: Transition) -> Action {
    town.obs.actions[&(instance_id(n), transition)].clone()
}

fn answer(action: &Action) -> Step {
    let action = ActionRef {
        asg: action.asg.clone(),
        hook: action.hook.clone(),
        transition: action.transition,
        instance: action.instance.clone(),
        token: action.token.clone(),
    };
    Step::Complete { action, result: HookResult::Continue }
}

/// Slot 0's holder waits in its launch hook since then.
fn launching(since: jiff::Timestamp) -> Town {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    note(&mut town, Action { since, beat: None, into_pool: None, ..action(0, Transition::Launching) });
    town
}

#[test]
fn the_answer_of_one_passage_is_none_to_the_next() {
    for (lifecycle, transition) in
        [(Lifecycle::InService, Transition::Terminating), (Lifecycle::InPool, Transition::Launching)]
    {
        for (claim, anew) in [(3, true), (0, false)] {
            let mut town = Town::served(1);
            town.instance(5, 'a', lifecycle.clone());
            let before = Action { done: done(claim), ..action(5, transition) };
            note(&mut town, before.clone());
            town.run_once();
            let next = of(&town, 5, transition);
            let opened =
                Action { token: None, into_pool: None, since: at(1000), beat: None, done: None, ..before.clone() };
            assert_eq!(next, if anew { opened } else { before }, "{lifecycle:?}");
        }
    }
}

#[test]
fn the_passage_out_of_the_warm_pool_is_known_to_lead_into_service() {
    let mut town = Town::served(1);
    town.launching(5, 'a');
    note(&mut town, Action { done: done(0), ..action(5, Transition::Launching) });
    town.run_once();
    let next = of(&town, 5, Transition::Launching);
    assert_eq!((next.into_pool, next.done, next.token), (Some(false), None, None));
}

#[test]
fn a_launch_that_succeeds_ends_the_growing_intervals() {
    let mut town = launching(at(900));
    town.obs.record.as_mut().unwrap().abandons = Abandons { count: 2, last: Some(at(0)) };
    let steps = town.run();
    assert!(kinds(&steps).contains(&"Complete"), "{:?} {:?}", kinds(&steps), words(&town));
    assert_eq!(town.obs.record.as_ref().unwrap().abandons.count, 0);
}

#[test]
fn a_machine_that_boots_is_waited_for_as_long_as_the_spec_says() {
    let mut town = launching(at(1000) - MINUTE * 30 + SECOND);
    town.state(0, InstanceState::Pending);
    assert!(words(&town).contains(&"Booting") && !words(&town).contains(&"AbandonAt"), "{:?}", words(&town));
    assert!(!planned(&town).contains(&"Complete"));
    town.now += SECOND;
    assert!(planned(&town).contains(&"Complete"), "{:?}", words(&town));
}

#[test]
fn only_a_silent_guest_alone_ends_a_launch_and_only_after_its_wait() {
    let wait = MINUTE * 10;
    for (age, transit, given_up) in [(wait - SECOND, false, false), (wait, false, true), (wait * 2, true, false)] {
        let mut town = launching(at(1000) - age);
        edit(&mut town, &spec(r#""launch":{"ready":"mounted","wait":"10m"}"#));
        if transit {
            let volume = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
            (volume.attachments[0].state, volume.attachments[0].since) = (AttachmentState::Detaching, Some(at(999)));
        }
        assert!(words(&town).contains(&"GuestNotReady"), "{:?}", words(&town));
        assert!(!words(&town).contains(&"AbandonAt"), "{:?}", words(&town));
        assert_eq!(planned(&town).contains(&"Complete"), given_up, "{age}: {:?}", words(&town));
    }
}

#[test]
fn a_guests_silence_counts_from_when_its_instance_holds_the_slot() {
    let wait = MINUTE * 10;
    for (held, given_up) in [(wait - SECOND, false), (wait, true)] {
        let mut town = launching(at(1000) - MINUTE * 30);
        edit(&mut town, &spec(r#""launch":{"ready":"mounted","wait":"10m"}"#));
        slot_mut(&mut town, 0).holder.as_mut().unwrap().since = at(1000) - held;
        assert!(words(&town).contains(&"GuestNotReady"), "{:?}", words(&town));
        assert_eq!(planned(&town).contains(&"Complete"), given_up, "{held}: {:?}", words(&town));
    }
}

#[test]
fn a_passage_into_the_pool_is_over_once_the_instance_is_there_and_the_next_has_not_waited_since() {
    for (into_pool, over) in [(None, true), (Some(true), true), (Some(false), false)] {
        let mut town = Town::served(1);
        town.instance(5, 'a', Lifecycle::InPool);
        note(&mut town, Action { into_pool, since: at(10), ..action(5, Transition::Launching) });
        town.run_once();
        assert_eq!(of(&town, 5, Transition::Launching).done.is_some(), over, "{into_pool:?}");
        town.lifecycle(5, Lifecycle::PendingWait);
        town.run_once();
        let next = of(&town, 5, Transition::Launching);
        assert_eq!((next.into_pool, next.done), (Some(false), None), "{into_pool:?}");
        assert_eq!(next.since, if over { at(1000) } else { at(10) }, "{into_pool:?}");
    }
}

#[test]
fn a_passage_into_the_pool_is_not_over_while_the_instance_is_on_its_way() {
    let mut town = Town::served(1);
    town.instance(5, 'a', Lifecycle::Warmed);
    note(&mut town, Action { into_pool: Some(true), ..action(5, Transition::Launching) });
    assert_eq!(kinds(&town.run_once()), [""; 0]);
}

#[test]
fn an_answer_into_the_pool_that_aws_knows_no_more_is_noted_and_not_given_again() {
    for (into_pool, kind, noted) in [
        (Some(true), FailureKind::NoActiveAction, true),
        (Some(true), FailureKind::Unknown, false),
        (None, FailureKind::NoActiveAction, false),
    ] {
        let mut town = Town::served(1);
        town.instance(5, 'a', Lifecycle::WarmedPendingWait);
        let open = Action { into_pool, ..action(5, Transition::Launching) };
        note(&mut town, open.clone());
        fails(&mut town, &answer(&open), kind, -SECOND);
        let steps = town.run_once();
        assert_eq!(of(&town, 5, Transition::Launching).done.is_some(), noted, "{into_pool:?} {kind:?}");
        assert_eq!(kinds(&steps).contains(&"Complete"), !noted, "{into_pool:?} {kind:?}");
    }
}

#[test]
fn a_served_passage_is_closed_before_the_way_back_into_the_pool_is_answered() {
    let mut town = Town::served(1);
    town.instance(5, 'a', Lifecycle::WarmedPendingWait);
    note(&mut town, Action { done: done(3), ..action(5, Transition::Launching) });
    assert_eq!(kinds(&town.run_once()), ["Write"]);
    assert_eq!(kinds(&town.run_once()), ["Complete"]);
}

#[test]
fn a_token_is_left_out_only_where_aws_does_not_know_it() {
    for (kind, left_out) in [(FailureKind::NoActiveAction, true), (FailureKind::Unknown, false)] {
        let mut town = Town::served(1);
        town.instance(5, 'a', Lifecycle::TerminatingWait);
        let open = action(5, Transition::Terminating);
        note(&mut town, open.clone());
        fails(&mut town, &answer(&open), kind, -SECOND);
        let tokens: Vec<bool> = town
            .plan()
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Complete { action, .. } => Some(action.token.is_none()),
                _ => None,
            })
            .collect();
        assert_eq!(tokens, [left_out], "{kind:?}");
    }
}

#[test]
fn each_hook_is_answered_by_its_own_name_and_extended_by_its_own_timeout() {
    let mut town = Town::served(1);
    town.obs.record.as_mut().unwrap().hooks[1].heartbeat_timeout = 300;
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.insert(tags::MOUNTED.to_owned(), "3".to_owned());
    town.forbid = vec!["ChangeRecord"];
    town.run_once();
    assert_eq!(of(&town, 0, Transition::Terminating).hook, hook(Transition::Terminating));
    town.now = at(1099);
    assert!(!planned(&town).contains(&"Heartbeat"));
    town.now = at(1100);
    assert!(planned(&town).contains(&"Heartbeat"), "a third of 300 s: {:?}", words(&town));
    let mut town = launching(at(1000));
    edit(&mut town, &spec(r#""launch":{"ready":"mounted"}"#));
    town.obs.record.as_mut().unwrap().hooks[1].heartbeat_timeout = 300;
    town.now = at(1299);
    assert!(!planned(&town).contains(&"Heartbeat"));
    town.now = at(1300);
    assert!(planned(&town).contains(&"Heartbeat"), "a third of 900 s: {:?}", words(&town));
}

#[test]
fn a_heartbeat_for_an_action_that_is_over_calls_nobody() {
    for (kind, told) in [(FailureKind::NoActiveAction, false), (FailureKind::Denied, true)] {
        let mut town = launching(at(0));
        edit(&mut town, &spec(r#""launch":{"ready":"mounted"}"#));
        let step = town.plan().steps.into_iter().find(|step| step.kind() == "Heartbeat").unwrap();
        fails(&mut town, &step, kind, SECOND * 30);
        assert_eq!(words(&town).contains(&"CallFailed"), told, "{kind:?}: {:?}", words(&town));
        assert!(!planned(&town).contains(&"Heartbeat"));
    }
}

#[test]
fn who_waits_for_its_turn_is_extended_until_its_wait_is_over() {
    for (age, beats) in [(HOUR / 2 - SECOND, true), (HOUR / 2, false)] {
        let mut town = Town::served(3);
        for n in [0, 1] {
            town.lifecycle(n, Lifecycle::TerminatingWait);
            note(&mut town, Action { since: at(1000) - age, beat: None, ..action(n, Transition::Terminating) });
        }
        assert!(words(&town).contains(&"TakingTurns"), "{:?}", words(&town));
        let beat = |step: &Step| matches!(step, Step::Heartbeat(action) if action.instance == instance_id(1));
        assert_eq!(town.plan().steps.iter().any(beat), beats, "{age}");
    }
}

#[test]
fn a_member_goes_after_its_names_and_without_them_only_when_its_wait_is_over() {
    for (age, goes) in [(HOUR / 2 - SECOND, false), (HOUR / 2, true)] {
        let mut town = Town::with_spec(1, &SPEC.replace(r#","address":{"kind":"eni"}"#, ""));
        let ip = std::net::Ipv4Addr::new(10, 0, 1, 0);
        let slot = crate::slot_mut(&mut town, 0);
        slot.interface = None;
        slot.record.as_mut().unwrap().confirmed = [ip].into();
        town.obs.interfaces.clear();
        town.obs.record.as_mut().unwrap().record.as_mut().unwrap().confirmed = [ip].into();
        town.lifecycle(0, Lifecycle::TerminatingWait);
        note(&mut town, Action { since: at(1000) - age, ..action(0, Transition::Terminating) });
        assert_eq!(planned(&town).contains(&"Complete"), goes, "{age}: {:?}", words(&town));
    }
}

#[test]
fn the_interval_between_launches_given_up_grows_to_six_hours_and_no_further() {
    for (interval, given_up) in [(HOUR * 6 - SECOND, false), (HOUR * 6, true)] {
        let mut town = Town::served(1);
        town.launching(9, 'a');
        note(&mut town, Action { since: at(0), beat: None, into_pool: None, ..action(9, Transition::Launching) });
        town.obs.record.as_mut().unwrap().abandons = Abandons { count: 20, last: Some(at(1000)) };
        town.now = at(1000) + interval;
        assert_eq!(planned(&town).contains(&"Complete"), given_up, "{interval}: {:?}", words(&town));
    }
}

#[test]
fn on_its_way_back_into_the_pool_an_instance_waits_in_the_terminate_hook() {
    for (holder, noted, waits_in) in [
        (true, false, Transition::Terminating),
        (false, true, Transition::Terminating),
        (false, false, Transition::Launching),
    ] {
        let mut town = Town::served(1);
        let n = if holder { 0 } else { 5 };
        town.instance(n, 'a', Lifecycle::WarmedPendingWait);
        if noted {
            note(&mut town, action(n, Transition::Terminating));
        }
        let steps = town.run();
        let answered = steps.iter().find_map(|step| match step {
            Step::Complete { action, .. } => Some(action.transition),
            _ => None,
        });
        assert_eq!(answered, Some(waits_in), "holds a slot: {holder}, noted: {noted}");
    }
}
