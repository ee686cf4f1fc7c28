//! `slot restore`: volumes made from snapshots that a person names take the place of the slot's own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use stateful_asg_core::cloud::{Snapshot, SnapshotState};
use stateful_asg_core::ids::{SlotNumber, SnapshotId, VolumeName};
use stateful_asg_core::observed::Observed;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Order;
use stateful_asg_runtime::ports::{Cloud, Which};

use super::orders::{self, end, may_begin, when};
use crate::Verdict;
use crate::account::{self, Account};
use crate::args::{Chosen, RestoreArgs};
use crate::change::{Ask, Change, Go};

/// Orders a slot's restoration, and with `--now` has its holder replaced.
///
/// # Errors
/// What keeps the group from being read or the order from being written.
pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<Verdict> {
    let one = &args.one;
    account::with(&one.place, async |account| {
        let mut observed = account.read().await?;
        read_named(account, &mut observed, args).await?;
        let mut change = Change::default();
        let Some(slot) = orders::slot(&observed, one.slot, &mut change) else {
            return end(&mut change, &one.consent);
        };
        may_begin(&observed, slot, &mut change);
        may_replace(&observed, slot, &mut change);
        let volumes = chosen(&observed, slot, args, &mut change);
        let holder = slot.holder.as_ref().map(|holder| holder.instance.clone());
        let replaced = holder.filter(|_| args.now);
        match &replaced {
            Some(holder) => {
                change.plan(format!("have Auto Scaling terminate and replace {holder}, which holds the slot"))
            }
            // What is not made yet has no data that a holder could lose.
            None if volumes.keys().all(|name| is_unmade(slot, name)) => {}
            None => when(slot, "restored", &mut change),
        }
        let ask = match &replaced {
            Some(holder) => Ask::Typed(vec![holder.to_string()]),
            None => Ask::Nothing,
        };
        if let Go::End(verdict) = change.agree(&one.consent, ask)? {
            return Ok(verdict);
        }
        orders::note(account, &mut change, slot, Order::Restore { volumes }).await?;
        if let Some(holder) = replaced {
            let failed = format!("the order is noted, but {holder} was not terminated: terminate it yourself");
            account.world.replace_member(&holder).await.context(failed)?;
            change.done(format!("Auto Scaling replaces {holder}"));
        }
        account.wake().await;
        change.end(Verdict::Fine)
    })
}

/// Nothing of the volume exists: it is to be made from a snapshot when the slot is needed, or EC2 refused to.
fn is_unmade(slot: &Slot, name: &VolumeName) -> bool {
    slot.volumes.get(name).is_none_or(|record| !record.born && record.id.is_none())
}

/// A volume that is to be replaced is there; one that is to be made from a snapshot which is gone needs another.
fn may_replace(observed: &Observed, slot: &Slot, change: &mut Change) {
    let number = slot.number;
    if slot.volumes.is_empty() && slot.upkeep.retired.is_empty() {
        change.problem(format!("slot {number} has no volumes"));
    }
    for (name, record) in slot.volumes.iter().filter(|(_, record)| !record.born) {
        let shown = |id: &SnapshotId| observed.snapshots.as_ref().is_some_and(|shown| shown.contains_key(id));
        let gone = record.params.snapshot.as_ref().filter(|id| record.id.is_none() && !shown(id));
        match gone {
            Some(gone) => change.notice(format!("its volume `{name}` was to be made from {gone}, which is not shown")),
            None => change.problem(format!("its volume `{name}` is not made yet")),
        }
    }
}

