//! The local Lambda with a real process behind the Runtime API (`wire/function.py`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stateful_asg_sim::clock::Clock;
use stateful_asg_sim::lambda::{Delivery, FunctionSettings, Invocation, Lambda, LambdaConfig, Outcome, rules_of};
use stateful_asg_sim::stack::{Facts, Stack};
use tokio::runtime::Handle;

/// A simulated minute takes 50 ms.
const SPEED: f64 = 1200.0;

struct Rig {
    lambda: Lambda,
    clock: Clock,
    records: PathBuf,
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.records);
    }
}

fn rig(name: &str, most_environments: usize, variables: &[(&str, &str)]) -> Rig {
    let records = std::env::temp_dir().join(format!("stateful-asg-sim-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&records).unwrap();
    let mut environment: BTreeMap<String, String> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    environment.insert("RECORDS".to_owned(), records.display().to_string());
    environment.insert("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:1".to_owned());
    let clock = Clock::start("2026-01-01T00:00:00Z".parse().unwrap(), SPEED);
    let config = LambdaConfig {
        binary: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/function.py"),
        variables: environment,
        functions: ["lifecycle", "sweep"]
            .map(|name| FunctionSettings {
                name: name.to_owned(),
                timeout: SignedDuration::from_mins(20),
                most_environments,
                memory_mb: 128,
                retries: 2,
            })
            .into(),
        rules: rules_of(&Stack::with(&Facts::of("test"))),
        schedules: Vec::new(),
        region: "eu-central-1".to_owned(),
        account: "123456789012".to_owned(),
    };
    Rig { lambda: Lambda::new(config, clock.clone(), Handle::current()), clock, records }
}

fn event(id: &str, what: &str) -> Value {
    json!({"id": id, "source": "stateful-asg", "detail-type": "Settle", "detail": {"do": what, "deployment": "test"}})
}

impl Rig {
    /// Waits until the journal says so, for at most twenty real seconds.
    async fn until(&self, what: &str, holds: impl Fn(&Lambda) -> bool) {
        for _ in 0..2000 {
            if holds(&self.lambda) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} never came: {:#?}", self.lambda.journal().invocations());
    }

    async fn ended(&self, count: usize) -> Vec<Invocation> {
        self.until(&format!("{count} ended invocations"), |lambda| {
            lambda.journal().invocations().iter().filter(|invocation| invocation.ended.is_some()).count() >= count
        })
        .await;
        self.lambda.journal().invocations()
    }
}

fn answer(invocation: &Invocation) -> &Value {
    match &invocation.outcome {
        Some(Outcome::Succeeded(answer)) => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_reaches_the_process_with_deadline_and_environment() {
    let rig = rig("succeed", 4, &[]);
    rig.lambda.put(&event("e1", "succeed"));
    let first = rig.ended(1).await.remove(0);
    assert_eq!((first.function.as_str(), first.event_id.as_str(), first.attempt), ("lifecycle", "e1", 1));
    let answer_1 = answer(&first).clone();
    assert_eq!(answer_1["handler"], "lifecycle");
    assert_eq!(answer_1["endpoint"], "http://127.0.0.1:1");
    assert_eq!(answer_1["clock"], rig.clock.to_variable());
    assert_eq!(answer_1["arn"], "arn:aws:lambda:eu-central-1:123456789012:function:lifecycle");
    let deadline = answer_1["deadline_ms"].as_i64().unwrap();
    let started = first.started.as_millisecond();
    let timeout = 20 * 60 * 1000;
    assert!(deadline >= started + timeout && deadline <= first.ended.unwrap().as_millisecond() + timeout);

    rig.lambda.put(&event("e2", "succeed"));
    let second = rig.ended(2).await.remove(1);
    assert_eq!(answer(&second)["process"], answer_1["process"], "an idle environment is used again");
}

#[tokio::test]
async fn simultaneous_events_get_environments_of_their_own_up_to_the_cap() {
    let rig = rig("cap", 2, &[]);
    for number in 0..6 {
        rig.lambda.put(&event(&format!("e{number}"), "succeed"));
    }
    let all = rig.ended(6).await;
    let processes: BTreeSet<u64> =
        all.iter().map(|invocation| answer(invocation)["process"].as_u64().unwrap()).collect();
    assert!((1..=2).contains(&processes.len()), "{processes:?}");
    let mut ids: Vec<&str> = all.iter().map(|invocation| invocation.event_id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["e0", "e1", "e2", "e3", "e4", "e5"]);
}

#[tokio::test]
async fn a_failed_event_is_tried_after_one_and_two_minutes_and_then_buried() {
    let rig = rig("fail", 4, &[]);
    rig.lambda.put(&event("bad", "fail"));
    rig.until("a dead letter", |lambda| lambda.journal().dead_letters().len() == 1).await;
    let tries = rig.lambda.journal().invocations();
    assert_eq!(tries.iter().map(|invocation| invocation.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(tries[0].request_id, tries[2].request_id);
    for (index, minutes) in [(0, 1), (1, 2)] {
        let gap = tries[index + 1].started.duration_since(tries[index].ended.unwrap());
        assert!(gap >= SignedDuration::from_mins(minutes), "{gap:?}");
    }
    let letter = rig.lambda.journal().dead_letters().remove(0);
    let kind = "ValueError".to_owned();
    assert_eq!(letter.last, Outcome::Failed { kind, message: "told to fail, attempt 3".to_owned() });
    assert_eq!(letter.event, event("bad", "fail"));
}

#[tokio::test]
async fn an_event_that_succeeds_at_last_is_not_buried() {
    let rig = rig("twice", 4, &[]);
    rig.lambda.put(&event("e", "fail-twice"));
    let tries = rig.ended(3).await;
    assert!(tries[2].outcome.as_ref().unwrap().is_success());
    assert_eq!(rig.lambda.journal().dead_letters(), []);
}

#[tokio::test]
async fn a_crash_and_its_last_words_are_recorded() {
    let rig = rig("crash", 4, &[]);
    rig.lambda.put(&event("e", "crash"));
    let first = rig.ended(1).await.remove(0);
    assert_eq!(first.outcome, Some(Outcome::Crashed("the process ended: exit status: 3".to_owned())));
    rig.until("its line", |lambda| {
        lambda.journal().lines().iter().any(|line| line.text == "going down" && line.function == "lifecycle")
    })
    .await;
}

#[tokio::test]
async fn the_deadline_kills() {
    let rig = rig("hang", 1, &[]);
    rig.lambda.put(&event("slow", "hang"));
    let first = rig.ended(1).await.remove(0);
    assert_eq!(first.outcome, Some(Outcome::TimedOut));
    let ran = first.ended.unwrap().duration_since(first.started);
    assert!(ran >= SignedDuration::from_mins(20), "{ran:?}");
    rig.lambda.put(&event("next", "succeed"));
    rig.until("the next event", |lambda| {
        lambda
            .journal()
            .invocations()
            .iter()
            .any(|i| i.event_id == "next" && i.outcome.as_ref().is_some_and(Outcome::is_success))
    })
    .await;
}

#[tokio::test]
async fn a_process_that_will_not_start_says_why() {
    let rig = rig("refuse", 1, &[("REFUSE", "1")]);
    rig.lambda.put(&event("e", "succeed"));
    let first = rig.ended(1).await.remove(0);
    assert_eq!(first.outcome, Some(Outcome::NotStarted("Config: will not start".to_owned())));
}

#[tokio::test]
async fn events_can_be_dropped_delayed_and_doubled() {
    let rig = rig("tap", 4, &[]);
    rig.lambda.tap(Some(Box::new(|event, _| match event["id"].as_str() {
        Some("lost") => Delivery::Drop,
        Some("late") => Delivery::Delay(SignedDuration::from_mins(5)),
        Some("double") => Delivery::Double(SignedDuration::from_mins(1)),
        _ => Delivery::Deliver,
    })));
    let sent = rig.clock.now();
    for id in ["lost", "late", "double"] {
        rig.lambda.put(&event(id, "succeed"));
    }
    let all = rig.ended(3).await;
    let of = |id: &str| all.iter().filter(|invocation| invocation.event_id == id).collect::<Vec<_>>();
    assert_eq!((of("lost").len(), of("late").len(), of("double").len()), (0, 1, 2));
    assert!(of("late")[0].started.duration_since(sent) >= SignedDuration::from_mins(5));
    assert_ne!(of("double")[0].request_id, of("double")[1].request_id);
}

#[tokio::test]
async fn events_of_others_start_nothing() {
    let rig = rig("others", 4, &[]);
    rig.lambda.put(&json!({"id": "x", "source": "aws.s3", "detail-type": "Settle"}));
    rig.lambda.put(&event("ours", "succeed"));
    let all = rig.ended(1).await;
    assert_eq!(all.iter().map(|invocation| invocation.event_id.as_str()).collect::<Vec<_>>(), ["ours"]);
}
