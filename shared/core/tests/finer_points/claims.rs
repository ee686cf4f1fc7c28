//! Which slot a launching instance gets.

use super::*;

const SEVEN: u32 = 7;

fn seven() -> Subject {
    Subject::Instance(instance_id(SEVEN))
}

#[test]
fn the_slot_whose_holder_is_gone_is_promised_before_one_whose_holder_still_leaves() {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.gone(1);
    town.launching(SEVEN, 'a');
    let what = vec![volume_id(1).to_string(), interface_id(1).to_string()];
    let expected = Reason::NotYetFree { slot: SlotNumber(1), holder: instance_id(1), what };
    let waits = waits_of(&town, &seven());
    assert!(waits.contains(&expected), "{waits:?}");
}

#[test]
fn the_slot_that_is_free_is_taken_before_one_that_lost_its_holder_later() {
    let mut town = Town::served(2);
    town.gone(0);
    slot(&mut town, 0).vacated = Some(at(20));
    vacant(&mut town, 1, at(10));
    town.launching(SEVEN, 'a');
    town.run();
    assert_eq!(holder_of(&town, 1), Some(instance_id(SEVEN)));
    assert_eq!(holder_of(&town, 0), Some(instance_id(0)), "it is not free yet");
}

#[test]
fn a_parked_slot_of_another_zone_stays_parked_and_a_new_one_is_made() {
    let mut town = Town::served(2);
    vacant(&mut town, 1, at(500));
    slot(&mut town, 1).state = SlotState::Parked;
    town.launching(SEVEN, 'b');
    town.run();
    assert_eq!(holder_of(&town, 2), Some(instance_id(SEVEN)));
    assert_eq!((slot(&mut town, 2).zone.clone(), slot(&mut town, 1).state), (zone('b'), SlotState::Parked));
    assert_eq!(holder_of(&town, 1), None);
}

#[test]
fn a_parked_slot_that_a_person_wants_retired_is_not_taken() {
    let mut town = Town::served(2);
    vacant(&mut town, 1, at(500));
    let parked = slot(&mut town, 1);
    (parked.state, parked.upkeep.order) = (SlotState::Parked, Some(Order::Retire));
    town.launching(SEVEN, 'a');
    town.run();
    assert_eq!((holder_of(&town, 1), holder_of(&town, 2)), (None, Some(instance_id(SEVEN))));
}

#[test]
fn a_slot_that_is_on_its_way_to_the_zone_is_waited_for_and_no_other_made() {
    let mut town = Town::with_spec(2, &moves());
    vacant(&mut town, 0, at(500));
    town.obs.asgs[0].desired = 3;
    let moved = slot(&mut town, 0);
    moved.upkeep.operations = 2;
    moved.upkeep.change = Some(change(ChangeKind::Move { to: zone('b') }, Stage::Saving));
    town.launching(SEVEN, 'b');
    town.run();
    assert_eq!(town.obs.slots.len(), 2, "none was made");
    let expected = Reason::Changing { slot: SlotNumber(0), what: "moved", stage: Stage::Saving };
    let waits = waits_of(&town, &seven());
    assert!(waits.contains(&expected), "{waits:?}");
}

#[test]
fn a_move_begins_in_the_pass_after_the_one_that_releases_the_slot() {
    let mut town = Town::with_spec(2, &moves());
    town.gone(0);
    town.free(0);
    town.launching(SEVEN, 'b');
    town.run_once();
    assert_eq!((holder_of(&town, 0), &slot(&mut town, 0).upkeep.change), (None, &None));
    town.run_once();
    let begun = slot(&mut town, 0).upkeep.change.as_ref().map(|change| (change.kind.clone(), change.ordered));
    assert_eq!(begun, Some((ChangeKind::Move { to: zone('b') }, false)));
}
