//! A table that was lost looks like a group that is new: what tags once showed is not forgotten with the next reading.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod town;

use stateful_asg_core::adopt::{Wishes, propose};
use stateful_asg_core::cloud::{Lifecycle, Transition};
use stateful_asg_core::ids::{Generation, SlotNumber};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::Spec;
use stateful_asg_core::step::Step;
use stateful_asg_core::tags;
use town::*;

fn counter(town: &Town) -> u32 {
    town.obs.record.as_ref().unwrap().next_slot
}

fn words(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(stateful_asg_core::waiting::Reason::kind).collect()
}

fn makes_slot(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Write { write, .. } if write.slot.is_some()))
}

/// Two slots' volumes and interfaces bear their tags, the table knows nothing of them, and an instance launches.
fn lost() -> Town {
    let mut town = Town::served(2);
    town.obs.instances.values_mut().for_each(|instance| instance.tags = Shared::default());
    town.obs.slots.clear();
    town.obs.record.as_mut().unwrap().next_slot = 0;
    town.obs.asgs[0].desired = 3;
    town.launching(9, 'a');
    town
}

#[test]
fn a_reading_that_misses_the_volumes_later_makes_no_empty_slot() {
    let mut town = lost();
    let steps = town.run();
    assert!(!makes_slot(&steps), "{steps:?}");
    assert_eq!(counter(&town), 2, "what the tags show is on record");
    town.obs.volumes.clear();
    town.obs.interfaces.clear();
    let steps = town.run();
    assert!(!makes_slot(&steps), "{steps:?}");
    assert!(words(&town).contains(&"TableLost"), "{:?}", town.reasons());
}

/// A person took the deployment's tag from all that the slot has: whoever holds it still shows it.
#[test]
fn a_slot_is_not_made_anew_while_an_instance_bears_its_number() {
    let mut town = lost();
    town.obs.volumes.clear();
    town.obs.interfaces.clear();
    let holder = town.obs.instances.get_mut(&instance_id(1)).unwrap();
    holder.tags.insert(tags::SLOT.to_owned(), "1".to_owned());
    let steps = town.run();
    assert_eq!((counter(&town), makes_slot(&steps)), (2, false), "{steps:?}");
    let said = format!("{:?}", town.reasons());
    assert!(said.contains(&format!("{} is tagged with slot 1", instance_id(1))), "{said}");
}

#[test]
fn a_slip_of_the_pen_in_a_tag_does_not_raise_the_counter_for_good() {
    for (number, raised) in [(1_000, 0), (999, 1_000), (4_000_000_000_u32, 0)] {
        let mut town = lost();
        town.obs.interfaces.clear();
        town.obs.volumes.remove(&volume_id(1));
        let volume = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
        volume.tags.insert(tags::SLOT.to_owned(), number.to_string());
        let steps = town.run();
        assert_eq!((counter(&town), makes_slot(&steps)), (raised, false), "{number}");
        assert!(words(&town).contains(&"TableLost"), "{number}");
    }
}

#[test]
fn the_counter_never_falls_to_what_tags_show() {
    let mut town = Town::served(3);
    town.obs.slots.remove(&SlotNumber(0));
    town.run();
    assert_eq!(counter(&town), 3);
}

#[test]
fn the_first_slot_of_a_group_rests_on_a_second_reading() {
    let mut town = Town::with_spec(0, SPEC);
    town.obs.record = None;
    town.obs.asgs[0].desired = 1;
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(SPEC)), hook(Transition::Terminating, None)]);
    let first = town.run_once();
    assert_eq!((kinds(&first), makes_slot(&first)), (vec!["Write"], false), "{first:?}");
    assert!(makes_slot(&town.run()), "and then it is made");
}

/// A write that rests on the lost table would find its condition true again, long after.
#[test]
fn what_takes_the_place_of_a_lost_item_has_a_generation_that_the_lost_one_never_had() {
    let lost_at = Generation(50_000_000);
    let mut town = lost();
    let hooks = vec![hook(Transition::Launching, Some(SPEC)), hook(Transition::Terminating, None)];
    (town.obs.hooks, town.obs.record) = (Some(hooks), None);
    town.run();
    assert_eq!(counter(&town), 2, "the group's item is made again");
    assert!(town.obs.record.as_ref().unwrap().generation > lost_at, "{:?}", town.obs.record);

    town.obs.record = None;
    town.obs.snapshots.get_or_insert_default();
    town.obs.half_tagged.get_or_insert_default();
    let found = propose(&town.obs, &Spec::parse(SPEC).unwrap().spec, &Wishes::default(), town.now);
    let writes = found.writes(&town.obs);
    let groups: Vec<_> =
        writes.iter().filter_map(|write| write.record.as_ref()).map(|(_, group)| group.generation).collect();
    let slots: Vec<_> =
        writes.iter().filter_map(|write| write.slot.as_ref()).map(|(_, slot)| slot.generation).collect();
    assert_eq!((groups.len(), slots.len()), (1, 2), "{found:?}");
    assert!(groups.iter().chain(&slots).all(|generation| *generation > lost_at), "{groups:?} {slots:?}");
}
