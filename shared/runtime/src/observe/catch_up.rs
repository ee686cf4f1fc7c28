//! After a wake in the middle of a settle: what an event may have told of is read again, and no more.

use stateful_asg_core::observed::Observed;
use stateful_asg_core::table::Group;
use stateful_asg_core::waiting::Reads;

use super::{by_key, by_number, refresh};
use crate::ports::{Called, World};

/// Reads again what events tell of (the Auto Scaling groups, the instances, the noted actions), and what the waits are
/// about. `record` is the group's item as the lease has just told it. False where someone else has written the group's
/// item or a slot meanwhile: then everything must be read again, because what those now name was read before.
///
/// # Errors
/// The first call that failed.
pub async fn catch_up<W: World>(
    world: &W,
    observed: &mut Observed,
    record: Option<&Group>,
    reads: Reads,
) -> Called<bool> {
    let group = observed.group.clone();
    let reads = Reads { instances: true, ..reads };
    let (items, refreshed) = futures::join!(world.slots(&group), refresh(world, observed, reads));
    let (slots, actions) = items?;
    refreshed?;
    observed.actions = by_key(actions);
    Ok(by_number(slots) == observed.slots && record == observed.record.as_ref())
}
