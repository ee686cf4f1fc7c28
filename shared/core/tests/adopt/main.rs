//! Adoption: a lost table is rebuilt from tags, members in service get slots, and what is ambiguous changes nothing.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod newcomers;
#[path = "../town/mod.rs"]
mod town;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stateful_asg_core::adopt::{Adoption, Wishes, propose};
use stateful_asg_core::cloud::*;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::HalfTagged;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::Spec;
use stateful_asg_core::step::{Step, Why};
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Proof, Purpose, operation_tag};
use town::{Town, instance_id, interface_id, volume_id, zone};

fn number(n: u32) -> SlotNumber {
    SlotNumber(n)
}

fn spec(town: &Town) -> Spec {
    let record = town.obs.record.as_ref().and_then(|group| group.spec.as_ref());
    Spec::parse(record.map_or(town::SPEC, |spec| &spec.text)).unwrap().spec
}

/// Proposes, and reads what the proposal asks for, as Route 53 and EC2 show it in `records`.
fn adopt_with(town: &mut Town, spec: &Spec, wishes: &Wishes, records: &BTreeMap<RecordKey, RecordSeen>) -> Adoption {
    town.obs.snapshots.get_or_insert_default();
    for _ in 0..4 {
        let found = propose(&town.obs, spec, wishes, town.now);
        if found.needs.is_empty() {
            return found;
        }
        assert_eq!(found.needs.volumes, BTreeSet::new(), "the town shows all volumes");
        if found.needs.look.half_tagged {
            town.obs.half_tagged = Some(Vec::new());
        }
        for key in found.needs.look.records {
            let seen = records.get(&key).cloned().unwrap_or(RecordSeen::Absent);
            town.obs.records.insert(key, seen);
        }
        for id in found.needs.look.subnets {
            town.obs.subnets.insert(id.clone(), Some(Subnet { id, zone: zone('a') }));
        }
    }
    panic!("it asks again and again");
}

fn adopt(town: &mut Town) -> Adoption {
    let (spec, records) = (spec(town), published(town));
    adopt_with(town, &spec, &Wishes::default(), &records)
}