/// Reads the snapshots that the group's reading lacks.
async fn read_named(account: &Account<'_>, observed: &mut Observed, args: &RestoreArgs) -> anyhow::Result<()> {
    let shown = observed.snapshots.get_or_insert_default();
    let unmade = observed.slots.get(&SlotNumber(args.one.slot)).into_iter().flat_map(|slot| slot.volumes.values());
    let sources = unmade.filter(|record| !record.born).filter_map(|record| record.params.snapshot.clone());
    let wanted = args.snapshots.iter().map(|chosen| chosen.snapshot.clone()).chain(sources);
    let missing: Vec<SnapshotId> = wanted.filter(|id| !shown.contains_key(id)).collect();
    if !missing.is_empty() {
        let found = account.world.snapshots(&Which::Ids(missing)).await.with_context(|| account.unread())?;
        shown.extend(found.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
    }
    Ok(())
}

/// Which volume is made from which snapshot.
fn chosen(
    observed: &Observed,
    slot: &Slot,
    args: &RestoreArgs,
    change: &mut Change,
) -> BTreeMap<VolumeName, SnapshotId> {
    let mut volumes = BTreeMap::new();
    for chosen in &args.snapshots {
        let found = observed.snapshots.as_ref().and_then(|shown| shown.get(&chosen.snapshot));
        let Some(snapshot) = found else {
            change.problem(format!("{} is not shown: it is not in this account and Region", chosen.snapshot));
            continue;
        };
        let Some(name) = name_of(slot, chosen, snapshot, change) else { continue };
        judge(observed, slot, &name, snapshot, args.foreign, change);
        let (from, as_of) = (&snapshot.id, snapshot.started);
        change.plan(match slot.state {
            SlotState::Retired => {
                format!(
                    "make volume `{name}` from {from}, which shows it as of {as_of:.0}, when the slot is needed again"
                )
            }
            SlotState::Active | SlotState::Parked => {
                format!("create volume `{name}` in {} from {from}, which shows it as of {as_of:.0}", slot.zone)
            }
        });
        if volumes.insert(name.clone(), snapshot.id.clone()).is_some() {
            change.problem(format!("several snapshots are named for volume `{name}`"));
        }
    }
    for (name, saved) in &slot.upkeep.retired {
        let one = volumes.get(name).map_or("no snapshot is named", |_| "in the place of what is on record");
        change.notice(format!(
            "volume `{name}` of the retired slot, {}, as of {:.0}: {one}",
            saved.snapshot, saved.as_of
        ));
    }
    for (name, record) in slot.volumes.iter().filter(|(name, _)| !is_unmade(slot, name)) {
        let id = record.id.as_ref().map_or_else(String::new, |id| format!(" ({id})"));
        if volumes.contains_key(name) {
            change.plan(format!("keep the present volume `{name}`{id}, tagged as superseded"));
        } else {
            change.notice(format!("no snapshot is named for volume `{name}`{id}: it stays as it is"));
        }
    }
    volumes
}

fn name_of(slot: &Slot, chosen: &Chosen, snapshot: &Snapshot, change: &mut Change) -> Option<VolumeName> {
    let known: BTreeSet<&VolumeName> = slot.volumes.keys().chain(slot.upkeep.retired.keys()).collect();
    let only = known.first().filter(|_| known.len() == 1).map(|name| (*name).clone());
    let name = chosen.name.clone().or_else(|| snapshot.name()).or(only);
    match name {
        Some(name) if known.contains(&name) => Some(name),
        Some(name) => {
            change.problem(format!("slot {} has no volume `{name}` to restore from {}", slot.number, snapshot.id));
            None
        }
        None => {
            change.problem(format!("{} does not tell its volume's name: say NAME={}", snapshot.id, snapshot.id));
            None
        }
    }
}

fn judge(observed: &Observed, slot: &Slot, name: &VolumeName, snapshot: &Snapshot, foreign: bool, change: &mut Change) {
    let id = &snapshot.id;
    match snapshot.state {
        SnapshotState::Completed => {}
        SnapshotState::Pending => change.problem(format!("{id} is not complete yet: try again later")),
        SnapshotState::Error | SnapshotState::Other => change.problem(format!("{id} failed or is not available")),
    }
    let ours = snapshot.tags.get(tags::GROUP).map(String::as_str) == Some(observed.group.as_str());
    let same = ours && snapshot.slot() == Some(slot.number) && snapshot.name().is_none_or(|of| &of == name);
    if !same && !foreign {
        change.problem(format!(
            "{id} is not of volume `{name}` of slot {} of this group, by its tags: add --foreign if it shall be taken all the same",
            slot.number
        ));
    }
    if snapshot.tags.get(tags::DEPLOYMENT).map(String::as_str) != Some(observed.deployment.as_str()) {
        change.problem(format!(
            "the functions may start volumes only from snapshots of their deployment: aws ec2 create-tags --resources {id} --tags Key={},Value={}",
            tags::DEPLOYMENT,
            observed.deployment
        ));
    }
    let most = observed.limits.max_volume_gib;
    if snapshot.size_gib > most {
        change.problem(format!("{id} needs a volume of {} GiB, and the deployment allows {most}", snapshot.size_gib));
    }
}
