//! The rules over the table: one holder a slot, and what a slot once has it keeps.

use std::rc::Rc;

use jiff::Timestamp;
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_core::spec::Spec;
use stateful_asg_core::table::{Bound, Group, InterfaceRecord, Slot, SlotState};
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::typed::{MemoryTable, Written};

use super::{Rules, has_released, is_gone};

impl Rules {
    pub(super) fn judge_write(&mut self, written: &Written, aws: &Aws, table: &MemoryTable) {
        if let Some((_, after)) = &written.write.slot {
            self.note_write(written, after);
            self.judge_slot(written, after, aws, table);
        }
        if let Some((_, after)) = &written.write.record {
            self.changed(written.at, || format!("{} wrote the group", written.actor));
            self.judge_group(written, after);
        }
    }

    fn judge_slot(&mut self, written: &Written, after: &Slot, aws: &Aws, table: &MemoryTable) {
        let number = after.number;
        match written.slot_before.as_deref() {
            None => {
                if after.claim.0 > 1 && super::is_ours(&written.actor) {
                    self.accuse(2, written.at, format!("slot {number} began with claim {}", after.claim));
                }
                let next = table.group(&written.write.group).map_or(0, |group| group.next_slot);
                if number.0 >= next {
                    self.accuse(1, written.at, format!("slot {number} was made, but the counter stands at {next}"));
                }
            }
            Some(before) => {
                self.judge_keeping(written, before, after, aws);
                self.judge_holder(written, before, after, aws);
            }
        }
        self.judge_data(written, written.slot_before.as_deref(), after, aws);
        self.judge_uniqueness(written, after, table);
        if let Some(holder) = &after.holder {
            self.holders.insert((written.write.group.clone(), number, holder.instance.to_string()));
        }
    }

    /// Rule 1: what a slot once has, it keeps; an interface that does not exist any more is made again with its address.
    fn judge_keeping(&mut self, written: &Written, before: &Slot, after: &Slot, aws: &Aws) {
        let number = after.number;
        if after.generation != before.generation.next() {
            self.accuse(
                10,
                written.at,
                format!("slot {number}: generation {} after {}", after.generation, before.generation),
            );
        }
        let kept = |old: &InterfaceRecord| {
            let left = old.id.as_ref().is_some_and(|id| after.upkeep.left_interfaces.contains_key(id));
            let leaves = after.zone != before.zone || after.state == SlotState::Retired;
            let lost = old.id.as_ref().is_some_and(|id| aws.interface(id.as_str()).is_none());
            let again = |new: &InterfaceRecord| new.attempt > old.attempt && new.id.is_none() && lost;
            let same = |new: &InterfaceRecord| new.ip == old.ip && (new.id == old.id || again(new));
            after.interface.as_ref().is_some_and(same) || ((left || lost) && leaves)
        };
        if let Some(old) = before.interface.as_ref().filter(|old| old.born && !kept(old)) {
            self.accuse(
                1,
                written.at,
                format!("slot {number}: the born interface {:?} became {:?}", old.id, after.interface),
            );
        }
    }

    /// Rule 2: the holder changes only when it is gone or has let go, and everything is free of it.
    fn judge_holder(&mut self, written: &Written, before: &Slot, after: &Slot, aws: &Aws) {
        let number = after.number;
        let id = |slot: &Slot| slot.holder.as_ref().map(|holder| holder.instance.to_string());
        let (old, new) = (id(before), id(after));
        if old == new {
            if before.claim != after.claim {
                self.accuse(
                    2,
                    written.at,
                    format!("slot {number}: the claim rose to {} without another holder", after.claim),
                );
            }
            return;
        }
        if let Some(old) = &old
            && !is_gone(aws, old)
            && !has_released(aws, old, before.claim.0)
        {
            self.accuse(2, written.at, format!("slot {number} was taken from {old}, which lives"));
        }
        if new.is_some() && after.claim.0 != before.claim.0 + 1 {
            self.accuse(
                2,
                written.at,
                format!("slot {number}: a new holder with claim {} after {}", after.claim, before.claim),
            );
        }
        for (what, holder, since) in
            attached(before, aws).into_iter().filter(|(_, holder, _)| Some(holder) != new.as_ref())
        {
            if self.may_be_unseen(&holder, since) || self.just_meddled(written.at, &what) {
                continue;
            }
            self.accuse(
                2,
                written.at,
                format!("slot {number} went from {old:?} to {new:?} while {holder} had its {what}"),
            );
        }
    }

