//! A simulated AWS: one Region of one account, deterministic from a seed, on a virtual clock.
//!
//! It is synchronous and holds no clock of its own: [`Aws::advance_to`] moves time, and everything
//! that AWS does by itself happens at its own moment on the way. Each rule says whether it is
//! *documented* (with the page), *observed* (in another project's report) or *assumed*.

mod agenda;
mod autoscaling;
mod buckets;
mod data;
mod due;
mod ec2;
mod effects;
mod error;
mod events;
mod faults;
mod guest;
mod lagged;
mod route53;
mod settings;
mod truth;
pub mod types;
mod zones;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use agenda::{Agenda, Due};
use autoscaling::AutoScaling;
use buckets::{Buckets, Cost};
pub use data::{Data, Stamp, Writer, Written};
use ec2::Ec2;
pub use effects::{Effect, EffectKind, Gone};
pub use error::AwsError;
pub use events::Emitted;
use faults::Faults;
use route53::Dns;
pub(crate) use route53::normal as normal_name;
pub use settings::{GuestMode, RequestBuckets, Settings, Span, Timings};

/// When every simulated AWS begins: 2026-01-01T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// What an operation answers.
pub type Answer<T> = Result<T, AwsError>;

/// A simulated AWS.
#[derive(Debug, Clone)]
pub struct Aws {
    settings: Settings,
    now: Timestamp,
    rng: ChaCha8Rng,
    /// How many IDs there are of each kind, where they are counted.
    counted: Option<BTreeMap<String, u64>>,
    actor: String,
    agenda: Agenda,
    buckets: Buckets,
    faults: Faults,
    emitted: Vec<Emitted>,
    effects: Vec<Effect>,
    counts: BTreeMap<String, u64>,
    ec2: Ec2,
    asg: AutoScaling,
    dns: Dns,
}

impl Aws {
    /// A Region with one VPC 10.0.0.0/16, one subnet a zone, one security group, and nothing else.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let keep_past = settings.read_lag > Duration::ZERO;
        let ec2 = Ec2::new(&settings, &mut rng, keep_past);
        Self {
            now: BEGINNING,
            rng,
            counted: None,
            actor: String::new(),
            agenda: Agenda::default(),
            buckets: Buckets::default(),
            faults: Faults::default(),
            emitted: Vec::new(),
            effects: Vec::new(),
            counts: BTreeMap::new(),
            ec2,
            asg: AutoScaling::new(keep_past),
            dns: Dns::default(),
            settings,
        }
    }

    /// What it was set up with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// From now on AWS takes this long for things.
    pub fn set_timings(&mut self, timings: Timings) {
        self.settings.timings = timings;
    }

    /// From now on IDs are counted, kind by kind, and not drawn: what is made first has the same ID in every order of the
    /// rest. UUIDs are drawn as before.
    pub fn count_ids(&mut self) {
        self.counted.get_or_insert_default();
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When AWS will next do something by itself, if ever.
    #[must_use]
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.agenda.next_at()
    }

    /// Writes down the state that all to come depends on, the dice and the way here left out: two worlds that write the
    /// same are the same.
    ///
    /// # Errors
    /// What `out` refuses.
    pub fn write_state(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        for due in self.agenda.in_order() {
            write!(out, "{due:?}")?;
        }
        write!(out, "{} {:?} {:?} {:?} {:?}", self.now, self.counted, self.ec2, self.asg, self.dns)
    }

    /// Moves time to `until`; everything due on the way happens at its moment. Time never goes back.
    pub fn advance_to(&mut self, until: Timestamp) {
        let actor = std::mem::take(&mut self.actor);
        while let Some((at, due)) = self.agenda.pop(until) {
            self.now = self.now.max(at);
            self.happen(due);
        }
        self.now = self.now.max(until);
        self.actor = actor;
    }

    /// Moves time on by `span`.
    pub fn advance(&mut self, span: Duration) {
        let until = self.now + signed(span);
        self.advance_to(until);
    }

    /// The EventBridge events sent since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<Emitted> {
        std::mem::take(&mut self.emitted)
    }

    /// Everything that took effect so far, oldest first.
    #[must_use]
    pub fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// API calls by operation, such as `ec2:AttachVolume`, refused ones included.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// From now on, calls are made by `actor`: its name stands in the log of effects.
    pub fn as_actor(&mut self, actor: &str) -> &mut Self {
        actor.clone_into(&mut self.actor);
        self
    }

    /// One API call: counted, throttled, and subject to the faults that are set.
    fn call<T>(&mut self, operation: &'static str, cost: Cost, body: impl FnOnce(&mut Self) -> Answer<T>) -> Answer<T> {
        match self.counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                self.counts.insert(operation.to_owned(), 1);
            }
        }
        self.faults.before(operation)?;
        self.buckets.take(self.settings.buckets, cost, operation, self.now)?;
        let answer = body(self)?;
        self.faults.after(operation)?;
        Ok(answer)
    }

    fn log(&mut self, what: EffectKind) {
        self.effects.push(Effect { at: self.now, actor: self.actor.clone(), what });
    }

    /// An identifier as EC2 makes them: 17 hexadecimal digits.
    fn new_id(&mut self, prefix: &str) -> String {
        match &mut self.counted {
            Some(counts) => {
                let count = counts.entry(prefix.to_owned()).or_default();
                *count += 1;
                format!("{prefix}-0{count:016x}")
            }
            None => new_id(&mut self.rng, prefix),
        }
    }

    fn new_uuid(&mut self) -> String {
        let (high, low) = (self.rng.next_u64(), self.rng.next_u64());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// A moment `span` from now.
    fn after(&mut self, span: Span) -> Timestamp {
        let (min, max) = (span.min.as_millis() as u64, span.max.as_millis() as u64);
        let delay = if max > min { self.rng.random_range(min..=max) } else { min };
        self.now + SignedDuration::from_millis(delay as i64)
    }

    fn later(&mut self, span: Span, due: Due) {
        let at = self.after(span);
        self.agenda.add(at, due);
    }

    /// The oldest moment that a read may show.
    fn oldest(&self) -> Timestamp {
        self.now - signed(self.settings.read_lag)
    }

    /// The moment that a read of one object shows.
    fn moment(&mut self) -> Timestamp {
        let lag = self.settings.read_lag.as_millis() as i64;
        if lag == 0 {
            return self.now;
        }
        self.now - SignedDuration::from_millis(self.rng.random_range(0..=lag))
    }
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX)
}

fn new_id(rng: &mut ChaCha8Rng, prefix: &str) -> String {
    format!("{prefix}-0{:016x}", rng.next_u64())
}
