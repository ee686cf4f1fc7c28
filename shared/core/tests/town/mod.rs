//! A small town to plan for: slots with holders, all served, that a test then disturbs.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "helpers of tests")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stateful_asg_core::cloud::*;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::{Absent, Failure, FailureKind, Notes, Observed};
use stateful_asg_core::plan::{Plan, invariants, plan};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::{Limits, Spec};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Proof, Superseded, Upkeep};
use stateful_asg_core::waiting::Reason;

pub const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},
 "dns":{"zone":"Z0000000000000000001","slot":"db-{slot}.test","group":"db.test","ttl":30}}"#;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

pub fn instance_id(n: u32) -> InstanceId {
    InstanceId::new(format!("i-{n:017x}")).unwrap()
}

pub fn volume_id(n: u32) -> VolumeId {
    VolumeId::new(format!("vol-{n:017x}")).unwrap()
}

pub fn interface_id(n: u32) -> InterfaceId {
    InterfaceId::new(format!("eni-{n:017x}")).unwrap()
}

pub fn zone(letter: char) -> Zone {
    Zone::new(format!("eu-central-1{letter}")).unwrap()
}

pub fn asg_name() -> AsgName {
    AsgName::new("cass").unwrap()
}

fn key(name: &str) -> RecordKey {
    RecordKey { zone: HostedZoneId::new("Z0000000000000000001").unwrap(), name: DnsName::new(name).unwrap() }
}

fn ours() -> Tags {
    Tags::from([(tags::GROUP.to_owned(), "cass".to_owned()), (tags::DEPLOYMENT.to_owned(), "test".to_owned())])
}

/// Our hook of this transition.
pub fn hook(transition: Transition, metadata: Option<&str>) -> Hook {
    let name = match transition {
        Transition::Launching => "stateful-asg-test-launch",
        Transition::Terminating => "stateful-asg-test-terminate",
    };
    Hook {
        asg: asg_name(),
        name: HookName::new(name).unwrap(),
        transition,
        heartbeat_timeout: 900,
        metadata: metadata.map(str::to_owned),
    }
}

/// A volume `data` that left the record of a slot of claim 3, and is kept for a person.
pub fn left_behind(since: Timestamp) -> Superseded {
    Superseded {
        name: VolumeName::new("data").unwrap(),
        claim: Claim(3),
        since,
        vacated: None,
        proof: Proof::None,
        keep: true,
        deleting: None,
        absent_since: None,
    }
}

pub struct Town {
    pub obs: Observed,
    pub now: Timestamp,
    /// Kinds of steps that AWS does not answer.
    pub forbid: Vec<&'static str>,
}

impl Town {
    /// `n` slots in zone a, each held by an InService instance of the same number, and everything served.
    pub fn served(n: u32) -> Self {
        Self::with_spec(n, SPEC)
    }

    pub fn with_spec(n: u32, spec: &str) -> Self {
        let mut town = Self { obs: empty(n, spec), now: at(1000), forbid: Vec::new() };
        for number in 0..n {
            town.instance(number, 'a', Lifecycle::InService);
            town.slot(number);
        }
        town
    }

    pub fn instance(&mut self, n: u32, letter: char, lifecycle: Lifecycle) {
        let id = instance_id(n);
        let instance = Instance {
            id: id.clone(),
            state: InstanceState::Running,
            zone: zone(letter),
            subnet: Some(SubnetId::new("subnet-0000000000000000a").unwrap()),
            ip: Some([10, 0, 1, n as u8].into()),
            security_groups: vec![SecurityGroupId::new("sg-0000000000000000a").unwrap()],
            launched: at(i64::from(n)),
            tags: ours().into(),
            devices: BTreeSet::new(),
            volumes: BTreeSet::new(),
            interface_indexes: BTreeSet::from([0]),
        };
        self.obs.instances.insert(id.clone(), instance);
        self.obs.asgs[0].members.insert(id, Member { zone: zone(letter), lifecycle });
    }

    /// An instance that waits in its launch hook.
    pub fn launching(&mut self, n: u32, letter: char) {
        self.instance(n, letter, Lifecycle::PendingWait);
    }

