//! Finer points of the plan: which of two things happens, and from which second on.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod claims;
mod holders;
mod names;
mod saving;
mod series;
#[path = "../town/mod.rs"]
mod town;
mod volumes;
mod waits;
#[allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#[path = "../periodic/ward.rs"]
mod ward;

use jiff::Timestamp;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use stateful_asg_core::waiting::{Reason, Subject};
use town::*;
use ward::{name, snapshot_id};

/// The address goes with the instance; the slot's name leads to it.
const OWN_ADDRESS: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},
 "dns":{"zone":"Z0000000000000000001","slot":"db-{slot}.test","group":"db.test","ttl":30}}"#;

fn slot(town: &mut Town, n: u32) -> &mut Slot {
    town.obs.slots.get_mut(&SlotNumber(n)).unwrap()
}

fn volume(town: &mut Town, n: u32) -> &mut Volume {
    town.obs.volumes.get_mut(&volume_id(n)).unwrap()
}

/// What slot `n` has on record of its volume `data`.
fn data(town: &mut Town, n: u32) -> &mut VolumeRecord {
    slot(town, n).volumes.get_mut(&name("data")).unwrap()
}

fn words(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(Reason::kind).collect()
}

/// What this one waits for.
fn waits_of(town: &Town, subject: &Subject) -> Vec<Reason> {
    let waiting = town.plan().waiting.into_iter().filter(|waiting| waiting.subject == *subject);
    waiting.map(|waiting| waiting.reason).collect()
}

fn holder_of(town: &Town, n: u32) -> Option<InstanceId> {
    town.obs.slots.get(&SlotNumber(n))?.holder.as_ref().map(|holder| holder.instance.clone())
}

fn guest_says(town: &mut Town, n: u32, tag: &str) {
    town.obs.instances.get_mut(&instance_id(n)).unwrap().tags.insert(tag.to_owned(), "3".to_owned());
}

/// Slot `n` has been vacant since this time, and everything of it is free.
fn vacant(town: &mut Town, n: u32, since: Timestamp) {
    town.gone(n);
    town.free(n);
    let slot = slot(town, n);
    (slot.holder, slot.vacated) = (None, Some(since));
}

fn moves() -> String {
    SPEC.replace(r#""address""#, r#""zones":{"move":"final"},"address""#)
}

/// The second operation of a change that was begun at 600 s, as a person asked; this one since 900 s.
fn change(kind: ChangeKind, stage: Stage) -> Change {
    Change {
        operation: 2,
        kind,
        stage,
        since: at(900),
        begun: at(600),
        ordered: true,
        unreachable: None,
        stale: false,
        used: false,
        volumes: Default::default(),
    }
}

/// A snapshot of slot 0.
fn shot(n: u32, volume: u32, operation: &str, started: Timestamp, state: SnapshotState) -> Snapshot {
    let volume_name = if volume < 100 { "data" } else { "log" };
    let tags = [
        (tags::GROUP, "cass"),
        (tags::DEPLOYMENT, "test"),
        (tags::SLOT, "0"),
        (tags::VOLUME, volume_name),
        (tags::OPERATION, operation),
    ];
    let tags: Tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    Snapshot {
        id: snapshot_id(n),
        volume: volume_id(volume),
        state,
        started,
        size_gib: 20,
        encrypted: true,
        tags: tags.into(),
        message: None,
    }
}

fn answers(steps: &[Step]) -> Vec<HookResult> {
    let answer = |step: &Step| if let Step::Complete { result, .. } = step { Some(*result) } else { None };
    steps.iter().filter_map(answer).collect()
}
