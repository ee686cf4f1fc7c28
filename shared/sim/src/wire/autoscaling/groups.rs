//! Groups: made, changed, described, deleted; their processes, warm pool and history.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::Query;
use super::super::xml::Element;
use super::{activity, filters, group_name, hooks, member, not_one_of, tags, template, with_template};
use crate::model::types::{
    CreateAutoScalingGroup, DescribeAutoScalingGroups, Distribution, GroupDescription, PutWarmPool,
    UpdateAutoScalingGroup, WarmPool, WarmPoolState,
};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("CreateAutoScalingGroup", create),
    ("UpdateAutoScalingGroup", update),
    ("DeleteAutoScalingGroup", delete),
    ("DescribeAutoScalingGroups", describe),
    ("SetDesiredCapacity", set_desired_capacity),
    ("SuspendProcesses", suspend),
    ("ResumeProcesses", resume),
    ("PutWarmPool", put_warm_pool),
    ("DeleteWarmPool", delete_warm_pool),
    ("DescribeWarmPool", describe_warm_pool),
    ("DescribeScalingActivities", describe_activities),
];

/// Ways to say what to launch, and where, that the model does not have: refused rather than misunderstood.
const NOT_MODELLED: [&str; 4] =
    ["MixedInstancesPolicy", "LaunchConfigurationName", "InstanceId", "AvailabilityZoneIds"];

fn refuse_what_is_not_modelled(query: &Query) -> Result<(), AwsError> {
    let Some(parameter) = NOT_MODELLED.into_iter().find(|parameter| query.has(parameter)) else { return Ok(()) };
    let instead = "use LaunchTemplate, and VPCZoneIdentifier or AvailabilityZones";
    Err(AwsError::new("ValidationError", format!("The simulated Auto Scaling does not know {parameter}: {instead}.")))
}

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    refuse_what_is_not_modelled(query)?;
    let hooks = query.members("LifecycleHookSpecificationList").into_iter().map(hooks::specification);
    let request = CreateAutoScalingGroup {
        name: group_name(query)?,
        min_size: query.required_number("MinSize")?,
        max_size: query.required_number("MaxSize")?,
        desired_capacity: query.number("DesiredCapacity")?,
        launch_template: template(query),
        subnets: subnets(query).unwrap_or_default(),
        availability_zones: query.member_texts("AvailabilityZones"),
        hooks: hooks.collect::<Result<_, Refusal>>()?,
        tags: tags::read(query)?.into_iter().map(|(_, tag)| tag).collect(),
        health_check_grace_period: query.number("HealthCheckGracePeriod")?.unwrap_or_default(),
        health_check_type: query.string("HealthCheckType"),
        new_instances_protected_from_scale_in: query.flag("NewInstancesProtectedFromScaleIn")?.unwrap_or_default(),
        distribution: distribution(query)?.unwrap_or_default(),
        retain_on_abandon: retain(query).unwrap_or_default(),
    };
    aws.create_auto_scaling_group(&request)?;
    Ok(body())
}

fn update(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    refuse_what_is_not_modelled(query)?;
    let request = UpdateAutoScalingGroup {
        name: group_name(query)?,
        min_size: query.number("MinSize")?,
        max_size: query.number("MaxSize")?,
        desired_capacity: query.number("DesiredCapacity")?,
        launch_template: template(query),
        subnets: subnets(query),
        availability_zones: query.has("AvailabilityZones").then(|| query.member_texts("AvailabilityZones")),
        health_check_grace_period: query.number("HealthCheckGracePeriod")?,
        distribution: distribution(query)?,
        retain_on_abandon: retain(query),
    };
    aws.update_auto_scaling_group(&request)?;
    Ok(body())
}

fn subnets(query: &Query) -> Option<Vec<String>> {
    let list = query.text("VPCZoneIdentifier")?;
    Some(list.split(',').map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect())
}

fn distribution(query: &Query) -> Result<Option<Distribution>, AwsError> {
    let known = [Distribution::BalancedBestEffort, Distribution::BalancedOnly];
    let Some(name) = query.structure("AvailabilityZoneDistribution").text("CapacityDistributionStrategy") else {
        return Ok(None);
    };
    let found = known.into_iter().find(|strategy| strategy.name() == name);
    found
        .map(Some)
        .ok_or_else(|| not_one_of("CapacityDistributionStrategy", name, "balanced-best-effort, balanced-only"))
}

fn retain(query: &Query) -> Option<bool> {
    let triggers = query.structure("InstanceLifecyclePolicy").structure("RetentionTriggers");
    triggers.text("TerminateHookAbandon").map(|action| action == "retain")
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_auto_scaling_group(&group_name(query)?, query.flag("ForceDelete")?.unwrap_or_default())?;
    Ok(body())
}

