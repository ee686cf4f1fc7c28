//! Which events go to which function: the deployed rules, and EventBridge's patterns.

use serde_json::Value;

use crate::stack::Stack;

/// An EventBridge rule with one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The rule's name.
    pub name: String,
    /// Its pattern.
    pub pattern: Value,
    /// The function that gets what matches.
    pub function: String,
}

/// The rules of a deployed stack: those of the template, with its facts.
#[must_use]
pub fn rules_of(stack: &Stack) -> Vec<Rule> {
    let rules = |(function, deployed): (&String, &crate::stack::Deployed)| {
        let function = function.clone();
        let rule = move |(name, pattern): (&String, &Value)| Rule {
            name: name.clone(),
            pattern: pattern.clone(),
            function: function.clone(),
        };
        deployed.rules.iter().map(rule).collect::<Vec<_>>()
    };
    stack.functions.iter().flat_map(rules).collect()
}

impl Rule {
    /// Whether the rule's target gets the event.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        matches(&self.pattern, event)
    }
}

/// Documented (EventBridge User Guide, *Event patterns*,
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html>): each field of a pattern must be in
/// the event, with one of the values in its list; fields that the pattern does not name do not count.
///
/// Documented (*Comparison operators*): `{"prefix": …}`. An array in the event matches with any of its elements. Other
/// operators are not played, and match nothing: a pattern that begins to use one fails its tests.
fn matches(pattern: &Value, event: &Value) -> bool {
    let Value::Object(fields) = pattern else { return false };
    fields.iter().all(|(name, wanted)| match (wanted, event.get(name)) {
        (_, None) => false,
        (Value::Array(values), Some(Value::Array(given))) => given.iter().any(|given| one_of(values, given)),
        (Value::Array(values), Some(given)) => one_of(values, given),
        (nested, Some(given)) => matches(nested, given),
    })
}

fn one_of(values: &[Value], given: &Value) -> bool {
    values.iter().any(|value| match value {
        Value::Object(operator) => operator.iter().all(|(name, operand)| {
            let texts = operand.as_str().zip(given.as_str());
            name == "prefix" && texts.is_some_and(|(prefix, given)| given.starts_with(prefix))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value == given,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stack::Facts;

    fn targets(event: &Value) -> Vec<String> {
        let rules = rules_of(&Stack::with(&Facts::of("prod")));
        rules.into_iter().filter(|rule| rule.matches(event)).map(|rule| rule.function).collect()
    }

    #[test]
    fn each_event_goes_to_its_function() {
        let hook = |name: &str| json!({"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action", "detail": {"LifecycleHookName": name}});
        let plain = |source: &str, kind: &str| json!({"source": source, "detail-type": kind, "detail": {}});
        let state = |state: &str| json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"state": state}});
        let settle = |deployment: &str| json!({"source": "stateful-asg", "detail-type": "Settle", "detail": {"deployment": deployment}});
        assert_eq!(targets(&hook("stateful-asg-prod-launch")), ["lifecycle"]);
        assert_eq!(targets(&hook("stateful-asg-staging-launch")), [""; 0]);
        assert_eq!(targets(&plain("aws.autoscaling", "EC2 Instance-launch Lifecycle Action")), [""; 0]);
        assert_eq!(targets(&plain("aws.autoscaling", "EC2 Instance Terminate Successful")), ["lifecycle"]);
        assert_eq!(targets(&settle("prod")), ["lifecycle"]);
        assert_eq!(targets(&settle("staging")), [""; 0]);
        for gone in ["stopping", "stopped", "shutting-down", "terminated"] {
            assert_eq!(targets(&state(gone)), ["instance"], "{gone}");
        }
        assert_eq!(targets(&state("running")), [""; 0]);
        assert_eq!(targets(&plain("aws.ec2", "EC2 Spot Instance Interruption Warning")), ["instance"]);
        assert_eq!(targets(&plain("aws.ec2", "Settle")), [""; 0]);
    }

    #[test]
    fn a_pattern_is_matched_field_by_field() {
        let pattern = json!({"a": ["x", 1, {"prefix": "ab"}], "b": {"c": [null]}});
        for event in [
            json!({"a": "x", "b": {"c": null}, "more": 1}),
            json!({"a": 1, "b": {"c": null}}),
            json!({"a": "abc", "b": {"c": null}}),
            json!({"a": ["no", "x"], "b": {"c": null}}),
        ] {
            assert!(matches(&pattern, &event), "{event}");
        }
        for event in [json!({"a": "x"}), json!({"a": "xab", "b": {"c": null}}), json!({"a": "x", "b": {}}), json!(1)] {
            assert!(!matches(&pattern, &event), "{event}");
        }
        assert!(!matches(&json!({"a": [{"suffix": "x"}]}), &json!({"a": "x"})), "not played");
    }
}
