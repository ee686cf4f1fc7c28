//! One reading, with the questions that every part of the planner asks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{Asg, Instance, InstanceState, Member};
use crate::ids::{InstanceId, SlotNumber};
use crate::observed::{Failure, Observed};
use crate::plan::{CERTAINLY_ABSENT, Phase};
use crate::spec::Spec;
use crate::table::{Slot, SlotState};
use crate::tags;

/// One reading, the spec in force, and the time.
pub(crate) struct View<'a> {
    pub(crate) obs: &'a Observed,
    pub(crate) spec: &'a Spec,
    pub(crate) now: Timestamp,
    holders: BTreeMap<&'a InstanceId, &'a Slot>,
    phases: BTreeMap<&'a InstanceId, Phase>,
    surplus: BTreeSet<SlotNumber>,
}

impl<'a> View<'a> {
    pub(crate) fn new(obs: &'a Observed, spec: &'a Spec, now: Timestamp) -> Self {
        let holders = obs.slots().filter_map(|slot| slot.holder.as_ref().map(|h| (&h.instance, slot))).collect();
        let listed = obs.asgs.iter().flat_map(|asg| &asg.members);
        let listed = listed.map(|(id, member)| (id, Phase::of(obs.instances.get(id), Some(member))));
        let alone = obs.instances.iter().map(|(id, instance)| (id, Phase::of(Some(instance), None)));
        // Of two that list the same instance the first counts.
        let mut phases: BTreeMap<&InstanceId, Phase> = BTreeMap::new();
        listed.chain(alone).for_each(|(id, phase)| _ = phases.entry(id).or_insert(phase));
        let mut view = Self { obs, spec, now, holders, phases, surplus: BTreeSet::new() };
        view.surplus = view.surplus_of(obs.slots());
        view
    }

    /// This recorded slot exceeds the desired capacity and has lost, or is losing, its holder.
    pub(crate) fn is_surplus(&self, slot: &Slot) -> bool {
        self.surplus.contains(&slot.number)
    }

    /// The largest desired capacity of the live groups.
    pub(crate) fn desired(&self) -> usize {
        self.live_asgs().map(|asg| asg.desired as usize).max().unwrap_or(0)
    }

    pub(crate) fn live_asgs(&self) -> impl Iterator<Item = &'a Asg> {
        self.obs.asgs.iter().filter(|asg| asg.is_live())
    }

    pub(crate) fn member(&self, id: &InstanceId) -> Option<(&'a Asg, &'a Member)> {
        self.obs.asgs.iter().find_map(|asg| asg.members.get(id).map(|member| (asg, member)))
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Option<&'a Instance> {
        self.obs.instances.get(id)
    }

    /// Every member of every group, with its phase, by ID.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'a InstanceId, Phase)> + '_ {
        self.obs
            .asgs
            .iter()
            .flat_map(|asg| asg.members.iter())
            .map(|(id, member)| (id, Phase::of(self.instance(id), Some(member))))
    }

    /// Where this instance stands.
    pub(crate) fn phase(&self, id: &InstanceId) -> Phase {
        self.phases.get(id).copied().unwrap_or_else(|| Phase::of(None, None))
    }

    /// Where the slot's holder stands; `None` if it has none. A holder that reads aimed at its ID have
    /// missed for ten minutes is gone.
    pub(crate) fn holder_phase(&self, slot: &Slot) -> Option<Phase> {
        let holder = slot.holder.as_ref()?;
        let phase = self.phase(&holder.instance);
        let missed = phase == Phase::Unclear
            && self.obs.absent.instances.contains(&holder.instance)
            && self.member(&holder.instance).is_none()
            && self.past(holder.absent_since, CERTAINLY_ABSENT);
        Some(if missed { Phase::Gone } else { phase })
    }

    /// The slot that the table says this instance holds.
    pub(crate) fn slot_of(&self, id: &InstanceId) -> Option<&'a Slot> {
        self.holders.get(id).copied()
    }

    /// It runs, or nothing says that it does not.
    pub(crate) fn may_run(&self, id: &InstanceId) -> bool {
        self.instance(id)
            .is_none_or(|instance| matches!(instance.state, InstanceState::Pending | InstanceState::Running))
    }

    /// The guest reported its volumes released for the slot's current claim, while Auto Scaling takes the instance out, or
    /// back into the warm pool.
    pub(crate) fn has_released(&self, slot: &Slot) -> bool {
        self.holder_phase(slot).is_some_and(Phase::lets_go) && self.reported(slot, tags::RELEASED)
    }

    /// The guest reported its volumes mounted for the slot's current claim.
    pub(crate) fn has_mounted(&self, slot: &Slot) -> bool {
        self.reported(slot, tags::MOUNTED)
    }

    fn reported(&self, slot: &Slot, key: &str) -> bool {
        let claim = slot.claim.to_string();
        slot.holder
            .as_ref()
            .and_then(|holder| self.instance(&holder.instance))
            .is_some_and(|instance| instance.tags.get(key) == Some(&claim))
    }

    /// `since` is known and at least this long ago.
    pub(crate) fn past(&self, since: Option<Timestamp>, at_least: Duration) -> bool {
        since.is_some_and(|since| later(since, at_least) <= self.now)
    }

    /// The failure of this step's key, if it is too early to try again.
    pub(crate) fn backing_off(&self, key: &str) -> Option<&'a Failure> {
        self.obs.notes.failures.get(key).filter(|failure| failure.retry_at > self.now)
    }

    /// Active slots that exceed the desired capacity and have lost, or are losing, their holder: the latest first.
    pub(crate) fn surplus_of<'s>(&self, slots: impl Iterator<Item = &'s Slot>) -> BTreeSet<SlotNumber> {
        let active: Vec<&Slot> = slots.filter(|slot| slot.state == SlotState::Active).collect();
        let excess = active.len().saturating_sub(self.desired());
        let mut going: Vec<&Slot> =
            active.into_iter().filter(|slot| self.holder_phase(slot).is_none_or(Phase::is_going)).collect();
        going.sort_by_key(|slot| (slot.holder.is_none(), std::cmp::Reverse((slot.vacated, slot.number))));
        going.into_iter().take(excess).map(|slot| slot.number).collect()
    }
}

/// A time after another.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(jiff::SignedDuration::try_from(by).unwrap_or(jiff::SignedDuration::MAX)).unwrap_or(Timestamp::MAX)
}

impl View<'_> {
    /// The tags of what we create for a slot: the spec's own, and ours.
    pub(crate) fn own_tags(&self, slot: SlotNumber, attempt: u32) -> crate::cloud::Tags {
        let mut own = self.spec.tags.clone();
        own.entry("Name".to_owned()).or_insert_with(|| format!("{}-{slot}", self.obs.group));
        own.insert(tags::GROUP.to_owned(), self.obs.group.to_string());
        own.insert(tags::DEPLOYMENT.to_owned(), self.obs.deployment.to_string());
        own.insert(tags::SLOT.to_owned(), slot.to_string());
        own.insert(tags::ATTEMPT.to_owned(), attempt.to_string());
        own
    }
}
