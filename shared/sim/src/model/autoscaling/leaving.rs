//! The beginning of the end of a member.

use crate::model::Aws;
use crate::model::types::{LifecycleState, Place};

impl Aws {
    /// The member goes, unless it is going already. What its hooks still held open is dropped.
    pub(super) fn begin_leaving(&mut self, id: &str, cause: &str, skip_hooks: bool) {
        let Some(member) = self.member(id).cloned() else { return };
        if member.state.is_leaving() && member.state != LifecycleState::TerminatingRetained {
            return;
        }
        let cause = format!("At {} {cause}", self.now);
        let activity = self.begin_activity(&member.group, Some(id), format!("Terminating EC2 instance: {id}"), &cause);
        let warmed = member.state.is_warmed();
        let retained = member.state == LifecycleState::TerminatingRetained;
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.actions.clear();
            inner.skip_hooks |= skip_hooks;
            inner.activity = Some(activity);
            inner.cause = cause;
            inner.places = (if warmed { Place::WarmPool } else { Place::AutoScalingGroup }, Place::Ec2);
        }
        self.surge_left(&member.group, id);
        self.set_state(
            id,
            match (warmed, retained) {
                (true, _) => LifecycleState::WarmedTerminating,
                (false, true) => LifecycleState::TerminatingProceed,
                (false, false) => LifecycleState::Terminating,
            },
        );
        self.step_soon(id);
        // Documented (*Instance maintenance policy overview*): without a policy, termination and
        // launch of the replacement do not wait for each other.
        self.look_soon(&member.group);
    }

    /// Scale-in: back into a warm pool that takes instances back, or out.
    pub(super) fn scale_in(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        let reuse =
            self.group(&member.group).and_then(|g| g.warm_pool.as_ref()).is_some_and(|pool| pool.reuse_on_scale_in);
        if !reuse || member.state != LifecycleState::InService {
            let cause =
                "an instance was taken out of service in response to a difference between desired and actual capacity.";
            self.begin_leaving(id, cause, false);
            return;
        }
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.actions.clear();
            inner.places = (Place::AutoScalingGroup, Place::WarmPool);
        }
        self.set_state(id, LifecycleState::WarmedPending);
        self.step_soon(id);
    }
}
