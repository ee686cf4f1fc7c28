//! The group of the story, as an operator would set it up.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateLaunchTemplate, Describe, Distribution, GroupTag, LaunchTemplateData,
    LaunchTemplateRef, LifecycleHook, LifecycleResult, PutLifecycleHook, Transition,
};

use super::DEPLOYMENT;
use crate::args::Story;
use crate::site::DOMAIN;

/// The value of the group's tag.
pub(super) const GROUP: &str = "cass";
/// The Auto Scaling group's name.
pub(super) const ASG: &str = "cass-nodes";
/// How many volumes each slot has.
pub(super) const VOLUMES: usize = 1;

/// What a volume has at first, in GiB.
const GIB: u32 = 100;
/// What it has when it has grown, in GiB.
pub(super) const GROWN_GIB: u32 = 200;
/// The I/O operations a second that it then has.
pub(super) const GROWN_IOPS: u32 = 6000;

/// One name for all nodes.
pub(super) fn seeds() -> String {
    format!("seeds.{GROUP}.{DOMAIN}")
}

/// Over how many zones the nodes are spread: so many that each has the same number of nodes.
///
/// A volume cannot leave its zone. Only where the spread is even must the group launch a replacement in the zone of the
/// node that died; else it may choose another, and the launch is given up and tried again. For a move there must be
/// somewhere to go.
pub(super) fn zones(story: Story, nodes: u32) -> usize {
    if story == Story::Move {
        return 3;
    }
    if nodes.is_multiple_of(3) {
        3
    } else if nodes.is_multiple_of(2) {
        2
    } else {
        1
    }
}

/// The group's settings: a volume, an interface and a name for each slot, and what the story needs.
fn spec(story: Story, zone: &str) -> Value {
    let mut spec = json!({
        "v": 1,
        "volumes": {"data": {"size": GIB, "mount": "/var/lib/cassandra", "fs": "xfs", "owner": "999:999"}},
        "address": {"kind": "eni"},
        "dns": {"zone": zone, "slot": format!("{GROUP}-{{slot}}.{DOMAIN}"), "group": seeds(), "ttl": 30},
        "launch": {"ready": "mounted"},
    });
    match story {
        Story::Failover => {}
        Story::Move => {
            spec["zones"] = json!({"move": "final", "keep_source": "1h"});
            spec["snapshots"] = json!({"every": "1h", "keep": {"last": 4}});
        }
        Story::Grow => spec["growth"] = json!({"at_once": 2}),
        Story::ScaleIn => {
            spec["slots"] = json!({"retire_after": "1h"});
            spec["zones"] = json!({"keep_source": "1h"});
        }
    }
    spec
}

/// The settings once they ask for more.
fn grown(zone: &str) -> Value {
    let mut spec = spec(Story::Grow, zone);
    spec["volumes"]["data"]["size"] = json!(GROWN_GIB);
    spec["volumes"]["data"]["iops"] = json!(GROWN_IOPS);
    spec
}

/// Puts the settings that ask for more into the launch hook.
///
/// # Errors
/// What AWS refuses.
pub(super) fn edit(aws: &mut Aws, zone: &str) -> anyhow::Result<()> {
    let [launch, _] = hooks(&grown(zone).to_string());
    let request = PutLifecycleHook {
        group: ASG.to_owned(),
        name: launch.name,
        transition: Some(launch.transition),
        default_result: Some(launch.default_result),
        heartbeat_timeout: Some(launch.heartbeat_timeout),
        notification_metadata: launch.notification_metadata,
    };
    aws.as_actor("operator").put_lifecycle_hook(&request)?;
    Ok(())
}

/// Creates the launch template and the group; the time when the group was there.
///
/// # Errors
/// What AWS refuses.
pub(super) fn create(aws: &mut Aws, zone: &str, story: Story, nodes: u32) -> anyhow::Result<Timestamp> {
    let template = format!("{ASG}-template");
    let aws = aws.as_actor("operator");
    aws.create_launch_template(&CreateLaunchTemplate {
        launch_template_name: template.clone(),
        data: LaunchTemplateData { instance_metadata_tags: true, ..LaunchTemplateData::default() },
        ..CreateLaunchTemplate::default()
    })
    .context("the launch template cannot be created")?;
    let subnets = aws.describe_subnets(&Describe::all()).context("the subnets cannot be read")?.items;
    let template = LaunchTemplateRef { id: None, name: Some(template), version: Some("$Latest".to_owned()) };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup {
        name: ASG.to_owned(),
        max_size: nodes,
        desired_capacity: Some(nodes),
        launch_template: Some(template),
        subnets: subnets.iter().take(zones(story, nodes)).map(|subnet| subnet.subnet_id.clone()).collect(),
        hooks: hooks(&spec(story, zone).to_string()).into(),
        tags: vec![tag(tags::GROUP, GROUP), tag(tags::DEPLOYMENT, DEPLOYMENT)],
        distribution: match story {
            Story::Move => Distribution::BalancedBestEffort,
            Story::Failover | Story::Grow | Story::ScaleIn => Distribution::BalancedOnly,
        },
        ..CreateAutoScalingGroup::default()
    })
    .context("the Auto Scaling group cannot be created")?;
    Ok(aws.as_actor("").now())
}

fn hooks(spec: &str) -> [LifecycleHook; 2] {
    let hook = |way: &str, transition| LifecycleHook {
        heartbeat_timeout: 900,
        ..LifecycleHook::new(&format!("stateful-asg-{DEPLOYMENT}-{way}"), transition)
    };
    [
        LifecycleHook { notification_metadata: Some(spec.to_owned()), ..hook("launch", Transition::Launching) },
        LifecycleHook { default_result: LifecycleResult::Continue, ..hook("terminate", Transition::Terminating) },
    ]
}

fn tag(key: &str, value: &str) -> GroupTag {
    GroupTag { key: key.to_owned(), value: value.to_owned(), propagate_at_launch: true }
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::spec::{Spec, inline_notices};

    use super::*;

    #[test]
    fn each_zone_gets_as_many_nodes_as_the_others() {
        for nodes in 1..=40 {
            assert_eq!(nodes as usize % zones(Story::Failover, nodes), 0, "{nodes}");
        }
        assert_eq!([3, 4, 5].map(|nodes| zones(Story::Grow, nodes)), [3, 2, 1]);
    }

    #[test]
    fn the_specs_are_valid_fit_into_a_hook_and_have_so_many_volumes() {
        let zone = "Z0123456789ABCDEFGHIJ";
        let stories = [Story::Failover, Story::Move, Story::Grow, Story::ScaleIn];
        for spec in stories.map(|story| spec(story, zone)).into_iter().chain([grown(zone)]) {
            let text = spec.to_string();
            let parsed = Spec::parse(&text).unwrap();
            assert_eq!(inline_notices(&text), []);
            assert_eq!(parsed.notices, [], "{text}");
            assert_eq!(parsed.spec.volumes.len(), VOLUMES);
        }
    }
}
