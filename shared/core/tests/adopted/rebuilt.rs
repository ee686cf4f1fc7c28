//! Slots that the tags show and the table lacks.

use super::*;

#[test]
fn a_volume_that_is_being_deleted_is_no_rival_of_the_one_that_is_there() {
    for state in [VolumeState::Deleting, VolumeState::Deleted] {
        let mut town = lost();
        let mut old = volume(&mut town, 0).clone();
        old.id = volume_id(77);
        old.state = state;
        old.attachments.clear();
        town.obs.volumes.insert(old.id.clone(), old);
        let found = adopt(&mut town, PLAIN);
        let rebuilt = only(&found);
        assert_eq!(rebuilt.volumes[&name("data")].id, Some(volume_id(0)), "{state:?}");
        assert!(rebuilt.upkeep.superseded.is_empty(), "{state:?}: nothing is left behind");
    }
}

#[test]
fn the_numbers_of_attempts_are_read_from_the_tags() {
    for (shown, expected) in [(Some("1"), 1), (Some("5"), 5), (None, 1), (Some("many"), 1)] {
        let mut town = lost();
        for tags in [
            &mut town.obs.volumes.get_mut(&volume_id(0)).unwrap().tags,
            &mut town.obs.interfaces.get_mut(&interface_id(0)).unwrap().tags,
        ] {
            tags.remove(tags::ATTEMPT);
            tags.extend(shown.map(|shown| (tags::ATTEMPT.to_owned(), shown.to_owned())));
        }
        let found = adopt(&mut town, PLAIN);
        let rebuilt = only(&found);
        assert_eq!(rebuilt.volumes[&name("data")].attempt, expected, "{shown:?}");
        assert_eq!(rebuilt.interface.as_ref().unwrap().attempt, expected, "{shown:?}");
    }
}

/// Slot 0 left volume 77 behind, its eighth.
fn leave_old_volume(town: &mut Town) {
    let mut old = volume(town, 0).clone();
    old.id = volume_id(77);
    old.state = VolumeState::Available;
    old.attachments.clear();
    old.tags.extend(marks(&[(tags::SUPERSEDED, "by hand"), (tags::ATTEMPT, "8")]));
    town.obs.volumes.insert(old.id.clone(), old);
}

#[test]
fn a_rebuilt_slot_is_written_with_a_binding_for_everything_that_is_its_own() {
    let mut town = lost();
    leave_old_volume(&mut town);
    let writes = adopt(&mut town, PLAIN).writes(&town.obs);
    let bound: Vec<_> = writes.into_iter().filter(|write| write.slot.is_some()).map(|write| write.bind).collect();
    let own = [
        Bound::Instance(instance_id(0)),
        Bound::Volume(volume_id(0)),
        Bound::Volume(volume_id(77)),
        Bound::Interface(interface_id(0)),
    ];
    assert_eq!(bound, [BTreeSet::from(own)]);
}

#[test]
fn later_attempts_are_above_those_of_what_was_left_behind() {
    let mut town = lost();
    leave_old_volume(&mut town);
    let found = adopt(&mut town, PLAIN);
    let upkeep = &only(&found).upkeep;
    assert_eq!((upkeep.attempts, upkeep.superseded.keys().collect::<Vec<_>>()), (8, vec![&volume_id(77)]));
}

#[test]
fn a_volume_that_the_spec_does_not_name_is_on_record_as_ec2_shows_it() {
    for (kind, iops, expected) in [
        ("io2", Some(4000), VolumeType::Io2),
        ("gp2", Some(100), VolumeType::Gp2),
        ("of-tomorrow", None, VolumeType::Gp3),
    ] {
        let mut town = lost();
        let mut shown = volume(&mut town, 0).clone();
        shown.tags.extend(marks(&[(tags::VOLUME, "old")]));
        (shown.id, shown.size_gib) = (volume_id(77), 70);
        (shown.kind, shown.iops, shown.throughput) = (kind.to_owned(), iops, None);
        town.obs.volumes.insert(shown.id.clone(), shown);
        let found = adopt(&mut town, PLAIN);
        let record = &only(&found).volumes[&name("old")];
        let params = &record.params;
        assert_eq!((&record.id, record.born), (&Some(volume_id(77)), true));
        assert_eq!((params.size_gib, params.kind, params.iops), (70, expected, iops), "{kind}");
    }
}

#[test]
fn a_claim_never_falls_and_a_holder_that_was_not_told_of_the_highest_gets_a_new_one() {
    // What the holder's tags and a snapshot's tell, and what is then on record.
    for (told, slot_tag, snapshot, expected) in [
        (Some("3"), true, None, 3),
        (Some("3"), true, Some("3"), 3),
        (Some("3"), true, Some("2"), 3),
        (Some("3"), true, Some("6"), 7),
        (None, true, Some("6"), 7),
        (None, true, None, 1),
        (Some("3"), false, Some("3"), 4),
        (Some("3"), false, None, 1),
    ] {
        let mut town = lost();
        let shown = &mut instance(&mut town, 0).tags;
        shown.remove(tags::CLAIM);
        shown.extend(told.map(|told| (tags::CLAIM.to_owned(), told.to_owned())));
        if !slot_tag {
            shown.remove(tags::SLOT);
        }
        if let Some(claim) = snapshot {
            let own = marks(&[(tags::SLOT, "0"), (tags::VOLUME, "data"), (tags::CLAIM, claim)]);
            let taken = town.snapshot(&volume_id(0), own, SnapshotState::Completed);
            town.obs.snapshots = Some([(taken.id.clone(), taken)].into());
        }
        let found = adopt(&mut town, PLAIN);
        let rebuilt = only(&found);
        assert_eq!(rebuilt.claim, Claim(expected), "told {told:?}, its own {slot_tag}, saved by {snapshot:?}");
        assert!(rebuilt.held_by(&instance_id(0)) && rebuilt.vacated.is_none());
    }
}

