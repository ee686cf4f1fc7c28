//! EventBridge and Lambda between AWS and the functions: what they drop, double, delay and try again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use jiff::SignedDuration;
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
    /// Those that are not late all take the same time: none overtakes another.
    pub in_order: bool,
}

impl BusOdds {
    /// No event arrives.
    pub const CUT: Self = Self { dropped: 1000, doubled: 0, late: (0, 0), in_order: false };
}

/// Counted for an event that is never delivered.
pub const DROPPED: &str = "event dropped";
/// Counted for an invocation that panicked: never to be seen.
pub const PANICKED: &str = "invocation panicked";

/// AWS's own events are best effort; those that we put ourselves are seldom lost.
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html>
const OWN_DROPPED: u32 = 100;

/// A clock that is wrong by this counts as wrong.
const WRONG_CLOCK: SignedDuration = SignedDuration::from_mins(1);

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
    /// How many invocations each event begins at once.
    actors: u8,
    /// By how much an invocation's clock may be wrong.
    skew: Duration,
    /// The newest event that arrived, by the order in which they were sent.
    newest: u64,
    sent: u64,
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
            actors: 1,
            skew: Duration::ZERO,
            newest: 0,
            sent: 0,
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

    /// Each event begins so many invocations at once.
    pub fn set_actors(&self, actors: u8) {
        self.state.borrow_mut().actors = actors;
    }

    /// The clocks of invocations are wrong by up to this, either way.
    pub fn set_skew(&self, skew: Duration) {
        self.state.borrow_mut().skew = skew;
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
            let number = {
                let state = &mut *self.state.borrow_mut();
                state.sent += 1;
                state.sent
            };
            for delay in self.deliveries(&event) {
                self.spawn_event(function, event.clone(), delay, number);
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
        let BusOdds { dropped, doubled, late: (late, up_to), in_order } = state.odds;
        let dropped = if event["source"] == "stateful-asg" { dropped.min(OWN_DROPPED) } else { dropped };
        let mut hits = |chance: u32| chance > 0 && state.rng.random_range(0..1000) < chance;
        let (dropped, doubled, late) = (hits(dropped), hits(doubled), hits(late));
        let mut count = |what| *state.counts.entry(what).or_default() += 1;
        if dropped {
            count(DROPPED);
            return Vec::new();
        }
        let usual = |rng: &mut ChaCha8Rng| {
            let drawn = rng.random_range(50..500);
            Duration::from_millis(if in_order { 100 } else { drawn })
        };
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
        let others = state.actors.saturating_sub(1);
        for _ in 0..others {
            let behind = Duration::from_millis(state.rng.random_range(0..2000));
            delays.push(delays[0] + behind);
        }
        delays
    }

    fn spawn_event(self: &Rc<Self>, function: Function, event: Value, delay: Duration, number: u64) {
        let bus = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(delay).await;
            bus.arrives(number);
            bus.invoke(function, &event).await;
        });
    }

    /// Counts an event that was overtaken by one sent later.
    fn arrives(&self, number: u64) {
        let overtaken = {
            let state = &mut *self.state.borrow_mut();
            let newest = state.newest.max(number);
            std::mem::replace(&mut state.newest, newest) > number
        };
        if overtaken {
            self.count("event overtaken");
        }
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
        let (number, skew) = {
            let state = &mut *self.state.borrow_mut();
            state.invoked += 1;
            let most = i64::try_from(state.skew.as_secs()).unwrap_or_default();
            (state.invoked, if most == 0 { 0 } else { state.rng.random_range(-most..=most) })
        };
        let skew = SignedDuration::from_secs(skew);
        if skew.abs() >= WRONG_CLOCK {
            self.count("invocation with a wrong clock");
        }
        let world = self.region.actor_with_clock(&format!("fn:{}-{number}", function.name()), skew);
        self.region.note(world.name(), || format!("begins: {}", actors::summary(event)));
        let deadline = self.region.now() + skew + TIMEOUT;
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
