//! Route 53: hosted zones, and records that change in atomic batches.

mod changes;
mod names;

use std::collections::BTreeMap;

use super::agenda::Due;
use super::buckets::Cost;
use super::effects::EffectKind;
use super::types::{
    ChangeInfo, CreateHostedZone, CreatedHostedZone, HostedZone, ListResourceRecordSets, RecordSetPage,
    ResourceRecordSet,
};
use super::{Answer, Aws, AwsError};
pub(crate) use names::normal;
use names::reversed;

/// Where a record stands in its zone: name from the right, type, set identifier.
type Key = (String, String, String);
type Records = BTreeMap<Key, ResourceRecordSet>;

#[derive(Debug, Clone)]
struct Zone {
    zone: HostedZone,
    name_servers: Vec<String>,
    creation: ChangeInfo,
    records: Records,
}

/// The state of Route 53.
#[derive(Debug, Clone, Default)]
pub(super) struct Dns {
    zones: BTreeMap<String, Zone>,
    changes: BTreeMap<String, ChangeInfo>,
}

impl Dns {
    pub(super) fn records(&self, zone: &str) -> impl Iterator<Item = &ResourceRecordSet> {
        self.zones.get(bare(zone)).into_iter().flat_map(|zone| zone.records.values())
    }

    pub(super) fn record(&self, zone: &str, name: &str, record_type: &str) -> Option<&ResourceRecordSet> {
        let key = (reversed(&normal(name)), record_type.to_owned(), String::new());
        self.zones.get(bare(zone))?.records.get(&key)
    }

    fn zone(&self, id: &str) -> Answer<&Zone> {
        self.zones.get(bare(id)).ok_or_else(|| no_zone(id))
    }
}

