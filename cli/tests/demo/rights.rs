//! The functions' rights are the template's, and the simulated AWS enforces them in every story: what is missing fails a
//! story, and what no story uses is reported here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::common::command;
use crate::{STORIES, meddling, story};

/// Rights that no simulated call asks for, by the policy's statement, and why they are there.
const NOT_PLAYED: [(&str, &str); 2] = [
    ("output/OwnLog", "Lambda writes the function's log with its role"),
    ("output/FailedEvents", "Lambda puts failed events into the queue with the function's role"),
];

/// Whose rights count together: both settle groups, by the same policies.
const SETTLING: [&str; 2] = ["instance", "lifecycle"];

/// A right without the name of the function, where several share its policy.
fn shared(right: &str) -> String {
    let (function, rest) = right.split_once(' ').expect("a function and its right");
    let own = rest.contains("Role/");
    if SETTLING.contains(&function) && !own { rest.to_owned() } else { right.to_owned() }
}

fn of(report: &Value, which: &str) -> BTreeSet<String> {
    report["rights"][which].as_array().unwrap().iter().map(|right| right.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_right_is_used_by_some_story() {
    let mut granted = BTreeSet::new();
    let mut used = BTreeSet::new();
    for name in STORIES {
        let report = story(name);
        used.extend(of(report, "used"));
        granted.extend(of(report, "used").into_iter().chain(of(report, "unused")));
    }
    used.extend(meddling::rights_used());
    let used: BTreeSet<_> = used.iter().map(|right| shared(right)).collect();
    let mut excused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unused = Vec::new();
    for right in granted.iter().map(|right| shared(right)).filter(|right| !used.contains(right)) {
        match NOT_PLAYED.iter().find(|(statement, _)| right.contains(statement)) {
            Some((statement, _)) => *excused.entry(statement).or_default() += 1,
            None => unused.push(right),
        }
    }
    assert_eq!(unused, [""; 0], "granted by the template, and used by no story");
    let needless: Vec<_> = NOT_PLAYED.iter().filter(|(statement, _)| !excused.contains_key(statement)).collect();
    assert!(needless.is_empty(), "excused, and used after all: {needless:?}");
}

#[test]
fn no_right_is_given_twice() {
    for name in STORIES {
        assert_eq!(of(story(name), "spare"), BTreeSet::new(), "{name}");
    }
}

#[test]
fn a_story_fails_where_a_right_is_missing_and_says_which() {
    for (without, story, lacks) in [
        ("ServePolicy/OurVolumes", "failover", "`lifecycle` lacks a right: ec2:AttachVolume on arn:aws:ec2:"),
        ("RecordPolicy/AnswerHooks", "failover", "lacks a right: autoscaling:CompleteLifecycleAction on arn:"),
        ("RecordPolicy/Names", "failover", "lacks a right: route53:"),
        ("SweepRole/sweep/ReadGroups", "failover", "`sweep` lacks a right: dynamodb:Query on arn:"),
        ("UpkeepPolicy/OurVolumes", "grow", "lacks a right: ec2:ModifyVolume on arn:"),
        ("SnapshotRole/snapshot/NewSnapshots", "move", "`snapshot` lacks a right: ec2:CreateSnapshot on arn:"),
    ] {
        let args = ["demo", "--story", story, "--speed", "15", "--json", "--without", without];
        let ran: crate::common::Ran = command(&args).output().unwrap().into();
        assert_eq!(ran.code, 1, "{without}: {}", ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let problem = report["problems"][0].as_str().unwrap();
        assert!(problem.contains(lacks), "{without}: {problem}");
    }
}
