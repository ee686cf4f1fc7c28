//! Which events go to which function, as the deployed rules would have it.

use serde_json::Value;

/// Decides whether an event matches.
pub type Matches = Box<dyn Fn(&Value) -> bool + Send + Sync>;

/// An EventBridge rule with one target.
pub struct Rule {
    /// The rule's name.
    pub name: String,
    /// Its pattern.
    pub matches: Matches,
    /// The function that gets what matches.
    pub function: String,
}

/// The rules of one deployment of the functions.
///
/// Hook actions count only where the hook's name has the deployment's prefix; the results of
/// launches and terminations name no hook, so all of them come.
#[must_use]
pub fn deployment_rules(deployment: &str) -> Vec<Rule> {
    let prefix = format!("stateful-asg-{deployment}-");
    vec![
        rule("hook-actions", "lifecycle", move |event| {
            is(
                event,
                "aws.autoscaling",
                &["EC2 Instance-launch Lifecycle Action", "EC2 Instance-terminate Lifecycle Action"],
            ) && event
                .pointer("/detail/LifecycleHookName")
                .and_then(Value::as_str)
                .is_some_and(|name| name.starts_with(&prefix))
        }),
        rule("group-results", "lifecycle", |event| {
            let results = [
                "EC2 Instance Launch Successful",
                "EC2 Instance Launch Unsuccessful",
                "EC2 Instance Terminate Successful",
                "EC2 Instance Terminate Unsuccessful",
            ];
            is(event, "aws.autoscaling", &results)
        }),
        rule("settle", "lifecycle", |event| is(event, "stateful-asg", &["Settle"])),
        rule("instances", "instance", |event| {
            let changes = [
                "EC2 Instance State-change Notification",
                "EC2 Spot Instance Interruption Warning",
                "EC2 Instance Rebalance Recommendation",
            ];
            is(event, "aws.ec2", &changes)
        }),
    ]
}

fn rule(name: &str, function: &str, matches: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Rule {
    Rule { name: name.to_owned(), matches: Box::new(matches), function: function.to_owned() }
}

fn is(event: &Value, source: &str, detail_types: &[&str]) -> bool {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    text("source") == source && detail_types.contains(&text("detail-type"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn targets(event: &Value) -> Vec<String> {
        deployment_rules("prod").into_iter().filter(|rule| (rule.matches)(event)).map(|rule| rule.function).collect()
    }

    #[test]
    fn each_event_goes_to_its_function() {
        let hook = |name: &str| json!({"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action", "detail": {"LifecycleHookName": name}});
        let plain = |source: &str, kind: &str| json!({"source": source, "detail-type": kind, "detail": {}});
        assert_eq!(targets(&hook("stateful-asg-prod-launch")), ["lifecycle"]);
        assert_eq!(targets(&hook("stateful-asg-staging-launch")), [""; 0]);
        assert_eq!(targets(&plain("aws.autoscaling", "EC2 Instance-launch Lifecycle Action")), [""; 0]);
        assert_eq!(targets(&plain("aws.autoscaling", "EC2 Instance Terminate Successful")), ["lifecycle"]);
        assert_eq!(targets(&plain("stateful-asg", "Settle")), ["lifecycle"]);
        assert_eq!(targets(&plain("aws.ec2", "EC2 Instance State-change Notification")), ["instance"]);
        assert_eq!(targets(&plain("aws.ec2", "Settle")), [""; 0]);
    }
}
