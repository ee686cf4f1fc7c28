//! What a case finds when it begins.

use serde_json::Value;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachVolume, CreateAutoScalingGroup, CreateHostedZone, CreateNetworkInterface, CreateSnapshot, CreateVolume,
    Describe, InstanceState, LifecycleHook, LifecycleState, SnapshotState, Transition, VolumeState,
};

use super::{Bench, PATIENCE};

const HEARTBEAT: u32 = 30;

impl Bench {
    fn act<T>(&self, act: impl FnOnce(&mut Aws) -> T) -> T {
        self.region.act("setup", |aws, _| act(aws))
    }

    async fn until(&self, what: &str, holds: impl Fn(&Aws) -> bool) {
        for _ in 0..PATIENCE {
            if self.region.truth(|aws, _| holds(aws)) {
                return;
            }
            self.pass(1).await;
        }
        panic!("{what} never came");
    }

    pub(super) async fn make(&mut self, given: &Value) {
        let subnets = self.act(|aws| aws.describe_subnets(&Describe::all()).unwrap().items);
        for (letter, subnet) in ["a", "b"].into_iter().zip(&subnets) {
            self.names.insert(format!("zone_{letter}"), subnet.availability_zone.clone());
            self.names.insert(format!("subnet_{letter}"), subnet.subnet_id.clone());
        }
        for (name, what) in given.as_object().unwrap() {
            let what = what.as_str().unwrap();
            let (what, size) = what.split_once(' ').unwrap_or((what, "1"));
            let (kind, zone) = what.split_once('@').unwrap_or((what, "a"));
            let made = self.made(kind, zone, size.parse().unwrap(), name).await;
            self.names.insert(name.clone(), made);
        }
    }

    async fn made(&mut self, kind: &str, letter: &str, size: u32, name: &str) -> String {
        let zone = self.names[&format!("zone_{letter}")].clone();
        match kind {
            "volume" => self.volume(&zone, size).await,
            "snapshot" => {
                let volume_id = self.volume(&zone, size).await;
                self.names.insert(format!("{name}.volume"), volume_id.clone());
                let request = CreateSnapshot { volume_id, ..CreateSnapshot::default() };
                let id = self.act(|aws| aws.create_snapshot(&request).unwrap().snapshot_id.clone());
                let done = |aws: &Aws| aws.snapshot(&id).is_some_and(|seen| seen.state == SnapshotState::Completed);
                self.until("the snapshot", done).await;
                id
            }
            "interface" => {
                let subnet_id = self.names[&format!("subnet_{letter}")].clone();
                let request = CreateNetworkInterface { subnet_id, ..CreateNetworkInterface::default() };
                self.act(|aws| aws.create_network_interface(&request).unwrap().network_interface_id.clone())
            }
            "zone" => {
                let domain = "contract.internal".to_owned();
                self.names.insert(format!("{name}.name"), domain.clone());
                let request = CreateHostedZone { name: domain, caller_reference: "run".to_owned(), private_zone: true };
                self.act(|aws| aws.create_hosted_zone(&request).unwrap().hosted_zone.id)
            }
            "instance" => self.instance(&zone, name).await,
            "stopped" => {
                let id = self.instance(&zone, name).await;
                self.act(|aws| aws.stop_instances(std::slice::from_ref(&id)).unwrap());
                self.in_state(&id, InstanceState::Stopped).await
            }
            "terminated" => {
                let id = self.instance(&zone, name).await;
                self.act(|aws| aws.terminate_instances(std::slice::from_ref(&id)).unwrap());
                self.in_state(&id, InstanceState::Terminated).await
            }
            "waiting" => self.held(&zone, name, Transition::Launching).await,
            "leaving" => self.held(&zone, name, Transition::Terminating).await,
            other => panic!("no case is given a {other}"),
        }
    }

    async fn volume(&self, zone: &str, size: u32) -> String {
        let request = CreateVolume {
            availability_zone: zone.to_owned(),
            size_gib: Some(size),
            volume_type: Some("gp3".to_owned()),
            ..CreateVolume::default()
        };
        let id = self.act(|aws| aws.create_volume(&request).unwrap().volume_id.clone());
        self.until("the volume", |aws| aws.volume(&id).is_some_and(|seen| seen.state == VolumeState::Available)).await;
        id
    }

    async fn in_state(&self, id: &str, state: InstanceState) -> String {
        self.until("the state", |aws| aws.instance(id).is_some_and(|seen| seen.state == state)).await;
        id.to_owned()
    }

    /// A running instance of no group: one that left it.
    async fn instance(&self, zone: &str, name: &str) -> String {
        let group = format!("of-{name}");
        let id = self.group(zone, &group, None, LifecycleState::InService).await;
        self.act(|aws| aws.detach_instances(&group, std::slice::from_ref(&id), true).unwrap());
        self.until("leaving the group", |aws| aws.member(&id).is_none()).await;
        id
    }

    /// The one instance of a new group, in this state.
    async fn group(&self, zone: &str, name: &str, hook: Option<Transition>, state: LifecycleState) -> String {
        let waits =
            |transition| LifecycleHook { heartbeat_timeout: HEARTBEAT, ..LifecycleHook::new("hook", transition) };
        let request = CreateAutoScalingGroup {
            name: name.to_owned(),
            max_size: 1,
            desired_capacity: Some(1),
            availability_zones: vec![zone.to_owned()],
            hooks: hook.map(waits).into_iter().collect(),
            ..CreateAutoScalingGroup::default()
        };
        self.act(|aws| aws.create_auto_scaling_group(&request).unwrap());
        let there = |aws: &Aws| aws.members(name).find(|m| m.state == state).map(|m| m.instance_id.clone());
        self.until("the member", |aws| there(aws).is_some()).await;
        self.region.truth(|aws, _| there(aws)).unwrap()
    }

    /// An instance that a hook holds.
    async fn held(&mut self, zone: &str, name: &str, transition: Transition) -> String {
        let group = format!("of-{name}");
        let state = match transition {
            Transition::Launching => LifecycleState::PendingWait,
            Transition::Terminating => LifecycleState::InService,
        };
        let id = self.group(zone, &group, Some(transition), state).await;
        if transition == Transition::Terminating {
            self.act(|aws| aws.terminate_instance_in_auto_scaling_group(&id, true).unwrap());
        } else {
            let token = self.region.truth(|aws, _| aws.actions(&id)[0].token.clone());
            self.names.insert(format!("{name}.token"), token);
        }
        self.names.extend([(format!("{name}.group"), group), (format!("{name}.hook"), "hook".to_owned())]);
        id
    }

    /// Attaches volumes until the instance takes no more.
    pub(super) async fn fill(&self, instance: &Value) {
        let instance_id = instance.as_str().unwrap().to_owned();
        for letter in ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("/dev/xvd{first}{second}"))) {
            let volume_id = self.volume(&self.names["zone_a"], 1).await;
            let request = AttachVolume { volume_id, instance_id: instance_id.clone(), device: letter };
            if self.act(|aws| aws.attach_volume(&request)).is_err() {
                return;
            }
        }
    }
}
