use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn prod() -> DeploymentId {
    DeploymentId::new("prod").unwrap()
}

/// The events as AWS and we make them, by file name.
fn fixtures() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions/fixtures");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = |path: &Path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(&path))).collect()
}

fn action(transition: Transition, hook: &str, token: bool, into_pool: Option<bool>) -> Incoming {
    Incoming::Action(LifecycleAction {
        asg: AsgName::new("cass-blue").unwrap(),
        hook: HookName::new(hook).unwrap(),
        instance: instance(),
        transition,
        token: token.then(|| ActionToken::new("c9a1e7d4-5b2f-4e83-9d60-71f2a3b4c5d6").unwrap()),
        into_pool,
        at: Some("2026-11-20T08:15:30Z".parse().unwrap()),
    })
}

fn instance() -> InstanceId {
    InstanceId::new("i-0a1b2c3d4e5f60718").unwrap()
}

fn expected(name: &str) -> Result<Incoming, Vec<&'static str>> {
    let launch = |into_pool: Option<bool>| {
        Ok(action(Transition::Launching, "stateful-asg-prod-launch", into_pool.is_some(), into_pool))
    };
    let terminate = |into_pool| Ok(action(Transition::Terminating, "stateful-asg-prod-terminate", true, into_pool));
    let ignored = |why| Ok(Incoming::Ignored(why));
    let ended = |terminated| Ok(Incoming::Ended(Ended { asg: AsgName::new("cass-blue").unwrap(), terminated }));
    match name {
        "launch-action" | "launch-action-out-of-warm-pool" => launch(Some(false)),
        "launch-action-into-warm-pool" => launch(Some(true)),
        "launch-action-minimal" => launch(None),
        "terminate-action" | "terminate-action-out-of-warm-pool" => terminate(Some(false)),
        "terminate-action-into-warm-pool" => terminate(Some(true)),
        "terminate-action-minimal" => terminate(None),
        "launch-successful" | "launch-unsuccessful" | "terminate-unsuccessful" => ended(None),
        "terminate-successful" => ended(Some(instance())),
        "state-stopping"
        | "state-stopped"
        | "state-shutting-down"
        | "state-terminated"
        | "spot-interruption"
        | "rebalance-recommendation" => Ok(Incoming::Instance(instance())),
        "state-pending" | "state-running" => ignored(Ignored::Starting(instance())),
        "settle" => Ok(Incoming::Settle { group: GroupName::new("cass").unwrap(), audit: false }),
        "settle-audit" => Ok(Incoming::Settle { group: GroupName::new("cass").unwrap(), audit: true }),
        "schedule" | "schedule-snapshot" => Ok(Incoming::Schedule),
        "test-notification" | "test-notification-sns" | "test-notification-sqs" | "test-notification-sns-in-sqs" => {
            ignored(Ignored::TestNotification)
        }
        "action-through-sqs" => ignored(Ignored::NotThroughEventBridge),
        "other-hook" => ignored(Ignored::OtherHook("ecs-managed-draining-termination-hook".to_owned())),
        "other-deployment-hook" => ignored(Ignored::OtherHook("stateful-asg-staging-launch".to_owned())),
        "other-deployment-settle" => ignored(Ignored::OtherDeployment("staging".to_owned())),
        "other-kind" => {
            ignored(Ignored::OtherKind("aws.autoscaling: EC2 Auto Scaling Instance Refresh Started".to_owned()))
        }
        "malformed-action" => Err(vec![
            "`AutoScalingGroupName` is missing",
            "`EC2InstanceId`: `i-0A1B2C3D` is not an instance ID such as i-0123456789abcdef0",
            "`LifecycleActionToken`: `short` is not a lifecycle action token: 36 characters",
            "`LifecycleTransition` is `autoscaling:EC2_INSTANCE_LAUNCHING`, which this kind of event does not have",
        ]),
        "malformed-result" => Err(vec!["`AutoScalingGroupName` is missing"]),
        "malformed-state" => Err(vec!["`instance-id` is not text", "`state` is not text"]),
        "malformed-settle" => Err(vec![
            "`group`: `not a group` is not a group name: 1 to 64 letters, digits, `-`, `_` or `.`",
            "`audit` is neither true nor false",
        ]),
        "malformed-detail" => Err(vec!["`detail` is not an object"]),
        "not-an-event" => Err(vec!["it has no `source` and `detail-type`: only events of EventBridge are understood"]),
        other => panic!("no expectation for the fixture {other}"),
    }
}

#[test]
fn every_fixture_says_what_it_should() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 30, "fixtures are missing: {}", fixtures.len());
    for (name, event) in fixtures {
        let expected = expected(&name).map_err(|problems| problems.into_iter().map(str::to_owned).collect());
        let read = read(&event, &prod()).map_err(|malformed| malformed.problems);
        assert_eq!(read, expected, "{name}");
    }
}

#[test]
fn what_we_do_not_need_may_be_missing_or_null() {
    let mut event = fixtures().remove("launch-action").unwrap();
    for name in ["NotificationMetadata", "Origin", "Destination", "LifecycleTransition", "LifecycleActionToken"] {
        event["detail"][name] = Value::Null;
    }
    event["time"] = "yesterday".into();
    event.as_object_mut().unwrap().remove("resources");
    let Ok(Incoming::Action(action)) = read(&event, &prod()) else { panic!("{event}") };
    assert_eq!((action.token, action.into_pool, action.at), (None, None, None));
}

#[test]
fn a_hook_of_ours_has_the_whole_deployment_in_its_name() {
    let ours = |hook: &str| is_ours(&prod(), hook);
    assert!(ours("stateful-asg-prod-launch"));
    assert!(!ours("stateful-asg-production-launch") && !ours("stateful-asg-prod") && !ours("stateful-asg--launch"));
}

#[test]
fn a_refusal_repeats_only_the_beginning_of_what_it_refuses() {
    let mut event = fixtures().remove("settle").unwrap();
    event["detail"]["group"] = "ä".repeat(100_000).into();
    assert!(read(&event, &prod()).unwrap_err().to_string().len() < 500);
}

#[test]
fn the_id_is_taken_where_it_is_one() {
    assert_eq!(id_of(&serde_json::json!({"id": "3d1c"})), Some("3d1c"));
    assert_eq!(id_of(&serde_json::json!({"id": "x".repeat(65)})), None);
    assert_eq!(id_of(&serde_json::json!([])), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        Just(Value::from("i-0a1b2c3d4e5f60718")),
        Just(Value::from("{\"Event\":\"autoscaling:TEST_NOTIFICATION\"}")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let key =
            prop_oneof!["[a-z]{1,4}", Just("Records".to_owned()), Just("body".to_owned()), Just("detail".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics(event in any_json()) {
        let _ = (read(&event, &prod()), id_of(&event));
    }

    #[test]
    fn no_change_of_a_real_event_panics(pick in any::<prop::sample::Index>(), field in any::<prop::sample::Index>(), with in any_json()) {
        let fixtures: Vec<Value> = fixtures().into_values().collect();
        let mut event = pick.get(&fixtures).clone();
        let inner = if event["detail"].is_object() { &mut event["detail"] } else { &mut event };
        let fields = inner.as_object_mut().unwrap();
        if !fields.is_empty() {
            let name = field.get(&fields.keys().cloned().collect::<Vec<_>>()).clone();
            fields.insert(name, with);
        }
        if let Err(malformed) = read(&event, &prod()) {
            prop_assert!(!malformed.problems.is_empty());
        }
    }
}
