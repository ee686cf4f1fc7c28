//! Finds the groups that need attention although no event said so, and asks for each to be settled.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select, try_join};
use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::Asg;
use stateful_asg_core::ids::GroupName;

use super::known::membership;
use super::{Context, HandlerError, Outcome};
use crate::config::Config;
use crate::ports::{Called, SettleRequest, Summary, World};
use crate::settle::digest;

/// A sweep ends before the next begins.
pub(super) const LIMIT: Duration = Duration::from_secs(50);

/// In as many sweeps, a minute apart, each group's hooks and records have their turn.
const TURNS: usize = 8;

/// Why a group needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// The table does not know it.
    New,
    /// Its Auto Scaling groups show something else than the last settle saw.
    Changed,
    /// It was woken, and nobody has gone round since.
    Dirty,
    /// Whoever settled it did not give the lease back.
    LeaseExpired,
    /// The last settle left it for now.
    Due,
}

/// Asks for every group that needs it to be settled, and for a few in turn to be audited. Two reads and a request.
///
/// # Errors
/// Those that a retry may cure.
pub async fn sweep<W: World>(world: &W, context: &Context<'_>) -> Result<Outcome, HandlerError> {
    let work = pin!(look_and_ask(world, context.config));
    let limit = pin!(world.sleep(LIMIT));
    match select(work, limit).await {
        Either::Left((outcome, _)) => Ok(outcome?),
        Either::Right(((), _)) => Err(HandlerError::SweepTooLong),
    }
}

async fn look_and_ask<W: World>(world: &W, config: &Config) -> Called<Outcome> {
    let (summaries, asgs) = try_join(world.summaries(), world.asgs(&config.deployment, None)).await?;
    let groups = union(config, &summaries, &asgs);
    let requests = requests(config, &groups, world.now());
    if !requests.is_empty() {
        world.request_settles(&requests).await?;
    }
    Ok(Outcome::Swept { groups: groups.len(), asked: requests.len() })
}

/// A group as the table and Auto Scaling show it.
#[derive(Debug, Default)]
struct Seen<'a> {
    summary: Option<&'a Summary>,
    asgs: Vec<&'a Asg>,
}

/// The groups of the table and those of tagged Auto Scaling groups: either may be missing.
fn union<'a>(config: &Config, summaries: &'a [Summary], asgs: &'a [Asg]) -> BTreeMap<GroupName, Seen<'a>> {
    let mut groups: BTreeMap<GroupName, Seen<'a>> = BTreeMap::new();
    for summary in summaries.iter().filter(|summary| crate::config::serves(&config.limits, &summary.group)) {
        groups.entry(summary.group.clone()).or_default().summary = Some(summary);
    }
    for asg in asgs {
        match membership(asg, config) {
            Ok(group) => groups.entry(group).or_default().asgs.push(asg),
            Err(why) => tracing::warn!(asg = %asg.name, "the Auto Scaling group {why}: it is not served"),
        }
    }
    groups
}

fn requests(config: &Config, groups: &BTreeMap<GroupName, Seen<'_>>, now: Timestamp) -> Vec<SettleRequest> {
    let audits = audits_due(
        groups.iter().filter(|(_, seen)| !seen.asgs.is_empty()).map(|(group, seen)| (group, seen.summary)),
        now,
    );
    let mut requests = Vec::new();
    for (group, seen) in groups {
        let attention = needs_attention(seen.summary, &digest(&seen.asgs), now);
        let audit = audits.contains(group);
        if let Some(attention) = attention {
            tracing::info!(%group, ?attention, "the group needs attention");
        }
        if attention.is_some() || audit {
            requests.push(SettleRequest { group: group.clone(), deployment: config.deployment.clone(), audit });
        }
    }
    requests
}

/// Whether somebody should look at a group, and why. One that is being settled is left alone.
#[must_use]
pub fn needs_attention(summary: Option<&Summary>, digest: &str, now: Timestamp) -> Option<Attention> {
    let Some(summary) = summary else { return Some(Attention::New) };
    match summary.leased_until {
        Some(until) if now < until => return None,
        Some(_) => return Some(Attention::LeaseExpired),
        None => {}
    }
    if summary.dirty {
        Some(Attention::Dirty)
    } else if summary.digest.as_deref() != Some(digest) {
        Some(Attention::Changed)
    } else if summary.look_at.is_some_and(|at| at <= now) {
        Some(Attention::Due)
    } else {
        None
    }
}

/// The groups whose hooks and records were read longest ago: an eighth of all, so that each has its turn within ten minutes.
#[must_use]
pub fn audits_due<'a>(
    groups: impl Iterator<Item = (&'a GroupName, Option<&'a Summary>)>,
    now: Timestamp,
) -> BTreeSet<GroupName> {
    let groups: Vec<_> = groups.collect();
    // Few groups would have their turn too often: they rest for as long as they leave turns free.
    let rest = SignedDuration::from_mins(1 + TURNS.saturating_sub(groups.len()) as i64);
    let served = |summary: &Summary| summary.leased_until.is_some_and(|until| now < until);
    let audited = |summary: Option<&Summary>| summary.and_then(|summary| summary.audited_at);
    let mut due: Vec<(Option<Timestamp>, &GroupName)> = groups
        .iter()
        .filter(|(_, summary)| !summary.is_some_and(served))
        .map(|(group, summary)| (audited(*summary), *group))
        .filter(|(audited, _)| audited.is_none_or(|at| rest <= now.duration_since(at)))
        .collect();
    due.sort();
    due.into_iter().take(groups.len().div_ceil(TURNS)).map(|(_, group)| group.clone()).collect()
}

#[cfg(test)]
mod tests;
