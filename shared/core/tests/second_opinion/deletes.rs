//! What is deleted: volumes, snapshots and interfaces that nothing needs, and nothing else.

use super::*;

/// A volume that is on no record since the town began.
pub(crate) fn left_behind(proof: Proof) -> Superseded {
    let (since, deleting) = (at(-9000), Some(at(-200)));
    Superseded { claim: Claim(2), vacated: Some(since), proof, keep: false, deleting, ..town::left_behind(since) }
}

fn left(town: &mut Town) -> &mut Superseded {
    slot(town).upkeep.superseded.get_mut(&volume_id(40)).unwrap()
}

fn old(town: &mut Town) -> &mut Volume {
    town.obs.volumes.get_mut(&volume_id(40)).unwrap()
}

fn proof(town: &mut Town) -> &mut Snapshot {
    town.obs.snapshots.as_mut().unwrap().get_mut(&snapshot_id(1)).unwrap()
}

/// Volume 40 was slot 0's; deleting it was decided twenty minutes ago.
fn decided(proof: Proof) -> (Town, Step) {
    let mut town = Town::served(2);
    slot(&mut town).upkeep.superseded.insert(volume_id(40), left_behind(proof));
    let mut volume = town::pool_volume(40);
    set(&mut volume.tags, tags::SUPERSEDED, "vol-1");
    town.obs.volumes.insert(volume.id.clone(), volume);
    (town, Step::DeleteVolume { slot: ZERO, volume: volume_id(40) })
}

/// Its data is in a snapshot that was begun after its last holder had left.
fn saved() -> (Town, Step) {
    let (mut town, step) = decided(Proof::Snapshot(snapshot_id(1)));
    let marks = [(tags::SLOT.to_owned(), "0".to_owned()), (tags::CLAIM.to_owned(), "2".to_owned())];
    let mut taken = town.snapshot(&volume_id(40), Tags::from(marks), SnapshotState::Completed);
    taken.started = at(-9000);
    town.obs.snapshots = Some([(taken.id.clone(), taken)].into());
    (town, step)
}

/// It was made for a change that was given up.
fn never_used() -> (Town, Step) {
    let (mut town, step) = decided(Proof::NeverUsed);
    set(&mut old(&mut town).tags, tags::FOR_SLOT, "0");
    (town, step)
}

const UNDECIDED: &str = "not decided, or only just";
const PROVES: &str = "does not prove";

