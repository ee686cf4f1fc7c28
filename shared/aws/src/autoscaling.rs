//! Auto Scaling groups, their hooks and lifecycle actions.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types;
use futures::future::try_join_all;
use stateful_asg_core::cloud::{Asg, Hook, Lifecycle, Member, Tags, Transition};
use stateful_asg_core::ids::{AsgName, DeploymentId, GroupName, InstanceId};
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::HookResult;
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::Called;

use crate::Aws;
use crate::errors::answer;
use crate::parse::{Unreadable, count, required, time};

/// Groups a page, the most that there may be.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
const PAGE: i32 = 100;
/// Warm instances a page, the most that there may be.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeWarmPool.html>
const WARM_PAGE: i32 = 50;

impl Aws {
    pub(crate) async fn tagged_asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>> {
        const OPERATION: &str = "autoscaling:DescribeAutoScalingGroups";
        let request = self.autoscaling.describe_auto_scaling_groups();
        let request = request.set_filters(Some(filters(deployment, group))).max_records(PAGE);
        let mut pages = request.into_paginator().send();
        let mut shown = Vec::new();
        while let Some(page) = pages.next().await {
            shown.extend(answer(OPERATION, page)?.auto_scaling_groups.unwrap_or_default());
        }
        let read = try_join_all(shown.iter().map(|seen| self.with_warm_pool(seen))).await?;
        let named = shown.iter().map(types::AutoScalingGroup::auto_scaling_group_name).zip(read);
        if group.is_none() {
            return Ok(named.filter_map(|(_, read)| readable(read)).collect());
        }
        named.map(|(name, read)| read.map_err(|error| error.in_answer(OPERATION, name))).collect()
    }

    pub(crate) async fn one_asg(&self, name: &AsgName) -> Called<Option<Asg>> {
        const OPERATION: &str = "autoscaling:DescribeAutoScalingGroups";
        let request = self.autoscaling.describe_auto_scaling_groups();
        let shown = answer(OPERATION, request.auto_scaling_group_names(name.as_str()).send().await)?;
        let Some(seen) = shown.auto_scaling_groups().first() else { return Ok(None) };
        let read = self.with_warm_pool(seen).await?;
        read.map(Some).map_err(|error| error.in_answer(OPERATION, Some(name.as_str())))
    }

    /// A group's own answer leaves out the warm pool, where there is one: that takes a second call.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeAutoScalingGroups.html>
    async fn with_warm_pool(&self, seen: &types::AutoScalingGroup) -> Called<Result<Asg, Unreadable>> {
        let warm = match (seen.warm_pool_configuration(), seen.auto_scaling_group_name()) {
            (Some(_), Some(name)) => self.warm_instances(name).await?,
            _ => Vec::new(),
        };
        Ok(asg(seen, &warm))
    }

    async fn warm_instances(&self, asg: &str) -> Called<Vec<types::Instance>> {
        let request = self.autoscaling.describe_warm_pool();
        let mut pages = request.auto_scaling_group_name(asg).max_records(WARM_PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(answer("autoscaling:DescribeWarmPool", page)?.instances.unwrap_or_default());
        }
        Ok(found)
    }

    pub(crate) async fn hooks_of(&self, asg: &AsgName) -> Called<Vec<Hook>> {
        let request = self.autoscaling.describe_lifecycle_hooks();
        let sent = request.auto_scaling_group_name(asg.as_str()).send().await;
        let shown = answer("autoscaling:DescribeLifecycleHooks", sent)?;
        // A hook in an unknown form is none of ours: we made ours, in forms that we know.
        let read = shown.lifecycle_hooks().iter().map(|seen| hook(asg, seen));
        Ok(read
            .filter_map(|hook| hook.inspect_err(|error| tracing::warn!(%asg, %error, "a hook is passed over")).ok())
            .collect())
    }

    pub(crate) async fn complete_action(&self, action: &ActionRef, result: HookResult) -> Called<()> {
        let request = self.autoscaling.complete_lifecycle_action();
        let sent = request
            .auto_scaling_group_name(action.asg.as_str())
            .lifecycle_hook_name(action.hook.as_str())
            .lifecycle_action_result(result_word(result))
            .set_lifecycle_action_token(action.token.as_ref().map(ToString::to_string))
            .instance_id(action.instance.as_str())
            .send()
            .await;
        answer("autoscaling:CompleteLifecycleAction", sent).map(drop)
    }

    pub(crate) async fn prolong_action(&self, action: &ActionRef) -> Called<()> {
        let request = self.autoscaling.record_lifecycle_action_heartbeat();
        let sent = request
            .auto_scaling_group_name(action.asg.as_str())
            .lifecycle_hook_name(action.hook.as_str())
            .set_lifecycle_action_token(action.token.as_ref().map(ToString::to_string))
            .instance_id(action.instance.as_str())
            .send()
            .await;
        answer("autoscaling:RecordLifecycleActionHeartbeat", sent).map(drop)
    }
}

/// Where all groups are asked for, one that cannot be read is passed over, so that it does not stop the sweep of the
/// others. Nothing is done on the strength of such a reading but to look at a group again.
fn readable(read: Result<Asg, Unreadable>) -> Option<Asg> {
    read.inspect_err(|error| tracing::warn!(%error, "an Auto Scaling group is passed over")).ok()
}

fn filters(deployment: &DeploymentId, group: Option<&GroupName>) -> Vec<types::Filter> {
    let filter = |tag: &str, value: &str| types::Filter::builder().name(format!("tag:{tag}")).values(value).build();
    let ours = filter(tags::DEPLOYMENT, deployment.as_str());
    std::iter::once(ours).chain(group.map(|group| filter(tags::GROUP, group.as_str()))).collect()
}

