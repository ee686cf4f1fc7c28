//! One world, and the moves that may be made in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::SignedDuration;
use stateful_asg_core::step::Step;
use stateful_asg_runtime::observe::Target;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::InstanceState;
use stateful_asg_sim::typed::{Faults, MemoryTable, Region, SimWorld};

use super::alike::{Alike, NEAR, ids};
use super::mind::Mind;
use crate::rules::{Rules, Watcher};

/// One world.
#[derive(Clone)]
pub(super) struct Stand {
    pub(super) aws: Aws,
    pub(super) table: MemoryTable,
    pub(super) rules: Rules,
    pub(super) minds: Vec<Mind>,
    /// So many instances may still die.
    pub(super) deaths: usize,
    /// So often may an actor that has steps left still be held up; always, where there is no bound.
    pub(super) holdups: Option<usize>,
    /// The actor that made the last move, if it has steps left.
    pub(super) busy: Option<usize>,
}

/// What may happen next.
#[derive(Debug, Clone)]
pub(super) enum Move {
    /// An actor reads, and plans.
    Read(usize),
    /// An actor takes one of its steps.
    Take(usize, usize),
    /// An actor dies, and another begins in its place.
    Die(usize),
    /// An instance dies.
    Kill(String),
    /// AWS does what is due next.
    Tick,
}

impl Stand {
    /// Everything that may happen next.
    pub(super) fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        let held = self.busy.filter(|_| self.holdups == Some(0));
        if self.is_due() && held.is_none() {
            moves.push(Move::Tick);
        }
        if self.deaths > 0 && held.is_none() {
            moves.extend(self.running().into_iter().map(Move::Kill));
        }
        for (actor, mind) in self.minds.iter().enumerate().filter(|(actor, _)| held.is_none_or(|held| held == *actor)) {
            moves.push(if mind.is_idle() { Move::Read(actor) } else { Move::Die(actor) });
            moves.extend((0..mind.steps.len()).map(|number| Move::Take(actor, number)));
        }
        moves
    }

    /// AWS has something to do by itself.
    pub(super) fn is_due(&self) -> bool {
        self.aws.next_event_at().is_some_and(|at| at.duration_since(self.aws.now()) <= NEAR)
    }

    pub(super) fn running(&self) -> Vec<String> {
        let running = self.aws.instances().filter(|instance| instance.state == InstanceState::Running);
        running.map(|instance| instance.instance_id.clone()).collect()
    }

    /// Whose move it is, if an actor's.
    pub(super) fn mover(next: &Move) -> Option<usize> {
        match next {
            Move::Read(actor) | Move::Take(actor, _) | Move::Die(actor) => Some(*actor),
            Move::Kill(_) | Move::Tick => None,
        }
    }

    /// The step that this move takes.
    pub(super) fn step(&self, next: &Move) -> Option<&Step> {
        match next {
            Move::Take(actor, number) => self.minds.get(*actor)?.steps.get(*number),
            Move::Read(_) | Move::Die(_) | Move::Kill(_) | Move::Tick => None,
        }
    }

    /// Makes the move, and tells it.
    pub(super) async fn make(mut self, next: Move, target: &Target, blind: bool) -> (Self, String) {
        match next {
            Move::Tick => {
                if let Some(at) = self.aws.next_event_at() {
                    self.advance(at.duration_since(self.aws.now()));
                }
                let told = format!("AWS moves on to {}", self.aws.now());
                (self, told)
            }
            Move::Kill(instance) => {
                self.kill(&instance);
                (self, format!("{instance} dies"))
            }
            Move::Die(actor) => {
                self.minds[actor] = Mind::default();
                (self, format!("actor {actor} dies"))
            }
            Move::Read(actor) => {
                let stand = self.act(actor, async |mind, world| mind.read(world, target, blind).await).await;
                let planned: Vec<String> = stand.minds[actor].steps.iter().map(Step::key).collect();
                (stand, format!("actor {actor} reads, and plans {planned:?}"))
            }
            Move::Take(actor, number) => {
                let told = format!("actor {actor}: {}", self.minds[actor].steps[number].key());
                (self.act(actor, async |mind, world| mind.take(number, world).await).await, told)
            }
        }
    }

    /// Counts an actor that is held up by the move of another, or of AWS; and whoever has nothing left to do ends, and the
    /// next one begins without memory.
    pub(super) fn settle(&mut self, mover: Option<usize>) {
        if self.busy.is_some() && self.busy != mover {
            self.holdups = self.holdups.map(|left| left.saturating_sub(1));
        }
        self.minds.iter_mut().filter(|mind| mind.is_idle()).for_each(|mind| *mind = Mind::default());
        self.busy = mover.filter(|actor| self.holdups.is_some() && !self.minds[*actor].is_idle());
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
        self.deaths = self.deaths.saturating_sub(1);
        self.look();
    }

    pub(super) fn look(&mut self) {
        self.rules.allow(SignedDuration::ZERO, false);
        self.rules.look(&self.aws, &self.table);
    }

    /// Lets an actor do something in the world: the rules watch, and a refusal of the second opinion is a broken rule.
    async fn act(self, actor: usize, what: impl AsyncFnOnce(&mut Mind, &SimWorld) -> Vec<String>) -> Self {
        let name = format!("fn:{actor}");
        let (age, late) = self.minds[actor].age(self.aws.now(), &self.table, &name);
        let mut faults = Faults::none(0);
        faults.latency = (0, 0);
        let Self { aws, table, mut rules, mut minds, deaths, holdups, busy } = self;
        rules.allow(age, late);
        let rules = Rc::new(RefCell::new(rules));
        let region = Region::with_table(aws, table, faults);
        region.watch(Box::new(Watcher(Rc::clone(&rules))));
        let world = region.actor(&name);
        let refused = what(&mut minds[actor], &world).await;
        for refusal in refused {
            rules.borrow_mut().accuse(0, region.now(), format!("the second opinion refuses: {refusal}"));
        }
        drop(world);
        let (aws, table) = region.end().expect("nobody lives in it any more");
        let rules = Rc::try_unwrap(rules)
            .map(RefCell::into_inner)
            .unwrap_or_else(|_| unreachable!("the world that watched is over"));
        Self { aws, table, rules, minds, deaths, holdups, busy }
    }

    /// What AWS and the table hold.
    fn text(&self) -> String {
        let mut text = String::new();
        let written = self.aws.write_state(&mut text).and_then(|()| self.table.write_state(&mut text));
        written.expect("a string takes everything");
        text
    }

    /// The IDs of all that is there.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        ids(&self.text())
    }

    /// The same for the same world, without its minds and with them.
    pub(super) fn hashes(&self, old: &Rc<BTreeSet<String>>) -> (u64, u64) {
        let mut alike = Alike::at(self.aws.now(), old);
        alike.add(&self.text());
        let world = alike.hash();
        let mind = |(actor, mind): (usize, &Mind)| {
            format!("{}{:?}{}", mind.text(), mind.repeats(&self.table), self.busy == Some(actor))
        };
        let minds: Vec<String> = self.minds.iter().enumerate().map(mind).collect();
        alike.add(&format!("{} {:?}", self.deaths, self.holdups));
        alike.add_all(minds.iter().map(String::as_str));
        (world, alike.hash())
    }
}