    fn slot(&mut self, n: u32) {
        let number = SlotNumber(n);
        let ip = [10, 0, 9, n as u8].into();
        let params = Spec::parse(SPEC).unwrap().spec.volumes.values().next().unwrap().params.clone();
        let record = VolumeRecord {
            attempt: 1,
            params,
            id: Some(volume_id(n)),
            born: true,
            absent_since: None,
            growth: Default::default(),
        };
        let slot = Slot {
            v: LAYOUT,
            number,
            generation: Generation(7),
            state: SlotState::Active,
            zone: zone('a'),
            claim: Claim(3),
            holder: Some(Holder { instance: instance_id(n), since: at(0), absent_since: None }),
            vacated: None,
            volumes: BTreeMap::from([(VolumeName::new("data").unwrap(), record)]),
            interface: Some(InterfaceRecord {
                attempt: 1,
                subnet: SubnetId::new("subnet-0000000000000000a").unwrap(),
                security_groups: vec![],
                id: Some(interface_id(n)),
                ip: Some(ip),
                born: true,
                absent_since: None,
            }),
            record: Some(published(&format!("db-{n}.test"), [ip].into())),
            upkeep: Upkeep::default(),
        };
        self.obs.slots.insert(number, slot.into());
        let slot_tag = (tags::SLOT.to_owned(), n.to_string());
        let mut tags = ours();
        tags.extend([
            slot_tag,
            (tags::VOLUME.to_owned(), "data".to_owned()),
            (tags::ATTEMPT.to_owned(), "1".to_owned()),
        ]);
        self.obs.volumes.insert(volume_id(n), volume(n, tags.clone()));
        self.obs.interfaces.insert(interface_id(n), interface(n, ip, tags));
        self.attach(n, n);
        let guest = [
            (tags::SLOT.to_owned(), n.to_string()),
            (tags::CLAIM.to_owned(), "3".to_owned()),
            (tags::volume_key(&VolumeName::new("data").unwrap()), format!("{} /data ext4", volume_id(n))),
            (tags::size_key(&VolumeName::new("data").unwrap()), "20".to_owned()),
            (tags::DATA.to_owned(), "kept".to_owned()),
        ];
        self.obs.instances.get_mut(&instance_id(n)).unwrap().tags.extend(guest);
        let record = self.obs.record.as_mut().unwrap();
        record.next_slot = record.next_slot.max(n + 1);
        record.record.as_mut().unwrap().confirmed.insert(ip);
    }

    /// Volume and interface of slot `n` are attached to instance `to`, and kept.
    pub fn attach(&mut self, n: u32, to: u32) {
        let volume = self.obs.volumes.get_mut(&volume_id(n)).unwrap();
        volume.state = VolumeState::InUse;
        volume.attachments = vec![Attachment {
            instance: instance_id(to),
            device: "/dev/sdf".to_owned(),
            state: AttachmentState::Attached,
            delete_on_termination: false,
            since: Some(at(1)),
        }];
        let interface = self.obs.interfaces.get_mut(&interface_id(n)).unwrap();
        interface.available = false;
        interface.attachment = Some(InterfaceAttachment {
            id: InterfaceAttachmentId::new(format!("eni-attach-{n:017x}")).unwrap(),
            instance: Some(instance_id(to)),
            state: AttachmentState::Attached,
            delete_on_termination: false,
            since: Some(at(1)),
        });
    }

    /// Volume and interface of slot `n` are free.
    pub fn free(&mut self, n: u32) {
        let volume = self.obs.volumes.get_mut(&volume_id(n)).unwrap();
        volume.state = VolumeState::Available;
        volume.attachments.clear();
        let interface = self.obs.interfaces.get_mut(&interface_id(n)).unwrap();
        interface.available = true;
        interface.attachment = None;
    }

    pub fn state(&mut self, n: u32, state: InstanceState) {
        self.obs.instances.get_mut(&instance_id(n)).unwrap().state = state;
    }

