//! What each function does with an event. An event only tells which group to look at.
//!
//! Failures of AWS come back as errors, so that Lambda tries again, twice and within minutes; what no
//! retry can cure is answered with success, logged and counted.

mod instance;
mod known;
mod lifecycle;
mod snapshot;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_asg_core::ids::{GroupName, InstanceId};
use stateful_asg_core::waiting::Waiting;

use crate::config::{Config, Function};
use crate::events::{self, Ignored, Malformed};
use crate::metrics;
use crate::ports::{CallError, World};
use crate::settle::{self, Job, SettleError, Settled};

pub use instance::instance;
pub use known::{Known, membership};
pub use lifecycle::lifecycle;
pub use snapshot::{Snapshotted, snapshot};
pub use sweep::{Attention, audits_due, needs_attention, sweep};

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The function's settings.
    pub config: &'a Config,
    /// Lambda's ID of the request; it owns the lease.
    pub request_id: &'a str,
    /// When the answer is due.
    pub deadline: Timestamp,
    /// What this process knows of Auto Scaling groups.
    pub known: &'a Known,
}

/// What came of an event.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It asked nothing of us.
    Ignored(Ignored),
    /// It could not be read; trying again would not help.
    Refused(Malformed),
    /// The instance holds no slot.
    HoldsNothing(InstanceId),
    /// The event tells what is known of the group already, or what another invocation is about to see.
    NothingNew(GroupName),
    /// A group was settled, or another invocation is at it.
    Settled {
        /// The group.
        group: GroupName,
        /// How.
        settled: Settled,
    },
    /// The sweep looked at all groups.
    Swept {
        /// How many there are.
        groups: usize,
        /// How many were asked to settle.
        asked: usize,
    },
    /// The periodic snapshots of all groups were seen to.
    Snapshotted(Snapshotted),
}

/// A failure that may heal: Lambda tries again.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// A call failed before the group was known.
    #[error("cannot tell what the event is about; Lambda tries again")]
    Call(#[from] CallError),
    /// The settle failed.
    #[error("the group {group} cannot be settled; Lambda tries again, and the sweep after it")]
    Settle {
        /// The group.
        group: GroupName,
        /// Why.
        #[source]
        source: SettleError,
    },
    /// The sweep did not get its answers in time.
    #[error("the sweep took over {} s; the next one comes within a minute", sweep::LIMIT.as_secs())]
    SweepTooLong,
    /// A group could not be read for its periodic snapshots; the others had their turn.
    #[error(
        "the group {group} cannot be read for its periodic snapshots; Lambda tries again, and the next run after it"
    )]
    Snapshots {
        /// The first such group.
        group: GroupName,
        /// Why.
        #[source]
        source: CallError,
    },
}

impl HandlerError {
    /// The name under which Lambda shows it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(_) => "StatefulAsg.Call",
            Self::Settle { .. } => "StatefulAsg.Settle",
            Self::SweepTooLong => "StatefulAsg.SweepTooLong",
            Self::Snapshots { .. } => "StatefulAsg.Snapshots",
        }
    }
}

impl Outcome {
    /// A word for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Ignored(_) => "ignored",
            Self::Refused(_) => "refused",
            Self::HoldsNothing(_) => "holds nothing",
            Self::NothingNew(_) => "nothing new",
            Self::Settled { settled, .. } if !settled.led => "left to another",
            Self::Settled { settled, .. } if settled.unfinished => "unfinished",
            Self::Settled { .. } => "settled",
            Self::Swept { .. } => "swept",
            Self::Snapshotted(done) if !done.left.is_empty() => "unfinished",
            Self::Snapshotted(_) => "snapshotted",
        }
    }

    /// The function's answer, for people who invoke it by hand.
    #[must_use]
    pub fn answer(&self) -> Value {
        let outcome = self.word();
        match self {
            Self::Ignored(why) => json!({"outcome": outcome, "why": why.to_string()}),
            Self::Refused(malformed) => json!({"outcome": outcome, "problems": malformed.problems}),
            Self::HoldsNothing(instance) => json!({"outcome": outcome, "instance": instance.as_str()}),
            Self::NothingNew(group) | Self::Settled { group, .. } => {
                json!({"outcome": outcome, "group": group.as_str()})
            }
            Self::Swept { groups, asked } => json!({"outcome": outcome, "groups": groups, "asked": asked}),
            Self::Snapshotted(Snapshotted { groups, taken, deleted, left }) => {
                let left: Vec<&str> = left.iter().map(GroupName::as_str).collect();
                json!({"outcome": outcome, "groups": groups, "taken": taken, "deleted": deleted, "left": left})
            }
        }
    }
}

