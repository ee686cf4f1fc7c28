//! What one actor has in mind, and how it goes on.

use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::VolumeState;
use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan::{Look, invariants, plan};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::TableWrite;
use stateful_asg_runtime::apply::{apply_all, remember};
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::Clock;
use stateful_asg_sim::typed::{MemoryTable, SimWorld};

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
    /// When it read.
    read_at: Option<Timestamp>,
    /// How much had been written to the table when it read.
    read_log: usize,
    /// It was shown every volume as free.
    blind: bool,
    /// All of it, as text.
    text: Option<Rc<str>>,
}

impl Mind {
    /// It may read: it has nothing planned.
    pub(super) fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// All that its next moves depend on.
    pub(super) fn text(&self) -> Rc<str> {
        self.text
            .clone()
            .unwrap_or_else(|| format!("{:?} {:?} {:?} {}", self.reading, self.steps, self.notes, self.failed).into())
    }

    /// Which of the writes that it has planned the table would take for repeated ones.
    pub(super) fn repeats(&self, table: &MemoryTable) -> Vec<bool> {
        let is_on_record = |write: &TableWrite| table.log().iter().any(|written| *written.write == *write);
        let was_written = |step: &Step| matches!(step, Step::Write { write, .. } if is_on_record(write));
        self.steps.iter().map(was_written).collect()
    }

    /// How old what it goes by is, and whether the table was changed by another since.
    pub(super) fn age(&self, now: Timestamp, table: &MemoryTable, name: &str) -> (SignedDuration, bool) {
        let age = self.read_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at));
        (age, table.log()[self.read_log..].iter().any(|written| written.actor != name))
    }

    /// Reads everything, and plans. The refusals of the second opinion.
    pub(super) async fn read(&mut self, world: &SimWorld, target: &Target, blind: bool) -> Vec<String> {
        self.text = None;
        self.failed = false;
        self.read_at = Some(world.now());
        self.read_log = world.region().truth(|_, table| table.log().len());
        let notes = std::mem::take(&mut self.notes);
        let refused = match observe(world, target, None, notes).await {
            Ok(mut observed) => {
                for volume in observed.volumes.values_mut().filter(|_| blind) {
                    volume.attachments.clear();
                    volume.state = VolumeState::Available;
                }
                self.blind = blind;
                self.reading = Some(observed);
                self.plan(world).await
            }
            Err(_) => Vec::new(),
        };
        self.text = Some(self.text());
        refused
    }

    /// Takes the step with this number, and plans again where it was the last.
    pub(super) async fn take(&mut self, number: usize, world: &SimWorld) -> Vec<String> {
        self.text = None;
        let refused = self.take_one(number, world).await;
        self.text = Some(self.text());
        refused
    }

    async fn take_one(&mut self, number: usize, world: &SimWorld) -> Vec<String> {
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
            self.rest();
            return Vec::new();
        }
        self.plan(world).await
    }

    /// Lets the reading go.
    fn rest(&mut self) {
        self.notes = self.reading.take().map(|observed| observed.notes).unwrap_or_default();
        self.failed = false;
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
            let (steps, mut refused) = invariants::check(observed, &plan, world.now());
            self.steps = if self.blind { plan.steps } else { steps };
            refused.retain(|_| !self.blind);
            if self.steps.is_empty() {
                self.rest();
            }
            return refused.iter().map(ToString::to_string).collect();
        }
        Vec::new()
    }
}
