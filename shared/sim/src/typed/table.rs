//! The table, in memory: every condition that the real one has, and a log of what took effect.
//!
//! Documented (DynamoDB Developer Guide, *Amazon DynamoDB Transactions: How it works*,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>): a transaction takes effect as a
//! whole, or not at all where one condition does not hold; reads here are the consistent ones that the functions ask for
//! (*Read consistency*). The conditions themselves are the project's own: `shared/aws` writes the same ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::{Generation, GroupName, InstanceId, SlotNumber};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Binding, Bound, Group, Slot, TableWrite};
use stateful_asg_runtime::ports::{Rest, Summary, Woken};

/// How long DynamoDB knows a transaction's token.
const TOKEN_VALID: SignedDuration = SignedDuration::from_mins(10);

/// A write that took effect.
#[derive(Debug, Clone)]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: String,
    /// What was written.
    pub write: Rc<TableWrite>,
    /// The slot's item before.
    pub slot_before: Option<Shared<Slot>>,
    /// The group's item before.
    pub group_before: Option<Shared<Group>>,
}

/// Why a transaction was cancelled: which item's condition did not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not as the write expected it")]
pub struct Cancelled(pub String);

#[derive(Debug, Clone)]
struct Lease {
    owner: String,
    expires: Timestamp,
}

#[derive(Debug, Clone, Default)]
struct GroupItem {
    content: Option<Stored<Group>>,
    lease: Option<Lease>,
    /// Who has the lease too, where everyone gets it.
    sharers: BTreeMap<String, Timestamp>,
    epoch: u64,
    dirty: u64,
    seen: u64,
    digest: Option<String>,
    look_at: Option<Timestamp>,
    audited_at: Option<Timestamp>,
}

impl GroupItem {
    /// What its holder is told.
    fn woken(&self) -> Woken {
        let record = self.content.as_ref().map(|stored| Group::clone(&stored.value));
        Woken { ours: true, dirty: self.dirty, epoch: self.epoch, record }
    }

    fn summary(&self, group: &GroupName) -> Summary {
        Summary {
            group: group.clone(),
            digest: self.digest.clone(),
            look_at: self.look_at,
            leased_until: self.lease.as_ref().map(|lease| lease.expires),
            audited_at: self.audited_at,
            dirty: self.dirty != self.seen,
        }
    }
}

/// An item and the write that made it, by which a retry recognises its own success.
#[derive(Debug, Clone)]
struct Stored<T> {
    value: Shared<T>,
    op: Rc<TableWrite>,
}

type ActionKey = (GroupName, InstanceId, Transition);

/// The table's items.
#[derive(Debug, Clone, Default)]
pub struct MemoryTable {
    groups: BTreeMap<GroupName, GroupItem>,
    slots: BTreeMap<(GroupName, SlotNumber), Stored<Slot>>,
    actions: BTreeMap<ActionKey, Action>,
    bindings: BTreeMap<Bound, Binding>,
    log: Vec<Written>,
    /// How much of the log was written to a table that was lost: its transactions' tokens went with it.
    lost: usize,
    /// Everyone who asks for a lease gets it: safety must not rest on it.
    pub leases_off: bool,
    /// How often a lease was given that another, or two others, had too.
    pub overlaps: [u64; 2],
}

impl MemoryTable {
    /// Writes down the items that plans are made from: two tables that write the same are the same, but for who recognises
    /// a write of its own ([`MemoryTable::log`]).
    ///
    /// # Errors
    /// What `out` refuses.
    pub fn write_state(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        for (name, item) in &self.groups {
            write!(out, "{name} {:?}", item.content.as_ref().map(|stored| &stored.value))?;
        }
        for (key, stored) in &self.slots {
            write!(out, "{key:?} {:?}", stored.value)?;
        }
        write!(out, "{:?} {:?}", self.actions, self.bindings)
    }

    /// Everything that was written, oldest first; leases and notes of actions aside.
    #[must_use]
    pub fn log(&self) -> &[Written] {
        &self.log
    }

    /// The bindings.
    #[must_use]
    pub fn bindings(&self) -> &BTreeMap<Bound, Binding> {
        &self.bindings
    }

    /// A group's item.
    #[must_use]
    pub fn group(&self, group: &GroupName) -> Option<&Shared<Group>> {
        self.groups.get(group)?.content.as_ref().map(|stored| &stored.value)
    }

    /// A group's slots, by number.
    pub fn slots(&self, group: &GroupName) -> impl Iterator<Item = &Shared<Slot>> {
        let group = group.clone();
        let from = (group.clone(), SlotNumber(0));
        self.slots.range(from..).take_while(move |((of, _), _)| *of == group).map(|(_, stored)| &stored.value)
    }

