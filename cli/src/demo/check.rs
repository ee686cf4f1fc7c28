//! What must have stayed the same, and what must not.

use std::collections::BTreeMap;

use serde::Serialize;
use stateful_asg_sim::model::Stamp;

use super::picture::{Belongings, Slots};

/// Something that a story promises, and whether it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    /// The promise, as one sentence.
    pub(super) what: String,
    /// It held.
    pub(super) ok: bool,
    /// What was found.
    pub(super) detail: String,
}

impl Check {
    /// What did not hold, one sentence each.
    pub(super) fn problems(checks: &[Self]) -> Vec<String> {
        let broken = checks.iter().filter(|check| !check.ok);
        broken.map(|check| format!("it does not hold that {}: {}", check.what, check.detail)).collect()
    }
}

/// What really happened to the disks, from the simulated AWS itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// Volumes created in the whole story.
    pub(super) created: usize,
    /// Volumes deleted or lost.
    pub(super) gone: usize,
    /// What was written to each volume before the deaths.
    pub(super) before: BTreeMap<String, Vec<Stamp>>,
    /// What stands on it at the end.
    pub(super) after: BTreeMap<String, Vec<Stamp>>,
}

/// Everything that differs from what is promised, one sentence each.
pub(super) fn problems(
    before: &Slots,
    after: &Slots,
    killed: &BTreeMap<u32, String>,
    volumes_a_slot: usize,
    evidence: &Evidence,
) -> Vec<String> {
    let mut problems = Vec::new();
    if !before.keys().eq(after.keys()) {
        problems.push(format!("there were slots {:?}, and now there are {:?}", keys(before), keys(after)));
    }
    for (number, was) in before {
        let Some(is) = after.get(number) else { continue };
        problems.extend(kept(*number, &was.has, &is.has));
        if let Some(wait) = &is.waits_for {
            problems.push(format!("slot {number} does not serve: it waits for {wait}"));
        }
        match (killed.get(number), was.has.instance == is.has.instance) {
            (Some(dead), true) => problems.push(format!("slot {number} is still held by {dead}, which was killed")),
            (None, false) => problems.push(format!(
                "slot {number} was left alone, and yet its holder changed from {} to {}",
                shown(&was.has.instance),
                shown(&is.has.instance)
            )),
            (Some(_), false) | (None, true) => {}
        }
        problems.extend(written(*number, &is.has, evidence));
    }
    let expected = before.len() * volumes_a_slot;
    if evidence.created != expected {
        problems.push(format!(
            "{} volumes were created for {} slots of {volumes_a_slot}",
            evidence.created,
            before.len()
        ));
    }
    if evidence.gone > 0 {
        problems.push(format!("{} volumes were deleted", evidence.gone));
    }
    problems
}

/// A slot's zone, volumes, address and name.
fn kept(number: u32, was: &Belongings, is: &Belongings) -> Vec<String> {
    let pairs = [
        ("zone", was.zone.clone(), is.zone.clone()),
        ("volumes", format!("{:?}", was.volumes), format!("{:?}", is.volumes)),
        ("address", shown(&was.ip), shown(&is.ip)),
        ("name", shown(&was.name), shown(&is.name)),
    ];
    let changed = pairs.into_iter().filter(|(_, was, is)| was != is);
    changed.map(|(what, was, is)| format!("the {what} of slot {number} changed from {was} to {is}")).collect()
}

/// What the old holder wrote is still there, and the present one writes on.
fn written(number: u32, is: &Belongings, evidence: &Evidence) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, volume) in &is.volumes {
        let (was, now) = (evidence.before.get(volume), evidence.after.get(volume));
        let (was, now) = (was.map_or(&[][..], Vec::as_slice), now.map_or(&[][..], Vec::as_slice));
        if was.is_empty() || !now.starts_with(was) {
            problems.push(format!("what was written to volume `{name}` ({volume}) of slot {number} is not all there"));
        }
        if now.last().map(|stamp| &stamp.instance) != is.instance.as_ref() {
            problems.push(format!("the holder of slot {number} does not write to volume `{name}` ({volume})"));
        }
    }
    problems
}

