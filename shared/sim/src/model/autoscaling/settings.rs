//! Suspended processes, and the tags of groups.

use crate::model::buckets::Cost;
use crate::model::types::{Filter, Group, GroupTag};
use crate::model::{Answer, Aws, AwsError};

use crate::model::ec2::wildcard;

/// Documented: *Suspend and resume processes*.
const PROCESSES: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

impl Aws {
    fn with_processes(&mut self, name: &str, processes: &[String], change: impl Fn(&mut Group, &str)) -> Answer<()> {
        let mut group = self.known_group(name)?.as_ref().clone();
        if let Some(unknown) = processes.iter().find(|process| !PROCESSES.contains(&process.as_str())) {
            return Err(AwsError::validation(format!("Invalid scaling process: {unknown}")));
        }
        if processes.is_empty() {
            PROCESSES.iter().for_each(|process| change(&mut group, process));
        } else {
            processes.iter().for_each(|process| change(&mut group, process));
        }
        self.replace_group(group);
        Ok(())
    }

    /// `autoscaling:SuspendProcesses`; no `processes` means all.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group or process.
    pub fn suspend_processes(&mut self, group: &str, processes: &[String]) -> Answer<()> {
        self.call("autoscaling:SuspendProcesses", Cost::Free, |aws| {
            aws.with_processes(group, processes, |group, process| {
                group.suspended.insert(process.to_owned());
            })
        })
    }

    /// `autoscaling:ResumeProcesses`; no `processes` means all. Failures that happened meanwhile are
    /// noticed then.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group or process.
    pub fn resume_processes(&mut self, group: &str, processes: &[String]) -> Answer<()> {
        self.call("autoscaling:ResumeProcesses", Cost::Free, |aws| {
            aws.with_processes(group, processes, |group, process| {
                group.suspended.remove(process);
            })?;
            aws.check_all(group);
            Ok(())
        })
    }

    /// `autoscaling:CreateOrUpdateTags`, for one group. Instances that are there already do not get
    /// the tags (documented: *Tag Auto Scaling groups and instances*).
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn create_or_update_group_tags(&mut self, group: &str, tags: &[GroupTag]) -> Answer<()> {
        self.call("autoscaling:CreateOrUpdateTags", Cost::Free, |aws| {
            let mut known = aws.known_group(group)?.as_ref().clone();
            known.tags.extend(tags.iter().map(|tag| (tag.key.clone(), tag.clone())));
            aws.replace_group(known);
            Ok(())
        })
    }

    /// `autoscaling:DeleteTags`, for one group.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn delete_group_tags(&mut self, group: &str, keys: &[String]) -> Answer<()> {
        self.call("autoscaling:DeleteTags", Cost::Free, |aws| {
            let mut known = aws.known_group(group)?.as_ref().clone();
            known.tags.retain(|key, _| !keys.contains(key));
            aws.replace_group(known);
            Ok(())
        })
    }

    /// `autoscaling:DescribeTags`: groups with their tags, by the filters `auto-scaling-group`, `key`,
    /// `value` and `propagate-at-launch`.
    ///
    /// # Errors
    /// `ValidationError` for another filter.
    pub fn describe_group_tags(&mut self, filters: &[Filter]) -> Answer<Vec<(String, GroupTag)>> {
        self.call("autoscaling:DescribeTags", Cost::Free, |aws| {
            const KNOWN: [&str; 4] = ["auto-scaling-group", "key", "value", "propagate-at-launch"];
            if let Some(filter) = filters.iter().find(|filter| !KNOWN.contains(&filter.name.as_str())) {
                return Err(AwsError::validation(format!(
                    "Filter type {} is not correct. Allowed Filter types are: {}",
                    filter.name,
                    KNOWN.join(" ")
                )));
            }
            let all = aws.groups().flat_map(|group| group.tags.values().map(|tag| (group.name.clone(), tag.clone())));
            Ok(all.filter(|(group, tag)| filters.iter().all(|filter| tag_fits(filter, group, tag))).collect())
        })
    }
}

fn tag_fits(filter: &Filter, group: &str, tag: &GroupTag) -> bool {
    let propagate = tag.propagate_at_launch.to_string();
    let value = match filter.name.as_str() {
        "auto-scaling-group" => group,
        "key" => &tag.key,
        "value" => &tag.value,
        _ => &propagate,
    };
    filter.values.iter().any(|wished| wildcard(wished, value))
}
