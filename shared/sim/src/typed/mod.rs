//! The typed face: the ports of the settle loop, played by the simulated AWS in one process.
//!
//! Time is tokio's, paused: simulated time is the world's origin and what tokio's clock has run since. Every call takes
//! a while before its effect and a while after it, so that the calls of several actors interleave; and every call can
//! go wrong, in every way that [`Fault`] lists. One world is shared by any number of actors, each a [`SimWorld`].

mod asked;
mod autoscaling;
mod cloud;
mod convert;
mod ec2;
mod faults;
mod route53;
mod storage;
mod store;
mod table;
mod told;
mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{Aws, AwsError, Emitted};
use crate::wire::dynamo::Dynamo;
use crate::wire::{self, Answer, Sent};

pub use faults::{BUCKET_EMPTY, Fault, Faults, ITEM_MISSING, Odds, PAGE_MISSING, Sort};
pub use table::{Cancelled, MemoryTable, Written};
pub use world::SimWorld;
use world::Stamp;

/// Looks at the truth after everything that took effect.
pub trait Watch {
    /// Called after each call that changes something, and after AWS did something by itself.
    fn look(&mut self, aws: &Aws, table: &MemoryTable);
    /// Called after each call that was refused.
    fn refused(&mut self, at: Timestamp, operation: &str, error: &AwsError, table: &MemoryTable);
    /// Called when a reading that an actor got showed this volume in use.
    fn shown_in_use(&mut self, at: Timestamp, volume: &str);
}

/// A line of what happened.
#[derive(Debug, Clone)]
pub struct TraceLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What.
    pub text: String,
}

/// A call that AWS answered well.
#[derive(Debug, Clone)]
pub struct CallMade {
    /// When it took effect.
    pub at: Timestamp,
    /// By whom.
    pub actor: Rc<str>,
    /// Which.
    pub operation: &'static str,
    /// Whether it changed something.
    pub sort: Sort,
}

/// All that the actors of one world share.
struct State {
    aws: Aws,
    table: MemoryTable,
    faults: Faults,
    watch: Option<Box<dyn Watch>>,
    trace: Option<Vec<TraceLine>>,
    calls: Vec<CallMade>,
    answered: u64,
    events: Vec<Emitted>,
}

/// A simulated AWS with its table, under tokio's paused clock.
pub struct Region {
    state: RefCell<State>,
    changed: Notify,
    origin: Timestamp,
    started: Instant,
    /// When the one who moves AWS's own time will wake by himself.
    awaited: Cell<Option<Timestamp>>,
}

impl Region {
    /// A world that begins now, at the time that its AWS shows.
    #[must_use]
    pub fn new(aws: Aws, faults: Faults) -> Rc<Self> {
        Self::with_table(aws, MemoryTable::default(), faults)
    }

    /// The same with a table that holds something already.
    #[must_use]
    pub fn with_table(aws: Aws, table: MemoryTable, faults: Faults) -> Rc<Self> {
        let origin = aws.now();
        let (trace, calls) = (None, Vec::new());
        let state = State { aws, table, faults, watch: None, trace, calls, answered: 0, events: Vec::new() };
        Rc::new(Self {
            state: RefCell::new(state),
            changed: Notify::new(),
            origin,
            started: Instant::now(),
            awaited: Cell::new(None),
        })
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.origin + passed
    }

    /// Ends the world, and gives back what there was in it; nothing while an actor still lives in it.
    #[must_use]
    pub fn end(self: Rc<Self>) -> Option<(Aws, MemoryTable)> {
        let state = Rc::try_unwrap(self).ok()?.state.into_inner();
        Some((state.aws, state.table))
    }

    /// Someone who calls AWS under this name.
    #[must_use]
    pub fn actor(self: &Rc<Self>, name: &str) -> SimWorld {
        self.actor_with_clock(name, SignedDuration::ZERO)
    }

    /// The same, whose own clock is wrong by `skew`.
    #[must_use]
    pub fn actor_with_clock(self: &Rc<Self>, name: &str, skew: SignedDuration) -> SimWorld {
        SimWorld::new(self, name, skew)
    }

    /// Has the truth looked at after everything that takes effect.
    pub fn watch(&self, watch: Box<dyn Watch>) {
        self.state.borrow_mut().watch = Some(watch);
    }

