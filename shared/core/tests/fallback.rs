//! Where a slot's last snapshots cannot be had: its volumes go back together, to one set of older ones, or not at all.
#![allow(clippy::unwrap_used, reason = "tests")]

mod town;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use town::{Town, at, volume_id};

const NAMES: [&str; 3] = ["data", "index", "log"];
/// Two hours of loss are allowed.
const BOUND: i64 = 7200;

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},"index":{"size":"20GiB","mount":"/index"},
 "log":{"size":"20GiB","mount":"/log"}},"snapshots":{"every":"1h"},"zones":{"move":{"stale_up_to":"2h"}}}"#;

fn name(n: usize) -> VolumeName {
    VolumeName::new(NAMES[n]).unwrap()
}

/// The volume of this name: `data` is the town's own.
fn id(n: usize) -> VolumeId {
    volume_id(if n == 0 { 0 } else { 30 + n as u32 })
}

/// Slot 0 has three volumes and is vacant, and an instance of another zone waits for it.
fn moving(spec: &str) -> Town {
    let mut town = Town::with_spec(2, spec);
    town.gone(0);
    town.free(0);
    let data = town.obs.slots[&SlotNumber(0)].volumes[&name(0)].clone();
    let shown = town.obs.volumes[&id(0)].clone();
    for n in 1..3 {
        let mut volume = shown.clone();
        volume.id = id(n);
        volume.tags.insert(tags::VOLUME.to_owned(), name(n).to_string());
        town.obs.volumes.insert(id(n), volume);
        let record = VolumeRecord { id: Some(id(n)), ..data.clone() };
        town.obs.slots.get_mut(&SlotNumber(0)).unwrap().volumes.insert(name(n), record);
    }
    town.obs.snapshots = Some(BTreeMap::new());
    town.launching(7, 'b');
    town
}

/// A periodic snapshot of one volume.
#[derive(Debug, Clone)]
struct Taken {
    of: usize,
    operation: u32,
    /// How long before the slot was vacated, in seconds.
    age: i64,
    completed: bool,
}

fn add(town: &mut Town, taken: &Taken) -> SnapshotId {
    let mut tags = town.obs.volumes[&id(taken.of)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), format!("periodic-0-{}", taken.operation));
    tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
    let state = if taken.completed { SnapshotState::Completed } else { SnapshotState::Error };
    let mut snapshot = town.snapshot(&id(taken.of), tags, state);
    snapshot.started = at(1000 - taken.age);
    let id = snapshot.id.clone();
    town.obs.snapshots.as_mut().unwrap().insert(id.clone(), snapshot);
    id
}

fn change(town: &Town) -> Change {
    town.obs.slots[&SlotNumber(0)].upkeep.change.clone().unwrap()
}

/// The zone has not answered for a quarter of an hour; what the successors are then made from, by volume.
fn cut_off(town: &mut Town) -> BTreeMap<VolumeName, SnapshotId> {
    town.forbid = vec!["CreateSnapshot"];
    town.run();
    town.now = at(1000 + 900);
    town.run();
    change(town).volumes.into_iter().map(|(name, made)| (name, made.from.snapshot)).collect()
}

fn too_old(town: &Town) -> usize {
    town.reasons().iter().filter(|reason| reason.kind() == "SnapshotTooOld").count()
}

#[test]
fn several_volumes_go_back_to_the_newest_set_that_all_of_them_have() {
    let mut town = moving(SPEC);
    let mut whole = BTreeMap::new();
    for of in 0..3 {
        add(&mut town, &Taken { of, operation: 1, age: 5000, completed: true });
        let id = add(&mut town, &Taken { of, operation: 2, age: 3000, completed: true });
        whole.insert(name(of), id);
        // The newest set is not whole: one of its snapshots failed.
        add(&mut town, &Taken { of, operation: 3, age: 600, completed: of != 1 });
    }
    assert_eq!(cut_off(&mut town), whole);
    assert!(change(&town).stale);
}

