//! Auto Scaling groups, their members and their hooks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{LifecycleHook, LifecycleState};

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
