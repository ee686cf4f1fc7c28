//! `adopt`: slots for members that were in service before, and a lost table rebuilt from tags.

use anyhow::{Context, bail};
use stateful_asg_core::adopt::{Adoption, Wishes, propose};
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::plan::Look;
use stateful_asg_core::spec::{Source, Spec, source_of};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_runtime::observe::look;
use stateful_asg_runtime::ports::{Called, Clock, Cloud, Table, Which};

use crate::Verdict;
use crate::account::{self, Account, spec_in_force, unwritten};
use crate::args::AdoptArgs;
use crate::change::{Ask, Change, Go};

/// How many further readings a proposal may ask for.
const READINGS: u32 = 4;

/// Proposes, shows, and writes what was agreed to.
///
/// # Errors
/// What keeps it from being read or written; what is ambiguous is a verdict.
pub(crate) fn run(args: &AdoptArgs) -> anyhow::Result<Verdict> {
    let wishes = Wishes {
        devices: args.volumes.iter().cloned().collect(),
        leave_out: args.leave_out.iter().cloned().collect(),
        forget: args.forget.iter().copied().map(SlotNumber).collect(),
    };
    account::with(&args.place, async |account| {
        let mut observed = account.read().await?;
        let hooks = Look { hooks: true, ..Look::default() };
        look(&account.world, &mut observed, &hooks).await.with_context(|| account.unread())?;
        let spec = spec(account, &observed)?;
        let found = proposal(account, &mut observed, &spec, &wishes).await?;
        let mut change = Change::default();
        tell(&found, &mut change);
        if let Go::End(verdict) = change.agree(&args.consent, Ask::Question("Write this into the table?"))? {
            return Ok(verdict);
        }
        Box::pin(carry_out(account, &observed, &found, &mut change)).await?;
        account.wake().await;
        change.end(Verdict::Fine)
    })
}

/// The spec on record, else the one that the launch hook carries.
fn spec(account: &Account<'_>, observed: &Observed) -> anyhow::Result<Spec> {
    let group = &account.place.group;
    let spec = match spec_in_force(observed) {
        Some(spec) => spec,
        None => {
            let launch = observed.hooks.iter().flatten().find(|hook| hook.transition == Transition::Launching);
            let Some(text) = launch.and_then(|hook| hook.metadata.as_deref()) else {
                bail!("group {group} has no spec: no launch hook of ours carries one. Nothing was changed");
            };
            match source_of(text) {
                Ok(Source::Table) => bail!(
                    "the launch hook of {group} says that its spec is in the table, and the table has none: `stateful-asg spec apply {group} FILE` first. Nothing was changed"
                ),
                Ok(Source::Inline(_)) => {
                    Spec::parse(text).with_context(|| format!("the spec of {group} is not valid"))?.spec
                }
                Err(problems) => {
                    return Err(problems).with_context(|| format!("the launch hook of {group} carries no valid spec"));
                }
            }
        }
    };
    spec.check_limits(group, &observed.limits).with_context(|| format!("the spec of {group} may not be served"))?;
    Ok(spec)
}

/// Proposes, and reads what the proposal asks to see.
async fn proposal(
    account: &Account<'_>,
    observed: &mut Observed,
    spec: &Spec,
    wishes: &Wishes,
) -> anyhow::Result<Adoption> {
    let mut found = propose(observed, spec, wishes, account.world.now());
    for _ in 0..READINGS {
        if found.needs.is_empty() {
            return Ok(found);
        }
        look(&account.world, observed, &found.needs.look).await.with_context(|| account.unread())?;
        if !found.needs.volumes.is_empty() {
            let ids = found.needs.volumes.iter().cloned().collect();
            let shown = account.world.volumes(&Which::Ids(ids)).await.with_context(|| account.unread())?;
            observed.volumes.extend(shown.into_iter().map(|volume| (volume.id.clone(), volume)));
        }
        found = propose(observed, spec, wishes, account.world.now());
    }
    bail!(
        "{}: volumes or subnets that were just shown are not shown any more; run it again when things are at rest",
        account.unread()
    )
}

fn tell(found: &Adoption, change: &mut Change) {
    for slot in &found.rebuilt {
        change.plan(format!("write slot {} anew: {}", slot.number, told(slot)));
    }
    for slot in &found.new {
        change.plan(format!("make slot {}: {}", slot.number, told(slot)));
    }
    if let Some(record) = &found.record {
        change.plan(format!("take the record {} as the group's own", record.key.name));
    }
    for step in &found.keep {
        change.plan(if let Step::KeepVolume { volume, instance, .. } = step {
            format!("have {volume} survive the termination of {instance}")
        } else {
            step.key()
        });
    }
    for (resource, tags) in &found.tags {
        let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        change.plan(format!("tag {resource} with {}", tags.join(", ")));
    }
    found.notices.iter().for_each(|notice| change.notice(notice.to_string()));
    found.refused.iter().for_each(|problem| change.problem(problem.to_string()));
}

fn told(slot: &Slot) -> String {
    if slot.state == SlotState::Retired {
        let saved: Vec<String> =
            slot.upkeep.retired.iter().map(|(name, saved)| format!("{name} in {}", saved.snapshot)).collect();
        return format!(
            "retired, {}",
            if saved.is_empty() { "without snapshots".to_owned() } else { saved.join(", ") }
        );
    }
    let holder = slot.holder.as_ref().map_or_else(|| "vacant".to_owned(), |h| format!("held by {}", h.instance));
    let volumes: Vec<String> = slot
        .volumes
        .iter()
        .filter_map(|(name, record)| record.id.as_ref().map(|id| format!("{name} is {id}")))
        .collect();
    let ip = slot.interface.as_ref().and_then(|interface| interface.ip);
    let ip = ip.map_or_else(String::new, |ip| format!(", address {ip}"));
    let left = slot.upkeep.superseded.len();
    let left = if left == 0 { String::new() } else { format!(", {left} superseded kept") };
    format!("{holder}, claim {}, {}, {}{ip}{left}", slot.claim, slot.zone, volumes.join(", "))
}

/// First what must survive, then the table, then the tags.
async fn carry_out(
    account: &Account<'_>,
    observed: &Observed,
    found: &Adoption,
    change: &mut Change,
) -> anyhow::Result<()> {
    for step in &found.keep {
        keep(account, step).await.context("nothing was written yet: run it again")?;
    }
    for write in found.writes(observed) {
        let what =
            write.slot.as_ref().map_or_else(|| "the group".to_owned(), |(_, slot)| format!("slot {}", slot.number));
        account.world.write(&write).await.map_err(|error| unwritten(error, &what))?;
        change.done(format!("{what} is in the table"));
    }
    for (resource, tags) in &found.tags {
        let later = format!("{resource} was not tagged: run it again, it completes what is missing");
        account.world.tag(resource, tags).await.context(later)?;
        change.done(format!("{resource} is tagged"));
    }
    Ok(())
}

async fn keep(account: &Account<'_>, step: &Step) -> Called<()> {
    if let Step::KeepVolume { volume, instance, device } = step {
        account.world.keep_volume(volume, instance, device).await
    } else if let Step::KeepInterface { interface, attachment } = step {
        account.world.keep_interface(interface, attachment).await
    } else {
        Ok(())
    }
}
