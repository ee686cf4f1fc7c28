//! Snapshots that are taken, successors that are made, volumes that grow.

use super::*;

/// What successors are made from.
pub(crate) fn saved() -> Saved {
    Saved { snapshot: snapshot_id(1), as_of: at(400), size_gib: 20, encrypted: true }
}

/// A change of slot 0's only volume.
pub(crate) fn change(kind: ChangeKind, stage: Stage, made: Made) -> Change {
    Change {
        operation: 4,
        kind,
        stage,
        since: at(500),
        begun: at(400),
        ordered: false,
        unreachable: None,
        stale: false,
        used: false,
        volumes: [(data(), made)].into(),
    }
}

/// Slot 0 is vacant and free, and is being changed.
fn vacant(stage: Stage) -> Town {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    slot(&mut town).holder = None;
    let made =
        Made { from: saved(), record: VolumeRecord { attempt: 2, id: None, born: false, ..record(&mut town).clone() } };
    slot(&mut town).upkeep.change = Some(change(ChangeKind::Restore, stage, made));
    town
}

fn pending(town: &mut Town) -> &mut Change {
    slot(town).upkeep.change.as_mut().unwrap()
}

fn given(step: &mut Step) -> &mut Tags {
    let (Step::CreateVolume { tags, .. } | Step::CreateSnapshot { tags, .. } | Step::CreateSnapshots { tags, .. }) =
        step
    else {
        panic!("a step without tags")
    };
    tags
}

