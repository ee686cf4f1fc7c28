//! An account with nodes that run already, on the simulated AWS, without functions.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachVolume, CreateAutoScalingGroup, CreateLaunchTemplate, CreateSnapshot, CreateVolume, Describe, GroupTag,
    LaunchTemplateData, LaunchTemplateRef, LifecycleState, PutLifecycleHook, SnapshotState, Tags, Transition,
    VolumeState,
};
use stateful_asg_sim::simulator::{Simulator, SimulatorConfig};

use super::{Ran, command};

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
pub(crate) const TABLE: &str = "functions";
pub(crate) const ASG: &str = "cass-nodes";
/// How often the clock is put forward for one thing to happen.
const LEAPS: u32 = 200;

/// Two nodes in service in one zone, each with a volume that was attached by hand; then the hooks came.
pub(crate) struct Account {
    pub(crate) simulator: Simulator,
    pub(crate) volumes: Vec<String>,
    pub(crate) instances: Vec<String>,
    pub(crate) zone: String,
}

impl Account {
    pub(crate) fn start() -> Self {
        let simulator = Simulator::start(SimulatorConfig::default()).unwrap();
        simulator.dynamo().create_functions_table(TABLE).unwrap();
        simulator.with(create_group);
        let mut account = Self { simulator, volumes: Vec::new(), instances: Vec::new(), zone: String::new() };
        account.until("two nodes are in service", |aws| in_service(aws).len() == 2);
        let members = account.simulator.with(in_service);
        for (instance, zone) in members {
            let volume = account.volume(&zone, Tags::new());
            let attach = AttachVolume {
                volume_id: volume.clone(),
                instance_id: instance.clone(),
                device: "/dev/sdf".to_owned(),
            };
            account.simulator.with(|aws| aws.attach_volume(&attach)).unwrap();
            account.volumes.push(volume);
            account.instances.push(instance);
            account.zone = zone;
        }
        let attached = account.volumes.clone();
        account.until("the volumes are attached", |aws| {
            let shown = aws.describe_volumes(&Describe::ids(&attached)).unwrap().items;
            shown.iter().all(|volume| volume.state == VolumeState::InUse)
        });
        account.simulator.leap(SignedDuration::from_secs(60), Duration::from_secs(5)).unwrap();
        account.simulator.with(put_hooks);
        account
    }

    /// Simulated time leaps until it is so.
    pub(crate) fn until(&self, what: &str, fulfilled: impl Fn(&mut Aws) -> bool) {
        for _ in 0..LEAPS {
            if self.simulator.with(&fulfilled) {
                return;
            }
            self.simulator.leap(SignedDuration::from_secs(5), Duration::from_secs(5)).unwrap();
        }
        panic!("not within {LEAPS} leaps of five seconds: {what}");
    }

    pub(crate) fn volume(&self, zone: &str, tags: Tags) -> String {
        let request = CreateVolume {
            availability_zone: zone.to_owned(),
            size_gib: Some(20),
            volume_type: Some("gp3".to_owned()),
            encrypted: true,
            tags,
            ..CreateVolume::default()
        };
        let id = self.simulator.with(|aws| aws.create_volume(&request)).unwrap().volume_id.clone();
        let made = id.clone();
        self.until("the volume is there", |aws| {
            aws.describe_volumes(&Describe::ids([&made])).unwrap().items[0].state == VolumeState::Available
        });
        id
    }

    /// A completed snapshot.
    pub(crate) fn snapshot(&self, volume: &str, tags: Tags) -> String {
        let request = CreateSnapshot { volume_id: volume.to_owned(), tags, ..CreateSnapshot::default() };
        let id = self.simulator.with(|aws| aws.create_snapshot(&request)).unwrap().snapshot_id.clone();
        let taken = id.clone();
        self.until("the snapshot is complete", |aws| {
            aws.describe_snapshots(&Describe::ids([&taken])).unwrap().items[0].state == SnapshotState::Completed
        });
        id
    }

