//! The last snapshots of a change, and the volumes that are made from them.

use stateful_asg_core::observed::{Failure, FailureKind};

use super::*;

/// Slot 0 is being moved; the snapshot of its second operation is pending, beside `others`.
fn saving(others: Vec<Snapshot>) -> Town {
    let mut town = Town::with_spec(2, &moves());
    vacant(&mut town, 0, at(500));
    let moved = slot(&mut town, 0);
    moved.upkeep.operations = 2;
    moved.upkeep.change = Some(change(ChangeKind::Move { to: zone('b') }, Stage::Saving));
    let own = shot(1, 0, "final-0-2", at(950), SnapshotState::Pending);
    town.obs.snapshots = Some(others.into_iter().chain([own]).map(|one| (one.id.clone(), one)).collect());
    town
}

fn told(town: &Town) -> Vec<String> {
    let told = |reason: Reason| if let Reason::SnapshotFailed { message, .. } = reason { Some(message) } else { None };
    town.reasons().into_iter().filter_map(told).collect()
}

fn failed(n: u32, started: i64, message: &str) -> Snapshot {
    let failed = shot(n, 0, "final-0-1", at(started), SnapshotState::Error);
    Snapshot { message: Some(message.to_owned()), ..failed }
}

#[test]
fn why_the_last_snapshot_of_a_change_failed_is_told_until_the_next_is_complete() {
    assert_eq!(told(&saving(vec![failed(5, 700, "no key")])), ["no key"]);
    assert_eq!(told(&saving(vec![Snapshot { message: None, ..failed(5, 700, "") }])), ["EC2 does not say why"]);
    let both = vec![failed(5, 800, "the later"), failed(6, 700, "the earlier")];
    assert_eq!(told(&saving(both)), ["the later"]);
    assert_eq!(told(&saving(vec![])), Vec::<String>::new());
}

#[test]
fn a_failed_snapshot_of_anything_else_is_not_told_of_a_change() {
    type Change = fn(&mut Snapshot);
    let operation = |one: &mut Snapshot, tag: &str| drop(one.tags.insert(tags::OPERATION.to_owned(), tag.to_owned()));
    let others: [(&str, Change); 5] = [
        ("another volume's", |one| one.volume = volume_id(1)),
        ("another slot's", |one| drop(one.tags.insert(tags::SLOT.to_owned(), "1".to_owned()))),
        ("from before the change", |one| one.started = at(299)),
        ("completed", |one| one.state = SnapshotState::Completed),
        ("without an operation", |one| drop(one.tags.remove(tags::OPERATION))),
    ];
    for (case, spoil) in others {
        let mut one = failed(5, 300, "no key");
        assert_eq!(told(&saving(vec![one.clone()])), ["no key"], "clocks differ by five minutes at most");
        spoil(&mut one);
        assert_eq!(told(&saving(vec![one])), Vec::<String>::new(), "{case}");
    }
    for tag in ["periodic-0-1", "final-0-2"] {
        let mut one = failed(5, 700, "no key");
        operation(&mut one, tag);
        assert_eq!(told(&saving(vec![one])), Vec::<String>::new(), "{tag}");
    }
}

#[test]
fn a_successor_that_ec2_refused_is_asked_for_again_as_the_edited_spec_says() {
    let mut town = Town::with_spec(2, &SPEC.replace("20GiB", "30GiB"));
    vacant(&mut town, 0, at(500));
    let snapshot = shot(1, 0, "periodic-0-1", at(400), SnapshotState::Completed);
    let mut record = data(&mut town, 0).clone();
    (record.attempt, record.id, record.born) = (2, None, false);
    record.params.snapshot = Some(snapshot.id.clone());
    let mut restored = change(ChangeKind::Restore, Stage::Making);
    restored.volumes.insert(name("data"), Made { from: Saved::of(&snapshot), record });
    slot(&mut town, 0).upkeep.operations = 2;
    slot(&mut town, 0).upkeep.change = Some(restored);
    town.obs.snapshots = Some([(snapshot.id.clone(), snapshot)].into());
    let refused = Failure { kind: FailureKind::Key, message: String::new(), count: 1, retry_at: at(1030) };
    town.obs.notes.failures.insert("CreateVolume 0 data".to_owned(), refused);
    town.run_once();
    let made = &slot(&mut town, 0).upkeep.change.as_ref().unwrap().volumes[&name("data")].record;
    assert_eq!((made.attempt, made.params.size_gib, &made.params.snapshot), (3, 30, &Some(snapshot_id(1))));
}

#[test]
fn a_lost_volume_is_made_from_the_newest_complete_snapshot_of_it_that_is_its_slots() {
    let from = r#""snapshots":{"every":"1h"},"data_lost":{"snapshot_up_to":"1h"},"address""#;
    type Change = fn(&mut Snapshot);
    let cases: [(&str, Change, u32); 4] = [
        ("as it should be", |_| (), 2),
        ("another volume's", |one| one.volume = volume_id(1), 1),
        ("another slot's", |one| drop(one.tags.insert(tags::SLOT.to_owned(), "1".to_owned())), 1),
        ("not complete", |one| one.state = SnapshotState::Pending, 1),
    ];
    for (case, spoil, taken) in cases {
        let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, from));
        vacant(&mut town, 0, at(350));
        town.lose_volume(0);
        data(&mut town, 0).absent_since = Some(at(400));
        let older = shot(1, 0, "periodic-0-1", at(200), SnapshotState::Completed);
        let mut newer = shot(2, 0, "periodic-0-2", at(300), SnapshotState::Completed);
        spoil(&mut newer);
        town.obs.snapshots = Some([older, newer].map(|one| (one.id.clone(), one)).into());
        town.run_once();
        assert_eq!(data(&mut town, 0).params.snapshot, Some(snapshot_id(taken)), "{case}");
    }
}
