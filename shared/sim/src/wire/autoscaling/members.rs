//! A group's instances.

use super::super::operation::{Refusal, Table, body};
use super::super::query::Query;
use super::super::xml::Element;
use super::{activity, group_name, member, not_one_of};
use crate::model::Aws;
use crate::model::types::{Activity, DescribeAutoScalingInstances, SetInstanceHealth};

pub(super) const OPERATIONS: Table = &[
    ("DescribeAutoScalingInstances", describe),
    ("SetInstanceHealth", set_health),
    ("TerminateInstanceInAutoScalingGroup", terminate),
    ("EnterStandby", enter_standby),
    ("ExitStandby", exit_standby),
    ("DetachInstances", detach),
];

fn describe(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = DescribeAutoScalingInstances {
        instance_ids: query.member_texts("InstanceIds"),
        max_records: query.number("MaxRecords")?,
        next_token: query.string("NextToken").filter(|token| !token.is_empty()),
    };
    let page = aws.describe_auto_scaling_instances(&request)?;
    let members = page.items.iter().map(|instance| member(instance, true));
    Ok(body().list("AutoScalingInstances", "member", members).maybe("NextToken", page.next_token))
}

fn set_health(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let healthy = match query.required("HealthStatus")?.as_str() {
        "Healthy" => true,
        "Unhealthy" => false,
        other => return Err(not_one_of("HealthStatus", other, "Healthy, Unhealthy").into()),
    };
    let request = SetInstanceHealth {
        instance_id: query.required("InstanceId")?,
        healthy,
        should_respect_grace_period: query.flag("ShouldRespectGracePeriod")?.unwrap_or(true),
    };
    aws.set_instance_health(&request)?;
    Ok(body())
}

fn terminate(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let ended = aws.terminate_instance_in_auto_scaling_group(&query.required("InstanceId")?, decrement(query)?)?;
    Ok(body().child(activity(&ended).renamed("Activity")))
}

fn enter_standby(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(activities(&aws.enter_standby(&group_name(query)?, &query.member_texts("InstanceIds"), decrement(query)?)?))
}

fn exit_standby(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(activities(&aws.exit_standby(&group_name(query)?, &query.member_texts("InstanceIds"))?))
}

fn detach(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(activities(&aws.detach_instances(&group_name(query)?, &query.member_texts("InstanceIds"), decrement(query)?)?))
}

fn decrement(query: &Query) -> Result<bool, Refusal> {
    query.required("ShouldDecrementDesiredCapacity")?;
    Ok(query.flag("ShouldDecrementDesiredCapacity")?.unwrap_or_default())
}

fn activities(activities: &[Activity]) -> Element {
    body().list("Activities", "member", activities.iter().map(activity))
}
