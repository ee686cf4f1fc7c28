//! Auto Scaling groups, their members and their hooks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

/// The states of a group's member (Auto Scaling's `LifecycleState`), those that the model reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum LifecycleState {
    Pending,
    PendingWait,
    PendingProceed,
    InService,
    Terminating,
    TerminatingWait,
    TerminatingProceed,
    TerminatingRetained,
    Detaching,
    EnteringStandby,
    Standby,
    WarmedPending,
    WarmedPendingWait,
    WarmedPendingProceed,
    WarmedTerminating,
    WarmedTerminatingWait,
    WarmedTerminatingProceed,
    WarmedStopped,
    WarmedRunning,
    WarmedHibernated,
}

impl LifecycleState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::PendingWait => "Pending:Wait",
            Self::PendingProceed => "Pending:Proceed",
            Self::InService => "InService",
            Self::Terminating => "Terminating",
            Self::TerminatingWait => "Terminating:Wait",
            Self::TerminatingProceed => "Terminating:Proceed",
            Self::TerminatingRetained => "Terminating:Retained",
            Self::Detaching => "Detaching",
            Self::EnteringStandby => "EnteringStandby",
            Self::Standby => "Standby",
            Self::WarmedPending => "Warmed:Pending",
            Self::WarmedPendingWait => "Warmed:Pending:Wait",
            Self::WarmedPendingProceed => "Warmed:Pending:Proceed",
            Self::WarmedTerminating => "Warmed:Terminating",
            Self::WarmedTerminatingWait => "Warmed:Terminating:Wait",
            Self::WarmedTerminatingProceed => "Warmed:Terminating:Proceed",
            Self::WarmedStopped => "Warmed:Stopped",
            Self::WarmedRunning => "Warmed:Running",
            Self::WarmedHibernated => "Warmed:Hibernated",
        }
    }

    /// Whether the member belongs to the warm pool.
    #[must_use]
    pub fn is_warmed(self) -> bool {
        self.name().starts_with("Warmed:")
    }

    /// Whether the member waits for hooks.
    #[must_use]
    pub fn is_wait(self) -> bool {
        self.name().ends_with(":Wait")
    }
}

/// Where an instance comes from or goes to in a lifecycle action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Launched new, or terminated.
    Ec2,
    /// In the group.
    AutoScalingGroup,
    /// In its warm pool.
    WarmPool,
}

impl Place {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "EC2",
            Self::AutoScalingGroup => "AutoScalingGroup",
            Self::WarmPool => "WarmPool",
        }
    }
}

/// Which way a hook's instances go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// `autoscaling:EC2_INSTANCE_LAUNCHING`.
    Launching,
    /// `autoscaling:EC2_INSTANCE_TERMINATING`.
    Terminating,
}

impl Transition {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    /// From the name that AWS writes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Launching, Self::Terminating].into_iter().find(|t| t.name() == name)
    }
}

/// How a lifecycle action ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LifecycleResult {
    /// `CONTINUE`.
    Continue,
    /// `ABANDON`.
    Abandon,
}

impl LifecycleResult {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continue => "CONTINUE",
            Self::Abandon => "ABANDON",
        }
    }

    /// From the name that AWS writes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Continue, Self::Abandon].into_iter().find(|r| r.name() == name)
    }
}

/// A lifecycle hook as DescribeLifecycleHooks shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleHook {
    /// Its name, unique in the group.
    pub name: String,
    /// Which way its instances go.
    pub transition: Transition,
    /// What happens at a timeout.
    pub default_result: LifecycleResult,
    /// Seconds, 30 to 7200.
    pub heartbeat_timeout: u32,
    /// Sent along with each event.
    pub notification_metadata: Option<String>,
}

impl LifecycleHook {
    /// A hook with AWS's defaults: an hour, then ABANDON.
    #[must_use]
    pub fn new(name: &str, transition: Transition) -> Self {
        Self {
            name: name.to_owned(),
            transition,
            default_result: LifecycleResult::Abandon,
            heartbeat_timeout: 3600,
            notification_metadata: None,
        }
    }

    /// Seconds after which no heartbeat helps any more: 100 heartbeats, at most 48 hours.
    #[must_use]
    pub const fn global_timeout(&self) -> u32 {
        let hundred = self.heartbeat_timeout * 100;
        if hundred < 172_800 { hundred } else { 172_800 }
    }
}

