//! The story `move`: a node dies while its zone has no capacity, and its slot goes to another zone with all its data.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::SignedDuration;

use super::check::Check;
use super::evidence::{all_written, data_tag, deleted_on_proof, exists, others_untouched, saved};
use super::picture::{Belongings, Picture};
use super::stage::{Stage, Told};
use super::waits;
use crate::site::Site;

/// Tells it.
///
/// # Errors
/// What kept it from coming to its end.
pub(super) fn tell(stage: &mut Stage<'_>, before: Picture) -> anyhow::Result<Told> {
    let site = stage.site;
    let nodes = u32::try_from(before.slots.len()).unwrap_or_default();
    stage.phase("The databases write. Hours go by, and every hour a snapshot of each volume is taken.");
    let hour = (SignedDuration::from_hours(1), 4);
    stage.let_pass("a periodic snapshot of each volume is begun", hour, |picture| {
        volumes(picture).all(|volume| site.simulator.with(|aws| aws.snapshots().any(|s| s.volume_id == volume)))
    })?;
    let minutes = (SignedDuration::from_mins(20), 3);
    let before = stage.let_pass("a periodic snapshot of each volume is complete", minutes, |picture| {
        volumes(picture).all(|volume| !saved(site, volume).is_empty()) && picture.is_served(nodes)
    })?;

    let (number, was) =
        before.slots.iter().next().map(|(number, slot)| (*number, slot.has.clone())).context("no slot")?;
    let (dead, old) = (was.instance.clone().context("the slot has no holder")?, was.volume()?);
    stage
        .phase(&format!("{} runs out of capacity, and {dead} of slot {number} there is terminated by hand.", was.zone));
    let turn = stage.turn();
    site.simulator
        .with(|aws| {
            aws.set_capacity(&was.zone, false);
            aws.as_actor("operator").terminate_instances(std::slice::from_ref(&dead)).map(|_| aws.as_actor("").now())
        })
        .context("the instance cannot be terminated")?;
    stage
        .phase("Its replacement can only come up in another zone. The slot goes there: a last snapshot, a new volume.");
    let after = stage.until("the replacement is in service with the slot's data", |picture| {
        picture.is_served(nodes) && !picture.holders().any(|holder| *holder == dead)
    })?;
    let is = after.slots.get(&number).map(|slot| slot.has.clone()).context("the slot is not on record any more")?;
    let told_data = data_tag(site, is.instance.as_ref());

    stage.phase(&format!("The old volume is kept for an hour. Then {old} is deleted, on proof that its data is safe."));
    let grace = (SignedDuration::from_mins(21), 8);
    stage.may_pass(grace, |_| !exists(site, &old))?;
    let last = stage.let_pass("all is quiet", (SignedDuration::from_mins(2), 3), |picture| picture.is_served(nodes))?;

    let mut checks = moved(number, &was, &is, told_data);
    let new = is.volume()?;
    checks.push(all_written(site, number, &old, &new));
    checks.push(deleted_on_proof(site, number, &old, turn.at));
    checks.push(others_untouched(&before.slots, &last.slots, Some(number)));
    checks.push(still_served(site, number, &last, &is));
    let problems = Check::problems(&checks);
    Ok(Told {
        began: stage.began,
        turned: turn.at,
        calls_before: turn.calls_before,
        parts: site.simulator.with(|aws| waits::parts(aws, turn.at, number, (&dead, &was), &is)),
        parts_of: "What the move waited for, in simulated seconds after the death",
        moral: format!(
            "slot {number} went from {} to {} under its own name, with all that was ever written to it.",
            was.zone, is.zone
        ),
        otherwise: format!("not all of the move of slot {number} is as it must be."),
        killed: BTreeMap::from([(number, dead)]),
        before: before.slots,
        after: last,
        checks,
        problems,
    })
}

fn volumes(picture: &Picture) -> impl Iterator<Item = &str> {
    picture.slots.values().flat_map(|slot| slot.has.volumes.values()).map(String::as_str)
}

/// The same slot in another zone.
fn moved(number: u32, was: &Belongings, is: &Belongings, told_data: Option<String>) -> Vec<Check> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    vec![
        Check {
            what: format!("slot {number} serves in another zone, on another volume"),
            ok: is.zone != was.zone && is.volumes != was.volumes && is.instance.is_some(),
            detail: format!("{} on {} in {}", shown(&is.instance), is.volumes_shown(), is.zone),
        },
        Check {
            what: "it has the name that it had, and the name resolves to its new address".to_owned(),
            ok: is.name.is_some() && is.name == was.name && is.ip.is_some() && is.ip != was.ip,
            detail: format!("{} resolves to {}, before to {}", shown(&is.name), shown(&is.ip), shown(&was.ip)),
        },
        Check {
            what: "the guest is told that the data is what the last node left".to_owned(),
            ok: told_data.as_deref().is_some_and(|data| data.starts_with("kept")),
            detail: format!("stateful-asg:data = {}", shown(&told_data)),
        },
    ]
}

/// Deleting what was left behind did not touch what took its place.
fn still_served(site: &Site, number: u32, last: &Picture, is: &Belongings) -> Check {
    let now = last.slots.get(&number);
    let writes = is
        .volumes
        .values()
        .all(|volume| site.simulator.with(|aws| aws.writer(volume).map(str::to_owned)) == is.instance);
    Check {
        what: format!("slot {number} still serves after that, and its database writes on"),
        ok: writes && now.is_some_and(|now| now.has.is_same(is) && now.waits_for.is_none()),
        detail: now.map_or_else(|| "it is not on record any more".to_owned(), |now| now.state.clone()),
    }
}
