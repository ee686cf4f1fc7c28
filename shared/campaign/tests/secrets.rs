//! What is logged, at every level: nothing of what is not ours to tell.
//!
//! Specs and events are never logged as a whole, nor tags. What may stand in a log are names and IDs, and the beginning of a
//! field of an event or a spec that we read and refuse.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use stateful_asg_campaign::actors::Function;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::history;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::types::Tags;
use stateful_asg_sim::model::{GuestMode, Span};
use stateful_asg_sim::typed::Fault;
use tracing_subscriber::filter::LevelFilter;

const CANARY: &str = "xCANARYx";
const LIMIT: Duration = Duration::from_secs(900);
const HISTORIES: u64 = 150;
const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"tags":{"password":"xCANARYx","xCANARYx":"1"},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"zones":{"move":"final","keep_source":"1h"},"snapshots":{"every":"1h","keep":{"last":1}},"launch":{"ready":"mounted","wait":"10m","surge_wait":"2m"}}"#;

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

/// All that is logged meanwhile, by whomever and however small.
fn logged(what: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .without_time()
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, what);
    String::from_utf8(log.0.lock().expect("it was written").clone()).expect("text")
}

/// Fails with the lines that tell it.
fn keeps_quiet(log: &str, of: &[&str]) {
    let tell: Vec<&str> = log.lines().filter(|line| of.iter().any(|word| line.contains(word))).take(5).collect();
    assert!(tell.is_empty(), "{tell:#?}");
}

fn event(kind: &str, source: &str, detail: &Value) -> Value {
    json!({"version": "0", "id": "3d1c7a52", "detail-type": kind, "source": source, "account": "123456789012",
        "time": "2026-11-20T08:15:30Z", "region": "eu-central-1", "resources": [CANARY], "more": {"of": CANARY},
        "detail": detail})
}

/// Events of every kind with fields of others' in them, those that we read among them.
fn telling_events(instance: &str) -> Vec<Value> {
    let lifecycle = |hook: &str, token: &str| {
        json!({"LifecycleHookName": hook, "AutoScalingGroupName": "cass-1", "EC2InstanceId": instance,
            "LifecycleActionToken": token, "NotificationMetadata": CANARY, "Details": {"password": CANARY}})
    };
    let token = "c9a1e7d4-5b2f-4e83-9d60-71f2a3b4c5d6";
    let (launch, terminate) = ("EC2 Instance-launch Lifecycle Action", "EC2 Instance-terminate Lifecycle Action");
    let auto_scaling = "aws.autoscaling";
    // Refused for a field of which no more than the beginning is told.
    let long = format!("{}{CANARY}", "long ".repeat(40));
    vec![
        event(launch, auto_scaling, &lifecycle("stateful-asg-test-launch", token)),
        event(terminate, auto_scaling, &lifecycle("stateful-asg-test-terminate", token)),
        event(launch, auto_scaling, &lifecycle("another-hook", token)),
        event(launch, auto_scaling, &lifecycle("stateful-asg-test-launch", &long)),
        event(
            "EC2 Instance Terminate Successful",
            auto_scaling,
            &json!({"AutoScalingGroupName": "cass-1", "EC2InstanceId": instance, "Cause": CANARY, "StatusMessage": CANARY}),
        ),
        event(
            "EC2 Instance State-change Notification",
            "aws.ec2",
            &json!({"instance-id": instance, "state": "stopping", "password": CANARY}),
        ),
        event(
            "EC2 Instance State-change Notification",
            "aws.ec2",
            &json!({"instance-id": long, "state": 7, "password": CANARY}),
        ),
        event("Settle", "stateful-asg", &json!({"group": "cass", "deployment": "test", "audit": true, "by": CANARY})),
        event("Settle", "stateful-asg", &json!({"group": long, "deployment": "test", "audit": CANARY})),
        event("Scheduled Event", "aws.events", &json!({"password": CANARY})),
        event("Another Kind", "aws.s3", &json!({"object": {"key": CANARY}})),
        json!({"Records": [{"body": CANARY}]}),
        json!({"password": CANARY}),
        json!([CANARY]),
    ]
}

