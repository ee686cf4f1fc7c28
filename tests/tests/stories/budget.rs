//! How many calls one replacement costs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use stateful_asg_sim::typed::{CallMade, Sort};
use stateful_asg_tests::lab::{Lab, World};

use crate::{SPEC, replaced, three, told};

/// Calls that one replacement in its zone costs today, each wait seen once: from the death until nothing is left to do,
/// the settles that the last events wake among them. It may fall, and not rise.
const MOST: usize = 74;

/// Calls with each wait seen once: of rounds of reads that one actor repeats, one after the other, the first counts.
fn each_wait_once(calls: &[CallMade]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut by_actor: BTreeMap<&str, Vec<&CallMade>> = BTreeMap::new();
    for call in calls {
        by_actor.entry(&call.actor).or_default().push(call);
    }
    for calls in by_actor.values() {
        let mut last: BTreeSet<&'static str> = BTreeSet::new();
        let together = |a: &&CallMade, b: &&CallMade| {
            a.sort == b.sort && b.at.duration_since(a.at) < SignedDuration::from_millis(500)
        };
        for round in calls.chunk_by(|a, b| together(a, b)) {
            let set: BTreeSet<&'static str> = round.iter().map(|call| call.operation).collect();
            if round[0].sort == Sort::Read && set == last {
                continue;
            }
            for call in round {
                *counts.entry(call.operation).or_default() += 1;
            }
            last = set;
        }
    }
    counts
}

#[test]
fn one_replacement_costs_no_more_calls_than_it_did() {
    told(&World::quiet(77), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(std::time::Duration::from_secs(120)).await;
        let before = lab.region.calls().len();
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
        lab.pass(std::time::Duration::from_secs(50)).await;
        let calls: Vec<CallMade> = lab.region.calls().split_off(before);
        let ours: Vec<CallMade> = calls.into_iter().filter(|call| !call.actor.starts_with("fn:sweep")).collect();
        let counts = each_wait_once(&ours);
        let total: usize = counts.values().sum();
        eprintln!("{total} calls, {} with every poll: {counts:#?}", ours.len());
        assert!(total <= MOST, "{total} calls: {counts:#?}");
    });
}
