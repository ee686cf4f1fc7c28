//! The life of a member, one step at a time.
//!
//! Documented: Auto Scaling User Guide, *Instance lifecycle* and *Lifecycle hooks for warm pools*.

use crate::model::Aws;
use crate::model::effects::EffectKind;
use crate::model::events::Outcome;
use crate::model::types::{InstanceState, LifecycleResult, LifecycleState, Place, Transition, WarmPoolState};

use LifecycleState as State;

impl Aws {
    pub(in crate::model) fn member_step(&mut self, id: &str) {
        let Some(state) = self.state(id) else { return };
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.step_due = false;
        }
        match state {
            State::Pending => self.enter_wait(id, Transition::Launching, State::PendingWait, State::PendingProceed),
            State::WarmedPending => self.warm(id),
            State::Terminating => {
                self.enter_wait(id, Transition::Terminating, State::TerminatingWait, State::TerminatingProceed)
            }
            State::WarmedTerminating => {
                self.enter_wait(
                    id,
                    Transition::Terminating,
                    State::WarmedTerminatingWait,
                    State::WarmedTerminatingProceed,
                );
            }
            State::PendingWait => self.leave_launch_wait(id, State::PendingProceed),
            State::WarmedPendingWait => self.leave_launch_wait(id, State::WarmedPendingProceed),
            State::TerminatingWait => self.leave_terminate_wait(id, State::TerminatingProceed),
            State::WarmedTerminatingWait => self.leave_terminate_wait(id, State::WarmedTerminatingProceed),
            State::PendingProceed => self.serve(id),
            State::WarmedPendingProceed => self.rest(id),
            State::TerminatingProceed | State::WarmedTerminatingProceed => self.end(id),
            State::EnteringStandby => self.set_state(id, State::Standby),
            State::Detaching => self.forget_member(id),
            State::RootVolumeReplaced => self.set_state(id, State::InService),
            State::InService
            | State::Standby
            | State::ReplacingRootVolume
            | State::TerminatingRetained
            | State::WarmedStopped
            | State::WarmedRunning
            | State::WarmedHibernated => {}
        }
    }

    /// Starts the hooks of this transition, or goes on if there is none.
    fn enter_wait(&mut self, id: &str, transition: Transition, wait: State, proceed: State) {
        let skip = self.asg.inner.get(id).is_none_or(|inner| inner.skip_hooks);
        if !skip && self.has_hooks(id, transition) {
            self.set_state(id, wait);
            self.start_actions(id, transition);
        } else {
            self.set_state(id, proceed);
            self.step_soon(id);
        }
    }

    /// Into the warm pool: a new instance passes the launch hooks, one that scale-in brings back the
    /// terminate hooks (documented: *Warm pool example events*).
    fn warm(&mut self, id: &str) {
        let from_group = self.asg.inner.get(id).is_some_and(|inner| inner.places.0 == Place::AutoScalingGroup);
        let transition = if from_group { Transition::Terminating } else { Transition::Launching };
        self.enter_wait(id, transition, State::WarmedPendingWait, State::WarmedPendingProceed);
    }

    /// What the hooks of the present wait decided: nothing yet, or the result of all.
    fn verdict(&self, id: &str) -> Option<LifecycleResult> {
        let actions = self.actions(id);
        // Documented (*Add lifecycle hooks*): ABANDON stops the remaining actions.
        if actions.iter().any(|action| action.result == Some(LifecycleResult::Abandon)) {
            return Some(LifecycleResult::Abandon);
        }
        actions.iter().all(|action| action.result.is_some()).then_some(LifecycleResult::Continue)
    }

    fn leave_launch_wait(&mut self, id: &str, proceed: State) {
        match self.verdict(id) {
            None => {}
            Some(LifecycleResult::Continue) => {
                self.set_state(id, proceed);
                self.step_soon(id);
            }
            Some(LifecycleResult::Abandon) => self.abandon(id),
        }
    }

    /// Documented: the instance is terminated and replaced. Documented without figures: the launch
    /// rate falls if hooks keep failing.
    fn abandon(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        self.finish_activity(
            id,
            Transition::Launching,
            Some("Instance failed to complete user's Lifecycle Action: abandoned."),
        );
        self.launch_failed(&member.group);
        let skip = !self.settings.abandoned_runs_terminate_hook;
        self.begin_leaving(
            id,
            "an instance was taken out of service in response to an abandoned lifecycle action.",
            skip,
        );
    }

    fn leave_terminate_wait(&mut self, id: &str, proceed: State) {
        let Some(verdict) = self.verdict(id) else { return };
        let Some(member) = self.member(id).cloned() else { return };
        let retain = self.group(&member.group).is_some_and(|group| group.retain_on_abandon);
        // Documented: *Configure instance retention*.
        if verdict == LifecycleResult::Abandon && retain && proceed == State::TerminatingProceed {
            self.set_state(id, State::TerminatingRetained);
            return;
        }
        self.set_state(id, proceed);
        self.step_soon(id);
    }

    /// Into service, once the instance runs (assumed).
    fn serve(&mut self, id: &str) {
        let state = self.instance(id).map(|instance| instance.state);
        if matches!(state, Some(InstanceState::Pending)) {
            return;
        }
        self.enter_service(id);
        if state != Some(InstanceState::Running) {
            self.notice_health(id);
        }
    }

    fn enter_service(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        let now = self.now;
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.in_service_since = Some(now);
        }
        self.set_state(id, State::InService);
        self.finish_activity(id, Transition::Launching, None);
        let truth = self.group_truth(&member.group);
        truth.failures = 0;
        self.surge_served(id);
        self.look_soon(&member.group);
    }

    /// Into the warm pool's state of rest.
    fn rest(&mut self, id: &str) {
        let Some(member) = self.member(id).cloned() else { return };
        let pool = self.group(&member.group).and_then(|group| group.warm_pool.clone()).unwrap_or_default();
        let state = self.instance(id).map(|instance| instance.state);
        let rest = match (pool.state, state) {
            (WarmPoolState::Running, Some(InstanceState::Running)) => State::WarmedRunning,
            (WarmPoolState::Stopped, Some(InstanceState::Stopped)) => State::WarmedStopped,
            (WarmPoolState::Hibernated, Some(InstanceState::Stopped)) => State::WarmedHibernated,
            (WarmPoolState::Stopped | WarmPoolState::Hibernated, Some(InstanceState::Running)) => {
                self.begin_stop(id);
                return;
            }
            (_, Some(InstanceState::Pending | InstanceState::Stopping)) => return,
            (_, Some(InstanceState::Stopped | InstanceState::ShuttingDown | InstanceState::Terminated) | None) => {
                self.notice_health(id);
                return;
            }
        };
        self.set_state(id, rest);
        self.finish_activity(id, Transition::Launching, None);
        self.look_soon(&member.group);
    }

    /// Terminates the instance, and forgets the member once it is gone.
    fn end(&mut self, id: &str) {
        match self.instance(id).map(|instance| instance.state) {
            None | Some(InstanceState::Terminated) => {
                self.finish_activity(id, Transition::Terminating, None);
                self.forget_member(id);
            }
            Some(InstanceState::ShuttingDown) => {}
            Some(
                InstanceState::Pending | InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped,
            ) => {
                self.begin_termination(id, "Service initiated");
            }
        }
    }

    /// Ends the member's activity, and says so on the bus.
    pub(super) fn finish_activity(&mut self, id: &str, transition: Transition, failure: Option<&str>) {
        let Some(member) = self.member(id).cloned() else { return };
        let Some(inner) = self.asg.inner.get_mut(id) else { return };
        let (places, Some(index)) = (inner.places, inner.activity.take()) else { return };
        let status = if failure.is_some() { "Failed" } else { "Successful" };
        let Some(activity) = self.end_activity(&member.group, index, status, failure.unwrap_or("")) else { return };
        let subnet =
            self.ec2.network.subnet_of_zone(&member.availability_zone).map(|s| s.subnet_id.clone()).unwrap_or_default();
        if let Some(group) = self.group(&member.group).cloned() {
            let outcome =
                Outcome { transition, successful: failure.is_none(), origin: places.0, destination: places.1 };
            self.emit_outcome(&group, &activity, &member.availability_zone, &subnet, outcome);
        }
    }

    /// The instance belongs to the group no more.
    pub(super) fn forget_member(&mut self, id: &str) {
        let Some(member) = self.asg.members.remove(self.now, id) else { return };
        self.asg.inner.remove(id);
        if let Some(index) = self.asg.of_group.get_mut(&member.group) {
            index.remove(id);
        }
        self.log(EffectKind::Lifecycle { instance: id.to_owned(), group: member.group.clone(), state: None });
        let oldest = self.oldest();
        self.asg.members.prune(oldest);
        self.refresh_writes_of(id);
        self.look_soon(&member.group);
    }
}