#[test]
fn where_no_set_is_whole_and_recent_enough_it_waits_and_says_so_of_each_volume() {
    let mut town = moving(SPEC);
    for of in 0..3 {
        add(&mut town, &Taken { of, operation: 1, age: BOUND + 60, completed: true });
        add(&mut town, &Taken { of, operation: 2 + of as u32, age: 300, completed: true });
    }
    assert_eq!(cut_off(&mut town), BTreeMap::new());
    assert_eq!((change(&town).stage, too_old(&town)), (Stage::Saving, 3));
}

/// A last snapshot of this volume was completed before the zone was gone.
fn saved(town: &mut Town, of: usize) -> SnapshotId {
    town.forbid = vec!["CreateSnapshot"];
    town.run();
    let mut tags = town.obs.volumes[&id(of)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), operation_tag(Purpose::Final, SlotNumber(0), change(town).operation));
    tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
    let snapshot = town.snapshot(&id(of), tags, SnapshotState::Completed);
    town.obs.snapshots.as_mut().unwrap().insert(snapshot.id.clone(), snapshot.clone());
    snapshot.id
}

#[test]
fn a_last_snapshot_of_one_volume_is_not_mixed_with_older_ones_of_the_others() {
    let mut town = moving(SPEC);
    let older: Vec<SnapshotId> =
        (0..3).map(|of| add(&mut town, &Taken { of, operation: 1, age: 3000, completed: true })).collect();
    saved(&mut town, 0);
    assert_eq!(cut_off(&mut town).into_values().collect::<Vec<_>>(), older);
}

#[test]
fn a_volume_that_the_spec_names_no_more_keeps_its_last_one_beside_the_set() {
    let mut town = moving(&SPEC.replace(",\n \"log\":{\"size\":\"20GiB\",\"mount\":\"/log\"}", ""));
    let older: Vec<SnapshotId> =
        (0..2).map(|of| add(&mut town, &Taken { of, operation: 1, age: 3000, completed: true })).collect();
    let last = saved(&mut town, 2);
    let expected = BTreeMap::from([(name(0), older[0].clone()), (name(1), older[1].clone()), (name(2), last)]);
    assert_eq!(cut_off(&mut town), expected);
}

fn any_snapshots() -> impl Strategy<Value = Vec<Taken>> {
    let one = (0..3_usize, 1..5_u32, 0..9000_i64, prop::bool::weighted(0.8));
    let one = one.prop_map(|(of, operation, age, completed)| Taken { of, operation, age, completed });
    prop::collection::vec(one, 0..24)
}

/// The age of an operation: of the oldest of the earliest completed snapshots, one a volume, if each volume has one.
fn age(all: &[Taken], operation: u32) -> Option<i64> {
    let earliest =
        |of| all.iter().filter(|t| t.of == of && t.operation == operation && t.completed).map(|taken| taken.age).max();
    let ages: Option<Vec<i64>> = (0..3).map(earliest).collect();
    ages?.into_iter().max()
}

proptest! {
    #[test]
    fn what_is_fallen_back_on_is_one_whole_set_within_the_bound_and_the_newest_such(all in any_snapshots()) {
        let mut town = moving(SPEC);
        all.iter().for_each(|taken| drop(add(&mut town, taken)));
        let shown = town.obs.snapshots.clone().unwrap();
        let made = cut_off(&mut town);
        let best = (1..5).filter_map(|operation| age(&all, operation)).min().filter(|age| *age <= BOUND);
        prop_assert_eq!(made.is_empty(), best.is_none(), "{:?}", made);
        let used: Vec<&Snapshot> = made.values().map(|id| &shown[id]).collect();
        let operations: BTreeSet<_> = used.iter().map(|snapshot| snapshot.operation().unwrap()).collect();
        prop_assert!(operations.len() <= 1, "{:?}", operations);
        prop_assert!(used.iter().all(|snapshot| snapshot.is_completed()));
        if let Some(best) = best {
            prop_assert_eq!(used.len(), 3);
            prop_assert_eq!(used.iter().map(|snapshot| snapshot.started).min(), Some(at(1000 - best)));
        }
    }
}
