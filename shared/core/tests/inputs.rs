//! Whatever stands in the table, in tags and in a hook's metadata: reading it and planning on it neither panics nor goes on
//! without end, and where an item is not readable nothing is planned on it.
//!
//! `PROPTEST_CASES=1000000 cargo test --package stateful-asg-core --test inputs` looks at more.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test says by it what it takes for granted")]

mod town;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stateful_asg_core::adopt::{Wishes, propose};
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::plan::{invariants, periodic, plan};
use stateful_asg_core::spec::Spec;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Action, Group, Slot};
use stateful_asg_core::tags;
use town::{SPEC, Town, at};

/// More steps than any plan on two slots has use for.
const MOST_STEPS: usize = 200;

/// Readings of a group in the middle of everything: a launch, a move, a growth, a scale-in.
static READINGS: LazyLock<Vec<Observed>> = LazyLock::new(|| {
    let spec = |extra: &str| SPEC.replace(r#""address""#, &format!(r#"{extra},"address""#));
    let moving = spec(r#""snapshots":{"every":"1h"},"zones":{"move":"final","keep_source":"1h"}"#);
    let mut all = Vec::new();
    for (spec, larger) in [(SPEC.to_owned(), false), (moving, false), (SPEC.replace("20GiB", "40GiB"), true)] {
        let mut town = Town::with_spec(2, SPEC);
        town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = spec;
        if !larger {
            town.gone(0);
            town.free(0);
            town.launching(7, 'b');
            town.launching(8, 'a');
        }
        for _ in 0..12 {
            town.obs.snapshots.get_or_insert_default();
            all.push(town.obs.clone());
            town.run_once();
            all.push(town.obs.clone());
            town.arrive();
        }
    }
    all
});

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("2026-11-20T08:15:30Z")),
        Just(Value::from("-009999-01-01T00:00:00Z")),
        Just(Value::from("9999-12-30T22:00:00.999999999Z")),
        Just(Value::from("vol-00000000000000001")),
        Just(Value::from("i-00000000000000001")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One change of a value: where, and what stands there then.
#[derive(Debug, Clone)]
enum Edit {
    Put(Value),
    /// Another part of the same value.
    Copy(prop::sample::Index),
    Remove,
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, Edit)> {
    let edit = prop_oneof![
        3 => any_json().prop_map(Edit::Put),
        2 => any::<prop::sample::Index>().prop_map(Edit::Copy),
        1 => Just(Edit::Remove),
    ];
    (any::<prop::sample::Index>(), edit)
}

fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, inner)| {
            all.push(format!("{at}/{}", escaped(key)));
            pointers(inner, &format!("{at}/{}", escaped(key)), all);
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| {
            all.push(format!("{at}/{index}"));
            pointers(inner, &format!("{at}/{index}"), all);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn apply(value: &mut Value, (place, edit): &(prop::sample::Index, Edit)) {
    let mut all = Vec::new();
    pointers(value, "", &mut all);
    if all.is_empty() {
        return;
    }
    let place = place.get(&all).clone();
    match edit {
        Edit::Put(new) => *value.pointer_mut(&place).unwrap() = new.clone(),
        Edit::Copy(from) => {
            let copied = value.pointer(from.get(&all).as_str()).unwrap().clone();
            *value.pointer_mut(&place).unwrap() = copied;
        }
        Edit::Remove => {
            let (parent, key) = place.rsplit_once('/').unwrap();
            if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
                fields.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
}

/// The value with its edits, where it can still be read.
fn edited<T: Serialize + DeserializeOwned>(value: &T, edits: &[(prop::sample::Index, Edit)]) -> Option<T> {
    let mut json = serde_json::to_value(value).unwrap();
    edits.iter().for_each(|edit| apply(&mut json, edit));
    serde_json::from_value(json).ok()
}

/// Everything that is decided on a reading. A step that the second opinion refuses is not taken: on a reading that nobody
/// wrote so that is what it is for.
fn decide(observed: &Observed) {
    let now = at(2000);
    let made = plan(observed, now);
    assert!(made.steps.len() <= MOST_STEPS, "{} steps", made.steps.len());
    let (steps, _) = invariants::check(observed, &made, now);
    let mut next = observed.clone();
    for step in &steps {
        next.fold(step, &stateful_asg_core::fold::Outcome::Done, now);
    }
    plan(&next, now).waiting.iter().for_each(|waiting| _ = waiting.to_string());
    assert!(periodic(observed, now).steps.len() <= MOST_STEPS);
    let spec = observed.record.as_ref().and_then(|group| Spec::parse(&group.spec.as_ref()?.text).ok());
    if let Some(spec) = spec {
        _ = propose(observed, &spec.spec, &Wishes::default(), now);
        let lost = Observed { slots: Default::default(), record: None, half_tagged: Some(vec![]), ..observed.clone() };
        _ = propose(&lost, &spec.spec, &Wishes::default(), now);
    }
}

/// Every counter that an item or a tag holds stands at its largest value: it stays there, and nothing begins anew.
#[test]
fn counters_at_their_end_stay_there() {
    for reading in READINGS.iter() {
        let mut observed = reading.clone();
        let group = observed.record.as_mut().unwrap();
        (group.next_slot, group.generation) = (u32::MAX, Generation(u64::MAX));
        group.spec.as_mut().unwrap().number = u64::MAX;
        for slot in observed.slots.values_mut() {
            (slot.claim, slot.generation) = (Claim(u64::MAX), Generation(u64::MAX));
            (slot.upkeep.attempts, slot.upkeep.operations) = (u32::MAX, u32::MAX);
            slot.volumes.values_mut().for_each(|record| record.attempt = u32::MAX);
            slot.interface.iter_mut().for_each(|record| record.attempt = u32::MAX);
        }
        decide(&observed);
        observed
            .volumes
            .values_mut()
            .for_each(|volume| _ = volume.tags.insert(tags::SLOT.to_owned(), u32::MAX.to_string()));
        decide(&observed);
        let claims = |step: &Step| match step {
            Step::Write { write, .. } => write.slot.as_ref().map(|(_, slot)| (slot.claim, slot.upkeep.operations)),
            _ => None,
        };
        for (claim, operations) in plan(&observed, at(2000)).steps.iter().filter_map(claims) {
            assert_eq!((claim, operations), (Claim(u64::MAX), u32::MAX));
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<(prop::sample::Index, Edit)>> {
    prop::collection::vec(edit(), 1..4)
}

/// A tag of ours or of someone else's, with a value that we might have written or not.
fn tag() -> impl Strategy<Value = (String, String)> {
    let ours = [
        tags::GROUP,
        tags::DEPLOYMENT,
        tags::SLOT,
        tags::ATTEMPT,
        tags::CLAIM,
        tags::VOLUME,
        tags::SUPERSEDED,
        tags::MOUNTED,
        tags::RELEASED,
        tags::DATA,
        tags::OPERATION,
        tags::FOR_SLOT,
    ];
    let key = prop_oneof![4 => prop::sample::select(ours.map(str::to_owned).to_vec()), 1 => ".{0,12}"];
    let value = prop_oneof![
        Just(String::new()),
        "[0-9]{1,12}",
        "-?[0-9]{1,3}",
        "[a-z]{1,6}",
        ".{0,20}",
        "(periodic|final|retire)-[0-9]{1,3}-[0-9]{1,3}",
        Just("cass".to_owned()),
        Just("test".to_owned()),
        Just("data".to_owned()),
        "vol-0000000000000000[0-9a]",
    ];
    (key, value)
}

proptest! {
    #[test]
    fn an_item_of_the_table_that_was_changed_is_refused_or_planned_on(
        reading in any::<prop::sample::Index>(), which in any::<prop::sample::Index>(), edits in edits(),
    ) {
        let mut observed = reading.get(&READINGS).clone();
        let places = observed.slots.len() + observed.actions.len() + 1;
        let which = which.index(places);
        if let Some(number) = observed.slots.keys().nth(which).copied() {
            let Some(slot) = edited::<Slot>(&observed.slots[&number], &edits) else { return Ok(()) };
            // A reading files it under the number that it bears.
            observed.slots.remove(&number);
            observed.slots.insert(slot.number, slot.into());
        } else if let Some(key) = observed.actions.keys().nth(which - observed.slots.len()).cloned() {
            let Some(action) = edited::<Action>(&observed.actions[&key], &edits) else { return Ok(()) };
            observed.actions.insert(key, action);
        } else {
            let Some(group) = edited::<Group>(observed.record.as_ref().unwrap(), &edits) else { return Ok(()) };
            observed.record = Some(group);
        }
        decide(&observed);
    }

    #[test]
    fn tags_that_anybody_may_set_are_planned_on(
        reading in any::<prop::sample::Index>(),
        set in prop::collection::vec((any::<prop::sample::Index>(), tag()), 1..6),
    ) {
        let mut observed = reading.get(&READINGS).clone();
        for (which, (key, value)) in set {
            let volumes = observed.volumes.values_mut().map(|volume| &mut *volume.tags);
            let interfaces = observed.interfaces.values_mut().map(|interface| &mut *interface.tags);
            let instances = observed.instances.values_mut().map(|instance| &mut *instance.tags);
            let snapshots = observed.snapshots.iter_mut().flatten().map(|(_, snapshot)| &mut *snapshot.tags);
            let groups = observed.asgs.iter_mut().map(|asg| &mut asg.tags);
            let mut all: Vec<&mut Tags> = volumes.chain(interfaces).chain(instances).chain(snapshots).chain(groups).collect();
            let place = which.index(all.len());
            all[place].insert(key, value);
        }
        decide(&observed);
    }

    #[test]
    fn whatever_a_hook_carries_is_taken_for_a_spec_or_refused(
        reading in any::<prop::sample::Index>(), edits in edits(), text in prop::option::weighted(0.3, ".{0,60}"), first in any::<bool>(),
    ) {
        let mut observed = reading.get(&READINGS).clone();
        let edited = edited::<Value>(&serde_json::from_str(SPEC).unwrap(), &edits).unwrap().to_string();
        let hook = |name: &str, transition, metadata| Hook {
            asg: observed.asgs[0].name.clone(),
            name: HookName::new(name).unwrap(),
            transition,
            heartbeat_timeout: 900,
            metadata,
        };
        observed.hooks = Some(vec![
            hook("stateful-asg-test-launch", Transition::Launching, Some(text.unwrap_or(edited))),
            hook("stateful-asg-test-terminate", Transition::Terminating, None),
        ]);
        if first {
            observed.record = None;
            observed.slots.clear();
        }
        decide(&observed);
    }
}
