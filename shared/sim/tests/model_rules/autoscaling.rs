//! Groups as calls make, change, show and delete them.

use stateful_asg_sim::model::types::*;

use crate::support::*;

#[test]
fn a_group_is_refused_for_what_cannot_be() {
    let cases: [(&str, fn(&mut CreateAutoScalingGroup)); 6] = [
        ("ValidationError", |r| r.min_size = 11),
        ("ValidationError", |r| r.desired_capacity = Some(11)),
        ("ValidationError", |r| r.availability_zones = vec!["mars-1a".to_owned()]),
        ("ValidationError", |r| r.subnets = vec!["subnet-0".to_owned()]),
        ("ValidationError", |r| {
            r.hooks = vec![LifecycleHook { heartbeat_timeout: 1, ..LifecycleHook::new("h", Transition::Launching) }]
        }),
        ("ValidationError", |r| r.launch_template = Some(LaunchTemplateRef::default())),
    ];
    let mut aws = aws();
    for (expected, change) in cases {
        let mut request = group(1);
        change(&mut request);
        assert_eq!(code(aws.create_auto_scaling_group(&request)), expected, "{request:?}");
    }
    aws.create_auto_scaling_group(&group(1)).unwrap();
    assert_eq!(code(aws.create_auto_scaling_group(&group(1))), "AlreadyExists");
}

#[test]
fn capacity_stays_within_its_bounds() {
    let mut aws = aws();
    serving(&mut aws, 2);
    assert_eq!(code(aws.set_desired_capacity(GROUP, 11)), "ValidationError");
    assert_eq!(code(aws.set_desired_capacity("none", 1)), "ValidationError");
    let update =
        UpdateAutoScalingGroup { name: GROUP.to_owned(), min_size: Some(3), ..UpdateAutoScalingGroup::default() };
    aws.update_auto_scaling_group(&update).unwrap();
    assert_eq!(aws.group(GROUP).unwrap().desired_capacity, 3);
    let id = until_state(&mut aws, LifecycleState::InService, 3).remove(0);
    assert_eq!(code(aws.terminate_instance_in_auto_scaling_group(&id, true)), "ValidationError");
}

#[test]
fn tags_reach_instances_at_launch_only() {
    let mut aws = aws();
    let tag =
        |key: &str, propagate_at_launch| GroupTag { key: key.to_owned(), value: "v".to_owned(), propagate_at_launch };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup { tags: vec![tag("a", true), tag("b", false)], ..group(1) })
        .unwrap();
    let id = until_state(&mut aws, LifecycleState::InService, 1).remove(0);
    aws.create_or_update_group_tags(GROUP, &[tag("c", true)]).unwrap();
    let keys: Vec<_> = aws.instance(&id).unwrap().tags.keys().cloned().collect();
    assert_eq!(keys, ["a", "aws:autoscaling:groupName"]);
    let all = aws.describe_group_tags(&[Filter::new("key", "c")]).unwrap();
    assert_eq!(all, [(GROUP.to_owned(), tag("c", true))]);
    aws.delete_group_tags(GROUP, &["c".to_owned()]).unwrap();
    assert_eq!(aws.describe_group_tags(&[]).unwrap().len(), 2);
}

#[test]
fn a_tag_key_that_metadata_cannot_show_fails_the_launch() {
    let mut aws = aws();
    let data = LaunchTemplateData { instance_metadata_tags: true, ..LaunchTemplateData::default() };
    let request =
        CreateLaunchTemplate { launch_template_name: "t".to_owned(), data, ..CreateLaunchTemplate::default() };
    aws.create_launch_template(&request).unwrap();
    assert_eq!(code(aws.create_launch_template(&request)), "InvalidLaunchTemplateName.AlreadyExistsException");
    let template = LaunchTemplateRef { name: Some("t".to_owned()), ..LaunchTemplateRef::default() };
    let bad = GroupTag { key: "cost center".to_owned(), value: String::new(), propagate_at_launch: true };
    let request = CreateAutoScalingGroup { launch_template: Some(template), tags: vec![bad], ..group(1) };
    aws.create_auto_scaling_group(&request).unwrap();
    aws.advance(secs(10));
    assert_eq!(aws.instances().count(), 0);
    assert_eq!(detail_types(&mut aws), ["EC2 Instance Launch Unsuccessful"]);
}