fn result_word(result: HookResult) -> &'static str {
    match result {
        HookResult::Continue => "CONTINUE",
        HookResult::Abandon => "ABANDON",
    }
}

fn asg(seen: &types::AutoScalingGroup, warm: &[types::Instance]) -> Result<Asg, Unreadable> {
    let subnets = seen.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim);
    Ok(Asg {
        name: required("name", seen.auto_scaling_group_name())?,
        tags: core_tags(seen.tags()),
        created: time(seen.created_time()).ok_or(Unreadable::Missing("creation time"))?,
        // Any status at all means deletion: the field is set by nothing else.
        deleting: seen.status().is_some_and(|status| !status.is_empty()),
        desired: count("desired capacity", seen.desired_capacity())?,
        subnets: subnets
            .filter(|id| !id.is_empty())
            .map(|id| required("subnet", Some(id)))
            .collect::<Result<_, _>>()?,
        members: seen.instances().iter().chain(warm).map(member).collect::<Result<BTreeMap<_, _>, _>>()?,
    })
}

fn member(seen: &types::Instance) -> Result<(InstanceId, Member), Unreadable> {
    let state = seen.lifecycle_state().ok_or(Unreadable::Missing("member's lifecycle state"))?;
    let member = Member {
        zone: required("member's zone", seen.availability_zone())?,
        lifecycle: Lifecycle::from_aws(state.as_str()),
    };
    Ok((required("member's instance ID", seen.instance_id())?, member))
}

fn core_tags(tags: &[types::TagDescription]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn hook(asg: &AsgName, seen: &types::LifecycleHook) -> Result<Hook, Unreadable> {
    Ok(Hook {
        asg: asg.clone(),
        name: required("name", seen.lifecycle_hook_name())?,
        transition: match seen.lifecycle_transition() {
            Some("autoscaling:EC2_INSTANCE_LAUNCHING") => Transition::Launching,
            Some("autoscaling:EC2_INSTANCE_TERMINATING") => Transition::Terminating,
            other => return Err(Unreadable::novel("transition", other.unwrap_or_default())),
        },
        heartbeat_timeout: count("heartbeat timeout", seen.heartbeat_timeout())?,
        metadata: seen.notification_metadata().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::primitives::DateTime;

    use super::*;

    fn instance(id: &str, state: &str) -> types::Instance {
        types::Instance::builder()
            .instance_id(id)
            .availability_zone("eu-central-1a")
            .lifecycle_state(state.into())
            .build()
    }

    fn seen() -> types::builders::AutoScalingGroupBuilder {
        types::AutoScalingGroup::builder()
            .auto_scaling_group_name("cass-asg")
            .desired_capacity(3)
            .created_time(DateTime::from_secs(1_700_000_000))
            .vpc_zone_identifier("subnet-0aaaaaaaaaaaaaaaa, subnet-0bbbbbbbbbbbbbbbb")
            .instances(instance("i-0aaaaaaaaaaaaaaaa", "Pending:Wait"))
            .tags(types::TagDescription::builder().key("stateful-asg:group").value("cass").build())
    }

    #[test]
    fn a_group_is_read_whole_with_its_warm_pool() {
        let read = asg(&seen().build(), &[instance("i-0bbbbbbbbbbbbbbbb", "Warmed:Stopped")]).unwrap();
        assert_eq!((read.name.as_str(), read.desired, read.deleting), ("cass-asg", 3, false));
        assert_eq!(read.tags["stateful-asg:group"], "cass");
        assert_eq!(
            read.subnets.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
            ["subnet-0aaaaaaaaaaaaaaaa", "subnet-0bbbbbbbbbbbbbbbb"]
        );
        let states: Vec<_> = read.members.values().map(|member| member.lifecycle.clone()).collect();
        assert_eq!(states, [Lifecycle::PendingWait, Lifecycle::InPool]);
    }

    #[test]
    fn a_lifecycle_state_of_a_later_version_concludes_nothing() {
        let novel = seen().instances(instance("i-0cccccccccccccccc", "Vanishing")).build();
        let read = asg(&novel, &[]).unwrap();
        assert!(read.members.values().any(|member| member.lifecycle == Lifecycle::Unknown("Vanishing".into())));
    }

    #[test]
    fn a_group_being_deleted_is_known_by_its_status() {
        assert!(asg(&seen().status("Delete in progress").build(), &[]).unwrap().deleting);
        assert!(asg(&seen().set_vpc_zone_identifier(None).build(), &[]).unwrap().subnets.is_empty());
    }

    #[test]
    fn hooks_are_read_with_their_text() {
        let name = AsgName::new("cass-asg").unwrap();
        let seen = types::LifecycleHook::builder()
            .lifecycle_hook_name("stateful-asg-prod-launch")
            .lifecycle_transition("autoscaling:EC2_INSTANCE_LAUNCHING")
            .heartbeat_timeout(900)
            .notification_metadata("{\"v\":1}");
        let read = hook(&name, &seen.clone().build()).unwrap();
        assert_eq!((read.transition, read.heartbeat_timeout), (Transition::Launching, 900));
        assert_eq!(read.metadata.as_deref(), Some("{\"v\":1}"));
        assert!(hook(&name, &seen.lifecycle_transition("autoscaling:EC2_NAPPING").build()).is_err());
    }

    #[test]
    fn a_group_is_asked_for_by_both_tags() {
        let filters = filters(&DeploymentId::new("prod").unwrap(), Some(&GroupName::new("cass").unwrap()));
        let asked: Vec<_> = filters.iter().map(|f| (f.name().unwrap(), f.values()[0].as_str())).collect();
        assert_eq!(asked, [("tag:stateful-asg:deployment", "prod"), ("tag:stateful-asg:group", "cass")]);
    }
}
