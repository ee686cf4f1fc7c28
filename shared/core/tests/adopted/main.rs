//! Adoption, where it could go wrong: whose volume it is, which instance holds a slot, what is read and what is said.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod holders;
mod joined;
mod rebuilt;
mod seen;
#[path = "../town/mod.rs"]
mod town;

use std::collections::{BTreeMap, BTreeSet};

use stateful_asg_core::adopt::{Adoption, Wishes, propose};
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::HalfTagged;
use stateful_asg_core::spec::{Problem, Spec, VolumeType};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use town::{Town, at, instance_id, interface_id, left_behind, volume_id, zone};

const PLAIN: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
const TWO: &str =
    r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},"log":{"size":"20GiB","mount":"/log"}}}"#;

fn number(n: u32) -> SlotNumber {
    SlotNumber(n)
}

fn name(name: &str) -> VolumeName {
    VolumeName::new(name).unwrap()
}

fn subnet_id(letter: char) -> SubnetId {
    SubnetId::new(format!("subnet-0000000000000000{letter}")).unwrap()
}

fn marks(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn instance(town: &mut Town, n: u32) -> &mut Instance {
    town.obs.instances.get_mut(&instance_id(n)).unwrap()
}

fn volume(town: &mut Town, n: u32) -> &mut Volume {
    town.obs.volumes.get_mut(&volume_id(n)).unwrap()
}

fn slot(town: &mut Town, n: u32) -> &mut Slot {
    town.obs.slots.get_mut(&number(n)).unwrap()
}

/// What this one reading leads to. Nothing lost a tag, and there are no snapshots but those that a test shows.
fn propose_once(town: &mut Town, spec: &str, wishes: &Wishes) -> Adoption {
    town.obs.snapshots.get_or_insert_default();
    town.obs.half_tagged.get_or_insert_default();
    propose(&town.obs, &Spec::parse(spec).unwrap().spec, wishes, town.now)
}

/// A proposal for which nothing was left to read.
fn adopt(town: &mut Town, spec: &str) -> Adoption {
    let found = propose_once(town, spec, &Wishes::default());
    assert!(found.needs.is_empty(), "{:?}", found.needs);
    found
}

fn said(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Nothing is proposed, and these are all the refusals; each begins so.
fn assert_refused(found: &Adoption, expected: &[&str]) {
    let told = said(&found.refused);
    let right = told.len() == expected.len() && told.iter().zip(expected).all(|(told, part)| told.starts_with(part));
    assert!(right, "expected {expected:#?}, found {told:#?}");
    assert_eq!(found.slots().count(), 0, "{told:?}");
}

/// The table is gone, all of it; the group's subnet in zone a is known.
fn lose_table(town: &mut Town) {
    let id = subnet_id('a');
    town.obs.asgs[0].subnets = vec![id.clone()];
    town.obs.subnets.insert(id.clone(), Some(Subnet { id, zone: zone('a') }));
    town.obs.slots.clear();
    town.obs.record = None;
}

/// One slot, served, whose table is lost.
fn lost() -> Town {
    let mut town = Town::served(1);
    lose_table(&mut town);
    town
}

/// The only slot of which the tags tell.
fn only(found: &Adoption) -> &Slot {
    assert_eq!((said(&found.refused), found.rebuilt.len(), found.new.len()), (vec![], 1, 0));
    &found.rebuilt[0]
}

#[test]
fn an_adoption_is_empty_where_nothing_is_to_be_written_kept_tagged_or_refused() {
    let slot = || (*Town::served(1).obs.slots[&number(0)]).clone();
    let problem = || Problem { path: "slot 0".to_owned(), message: "is not right".to_owned() };
    let keep = Step::KeepVolume { volume: volume_id(0), instance: instance_id(0), device: "/dev/sdf".to_owned() };
    let cases = [
        ("nothing", Adoption::default(), true),
        ("a rebuilt slot", Adoption { rebuilt: vec![slot()], ..Adoption::default() }, false),
        ("a new slot", Adoption { new: vec![slot()], ..Adoption::default() }, false),
        ("a volume to keep", Adoption { keep: vec![keep], ..Adoption::default() }, false),
        ("tags", Adoption { tags: vec![("vol-0f".to_owned(), Tags::new())], ..Adoption::default() }, false),
        ("a refusal", Adoption { refused: vec![problem()], ..Adoption::default() }, false),
        ("only something to know", Adoption { notices: vec![problem()], ..Adoption::default() }, true),
        ("only the counter as it was", Adoption { next_slot: 3, ..Adoption::default() }, true),
    ];
    for (what, adoption, empty) in cases {
        assert_eq!(adoption.is_empty(), empty, "{what}");
    }
}