async fn served(lab: &Lab, group: &GroupName) {
    assert!(lab.until_served(group, LIMIT).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
}

fn holder(lab: &Lab, group: &GroupName) -> String {
    let holder = |slot: &stateful_asg_core::table::Slot| slot.holder.as_ref().map(|h| h.instance.to_string());
    lab.truth(|_, table| table.slots(group).find_map(|slot| holder(slot))).expect("a slot is held")
}

/// Tags of others' on everything that bears tags of ours.
fn tag_everything(lab: &Lab) {
    lab.operate("tags", |aws, _| {
        let instances = aws.members("cass-1").map(|member| member.instance_id.clone());
        let all: Vec<String> = instances
            .chain(aws.volumes().filter(|v| !v.tags.is_empty()).map(|volume| volume.volume_id.clone()))
            .chain(aws.snapshots().map(|snapshot| snapshot.snapshot_id.clone()))
            .collect();
        let tags = Tags::from([("password".to_owned(), CANARY.to_owned()), (CANARY.to_owned(), "1".to_owned())]);
        aws.create_tags(&all, &tags).expect("they are there");
    });
}

/// Calls of every kind fail once, so that failures are told too.
fn fail_once(lab: &Lab) {
    let calls = ["ec2:AttachVolume", "ec2:CreateVolume", "ec2:CreateSnapshot", "ec2:CreateTags", "dynamodb:PutItem"];
    lab.region.faults(|faults| {
        for call in calls {
            faults.next(call, Fault::Denied);
            faults.next(call, Fault::AnswerLost);
        }
    });
}

async fn a_life(lab: &Lab) {
    let group = lab.create(&NewGroup { any_zone: true, ..NewGroup::cass(SPEC, 2) });
    served(lab, &group).await;
    tag_everything(lab);
    fail_once(lab);
    for event in telling_events(&holder(lab, &group)) {
        for function in [Function::Lifecycle, Function::Instance, Function::Sweep, Function::Snapshot] {
            lab.bus.inject(function, event.clone());
        }
    }
    lab.pass(Duration::from_secs(3600)).await;
    served(lab, &group).await;
    // A slot moves, one is scaled in, and comes back.
    let old = holder(lab, &group);
    lab.operate("drives one out", |aws, _| {
        let zone = aws.member(&old).map(|member| member.availability_zone.clone()).expect("it is a member");
        aws.set_capacity(&zone, false);
        aws.terminate_instances(&[old]).expect("it is there");
    });
    lab.pass(Duration::from_secs(3 * 3600)).await;
    tag_everything(lab);
    lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
    lab.pass(LIMIT).await;
    // A spec that is refused is named for what is wrong with it, and for nothing else that it says.
    lab.edit_spec("cass-1", &SPEC.replace(r#""size":"20GiB""#, r#""size":"none""#));
    lab.pass(LIMIT).await;
    lab.edit_spec("cass-1", &format!("{{\"v\":1, {CANARY}"));
    lab.pass(LIMIT).await;
    lab.edit_spec("cass-1", SPEC);
    lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 2).expect("it is allowed"));
    lab.pass(LIMIT).await;
    assert_eq!(lab.violations(), [], "{}", lab.story());
}

#[test]
fn no_line_tells_what_is_in_tags_specs_and_events() {
    let guest = GuestMode::Reports { delay: Span::exactly(2000) };
    let log = logged(|| simulate(&World { guest, ..World::quiet(50) }, a_life));
    let said = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"].map(|level| log.matches(level).count());
    assert!(said[1] > 10 && said[2] > 50 && said[3] > 5 && said[4] > 1, "too little was logged: {said:?}");
    keeps_quiet(&log, &[CANARY]);
}

/// What stands in every spec, and in events, however they are printed, and in no message of ours.
const WHOLE: [&str; 7] = [
    r#""v":1"#,
    r#"\"v\":1"#,
    r#"NotificationMetadata""#,
    r#"NotificationMetadata\""#,
    r#"LifecycleActionToken""#,
    r#"LifecycleActionToken\""#,
    "detail-type\":",
];

#[test]
fn no_line_of_random_histories_holds_a_spec_or_an_event() {
    let log = logged(|| {
        for seed in 1..=HISTORIES {
            let report = history::run(seed, false);
            assert_eq!(report.violations, [], "seed {seed}");
        }
    });
    assert!(log.lines().count() > 10_000, "too little was logged: {} lines", log.lines().count());
    keeps_quiet(&log, &WHOLE);
}
