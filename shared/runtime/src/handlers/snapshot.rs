//! Takes the periodic snapshots that are due, group by group, and deletes those that have had their time.

use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::plan::RUN_EVERY;
use stateful_asg_core::spec::Spec;
use stateful_asg_core::table::Group;

use super::{Context, HandlerError, Outcome, call_persons};
use crate::config::serves;
use crate::metrics;
use crate::observe::Target;
use crate::ports::{CallError, Called, World};
use crate::snapshots::{self, Run};

/// A run ends before the next begins.
const LIMIT: SignedDuration = SignedDuration::from_mins(4);
/// How much of the invocation's time is kept.
const MARGIN: SignedDuration = SignedDuration::from_secs(5);
/// How long one group may take, so that the others have their turn.
const OF_ONE_GROUP: Duration = Duration::from_secs(60);
/// With less time left, no group is begun.
const LEAST: Duration = Duration::from_secs(10);
/// EC2 refills the buckets of CreateSnapshot, CreateSnapshots and DeleteSnapshot by five a second each.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const A_CALL: Duration = Duration::from_millis(200);

/// What a run over all groups did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshotted {
    /// Groups with periodic snapshots that were seen to.
    pub groups: usize,
    /// Snapshots taken.
    pub taken: u64,
    /// Snapshots deleted.
    pub deleted: u64,
    /// Groups for which there was no time.
    pub left: Vec<GroupName>,
}

/// Sees to every group with periodic snapshots, one after the other.
///
/// # Errors
/// Those that a retry may cure, once every group had its turn.
pub async fn snapshot<W: World>(world: &W, context: &Context<'_>) -> Result<Outcome, HandlerError> {
    let begun = world.now();
    let until = later(begun, LIMIT).min(later(context.deadline, -MARGIN));
    let mut done = Snapshotted::default();
    let mut failed: Option<(GroupName, CallError)> = None;
    let mut owed = Duration::ZERO;
    for group in in_turn(groups(world, context).await?, begun) {
        world.sleep(std::mem::take(&mut owed)).await;
        let left = Duration::try_from(until.duration_since(world.now())).unwrap_or_default();
        if left < LEAST {
            done.left.push(group);
            continue;
        }
        let target = Target {
            group: group.clone(),
            deployment: context.config.deployment.clone(),
            limits: context.config.limits.clone(),
        };
        match one(world, &target, left.min(OF_ONE_GROUP)).await {
            Ok(None) => {}
            Ok(Some(run)) => {
                done.groups += 1;
                done.taken += run.taken;
                done.deleted += run.deleted();
                owed = pause(&run);
            }
            Err(error) => {
                tracing::error!(%group, %error, "the group's snapshots cannot be seen to");
                if error.kind.is_retryable() {
                    failed.get_or_insert((group, error));
                }
            }
        }
    }
    if !done.left.is_empty() {
        let left: Vec<&str> = done.left.iter().map(GroupName::as_str).collect();
        tracing::warn!(groups = left.join(","), "there was no time for these groups: they come first in later runs");
    }
    match failed {
        Some((group, source)) => Err(HandlerError::Snapshots { group, source }),
        None => Ok(Outcome::Snapshotted(done)),
    }
}

async fn groups<W: World>(world: &W, context: &Context<'_>) -> Called<Vec<GroupName>> {
    let known = world.summaries().await?.into_iter().map(|summary| summary.group);
    let mut groups: Vec<GroupName> = known.filter(|group| serves(&context.config.limits, group)).collect();
    groups.sort();
    Ok(groups)
}

/// Each run begins one group later: whoever is not reached in one run comes closer to the front with each, and none waits
/// for more runs than there are groups. Nothing has to be remembered for it.
fn in_turn(mut groups: Vec<GroupName>, now: Timestamp) -> Vec<GroupName> {
    let run = u64::try_from(now.as_second()).unwrap_or_default() / RUN_EVERY.as_secs();
    let first = usize::try_from(run).unwrap_or_default().checked_rem(groups.len()).unwrap_or_default();
    groups.rotate_left(first);
    groups
}

/// One group, if its spec asks for snapshots, within this time.
async fn one<W: World>(world: &W, target: &Target, time: Duration) -> Called<Option<Run>> {
    let mut run = Run::default();
    let in_time = {
        let work = pin!(async {
            let record = world.group(&target.group).await?.filter(takes_snapshots);
            let Some(record) = record else { return Ok(false) };
            snapshots::run(world, target, record, &mut run).await.map(|()| true)
        });
        match select(work, pin!(world.sleep(time))).await {
            Either::Left((Ok(false), _)) => return Ok(None),
            Either::Left((result, _)) => result,
            Either::Right(((), _)) => Ok(false),
        }
    };
    note(&target.group, &run, world.now());
    in_time.map(|_| Some(run))
}

/// A spec that cannot be read is the settles' to complain about.
fn takes_snapshots(record: &Group) -> bool {
    let spec = record.spec.as_ref().and_then(|accepted| Spec::parse(&accepted.text).ok());
    spec.is_some_and(|parsed| parsed.spec.volumes.keys().any(|name| parsed.spec.snapshots_of(name).is_some()))
}

fn note(group: &GroupName, run: &Run, now: Timestamp) {
    metrics::snapshotted(group, run, now);
    let (taken, deleted, late, failed) = (run.taken, run.deleted(), run.late(), run.failed());
    tracing::info!(%group, taken, deleted, late, failed, "snapshots");
    if run.unfinished {
        tracing::warn!(%group, "the group's snapshots are not all taken: the next run goes on");
    }
    call_persons(group, &run.waiting);
}

/// Long enough for the buckets to refill.
fn pause(run: &Run) -> Duration {
    let calls: u64 =
        ["CreateSnapshot", "CreateSnapshots", "DeleteSnapshot"].iter().filter_map(|kind| run.steps.get(kind)).sum();
    A_CALL.saturating_mul(u32::try_from(calls).unwrap_or(u32::MAX))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(at)
}

#[cfg(test)]
mod tests;
