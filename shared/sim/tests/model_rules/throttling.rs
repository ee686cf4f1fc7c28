//! Request buckets and injected faults.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, RequestBuckets, Settings};

use crate::support::*;

fn throttled(buckets: RequestBuckets) -> Aws {
    Aws::new(Settings { buckets, ..Settings::default() })
}

/// How many calls pass before one is refused.
fn burst(aws: &mut Aws, mut call: impl FnMut(&mut Aws) -> Option<u16>) -> usize {
    (0..1000).take_while(|_| !matches!(call(aws), Some(503))).count()
}

fn detach(aws: &mut Aws) -> Option<u16> {
    let request = DetachVolume { volume_id: "vol-0".to_owned(), ..DetachVolume::default() };
    aws.detach_volume(&request).err().map(|e| e.status)
}

#[test]
fn each_operation_has_the_published_bucket() {
    let mut aws = throttled(RequestBuckets::PerOperation);
    assert_eq!(burst(&mut aws, detach), 50);
    aws.advance(secs(2));
    assert_eq!(burst(&mut aws, detach), 10);
    assert_eq!(burst(&mut aws, |aws| aws.delete_volume("vol-0").err().map(|e| e.status)), 100);
    assert_eq!(burst(&mut aws, |aws| aws.describe_volumes(&Describe::all()).err().map(|e| e.status)), 50);
    assert_eq!(
        burst(&mut aws, |aws| aws.describe_volumes(&Describe::filter("status", "x")).err().map(|e| e.status)),
        100
    );
}

#[test]
fn mutating_calls_may_share_one_bucket() {
    let mut aws = throttled(RequestBuckets::SharedMutating);
    assert_eq!(burst(&mut aws, detach), 50);
    assert_eq!(burst(&mut aws, |aws| aws.delete_volume("vol-0").err().map(|e| e.status)), 0);
}

#[test]
fn route53_takes_five_requests_a_second() {
    let mut aws = throttled(RequestBuckets::PerOperation);
    for _ in 0..5 {
        aws.list_hosted_zones().unwrap();
    }
    let refused = aws.list_hosted_zones().unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("Throttling", 400));
    aws.advance(secs(1));
    aws.list_hosted_zones().unwrap();
}

#[test]
fn an_injected_fault_strikes_once_before_or_after_the_effect() {
    let mut aws = aws();
    aws.fail_next("ec2:CreateVolume", "InternalError");
    let refused = aws.create_volume(&new_volume(ZONE)).unwrap_err();
    assert_eq!((refused.status, aws.volumes().count()), (500, 0));
    aws.fail_next_after_effect("ec2:CreateVolume", "Unavailable");
    assert_eq!(code(aws.create_volume(&new_volume(ZONE))), "Unavailable");
    assert_eq!(aws.volumes().count(), 1);
    aws.create_volume(&new_volume(ZONE)).unwrap();
    assert_eq!(aws.counts()["ec2:CreateVolume"], 3);
}

#[test]
fn events_can_be_put() {
    let mut aws = aws();
    let entry = |source: &str, detail: &str| PutEventsEntry {
        source: source.to_owned(),
        detail_type: "Settle".to_owned(),
        detail: detail.to_owned(),
        ..PutEventsEntry::default()
    };
    let answers = aws
        .put_events(&[entry("stateful-asg", "{\"group\":\"db\"}"), entry("aws.ec2", "{}"), entry("x", "no")])
        .unwrap();
    assert!(matches!(answers[0], PutEventsResult::Accepted(_)));
    assert!(answers[1..].iter().all(|a| matches!(a, PutEventsResult::Refused(_))));
    let events = aws.take_events();
    assert_eq!((events.len(), &events[0].event["detail"]["group"]), (1, &serde_json::json!("db")));
    assert_eq!(code(aws.put_events(&[])), "ValidationException");
}
