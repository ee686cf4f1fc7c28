//! The life of a group: replacing, scaling, surging.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, Settings, Span, Timings};

use crate::support::*;

#[test]
fn an_instance_killed_from_outside_runs_the_hook_afterwards_and_is_replaced_meanwhile() {
    let mut aws = aws();
    let id = serving_hooked(&mut aws, 1).remove(0);
    aws.take_events();
    aws.terminate_instances(&list(&id)).unwrap();
    until(&mut aws, "the hook", |aws| (aws.member(&id)?.state == LifecycleState::TerminatingWait).then_some(()));
    let dead = aws.instance(&id).unwrap().state;
    assert!(matches!(dead, InstanceState::ShuttingDown | InstanceState::Terminated));
    assert!(!aws.member(&id).unwrap().healthy);
    let next = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    assert_ne!(next, id);
    assert_eq!(aws.member(&id).unwrap().state, LifecycleState::TerminatingWait, "the launch did not wait");
    complete(&mut aws, "leave", &id, LifecycleResult::Continue).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
    assert!(detail_types(&mut aws).contains(&"EC2 Instance Terminate Successful".to_owned()));
}

#[test]
fn a_group_terminates_only_after_its_hook() {
    let mut aws = aws();
    let id = serving_hooked(&mut aws, 1).remove(0);
    aws.terminate_instance_in_auto_scaling_group(&id, true).unwrap();
    until_state(&mut aws, LifecycleState::TerminatingWait, 1);
    aws.advance(secs(300));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Running);
    complete(&mut aws, "leave", &id, LifecycleResult::Abandon).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
    aws.advance(secs(3600));
    assert_eq!(aws.members(GROUP).count(), 0, "desired capacity was lowered");
}

#[test]
fn a_replacement_does_not_wait_for_the_one_that_leaves() {
    let mut aws = aws();
    let id = serving_hooked(&mut aws, 1).remove(0);
    aws.advance(secs(60));
    aws.terminate_instance_in_auto_scaling_group(&id, false).unwrap();
    let next = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    assert_ne!(next, id);
    assert!(aws.member(&id).is_some_and(|member| member.state == LifecycleState::TerminatingWait));
}

#[test]
fn health_is_set_within_and_after_the_grace_period() {
    let mut aws = aws();
    aws.create_auto_scaling_group(&CreateAutoScalingGroup { health_check_grace_period: 300, ..group(1) }).unwrap();
    let id = until_state(&mut aws, LifecycleState::InService, 1).remove(0);
    let mut sick = SetInstanceHealth { instance_id: id.clone(), healthy: false, should_respect_grace_period: true };
    aws.set_instance_health(&sick).unwrap();
    assert!(aws.member(&id).unwrap().healthy);
    sick.should_respect_grace_period = false;
    aws.set_instance_health(&sick).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
}

#[test]
fn a_stopped_instance_is_replaced() {
    let mut aws = aws();
    let id = serving(&mut aws, 1).remove(0);
    aws.stop_instances(&list(&id)).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
    until_state(&mut aws, LifecycleState::InService, 1);
}

#[test]
fn suspended_processes_do_nothing_until_resumed() {
    let mut aws = aws();
    let id = serving(&mut aws, 1).remove(0);
    aws.suspend_processes(GROUP, &["HealthCheck".to_owned()]).unwrap();
    assert_eq!(code(aws.suspend_processes(GROUP, &["Sleep".to_owned()])), "ValidationError");
    aws.terminate_instances(&list(&id)).unwrap();
    aws.advance(secs(600));
    assert_eq!(aws.member(&id).unwrap().state, LifecycleState::InService);
    aws.resume_processes(GROUP, &[]).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
}

#[test]
fn launches_are_balanced_over_zones_and_scale_in_takes_the_fullest() {
    let mut aws = aws();
    let zones = |aws: &Aws| {
        let mut zones: Vec<_> = aws.members(GROUP).map(|m| m.availability_zone.clone()).collect();
        zones.sort();
        zones
    };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup { availability_zones: Vec::new(), ..group(4) }).unwrap();
    until_state(&mut aws, LifecycleState::InService, 4);
    let mut distinct = zones(&aws);
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    aws.set_desired_capacity(GROUP, 3).unwrap();
    until(&mut aws, "three", |aws| (aws.members(GROUP).count() == 3).then_some(()));
    assert_eq!(zones(&aws), ["eu-central-1a", "eu-central-1b", "eu-central-1c"]);
}

#[test]
fn a_zone_without_capacity_fails_or_is_passed_over() {
    for (distribution, moves) in [(Distribution::BalancedBestEffort, true), (Distribution::BalancedOnly, false)] {
        let mut aws = aws();
        let both = vec![ZONE.to_owned(), "eu-central-1b".to_owned()];
        let request = CreateAutoScalingGroup { availability_zones: both, distribution, ..group(2) };
        aws.create_auto_scaling_group(&request).unwrap();
        until_state(&mut aws, LifecycleState::InService, 2);
        let victim = aws.members(GROUP).find(|m| m.availability_zone == ZONE).unwrap().instance_id.clone();
        aws.set_capacity(ZONE, false);
        aws.take_events();
        aws.terminate_instances(&list(&victim)).unwrap();
        aws.advance(secs(300));
        assert_eq!(in_state(&aws, LifecycleState::InService).len(), if moves { 2 } else { 1 });
        let failed = detail_types(&mut aws).contains(&"EC2 Instance Launch Unsuccessful".to_owned());
        assert_eq!(failed, !moves);
        aws.set_capacity(ZONE, true);
        until_state(&mut aws, LifecycleState::InService, 2);
    }
}

