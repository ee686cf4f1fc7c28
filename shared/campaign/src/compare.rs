//! What a history comes to: what every slot is in the end, and how often each of its objects was made, attached, detached
//! and deleted on the way. Two runs of one history, one with faults and one without, come to the same.
//!
//! Some of it holds of each run by itself ([`Sums::wrong`], [`Sums::again`]). The rest is compared over all slots together,
//! not slot by slot: faults change who gets which slot, whom Auto Scaling or a person picks, and how long everything takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use stateful_asg_core::ids::{GroupName, SlotNumber};
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::ChangeKind;
use stateful_asg_sim::model::types::{LifecycleResult, Tags};
use stateful_asg_sim::model::{Aws, Effect, EffectKind};
use stateful_asg_sim::typed::MemoryTable;

use crate::lab::Lab;
use crate::rules::is_ours;

/// What the interface of a slot is called here, beside its volumes.
const INTERFACE: &str = "its interface";

/// A slot's volume by its name, or its interface.
type Place = (SlotNumber, String);
/// A slot and the number of a claim of it.
type Claimed = (SlotNumber, u64);

/// How often functions of ours did something to what was ever a slot's under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Counts {
    /// Made.
    pub created: usize,
    /// Attached.
    pub attached: usize,
    /// Detached.
    pub detached: usize,
    /// Deleted.
    pub deleted: usize,
}

/// What one slot came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Active, parked or retired.
    pub state: SlotState,
    /// Where it is.
    pub zone: String,
    /// What it has on record, born: names of volumes, and its interface.
    pub has: BTreeSet<String>,
    /// How often it was claimed.
    pub claims: usize,
    /// How many of its holders were let into service.
    pub served: usize,
    /// A move of its data to another zone was begun.
    pub moved: bool,
    /// Something that it left behind is still there.
    pub left: bool,
    /// By volume's name, and of its interface.
    pub counts: BTreeMap<String, Counts>,
}

/// What a whole history came to.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// The desired capacity in the end.
    pub desired: u32,
    /// By slot.
    pub slots: BTreeMap<SlotNumber, Sum>,
    /// In which zones instances were launched, in order.
    pub launched: Vec<String>,
    /// What is wrong by itself, without any other run to compare with: something was made more often than was recorded
    /// before, or is there and on no slot's record, or was never on one; or a holder was let in for whom nothing was attached.
    pub wrong: Vec<String>,
    /// What was attached or detached more than once for one claim. A call that was held up, or took effect late, may do that
    /// after another actor did the same and more: no name stops it, and the next settle repairs it.
    pub again: Vec<String>,
}

/// What is gathered from the logs.
#[derive(Default)]
struct Gathered {
    /// Whose every object is, or was.
    places: BTreeMap<String, Place>,
    /// Attempts to create something, as recorded.
    attempts: BTreeSet<(Place, u32)>,
    /// Who claimed which slot, and when, oldest first.
    claims: BTreeMap<Claimed, (String, Timestamp)>,
    moved: BTreeSet<SlotNumber>,
    served: BTreeSet<Claimed>,
    counts: BTreeMap<Place, Counts>,
    /// By object and claim: how often attached and detached.
    moves: BTreeMap<(String, Claimed), [usize; 2]>,
    launched: Vec<String>,
    wrong: Vec<String>,
    again: Vec<String>,
}

impl Sums {
    /// What this history came to for the group, so far.
    #[must_use]
    pub fn of(lab: &Lab, group: &GroupName) -> Self {
        lab.truth(|aws, table| {
            let mut gathered = Gathered::default();
            for written in table.log().iter().filter(|written| written.write.group == *group) {
                if let Some((_, slot)) = &written.write.slot {
                    gathered.learn(slot, written.at);
                }
            }
            aws.effects().iter().for_each(|effect| gathered.count(effect));
            gathered.judge_claims();
            gathered.judge_attempts();
            gathered.judge_surplus(aws, table, group);
            let desired = aws.groups().map(|asg| asg.desired_capacity).sum();
            let slots = table.slots(group).map(|slot| (slot.number, gathered.sum(slot))).collect();
            gathered.launched.sort();
            let Gathered { launched, wrong, again, .. } = gathered;
            Self { desired, slots, launched, wrong, again }
        })
    }

