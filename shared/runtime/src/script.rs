//! A scripted world for tests: what it answers is written down, and what it was asked is kept.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::{Action, Binding, Group, HookResult, Slot, TableWrite};
use stateful_asg_core::upkeep::Target;

use crate::ports::*;

/// What it answers, and what it was asked.
pub(crate) struct Script {
    pub(crate) now: Cell<Timestamp>,
    pub(crate) asked: RefCell<Vec<String>>,
    pub(crate) groups: RefCell<BTreeMap<GroupName, (Group, Vec<Slot>)>>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) snapshots: RefCell<Vec<Snapshot>>,
    pub(crate) modifications: Vec<Modification>,
    /// Groups whose slots cannot be read, and why.
    pub(crate) broken: BTreeMap<GroupName, FailureKind>,
    /// Groups whose slots are never answered.
    pub(crate) stuck: BTreeSet<GroupName>,
    /// Every write loses its race.
    pub(crate) beaten: bool,
}

pub(crate) fn failed<T>(kind: FailureKind) -> Called<T> {
    Err(CallError { operation: "test:Call", kind, code: "Broken".to_owned(), message: "it is broken".to_owned() })
}

impl Script {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            now: Cell::new(now),
            asked: RefCell::default(),
            groups: RefCell::default(),
            instances: Vec::new(),
            volumes: Vec::new(),
            snapshots: RefCell::default(),
            modifications: Vec::new(),
            broken: BTreeMap::new(),
            stuck: BTreeSet::new(),
            beaten: false,
        }
    }

    fn ask(&self, what: impl Into<String>) {
        self.asked.borrow_mut().push(what.into());
    }

    pub(crate) fn asked(&self, beginning: &str) -> Vec<String> {
        self.asked.borrow().iter().filter(|asked| asked.starts_with(beginning)).cloned().collect()
    }

    fn take(&self, volume: &VolumeId, tags: &Tags) -> Snapshot {
        let snapshots = &mut self.snapshots.borrow_mut();
        let snapshot = Snapshot {
            id: SnapshotId::new(format!("snap-{:017x}", snapshots.len() + 1)).unwrap(),
            volume: volume.clone(),
            state: SnapshotState::Pending,
            started: self.now.get(),
            size_gib: 20,
            encrypted: true,
            tags: tags.clone().into(),
            message: None,
        };
        snapshots.push(snapshot.clone());
        snapshot
    }
}

fn matches<Id: PartialEq>(which: &Which<Id>, id: &Id, tags: &Tags) -> bool {
    match which {
        Which::Group(group, _) => tags.get(stateful_asg_core::tags::GROUP).map(String::as_str) == Some(group.as_str()),
        Which::Tagged(key, value) => tags.get(*key) == Some(value),
        Which::Ids(ids) => ids.contains(id),
    }
}

