//! What a slot left behind: deleted where everything speaks for it, and where a single thing does not, kept and named.

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::Bound;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use stateful_asg_core::waiting::Reason;

use crate::town::*;
use crate::{HOUR, SECOND, edit, planned, slot, slot_mut, snapshot, spec, words};

/// Slot 0 left volume 9 behind long ago; a snapshot holds its data, and to delete it was decided an hour ago.
fn left() -> Town {
    let mut town = Town::served(1);
    let saved = snapshot(&town, 9, 1);
    let mut volume = town.obs.volumes[&volume_id(0)].clone();
    (volume.id, volume.state, volume.attachments) = (volume_id(9), VolumeState::Available, Vec::new());
    volume.tags.insert(tags::SUPERSEDED.to_owned(), volume_id(0).to_string());
    town.obs.volumes.insert(volume.id.clone(), volume);
    let left = Superseded {
        vacated: Some(saved.started),
        proof: Proof::Snapshot(saved.id.clone()),
        keep: false,
        deleting: Some(town.now - HOUR),
        ..left_behind(town.now - HOUR * 100)
    };
    town.obs.snapshots = Some([(saved.id.clone(), saved)].into());
    let slot = slot_mut(&mut town, 0);
    slot.upkeep.attempts = 1;
    slot.volumes.values_mut().for_each(|record| record.attempt = 2);
    slot.upkeep.superseded.insert(volume_id(9), left);
    town
}

fn old(town: &mut Town) -> &mut Volume {
    town.obs.volumes.get_mut(&volume_id(9)).unwrap()
}

fn noted(town: &mut Town) -> &mut Superseded {
    slot_mut(town, 0).upkeep.superseded.get_mut(&volume_id(9)).unwrap()
}

fn proof(town: &mut Town) -> &mut Snapshot {
    town.obs.snapshots.as_mut().unwrap().values_mut().next().unwrap()
}

fn why_unproven(town: &Town) -> Option<String> {
    town.reasons().into_iter().find_map(|reason| match reason {
        Reason::Unproven { why, .. } => Some(why),
        _ => None,
    })
}

#[test]
fn a_volume_is_deleted_only_where_nothing_speaks_against_it() {
    type Spoil = fn(&mut Town);
    assert_eq!(planned(&left()), ["DeleteVolume"], "with nothing spoiled");
    let spoils: [(&str, Spoil); 14] = [
        ("does not bear the tags", |t| drop(old(t).tags.remove(tags::DEPLOYMENT))),
        ("does not bear the tags", |t| drop(old(t).tags.remove(tags::GROUP))),
        ("does not bear the tags", |t| drop(old(t).tags.insert(tags::GROUP.to_owned(), "other".to_owned()))),
        ("does not bear the tag stateful-asg:", |t| drop(old(t).tags.remove(tags::SUPERSEDED))),
        ("it is Creating", |t| old(t).state = VolumeState::Creating),
        ("it is Error", |t| old(t).state = VolumeState::Error),
        ("it is Creating", |t| (old(t).state, noted(t).proof) = (VolumeState::Creating, Proof::NeverUsed)),
        ("nothing on record holds its data", |t| noted(t).proof = Proof::None),
        ("its last snapshot is not shown", |t| t.obs.snapshots.as_mut().unwrap().clear()),
        ("is not completed", |t| proof(t).state = SnapshotState::Pending),
        ("is not of this volume and claim", |t| proof(t).volume = volume_id(8)),
        ("is not of this volume and claim", |t| drop(proof(t).tags.insert(tags::SLOT.to_owned(), "1".to_owned()))),
        ("is not of this volume and claim", |t| drop(proof(t).tags.insert(tags::CLAIM.to_owned(), "2".to_owned()))),
        ("was begun before its last detach", |t| noted(t).vacated = Some(at(1000 + 301))),
    ];
    for (nth, (why, spoil)) in spoils.into_iter().enumerate() {
        let mut town = left();
        spoil(&mut town);
        assert_eq!(planned(&town), Vec::<&str>::new(), "spoil {nth}");
        let said = why_unproven(&town);
        assert!(said.as_ref().is_some_and(|said| said.contains(why)), "spoil {nth}: {said:?}");
    }
}

#[test]
fn clocks_may_differ_by_five_minutes_and_what_failed_to_be_made_holds_nothing() {
    let mut town = left();
    noted(&mut town).vacated = Some(at(1000 + 300));
    assert_eq!(planned(&town), ["DeleteVolume"]);
    let mut town = left();
    (old(&mut town).state, noted(&mut town).proof) = (VolumeState::Error, Proof::NeverUsed);
    for key in [tags::SLOT, tags::SUPERSEDED] {
        old(&mut town).tags.remove(key);
    }
    old(&mut town).tags.insert(tags::FOR_SLOT.to_owned(), "0".to_owned());
    assert_eq!(planned(&town), ["DeleteVolume"]);
}

