//! What a person orders for a slot: noted in its item, begun by the functions when the slot is vacant.

use std::collections::BTreeSet;

use stateful_asg_core::ids::{SlotNumber, Zone};
use stateful_asg_core::observed::Observed;
use stateful_asg_core::spec::Mode;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::upkeep::{Order, Stage};
use stateful_asg_runtime::ports::{Clock, Table};

use super::slots::{ordered, under_way};
use super::volumes::written;
use crate::Verdict;
use crate::account::{self, Account, spec_in_force, unwritten};
use crate::args::{CancelArgs, ConsentArgs, MoveArgs, RetireArgs};
use crate::change::{Ask, Change, Go};

/// Orders a slot's retirement.
///
/// # Errors
/// What keeps the group from being read or the order from being written.
pub(crate) fn retire(args: &RetireArgs) -> anyhow::Result<Verdict> {
    let one = &args.one;
    account::with(&one.place, async |account| {
        let observed = account.read().await?;
        let mut change = Change::default();
        let Some(slot) = slot(&observed, one.slot, &mut change) else { return end(&mut change, &one.consent) };
        if slot.state == SlotState::Retired {
            change.problem(format!("slot {} is retired already", slot.number));
        } else {
            may_begin(&observed, slot, &mut change);
            may_save(slot, &mut change);
            change.plan("snapshot every volume, and wait until the snapshots are complete");
            change.plan("withdraw its name, and leave its interface");
            for (name, record) in &slot.volumes {
                let id = record.id.as_ref().map_or_else(|| "not made yet".to_owned(), ToString::to_string);
                change.plan(format!("leave volume `{name}` ({id}), to be deleted on proof after the spec's grace"));
            }
            when(slot, "retired", &mut change);
        }
        let question = format!("Retire slot {}? Only its snapshots are left in the end.", slot.number);
        give(account, &mut change, slot, Order::Retire, &one.consent, Ask::Question(&question)).await
    })
}

/// Orders a slot's move to another zone.
///
/// # Errors
/// What keeps the group from being read or the order from being written.
pub(crate) fn move_to(args: &MoveArgs) -> anyhow::Result<Verdict> {
    let one = &args.one;
    account::with(&one.place, async |account| {
        let observed = account.read().await?;
        let mut change = Change::default();
        let Some(slot) = slot(&observed, one.slot, &mut change) else { return end(&mut change, &one.consent) };
        reachable(&observed, slot, &args.to, &mut change);
        if slot.state == SlotState::Retired {
            change.problem(format!(
                "slot {} is retired: it lies in no zone, and is made anew in the zone of the instance that needs it",
                slot.number
            ));
        } else {
            may_begin(&observed, slot, &mut change);
            may_save(slot, &mut change);
            change.plan("snapshot every volume, and wait until the snapshots are complete");
            for name in slot.volumes.keys() {
                change.plan(format!("create volume `{name}` from its snapshot in {}", args.to));
            }
            change.plan(format!("have the new ones take the place of those in {}, which are left", slot.zone));
            when(slot, "moved", &mut change);
        }
        give(account, &mut change, slot, Order::Move { to: args.to.clone() }, &one.consent, Ask::Nothing).await
    })
}

/// Takes an order back, or gives up a change of which nothing has taken its place yet.
///
/// # Errors
/// What keeps the group from being read or the item from being written.
pub(crate) fn cancel(args: &CancelArgs) -> anyhow::Result<Verdict> {
    let one = &args.one;
    account::with(&one.place, async |account| {
        let observed = account.read().await?;
        let mut change = Change::default();
        let Some(slot) = slot(&observed, one.slot, &mut change) else { return end(&mut change, &one.consent) };
        match (&slot.upkeep.order, &slot.upkeep.change) {
            (Some(order), _) => {
                change.plan(format!("take back the order for slot {}: {}", slot.number, ordered(order)))
            }
            (None, Some(begun)) if begun.stage == Stage::Switching => change.problem(format!(
                "slot {} {}: new volumes are taking their place, and it goes on",
                slot.number,
                under_way(begun)
            )),
            (None, Some(begun)) => change.plan(format!(
                "give up that slot {} {}: it stays as it was, and what was made for it is left",
                slot.number,
                under_way(begun)
            )),
            (None, None) => change.problem(format!("nothing is ordered for slot {}", slot.number)),
        }
        if let Go::End(verdict) = change.agree(&one.consent, Ask::Nothing)? {
            return Ok(verdict);
        }
        let mut next = slot.clone();
        if next.upkeep.order.take().is_none() {
            next.upkeep.give_up_change(slot.claim, slot.vacated, account.world.now());
        }
        write(account, slot, next).await?;
        account.wake().await;
        change.done(format!("nothing is ordered for slot {} any more", slot.number));
        change.end(Verdict::Fine)
    })
}

