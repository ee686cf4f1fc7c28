//! A history's story tells what each actor saw, planned and did; and telling it changes nothing.

use std::collections::BTreeMap;

use stateful_asg_campaign::history;

/// A story's lines: who, and what.
fn lines(story: &str) -> Vec<(&str, &str)> {
    let parted = story.lines().filter_map(|line| line.get(12..)?.split_once("  "));
    parted.map(|(actor, text)| (actor.trim(), text.trim())).collect()
}

/// How many of these histories have a line of a function that begins so and goes on so.
fn told(stories: &[String], begins: &str, goes_on: &str) -> usize {
    let is = |(actor, text): &(&str, &str)| {
        actor.starts_with("fn:") && text.strip_prefix(begins).is_some_and(|rest| rest.contains(goes_on))
    };
    stories.iter().filter(|story| lines(story).iter().any(is)).count()
}

#[test]
fn a_story_tells_what_was_seen_planned_and_done() {
    let stories: Vec<String> = (1..=20).map(|seed| history::run(seed, true).story).collect();
    let kinds = [
        ("sees groups ", " desired [i-"),
        ("sees instances i-", " running"),
        ("sees volumes vol-", " in-use by i-"),
        ("sees slots 0 at generation ", "held by i-"),
        ("sees the group's item at generation ", "spec"),
        ("sees the lease is its own", "epoch"),
        ("sees record ", " s"),
        ("sees snapshots: ", "completed"),
        ("sees vol-", "made"),
        ("plans ", "Write slot 0 (Claimed"),
        ("plans ", "AttachVolume vol-"),
        ("plans nothing; waits [", "slot 0: Vacant"),
        ("ec2:CreateVolume ", " GiB "),
        ("ec2:AttachVolume vol-", " as /dev/"),
        ("ec2:DetachVolume vol-", " from i-"),
        ("ec2:CreateTags ", "="),
        ("dynamodb:UpdateItem wakes ", ""),
        ("dynamodb:TransactWriteItems slot 0 generation ", " -> "),
        ("dynamodb:TransactWriteItems slot ", "(Claimed"),
        ("route53:ChangeResourceRecordSets ", " to "),
        ("autoscaling:CompleteLifecycleAction launching of i-", " with Continue"),
    ];
    let untold: Vec<_> = kinds.iter().filter(|(begins, goes_on)| told(&stories, begins, goes_on) == 0).collect();
    assert!(untold.is_empty(), "of these the stories tell nothing: {untold:?}\n{}", stories[0]);
}

#[test]
fn what_a_function_attaches_it_had_planned_to() {
    let story = history::run(1, true).story;
    let mut planned: BTreeMap<&str, &str> = BTreeMap::new();
    let mut attached = 0;
    for (actor, text) in lines(&story).into_iter().filter(|(actor, _)| actor.starts_with("fn:")) {
        if text.starts_with("plans ") {
            planned.insert(actor, text);
        }
        if let Some(volume) = text.strip_prefix("ec2:AttachVolume ").and_then(|rest| rest.split(' ').next()) {
            let plan = planned.get(actor).copied().unwrap_or_default();
            assert!(plan.contains(&format!("AttachVolume {volume}")), "{actor} attaches {volume}; it {plan}");
            attached += 1;
        }
    }
    assert!(attached > 0, "{story}");
}

#[test]
fn a_history_ends_the_same_whether_its_story_is_kept_or_not() {
    for seed in 1..=40 {
        let [told, untold] = [true, false].map(|trace| history::run(seed, trace));
        assert!(!told.story.is_empty() && untold.story.is_empty());
        assert_eq!(told.violations, untold.violations, "seed {seed}");
        assert_eq!(told.coverage.to_string(), untold.coverage.to_string(), "seed {seed}");
    }
}
