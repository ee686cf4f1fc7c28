//! Lifecycle hooks and actions.

use super::super::operation::{Refusal, Table, body, entry};
use super::super::query::Query;
use super::super::xml::Element;
use super::{group_name, not_one_of};
use crate::model::types::{LifecycleActionRef, LifecycleHook, LifecycleResult, PutLifecycleHook, Transition};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("PutLifecycleHook", put),
    ("DeleteLifecycleHook", delete),
    ("DescribeLifecycleHooks", describe),
    ("CompleteLifecycleAction", complete),
    ("RecordLifecycleActionHeartbeat", heartbeat),
];

/// A hook of `LifecycleHookSpecificationList`.
pub(super) fn specification(query: &Query) -> Result<LifecycleHook, Refusal> {
    let transition = transition(&query.required("LifecycleTransition")?)?;
    let mut hook = LifecycleHook::new(&query.required("LifecycleHookName")?, transition);
    if let Some(result) = query.text("DefaultResult") {
        hook.default_result = self::result("DefaultResult", result)?;
    }
    if let Some(seconds) = query.number("HeartbeatTimeout")? {
        hook.heartbeat_timeout = seconds;
    }
    hook.notification_metadata = query.string("NotificationMetadata");
    Ok(hook)
}

fn put(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = PutLifecycleHook {
        group: group_name(query)?,
        name: query.required("LifecycleHookName")?,
        transition: query.text("LifecycleTransition").map(transition).transpose()?,
        default_result: query.text("DefaultResult").map(|name| result("DefaultResult", name)).transpose()?,
        heartbeat_timeout: query.number("HeartbeatTimeout")?,
        notification_metadata: query.string("NotificationMetadata"),
    };
    aws.put_lifecycle_hook(&request)?;
    Ok(body())
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_lifecycle_hook(&group_name(query)?, &query.required("LifecycleHookName")?)?;
    Ok(body())
}

fn describe(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let group = group_name(query)?;
    let hooks = aws.describe_lifecycle_hooks(&group, &query.member_texts("LifecycleHookNames"))?;
    Ok(body().list("LifecycleHooks", "member", hooks.iter().map(|hook| encode(&group, hook))))
}

fn complete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let result = result("LifecycleActionResult", &query.required("LifecycleActionResult")?)?;
    aws.complete_lifecycle_action(&action(query)?, result)?;
    Ok(body())
}

fn heartbeat(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.record_lifecycle_action_heartbeat(&action(query)?)?;
    Ok(body())
}

fn action(query: &Query) -> Result<LifecycleActionRef, Refusal> {
    Ok(LifecycleActionRef {
        group: group_name(query)?,
        hook: query.required("LifecycleHookName")?,
        token: query.string("LifecycleActionToken"),
        instance_id: query.string("InstanceId"),
    })
}

fn transition(name: &str) -> Result<Transition, AwsError> {
    let known = "autoscaling:EC2_INSTANCE_LAUNCHING, autoscaling:EC2_INSTANCE_TERMINATING";
    Transition::parse(name).ok_or_else(|| not_one_of("LifecycleTransition", name, known))
}

fn result(parameter: &str, name: &str) -> Result<LifecycleResult, AwsError> {
    LifecycleResult::parse(name).ok_or_else(|| not_one_of(parameter, name, "CONTINUE, ABANDON"))
}

fn encode(group: &str, hook: &LifecycleHook) -> Element {
    entry()
        .field("LifecycleHookName", &hook.name)
        .field("AutoScalingGroupName", group)
        .field("LifecycleTransition", hook.transition.name())
        .maybe("NotificationMetadata", hook.notification_metadata.as_ref())
        .field("HeartbeatTimeout", hook.heartbeat_timeout)
        .field("GlobalTimeout", hook.global_timeout())
        .field("DefaultResult", hook.default_result.name())
}
