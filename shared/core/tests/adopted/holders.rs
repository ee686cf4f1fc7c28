//! Which instance holds a rebuilt slot, and which interface is its own.

use super::*;

/// A second living member that bears slot 0's tag and this claim.
fn told_as_well(town: &mut Town, claim: &str) {
    town.instance(9, 'a', Lifecycle::InService);
    instance(town, 9).tags.extend(marks(&[(tags::SLOT, "0"), (tags::CLAIM, claim)]));
}

fn held(found: &Adoption) -> Option<InstanceId> {
    only(found).holder.as_ref().map(|holder| holder.instance.clone())
}

#[test]
fn the_instance_that_has_the_slots_things_holds_it_unless_another_was_told_of_a_newer_claim() {
    for (claim, passed) in [("2", false), ("3", false), ("4", true)] {
        let mut town = lost();
        told_as_well(&mut town, claim);
        let found = adopt(&mut town, PLAIN);
        if passed {
            let told =
                "slot 0: its things are attached to i-00000000000000000, while i-00000000000000009 was told of a";
            assert_refused(&found, &[told]);
        } else {
            assert_eq!(held(&found), Some(instance_id(0)), "claim {claim}");
        }
    }
}

#[test]
fn of_free_things_the_living_instance_with_the_newest_claim_is_the_holder() {
    let rivals = "slot 0: several living instances bear its newest claim: terminate all but one, or remove the tags";
    for (claim, holder) in [("2", Some(0)), ("4", Some(9)), ("3", None)] {
        let mut town = lost();
        town.free(0);
        told_as_well(&mut town, claim);
        let found = adopt(&mut town, PLAIN);
        match holder {
            Some(n) => assert_eq!(held(&found), Some(instance_id(n)), "claim {claim}"),
            None => assert_refused(&found, &[rivals]),
        }
    }
}

#[test]
fn one_living_instance_is_no_rival_of_itself_and_one_that_is_terminated_holds_nothing() {
    let mut town = lost();
    town.free(0);
    assert_eq!(held(&adopt(&mut town, PLAIN)), Some(instance_id(0)));
    for state in [InstanceState::ShuttingDown, InstanceState::Terminated] {
        town.state(0, state);
        let found = adopt(&mut town, PLAIN);
        assert_eq!((held(&found), only(&found).claim), (None, Claim(3)), "{state:?}");
        assert_eq!(only(&found).vacated, Some(town.now), "{state:?}");
    }
}

#[test]
fn an_instance_that_holds_another_slot_does_not_hold_this_one() {
    let mut town = Town::served(2);
    town.obs.slots.remove(&number(0));
    town.free(1);
    town.attach(0, 1);
    town.gone(0);
    town.obs.asgs[0].subnets = vec![subnet_id('a')];
    town.obs.subnets = [(subnet_id('a'), Some(Subnet { id: subnet_id('a'), zone: zone('a') }))].into();
    let holds = ["slot 0: what is its is attached to i-00000000000000001, which holds slot 1"];
    assert_refused(&adopt(&mut town, PLAIN), &holds);
    // The table says so, whether its tags do or not.
    instance(&mut town, 1).tags.remove(tags::SLOT);
    assert_refused(&adopt(&mut town, PLAIN), &holds);
}

#[test]
fn what_is_attached_to_several_or_to_a_stranger_is_refused() {
    let mut town = lost();
    told_as_well(&mut town, "3");
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap().attachment.as_mut().unwrap().instance = Some(instance_id(9));
    let apart =
        "slot 0: what is its is attached to i-00000000000000000 and i-00000000000000009: detach it from all but";
    assert_refused(&adopt(&mut town, PLAIN), &[apart]);

    let mut town = lost();
    town.attach(0, 0xbad);
    let stranger = "slot 0: what is its is attached to i-00000000000000bad, which is no instance of this group";
    assert_refused(&adopt(&mut town, PLAIN), &[stranger]);
}

/// Another free interface with slot 0's tags.
fn another_interface(town: &mut Town, letter: char) {
    let mut other = town.obs.interfaces[&interface_id(0)].clone();
    other.id = interface_id(7);
    other.zone = zone(letter);
    other.available = true;
    other.attachment = None;
    town.obs.interfaces.insert(other.id.clone(), other);
}

