//! The life of a group's member, and the hooks that hold it up.

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
    ReplacingRootVolume,
    RootVolumeReplaced,
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
            Self::ReplacingRootVolume => "ReplacingRootVolume",
            Self::RootVolumeReplaced => "RootVolumeReplaced",
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
