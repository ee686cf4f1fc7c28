//! What goes wrong with calls, drawn from a seed or scripted.
//!
//! Documented (EC2 API Reference, *Error codes*,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>): throttling, missing rights and errors of
//! the server; a request that timed out may have taken effect (*Ensuring idempotency*). Assumed: how often, and how late.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Refused: too many requests.
    Throttled,
    /// Refused: a right is missing.
    Denied,
    /// An internal error, and nothing was applied.
    Internal,
    /// Applied, and answered with an error.
    AnswerLost,
    /// Answered with an error now, applied after this long.
    Late(Duration),
    /// The caller sleeps this long before the call goes out, and does not know.
    Pause(Duration),
    /// The same for longer than any lease lasts.
    Stall(Duration),
    /// Refused, because another transaction works on the same items: the table alone says so.
    Conflict,
    /// The caller dies before the call goes out.
    CrashBefore,
    /// The caller dies after the call was applied, before its answer.
    CrashAfter,
}

impl Fault {
    /// A stable name, for counts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Internal => "internal",
            Self::AnswerLost => "answer lost",
            Self::Late(_) => "late effect",
            Self::Pause(_) => "pause",
            Self::Stall(_) => "stall",
            Self::Conflict => "conflict",
            Self::CrashBefore => "crash before",
            Self::CrashAfter => "crash after",
        }
    }

    /// Makes sense only for a call that changes something.
    const fn needs_effect(self) -> bool {
        matches!(self, Self::AnswerLost | Self::Late(_) | Self::CrashAfter | Self::Conflict)
    }
}

/// Operations of the table begin so.
const TABLE: &str = "dynamodb:";

/// How often faults strike: chances in a thousand calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    /// [`Fault::Throttled`].
    pub throttled: u32,
    /// [`Fault::Denied`].
    pub denied: u32,
    /// [`Fault::Internal`].
    pub internal: u32,
    /// [`Fault::AnswerLost`].
    pub answer_lost: u32,
    /// [`Fault::Late`].
    pub late: u32,
    /// [`Fault::Pause`].
    pub pause: u32,
    /// [`Fault::CrashBefore`].
    pub crash_before: u32,
    /// [`Fault::CrashAfter`].
    pub crash_after: u32,
    /// [`Fault::Stall`].
    pub stall: u32,
    /// [`Fault::Conflict`].
    pub conflict: u32,
    /// Of a thousand objects in an answer that lists many, so many are left out.
    pub item_missing: u32,
    /// Of a thousand answers that list many, so many break off before the end.
    pub page_missing: u32,
}

impl Odds {
    /// Every kind of fault, by its name.
    pub const KINDS: [&str; 12] = [
        "throttled",
        "denied",
        "internal",
        "answer lost",
        "late effect",
        "pause",
        "crash before",
        "crash after",
        "stall",
        "conflict",
        ITEM_MISSING,
        PAGE_MISSING,
    ];

    /// The same without faults of this kind.
    #[must_use]
    pub fn without(self, kind: &str) -> Self {
        let left = |name: &str, chance| if name == kind { 0 } else { chance };
        Self {
            throttled: left("throttled", self.throttled),
            denied: left("denied", self.denied),
            internal: left("internal", self.internal),
            answer_lost: left("answer lost", self.answer_lost),
            late: left("late effect", self.late),
            pause: left("pause", self.pause),
            crash_before: left("crash before", self.crash_before),
            crash_after: left("crash after", self.crash_after),
            stall: left("stall", self.stall),
            conflict: left("conflict", self.conflict),
            item_missing: left(ITEM_MISSING, self.item_missing),
            page_missing: left(PAGE_MISSING, self.page_missing),
        }
    }
}

/// The name of an object that an answer leaves out.
pub const ITEM_MISSING: &str = "item missing";
/// The name of an answer that breaks off.
pub const PAGE_MISSING: &str = "page missing";
/// The name of a refusal by the published request buckets.
pub const BUCKET_EMPTY: &str = "bucket empty";

/// Whether a call changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It only looks.
    Read,
    /// It changes something.
    Change,
}

/// The faults of one world.
#[derive(Debug)]
pub struct Faults {
    /// How often they strike calls of AWS's services, the table aside.
    pub odds: Odds,
    /// How often they strike the table.
    pub table: Odds,
    /// The shortest and longest way to AWS and back again, in milliseconds each way.
    pub latency: (u64, u64),
    /// Operations that are refused for want of a right until taken out again.
    pub forbidden: BTreeSet<String>,
    scripted: BTreeMap<String, VecDeque<Fault>>,
    /// How many calls that change something were made.
    changes: u64,
    /// What strikes the call with this number.
    appointed: BTreeMap<u64, Fault>,
    struck: BTreeMap<(&'static str, &'static str), u64>,
    rng: ChaCha8Rng,
}

