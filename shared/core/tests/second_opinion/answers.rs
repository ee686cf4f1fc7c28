//! CompleteLifecycleAction: CONTINUE only for what is served, once.

use std::collections::BTreeSet;

use super::*;

fn action(transition: Transition) -> Action {
    Action {
        instance: instance_id(0),
        transition,
        asg: town::asg_name(),
        hook: HookName::new("stateful-asg-test-launch").unwrap(),
        token: None,
        into_pool: None,
        since: at(900),
        beat: None,
        done: None,
    }
}

fn done(claim: u64) -> Option<Done> {
    Some(Done { result: HookResult::Continue, claim: Claim(claim), at: at(950) })
}

fn complete(transition: Transition, result: HookResult) -> Step {
    let Action { instance, asg, hook, token, .. } = action(transition);
    Step::Complete { action: ActionRef { asg, hook, transition, instance, token }, result }
}

fn note(town: &mut Town, action: Action) {
    town.obs.actions.insert((action.instance.clone(), action.transition), action);
}

/// The holder of slot 0 waits in its launch hook and has everything.
fn served() -> (Town, Step) {
    let mut town = Town::with_spec(2, &town::SPEC.replace(r#""v":1,"#, r#""v":1,"launch":{"ready":"mounted"},"#));
    town.lifecycle(0, Lifecycle::PendingWait);
    note(&mut town, action(Transition::Launching));
    set(&mut instance(&mut town).tags, tags::MOUNTED, "3");
    (town, complete(Transition::Launching, HookResult::Continue))
}

fn name(town: &mut Town) -> &mut NameRecord {
    slot(town).record.as_mut().unwrap()
}

fn held(town: &mut Town) -> &mut InterfaceAttachment {
    shown_interface(town).attachment.as_mut().unwrap()
}

fn spec(town: &mut Town, text: &str) {
    town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = text.to_owned();
}

#[test]
fn an_instance_comes_into_service_only_with_everything_that_is_its_own() {
    refused(
        served,
        &[
            (8, "answered already", |town, _| note(town, Action { done: done(3), ..action(Transition::Launching) })),
            (5, "no spec", |town, _| town.obs.record.as_mut().unwrap().spec = None),
            (5, "no spec", |town, _| town.obs.record = None),
            (5, "holds no slot", |town, _| slot(town).holder = None),
            (5, "volume `data`", |town, _| record(town).born = false),
            (5, "volume `data`", |town, _| slot(town).volumes.clear()),
            (5, "volume `data`", |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
            (5, "volume `data`", |town, _| volume(town).attachments.clear()),
            (5, "volume `data`", |town, _| town.attach(0, 1)),
            (5, "volume `data`", |town, _| volume(town).attachments[0].state = AttachmentState::Attaching),
            (5, "volume `data`", |town, _| volume(town).attachments[0].delete_on_termination = true),
            (5, "the interface", |town, _| slot(town).interface = None),
            (5, "the interface", |town, _| drop(town.obs.interfaces.remove(&interface_id(0)))),
            (5, "the interface", |town, _| shown_interface(town).attachment = None),
            (5, "the interface", |town, _| held(town).instance = Some(instance_id(1))),
            (5, "the interface", |town, _| held(town).state = AttachmentState::Attaching),
            (5, "the interface", |town, _| held(town).delete_on_termination = true),
            (5, "own name", |town, _| slot(town).record = None),
            (5, "own name", |town, _| name(town).owned = false),
            (5, "own name", |town, _| name(town).tried.push(BTreeSet::new())),
            (5, "own name", |town, _| name(town).confirmed.clear()),
            (5, "claim 3 as mounted", |town, _| drop(instance(town).tags.remove(tags::MOUNTED))),
            (5, "claim 3 as mounted", |town, _| set(&mut instance(town).tags, tags::MOUNTED, "2")),
        ],
    );
}

#[test]
fn what_the_spec_does_not_ask_for_is_not_waited_for() {
    allowed(
        served,
        &[
            ("no name", |town, _| {
                spec(town, r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"}}"#);
                slot(town).record = None;
            }),
            ("no address", |town, _| {
                spec(town, r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#);
                slot(town).interface = None;
            }),
            ("attached is enough", |town, _| {
                spec(
                    town,
                    r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"launch":{"ready":"attached"}}"#,
                );
                instance(town).tags.remove(tags::MOUNTED);
            }),
            ("an earlier passage through the warm pool was answered", |town, _| {
                note(town, Action { done: done(0), ..action(Transition::Launching) });
            }),
            ("nothing is noted", |town, _| town.obs.actions.clear()),
        ],
    );
}

#[test]
fn the_spec_that_the_same_plan_accepts_is_the_one_in_force() {
    let (mut town, step) = served();
    drop(instance(&mut town).tags.remove(tags::MOUNTED));
    let mut group = town.obs.record.clone().unwrap();
    group.spec.as_mut().unwrap().text =
        r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"launch":{"ready":"attached"}}"#.to_owned();
    let write = TableWrite {
        record: Some((Some(Generation(1)), Box::new(group))),
        ..TableWrite::about(town.obs.group.clone())
    };
    let accepts = Step::Write { write, why: BTreeSet::new() };
    let plan = Plan { steps: vec![accepts, step.clone()], ..Plan::default() };
    assert_eq!(invariants::check(&town.obs, &plan, town.now).1, []);
    assert_eq!(opinion(&town, &step).unwrap_err().0, 5, "without that write the old one is");
}

/// Slot 0's instance waits on its way into the warm pool, and holds nothing.
fn warming() -> (Town, Step) {
    let mut town = Town::served(2);
    slot(&mut town).holder = None;
    town.lifecycle(0, Lifecycle::WarmedPendingWait);
    (town, complete(Transition::Launching, HookResult::Continue))
}

#[test]
fn an_answer_meant_for_the_warm_pool_lets_nobody_into_service() {
    refused(
        warming,
        &[(5, "leads into service", |town, _| {
            note(town, Action { into_pool: Some(false), ..action(Transition::Launching) });
        })],
    );
    allowed(
        warming,
        &[
            ("into the pool", |town, _| note(town, Action { into_pool: Some(true), ..action(Transition::Launching) })),
            ("nobody said", |town, _| note(town, action(Transition::Launching))),
            ("an earlier passage", |town, _| {
                note(town, Action { into_pool: Some(false), done: done(0), ..action(Transition::Launching) });
            }),
        ],
    );
}

#[test]
fn a_launch_may_be_given_up_and_a_termination_never_is() {
    let town = Town::served(1);
    let said = |transition, result| opinion(&town, &complete(transition, result)).map_err(|(rule, _)| rule);
    assert_eq!(said(Transition::Launching, HookResult::Abandon), Ok(()));
    assert_eq!(said(Transition::Terminating, HookResult::Continue), Ok(()));
    assert_eq!(said(Transition::Terminating, HookResult::Abandon), Err(4));
    let Step::Complete { action, .. } = complete(Transition::Launching, HookResult::Continue) else { unreachable!() };
    assert_eq!(opinion(&town, &Step::Heartbeat(action)), Ok(()));
}
