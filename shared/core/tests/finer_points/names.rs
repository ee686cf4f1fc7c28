//! Names in DNS: what is withdrawn first, what is looked up first, and what is remembered.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::step::record_key;

use super::*;

type Addresses = BTreeSet<Ipv4Addr>;

const HOLDERS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 0);
const SLOTS: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 0);
const OLD: Ipv4Addr = Ipv4Addr::new(10, 0, 9, 77);
const OTHERS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

fn one(ip: Ipv4Addr) -> Addresses {
    [ip].into()
}

fn own(town: &mut Town) -> &mut NameRecord {
    slot(town, 0).record.as_mut().unwrap()
}

fn shared(town: &mut Town) -> &mut NameRecord {
    town.obs.record.as_mut().unwrap().record.as_mut().unwrap()
}

fn shows(town: &mut Town, seen: RecordSeen) {
    let key = own(town).key.clone();
    town.obs.records.insert(key, seen);
}

/// Slot 0's holder waits to go, and its names lead to its own address.
fn leaving() -> Town {
    let mut town = Town::with_spec(1, OWN_ADDRESS);
    slot(&mut town, 0).interface = None;
    town.obs.interfaces.clear();
    own(&mut town).confirmed = one(HOLDERS);
    shared(&mut town).confirmed = one(HOLDERS);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town
}

#[test]
fn a_member_goes_only_after_its_names_are_withdrawn() {
    let mut town = leaving();
    let waits = waits_of(&town, &Subject::Instance(instance_id(0)));
    assert!(waits.contains(&Reason::RecordChanging(own(&mut town).key.name.clone())), "{waits:?}");
    assert_eq!(answers(&town.run_once()), [], "the names are not withdrawn yet");
    let steps = kinds(&town.run());
    let last_change = steps.iter().rposition(|kind| *kind == "ChangeRecord").unwrap();
    let answer = steps.iter().position(|kind| *kind == "Complete").unwrap();
    assert!(last_change < answer, "{steps:?}");
}

#[test]
fn a_name_that_was_tried_and_never_confirmed_holds_its_member_back_too() {
    let mut town = leaving();
    let record = own(&mut town);
    (record.owned, record.confirmed) = (false, Addresses::new());
    record.tried = vec![one(HOLDERS), Addresses::new()];
    let record = shared(&mut town);
    (record.owned, record.confirmed) = (false, Addresses::new());
    assert_eq!(answers(&town.plan().steps), [], "it may have been written");
    assert_eq!(answers(&town.run()), [HookResult::Continue], "once it was looked up, it goes");
}

#[test]
fn a_vacant_slot_without_a_name_looks_nothing_up() {
    let mut town = Town::served(2);
    vacant(&mut town, 0, at(500));
    slot(&mut town, 0).record = None;
    assert_eq!(town.plan().look.records, BTreeSet::new());
    assert_eq!(words(&town), ["Vacant"]);
}

#[test]
fn what_a_name_held_is_replaced_and_nothing_else() {
    for (confirmed, old) in [(Addresses::new(), None), (one(OLD), Some((30, one(OLD))))] {
        let mut town = Town::served(1);
        let record = own(&mut town);
        (record.confirmed, record.tried) = (confirmed, vec![one(SLOTS)]);
        let change = RecordChange { key: record.key.clone(), old, new: Some((30, one(SLOTS))) };
        assert_eq!(town.plan().steps, [Step::ChangeRecord(change)]);
    }
}

#[test]
fn where_more_than_one_value_may_stand_it_is_looked_up_before_it_is_changed() {
    let fails = |town: &mut Town| {
        let failure = Failure { kind: FailureKind::Unknown, message: String::new(), count: 1, retry_at: at(900) };
        let key = record_key(&own(town).key);
        town.obs.notes.failures.insert(key, failure);
    };
    for (tried, failed) in [(vec![one(OLD), one(SLOTS)], false), (vec![one(SLOTS)], true)] {
        let mut town = Town::served(1);
        own(&mut town).tried = tried;
        own(&mut town).confirmed = one(OLD);
        if failed {
            fails(&mut town);
        }
        let plan = town.plan();
        assert_eq!(plan.steps, [], "failed: {failed}");
        assert_eq!(plan.look.records, [own(&mut town).key.clone()].into(), "failed: {failed}");
    }
}

