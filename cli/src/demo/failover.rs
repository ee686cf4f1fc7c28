//! The story `failover`: nodes die, and their replacements get what the dead ones had.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;

use super::check::{self, Check, Evidence};
use super::evidence::{created, gone, stamps};
use super::picture::{Picture, Slots};
use super::stage::{Stage, Told};
use super::{group, waits};
use crate::output::count;

/// Tells it.
///
/// # Errors
/// What kept it from coming to its end.
pub(super) fn tell(stage: &mut Stage<'_>, before: Picture, kill: u32) -> anyhow::Result<Told> {
    let site = stage.site;
    let slots = u32::try_from(before.slots.len()).unwrap_or_default();
    let written = stamps(site, &before.slots);
    let killed = victims(&before.slots, kill)?;
    let names: Vec<String> = killed.iter().map(|(slot, instance)| format!("{instance} of slot {slot}")).collect();
    stage.phase(&format!("Sudden death, without the group being told: terminated by hand, {}.", names.join(" and ")));
    let turn = stage.turn();
    let victims: Vec<String> = killed.values().cloned().collect();
    let turned = site
        .simulator
        .with(|aws| aws.as_actor("operator").terminate_instances(&victims).map(|_| aws.as_actor("").now()))
        .context("the instances cannot be terminated")?;
    stage.phase(
        "Auto Scaling notices, and launches as many anew. Each takes the slot of a node that died, with all it has.",
    );
    let dead: BTreeSet<&String> = killed.values().collect();
    let after = stage.until("the replacements are in service", |picture| {
        picture.is_served(slots) && !picture.holders().any(|holder| dead.contains(holder))
    })?;
    let mut all = before.slots.clone();
    all.extend(after.slots.clone());
    let evidence = Evidence { created: created(site), gone: gone(site), before: written, after: stamps(site, &all) };
    let problems = check::problems(&before.slots, &after.slots, &killed, group::VOLUMES, &evidence);
    let parts = killed.iter().filter_map(|(number, dead)| {
        let (was, is) = (&before.slots.get(number)?.has, &after.slots.get(number)?.has);
        Some(site.simulator.with(|aws| waits::parts(aws, turned, *number, (dead, was), is)))
    });
    let nodes = count(killed.len(), "node");
    Ok(Told {
        began: stage.began,
        turned,
        calls_before: turn.calls_before,
        checks: vec![Check {
            what: "every slot has the zone, the volume with its data, the address and the name that it had".to_owned(),
            ok: problems.is_empty(),
            detail: format!("{}, {} died", count(before.slots.len(), "slot"), nodes),
        }],
        problems,
        parts: parts.flatten().collect(),
        parts_of: "What each replacement waited for, in simulated seconds after the death",
        moral: format!(
            "{nodes} died; each replacement has the volume with all that was written to it, the address and the name."
        ),
        otherwise: format!("{nodes} died, and not all is as before."),
        before: before.slots,
        after,
        killed,
    })
}

/// The first slots, whose holders die.
fn victims(slots: &Slots, kill: u32) -> anyhow::Result<BTreeMap<u32, String>> {
    let chosen = slots.iter().take(kill as usize);
    chosen
        .map(|(slot, now)| {
            let holder = now.has.instance.clone().with_context(|| format!("slot {slot} has no holder"))?;
            Ok((*slot, holder))
        })
        .collect()
}
