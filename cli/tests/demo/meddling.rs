//! A group with all that the stories of the demo have not: several volumes a slot, periodic sets of snapshots, listed
//! subnets, a warm pool, slow guests, and a person who meddles.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use stateful_asg_runtime::config;
use stateful_asg_sim::iam::Right;
use stateful_asg_sim::model::types::{
    CreateAutoScalingGroup, CreateHostedZone, CreateLaunchTemplate, Describe, Distribution, GroupTag,
    LaunchTemplateData, LaunchTemplateRef, LifecycleHook, LifecycleResult, LifecycleState, ModifyInstanceAttribute,
    ModifyNetworkInterfaceAttribute, PutWarmPool, Transition, WarmPool,
};
use stateful_asg_sim::model::{Aws, GuestMode, Settings, Span};
use stateful_asg_sim::simulator::{FunctionsConfig, Simulator, SimulatorConfig};
use stateful_asg_sim::stack::{Facts, Stack};

use crate::common::functions;

const ASG: &str = "nodes";
const DEPLOYMENT: &str = "meddling";
const TABLE: &str = "stateful-asg-meddling";
/// Real time, and more than enough.
const PATIENCE: Duration = Duration::from_secs(90);

/// Tells the story; what of their rights the functions used, as the demo writes it.
pub(crate) fn rights_used() -> BTreeSet<String> {
    let simulator = start();
    simulator.with(create);
    until(&simulator, "both nodes serve", |aws| serving(aws).len() == 2);
    simulator.with(meddle);
    // Hooks, volumes and interfaces are audited within ten minutes; snapshots of five are taken on the way.
    for _ in 0..4 {
        let since = simulator.clock().now() + SignedDuration::from_mins(4);
        simulator.leap(SignedDuration::from_mins(4), PATIENCE).unwrap();
        until(&simulator, "a sweep", |_| {
            simulator.invocations().iter().any(|run| {
                run.function == "sweep" && run.started >= since - SignedDuration::from_secs(60) && run.ended.is_some()
            })
        });
    }
    until(&simulator, "what was meddled with is mended", |aws| !is_meddled(aws));
    until(&simulator, "each snapshot of a set has its volume's name", |aws| {
        let names: BTreeSet<_> =
            aws.snapshots().filter_map(|snapshot| snapshot.tags.get("stateful-asg:volume").cloned()).collect();
        names.len() == 2
    });
    let ledger = simulator.rights();
    assert_eq!(ledger.denied(), [], "denied");
    let words = |Right { caller, policy, sid, action, resource }: &Right| {
        format!("{caller} {policy}/{sid} {action} {resource}")
    };
    ledger.used().iter().map(words).collect()
}

fn start() -> Simulator {
    let env = [
        (config::DEPLOYMENT, DEPLOYMENT),
        (config::TABLE, TABLE),
        (config::ALLOWED_ZONES, "*"),
        (config::ALLOWED_SUBNETS, "*"),
        (config::ALLOW_DELETES, "true"),
    ];
    let env: BTreeMap<_, _> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let functions = FunctionsConfig { binary: functions(), env, deployment: DEPLOYMENT.to_owned() };
    // A third of the hook's timeout passes before the guest reports.
    let guest = GuestMode::Reports { delay: Span::secs(25, 30) };
    let settings = Settings { seed: 5, guest, ..Settings::default() };
    let simulator =
        Simulator::start(SimulatorConfig { port: None, settings, speed: 15.0, functions: Some(functions) }).unwrap();
    simulator.dynamo().create_functions_table(TABLE).unwrap();
    let (region, account) = simulator.with(|aws| (aws.settings().region.clone(), aws.settings().account.clone()));
    let facts = Facts::of(DEPLOYMENT)
        .with("Table.Arn", format!("arn:aws:dynamodb:{region}:{account}:table/{TABLE}"))
        .with("Region", region)
        .with("Account", account)
        .with("Zone", "*")
        .with("Names", "*.internal");
    simulator.enforce(Stack::with(&facts).rights());
    simulator
}

