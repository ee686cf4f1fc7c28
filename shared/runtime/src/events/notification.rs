//! Notifications that a hook's SNS or SQS target gets, told from events of EventBridge.

use serde_json::Value;

/// A test notification: bare, in an SNS message, in an SQS body, or one in the other.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html>
pub(super) fn is_test(event: &Value) -> bool {
    const DEEPEST: u8 = 4;
    holds_test(event, DEEPEST)
}

/// Records of SNS or SQS.
pub(super) fn is_batch(event: &Value) -> bool {
    event.get("Records").is_some_and(Value::is_array)
}

fn holds_test(value: &Value, depth: u8) -> bool {
    if value.get("Event").and_then(Value::as_str) == Some("autoscaling:TEST_NOTIFICATION") {
        return true;
    }
    if depth == 0 {
        return false;
    }
    let inside = |value: &Value| match value {
        Value::String(text) => serde_json::from_str(text).is_ok_and(|inner| holds_test(&inner, depth - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            holds_test(value, depth - 1)
        }
    };
    let records = value.get("Records").and_then(Value::as_array);
    records.is_some_and(|records| !records.is_empty() && records.iter().all(inside))
        || ["body", "Sns", "Message", "detail"].iter().filter_map(|name| value.get(name)).any(inside)
}
