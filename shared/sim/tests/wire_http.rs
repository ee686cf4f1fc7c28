//! The simulated AWS over plain HTTP, as any client may speak to it, and its events' way to a function.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stateful_asg_sim::lambda::{Invocation, Outcome};
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateVolume, LifecycleActionRef, LifecycleHook, LifecycleResult, Transition,
};
use stateful_asg_sim::simulator::{FunctionsConfig, Simulator, SimulatorConfig, StartError};

struct Answer {
    status: u16,
    body: String,
}

/// One request on a connection of its own.
fn ask(simulator: &Simulator, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let endpoint = simulator.endpoint();
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, body: body.to_owned() }
}

fn form(simulator: &Simulator, service: &str, form: &str) -> Answer {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=SIMULATED-tester/20260101/eu-central-1/{service}/aws4_request, Signature=0"
    );
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
    ];
    ask(simulator, "POST", "/", &headers, form.as_bytes())
}

fn start(speed: f64, functions: Option<FunctionsConfig>) -> Simulator {
    Simulator::start(SimulatorConfig { speed, functions, ..SimulatorConfig::default() }).unwrap()
}

#[test]
fn each_protocol_answers_in_its_own_form() {
    let simulator = start(1.0, None);
    let subnets = form(&simulator, "ec2", "Action=DescribeSubnets&Version=2016-11-15");
    assert_eq!(subnets.status, 200);
    let beginning = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DescribeSubnetsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><subnetSet><item><subnetId>subnet-";
    assert!(subnets.body.starts_with(beginning), "{}", subnets.body);
    assert!(subnets.body.contains("<requestId>"));

    let groups = form(&simulator, "autoscaling", "Action=DescribeAutoScalingGroups&Version=2011-01-01");
    assert!(
        groups.body.contains("<DescribeAutoScalingGroupsResult><AutoScalingGroups></AutoScalingGroups>"),
        "{}",
        groups.body
    );
    assert!(groups.body.contains("<ResponseMetadata><RequestId>"));

    let zones = ask(&simulator, "GET", "/2013-04-01/hostedzone", &[], b"");
    assert!(zones.body.contains("<HostedZones></HostedZones>"), "{}", zones.body);

    let target = [("X-Amz-Target", "DynamoDB_20120810.ListTables"), ("Content-Type", "application/x-amz-json-1.0")];
    assert_eq!(ask(&simulator, "POST", "/", &target, b"{}").body, r#"{"TableNames":[]}"#);

    let target = [("X-Amz-Target", "AWSEvents.PutEvents"), ("Content-Type", "application/x-amz-json-1.1")];
    let put = br#"{"Entries":[{"Source":"a","DetailType":"b","Detail":"{}"}]}"#;
    let answer: Value = serde_json::from_str(&ask(&simulator, "POST", "/", &target, put).body).unwrap();
    assert_eq!(answer["FailedEntryCount"], 0);

    let identity = form(&simulator, "sts", "Action=GetCallerIdentity&Version=2011-06-15");
    assert!(
        identity.body.contains("<Account>123456789012</Account>") && identity.body.contains("user/tester<"),
        "{}",
        identity.body
    );
}

#[test]
fn errors_have_the_form_of_their_service() {
    let simulator = start(1.0, None);
    let error = form(&simulator, "ec2", "Action=DescribeVolumes&VolumeId.1=vol-0123456789abcdef0");
    assert_eq!(error.status, 400);
    assert!(
        error.body.contains("<Response><Errors><Error><Code>InvalidVolume.NotFound</Code><Message>"),
        "{}",
        error.body
    );

    let error =
        form(&simulator, "autoscaling", "Action=SetDesiredCapacity&AutoScalingGroupName=none&DesiredCapacity=1");
    assert!(error.body.contains("<Error><Type>Sender</Type><Code>ValidationError</Code>"), "{}", error.body);

    let error = ask(&simulator, "GET", "/2013-04-01/hostedzone/Z000/rrset", &[], b"");
    assert_eq!(error.status, 404);
    assert!(error.body.contains("<Code>NoSuchHostedZone</Code>"), "{}", error.body);
}

#[test]
fn what_cannot_be_served_is_refused_and_says_what_can() {
    let simulator = start(1.0, None);
    let cases: [(&str, &str, &str); 6] = [
        ("ec2", "Action=DescribeKeyPairs", "InvalidAction"),
        ("ec2", "Version=2016-11-15", "InvalidAction"),
        ("ec2", "Action=CreateVolume", "MissingParameter"),
        ("ec2", "Action=CreateVolume&AvailabilityZone=eu-central-1a&Size=big", "InvalidParameterValue"),
        ("autoscaling", "Action=CreateAutoScalingGroup&MixedInstancesPolicy.X=1", "ValidationError"),
        (
            "autoscaling",
            "Action=CompleteLifecycleAction&AutoScalingGroupName=a&LifecycleHookName=b&LifecycleActionResult=STOP",
            "ValidationError",
        ),
    ];
    for (service, request, code) in cases {
        let answer = form(&simulator, service, request);
        assert_eq!(answer.status, 400, "{request}");
        assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{request}: {}", answer.body);
    }
    assert!(form(&simulator, "ec2", "Action=X").body.contains("DescribeVolumes"));
    assert_eq!(ask(&simulator, "GET", "/", &[], b"").status, 400);
    assert_eq!(
        ask(&simulator, "POST", "/2013-04-01/hostedzone/Z1/rrset", &[], "<a>".repeat(100_000).as_bytes()).status,
        400
    );
    assert_eq!(ask(&simulator, "POST", "/2013-04-01/hostedzone/Z1/rrset", &[], &[0xff, 0xfe]).status, 400);
    assert_eq!(ask(&simulator, "DELETE", "/2013-04-01/hostedzone/Z1", &[], b"").status, 400);
    let target = [("X-Amz-Target", "AWSEvents.PutEvents")];
    assert_eq!(ask(&simulator, "POST", "/", &target, b"[").status, 400);
}

#[test]
fn calls_are_counted_by_operation_and_caller() {
    let simulator = start(1.0, None);
    for _ in 0..2 {
        form(&simulator, "ec2", "Action=DescribeSubnets");
    }
    ask(&simulator, "GET", "/2013-04-01/hostedzone", &[], b"");
    ask(&simulator, "POST", "/", &[("X-Amz-Target", "DynamoDB_20120810.ListTables")], b"{}");
    simulator.with(|aws| aws.list_hosted_zones()).unwrap();
    let expected = [("dynamodb:ListTables", 1), ("ec2:DescribeSubnets", 2), ("route53:ListHostedZones", 1)];
    let expected: BTreeMap<String, u64> =
        expected.into_iter().map(|(operation, count)| (operation.to_owned(), count)).collect();
    assert_eq!(simulator.counts(), expected);
    assert_eq!(simulator.counts_by_caller()["tester"], BTreeMap::from([("ec2:DescribeSubnets".to_owned(), 2)]));
}

/// A volume that is available.
fn volume(simulator: &Simulator) -> String {
    let request = CreateVolume {
        availability_zone: "eu-central-1a".to_owned(),
        size_gib: Some(20),
        volume_type: Some("gp3".to_owned()),
        ..CreateVolume::default()
    };
    simulator.with(|aws| {
        let id = aws.create_volume(&request).unwrap().volume_id.clone();
        aws.advance(Duration::from_secs(5));
        id
    })
}

#[test]
fn snapshots_and_changes_of_volumes_have_ec2s_form() {
    let simulator = start(1.0, None);
    let field = |answer: &Answer, name: &str| {
        let after = answer.body.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {}", answer.body)).1;
        after.split_once('<').unwrap().0.to_owned()
    };
    let volume = volume(&simulator);
    let taken = form(
        &simulator,
        "ec2",
        &format!(
            "Action=CreateSnapshot&VolumeId={volume}&TagSpecification.1.ResourceType=snapshot&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b"
        ),
    );
    let snapshot = field(&taken, "snapshotId");
    assert_eq!((field(&taken, "status"), field(&taken, "progress")), ("pending".to_owned(), String::new()));
    assert!(taken.body.contains("<tagSet><item><key>a</key><value>b</value></item></tagSet>"), "{}", taken.body);
    let early = format!("Action=CreateVolume&AvailabilityZone=eu-central-1b&SnapshotId={snapshot}");
    let modify = format!("Action=ModifyVolume&VolumeId={volume}&Size=30");
    let cases = [
        (format!("Action=CreateSnapshot&VolumeId={volume}"), "SnapshotCreationPerVolumeRateExceeded"),
        (early, "IncorrectState"),
        ("Action=CreateSnapshots&InstanceSpecification.ExcludeBootVolume=true".to_owned(), "MissingParameter"),
        (
            "Action=CreateSnapshots&InstanceSpecification.InstanceId=i-0&CopyTagsFromSource=all".to_owned(),
            "InvalidParameterValue",
        ),
        ("Action=DeleteSnapshot&SnapshotId=snap-0".to_owned(), "InvalidSnapshot.NotFound"),
        (format!("{modify}&MultiAttachEnabled=true"), "InvalidParameterCombination"),
    ];
    for (request, code) in &cases {
        let answer = form(&simulator, "ec2", request);
        assert!(
            answer.status == 400 && answer.body.contains(&format!("<Code>{code}</Code>")),
            "{request}: {}",
            answer.body
        );
    }
    let changed = form(&simulator, "ec2", &modify);
    assert!(
        changed
            .body
            .contains(&format!("<volumeModification><volumeId>{volume}</volumeId><modificationState>modifying<")),
        "{}",
        changed.body
    );
    simulator.with(|aws| aws.advance(Duration::from_secs(3600)));
    let shown = form(&simulator, "ec2", &format!("Action=DescribeVolumesModifications&VolumeId.1={volume}"));
    assert_eq!(
        (field(&shown, "modificationState"), field(&shown, "progress")),
        ("completed".to_owned(), "100".to_owned())
    );
    let shown = form(&simulator, "ec2", "Action=DescribeSnapshots&Owner.1=self&Filter.1.Name=tag:a&Filter.1.Value.1=b");
    assert_eq!((field(&shown, "status"), field(&shown, "progress")), ("completed".to_owned(), "100%".to_owned()));
    let counts = simulator.counts();
    assert_eq!((counts["ec2:CreateSnapshot"], counts["ec2:CreateSnapshots"], counts["ec2:ModifyVolume"]), (2, 2, 2));
}

#[test]
fn a_missing_binary_and_a_taken_port_are_told() {
    let functions =
        FunctionsConfig { binary: "/nowhere/functions".into(), env: BTreeMap::new(), deployment: "test".to_owned() };
    let refused = Simulator::start(SimulatorConfig { functions: Some(functions), ..SimulatorConfig::default() });
    assert!(matches!(refused, Err(StartError::NoBinary(_))));
    let first = start(1.0, None);
    let port = first.endpoint().rsplit(':').next().and_then(|port| port.parse().ok());
    assert!(matches!(
        Simulator::start(SimulatorConfig { port, ..SimulatorConfig::default() }),
        Err(StartError::Listen { .. })
    ));
}

fn wait_for(simulator: &Simulator, what: &str, holds: impl Fn(&[Invocation]) -> bool) -> Vec<Invocation> {
    for _ in 0..2000 {
        let invocations = simulator.invocations();
        if holds(&invocations) {
            return invocations;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} never came: {:#?}", simulator.invocations());
}

#[test]
fn a_hooks_event_the_results_and_the_minute_reach_their_functions() {
    let records = std::env::temp_dir().join(format!("stateful-asg-sim-http-{}", std::process::id()));
    std::fs::create_dir_all(&records).unwrap();
    let binary = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/function.py");
    let env = BTreeMap::from([("RECORDS".to_owned(), records.display().to_string())]);
    let simulator = start(60.0, Some(FunctionsConfig { binary, env, deployment: "test".to_owned() }));
    let hook = LifecycleHook::new("stateful-asg-test-launch", Transition::Launching);
    let group = CreateAutoScalingGroup {
        name: "db".to_owned(),
        max_size: 1,
        desired_capacity: Some(1),
        hooks: vec![hook],
        ..Default::default()
    };
    simulator.with(|aws| aws.create_auto_scaling_group(&group)).unwrap();

    let is = |invocation: &Invocation, function: &str, kind: &str| {
        invocation.function == function
            && invocation.detail_type == kind
            && invocation.outcome.as_ref().is_some_and(Outcome::is_success)
    };
    let launch = "EC2 Instance-launch Lifecycle Action";
    wait_for(&simulator, "the hook's event", |all| all.iter().any(|invocation| is(invocation, "lifecycle", launch)));
    let instance = simulator.with(|aws| aws.describe_auto_scaling_groups(&Default::default())).unwrap().items[0]
        .instances[0]
        .instance_id
        .clone();
    let action = LifecycleActionRef {
        group: "db".to_owned(),
        hook: "stateful-asg-test-launch".to_owned(),
        token: None,
        instance_id: Some(instance.clone()),
    };
    simulator.with(|aws| aws.complete_lifecycle_action(&action, LifecycleResult::Continue)).unwrap();
    wait_for(&simulator, "the launch's result", |all| {
        all.iter().any(|invocation| is(invocation, "lifecycle", "EC2 Instance Launch Successful"))
    });
    let state = "EC2 Instance State-change Notification";
    assert!(!simulator.invocations().iter().any(|run| run.detail_type == state), "that one starts tells nothing");
    simulator.with(|aws| aws.terminate_instances(&[instance])).unwrap();
    let all = wait_for(&simulator, "all events", |all| {
        all.iter().any(|invocation| is(invocation, "instance", state))
            && all.iter().any(|invocation| is(invocation, "sweep", "Scheduled Event"))
    });
    let Some(Outcome::Succeeded(answer)) = &all[0].outcome else { panic!("{:?}", all[0]) };
    assert_eq!(answer["endpoint"], json!(simulator.endpoint()));

    let process = format!("/proc/{}", answer["process"]);
    simulator.shutdown();
    // It was told to end: the kernel may need a moment on a busy machine.
    let ended = || !Path::new(&process).join("exe").exists();
    let patience = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        ended()
    });
    assert!(patience, "the process outlived its simulator");
    let _ = std::fs::remove_dir_all(records);
}
