//! Lifecycle hooks: actions held open, completed, timed out.

use jiff::{SignedDuration, Timestamp};

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{
    LifecycleAction, LifecycleActionRef, LifecycleHook, LifecycleResult, PutLifecycleHook, Transition,
};
use crate::model::{Answer, Aws, AwsError};

impl Aws {
    pub(super) fn has_hooks(&self, id: &str, transition: Transition) -> bool {
        let group = self.member(id).and_then(|member| self.group(&member.group));
        group.is_some_and(|group| group.hooks.values().any(|hook| hook.transition == transition))
    }

    /// Opens an action for each hook and sends its event.
    pub(super) fn start_actions(&mut self, id: &str, transition: Transition) {
        let Some(group) = self.member(id).and_then(|member| self.group(&member.group)).cloned() else { return };
        let Some(places) = self.asg.inner.get(id).map(|inner| inner.places) else { return };
        let mut actions = Vec::new();
        for hook in group.hooks.values().filter(|hook| hook.transition == transition) {
            let token = self.new_uuid();
            self.emit_lifecycle_action(&group, hook, id, &token, places);
            self.log(EffectKind::HookStarted {
                instance: id.to_owned(),
                group: group.name.clone(),
                hook: hook.name.clone(),
            });
            let deadline = seconds_from(self.now, hook.heartbeat_timeout);
            let global_deadline = seconds_from(self.now, hook.global_timeout());
            self.agenda.add(deadline, Due::HookTimeout(id.to_owned()));
            actions.push(LifecycleAction {
                hook: hook.name.clone(),
                token,
                transition,
                deadline,
                global_deadline,
                result: None,
            });
        }
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.actions = actions;
        }
    }

    /// Documented (*Lifecycle hooks*): at a timeout the hook's default result applies.
    pub(in crate::model) fn hook_timeout(&mut self, id: &str) {
        let Some(group) = self.member(id).and_then(|member| self.group(&member.group)).cloned() else { return };
        let late: Vec<_> = self
            .actions(id)
            .iter()
            .filter(|a| a.result.is_none() && a.deadline <= self.now)
            .map(|a| a.hook.clone())
            .collect();
        for hook in late {
            let result = group.hooks.get(&hook).map_or(LifecycleResult::Abandon, |hook| hook.default_result);
            self.settle_action(id, &hook, result, true);
        }
    }

    fn settle_action(&mut self, id: &str, hook: &str, result: LifecycleResult, timeout: bool) {
        let Some(group) = self.member(id).map(|member| member.group.clone()) else { return };
        let actions = self.asg.inner.get_mut(id).map(|inner| &mut inner.actions);
        let Some(action) =
            actions.and_then(|actions| actions.iter_mut().find(|a| a.hook == hook && a.result.is_none()))
        else {
            return;
        };
        action.result = Some(result);
        self.log(EffectKind::HookCompleted { instance: id.to_owned(), group, hook: hook.to_owned(), result, timeout });
        self.step_soon(id);
    }

    /// The open action that a call names: its instance.
    fn open_action(&self, named: &LifecycleActionRef) -> Answer<String> {
        self.known_group(&named.group)?;
        let open = |id: &str| {
            let fits = |a: &LifecycleAction| {
                a.hook == named.hook && a.result.is_none() && named.token.as_ref().is_none_or(|token| *token == a.token)
            };
            self.state(id).is_some_and(super::LifecycleState::is_wait)
                && !self.abandoned(id)
                && self.actions(id).iter().any(fits)
        };
        match (&named.token, &named.instance_id) {
            (None, None) => Err(AwsError::validation("Either LifecycleActionToken or InstanceId must be given.")),
            // Documented: BC `LifecycleActionToken` has exactly 36 characters.
            (Some(token), _) if token.len() != 36 => {
                let message = format!(
                    "1 validation error detected: Value '{token}' at 'lifecycleActionToken' failed to satisfy constraint: Member must have length greater than or equal to 36"
                );
                Err(AwsError::validation(message))
            }
            (Some(token), _) => {
                let mut ids = self.members(&named.group).map(|member| member.instance_id.clone());
                ids.find(|id| open(id)).ok_or_else(|| no_action("token", token))
            }
            (None, Some(id)) => {
                let here = self.member(id).is_some_and(|member| member.group == named.group);
                if here && open(id) { Ok(id.clone()) } else { Err(no_action("instance ID", id)) }
            }
        }
    }

    fn abandoned(&self, id: &str) -> bool {
        self.actions(id).iter().any(|action| action.result == Some(LifecycleResult::Abandon))
    }

    /// `autoscaling:CompleteLifecycleAction`.
    ///
    /// # Errors
    /// `ValidationError`, *No active Lifecycle Action found*, when the action is unknown or complete
    /// (observed: terraform-aws-spacelift-workerpool-on-ec2 197, va.gov-cms 1719).
    pub fn complete_lifecycle_action(&mut self, action: &LifecycleActionRef, result: LifecycleResult) -> Answer<()> {
        self.call("autoscaling:CompleteLifecycleAction", Cost::Free, |aws| {
            let id = aws.open_action(action)?;
            aws.settle_action(&id, &action.hook, result, false);
            Ok(())
        })
    }

    /// `autoscaling:RecordLifecycleActionHeartbeat`: the timeout begins anew, but never goes past
    /// the global one (documented: *Lifecycle hooks*).
    ///
    /// # Errors
    /// As CompleteLifecycleAction.
    pub fn record_lifecycle_action_heartbeat(&mut self, action: &LifecycleActionRef) -> Answer<()> {
        self.call("autoscaling:RecordLifecycleActionHeartbeat", Cost::Free, |aws| {
            let id = aws.open_action(action)?;
            let timeout = aws
                .group(&action.group)
                .and_then(|g| g.hooks.get(&action.hook))
                .map_or(3600, |hook| hook.heartbeat_timeout);
            let deadline = seconds_from(aws.now, timeout);
            let actions = aws.asg.inner.get_mut(&id).map(|inner| &mut inner.actions);
            if let Some(open) = actions.and_then(|actions| actions.iter_mut().find(|a| a.hook == action.hook)) {
                open.deadline = deadline.min(open.global_deadline);
                let at = open.deadline;
                aws.agenda.add(at, Due::HookTimeout(id.clone()));
            }
            aws.log(EffectKind::HookHeartbeat { instance: id, group: action.group.clone(), hook: action.hook.clone() });
            Ok(())
        })
    }

    /// `autoscaling:PutLifecycleHook`.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group, a timeout out of range, or a new hook without a
    /// transition; `LimitExceeded` past 50 hooks.
    pub fn put_lifecycle_hook(&mut self, request: &PutLifecycleHook) -> Answer<()> {
        self.call("autoscaling:PutLifecycleHook", Cost::Free, |aws| {
            let group = aws.known_group(&request.group)?;
            let before = group.hooks.get(&request.name).cloned();
            let transition = request.transition.or(before.as_ref().map(|hook| hook.transition));
            let transition =
                transition.ok_or_else(|| AwsError::validation("LifecycleTransition is needed for a new hook."))?;
            let mut hook = before.unwrap_or_else(|| LifecycleHook::new(&request.name, transition));
            hook.transition = transition;
            hook.default_result = request.default_result.unwrap_or(hook.default_result);
            hook.heartbeat_timeout = request.heartbeat_timeout.unwrap_or(hook.heartbeat_timeout);
            hook.notification_metadata = request.notification_metadata.clone().or(hook.notification_metadata);
            check_hook(&hook)?;
            if group.hooks.len() >= 50 && !group.hooks.contains_key(&hook.name) {
                return Err(AwsError::new("LimitExceeded", "At most 50 lifecycle hooks are allowed for a group."));
            }
            if let Some(group) = aws.group_mut(&request.group) {
                group.hooks.insert(hook.name.clone(), hook);
            }
            Ok(())
        })
    }

    /// `autoscaling:DeleteLifecycleHook`: open actions of the hook are completed first, ABANDON for
    /// launching instances, CONTINUE for terminating ones (documented: API reference).
    ///
    /// # Errors
    /// `ValidationError` for an unknown group or hook.
    pub fn delete_lifecycle_hook(&mut self, group: &str, hook: &str) -> Answer<()> {
        self.call("autoscaling:DeleteLifecycleHook", Cost::Free, |aws| {
            let known = aws.known_group(group)?.hooks.get(hook).cloned();
            let known =
                known.ok_or_else(|| AwsError::validation(format!("No Lifecycle Hook found with name {hook}.")))?;
            let result = match known.transition {
                Transition::Launching => LifecycleResult::Abandon,
                Transition::Terminating => LifecycleResult::Continue,
            };
            for member in aws.members_of(group) {
                aws.settle_action(&member.instance_id, hook, result, false);
            }
            if let Some(group) = aws.group_mut(group) {
                group.hooks.remove(hook);
            }
            Ok(())
        })
    }

    /// `autoscaling:DescribeLifecycleHooks`; no `names` means all.
    ///
    /// # Errors
    /// `ValidationError` for an unknown group.
    pub fn describe_lifecycle_hooks(&mut self, group: &str, names: &[String]) -> Answer<Vec<LifecycleHook>> {
        self.call("autoscaling:DescribeLifecycleHooks", Cost::Free, |aws| {
            aws.known_group(group)?;
            let moment = aws.moment();
            let seen = aws.asg.groups.at(group, moment);
            let hooks = seen.into_iter().flat_map(|group| group.hooks.values());
            Ok(hooks.filter(|hook| names.is_empty() || names.contains(&hook.name)).cloned().collect())
        })
    }
}

/// Documented: BC `PutLifecycleHook` (30 to 7200 seconds; metadata of at most 4000 characters).
pub(super) fn check_hook(hook: &LifecycleHook) -> Answer<()> {
    if !(30..=7200).contains(&hook.heartbeat_timeout) {
        return Err(AwsError::validation("Lifecycle hook timeout must be between 30 and 7200 seconds."));
    }
    if hook.notification_metadata.as_ref().is_some_and(|text| text.is_empty() || text.len() > 4000) {
        return Err(AwsError::validation("NotificationMetadata must have 1 to 4000 characters."));
    }
    Ok(())
}

fn no_action(by: &str, what: &str) -> AwsError {
    AwsError::validation(format!("No active Lifecycle Action found with {by} {what}"))
}

fn seconds_from(now: Timestamp, seconds: u32) -> Timestamp {
    now + SignedDuration::from_secs(i64::from(seconds))
}
