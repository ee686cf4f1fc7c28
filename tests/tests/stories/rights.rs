//! A right that is missing, for each call that changes something: it is named, nothing is lost, and giving it heals.

use std::collections::BTreeSet;
use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::spec::Limits;
use stateful_asg_core::waiting::Reason;
use stateful_asg_runtime::observe::Target;
use stateful_asg_runtime::snapshots::{self, Run};
use stateful_asg_sim::model::types::ModificationState;
use stateful_asg_sim::model::{GuestMode, Span, Timings};

use crate::moves::{FINAL, anywhere, drive_out, moved, slot, volume_of, volumes_of};
use crate::{LIMIT, SPEC, created, holder, holders, identity, kill, served, three, told};

const HOUR: Duration = Duration::from_secs(3600);
/// What a launch cannot do without. Attachments begin with DeleteOnTermination set, so that it must be taken off.
const LAUNCH: [&str; 10] = [
    "ec2:CreateVolume",
    "ec2:AttachVolume",
    "ec2:ModifyInstanceAttribute",
    "ec2:CreateNetworkInterface",
    "ec2:AttachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:CreateTags",
    "route53:ChangeResourceRecordSets",
    "autoscaling:CompleteLifecycleAction",
    "dynamodb:TransactWriteItems",
];
/// What an instance that leaves with a guest needs.
const LEAVE: [&str; 2] = ["ec2:DetachVolume", "ec2:DetachNetworkInterface"];
/// What a move needs, to the deletion of what it leaves.
const MOVE: [&str; 4] = [
    "ec2:CreateSnapshot",
    "ec2:DeleteVolume",
    "ec2:DeleteNetworkInterface",
    "autoscaling:RecordLifecycleActionHeartbeat",
];
/// What growth needs.
const GROWTH: [&str; 1] = ["ec2:ModifyVolume"];
/// What periodic snapshots of several volumes need.
const PERIODIC: [&str; 2] = ["ec2:CreateSnapshots", "ec2:DeleteSnapshot"];
/// What notes lifecycle actions: nothing waits for that.
const NOTE: [&str; 1] = ["dynamodb:PutItem"];
/// Without these no settle begins: Lambda counts the failed invocations, and tries again.
const WAKE: [&str; 2] = ["dynamodb:UpdateItem", "events:PutEvents"];

#[test]
fn no_call_that_changes_something_is_left_out() {
    let faces = [
        include_str!("../../../shared/sim/src/typed/cloud.rs"),
        include_str!("../../../shared/sim/src/typed/store.rs"),
    ];
    // What is named between quotes as a call is, and is not read.
    let mut calls: BTreeSet<&str> = BTreeSet::new();
    for text in faces {
        let parts: Vec<&str> = text.split('"').collect();
        for (before, said) in parts.iter().step_by(2).zip(parts.iter().skip(1).step_by(2)) {
            let is_read = ["read(", "thinned("].iter().any(|way| before.trim_end().ends_with(way));
            let is_call = said.split_once(':').is_some_and(|(_, name)| name.starts_with(char::is_uppercase));
            if is_call && !is_read {
                calls.insert(said);
            }
        }
    }
    let all = [&LAUNCH[..], &LEAVE, &MOVE, &GROWTH, &PERIODIC, &NOTE, &WAKE];
    assert!(calls.len() > 20, "{calls:?}");
    all.iter().flat_map(|some| some.iter()).for_each(|call| assert!(calls.remove(call), "{call} is nobody's call"));
    assert_eq!(calls, BTreeSet::new());
}

fn forbid(lab: &Lab, call: &str) {
    lab.region.note("operator", || format!("takes the right to {call}"));
    lab.region.faults(|faults| faults.forbidden.insert(call.to_owned()));
}

fn allow(lab: &Lab) {
    lab.region.note("operator", || "gives every right".to_owned());
    lab.region.faults(|faults| faults.forbidden.clear());
}

/// A wait that names the missing right, and calls a person; the rights to delete may be missing on purpose.
fn names(reason: &Reason) -> bool {
    if let Reason::DeletesOff { what } = reason {
        return !what.is_empty();
    }
    let Reason::CallFailed { kind: FailureKind::Denied, step, .. } = reason else { return false };
    let said = reason.to_string();
    assert!(said.contains(step.as_str()) && said.contains("Give the function's role this right"), "{said}");
    reason.alarms()
}

