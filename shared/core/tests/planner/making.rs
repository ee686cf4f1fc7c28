//! Successors: found by their tags, tried again where they vanish, and what a lost volume is made from.

use stateful_asg_core::cloud::*;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::step::Step;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Data, Order, Origin, Stage};

use crate::town::*;
use crate::{SECOND, change_mut, change_of, data, edit, record_mut, settle, slot, slot_mut, snapshot, spec};

/// A successor of slot 0 is about to be made in zone b.
fn making() -> Town {
    let mut town = Town::with_spec(2, &spec(r#""zones":{"move":"final"}"#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town.forbid = vec!["CreateVolume"];
    settle(&mut town);
    assert_eq!(change_of(&town).stage, Stage::Making);
    town.obs.notes.failures.clear();
    town
}

#[test]
fn a_successor_that_is_found_by_its_tags_is_born_where_it_is_free() {
    for (state, born) in [(VolumeState::Available, true), (VolumeState::Creating, false)] {
        let mut town = making();
        let attempt = change_of(&town).volumes.values().next().unwrap().record.attempt;
        let mut volume = pool_volume(60);
        (volume.state, volume.zone) = (state, zone('b'));
        for (key, value) in [(tags::FOR_SLOT, "0"), (tags::VOLUME, "data"), (tags::ATTEMPT, &attempt.to_string())] {
            volume.tags.insert(key.to_owned(), value.to_owned());
        }
        town.obs.volumes.insert(volume_id(60), volume);
        town.run_once();
        let record = &change_of(&town).volumes.values().next().unwrap().record;
        assert_eq!((record.id.clone(), record.born), (Some(volume_id(60)), born));
    }
}

#[test]
fn a_successor_that_vanished_never_takes_its_place_and_is_made_again_as_the_spec_then_says() {
    let mut town = making();
    let made = change_mut(&mut town).volumes.values_mut().next().unwrap();
    (made.record.id, made.record.born) = (Some(volume_id(60)), true);
    let attempt = made.record.attempt;
    town.obs.absent.volumes.insert(volume_id(60));
    town.run();
    assert_eq!(change_of(&town).stage, Stage::Making);
    edit(&mut town, &spec(r#""zones":{"move":"final"}"#).replace("20GiB", "30GiB"));
    town.now += SECOND * 600;
    town.run_once();
    let record = &change_of(&town).volumes.values().next().unwrap().record;
    assert_eq!((record.attempt, &record.id, record.params.size_gib), (attempt + 1, &None, 30));
}

#[test]
fn a_lost_volume_is_never_made_smaller_or_plainer_than_its_snapshot() {
    let text = spec(r#""snapshots":{"every":"1h"},"data_lost":{"snapshot_up_to":"1h"}"#);
    let mut town = Town::with_spec(1, &text.replace(r#""mount":"/data""#, r#""encrypted":false,"mount":"/data""#));
    let mut newest = snapshot(&town, 0, 1);
    newest.size_gib = 40;
    town.obs.snapshots = Some([(newest.id.clone(), newest)].into());
    town.gone(0);
    town.free(0);
    town.lose_volume(0);
    town.launching(7, 'a');
    town.run();
    town.now += SECOND * 600;
    town.run();
    let record = slot(&town, 0).volumes.values().next().unwrap();
    assert_eq!((record.attempt, record.params.size_gib, record.params.encrypted), (2, 40, true));
}

#[test]
fn a_retired_slot_whose_new_volume_vanished_is_made_again_as_encrypted_as_its_snapshot() {
    let text = spec(r#""slots":{"retire_after":"1d"}"#);
    let mut town = Town::with_spec(2, &text.replace(r#""mount":"/data""#, r#""encrypted":false,"mount":"/data""#));
    town.obs.asgs[0].desired = 1;
    town.gone(1);
    town.free(1);
    settle(&mut town);
    town.now += SECOND * 86_400;
    settle(&mut town);
    town.obs.asgs[0].desired = 2;
    town.launching(9, 'a');
    town.run();
    let made = slot(&town, 1).volumes.values().next().unwrap().clone();
    let id = made.id.unwrap();
    town.obs.volumes.remove(&id);
    town.obs.absent.volumes.insert(id);
    town.run();
    town.now += SECOND * 600;
    town.run();
    let next = slot(&town, 1).volumes.values().next().unwrap();
    assert_eq!((next.attempt, next.params.encrypted), (made.attempt + 1, true));
}

#[test]
fn a_token_whose_volume_another_slot_took_is_given_up() {
    let creates = |town: &Town| {
        let steps = town.plan().steps.into_iter();
        steps.filter(|step| matches!(step, Step::CreateVolume { .. })).collect::<Vec<_>>()
    };
    for left_behind_there in [false, true] {
        let mut town = Town::served(2);
        town.lose_volume(1);
        let record = slot_mut(&mut town, 1).volumes.values_mut().next().unwrap();
        (record.id, record.born) = (None, false);
        let attempt = record.attempt;
        let taken = if left_behind_there { volume_id(9) } else { volume_id(0) };
        let since = town.now;
        slot_mut(&mut town, 0).upkeep.superseded.insert(volume_id(9), left_behind(since));
        let first = creates(&town);
        town.obs.fold(&first[0], &Outcome::Volume(taken), town.now);
        town.forbid = vec!["CreateVolume"];
        town.run_once();
        let record = slot(&town, 1).volumes.values().next().unwrap();
        assert_eq!((&record.id, record.attempt), (&None, attempt + 1));
        let second = creates(&town);
        assert!(second.len() == 1 && second != first);
        town.obs.fold(&second[0], &Outcome::Volume(volume_id(50)), town.now);
        town.run_once();
        assert_eq!(slot(&town, 1).volumes.values().next().unwrap().id, Some(volume_id(50)));
    }
}

#[test]
fn a_volume_on_another_slots_record_is_not_taken_by_its_tags() {
    let mut town = Town::served(2);
    town.lose_volume(1);
    let record = slot_mut(&mut town, 1).volumes.values_mut().next().unwrap();
    (record.id, record.born) = (None, false);
    // The answer to slot 1's token was folded in before the write with which slot 0 took the volume in the same pass.
    let taken = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
    taken.tags.insert(tags::SLOT.to_owned(), "1".to_owned());
    town.run();
    let ids = [0, 1].map(|n| slot(&town, n).volumes.values().next().unwrap().id.clone().unwrap());
    assert!(ids[0] == volume_id(0) && ids[1] != ids[0], "{ids:?}");
    assert_eq!(town.obs.volumes[&volume_id(0)].slot().unwrap().0, 0, "and it bears its own slot's tag again");
}

#[test]
fn a_successors_token_whose_volume_another_slot_took_is_given_up_and_the_next_asks_as_the_spec_then_says() {
    let mut town = making();
    let attempt = change_of(&town).volumes.values().next().unwrap().record.attempt;
    let creates = town.plan().steps.into_iter().find(|step| matches!(step, Step::CreateVolume { .. })).unwrap();
    town.obs.fold(&creates, &Outcome::Volume(volume_id(1)), town.now);
    edit(&mut town, &spec(r#""zones":{"move":"final"}"#).replace("20GiB", "30GiB"));
    town.run_once();
    let record = &change_of(&town).volumes.values().next().unwrap().record;
    assert_eq!((&record.id, record.attempt, record.params.size_gib), (&None, attempt + 1, 30));
}

#[test]
fn a_successor_is_never_smaller_than_its_snapshot_or_than_what_it_takes_the_place_of() {
    for (saved, shown, size) in [(20, 20, 20), (40, 20, 40), (20, 40, 40)] {
        let mut town = Town::served(2);
        let wanted = Snapshot { size_gib: saved, ..snapshot(&town, 0, 1) };
        town.gone(0);
        town.free(0);
        town.obs.volumes.get_mut(&volume_id(0)).unwrap().size_gib = shown;
        slot_mut(&mut town, 0).upkeep.order = Some(Order::Restore { volumes: [(data(), wanted.id.clone())].into() });
        town.obs.snapshots = Some([(wanted.id.clone(), wanted)].into());
        town.run();
        assert_eq!(change_of(&town).volumes[&data()].record.params.size_gib, size, "{saved} GiB of {shown}");
    }
}

#[test]
fn what_holds_saved_data_is_tried_again_no_smaller_than_before_and_what_is_empty_as_the_spec_says() {
    for (as_of, size) in [(Some(at(0)), 40), (None, 20)] {
        let mut town = Town::served(1);
        town.lifecycle(0, Lifecycle::PendingWait);
        town.lose_volume(0);
        let missed = town.now - SECOND * 600;
        let record = record_mut(&mut town, 0);
        (record.born, record.params.size_gib, record.absent_since) = (false, 40, Some(missed));
        slot_mut(&mut town, 0).upkeep.data = Some(Data { origin: Origin::Snapshot, as_of, told: None });
        town.run_once();
        let next = record_mut(&mut town, 0);
        assert_eq!((next.attempt, next.params.size_gib), (2, size), "{as_of:?}");
    }
}

#[test]
fn a_lost_volume_whose_loss_is_accepted_is_replaced_by_an_empty_one_whatever_the_spec_makes_new_ones_from() {
    let text = spec(r#""data_lost":"blank""#);
    let mut town = Town::with_spec(1, &text.replace(r#""mount":"/data""#, r#""snapshot":"snap-0123","mount":"/data""#));
    town.gone(0);
    town.free(0);
    town.lose_volume(0);
    record_mut(&mut town, 0).absent_since = Some(town.now - SECOND * 600);
    town.run();
    let record = record_mut(&mut town, 0);
    assert_eq!((record.attempt, &record.params.snapshot), (2, &None));
}
