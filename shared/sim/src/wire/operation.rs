//! What the operations of the query protocols have in common.

use jiff::Timestamp;

use super::query::{Query, QueryError};
use super::xml::Element;
use crate::model::{Aws, AwsError};

/// An operation: what it does to the model, and the content of its answer.
pub(super) type Operation = fn(&mut Aws, &Query) -> Result<Element, Refusal>;

/// A service's operations by name.
pub(super) type Table = &'static [(&'static str, Operation)];

/// Why an operation gives no answer.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request cannot be read.
    Parameter(QueryError),
    /// AWS says no.
    Aws(AwsError),
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::Parameter(error)
    }
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl Refusal {
    /// The error to answer, with the service's codes for parameters that are missing or wrong.
    pub(super) fn into_error(self, missing: &str, invalid: &str) -> AwsError {
        match self {
            Self::Aws(error) => error,
            Self::Parameter(error @ QueryError::Missing(_)) => AwsError::new(missing, error.to_string()),
            Self::Parameter(error @ (QueryError::Invalid { .. } | QueryError::NoForm(_))) => {
                AwsError::new(invalid, error.to_string())
            }
        }
    }
}

/// Finds an operation in a service's tables.
pub(super) fn find(tables: &[Table], name: &str) -> Option<Operation> {
    tables.iter().flat_map(|table| table.iter()).find(|(known, _)| *known == name).map(|(_, operation)| *operation)
}

/// Says that an operation does not exist here, and which do.
pub(super) fn unknown<'a>(code: &str, service: &str, name: &str, known: impl Iterator<Item = &'a str>) -> AwsError {
    let known: Vec<&str> = known.collect();
    let known = known.join(", ");
    AwsError::new(code, format!("The action {name} is not one that the simulated {service} has. It has: {known}."))
}

/// The names in a service's tables.
pub(super) fn names(tables: &[Table]) -> impl Iterator<Item = &'static str> {
    tables.iter().flat_map(|table| table.iter()).map(|(name, _)| *name)
}

/// The content of an answer: its children count, its name is set by the service.
pub(super) fn body() -> Element {
    Element::new("body")
}

/// An element of a list, whose name the list gives.
pub(super) fn entry() -> Element {
    Element::new("item")
}

/// A time as AWS writes it in XML: UTC with milliseconds.
pub(super) fn iso(time: Timestamp) -> String {
    jiff::fmt::temporal::DateTimePrinter::new().precision(Some(3)).timestamp_to_string(&time)
}
