//! How many calls one replacement costs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_sim::typed::{CallMade, Sort};

use crate::{SPEC, replaced, three, told};

/// Calls that one replacement in its zone costs today, each wait seen once: from the death until nothing is left to do. It
/// may fall, and not rise. They are:
///
/// - 13 for events: of the two of EC2 that matter one read each, a note and a wake each for the two lifecycle actions, a
///   wake by the first, one read each for the ends of the termination and of the launch, and a lease not given back because
///   of them, with three reads of what they may have told (they told nothing new);
/// - 5 to read the group, and 1 to give the lease back;
/// - 20 to see waits end: what the dead holder had is free, the new one is there, boots, has it all attached, is in service;
/// - 11 that change something: two answers and six writes of the table, a volume and an interface attached, tags;
/// - 1 to read the name back before the last answer.
const MOST: usize = 51;

/// Calls with each wait seen once: of the rounds of reads that one actor repeats while it changes nothing, each sort of
/// round counts the first time.
fn each_wait_once(calls: &[CallMade]) -> BTreeMap<&'static str, usize> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut by_actor: BTreeMap<&str, Vec<&CallMade>> = BTreeMap::new();
    for call in calls {
        by_actor.entry(&call.actor).or_default().push(call);
    }
    let together =
        |a: &&CallMade, b: &&CallMade| a.sort == b.sort && b.at.duration_since(a.at) < SignedDuration::from_millis(500);
    for (actor, calls) in by_actor {
        let mut polled: BTreeSet<BTreeSet<&'static str>> = BTreeSet::new();
        for round in calls.chunk_by(|a, b| together(a, b)) {
            let set: BTreeSet<&'static str> = round.iter().map(|call| call.operation).collect();
            if round[0].sort == Sort::Change {
                polled.clear();
            } else if !polled.insert(set.clone()) {
                continue;
            }
            eprintln!("{} {actor:<16} {set:?}", round[0].at);
            for call in round {
                *counts.entry(call.operation).or_default() += 1;
            }
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
