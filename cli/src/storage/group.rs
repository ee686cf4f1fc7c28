//! `group remove`: what is left of a group without an Auto Scaling group.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use stateful_asg_core::cloud::{InstanceState, RecordChange, RecordSeen, Snapshot, Tags};
use stateful_asg_core::observed::{FailureKind, Observed};
use stateful_asg_core::table::{Bound, NameRecord, Slot};
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::{CallError, Cloud};

use super::volumes::state;
use super::whose;
use crate::Verdict;
use crate::account::{self, Account, unwritten};
use crate::args::{ConsentArgs, RemoveGroupArgs};
use crate::change::{Ask, Change, Go};

/// Shows what is left, asks for the group's name, and deletes it.
///
/// # Errors
/// What keeps it from being done; what was deleted until then is told, and running it again goes on.
pub(crate) fn remove(args: &RemoveGroupArgs) -> anyhow::Result<Verdict> {
    let agreed = args.yes.as_ref() == Some(&args.place.group);
    let consent = ConsentArgs { yes: agreed, dry_run: args.dry_run, json: args.json };
    account::with(&args.place, async |account| {
        let observed = account.read().await?;
        let mut change = Change::default();
        if let Some(other) = args.yes.as_ref().filter(|_| !agreed) {
            change.problem(format!("--yes {other} is not the name of the group, {}", args.place.group));
        }
        in_use(&observed, &mut change);
        list(&observed, args.snapshots, &mut change);
        let typed = Ask::Typed(vec![args.place.group.to_string()]);
        if let Go::End(verdict) = change.agree(&consent, typed)? {
            return Ok(verdict);
        }
        // What was read may have been asked about for long: everything is looked at again.
        let shown = observed;
        let mut observed = account.read().await?;
        let mut since = Change::default();
        in_use(&observed, &mut since);
        if let Some(problem) = since.problems.first() {
            bail!("{problem}. Nothing was changed");
        }
        // What nobody was shown is not deleted.
        observed.interfaces.retain(|id, _| shown.interfaces.contains_key(id));
        observed.volumes.retain(|id, _| shown.volumes.contains_key(id));
        if let (Some(now), Some(shown)) = (&mut observed.snapshots, &shown.snapshots) {
            now.retain(|id, _| shown.contains_key(id));
        }
        let deleted = Box::pin(delete(account, &observed, args.snapshots, &mut change)).await;
        change.end_with(deleted)
    })
}

/// Everything that shows that the group is still needed.
fn in_use(observed: &Observed, change: &mut Change) {
    for asg in &observed.asgs {
        change.problem(format!(
            "Auto Scaling group {} bears the group's tag: delete it first (aws autoscaling delete-auto-scaling-group --force-delete)",
            asg.name
        ));
    }
    let gone = |state| matches!(state, InstanceState::ShuttingDown | InstanceState::Terminated);
    for instance in observed.instances.values().filter(|instance| !gone(instance.state)) {
        change.problem(format!("instance {} bears the group's tag and lives: terminate it first", instance.id));
    }
    for volume in observed.volumes.values().filter(|volume| !volume.attachments.is_empty()) {
        let at = volume.attachments.iter().map(|a| a.instance.to_string()).collect::<Vec<_>>().join(", ");
        change.problem(format!("volume {} is attached to {at}: detach it first", volume.id));
    }
    for interface in observed.interfaces.values().filter(|interface| interface.attachment.is_some()) {
        change.problem(format!("interface {} is attached: detach it first", interface.id));
    }
}

fn list(observed: &Observed, snapshots: bool, change: &mut Change) {
    for record in records(observed) {
        let values: Vec<String> = record.confirmed.iter().map(ToString::to_string).collect();
        change.plan(format!("withdraw the record {} ({})", record.key.name, values.join(", ")));
    }
    for interface in observed.interfaces.values().filter(|interface| is_its_own(observed, &interface.tags)) {
        let ip = interface.ip.map_or_else(String::new, |ip| format!(" ({ip})"));
        change.plan(format!("delete interface {}{ip}", interface.id));
    }
    for found in whose::all(observed, None) {
        let Some(volume) = found.seen.filter(|volume| is_its_own(observed, &volume.tags)) else { continue };
        let slot = found.slot.map_or_else(|| "the pool".to_owned(), |slot| format!("slot {slot}"));
        let name = found.name.map_or_else(String::new, |name| format!(" `{name}`"));
        let shown = state(volume.state);
        change.plan(format!("delete volume {}{name} of {slot} ({} GiB, {shown})", found.id, volume.size_gib));
    }
    let kept = own_snapshots(observed).count();
    if snapshots {
        for snapshot in own_snapshots(observed) {
            change.plan(format!("delete snapshot {} of {:.0}", snapshot.id, snapshot.started));
        }
    } else if kept > 0 {
        change.notice(format!(
            "{kept} snapshots are kept (--snapshots deletes them too). A new group of this name would count them among its own: give it another name, or remove their tags"
        ));
    }
    for slot in observed.slots() {
        change.plan(format!("remove slot {} from the table", slot.number));
    }
    if observed.record.is_some() {
        change.plan("remove the group from the table");
    }
}

