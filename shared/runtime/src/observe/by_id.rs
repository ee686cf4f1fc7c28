//! Reads aimed at IDs: only they can show that something is gone.

use std::collections::BTreeSet;

use stateful_asg_core::cloud::Lifecycle;
use stateful_asg_core::ids::{InstanceId, InterfaceId, VolumeId};
use stateful_asg_core::observed::{Absent, Observed};
use stateful_asg_core::table::Slot;

use crate::ports::{Called, Cloud, Which};

/// Asks by ID for everything on record that the group's reading lacks: what slots hold, what is being made to take its
/// place, and what was left behind and is being deleted; and for launching instances.
pub(super) async fn ask_by_id<W: Cloud>(world: &W, observed: &mut Observed) -> Called<()> {
    let slots = || observed.slots();
    let holders: BTreeSet<InstanceId> =
        missing(slots().flat_map(holder).chain(launching(observed)), |id| observed.instances.contains_key(id));
    let volumes: BTreeSet<VolumeId> = missing(slots().flat_map(volumes), |id| observed.volumes.contains_key(id));
    let interfaces: BTreeSet<InterfaceId> =
        missing(slots().flat_map(interfaces), |id| observed.interfaces.contains_key(id));
    let (found_instances, found_volumes, found_interfaces) = futures::join!(
        ask(&holders, async |which| world.instances(&which).await),
        ask(&volumes, async |which| world.volumes(&which).await),
        ask(&interfaces, async |which| world.interfaces(&which).await),
    );
    observed.instances.extend(found_instances?.into_iter().map(|i| (i.id.clone(), i)));
    observed.volumes.extend(found_volumes?.into_iter().map(|v| (v.id.clone(), v)));
    observed.interfaces.extend(found_interfaces?.into_iter().map(|i| (i.id.clone(), i)));
    observed.absent = Absent {
        instances: holders.into_iter().filter(|id| !observed.instances.contains_key(id)).collect(),
        volumes: volumes.into_iter().filter(|id| !observed.volumes.contains_key(id)).collect(),
        interfaces: interfaces.into_iter().filter(|id| !observed.interfaces.contains_key(id)).collect(),
    };
    Ok(())
}

/// Members that wait in a launch hook: one that the group's reading lacks may lack our tags.
fn launching(observed: &Observed) -> impl Iterator<Item = &InstanceId> {
    let members = observed.asgs.iter().flat_map(|asg| &asg.members);
    members.filter(|(_, member)| member.lifecycle == Lifecycle::PendingWait).map(|(id, _)| id)
}

fn missing<'a, Id: Ord + Clone + 'a>(
    on_record: impl Iterator<Item = &'a Id>,
    shown: impl Fn(&Id) -> bool,
) -> BTreeSet<Id> {
    on_record.filter(|id| !shown(id)).cloned().collect()
}

pub(super) fn holder(slot: &Slot) -> impl Iterator<Item = &InstanceId> {
    slot.holder.iter().map(|holder| &holder.instance)
}

fn volumes(slot: &Slot) -> impl Iterator<Item = &VolumeId> {
    let successors = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let recorded = slot.volumes.values().chain(successors).filter_map(|record| record.id.as_ref());
    recorded.chain(slot.upkeep.superseded.keys())
}

fn interfaces(slot: &Slot) -> impl Iterator<Item = &InterfaceId> {
    let recorded = slot.interface.iter().filter_map(|record| record.id.as_ref());
    recorded.chain(slot.upkeep.left_interfaces.keys())
}

/// Nothing is asked where nothing is missing.
pub(super) async fn ask<Id: Clone, T>(
    ids: &BTreeSet<Id>,
    call: impl AsyncFnOnce(Which<Id>) -> Called<Vec<T>>,
) -> Called<Vec<T>> {
    if ids.is_empty() { Ok(Vec::new()) } else { call(Which::Ids(ids.iter().cloned().collect())).await }
}
