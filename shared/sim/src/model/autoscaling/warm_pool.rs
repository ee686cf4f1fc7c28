//! Warm pools.

use std::sync::Arc;

use crate::model::buckets::Cost;
use crate::model::types::{Group, InstanceState, LifecycleState, Member, Place, PutWarmPool, WarmPool};
use crate::model::{Answer, Aws, AwsError};

impl Aws {
    /// Documented (BC `PutWarmPool`): the pool holds the difference between the group's prepared (or
    /// largest) capacity and its desired capacity, and at least its smallest size.
    pub(super) fn keep_warm_pool(&mut self, group: &Group) {
        let Some(pool) = &group.warm_pool else { return };
        let prepared = pool.max_group_prepared_capacity.unwrap_or(group.max_size);
        let wanted = prepared.saturating_sub(group.desired_capacity).max(pool.min_size) as usize;
        let warm: Vec<_> =
            self.members(&group.name).filter(|m| m.state.is_warmed() && !m.state.is_leaving()).cloned().collect();
        let may_launch = !group.suspended.contains("Launch") && !self.launches_wait(&group.name);
        for _ in warm.len()..wanted {
            if !may_launch || !self.launch_member(group, LifecycleState::WarmedPending) {
                return;
            }
        }
        let resting = warm.iter().filter(|m| is_resting(m.state));
        for member in resting.take(warm.len().saturating_sub(wanted)) {
            self.begin_leaving(&member.instance_id, "the warm pool held more instances than it should.", false);
        }
    }

    /// A member that rests in the group's warm pool.
    pub(super) fn warm_member(&self, group: &str) -> Option<String> {
        self.members(group).find(|m| is_resting(m.state) && m.healthy).map(|m| m.instance_id.clone())
    }

    /// From the warm pool into the group, through the launch hooks.
    pub(super) fn take_from_pool(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        let cause = format!(
            "At {} an instance was started in response to a difference between desired and actual capacity.",
            self.now
        );
        let activity = self.begin_activity(
            &member.group,
            Some(id),
            format!("Launching a new EC2 instance from warm pool: {id}"),
            &cause,
        );
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.places = (Place::WarmPool, Place::AutoScalingGroup);
            inner.actions.clear();
            inner.activity = Some(activity);
        }
        self.set_state(id, LifecycleState::Pending);
        if self.instance(id).is_some_and(|instance| instance.state == InstanceState::Stopped) {
            self.begin_start(id);
        }
        self.step_soon(id);
    }

    /// `autoscaling:PutWarmPool`.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn put_warm_pool(&mut self, request: &PutWarmPool) -> Answer<()> {
        self.call("autoscaling:PutWarmPool", Cost::Free, |aws| {
            aws.known_group(&request.group)?;
            if let Some(group) = aws.group_mut(&request.group) {
                group.warm_pool = Some(request.pool.clone());
            }
            aws.look_soon(&request.group);
            Ok(())
        })
    }

    /// `autoscaling:DeleteWarmPool`: its instances are terminated; `force` does not run their hooks.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group or one without a warm pool.
    pub fn delete_warm_pool(&mut self, group: &str, force: bool) -> Answer<()> {
        self.call("autoscaling:DeleteWarmPool", Cost::Free, |aws| {
            if aws.known_group(group)?.warm_pool.is_none() {
                return Err(AwsError::validation(format!("No warm pool found for AutoScalingGroup {group}")));
            }
            if let Some(group) = aws.group_mut(group) {
                group.warm_pool = None;
            }
            for member in aws.members_of(group).iter().filter(|m| m.state.is_warmed()) {
                aws.begin_leaving(&member.instance_id, "the warm pool was deleted.", force);
            }
            Ok(())
        })
    }

    /// `autoscaling:DescribeWarmPool`: its settings, if there is one, and its members.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn describe_warm_pool(&mut self, group: &str) -> Answer<(Option<WarmPool>, Vec<Arc<Member>>)> {
        self.call("autoscaling:DescribeWarmPool", Cost::Free, |aws| {
            let known = aws.known_group(group)?;
            let seen = aws.members_seen(Some(group));
            Ok((known.warm_pool.clone(), seen.into_iter().filter(|member| member.state.is_warmed()).collect()))
        })
    }
}

const fn is_resting(state: LifecycleState) -> bool {
    matches!(state, LifecycleState::WarmedStopped | LifecycleState::WarmedRunning | LifecycleState::WarmedHibernated)
}
