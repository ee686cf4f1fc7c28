//! The second opinion on a plan: from a step that it lets pass, each single thing that is spoiled makes it refuse the
//! step, and name the rule.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod answers;
mod attachments;
mod data;
mod deletes;
mod records;
#[path = "../town/mod.rs"]
mod town;
mod writes;

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::plan::{Plan, invariants};
use stateful_asg_core::step::{ActionRef, Step};
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use town::{Town, at, instance_id, interface_id, volume_id};

/// Spoils one thing: the rule that the refusal must name, a part of what it must say, and how.
type Spoil = (u8, &'static str, fn(&mut Town, &mut Step));
/// Changes something that the step does not rest on.
type Harmless = (&'static str, fn(&mut Town, &mut Step));

/// What the second opinion says of this one step.
fn opinion(town: &Town, step: &Step) -> Result<(), (u8, String)> {
    let plan = Plan { steps: vec![step.clone()], ..Plan::default() };
    let (kept, refused) = invariants::check(&town.obs, &plan, town.now);
    assert_eq!(kept.len() + refused.len(), 1, "a step is taken or refused");
    refused.into_iter().next().map_or(Ok(()), |violation| Err((violation.rule, violation.why)))
}

fn refused(base: impl Fn() -> (Town, Step), spoils: &[Spoil]) {
    let (town, step) = base();
    assert_eq!(opinion(&town, &step), Ok(()), "with nothing spoiled");
    for (nth, (rule, part, spoil)) in spoils.iter().enumerate() {
        let (mut town, mut step) = base();
        spoil(&mut town, &mut step);
        match opinion(&town, &step) {
            Err((named, why)) if named == *rule && why.contains(part) => {}
            other => panic!("{nth}: rule {rule}, {part}: {other:?}"),
        }
    }
}

fn allowed(base: impl Fn() -> (Town, Step), changes: &[Harmless]) {
    for (what, change) in changes {
        let (mut town, mut step) = base();
        change(&mut town, &mut step);
        assert_eq!(opinion(&town, &step), Ok(()), "{what}");
    }
}

const ZERO: SlotNumber = SlotNumber(0);

fn data() -> VolumeName {
    VolumeName::new("data").unwrap()
}

fn slot(town: &mut Town) -> &mut Slot {
    town.obs.slots.get_mut(&ZERO).unwrap()
}

fn record(town: &mut Town) -> &mut VolumeRecord {
    slot(town).volumes.get_mut(&data()).unwrap()
}

fn interface(town: &mut Town) -> &mut InterfaceRecord {
    slot(town).interface.as_mut().unwrap()
}

fn volume(town: &mut Town) -> &mut Volume {
    town.obs.volumes.get_mut(&volume_id(0)).unwrap()
}

/// The tags of slot 0's volume.
fn marks(town: &mut Town) -> &mut Tags {
    &mut volume(town).tags
}

fn shown_interface(town: &mut Town) -> &mut Interface {
    town.obs.interfaces.get_mut(&interface_id(0)).unwrap()
}

fn instance(town: &mut Town) -> &mut Instance {
    town.obs.instances.get_mut(&instance_id(0)).unwrap()
}

fn snapshot_id(n: u32) -> SnapshotId {
    SnapshotId::new(format!("snap-{n:017x}")).unwrap()
}

fn set(tags: &mut Tags, key: &str, value: &str) {
    tags.insert(key.to_owned(), value.to_owned());
}

#[test]
fn the_same_step_twice_is_taken_once() {
    let town = Town::served(1);
    let step = Step::Tag { resource: volume_id(0).to_string(), tags: Tags::default() };
    let plan = Plan { steps: vec![step.clone(), step.clone()], ..Plan::default() };
    let (kept, refused) = invariants::check(&town.obs, &plan, town.now);
    assert_eq!((kept, refused.len(), refused[0].rule), (vec![step], 1, 8));
    let said = refused[0].to_string();
    assert!(said.starts_with("refused to take Tag") && said.contains("rule 8: the same thing twice"), "{said}");
}