fn create(aws: &mut Aws) {
    let aws = aws.as_actor("operator");
    let zone = CreateHostedZone {
        name: "prod.internal".to_owned(),
        caller_reference: "meddling".to_owned(),
        private_zone: true,
    };
    let zone = aws.create_hosted_zone(&zone).unwrap().hosted_zone.id;
    aws.create_launch_template(&CreateLaunchTemplate {
        launch_template_name: "nodes".to_owned(),
        data: LaunchTemplateData { instance_metadata_tags: true, ..LaunchTemplateData::default() },
        ..CreateLaunchTemplate::default()
    })
    .unwrap();
    let subnet = aws.describe_subnets(&Describe::all()).unwrap().items[0].subnet_id.clone();
    let spec = json!({
        "v": 1,
        "volumes": {"data": {"size": 20, "mount": "/data"}, "log": {"size": 10, "mount": "/srv/log"}},
        "address": {"kind": "eni", "subnets": [subnet]},
        "dns": {"zone": zone, "slot": "node-{slot}.prod.internal"},
        "snapshots": {"every": "5m", "keep": {"last": 1}},
    });
    let hook = |way: &str, transition| LifecycleHook {
        heartbeat_timeout: 60,
        ..LifecycleHook::new(&format!("stateful-asg-{DEPLOYMENT}-{way}"), transition)
    };
    let tag =
        |key: &str, value: &str| GroupTag { key: key.to_owned(), value: value.to_owned(), propagate_at_launch: true };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup {
        name: ASG.to_owned(),
        max_size: 2,
        desired_capacity: Some(2),
        launch_template: Some(LaunchTemplateRef {
            id: None,
            name: Some("nodes".to_owned()),
            version: Some("$Latest".to_owned()),
        }),
        subnets: vec![subnet],
        hooks: vec![
            LifecycleHook { notification_metadata: Some(spec.to_string()), ..hook("launch", Transition::Launching) },
            LifecycleHook { default_result: LifecycleResult::Continue, ..hook("terminate", Transition::Terminating) },
        ],
        tags: vec![tag("stateful-asg:group", "nodes"), tag("stateful-asg:deployment", DEPLOYMENT)],
        distribution: Distribution::BalancedOnly,
        ..CreateAutoScalingGroup::default()
    })
    .unwrap();
    let pool = WarmPool { min_size: 0, max_group_prepared_capacity: Some(2), ..WarmPool::default() };
    aws.put_warm_pool(&PutWarmPool { group: ASG.to_owned(), pool }).unwrap();
}

fn serving(aws: &Aws) -> Vec<String> {
    let serving = aws.members(ASG).filter(|member| member.state == LifecycleState::InService);
    serving.map(|member| member.instance_id.clone()).collect()
}

/// Has a node's volume and interface die with it.
fn meddle(aws: &mut Aws) {
    let node = serving(aws)[0].clone();
    let devices: Vec<_> = ours(aws, &node).map(|device| (device, true)).collect();
    assert_eq!(devices.len(), 2);
    let aws = aws.as_actor("operator");
    aws.modify_instance_attribute(&ModifyInstanceAttribute {
        instance_id: node.clone(),
        delete_on_termination: devices,
    })
    .unwrap();
    let (interface, attachment) = attached(aws, &node).unwrap();
    aws.modify_network_interface_attribute(&ModifyNetworkInterfaceAttribute {
        network_interface_id: interface,
        attachment_id: attachment,
        delete_on_termination: true,
    })
    .unwrap();
    assert!(is_meddled(aws));
}

fn is_meddled(aws: &Aws) -> bool {
    let volumes = aws.volumes().filter(|volume| volume.tags.contains_key("stateful-asg:slot"));
    let interfaces = aws.interfaces().filter(|interface| interface.tags.contains_key("stateful-asg:slot"));
    volumes.flat_map(|volume| &volume.attachments).any(|attachment| attachment.delete_on_termination)
        || interfaces
            .filter_map(|interface| interface.attachment.as_ref())
            .any(|attachment| attachment.delete_on_termination)
}

/// The devices of the node's volumes, without the root.
fn ours<'a>(aws: &'a Aws, node: &'a str) -> impl Iterator<Item = String> + 'a {
    let instance = aws.instance(node).unwrap();
    let devices = instance.block_devices.iter().filter(|device| device.device_name != instance.root_device_name);
    devices.map(|device| device.device_name.clone())
}

fn attached(aws: &Aws, node: &str) -> Option<(String, String)> {
    aws.interfaces().filter(|interface| interface.tags.contains_key("stateful-asg:slot")).find_map(|interface| {
        let attachment = interface.attachment.as_ref().filter(|attachment| attachment.instance_id == node)?;
        Some((interface.network_interface_id.clone(), attachment.attachment_id.clone()))
    })
}

/// Looks again and again, for at most [`PATIENCE`].
fn until(simulator: &Simulator, what: &str, holds: impl Fn(&Aws) -> bool) {
    let looks = 1_000;
    for _ in 0..looks {
        if simulator.with(|aws| holds(aws)) {
            return;
        }
        assert_eq!(simulator.rights().denied(), [], "denied before this came: {what}");
        std::thread::sleep(PATIENCE / looks);
    }
    let lines = simulator.lambda().unwrap().journal().lines();
    let last: Vec<_> = lines.iter().rev().take(30).map(|line| &line.text).collect();
    panic!("{what} never came: {last:#?}");
}
