//! The whole stories, with the compiled functions: whatever happens to nodes, slots keep what they had.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

#[path = "../common/mod.rs"]
mod common;
mod meddling;
mod rights;

use std::sync::OnceLock;

use common::{Ran, command, functions};
use serde_json::Value;

fn demo(args: &[&str]) -> Ran {
    functions();
    command(&[&["demo"], args].concat()).output().unwrap().into()
}

#[test]
fn two_of_five_die_and_each_replacement_has_its_volume_address_and_name() {
    let report = story("failover");
    assert_eq!(report["volumes_created"], 5);
    let slots = report["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 5);
    let mut replaced = 0;
    for slot in slots {
        let (before, after) = (&slot["before"], &slot["after"]);
        for kept in ["zone", "volumes", "ip", "name"] {
            assert_eq!(before[kept], after[kept], "{slot}");
        }
        assert!(after["volumes"]["data"].as_str().unwrap().starts_with("vol-"), "{slot}");
        assert_eq!(after["name"], format!("cass-{}.prod.internal", slot["slot"]));
        replaced += usize::from(before["instance"] != after["instance"]);
    }
    assert_eq!(replaced, 2);
    assert_eq!(report["api_calls"]["ec2:CreateVolume"], 5);
    let timeline = report["timeline"].as_array().unwrap();
    let deaths = timeline.iter().filter(|moment| moment["what"].as_str().unwrap().starts_with("someone terminates"));
    assert_eq!(deaths.count(), 2);
    let times: Vec<f64> = timeline.iter().map(|moment| moment["at_seconds"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times.last().unwrap() <= &report["seconds"].as_f64().unwrap(), "{times:?}");
}

/// The stories, each of which is told once for all tests.
const STORIES: [&str; 4] = ["failover", "move", "grow", "scale-in"];

/// A story that must hold, and what is said of it.
fn story(name: &str) -> &'static Value {
    static TOLD: [OnceLock<Value>; STORIES.len()] = [const { OnceLock::new() }; STORIES.len()];
    let place = STORIES.iter().position(|story| *story == name).expect("one of the stories");
    TOLD[place].get_or_init(|| {
        let nodes: &[&str] = if name == "failover" { &["--slots", "5", "--kill", "2"] } else { &[] };
        let ran = demo(&[&["--story", name, "--json"], nodes].concat());
        assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, ran.stdout);
        let report: Value = serde_json::from_str(&ran.stdout).expect("one JSON object and nothing else");
        assert_eq!((&report["ok"], &report["story"]), (&Value::Bool(true), &Value::from(name)));
        assert_eq!(report["problems"], Value::Array(Vec::new()));
        let checks = report["checks"].as_array().unwrap();
        assert!(checks.len() >= 2 && checks.iter().all(|check| check["ok"] == true), "{checks:?}");
        assert!(!report["parts"].as_array().unwrap().is_empty() && !report["timeline"].as_array().unwrap().is_empty());
        report
    })
}

/// How often the functions called it in the whole story.
fn called(report: &Value, operation: &str) -> u64 {
    report["api_calls"][operation].as_u64().unwrap_or_default()
}

/// The slots before and after, by whether they have the same `what`.
fn kept(report: &Value, what: &str) -> Vec<bool> {
    let slots = report["slots"].as_array().unwrap();
    slots.iter().map(|slot| slot["before"][what] == slot["after"][what]).collect()
}

#[test]
fn a_slot_moves_to_another_zone_with_its_name_and_all_its_data() {
    let report = story("move");
    for (what, expected) in [
        ("name", [true, true, true]),
        ("zone", [false, true, true]),
        ("volumes", [false, true, true]),
        ("instance", [false, true, true]),
        ("ip", [false, true, true]),
    ] {
        assert_eq!(kept(report, what), expected, "{what}: {report}");
    }
    assert_eq!(report["volumes_created"], 4);
    assert_eq!((called(report, "ec2:DeleteVolume"), called(report, "ec2:DeleteNetworkInterface")), (1, 1));
    assert!(called(report, "ec2:CreateSnapshot") >= 4, "one of each volume by schedule, and the last: {report}");
}

#[test]
fn volumes_grow_under_nodes_that_keep_running() {
    let report = story("grow");
    for what in ["name", "zone", "volumes", "instance", "ip"] {
        assert_eq!(kept(report, what), [true; 3], "{what}: {report}");
    }
    for slot in report["slots"].as_array().unwrap() {
        assert_eq!((&slot["before"]["gib"]["data"], &slot["after"]["gib"]["data"]), (&100.into(), &200.into()));
    }
    assert_eq!(called(report, "ec2:ModifyVolume"), 3);
    assert_eq!((called(report, "ec2:CreateVolume"), called(report, "ec2:DetachVolume")), (3, 0));
}

#[test]
fn a_slot_that_was_retired_comes_back_from_its_snapshots() {
    let report = story("scale-in");
    assert_eq!(kept(report, "name"), [true; 3]);
    assert_eq!(kept(report, "volumes").iter().filter(|kept| !**kept).count(), 1, "{report}");
    assert_eq!(report["volumes_created"], 4);
    assert_eq!((called(report, "ec2:CreateSnapshot"), called(report, "ec2:DeleteVolume")), (1, 1));
}

#[test]
fn people_get_tables_without_colours_in_a_pipe() {
    let ran = demo(&["--slots", "1", "--kill", "1", "--seed", "7", "--speed", "15"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, ran.stdout);
    for shown in ["What happened", "What each replacement waited for", "API calls", "It holds: 1 node died"] {
        assert!(ran.stdout.contains(shown), "{shown}: {}", ran.stdout);
    }
    assert!(ran.stderr.contains("slot 0: i-") && ran.stderr.contains(" serves, with vol-"), "{}", ran.stderr);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'));
}
