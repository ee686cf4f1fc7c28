//! A slot's address: its interface is found by its tags, made where the spec says, and attached only where it is free.

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::tags;

use crate::town::*;
use crate::{edit, planned, slot, slot_mut, words};

/// Slot 0's holder waits in its launch hook.
fn launching() -> Town {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    town
}

fn shown(town: &mut Town) -> &mut Interface {
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap()
}

#[test]
fn an_interface_is_born_when_it_has_an_address_and_is_free_or_attached() {
    let ip = Some([10, 0, 9, 0].into());
    for (ip, available, attached, born) in
        [(ip, true, false, true), (ip, false, true, true), (ip, false, false, false), (None, true, false, false)]
    {
        let mut town = launching();
        let record = slot_mut(&mut town, 0).interface.as_mut().unwrap();
        (record.born, record.ip) = (false, None);
        let interface = shown(&mut town);
        (interface.ip, interface.available) = (ip, available);
        interface.attachment = interface.attachment.take().filter(|_| attached);
        town.run_once();
        assert_eq!(slot(&town, 0).interface.as_ref().unwrap().born, born, "{ip:?} {available} {attached}");
    }
}

#[test]
fn an_interface_that_is_not_on_record_is_found_by_its_attempt_or_as_the_only_one() {
    // What attempt 6 finds where attempts up to 5 are over.
    for (attempts, expected) in [
        (vec![3], None),
        (vec![5], None),
        (vec![6], Some(6)),
        (vec![7], Some(7)),
        (vec![6, 7], Some(6)),
        (vec![7, 8], None),
        (vec![3, 6], Some(6)),
    ] {
        let mut town = launching();
        let slot = slot_mut(&mut town, 0);
        slot.upkeep.attempts = 5;
        let record = slot.interface.as_mut().unwrap();
        (record.attempt, record.id, record.ip, record.born) = (6, None, None, false);
        let mut interface = town.obs.interfaces.remove(&interface_id(0)).unwrap();
        (interface.available, interface.attachment) = (true, None);
        for attempt in &attempts {
            interface.id = interface_id(100 + attempt);
            interface.tags.insert(tags::ATTEMPT.to_owned(), attempt.to_string());
            town.obs.interfaces.insert(interface.id.clone(), interface.clone());
        }
        let makes = attempts.iter().all(|attempt| *attempt < 6);
        let words = words(&town);
        assert_eq!(words.contains(&"InterfaceCreating"), expected.is_none() && !makes, "{attempts:?}: {words:?}");
        let steps = town.run_once();
        assert_eq!(crate::slot(&town, 0).interface.as_ref().unwrap().id, expected.map(|n| interface_id(100 + n)));
        assert_eq!(kinds(&steps).contains(&"CreateInterface"), makes, "{attempts:?}");
    }
}

#[test]
fn a_slot_is_not_released_before_its_interface_is_free() {
    for (available, attached, released) in [(true, false, true), (false, false, false), (true, true, false)] {
        let mut town = Town::served(2);
        town.gone(0);
        let attachment = shown(&mut town).attachment.clone();
        town.free(0);
        shown(&mut town).available = available;
        shown(&mut town).attachment = attachment.filter(|_| attached);
        town.run_once();
        assert_eq!(slot(&town, 0).holder.is_none(), released, "{available} {attached}");
    }
}

#[test]
fn an_interface_is_made_in_the_listed_subnet_of_the_instances_zone() {
    let subnet = |n: u32| SubnetId::new(format!("subnet-{n:017x}")).unwrap();
    for (zones, expected, said) in [
        ("", None, Some("InterfaceCreating")),
        ("ba", Some(2), None),
        ("bc", None, Some("NoSubnet")),
        ("--", None, Some("NoSubnet")),
    ] {
        let mut town = launching();
        slot_mut(&mut town, 0).interface = None;
        town.obs.interfaces.remove(&interface_id(0));
        let list = format!(r#""kind":"eni","subnets":["{}","{}"]"#, subnet(1), subnet(2));
        edit(&mut town, &SPEC.replace(r#""kind":"eni""#, &list));
        for (n, letter) in (1..).zip(zones.chars()) {
            let seen = (letter != '-').then(|| Subnet { id: subnet(n), zone: zone(letter) });
            town.obs.subnets.insert(subnet(n), seen);
        }
        let plan = town.plan();
        assert_eq!(plan.look.subnets.len(), 2 - zones.len(), "{zones}");
        for word in ["InterfaceCreating", "NoSubnet"] {
            assert_eq!(words(&town).contains(&word), said == Some(word), "{zones}: {:?}", words(&town));
        }
        town.run_once();
        assert_eq!(slot(&town, 0).interface.as_ref().map(|record| record.subnet.clone()), expected.map(subnet));
    }
}

#[test]
fn a_vacant_slot_without_an_interface_waits_for_no_subnet() {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    town.obs.interfaces.remove(&interface_id(0));
    (slot_mut(&mut town, 0).interface, slot_mut(&mut town, 0).holder) = (None, None);
    assert_eq!(words(&town), ["Vacant"]);
}

#[test]
fn an_interface_is_attached_only_where_it_is_free_and_the_instance_takes_it() {
    for (available, full, said) in
        [(true, false, None), (false, false, Some("InterfaceInTransit")), (true, true, Some("AttachLimit"))]
    {
        let mut town = launching();
        (shown(&mut town).available, shown(&mut town).attachment) = (available, None);
        if full {
            town.obs.notes.full.insert(instance_id(0));
        }
        assert_eq!(planned(&town).contains(&"AttachInterface"), said.is_none());
        assert!(said.is_none_or(|said| words(&town).contains(&said)), "{said:?}: {:?}", words(&town));
    }
}

#[test]
fn an_interface_that_would_be_deleted_with_its_instance_is_kept() {
    let mut town = Town::served(1);
    shown(&mut town).attachment.as_mut().unwrap().delete_on_termination = true;
    assert_eq!(planned(&town), ["KeepInterface"]);
}
