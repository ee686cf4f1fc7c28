//! Route 53's REST protocol with XML bodies.
//!
//! Source: Amazon Route 53 API Reference 2013-04-01; errors as `ErrorResponse`, with
//! `InvalidChangeBatch`'s reasons in its message.

use super::autoscaling::failure;
use super::operation::{Refusal, body, entry, iso, unknown};
use super::query::{Query, QueryError};
use super::xml::Element;
use super::{Answer, XML};
use crate::model::types::{
    Change, ChangeAction, ChangeInfo, ChangeResourceRecordSets, CreateHostedZone, HostedZone, ListResourceRecordSets,
    RecordSetPage, ResourceRecordSet,
};
use crate::model::{Aws, AwsError};

pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// The path that all of Route 53's requests begin with.
pub(super) const PREFIX: &str = "/2013-04-01/";

/// What the simulated Route 53 can do.
const OPERATIONS: [&str; 7] = [
    "ChangeResourceRecordSets",
    "ListResourceRecordSets",
    "CreateHostedZone",
    "ListHostedZones",
    "ListHostedZonesByName",
    "GetHostedZone",
    "GetChange",
];

/// The fields of a record that the model does not have: a record with one of them is refused rather than misunderstood.
const NOT_MODELLED: [&str; 8] = [
    "Weight",
    "Region",
    "GeoLocation",
    "Failover",
    "AliasTarget",
    "TrafficPolicyInstanceId",
    "CidrRoutingConfig",
    "GeoProximityLocation",
];

/// One request, taken apart by its method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    ChangeRecords(&'a str),
    ListRecords(&'a str),
    CreateZone,
    ListZones,
    ListZonesByName,
    GetZone(&'a str),
    GetChange(&'a str),
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn of(method: &str, path: &'a str) -> Self {
        let path = path.trim_start_matches(PREFIX).trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["hostedzone", zone, "rrset"]) => Self::ChangeRecords(zone),
            ("GET", ["hostedzone", zone, "rrset"]) => Self::ListRecords(zone),
            ("POST", ["hostedzone"]) => Self::CreateZone,
            ("GET", ["hostedzone"]) => Self::ListZones,
            ("GET", ["hostedzonesbyname"]) => Self::ListZonesByName,
            ("GET", ["hostedzone", zone]) => Self::GetZone(zone),
            ("GET", ["change", change]) => Self::GetChange(change),
            _ => Self::Unknown,
        }
    }

    /// The operation's name in the API.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ChangeRecords(_) => "ChangeResourceRecordSets",
            Self::ListRecords(_) => "ListResourceRecordSets",
            Self::CreateZone => "CreateHostedZone",
            Self::ListZones => "ListHostedZones",
            Self::ListZonesByName => "ListHostedZonesByName",
            Self::GetZone(_) => "GetHostedZone",
            Self::GetChange(_) => "GetChange",
            Self::Unknown => "Unknown",
        }
    }
}

/// Answers one request; `query` is the URL's.
pub(super) fn answer(aws: &mut Aws, route: Route<'_>, query: &str, body: &str, request_id: &str) -> Answer {
    match call(aws, route, query, body) {
        Ok(content) => {
            let status = if route == Route::CreateZone { 201 } else { 200 };
            let document = content.renamed(format!("{}Response", route.name())).in_namespace(NAMESPACE);
            Answer::new(status, XML, document.render())
        }
        Err(refusal) => failure(NAMESPACE, &refusal.into_error("InvalidInput", "InvalidInput"), request_id),
    }
}

fn call(aws: &mut Aws, route: Route<'_>, query: &str, body: &str) -> Result<Element, Refusal> {
    match route {
        Route::ChangeRecords(zone) => change_records(aws, zone, &read(body)?),
        Route::ListRecords(zone) => list_records(aws, zone, &Query::parse(query)?),
        Route::CreateZone => create_zone(aws, &read(body)?),
        Route::ListZones => list_zones(aws, None),
        Route::ListZonesByName => list_zones(aws, Query::parse(query)?.text("dnsname")),
        Route::GetZone(zone) => get_zone(aws, zone),
        Route::GetChange(change) => Ok(self::body().child(change_info(&aws.get_change(change)?))),
        Route::Unknown => {
            Err(unknown("UnknownOperationException", "Route 53", "of this method and path", OPERATIONS.into_iter())
                .into())
        }
    }
}