fn refusals(found: &Adoption) -> String {
    found.refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What Route 53 shows of the records that the town's table names.
fn published(town: &Town) -> BTreeMap<RecordKey, RecordSeen> {
    let own = town.obs.slots().filter_map(|slot| slot.record.clone());
    let shared = town.obs.record.iter().filter_map(|group| group.record.clone());
    let held = own.chain(shared).filter(|record| !record.confirmed.is_empty());
    held.map(|record| (record.key, RecordSeen::A { ttl: record.ttl, values: record.confirmed })).collect()
}

/// The table is gone, all of it.
fn lose_table(town: &mut Town) -> (BTreeMap<SlotNumber, Shared<Slot>>, Group) {
    town.obs.subnets = [SubnetId::new("subnet-0000000000000000a").unwrap()]
        .map(|id| (id.clone(), Some(Subnet { id, zone: zone('a') })))
        .into();
    town.obs.asgs[0].subnets = town.obs.subnets.keys().cloned().collect();
    (std::mem::take(&mut town.obs.slots), town.obs.record.take().unwrap())
}

/// Writes the proposal as the table would take it: nothing that exists is replaced.
fn write(town: &mut Town, found: &Adoption) {
    for write in found.writes(&town.obs) {
        if let Some((old, group)) = &write.record {
            assert_eq!(*old, town.obs.record.as_ref().map(|group| group.generation), "the group's condition");
            assert!(town.obs.record.as_ref().is_none_or(|was| was.next_slot <= group.next_slot), "the counter fell");
        }
        if let Some((old, slot)) = &write.slot {
            assert_eq!((*old, town.obs.slots.contains_key(&slot.number)), (None, false), "an item is replaced");
        }
        town.obs.fold(&Step::Write { write, why: [Why::SlotMade].into() }, &Outcome::Done, town.now);
    }
    for step in &found.keep {
        let Step::KeepVolume { volume, .. } = step else { panic!("{step:?}") };
        town.obs.volumes.get_mut(volume).unwrap().attachments[0].delete_on_termination = false;
    }
    for (resource, tags) in &found.tags {
        let step = Step::Tag { resource: resource.clone(), tags: tags.clone() };
        town.obs.fold(&step, &Outcome::Done, town.now);
    }
}

/// Nothing is made, attached, detached or deleted by the next plans; only notes and tags.
fn assert_quiet(town: &mut Town) {
    let taken = town.run();
    let loud: Vec<String> =
        taken.iter().filter(|step| !matches!(step, Step::Write { .. } | Step::Tag { .. })).map(Step::key).collect();
    assert!(loud.is_empty(), "{loud:?}");
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Served,
    Vacant,
    Replaced,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![Just(Fate::Served), Just(Fate::Vacant), Just(Fate::Replaced)]
}

/// A town in which each slot had this fate, at rest.
fn lived_in(fates: &[Fate]) -> Town {
    let mut town = Town::served(u32::try_from(fates.len()).unwrap());
    for (n, fate) in (0..).zip(fates) {
        if matches!(fate, Fate::Served) {
            continue;
        }
        town.gone(n);
        town.free(n);
        town.run();
        if matches!(fate, Fate::Replaced) {
            town.instance(100 + n, 'a', Lifecycle::PendingWait);
            town.run();
            town.arrive();
            town.run();
            town.lifecycle(100 + n, Lifecycle::InService);
            town.run();
        }
    }
    town
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_lost_table_is_rebuilt_from_tags(fates in prop::collection::vec(fate(), 1..6)) {
        let mut town = lived_in(&fates);
        let (spec, records) = (spec(&town), published(&town));
        let (before, group) = lose_table(&mut town);
        let found = adopt_with(&mut town, &spec, &Wishes::default(), &records);
        prop_assert_eq!(refusals(&found), "");
        prop_assert_eq!(found.next_slot, group.next_slot);
        prop_assert_eq!(found.rebuilt.len(), before.len());
        prop_assert_eq!(found.new.len(), 0);
        for slot in &found.rebuilt {
            let was = &before[&slot.number];
            prop_assert_eq!(slot.holder.as_ref().map(|h| &h.instance), was.holder.as_ref().map(|h| &h.instance));
            let volumes = |slot: &Slot| slot.volumes.iter().map(|(n, r)| (n.clone(), r.id.clone(), r.born, r.attempt)).collect::<Vec<_>>();
            prop_assert_eq!(volumes(slot), volumes(was));
            let address = |slot: &Slot| slot.interface.as_ref().map(|i| (i.id.clone(), i.ip, i.born));
            prop_assert_eq!(address(slot), address(was));
            prop_assert_eq!(&slot.zone, &was.zone);
            prop_assert!(slot.claim >= was.claim, "{} fell to {}", was.claim, slot.claim);
            prop_assert_eq!(slot.record.as_ref().map(|r| (&r.key, &r.confirmed, r.owned)), was.record.as_ref().map(|r| (&r.key, &r.confirmed, r.owned)));
        }
        prop_assert_eq!(found.record.as_ref().map(|r| &r.confirmed), group.record.as_ref().map(|r| &r.confirmed));
        write(&mut town, &found);
        let spec = group.spec.clone();
        let record = town.obs.record.as_mut().unwrap();
        record.spec = spec;
        record.hooks = group.hooks;
        assert_quiet(&mut town);
        prop_assert!(!town.reasons().iter().any(|reason| reason.kind() == "TableLost"));
        prop_assert!(adopt(&mut town).is_empty(), "running it again finds nothing");
    }

    /// Each part of the writing is whole in itself: a run that was cut short anywhere is completed by the next.
    #[test]
    fn a_run_that_was_cut_short_is_completed_by_the_next(fates in prop::collection::vec(fate(), 1..5), after in 0_usize..6) {
        let mut town = lived_in(&fates);
        let (before, _) = lose_table(&mut town);
        let spec = Spec::parse(town::SPEC).unwrap().spec;
        let found = adopt_with(&mut town, &spec, &Wishes::default(), &BTreeMap::new());
        for write in found.writes(&town.obs).into_iter().take(after) {
            town.obs.fold(&Step::Write { write, why: [Why::SlotMade].into() }, &Outcome::Done, town.now);
        }
        let found = adopt_with(&mut town, &spec, &Wishes::default(), &BTreeMap::new());
        prop_assert_eq!(refusals(&found), "");
        write(&mut town, &found);
        prop_assert_eq!(town.obs.slots.len(), before.len());
    }
}

#[test]
fn a_slot_with_an_item_is_never_touched() {
    let mut town = Town::served(3);
    let (spec, records) = (spec(&town), published(&town));
    town.obs.slots.remove(&number(1));
    let kept = town.obs.slots.clone();
    let found = adopt_with(&mut town, &spec, &Wishes::default(), &records);
    assert_eq!(refusals(&found), "");
    assert_eq!(found.slots().map(|slot| slot.number).collect::<Vec<_>>(), [number(1)]);
    write(&mut town, &found);
    for (number, slot) in kept {
        assert_eq!(town.obs.slots[&number], slot);
    }
    assert_quiet(&mut town);
}

#[test]
fn what_lost_a_tag_is_mended_before_its_slot_is_rebuilt() {
    let half = |lacks, slot| HalfTagged { resource: "vol-0f".to_owned(), lacks, slot: Some(number(slot)) };
    // Of another group, for all that its tags tell, once its slot is known not to be missing.
    for (lacks, slot, refused) in
        [(tags::DEPLOYMENT, 0, true), (tags::DEPLOYMENT, 7, true), (tags::GROUP, 0, true), (tags::GROUP, 1, false)]
    {
        let mut town = lived_in(&[Fate::Served, Fate::Served]);
        town.obs.slots.remove(&number(0)).expect("it was there");
        town.obs.half_tagged = Some(vec![half(lacks, slot)]);
        let told = refusals(&adopt(&mut town));
        assert_eq!(told.contains("vol-0f") && told.contains(lacks), refused, "{lacks} of slot {slot}: {told}");
    }
    let mut whole = lived_in(&[Fate::Served]);
    whole.obs.half_tagged = Some(vec![half(tags::GROUP, 0)]);
    assert_eq!(refusals(&adopt(&mut whole)), "", "nothing is missing");
    lose_table(&mut whole);
    assert_ne!(refusals(&adopt(&mut whole)), "", "of a lost table every slot may be one that is missing");
}

#[test]
fn two_volumes_for_one_name_are_refused_with_both_ids() {
    let mut town = Town::served(1);
    let mut twin = town.obs.volumes[&volume_id(0)].clone();
    twin.id = volume_id(77);
    twin.state = VolumeState::Available;
    twin.attachments.clear();
    town.obs.volumes.insert(twin.id.clone(), twin);
    lose_table(&mut town);
    let found = adopt(&mut town);
    assert_eq!(found.slots().count(), 0);
    let said = refusals(&found);
    assert!(said.contains(volume_id(0).as_str()) && said.contains(volume_id(77).as_str()), "{said}");

    // Once a person says which one it is, it is taken, and the other is kept for a person.
    town.obs.volumes.get_mut(&volume_id(77)).unwrap().tags.insert(tags::SUPERSEDED.to_owned(), "by hand".to_owned());
    let found = adopt(&mut town);
    assert_eq!(refusals(&found), "");
    let left = &found.rebuilt[0].upkeep.superseded[&volume_id(77)];
    assert_eq!((&left.proof, left.keep), (&Proof::None, true));
}

#[test]
fn a_volume_that_a_move_made_is_the_slots_once_the_source_says_so() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    let source = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
    let mut made = source.clone();
    made.id = volume_id(5);
    made.zone = zone('b');
    made.tags.remove(tags::SLOT);
    made.tags.extend([(tags::FOR_SLOT.to_owned(), "0".to_owned()), (tags::ATTEMPT.to_owned(), "2".to_owned())]);
    town.obs.volumes.insert(made.id.clone(), made);
    town.obs.interfaces.clear();
    lose_table(&mut town);
    let before = adopt(&mut town);
    assert_eq!(before.rebuilt[0].volumes.values().next().unwrap().id, Some(volume_id(0)), "nothing says that it moved");
    assert!(before.rebuilt[0].upkeep.superseded.contains_key(&volume_id(5)));

    let source = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
    source.tags.insert(tags::SUPERSEDED.to_owned(), volume_id(5).to_string());
    let after = adopt(&mut town);
    assert_eq!(refusals(&after), "");
    let slot = &after.rebuilt[0];
    assert_eq!((slot.volumes.values().next().unwrap().id.clone(), &slot.zone), (Some(volume_id(5)), &zone('b')));
    assert!(slot.upkeep.superseded.contains_key(&volume_id(0)));
}