/// Waits until the call was refused and the refusal is what is waited for.
async fn named(lab: &Lab, group: &GroupName, call: &str) {
    let names_it = |lab: &Lab| {
        let struck = lab.region.faults(|faults| faults.struck().keys().any(|(struck, _)| *struck == call));
        let seen = lab.bus.functions().seen();
        struck && seen.waiting.get(group).into_iter().flatten().any(|wait| names(&wait.reason))
    };
    let waits = crate::waits(lab, group);
    assert!(lab.until(3 * HOUR, names_it).await, "{}\n{call} is not named: {waits:?}", lab.story());
}

#[test]
fn each_right_that_a_launch_needs() {
    for (seed, call) in (600..).zip(LAUNCH) {
        told(&World { deletes_with_instance: true, ..World::quiet(seed) }, async |lab: &Lab| {
            forbid(lab, call);
            let group = lab.create(&NewGroup::cass(SPEC, 2).in_one_zone());
            named(lab, &group, call).await;
            lab.pass(Duration::from_secs(300)).await;
            assert!(!lab.unserved(&group).is_empty(), "{call} is needed: {}", lab.story());
            allow(lab);
            assert!(lab.until_served(&group, 2 * LIMIT).await, "{call}\n{}\n{:#?}", lab.story(), lab.unserved(&group));
            assert_eq!(created(lab), 2, "{call}\n{}", lab.story());
        });
    }
}

#[test]
fn each_right_that_a_replacement_needs() {
    let needs = LAUNCH.iter().filter(|call| !call.contains("Create") || **call == "ec2:CreateTags");
    for (seed, call) in (620..).zip(needs) {
        told(&World { deletes_with_instance: true, ..World::quiet(seed) }, async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            let before = identity(lab, &group, 0);
            let old = holder(lab, &group, 0);
            forbid(lab, call);
            kill(lab, &old);
            // Where the interface keeps the address, the record stays as it is.
            if *call != "route53:ChangeResourceRecordSets" {
                named(lab, &group, call).await;
            }
            lab.pass(Duration::from_secs(300)).await;
            allow(lab);
            lab.until(LIMIT, |lab| holders(lab, &group)[&0].as_ref().is_some_and(|new| *new != old)).await;
            assert!(lab.until_served(&group, 2 * LIMIT).await, "{call}\n{}\n{:#?}", lab.story(), lab.unserved(&group));
            assert_eq!((identity(lab, &group, 0), created(lab)), (before, 3), "{call}\n{}", lab.story());
        });
    }
}

#[test]
fn each_right_that_a_leaving_instance_needs() {
    for (seed, call) in (640..).zip(LEAVE) {
        let guest = GuestMode::Reports { delay: Span::secs(1, 5) };
        told(&World { guest, ..World::quiet(seed) }, async |lab: &Lab| {
            let spec = SPEC.replace(r#""launch":{"#, r#""launch":{"ready":"mounted","#);
            let group = three(lab, &spec).await;
            let (before, old) = (identity(lab, &group, 0), holder(lab, &group, 0));
            forbid(lab, call);
            lab.operate("ends it in its group", |aws, _| {
                drop(aws.terminate_instance_in_auto_scaling_group(&old, false).expect("it is a member"));
            });
            // It is named while it lasts; then EC2 frees everything with the instance.
            let refused = |lab: &Lab| lab.bus.functions().seen().failures.contains_key("Denied");
            assert!(lab.until(LIMIT, refused).await, "{}", lab.story());
            lab.pass(Duration::from_secs(300)).await;
            allow(lab);
            lab.until(LIMIT, |lab| holders(lab, &group)[&0].as_ref().is_some_and(|new| *new != old)).await;
            served(lab, &group).await;
            assert_eq!((identity(lab, &group, 0), created(lab)), (before, 3), "{}", lab.story());
        });
    }
}

#[test]
fn each_right_that_a_move_needs() {
    for (seed, call) in (650..).zip(MOVE) {
        // Long enough for the launch hook to be extended.
        let timings = Timings { snapshot: Span::secs(900, 900), ..Timings::default() };
        told(&World { timings, ..World::quiet(seed) }, async |lab: &Lab| {
            let group = anywhere(lab, FINAL, 1).await;
            let before = slot(lab, &group, 0);
            forbid(lab, call);
            drive_out(lab, &group, 0);
            named(lab, &group, call).await;
            assert!(lab.truth(|aws, _| aws.volume(&volume_of(&before)).is_some()), "{}", lab.story());
            allow(lab);
            moved(lab, &group, &before).await;
            let gone = |lab: &Lab| lab.truth(|aws, _| aws.volume(&volume_of(&before)).is_none());
            assert!(lab.until(3 * HOUR, gone).await, "{call}\n{}", lab.story());
            let rests = |lab: &Lab| slot(lab, &group, 0).upkeep.left_interfaces.is_empty();
            assert!(lab.until(HOUR, rests).await, "{call}\n{}", lab.story());
        });
    }
}

#[test]
fn the_right_to_change_volumes() {
    let [call] = GROWTH;
    told(&World::quiet(660), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        forbid(lab, call);
        lab.edit_spec("cass-1", &SPEC.replace("20GiB", "30GiB"));
        named(lab, &group, call).await;
        served(lab, &group).await;
        allow(lab);
        let grown = |lab: &Lab| {
            (0..3).all(|n| {
                let volume = volume_of(&slot(lab, &group, n));
                lab.truth(|aws, _| {
                    let completed = aws.modification(&volume).is_some_and(|m| m.state == ModificationState::Completed);
                    completed && aws.volume(&volume).is_some_and(|volume| volume.size_gib == 30)
                })
            })
        };
        assert!(lab.until(6 * HOUR, grown).await, "{}\n{:?}", lab.story(), crate::waits(lab, &group));
    });
}

