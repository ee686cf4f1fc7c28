//! A town whose slots are snapshotted: run after run, as the snapshot function does it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::ids::*;
use stateful_asg_core::plan::{Plan, invariants, periodic};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::waiting::Reason;

use crate::town::*;

pub const HOUR: i64 = 3_600;

/// Every six hours, the last two kept.
pub const SIX_HOURLY: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},
 "snapshots":{"every":"6h","keep":{"last":2}}}"#;
/// As `SIX_HOURLY`, of two volumes.
pub const TWO_VOLUMES: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},
 "log":{"size":"20GiB","mount":"/log"}},"snapshots":{"every":"6h","keep":{"last":2}}}"#;

pub struct Ward {
    pub town: Town,
    made: u32,
}

pub fn name(name: &str) -> VolumeName {
    VolumeName::new(name).unwrap()
}

pub fn snapshot_id(n: u32) -> SnapshotId {
    SnapshotId::new(format!("snap-{n:017x}")).unwrap()
}

impl Ward {
    pub fn new(slots: u32, spec: &str) -> Self {
        let mut town = Town::with_spec(slots, spec);
        town.obs.snapshots = Some(BTreeMap::new());
        for n in 0..slots {
            town.obs.instances.get_mut(&instance_id(n)).unwrap().volumes = BTreeSet::from([volume_id(n)]);
        }
        Self { town, made: 0 }
    }

    /// Slot `n` has a volume `log`, too: volume `100 + n`, attached to its holder.
    pub fn with_logs(mut self) -> Self {
        let town = &mut self.town;
        for slot in town.obs.slots.values_mut() {
            let n = slot.number.0;
            let mut record = slot.volumes[&name("data")].clone();
            record.id = Some(volume_id(100 + n));
            slot.volumes.insert(name("log"), record);
            let mut volume = town.obs.volumes[&volume_id(n)].clone();
            volume.id = volume_id(100 + n);
            volume.tags.insert(tags::VOLUME.to_owned(), "log".to_owned());
            town.obs.volumes.insert(volume.id.clone(), volume);
            town.obs.instances.get_mut(&instance_id(n)).unwrap().volumes.insert(volume_id(100 + n));
        }
        self
    }

    pub fn slot(&mut self, n: u32) -> &mut Slot {
        self.town.obs.slots.get_mut(&SlotNumber(n)).unwrap()
    }

    /// The holder is gone, and everything is free.
    pub fn vacate(&mut self, n: u32) {
        self.town.gone(n);
        self.town.free(n);
        let now = self.town.now;
        let slot = self.slot(n);
        slot.holder = None;
        slot.vacated = Some(now);
    }

    pub fn plan(&self) -> Plan {
        let plan = periodic(&self.town.obs, self.town.now);
        let (_, violations) = invariants::check(&self.town.obs, &plan, self.town.now);
        assert!(violations.is_empty(), "{violations:?}");
        plan
    }

    pub fn reasons(&self) -> Vec<Reason> {
        self.plan().waiting.into_iter().map(|waiting| waiting.reason).collect()
    }

    /// EC2 answers to a step.
    pub fn take(&mut self, step: &Step) {
        let outcome = match step {
            Step::CreateSnapshot { volume, tags, .. } => Outcome::Snapshots(vec![self.pending(volume, tags)]),
            Step::CreateSnapshots { instance, without, tags, .. } => {
                let volumes = self.town.obs.instances[instance].volumes.clone();
                Outcome::Snapshots(volumes.difference(without).map(|volume| self.pending(volume, tags)).collect())
            }
            _ => Outcome::Done,
        };
        self.town.obs.fold(step, &outcome, self.town.now);
    }

    fn pending(&mut self, volume: &VolumeId, tags: &Tags) -> Snapshot {
        self.made += 1;
        Snapshot {
            id: snapshot_id(self.made),
            volume: volume.clone(),
            state: SnapshotState::Pending,
            started: self.town.now,
            size_gib: 20,
            encrypted: true,
            tags: tags.clone().into(),
            message: None,
        }
    }

    /// One run: plans and takes until nothing is left; then everything is read anew.
    pub fn run(&mut self) -> Vec<Step> {
        let mut taken = Vec::new();
        for _ in 0..8 {
            let steps = self.plan().steps;
            if steps.is_empty() {
                self.read();
                return taken;
            }
            steps.iter().for_each(|step| self.take(step));
            taken.extend(steps);
        }
        panic!("it does not come to rest: {:?}", taken.iter().map(Step::key).collect::<Vec<_>>());
    }

    /// What the process remembered is forgotten, and tags are shown.
    fn read(&mut self) {
        let tagged = std::mem::take(&mut self.town.obs.notes).tagged;
        for (id, snapshot) in self.snapshots() {
            snapshot.tags.extend(tagged.get(id.as_str()).cloned().unwrap_or_default());
        }
    }

    pub fn snapshots(&mut self) -> &mut BTreeMap<SnapshotId, Snapshot> {
        self.town.obs.snapshots.as_mut().unwrap()
    }

    /// What is pending ends this way.
    pub fn end(&mut self, state: SnapshotState) {
        for snapshot in self.snapshots().values_mut().filter(|s| s.state == SnapshotState::Pending) {
            snapshot.state = state;
        }
    }

    pub fn wait(&mut self, seconds: i64) {
        self.town.now += SignedDuration::from_secs(seconds);
    }

    /// Runs every five minutes, with everything completed in between; returns how many sets each run began.
    pub fn go_on(&mut self, seconds: i64) -> Vec<usize> {
        let runs = (0..seconds / 300).map(|_| {
            let begun = kinds(&self.run()).iter().filter(|kind| **kind == "Write").count();
            self.end(SnapshotState::Completed);
            self.wait(300);
            begun
        });
        runs.collect()
    }
}