fn keys(slots: &Slots) -> Vec<u32> {
    slots.keys().copied().collect()
}

fn shown(value: &Option<String>) -> String {
    value.clone().unwrap_or_else(|| "none".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::picture::SlotNow;
    use super::*;

    pub(in super::super) fn slot(number: u32, instance: &str) -> SlotNow {
        SlotNow {
            has: Belongings {
                instance: Some(instance.to_owned()),
                zone: "eu-central-1a".to_owned(),
                volumes: [("data".to_owned(), format!("vol-{number}"))].into(),
                gib: BTreeMap::new(),
                ip: Some(format!("10.0.0.{number}")),
                name: Some(format!("cass-{number}.prod.internal")),
            },
            state: "InService".to_owned(),
            waits_for: None,
        }
    }

    fn stamp(minute: i64, instance: &str) -> Stamp {
        Stamp { at: jiff::Timestamp::constant(minute * 60, 0), instance: instance.to_owned() }
    }

    /// Slots 0 and 1; the holder of 0 was killed, and its replacement has everything.
    fn good() -> (Slots, Slots, BTreeMap<u32, String>, Evidence) {
        let before: Slots = [(0, slot(0, "i-a")), (1, slot(1, "i-b"))].into();
        let after: Slots = [(0, slot(0, "i-c")), (1, slot(1, "i-b"))].into();
        let early = [("vol-0".to_owned(), vec![stamp(1, "i-a")]), ("vol-1".to_owned(), vec![stamp(1, "i-b")])];
        let late = [
            ("vol-0".to_owned(), vec![stamp(1, "i-a"), stamp(3, "i-c")]),
            ("vol-1".to_owned(), vec![stamp(1, "i-b"), stamp(2, "i-b")]),
        ];
        let evidence = Evidence { created: 2, gone: 0, before: early.into(), after: late.into() };
        (before, after, [(0, "i-a".to_owned())].into(), evidence)
    }

    #[test]
    fn a_good_story_has_no_problems() {
        let (before, after, killed, evidence) = good();
        assert_eq!(problems(&before, &after, &killed, 1, &evidence), [""; 0]);
    }

    #[test]
    fn each_difference_is_named() {
        type Spoil = fn(&mut Slots, &mut Evidence);
        let cases: [(Spoil, &str); 10] = [
            (
                |after, _| after.get_mut(&0).unwrap().has.ip = Some("10.0.0.9".to_owned()),
                "address of slot 0 changed from 10.0.0.0 to 10.0.0.9",
            ),
            (
                |after, _| after.get_mut(&1).unwrap().has.name = None,
                "name of slot 1 changed from cass-1.prod.internal to none",
            ),
            (|after, _| after.get_mut(&1).unwrap().has.zone = "b".to_owned(), "zone of slot 1 changed"),
            (
                |after, _| {
                    after.get_mut(&0).unwrap().has.instance = Some("i-a".to_owned());
                },
                "still held by i-a",
            ),
            (
                |after, _| {
                    after.get_mut(&1).unwrap().has.instance = Some("i-x".to_owned());
                },
                "changed from i-b to i-x",
            ),
            (
                |after, _| {
                    after.remove(&1);
                },
                "there were slots [0, 1], and now there are [0]",
            ),
            (|_, evidence| evidence.created = 3, "3 volumes were created for 2 slots"),
            (|_, evidence| evidence.gone = 1, "1 volumes were deleted"),
            (
                |_, evidence| {
                    evidence.after.get_mut("vol-0").unwrap().remove(0);
                },
                "not all there",
            ),
            (
                |_, evidence| {
                    evidence.after.get_mut("vol-0").unwrap().pop();
                },
                "does not write to volume `data` (vol-0)",
            ),
        ];
        for (spoil, expected) in cases {
            let (before, mut after, killed, mut evidence) = good();
            spoil(&mut after, &mut evidence);
            let found = problems(&before, &after, &killed, 1, &evidence);
            assert!(found.iter().any(|problem| problem.contains(expected)), "{expected}: {found:?}");
        }
    }
}