    /// Where this run with faults came to something else than `calm`, the same history without them, which had to come to
    /// the same; or why the two cannot be compared. `hurried`: people did something while what they had done before was
    /// still being followed.
    ///
    /// Not comparable are runs in which other deeds found somebody to be done to (the caller sees to that), and those
    /// - that ended with another desired capacity, or with none: a group of nobody is not live, and whether its last slot
    ///   is parked depends on whether it was free before its holder had left the group;
    /// - in which a slot began to move: that an instance waits in another zone, and for how long, is a matter of time;
    /// - that made fewer slots, or, where they were hurried, another number: faults may keep an instance from being served
    ///   until the capacity that it was launched for is not wished for any more;
    /// - that ended while another number of slots was retired: a history does not wait for that.
    ///
    /// The rest is compared: how many slots there are and in which states, with which volumes and interface; how often all
    /// of it was made. Where instances were launched in the same zones, the slots' zones too; where nothing is left behind
    /// in either, deletions too; where the slots were claimed as often and every holder was let in, attachments too.
    /// Detachments are not: who dies lets go of nothing.
    ///
    /// # Errors
    /// Why they cannot be compared.
    pub fn differences(&self, calm: &Self, hurried: bool) -> Result<Vec<String>, &'static str> {
        if self.desired != calm.desired {
            return Err("another desired capacity");
        }
        if self.desired == 0 {
            return Err("nobody is left");
        }
        let any = |is: fn(&Sum) -> bool| self.slots.values().chain(calm.slots.values()).any(is);
        if any(|sum| sum.moved) {
            return Err("a slot moved");
        }
        if self.slots.len() < calm.slots.len() || hurried && self.slots.len() != calm.slots.len() {
            return Err("a capacity passed before it was met");
        }
        let retired = |sums: &Self| sums.slots.values().filter(|sum| sum.state == SlotState::Retired).count();
        if retired(self) != retired(calm) {
            return Err("a slot is not retired yet");
        }
        let mut all = Vec::new();
        let mut compare = |what: &str, of: &dyn Fn(&Sum) -> String| {
            let (with, without) = (self.over_slots(of), calm.over_slots(of));
            if with != without {
                all.push(format!("{what}: {with:?}, and without faults {without:?}"));
            }
        };
        compare("states", &|sum| format!("{:?} {:?}", sum.state, sum.has));
        compare("made", &|sum| sum.each(|counts| counts.created));
        if self.launched == calm.launched {
            compare("zones", &|sum| sum.zone.clone());
        }
        if !any(|sum| sum.left) {
            compare("deleted", &|sum| sum.each(|counts| counts.deleted));
        }
        let claims = |sum: &Sum| sum.claims.to_string();
        if self.over_slots(claims) == calm.over_slots(claims) && !any(|sum| sum.claims != sum.served) {
            compare("attached", &|sum| sum.each(|counts| counts.attached));
        }
        Ok(all)
    }

    /// What is so of each slot, in order of that.
    fn over_slots(&self, of: impl Fn(&Sum) -> String) -> Vec<String> {
        let mut all: Vec<String> = self.slots.values().map(of).collect();
        all.sort();
        all
    }
}

impl Sum {
    fn each(&self, count: impl Fn(&Counts) -> usize) -> String {
        let each: Vec<String> = self.counts.iter().map(|(name, counts)| format!("{name} {}", count(counts))).collect();
        each.join(", ")
    }
}

impl Gathered {
    /// What a write tells of a slot.
    fn learn(&mut self, slot: &Slot, at: Timestamp) {
        let place = |name: &str| (slot.number, name.to_owned());
        let change = slot.upkeep.change.as_ref();
        let moves = change.filter(|change| matches!(change.kind, ChangeKind::Move { .. }));
        self.moved.extend(moves.map(|_| slot.number));
        let made = change.into_iter().flat_map(|change| change.volumes.iter().map(|(name, made)| (name, &made.record)));
        for (name, record) in slot.volumes.iter().chain(made) {
            self.attempts.insert((place(name.as_str()), record.attempt));
            self.places.extend(record.id.as_ref().map(|id| (id.to_string(), place(name.as_str()))));
        }
        let left = slot.upkeep.superseded.iter();
        self.places.extend(left.map(|(id, old)| (id.to_string(), place(old.name.as_str()))));
        if let Some(record) = &slot.interface {
            self.attempts.insert((place(INTERFACE), record.attempt));
            self.places.extend(record.id.as_ref().map(|id| (id.to_string(), place(INTERFACE))));
        }
        if let Some(holder) = &slot.holder {
            let claimed = (slot.number, slot.claim.0);
            self.claims.entry(claimed).or_insert_with(|| (holder.instance.to_string(), at));
        }
    }

    /// What a function of ours did.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few are counted")]
    fn count(&mut self, effect: &Effect) {
        if let EffectKind::InstanceLaunched { zone, .. } = &effect.what {
            self.launched.push(zone.clone());
        }
        if !is_ours(&effect.actor) {
            return;
        }
        match &effect.what {
            EffectKind::VolumeCreated { volume: object, .. }
            | EffectKind::InterfaceCreated { interface: object, .. } => {
                self.add(object, "made", |counts| &mut counts.created);
            }
            EffectKind::VolumeDeleting { volume: object } | EffectKind::InterfaceGone { interface: object, .. } => {
                self.add(object, "deleted", |counts| &mut counts.deleted);
            }
            EffectKind::VolumeAttaching { volume: object, instance, .. }
            | EffectKind::InterfaceAttaching { interface: object, instance, .. } => {
                self.add(object, "attached", |counts| &mut counts.attached);
                self.add_move(object, instance, effect.at, 0);
            }
            EffectKind::VolumeDetaching { volume: object, instance, .. }
            | EffectKind::InterfaceDetaching { interface: object, instance, .. } => {
                self.add(object, "detached", |counts| &mut counts.detached);
                self.add_move(object, instance, effect.at, 1);
            }
            EffectKind::HookCompleted { instance, hook, result: LifecycleResult::Continue, .. }
                if hook.ends_with("-launch") =>
            {
                let held = self.claims.iter().filter(|(_, (by, since))| by == instance && *since <= effect.at);
                self.served.extend(held.map(|(claimed, _)| *claimed).next_back());
            }
            _ => {}
        }
    }

