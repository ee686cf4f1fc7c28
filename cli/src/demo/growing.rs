//! The story `grow`: the spec asks for larger and faster volumes, and they grow under the running nodes.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::VolumeName;
use stateful_asg_core::tags;
use stateful_asg_sim::model::EffectKind;
use stateful_asg_sim::model::types::ModificationState;

use super::check::Check;
use super::evidence::{finished_change, others_untouched, stamps, tag_of, times};
use super::group::{self, GROWN_GIB, GROWN_IOPS};
use super::parts::{self, Part};
use super::picture::{Picture, Slots};
use super::stage::{Stage, Told};
use crate::output::count;
use crate::site::Site;

/// Tells it.
///
/// # Errors
/// What kept it from coming to its end.
pub(super) fn tell(stage: &mut Stage<'_>, before: Picture) -> anyhow::Result<Told> {
    let site = stage.site;
    let nodes = u32::try_from(before.slots.len()).unwrap_or_default();
    let written = stamps(site, &before.slots);
    stage.phase(&format!("The spec in the launch hook is edited: {GROWN_GIB} GiB and {GROWN_IOPS} IOPS."));
    let turn = stage.turn();
    site.simulator.with(|aws| group::edit(aws, &site.zone)).context("the hook cannot be changed")?;
    stage.phase(
        "The hook is read again within minutes. The volumes of one slot change first, then those of the others.",
    );
    let every_five_minutes = (SignedDuration::from_mins(5), 40);
    stage.let_pass("every volume has grown", every_five_minutes, |picture| {
        volumes(&picture.slots).all(|(_, volume)| finished_change(site, volume).is_some()) && picture.is_served(nodes)
    })?;
    stage.phase("Half an hour more: nothing is left to do.");
    let after =
        stage.let_pass("all is quiet", (SignedDuration::from_mins(30), 2), |picture| picture.is_served(nodes))?;

    let checks = vec![
        grown(site, &after.slots),
        each_once(site, &before.slots),
        one_first(site, &before.slots),
        told_guests(site, &after.slots),
        nothing_lost(&written, &stamps(site, &after.slots)),
        others_untouched(&before.slots, &after.slots, None),
    ];
    let problems = Check::problems(&checks);
    let parts = all_parts(site, turn.at, &before.slots);
    Ok(Told {
        began: stage.began,
        turned: turn.at,
        calls_before: turn.calls_before,
        parts,
        parts_of: "What each volume waited for, in simulated seconds after the edit (time leaps by five minutes)",
        moral: format!(
            "{} grew to {GROWN_GIB} GiB and {GROWN_IOPS} IOPS under {} that kept running.",
            count(volumes(&before.slots).count(), "volume"),
            count(before.slots.len(), "node")
        ),
        otherwise: "the volumes did not all grow as the spec asks, or not without harm.".to_owned(),
        killed: BTreeMap::new(),
        before: before.slots,
        after,
        checks,
        problems,
    })
}

fn volumes(slots: &Slots) -> impl Iterator<Item = (u32, &str)> {
    slots.iter().flat_map(|(number, slot)| slot.has.volumes.values().map(|volume| (*number, volume.as_str())))
}

fn grown(site: &Site, slots: &Slots) -> Check {
    let shown: Vec<(bool, String)> = volumes(slots)
        .map(|(_, id)| {
            let now = site.simulator.with(|aws| aws.volume(id).map(|volume| (volume.size_gib, volume.iops)));
            let (gib, iops) = now.unwrap_or_default();
            let ok = gib == GROWN_GIB && iops == Some(GROWN_IOPS);
            (ok, format!("{id}: {gib} GiB, {} IOPS", iops.unwrap_or_default()))
        })
        .collect();
    Check {
        what: "every volume is as large and as fast as the spec asks".to_owned(),
        ok: !shown.is_empty() && shown.iter().all(|(ok, _)| *ok),
        detail: shown.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("; "),
    }
}

/// EC2 counts every call as one of four a day, one that changes nothing too.
fn each_once(site: &Site, slots: &Slots) -> Check {
    let calls: Vec<usize> = volumes(slots).map(|(_, volume)| asked(site, volume).len()).collect();
    let counted = site.simulator.counts().get("ec2:ModifyVolume").copied().unwrap_or_default();
    Check {
        what: "ModifyVolume was called once for each volume, and never without a change".to_owned(),
        ok: calls.iter().all(|calls| *calls == 1) && counted == calls.len() as u64,
        detail: format!("{counted} calls for {}", count(calls.len(), "volume")),
    }
}