fn address(found: &Adoption) -> Option<InterfaceId> {
    only(found).interface.as_ref().and_then(|interface| interface.id.clone())
}

#[test]
fn the_interface_that_the_holder_has_is_the_slots_and_the_other_one_is_named() {
    let other = "slot 0: eni-00000000000000007 bears its tag and is not used: delete it when it is not needed";
    for letter in ['a', 'b'] {
        let mut town = lost();
        another_interface(&mut town, letter);
        let found = adopt(&mut town, PLAIN);
        assert_eq!(address(&found), Some(interface_id(0)), "the other lies in zone {letter}");
        assert_eq!(said(&found.notices), [other], "the other lies in zone {letter}");
    }
}

#[test]
fn of_two_interfaces_that_nobody_has_none_is_chosen() {
    let both = "slot 0: eni-00000000000000000 and eni-00000000000000007 all bear its tag: remove the tag";
    let mut town = lost();
    town.free(0);
    another_interface(&mut town, 'a');
    assert_refused(&adopt(&mut town, PLAIN), &[both]);

    // All that is wrong is said at once.
    let mut town = lost();
    town.attach(0, 0xbad);
    another_interface(&mut town, 'a');
    let stranger = "slot 0: what is its is attached to i-00000000000000bad, which is no instance of this group";
    assert_refused(&adopt(&mut town, PLAIN), &[stranger, both]);
}

#[test]
fn an_interface_in_another_zone_than_the_volumes_is_not_the_slots() {
    let mut town = lost();
    town.free(0);
    town.gone(0);
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap().zone = zone('b');
    let found = adopt(&mut town, PLAIN);
    assert_eq!((address(&found), &only(&found).zone), (None, &zone('a')));
    assert_eq!(said(&found.notices).len(), 1, "{:?}", found.notices);
}

#[test]
fn an_interface_of_another_slots_record_is_refused_whatever_its_tag_says() {
    type Records = fn(&mut Slot);
    let cases: [(&str, Records); 2] = [
        ("serves", |slot| slot.interface.as_mut().unwrap().id = Some(interface_id(1))),
        ("is left behind", |slot| {
            let left = LeftInterface { since: at(0), absent_since: None };
            slot.upkeep.left_interfaces.insert(interface_id(1), left);
        }),
    ];
    for (what, record) in cases {
        let mut town = Town::served(2);
        town.obs.slots.remove(&number(1));
        record(slot(&mut town, 0));
        let found = adopt(&mut town, PLAIN);
        let on_record = ["slot 1: eni-00000000000000001 bears its tag, and is on the record of slot 0"];
        assert_eq!((said(&found.refused), found.slots().count()), (on_record.map(str::to_owned).to_vec(), 0), "{what}");
    }
}

#[test]
fn the_subnet_of_a_free_interface_is_one_of_the_group_in_its_zone() {
    let mut town = lost();
    town.free(0);
    town.gone(0);
    let (near, far) = (subnet_id('c'), subnet_id('b'));
    town.obs.asgs[0].subnets = vec![far.clone(), near.clone()];
    town.obs.subnets = [(far.clone(), Some(Subnet { id: far.clone(), zone: zone('b') }))].into();
    let found = propose_once(&mut town, PLAIN, &Wishes::default());
    assert_eq!(found.needs.look.subnets, BTreeSet::from([near.clone()]), "what is known is not read again");
    assert_eq!(said(&found.refused), Vec::<String>::new(), "it may be there");

    town.obs.subnets.insert(near.clone(), Some(Subnet { id: near.clone(), zone: zone('a') }));
    assert_eq!(only(&adopt(&mut town, PLAIN)).interface.as_ref().unwrap().subnet, near);
    town.obs.subnets.insert(near.clone(), Some(Subnet { id: near, zone: zone('b') }));
    let unknown = "slot 0: no subnet of the group is known in the zone of eni-00000000000000000";
    assert_refused(&adopt(&mut town, PLAIN), &[unknown]);
}
