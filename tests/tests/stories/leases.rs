//! The lease: one actor works on a group, whoever lost it stops, and nobody's wake is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stateful_asg_campaign::actors::Function;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::{Span, Timings};
use stateful_asg_sim::typed::Fault;

use crate::moves::{FINAL, anywhere, drive_out, moved, slot};
use crate::{LIMIT, SPEC, created, holder, holders, identity, kill, served, three, told};

/// As long as an invocation may last.
const INVOCATION: SignedDuration = SignedDuration::from_secs(900);

fn slow(snapshot: u64) -> World {
    let timings = Timings { snapshot: Span::secs(snapshot, snapshot), ..Timings::default() };
    World { timings, ..World::quiet(740) }
}

/// Who read the group's snapshots since then: who works on the move.
fn at_work(lab: &Lab, since: Timestamp) -> BTreeSet<String> {
    let calls = lab.region.calls();
    let reads = calls.iter().filter(|call| call.at >= since && call.operation == "ec2:DescribeSnapshots");
    let actors = reads.map(|call| call.actor.to_string());
    actors.filter(|actor| actor.starts_with("fn:") && !actor.starts_with("fn:snapshot")).collect()
}

/// Wakes the group, as an event would.
fn wake(lab: &Lab, group: &GroupName) {
    let detail = json!({"group": group.as_str()});
    lab.bus.inject(Function::Lifecycle, json!({"source": "stateful-asg", "detail-type": "Settle", "detail": detail}));
}

#[test]
fn a_settle_whose_lease_was_taken_over_stops() {
    told(&slow(600), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        let saving = |lab: &Lab| slot(lab, &group, 0).upkeep.change.is_some();
        assert!(lab.until(LIMIT, saving).await, "{}", lab.story());
        lab.pass(Duration::from_secs(60)).await;
        let [first]: [String; 1] =
            Vec::from_iter(at_work(lab, lab.now() - SignedDuration::from_secs(40))).try_into().unwrap();
        lab.region.faults(|faults| faults.next("ec2:DescribeSnapshots", Fault::Pause(Duration::from_secs(150))));
        lab.pass(Duration::from_secs(100)).await;
        wake(lab, &group);
        lab.pass(Duration::from_secs(20)).await;
        let taken = at_work(lab, lab.now() - SignedDuration::from_secs(15));
        assert!(taken.len() == 1 && !taken.contains(&first), "{first} sleeps, {taken:?} work\n{}", lab.story());
        // It wakes up, finds its lease gone, and leaves the group to the other one.
        lab.pass(Duration::from_secs(120)).await;
        assert_eq!(at_work(lab, lab.now() - SignedDuration::from_secs(50)), taken, "{}", lab.story());
        moved(lab, &group, &before).await;
    });
}

/// How long each invocation took, by actor.
fn lasted(lab: &Lab) -> BTreeMap<String, SignedDuration> {
    let mut begun = BTreeMap::new();
    let mut lasted = BTreeMap::new();
    for line in lab.region.trace() {
        if line.text.starts_with("begins") {
            begun.insert(line.actor.clone(), line.at);
        } else if let Some(at) = begun.get(&line.actor).filter(|_| line.text.starts_with("ends")) {
            lasted.insert(line.actor.clone(), line.at.duration_since(*at));
        }
    }
    lasted
}

#[test]
fn who_runs_out_of_time_hands_over_also_where_wakes_never_cease() {
    told(&slow(2400), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        let began = lab.now();
        for _ in 0..2500 {
            lab.pass(Duration::from_secs(1)).await;
            wake(lab, &group);
        }
        moved(lab, &group, &before).await;
        let lasted = lasted(lab);
        let longest = lasted.values().max().expect("there were invocations");
        assert!(*longest > INVOCATION / 2 && *longest < INVOCATION, "{longest:#}\n{lasted:?}");
        let worked = at_work(lab, began);
        assert!((3..20).contains(&worked.len()), "each until its time is over, and then the next: {worked:?}");
    });
}

#[test]
fn a_wake_that_comes_while_another_works_is_seen_to_by_that_one() {
    told(&World::quiet(741), async |lab: &Lab| {
        let spec = SPEC.replace(r#""launch":{"#, r#""terminate":{"at_once":3},"launch":{"#);
        let group = three(lab, &spec).await;
        lab.pass(Duration::from_secs(200)).await;
        let (before, old) = ([0, 1].map(|n| identity(lab, &group, n)), [0, 1].map(|n| holder(lab, &group, n)));
        kill(lab, &old[0]);
        let replaced = |n: u32| {
            let (group, old) = (group.clone(), old[n as usize].clone());
            move |lab: &Lab| holders(lab, &group)[&n].as_ref().is_some_and(|new| *new != old)
        };
        assert!(lab.until(LIMIT, replaced(0)).await, "{}", lab.story());
        // Somebody serves the first one's successor at this moment; its wake is left to that one.
        let left = |lab: &Lab| lab.bus.functions().seen().outcomes.get("left to another").copied().unwrap_or_default();
        let so_far = left(lab);
        kill(lab, &old[1]);
        assert!(lab.until(LIMIT, replaced(1)).await, "{}", lab.story());
        assert!(left(lab) > so_far, "{}", lab.story());
        served(lab, &group).await;
        assert_eq!(([0, 1].map(|n| identity(lab, &group, n)), created(lab)), (before, 3), "{}", lab.story());
    });
}

#[test]
fn who_dies_with_the_lease_holds_the_group_up_for_a_minute_and_no_longer() {
    for (seed, fault) in [(742, Fault::CrashBefore), (743, Fault::CrashAfter)] {
        told(&World::quiet(seed), async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            lab.pass(Duration::from_secs(200)).await;
            let (before, old) = (identity(lab, &group, 0), holder(lab, &group, 0));
            // The first write of a settle that has the lease.
            lab.region.faults(|faults| faults.next("dynamodb:TransactWriteItems", fault));
            kill(lab, &old);
            let died = |lab: &Lab| lab.bus.counts().contains_key("invocation crashed");
            assert!(lab.until(LIMIT, died).await, "{}", lab.story());
            let since = lab.now();
            let replaced = |lab: &Lab| holders(lab, &group)[&0].as_ref().is_some_and(|new| *new != old);
            assert!(lab.until(Duration::from_secs(180), replaced).await, "{}", lab.story());
            served(lab, &group).await;
            let took = lab.now().duration_since(since);
            assert!(took < SignedDuration::from_secs(240), "{took:#}\n{}", lab.story());
            assert_eq!((identity(lab, &group, 0), created(lab)), (before, 3), "{}", lab.story());
        });
    }
}
