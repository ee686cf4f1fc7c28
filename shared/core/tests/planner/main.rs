//! The parts of the planner, one by one: what is left behind, hooks, addresses, changes, growth and edits of the spec.
//! Each table holds what a part rests on, at its boundaries.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod edits;
mod growth;
mod hooks;
mod interfaces;
mod leftovers;
mod making;
mod moves;
#[path = "../town/mod.rs"]
mod town;

use jiff::SignedDuration;
use stateful_asg_core::cloud::{Snapshot, SnapshotState};
use stateful_asg_core::ids::{SlotNumber, VolumeName};
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Slot, VolumeRecord};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Change, Purpose, operation_tag};
use stateful_asg_core::waiting::Reason;
use town::{SPEC, Town, volume_id};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The spec of the town, and this beside.
fn spec(extra: &str) -> String {
    SPEC.replace(r#""address""#, &format!(r#"{extra},"address""#))
}

fn edit(town: &mut Town, text: &str) {
    town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = text.to_owned();
}

fn words(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(Reason::kind).collect()
}

fn planned(town: &Town) -> Vec<&'static str> {
    town::kinds(&town.plan().steps)
}

fn data() -> VolumeName {
    VolumeName::new("data").unwrap()
}

fn slot(town: &Town, n: u32) -> &Slot {
    &town.obs.slots[&SlotNumber(n)]
}

fn slot_mut(town: &mut Town, n: u32) -> &mut Slot {
    town.obs.slots.get_mut(&SlotNumber(n)).unwrap()
}

fn record_mut(town: &mut Town, n: u32) -> &mut VolumeRecord {
    slot_mut(town, n).volumes.get_mut(&data()).unwrap()
}

fn change_of(town: &Town) -> &Change {
    slot(town, 0).upkeep.change.as_ref().unwrap()
}

fn change_mut(town: &mut Town) -> &mut Change {
    slot_mut(town, 0).upkeep.change.as_mut().unwrap()
}

/// This step has failed so, and is not tried again for so long.
fn fails(town: &mut Town, step: &Step, kind: FailureKind, rests: SignedDuration) {
    let failure = Failure { kind, message: "no".to_owned(), count: 1, retry_at: town.now + rests };
    town.obs.notes.failures.insert(step.key(), failure);
}

/// A completed snapshot of volume `of`, which slot 0 took for its operation `operation` under claim 3.
fn snapshot(town: &Town, of: u32, operation: u32) -> Snapshot {
    let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), operation_tag(Purpose::Periodic, SlotNumber(0), operation));
    tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
    town.snapshot(&volume_id(of), tags, SnapshotState::Completed)
}

/// Runs and lets everything arrive until nothing is done any more.
fn settle(town: &mut Town) -> Vec<Step> {
    let mut all = Vec::new();
    for _ in 0..20 {
        town.arrive();
        let steps = town.run();
        if steps.is_empty() {
            return all;
        }
        all.extend(steps);
    }
    panic!("it does not come to rest: {:?}", town::kinds(&all));
}