#[test]
fn a_volume_is_deleted_only_when_its_data_is_proven_to_be_elsewhere() {
    let spoils: [Spoil; 13] = [
        (13, "allows no deletes", |town, _| town.obs.limits.deletes = false),
        (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
        (6, "was not left behind", |town, _| slot(town).upkeep.superseded.clear()),
        (6, "is on record", |town, _| record(town).id = Some(volume_id(40))),
        (6, "is on record", |town, _| {
            let other = town.obs.slots.get_mut(&SlotNumber(1)).unwrap();
            other.volumes.get_mut(&data()).unwrap().id = Some(volume_id(40));
        }),
        (6, "is on record", |town, _| {
            let record = VolumeRecord { id: Some(volume_id(40)), ..record(town).clone() };
            let made = Made { from: data::saved(), record };
            slot(town).upkeep.change = Some(data::change(ChangeKind::Restore, Stage::Making, made));
        }),
        (6, UNDECIDED, |town, _| left(town).deleting = None),
        (6, UNDECIDED, |town, _| left(town).deleting = Some(at(-199))),
        (6, UNDECIDED, |town, _| left(town).keep = true),
        (6, "was not read", |town, _| drop(town.obs.volumes.remove(&volume_id(40)))),
        (6, "is not free", |town, _| old(town).state = VolumeState::InUse),
        (7, "and the group's tags", |town, _| set(&mut old(town).tags, tags::DEPLOYMENT, "other")),
        (7, "and the group's tags", |town, _| set(&mut old(town).tags, tags::GROUP, "other")),
    ];
    refused(saved, &spoils);
    refused(never_used, &spoils);
    refused(
        saved,
        &[
            (6, "nothing holds the data", |town, _| left(town).proof = Proof::None),
            (6, "is not free", |town, _| old(town).state = VolumeState::Error),
            (6, "is not free", |town, _| {
                let attachments = town.obs.volumes[&volume_id(0)].attachments.clone();
                old(town).attachments = attachments;
            }),
            (6, PROVES, |town, _| town.obs.snapshots = None),
            (6, PROVES, |town, _| left(town).proof = Proof::Snapshot(snapshot_id(9))),
            (6, PROVES, |town, _| proof(town).state = SnapshotState::Pending),
            (6, PROVES, |town, _| proof(town).volume = volume_id(0)),
            (6, PROVES, |town, _| set(&mut proof(town).tags, tags::SLOT, "1")),
            (6, PROVES, |town, _| set(&mut proof(town).tags, tags::CLAIM, "1")),
            (6, PROVES, |town, _| proof(town).started = at(-9301)),
        ],
    );
    allowed(
        saved,
        &[
            ("begun by a clock that is five minutes late", |town, _| proof(town).started = at(-9300)),
            ("it was never held", |town, _| {
                left(town).vacated = None;
                proof(town).started = at(-99_000);
            }),
        ],
    );
}

#[test]
fn a_volume_that_was_never_used_may_go_without_a_snapshot() {
    refused(
        never_used,
        &[
            (6, "has been in use", |town, _| drop(old(town).tags.remove(tags::FOR_SLOT))),
            (6, "has been in use", |town, _| set(&mut old(town).tags, tags::SLOT, "0")),
            (6, "is not free", |town, _| old(town).state = VolumeState::Creating),
        ],
    );
    allowed(never_used, &[("and one that failed", |town, _| old(town).state = VolumeState::Error)]);
}

/// Snapshot 1 of slot 0's volume, which a newer one follows.
fn superfluous() -> (Town, Step) {
    let mut town = Town::served(2);
    let marks = Tags::from([
        (tags::DEPLOYMENT.to_owned(), "test".to_owned()),
        (tags::GROUP.to_owned(), "cass".to_owned()),
        (tags::OPERATION.to_owned(), "periodic-0-1".to_owned()),
    ]);
    let mut older = town.snapshot(&volume_id(0), marks, SnapshotState::Completed);
    let newer = Snapshot { id: snapshot_id(2), started: at(500), ..older.clone() };
    older.started = at(400);
    town.obs.snapshots = Some([older, newer].map(|snapshot| (snapshot.id.clone(), snapshot)).into());
    (town, Step::DeleteSnapshot { snapshot: snapshot_id(1) })
}

fn newer(town: &mut Town) -> &mut Snapshot {
    town.obs.snapshots.as_mut().unwrap().get_mut(&snapshot_id(2)).unwrap()
}

#[test]
fn a_snapshot_is_deleted_only_when_no_record_names_it_and_a_newer_one_stands() {
    const NEWEST: &str = "is the newest of its volume";
    const NAMED: &str = "a slot's record names";
    refused(
        superfluous,
        &[
            (13, "allows no deletes", |town, _| town.obs.limits.deletes = false),
            (6, "were not read", |town, _| town.obs.snapshots = None),
            (6, "was not read", |_, step| *step = Step::DeleteSnapshot { snapshot: snapshot_id(9) }),
            (7, "and the group's tags", |town, _| set(&mut proof(town).tags, tags::DEPLOYMENT, "other")),
            (7, "and the group's tags", |town, _| set(&mut proof(town).tags, tags::GROUP, "other")),
            (7, "not taken by us", |town, _| drop(proof(town).tags.remove(tags::OPERATION))),
            (6, NAMED, |town, _| {
                let volumes = [(data(), snapshot_id(1))].into();
                slot(town).upkeep.order = Some(Order::Restore { volumes });
            }),
            (6, NAMED, |town, _| {
                let left = left_behind(Proof::Snapshot(snapshot_id(1)));
                slot(town).upkeep.superseded.insert(volume_id(40), left);
            }),
            (6, NAMED, |town, _| _ = slot(town).upkeep.retired.insert(data(), data::saved())),
            (6, NAMED, |town, _| {
                let made = Made { from: data::saved(), record: record(town).clone() };
                slot(town).upkeep.change = Some(data::change(ChangeKind::Restore, Stage::Making, made));
            }),
            (6, "is not completed", |town, _| proof(town).state = SnapshotState::Pending),
            (6, "is not completed", |town, _| proof(town).state = SnapshotState::Other),
            (6, NEWEST, |town, _| newer(town).volume = volume_id(1)),
            (6, NEWEST, |town, _| newer(town).state = SnapshotState::Pending),
            (6, NEWEST, |town, _| newer(town).started = at(399)),
            (6, NEWEST, |town, _| drop(town.obs.snapshots.as_mut().unwrap().remove(&snapshot_id(2)))),
        ],
    );
    allowed(
        superfluous,
        &[
            ("one that failed is nothing", |town, _| {
                proof(town).state = SnapshotState::Error;
                town.obs.snapshots.as_mut().unwrap().remove(&snapshot_id(2));
            }),
            ("of two of the same instant the one with the greater ID is kept", |town, _| {
                newer(town).started = at(400);
            }),
        ],
    );
}

#[test]
fn an_interface_is_deleted_only_when_it_was_left_behind_and_is_free() {
    fn shown(town: &mut Town) -> &mut Interface {
        town.obs.interfaces.get_mut(&interface_id(40)).unwrap()
    }
    let base = || {
        let mut town = Town::served(2);
        let left = LeftInterface { since: at(0), absent_since: None };
        slot(&mut town).upkeep.left_interfaces.insert(interface_id(40), left);
        let mut old = town.obs.interfaces[&interface_id(0)].clone();
        (old.id, old.available, old.attachment) = (interface_id(40), true, None);
        town.obs.interfaces.insert(old.id.clone(), old);
        (town, Step::DeleteInterface { slot: ZERO, interface: interface_id(40) })
    };
    refused(
        base,
        &[
            (13, "allows no deletes", |town, _| town.obs.limits.deletes = false),
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (6, "was not left behind", |town, _| slot(town).upkeep.left_interfaces.clear()),
            (6, "is on record", |town, _| interface(town).id = Some(interface_id(40))),
            (6, "was not read", |town, _| drop(town.obs.interfaces.remove(&interface_id(40)))),
            (7, "and the group's tags", |town, _| set(&mut shown(town).tags, tags::DEPLOYMENT, "other")),
            (7, "and the group's tags", |town, _| set(&mut shown(town).tags, tags::GROUP, "other")),
            (6, "is attached", |town, _| shown(town).available = false),
            (6, "is attached", |town, _| {
                let attachment = town.obs.interfaces[&interface_id(0)].attachment.clone();
                shown(town).attachment = attachment;
            }),
        ],
    );
}
