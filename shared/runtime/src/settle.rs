//! The settle loop: observe, plan, apply, until nothing is left to do for the group.
//!
//! One settle at a time works on a group, by the lease in the group's item: that is economy. Two
//! that work on one group at once are kept from harm by conditional writes and by EC2 itself.

mod lease;
mod pacing;
mod reading;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::{Asg, Lifecycle};
use stateful_asg_core::ids::{DeploymentId, GroupName, InstanceId};
use stateful_asg_core::observed::{FailureKind, Notes, Observed};
use stateful_asg_core::plan::{self, Look, Plan, invariants};
use stateful_asg_core::spec::Limits;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::Group;
use stateful_asg_core::waiting::{Reads, Reason, Waiting};
use tracing::{debug, error, warn};

use crate::apply::{apply_all, remember};
use crate::observe::{Target, look};
use crate::ports::{CallError, Rest, World};
use lease::Held;
use pacing::pause;
use reading::{Seen, lets_in, records};

/// How long a lease lasts without being prolonged.
pub const LEASE: Duration = Duration::from_secs(60);
/// How much of the invocation's time is kept: for the call that is under way when it runs out, and for giving the lease
/// back. Each takes up to the clients' operation timeout, 25 seconds.
const MARGIN: Duration = Duration::from_secs(55);
/// How often the lease is given back while others wake the group.
const HANDOVERS: u32 = 3;
/// How long a partial reading may go on before everything is read again.
const STALE_AFTER: Duration = Duration::from_secs(60);
/// How many plans may follow one reading.
const PLANS_A_READING: u32 = 64;

/// One settle.
#[derive(Debug, Clone)]
pub struct Job {
    /// The group.
    pub group: GroupName,
    /// Our deployment.
    pub deployment: DeploymentId,
    /// What the deployment allows a spec to ask for.
    pub limits: Limits,
    /// Who we are: unique for each invocation.
    pub owner: String,
    /// When the invocation ends.
    pub deadline: Timestamp,
    /// Read hooks and records too.
    pub audit: bool,
    /// Read hooks too.
    pub hooks: bool,
}

/// What a settle did.
#[derive(Debug, Clone, Default)]
pub struct Settled {
    /// We held the lease; if not, its holder goes round again for us.
    pub led: bool,
    /// Readings, partial ones among them.
    pub passes: u32,
    /// Steps that succeeded, by kind.
    pub steps: BTreeMap<&'static str, u64>,
    /// Calls that failed, by kind of failure.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Steps that the second opinion refused: each is a bug to report.
    pub refused: Vec<String>,
    /// What is waited for at the end.
    pub waiting: Vec<Waiting>,
    /// Launches that were continued, and how long after their event.
    pub continued: Vec<(InstanceId, Duration)>,
    /// The invocation's time ran out with something left to do.
    pub unfinished: bool,
}

/// A settle that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The lease could not be asked for.
    #[error("could not wake group {group}")]
    Wake {
        /// The group.
        group: GroupName,
        /// Why.
        #[source]
        source: CallError,
    },
    /// The group could not be read.
    #[error("could not read group {group}")]
    Observe {
        /// The group.
        group: GroupName,
        /// Why.
        #[source]
        source: CallError,
    },
}

/// Settles one group: returns when nothing is left to do but wait for an event, or time runs out.
///
/// # Errors
/// When the table or the group cannot be read; the lease is given back first.
pub async fn settle<W: World>(world: &W, job: &Job) -> Result<Settled, SettleError> {
    let woken = world
        .wake(&job.group, &job.owner, world.now(), LEASE)
        .await
        .map_err(|source| SettleError::Wake { group: job.group.clone(), source })?;
    if !woken.ours {
        debug!(group = %job.group, "another settle holds the lease and goes round again");
        return Ok(Settled::default());
    }
    let target = Target { group: job.group.clone(), deployment: job.deployment.clone(), limits: job.limits.clone() };
    let mut run = Run {
        world,
        job,
        target,
        record: Some(woken.record),
        dirty: woken.dirty,
        prolonged: world.now(),
        seen: Seen::all(world.now()),
        notes: Notes::default(),
        let_in: BTreeMap::new(),
        hooks: job.audit || job.hooks,
        unchanged: (world.now(), Vec::new()),
        said: BTreeSet::new(),
        settled: Settled { led: true, ..Settled::default() },
    };
    run.rounds().await
}

