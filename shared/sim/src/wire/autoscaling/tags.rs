//! Tags of groups.

use std::collections::BTreeMap;

use super::super::operation::{Refusal, Table, body, entry};
use super::super::query::{Query, QueryError};
use super::super::xml::Element;
use super::filters;
use crate::model::Aws;
use crate::model::types::GroupTag;

pub(super) const OPERATIONS: Table =
    &[("CreateOrUpdateTags", create_or_update), ("DeleteTags", delete), ("DescribeTags", describe)];

/// The request's tags, each with the group that it names (in CreateAutoScalingGroup often none).
pub(super) fn read(query: &Query) -> Result<Vec<(Option<String>, GroupTag)>, QueryError> {
    let read = |tag: &Query| {
        let group_tag = GroupTag {
            key: tag.required("Key")?,
            value: tag.string("Value").unwrap_or_default(),
            propagate_at_launch: tag.flag("PropagateAtLaunch")?.unwrap_or_default(),
        };
        Ok((tag.string("ResourceId"), group_tag))
    };
    query.members("Tags").into_iter().map(read).collect()
}

/// A tag as the describe calls show it.
pub(super) fn encode(group: &str, tag: &GroupTag) -> Element {
    entry()
        .field("ResourceId", group)
        .field("ResourceType", "auto-scaling-group")
        .field("Key", &tag.key)
        .field("Value", &tag.value)
        .field("PropagateAtLaunch", tag.propagate_at_launch)
}

fn by_group(query: &Query) -> Result<BTreeMap<String, Vec<GroupTag>>, QueryError> {
    let mut groups: BTreeMap<String, Vec<GroupTag>> = BTreeMap::new();
    for (group, tag) in read(query)? {
        groups.entry(group.ok_or_else(|| QueryError::Missing("ResourceId".to_owned()))?).or_default().push(tag);
    }
    Ok(groups)
}

fn create_or_update(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    for (group, tags) in by_group(query)? {
        aws.create_or_update_group_tags(&group, &tags)?;
    }
    Ok(body())
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    for (group, tags) in by_group(query)? {
        let keys: Vec<String> = tags.into_iter().map(|tag| tag.key).collect();
        aws.delete_group_tags(&group, &keys)?;
    }
    Ok(body())
}

fn describe(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_group_tags(&filters(query)?)?;
    Ok(body().list("Tags", "member", found.iter().map(|(group, tag)| encode(group, tag))))
}