    /// Keeps lines of what happens from now on.
    pub fn keep_trace(&self) {
        self.state.borrow_mut().trace = Some(Vec::new());
    }

    /// Whether lines are kept.
    #[must_use]
    pub fn keeps_trace(&self) -> bool {
        self.state.borrow().trace.is_some()
    }

    /// The lines kept so far.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceLine> {
        self.state.borrow().trace.clone().unwrap_or_default()
    }

    /// The calls answered so far, if lines are kept.
    #[must_use]
    pub fn calls(&self) -> Vec<CallMade> {
        self.state.borrow().calls.clone()
    }

    /// How many calls AWS answered well so far.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.state.borrow().answered
    }

    fn count(&self, actor: &Rc<str>, operation: &'static str, sort: Sort) {
        let at = self.now();
        let state = &mut *self.state.borrow_mut();
        state.answered += 1;
        if state.trace.is_some() {
            state.calls.push(CallMade { at, actor: Rc::clone(actor), operation, sort });
        }
    }

    /// Adds a line, if lines are kept.
    pub fn note(&self, actor: &str, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.state.borrow_mut().trace {
            let at = self.now();
            trace.push(TraceLine { at, actor: actor.to_owned(), text: text() });
        }
    }

    /// The truth, now.
    pub fn truth<T>(&self, read: impl FnOnce(&Aws, &MemoryTable) -> T) -> T {
        let state = self.state.borrow();
        read(&state.aws, &state.table)
    }

    /// Changes the faults.
    pub fn faults<T>(&self, change: impl FnOnce(&mut Faults) -> T) -> T {
        change(&mut self.state.borrow_mut().faults)
    }

    /// An effect of someone who is not under test: at once, and without faults.
    pub fn act<T>(&self, actor: &str, effect: impl FnOnce(&mut Aws, &mut MemoryTable) -> T) -> T {
        let now = self.now();
        let done = {
            let State { aws, table, .. } = &mut *self.state.borrow_mut();
            aws.advance_to(now);
            let done = effect(aws.as_actor(actor), table);
            aws.as_actor("");
            done
        };
        self.look();
        done
    }

    /// A request of the AWS protocols, answered by this world's AWS and this database at the present moment.
    #[must_use]
    pub fn exchange(&self, actor: &str, dynamo: &Dynamo, sent: &Sent<'_>) -> Answer {
        let now = self.now();
        let aws = &mut self.state.borrow_mut().aws;
        aws.advance_to(now);
        let answer = wire::exchange(aws.as_actor(actor), dynamo, sent, "simulated");
        aws.as_actor("");
        answer
    }

    /// Lets AWS do by itself what is due until now.
    pub fn catch_up(&self) {
        let now = self.now();
        self.state.borrow_mut().aws.advance_to(now);
        self.look();
    }

    /// The EventBridge events sent since the last call, oldest first.
    #[must_use]
    pub fn take_events(&self) -> Vec<Emitted> {
        std::mem::take(&mut self.state.borrow_mut().events)
    }

    /// Waits until AWS has something to do by itself, and has it done. The one loop that must run beside all actors.
    pub async fn run_aws(&self, mut after: impl FnMut(&Self)) {
        loop {
            let next = self.truth(|aws, _| aws.next_event_at());
            self.awaited.set(next);
            let changed = self.changed.notified();
            match next {
                None => changed.await,
                Some(next) => {
                    let wait = next.duration_since(self.now()).try_into().unwrap_or_default();
                    tokio::select! {
                        biased;
                        () = changed => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
            }
            self.catch_up();
            after(self);
        }
    }

    fn shown_in_use(&self, volume: &str) {
        let now = self.now();
        if let Some(watch) = &mut self.state.borrow_mut().watch {
            watch.shown_in_use(now, volume);
        }
    }

    fn look(&self) {
        {
            let State { aws, table, watch, events, .. } = &mut *self.state.borrow_mut();
            events.extend(aws.take_events());
            if let Some(watch) = watch {
                watch.look(aws, table);
            }
        }
        let next = self.truth(|aws, _| aws.next_event_at());
        let earlier = match (next, self.awaited.get()) {
            (Some(next), Some(awaited)) => next < awaited,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if earlier || !self.state.borrow().events.is_empty() {
            self.changed.notify_one();
        }
    }
}
