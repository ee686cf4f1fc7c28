//! The group of the story, as an operator would set it up.

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateLaunchTemplate, Describe, Distribution, GroupTag, LaunchTemplateData,
    LaunchTemplateRef, LifecycleHook, LifecycleResult, Transition,
};

use super::DEPLOYMENT;
use crate::site::DOMAIN;

/// The value of the group's tag.
pub(super) const GROUP: &str = "cass";
/// The Auto Scaling group's name.
pub(super) const ASG: &str = "cass-nodes";
/// How many volumes each slot has.
pub(super) const VOLUMES: usize = 1;

/// One name for all nodes.
pub(super) fn seeds() -> String {
    format!("seeds.{GROUP}.{DOMAIN}")
}

/// Over how many zones the nodes are spread: so many that each has the same number of nodes.
///
/// A volume cannot leave its zone. Only where the spread is even must the group launch a replacement in the zone of the
/// node that died; else it may choose another, and the launch is given up and tried again.
pub(super) fn zones(nodes: u32) -> usize {
    if nodes.is_multiple_of(3) {
        3
    } else if nodes.is_multiple_of(2) {
        2
    } else {
        1
    }
}

/// The group's settings: a volume, an interface and a name for each slot.
fn spec(zone: &str) -> Value {
    json!({
        "v": 1,
        "volumes": {"data": {"size": "100GiB", "mount": "/var/lib/cassandra", "fs": "xfs", "owner": "999:999"}},
        "address": {"kind": "eni"},
        "dns": {"zone": zone, "slot": format!("{GROUP}-{{slot}}.{DOMAIN}"), "group": seeds(), "ttl": 30},
        "launch": {"ready": "mounted"},
    })
}

/// Creates the launch template and the group; the time when the group was there.
///
/// # Errors
/// What AWS refuses.
pub(super) fn create(aws: &mut Aws, zone: &str, nodes: u32) -> anyhow::Result<Timestamp> {
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
        subnets: subnets.iter().take(zones(nodes)).map(|subnet| subnet.subnet_id.clone()).collect(),
        hooks: hooks(&spec(zone).to_string()),
        tags: vec![tag(tags::GROUP, GROUP), tag(tags::DEPLOYMENT, DEPLOYMENT)],
        distribution: Distribution::BalancedOnly,
        ..CreateAutoScalingGroup::default()
    })
    .context("the Auto Scaling group cannot be created")?;
    Ok(aws.as_actor("").now())
}

fn hooks(spec: &str) -> Vec<LifecycleHook> {
    let hook = |way: &str, transition| LifecycleHook {
        heartbeat_timeout: 900,
        ..LifecycleHook::new(&format!("stateful-asg-{DEPLOYMENT}-{way}"), transition)
    };
    vec![
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
            assert_eq!(nodes as usize % zones(nodes), 0, "{nodes}");
        }
        assert_eq!((zones(3), zones(4), zones(5)), (3, 2, 1));
    }

    #[test]
    fn the_spec_is_valid_fits_into_a_hook_and_has_so_many_volumes() {
        let text = spec("Z0123456789ABCDEFGHIJ").to_string();
        let parsed = Spec::parse(&text).unwrap();
        assert_eq!(parsed.notices, []);
        assert_eq!(inline_notices(&text), []);
        assert_eq!(parsed.spec.volumes.len(), VOLUMES);
    }
}
