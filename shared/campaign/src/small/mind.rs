//! What one actor has in mind, and how it goes on.

use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan::{Look, invariants, plan};
use stateful_asg_core::step::Step;
use stateful_asg_runtime::apply::{apply_all, remember};
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::Clock;
use stateful_asg_sim::typed::SimWorld;

/// How often a plan asks to look closer on one reading, at most.
const LOOKS: usize = 8;

/// An actor: the reading that it goes by, and the steps that it has planned and not taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Mind {
    reading: Option<Observed>,
    pub(super) steps: Vec<Step>,
    notes: Notes,
    /// A step failed: what follows needs a reading.
    failed: bool,
}

impl Mind {
    /// It may read: it has nothing planned.
    pub(super) fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// Reads everything, and plans. The refusals of the second opinion.
    pub(super) async fn read(&mut self, world: &SimWorld, target: &Target) -> Vec<String> {
        self.failed = false;
        let notes = std::mem::take(&mut self.notes);
        let Ok(observed) = observe(world, target, None, notes).await else { return Vec::new() };
        self.reading = Some(observed);
        self.plan(world).await
    }

    /// Takes the step with this number, and plans again where it was the last.
    pub(super) async fn take(&mut self, number: usize, world: &SimWorld) -> Vec<String> {
        let Some(observed) = &mut self.reading else { return Vec::new() };
        let applied = apply_all(world, vec![self.steps.remove(number)]).await;
        let now = world.now();
        for (step, outcome) in &applied.done {
            observed.fold(step, outcome, now);
        }
        for (step, error) in &applied.failed {
            self.failed = true;
            remember(observed, step, error, now);
        }
        if !self.is_idle() {
            return Vec::new();
        }
        if self.failed {
            self.notes = self.reading.take().map(|observed| observed.notes).unwrap_or_default();
            return Vec::new();
        }
        self.plan(world).await
    }

    async fn plan(&mut self, world: &SimWorld) -> Vec<String> {
        let Some(observed) = &mut self.reading else { return Vec::new() };
        let mut looked = Look::default();
        for _ in 0..LOOKS {
            let plan = plan(observed, world.now());
            if !plan.look.is_empty() && plan.look != looked {
                looked = plan.look.clone();
                if look(world, observed, &plan.look).await.is_ok() {
                    continue;
                }
            }
            let (steps, refused) = invariants::check(observed, &plan, world.now());
            if steps.is_empty() {
                self.notes = self.reading.take().map(|observed| observed.notes).unwrap_or_default();
            }
            self.steps = steps;
            return refused.iter().map(ToString::to_string).collect();
        }
        Vec::new()
    }
}
