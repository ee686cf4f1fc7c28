//! The order in which a proposal is written: each part is whole in itself, and a run that was cut short is simply run again.

use std::collections::BTreeSet;

use crate::adopt::Adoption;
use crate::ids::Generation;
use crate::observed::Observed;
use crate::table::{Bound, Group, Slot, TableWrite};

impl Adoption {
    /// The transactions, in order. First the counter, above every number that the tags show; then each rebuilt slot; then
    /// each new one together with the counter, so that no number is left without an item.
    #[must_use]
    pub fn writes(&self, observed: &Observed) -> Vec<TableWrite> {
        let mut written = observed.record.clone();
        let mut group = written.clone().unwrap_or_else(|| Group::new(observed.group.clone()));
        let mut writes = Vec::new();
        let seen = self.next_slot - u32::try_from(self.new.len()).unwrap_or(0);
        group.next_slot = group.next_slot.max(seen);
        if let Some(record) = &self.record {
            group.record.get_or_insert_with(|| record.clone());
        }
        let mut next = |group: &mut Group| {
            let old = written.as_ref().map(|group| group.generation);
            group.generation = old.map_or(self.first, Generation::next);
            written = Some(group.clone());
            Some((old, Box::new(group.clone())))
        };
        if observed.record.as_ref() != Some(&group) {
            writes.push(TableWrite { record: next(&mut group), ..nothing(observed) });
        }
        writes.extend(self.rebuilt.iter().map(|slot| item(observed, slot)));
        for slot in &self.new {
            group.next_slot = group.next_slot.max(slot.number.0.saturating_add(1));
            writes.push(TableWrite { record: next(&mut group), ..item(observed, slot) });
        }
        writes
    }
}

fn item(observed: &Observed, slot: &Slot) -> TableWrite {
    TableWrite { slot: Some((None, Box::new(slot.clone()))), bind: bound(slot), ..nothing(observed) }
}

fn nothing(observed: &Observed) -> TableWrite {
    TableWrite::about(observed.group.clone())
}

/// Everything that belongs to the slot, and to no other.
fn bound(slot: &Slot) -> BTreeSet<Bound> {
    let volumes = slot.volumes.values().filter_map(|record| record.id.clone());
    let volumes = volumes.chain(slot.upkeep.superseded.keys().cloned()).map(Bound::Volume);
    let interfaces = slot.interface.iter().filter_map(|record| record.id.clone()).map(Bound::Interface);
    let holder = slot.holder.iter().map(|holder| Bound::Instance(holder.instance.clone()));
    volumes.chain(interfaces).chain(holder).collect()
}
