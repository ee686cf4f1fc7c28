//! One reading of a group: a few calls side by side, whatever the group's size.

mod by_id;
mod catch_up;
mod half_tagged;
mod periodic;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use stateful_asg_core::cloud::{Asg, Instance, InstanceState, Interface, Modification, Snapshot, Volume};
use stateful_asg_core::ids::{DeploymentId, GroupName, InstanceId, InterfaceId, SnapshotId, VolumeId};
use stateful_asg_core::observed::{Absent, Notes, Observed};
use stateful_asg_core::plan::Look;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::Limits;
use stateful_asg_core::table::{Action, Group, Slot};
use stateful_asg_core::tags::RELEASED;
use stateful_asg_core::waiting::Reads;

use crate::ports::{Called, Cloud, Table, Which, World};

use by_id::ask_by_id;
pub use catch_up::catch_up;
pub use periodic::observe_for_snapshots;

/// What one reading is about.
#[derive(Debug, Clone)]
pub struct Target {
    /// The group.
    pub group: GroupName,
    /// Our deployment.
    pub deployment: DeploymentId,
    /// What the deployment allows.
    pub limits: Limits,
}

/// Reads everything of the group. `record` is the group's item as taking the lease has just told it; without it the item
/// is read too. What instances leave behind is read after the instances: an older reading could show as free what a holder
/// had, that died meanwhile, still held.
///
/// # Errors
/// The first call that failed.
pub async fn observe<W: World>(
    world: &W,
    target: &Target,
    record: Option<Option<Group>>,
    notes: Notes,
) -> Called<Observed> {
    let which = (target.group.clone(), target.deployment.clone());
    let (asgs, instances, items, record) = futures::join!(
        world.asgs(&target.deployment, Some(&target.group)),
        instances(world, &which),
        world.slots(&target.group),
        async {
            match record {
                Some(record) => Ok(record),
                None => world.group(&target.group).await,
            }
        },
    );
    let (asgs, instances, (slots, actions)) = (asgs?, instances?, items?);
    let (volumes, interfaces) = futures::join!(volumes(world, &which), interfaces(world, &which));
    let mut record = record?;
    // The item was read before the slots: another settle has made one in between.
    let next = record.as_ref().map_or(0, |group| group.next_slot);
    if slots.iter().any(|slot| slot.number.0 >= next) {
        record = world.group(&target.group).await?;
    }
    let mut observed = Observed {
        asgs,
        instances,
        volumes: volumes?,
        interfaces: interfaces?,
        record,
        slots: by_number(slots),
        actions: by_key(actions),
        notes,
        ..nothing(target)
    };
    ask_by_id(world, &mut observed).await?;
    Ok(observed)
}

/// A reading in which nothing was read yet.
fn nothing(target: &Target) -> Observed {
    Observed {
        group: target.group.clone(),
        deployment: target.deployment.clone(),
        limits: target.limits.clone(),
        asgs: Vec::new(),
        hooks: None,
        instances: BTreeMap::new(),
        volumes: BTreeMap::new(),
        interfaces: BTreeMap::new(),
        absent: Absent::default(),
        snapshots: None,
        modifications: BTreeMap::new(),
        half_tagged: None,
        templates: BTreeMap::new(),
        subnets: BTreeMap::new(),
        records: BTreeMap::new(),
        record: None,
        slots: BTreeMap::new(),
        actions: BTreeMap::new(),
        notes: Notes::default(),
    }
}