/// It bears the group's tag and our deployment's. What a record names and has lost them is left.
fn is_its_own(observed: &Observed, tags: &Tags) -> bool {
    tags.get(tags::GROUP).map(String::as_str) == Some(observed.group.as_str())
        && tags.get(tags::DEPLOYMENT).map(String::as_str) == Some(observed.deployment.as_str())
}

fn own_snapshots(observed: &Observed) -> impl Iterator<Item = &Snapshot> {
    let all = observed.snapshots.iter().flat_map(|all| all.values());
    all.filter(|snapshot| is_its_own(observed, &snapshot.tags))
}

/// Records of the group that are its own.
fn records(observed: &Observed) -> impl Iterator<Item = &NameRecord> {
    let own = observed.slots().filter_map(|slot| slot.record.as_ref());
    let shared = observed.record.iter().filter_map(|group| group.record.as_ref());
    own.chain(shared).filter(|record| record.owned || !record.tried.is_empty())
}

async fn delete(
    account: &Account<'_>,
    observed: &Observed,
    snapshots: bool,
    change: &mut Change,
) -> anyhow::Result<()> {
    let world = &account.world;
    let stopped = |what: &dyn std::fmt::Display| {
        format!("{what} was not deleted; what the list above calls done is done, and running this again goes on")
    };
    for record in records(observed) {
        withdraw(account, record, change).await.with_context(|| stopped(&record.key.name))?;
    }
    for (id, _) in observed.interfaces.iter().filter(|(_, interface)| is_its_own(observed, &interface.tags)) {
        world.delete_interface(id).await.with_context(|| stopped(id))?;
        change.done(format!("interface {id} is deleted"));
    }
    for (id, _) in observed.volumes.iter().filter(|(_, volume)| is_its_own(observed, &volume.tags)) {
        world.delete_volume(id).await.with_context(|| stopped(id))?;
        change.done(format!("volume {id} is deleted"));
    }
    for id in own_snapshots(observed).map(|snapshot| &snapshot.id).filter(|_| snapshots) {
        world.delete_snapshot(id).await.with_context(|| stopped(id))?;
        change.done(format!("snapshot {id} is deleted"));
    }
    for slot in observed.slots() {
        let removed = world.forget_slot(&observed.group, slot, &bound(slot)).await;
        removed.map_err(|error| unwritten(error, &format!("the removal of slot {}", slot.number)))?;
        change.done(format!("slot {} is removed from the table", slot.number));
    }
    if let Some(group) = &observed.record {
        world.forget_group(group).await.map_err(|error| unwritten(error, "the removal of the group"))?;
        change.done(format!("group {} is removed from the table", group.name));
    }
    Ok(())
}

/// Withdraws a record if it holds what we once wrote there; one that somebody else changed is left.
async fn withdraw(account: &Account<'_>, record: &NameRecord, change: &mut Change) -> Result<(), CallError> {
    let name = &record.key.name;
    let RecordSeen::A { ttl, values } = account.world.record(&record.key).await? else {
        change.done(format!("record {name} holds nothing of ours"));
        return Ok(());
    };
    let ours = values == record.confirmed || record.tried.contains(&values) || record.past.contains(&values);
    if !ours {
        change.done(format!("record {name} was changed by somebody else, and is left"));
        return Ok(());
    }
    let swap = RecordChange { key: record.key.clone(), old: Some((ttl, values)), new: None };
    match account.world.change_record(&swap).await {
        Err(error) if error.kind != FailureKind::RecordMismatch => Err(error),
        Ok(()) | Err(_) => {
            change.done(format!("record {name} is withdrawn"));
            Ok(())
        }
    }
}

/// Every binding that names the slot.
fn bound(slot: &Slot) -> BTreeSet<Bound> {
    let upkeep = &slot.upkeep;
    let made = upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let volumes = slot.volumes.values().chain(made).filter_map(|record| record.id.clone());
    let volumes = volumes.chain(upkeep.superseded.keys().cloned()).map(Bound::Volume);
    let interface = slot.interface.iter().filter_map(|record| record.id.clone());
    let interfaces = interface.chain(upkeep.left_interfaces.keys().cloned()).map(Bound::Interface);
    let holder = slot.holder.iter().map(|holder| Bound::Instance(holder.instance.clone()));
    volumes.chain(interfaces).chain(holder).collect()
}