fn words<Id: std::fmt::Display>(which: &Which<Id>) -> String {
    match which {
        Which::Group(group, _) => format!("of {group}"),
        Which::Tagged(key, value) => format!("with {key}={value}"),
        Which::Ids(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

impl Clock for Script {
    fn now(&self) -> Timestamp {
        self.now.get()
    }
    /// Everything else that is ready comes first, whichever a `select` polls first.
    async fn sleep(&self, duration: Duration) {
        let mut asked = false;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.now.set(self.now.get() + SignedDuration::try_from(duration).unwrap());
    }
}

impl Table for Script {
    async fn wake(&self, _: &GroupName, _: &str, _: Timestamp, _: Duration) -> Called<Woken> {
        unreachable!()
    }
    async fn prolong(&self, _: &GroupName, _: &str, _: Timestamp, _: Duration) -> Called<Option<Woken>> {
        unreachable!()
    }
    async fn give_back(&self, _: &GroupName, _: &str, _: u64, _: &Rest, _: Timestamp) -> Called<Option<Woken>> {
        unreachable!()
    }
    async fn group(&self, group: &GroupName) -> Called<Option<Group>> {
        self.ask(format!("group {group}"));
        Ok(self.groups.borrow().get(group).map(|(item, _)| item.clone()))
    }
    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)> {
        self.ask(format!("slots {group}"));
        if self.stuck.contains(group) {
            return std::future::pending().await;
        }
        match self.broken.get(group) {
            Some(kind) => failed(*kind),
            None => Ok((self.groups.borrow()[group].1.iter().cloned().map(Shared::from).collect(), Vec::new())),
        }
    }
    async fn summary(&self, _: &GroupName) -> Called<Option<Summary>> {
        unreachable!()
    }
    async fn binding(&self, _: &InstanceId) -> Called<Option<Binding>> {
        unreachable!()
    }
    async fn summaries(&self) -> Called<Vec<Summary>> {
        let summary = |group: &GroupName| Summary {
            group: group.clone(),
            digest: None,
            look_at: None,
            leased_until: None,
            audited_at: None,
            dirty: false,
        };
        Ok(self.groups.borrow().keys().map(summary).collect())
    }
    async fn note_action(&self, _: &GroupName, _: &Action) -> Called<()> {
        unreachable!()
    }
    async fn write(&self, write: &TableWrite) -> Called<()> {
        if self.beaten {
            self.ask("write lost");
            return failed(FailureKind::Conflict);
        }
        self.ask("write");
        let (_, slot) = write.slot.clone().unwrap();
        let mut groups = self.groups.borrow_mut();
        let slots = &mut groups.get_mut(&write.group).unwrap().1;
        let place = slots.iter().position(|other| other.number == slot.number).unwrap();
        slots[place] = *slot;
        Ok(())
    }
}

impl Cloud for Script {
    async fn asgs(&self, _: &DeploymentId, _: Option<&GroupName>) -> Called<Vec<Asg>> {
        self.ask("asgs");
        Ok(Vec::new())
    }
    async fn asg_named(&self, _: &AsgName) -> Called<Option<Asg>> {
        unreachable!()
    }
    async fn hooks(&self, _: &AsgName) -> Called<Vec<Hook>> {
        unreachable!()
    }
    async fn complete(&self, _: &ActionRef, _: HookResult) -> Called<()> {
        unreachable!()
    }
    async fn heartbeat(&self, _: &ActionRef) -> Called<()> {
        unreachable!()
    }
    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        self.ask(format!("instances {}", words(which)));
        Ok(self.instances.iter().filter(|i| matches(which, &i.id, &i.tags)).cloned().collect())
    }
    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        self.ask(format!("volumes {}", words(which)));
        Ok(self.volumes.iter().filter(|v| matches(which, &v.id, &v.tags)).cloned().collect())
    }
    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        self.ask(format!("interfaces {}", words(which)));
        Ok(Vec::new())
    }
    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        self.ask(format!("snapshots {}", words(which)));
        Ok(self.snapshots.borrow().iter().filter(|s| matches(which, &s.id, &s.tags)).cloned().collect())
    }
    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        self.ask(format!("modifications {}", words(&Which::Ids(volumes.to_vec()))));
        Ok(self.modifications.iter().filter(|change| volumes.contains(&change.volume)).cloned().collect())
    }
    async fn subnets(&self, _: &[SubnetId]) -> Called<Vec<Subnet>> {
        unreachable!()
    }
    async fn create_volume(&self, _: &NewVolume) -> Called<VolumeId> {
        unreachable!()
    }
    async fn attach_volume(&self, _: &VolumeId, _: &InstanceId, _: &DeviceName) -> Called<()> {
        unreachable!()
    }
    async fn keep_volume(&self, _: &VolumeId, _: &InstanceId, _: &str) -> Called<()> {
        unreachable!()
    }
    async fn detach_volume(&self, _: &VolumeId, _: &InstanceId, _: &str) -> Called<()> {
        unreachable!()
    }
    async fn create_interface(&self, _: &NewInterface) -> Called<InterfaceId> {
        unreachable!()
    }
    async fn attach_interface(&self, _: &InterfaceId, _: &InstanceId, _: u32) -> Called<()> {
        unreachable!()
    }
    async fn keep_interface(&self, _: &InterfaceId, _: &InterfaceAttachmentId) -> Called<()> {
        unreachable!()
    }
    async fn detach_interface(&self, _: &InterfaceAttachmentId) -> Called<()> {
        unreachable!()
    }
    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        self.ask(format!("create_snapshot {volume}"));
        // As EC2 may: the answer does not repeat the tags.
        Ok(Snapshot { tags: Tags::new().into(), ..self.take(volume, tags) })
    }
    async fn create_snapshots(&self, _: &InstanceId, _: &BTreeSet<VolumeId>, _: &Tags) -> Called<Vec<Snapshot>> {
        unreachable!()
    }
    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        self.ask(format!("delete_snapshot {snapshot}"));
        self.snapshots.borrow_mut().retain(|other| &other.id != snapshot);
        Ok(())
    }
    async fn modify_volume(&self, _: &VolumeId, _: &Target) -> Called<()> {
        unreachable!()
    }
    async fn delete_volume(&self, _: &VolumeId) -> Called<()> {
        unreachable!()
    }
    async fn delete_interface(&self, _: &InterfaceId) -> Called<()> {
        unreachable!()
    }
    async fn tag(&self, _: &str, _: &Tags) -> Called<()> {
        unreachable!()
    }
    async fn record(&self, _: &RecordKey) -> Called<RecordSeen> {
        unreachable!()
    }
    async fn change_record(&self, _: &RecordChange) -> Called<()> {
        unreachable!()
    }
    async fn request_settles(&self, _: &[SettleRequest]) -> Called<()> {
        unreachable!()
    }
}

