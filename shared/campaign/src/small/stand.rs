//! What AWS and the table hold in one world, and what is done there.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use jiff::SignedDuration;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::InstanceState;
use stateful_asg_sim::typed::{Faults, MemoryTable, Region, SimWorld};

use super::mind::{Habits, Mind};
use super::said::{Era, joined};
use crate::rules::{Rules, Watcher};

/// AWS comes to what is due within this.
pub(super) const NEAR: SignedDuration = SignedDuration::from_millis(100);

/// AWS, the table, and the rules that watch them.
#[derive(Clone)]
pub(super) struct Stand {
    pub(super) aws: Aws,
    pub(super) table: MemoryTable,
    pub(super) rules: Rules,
}

/// What an actor does.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    /// It reads, and plans.
    Read,
    /// It takes the step with this number.
    Take(usize),
}

/// What an actor's clock shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clocks {
    /// The time at which the search began: so it does not matter on which way it wrote something.
    Stopped,
    /// The time of AWS.
    Running,
}

impl Stand {
    /// AWS has something to do by itself.
    pub(super) fn is_due(&self) -> bool {
        self.aws.next_event_at().is_some_and(|at| at.duration_since(self.aws.now()) <= NEAR)
    }

    pub(super) fn running(&self) -> Vec<String> {
        let running = self.aws.instances().filter(|instance| instance.state == InstanceState::Running);
        running.map(|instance| instance.instance_id.clone()).collect()
    }

    /// AWS does what is due next.
    pub(super) fn tick(&mut self) {
        if let Some(at) = self.aws.next_event_at() {
            self.advance(at.duration_since(self.aws.now()));
        }
    }

    /// Time passes, and the rules look at what AWS does meanwhile.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.aws.advance_to(self.aws.now() + by);
        let _ = self.aws.take_events();
        self.look();
    }

    pub(super) fn kill(&mut self, instance: &str) {
        let killed = self.aws.as_actor("operator").terminate_instances(&[instance.to_owned()]);
        killed.expect("it runs");
        self.aws.as_actor("");
        self.look();
    }

    pub(super) fn look(&mut self) {
        self.rules.allow(SignedDuration::ZERO, false);
        self.rules.look(&self.aws, &self.table);
    }

    /// An actor does something: the rules watch, and excuse nothing; a refusal of the second opinion is a broken rule.
    pub(super) async fn act(self, mind: &mut Mind, deed: Deed, habits: &Habits, clocks: Clocks) -> Self {
        let Self { aws, table, mut rules } = self;
        rules.allow(SignedDuration::ZERO, false);
        let rules = Rc::new(RefCell::new(rules));
        let mut faults = Faults::none(0);
        faults.latency = (0, 0);
        let region = Region::with_table(aws, table, faults);
        region.watch(Box::new(Watcher(Rc::clone(&rules))));
        let skew = match clocks {
            Clocks::Stopped => habits.era.began.duration_since(region.now()),
            Clocks::Running => SignedDuration::ZERO,
        };
        let world = region.actor_with_clock("fn:actor", skew);
        for refusal in perform(mind, deed, &world, habits).await {
            rules.borrow_mut().accuse(0, region.now(), format!("the second opinion refuses: {refusal}"));
        }
        drop(world);
        let (aws, table) = region.end().expect("nobody lives in it any more");
        let rules = Rc::try_unwrap(rules)
            .map(RefCell::into_inner)
            .unwrap_or_else(|_| unreachable!("the world that watched is over"));
        Self { aws, table, rules }
    }

    /// The same for the same world; where it is asked for, so that worlds in which something else was written differ: who
    /// writes that again is told that it was written.
    pub(super) fn hash(&self, era: Era, with_log: bool) -> u64 {
        let mut text = String::new();
        let written = self.aws.write_state(&mut text).and_then(|()| self.table.write_state(&mut text));
        written.expect("a string takes everything");
        let here = era.hash(&text, self.aws.now());
        let lately = self.table.log().iter().filter(|written| with_log && written.at >= era.began);
        let lately = lately.map(|written| {
            text.clear();
            write!(text, "{:?}", written.write).expect("a string takes everything");
            era.hash_known(&text)
        });
        joined([here, lately.fold(0, u64::wrapping_add)])
    }
}

async fn perform(mind: &mut Mind, deed: Deed, world: &SimWorld, habits: &Habits) -> Vec<String> {
    match deed {
        Deed::Read => mind.read(world, habits).await,
        Deed::Take(number) => mind.take(number, world, habits).await,
    }
}
