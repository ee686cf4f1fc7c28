//! Lifecycle hooks.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, Settings};

use crate::support::*;

#[test]
fn a_launch_waits_for_its_hook_and_the_event_names_it() {
    let mut aws = aws();
    let mut request = hooked(1);
    request.hooks[0].notification_metadata = Some("{\"v\":1}".to_owned());
    aws.create_auto_scaling_group(&request).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    let events = aws.take_events();
    let event = events.iter().find(|e| e.event["source"] == "aws.autoscaling").unwrap();
    let detail = &event.event["detail"];
    assert_eq!(event.event["detail-type"], "EC2 Instance-launch Lifecycle Action");
    assert_eq!(event.event["resources"][0], aws.group(GROUP).unwrap().arn.as_str());
    let expected = [
        ("AutoScalingGroupName", GROUP),
        ("LifecycleHookName", "enter"),
        ("EC2InstanceId", id.as_str()),
        ("LifecycleTransition", "autoscaling:EC2_INSTANCE_LAUNCHING"),
        ("NotificationMetadata", "{\"v\":1}"),
        ("Origin", "EC2"),
        ("Destination", "AutoScalingGroup"),
    ];
    for (key, value) in expected {
        assert_eq!(detail[key], value, "{key}");
    }
    let token = detail["LifecycleActionToken"].as_str().unwrap();
    assert_eq!(token.len(), 36);
    aws.advance(secs(890));
    assert_eq!(in_state(&aws, LifecycleState::PendingWait).len(), 1);
    let by_token = LifecycleActionRef { token: Some(token.to_owned()), instance_id: None, ..by_instance("enter", &id) };
    aws.complete_lifecycle_action(&by_token, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::InService, 1);
    assert!(detail_types(&mut aws).contains(&"EC2 Instance Launch Successful".to_owned()));
}

#[test]
fn a_hook_may_begin_before_the_instance_runs() {
    let pending = (0..20).filter(|seed| {
        let mut aws = Aws::new(Settings { seed: *seed, ..Settings::default() });
        aws.create_auto_scaling_group(&hooked(1)).unwrap();
        let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        aws.instance(&id).unwrap().state == InstanceState::Pending
    });
    assert!(pending.count() > 0);
}

#[test]
fn every_hook_of_the_transition_has_to_be_completed() {
    let mut aws = aws();
    let mut request = hooked(1);
    request.hooks.push(LifecycleHook::new("other", Transition::Launching));
    aws.create_auto_scaling_group(&request).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    assert_eq!(aws.actions(&id).len(), 2);
    complete(&mut aws, "enter", &id, LifecycleResult::Continue).unwrap();
    aws.advance(secs(60));
    assert_eq!(in_state(&aws, LifecycleState::PendingWait).len(), 1);
    complete(&mut aws, "other", &id, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::InService, 1);
}

#[test]
fn a_finished_or_unknown_action_is_refused_in_awss_words() {
    let mut aws = aws();
    aws.create_auto_scaling_group(&hooked(1)).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    complete(&mut aws, "enter", &id, LifecycleResult::Continue).unwrap();
    let again = complete(&mut aws, "enter", &id, LifecycleResult::Continue).unwrap_err();
    assert_eq!(again.to_string(), format!("ValidationError: No active Lifecycle Action found with instance ID {id}"));
    let token = LifecycleActionRef { token: Some("x".repeat(36)), instance_id: None, ..by_instance("enter", &id) };
    let unknown = aws.complete_lifecycle_action(&token, LifecycleResult::Continue).unwrap_err();
    assert!(unknown.message.starts_with("No active Lifecycle Action found with token"), "{unknown}");
    assert_eq!(code(complete(&mut aws, "leave", &id, LifecycleResult::Continue)), "ValidationError");
    let short = LifecycleActionRef { token: Some("x".to_owned()), ..token };
    assert_eq!(code(aws.record_lifecycle_action_heartbeat(&short)), "ValidationError");
}