/// The successor's tags.
fn marks_of_successor() -> Tags {
    [(tags::FOR_SLOT, "0"), (tags::VOLUME, "data"), (tags::ATTEMPT, "2")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// A volume that is this very attempt.
fn same_attempt(town: &mut Town) -> &mut Volume {
    let mut made = town::pool_volume(60);
    made.tags.extend(marks_of_successor());
    town.obs.volumes.entry(made.id.clone()).or_insert(made)
}

fn make_successor() -> (Town, Step) {
    let mut town = vacant(Stage::Making);
    let params = record(&mut town).params.clone();
    let (name, token, tags) = (data(), "token".to_owned(), marks_of_successor());
    (town, Step::CreateVolume { slot: ZERO, name, params, zone: town::zone('b'), token, tags })
}

#[test]
fn a_successor_is_made_once_for_a_vacant_slot_and_a_change_on_record() {
    refused(
        make_successor,
        &[
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (1, "not being changed", |town, _| slot(town).upkeep.change = None),
            (1, "no successor of `data`", |town, _| pending(town).volumes.clear()),
            (1, "has a successor", |town, _| pending(town).stage = Stage::Saving),
            (1, "has a successor", |town, _| pending(town).stage = Stage::Switching),
            (1, "has a successor", |town, _| {
                pending(town).volumes.get_mut(&data()).unwrap().record.id = Some(volume_id(60));
            }),
            (1, "is held", |town, _| {
                slot(town).holder = Some(Holder { instance: instance_id(1), since: at(0), absent_since: None });
            }),
            (1, "this attempt at `data` exists", |town, _| _ = same_attempt(town)),
        ],
    );
    allowed(
        make_successor,
        &[
            ("another attempt", |town, _| set(&mut same_attempt(town).tags, tags::ATTEMPT, "1")),
            ("another volume", |town, _| set(&mut same_attempt(town).tags, tags::VOLUME, "log")),
            ("another slot", |town, _| set(&mut same_attempt(town).tags, tags::FOR_SLOT, "5")),
        ],
    );
}

fn snapshot(town: Town, operation: &str) -> (Town, Step) {
    let tags = Tags::from([(tags::OPERATION.to_owned(), operation.to_owned())]);
    (town, Step::CreateSnapshot { slot: ZERO, volume: volume_id(0), tags })
}

/// A snapshot of slot 0's volume with this operation.
fn taken(town: &mut Town, operation: &str) -> SnapshotId {
    let tags = Tags::from([(tags::OPERATION.to_owned(), operation.to_owned())]);
    let taken = town.snapshot(&volume_id(0), tags, SnapshotState::Pending);
    let id = taken.id.clone();
    town.obs.snapshots.get_or_insert_default().insert(id.clone(), taken);
    id
}

fn periodic() -> (Town, Step) {
    let mut town = Town::served(2);
    slot(&mut town).upkeep.periodic = Some(Periodic { operation: 3, at: at(900) });
    snapshot(town, "periodic-0-3")
}

#[test]
fn a_periodic_snapshot_is_taken_once_of_the_slots_own_volume() {
    refused(
        periodic,
        &[
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (2, "as born", |town, _| record(town).born = false),
            (2, "as born", |town, _| record(town).id = Some(volume_id(9))),
            (8, "no operation", |_, step| given(step).clear()),
            (8, "was not recorded first", |_, step| set(given(step), tags::OPERATION, "periodic-0-2")),
            (8, "was not recorded first", |town, _| slot(town).upkeep.periodic = None),
            (8, "exists", |town, _| _ = taken(town, "periodic-0-3")),
        ],
    );
    allowed(
        periodic,
        &[
            ("an earlier one stands", |town, _| _ = taken(town, "periodic-0-2")),
            ("the set's of another volume stands", |town, _| {
                let id = taken(town, "periodic-0-3");
                town.obs.snapshots.as_mut().unwrap().get_mut(&id).unwrap().volume = volume_id(1);
            }),
        ],
    );
}

#[test]
fn a_last_snapshot_is_taken_of_a_free_volume_of_a_vacant_slot() {
    const LAST: &str = "its last write is to come";
    let base = || snapshot(vacant(Stage::Saving), "final-0-4");
    refused(
        base,
        &[
            (6, LAST, |town, _| {
                slot(town).holder = Some(Holder { instance: instance_id(1), since: at(0), absent_since: None });
            }),
            (6, LAST, |town, _| town.attach(0, 1)),
            (6, LAST, |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
            (8, "was not recorded first", |town, _| pending(town).stage = Stage::Making),
            (8, "was not recorded first", |town, _| pending(town).operation = 5),
            (8, "exists", |town, _| _ = taken(town, "final-0-4")),
            (8, "exists", |town, _| {
                let id = taken(town, "final-0-4");
                town.obs.snapshots.as_mut().unwrap().get_mut(&id).unwrap().started = at(200);
            }),
        ],
    );
    allowed(
        base,
        &[("one of the same number, from before the table was lost", |town, _| {
            let id = taken(town, "final-0-4");
            town.obs.snapshots.as_mut().unwrap().get_mut(&id).unwrap().started = at(199);
        })],
    );
}

#[test]
fn a_set_of_snapshots_is_taken_of_the_slots_own_holder() {
    let base = || {
        let (town, step) = periodic();
        let Step::CreateSnapshot { tags, .. } = step else { unreachable!() };
        let without = std::collections::BTreeSet::new();
        (town, Step::CreateSnapshots { slot: ZERO, instance: instance_id(0), without, tags })
    };
    refused(
        base,
        &[
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (3, "does not hold", |town, _| slot(town).holder = None),
            (3, "does not hold", |town, _| slot(town).holder.as_mut().unwrap().instance = instance_id(7)),
            (8, "no operation", |_, step| given(step).clear()),
            (8, "was not recorded first", |town, _| slot(town).upkeep.periodic = None),
        ],
    );
}

#[test]
fn a_volume_is_changed_only_as_it_was_noted_and_never_made_smaller() {
    fn target(town: &mut Town, step: &mut Step, size_gib: Option<u32>) {
        let wanted = Target { size_gib, iops: Some(4000), ..Target::default() };
        record(town).growth.target = Some(wanted);
        let Step::ModifyVolume { target, .. } = step else { panic!("{step:?}") };
        *target = wanted;
    }
    let base = || {
        let mut town = Town::served(2);
        let mut step = Step::ModifyVolume { slot: ZERO, volume: volume_id(0), target: Target::default() };
        target(&mut town, &mut step, Some(21));
        (town, step)
    };
    refused(
        base,
        &[
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (2, "as born", |town, _| record(town).born = false),
            (8, "was not recorded first", |town, _| record(town).growth.target = None),
            (8, "was not recorded first", |town, _| {
                record(town).growth.target = Some(Target { size_gib: Some(22), ..Target::default() });
            }),
            (1, "would become smaller", |town, step| target(town, step, Some(19))),
            (1, "would become smaller", |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
        ],
    );
    allowed(
        base,
        &[
            ("the size is left out", |town, step| target(town, step, None)),
            ("the size stays", |town, step| target(town, step, Some(20))),
        ],
    );
}
