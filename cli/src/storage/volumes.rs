//! `volumes list` and `volumes remove`.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use serde::Serialize;
use stateful_asg_core::cloud::{Lifecycle, Snapshot, Tags, Volume, VolumeState};
use stateful_asg_core::ids::{Generation, VolumeId};
use stateful_asg_core::observed::Observed;
use stateful_asg_core::table::{Bound, Slot, TableWrite};
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::{Clock, Cloud, Table};

use super::whose::{self, Found, Role};
use super::{Row, list, or_dash};
use crate::Verdict;
use crate::account::{self, Account, unwritten};
use crate::args::{ListArgs, RemoveVolumesArgs};
use crate::change::{Ask, Change, Go};

#[derive(Debug, Serialize)]
struct Line {
    slot: Option<u32>,
    name: Option<String>,
    volume: String,
    zone: Option<String>,
    size_gib: Option<u32>,
    state: &'static str,
    attached_to: Vec<String>,
    #[serde(flatten)]
    role: Role,
}

impl Row<8> for Line {
    const HEADER: [&'static str; 8] = ["SLOT", "NAME", "VOLUME", "ZONE", "GIB", "STATE", "ATTACHED TO", "WHOSE"];

    fn cells(&self) -> [String; 8] {
        let attached = Some(self.attached_to.join(", ")).filter(|text| !text.is_empty());
        [
            or_dash(self.slot),
            or_dash(self.name.as_ref()),
            self.volume.clone(),
            or_dash(self.zone.as_ref()),
            or_dash(self.size_gib),
            self.state.to_owned(),
            or_dash(attached),
            self.role.words(),
        ]
    }
}

impl Line {
    fn of(found: &Found<'_>) -> Self {
        let attachments = found.seen.iter().flat_map(|volume| &volume.attachments);
        Self {
            slot: found.slot.map(|slot| slot.0),
            name: found.name.as_ref().map(ToString::to_string),
            volume: found.id.to_string(),
            zone: found.seen.map(|volume| volume.zone.to_string()),
            size_gib: found.seen.map(|volume| volume.size_gib),
            state: found.seen.map_or("not shown", |volume| state(volume.state)),
            attached_to: attachments.map(|attachment| attachment.instance.to_string()).collect(),
            role: found.role.clone(),
        }
    }
}

pub(super) fn state(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Deleted => "deleted",
        VolumeState::Error => "error",
    }
}

/// Shows every volume of the group.
///
/// # Errors
/// What keeps the group from being read.
pub(crate) fn show(args: &ListArgs) -> anyhow::Result<Verdict> {
    account::with(&args.place, async |account| {
        let observed = account.read().await?;
        let spec = account::spec_in_force(&observed);
        let lines: Vec<Line> = whose::all(&observed, spec.as_ref()).iter().map(Line::of).collect();
        list(&lines, args.json, "The group has no volumes.")
    })
}

/// Deletes volumes that no slot needs.
///
/// # Errors
/// What keeps it from being done; what was done until then is told.
pub(crate) fn remove(args: &RemoveVolumesArgs) -> anyhow::Result<Verdict> {
    account::with(&args.place, async |account| {
        let observed = account.read().await?;
        let wanted: BTreeSet<VolumeId> = args.volumes.iter().cloned().collect();
        let mut change = Change::default();
        for id in &wanted {
            judge(&observed, id, &mut change);
        }
        let typed = wanted.iter().map(ToString::to_string).collect();
        if let Go::End(verdict) = change.agree(&args.consent, Ask::Typed(typed))? {
            return Ok(verdict);
        }
        for id in &wanted {
            let deleted = Box::pin(delete(account, id)).await.with_context(|| format!("{id} was not deleted"));
            if deleted.is_err() {
                return change.end_with(deleted);
            }
            change.done(format!("{id} is deleted"));
        }
        change.end(Verdict::Fine)
    })
}

/// Says what deleting it would lose, or why it is not deleted.
fn judge(observed: &Observed, id: &VolumeId, change: &mut Change) {
    let found = whose::all(observed, None).into_iter().find(|found| &found.id == id);
    let Some(found) = found else {
        return change.problem(format!("{id} is no volume of this group, by its tags or by the table"));
    };
    if let Err(why) = removable(observed, &found) {
        return change.problem(format!("{id} {why}"));
    }
    let Some(volume) = found.seen else { return };
    let place = found.slot.map_or_else(|| "the pool".to_owned(), |slot| format!("slot {slot}"));
    let name = found.name.as_ref().map_or_else(String::new, |name| format!(" `{name}`"));
    change.plan(format!(
        "delete {id}{name} of {place} ({} GiB, {}); {}",
        volume.size_gib,
        volume.zone,
        lost(observed, &found)
    ));
}