#[test]
fn one_of_several_volumes_that_is_missing_is_not_made_anew_and_empty() {
    let lost_log = "slot 0: its volume `log` is not shown: create it from its newest snapshot";
    for saved in [true, false] {
        let mut town = lost();
        if saved {
            let own = marks(&[(tags::SLOT, "0"), (tags::VOLUME, "log"), (tags::CLAIM, "3")]);
            let taken = town.snapshot(&volume_id(88), own, SnapshotState::Completed);
            town.obs.snapshots = Some([(taken.id.clone(), taken)].into());
        }
        let found = adopt(&mut town, TWO);
        assert_refused(&found, &[lost_log]);
        let told = said(&found.refused);
        assert!(told[0].ends_with("or nothing was saved of it, create an empty one so"), "{told:?}");
    }
}

#[test]
fn a_retired_slot_keeps_what_was_saved_of_a_volume_that_the_spec_left_out_since() {
    for (purpose, kept) in [(Purpose::Final, true), (Purpose::Periodic, false)] {
        let mut town = lost();
        town.gone(0);
        town.obs.volumes.clear();
        town.obs.interfaces.clear();
        let taken = |n, volume, purpose| {
            let operation = operation_tag(purpose, number(0), 9);
            let own = [(tags::SLOT, "0"), (tags::VOLUME, volume), (tags::CLAIM, "4"), (tags::OPERATION, &*operation)];
            let id = SnapshotId::new(format!("snap-0000000000000000{n}")).unwrap();
            Snapshot { id, ..town.snapshot(&volume_id(0), marks(&own), SnapshotState::Completed) }
        };
        let all = [taken('a', "data", Purpose::Final), taken('b', "log", purpose)];
        town.obs.snapshots = Some(all.map(|snapshot| (snapshot.id.clone(), snapshot)).into());
        let found = adopt(&mut town, PLAIN);
        let slot = only(&found);
        assert_eq!(slot.state, SlotState::Retired);
        assert!(slot.upkeep.retired.contains_key(&name("data")));
        assert_eq!(slot.upkeep.retired.contains_key(&name("log")), kept, "{purpose:?}");
    }
}

#[test]
fn two_volumes_for_one_name_are_one_refusal() {
    let mut town = lost();
    let mut twin = volume(&mut town, 0).clone();
    twin.id = volume_id(77);
    twin.attachments.clear();
    town.obs.volumes.insert(twin.id.clone(), twin);
    let both = "slot 0: vol-00000000000000000 and vol-0000000000000004d all claim to be its volume `data`";
    assert_refused(&adopt(&mut town, PLAIN), &[both]);
}

#[test]
fn a_volume_of_another_slots_record_is_refused_whatever_its_tag_says() {
    type Records = fn(&mut Slot);
    let cases: [(&str, Records); 3] = [
        ("serves", |slot| slot.volumes.get_mut(&name("data")).unwrap().id = Some(volume_id(1))),
        ("is left behind", |slot| drop(slot.upkeep.superseded.insert(volume_id(1), left_behind(at(0))))),
        ("is being made", |slot| slot.upkeep.change = Some(making(volume_id(1)))),
    ];
    for (what, record) in cases {
        let mut town = Town::served(2);
        town.obs.slots.remove(&number(1));
        record(slot(&mut town, 0));
        let found = adopt(&mut town, PLAIN);
        let told = said(&found.refused);
        assert_eq!(
            told,
            ["slot 1: vol-00000000000000001 bears its tag, and is on the record of slot 0"],
            "{what}: {:?}",
            found.rebuilt
        );
        assert_eq!(found.slots().count(), 0, "{what}");
    }
}

pub(super) fn making(made: VolumeId) -> Change {
    let town = Town::served(1);
    let mut record = town.obs.slots[&number(0)].volumes[&name("data")].clone();
    record.id = Some(made);
    let snapshot = SnapshotId::new("snap-0000000000000000a").unwrap();
    let from = Saved { snapshot, as_of: at(0), size_gib: 20, encrypted: true };
    Change {
        operation: 1,
        kind: ChangeKind::Move { to: zone('b') },
        stage: Stage::Making,
        since: at(0),
        begun: at(0),
        ordered: false,
        unreachable: None,
        stale: false,
        used: false,
        volumes: [(name("data"), Made { from, record })].into(),
    }
}

#[test]
fn a_volume_that_several_instances_may_write_to_is_not_served() {
    let mut town = lost();
    volume(&mut town, 0).multi_attach = true;
    assert_refused(
        &adopt(&mut town, PLAIN),
        &["slot 0: vol-00000000000000000 may be attached to several instances: such volumes are not served"],
    );
}

#[test]
fn a_slot_without_volumes_of_which_only_a_terminated_instance_tells_lies_nowhere() {
    let none = r#"{"v":1,"address":{"kind":"eni"}}"#;
    let mut town = lost();
    town.gone(0);
    town.obs.volumes.clear();
    town.obs.interfaces.clear();
    assert_refused(&adopt(&mut town, none), &["slot 0: nothing shows in which zone it lies"]);
    town.instance(0, 'b', Lifecycle::InService);
    instance(&mut town, 0).tags.extend(marks(&[(tags::SLOT, "0"), (tags::CLAIM, "3")]));
    assert_eq!(only(&adopt(&mut town, none)).zone, zone('b'), "where its instance lives");
}
