//! How often a settle looks: as each wait asks, ever more rarely at what does not change, and a moment longer at instances
//! that it let into service.

use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_core::cloud::Lifecycle;
use stateful_asg_core::ids::InstanceId;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::plan::Plan;

use super::{Next, Run, to_signed};
use crate::ports::World;

/// How long a settle that let an instance into service stays to see it there: seldom longer than Auto Scaling takes. What
/// it then sees needs no further settle.
const LINGER: Duration = Duration::from_secs(5);
/// What has not changed is looked at again after this share of the time that it has not changed for.
const SHARE: u32 = 30;
/// The longest that it is not looked at.
const LONGEST_PACE: Duration = Duration::from_secs(20);

impl<W: World> Run<'_, W> {
    /// How long to leave be what has not changed for long: what takes minutes is not looked at every second.
    pub(super) fn patience(&mut self, plan: &Plan) -> Duration {
        let now = self.world.now();
        if self.unchanged.1 != plan.waiting {
            self.unchanged = (now, plan.waiting.clone());
        }
        let still = Duration::try_from(now.duration_since(self.unchanged.0)).unwrap_or_default();
        (still / SHARE).min(LONGEST_PACE)
    }

    /// Instances that were just let into service are waited for, for a moment.
    pub(super) fn linger(&self, next: Next, observed: &Observed) -> Next {
        let now = self.world.now();
        let lately = |at: &Timestamp| now.duration_since(*at) < to_signed(LINGER);
        let mut entering = self.let_in.iter().filter(|(_, at)| lately(at)).map(|(instance, _)| instance);
        let arrives = |instance: &InstanceId| {
            let member = observed.asgs.iter().find_map(|asg| asg.members.get(instance));
            member.is_some_and(|m| matches!(m.lifecycle, Lifecycle::PendingWait | Lifecycle::PendingProceed))
        };
        let waits = matches!(next, Next::Rest) && entering.any(arrives);
        if waits { Next::Poll(Duration::from_secs(1)) } else { next }
    }
}

/// The quickest pace that a wait asks for.
pub(super) fn pause(plan: &Plan) -> Next {
    plan.waiting.iter().filter_map(|waiting| waiting.reason.pace()).min().map_or(Next::Rest, Next::Poll)
}
