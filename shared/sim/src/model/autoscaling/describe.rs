//! Describe calls of Auto Scaling. Each group and each member is seen as it was at a moment of its
//! own (assumed to lag as EC2's reads do).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::buckets::Cost;
use crate::model::ec2::wildcard;
use crate::model::types::{
    DescribeAutoScalingGroups, DescribeAutoScalingInstances, Filter, Group, GroupDescription, Member, Paged,
};
use crate::model::{Answer, Aws, AwsError};

impl Aws {
    /// The members, of one group or of all, as a reader sees them.
    pub(super) fn members_seen(&mut self, group: Option<&str>) -> Vec<Arc<Member>> {
        if self.settings.read_lag.is_zero() {
            return match group {
                Some(group) => self.members_of(group),
                None => self.asg.members.iter().cloned().collect(),
            };
        }
        let count = self.asg.members.keys_after(None).count();
        let moments: Vec<_> = (0..count).map(|_| self.moment()).collect();
        let ids = self.asg.members.keys_after(None).zip(moments);
        let seen = ids.filter_map(|(id, moment)| self.asg.members.at(id, moment));
        seen.filter(|member| group.is_none_or(|group| member.group == group)).cloned().collect()
    }

    fn groups_seen(&mut self) -> Vec<Arc<Group>> {
        let count = self.asg.groups.keys_after(None).count();
        let moments: Vec<_> = (0..count).map(|_| self.moment()).collect();
        let names = self.asg.groups.keys_after(None).zip(moments);
        names.filter_map(|(name, moment)| self.asg.groups.at(name, moment)).cloned().collect()
    }

    /// `autoscaling:DescribeAutoScalingGroups`. Members of warm pools are counted, not listed
    /// (documented: BC `WarmPoolSize`).
    ///
    /// # Errors
    /// `ValidationError` for a filter or a page size that cannot be; `InvalidNextToken`.
    pub fn describe_auto_scaling_groups(
        &mut self,
        request: &DescribeAutoScalingGroups,
    ) -> Answer<Paged<GroupDescription>> {
        self.call("autoscaling:DescribeAutoScalingGroups", Cost::Free, |aws| {
            check_filters(&request.filters)?;
            let limit = page_size(request.max_records, 50, 100)?;
            let wanted = |group: &Arc<Group>| {
                let named = request.names.is_empty() || request.names.contains(&group.name);
                named && request.filters.iter().all(|filter| group_fits(filter, group))
            };
            let groups = aws.groups_seen().into_iter().filter(wanted).collect();
            let (groups, next_token) = page(groups, limit, request.next_token.as_deref(), |group| &group.name)?;
            let mut members: BTreeMap<String, Vec<Arc<Member>>> = BTreeMap::new();
            let one = if let [group] = groups.as_slice() { Some(group.name.as_str()) } else { None };
            for member in aws.members_seen(one) {
                members.entry(member.group.clone()).or_default().push(member);
            }
            let describe = |group: Arc<Group>| {
                let all = members.remove(&group.name).unwrap_or_default();
                let (warm, instances): (Vec<_>, Vec<_>) = all.into_iter().partition(|member| member.state.is_warmed());
                GroupDescription { group, instances, warm_pool_size: warm.len() }
            };
            Ok(Paged { items: groups.into_iter().map(describe).collect(), next_token })
        })
    }

    /// `autoscaling:DescribeAutoScalingInstances`, those of warm pools included.
    ///
    /// # Errors
    /// `ValidationError` for a page size that cannot be; `InvalidNextToken`.
    pub fn describe_auto_scaling_instances(
        &mut self,
        request: &DescribeAutoScalingInstances,
    ) -> Answer<Paged<Arc<Member>>> {
        self.call("autoscaling:DescribeAutoScalingInstances", Cost::Free, |aws| {
            let limit = page_size(request.max_records, 50, 50)?;
            let wanted = |member: &Arc<Member>| {
                request.instance_ids.is_empty() || request.instance_ids.contains(&member.instance_id)
            };
            let members = aws.members_seen(None).into_iter().filter(wanted).collect();
            let (items, next_token) =
                page(members, limit, request.next_token.as_deref(), |member| &member.instance_id)?;
            Ok(Paged { items, next_token })
        })
    }
}

/// Documented: BC `MaxRecords`.
fn page_size(wished: Option<u32>, default: u32, max: u32) -> Answer<usize> {
    let size = wished.unwrap_or(default);
    if !(1..=max).contains(&size) {
        return Err(AwsError::validation(format!("The number of records must be between 1 and {max}.")));
    }
    Ok(size as usize)
}

/// The page after `token`, and the token of the next.
fn page<T>(
    all: Vec<T>,
    limit: usize,
    token: Option<&str>,
    id: impl Fn(&T) -> &String,
) -> Answer<(Vec<T>, Option<String>)> {
    let invalid = || AwsError::new("InvalidNextToken", "The NextToken value is not valid.");
    let after = token.map(|token| token.strip_prefix("after:").ok_or_else(invalid)).transpose()?;
    let mut rest = all.into_iter().filter(|item| after.is_none_or(|after| id(item).as_str() > after));
    let items: Vec<_> = rest.by_ref().take(limit).collect();
    let next_token = rest.next().and(items.last()).map(|last| format!("after:{}", id(last)));
    Ok((items, next_token))
}

/// Documented: BC `Filters` of DescribeAutoScalingGroups.
fn check_filters(filters: &[Filter]) -> Answer<()> {
    let known = |name: &str| name == "tag-key" || name == "tag-value" || name.starts_with("tag:");
    match filters.iter().find(|filter| !known(&filter.name)) {
        Some(filter) => Err(AwsError::validation(format!(
            "Filter type {} is not correct. Allowed Filter types are: tag-key tag-value tag:<key>",
            filter.name
        ))),
        None => Ok(()),
    }
}

fn group_fits(filter: &Filter, group: &Group) -> bool {
    let fits = |text: &str| filter.values.iter().any(|wished| wildcard(wished, text));
    match filter.name.strip_prefix("tag:") {
        Some(key) => group.tags.get(key).is_some_and(|tag| fits(&tag.value)),
        None if filter.name == "tag-key" => group.tags.keys().any(|key| fits(key)),
        None => group.tags.values().any(|tag| fits(&tag.value)),
    }
}
