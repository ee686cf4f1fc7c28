//! Events of any form at a group that is served: none is answered by a panic, and none changes anything.
//!
//! Events only wake us up (rule 11), and bad input changes nothing (rule 12). What an event may leave behind is bookkeeping:
//! the lease of the settle that it woke with the note of what that settle saw, the note of a lifecycle action's token, and
//! the sweep's own event by which it has a group looked at.
//!
//! `PROPTEST_CASES=20000 cargo test -p stateful-asg-campaign --test events` looks at more.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use stateful_asg_campaign::actors::Function;
use stateful_asg_campaign::bus::PANICKED;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::{EffectKind, GuestMode, Span};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"launch":{"ready":"mounted"}}"#;
const LIMIT: Duration = Duration::from_secs(900);
/// Longer than Lambda's retries of an invocation that fails.
const RETRIED: Duration = Duration::from_secs(200);
const MEMBERS: usize = 2;
const FUNCTIONS: [Function; 4] = [Function::Lifecycle, Function::Instance, Function::Sweep, Function::Snapshot];

/// The events as AWS and we make them, and what is no event of ours.
static FIXTURES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/fixtures");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("it is there").map(|file| file.expect("it is read").path()).collect();
    paths.sort();
    let read = |path| serde_json::from_str(&std::fs::read_to_string(path).expect("it is text")).expect("it is JSON");
    paths.into_iter().map(read).collect()
});