    /// The command as [`run`](Self::run) runs it.
    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let installation = [("STATEFUL_ASG_DEPLOYMENT", "main"), ("STATEFUL_ASG_TABLE", TABLE)];
        let mut command = command(args);
        command.envs(self.simulator.environment()).envs(installation);
        command
    }

    /// Puts a slot's item into a state that only the functions bring about: the content as DynamoDB's JSON.
    pub(crate) fn edit_slot(&self, number: u32, edit: impl FnOnce(&mut Value)) {
        let key = json!({"pk": {"S": "group#cass"}, "sk": {"S": format!("slot#{number:010}")}});
        let mut item = self.simulator.dynamo().get(TABLE, &key).unwrap().expect("the slot is on record");
        edit(&mut item["content"]["M"]);
        self.simulator.dynamo().put(TABLE, &item).unwrap();
    }

    /// Everything that a command may change: the table, and what there is in EC2, Auto Scaling and Route 53.
    pub(crate) fn state(&self) -> String {
        let mut items: Vec<String> =
            self.simulator.dynamo().scan(TABLE).unwrap().iter().map(ToString::to_string).collect();
        items.sort();
        let effects = self.simulator.with(|aws| aws.effects().len());
        let reads = ["Describe", "Get", "List", "Query", "Scan", "BatchGet"];
        let counts = self.simulator.counts();
        let changes = counts.iter().filter(|(call, _)| {
            let operation = call.split_once(':').map_or(call.as_str(), |(_, operation)| operation);
            !reads.iter().any(|read| operation.starts_with(read))
        });
        format!("{effects} effects, {:?}, {}", changes.collect::<Vec<_>>(), items.join("\n"))
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args).output().unwrap().into()
    }

    /// Runs it well, and reads its JSON.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        serde_json::from_str(&ran.stdout).unwrap()
    }

    pub(crate) fn adopted() -> Self {
        let account = Self::start();
        account.json(&["adopt", "cass", "--yes"]);
        account
    }

    pub(crate) fn items(&self) -> usize {
        self.simulator.dynamo().scan(TABLE).unwrap().len()
    }

    pub(crate) fn lose_table(&self) {
        for item in self.simulator.dynamo().scan(TABLE).unwrap() {
            let request = json!({"TableName": TABLE, "Key": {"pk": item["pk"], "sk": item["sk"]}});
            self.simulator.dynamo().call_json("DeleteItem", &request).unwrap();
        }
        assert_eq!(self.items(), 0);
    }
}

pub(crate) fn tag(key: &str, value: &str) -> (String, String) {
    (format!("stateful-asg:{key}"), value.to_owned())
}

pub(crate) fn ours() -> Tags {
    Tags::from([tag("group", "cass"), tag("deployment", "main")])
}

fn create_group(aws: &mut Aws) {
    let template = CreateLaunchTemplate {
        launch_template_name: "nodes".to_owned(),
        data: LaunchTemplateData::default(),
        ..CreateLaunchTemplate::default()
    };
    aws.create_launch_template(&template).unwrap();
    let subnets = aws.describe_subnets(&Describe::all()).unwrap().items;
    let group_tag = |(key, value)| GroupTag { key, value, propagate_at_launch: true };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup {
        name: ASG.to_owned(),
        max_size: 2,
        desired_capacity: Some(2),
        launch_template: Some(LaunchTemplateRef { id: None, name: Some("nodes".to_owned()), version: None }),
        subnets: vec![subnets[0].subnet_id.clone()],
        tags: ours().into_iter().map(group_tag).collect(),
        ..CreateAutoScalingGroup::default()
    })
    .unwrap();
}

fn put_hooks(aws: &mut Aws) {
    for (name, transition) in [("launch", Transition::Launching), ("terminate", Transition::Terminating)] {
        aws.put_lifecycle_hook(&PutLifecycleHook {
            group: ASG.to_owned(),
            name: format!("stateful-asg-main-{name}"),
            transition: Some(transition),
            notification_metadata: (transition == Transition::Launching).then(|| SPEC.to_owned()),
            ..PutLifecycleHook::default()
        })
        .unwrap();
    }
}

/// Instances in service, and their zones.
pub(crate) fn in_service(aws: &mut Aws) -> Vec<(String, String)> {
    let shown = aws.describe_auto_scaling_groups(&Default::default()).unwrap().items;
    let members = shown.iter().flat_map(|group| &group.instances);
    let serving = members.filter(|member| member.state == LifecycleState::InService);
    serving.map(|member| (member.instance_id.clone(), member.availability_zone.clone())).collect()
}

/// One field of each row.
pub(crate) fn rows<'v>(shown: &'v Value, field: &str) -> Vec<&'v Value> {
    shown.as_array().unwrap().iter().map(|row| &row[field]).collect()
}
