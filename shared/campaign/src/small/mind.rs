//! What one actor has in mind, and how it goes on.

use stateful_asg_core::cloud::VolumeState;
use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan::{Look, plan};
use stateful_asg_core::step::Step;
use stateful_asg_runtime::apply::{apply_all, remember};
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::Clock;
use stateful_asg_sim::typed::{MemoryTable, SimWorld};

use super::ahead::{Ahead, Batch, is_late};
use super::said::{Era, joined};

/// How often a plan asks to look closer on one reading, at most.
const LOOKS: usize = 8;

/// What every actor of a search knows and does alike.
#[derive(Debug, Clone)]
pub(super) struct Habits {
    pub(super) target: Target,
    pub(super) era: Era,
    /// They are shown every volume as free, and do not ask the second opinion.
    pub(super) blind: bool,
    /// All that they know counts.
    pub(super) plain: bool,
}

/// An actor: the reading that it goes by, and the steps that it has planned and not taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Mind {
    reading: Option<Observed>,
    pub(super) steps: Vec<Step>,
    notes: Notes,
    /// A step failed: what follows needs a reading.
    failed: bool,
    /// What follows, where it is told.
    ahead: Option<Ahead>,
}

impl Mind {
    /// It may read: it has nothing planned.
    pub(super) fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// The same for those that go on alike.
    pub(super) fn hash(&self, era: Era) -> u64 {
        let known = match &self.ahead {
            Some(ahead) => joined(ahead.hashes()),
            None => era.hash_known(&format!("{:?}", self.reading)),
        };
        joined([era.hash_known(&format!("{:?}", self.steps)), known, u64::from(self.failed)])
    }

    /// What is left of it in a world with this table. An actor of which a step has failed reads anew after its other steps,
    /// and so will one that has planned a write which the table never takes: nothing else of what it knows matters any
    /// more. Where it has no other steps, it ends, and the next one begins without memory.
    pub(super) fn in_sight_of(&self, table: &MemoryTable, habits: &Habits) -> Self {
        if habits.plain && !self.is_idle() {
            return self.clone();
        }
        let steps: Vec<Step> = self.steps.iter().filter(|step| !is_late(step, table)).cloned().collect();
        if steps.is_empty() {
            return Self::default();
        }
        if self.failed || steps.len() < self.steps.len() {
            return Self { steps, failed: true, ahead: Some(Ahead::default()), ..Self::default() };
        }
        let mut left = self.clone();
        left.ahead.iter_mut().for_each(|ahead| ahead.cut(table));
        left
    }

    /// Reads everything, and plans. The refusals of the second opinion.
    pub(super) async fn read(&mut self, world: &SimWorld, habits: &Habits) -> Vec<String> {
        self.failed = false;
        let notes = std::mem::take(&mut self.notes);
        let mut observed = observe(world, &habits.target, None, notes).await.expect("no call fails for want of luck");
        for volume in observed.volumes.values_mut().filter(|_| habits.blind) {
            volume.attachments.clear();
            volume.state = VolumeState::Available;
        }
        self.reading = Some(observed);
        self.plan(world, habits).await
    }

    /// Takes the step with this number, and plans again where it was the last.
    pub(super) async fn take(&mut self, number: usize, world: &SimWorld, habits: &Habits) -> Vec<String> {
        let applied = apply_all(world, vec![self.steps.remove(number)]).await;
        let now = world.now();
        self.failed |= !applied.failed.is_empty();
        if let Some(observed) = &mut self.reading {
            applied.done.iter().for_each(|(step, outcome)| observed.fold(step, outcome, now));
            applied.failed.iter().for_each(|(step, error)| remember(observed, step, error, now));
        }
        if !self.is_idle() {
            return Vec::new();
        }
        if self.failed {
            self.rest();
            return Vec::new();
        }
        self.plan(world, habits).await
    }

    /// Tells what follows, where nothing told it yet.
    pub(super) fn look_ahead(&mut self, habits: &Habits) {
        if let (Some(observed), None, false) = (&self.reading, &self.ahead, habits.plain) {
            self.ahead = Ahead::of(observed, &self.steps, habits.era, habits.blind);
        }
    }

    /// Lets the reading go.
    fn rest(&mut self) {
        self.notes = self.reading.take().map(|observed| observed.notes).unwrap_or_default();
        (self.failed, self.ahead) = (false, None);
    }

    /// Plans, and tells the refusals.
    async fn plan(&mut self, world: &SimWorld, habits: &Habits) -> Vec<String> {
        let Some(observed) = &mut self.reading else { return Vec::new() };
        let mut looked = Look::default();
        for _ in 0..LOOKS {
            let plan = plan(observed, world.now());
            if !plan.look.is_empty() && plan.look != looked {
                looked = plan.look.clone();
                look(world, observed, &plan.look).await.expect("no call fails for want of luck");
                continue;
            }
            let batch = Batch::of(observed, plan, world.now(), habits.blind);
            self.ahead.iter_mut().for_each(|ahead| ahead.comes(&batch, habits.era));
            self.steps = batch.steps;
            if self.steps.is_empty() {
                self.rest();
            }
            return batch.refused;
        }
        unreachable!("a plan asks to look closer again and again: {looked:?}")
    }
}
