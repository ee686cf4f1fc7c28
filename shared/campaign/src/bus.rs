//! EventBridge and Lambda between AWS and the functions: what they drop, double, delay and try again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use stateful_asg_sim::model::Emitted;
use stateful_asg_sim::typed::Region;

use crate::actors::{self, Function, Functions};

/// How badly events are delivered: chances in a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BusOdds {
    /// Never delivered.
    pub dropped: u32,
    /// Delivered twice.
    pub doubled: u32,
    /// Delivered late, by up to this many seconds; so events overtake each other.
    pub late: (u32, u64),
}

impl BusOdds {
    /// No event arrives.
    pub const CUT: Self = Self { dropped: 1000, doubled: 0, late: (0, 0) };
}

/// Counted for an invocation that panicked: never to be seen.
pub const PANICKED: &str = "invocation panicked";

/// AWS's own events are best effort; those that we put ourselves are seldom lost.
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html>
const OWN_DROPPED: u32 = 100;

/// How long Lambda lets an invocation run.
const TIMEOUT: Duration = Duration::from_secs(900);
/// Lambda tries a failed asynchronous invocation again after one minute, then after two.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const RETRIES: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];

/// Delivers events to functions.
pub struct Bus {
    region: Rc<Region>,
    functions: Functions,
    state: RefCell<State>,
}

struct State {
    odds: BusOdds,
    rng: ChaCha8Rng,
    invoked: u64,
    past: Vec<Value>,
    counts: BTreeMap<&'static str, u64>,
}

impl Bus {
    /// A bus without faults.
    #[must_use]
    pub fn new(region: &Rc<Region>, functions: Functions, seed: u64) -> Rc<Self> {
        let state = State {
            odds: BusOdds::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            invoked: 0,
            past: Vec::new(),
            counts: BTreeMap::new(),
        };
        Rc::new(Self { region: Rc::clone(region), functions, state: RefCell::new(state) })
    }

    /// The functions that it invokes.
    #[must_use]
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Changes how badly events are delivered.
    pub fn set_odds(&self, odds: BusOdds) {
        self.state.borrow_mut().odds = odds;
    }

    /// What happened to events and invocations, by name.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.state.borrow().counts.clone()
    }

    fn count(&self, what: &'static str) {
        *self.state.borrow_mut().counts.entry(what).or_default() += 1;
    }

    /// Delivers what AWS sent, as the odds have it.
    pub fn deliver(self: &Rc<Self>, emitted: Vec<Emitted>) {
        for Emitted { event, .. } in emitted {
            let Some(function) = actors::target(&event) else { continue };
            for delay in self.deliveries(&event) {
                self.spawn(function, event.clone(), delay);
            }
            self.state.borrow_mut().past.push(event);
        }
    }

    /// Delivers some of the past's events once more.
    pub fn repeat_past(self: &Rc<Self>, at_most: usize) {
        let again: Vec<Value> = {
            let state = &mut *self.state.borrow_mut();
            let from = state.past.len();
            let picks = (0..at_most.min(from)).map(|_| state.rng.random_range(0..from)).collect::<Vec<_>>();
            picks.into_iter().map(|pick| state.past[pick].clone()).collect()
        };
        for event in again {
            self.count("event repeated late");
            if let Some(function) = actors::target(&event) {
                self.spawn(function, event, Duration::ZERO);
            }
        }
    }

    /// Delivers an event of any form, without faults.
    pub fn inject(self: &Rc<Self>, function: Function, event: Value) {
        self.spawn(function, event, Duration::ZERO);
    }

    /// The schedules' turns: the sweep every minute, snapshots every five.
    pub async fn run_schedule(self: Rc<Self>) {
        for minute in 1_u64.. {
            tokio::time::sleep(Duration::from_secs(60)).await;
            self.spawn(Function::Sweep, actors::scheduled_event(self.region.now()), Duration::ZERO);
            if minute % 5 == 0 {
                self.spawn(Function::Snapshot, actors::scheduled_event(self.region.now()), Duration::ZERO);
            }
        }
    }

    /// After how long each copy of one event arrives.
    fn deliveries(&self, event: &Value) -> Vec<Duration> {
        let state = &mut *self.state.borrow_mut();
        let BusOdds { dropped, doubled, late: (late, up_to) } = state.odds;
        let dropped = if event["source"] == "stateful-asg" { dropped.min(OWN_DROPPED) } else { dropped };
        let mut hits = |chance: u32| chance > 0 && state.rng.random_range(0..1000) < chance;
        let (dropped, doubled, late) = (hits(dropped), hits(doubled), hits(late));
        let mut count = |what| *state.counts.entry(what).or_default() += 1;
        if dropped {
            count("event dropped");
            return Vec::new();
        }
        let usual = |rng: &mut ChaCha8Rng| Duration::from_millis(rng.random_range(50..500));
        let mut delays = vec![usual(&mut state.rng)];
        if late {
            count("event late");
            delays[0] += Duration::from_millis(state.rng.random_range(0..=up_to * 1000));
        }
        if doubled {
            count("event doubled");
            let gap = Duration::from_millis(state.rng.random_range(0..20_000));
            delays.push(usual(&mut state.rng) + gap);
        }
        delays
    }

    fn spawn(self: &Rc<Self>, function: Function, event: Value, delay: Duration) {
        let bus = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            bus.invoke(function, &event).await;
        });
    }

    /// One event at one function, with Lambda's retries.
    async fn invoke(&self, function: Function, event: &Value) {
        for retry in RETRIES.into_iter().map(Some).chain([None]) {
            if self.attempt(function, event).await {
                return;
            }
            match retry {
                Some(pause) => tokio::time::sleep(pause).await,
                None => self.count("invocation given up"),
            }
        }
    }

    async fn attempt(&self, function: Function, event: &Value) -> bool {
        let number = {
            let mut state = self.state.borrow_mut();
            state.invoked += 1;
            state.invoked
        };
        let world = self.region.actor(&format!("fn:{}-{number}", function.name()));
        self.region.note(world.name(), || format!("begins: {}", actors::summary(event)));
        let deadline = self.region.now() + TIMEOUT;
        let invocation = AssertUnwindSafe(self.functions.run(function, &world, event, deadline)).catch_unwind();
        let invocation = world.live(invocation);
        let (outcome, done) = match tokio::time::timeout(TIMEOUT, invocation).await {
            Ok(Some(Ok(Ok(said)))) => (said, true),
            Ok(Some(Err(_))) => {
                self.count(PANICKED);
                ("panicked".to_owned(), false)
            }
            Ok(Some(Ok(Err(error)))) => {
                self.count("invocation failed");
                (error, false)
            }
            Ok(None) => {
                self.count("invocation crashed");
                ("crashed".to_owned(), false)
            }
            Err(_) => {
                self.count("invocation timed out");
                ("timed out".to_owned(), false)
            }
        };
        self.count("invocation");
        self.region.note(world.name(), || format!("ends: {outcome}"));
        done
    }
}