/// Reads an event and does what this function does with it.
///
/// # Errors
/// Those that a retry may cure.
pub async fn handle<W: World>(world: &W, context: &Context<'_>, event: &Value) -> Result<Outcome, HandlerError> {
    let outcome = match (context.config.function, events::read(event, &context.config.deployment)) {
        (Function::Sweep, _) => Box::pin(sweep(world, context)).await?,
        (Function::Snapshot, _) => Box::pin(snapshot(world, context)).await?,
        (_, Err(malformed)) => Outcome::Refused(malformed),
        (Function::Lifecycle, Ok(event)) => Box::pin(lifecycle(world, context, &event)).await?,
        (Function::Instance, Ok(event)) => Box::pin(instance(world, context, &event)).await?,
    };
    note(&outcome, world.now());
    Ok(outcome)
}

/// Which of the readings that a settle may leave out it is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Neither hooks nor records.
    Plain,
    /// Hooks too: an action came in by them.
    Hooks,
    /// Hooks and records.
    Audit,
}

async fn settle<W: World>(
    world: &W,
    context: &Context<'_>,
    group: GroupName,
    reading: Reading,
) -> Result<Outcome, HandlerError> {
    let job = Job {
        group: group.clone(),
        deployment: context.config.deployment.clone(),
        limits: context.config.limits.clone(),
        owner: context.request_id.to_owned(),
        deadline: context.deadline,
        audit: reading == Reading::Audit,
        hooks: reading != Reading::Plain,
    };
    match Box::pin(settle::settle(world, &job)).await {
        Ok(settled) => Ok(Outcome::Settled { group, settled }),
        Err(source) => Err(HandlerError::Settle { group, source }),
    }
}

/// Logs and counts what came of an event.
fn note(outcome: &Outcome, now: Timestamp) {
    match outcome {
        Outcome::Ignored(why @ (Ignored::OtherFunction | Ignored::NotServed(_))) => {
            tracing::warn!("an event was not acted upon: {why}");
        }
        Outcome::Ignored(why) => tracing::debug!(%why, "ignored: nothing to do"),
        Outcome::Refused(malformed) => {
            metrics::refused();
            tracing::error!("{malformed}; nothing was changed, and it is not tried again");
        }
        Outcome::HoldsNothing(instance) => {
            tracing::debug!(instance_id = %instance, "the instance holds no slot: nothing to do")
        }
        Outcome::NothingNew(group) => tracing::debug!(%group, "the event tells nothing new"),
        Outcome::Settled { group, settled } => {
            metrics::settled(group, settled, now);
            let steps: u64 = settled.steps.values().sum();
            let (word, passes, waiting) = (outcome.word(), settled.passes, settled.waiting.len());
            tracing::info!(%group, passes, steps, waiting, "{word}");
            call_persons(group, &settled.waiting);
        }
        Outcome::Swept { groups, asked } => tracing::info!(groups, asked, "swept"),
        Outcome::Snapshotted(Snapshotted { groups, taken, deleted, left }) => {
            tracing::info!(groups, taken, deleted, left = left.len(), "{}", outcome.word());
        }
    }
}

/// Logs the waits that do not end by themselves.
fn call_persons(group: &GroupName, waiting: &[Waiting]) {
    for wait in waiting.iter().filter(|wait| wait.reason.alarms()) {
        let (subject, reason, since) = (&wait.subject, wait.reason.kind(), wait.since.map(tracing::field::display));
        tracing::warn!(%group, %subject, reason, since, detail = ?wait.reason, "this wait needs a person's eye");
    }
}