    pub fn lifecycle(&mut self, n: u32, lifecycle: Lifecycle) {
        self.obs.asgs[0].members.get_mut(&instance_id(n)).unwrap().lifecycle = lifecycle;
    }

    /// Reads aimed at the ID of slot `n`'s volume do not find it any more.
    pub fn lose_volume(&mut self, n: u32) -> Volume {
        self.obs.absent.volumes.insert(volume_id(n));
        self.obs.volumes.remove(&volume_id(n)).unwrap()
    }

    /// The instance is terminated and out of its group.
    pub fn gone(&mut self, n: u32) {
        self.state(n, InstanceState::Terminated);
        self.obs.asgs[0].members.remove(&instance_id(n));
    }

    pub fn plan(&self) -> Plan {
        let plan = plan(&self.obs, self.now);
        let (_, violations) = invariants::check(&self.obs, &plan, self.now);
        assert!(violations.is_empty(), "{violations:?}");
        plan
    }

    /// Plans and takes every step as AWS would answer, until only waits are left; returns what was taken.
    pub fn run(&mut self) -> Vec<Step> {
        let mut taken = Vec::new();
        for _ in 0..64 {
            let plan = self.plan();
            if plan.look.records.iter().any(|key| !self.obs.records.contains_key(key)) {
                let keys = plan.look.records.clone();
                self.obs.records.extend(keys.into_iter().map(|key| (key, RecordSeen::Absent)));
                continue;
            }
            if plan.look.snapshots && self.obs.snapshots.is_none() {
                self.obs.snapshots = Some(BTreeMap::new());
                continue;
            }
            if plan.look.modifications.iter().any(|id| !self.obs.modifications.contains_key(id)) {
                let ids = plan.look.modifications.clone();
                self.obs.modifications.extend(ids.into_iter().map(|id| (id, None)));
                continue;
            }
            if plan.steps.is_empty() {
                return taken;
            }
            for step in plan.steps {
                if self.forbid.contains(&step.kind()) {
                    let failure = Failure {
                        kind: FailureKind::Unknown,
                        message: "InternalError".to_owned(),
                        count: 1,
                        retry_at: self.now + jiff::SignedDuration::from_secs(30),
                    };
                    self.obs.notes.failures.insert(step.key(), failure);
                    continue;
                }
                let outcome = match &step {
                    Step::CreateVolume { .. } => Outcome::Volume(volume_id(500 + self.obs.volumes.len() as u32)),
                    Step::CreateInterface { .. } => {
                        Outcome::Interface(interface_id(500 + self.obs.interfaces.len() as u32))
                    }
                    Step::CreateSnapshot { volume, tags, .. } => {
                        Outcome::Snapshots(vec![self.snapshot(volume, tags.clone(), SnapshotState::Pending)])
                    }
                    _ => Outcome::Done,
                };
                self.obs.fold(&step, &outcome, self.now);
                taken.push(step);
            }
        }
        panic!("it does not come to rest: {:?}", taken.iter().map(Step::key).collect::<Vec<_>>());
    }

    /// A snapshot that begins now.
    pub fn snapshot(&self, volume: &VolumeId, tags: impl Into<Shared<Tags>>, state: SnapshotState) -> Snapshot {
        let number = 1 + self.obs.snapshots.as_ref().map_or(0, BTreeMap::len);
        Snapshot {
            id: SnapshotId::new(format!("snap-{number:017x}")).unwrap(),
            volume: volume.clone(),
            state,
            started: self.now,
            size_gib: 20,
            encrypted: true,
            tags: tags.into(),
            message: None,
        }
    }