/// Reads again the Auto Scaling groups, and what the waits are about.
///
/// Snapshots and changes of volumes that no wait is about stay as they were read. They are no older than the slots, which
/// are not read again here either: a snapshot that such a reading lacks was taken for an operation that our own writes
/// recorded, and then its answer was folded in, or by another settle at the same time, which no reading excludes. What it
/// shows as completed stays so; what it shows as pending is read again because it is waited for.
///
/// # Errors
/// The first call that failed.
pub async fn refresh<W: World>(world: &W, observed: &mut Observed, reads: Reads) -> Called<()> {
    let which = (observed.group.clone(), observed.deployment.clone());
    let changing = if reads.modifications { changing(observed) } else { BTreeSet::new() };
    let (asgs, instances, volumes, interfaces, snapshots, modifications) = futures::join!(
        world.asgs(&which.1, Some(&which.0)),
        wanted(reads.instances, instances(world, &which)),
        wanted(reads.volumes, volumes(world, &which)),
        wanted(reads.interfaces, interfaces(world, &which)),
        wanted(reads.snapshots, snapshots(world, &which, named(observed))),
        wanted(!changing.is_empty(), modifications(world, &changing)),
    );
    let asgs = asgs?;
    let newcomers = asgs.iter().flat_map(|asg| asg.members.keys()).any(|id| !observed.instances.contains_key(id));
    observed.asgs = asgs;
    let held = holding(observed);
    if let Some(found) = instances? {
        observed.instances = found;
    } else if newcomers {
        observed.instances = self::instances(world, &which).await?;
    }
    // What a holder that has just been seen to let go leaves behind is read after that, never before: an older reading
    // could show as free what was attached since.
    let let_go = holding(observed) != held;
    observed.volumes = match volumes?.filter(|_| !let_go) {
        Some(found) => found,
        None if let_go => self::volumes(world, &which).await?,
        None => std::mem::take(&mut observed.volumes),
    };
    observed.interfaces = match interfaces?.filter(|_| !let_go) {
        Some(found) => found,
        None if let_go => self::interfaces(world, &which).await?,
        None => std::mem::take(&mut observed.interfaces),
    };
    if let Some(found) = snapshots? {
        observed.snapshots = Some(found);
    }
    if let Some(found) = modifications? {
        observed.modifications.extend(found);
    }
    observed.records.clear();
    ask_by_id(world, observed).await
}

/// Volumes whose change by ModifyVolume is followed: those that were asked for, and those that a record says are changed.
fn changing(observed: &Observed) -> BTreeSet<VolumeId> {
    let recorded = observed.slots().flat_map(|slot| slot.volumes.values());
    let changed = recorded.filter(|record| record.growth.target.is_some()).filter_map(|record| record.id.clone());
    changed.chain(observed.modifications.keys().cloned()).collect()
}

/// Snapshots that records of the group's slots name.
fn named(observed: &Observed) -> BTreeSet<SnapshotId> {
    observed.slots().flat_map(|slot| slot.upkeep.named_snapshots()).cloned().collect()
}

/// Holders that the reading shows, not on their way to `terminated`, and whose guest has not released what they hold.
fn holding(observed: &Observed) -> BTreeSet<InstanceId> {
    let gone = |instance: &Instance| matches!(instance.state, InstanceState::ShuttingDown | InstanceState::Terminated);
    let released = |slot: &Slot, instance: &Instance| instance.tags.get(RELEASED) == Some(&slot.claim.to_string());
    observed
        .slots()
        .filter_map(|slot| Some((slot, observed.instances.get(&slot.holder.as_ref()?.instance)?)))
        .filter(|(slot, instance)| !gone(instance) && !released(slot, instance))
        .map(|(_, instance)| instance.id.clone())
        .collect()
}

async fn wanted<T>(wanted: bool, call: impl Future<Output = Called<T>>) -> Called<Option<T>> {
    if wanted { call.await.map(Some) } else { Ok(None) }
}

/// Reads what a plan asked to see.
///
/// # Errors
/// The first call that failed.
pub async fn look<W: Cloud + Table>(world: &W, observed: &mut Observed, look: &Look) -> Called<()> {
    if look.hooks {
        let names: Vec<_> = observed.asgs.iter().map(|asg: &Asg| asg.name.clone()).collect();
        let answers = futures::future::join_all(names.iter().map(|name| world.hooks(name))).await;
        let mut ours = Vec::new();
        for hooks in answers {
            ours.extend(hooks?.into_iter().filter(|hook| is_ours(&observed.deployment, hook.name.as_str())));
        }
        observed.hooks = Some(ours);
    }
    for key in &look.records {
        let seen = world.record(key).await?;
        observed.records.insert(key.clone(), seen);
    }
    if !look.subnets.is_empty() {
        let ids: Vec<_> = look.subnets.iter().cloned().collect();
        let found = world.subnets(&ids).await?;
        observed.subnets.extend(ids.into_iter().map(|id| (id, None)));
        observed.subnets.extend(found.into_iter().map(|subnet| (subnet.id.clone(), Some(subnet))));
    }
    if look.snapshots {
        let which = (observed.group.clone(), observed.deployment.clone());
        observed.snapshots = Some(snapshots(world, &which, named(observed)).await?);
    }
    if !look.modifications.is_empty() {
        let found = modifications(world, &look.modifications).await?;
        observed.modifications.extend(found);
    }
    if look.half_tagged {
        observed.half_tagged = Some(half_tagged::read(world, &observed.group, &observed.deployment).await?);
    }
    let mut templates: BTreeMap<VolumeId, Option<Volume>> =
        look.templates.iter().map(|id| (id.clone(), None)).collect();
    for volume in by_id::ask(&look.templates, async |which| world.volumes(&which).await).await? {
        templates.insert(volume.id.clone(), Some(volume));
    }
    observed.templates.extend(templates);
    Ok(())
}

