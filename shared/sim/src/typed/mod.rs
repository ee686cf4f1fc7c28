//! The typed face: the ports of the settle loop, played by the simulated AWS in one process.
//!
//! Time is tokio's, paused: simulated time is the world's origin and what tokio's clock has run since. Every call takes
//! a while before its effect and a while after it, so that the calls of several actors interleave; and every call can
//! go wrong, in every way that [`Fault`] lists. One world is shared by any number of actors, each a [`SimWorld`].

mod cloud;
mod convert;
mod ec2;
mod faults;
mod route53;
mod storage;
mod store;
mod table;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_runtime::codes::kind_of;
use stateful_asg_runtime::ports::{CallError, Called};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::model::{Aws, AwsError, Emitted};

pub use faults::{BUCKET_EMPTY, Fault, Faults, ITEM_MISSING, Odds, PAGE_MISSING, Sort};
pub use table::{Cancelled, MemoryTable, Written};

/// Looks at the truth after everything that took effect.
pub trait Watch {
    /// Called after each call that changes something, and after AWS did something by itself.
    fn look(&mut self, aws: &Aws, table: &MemoryTable);
    /// Called after each call that was refused.
    fn refused(&mut self, at: Timestamp, operation: &str, error: &AwsError, table: &MemoryTable);
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
        SimWorld { region: Rc::clone(self), actor: Rc::from(name), skew, death: Rc::new(Death::default()) }
    }

    /// Has the truth looked at after everything that takes effect.
    pub fn watch(&self, watch: Box<dyn Watch>) {
        self.state.borrow_mut().watch = Some(watch);
    }

    /// Keeps lines of what happens from now on.
    pub fn keep_trace(&self) {
        self.state.borrow_mut().trace = Some(Vec::new());
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

/// Whether an actor has died of a crash.
#[derive(Default)]
struct Death {
    dead: Cell<bool>,
    bell: Notify,
}

/// The world as one actor sees it.
#[derive(Clone)]
pub struct SimWorld {
    region: Rc<Region>,
    actor: Rc<str>,
    /// By how much its own clock is ahead of AWS's.
    skew: SignedDuration,
    death: Rc<Death>,
}

impl SimWorld {
    /// The world that it is part of.
    #[must_use]
    pub fn region(&self) -> &Rc<Region> {
        &self.region
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.actor
    }

    /// Runs what the actor does until it is done, or until a fault kills the actor: then nothing.
    pub async fn live<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.death.bell.notified() => None,
            done = what => Some(done),
        }
    }

    async fn die(&self) -> ! {
        self.region.note(&self.actor, || "dies".to_owned());
        self.death.dead.set(true);
        self.death.bell.notify_one();
        std::future::pending().await
    }

    /// An answer that lists many, without what it happens to leave out.
    fn thinned<T>(&self, operation: &'static str, answer: Called<Vec<T>>) -> Called<Vec<T>> {
        answer.map(|mut all| {
            self.region.faults(|faults| faults.thin(operation, &mut all));
            all
        })
    }

    /// One call: the way there, the effect, the way back, and what goes wrong.
    async fn call<T: 'static>(
        &self,
        operation: &'static str,
        sort: Sort,
        effect: impl FnOnce(&mut Aws, &mut MemoryTable, &Stamp) -> Result<T, AwsError> + 'static,
    ) -> Called<T> {
        let (there, back) = self.region.faults(|faults| (faults.latency(), faults.latency()));
        let fault = self.region.faults(|faults| faults.strike(operation, sort));
        if let Some(fault) = fault {
            self.region.note(&self.actor, || format!("{operation}: {fault:?}"));
        }
        on_the_way(there).await;
        let answer = match fault {
            None => self.apply(operation, sort, effect),
            Some(Fault::Throttled) => Err(AwsError::injected(throttling_code(operation))),
            Some(Fault::Denied) => Err(AwsError::injected(denial_code(operation))),
            Some(Fault::Internal) => Err(AwsError::injected("InternalError")),
            Some(Fault::AnswerLost) => {
                let _ = self.apply(operation, sort, effect);
                Err(AwsError::injected("RequestTimeout"))
            }
            Some(Fault::Late(after)) => {
                let late = self.clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(after).await;
                    late.region.note(&late.actor, || format!("{operation}: lands late"));
                    let _ = late.apply(operation, sort, effect);
                });
                Err(AwsError::injected("RequestTimeout"))
            }
            Some(Fault::Conflict) => Err(AwsError::injected("TransactionConflictException")),
            Some(Fault::Pause(long) | Fault::Stall(long)) => {
                tokio::time::sleep(long).await;
                self.apply(operation, sort, effect)
            }
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                let _ = self.apply(operation, sort, effect);
                self.die().await
            }
        };
        on_the_way(back).await;
        answer.map_err(|error| CallError {
            operation,
            kind: kind_of(&error.code, &error.message),
            code: error.code,
            message: error.message,
        })
    }

    fn apply<T>(
        &self,
        operation: &'static str,
        sort: Sort,
        effect: impl FnOnce(&mut Aws, &mut MemoryTable, &Stamp) -> Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        let stamp = Stamp { now: self.region.now(), actor: Rc::clone(&self.actor) };
        let answer = {
            let State { aws, table, .. } = &mut *self.region.state.borrow_mut();
            aws.advance_to(stamp.now);
            let answer = effect(aws.as_actor(&self.actor), table, &stamp);
            aws.as_actor("");
            answer
        };
        if answer.is_ok() {
            self.region.count(&self.actor, operation, sort);
        }
        match &answer {
            Err(error) => {
                self.region.note(&self.actor, || format!("{operation} -> {error}"));
                let State { table, watch, faults, .. } = &mut *self.region.state.borrow_mut();
                if error.code == throttling_code(operation) {
                    faults.note(operation, BUCKET_EMPTY, 1);
                }
                if let Some(watch) = watch {
                    watch.refused(stamp.now, operation, error, table);
                }
            }
            Ok(_) if sort == Sort::Change => self.region.note(&self.actor, || operation.to_owned()),
            Ok(_) => {}
        }
        self.region.look();
        answer
    }
}

/// Tokio's clock counts whole milliseconds, and a way that takes no time must take none.
async fn on_the_way(long: Duration) {
    if !long.is_zero() {
        tokio::time::sleep(long).await;
    }
}

/// When and by whom a call takes effect.
struct Stamp {
    now: Timestamp,
    actor: Rc<str>,
}

fn throttling_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "RequestLimitExceeded",
        Some("dynamodb") => "ProvisionedThroughputExceededException",
        Some("events") => "ThrottlingException",
        _ => "Throttling",
    }
}

fn denial_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "UnauthorizedOperation",
        Some("dynamodb" | "events") => "AccessDeniedException",
        _ => "AccessDenied",
    }
}