#[test]
fn groups_are_found_by_name_tag_and_page() {
    let mut aws = aws();
    for (name, value) in [("a", "one"), ("b", "two"), ("c", "one")] {
        let tag = GroupTag { key: "team".to_owned(), value: value.to_owned(), propagate_at_launch: false };
        let request = CreateAutoScalingGroup { name: name.to_owned(), tags: vec![tag], ..group(0) };
        aws.create_auto_scaling_group(&request).unwrap();
    }
    let mut names = |request: DescribeAutoScalingGroups| {
        let page = aws.describe_auto_scaling_groups(&request).unwrap();
        (page.items.iter().map(|g| g.group.name.clone()).collect::<Vec<_>>().join(""), page.next_token)
    };
    let all = DescribeAutoScalingGroups::default();
    let by =
        |name: &str, value: &str| DescribeAutoScalingGroups { filters: vec![Filter::new(name, value)], ..all.clone() };
    assert_eq!(names(by("tag:team", "one")).0, "ac");
    assert_eq!(names(by("tag-key", "team")).0, "abc");
    assert_eq!(names(by("tag-value", "two")).0, "b");
    assert_eq!(names(DescribeAutoScalingGroups { names: vec!["b".to_owned(), "x".to_owned()], ..all.clone() }).0, "b");
    let (first, next_token) = names(DescribeAutoScalingGroups { max_records: Some(2), ..all.clone() });
    let (second, end) = names(DescribeAutoScalingGroups { max_records: Some(2), next_token, ..all });
    assert_eq!((first.as_str(), second.as_str(), end), ("ab", "c", None));
}

#[test]
fn deletion_needs_an_empty_group_or_force_which_skips_hooks() {
    let mut aws = aws();
    let ids = serving_hooked(&mut aws, 3);
    assert_eq!(code(aws.delete_auto_scaling_group(GROUP, false)), "ResourceInUse");
    aws.terminate_instance_in_auto_scaling_group(&ids[0], false).unwrap();
    until_state(&mut aws, LifecycleState::TerminatingWait, 1);
    aws.terminate_instance_in_auto_scaling_group(&ids[1], false).unwrap();
    assert_eq!(aws.member(&ids[1]).unwrap().state, LifecycleState::Terminating);
    aws.take_events();
    aws.delete_auto_scaling_group(GROUP, true).unwrap();
    until(&mut aws, "gone", |aws| aws.group(GROUP).is_none().then_some(()));
    assert!(aws.instances().all(|i| i.state == InstanceState::Terminated));
    assert!(!detail_types(&mut aws).contains(&"EC2 Instance-terminate Lifecycle Action".to_owned()));
    assert_eq!(code(aws.set_desired_capacity(GROUP, 1)), "ValidationError");
}

#[test]
fn standby_members_are_replaced_unless_capacity_falls_and_are_not_checked() {
    let mut aws = aws();
    let ids = serving_hooked(&mut aws, 2);
    aws.enter_standby(GROUP, &ids[..1], true).unwrap();
    until_state(&mut aws, LifecycleState::Standby, 1);
    aws.terminate_instances(&ids[..1]).unwrap();
    aws.advance(secs(600));
    assert!(aws.member(&ids[0]).unwrap().healthy);
    assert_eq!(aws.members(GROUP).count(), 2);
    aws.take_events();
    aws.exit_standby(GROUP, &ids[..1]).unwrap();
    assert_eq!(aws.group(GROUP).unwrap().desired_capacity, 2);
    aws.advance(secs(5));
    assert_eq!(aws.member(&ids[0]).unwrap().state, LifecycleState::InService);
    assert!(!detail_types(&mut aws).contains(&"EC2 Instance-launch Lifecycle Action".to_owned()));
    assert_eq!(code(aws.exit_standby(GROUP, &ids[1..])), "ValidationError");
}

#[test]
fn a_detached_instance_runs_on_outside_the_group() {
    let mut aws = aws();
    let id = serving_hooked(&mut aws, 1).remove(0);
    aws.detach_instances(GROUP, &list(&id), true).unwrap();
    until(&mut aws, "detached", |aws| aws.member(&id).is_none().then_some(()));
    aws.advance(secs(600));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Running);
    assert_eq!(aws.members(GROUP).count(), 0);
}

#[test]
fn protected_members_survive_scale_in() {
    let mut aws = aws();
    let request = CreateAutoScalingGroup { new_instances_protected_from_scale_in: true, ..group(2) };
    aws.create_auto_scaling_group(&request).unwrap();
    until_state(&mut aws, LifecycleState::InService, 2);
    aws.set_desired_capacity(GROUP, 0).unwrap();
    aws.advance(secs(600));
    assert_eq!(in_state(&aws, LifecycleState::InService).len(), 2);
}

#[test]
fn history_is_kept_newest_first() {
    let mut aws = aws();
    let id = serving(&mut aws, 1).remove(0);
    aws.terminate_instance_in_auto_scaling_group(&id, true).unwrap();
    until(&mut aws, "gone", |aws| aws.member(&id).is_none().then_some(()));
    let history = aws.describe_scaling_activities(Some(GROUP)).unwrap();
    let lines: Vec<_> = history.iter().map(|a| (a.description.split(':').next().unwrap(), a.status_code)).collect();
    assert_eq!(lines, [("Terminating EC2 instance", "Successful"), ("Launching a new EC2 instance", "Successful")]);
}