    /// A reading could not yet show what came to the holder, or to one before it, just before it was gone or had let go,
    /// or what a call that was long on its way brought it since: EC2 keeps the volume from others all the same.
    fn may_be_unseen(&self, holder: &str, since: Timestamp) -> bool {
        let released = self.released_since.iter().filter(|((of, _), _)| of == holder).map(|(_, at)| at);
        let over = self.gone_since.get(holder).into_iter().chain(released).min();
        over.is_some_and(|over| over.duration_since(since) < self.slack)
    }

    /// Rule 2: one slot an instance, a volume, an interface.
    fn judge_uniqueness(&mut self, written: &Written, after: &Slot, table: &MemoryTable) {
        let ours = bounds(after);
        for (group, other) in table.all_slots() {
            if *group == written.write.group && other.number == after.number {
                continue;
            }
            for bound in bounds(other).into_iter().filter(|bound| ours.contains(bound)) {
                let (mine, theirs): (SlotNumber, SlotNumber) = (after.number, other.number);
                self.accuse(2, written.at, format!("slots {mine} and {theirs} both have {}", bound.key()));
            }
        }
        for bound in ours {
            let bound_here =
                table.bindings().get(&bound).is_some_and(|b| b.group == written.write.group && b.slot == after.number);
            if !bound_here {
                self.accuse(2, written.at, format!("slot {} has {} without a binding", after.number, bound.key()));
            }
        }
    }

    fn judge_group(&mut self, written: &Written, after: &Group) {
        if let Some(before) = written.group_before.as_deref() {
            if after.next_slot < before.next_slot {
                self.accuse(
                    1,
                    written.at,
                    format!("the counter fell from {} to {}", before.next_slot, after.next_slot),
                );
            }
            if after.generation != before.generation.next() {
                self.accuse(
                    10,
                    written.at,
                    format!("the group's generation {} after {}", after.generation, before.generation),
                );
            }
        }
        let before = written.group_before.as_deref().and_then(|group| group.spec.as_ref());
        let Some(accepted) = after.spec.as_ref().filter(|spec| Some(*spec) != before) else { return };
        match Spec::parse(&accepted.text) {
            Err(problems) => self.accuse(12, written.at, format!("a bad spec was accepted: {problems}")),
            Ok(parsed) => {
                if let Err(problems) = parsed.spec.check_limits(&after.name, &self.limits) {
                    self.accuse(13, written.at, format!("a spec beyond the limits was accepted: {problems}"));
                }
                self.specs.entry(after.name.clone()).or_default().push((written.at, Rc::new(parsed.spec)));
            }
        }
    }
}

/// What is attached of a slot's, to whom, and since when.
fn attached(slot: &Slot, aws: &Aws) -> Vec<(String, String, Timestamp)> {
    let volumes = slot.volumes.values().filter_map(|record| record.id.as_ref());
    let mut all: Vec<_> = volumes
        .filter_map(|id| aws.volume(id.as_str()))
        .flat_map(|volume| volume.attachments.iter())
        .map(|attachment| (attachment.volume_id.clone(), attachment.instance_id.clone(), attachment.attach_time))
        .collect();
    let interface =
        slot.interface.as_ref().and_then(|record| record.id.as_ref()).and_then(|id| aws.interface(id.as_str()));
    if let Some(attachment) = interface.and_then(|interface| interface.attachment.as_ref().map(|a| (interface, a))) {
        all.push((
            attachment.0.network_interface_id.clone(),
            attachment.1.instance_id.clone(),
            attachment.1.attach_time,
        ));
    }
    all
}

/// Everything that only one slot may have.
fn bounds(slot: &Slot) -> Vec<Bound> {
    let holder = slot.holder.iter().map(|holder| Bound::Instance(holder.instance.clone()));
    let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let volumes = slot.volumes.values().chain(made).filter_map(|record| record.id.clone()).map(Bound::Volume);
    let interface = slot.interface.iter().filter_map(|record| record.id.clone()).map(Bound::Interface);
    holder.chain(volumes).chain(interface).collect()
}
