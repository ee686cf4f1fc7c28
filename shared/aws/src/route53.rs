//! A records in Route 53, changed by compare-and-swap only.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types;
use stateful_asg_core::cloud::{RecordChange, RecordKey, RecordSeen};
use stateful_asg_core::ids::DnsName;
use stateful_asg_runtime::ports::Called;

use crate::Aws;
use crate::errors::{answer, unbuilt};

impl Aws {
    pub(crate) async fn record_at(&self, key: &RecordKey) -> Called<RecordSeen> {
        let request = self.route53.list_resource_record_sets();
        let sent = request
            .hosted_zone_id(key.zone.as_str())
            .start_record_name(absolute(&key.name))
            .start_record_type(types::RrType::A)
            .max_items(1)
            .send()
            .await;
        let shown = answer("route53:ListResourceRecordSets", sent)?;
        Ok(record(&key.name, shown.resource_record_sets()))
    }

    pub(crate) async fn swap_record(&self, change: &RecordChange) -> Called<()> {
        const OPERATION: &str = "route53:ChangeResourceRecordSets";
        let Some(batch) = batch(change).map_err(|error| unbuilt(OPERATION, &error))? else { return Ok(()) };
        let request = self.route53.change_resource_record_sets();
        let sent = request.hosted_zone_id(change.key.zone.as_str()).change_batch(batch).send().await;
        answer(OPERATION, sent).map(drop)
    }
}

fn absolute(name: &DnsName) -> String {
    format!("{name}.")
}

/// What the list shows under this name. The list begins at the name, or after it where it is absent.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>
fn record(name: &DnsName, shown: &[types::ResourceRecordSet]) -> RecordSeen {
    let Some(first) = shown.first() else { return RecordSeen::Absent };
    if !first.name().trim_end_matches('.').eq_ignore_ascii_case(name.as_str()) {
        return RecordSeen::Absent;
    }
    let kind = first.r#type();
    if *kind == types::RrType::A {
        a_record(first)
    } else if *kind == types::RrType::Cname {
        RecordSeen::Other("a CNAME record has the name".to_owned())
    } else {
        RecordSeen::Absent
    }
}

fn a_record(seen: &types::ResourceRecordSet) -> RecordSeen {
    if let Some(set) = seen.set_identifier() {
        return RecordSeen::Other(format!("an A record with a routing policy has the name (set identifier `{set}`)"));
    }
    if seen.alias_target().is_some() {
        return RecordSeen::Other("an alias has the name".to_owned());
    }
    let values: Result<BTreeSet<Ipv4Addr>, _> = seen.resource_records().iter().map(|r| r.value().parse()).collect();
    match (values, seen.ttl().map(u32::try_from)) {
        (Ok(values), Some(Ok(ttl))) if !values.is_empty() => RecordSeen::A { ttl, values },
        _ => RecordSeen::Other("an A record whose values or TTL are of another form has the name".to_owned()),
    }
}

/// DELETE of the old values and CREATE of the new ones, all or nothing: Route 53 refuses it where the record is not as
/// given. None where there is neither old nor new.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
fn batch(change: &RecordChange) -> Result<Option<types::ChangeBatch>, BuildError> {
    let step = |action, held: &Option<(u32, BTreeSet<Ipv4Addr>)>| {
        let held = held.as_ref().filter(|(_, values)| !values.is_empty());
        held.map(|(ttl, values)| one_change(action, &change.key.name, *ttl, values)).transpose()
    };
    let delete = step(types::ChangeAction::Delete, &change.old)?;
    let create = step(types::ChangeAction::Create, &change.new)?;
    let changes: Vec<_> = delete.into_iter().chain(create).collect();
    if changes.is_empty() {
        return Ok(None);
    }
    types::ChangeBatch::builder().comment("stateful-asg").set_changes(Some(changes)).build().map(Some)
}

