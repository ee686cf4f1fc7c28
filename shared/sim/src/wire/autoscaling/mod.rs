//! Auto Scaling's query protocol.
//!
//! Source: Amazon EC2 Auto Scaling API Reference, "Common errors" and the operations' own pages;
//! element names as in botocore's service model 2011-01-01.

mod groups;
mod hooks;
mod members;
mod tags;

use super::operation::{Refusal, Table, entry, find, iso, names, unknown};
use super::query::{Query, QueryError};
use super::xml::Element;
use super::{Answer, XML};
use crate::model::types::{Activity, Filter, LaunchTemplateRef, Member};
use crate::model::{Aws, AwsError};

pub(super) const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

const TABLES: &[Table] = &[groups::OPERATIONS, hooks::OPERATIONS, members::OPERATIONS, tags::OPERATIONS];

/// Answers one request.
pub(super) fn answer(aws: &mut Aws, action: &str, query: &Query, request_id: &str) -> Answer {
    let result = find(TABLES, action)
        .ok_or_else(|| unknown("InvalidAction", "Auto Scaling", action, names(TABLES)))
        .and_then(|operation| {
            operation(aws, query).map_err(|refusal| refusal.into_error("ValidationError", "ValidationError"))
        });
    match result {
        Ok(content) => success(NAMESPACE, action, content, request_id),
        Err(error) => failure(NAMESPACE, &error, request_id),
    }
}

/// An answer of the query protocol as Auto Scaling and STS speak it.
pub(super) fn success(namespace: &'static str, action: &str, content: Element, request_id: &str) -> Answer {
    let document = Element::new(format!("{action}Response"))
        .in_namespace(namespace)
        .child(content.renamed(format!("{action}Result")))
        .child(Element::new("ResponseMetadata").field("RequestId", request_id));
    Answer::new(200, XML, document.render())
}

/// An error of the query protocol as Auto Scaling, STS and Route 53 speak it.
pub(super) fn failure(namespace: &'static str, error: &AwsError, request_id: &str) -> Answer {
    let side = if error.status < 500 { "Sender" } else { "Receiver" };
    let element = Element::new("Error").field("Type", side).field("Code", &error.code).field("Message", &error.message);
    let document = Element::new("ErrorResponse").in_namespace(namespace).child(element).field("RequestId", request_id);
    Answer::new(error.status, XML, document.render())
}

fn filters(query: &Query) -> Result<Vec<Filter>, QueryError> {
    let read = |filter: &&Query| Ok(Filter { name: filter.required("Name")?, values: filter.member_texts("Values") });
    query.members("Filters").iter().map(read).collect()
}

fn template(query: &Query) -> Option<LaunchTemplateRef> {
    let template = query.structure("LaunchTemplate");
    query.has("LaunchTemplate").then(|| LaunchTemplateRef {
        id: template.string("LaunchTemplateId"),
        name: template.string("LaunchTemplateName"),
        version: template.string("Version"),
    })
}

fn with_template(element: Element, template: Option<&LaunchTemplateRef>) -> Element {
    let Some(template) = template else { return element };
    let encoded = Element::new("LaunchTemplate")
        .maybe("LaunchTemplateId", template.id.as_ref())
        .maybe("LaunchTemplateName", template.name.as_ref())
        .maybe("Version", template.version.as_ref());
    element.child(encoded)
}

/// A member; its group is named only outside of the group's own description.
fn member(member: &Member, names_group: bool) -> Element {
    let element = entry()
        .field("InstanceId", &member.instance_id)
        .field("InstanceType", &member.instance_type)
        .maybe("AutoScalingGroupName", names_group.then_some(&member.group))
        .field("AvailabilityZone", &member.availability_zone)
        .field("LifecycleState", member.state.name())
        .field("HealthStatus", health(member.healthy, names_group))
        .field("ProtectedFromScaleIn", member.protected_from_scale_in);
    with_template(element, member.launch_template.as_ref())
}

/// DescribeAutoScalingInstances writes the health in capitals, DescribeAutoScalingGroups does not
/// (the examples of both operations' pages).
fn health(healthy: bool, capitals: bool) -> &'static str {
    match (healthy, capitals) {
        (true, true) => "HEALTHY",
        (true, false) => "Healthy",
        (false, true) => "UNHEALTHY",
        (false, false) => "Unhealthy",
    }
}

fn activity(activity: &Activity) -> Element {
    let progress = if activity.end_time.is_some() { 100 } else { 50 };
    entry()
        .field("ActivityId", &activity.activity_id)
        .field("AutoScalingGroupName", &activity.group)
        .field("Description", &activity.description)
        .field("Cause", &activity.cause)
        .field("StartTime", iso(activity.start_time))
        .maybe("EndTime", activity.end_time.map(iso))
        .field("StatusCode", activity.status_code)
        .maybe("StatusMessage", Some(&activity.status_message).filter(|message| !message.is_empty()))
        .field("Progress", progress)
}

fn group_name(query: &Query) -> Result<String, Refusal> {
    Ok(query.required("AutoScalingGroupName")?)
}

/// Says which values a parameter takes.
fn not_one_of(name: &str, value: &str, known: &str) -> AwsError {
    AwsError::new("ValidationError", format!("{value} is not a valid {name}: it is one of {known}."))
}