fn read(body: &str) -> Result<Element, AwsError> {
    Element::parse(body).map_err(|error| AwsError::new("MalformedInput", error.to_string()))
}

fn missing(name: &str) -> QueryError {
    QueryError::Missing(name.to_owned())
}

fn change_records(aws: &mut Aws, zone: &str, request: &Element) -> Result<Element, Refusal> {
    let batch = request.find("ChangeBatch").ok_or_else(|| missing("ChangeBatch"))?;
    let changes = batch.find("Changes").ok_or_else(|| missing("Changes"))?;
    let request = ChangeResourceRecordSets {
        hosted_zone_id: zone.to_owned(),
        comment: batch.text_of("Comment").map(str::to_owned),
        changes: changes.all("Change").map(read_change).collect::<Result<_, _>>()?,
    };
    Ok(body().child(change_info(&aws.change_resource_record_sets(&request)?)))
}

fn read_change(change: &Element) -> Result<Change, Refusal> {
    let action = match change.text_of("Action") {
        Some("CREATE") => ChangeAction::Create,
        Some("DELETE") => ChangeAction::Delete,
        Some("UPSERT") => ChangeAction::Upsert,
        other => {
            let message = format!("Action {} is not one of CREATE, DELETE, UPSERT.", other.unwrap_or_default());
            return Err(AwsError::new("InvalidInput", message).into());
        }
    };
    let record = change.find("ResourceRecordSet").ok_or_else(|| missing("ResourceRecordSet"))?;
    Ok(Change { action, record: read_record(record)? })
}

fn read_record(record: &Element) -> Result<ResourceRecordSet, Refusal> {
    if let Some(field) = NOT_MODELLED.into_iter().find(|field| record.find(field).is_some()) {
        let message =
            format!("The simulated Route 53 has simple and multivalue records only: {field} is not known to it.");
        return Err(AwsError::new("InvalidInput", message).into());
    }
    let text = |name: &str| record.text_of(name).map(str::to_owned);
    let ttl = record.text_of("TTL").map(|ttl| {
        let invalid = || QueryError::Invalid { name: "TTL".to_owned(), value: ttl.to_owned(), expected: "seconds" };
        ttl.trim().parse().map_err(|_| invalid())
    });
    let values = record.find("ResourceRecords").map(|records| {
        let values = records.all("ResourceRecord").filter_map(|value| value.text_of("Value"));
        values.map(str::to_owned).collect()
    });
    Ok(ResourceRecordSet {
        name: text("Name").ok_or_else(|| missing("Name"))?,
        record_type: text("Type").ok_or_else(|| missing("Type"))?,
        set_identifier: text("SetIdentifier"),
        multi_value_answer: record.text_of("MultiValueAnswer").map(|answer| answer == "true"),
        ttl: ttl.transpose()?,
        values: values.unwrap_or_default(),
    })
}

fn list_records(aws: &mut Aws, zone: &str, query: &Query) -> Result<Element, Refusal> {
    let request = ListResourceRecordSets {
        hosted_zone_id: zone.to_owned(),
        start_record_name: query.string("name").filter(|name| !name.is_empty()),
        start_record_type: query.string("type").filter(|kind| !kind.is_empty()),
        start_record_identifier: query.string("identifier").filter(|identifier| !identifier.is_empty()),
        max_items: query.number("maxitems")?,
    };
    let RecordSetPage { records, next, max_items } = aws.list_resource_record_sets(&request)?;
    let next = next.as_ref();
    Ok(body()
        .list("ResourceRecordSets", "ResourceRecordSet", records.iter().map(write_record))
        .field("IsTruncated", next.is_some())
        .maybe("NextRecordName", next.map(|record| &record.name))
        .maybe("NextRecordType", next.map(|record| &record.record_type))
        .maybe("NextRecordIdentifier", next.and_then(|record| record.set_identifier.as_ref()))
        .field("MaxItems", max_items))
}