#[test]
fn someone_elses_record_is_never_put_on_record_as_ours() {
    let theirs = [RecordSeen::A { ttl: 30, values: one(OTHERS) }, RecordSeen::Other("CNAME".to_owned())];
    for seen in theirs {
        let mut town = Town::served(1);
        let record = own(&mut town);
        (record.owned, record.confirmed, record.tried) = (false, Addresses::new(), vec![one(SLOTS)]);
        shows(&mut town, seen.clone());
        assert_eq!(town.plan().steps, [], "{seen:?}");
        assert_eq!(words(&town), ["RecordForeign"], "{seen:?}");

        let mut town = leaving();
        own(&mut town).tried = vec![Addresses::new()];
        shows(&mut town, seen.clone());
        assert_eq!(answers(&town.run()), [HookResult::Continue], "nothing of ours is left to withdraw: {seen:?}");
        assert_eq!((own(&mut town).owned, own(&mut town).confirmed.len()), (false, 0), "{seen:?}");
    }
}

#[test]
fn what_a_name_held_before_is_remembered_but_not_that_it_held_nothing() {
    for (confirmed, past) in [(one(OLD), vec![one(OLD)]), (Addresses::new(), vec![])] {
        let mut town = Town::served(1);
        (own(&mut town).confirmed, own(&mut town).tried) = (confirmed, vec![one(SLOTS)]);
        shows(&mut town, RecordSeen::A { ttl: 30, values: one(SLOTS) });
        town.run_once();
        let record = own(&mut town);
        assert_eq!((&record.confirmed, &record.past), (&one(SLOTS), &past));
        assert_eq!((record.owned, record.tried.len(), record.changed), (true, 0, Some(at(1000))));
    }
}

#[test]
fn a_name_is_read_back_for_a_launch_and_not_for_a_member_in_service() {
    let lately = |lifecycle: Lifecycle| {
        let mut town = Town::served(1);
        town.lifecycle(0, lifecycle);
        own(&mut town).changed = Some(at(500));
        let plan = town.plan();
        (plan.look.records.len(), answers(&plan.steps).len())
    };
    assert_eq!(lately(Lifecycle::PendingWait), (1, 0));
    assert_eq!(lately(Lifecycle::InService), (0, 0));
}

#[test]
fn a_shared_name_leads_to_nobody_in_standby_and_to_him_again_once_he_serves() {
    let second = |ip: Ipv4Addr| one(Ipv4Addr::from(u32::from(ip) + 1));
    for (spec, first) in [(SPEC, SLOTS), (OWN_ADDRESS, HOLDERS)] {
        let mut town = Town::with_spec(2, spec);
        for n in 0..2 {
            if spec == OWN_ADDRESS {
                slot(&mut town, n).interface = None;
                town.obs.interfaces.clear();
            }
            let address = Ipv4Addr::from(u32::from(first) + n);
            slot(&mut town, n).record.as_mut().unwrap().confirmed = one(address);
        }
        let both: Addresses = one(first).union(&second(first)).copied().collect();
        shared(&mut town).confirmed = both.clone();
        town.lifecycle(0, Lifecycle::Standby);
        town.run();
        assert_eq!(shared(&mut town).confirmed, second(first), "whoever is in standby does not serve: {spec}");
        assert_eq!(own(&mut town).confirmed, one(first), "the slot is his, and its name: {spec}");
        town.lifecycle(0, Lifecycle::Pending);
        assert_eq!(town.plan().steps, [], "not before he is in service: {spec}");
        town.lifecycle(0, Lifecycle::InService);
        town.run();
        assert_eq!(shared(&mut town).confirmed, both, "{spec}");
    }
}

#[test]
fn a_shared_name_holds_four_hundred_addresses_and_no_more() {
    for (addresses, full) in [(400, false), (401, true)] {
        let mut town = Town::served(addresses);
        for n in 0..addresses {
            let ip = [10, 1, u8::try_from(n / 256).unwrap(), u8::try_from(n % 256).unwrap()].into();
            slot(&mut town, n).interface.as_mut().unwrap().ip = Some(ip);
        }
        assert_eq!(words(&town).contains(&"RecordFull"), full, "{addresses} addresses");
    }
}

