//! What a settle leaves in the embedded metric format. One test: a process has one collector.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_asg_core::ids::{GroupName, InstanceId, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::waiting::{Reason, Subject, Waiting};
use stateful_asg_runtime::metrics::{self, Calls, Meter};
use stateful_asg_runtime::settle::Settled;

fn waiting(reason: Reason, since: Option<&str>) -> Waiting {
    let since = since.map(|since| since.parse().unwrap());
    Waiting { subject: Subject::Slot(SlotNumber(1)), reason, since }
}

fn settled() -> Settled {
    let instance = InstanceId::new("i-0a1b2c3d4e5f60718").unwrap();
    Settled {
        led: true,
        passes: 7,
        steps: BTreeMap::from([("AttachVolume", 2), ("Write", 5)]),
        failures: BTreeMap::from([(FailureKind::Throttled, 3)]),
        waiting: vec![
            waiting(Reason::Booting, Some("2026-11-20T08:00:00Z")),
            waiting(Reason::Booting, Some("2026-11-20T08:00:50Z")),
            waiting(Reason::SurgeBlocked, None),
        ],
        continued: vec![(instance.clone(), Duration::from_millis(1_500)); 250],
        ..Settled::default()
    }
}

/// The documents that were flushed: by the group, or none for the service as a whole.
fn flushed(meter: &Meter, calls: &Calls) -> BTreeMap<Option<String>, Value> {
    let mut lines = Vec::new();
    meter.flush(calls, "request-1", &mut lines).unwrap();
    let documents =
        std::str::from_utf8(&lines).unwrap().lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    documents
        .map(|document| (document.get("group").map(|group| group.as_str().unwrap().to_owned()), document))
        .collect()
}

#[test]
fn a_settle_is_counted_for_its_group_and_calls_for_the_service() {
    let group = GroupName::new("cass").unwrap();
    let now: Timestamp = "2026-11-20T08:01:00Z".parse().unwrap();
    metrics::settled(&group, &settled(), now); // Without a collector this is lost.
    let meter = Meter::install("stateful-asg-prod").unwrap();
    assert!(Meter::install("stateful-asg-prod").is_err());

    metrics::settled(&group, &settled(), now);
    metrics::settled(&group, &Settled::default(), now);
    metrics::refused();
    let calls = Calls { by_operation: BTreeMap::from([("ec2:AttachVolume", 2), ("dynamodb:Query", 1)]), throttled: 1 };
    let documents = flushed(&meter, &calls);
    assert_eq!(documents.len(), 2);

    let of_group = &documents[&Some("cass".to_owned())];
    for (name, value) in [
        ("Settles", json!(1)),
        ("SettlesLeft", json!(1)),
        ("Passes", json!(7)),
        ("Steps.AttachVolume", json!(2)),
        ("Steps.Write", json!(5)),
        ("Failures.Throttled", json!(3)),
        ("Waits.Booting", json!(2)),
        ("OldestWait.Booting", json!([60.0])),
        ("Waits.SurgeBlocked", json!(1)),
        ("OldestWait.SurgeBlocked", Value::Null),
        ("Alarms", json!(1)),
        ("SettlesUnfinished", Value::Null),
        ("LaunchToContinue", json!(vec![1.5; 100])),
        ("service", json!("stateful-asg-prod")),
    ] {
        assert_eq!(of_group[name], value, "{name}");
    }
    let directive = &of_group["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "StatefulAsg");
    assert_eq!(directive["Dimensions"], json!([["service", "group"]]));
    assert!(
        directive["Metrics"].as_array().unwrap().contains(&json!({"Name": "OldestWait.Booting", "Unit": "Seconds"}))
    );

    let of_service = &documents[&None];
    assert_eq!(of_service["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["service"]]));
    assert_eq!(
        (&of_service["ApiCalls"], &of_service["Throttles"], &of_service["RefusedEvents"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(of_service["api_calls"], json!({"ec2:AttachVolume": 2, "dynamodb:Query": 1}));
    assert_eq!(of_service["function_request_id"], "request-1");

    assert!(flushed(&meter, &Calls::default()).is_empty(), "a flush leaves nothing behind");
}

#[test]
fn every_metric_has_a_name_of_its_own_that_says_what_it_tells() {
    let names: std::collections::BTreeSet<_> = metrics::ALL.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), metrics::ALL.len());
    assert!(metrics::ALL.iter().all(|metric| metric.what.ends_with('.')));
}

/// The table at the end of docs/alarms.md, which the tests of the template read.
#[test]
fn the_page_lists_every_metric() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/alarms.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, _) = page.split_once("| metric | unit |").unwrap_or((&page, ""));
    let mut table = "| metric | unit | dimensions | what it tells |\n| --- | --- | --- | --- |\n".to_owned();
    for metric in metrics::ALL {
        let kind = if metric.name.ends_with('.') { "KIND" } else { "" };
        let dimensions = if metric.by_group { "`service`, `group`" } else { "`service`" };
        table += &format!("| `{}{kind}` | {:?} | {dimensions} | {} |\n", metric.name, metric.unit, metric.what);
    }
    let wanted = format!("{before}{table}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert!(page == wanted || std::env::var_os("UPDATE").is_some(), "run with UPDATE=1 to rewrite docs/alarms.md");
}