/// PutLifecycleHook: absent fields keep what the hook has, or AWS's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutLifecycleHook {
    /// The group.
    pub group: String,
    /// The hook.
    pub name: String,
    /// Needed for a new hook.
    pub transition: Option<Transition>,
    /// What happens at a timeout.
    pub default_result: Option<LifecycleResult>,
    /// Seconds.
    pub heartbeat_timeout: Option<u32>,
    /// Sent along with each event.
    pub notification_metadata: Option<String>,
}

/// A group's tag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupTag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
    /// Whether new instances get it.
    pub propagate_at_launch: bool,
}

/// `AvailabilityZoneDistribution.CapacityDistributionStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distribution {
    /// Goes to another zone if one fails: AWS's default.
    #[default]
    BalancedBestEffort,
    /// Keeps trying the zone that balance asks for.
    BalancedOnly,
}

impl Distribution {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BalancedBestEffort => "balanced-best-effort",
            Self::BalancedOnly => "balanced-only",
        }
    }
}

/// Which template a group launches from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaunchTemplateRef {
    /// The ID; one of ID and name in requests, both in answers.
    pub id: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// A number, `$Latest` or `$Default`; kept as given, the newest data is used.
    pub version: Option<String>,
}

/// CreateAutoScalingGroup.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateAutoScalingGroup {
    /// Must be new.
    pub name: String,
    /// Smallest capacity.
    pub min_size: u32,
    /// Largest capacity.
    pub max_size: u32,
    /// Absent means `min_size`.
    pub desired_capacity: Option<u32>,
    /// Absent means an arbitrary image on `m7i.large`.
    pub launch_template: Option<LaunchTemplateRef>,
    /// VPCZoneIdentifier, split at its commas.
    pub subnets: Vec<String>,
    /// Zones; with both empty, all of the Region's.
    pub availability_zones: Vec<String>,
    /// LifecycleHookSpecificationList: there before the first instance is launched.
    pub hooks: Vec<LifecycleHook>,
    /// Tags.
    pub tags: Vec<GroupTag>,
    /// Seconds.
    pub health_check_grace_period: u32,
    /// Absent means `EC2`.
    pub health_check_type: Option<String>,
    /// Whether new instances are protected from scale-in.
    pub new_instances_protected_from_scale_in: bool,
    /// How launches are spread.
    pub distribution: Distribution,
    /// InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon is `retain`.
    pub retain_on_abandon: bool,
}

/// UpdateAutoScalingGroup: absent fields stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpdateAutoScalingGroup {
    /// The group.
    pub name: String,
    /// Smallest capacity.
    pub min_size: Option<u32>,
    /// Largest capacity.
    pub max_size: Option<u32>,
    /// Wished capacity.
    pub desired_capacity: Option<u32>,
    /// For instances launched from now on.
    pub launch_template: Option<LaunchTemplateRef>,
    /// For instances launched from now on.
    pub subnets: Option<Vec<String>>,
    /// For instances launched from now on.
    pub availability_zones: Option<Vec<String>>,
    /// Seconds.
    pub health_check_grace_period: Option<u32>,
    /// How launches are spread.
    pub distribution: Option<Distribution>,
    /// TerminateHookAbandon is `retain`.
    pub retain_on_abandon: Option<bool>,
}

/// PutWarmPool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutWarmPool {
    /// The group.
    pub group: String,
    /// The pool's settings.
    pub pool: WarmPool,
}

/// A warm pool's settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WarmPool {
    /// At least this many.
    pub min_size: u32,
    /// Absent means the group's largest capacity.
    pub max_group_prepared_capacity: Option<u32>,
    /// In which state its instances wait.
    pub state: WarmPoolState,
    /// Whether scale-in brings instances back into the pool.
    pub reuse_on_scale_in: bool,
}

/// In which state a warm pool's instances wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WarmPoolState {
    /// Stopped: AWS's default.
    #[default]
    Stopped,
    /// Running.
    Running,
    /// Hibernated: like stopped, as far as anyone outside can see.
    Hibernated,
}

impl WarmPoolState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stopped => "Stopped",
            Self::Running => "Running",
            Self::Hibernated => "Hibernated",
        }
    }
}

