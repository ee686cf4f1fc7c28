//! What the simulated AWS's operations take and answer, named as AWS names it.
//!
//! Describe operations answer shared pointers: a reader never copies the world.

mod autoscaling;
mod ec2;
mod lifecycle;
mod network;
mod route53;
mod storage;

pub use autoscaling::*;
pub use ec2::*;
pub use lifecycle::*;
pub use network::*;
pub use route53::*;
pub use storage::*;

use std::collections::BTreeMap;

/// Tags of an object, by key.
pub type Tags = BTreeMap<String, String>;

/// A condition of a describe call: the object has one of the values. `*` and `?` are wildcards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// As in AWS, for example `tag:Name` or `attachment.instance-id`.
    pub name: String,
    /// Any of these will do.
    pub values: Vec<String>,
}

impl Filter {
    /// A condition with one value.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), values: vec![value.to_owned()] }
    }
}

/// What every EC2 describe operation takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Describe {
    /// Objects by ID; empty means all. One that does not exist makes the call fail.
    pub ids: Vec<String>,
    /// All of these must hold.
    pub filters: Vec<Filter>,
    /// The largest page, 5 to 1000. Absent means everything in one answer.
    pub max_results: Option<u32>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

impl Describe {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// These objects.
    #[must_use]
    pub fn ids<S: Into<String>>(ids: impl IntoIterator<Item = S>) -> Self {
        Self { ids: ids.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// What fits this condition.
    #[must_use]
    pub fn filter(name: &str, value: &str) -> Self {
        Self { filters: vec![Filter::new(name, value)], ..Self::default() }
    }
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// Given when there is more.
    pub next_token: Option<String>,
}

/// An event for `PutEvents`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutEventsEntry {
    /// Who says it.
    pub source: String,
    /// What kind of event it is.
    pub detail_type: String,
    /// A JSON object, as text.
    pub detail: String,
    /// ARNs that it is about.
    pub resources: Vec<String>,
    /// The bus; absent means the default one, and no other exists.
    pub event_bus_name: Option<String>,
}

/// The answer to one entry of `PutEvents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutEventsResult {
    /// Accepted under this event ID.
    Accepted(String),
    /// Refused; the other entries are not affected.
    Refused(super::AwsError),
}