fn describe(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = DescribeAutoScalingGroups {
        names: query.member_texts("AutoScalingGroupNames"),
        filters: filters(query)?,
        max_records: query.number("MaxRecords")?,
        next_token: query.string("NextToken").filter(|token| !token.is_empty()),
    };
    let page = aws.describe_auto_scaling_groups(&request)?;
    Ok(body().list("AutoScalingGroups", "member", page.items.iter().map(encode)).maybe("NextToken", page.next_token))
}

fn encode(description: &GroupDescription) -> Element {
    let group = &description.group;
    let strategy =
        Element::new("AvailabilityZoneDistribution").field("CapacityDistributionStrategy", group.distribution.name());
    let retention = if group.retain_on_abandon { "retain" } else { "terminate" };
    let retention = Element::new("InstanceLifecyclePolicy")
        .child(Element::new("RetentionTriggers").field("TerminateHookAbandon", retention));
    let suspended = group
        .suspended
        .iter()
        .map(|process| entry().field("ProcessName", process).field("SuspensionReason", "User suspended"));
    let element = entry()
        .field("AutoScalingGroupName", &group.name)
        .field("AutoScalingGroupARN", &group.arn)
        .field("MinSize", group.min_size)
        .field("MaxSize", group.max_size)
        .field("DesiredCapacity", group.desired_capacity)
        .field("DefaultCooldown", 300)
        .texts("AvailabilityZones", "member", &group.availability_zones)
        .field("HealthCheckType", &group.health_check_type)
        .field("HealthCheckGracePeriod", group.health_check_grace_period)
        .list("Instances", "member", description.instances.iter().map(|instance| member(instance, false)))
        .field("CreatedTime", iso(group.created_time))
        .list("SuspendedProcesses", "member", suspended)
        .field("VPCZoneIdentifier", group.subnets.join(","))
        .list("Tags", "member", group.tags.values().map(|tag| tags::encode(&group.name, tag)))
        .texts("TerminationPolicies", "member", ["Default"])
        .field("NewInstancesProtectedFromScaleIn", group.new_instances_protected_from_scale_in)
        .maybe("Status", group.status.as_ref())
        .child(strategy)
        .child(retention);
    let element = with_template(element, group.launch_template.as_ref());
    match &group.warm_pool {
        Some(pool) => element.child(warm_pool(pool)).field("WarmPoolSize", description.warm_pool_size),
        None => element,
    }
}

fn set_desired_capacity(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.set_desired_capacity(&group_name(query)?, query.required_number("DesiredCapacity")?)?;
    Ok(body())
}

fn suspend(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.suspend_processes(&group_name(query)?, &query.member_texts("ScalingProcesses"))?;
    Ok(body())
}

fn resume(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.resume_processes(&group_name(query)?, &query.member_texts("ScalingProcesses"))?;
    Ok(body())
}

fn put_warm_pool(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let known = [WarmPoolState::Stopped, WarmPoolState::Running, WarmPoolState::Hibernated];
    let state = match query.text("PoolState") {
        None => WarmPoolState::default(),
        Some(name) => known
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or_else(|| not_one_of("PoolState", name, "Stopped, Running, Hibernated"))?,
    };
    let pool = WarmPool {
        min_size: query.number("MinSize")?.unwrap_or_default(),
        // -1 is AWS's way to say "absent" when a pool is changed.
        max_group_prepared_capacity: query
            .number::<i64>("MaxGroupPreparedCapacity")?
            .and_then(|size| u32::try_from(size).ok()),
        state,
        reuse_on_scale_in: query.structure("InstanceReusePolicy").flag("ReuseOnScaleIn")?.unwrap_or_default(),
    };
    aws.put_warm_pool(&PutWarmPool { group: group_name(query)?, pool })?;
    Ok(body())
}

fn delete_warm_pool(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_warm_pool(&group_name(query)?, query.flag("ForceDelete")?.unwrap_or_default())?;
    Ok(body())
}

fn describe_warm_pool(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let (pool, members) = aws.describe_warm_pool(&group_name(query)?)?;
    let answer = body().list("Instances", "member", members.iter().map(|instance| member(instance, false)));
    Ok(match &pool {
        Some(pool) => answer.child(warm_pool(pool)),
        None => answer,
    })
}

fn warm_pool(pool: &WarmPool) -> Element {
    Element::new("WarmPoolConfiguration")
        .maybe("MaxGroupPreparedCapacity", pool.max_group_prepared_capacity)
        .field("MinSize", pool.min_size)
        .field("PoolState", pool.state.name())
        .child(Element::new("InstanceReusePolicy").field("ReuseOnScaleIn", pool.reuse_on_scale_in))
}

fn describe_activities(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let activities = aws.describe_scaling_activities(query.text("AutoScalingGroupName"))?;
    Ok(body().list("Activities", "member", activities.iter().map(activity)))
}