#[test]
fn a_refresh_launches_before_it_terminates() {
    let mut aws = aws();
    let before = serving_hooked(&mut aws, 2);
    aws.refresh(GROUP);
    for _ in 0..2 {
        let new = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        aws.advance(secs(300));
        assert_eq!(in_state(&aws, LifecycleState::InService).len(), 2, "nobody goes before the new one serves");
        complete(&mut aws, "enter", &new, LifecycleResult::Continue).unwrap();
        let old = until_state(&mut aws, LifecycleState::TerminatingWait, 1).remove(0);
        assert!(before.contains(&old));
        complete(&mut aws, "leave", &old, LifecycleResult::Continue).unwrap();
        until(&mut aws, "gone", |aws| aws.member(&old).is_none().then_some(()));
    }
    aws.advance(secs(600));
    let after = in_state(&aws, LifecycleState::InService);
    assert!(after.len() == 2 && after.iter().all(|id| !before.contains(id)));
}

#[test]
fn a_surge_that_is_abandoned_is_tried_again() {
    let mut aws = aws();
    let old = serving_hooked(&mut aws, 1).remove(0);
    aws.refresh(GROUP);
    let first = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    complete(&mut aws, "enter", &first, LifecycleResult::Abandon).unwrap();
    until(&mut aws, "leaving", |aws| (aws.member(&first)?.state == LifecycleState::TerminatingWait).then_some(()));
    let second = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    assert_ne!(first, second);
    assert_eq!(aws.member(&old).unwrap().state, LifecycleState::InService);
    complete(&mut aws, "enter", &second, LifecycleResult::Continue).unwrap();
    until(&mut aws, "the old one leaving", |aws| {
        (aws.member(&old)?.state == LifecycleState::TerminatingWait).then_some(())
    });
}

#[test]
fn rebalancing_launches_in_the_emptiest_zone_first() {
    let mut aws = aws();
    serving(&mut aws, 2);
    assert!(!aws.rebalance(GROUP), "one zone is always balanced");
    let zones = vec![ZONE.to_owned(), "eu-central-1b".to_owned()];
    let update = UpdateAutoScalingGroup {
        name: GROUP.to_owned(),
        availability_zones: Some(zones),
        ..UpdateAutoScalingGroup::default()
    };
    aws.update_auto_scaling_group(&update).unwrap();
    assert!(aws.rebalance(GROUP));
    until(&mut aws, "three", |aws| (aws.members(GROUP).count() == 3).then_some(()));
    aws.advance(secs(300));
    let mut zones: Vec<_> = aws.members(GROUP).map(|m| m.availability_zone.clone()).collect();
    zones.sort();
    assert_eq!(zones, [ZONE, "eu-central-1b"]);
}

#[test]
fn a_pending_death_is_noticed_as_set() {
    for noticed in [true, false] {
        let mut aws = Aws::new(Settings { notice_while_pending: noticed, ..Settings::default() });
        aws.create_auto_scaling_group(&hooked(1)).unwrap();
        let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
        aws.terminate_instances(&list(&id)).unwrap();
        aws.advance(secs(120));
        assert_eq!(aws.member(&id).unwrap().state == LifecycleState::PendingWait, !noticed);
    }
}

#[test]
fn an_instance_that_never_boots_stays_pending() {
    let mut aws = aws();
    aws.never_boots(1);
    aws.create_auto_scaling_group(&hooked(1)).unwrap();
    let id = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    complete(&mut aws, "enter", &id, LifecycleResult::Continue).unwrap();
    aws.advance(secs(3600));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Pending);
    assert_eq!(aws.member(&id).unwrap().state, LifecycleState::PendingProceed);
}

#[test]
fn a_member_in_service_that_is_started_again_and_never_boots_is_replaced() {
    let timings = Timings { stop: Span::secs(5, 5), health_check: Span::secs(20, 20), ..Timings::default() };
    let mut aws = Aws::new(Settings { timings, ..Settings::default() });
    let id = serving(&mut aws, 1).remove(0);
    aws.stop_instances(&list(&id)).unwrap();
    until(&mut aws, "stopped", |aws| (aws.instance(&id)?.state == InstanceState::Stopped).then_some(()));
    aws.never_boots(1);
    aws.start_instances(&list(&id)).unwrap();
    until(&mut aws, "unhealthy", |aws| (!aws.member(&id)?.healthy).then_some(()));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Pending);
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
    assert_ne!(until_state(&mut aws, LifecycleState::InService, 1), [id]);
}

#[test]
fn a_settled_group_is_quiet() {
    let mut aws = aws();
    serving(&mut aws, 3);
    aws.advance(secs(60));
    assert_eq!(aws.next_event_at(), None);
}