fn write_record(record: &ResourceRecordSet) -> Element {
    entry()
        .field("Name", &record.name)
        .field("Type", &record.record_type)
        .maybe("SetIdentifier", record.set_identifier.as_ref())
        .maybe("MultiValueAnswer", record.multi_value_answer)
        .maybe("TTL", record.ttl)
        .list("ResourceRecords", "ResourceRecord", record.values.iter().map(|value| entry().field("Value", value)))
}

fn create_zone(aws: &mut Aws, request: &Element) -> Result<Element, Refusal> {
    let text = |name: &str| request.text_of(name).map(str::to_owned).ok_or_else(|| missing(name));
    let private = request.find("VPC").is_some()
        || request.find("HostedZoneConfig").and_then(|config| config.text_of("PrivateZone")) == Some("true");
    let created = aws.create_hosted_zone(&CreateHostedZone {
        name: text("Name")?,
        caller_reference: text("CallerReference")?,
        private_zone: private,
    })?;
    Ok(body()
        .child(write_zone(&created.hosted_zone).renamed("HostedZone"))
        .child(change_info(&created.change))
        .child(delegation(&created.name_servers)))
}

fn list_zones(aws: &mut Aws, from_name: Option<&str>) -> Result<Element, Refusal> {
    let mut zones = aws.list_hosted_zones()?;
    if let Some(name) = from_name {
        let name = format!("{}.", name.trim_end_matches('.').to_ascii_lowercase());
        zones.sort_by(|a, b| a.name.cmp(&b.name));
        zones.retain(|zone| zone.name >= name);
    }
    Ok(body()
        .list("HostedZones", "HostedZone", zones.iter().map(write_zone))
        .maybe("DNSName", from_name)
        .field("IsTruncated", false)
        .field("MaxItems", 100))
}

fn get_zone(aws: &mut Aws, zone: &str) -> Result<Element, Refusal> {
    let found = aws.get_hosted_zone(zone)?;
    Ok(body().child(write_zone(&found.hosted_zone).renamed("HostedZone")).child(delegation(&found.name_servers)))
}

fn write_zone(zone: &HostedZone) -> Element {
    entry()
        .field("Id", format!("/hostedzone/{}", zone.id))
        .field("Name", &zone.name)
        .field("CallerReference", &zone.caller_reference)
        .child(Element::new("Config").field("PrivateZone", zone.private_zone))
        .field("ResourceRecordSetCount", zone.resource_record_set_count)
}

fn delegation(name_servers: &[String]) -> Element {
    Element::new("DelegationSet").texts("NameServers", "NameServer", name_servers)
}

fn change_info(change: &ChangeInfo) -> Element {
    Element::new("ChangeInfo")
        .field("Id", format!("/change/{}", change.id))
        .field("Status", if change.in_sync { "INSYNC" } else { "PENDING" })
        .field("SubmittedAt", iso(change.submitted_at))
        .maybe("Comment", change.comment.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart_by_method_and_path() {
        assert_eq!(Route::of("POST", "/2013-04-01/hostedzone/Z1/rrset/"), Route::ChangeRecords("Z1"));
        assert_eq!(Route::of("POST", "/2013-04-01/hostedzone/Z1/rrset"), Route::ChangeRecords("Z1"));
        assert_eq!(Route::of("GET", "/2013-04-01/hostedzone/Z1/rrset"), Route::ListRecords("Z1"));
        assert_eq!(Route::of("GET", "/2013-04-01/hostedzone/"), Route::ListZones);
        assert_eq!(Route::of("GET", "/2013-04-01/change/C1"), Route::GetChange("C1"));
        assert_eq!(Route::of("DELETE", "/2013-04-01/hostedzone/Z1"), Route::Unknown);
    }

    #[test]
    fn a_record_that_the_model_does_not_have_is_refused() {
        let record = Element::new("ResourceRecordSet").field("Name", "a.b").field("Type", "A").field("Weight", 1);
        let Err(Refusal::Aws(error)) = read_record(&record) else { panic!("it was taken") };
        assert!(error.message.contains("Weight"));
    }
}
