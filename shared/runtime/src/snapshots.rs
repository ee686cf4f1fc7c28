//! One run of periodic snapshots over one group: observe, plan, apply, a few times on one reading.
//!
//! It takes no lease: what keeps two runs, or a run and a settle, from harm is that each slot's item is written
//! conditionally before its snapshots are taken. Who loses that race leaves the slot alone until the next run.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::observed::{Failure, FailureKind, Observed};
use stateful_asg_core::plan::{self, invariants};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::Group;
use stateful_asg_core::waiting::{Reason, Waiting};
use tracing::{error, info, warn};

use crate::apply::{apply_all, remember};
use crate::observe::{Target, observe_for_snapshots};
use crate::ports::{CallError, Called, World};

/// How many plans are applied on one reading: sets are recorded, taken, and their members named.
const PLANS: u32 = 4;

/// What a run did for one group.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// Snapshots taken, of a set each.
    pub taken: u64,
    /// Steps that succeeded, by kind.
    pub steps: BTreeMap<&'static str, u64>,
    /// Calls that failed, by kind of failure.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Calls for snapshots that failed.
    pub not_taken: u64,
    /// Steps that the second opinion refused: each is a bug to report.
    pub refused: BTreeSet<String>,
    /// What is waited for at the end.
    pub waiting: Vec<Waiting>,
    /// Time ran out with something left to do.
    pub unfinished: bool,
}

impl Run {
    /// Snapshots deleted.
    #[must_use]
    pub fn deleted(&self) -> u64 {
        self.steps.get("DeleteSnapshot").copied().unwrap_or_default()
    }

    /// Calls for snapshots that failed, and snapshots that EC2 shows as failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.not_taken + self.waits(|reason| matches!(reason, Reason::SnapshotFailed { .. }))
    }

    /// Volumes whose newest completed snapshot is too old.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.waits(|reason| matches!(reason, Reason::SnapshotsLate { .. }))
    }

    fn waits(&self, is: impl Fn(&Reason) -> bool) -> u64 {
        self.waiting.iter().filter(|wait| is(&wait.reason)).count() as u64
    }
}

/// Takes what is due for one group and deletes what has had its time. `run` tells what was done, also where this future
/// is dropped before its end: the next run goes on from what it then observes.
///
/// # Errors
/// The group could not be read.
pub async fn run<W: World>(world: &W, target: &Target, record: Group, run: &mut Run) -> Called<()> {
    run.unfinished = true;
    let mut observed = observe_for_snapshots(world, target, record).await?;
    let mut may_delete = true;
    for applied in 0..=PLANS {
        let now = world.now();
        let mut plan = plan::periodic(&observed, now);
        if !may_delete {
            plan.steps.retain(|step| !step.deletes());
        }
        world.planned(&plan);
        let (steps, violations) = invariants::check(&observed, &plan, now);
        for violation in violations {
            if run.refused.insert(violation.to_string()) {
                error!(group = %target.group, %violation, "a bug: the plan breaks a rule");
            }
        }
        run.waiting = plan.waiting;
        if steps.is_empty() {
            run.unfinished = false;
            return Ok(());
        }
        if applied == PLANS {
            break;
        }
        may_delete &= !steps.iter().any(Step::deletes);
        take(world, target, &mut observed, steps, run).await;
    }
    Ok(())
}

async fn take<W: World>(world: &W, target: &Target, observed: &mut Observed, steps: Vec<Step>, run: &mut Run) {
    let applied = apply_all(world, steps).await;
    let now = world.now();
    for (step, outcome) in &applied.done {
        info!(group = %target.group, step = %step.key(), "done");
        *run.steps.entry(step.kind()).or_default() += 1;
        if let Outcome::Snapshots(taken) = outcome {
            run.taken += taken.len() as u64;
        }
        observed.fold(step, outcome, now);
    }
    for (step, error) in &applied.failed {
        warn!(group = %target.group, step = %step.key(), %error, "failed");
        *run.failures.entry(error.kind).or_default() += 1;
        run.not_taken += u64::from(matches!(step, Step::CreateSnapshot { .. } | Step::CreateSnapshots { .. }));
        remember(observed, step, error, now);
        if error.kind == FailureKind::Conflict {
            observed.notes.failures.insert(step.key(), lost_race(error, now));
        }
    }
}

/// This run's reading of the slot is outdated, and stays so.
fn lost_race(error: &CallError, now: Timestamp) -> Failure {
    Failure { kind: FailureKind::Conflict, message: error.message.clone(), count: 1, retry_at: now }
}