#[test]
fn abandoning_a_launch_terminates_and_replaces() {
    for runs in [false, true] {
        let mut aws = Aws::new(Settings { abandoned_runs_terminate_hook: runs, ..Settings::default() });
        aws.create_auto_scaling_group(&hooked(1)).unwrap();
        let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        aws.take_events();
        complete(&mut aws, "enter", &id, LifecycleResult::Abandon).unwrap();
        if runs {
            until_state(&mut aws, LifecycleState::TerminatingWait, 1);
            complete(&mut aws, "leave", &id, LifecycleResult::Continue).unwrap();
        }
        until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
        let events = detail_types(&mut aws);
        assert!(events.contains(&"EC2 Instance Launch Unsuccessful".to_owned()));
        assert_eq!(events.contains(&"EC2 Instance-terminate Lifecycle Action".to_owned()), runs);
        let next = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        assert_ne!(next, id);
    }
}

#[test]
fn the_default_result_applies_at_the_timeout() {
    for (result, expected) in [(LifecycleResult::Continue, true), (LifecycleResult::Abandon, false)] {
        let mut aws = aws();
        let mut request = hooked(1);
        request.hooks[0].default_result = result;
        aws.create_auto_scaling_group(&request).unwrap();
        let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        aws.advance(secs(890));
        assert_eq!(aws.member(&id).unwrap().state, LifecycleState::PendingWait);
        aws.advance(secs(60));
        assert_eq!(aws.member(&id).map(|m| m.state) == Some(LifecycleState::InService), expected);
    }
}

#[test]
fn heartbeats_hold_an_action_open_but_not_for_ever() {
    let mut aws = aws();
    let mut request = hooked(1);
    (request.hooks[0].heartbeat_timeout, request.hooks[0].default_result) = (30, LifecycleResult::Continue);
    aws.create_auto_scaling_group(&request).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    let began = aws.now();
    for _ in 0..200 {
        if aws.record_lifecycle_action_heartbeat(&by_instance("enter", &id)).is_err() {
            break;
        }
        aws.advance(secs(20));
    }
    let held = aws.now().duration_since(began).as_secs();
    assert!((3000..3030).contains(&held), "100 heartbeats of 30 s, not {held} s");
}

#[test]
fn hooks_have_limits() {
    let mut aws = aws();
    serving(&mut aws, 1);
    let put = PutLifecycleHook { group: GROUP.to_owned(), name: "h".to_owned(), ..PutLifecycleHook::default() };
    assert_eq!(code(aws.put_lifecycle_hook(&put)), "ValidationError");
    let new = PutLifecycleHook { transition: Some(Transition::Launching), ..put.clone() };
    let wrong = [
        PutLifecycleHook { heartbeat_timeout: Some(29), ..new.clone() },
        PutLifecycleHook { heartbeat_timeout: Some(7201), ..new.clone() },
        PutLifecycleHook { notification_metadata: Some("x".repeat(4001)), ..new.clone() },
    ];
    for request in wrong {
        assert_eq!(code(aws.put_lifecycle_hook(&request)), "ValidationError");
    }
    aws.put_lifecycle_hook(&new).unwrap();
    aws.put_lifecycle_hook(&PutLifecycleHook { heartbeat_timeout: Some(60), ..put }).unwrap();
    let hook = aws.describe_lifecycle_hooks(GROUP, &[]).unwrap().remove(0);
    assert_eq!((hook.heartbeat_timeout, hook.default_result), (60, LifecycleResult::Abandon));
}

#[test]
fn deleting_a_hook_completes_its_actions() {
    let mut aws = aws();
    let id = serving_hooked(&mut aws, 1).remove(0);
    aws.terminate_instance_in_auto_scaling_group(&id, false).unwrap();
    until_state(&mut aws, LifecycleState::TerminatingWait, 1);
    aws.delete_lifecycle_hook(GROUP, "leave").unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
}

#[test]
fn an_abandoned_termination_may_be_retained() {
    let mut aws = aws();
    aws.create_auto_scaling_group(&CreateAutoScalingGroup { retain_on_abandon: true, ..hooked(1) }).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    complete(&mut aws, "enter", &id, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::InService, 1);
    aws.terminate_instance_in_auto_scaling_group(&id, false).unwrap();
    until_state(&mut aws, LifecycleState::TerminatingWait, 1);
    complete(&mut aws, "leave", &id, LifecycleResult::Abandon).unwrap();
    until_state(&mut aws, LifecycleState::TerminatingRetained, 1);
    aws.advance(secs(3600));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Running);
    aws.terminate_instance_in_auto_scaling_group(&id, false).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
}
