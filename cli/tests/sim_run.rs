//! `sim run` and `sim replay`: histories counted, and one shown.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod common;

use common::{Ran, command};
use serde_json::Value;

fn sim(args: &[&str]) -> Ran {
    command(&[&["sim"], args].concat()).output().unwrap().into()
}

#[test]
fn a_campaign_counts_what_it_reached_in_one_object() {
    let ran = sim(&["run", "--histories", "30", "--seed", "5", "--jobs", "2", "--json"]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stderr, ran.stdout);
    let summary: Value = serde_json::from_str(&ran.stdout).expect("one JSON object and nothing else");
    assert_eq!((&summary["histories"], &summary["violations"], &summary["seed"]), (&30.into(), &0.into(), &5.into()));
    assert_eq!(summary["broken"], Value::Array(Vec::new()));
    assert!(summary["seconds"].as_f64().is_some());
    for (section, cell) in [("faults", "throttled"), ("steps", "AttachVolume"), ("waitings", "Vacant")] {
        assert!(summary[section][cell].as_u64().is_some_and(|count| count > 0), "{section} {cell}: {summary}");
    }
}

#[test]
fn the_same_seed_is_the_same_history() {
    let [one, other] = [(); 2].map(|()| sim(&["replay", "11"]));
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(one.stdout.lines().any(|line| line.contains("fn:lifecycle-") && line.contains("ends: settled")));
    for told in ["  sees volumes vol-", "  plans ", "  ec2:AttachVolume vol-"] {
        assert!(one.stdout.lines().any(|line| line.contains("fn:") && line.contains(told)), "{told}");
    }
    assert_eq!(one.stdout, other.stdout);
}

#[test]
fn numbers_that_make_no_campaign_are_a_usage_error() {
    for args in [["run", "--histories", "0"], ["run", "--jobs", "0"], ["replay", "--shortest", "x"]] {
        assert_eq!(sim(&args).code, 2, "{args:?}");
    }
}