/// What one settle carries from pass to pass.
struct Run<'w, W> {
    world: &'w W,
    job: &'w Job,
    target: Target,
    /// The group's item as the lease told it, for the first reading.
    record: Option<Option<Group>>,
    dirty: u64,
    prolonged: Timestamp,
    /// When each part of the reading in hand was read.
    seen: Seen,
    notes: Notes,
    /// Instances that this settle let into service, and when.
    let_in: BTreeMap<InstanceId, Timestamp>,
    /// Hooks are to be read, besides what plans ask for.
    hooks: bool,
    /// The last waits, and since when they are the same.
    unchanged: (Timestamp, Vec<Waiting>),
    /// Waits that were logged and still last.
    said: BTreeSet<String>,
    settled: Settled,
}

/// How a round ended.
enum Next {
    /// Everything must be read again.
    Read,
    /// What changes while we wait is read again after this long.
    Poll(Duration),
    /// Nothing is left to do.
    Rest,
    /// Something is left to do, and the invocation's time is over.
    OutOfTime,
    /// Another settle has taken the lease over, and goes on.
    Superseded,
}

impl<W: World> Run<'_, W> {
    async fn rounds(&mut self) -> Result<Settled, SettleError> {
        let mut audited = false;
        loop {
            let mut observed = match self.read().await {
                Ok(observed) => observed,
                Err(source) => {
                    self.hand_over(String::new(), false).await;
                    return Err(SettleError::Observe { group: self.job.group.clone(), source });
                }
            };
            let ended = self.on_one_reading(&mut observed, &mut audited).await;
            self.notes = observed.notes;
            if let Some(plan) = ended {
                self.settled.waiting = plan.waiting;
                return Ok(std::mem::take(&mut self.settled));
            }
        }
    }

    /// From one full reading on, until the lease is given back; `None` where everything must be read again.
    async fn on_one_reading(&mut self, observed: &mut Observed, audited: &mut bool) -> Option<Plan> {
        let read_at = self.world.now();
        loop {
            let (next, plan) = self.round(observed, read_at, audited).await;
            let digest = digest(&observed.asgs.iter().collect::<Vec<_>>());
            match next {
                Next::Read | Next::Poll(_) => return None,
                Next::OutOfTime => {
                    self.settled.unfinished = true;
                    self.hand_over(digest, *audited).await;
                    return Some(plan);
                }
                Next::Superseded => return Some(plan),
                Next::Rest => {}
            }
            let rest = Rest { digest, look_at: plan.look_at, audited: *audited };
            let Some(woken) = self.give_back(&rest).await else { return Some(plan) };
            if self.left() <= MARGIN {
                self.settled.unfinished = true;
                self.hand_over(rest.digest, rest.audited).await;
                return Some(plan);
            }
            if !self.catch_up(observed, woken.record, Reads::default()).await {
                return None;
            }
        }
    }

    /// Gives the lease back with something left to do: the sweep goes on. Wakes that come meanwhile are answered so, too.
    async fn hand_over(&mut self, digest: String, audited: bool) {
        let soon = Rest { digest, look_at: Some(self.world.now()), audited };
        for _ in 0..HANDOVERS {
            if self.give_back(&soon).await.is_none() {
                return;
            }
        }
    }

    /// Plans and applies, polling while it only waits.
    async fn round(&mut self, observed: &mut Observed, read_at: Timestamp, audited: &mut bool) -> (Next, Plan) {
        loop {
            let (next, plan) = self.plans(observed, audited).await;
            self.say(&plan);
            let next = self.linger(next, observed);
            let Next::Poll(pace) = next else { return (next, plan) };
            let pace = pace.max(self.patience(&plan));
            if self.left() <= MARGIN + pace {
                return (Next::OutOfTime, plan);
            }
            self.world.sleep(pace).await;
            let woken = match self.prolong().await {
                Held::Still => None,
                Held::Woken(woken) => Some(woken),
                Held::Lost => return (Next::Superseded, plan),
            };
            if self.world.now().duration_since(read_at) >= to_signed(STALE_AFTER) {
                return (Next::Read, plan);
            }
            let polled = plan.waiting.iter().filter(|waiting| waiting.reason.pace().is_some());
            let reads = polled.fold(Reads::default(), |reads, waiting| reads.and(waiting.reason.reads()));
            let in_step = match woken {
                Some(woken) => self.catch_up(observed, woken.record, reads).await,
                None => self.poll(observed, reads).await,
            };
            if !in_step {
                return (Next::Read, plan);
            }
        }
    }

    /// Plans and applies on one reading, folding in what succeeds, until only waits are left.
    async fn plans(&mut self, observed: &mut Observed, audited: &mut bool) -> (Next, Plan) {
        let mut plan = Plan::default();
        let mut looked = Look::default();
        for _ in 0..PLANS_A_READING {
            let now = self.world.now();
            plan = plan::plan(observed, now);
            if self.left() <= MARGIN {
                return (Next::OutOfTime, plan);
            }
            self.ask_more(&mut plan, observed, *audited);
            if !plan.look.is_empty() && plan.look != looked {
                looked = plan.look.clone();
                match look(self.world, observed, &plan.look).await {
                    Ok(()) => continue,
                    Err(error) => {
                        warn!(group = %self.job.group, %error, "looking closer failed");
                        return (Next::Poll(Duration::from_secs(2)), plan);
                    }
                }
            }
            self.world.planned(&plan);
            let (steps, violations) = invariants::check(observed, &plan, now);
            for violation in violations {
                error!(group = %self.job.group, %violation, "a bug: the plan breaks a rule");
                self.settled.refused.push(violation.to_string());
            }
            if steps.is_empty() {
                // Not before what the records showed is done: a step that fails sends us back to a reading without them.
                let looked = records(observed).all(|key| observed.records.contains_key(key));
                *audited |= self.job.audit && looked && !is_tried_again(&plan);
                return (pause(&plan), plan);
            }
            looked = Look::default();
            if let Some(stale) = self.stale_for(&steps, observed) {
                if !self.poll(observed, stale).await {
                    return (Next::Read, plan);
                }
                continue;
            }
            if self.apply(observed, steps).await {
                return (Next::Read, plan);
            }
        }
        (Next::Read, plan)
    }

    /// Takes the steps; true where a fresh reading must follow.
    async fn apply(&mut self, observed: &mut Observed, steps: Vec<Step>) -> bool {
        let applied = apply_all(self.world, steps).await;
        let now = self.world.now();
        for (step, outcome) in &applied.done {
            telling::step(&self.job.group, step, None);
            *self.settled.steps.entry(step.kind()).or_default() += 1;
            self.note_continued(observed, step, now);
            observed.fold(step, outcome, now);
        }
        for (step, error) in &applied.failed {
            telling::step(&self.job.group, step, Some(error));
            *self.settled.failures.entry(error.kind).or_default() += 1;
            remember(observed, step, error, now);
        }
        !applied.failed.is_empty()
    }

    fn note_continued(&mut self, observed: &Observed, step: &Step, now: Timestamp) {
        let Step::Complete { action, .. } = step else { return };
        if !lets_in(step) {
            return;
        }
        let since =
            observed.actions.get(&(action.instance.clone(), action.transition)).map_or(now, |noted| noted.since);
        let took = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        self.settled.continued.push((action.instance.clone(), took));
        self.let_in.insert(action.instance.clone(), now);
    }

    fn left(&self) -> Duration {
        Duration::try_from(self.job.deadline.duration_since(self.world.now())).unwrap_or_default()
    }
}

/// Something failed that will be tried again.
fn is_tried_again(plan: &Plan) -> bool {
    plan.waiting.iter().any(|waiting| matches!(&waiting.reason, Reason::CallFailed { kind, .. } if kind.is_retryable()))
}

fn to_signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// A digest of what Auto Scaling shows of a group: where it differs from the last one, something happened. A member that
/// every hook has let go is left out: its end is EC2's to tell, and waited for where something hangs on it.
#[must_use]
pub fn digest(asgs: &[&Asg]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for asg in asgs {
        lines.push(format!("{} {} {}", asg.name, asg.desired, asg.deleting));
        let gone = |lifecycle: &Lifecycle| matches!(lifecycle, Lifecycle::TerminatingProceed | Lifecycle::Terminated);
        let members = asg.members.iter().filter(|(_, member)| !gone(&member.lifecycle));
        lines.extend(members.map(|(id, member)| format!("{id} {:?}", member.lifecycle)));
    }
    lines.sort();
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, lines.join("\n").as_bytes()).to_string()
}