#[test]
fn what_stands_there_after_many_tries_goes_on_record_only_where_it_is_of_our_making() {
    for (stands, ours) in [(OLD, true), (OTHERS, false)] {
        let mut town = Town::served(1);
        own(&mut town).tried = [OLD, HOLDERS, OLD, HOLDERS].map(one).into();
        shows(&mut town, RecordSeen::A { ttl: 30, values: one(stands) });
        assert_eq!(words(&town).contains(&"RecordForeign"), !ours, "{stands}");
        town.run_once();
        assert_eq!(own(&mut town).confirmed, one(if ours { OLD } else { SLOTS }), "{stands}");
    }
}

#[test]
fn of_what_a_name_held_before_the_newest_sixteen_hundred_addresses_are_remembered() {
    let held = |n: u32| (0..400).map(|k| Ipv4Addr::from(u32::from(OLD) + 400 * n + k)).collect();
    let past: Vec<Addresses> = (0..5).map(held).collect();
    let mut town = Town::served(1);
    let record = own(&mut town);
    (record.past, record.confirmed, record.tried) = (past.clone(), Addresses::new(), vec![one(SLOTS)]);
    shows(&mut town, RecordSeen::A { ttl: 30, values: one(SLOTS) });
    town.run_once();
    assert_eq!(own(&mut town).past, past[1..]);
}

#[test]
fn an_address_whose_withdrawal_from_the_groups_name_was_tried_comes_back_only_in_service() {
    for (withdrawn, lifecycle, named) in [
        (false, Lifecycle::PendingWait, true),
        (true, Lifecycle::PendingWait, false),
        (true, Lifecycle::InService, true),
    ] {
        let mut town = Town::served(2);
        let all = shared(&mut town).confirmed.clone();
        if withdrawn {
            shared(&mut town).tried = vec![all.iter().skip(1).copied().collect()];
        }
        town.lifecycle(0, lifecycle.clone());
        let key = shared(&mut town).key.clone();
        town.obs.records.insert(key, RecordSeen::A { ttl: 30, values: all.clone() });
        town.run();
        assert_eq!(shared(&mut town).confirmed == all, named, "withdrawn: {withdrawn}, {lifecycle:?}");
    }
}

#[test]
fn others_values_under_the_groups_name_say_nothing_of_who_was_named_there() {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    let before = shared(&mut town).clone();
    town.obs.records.insert(before.key.clone(), RecordSeen::A { ttl: 30, values: one(OTHERS) });
    assert!(words(&town).contains(&"RecordForeign"), "{:?}", words(&town));
    town.run();
    assert_eq!(*shared(&mut town), before, "nothing else is tried meanwhile");
}

#[test]
fn what_is_not_shown_under_the_groups_name_comes_back_only_in_service() {
    let all: Addresses = [SLOTS, Ipv4Addr::new(10, 0, 9, 1)].into();
    let rest: Addresses = all.iter().skip(1).copied().collect();
    let short = RecordSeen::A { ttl: 30, values: rest.clone() };
    for (seen, tried) in [(RecordSeen::Absent, vec![]), (RecordSeen::Absent, vec![all.clone()]), (short, vec![])] {
        for (lifecycle, named) in [(Lifecycle::PendingWait, &rest), (Lifecycle::InService, &all)] {
            let mut town = Town::served(2);
            let record = shared(&mut town);
            assert_eq!(record.confirmed, all);
            (record.tried, record.past) = (tried.clone(), vec![rest.clone()]);
            let key = record.key.clone();
            town.lifecycle(0, lifecycle.clone());
            town.obs.records.insert(key.clone(), seen.clone());
            town.run();
            let holds = RecordSeen::A { ttl: 30, values: named.clone() };
            assert_eq!(town.obs.records[&key], holds, "{seen:?}, tried {tried:?}, {lifecycle:?}");
            assert_eq!(shared(&mut town).confirmed, *named, "{seen:?}, tried {tried:?}, {lifecycle:?}");
        }
    }
}
