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

/// The plans that will follow.
#[derive(Debug, Clone)]
pub(super) enum Ahead {
    /// Those, first the next; the last of them has no steps.
    Told(Told),
    /// Only the world can tell: what is created has an ID, or a plan asks to look closer.
    Open,
}

/// Plans that were told, and where among them an actor is.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    batches: Rc<[(Batch, u64)]>,
    over: usize,
    /// So many of them can come.
    until: Option<usize>,
}

impl Default for Ahead {
    fn default() -> Self {
        Self::Told(Told::default())
    }
}

impl Ahead {
    /// What follows these steps.
    pub(super) fn of(observed: &Observed, steps: &[Step], era: Era, blind: bool) -> Self {
        let mut observed = observed.clone();
        let mut batches: Vec<(Batch, u64)> = Vec::new();
        loop {
            let steps = batches.last().map_or(steps, |(batch, _)| &batch.steps);
            if steps.is_empty() {
                return Self::Told(Told { batches: batches.into(), ..Told::default() });
            }
            if steps.iter().any(is_answered) {
                return Self::Open;
            }
            assert!(batches.len() < PLANS, "plans go on and on: {steps:?}");
            steps.iter().for_each(|step| observed.fold(step, &Outcome::Done, era.began));
            let plan = plan(&observed, era.began);
            if !plan.look.is_empty() {
                return Self::Open;
            }
            let batch = Batch::of(&observed, plan, era.began, blind);
            let hash = batch.hash(era);
            batches.push((batch, hash));
        }
    }

    /// The hashes of all that can come.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        let left = match self {
            Self::Told(Told { batches, over, until }) => &batches[*over..until.unwrap_or(batches.len())],
            Self::Open => &[],
        };
        left.iter().map(|(_, hash)| *hash)
    }

    /// A plan with a write that the table never takes is the last one: the actor reads anew.
    pub(super) fn cut(&mut self, table: &MemoryTable) {
        let Self::Told(Told { batches, over, until }) = self else { return };
        let is_late = |(batch, _): &(Batch, u64)| batch.steps.iter().any(|step| Fate::of(step, table) == Fate::Late);
        *until = batches[*over..].iter().position(is_late).map(|at| *over + at + 1);
    }

    /// The next plan comes to this.
    ///
    /// # Panics
    /// Where another was told.
    pub(super) fn comes(&mut self, batch: &Batch, era: Era) {
        if let Self::Told(Told { batches, over, .. }) = self {
            let told = batches.get(*over);
            assert!(told.is_some_and(|(_, hash)| *hash == batch.hash(era)), "{told:?} was told, and {batch:?} comes");
            *over += 1;
        }
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

/// What the table will make of a step that is a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It never takes it: what it replaces was replaced, and generations only rise.
    Late,
    /// That depends; or it is taken for one that was written already.
    Open,
}

impl Fate {
    /// What becomes of this step.
    pub(super) fn of(step: &Step, table: &MemoryTable) -> Self {
        let Step::Write { write, .. } = step else { return Self::Open };
        let slot = write.slot.as_ref().is_some_and(|(expected, new)| {
            let holds = table.slots(&write.group).find(|slot| slot.number == new.number);
            *expected < holds.map(|slot| slot.generation)
        });
        let group = write.record.as_ref().is_some_and(|(expected, _)| {
            let holds = table.group(&write.group);
            *expected < holds.map(|group| group.generation)
        });
        let repeats = || table.log().iter().any(|written| *written.write == *write);
        if (slot || group) && !repeats() { Self::Late } else { Self::Open }
    }
}