/// What slots and their volumes look like.
pub(crate) mod things {
    use stateful_asg_core::spec::Spec;
    use stateful_asg_core::table::{AcceptedSpec, LAYOUT, SlotState, VolumeRecord};
    use stateful_asg_core::tags;
    use stateful_asg_core::upkeep::{Growth, Upkeep};

    use super::*;

    const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;

    pub(crate) fn volume_id(n: usize) -> VolumeId {
        VolumeId::new(format!("vol-{n:017x}")).unwrap()
    }

    pub(crate) fn item(name: &GroupName, spec: &str) -> Group {
        let mut item = Group::new(name.clone());
        item.spec = Some(AcceptedSpec { number: 1, text: spec.to_owned(), from_table: true });
        item.next_slot = 9;
        item
    }

    /// A slot that nobody ever held, with one born volume.
    pub(crate) fn slot(number: u32, volume: VolumeId) -> Slot {
        let spec = Spec::parse(SPEC).unwrap().spec;
        let (name, settings) = spec.volumes.into_iter().next().unwrap();
        let record = VolumeRecord {
            attempt: 1,
            params: settings.params,
            id: Some(volume),
            born: true,
            absent_since: None,
            growth: Growth::default(),
        };
        Slot {
            v: LAYOUT,
            number: SlotNumber(number),
            generation: Generation(1),
            state: SlotState::Active,
            zone: Zone::new("eu-central-1a").unwrap(),
            claim: Claim(1),
            holder: None,
            vacated: None,
            volumes: BTreeMap::from([(name, record)]),
            interface: None,
            record: None,
            upkeep: Upkeep::default(),
        }
    }

    pub(crate) fn volume(group: &GroupName, id: VolumeId) -> Volume {
        Volume {
            id,
            state: VolumeState::Available,
            zone: Zone::new("eu-central-1a").unwrap(),
            size_gib: 20,
            kind: "gp3".to_owned(),
            iops: None,
            throughput: None,
            encrypted: true,
            multi_attach: false,
            tags: Tags::from([(tags::GROUP.to_owned(), group.to_string())]).into(),
            attachments: Vec::new(),
        }
    }
}