/// A change of the first slot is over before that of any other begins.
fn one_first(site: &Site, slots: &Slots) -> Check {
    let asked = in_turn(site, slots);
    let done = asked.first().and_then(|(_, _, id)| shown_as(site, id, ModificationState::Completed));
    let first = asked.first().map(|(_, number, _)| *number);
    let next = asked.iter().find(|(_, number, _)| Some(*number) != first).map(|(at, _, _)| *at);
    let detail = match (first, done, next) {
        (Some(first), Some(done), Some(next)) => {
            format!("slot {first}; the next began {} s after it was done", next.duration_since(done).as_secs())
        }
        (Some(first), Some(_), None) => format!("slot {first} is the only one"),
        (_, None, _) | (None, _, _) => "none was done".to_owned(),
    };
    Check {
        what: "one slot went first: no other volume changed before its change was complete".to_owned(),
        ok: done.is_some_and(|done| next.is_none_or(|next| next >= done)),
        detail,
    }
}

/// The guest grows the filesystem when its instance's tag says so.
fn told_guests(site: &Site, slots: &Slots) -> Check {
    let named = slots.values().flat_map(|slot| slot.has.volumes.keys().map(move |name| (slot, name)));
    let told: Vec<String> = named
        .map(|(slot, name)| {
            let key = VolumeName::new(name.as_str()).map(|name| tags::size_key(&name));
            let value = key.ok().and_then(|key| tag_of(site, slot.has.instance.as_ref(), &key));
            value.unwrap_or_else(|| "none".to_owned())
        })
        .collect();
    Check {
        what: "every guest is told the new size, to grow its filesystem".to_owned(),
        ok: !told.is_empty() && told.iter().all(|size| *size == GROWN_GIB.to_string()),
        detail: format!("stateful-asg:size:data = {}", told.join(", ")),
    }
}

fn nothing_lost<T: PartialEq>(before: &BTreeMap<String, Vec<T>>, after: &BTreeMap<String, Vec<T>>) -> Check {
    let kept = |(volume, was): (&String, &Vec<T>)| {
        !was.is_empty() && after.get(volume).is_some_and(|is| is.starts_with(was) && is.len() > was.len())
    };
    let (was, is): (usize, usize) = (before.values().map(Vec::len).sum(), after.values().map(Vec::len).sum());
    Check {
        what: "everything that was written is there, and the databases wrote on meanwhile".to_owned(),
        ok: !before.is_empty() && before.iter().all(kept),
        detail: format!("{was} writes before, {is} after"),
    }
}

/// When which volume's change was asked for, the earliest first.
fn in_turn<'s>(site: &Site, slots: &'s Slots) -> Vec<(Timestamp, u32, &'s str)> {
    let first = |(number, id)| Some((*asked(site, id).first()?, number, id));
    let mut asked: Vec<_> = volumes(slots).filter_map(first).collect();
    asked.sort();
    asked
}

/// When changes of the volume were asked for.
fn asked(site: &Site, volume: &str) -> Vec<Timestamp> {
    times(site, |what| matches!(what, EffectKind::VolumeModifying { volume: which, .. } if which == volume))
}

fn shown_as(site: &Site, volume: &str, wanted: ModificationState) -> Option<Timestamp> {
    let is = |what: &EffectKind| matches!(what, EffectKind::VolumeModification { volume: which, state } if which == volume && *state == wanted);
    times(site, is).first().copied()
}

/// The slot that goes first waits for nobody; the others wait for it.
fn all_parts(site: &Site, turned: Timestamp, slots: &Slots) -> Vec<Part> {
    let in_turn = in_turn(site, slots);
    let first =
        in_turn.first().map(|(at, number, id)| (*at, *number, shown_as(site, id, ModificationState::Completed)));
    let parts = in_turn.iter().flat_map(|(at, number, id)| {
        let before = match first {
            Some((_, leader, _)) if leader == *number => {
                vec![("stateful-asg", "reads the edit in its next look at the hook", Some(turned), Some(*at))]
            }
            Some((began, _, done)) => vec![
                ("EC2", "changes the volume of the slot that goes first", Some(began), done),
                ("stateful-asg", "sees that, and goes on", done, Some(*at)),
            ],
            None => Vec::new(),
        };
        let usable = shown_as(site, id, ModificationState::Optimizing);
        let done = shown_as(site, id, ModificationState::Completed);
        let after = [
            ("EC2", "makes the new size usable", Some(*at), usable),
            ("EC2", "optimizes the volume (in use meanwhile)", usable, done),
        ];
        parts::of(*number, turned, before.into_iter().chain(after))
    });
    parts.collect()
}
