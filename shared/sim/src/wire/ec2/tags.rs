//! Tags of EC2's objects.

use super::super::operation::{Refusal, Table, entry};
use super::super::query::{Query, QueryError};
use super::super::xml::Element;
use super::{describe, done, page, read_tags};
use crate::model::Aws;

pub(super) const OPERATIONS: Table = &[("CreateTags", create), ("DeleteTags", delete), ("DescribeTags", describe_tags)];

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.create_tags(&resources(query)?, &read_tags(query)?)?;
    Ok(done())
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let tags = query.list("Tag").into_iter().map(|tag| Ok((tag.required("Key")?, tag.string("Value"))));
    aws.delete_tags(&resources(query)?, &tags.collect::<Result<Vec<_>, QueryError>>()?)?;
    Ok(done())
}

fn resources(query: &Query) -> Result<Vec<String>, QueryError> {
    query.structure("ResourceId").required("1")?;
    Ok(query.texts("ResourceId"))
}

fn describe_tags(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_tags(&describe(query, "NoIds")?)?;
    Ok(page("tagSet", &found, |tag| {
        entry()
            .field("resourceId", &tag.resource_id)
            .field("resourceType", tag.resource_type)
            .field("key", &tag.key)
            .field("value", &tag.value)
    }))
}
