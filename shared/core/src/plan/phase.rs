//! Where an instance stands, from what EC2 and Auto Scaling show together.

use crate::cloud::{Instance, InstanceState, Lifecycle, Member};

/// Where an instance stands. "Cannot tell" is a phase of its own and keeps things as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Pending: it does not run yet, or no hook waits yet.
    Booting,
    /// It runs and a launch hook waits.
    Launching,
    /// Launch hooks are done, InService is not shown yet.
    Proceeding,
    /// In service.
    InService,
    /// Auto Scaling takes it out; EC2 still runs it, or has stopped it.
    Leaving,
    /// EC2 shows `shutting-down` or `terminated`: there is no way back.
    Gone,
    /// Stopped, or on its way there.
    Stopped,
    /// In standby.
    Standby,
    /// It runs outside of any Auto Scaling group of ours.
    Detached,
    /// Kept by Auto Scaling for a person.
    Retained,
    /// Its root volume is being replaced.
    ReplacingRoot,
    /// In the warm pool.
    Warm,
    /// Not shown, or in a state that this version does not know.
    Unclear,
}

impl Phase {
    /// Reads it from the instance and its membership, either of which may not be shown.
    #[must_use]
    pub fn of(instance: Option<&Instance>, member: Option<&Member>) -> Self {
        let state = instance.map(|i| i.state);
        match (state, member.map(|m| &m.lifecycle)) {
            (Some(InstanceState::ShuttingDown | InstanceState::Terminated), _) => Self::Gone,
            (
                _,
                Some(
                    Lifecycle::Warmed
                    | Lifecycle::InPool
                    | Lifecycle::WarmedPendingWait
                    | Lifecycle::WarmedTerminatingWait,
                ),
            ) => Self::Warm,
            (
                Some(InstanceState::Stopping | InstanceState::Stopped),
                Some(Lifecycle::Terminating | Lifecycle::TerminatingWait | Lifecycle::TerminatingProceed),
            ) => Self::Leaving,
            (Some(InstanceState::Stopping | InstanceState::Stopped), _) => Self::Stopped,
            (None, Some(Lifecycle::Pending | Lifecycle::PendingWait | Lifecycle::PendingProceed)) => Self::Booting,
            (None, _) => Self::Unclear,
            (Some(InstanceState::Pending | InstanceState::Running), None) => Self::Detached,
            (Some(InstanceState::Pending), Some(Lifecycle::PendingWait)) => Self::Booting,
            (Some(InstanceState::Pending | InstanceState::Running), Some(lifecycle)) => Self::of_running(lifecycle),
        }
    }

    fn of_running(lifecycle: &Lifecycle) -> Self {
        match lifecycle {
            Lifecycle::Pending => Self::Booting,
            Lifecycle::PendingWait => Self::Launching,
            Lifecycle::PendingProceed => Self::Proceeding,
            Lifecycle::InService => Self::InService,
            Lifecycle::Terminating
            | Lifecycle::TerminatingWait
            | Lifecycle::TerminatingProceed
            | Lifecycle::Terminated => Self::Leaving,
            Lifecycle::TerminatingRetained => Self::Retained,
            Lifecycle::Detached => Self::Detached,
            Lifecycle::Standby => Self::Standby,
            Lifecycle::ReplacingRootVolume => Self::ReplacingRoot,
            Lifecycle::Warmed | Lifecycle::InPool | Lifecycle::WarmedPendingWait | Lifecycle::WarmedTerminatingWait => {
                Self::Warm
            }
            Lifecycle::Unknown(_) => Self::Unclear,
        }
    }

    /// It will not serve again: its slot may be promised to a launching instance.
    #[must_use]
    pub fn is_going(self) -> bool {
        matches!(self, Self::Leaving | Self::Gone)
    }

    /// What its guest says that it let go is let go: it does not come back but through a launch hook.
    #[must_use]
    pub fn lets_go(self) -> bool {
        matches!(self, Self::Leaving | Self::Warm)
    }

    /// Names that lead to it stay: it serves, or may again without another launch hook.
    #[must_use]
    pub fn keeps_names(self) -> bool {
        !self.is_going() && self != Self::Warm
    }

    /// It serves or is about to: its slot's volumes belong on it.
    #[must_use]
    pub fn is_served(self) -> bool {
        matches!(self, Self::Launching | Self::Proceeding | Self::InService)
    }
}
