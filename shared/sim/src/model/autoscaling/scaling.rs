//! Calls that change how many members a group has.

use crate::model::buckets::Cost;
use crate::model::types::{Activity, LifecycleState};
use crate::model::{Answer, Aws, AwsError};

impl Aws {
    /// `autoscaling:SetDesiredCapacity`.
    ///
    /// # Errors
    /// `ValidationError` outside the group's bounds (observed wording), or for an unknown group.
    pub fn set_desired_capacity(&mut self, group: &str, desired: u32) -> Answer<()> {
        self.call("autoscaling:SetDesiredCapacity", Cost::Free, |aws| {
            let mut known = aws.known_group(group)?.as_ref().clone();
            if desired > known.max_size {
                let message = format!(
                    "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
                    known.max_size
                );
                return Err(AwsError::validation(message));
            }
            if desired < known.min_size {
                let message = format!(
                    "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
                    known.min_size
                );
                return Err(AwsError::validation(message));
            }
            known.desired_capacity = desired;
            aws.replace_group(known);
            Ok(())
        })
    }

    /// Lowers desired capacity by `count`, within the group's bounds.
    pub(super) fn lower_desired(&mut self, group: &str, count: usize) -> Answer<()> {
        let mut known = self.known_group(group)?.as_ref().clone();
        let lower = known.desired_capacity.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if lower < known.min_size {
            let message = format!(
                "Currently, desiredSize equals {}. Terminating instance(s) without replacement will violate group's min size constraint.",
                known.desired_capacity
            );
            return Err(AwsError::validation(message));
        }
        known.desired_capacity = lower;
        self.replace_group(known);
        Ok(())
    }

    /// `autoscaling:TerminateInstanceInAutoScalingGroup`. A retained instance goes for good.
    ///
    /// # Errors
    /// `ValidationError` for an instance that is in no group, or if lowering desired capacity would
    /// violate the smallest size.
    pub fn terminate_instance_in_auto_scaling_group(&mut self, instance: &str, decrement: bool) -> Answer<Activity> {
        self.call("autoscaling:TerminateInstanceInAutoScalingGroup", Cost::Free, |aws| {
            let member = aws.known_member(instance)?;
            if decrement && member.state != LifecycleState::TerminatingRetained {
                aws.lower_desired(&member.group, 1)?;
            }
            aws.begin_leaving(instance, "instance was taken out of service in response to a user request.", false);
            let index = aws.asg.inner.get(instance).and_then(|inner| inner.activity);
            let activity = index.and_then(|index| aws.activities(&member.group).get(index).cloned());
            activity.ok_or_else(|| {
                AwsError::new("ScalingActivityInProgress", format!("Instance {instance} is being terminated already."))
            })
        })
    }

    /// `autoscaling:DescribeScalingActivities`, newest first, at most 100.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn describe_scaling_activities(&mut self, group: Option<&str>) -> Answer<Vec<Activity>> {
        self.call("autoscaling:DescribeScalingActivities", Cost::Free, |aws| {
            if let Some(group) = group {
                aws.known_group(group)?;
                return Ok(aws.activities(group).iter().rev().take(100).cloned().collect());
            }
            let mut all: Vec<_> = aws.asg.truth.values().flat_map(|truth| truth.activities.iter().cloned()).collect();
            all.sort_by_key(|activity| std::cmp::Reverse(activity.start_time));
            all.truncate(100);
            Ok(all)
        })
    }
}