/// What a run of the snapshot function says of this group.
async fn said_by_a_run(lab: &Lab, group: &GroupName) -> Vec<Reason> {
    let target = Target { group: group.clone(), deployment: lab.deployment.clone(), limits: Limits::unlimited() };
    let record = lab.truth(|_, table| table.group(group).map(|item| (**item).clone())).expect("it is on record");
    let mut run = Run::default();
    snapshots::run(&lab.region.actor("fn:snapshot-now"), &target, record, &mut run).await.expect("it can be read");
    run.waiting.into_iter().map(|wait| wait.reason).collect()
}

#[test]
fn each_right_that_periodic_snapshots_need() {
    for (seed, call) in (670..).zip(PERIODIC) {
        told(&World::quiet(seed), async |lab: &Lab| {
            let two = r#""volumes":{"log":{"size":"10GiB","mount":"/log"},"#;
            let spec = SPEC.replace(r#""volumes":{"#, two);
            let spec = spec.replace(r#""launch""#, r#""snapshots":{"every":"30m","keep":{"last":2}},"launch""#);
            let group = three(lab, &spec).await;
            forbid(lab, call);
            lab.pass(3 * HOUR).await;
            let said = said_by_a_run(lab, &group).await;
            assert!(said.iter().any(names), "{call}: {said:?}\n{}", lab.story());
            served(lab, &group).await;
            allow(lab);
            lab.pass(2 * HOUR).await;
            let said = said_by_a_run(lab, &group).await;
            assert!(said.is_empty(), "{call}: {said:?}\n{}", lab.story());
            let volumes: Vec<String> = (0..3).flat_map(|n| volumes_of(&slot(lab, &group, n)).into_values()).collect();
            let kept = |aws: &stateful_asg_sim::model::Aws, id: &String| {
                aws.snapshots().filter(|snapshot| snapshot.volume_id == *id).count()
            };
            assert!(lab.truth(|aws, _| volumes.iter().all(|id| (2..=3).contains(&kept(aws, id)))), "{}", lab.story());
        });
    }
}

#[test]
fn without_the_right_to_note_actions_everything_is_served_all_the_same() {
    let [call] = NOTE;
    told(&World::quiet(679), async |lab: &Lab| {
        forbid(lab, call);
        let group = lab.create(&NewGroup::cass(SPEC, 2).in_one_zone());
        served(lab, &group).await;
        let failures = lab.bus.functions().seen().failures;
        assert!(failures.contains_key("Denied"), "{failures:?}\n{}", lab.story());
        allow(lab);
        lab.pass(HOUR).await;
        assert_eq!(crate::waits(lab, &group), Vec::<&str>::new(), "{}", lab.story());
        served(lab, &group).await;
    });
}

#[test]
fn without_the_rights_to_begin_at_all_invocations_fail_and_are_made_up_for() {
    for (seed, call) in (680..).zip(WAKE) {
        told(&World::quiet(seed), async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            let (before, old) = (identity(lab, &group, 0), holder(lab, &group, 0));
            forbid(lab, call);
            kill(lab, &old);
            let failed = |lab: &Lab| lab.bus.counts().contains_key("invocation failed");
            assert!(lab.until(LIMIT, failed).await, "{call}: {:?}\n{}", lab.bus.counts(), lab.story());
            lab.pass(Duration::from_secs(120)).await;
            allow(lab);
            lab.until(LIMIT, |lab| holders(lab, &group)[&0].as_ref().is_some_and(|new| *new != old)).await;
            served(lab, &group).await;
            assert_eq!((identity(lab, &group, 0), created(lab)), (before, 3), "{call}\n{}", lab.story());
        });
    }
}
