//! Warm pools.

use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::*;

use crate::support::*;

fn pool(aws: &mut Aws, pool: WarmPool) {
    aws.put_warm_pool(&PutWarmPool { group: GROUP.to_owned(), pool }).unwrap();
}

/// Origin and destination of the lifecycle actions since the last look.
fn places(aws: &mut Aws) -> Vec<(String, String, String)> {
    let events = aws.take_events();
    let actions = events.iter().filter(|e| e.event["detail"]["LifecycleActionToken"].is_string());
    let text = |e: &stateful_asg_sim::model::Emitted, key: &str| e.event["detail"][key].as_str().unwrap().to_owned();
    actions.map(|e| (text(e, "LifecycleHookName"), text(e, "Origin"), text(e, "Destination"))).collect()
}

fn place(hook: &str, origin: &str, destination: &str) -> (String, String, String) {
    (hook.to_owned(), origin.to_owned(), destination.to_owned())
}

#[test]
fn instances_go_into_the_pool_and_out_of_it_through_the_hooks() {
    let mut aws = aws();
    let serving = serving_hooked(&mut aws, 1).remove(0);
    aws.take_events();
    let size = WarmPool { max_group_prepared_capacity: Some(2), reuse_on_scale_in: true, ..WarmPool::default() };
    pool(&mut aws, size);
    let warm = until_state(&mut aws, LifecycleState::WarmedPendingWait, 1).remove(0);
    assert_eq!(places(&mut aws), [place("enter", "EC2", "WarmPool")]);
    complete(&mut aws, "enter", &warm, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::WarmedStopped, 1);
    assert_eq!(aws.instance(&warm).unwrap().state, InstanceState::Stopped);
    let shown = aws.describe_auto_scaling_groups(&DescribeAutoScalingGroups::default()).unwrap().items.remove(0);
    assert_eq!((shown.instances.len(), shown.warm_pool_size), (1, 1));
    assert_eq!(aws.describe_warm_pool(GROUP).unwrap().1[0].instance_id, warm);

    aws.set_desired_capacity(GROUP, 2).unwrap();
    until_state(&mut aws, LifecycleState::PendingWait, 1);
    assert_eq!(places(&mut aws), [place("enter", "WarmPool", "AutoScalingGroup")]);
    complete(&mut aws, "enter", &warm, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::InService, 2);
    assert_eq!(aws.instance(&warm).unwrap().state, InstanceState::Running);

    aws.take_events();
    aws.set_desired_capacity(GROUP, 1).unwrap();
    until_state(&mut aws, LifecycleState::WarmedPendingWait, 1);
    assert_eq!(places(&mut aws), [place("leave", "AutoScalingGroup", "WarmPool")]);
    assert!(aws.member(&serving).unwrap().state.is_warmed(), "the oldest goes");
}

#[test]
fn a_deleted_pool_terminates_its_instances() {
    let mut aws = aws();
    serving(&mut aws, 1);
    pool(
        &mut aws,
        WarmPool {
            min_size: 1,
            max_group_prepared_capacity: Some(1),
            state: WarmPoolState::Running,
            ..WarmPool::default()
        },
    );
    until_state(&mut aws, LifecycleState::WarmedRunning, 1);
    aws.delete_warm_pool(GROUP, false).unwrap();
    until(&mut aws, "empty", |aws| (aws.members(GROUP).count() == 1).then_some(()));
    assert_eq!(code(aws.delete_warm_pool(GROUP, false)), "ValidationError");
}