    /// The groups that have an item.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.groups.keys()
    }

    /// All slots of all groups.
    pub fn all_slots(&self) -> impl Iterator<Item = (&GroupName, &Shared<Slot>)> {
        self.slots.iter().map(|((group, _), stored)| (group, &stored.value))
    }

    /// A group's lifecycle actions.
    pub fn actions(&self, group: &GroupName) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(move |((of, _, _), _)| of == group).map(|(_, action)| action)
    }

    /// The lifecycle actions of one instance, in whichever group.
    pub fn actions_of(&self, instance: &str) -> impl Iterator<Item = &Action> {
        self.actions.values().filter(move |action| action.instance.as_str() == instance)
    }

    /// The table is lost: every item is gone.
    pub fn wipe(&mut self) {
        let log = std::mem::take(&mut self.log);
        *self = Self { lost: log.len(), log, leases_off: self.leases_off, overlaps: self.overlaps, ..Self::default() };
    }

    /// Time to live: forgets lifecycle actions that began before `oldest`.
    pub fn expire_actions(&mut self, oldest: Timestamp) {
        self.actions.retain(|_, action| action.since >= oldest);
    }

    /// As the UpdateItem of the real one: the lease of someone else is taken over where it has expired, one's own stays as
    /// it is, and `epoch` rises with every wake and once more when the lease changes hands.
    pub(super) fn wake(&mut self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Woken {
        let item = self.groups.entry(group.clone()).or_default();
        item.dirty += 1;
        item.epoch += 1;
        let mine = Lease { owner: owner.to_owned(), expires: now + ttl };
        let lease = item.lease.get_or_insert_with(|| mine.clone());
        if lease.owner != owner && (self.leases_off || lease.expires <= now) {
            *lease = mine;
            item.epoch += 1;
        }
        let ours = lease.owner == owner;
        if ours {
            self.count_sharers(group, owner, now, ttl);
        }
        Woken { ours, ..self.groups[group].woken() }
    }

    /// Counts that several work on the group at once, and remembers this one where leases are off.
    fn count_sharers(&mut self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) {
        let Some(item) = self.groups.get_mut(group) else { return };
        item.sharers.retain(|_, expires| *expires > now);
        let others = item.sharers.keys().filter(|sharer| *sharer != owner).count();
        if let Some(count) = others.checked_sub(1).and_then(|others| self.overlaps.get_mut(others.min(1))) {
            *count += 1;
        }
        if self.leases_off {
            item.sharers.insert(owner.to_owned(), now + ttl);
        }
    }

    pub(super) fn prolong(&mut self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Option<Woken> {
        let item = self.groups.get_mut(group)?;
        match item.lease.as_mut().filter(|lease| lease.owner == owner) {
            Some(lease) => lease.expires = now + ttl,
            None if self.leases_off => {}
            None => return None,
        }
        Some(item.woken())
    }

    pub(super) fn give_back(
        &mut self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Option<Woken> {
        let item = self.groups.get_mut(group)?;
        if !self.leases_off && item.lease.as_ref().is_none_or(|lease| lease.owner != owner) {
            return None;
        }
        if item.dirty != dirty {
            return Some(item.woken());
        }
        item.lease = None;
        item.sharers.remove(owner);
        item.seen = dirty;
        item.digest = Some(rest.digest.clone());
        item.look_at = rest.look_at;
        if rest.audited {
            item.audited_at = Some(now);
        }
        None
    }

    pub(super) fn summaries(&self) -> Vec<Summary> {
        self.groups.iter().map(|(group, item)| item.summary(group)).collect()
    }

    pub(super) fn summary(&self, group: &GroupName) -> Option<Summary> {
        self.groups.get(group).map(|item| item.summary(group))
    }

    pub(super) fn note_action(&mut self, group: &GroupName, action: &Action) {
        let key = (group.clone(), action.instance.clone(), action.transition);
        if self.actions.get(&key).is_none_or(|noted| noted.since < action.since) {
            self.actions.insert(key, action.clone());
        }
    }

    /// All of the write or nothing.
    ///
    /// A write that was applied within the last ten minutes is a success and changes nothing, whatever stands there by
    /// now: its token is its content. <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
    pub(super) fn write(&mut self, write: &TableWrite, at: Timestamp, actor: &str) -> Result<(), Cancelled> {
        if self.remembers(write, at) {
            return Ok(());
        }
        match self.refusal(write) {
            None => {
                self.apply(write, at, actor);
                Ok(())
            }
            Some(_) if self.is_applied(write) => Ok(()),
            Some(cancelled) => Err(cancelled),
        }
    }

    fn remembers(&self, write: &TableWrite, now: Timestamp) -> bool {
        let transaction = write.slot.is_some() || write.record.is_some();
        let lately =
            self.log[self.lost..].iter().rev().take_while(|written| now.duration_since(written.at) < TOKEN_VALID);
        transaction && lately.into_iter().any(|written| *written.write == *write)
    }

    fn refusal(&self, write: &TableWrite) -> Option<Cancelled> {
        if let Some((expected, slot)) = &write.slot {
            let holds = self.slots.get(&(write.group.clone(), slot.number)).map(|stored| stored.value.generation);
            if !fits(*expected, holds) {
                return Some(Cancelled(format!("slot {}", slot.number)));
            }
        }
        if let Some((expected, _)) = &write.record {
            let holds = self.group(&write.group).map(|group| group.generation);
            if !fits(*expected, holds) {
                return Some(Cancelled(format!("group {}", write.group)));
            }
        }
        if let Some(action) = &write.action {
            let key = (write.group.clone(), action.instance.clone(), action.transition);
            if !write.may_replace(self.actions.get(&key).and_then(|noted| noted.done.as_ref())) {
                return Some(Cancelled(format!("the {:?} action of {}", action.transition, action.instance)));
            }
        }
        let ours = binding_of(write);
        let foreign = |bound: &&Bound| self.bindings.get(bound).is_some_and(|holds| Some(holds) != ours.as_ref());
        write.bind.iter().chain(&write.unbind).find(foreign).map(|bound| Cancelled(bound.key()))
    }

    fn is_applied(&self, write: &TableWrite) -> bool {
        let by_slot = write.slot.as_ref().and_then(|(_, slot)| self.slots.get(&(write.group.clone(), slot.number)));
        let by_group =
            self.groups.get(&write.group).and_then(|item| item.content.as_ref()).filter(|_| write.record.is_some());
        by_slot.is_some_and(|stored| *stored.op == *write) || by_group.is_some_and(|stored| *stored.op == *write)
    }

    fn apply(&mut self, write: &TableWrite, at: Timestamp, actor: &str) {
        let op = Rc::new(write.clone());
        let (mut slot_before, mut group_before) = (None, None);
        if let Some((_, slot)) = &write.slot {
            let stored = Stored { value: Slot::clone(slot).into(), op: Rc::clone(&op) };
            slot_before = self.slots.insert((write.group.clone(), slot.number), stored).map(|old| old.value);
        }
        if let Some((_, group)) = &write.record {
            let stored = Stored { value: Group::clone(group).into(), op: Rc::clone(&op) };
            group_before =
                self.groups.entry(write.group.clone()).or_default().content.replace(stored).map(|old| old.value);
        }
        if let Some(binding) = binding_of(write) {
            for bound in &write.bind {
                self.bindings.insert(bound.clone(), binding.clone());
            }
        }
        for bound in &write.unbind {
            self.bindings.remove(bound);
        }
        if let Some(action) = &write.action {
            self.actions.insert((write.group.clone(), action.instance.clone(), action.transition), action.clone());
        }
        self.log.push(Written { at, actor: actor.to_owned(), write: op, slot_before, group_before });
    }
}

fn fits(expected: Option<Generation>, holds: Option<Generation>) -> bool {
    expected == holds
}

fn binding_of(write: &TableWrite) -> Option<Binding> {
    write.slot.as_ref().map(|(_, slot)| Binding { group: write.group.clone(), slot: slot.number })
}

/// Items that no write of ours made: a person's, or another version's.
impl MemoryTable {
    /// A person's own tool changes a slot's item as all writers do; false where there is no such slot.
    pub fn edit_slot(
        &mut self,
        (group, number): (&GroupName, SlotNumber),
        (at, actor): (Timestamp, &str),
        edit: impl FnOnce(&mut Slot),
    ) -> bool {
        let Some(stored) = self.slots.get(&(group.clone(), number)) else { return false };
        let mut slot = Slot::clone(&stored.value);
        let was = slot.generation;
        edit(&mut slot);
        slot.generation = was.next();
        let write = TableWrite { slot: Some((Some(was), Box::new(slot))), ..TableWrite::about(group.clone()) };
        self.write(&write, at, actor).is_ok()
    }

    /// Removes one slot's item and leaves the rest.
    pub fn lose_slot(&mut self, group: &GroupName, slot: SlotNumber) {
        self.slots.remove(&(group.clone(), slot));
    }

    /// The instances that hold slots, by their bindings.
    #[must_use]
    pub fn bound_instances(&self) -> BTreeSet<InstanceId> {
        self.bindings
            .keys()
            .filter_map(|bound| match bound {
                Bound::Instance(id) => Some(id.clone()),
                Bound::Volume(_) | Bound::Interface(_) => None,
            })
            .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
