//! What a group notices of its members' health.

use crate::model::Answer;
use crate::model::Aws;
use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{InstanceState, LifecycleState, SetInstanceHealth};
use jiff::SignedDuration;

impl Aws {
    /// The group will notice, some time later, that the instance does not run.
    pub(in crate::model) fn notice_health(&mut self, id: &str) {
        self.later(self.settings.timings.health_check, Due::HealthNoticed(id.to_owned()));
    }

    /// An instance leaves `running`: its own doing, its group's, or anybody's.
    pub(in crate::model) fn member_instance_leaves_running(&mut self, id: &str) {
        if self.state(id).is_some_and(|state| !state.is_leaving()) {
            self.notice_health(id);
        }
    }

    /// An instance is running, stopped or terminated now: its member may go on.
    pub(in crate::model) fn member_instance_changed(&mut self, id: &str) {
        let waits = matches!(
            self.state(id),
            Some(
                LifecycleState::PendingProceed
                    | LifecycleState::WarmedPendingProceed
                    | LifecycleState::TerminatingProceed
                    | LifecycleState::WarmedTerminatingProceed
            )
        );
        if waits {
            self.step_soon(id);
        }
    }

    /// Documented (Auto Scaling User Guide, *Health checks*): any state but running fails at once,
    /// whatever the grace period; members in standby are not checked. Whether members in
    /// `Pending:Wait` are is not documented: a setting.
    pub(in crate::model) fn health_noticed(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        // Documented there: an instance that is `impaired` fails too, after some minutes.
        let impaired = !self.zone_reachable(&member.availability_zone);
        let gone = match self.instance(id).map(|instance| instance.state) {
            Some(InstanceState::Running) => impaired,
            // One that was stopped and started and never comes up.
            Some(InstanceState::Pending) => impaired || member.state == LifecycleState::InService,
            Some(InstanceState::Stopping | InstanceState::Stopped) => !member.state.is_warmed(),
            Some(InstanceState::ShuttingDown | InstanceState::Terminated) | None => true,
        };
        let pending = matches!(
            member.state,
            LifecycleState::Pending | LifecycleState::PendingWait | LifecycleState::PendingProceed
        );
        let warm = member.state.is_warmed() && !member.state.is_leaving();
        let checked =
            member.state == LifecycleState::InService || warm || (pending && self.settings.notice_while_pending);
        let suspended = self.group(&member.group).is_some_and(|group| group.suspended.contains("HealthCheck"));
        if gone && checked && !suspended {
            self.mark(id, false);
        }
    }

    fn mark(&mut self, id: &str, healthy: bool) {
        let Some(member) = self.member_mut(id).filter(|member| member.healthy != healthy) else { return };
        member.healthy = healthy;
        let group = member.group.clone();
        self.log(EffectKind::Health { instance: id.to_owned(), group: group.clone(), healthy });
        self.look_soon(&group);
    }

    /// `autoscaling:SetInstanceHealth`. Within the group's grace period the call has no effect,
    /// unless it says otherwise (documented: BC `ShouldRespectGracePeriod`).
    ///
    /// # Errors
    /// `ValidationError` for an instance that is in no group.
    pub fn set_instance_health(&mut self, request: &SetInstanceHealth) -> Answer<()> {
        self.call("autoscaling:SetInstanceHealth", Cost::Free, |aws| {
            let member = aws.known_member(&request.instance_id)?;
            let grace = aws.group(&member.group).map_or(0, |group| group.health_check_grace_period);
            let since = aws.asg.inner.get(&request.instance_id).and_then(|inner| inner.in_service_since);
            let grace_is_over =
                since.is_some_and(|since| aws.now >= since + SignedDuration::from_secs(i64::from(grace)));
            if !request.should_respect_grace_period || grace == 0 || grace_is_over {
                aws.mark(&request.instance_id, request.healthy);
            }
            Ok(())
        })
    }

    /// Members whose failure nobody acted on while the process was suspended.
    pub(super) fn check_all(&mut self, group: &str) {
        for member in self.members_of(group) {
            self.notice_health(&member.instance_id);
        }
    }
}
