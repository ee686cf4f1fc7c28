//! Hosted zones and their records.

use jiff::Timestamp;

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedZone {
    /// Such as `Z0123456789ABCDEFGHIJ`, without `/hostedzone/`.
    pub id: String,
    /// With its trailing dot.
    pub name: String,
    /// What made it unique when it was created.
    pub caller_reference: String,
    /// Whether it is a private zone.
    pub private_zone: bool,
    /// How many record sets it holds.
    pub resource_record_set_count: u64,
}

/// CreateHostedZone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateHostedZone {
    /// The domain.
    pub name: String,
    /// Must be new.
    pub caller_reference: String,
    /// Whether it is for a VPC.
    pub private_zone: bool,
}

/// What a new hosted zone comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedHostedZone {
    /// The zone.
    pub hosted_zone: HostedZone,
    /// The change that makes it known.
    pub change: ChangeInfo,
    /// Its four name servers.
    pub name_servers: Vec<String>,
}

/// A record set. Only simple and multivalue ones are modelled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceRecordSet {
    /// In answers: lower case, escaped, with trailing dot.
    pub name: String,
    /// `A`, `TXT` and so on.
    pub record_type: String,
    /// Tells apart records of one name and type.
    pub set_identifier: Option<String>,
    /// Whether it answers as one of several values.
    pub multi_value_answer: Option<bool>,
    /// Seconds.
    pub ttl: Option<u32>,
    /// The values, in the order they were given.
    pub values: Vec<String>,
}

impl ResourceRecordSet {
    /// A simple record of type A.
    #[must_use]
    pub fn a<S: Into<String>>(name: &str, ttl: u32, values: impl IntoIterator<Item = S>) -> Self {
        Self {
            name: name.to_owned(),
            record_type: "A".to_owned(),
            ttl: Some(ttl),
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeAction {
    /// Refused if the record exists.
    Create,
    /// Refused unless the record is exactly as given.
    Delete,
    /// Never refused for what exists.
    Upsert,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What to do.
    pub action: ChangeAction,
    /// With which record.
    pub record: ResourceRecordSet,
}

/// ChangeResourceRecordSets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangeResourceRecordSets {
    /// With or without `/hostedzone/`.
    pub hosted_zone_id: String,
    /// Free text.
    pub comment: Option<String>,
    /// All of them or none.
    pub changes: Vec<Change>,
}

/// How far a change is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeInfo {
    /// Such as `C0123456789ABCDEFGHIJ`, without `/change/`.
    pub id: String,
    /// Whether all name servers have it.
    pub in_sync: bool,
    /// When it was asked for.
    pub submitted_at: Timestamp,
    /// From the request.
    pub comment: Option<String>,
}

/// ListResourceRecordSets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListResourceRecordSets {
    /// With or without `/hostedzone/`.
    pub hosted_zone_id: String,
    /// Where to begin; the answer may begin after it.
    pub start_record_name: Option<String>,
    /// Only with a name.
    pub start_record_type: Option<String>,
    /// Only with a type.
    pub start_record_identifier: Option<String>,
    /// At most 300, which is the default too.
    pub max_items: Option<u32>,
}

/// The answer of ListResourceRecordSets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSetPage {
    /// In Route 53's order: by labels from the right.
    pub records: Vec<ResourceRecordSet>,
    /// The first record that is not on this page.
    pub next: Option<ResourceRecordSet>,
    /// The page size that applied.
    pub max_items: u32,
}