/// A group's settings, as DescribeAutoScalingGroups shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its ARN, with a UUID of its own.
    pub arn: String,
    /// Smallest capacity.
    pub min_size: u32,
    /// Largest capacity.
    pub max_size: u32,
    /// Wished capacity.
    pub desired_capacity: u32,
    /// Which template it launches from.
    pub launch_template: Option<LaunchTemplateRef>,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its zones.
    pub availability_zones: Vec<String>,
    /// `EC2` and so on.
    pub health_check_type: String,
    /// Seconds.
    pub health_check_grace_period: u32,
    /// Whether new instances are protected from scale-in.
    pub new_instances_protected_from_scale_in: bool,
    /// When it was made.
    pub created_time: Timestamp,
    /// Its tags, by key.
    pub tags: BTreeMap<String, GroupTag>,
    /// Suspended processes.
    pub suspended: BTreeSet<String>,
    /// `Delete in progress`, or absent.
    pub status: Option<String>,
    /// Its warm pool, if it has one.
    pub warm_pool: Option<WarmPool>,
    /// Its hooks, by name (DescribeAutoScalingGroups does not show them).
    pub hooks: BTreeMap<String, LifecycleHook>,
    /// How launches are spread.
    pub distribution: Distribution,
    /// TerminateHookAbandon is `retain`.
    pub retain_on_abandon: bool,
}

/// A group's member, as DescribeAutoScalingGroups and DescribeAutoScalingInstances show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub instance_id: String,
    /// Its group.
    pub group: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub availability_zone: String,
    /// Where it is in its life in the group.
    pub state: LifecycleState,
    /// Whether its group thinks it well.
    pub healthy: bool,
    /// Whether scale-in leaves it alone.
    pub protected_from_scale_in: bool,
    /// What it was launched from.
    pub launch_template: Option<LaunchTemplateRef>,
}

/// A group with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its settings.
    pub group: Arc<Group>,
    /// Its members, without those of the warm pool.
    pub instances: Vec<Arc<Member>>,
    /// How many members its warm pool has.
    pub warm_pool_size: usize,
}

/// DescribeAutoScalingGroups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DescribeAutoScalingGroups {
    /// Names; unknown ones are left out of the answer. Empty means all.
    pub names: Vec<String>,
    /// `tag-key`, `tag-value`, `tag:KEY`.
    pub filters: Vec<super::Filter>,
    /// At most 100; the default is 50.
    pub max_records: Option<u32>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// DescribeAutoScalingInstances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DescribeAutoScalingInstances {
    /// Instance IDs; unknown ones are left out of the answer. Empty means all.
    pub instance_ids: Vec<String>,
    /// At most 50, which is the default too.
    pub max_records: Option<u32>,
    /// Where the previous page ended.
    pub next_token: Option<String>,
}

/// CompleteLifecycleAction, and RecordLifecycleActionHeartbeat without the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleActionRef {
    /// The group.
    pub group: String,
    /// The hook.
    pub hook: String,
    /// The token, 36 characters; or else give the instance.
    pub token: Option<String>,
    /// The instance.
    pub instance_id: Option<String>,
}

/// SetInstanceHealth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInstanceHealth {
    /// The instance.
    pub instance_id: String,
    /// What to set.
    pub healthy: bool,
    /// Whether the call has no effect within the group's grace period. AWS's default is yes.
    pub should_respect_grace_period: bool,
}

/// A line of a group's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// A UUID.
    pub activity_id: String,
    /// The group.
    pub group: String,
    /// What was done.
    pub description: String,
    /// Why.
    pub cause: String,
    /// `InProgress`, `Successful`, `Failed`, `Cancelled`.
    pub status_code: &'static str,
    /// What went wrong.
    pub status_message: String,
    /// When it began.
    pub start_time: Timestamp,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// The instance.
    pub instance_id: Option<String>,
}

/// A lifecycle action that a hook holds open: truth for checks, not something AWS shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleAction {
    /// The hook.
    pub hook: String,
    /// The token that the event carried.
    pub token: String,
    /// Which way the instance goes.
    pub transition: Transition,
    /// When the hook's default result applies.
    pub deadline: Timestamp,
    /// Which heartbeats cannot pass.
    pub global_deadline: Timestamp,
    /// Given once the action is complete.
    pub result: Option<LifecycleResult>,
}
