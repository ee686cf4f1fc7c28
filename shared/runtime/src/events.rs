//! The events that wake us, read leniently: what AWS leaves out or adds does no harm, since what to
//! do is decided from what is then observed.
//!
//! An event that is not ours is `Ignored`; one that should be ours and cannot be read is `Malformed`,
//! with every problem named. Neither is worth Lambda's retries.
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-event-reference.html>

mod fields;
mod notification;

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::{ActionToken, AsgName, DeploymentId, GroupName, HookName, InstanceId};

use crate::observe::is_ours;
use fields::{Fields, shown};

/// What an event says to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A lifecycle action of one of our hooks waits for an answer.
    Action(LifecycleAction),
    /// A launch or a termination ended, one way or the other, in a group that may be ours.
    Ended(Ended),
    /// We asked ourselves to settle a group.
    Settle {
        /// The group.
        group: GroupName,
        /// Hooks and records are to be read again.
        audit: bool,
    },
    /// An instance changed its state, or will soon be taken away.
    Instance(InstanceId),
    /// The schedule's turn.
    Schedule,
    /// Nothing to do.
    Ignored(Ignored),
}

/// A lifecycle action of one of our hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleAction {
    /// The Auto Scaling group.
    pub asg: AsgName,
    /// Our hook.
    pub hook: HookName,
    /// The instance.
    pub instance: InstanceId,
    /// Launching or terminating.
    pub transition: Transition,
    /// The action's token, where given.
    pub token: Option<ActionToken>,
    /// Whether it leads into the warm pool, where given.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/warm-pools-eventbridge-events.html>
    pub into_pool: Option<bool>,
    /// When the event was made, where readable.
    pub at: Option<Timestamp>,
}

/// A launch or a termination that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The Auto Scaling group.
    pub asg: AsgName,
    /// The instance that was terminated. None where a launch ended, or where a termination did and failed.
    pub terminated: Option<InstanceId>,
}

/// Why an event asks nothing of us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// Auto Scaling tries whether a hook's target can be reached.
    TestNotification,
    /// A notification through SNS or SQS: EventBridge brings the same event.
    NotThroughEventBridge,
    /// A hook that is not this deployment's.
    OtherHook(String),
    /// An event of another deployment.
    OtherDeployment(String),
    /// A kind of event that we do not listen to.
    OtherKind(String),
    /// An event for another of our functions.
    OtherFunction,
    /// The instance is being started, or runs: one that launches holds nothing yet, and is waited for where it matters;
    /// a holder that was stopped has kept everything.
    Starting(InstanceId),
    /// An Auto Scaling group that is not ours.
    NotOurs {
        /// The Auto Scaling group.
        asg: AsgName,
        /// Why not.
        why: NotOurs,
    },
    /// The deployment's limits keep this group from being served.
    NotServed(GroupName),
}

/// Why an Auto Scaling group is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOurs {
    /// It does not exist any more.
    Gone,
    /// It has no tag `stateful-asg:deployment`.
    Untagged,
    /// It has another deployment's.
    OtherDeployment(String),
    /// It has no usable tag `stateful-asg:group`.
    NoGroup(String),
    /// The deployment's limits keep its group from being served.
    NotServed(GroupName),
}

/// An event that should be ours and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event `{kind}` is refused: {}", problems.join("; "))]
pub struct Malformed {
    /// Its `detail-type`, or what stands in its place.
    pub kind: String,
    /// All that is wrong with it.
    pub problems: Vec<String>,
}

/// The event's ID, for following it through the logs.
#[must_use]
pub fn id_of(event: &Value) -> Option<&str> {
    event.get("id").and_then(Value::as_str).filter(|id| (1..=64).contains(&id.len()))
}

/// Reads an event.
///
/// # Errors
/// `Malformed` where the event is of a kind that we listen to and lacks what we need of it.
pub fn read(event: &Value, deployment: &DeploymentId) -> Result<Incoming, Malformed> {
    if notification::is_test(event) {
        return Ok(Incoming::Ignored(Ignored::TestNotification));
    }
    if notification::is_batch(event) {
        return Ok(Incoming::Ignored(Ignored::NotThroughEventBridge));
    }
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    let (Some(source), Some(kind)) = (text("source"), text("detail-type")) else {
        let problems =
            vec!["it has no `source` and `detail-type`: only events of EventBridge are understood".to_owned()];
        return Err(Malformed { kind: "unknown".to_owned(), problems });
    };
    let detail = Fields::new(event.get("detail"));
    let read = match (source, kind) {
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action") => {
            action(event, detail, Transition::Launching, deployment)
        }
        ("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action") => {
            action(event, detail, Transition::Terminating, deployment)
        }
        (
            "aws.autoscaling",
            "EC2 Instance Launch Successful"
            | "EC2 Instance Launch Unsuccessful"
            | "EC2 Instance Terminate Successful"
            | "EC2 Instance Terminate Unsuccessful",
        ) => ended(detail, kind == "EC2 Instance Terminate Successful"),
        (
            "aws.ec2",
            "EC2 Instance State-change Notification"
            | "EC2 Spot Instance Interruption Warning"
            | "EC2 Instance Rebalance Recommendation",
        ) => instance(detail),
        ("stateful-asg", "Settle") => settle(detail, deployment),
        ("aws.events", "Scheduled Event") => Ok(Incoming::Schedule),
        (source, kind) => Ok(Incoming::Ignored(Ignored::OtherKind(shown(&format!("{source}: {kind}"))))),
    };
    read.map_err(|problems| Malformed { kind: kind.to_owned(), problems })
}