fn last_snapshot(town: &Town, claim: &str, purpose: Purpose) -> Snapshot {
    let tags = Tags::from([
        (tags::SLOT.to_owned(), "0".to_owned()),
        (tags::VOLUME.to_owned(), "data".to_owned()),
        (tags::CLAIM.to_owned(), claim.to_owned()),
        (tags::OPERATION.to_owned(), operation_tag(purpose, number(0), 9)),
    ]);
    town.snapshot(&volume_id(0), tags, SnapshotState::Completed)
}

/// Slot 0 has no volume, no interface and no instance any more.
fn emptied(snapshot: impl Fn(&Town) -> Snapshot) -> Town {
    let mut town = Town::served(2);
    let taken = snapshot(&town);
    town.obs.snapshots = Some(BTreeMap::from([(taken.id.clone(), taken)]));
    town.gone(0);
    town.obs.instances.remove(&instance_id(0));
    town.obs.volumes.remove(&volume_id(0));
    town.obs.interfaces.remove(&interface_id(0));
    lose_table(&mut town);
    town
}

#[test]
fn a_retired_slot_is_known_by_its_last_snapshots() {
    let mut town = emptied(|town| last_snapshot(town, "4", Purpose::Final));
    let found = adopt(&mut town);
    assert_eq!(refusals(&found), "");
    let slot = &found.rebuilt[0];
    assert_eq!((slot.state, slot.claim, slot.upkeep.operations), (SlotState::Retired, Claim(4), 9));
    assert_eq!(slot.upkeep.retired.len(), 1);
}

