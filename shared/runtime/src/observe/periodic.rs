//! The reading that periodic snapshots are decided from: without Auto Scaling, addresses and names.

use std::collections::BTreeSet;

use stateful_asg_core::ids::InstanceId;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::table::Group;

use super::by_id::{ask, holder};
use super::{Target, by_number, instances, nothing, snapshots, volumes};
use crate::ports::{Called, World};

/// Reads the group's slots, instances, volumes and snapshots, side by side. `record` is the group's item.
///
/// # Errors
/// The first call that failed.
pub async fn observe_for_snapshots<W: World>(world: &W, target: &Target, record: Group) -> Called<Observed> {
    let which = (target.group.clone(), target.deployment.clone());
    let (items, instances, volumes, snapshots) = futures::join!(
        world.slots(&target.group),
        instances(world, &which),
        volumes(world, &which),
        snapshots(world, &which, BTreeSet::new()),
    );
    let (slots, _) = items?;
    let mut observed = Observed {
        instances: instances?,
        volumes: volumes?,
        snapshots: Some(snapshots?),
        record: Some(record),
        slots: by_number(slots),
        ..nothing(target)
    };
    let holders: BTreeSet<InstanceId> =
        observed.slots().flat_map(holder).filter(|id| !observed.instances.contains_key(id)).cloned().collect();
    let found = ask(&holders, async |which| world.instances(&which).await).await?;
    observed.instances.extend(found.into_iter().map(|instance| (instance.id.clone(), instance)));
    Ok(observed)
}