/// The slot, or the problem that there is none.
pub(super) fn slot<'o>(observed: &'o Observed, number: u32, change: &mut Change) -> Option<&'o Slot> {
    let found = observed.slots.get(&SlotNumber(number)).map(|slot| &**slot);
    if found.is_none() {
        let known: Vec<String> = observed.slots.keys().map(ToString::to_string).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        change.problem(format!("group {} has no slot {number}; it has {known}", observed.group));
    }
    found
}

/// Ends it with the problems that are known by now.
pub(super) fn end(change: &mut Change, consent: &ConsentArgs) -> anyhow::Result<Verdict> {
    match change.agree(consent, Ask::Nothing)? {
        Go::End(verdict) => Ok(verdict),
        Go::On => change.end(Verdict::Fine),
    }
}

/// Everything that keeps any order for this slot from being begun.
pub(super) fn may_begin(observed: &Observed, slot: &Slot, change: &mut Change) {
    let number = slot.number;
    match &slot.upkeep.change {
        Some(begun) if begun.stage == Stage::Switching => {
            change.problem(format!("slot {number} {}: wait until it is done", under_way(begun)));
        }
        Some(begun) => change.notice(format!("slot {number} {}: that is given up for it", under_way(begun))),
        None => {}
    }
    if let Some(order) = &slot.upkeep.order {
        change.problem(format!(
            "for slot {number} another order waits ({}): `stateful-asg slot cancel` takes it back",
            ordered(order)
        ));
    }
    let unread = observed.record.as_ref().is_none_or(|group| group.spec.is_none());
    match spec_in_force(observed) {
        None if unread => {
            change.notice("the functions have not read the group's spec yet: the order begins after that")
        }
        None => change.problem(format!("group {} has no valid spec on record: no order would begin", observed.group)),
        Some(spec) if spec.mode == Mode::Observe => {
            change.problem("the spec's mode is `observe`: no order would begin; set it to `full` first");
        }
        Some(_) => {}
    }
}

/// Volumes that are to be saved must be there.
fn may_save(slot: &Slot, change: &mut Change) {
    if slot.volumes.is_empty() {
        change.problem(format!("slot {} has no volumes", slot.number));
    }
    for (name, _) in slot.volumes.iter().filter(|(_, record)| !record.born) {
        change.problem(format!("its volume `{name}` is not made yet"));
    }
    for (name, record) in slot.volumes.iter().filter(|(_, record)| record.absent_since.is_some()) {
        let id = record.id.as_ref().map_or_else(String::new, ToString::to_string);
        change.problem(format!(
            "its volume `{name}` ({id}) is not shown by EC2: bring it back, or `stateful-asg slot restore` it from a snapshot"
        ));
    }
}

/// The Auto Scaling group has a subnet in the zone, and the slot is not there already.
fn reachable(observed: &Observed, slot: &Slot, to: &Zone, change: &mut Change) {
    if &slot.zone == to {
        change.problem(format!("slot {} is in {to} already", slot.number));
    }
    let zones: BTreeSet<&Zone> = observed.subnets.values().flatten().map(|subnet| &subnet.zone).collect();
    if !zones.contains(to) {
        let known: Vec<&str> = zones.iter().map(|zone| zone.as_str()).collect();
        let known = if known.is_empty() { "it has no subnet at all".to_owned() } else { known.join(", ") };
        change.problem(format!(
            "no subnet of the Auto Scaling group is in {to} ({known}): no instance would find it there"
        ));
    }
}

/// When the order begins.
pub(super) fn when(slot: &Slot, what: &str, change: &mut Change) {
    if let Some(holder) = &slot.holder {
        change.notice(format!(
            "slot {} is held by {}: it is {what} when that instance is gone",
            slot.number, holder.instance
        ));
    }
}

/// Shows it, asks, writes the order, and has the functions look.
async fn give(
    account: &Account<'_>,
    change: &mut Change,
    slot: &Slot,
    order: Order,
    consent: &ConsentArgs,
    ask: Ask<'_>,
) -> anyhow::Result<Verdict> {
    if let Go::End(verdict) = change.agree(consent, ask)? {
        return Ok(verdict);
    }
    note(account, change, slot, order).await?;
    account.wake().await;
    change.end(Verdict::Fine)
}

/// Puts the order into the slot's item, and says so.
pub(super) async fn note(account: &Account<'_>, change: &mut Change, slot: &Slot, order: Order) -> anyhow::Result<()> {
    let words = ordered(&order);
    let mut next = slot.clone();
    next.upkeep.order = Some(order);
    write(account, slot, next).await?;
    change.done(format!("ordered for slot {}: {words}", slot.number));
    Ok(())
}

/// Writes the slot's item, if it still is what was read.
async fn write(account: &Account<'_>, slot: &Slot, mut next: Slot) -> anyhow::Result<()> {
    next.generation = next.generation.next();
    let write = written(account, slot.generation, next);
    account.world.write(&write).await.map_err(|error| unwritten(error, &format!("slot {}", slot.number)))
}