#[test]
fn a_slot_whose_volume_is_lost_is_not_taken_for_a_retired_one() {
    let mut town = emptied(|town| last_snapshot(town, "4", Purpose::Periodic));
    assert!(refusals(&adopt(&mut town)).contains("its volume `data` is not shown"), "{}", refusals(&adopt(&mut town)));

    // A periodic snapshot followed the last one: the slot lived on after it.
    let mut town = emptied(|town| last_snapshot(town, "4", Purpose::Final));
    let mut later = last_snapshot(&town, "4", Purpose::Periodic);
    later.id = SnapshotId::new("snap-00000000000000099").unwrap();
    later.started = town::at(5000);
    town.obs.snapshots.as_mut().unwrap().insert(later.id.clone(), later);
    assert!(refusals(&adopt(&mut town)).contains("its volume `data` is not shown"));
}

#[test]
fn a_number_without_any_trace_is_given_up_only_by_a_person() {
    let mut town = Town::served(3);
    town.obs.slots.remove(&number(1));
    town.gone(1);
    town.obs.instances.remove(&instance_id(1));
    town.obs.volumes.remove(&volume_id(1));
    town.obs.interfaces.remove(&interface_id(1));
    assert!(refusals(&adopt(&mut town)).contains("slot 1: is below the counter"));

    let spec = spec(&town);
    let forget = |n| Wishes { forget: [number(n)].into(), ..Wishes::default() };
    let found = adopt_with(&mut town, &spec, &forget(1), &BTreeMap::new());
    assert_eq!(refusals(&found), "");
    assert_eq!((found.rebuilt[0].number, found.rebuilt[0].state), (number(1), SlotState::Retired));
    let wrong = adopt_with(&mut town, &spec, &forget(2), &BTreeMap::new());
    assert!(refusals(&wrong).contains("slot 2: is not one that is missing"), "{}", refusals(&wrong));
}

#[test]
fn a_slot_with_a_volume_is_not_forgotten() {
    let mut town = Town::served(1);
    let spec = spec(&town);
    lose_table(&mut town);
    let wishes = Wishes { forget: [number(0)].into(), ..Wishes::default() };
    let found = adopt_with(&mut town, &spec, &wishes, &BTreeMap::new());
    assert!(refusals(&found).contains("cannot be forgotten"), "{}", refusals(&found));
    assert_eq!(found.slots().count(), 0);
    assert!(!refusals(&found).contains("not one that is missing"), "{}", refusals(&found));
}

#[test]
fn a_volume_on_another_instance_than_the_one_told_of_the_newest_claim_is_refused() {
    let mut town = Town::served(1);
    town.instance(9, 'a', Lifecycle::InService);
    let own = [(tags::SLOT.to_owned(), "0".to_owned()), (tags::CLAIM.to_owned(), "4".to_owned())];
    town.obs.instances.get_mut(&instance_id(9)).unwrap().tags.extend(own);
    lose_table(&mut town);
    let found = adopt(&mut town);
    assert!(refusals(&found).contains("newer claim"), "{}", refusals(&found));
}
