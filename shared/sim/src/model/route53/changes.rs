//! ChangeResourceRecordSets: all changes of a batch or none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{Change, ChangeAction, ChangeInfo, ChangeResourceRecordSets, ResourceRecordSet};
use crate::model::{Answer, Aws, AwsError};

use super::names::{normal, within};
use super::{Key, Records, bare, key};

/// What a batch makes of the records that it touches; absent means deleted.
type Draft = BTreeMap<Key, Option<ResourceRecordSet>>;

impl Aws {
    /// `route53:ChangeResourceRecordSets`. Each change sees those before it in the batch (observed:
    /// floci 3565).
    ///
    /// # Errors
    /// `NoSuchHostedZone`; `InvalidChangeBatch` that names every change that is refused.
    pub fn change_resource_record_sets(&mut self, request: &ChangeResourceRecordSets) -> Answer<ChangeInfo> {
        self.call("route53:ChangeResourceRecordSets", Cost::Dns, |aws| {
            let zone = aws.dns.zone(&request.hosted_zone_id)?;
            let draft = draft(&zone.zone.name, &zone.records, &request.changes)?;
            aws.apply(bare(&request.hosted_zone_id), draft);
            Ok(aws.new_change(request.comment.clone()))
        })
    }

    fn apply(&mut self, id: &str, draft: Draft) {
        let Some(zone) = self.dns.zones.get_mut(id) else { return };
        let mut changed = Vec::new();
        for (key, new) in draft {
            let old = match &new {
                Some(record) => zone.records.insert(key.clone(), record.clone()),
                None => zone.records.remove(&key),
            };
            if let Some(name) = new.as_ref().or(old.as_ref()).map(|record| record.name.clone()).filter(|_| old != new) {
                let (old, new) = (old.map(Box::new), new.map(Box::new));
                changed.push(EffectKind::Record { zone: id.to_owned(), name, record_type: key.1, old, new });
            }
        }
        zone.zone.resource_record_set_count = zone.records.len() as u64;
        for effect in changed {
            self.log(effect);
        }
    }
}

/// Documented: at most 1000 ResourceRecord elements a batch, UPSERT counting twice (Route 53 Developer Guide, *Quotas*).
fn check_size(changes: &[Change]) -> Answer<()> {
    let weight =
        |change: &Change| change.record.values.len() * if change.action == ChangeAction::Upsert { 2 } else { 1 };
    if changes.is_empty() || changes.iter().map(weight).sum::<usize>() > 1000 {
        return Err(AwsError::new("InvalidChangeBatch", "[Number of records limit of 1000 exceeded.]"));
    }
    Ok(())
}

fn draft(zone: &str, records: &Records, changes: &[Change]) -> Answer<Draft> {
    check_size(changes)?;
    let mut draft = Draft::new();
    let mut refused = Vec::new();
    for change in changes {
        let record = ResourceRecordSet { name: normal(&change.record.name), ..change.record.clone() };
        let key = key(&record);
        let now = draft.get(&key).cloned().unwrap_or_else(|| records.get(&key).cloned());
        match refusal(zone, change.action, &record, now.as_ref()) {
            Some(refusal) => refused.push(refusal),
            None => {
                draft.insert(key, (change.action != ChangeAction::Delete).then_some(record));
            }
        }
    }
    if refused.is_empty() {
        Ok(draft)
    } else {
        Err(AwsError::new("InvalidChangeBatch", format!("[{}]", refused.join(", "))))
    }
}

/// Why one change is refused. Observed wordings: boto 2887, external-dns 732, terraform-aws-ses 25.
fn refusal(
    zone: &str,
    action: ChangeAction,
    record: &ResourceRecordSet,
    now: Option<&ResourceRecordSet>,
) -> Option<String> {
    let ResourceRecordSet { name, record_type, .. } = record;
    let what = format!("resource record set [name='{name}', type='{record_type}']");
    match (action, now) {
        (ChangeAction::Delete, None) => Some(format!("Tried to delete {what} but it was not found")),
        (ChangeAction::Delete, Some(now)) if !same(record, now) => {
            Some(format!("Tried to delete {what} but the values provided do not match the current values"))
        }
        (ChangeAction::Delete, Some(_)) => None,
        (ChangeAction::Create, Some(_)) => Some(format!("Tried to create {what} but it already exists")),
        (ChangeAction::Create | ChangeAction::Upsert, _) => malformed(zone, record),
    }
}

/// The order of values does not count.
fn same(a: &ResourceRecordSet, b: &ResourceRecordSet) -> bool {
    let values = |record: &ResourceRecordSet| record.values.iter().cloned().collect::<BTreeSet<_>>();
    a.ttl == b.ttl && a.multi_value_answer == b.multi_value_answer && values(a) == values(b)
}

fn malformed(zone: &str, record: &ResourceRecordSet) -> Option<String> {
    let ResourceRecordSet { name, record_type, values, .. } = record;
    if !within(name, zone) {
        return Some(format!("RRSet with DNS name {name} is not permitted in zone {zone}"));
    }
    if record.ttl.is_none() || values.is_empty() {
        return Some(format!(
            "Invalid Resource Record Set [name='{name}', type='{record_type}']: a TTL and at least one value are needed"
        ));
    }
    // Documented: 400 values a record (Route 53 Developer Guide, *Quotas*).
    if values.len() > 400 {
        return Some(format!("Number of records limit of 400 exceeded for [name='{name}', type='{record_type}']"));
    }
    let distinct: BTreeSet<_> = values.iter().collect();
    if distinct.len() < values.len() {
        return Some("Duplicate Resource Record".to_owned());
    }
    let bad = values.iter().find(|value| record_type == "A" && value.parse::<Ipv4Addr>().is_err())?;
    Some(format!(
        "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '{bad}''"
    ))
}