impl Faults {
    /// No faults, and 5 to 50 milliseconds each way.
    #[must_use]
    pub fn none(seed: u64) -> Self {
        Self {
            odds: Odds::default(),
            table: Odds::default(),
            latency: (5, 50),
            forbidden: BTreeSet::new(),
            scripted: BTreeMap::new(),
            changes: 0,
            appointed: BTreeMap::new(),
            struck: BTreeMap::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The next call of this operation fails so. Said several times, as many calls do.
    pub fn next(&mut self, operation: &str, fault: Fault) {
        self.scripted.entry(operation.to_owned()).or_default().push_back(fault);
    }

    /// How many calls that change something were made so far, the table's among them.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The call that changes something and has this number, from 1, fails so.
    pub fn at_change(&mut self, number: u64, fault: Fault) {
        self.appointed.insert(number, fault);
    }

    /// Heals everything: no odds, no script, nothing forbidden.
    pub fn heal(&mut self) {
        self.odds = Odds::default();
        self.table = Odds::default();
        self.scripted.clear();
        self.appointed.clear();
        self.forbidden.clear();
    }

    /// How often each fault struck each operation.
    #[must_use]
    pub fn struck(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.struck
    }

    pub(super) fn latency(&mut self) -> Duration {
        let (least, most) = self.latency;
        Duration::from_millis(self.rng.random_range(least..=most))
    }

    pub(super) fn strike(&mut self, operation: &'static str, sort: Sort) -> Option<Fault> {
        self.changes += u64::from(sort == Sort::Change);
        let appointed = if sort == Sort::Change { self.appointed.remove(&self.changes) } else { None };
        let fault =
            appointed.or_else(|| self.draw(operation)).filter(|fault| sort == Sort::Change || !fault.needs_effect())?;
        if fault == Fault::Conflict && !operation.starts_with(TABLE) {
            return None;
        }
        *self.struck.entry((operation, fault.name())).or_default() += 1;
        Some(fault)
    }

    fn draw(&mut self, operation: &str) -> Option<Fault> {
        if self.forbidden.contains(operation) {
            return Some(Fault::Denied);
        }
        if let Some(fault) = self.scripted.get_mut(operation).and_then(VecDeque::pop_front) {
            return Some(fault);
        }
        let of_table = operation.starts_with(TABLE);
        let odds = if of_table { self.table } else { self.odds };
        if odds == Odds::default() {
            return None;
        }
        let drawn = self.rng.random_range(0..1000_u32);
        let span = self.rng.random_range(0..1000_u64);
        let mut below = 0;
        [
            (odds.throttled, Fault::Throttled),
            (odds.denied, Fault::Denied),
            (odds.internal, Fault::Internal),
            (odds.answer_lost, Fault::AnswerLost),
            (odds.late, Fault::Late(Duration::from_millis(500 + span * 120))),
            (odds.pause, Fault::Pause(Duration::from_millis(1000 + span * 50))),
            (odds.crash_before, Fault::CrashBefore),
            (odds.crash_after, Fault::CrashAfter),
            (odds.stall, Fault::Stall(Duration::from_millis(65_000 + span * 380))),
            (odds.conflict, Fault::Conflict),
        ]
        .into_iter()
        .find_map(|(chance, fault)| {
            below += chance;
            (drawn < below).then_some(fault)
        })
    }

    /// Leaves out of an answer what it happens to leave out.
    pub(super) fn thin<T>(&mut self, operation: &'static str, all: &mut Vec<T>) {
        let Odds { item_missing, page_missing, .. } = self.odds;
        if item_missing > 0 {
            let rng = &mut self.rng;
            let before = all.len();
            all.retain(|_| rng.random_range(0..1000_u32) >= item_missing);
            self.note(operation, ITEM_MISSING, before - all.len());
        }
        if page_missing > 0 && !all.is_empty() && self.rng.random_range(0..1000_u32) < page_missing {
            all.truncate(self.rng.random_range(0..all.len()));
            self.note(operation, PAGE_MISSING, 1);
        }
    }

    /// Counts faults that are no call's own.
    pub(super) fn note(&mut self, operation: &'static str, fault: &'static str, times: usize) {
        if times > 0 {
            *self.struck.entry((operation, fault)).or_default() += times as u64;
        }
    }
}
