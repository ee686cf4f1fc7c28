//! What an actor will do as long as nothing fails: all that counts of what it has read.
//!
//! An actor of which a step fails reads anew, and knows nothing of before. So its reading matters only for the plans that
//! follow from it while every step succeeds, and two actors with the same plans ahead count as one, whatever else they have
//! read. The search holds this against what comes: each plan that is made must be the one that was told.

use std::rc::Rc;

use jiff::Timestamp;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::plan::{Plan, invariants, plan};
use stateful_asg_core::step::Step;
use stateful_asg_sim::typed::MemoryTable;

use super::said::Era;

/// No more plans than this follow from one reading.
const PLANS: usize = 64;

/// What one plan comes to.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// What the second opinion lets pass; safe to take in any order.
    pub(super) steps: Vec<Step>,
    /// Its refusals.
    pub(super) refused: Vec<String>,
}

impl Batch {
    /// What this plan comes to; all of it, where actors are blind.
    pub(super) fn of(observed: &Observed, plan: Plan, now: Timestamp, blind: bool) -> Self {
        if blind {
            return Self { steps: plan.steps, refused: Vec::new() };
        }
        let (steps, refused) = invariants::check(observed, &plan, now);
        Self { steps, refused: refused.iter().map(ToString::to_string).collect() }
    }

    fn hash(&self, era: Era) -> u64 {
        era.hash_known(&format!("{:?} {:?}", self.steps, self.refused))
    }
}

/// The plans that will follow, first the next one, and where among them an actor is. The last has no steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Ahead {
    batches: Rc<[(Batch, u64)]>,
    over: usize,
    /// So many of them can come.
    until: Option<usize>,
}

impl Ahead {
    /// What follows these steps; nothing where only the world can tell: what is created has an ID, or a plan asks to look
    /// closer.
    pub(super) fn of(observed: &Observed, steps: &[Step], era: Era, blind: bool) -> Option<Self> {
        let mut observed = observed.clone();
        let mut batches: Vec<(Batch, u64)> = Vec::new();
        loop {
            let steps = batches.last().map_or(steps, |(batch, _)| &batch.steps);
            if steps.is_empty() {
                return Some(Self { batches: batches.into(), ..Self::default() });
            }
            if steps.iter().any(is_answered) {
                return None;
            }
            assert!(batches.len() < PLANS, "plans go on and on: {steps:?}");
            steps.iter().for_each(|step| observed.fold(step, &Outcome::Done, era.began));
            let plan = plan(&observed, era.began);
            if !plan.look.is_empty() {
                return None;
            }
            let batch = Batch::of(&observed, plan, era.began, blind);
            let hash = batch.hash(era);
            batches.push((batch, hash));
        }
    }

    /// The hashes of all that can come.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        let until = self.until.unwrap_or(self.batches.len());
        self.batches[self.over..until].iter().map(|(_, hash)| *hash)
    }

    /// A plan with a write that the table never takes is the last one: the actor reads anew.
    pub(super) fn cut(&mut self, table: &MemoryTable) {
        let late =
            self.batches[self.over..].iter().position(|(batch, _)| batch.steps.iter().any(|step| is_late(step, table)));
        self.until = late.map(|at| self.over + at + 1);
    }

    /// The next plan comes to this.
    ///
    /// # Panics
    /// Where another was told.
    pub(super) fn comes(&mut self, batch: &Batch, era: Era) {
        let told = self.batches.get(self.over);
        assert!(told.is_some_and(|(_, hash)| *hash == batch.hash(era)), "{told:?} was told, and {batch:?} comes");
        self.over += 1;
    }
}

/// The answer to such a step tells more than that it succeeded.
fn is_answered(step: &Step) -> bool {
    matches!(
        step,
        Step::CreateVolume { .. }
            | Step::CreateInterface { .. }
            | Step::CreateSnapshot { .. }
            | Step::CreateSnapshots { .. }
    )
}

/// A write that the table never takes: what it replaces was replaced, and generations only rise. One that was written already
/// is taken for that.
pub(super) fn is_late(step: &Step, table: &MemoryTable) -> bool {
    let Step::Write { write, .. } = step else { return false };
    let slot = write.slot.as_ref().is_some_and(|(expected, new)| {
        let holds = table.slots(&write.group).find(|slot| slot.number == new.number);
        *expected < holds.map(|slot| slot.generation)
    });
    let group = write.record.as_ref().is_some_and(|(expected, _)| {
        let holds = table.group(&write.group);
        *expected < holds.map(|group| group.generation)
    });
    (slot || group) && !table.log().iter().any(|written| *written.write == *write)
}
