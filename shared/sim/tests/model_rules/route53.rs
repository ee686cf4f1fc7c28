//! Record changes.

use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::*;

use crate::support::*;

fn zone(aws: &mut Aws) -> String {
    let request =
        CreateHostedZone { name: "prod.internal".to_owned(), caller_reference: "1".to_owned(), private_zone: true };
    aws.create_hosted_zone(&request).unwrap().hosted_zone.id
}

fn change(
    aws: &mut Aws,
    zone: &str,
    changes: &[(ChangeAction, ResourceRecordSet)],
) -> Result<ChangeInfo, stateful_asg_sim::model::AwsError> {
    let changes = changes.iter().map(|(action, record)| Change { action: *action, record: record.clone() }).collect();
    aws.change_resource_record_sets(&ChangeResourceRecordSets {
        hosted_zone_id: zone.to_owned(),
        comment: None,
        changes,
    })
}

use ChangeAction::{Create, Delete, Upsert};

#[test]
fn a_batch_is_a_compare_and_swap() {
    let mut aws = aws();
    let zone = zone(&mut aws);
    let record = |ip: &str| ResourceRecordSet::a("Cass-1.prod.internal", 30, [ip]);
    change(&mut aws, &zone, &[(Create, record("10.0.0.5"))]).unwrap();
    change(&mut aws, &zone, &[(Delete, record("10.0.0.5")), (Create, record("10.0.0.6"))]).unwrap();
    let lost = change(&mut aws, &zone, &[(Delete, record("10.0.0.5")), (Create, record("10.0.0.7"))]).unwrap_err();
    assert_eq!(lost.code, "InvalidChangeBatch");
    assert!(
        lost.message.contains(
            "[name='cass-1.prod.internal.', type='A'] but the values provided do not match the current values"
        ),
        "{lost}"
    );
    let now = aws.record(&zone, "cass-1.prod.internal.", "A").unwrap();
    assert_eq!(
        (now.name.as_str(), now.values.as_slice()),
        ("cass-1.prod.internal.", ["10.0.0.6".to_owned()].as_slice())
    );
}

#[test]
fn refusals_leave_the_zone_as_it_was() {
    let mut aws = aws();
    let zone = zone(&mut aws);
    let record = |name: &str, ttl, values: &[&str]| ResourceRecordSet::a(name, ttl, values.iter().copied());
    change(&mut aws, &zone, &[(Create, record("a.prod.internal", 30, &["10.0.0.5", "10.0.0.6"]))]).unwrap();
    let good = (Create, record("b.prod.internal", 30, &["10.0.0.5"]));
    let many: Vec<_> = (0..401).map(|n| format!("10.1.{}.{}", n / 256, n % 256)).collect();
    let cases = [
        ("already exists", (Create, record("a.prod.internal", 30, &["10.0.0.5"]))),
        ("was not found", (Delete, record("c.prod.internal", 30, &["10.0.0.5"]))),
        ("do not match", (Delete, record("a.prod.internal", 60, &["10.0.0.5", "10.0.0.6"]))),
        ("not permitted in zone", (Create, record("a.prod.external", 30, &["10.0.0.5"]))),
        ("not a valid IPv4 address", (Upsert, record("a.prod.internal", 30, &["cat"]))),
        ("Duplicate Resource Record", (Upsert, record("a.prod.internal", 30, &["10.0.0.5", "10.0.0.5"]))),
        ("at least one value", (Upsert, record("a.prod.internal", 30, &[]))),
        ("limit of 400", (Create, ResourceRecordSet::a("m.prod.internal", 30, many))),
    ];
    let before: Vec<_> = aws.records(&zone).cloned().collect();
    for (expected, bad) in cases {
        let refused = change(&mut aws, &zone, &[good.clone(), bad]).unwrap_err();
        assert_eq!(refused.code, "InvalidChangeBatch");
        assert!(refused.message.contains(expected), "{refused}");
    }
    assert_eq!(code(change(&mut aws, &zone, &[])), "InvalidChangeBatch");
    assert_eq!(code(change(&mut aws, "Z0", &[good])), "NoSuchHostedZone");
    assert_eq!(aws.records(&zone).cloned().collect::<Vec<_>>(), before);
    change(&mut aws, &zone, &[(Delete, record("a.prod.internal", 30, &["10.0.0.6", "10.0.0.5"]))])
        .expect("order does not count");
}

#[test]
fn deleting_and_creating_the_same_is_allowed() {
    let mut aws = aws();
    let zone = zone(&mut aws);
    let record = ResourceRecordSet::a("a.prod.internal", 30, ["10.0.0.5"]);
    change(&mut aws, &zone, &[(Create, record.clone())]).unwrap();
    change(&mut aws, &zone, &[(Delete, record.clone()), (Create, record.clone())]).unwrap();
    assert_eq!(code(change(&mut aws, &zone, &[(Delete, record.clone()), (Delete, record)])), "InvalidChangeBatch");
}

#[test]
fn a_change_is_pending_then_in_sync_and_listed_at_once() {
    let mut aws = aws();
    let zone = zone(&mut aws);
    let record = ResourceRecordSet::a("*.prod.internal", 30, ["10.0.0.5"]);
    let info = change(&mut aws, &format!("/hostedzone/{zone}"), &[(Create, record)]).unwrap();
    assert!(!aws.get_change(&info.id).unwrap().in_sync);
    let page = aws
        .list_resource_record_sets(&ListResourceRecordSets {
            hosted_zone_id: zone.clone(),
            start_record_name: Some("*.prod.internal".to_owned()),
            start_record_type: Some("A".to_owned()),
            max_items: Some(1),
            ..ListResourceRecordSets::default()
        })
        .unwrap();
    assert_eq!(page.records[0].name, "\\052.prod.internal.");
    aws.advance(secs(60));
    assert!(aws.get_change(&info.id).unwrap().in_sync);
    assert_eq!(code(aws.get_change("C0")), "NoSuchChange");
}

#[test]
fn lists_come_in_pages() {
    let mut aws = aws();
    let zone = zone(&mut aws);
    for n in 0..5 {
        change(&mut aws, &zone, &[(Create, ResourceRecordSet::a(&format!("n{n}.prod.internal"), 30, ["10.0.0.5"]))])
            .unwrap();
    }
    let mut request = ListResourceRecordSets {
        hosted_zone_id: zone.clone(),
        max_items: Some(3),
        ..ListResourceRecordSets::default()
    };
    let mut names = Vec::new();
    loop {
        let page = aws.list_resource_record_sets(&request).unwrap();
        names.extend(page.records.iter().map(|r| format!("{} {}", r.name, r.record_type)));
        let Some(next) = page.next else { break };
        (request.start_record_name, request.start_record_type) = (Some(next.name), Some(next.record_type));
    }
    assert_eq!(names.len(), 7);
    assert_eq!(names[..3], ["prod.internal. NS", "prod.internal. SOA", "n0.prod.internal. A"]);
    assert_eq!(aws.get_hosted_zone(&zone).unwrap().hosted_zone.resource_record_set_count, 7);
}
