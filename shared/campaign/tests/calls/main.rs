//! What the functions call and log in a few situations, and when: one page each, so that a call more or less is seen.

use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::{Aws, GuestMode, Span, Timings};
use stateful_asg_sim::typed::Fault;

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"launch":{"ready":"mounted","wait":"10m","surge_wait":"2m"}}"#;
const LIMIT: Duration = Duration::from_secs(900);

/// Log lines, kept.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The page of a story: calls a second and an actor in a line, then what was logged, then what came of it.
fn page(seed: u64, story: impl AsyncFnOnce(&Lab, &GroupName)) -> String {
    page_in(World::quiet(seed), story)
}

fn page_in(world: World, story: impl AsyncFnOnce(&Lab, &GroupName)) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .finish();
    let guest = GuestMode::Reports { delay: Span { min: Duration::from_secs(8), max: Duration::from_secs(8) } };
    let told = tracing::subscriber::with_default(subscriber, || {
        simulate(&World { guest, ..world }, async |lab: &Lab| {
            let group = lab.create(&NewGroup::cass(SPEC, 2).in_one_zone());
            story(lab, &group).await;
            assert_eq!(lab.violations(), [], "{}", lab.story());
            let seen = lab.bus.functions().seen();
            format!("{}\nsteps {:?}\nfailures {:?}\nwaits {:?}\n", calls(lab), seen.steps, seen.failures, seen.waits)
        })
    });
    let log = String::from_utf8(log.0.lock().expect("it was written").clone()).expect("text");
    format!("{told}\n{log}")
}

/// The calls since the beginning.
fn calls(lab: &Lab) -> String {
    let began = stateful_asg_sim::model::BEGINNING;
    let second = |at: Timestamp| at.duration_since(began).as_secs();
    let mut text = String::new();
    let mut last: Option<(i64, Rc<str>)> = None;
    for call in lab.region.calls().iter().filter(|call| call.actor.starts_with("fn:")) {
        let here = (second(call.at), Rc::clone(&call.actor));
        if last.as_ref() != Some(&here) {
            let _ = write!(text, "\n{:>5} {:<15}", here.0, here.1);
            last = Some(here);
        }
        let _ = write!(text, " {}", call.operation.split(':').next_back().unwrap_or_default());
    }
    text
}

/// Held against what it was.
fn shown(name: &str, page: &str) {
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(name, page) });
}

async fn served(lab: &Lab, group: &GroupName) {
    assert!(lab.until_served(group, LIMIT).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
}

/// The next calls of this kind fail so.
fn fails(lab: &Lab, call: &str, fault: Fault, times: usize) {
    lab.region.faults(|faults| (0..times).for_each(|_| faults.next(call, fault)));
}

fn member(aws: &Aws) -> String {
    aws.members("cass-1").next().map(|member| member.instance_id.clone()).expect("it has members")
}

#[test]
fn a_new_group() {
    shown(
        "a_new_group",
        &page(1, async |lab, group| {
            served(lab, group).await;
            lab.pass(Duration::from_secs(700)).await;
        }),
    );
}

#[test]
fn a_member_is_replaced() {
    shown(
        "a_member_is_replaced",
        &page(2, async |lab, group| {
            served(lab, group).await;
            lab.operate("kills one", |aws, _| {
                let member = member(aws);
                aws.terminate_instances(&[member]).is_ok()
            });
            lab.pass(Duration::from_secs(30)).await;
            served(lab, group).await;
            lab.pass(Duration::from_secs(70)).await;
        }),
    );
}

#[test]
fn readings_fail() {
    shown(
        "readings_fail",
        &page(3, async |lab, group| {
            fails(lab, "autoscaling:DescribeAutoScalingGroups", Fault::Throttled, 3);
            fails(lab, "ec2:DescribeSubnets", Fault::Internal, 2);
            lab.pass(Duration::from_secs(40)).await;
            fails(lab, "ec2:DescribeInstances", Fault::Internal, 9);
            fails(lab, "dynamodb:UpdateItem", Fault::Throttled, 2);
            served(lab, group).await;
            fails(lab, "autoscaling:DescribeAutoScalingGroups", Fault::Denied, 2);
            lab.pass(Duration::from_secs(130)).await;
        }),
    );
}

#[test]
fn steps_fail() {
    shown(
        "steps_fail",
        &page(4, async |lab, group| {
            fails(lab, "ec2:CreateVolume", Fault::Denied, 2);
            fails(lab, "ec2:AttachVolume", Fault::Internal, 9);
            fails(lab, "dynamodb:TransactWriteItems", Fault::Conflict, 3);
            fails(lab, "autoscaling:CompleteLifecycleAction", Fault::Throttled, 3);
            fails(lab, "route53:ChangeResourceRecordSets", Fault::AnswerLost, 1);
            served(lab, group).await;
            lab.pass(Duration::from_secs(70)).await;
        }),
    );
}

#[test]
fn the_one_that_settles_dies_or_stalls() {
    for (name, fault) in [("dies", Fault::CrashBefore), ("stalls", Fault::Stall(Duration::from_secs(100)))] {
        let page = page(5, async |lab, group| {
            lab.region.faults(|faults| faults.next("ec2:AttachVolume", fault));
            served(lab, group).await;
            lab.pass(Duration::from_secs(130)).await;
        });
        shown(name, &page);
    }
}

#[test]
fn a_volume_takes_minutes_to_come_free() {
    let minutes = Span { min: Duration::from_secs(400), max: Duration::from_secs(400) };
    let world = World::quiet(6);
    let timings = Timings { free: minutes, ..world.timings.clone() };
    shown(
        "a_volume_takes_minutes_to_come_free",
        &page_in(World { timings, ..world }, async |lab, group| {
            served(lab, group).await;
            lab.operate("kills one", |aws, _| {
                let member = member(aws);
                aws.terminate_instances(&[member]).is_ok()
            });
            lab.pass(Duration::from_secs(30)).await;
            served(lab, group).await;
        }),
    );
}