fn removable(observed: &Observed, found: &Found<'_>) -> Result<(), String> {
    match found.role {
        Role::OnRecord => {
            let slot = or_dash(found.slot);
            return Err(format!("is on the record of slot {slot}: retire or restore the slot instead"));
        }
        Role::Successor => return Err("is being made for its slot".to_owned()),
        Role::Pool if observed.asgs.iter().flat_map(|asg| asg.members.values()).any(|m| is_launching(&m.lifecycle)) => {
            return Err("may be taken by an instance that is launching now: try again when none is".to_owned());
        }
        Role::Stray if found.slot.is_some_and(|slot| !observed.slots.contains_key(&slot)) => {
            return Err("is of a slot that the table lacks: `stateful-asg adopt` first".to_owned());
        }
        Role::Superseded { .. } | Role::Pool | Role::Stray => {}
    }
    match found.seen {
        None => Err("is not shown by EC2".to_owned()),
        Some(volume) if !volume.is_free() && volume.state != VolumeState::Error => Err(busy(volume)),
        Some(_) => Ok(()),
    }
}

fn is_launching(state: &Lifecycle) -> bool {
    matches!(state, Lifecycle::Pending | Lifecycle::PendingWait | Lifecycle::PendingProceed)
}

fn busy(volume: &Volume) -> String {
    match volume.attachments.first() {
        Some(attachment) => format!("is attached to {}: detach it first", attachment.instance),
        None => format!("is {}", state(volume.state)),
    }
}

/// What nothing else holds.
fn lost(observed: &Observed, found: &Found<'_>) -> String {
    let snapshots = observed.snapshots.iter().flat_map(|all| all.values());
    let newest: Option<&Snapshot> = snapshots
        .filter(|snapshot| snapshot.volume == found.id && snapshot.is_completed())
        .max_by_key(|snapshot| snapshot.started);
    match newest {
        Some(snapshot) => {
            format!("lost is what was written to it since {:.0}, which {} shows", snapshot.started, snapshot.id)
        }
        None => "everything on it is lost: no completed snapshot of it is shown".to_owned(),
    }
}

/// Marks it, looks at everything again, deletes it, and takes it from the record.
async fn delete(account: &Account<'_>, id: &VolumeId) -> anyhow::Result<()> {
    let observed = account.observe().await.with_context(|| account.unread())?;
    let owner = observed.slots().find(|slot| slot.upkeep.superseded.contains_key(id));
    let marked = match owner {
        Some(slot) => Some(mark(account, slot, id).await?),
        None => {
            let mark = Tags::from([(tags::SUPERSEDED.to_owned(), "removed-by-hand".to_owned())]);
            account.world.tag(id.as_str(), &mark).await?;
            None
        }
    };
    let again = account.observe().await.with_context(|| account.unread())?;
    let found = whose::all(&again, None).into_iter().find(|found| &found.id == id).context("it is gone already")?;
    if let Err(why) = removable(&again, &found) {
        bail!("{id} {why} by now");
    }
    account.world.delete_volume(id).await?;
    if let Some(slot) = marked {
        forget(account, slot, id).await?;
    }
    Ok(())
}

/// Notes in the slot's item that it is being deleted, if the item still is what was read.
async fn mark(account: &Account<'_>, slot: &Slot, id: &VolumeId) -> anyhow::Result<Slot> {
    let now = account.world.now();
    let next = edited(slot, |slot| {
        if let Some(left) = slot.upkeep.superseded.get_mut(id) {
            left.deleting.get_or_insert(now);
        }
    });
    let write = written(account, slot.generation, next.clone());
    account.world.write(&write).await.map_err(|error| unwritten(error, &format!("slot {}", slot.number)))?;
    Ok(next)
}

/// Takes it from the slot's item. Where the item changed meanwhile, the functions do it once they see it gone.
async fn forget(account: &Account<'_>, slot: Slot, id: &VolumeId) -> anyhow::Result<()> {
    let next = edited(&slot, |slot| drop(slot.upkeep.superseded.remove(id)));
    let mut write = written(account, slot.generation, next);
    write.unbind.insert(Bound::Volume(id.clone()));
    match account.world.write(&write).await {
        Ok(()) => Ok(()),
        Err(error) if error.kind == stateful_asg_core::observed::FailureKind::Conflict => Ok(()),
        Err(error) => Err(unwritten(error, &format!("slot {}", slot.number))),
    }
}

fn edited(slot: &Slot, edit: impl FnOnce(&mut Slot)) -> Slot {
    let mut next = slot.clone();
    next.generation = next.generation.next();
    edit(&mut next);
    next
}

/// A slot's item in place of the one that was read.
pub(super) fn written(account: &Account<'_>, old: Generation, slot: Slot) -> TableWrite {
    TableWrite { slot: Some((Some(old), Box::new(slot))), ..TableWrite::about(account.place.group.clone()) }
}