    /// Everything under way has arrived.
    pub fn arrive(&mut self) {
        for snapshot in self.obs.snapshots.iter_mut().flat_map(BTreeMap::values_mut) {
            if snapshot.state == SnapshotState::Pending {
                snapshot.state = SnapshotState::Completed;
            }
        }
        let targets = self.obs.slots().flat_map(|slot| slot.volumes.values());
        let targets: Vec<_> = targets.filter_map(|r| Some((r.id.clone()?, r.growth.target?))).collect();
        for (id, target) in targets {
            let Some(Some(modification)) = self.obs.modifications.get_mut(&id) else { continue };
            modification.state = ModificationState::Completed;
            let volume = self.obs.volumes.get_mut(&id).unwrap();
            volume.size_gib = target.size_gib.unwrap_or(volume.size_gib);
            volume.kind = target.kind.map_or_else(|| volume.kind.clone(), |kind| kind.as_str().to_owned());
            volume.iops = target.iops.or(volume.iops);
            volume.throughput = target.throughput.or(volume.throughput);
        }
        for volume in self.obs.volumes.values_mut() {
            if volume.state == VolumeState::Creating {
                volume.state = VolumeState::Available;
            }
            for attachment in &mut volume.attachments {
                attachment.state = AttachmentState::Attached;
            }
        }
        for (n, interface) in self.obs.interfaces.values_mut().enumerate() {
            interface.ip.get_or_insert([10, 0, 8, n as u8].into());
            match &mut interface.attachment {
                None => interface.available = true,
                Some(attachment) => attachment.state = AttachmentState::Attached,
            }
        }
    }

    /// One plan, taken.
    pub fn run_once(&mut self) -> Vec<Step> {
        let steps = self.plan().steps;
        for step in &steps {
            self.obs.fold(step, &Outcome::Done, self.now);
        }
        steps
    }

    pub fn reasons(&self) -> Vec<Reason> {
        self.plan().waiting.into_iter().map(|waiting| waiting.reason).collect()
    }
}

pub fn kinds(steps: &[Step]) -> Vec<&'static str> {
    steps.iter().map(Step::kind).collect()
}

fn volume(n: u32, tags: Tags) -> Volume {
    Volume {
        id: volume_id(n),
        state: VolumeState::Available,
        zone: zone('a'),
        size_gib: 20,
        kind: "gp3".to_owned(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: true,
        multi_attach: false,
        tags: tags.into(),
        attachments: vec![],
    }
}

fn interface(n: u32, ip: std::net::Ipv4Addr, tags: Tags) -> Interface {
    let (id, zone, tags) = (interface_id(n), zone('a'), tags.into());
    Interface { id, available: true, zone, ip: Some(ip), tags, attachment: None }
}

/// A volume of the pool: made by hand, never a slot's.
pub fn pool_volume(n: u32) -> Volume {
    volume(n, ours())
}

fn published(name: &str, confirmed: BTreeSet<std::net::Ipv4Addr>) -> NameRecord {
    NameRecord { key: key(name), ttl: 30, owned: true, tried: vec![], confirmed, past: vec![], changed: Some(at(0)) }
}

fn empty(desired: u32, spec: &str) -> Observed {
    let group = GroupName::new("cass").unwrap();
    let hook = |name: &str, transition| KnownHook {
        asg: asg_name(),
        name: HookName::new(name).unwrap(),
        transition,
        heartbeat_timeout: 900,
    };
    let mut record = Group::new(group.clone());
    record.generation = Generation(1);
    record.spec = Some(AcceptedSpec { number: 1, text: spec.to_owned(), from_table: false });
    record.hooks = vec![
        hook("stateful-asg-test-launch", Transition::Launching),
        hook("stateful-asg-test-terminate", Transition::Terminating),
    ];
    record.record = Some(published("db.test", BTreeSet::new()));
    let asg = Asg {
        name: asg_name(),
        tags: ours(),
        created: at(0),
        deleting: false,
        desired,
        subnets: vec![],
        members: BTreeMap::new(),
    };
    Observed {
        group,
        deployment: DeploymentId::new("test").unwrap(),
        limits: Limits::unlimited(),
        asgs: vec![asg],
        hooks: None,
        instances: BTreeMap::new(),
        volumes: BTreeMap::new(),
        interfaces: BTreeMap::new(),
        absent: Absent::default(),
        snapshots: None,
        modifications: BTreeMap::new(),
        half_tagged: None,
        templates: BTreeMap::new(),
        subnets: BTreeMap::new(),
        records: BTreeMap::new(),
        record: Some(record),
        slots: BTreeMap::new(),
        actions: BTreeMap::new(),
        notes: Notes::default(),
    }
}