type Read = Result<Incoming, Vec<String>>;

fn action(event: &Value, mut detail: Fields<'_>, transition: Transition, deployment: &DeploymentId) -> Read {
    let hook = detail.required::<HookName>("LifecycleHookName");
    if let Some(other) = hook.as_ref().filter(|hook| !is_ours(deployment, hook.as_str())) {
        return Ok(Incoming::Ignored(Ignored::OtherHook(other.to_string())));
    }
    let asg = detail.required("AutoScalingGroupName");
    let instance = detail.required("EC2InstanceId");
    let token = detail.optional("LifecycleActionToken");
    if let Some(word) = detail.optional::<String>("LifecycleTransition").filter(|word| word != word_of(transition)) {
        detail.problem(format!("`LifecycleTransition` is `{}`, which this kind of event does not have", shown(&word)));
    }
    let into_pool = detail.optional::<String>("Destination").map(|destination| destination == "WarmPool");
    let at = event.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok());
    match (hook, asg, instance, detail.finish()) {
        (Some(hook), Some(asg), Some(instance), Ok(())) => {
            Ok(Incoming::Action(LifecycleAction { asg, hook, instance, transition, token, into_pool, at }))
        }
        (_, _, _, finished) => Err(finished.err().unwrap_or_default()),
    }
}

fn word_of(transition: Transition) -> &'static str {
    match transition {
        Transition::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
        Transition::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
    }
}

fn ended(mut detail: Fields<'_>, terminated: bool) -> Read {
    let asg = detail.required("AutoScalingGroupName");
    let terminated = if terminated { detail.optional("EC2InstanceId") } else { None };
    detail.finish()?;
    asg.map(|asg| Incoming::Ended(Ended { asg, terminated })).ok_or_else(Vec::new)
}

fn instance(mut detail: Fields<'_>) -> Read {
    let instance: Option<InstanceId> = detail.required("instance-id");
    let state: Option<String> = detail.optional("state");
    detail.finish()?;
    let instance = instance.ok_or_else(Vec::new)?;
    Ok(match state.as_deref() {
        Some("pending" | "running") => Incoming::Ignored(Ignored::Starting(instance)),
        Some(_) | None => Incoming::Instance(instance),
    })
}

fn settle(mut detail: Fields<'_>, deployment: &DeploymentId) -> Read {
    let theirs: Option<DeploymentId> = detail.required("deployment");
    if let Some(other) = theirs.filter(|theirs| theirs != deployment) {
        return Ok(Incoming::Ignored(Ignored::OtherDeployment(other.to_string())));
    }
    let group = detail.required("group");
    let audit = detail.flag("audit");
    detail.finish()?;
    group.map(|group| Incoming::Settle { group, audit }).ok_or_else(Vec::new)
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestNotification => f.write_str("a test notification of Auto Scaling"),
            Self::NotThroughEventBridge => {
                f.write_str("a notification through SNS or SQS; EventBridge brings the same event")
            }
            Self::OtherHook(hook) => write!(f, "the hook {hook} is not this deployment's"),
            Self::OtherDeployment(other) => write!(f, "for the deployment {other}"),
            Self::OtherKind(kind) => write!(f, "not a kind of event that is listened to: {kind}"),
            Self::OtherFunction => f.write_str("for another function: its rule points at the wrong one"),
            Self::Starting(instance) => write!(f, "{instance} is being started"),
            Self::NotOurs { asg, why } => write!(f, "the Auto Scaling group {asg} {why}"),
            Self::NotServed(group) => write!(f, "the group {group} is not among those that this deployment may serve"),
        }
    }
}

impl fmt::Display for NotOurs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("does not exist any more"),
            Self::Untagged => f.write_str("has no tag stateful-asg:deployment"),
            Self::OtherDeployment(other) => write!(f, "belongs to the deployment {other}"),
            Self::NoGroup(problem) => write!(f, "has no usable tag stateful-asg:group: {problem}"),
            Self::NotServed(group) => write!(f, "is of the group {group}, which this deployment may not serve"),
        }
    }
}

#[cfg(test)]
mod tests;
