//! Standby and detaching. Neither runs hooks (documented: *Lifecycle hook availability*).

use crate::model::buckets::Cost;
use crate::model::types::{Activity, LifecycleState};
use crate::model::{Answer, Aws, AwsError};

impl Aws {
    /// Checks that all of these are members of the group in this state.
    fn all_in(&self, group: &str, instances: &[String], state: LifecycleState) -> Answer<()> {
        self.known_group(group)?;
        for id in instances {
            let member = self.member(id).filter(|member| member.group == group);
            let member = member.ok_or_else(|| {
                AwsError::validation(format!("The instance {id} is not part of Auto Scaling group {group}."))
            })?;
            if member.state != state {
                let message = format!(
                    "The instance {id} is in {} but must be in {} for this operation.",
                    member.state.name(),
                    state.name()
                );
                return Err(AwsError::validation(message));
            }
        }
        Ok(())
    }

    fn move_out(
        &mut self,
        group: &str,
        instances: &[String],
        state: LifecycleState,
        decrement: bool,
        verb: &str,
    ) -> Answer<Vec<Activity>> {
        self.all_in(group, instances, LifecycleState::InService)?;
        if decrement {
            self.lower_desired(group, instances.len())?;
        }
        let mut answer = Vec::new();
        for id in instances {
            let cause = format!("At {} instance {id} was {verb} in response to a user request.", self.now);
            let index = self.begin_activity(group, Some(id), format!("{verb}: {id}"), &cause);
            self.surge_left(group, id);
            self.set_state(id, state);
            self.step_soon(id);
            answer.extend(self.end_activity(group, index, "Successful", ""));
        }
        self.look_soon(group);
        Ok(answer)
    }

    /// `autoscaling:EnterStandby`. Without lowering desired capacity, replacements are launched.
    ///
    /// # Errors
    /// `ValidationError` unless all are in service in this group.
    pub fn enter_standby(&mut self, group: &str, instances: &[String], decrement: bool) -> Answer<Vec<Activity>> {
        self.call("autoscaling:EnterStandby", Cost::Free, |aws| {
            aws.move_out(group, instances, LifecycleState::EnteringStandby, decrement, "Moved to Standby")
        })
    }

    /// `autoscaling:ExitStandby`. Desired capacity rises (documented: API reference); no hook runs.
    ///
    /// # Errors
    /// `ValidationError` unless all are in standby in this group.
    pub fn exit_standby(&mut self, group: &str, instances: &[String]) -> Answer<Vec<Activity>> {
        self.call("autoscaling:ExitStandby", Cost::Free, |aws| {
            aws.all_in(group, instances, LifecycleState::Standby)?;
            let mut known = aws.known_group(group)?.as_ref().clone();
            let more = u32::try_from(instances.len()).unwrap_or(u32::MAX);
            known.desired_capacity = known.desired_capacity.saturating_add(more).min(known.max_size);
            aws.replace_group(known);
            let mut answer = Vec::new();
            for id in instances {
                let cause =
                    format!("At {} instance {id} was moved out of standby in response to a user request.", aws.now);
                let index =
                    aws.begin_activity(group, Some(id), format!("Moving EC2 instance out of Standby: {id}"), &cause);
                if let Some(inner) = aws.asg.inner.get_mut(id) {
                    inner.activity = None;
                }
                // Assumed: through Pending:Proceed, which is Pending without hooks.
                aws.set_state(id, LifecycleState::PendingProceed);
                aws.step_soon(id);
                answer.extend(aws.end_activity(group, index, "Successful", ""));
            }
            Ok(answer)
        })
    }

    /// `autoscaling:DetachInstances`: the instances run on, outside the group.
    ///
    /// # Errors
    /// `ValidationError` unless all are in service in this group.
    pub fn detach_instances(&mut self, group: &str, instances: &[String], decrement: bool) -> Answer<Vec<Activity>> {
        self.call("autoscaling:DetachInstances", Cost::Free, |aws| {
            aws.move_out(group, instances, LifecycleState::Detaching, decrement, "Detached")
        })
    }
}
