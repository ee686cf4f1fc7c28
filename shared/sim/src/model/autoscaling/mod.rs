//! Auto Scaling: groups that keep their desired capacity, and the hooks on the way in and out.

mod describe;
mod groups;
mod health;
mod hooks;
mod leaving;
mod reconcile;
mod root_volume;
mod scaling;
mod settings;
mod standby;
mod steps;
mod surge;
mod warm_pool;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::agenda::Due;
use super::effects::EffectKind;
use super::lagged::Shelf;
use super::types::{Activity, Group, LifecycleAction, LifecycleState, Member, Place};
use super::{Answer, Aws, AwsError};

/// The state of Auto Scaling.
#[derive(Debug, Clone)]
pub(super) struct AutoScaling {
    pub(super) groups: Shelf<Group>,
    pub(super) members: Shelf<Member>,
    /// What nobody is shown of the groups.
    pub(super) truth: BTreeMap<String, GroupTruth>,
    /// What nobody is shown of the members.
    pub(super) inner: BTreeMap<String, Inner>,
    pub(super) of_group: BTreeMap<String, BTreeSet<String>>,
}

/// What nobody is shown of a group.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupTruth {
    pub(super) activities: Vec<Activity>,
    /// Replacements that launch first.
    surges: Vec<Surge>,
    /// Members that a refresh has still to replace.
    refresh: VecDeque<String>,
    /// No launch before this moment.
    launch_after: Option<Timestamp>,
    /// Launches in a row that failed.
    failures: u32,
    /// Whether a look at the group is due already.
    look_due: bool,
}

/// A replacement that launches first.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Surge {
    old: String,
    zone: String,
    new: Option<String>,
}

/// What nobody is shown of a member.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    pub(super) actions: Vec<LifecycleAction>,
    /// Where it comes from and goes to.
    places: (Place, Place),
    joined: Timestamp,
    in_service_since: Option<Timestamp>,
    /// No hooks on the way out.
    skip_hooks: bool,
    /// The activity that is under way.
    activity: Option<usize>,
    cause: String,
    /// Whether a step is due already.
    step_due: bool,
}

impl AutoScaling {
    pub(super) fn new(keep_past: bool) -> Self {
        Self {
            groups: Shelf::new(keep_past),
            members: Shelf::new(keep_past),
            truth: BTreeMap::new(),
            inner: BTreeMap::new(),
            of_group: BTreeMap::new(),
        }
    }
}

impl LifecycleState {
    /// Whether the member counts towards desired capacity.
    const fn counts(self) -> bool {
        matches!(
            self,
            Self::Pending
                | Self::PendingWait
                | Self::PendingProceed
                | Self::InService
                | Self::ReplacingRootVolume
                | Self::RootVolumeReplaced
        )
    }

    /// Whether the member is on its way out.
    const fn is_leaving(self) -> bool {
        matches!(
            self,
            Self::Terminating
                | Self::TerminatingWait
                | Self::TerminatingProceed
                | Self::TerminatingRetained
                | Self::Detaching
                | Self::WarmedTerminating
                | Self::WarmedTerminatingWait
                | Self::WarmedTerminatingProceed
        )
    }
}

impl Aws {
    fn group_mut(&mut self, name: &str) -> Option<&mut Group> {
        let oldest = self.oldest();
        self.asg.groups.change(self.now, oldest, name)
    }

    fn member_mut(&mut self, instance: &str) -> Option<&mut Member> {
        let oldest = self.oldest();
        self.asg.members.change(self.now, oldest, instance)
    }

    /// Observed wording: many reports of *AutoScalingGroup name not found*.
    fn known_group(&self, name: &str) -> Answer<Arc<Group>> {
        let missing =
            || AwsError::validation(format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"));
        self.asg.groups.get(name).cloned().ok_or_else(missing)
    }

    fn known_member(&self, instance: &str) -> Answer<Arc<Member>> {
        let missing = || {
            AwsError::validation(format!(
                "Instance Id not found - No managed instance found for instance ID: {instance}"
            ))
        };
        self.asg.members.get(instance).cloned().ok_or_else(missing)
    }

    fn group_truth(&mut self, name: &str) -> &mut GroupTruth {
        self.asg.truth.entry(name.to_owned()).or_default()
    }

    fn state(&self, instance: &str) -> Option<LifecycleState> {
        self.asg.members.get(instance).map(|member| member.state)
    }

    /// The group's members, by instance.
    fn members_of(&self, group: &str) -> Vec<Arc<Member>> {
        self.members(group).cloned().collect()
    }

    fn set_state(&mut self, instance: &str, state: LifecycleState) {
        let Some(member) = self.member_mut(instance) else { return };
        member.state = state;
        let group = member.group.clone();
        self.log(EffectKind::Lifecycle { instance: instance.to_owned(), group, state: Some(state) });
        self.refresh_writes_of(instance);
        self.poke_guest(instance);
    }

    /// The group will look at itself in a moment.
    fn look_soon(&mut self, group: &str) {
        let truth = self.group_truth(group);
        if !std::mem::replace(&mut truth.look_due, true) {
            self.later(self.settings.timings.group_step, Due::Reconcile(group.to_owned()));
        }
    }

    /// The member will take its next step in a moment.
    fn step_soon(&mut self, instance: &str) {
        let Some(inner) = self.asg.inner.get_mut(instance) else { return };
        if !std::mem::replace(&mut inner.step_due, true) {
            self.later(self.settings.timings.group_step, Due::MemberStep(instance.to_owned()));
        }
    }

    /// A new line in the group's history; answers its place there.
    fn begin_activity(&mut self, group: &str, instance: Option<&str>, description: String, cause: &str) -> usize {
        let activity = Activity {
            activity_id: self.new_uuid(),
            group: group.to_owned(),
            description,
            cause: cause.to_owned(),
            status_code: "InProgress",
            status_message: String::new(),
            start_time: self.now,
            end_time: None,
            instance_id: instance.map(str::to_owned),
        };
        let activities = &mut self.group_truth(group).activities;
        activities.push(activity);
        activities.len() - 1
    }

    fn end_activity(
        &mut self,
        group: &str,
        index: usize,
        status_code: &'static str,
        message: &str,
    ) -> Option<Activity> {
        let now = self.now;
        let activity = self.group_truth(group).activities.get_mut(index)?;
        activity.status_code = status_code;
        message.clone_into(&mut activity.status_message);
        activity.end_time = Some(now);
        Some(activity.clone())
    }
}
