//! The story `scale-in`: a slot is given up, retired to its snapshots, and needed again.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use stateful_asg_sim::model::EffectKind;

use super::check::Check;
use super::evidence::{all_written, data_tag, deleted, deleted_on_proof, exists, others_untouched, saved, times};
use super::group;
use super::parts::{self, Part};
use super::picture::{Belongings, Picture, SlotNow};
use super::stage::{Stage, Told};
use crate::site::Site;

/// What became of the slot.
struct Course {
    number: u32,
    was: Belongings,
    /// As it was retired.
    retired: SlotNow,
    is: Belongings,
    turned: Timestamp,
    again: Timestamp,
}

/// Tells it.
///
/// # Errors
/// What kept it from coming to its end.
pub(super) fn tell(stage: &mut Stage<'_>, before: Picture) -> anyhow::Result<Told> {
    let site = stage.site;
    let nodes = u32::try_from(before.slots.len()).unwrap_or_default();
    stage.phase("The databases write for an hour.");
    let before =
        stage.let_pass("all nodes serve", (SignedDuration::from_hours(1), 1), |picture| picture.is_served(nodes))?;
    stage.phase(&format!("The group's desired capacity goes from {nodes} to {}.", nodes - 1));
    let turn = stage.turn();
    let turned = scale(site, nodes - 1)?;
    let parked = stage.until("one slot is parked, the others serve", |picture| {
        picture.is_served(nodes - 1) && resting(picture, "parked").is_some()
    })?;
    let number = resting(&parked, "parked").map(|(number, _)| number).context("no slot is parked")?;
    let was = before.slots.get(&number).map(|slot| slot.has.clone()).context("the parked slot is new")?;
    let old = was.volume()?;

    stage.phase(&format!(
        "Slot {number} is parked with all it has. After an hour it is retired: snapshots are taken, and stand for it."
    ));
    stage.let_pass("an hour passes", (SignedDuration::from_hours(1), 1), |_| true)?;
    let picture = stage.let_pass("the slot is retired", (SignedDuration::from_mins(2), 30), |picture| {
        resting(picture, "retired").is_some()
    })?;
    let retired = picture.slots.get(&number).cloned().context("the slot is not on record any more")?;
    stage.phase(&format!("When its grace, here an hour, is over, {old} is deleted."));
    let grace = (SignedDuration::from_mins(21), 8);
    stage.may_pass(grace, |_| !exists(site, &old))?;

    stage.phase(&format!("The desired capacity goes back to {nodes}: slot {number} is made anew from its snapshots."));
    let again = scale(site, nodes)?;
    let after = stage.until("the slot is restored and in service", |picture| picture.is_served(nodes))?;
    let is = after.slots.get(&number).map(|slot| slot.has.clone()).context("the slot did not come back")?;

    let course = Course { number, was, retired, is, turned, again };
    let checks = checks(site, &course, &before, &after)?;
    let problems = Check::problems(&checks);
    Ok(Told {
        began: stage.began,
        turned,
        calls_before: turn.calls_before,
        parts: parts_of(site, &course)?,
        parts_of: "What the slot went through, in simulated seconds after the scale-in (hours leap by)",
        moral: format!(
            "slot {number} was nothing but snapshots for a while, and came back with all its data and its name."
        ),
        otherwise: format!("not all of what slot {number} went through is as it must be."),
        killed: BTreeMap::new(),
        before: before.slots,
        after,
        checks,
        problems,
    })
}

fn scale(site: &Site, desired: u32) -> anyhow::Result<Timestamp> {
    site.simulator
        .with(|aws| aws.as_actor("operator").set_desired_capacity(group::ASG, desired).map(|()| aws.as_actor("").now()))
        .context("the desired capacity cannot be set")
}

fn resting<'p>(picture: &'p Picture, state: &str) -> Option<(u32, &'p SlotNow)> {
    let mut slots = picture.slots.iter();
    slots.find(|(_, slot)| slot.state == state && slot.has.instance.is_none()).map(|(number, slot)| (*number, slot))
}

fn checks(site: &Site, course: &Course, before: &Picture, after: &Picture) -> anyhow::Result<Vec<Check>> {
    let Course { number, was, retired, is, turned, .. } = course;
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let told = data_tag(site, is.instance.as_ref());
    let (old, new) = (was.volume()?, is.volume()?);
    Ok(vec![
        Check {
            what: format!("slot {number} had nothing but snapshots while it was retired"),
            ok: retired.has.volumes.is_empty() && retired.has.name.is_none() && retired.has.ip.is_none(),
            detail: format!("then volumes {}, name {}", retired.has.volumes_shown(), shown(&retired.has.name)),
        },
        deleted_on_proof(site, *number, &old, *turned),
        Check {
            what: format!("slot {number} serves again under the name that it had"),
            ok: is.name.is_some() && is.name == was.name && is.ip.is_some() && is.instance.is_some(),
            detail: format!("{} resolves to {}", shown(&is.name), shown(&is.ip)),
        },
        all_written(site, *number, &old, &new),
        Check {
            what: "the guest is told that its data comes from a snapshot, and of when".to_owned(),
            ok: told.as_deref().is_some_and(|data| data.starts_with("snapshot")),
            detail: format!("stateful-asg:data = {}", shown(&told)),
        },
        others_untouched(&before.slots, &after.slots, Some(*number)),
    ])
}

fn parts_of(site: &Site, course: &Course) -> anyhow::Result<Vec<Part>> {
    let (old, new) = (course.was.volume()?, course.is.volume()?);
    let after = |at: Timestamp, times: Vec<Timestamp>| times.into_iter().find(|time| *time >= at);
    let freed = after(course.turned, times(site, |what| is_of(what, &old, Moment::Freed)));
    let asked = after(course.turned, times(site, |what| is_of(what, &old, Moment::Saving)));
    let complete = asked.and_then(|asked| after(asked, saved(site, &old)));
    let making = after(course.again, times(site, |what| is_of(what, &new, Moment::Making)));
    let made = after(course.again, times(site, |what| is_of(what, &new, Moment::Made)));
    let attached = after(course.again, times(site, |what| is_of(what, &new, Moment::Attached)));
    let stretches = [
        ("the guest", "unmounts, and EC2 lets the volume go", Some(course.turned), freed),
        ("nobody", "the slot is parked: it may be needed again", freed, asked),
        ("EC2", "completes the last snapshot", asked, complete),
        ("nobody", "the volume is kept for the grace that the spec sets", complete, deleted(site, &old)),
        ("Auto Scaling, EC2", "launch a node and boot it", Some(course.again), making),
        ("EC2", "makes the volume from the snapshot", making, made),
        ("EC2", "attaches it", made, attached),
    ];
    Ok(parts::of(course.number, course.turned, stretches))
}

#[derive(Clone, Copy)]
enum Moment {
    Freed,
    Saving,
    Making,
    Made,
    Attached,
}

#[allow(clippy::wildcard_enum_match_arm, reason = "the other effects are no such moments")]
fn is_of(what: &EffectKind, id: &str, moment: Moment) -> bool {
    match (moment, what) {
        (Moment::Freed, EffectKind::VolumeAvailable { volume, .. })
        | (Moment::Saving, EffectKind::SnapshotCreated { volume, .. })
        | (Moment::Making, EffectKind::VolumeCreated { volume, .. })
        | (Moment::Made, EffectKind::VolumeReady { volume, failed: false })
        | (Moment::Attached, EffectKind::VolumeAttached { volume, .. }) => volume == id,
        _ => false,
    }
}
