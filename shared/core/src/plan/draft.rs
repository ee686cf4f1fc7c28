//! What one pass decides, gathered: at most one write for each item of the table, and the steps on AWS.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cloud::Transition;
use crate::ids::{Generation, InstanceId, SlotNumber};
use crate::observed::Observed;
use crate::plan::{Look, Plan};
use crate::shared::Shared;
use crate::step::{Step, Why};
use crate::table::{Action, Bound, Done, Group, LAYOUT, Slot, TableWrite};
use crate::waiting::{Reason, Subject, Waiting};

/// The changes of one slot's item.
#[derive(Debug, Clone)]
pub(crate) struct SlotDraft {
    was: Option<Generation>,
    pub(crate) slot: Shared<Slot>,
    pub(crate) why: BTreeSet<Why>,
    pub(crate) bind: BTreeSet<Bound>,
    pub(crate) unbind: BTreeSet<Bound>,
    /// Whose launch action is written with it.
    pub(crate) launch: Option<InstanceId>,
}

/// What one pass decides.
pub(crate) struct Draft<'a> {
    pub(super) obs: &'a Observed,
    pub(crate) slots: BTreeMap<SlotNumber, SlotDraft>,
    /// The slot that this pass makes, if it makes one: at most one, because it moves the counter.
    pub(crate) made: Option<SlotNumber>,
    pub(crate) group: Group,
    group_why: BTreeSet<Why>,
    actions: BTreeMap<(InstanceId, Transition), Action>,
    steps: Vec<Step>,
    pub(super) waiting: Vec<Waiting>,
    pub(crate) look: Look,
    look_at: Option<Timestamp>,
    /// Slots that launching instances are to have.
    pub(crate) promised: BTreeSet<SlotNumber>,
    /// New slots may not be made: the table lacks some that the tags show.
    pub(crate) table_lost: bool,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(obs: &'a Observed) -> Self {
        let slots = obs
            .slots
            .iter()
            .map(|(number, slot)| {
                let draft = SlotDraft {
                    was: Some(slot.generation),
                    slot: slot.clone(),
                    why: BTreeSet::new(),
                    bind: BTreeSet::new(),
                    unbind: BTreeSet::new(),
                    launch: None,
                };
                (*number, draft)
            })
            .collect();
        Self {
            obs,
            slots,
            made: None,
            group: obs.record.clone().unwrap_or_else(|| Group::new(obs.group.clone())),
            group_why: BTreeSet::new(),
            actions: obs.actions.clone(),
            steps: Vec::new(),
            waiting: Vec::new(),
            look: Look::default(),
            look_at: None,
            promised: BTreeSet::new(),
            table_lost: false,
        }
    }

    /// The draft of a slot that exists.
    pub(crate) fn slot(&mut self, number: SlotNumber) -> &mut SlotDraft {
        self.slots.get_mut(&number).expect("every observed slot has a draft")
    }

    /// Adds a slot that does not exist yet.
    pub(crate) fn make_slot(&mut self, slot: Slot, bind: BTreeSet<Bound>, why: BTreeSet<Why>) {
        self.group.next_slot = slot.number.0.saturating_add(1);
        self.made = Some(slot.number);
        self.slots.insert(
            slot.number,
            SlotDraft { was: None, slot: slot.into(), why, bind, unbind: BTreeSet::new(), launch: None },
        );
    }

    /// The slot that this instance will hold.
    pub(crate) fn slot_held_by(&self, id: &InstanceId) -> Option<&Slot> {
        self.slots.values().map(|draft| &*draft.slot).find(|slot| slot.held_by(id))
    }

    /// Changes the group's item.
    pub(crate) fn group(&mut self, why: Why) -> &mut Group {
        self.group_why.insert(why);
        &mut self.group
    }

    /// Adds a step. All tags of one resource are set at once: two parts of the planner may have some to set.
    pub(crate) fn step(&mut self, step: Step) {
        if let Step::Tag { resource, tags } = &step {
            let same = self.steps.iter_mut().find_map(|other| {
                let Step::Tag { resource: its, tags } = other else { return None };
                (its == resource).then_some(tags)
            });
            if let Some(others) = same {
                others.extend(tags.iter().map(|(key, value)| (key.clone(), value.clone())));
                return;
            }
        }
        self.steps.push(step);
    }

    pub(crate) fn wait(&mut self, subject: Subject, reason: Reason, since: Option<Timestamp>) {
        self.waiting.push(Waiting { subject, reason, since });
    }

    /// A reason is named for it already.
    pub(crate) fn waits(&self, subject: &Subject) -> bool {
        self.waiting.iter().any(|waiting| &waiting.subject == subject)
    }

    /// Asks to look again at this time even if nothing happens.
    pub(crate) fn look_at(&mut self, at: Timestamp) {
        self.look_at = Some(self.look_at.map_or(at, |earlier| earlier.min(at)));
    }

    pub(crate) fn action(&self, id: &InstanceId, transition: Transition) -> Option<&Action> {
        self.actions.get(&(id.clone(), transition))
    }

    pub(crate) fn set_action(&mut self, action: Action) {
        self.actions.insert((action.instance.clone(), action.transition), action);
    }

    /// Turns the drafts that differ from what was observed into conditional writes.
    pub(crate) fn finish(mut self, now: Timestamp) -> Plan {
        let empty = |group: &Group| TableWrite::about(group.name.clone());
        let was = self.obs.record.as_ref();
        let mut record = (was != Some(&self.group) && !(was.is_none() && self.group_why.is_empty())).then(|| {
            let mut group = self.group.clone();
            let first = if self.table_lost { Generation::afresh(now) } else { Generation(1) };
            group.generation = was.map_or(first, |was| was.generation.next());
            group.v = LAYOUT;
            (was.map(|was| was.generation), Box::new(group))
        });
        let mut steps = Vec::new();
        for (number, draft) in std::mem::take(&mut self.slots) {
            if self.obs.slots.get(&number) == Some(&draft.slot) {
                continue;
            }
            let mut slot = draft.slot;
            slot.generation = draft.was.map_or(Generation(1), Generation::next);
            slot.v = LAYOUT;
            let mut write = empty(&self.group);
            if draft.was.is_none() {
                write.record = record.take();
            }
            write.slot = Some((draft.was, Box::new(slot.into_inner())));
            write.bind = draft.bind;
            write.unbind = draft.unbind;
            let launch = draft.launch.map(|instance| (instance, Transition::Launching));
            write.answered = launch.as_ref().and_then(|key| self.answered(key));
            write.action = launch.and_then(|key| self.actions.remove(&key));
            steps.push(Step::Write { write, why: draft.why });
        }
        if record.is_some() {
            let why = std::mem::take(&mut self.group_why);
            steps.push(Step::Write { write: TableWrite { record, ..empty(&self.group) }, why });
        }
        for (key, action) in &self.actions {
            if self.obs.actions.get(key) != Some(action) {
                let (action, answered) = (Some(action.clone()), self.answered(key));
                let write = TableWrite { action, answered, ..empty(&self.group) };
                steps.push(Step::Write { write, why: BTreeSet::from([Why::ActionNoted]) });
            }
        }
        steps.retain(|write| !self.rests(write, now));
        steps.extend(std::mem::take(&mut self.steps));
        Plan { steps, waiting: self.waiting, look: self.look, look_at: self.look_at }
    }

    /// How the action was answered, as it was read.
    fn answered(&self, key: &(InstanceId, Transition)) -> Option<Done> {
        self.obs.actions.get(key).and_then(|action| action.done.clone())
    }

    /// The last write of this item failed too lately to try again: that is what is waited for.
    fn rests(&mut self, write: &Step, now: Timestamp) -> bool {
        let key = write.key();
        let Some(failure) = self.obs.notes.failures.get(&key).filter(|failure| failure.retry_at > now) else {
            return false;
        };
        self.look_at(failure.retry_at);
        let message = failure.message.clone();
        self.wait(Subject::Group, Reason::CallFailed { step: key, kind: failure.kind, message, urgent: true }, None);
        true
    }
}