/// IDs come with and without their path.
fn bare(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn no_zone(id: &str) -> AwsError {
    AwsError { status: 404, ..AwsError::new("NoSuchHostedZone", format!("No hosted zone found with ID: {}", bare(id))) }
}

fn key(record: &ResourceRecordSet) -> Key {
    (reversed(&record.name), record.record_type.clone(), record.set_identifier.clone().unwrap_or_default())
}

impl Aws {
    /// `route53:CreateHostedZone`; the zone comes with its NS and SOA records.
    ///
    /// # Errors
    /// `HostedZoneAlreadyExists` for a caller reference that was used before.
    pub fn create_hosted_zone(&mut self, request: &CreateHostedZone) -> Answer<CreatedHostedZone> {
        self.call("route53:CreateHostedZone", Cost::Dns, |aws| {
            if aws.dns.zones.values().any(|zone| zone.zone.caller_reference == request.caller_reference) {
                let message = format!(
                    "A hosted zone has already been created with the specified caller reference: {}",
                    request.caller_reference
                );
                return Err(AwsError { status: 409, ..AwsError::new("HostedZoneAlreadyExists", message) });
            }
            let id = aws.new_id("z").to_uppercase().replace('-', "");
            let name = normal(&request.name);
            let name_servers: Vec<_> = (1..=4).map(|n| format!("ns-{n}.awsdns-0{n}.example.")).collect();
            let ns = record(&name, "NS", 172_800, name_servers.clone());
            let soa_value = format!("{} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400", name_servers[0]);
            let soa = record(&name, "SOA", 900, vec![soa_value]);
            let zone = HostedZone {
                id: id.clone(),
                name: name.clone(),
                caller_reference: request.caller_reference.clone(),
                private_zone: request.private_zone,
                resource_record_set_count: 2,
            };
            let records = [ns, soa].into_iter().map(|record| (key(&record), record)).collect();
            let change = aws.new_change(None);
            let truth =
                Zone { zone: zone.clone(), name_servers: name_servers.clone(), creation: change.clone(), records };
            aws.dns.zones.insert(id.clone(), truth);
            aws.log(EffectKind::HostedZoneCreated { zone: id, name });
            Ok(CreatedHostedZone { hosted_zone: zone, change, name_servers })
        })
    }

    /// `route53:ListHostedZones`, all on one page.
    ///
    /// # Errors
    /// Only throttling and injected ones.
    pub fn list_hosted_zones(&mut self) -> Answer<Vec<HostedZone>> {
        self.call("route53:ListHostedZones", Cost::Dns, |aws| {
            Ok(aws.dns.zones.values().map(|zone| zone.zone.clone()).collect())
        })
    }

    /// `route53:GetHostedZone`: the zone and its name servers (and the change that created it,
    /// which AWS does not show here).
    ///
    /// # Errors
    /// `NoSuchHostedZone`, with HTTP 404.
    pub fn get_hosted_zone(&mut self, id: &str) -> Answer<CreatedHostedZone> {
        self.call("route53:GetHostedZone", Cost::Dns, |aws| {
            let zone = aws.dns.zone(id)?;
            Ok(CreatedHostedZone {
                hosted_zone: zone.zone.clone(),
                change: zone.creation.clone(),
                name_servers: zone.name_servers.clone(),
            })
        })
    }

    /// `route53:ListResourceRecordSets`. It shows every change at once, also those that are still
    /// PENDING (documented: API reference).
    ///
    /// # Errors
    /// `NoSuchHostedZone`; `InvalidInput` for a type without a name, or an identifier without a type.
    pub fn list_resource_record_sets(&mut self, request: &ListResourceRecordSets) -> Answer<RecordSetPage> {
        self.call("route53:ListResourceRecordSets", Cost::Dns, |aws| {
            let zone = aws.dns.zone(&request.hosted_zone_id)?;
            if request.start_record_name.is_none() && request.start_record_type.is_some() {
                return Err(AwsError::new("InvalidInput", "The input is not valid: a type needs a name."));
            }
            if request.start_record_type.is_none() && request.start_record_identifier.is_some() {
                return Err(AwsError::new("InvalidInput", "The input is not valid: an identifier needs a type."));
            }
            let start = (
                request.start_record_name.as_deref().map(|name| reversed(&normal(name))).unwrap_or_default(),
                request.start_record_type.clone().unwrap_or_default(),
                request.start_record_identifier.clone().unwrap_or_default(),
            );
            let max_items = request.max_items.unwrap_or(300).clamp(1, 300);
            let mut from = zone.records.range(start..).map(|(_, record)| record.clone());
            let records = from.by_ref().take(max_items as usize).collect();
            Ok(RecordSetPage { records, next: from.next(), max_items })
        })
    }

    /// `route53:GetChange`.
    ///
    /// # Errors
    /// `NoSuchChange`, with HTTP 404.
    pub fn get_change(&mut self, id: &str) -> Answer<ChangeInfo> {
        self.call("route53:GetChange", Cost::Dns, |aws| {
            let missing = || AwsError {
                status: 404,
                ..AwsError::new("NoSuchChange", format!("Could not find resource with ID: {}", bare(id)))
            };
            aws.dns.changes.get(bare(id)).cloned().ok_or_else(missing)
        })
    }

    /// Documented: a change is PENDING, then INSYNC, generally within 60 seconds (GetChange).
    fn new_change(&mut self, comment: Option<String>) -> ChangeInfo {
        let id = self.new_id("c").to_uppercase().replace('-', "");
        let change = ChangeInfo { id: id.clone(), in_sync: false, submitted_at: self.now, comment };
        self.dns.changes.insert(id.clone(), change.clone());
        self.later(self.settings.timings.dns_sync, Due::ChangeInSync(id));
        change
    }

    pub(super) fn change_in_sync(&mut self, id: &str) {
        if let Some(change) = self.dns.changes.get_mut(id) {
            change.in_sync = true;
        }
    }
}

fn record(name: &str, record_type: &str, ttl: u32, values: Vec<String>) -> ResourceRecordSet {
    ResourceRecordSet {
        name: name.to_owned(),
        record_type: record_type.to_owned(),
        ttl: Some(ttl),
        values,
        ..ResourceRecordSet::default()
    }
}
