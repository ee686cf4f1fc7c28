//! What people order to be restored, from the write in which it is chosen on: later ones count for what is begun after them.

use std::collections::BTreeSet;

use stateful_asg_core::ids::{SnapshotId, VolumeName};
use stateful_asg_core::table::Slot;
use stateful_asg_core::upkeep::{ChangeKind, Order};
use stateful_asg_sim::typed::Written;

use super::data::Place;
use super::{Rules, is_ours};

impl Rules {
    /// Remembers when a person ordered what.
    pub(super) fn note_order(&mut self, written: &Written, after: &Slot) {
        let order = after.upkeep.order.as_ref().filter(|_| !is_ours(&written.actor));
        if let Some(Order::Restore { volumes }) = order {
            self.ledger.ordered.extend(volumes.values().map(|snapshot| (snapshot.clone(), written.at)));
        }
    }

    /// Whether a person ordered to restore from a snapshot whose deletion was planned already: then nothing but that person
    /// can help.
    #[must_use]
    pub fn ordered_too_late(&self) -> bool {
        self.ledger.ordered_too_late
    }

    /// Rule 1: a restore begins only with what a person ordered; and what is chosen because of an order is remembered.
    pub(super) fn judge_orders(&mut self, written: &Written, before: &Slot, after: &Slot) {
        let known = restored(before);
        for (name, snapshot) in restored(after).difference(&known) {
            if ordered(before, name) != Some(snapshot) {
                let text = format!("slot {}: nobody ordered to restore {name} from {snapshot}", after.number);
                self.accuse(1, written.at, text);
            }
        }
        let known = anew(before);
        for (name, snapshot) in anew(after).difference(&known) {
            if ordered(before, name) == Some(snapshot) {
                let place = (written.write.group.clone(), after.number, (*name).clone());
                self.ledger.chosen.insert(place, (*snapshot).clone());
            }
        }
    }

    /// The volume was made from the snapshot that a person ordered for it where nothing was left to restore: what is not made
    /// yet, and a retired slot, is made anew from what is named. That order is over then.
    pub(super) fn follows_order(&mut self, place: &Place, after: &Slot) -> bool {
        let made_from = after.volumes.get(&place.2).and_then(|record| record.params.snapshot.as_ref());
        let chosen = self.ledger.chosen.remove(place);
        chosen.is_some() && chosen.as_ref() == made_from
    }
}

type Choice<'s> = (&'s VolumeName, &'s SnapshotId);

fn ordered<'s>(slot: &'s Slot, name: &VolumeName) -> Option<&'s SnapshotId> {
    match &slot.upkeep.order {
        Some(Order::Restore { volumes }) => volumes.get(name),
        Some(Order::Retire | Order::Move { .. }) | None => None,
    }
}

/// What takes the place of volumes that stand.
fn restored(slot: &Slot) -> BTreeSet<Choice<'_>> {
    let change = slot.upkeep.change.iter().filter(|change| change.kind == ChangeKind::Restore);
    change.flat_map(|change| change.volumes.iter().map(|(name, made)| (name, &made.from.snapshot))).collect()
}

/// What volumes that do not exist are made from.
fn anew(slot: &Slot) -> BTreeSet<Choice<'_>> {
    let unborn = slot.volumes.iter().filter(|(_, record)| !record.born);
    let attempts = unborn.filter_map(|(name, record)| Some((name, record.params.snapshot.as_ref()?)));
    attempts.chain(slot.upkeep.retired.iter().map(|(name, saved)| (name, &saved.snapshot))).collect()
}
