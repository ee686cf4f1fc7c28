//! The whole story, with the compiled functions: nodes die, and their replacements have what they had.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod common;

use common::{Ran, command, functions};
use serde_json::Value;

fn demo(args: &[&str]) -> Ran {
    functions();
    command(&[&["demo"], args].concat()).output().unwrap().into()
}

#[test]
fn two_of_five_die_and_each_replacement_has_its_volume_address_and_name() {
    let ran = demo(&["--slots", "5", "--kill", "2", "--json"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, ran.stdout);
    let report: Value = serde_json::from_str(&ran.stdout).expect("one JSON object and nothing else");
    assert_eq!((&report["ok"], &report["problems"]), (&Value::Bool(true), &Value::Array(Vec::new())));
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