    fn add(&mut self, object: &str, what: &str, which: impl Fn(&mut Counts) -> &mut usize) {
        match self.places.get(object) {
            Some(place) => *which(self.counts.entry(place.clone()).or_default()) += 1,
            None => self.wrong.push(format!("{object} was {what}, and no slot ever had it on record")),
        }
    }

    fn add_move(&mut self, object: &str, instance: &str, at: Timestamp, which: usize) {
        let Some((slot, _)) = self.places.get(object) else { return };
        let of = self.claims.iter().filter(|((of, _), (by, since))| of == slot && by == instance && *since <= at);
        match of.map(|(claimed, _)| *claimed).next_back() {
            Some(claimed) => self.moves.entry((object.to_owned(), claimed)).or_default()[which] += 1,
            None => self.wrong.push(format!("{object} was moved for {instance}, which never held slot {slot}")),
        }
    }

    /// A claim attaches and detaches each object once at the most, and once where its holder was let into service.
    fn judge_claims(&mut self) {
        for ((object, (slot, claim)), [attached, detached]) in &self.moves {
            if *attached > 1 || *detached > 1 {
                let times = format!("attached {attached} times, detached {detached} times");
                self.again.push(format!("{object} of slot {slot} was {times} for claim {claim} alone"));
            }
        }
        for (slot, claim) in &self.served {
            if !self.moves.iter().any(|((_, of), [attached, _])| *of == (*slot, *claim) && *attached > 0) {
                self.wrong.push(format!("slot {slot}: claim {claim} was let in, and nothing was attached for it"));
            }
        }
    }

    /// Nothing is made more often than was recorded before.
    fn judge_attempts(&mut self) {
        for (place, counts) in &self.counts {
            let attempts = self.attempts.iter().filter(|(of, _)| of == place).count();
            if counts.created > attempts {
                let text =
                    format!("slot {} {}: made {} times in {attempts} attempts", place.0, place.1, counts.created);
                self.wrong.push(text);
            }
        }
    }

    /// Everything that bears our tags is on its slot's record: in use, being made, or left behind.
    fn judge_surplus(&mut self, aws: &Aws, table: &MemoryTable, group: &GroupName) {
        let known: BTreeSet<String> = table.slots(group).flat_map(|slot| objects(slot)).collect();
        let ours = |tags: &Tags| tags.contains_key(tags::SLOT) || tags.contains_key(tags::FOR_SLOT);
        let volumes = aws.volumes().filter(|volume| ours(&volume.tags)).map(|volume| &volume.volume_id);
        let interfaces = aws.interfaces().filter(|i| ours(&i.tags)).map(|i| &i.network_interface_id);
        let surplus = volumes.chain(interfaces).filter(|id| !known.contains(*id));
        self.wrong.extend(surplus.map(|id| format!("{id} bears our tags, and no slot's record knows it")));
    }

    fn sum(&self, slot: &Slot) -> Sum {
        let number = slot.number;
        let born = slot.volumes.iter().filter(|(_, record)| record.born).map(|(name, _)| name.to_string());
        let interface = slot.interface.iter().filter(|record| record.born).map(|_| INTERFACE.to_owned());
        let counts = self.counts.iter().filter(|((of, _), _)| *of == number);
        Sum {
            state: slot.state,
            zone: slot.zone.to_string(),
            has: born.chain(interface).collect(),
            claims: self.claims.keys().filter(|(of, _)| *of == number).count(),
            served: self.served.iter().filter(|(of, _)| *of == number).count(),
            moved: self.moved.contains(&number),
            left: !slot.upkeep.superseded.is_empty() || !slot.upkeep.left_interfaces.is_empty(),
            counts: counts.map(|((_, name), counts)| (name.clone(), *counts)).collect(),
        }
    }
}

/// Every object that a slot's record knows.
fn objects(slot: &Slot) -> Vec<String> {
    let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let volumes = slot.volumes.values().chain(made).filter_map(|record| record.id.as_ref());
    let volumes = volumes.chain(slot.upkeep.superseded.keys()).map(ToString::to_string);
    let interfaces = slot.interface.iter().filter_map(|record| record.id.as_ref());
    volumes.chain(interfaces.chain(slot.upkeep.left_interfaces.keys()).map(ToString::to_string)).collect()
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {}, claimed {} times, {} served", self.state, self.zone, self.claims, self.served)?;
        write!(f, ", has {:?}", self.has)?;
        for (name, counts) in &self.counts {
            write!(f, "; {name}: {counts:?}")?;
        }
        Ok(())
    }
}
