//! EC2's query protocol.
//!
//! Source: Amazon EC2 API Reference, "Query requests" and "Error codes"; element names as in
//! botocore's service model 2016-11-15.

mod instances;
mod network;
mod snapshots;
mod tags;
mod templates;
mod volumes;

use super::operation::{Refusal, Table, body, entry, find, names, unknown};
use super::query::{Query, QueryError};
use super::xml::Element;
use super::{Answer, XML};
use crate::model::types::{Describe, Filter, Paged, Tags};
use crate::model::{Aws, AwsError};

const NAMESPACE: &str = "http://ec2.amazonaws.com/doc/2016-11-15/";

const TABLES: &[Table] = &[
    instances::OPERATIONS,
    network::OPERATIONS,
    snapshots::OPERATIONS,
    tags::OPERATIONS,
    templates::OPERATIONS,
    volumes::OPERATIONS,
];

/// Answers one request.
pub(super) fn answer(aws: &mut Aws, action: &str, query: &Query, request_id: &str) -> Answer {
    match call(aws, action, query) {
        Ok(content) => {
            let document =
                content.renamed(format!("{action}Response")).in_namespace(NAMESPACE).field("requestId", request_id);
            Answer::new(200, XML, document.render())
        }
        Err(error) => failure(&error, request_id),
    }
}

/// An error as EC2 tells it.
pub(super) fn failure(error: &AwsError, request_id: &str) -> Answer {
    let element = Element::new("Error").field("Code", &error.code).field("Message", &error.message);
    let document = Element::new("Response").child(Element::new("Errors").child(element)).field("RequestID", request_id);
    Answer::new(error.status, XML, document.render())
}

fn call(aws: &mut Aws, action: &str, query: &Query) -> Result<Element, AwsError> {
    let operation = find(TABLES, action).ok_or_else(|| unknown("InvalidAction", "EC2", action, names(TABLES)))?;
    let dry_run = query.flag("DryRun").map(Option::unwrap_or_default);
    let refused = |refusal: Refusal| refusal.into_error("MissingParameter", "InvalidParameterValue");
    if dry_run.map_err(|error| refused(error.into()))? {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(AwsError { code: "DryRunOperation".to_owned(), message: message.to_owned(), status: 412 });
    }
    operation(aws, query).map_err(refused)
}

/// Reads what every describe call takes; `ids` names the list of IDs.
fn describe(query: &Query, ids: &str) -> Result<Describe, QueryError> {
    let filters = query.list("Filter").into_iter().map(|filter| {
        let name = filter.required("Name")?;
        Ok(Filter { name, values: filter.texts("Value") })
    });
    Ok(Describe {
        ids: query.texts(ids),
        filters: filters.collect::<Result<_, QueryError>>()?,
        max_results: query.number("MaxResults")?,
        next_token: query.string("NextToken").filter(|token| !token.is_empty()),
    })
}

/// Writes one page of a describe call.
fn page<T>(set: &str, page: &Paged<T>, encode: impl Fn(&T) -> Element) -> Element {
    body().list(set, "item", page.items.iter().map(encode)).maybe("nextToken", page.next_token.as_ref())
}

/// The tags that a creating call gives to the new object.
fn tag_specifications(query: &Query, resource_type: &str) -> Result<Tags, QueryError> {
    let mut tags = Tags::new();
    for specification in query.list("TagSpecification") {
        if specification.text("ResourceType") == Some(resource_type) {
            tags.extend(read_tags(specification)?);
        }
    }
    Ok(tags)
}

fn read_tags(query: &Query) -> Result<Tags, QueryError> {
    query
        .list("Tag")
        .into_iter()
        .map(|tag| Ok((tag.required("Key")?, tag.string("Value").unwrap_or_default())))
        .collect()
}

fn with_tags(element: Element, tags: &Tags) -> Element {
    element.list("tagSet", "item", tags.iter().map(|(key, value)| entry().field("key", key).field("value", value)))
}

/// The answer of calls that only say that they were done.
fn done() -> Element {
    body().field("return", true)
}