#[test]
fn a_proof_is_looked_up_before_it_is_judged() {
    let mut town = left();
    town.obs.snapshots = None;
    let plan = town.plan();
    assert!(plan.look.snapshots);
    assert_eq!((plan.steps, plan.waiting), (vec![], vec![]));
}

#[test]
fn deleting_is_decided_when_the_grace_is_over_and_not_a_second_earlier() {
    for (age, decided) in [(HOUR - SECOND, false), (HOUR, true)] {
        let mut town = left();
        edit(&mut town, &spec(r#""zones":{"move":"final","keep_source":"1h"}"#));
        let since = town.now - age;
        (noted(&mut town).since, noted(&mut town).deleting) = (since, None);
        let look_at = town.plan().look_at;
        assert_eq!(look_at == Some(since + HOUR), !decided, "{look_at:?}");
        town.run_once();
        assert_eq!(noted(&mut town).deleting, decided.then_some(at(1000)));
    }
}

#[test]
fn what_is_kept_or_under_way_already_is_not_deleted_and_nobody_is_told() {
    let spoils: [fn(&mut Town); 2] = [|t| noted(t).keep = true, |t| old(t).state = VolumeState::Deleting];
    for spoil in spoils {
        let mut town = left();
        spoil(&mut town);
        let plan = town.plan();
        assert_eq!((plan.steps, plan.waiting), (vec![], vec![]));
    }
}

#[test]
fn any_sign_of_use_keeps_what_was_left_behind_for_good() {
    let attachment = Town::served(1).obs.volumes[&volume_id(0)].attachments[0].clone();
    for (state, attachments) in [
        (VolumeState::InUse, vec![]),
        (VolumeState::Available, vec![attachment.clone()]),
        (VolumeState::InUse, vec![attachment]),
    ] {
        let mut town = left();
        (old(&mut town).state, old(&mut town).attachments) = (state, attachments);
        town.run();
        let left = noted(&mut town);
        assert_eq!((left.keep, &left.proof, left.deleting), (true, &Proof::None, None), "{state:?}");
    }
}

#[test]
fn a_volume_that_is_shown_as_deleted_is_forgotten_once_no_call_can_be_under_way() {
    let minutes = |n| jiff::SignedDuration::from_mins(n);
    for (age, decided, forgotten) in
        [(HOUR, false, true), (minutes(19), false, false), (minutes(20), false, true), (minutes(1), true, true)]
    {
        let mut town = left();
        old(&mut town).state = VolumeState::Deleted;
        let now = town.now;
        (noted(&mut town).since, noted(&mut town).deleting) = (now - age, decided.then_some(now));
        town.run();
        assert_eq!(!slot(&town, 0).upkeep.superseded.contains_key(&volume_id(9)), forgotten, "{age} {decided}");
    }
}

#[test]
fn an_absence_is_looked_at_again_when_it_becomes_certain() {
    for (seconds, certain) in [(599, false), (600, true)] {
        let mut town = left();
        town.obs.volumes.remove(&volume_id(9));
        town.obs.absent.volumes.insert(volume_id(9));
        let since = town.now - SECOND * seconds;
        noted(&mut town).absent_since = Some(since);
        assert_eq!(town.plan().look_at, (!certain).then_some(since + SECOND * 600), "{seconds}");
        town.run();
        assert_eq!(!slot(&town, 0).upkeep.superseded.contains_key(&volume_id(9)), certain, "{seconds}");
    }
}

/// A volume that was made for a change of slot 0, whose ID is on no record.
fn stray() -> Town {
    let mut town = Town::served(1);
    let mut volume = town.obs.volumes[&volume_id(0)].clone();
    (volume.id, volume.state, volume.attachments) = (volume_id(9), VolumeState::Available, Vec::new());
    volume.tags.remove(tags::SLOT);
    volume.tags.insert(tags::FOR_SLOT.to_owned(), "0".to_owned());
    volume.tags.insert(tags::ATTEMPT.to_owned(), "4".to_owned());
    town.obs.volumes.insert(volume.id.clone(), volume);
    slot_mut(&mut town, 0).upkeep.attempts = 4;
    town
}

#[test]
fn what_was_made_for_a_dropped_change_is_remembered_and_deleted_after_its_grace() {
    let mut town = stray();
    let steps = town.run();
    let bound = steps
        .iter()
        .any(|step| matches!(step, Step::Write { write, .. } if write.bind.contains(&Bound::Volume(volume_id(9)))));
    assert!(bound, "{steps:?}");
    let left = noted(&mut town);
    assert_eq!((left.claim, left.since, &left.proof, left.keep), (Claim(3), at(1000), &Proof::NeverUsed, false));
    town.now += HOUR * 24;
    town.run();
    town.now += HOUR;
    assert_eq!(kinds(&town.run()), ["DeleteVolume"]);
}

#[test]
fn only_what_was_certainly_made_for_a_change_that_is_over_is_taken_for_left_behind() {
    let tag = |town: &mut Town, key: &str, value: &str| drop(old(town).tags.insert(key.to_owned(), value.to_owned()));
    let spoils: [&dyn Fn(&mut Town); 8] = [
        &|t| tag(t, tags::FOR_SLOT, "1"),
        &|t| drop(old(t).tags.remove(tags::FOR_SLOT)),
        &|t| tag(t, tags::ATTEMPT, "5"),
        &|t| drop(old(t).tags.remove(tags::ATTEMPT)),
        &|t| tag(t, tags::SLOT, "0"),
        &|t| drop(old(t).tags.remove(tags::VOLUME)),
        &|t| old(t).state = VolumeState::Deleting,
        &|t| old(t).state = VolumeState::Deleted,
    ];
    for (nth, spoil) in spoils.into_iter().enumerate() {
        let mut town = stray();
        spoil(&mut town);
        town.run_once();
        assert!(slot(&town, 0).upkeep.superseded.is_empty(), "spoil {nth}: {:?}", slot(&town, 0).upkeep.superseded);
    }
}

/// Slot 0 left interface 9 behind, so long ago.
fn left_interface(age: jiff::SignedDuration) -> Town {
    let mut town = Town::served(1);
    let since = town.now - age;
    slot_mut(&mut town, 0).upkeep.left_interfaces.insert(interface_id(9), LeftInterface { since, absent_since: None });
    slot_mut(&mut town, 0).upkeep.attempts = 1;
    slot_mut(&mut town, 0).interface.as_mut().unwrap().attempt = 2;
    let mut shown = town.obs.interfaces[&interface_id(0)].clone();
    (shown.id, shown.available, shown.attachment) = (interface_id(9), true, None);
    town.obs.interfaces.insert(interface_id(9), shown);
    town
}

#[test]
fn an_interface_that_was_left_behind_rests_for_twenty_minutes() {
    let town = left_interface(SECOND * 1199);
    let plan = town.plan();
    assert_eq!((plan.steps, plan.look_at), (vec![], Some(town.now + SECOND)));
    let plan = left_interface(SECOND * 1200).plan();
    assert_eq!((kinds(&plan.steps), plan.look_at), (vec!["DeleteInterface"], None));
}

#[test]
fn an_interface_is_deleted_only_where_it_is_free_and_ours_and_deletes_are_allowed() {
    type Spoil = fn(&mut Town);
    let spoils: [(&[&str], Spoil); 6] = [
        (&["InterfaceForeign"], |t| drop(nine(t).tags.remove(tags::DEPLOYMENT))),
        (&["InterfaceForeign"], |t| drop(nine(t).tags.remove(tags::GROUP))),
        (&[], |t| nine(t).available = false),
        (&[], |t| nine(t).attachment = t.obs.interfaces[&interface_id(0)].attachment.clone()),
        (&[], |t| edit(t, &spec(r#""mode":"no_deletes""#))),
        (&["DeletesOff"], |t| t.obs.limits.deletes = false),
    ];
    for (nth, (said, spoil)) in spoils.into_iter().enumerate() {
        let mut town = left_interface(HOUR);
        spoil(&mut town);
        assert!(!planned(&town).contains(&"DeleteInterface"), "spoil {nth}");
        assert_eq!(words(&town), said, "spoil {nth}");
    }
}

fn nine(town: &mut Town) -> &mut Interface {
    town.obs.interfaces.get_mut(&interface_id(9)).unwrap()
}

#[test]
fn an_interface_that_one_reading_lacks_is_not_taken_for_absent() {
    let mut town = left_interface(HOUR);
    town.obs.interfaces.remove(&interface_id(9));
    assert_eq!(planned(&town), Vec::<&str>::new());
    town.obs.absent.interfaces.insert(interface_id(9));
    town.run();
    assert_eq!(slot(&town, 0).upkeep.left_interfaces[&interface_id(9)].absent_since, Some(at(1000)));
}