/// A hook is ours by its name: `stateful-asg-<deployment>-<word>`. The last word has no dash, so that the hooks of a
/// deployment `prod-2` are not taken for those of `prod`.
#[must_use]
pub fn is_ours(deployment: &DeploymentId, hook: &str) -> bool {
    hook.strip_prefix("stateful-asg-")
        .and_then(|rest| rest.strip_prefix(deployment.as_str()))
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|word| !word.is_empty() && !word.contains('-'))
}

type Of = (GroupName, DeploymentId);

async fn instances<W: Cloud>(world: &W, of: &Of) -> Called<BTreeMap<InstanceId, Instance>> {
    let found = world.instances(&Which::Group(of.0.clone(), of.1.clone())).await?;
    Ok(found.into_iter().map(|i| (i.id.clone(), i)).collect())
}

async fn volumes<W: Cloud>(world: &W, of: &Of) -> Called<BTreeMap<VolumeId, Volume>> {
    let found = world.volumes(&Which::Group(of.0.clone(), of.1.clone())).await?;
    Ok(found.into_iter().map(|v| (v.id.clone(), v)).collect())
}

async fn interfaces<W: Cloud>(world: &W, of: &Of) -> Called<BTreeMap<InterfaceId, Interface>> {
    let found = world.interfaces(&Which::Group(of.0.clone(), of.1.clone())).await?;
    Ok(found.into_iter().map(|i| (i.id.clone(), i)).collect())
}

/// The group's snapshots, and those among `named` that are not the group's by their tags.
async fn snapshots<W: Cloud>(
    world: &W,
    of: &Of,
    mut named: BTreeSet<SnapshotId>,
) -> Called<BTreeMap<SnapshotId, Snapshot>> {
    let by_id = |found: Vec<Snapshot>| found.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot));
    let mut found: BTreeMap<_, _> = by_id(world.snapshots(&Which::Group(of.0.clone(), of.1.clone())).await?).collect();
    named.retain(|id| !found.contains_key(id));
    if !named.is_empty() {
        found.extend(by_id(world.snapshots(&Which::Ids(named.into_iter().collect())).await?));
    }
    Ok(found)
}

/// What was asked for and is not in the answer never had a change.
async fn modifications<W: Cloud>(
    world: &W,
    volumes: &BTreeSet<VolumeId>,
) -> Called<BTreeMap<VolumeId, Option<Modification>>> {
    let ids: Vec<VolumeId> = volumes.iter().cloned().collect();
    let mut asked: BTreeMap<VolumeId, Option<Modification>> = ids.iter().map(|id| (id.clone(), None)).collect();
    for change in world.modifications(&ids).await? {
        asked.insert(change.volume.clone(), Some(change));
    }
    Ok(asked)
}

fn by_number(slots: Vec<Shared<Slot>>) -> BTreeMap<stateful_asg_core::ids::SlotNumber, Shared<Slot>> {
    slots.into_iter().map(|slot| (slot.number, slot)).collect()
}

fn by_key(actions: Vec<Action>) -> BTreeMap<(InstanceId, stateful_asg_core::cloud::Transition), Action> {
    actions.into_iter().map(|action| ((action.instance.clone(), action.transition), action)).collect()
}