/// An event before it is known whom it is about.
#[derive(Debug, Clone)]
struct Draft {
    event: Value,
    function: usize,
    /// Which of the names of the fixtures are made those of the served group: its instance, its Auto Scaling group, its
    /// deployment.
    ours: [bool; 3],
    instance: usize,
    /// Milliseconds until the next.
    pause: u64,
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::from("i-0a1b2c3d4e5f60718")),
        Just(Value::from("cass-blue")),
        Just(Value::from("stateful-asg-prod-terminate")),
        Just(Value::from("9999-12-30T22:00:00.999999999Z")),
        Just(Value::from("{\"Event\":\"autoscaling:TEST_NOTIFICATION\"}")),
    ];
    leaf.prop_recursive(3, 16, 5, |inner| {
        let key = prop_oneof!["[a-z]{1,4}", Just("Records".to_owned()), Just("detail".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One change of an event: a field, and what stands there then: anything, nothing, or what another event has there.
#[derive(Debug, Clone)]
enum Edit {
    Put(Value),
    Remove,
    Of(Index),
}

fn edit() -> impl Strategy<Value = (bool, Index, Edit)> {
    let edit = prop_oneof![
        any_json().prop_map(Edit::Put),
        Just(Edit::Remove),
        any::<Index>().prop_map(Edit::Of),
        any::<Index>().prop_map(Edit::Of)
    ];
    (any::<bool>(), any::<Index>(), edit)
}

fn edited(mut event: Value, (within, field, edit): (bool, Index, Edit)) -> Value {
    let within = within && event["detail"].is_object();
    let Some(fields) = (if within { &mut event["detail"] } else { &mut event }).as_object_mut() else { return event };
    let names: Vec<String> = fields.keys().cloned().collect();
    if names.is_empty() {
        return event;
    }
    let name = field.get(&names).clone();
    let other = |of: Index| {
        let other = of.get(&FIXTURES);
        (if within { &other["detail"] } else { other }).get(&name).cloned()
    };
    let stands = match edit {
        Edit::Put(value) => Some(value),
        Edit::Remove => None,
        Edit::Of(index) => other(index),
    };
    match stands {
        Some(value) => fields.insert(name, value),
        None => fields.remove(&name),
    };
    event
}

fn draft() -> impl Strategy<Value = Draft> {
    let fixture = (any::<Index>(), prop::collection::vec(edit(), 0..3))
        .prop_map(|(pick, edits)| edits.into_iter().fold(pick.get(&FIXTURES).clone(), edited));
    let event = prop_oneof![8 => fixture, 1 => any_json()];
    let ours = (prop::bool::weighted(0.9), prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    (event, 0..FUNCTIONS.len(), ours, 0..MEMBERS, 0..3000_u64).prop_map(
        |(event, function, (instance_is, asg_is, deployment_is), instance, pause)| Draft {
            event,
            function,
            ours: [instance_is, asg_is, deployment_is],
            instance,
            pause,
        },
    )
}

/// The event as it is sent: half of them where the deployment's rules send them, if anywhere.
fn sent(draft: &Draft, instances: &[String]) -> (Function, Value) {
    let [instance, asg, deployment] = draft.ours;
    let words = [
        (instance, "i-0a1b2c3d4e5f60718", instances[draft.instance].as_str()),
        (asg, "cass-blue", "cass-1"),
        (deployment, "stateful-asg-prod-", "stateful-asg-test-"),
        (deployment, "\"prod\"", "\"test\""),
    ];
    let swap = |text: String, (_, word, ours): &(bool, &str, &str)| text.replace(word, ours);
    let text = words.iter().filter(|(swaps, ..)| *swaps).fold(draft.event.to_string(), swap);
    let event = serde_json::from_str(&text).expect("words are exchanged for words");
    let by_rule = stateful_asg_campaign::actors::target(&event).filter(|_| draft.pause.is_multiple_of(2));
    (by_rule.unwrap_or(FUNCTIONS[draft.function]), event)
}

/// What must not change: what AWS did and was told, and the table but for leases and notes of actions.
#[derive(Debug, PartialEq, Eq)]
struct State {
    effects: String,
    writes: String,
    group: String,
    slots: String,
    bindings: String,
}

/// Our own event, by which a group is looked at.
fn is_wake(what: &EffectKind) -> bool {
    matches!(what, EffectKind::EventPut { source, .. } if source == "stateful-asg")
}

impl State {
    fn of(lab: &Lab, group: &GroupName, (effects, writes): (usize, usize)) -> Self {
        lab.truth(|aws, table| Self {
            effects: format!(
                "{:?}",
                aws.effects()[effects..].iter().filter(|effect| !is_wake(&effect.what)).collect::<Vec<_>>()
            ),
            writes: format!(
                "{:?}",
                table.log()[writes..]
                    .iter()
                    .map(|written| &written.write)
                    .filter(|write| write.lone_action().is_none())
                    .collect::<Vec<_>>()
            ),
            group: format!("{:?}", table.group(group)),
            slots: format!("{:?}", table.all_slots().collect::<Vec<_>>()),
            bindings: format!("{:?}", table.bindings()),
        })
    }
}

/// A served group gets these events; what changed, if anything.
fn change(drafts: &[Draft]) -> Result<(), String> {
    let guest = GuestMode::Reports { delay: Span::exactly(2000) };
    let world = World { trace: false, guest, ..World::quiet(41) };
    simulate(&world, async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 2).in_one_zone());
        if !lab.until_served(&group, LIMIT).await {
            return Err("the group was never served".to_owned());
        }
        // The hooks and records are read again by then: no event is needed for it.
        lab.pass(LIMIT).await;
        let instances: Vec<String> =
            lab.truth(|aws, _| aws.members("cass-1").map(|member| member.instance_id.clone()).collect());
        let seen = lab.truth(|aws, table| (aws.effects().len(), table.log().len()));
        let before = State::of(lab, &group, seen);
        for draft in drafts {
            let (function, event) = sent(draft, &instances);
            lab.bus.inject(function, event);
            lab.pass(Duration::from_millis(draft.pause)).await;
        }
        lab.pass(RETRIED).await;
        let counts = lab.bus.counts();
        let bad = [PANICKED, "invocation failed", "invocation crashed", "invocation timed out"];
        if let Some(what) = bad.into_iter().find(|what| counts.contains_key(what)) {
            return Err(what.to_owned());
        }
        let broken = lab.violations();
        let after = State::of(lab, &group, seen);
        if after != before || !broken.is_empty() {
            return Err(format!("{broken:?}\nbefore {before:#?}\nafter {after:#?}"));
        }
        Ok(())
    })
}

proptest! {
    #[test]
    fn no_event_changes_anything_of_a_group_that_is_served(drafts in prop::collection::vec(draft(), 1..12)) {
        let changed = change(&drafts);
        prop_assert!(changed.is_ok(), "{}", changed.unwrap_err());
    }
}

/// So that the above speaks of events that are acted upon: each of these wakes a settle, or is refused.
#[test]
fn the_events_as_they_are_change_nothing_either() {
    let all: Vec<Draft> = FIXTURES
        .iter()
        .map(|event| Draft { event: event.clone(), function: 0, ours: [true; 3], instance: 0, pause: 1000 })
        .collect();
    assert!(all.len() > 30, "fixtures are missing: {}", all.len());
    assert_eq!(change(&all), Ok(()));
}