fn one_change(
    action: types::ChangeAction,
    name: &DnsName,
    ttl: u32,
    values: &BTreeSet<Ipv4Addr>,
) -> Result<types::Change, BuildError> {
    let records = values.iter().map(|value| types::ResourceRecord::builder().value(value.to_string()).build());
    let set = types::ResourceRecordSet::builder()
        .name(absolute(name))
        .r#type(types::RrType::A)
        .ttl(i64::from(ttl))
        .set_resource_records(Some(records.collect::<Result<_, _>>()?))
        .build()?;
    types::Change::builder().action(action).resource_record_set(set).build()
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::ids::HostedZoneId;

    use super::*;

    fn name() -> DnsName {
        DnsName::new("cass-1.prod.internal").unwrap()
    }

    fn values(values: &[&str]) -> BTreeSet<Ipv4Addr> {
        values.iter().map(|value| value.parse().unwrap()).collect()
    }

    fn shown(name: &str, kind: types::RrType, values: &[&str]) -> types::builders::ResourceRecordSetBuilder {
        let records = values.iter().map(|value| types::ResourceRecord::builder().value(*value).build().unwrap());
        types::ResourceRecordSet::builder()
            .name(name)
            .r#type(kind)
            .ttl(30)
            .set_resource_records(Some(records.collect()))
    }

    fn seen(set: types::builders::ResourceRecordSetBuilder) -> RecordSeen {
        record(&name(), &[set.build().unwrap()])
    }

    #[test]
    fn a_plain_record_is_read() {
        let plain = shown("Cass-1.prod.internal.", types::RrType::A, &["10.0.0.2", "10.0.0.1"]);
        assert_eq!(seen(plain), RecordSeen::A { ttl: 30, values: values(&["10.0.0.1", "10.0.0.2"]) });
    }

    #[test]
    fn the_answer_may_be_about_a_later_name_or_type() {
        assert_eq!(record(&name(), &[]), RecordSeen::Absent);
        assert_eq!(seen(shown("cass-2.prod.internal.", types::RrType::A, &["10.0.0.1"])), RecordSeen::Absent);
        assert_eq!(seen(shown("cass-1.prod.internal.", types::RrType::Txt, &["\"x\""])), RecordSeen::Absent);
    }

    #[test]
    fn what_is_not_of_our_making_is_told_apart() {
        let other = |set| matches!(seen(set), RecordSeen::Other(_));
        let plain = || shown("cass-1.prod.internal.", types::RrType::A, &["10.0.0.1"]);
        assert!(other(plain().set_identifier("blue").weight(1)));
        assert!(other(shown("cass-1.prod.internal.", types::RrType::Cname, &["elsewhere."])));
        assert!(other(shown("cass-1.prod.internal.", types::RrType::A, &["ten.0.0.1"])));
        assert!(other(plain().set_ttl(None)));
        let alias = types::AliasTarget::builder().hosted_zone_id("Z1").dns_name("lb.").evaluate_target_health(false);
        assert!(other(plain().alias_target(alias.build().unwrap())));
    }

    #[test]
    fn a_change_deletes_exactly_the_old_and_creates_the_new() {
        let key = RecordKey { zone: HostedZoneId::new("Z1").unwrap(), name: name() };
        let change = RecordChange {
            key: key.clone(),
            old: Some((30, values(&["10.0.0.1"]))),
            new: Some((60, values(&["10.0.0.1", "10.0.0.2"]))),
        };
        let batch = batch(&change).unwrap().unwrap();
        let steps: Vec<_> = batch
            .changes()
            .iter()
            .map(|c| {
                let set = c.resource_record_set().unwrap();
                let values: Vec<_> = set.resource_records().iter().map(types::ResourceRecord::value).collect();
                (c.action().as_str(), set.name(), set.ttl(), values.join(" "))
            })
            .collect();
        assert_eq!(
            steps,
            [
                ("DELETE", "cass-1.prod.internal.", Some(30), "10.0.0.1".to_owned()),
                ("CREATE", "cass-1.prod.internal.", Some(60), "10.0.0.1 10.0.0.2".to_owned()),
            ]
        );
        let nothing = RecordChange { key, old: None, new: Some((30, BTreeSet::new())) };
        assert_eq!(super::batch(&nothing).unwrap(), None, "an empty record is an absent one");
    }
}
