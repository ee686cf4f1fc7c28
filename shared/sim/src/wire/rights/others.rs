//! Auto Scaling, Route 53, DynamoDB and EventBridge.

use serde_json::Value;

use super::Place;
use crate::iam::Check;
use crate::model::{Aws, normal_name};
use crate::wire::query::Query;
use crate::wire::route53::Route;
use crate::wire::xml::Element;

/// What describes has no resource; what else is done is checked on the group, with its tags.
pub(super) fn autoscaling(aws: &Aws, action: &str, form: &Query) -> Check {
    let action_name = format!("autoscaling:{action}");
    if action.starts_with("Describe") {
        return Check::new(action_name, "*");
    }
    let name = form.text("AutoScalingGroupName").unwrap_or_default();
    let Some(group) = aws.group(name) else {
        let unknown = format!("autoScalingGroup:*:autoScalingGroupName/{name}");
        return Check::new(action_name, Place::of(aws).arn("autoscaling", &unknown));
    };
    let tags = group.tags.iter().map(|(key, tag)| (key.clone(), tag.value.clone())).collect();
    Check::new(action_name, &group.arn).with_tags("aws:ResourceTag", &tags).with_tags("autoscaling:ResourceTag", &tags)
}

/// A change of records is checked once, with all their names, types and actions (Route 53 Developer Guide, *Using IAM
/// policy conditions for fine-grained access control*).
pub(super) fn route53(route: Route<'_>, body: &str) -> Vec<Check> {
    let action = format!("route53:{}", route.name());
    let on_zone = |zone: &str| Check::new(&action, format!("arn:aws:route53:::hostedzone/{zone}"));
    match route {
        Route::ChangeRecords(zone) => {
            let read = Element::parse(body).ok();
            let changes = read.as_ref().and_then(|read| read.find("ChangeBatch")?.find("Changes"));
            let changes: Vec<&Element> = changes.map(|changes| changes.all("Change").collect()).unwrap_or_default();
            let of_record = |field: &str| {
                let values = changes.iter().filter_map(|change| change.find("ResourceRecordSet")?.text_of(field));
                values.map(str::to_owned).collect::<Vec<_>>()
            };
            let names = of_record("Name").into_iter().map(|name| normal_name(&name).trim_end_matches('.').to_owned());
            let actions = changes.iter().filter_map(|change| change.text_of("Action"));
            let check = on_zone(zone)
                .with("route53:ChangeResourceRecordSetsNormalizedRecordNames", names)
                .with("route53:ChangeResourceRecordSetsRecordTypes", of_record("Type"))
                .with("route53:ChangeResourceRecordSetsActions", actions);
            vec![check]
        }
        Route::ListRecords(zone) | Route::GetZone(zone) => vec![on_zone(zone)],
        Route::GetChange(change) => vec![Check::new(&action, format!("arn:aws:route53:::change/{change}"))],
        Route::CreateZone | Route::ListZones | Route::ListZonesByName | Route::Unknown => {
            vec![Check::new(&action, "*")]
        }
    }
}

/// Documented (DynamoDB Developer Guide, *Amazon DynamoDB Transactions: How it works*, IAM): a transaction has no right of
/// its own, each of its items asks for the right of its kind.
pub(super) fn dynamodb(place: &Place<'_>, action: &str, body: &str) -> Vec<Check> {
    let request: Value = serde_json::from_str(body).unwrap_or_default();
    let on = |action: &str, item: &Value| {
        let table = item.get("TableName").and_then(Value::as_str).unwrap_or_default();
        Check::new(format!("dynamodb:{action}"), place.arn("dynamodb", &format!("table/{table}")))
    };
    let items = request.get("TransactItems").and_then(Value::as_array);
    match (action, items) {
        ("TransactWriteItems" | "TransactGetItems", Some(items)) => {
            let kinds = items.iter().filter_map(Value::as_object).flatten();
            let name = |kind: &str| {
                if kind == "ConditionCheck" { "ConditionCheckItem".to_owned() } else { format!("{kind}Item") }
            };
            kinds.map(|(kind, item)| on(&name(kind), item)).collect()
        }
        _ => vec![on(action, &request)],
    }
}

/// Each entry is checked on its bus.
pub(super) fn events(place: &Place<'_>, action: &str, body: &str) -> Vec<Check> {
    let request: Value = serde_json::from_str(body).unwrap_or_default();
    let entries = request.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let on = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let bus = place.arn("events", &format!("event-bus/{}", text("EventBusName").unwrap_or("default")));
        Check::new(format!("events:{action}"), bus)
            .with("events:source", text("Source"))
            .with("events:detail-type", text("DetailType"))
    };
    entries.iter().map(on).collect()
}
