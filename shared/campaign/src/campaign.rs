//! Many histories: run on all cores, counted, and the first that breaks a rule made short.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::classes::Class;
use crate::coverage::Coverage;
use crate::history::{self, Report};
use crate::script::Script;

/// How many shorter histories are tried at most for one that broke a rule.
const MOST_TRIES: usize = 400;
const UNBROKEN: &str = "no thread panics while it holds the lock";

/// Which histories are run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// These seeds, in turn.
    pub seeds: Vec<u64>,
    /// How many at once.
    pub jobs: usize,
    /// Ends at the first that breaks a rule.
    pub until_failure: bool,
    /// None is begun later than so long after the first.
    pub within: Option<Duration>,
    /// Classes of faults that are left out.
    pub without: Vec<Class>,
}

/// What a campaign showed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many histories were run.
    pub histories: u64,
    /// What those reached in which no rule was broken.
    pub coverage: Coverage,
    /// Those in which one was, by seed.
    pub failed: Vec<Report>,
}

impl Campaign {
    /// Runs them; `progress` is told how many are done and how many of these broke a rule, after each.
    ///
    /// # Panics
    /// Where a history itself cannot be run: a fault of the harness.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "how long a campaign goes on is the person's own time")]
    pub fn run(&self, progress: impl Fn(u64, u64) + Sync) -> Outcome {
        let (next, done, broken) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let ended = AtomicBool::new(false);
        let begun = Instant::now();
        let late = || self.within.is_some_and(|within| begun.elapsed() >= within);
        let gathered: Mutex<Outcome> = Mutex::default();
        let job = || {
            let mut own = Outcome::default();
            while !ended.load(Ordering::Relaxed) && !late() {
                let turn = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
                let Some(seed) = self.seeds.get(turn) else { break };
                let report = history::run_script(&Script::draw_without(*seed, &self.without), false);
                own.histories += 1;
                if report.violations.is_empty() {
                    own.coverage.merge(report.coverage);
                } else {
                    ended.fetch_or(self.until_failure, Ordering::Relaxed);
                    broken.fetch_add(1, Ordering::Relaxed);
                    own.failed.push(report);
                }
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, broken.load(Ordering::Relaxed));
            }
            let mut all = gathered.lock().expect(UNBROKEN);
            all.histories += own.histories;
            all.coverage.merge(own.coverage);
            all.failed.extend(own.failed);
        };
        std::thread::scope(|scope| {
            (0..self.jobs.max(1)).for_each(|_| {
                scope.spawn(job);
            });
        });
        let mut outcome = gathered.into_inner().expect(UNBROKEN);
        outcome.failed.sort_by_key(|report| report.seed);
        outcome
    }
}

/// The shortest history found that breaks the same rule; `told` is called with each that is shorter than the one before.
#[must_use]
pub fn shortest(script: &Script, rule: u8, mut told: impl FnMut(&Script)) -> Script {
    let mut best = script.clone();
    let mut tries = 0;
    'shorter: loop {
        for next in best.simpler() {
            tries += 1;
            if tries > MOST_TRIES {
                return best;
            }
            if history::run_script(&next, false).violations.iter().any(|violation| violation.rule == rule) {
                told(&next);
                best = next;
                continue 'shorter;
            }
        }
        return best;
    }
}
