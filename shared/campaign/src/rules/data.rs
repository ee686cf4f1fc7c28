//! The rules over data: nothing that was written is lost but what the spec or a person allowed, and the guest hears the
//! truth of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{GroupName, SlotNumber, SnapshotId, VolumeName};
use stateful_asg_core::spec::{DataLost, Spec, ZoneMove};
use stateful_asg_core::table::{Slot, SlotState, VolumeRecord};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Change, ChangeKind, Origin, Stage};
use stateful_asg_sim::model::{Aws, Data, Effect, EffectKind, Gone, Written as Marks};
use stateful_asg_sim::typed::{MemoryTable, Written};

use super::{Rules, SETTLED, is_ours};

/// Between the last write and the moment that a function takes for it: a zone that goes out of reach, an absence that is
/// noted, a release.
const UNNOTICED: SignedDuration = SignedDuration::from_mins(30);

pub(super) type Place = (GroupName, SlotNumber, VolumeName);

/// What is known of the data of all slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    /// The born volume that each slot last had under each name.
    held: BTreeMap<Place, String>,
    /// How much may be missing in what takes its place.
    allowed: BTreeMap<Place, Allowed>,
    /// What the next holder finds that is not simply what the last one left.
    untold: BTreeMap<(GroupName, SlotNumber), String>,
    /// Volumes that vanished, or were deleted by hand.
    vanished: BTreeMap<String, Timestamp>,
    /// When snapshots were begun.
    pub(super) began: BTreeMap<String, Timestamp>,
    /// What people took from an instance by hand, and when last.
    meddled: BTreeMap<String, Timestamp>,
    /// What lost tags by hand, and when last.
    untagged: BTreeMap<String, Timestamp>,
    /// Snapshots that failed.
    pub(super) failed: BTreeSet<String>,
    /// Volumes whose snapshots vanished, and when last.
    pub(super) robbed: BTreeMap<String, Timestamp>,
    /// When each zone was last seen out of reach.
    down: BTreeMap<String, Option<Timestamp>>,
    /// What was last chosen to make a volume from because a person had ordered it.
    pub(super) chosen: BTreeMap<Place, SnapshotId>,
    /// When a person last ordered to restore from each snapshot.
    pub(super) ordered: BTreeMap<SnapshotId, Timestamp>,
    /// A snapshot was deleted after a person had ordered to restore from it: its deletion was planned before.
    pub(super) ordered_too_late: bool,
    /// When a person last attached a volume by hand.
    pub(super) lent: BTreeMap<String, Timestamp>,
    /// When a reading last showed a volume in use to a function.
    pub(super) shown_in_use: BTreeMap<String, Timestamp>,
}

/// How much may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// Nothing.
    Nothing,
    /// What was written after this, and the last write was no later than so long after it.
    After(Timestamp, SignedDuration),
    /// Everything.
    All,
}

impl Ledger {
    /// A reading showed this volume in use.
    pub(super) fn saw_in_use(&mut self, at: Timestamp, volume: &str) {
        match self.shown_in_use.get_mut(volume) {
            Some(last) => *last = at,
            None => drop(self.shown_in_use.insert(volume.to_owned(), at)),
        }
    }

    /// Nobody knows any more what the next holders find.
    pub(super) fn forget_untold(&mut self) {
        self.untold.clear();
    }
}

impl Rules {
    /// Remembers what is needed later.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
    pub(super) fn remember_data(&mut self, effect: &Effect) {
        let ledger = &mut self.ledger;
        match &effect.what {
            EffectKind::VolumeGone { volume, why } if *why == Gone::Lost || !is_ours(&effect.actor) => {
                ledger.vanished.insert(volume.clone(), effect.at);
            }
            EffectKind::SnapshotCreated { snapshot, .. } => {
                ledger.began.insert(snapshot.clone(), effect.at);
            }
            EffectKind::SnapshotReady { snapshot, failed: true, .. } => {
                ledger.failed.insert(snapshot.clone());
            }
            EffectKind::SnapshotGone { volume, .. } if !is_ours(&effect.actor) => {
                ledger.robbed.insert(volume.clone(), effect.at);
            }
            EffectKind::VolumeAttaching { volume: object, .. }
            | EffectKind::VolumeDetaching { volume: object, .. }
            | EffectKind::InterfaceDetaching { interface: object, .. }
            | EffectKind::InterfaceGone { interface: object, .. }
                if effect.actor == "operator" =>
            {
                ledger.meddled.insert(object.clone(), effect.at);
                if matches!(effect.what, EffectKind::VolumeAttaching { .. }) {
                    ledger.lent.insert(object.clone(), effect.at);
                }
            }
            EffectKind::Untagged { resource, .. } if effect.actor == "operator" => {
                ledger.untagged.insert(resource.clone(), effect.at);
            }
            EffectKind::ZoneReachable { zone, reachable } => {
                ledger.down.insert(zone.clone(), reachable.then_some(effect.at));
            }
            _ => {}
        }
    }

    /// Follows a slot's volumes from write to write.
    pub(super) fn judge_data(&mut self, written: &Written, before: Option<&Slot>, after: &Slot, aws: &Aws) {
        self.note_order(written, after);
        if let Some(before) = before {
            self.judge_orders(written, before, after);
            self.count_done(before, after);
            self.judge_stale(written, before, after, aws);
            for (name, record) in before.volumes.iter().filter(|(_, record)| record.born) {
                let kept = after.volumes.get(name).is_some_and(|now| now.born && now.id == record.id);
                if !kept {
                    self.leaves(written, (before, after), name, record, aws);
                }
            }
        }
        for (name, record) in after.volumes.iter().filter(|(_, record)| record.born) {
            if let Some(id) = &record.id {
                self.arrives(written, after, name, id.as_str(), aws);
            }
        }
    }

    /// Counts what has come to its end: changes, and growth.
    fn count_done(&mut self, before: &Slot, after: &Slot) {
        let switched = before.upkeep.change.as_ref().filter(|change| change.stage == Stage::Switching);
        if let (Some(change), None) = (switched, &after.upkeep.change) {
            self.count(match change.kind {
                ChangeKind::Move { .. } if change.stale => "stale move done",
                ChangeKind::Move { .. } => "move done",
                ChangeKind::Restore => "restore done",
                ChangeKind::Retire => "retirement done",
            });
        }
        if before.state == SlotState::Retired && after.state == SlotState::Active {
            self.count("retired slot brought back");
        }
        for (name, record) in &before.volumes {
            let now = after.volumes.get(name).map(|record| record.growth.target);
            if record.growth.target.is_some() && now == Some(None) {
                self.count("growth ended");
            }
        }
    }

    /// Rule 1: a stale move only where the old zone was out of reach, and within the bound.
    fn judge_stale(&mut self, written: &Written, before: &Slot, after: &Slot, aws: &Aws) {
        let stale = |slot: &Slot| slot.upkeep.change.as_ref().is_some_and(|change| change.stale);
        let Some(change) = after.upkeep.change.as_ref().filter(|_| stale(after) && !stale(before)) else { return };
        let down = match self.ledger.down.get(before.zone.as_str()) {
            Some(None) => true,
            Some(Some(back)) => written.at.duration_since(*back) < self.slack + UNNOTICED,
            None => false,
        };
        if !down {
            let text = format!("slot {} moves with stale data, but its zone {} answers", after.number, before.zone);
            self.accuse(1, written.at, text);
        }
        let bounds: Vec<SignedDuration> =
            self.specs_lately(&written.write.group, written.at).iter().filter_map(bound).collect();
        for (name, made) in &change.volumes {
            let Some(old) = before.volumes.get(name).and_then(|record| record.id.as_ref()) else { continue };
            let last = last_mark(&aws.data(old.as_str()));
            let as_of = self.ledger.began.get(made.from.snapshot.as_str()).copied();
            let within = as_of.zip(last).is_none_or(|(as_of, last)| {
                bounds.iter().any(|bound| last.duration_since(as_of) <= *bound + self.slack)
            });
            if !within {
                let text =
                    format!("slot {}: {name} would be made from {as_of:?}, and was written {last:?}", after.number);
                self.accuse(1, written.at, text);
            }
        }
    }

    /// A born volume leaves the record.
    fn leaves(
        &mut self,
        written: &Written,
        (before, after): (&Slot, &Slot),
        name: &VolumeName,
        record: &VolumeRecord,
        aws: &Aws,
    ) {
        let Some(id) = record.id.as_ref().map(ToString::to_string) else { return };
        let place = (written.write.group.clone(), after.number, name.clone());
        let accuse = |rules: &mut Self, why: &str| {
            let now = after.volumes.get(name).and_then(|record| record.id.clone());
            rules.accuse(1, written.at, format!("slot {}: {id} of {name} became {now:?}: {why}", after.number));
        };
        let change = before.upkeep.change.as_ref().filter(|change| change.stage == Stage::Switching);
        let switched = change.and_then(|change| Some((change, change.volumes.get(name)?)));
        let allowed = match (switched, after.volumes.get(name)) {
            (Some((Change { kind: ChangeKind::Retire, .. }, made)), None) => {
                if after.state != SlotState::Retired {
                    accuse(self, "the slot is not retired");
                }
                let saved = aws.snapshot_data(made.from.snapshot.as_str()).cloned().unwrap_or_default();
                let lacks = self.lacks((&place.0, place.1), &saved, &aws.data(&id));
                if !lacks.is_empty() && !self.ledger.robbed.contains_key(&id) {
                    accuse(self, &format!("{} lacks {lacks:?}", made.from.snapshot));
                }
                Allowed::Nothing
            }
            (Some((change, made)), Some(now)) if now.born && now.id == made.record.id => {
                let as_of = self.ledger.began.get(made.from.snapshot.as_str()).copied().unwrap_or(Timestamp::MAX);
                match &change.kind {
                    // That a person ordered it was judged when it was chosen.
                    ChangeKind::Restore => Allowed::All,
                    ChangeKind::Move { .. } if change.stale => Allowed::After(as_of, SignedDuration::MAX),
                    ChangeKind::Move { .. } | ChangeKind::Retire => Allowed::Nothing,
                }
            }
            (_, Some(now)) if !now.born => {
                if !self.ledger.vanished.contains_key(&id) {
                    accuse(self, "it is not gone");
                }
                self.loss_allowed(written, now)
            }
            _ => {
                accuse(self, "for no reason");
                Allowed::All
            }
        };
        self.ledger.allowed.insert(place, allowed);
    }

    fn loss_allowed(&mut self, written: &Written, now: &VolumeRecord) -> Allowed {
        let as_of = now.params.snapshot.as_ref().and_then(|snapshot| self.ledger.began.get(snapshot.as_str())).copied();
        let specs = self.specs_lately(&written.write.group, written.at);
        let mut verdicts = specs.iter().filter_map(|spec| match (spec.data_lost, as_of) {
            (DataLost::Wait, _) | (DataLost::SnapshotUpTo(_), None) | (DataLost::Blank, Some(_)) => None,
            (DataLost::Blank, None) => Some(Allowed::All),
            (DataLost::SnapshotUpTo(bound), Some(as_of)) => {
                Some(Allowed::After(as_of, SignedDuration::try_from(bound).unwrap_or_default()))
            }
        });
        let verdict = verdicts.next_back();
        if verdict.is_none() {
            self.accuse(1, written.at, format!("a lost volume is replaced as no spec allows: {now:?}"));
        }
        verdict.unwrap_or(Allowed::All)
    }

    /// A born volume comes on record.
    fn arrives(&mut self, written: &Written, after: &Slot, name: &VolumeName, id: &str, aws: &Aws) {
        let slot = (written.write.group.clone(), after.number);
        let place = (slot.0.clone(), slot.1, name.clone());
        let Some(old) = self.ledger.held.insert(place.clone(), id.to_owned()) else {
            // A new volume is empty, or begins with a snapshot that the spec names; a pool volume is what it is.
            // What a person adopts is no news to anyone.
            let made = aws.volume(id).is_some_and(|volume| volume.tags.contains_key(tags::ATTEMPT));
            if made && is_ours(&written.actor) {
                self.ledger.untold.insert(slot, format!("{name} is new"));
            }
            return;
        };
        if old == id {
            return;
        }
        let (was, is) = (aws.data(&old), aws.data(id));
        let lost = self.lacks((&slot.0, slot.1), &is, &was);
        let allowed = self.ledger.allowed.remove(&place).unwrap_or(Allowed::Nothing);
        self.count(if matches!(allowed, Allowed::Nothing) { "volume succeeded" } else { "loss or restore done" });
        let fine = match allowed {
            Allowed::Nothing => lost.is_empty() || self.follows_order(&place, after),
            Allowed::All => true,
            Allowed::After(as_of, bound) => lost.iter().all(|marks| {
                marks.from > as_of
                    && marks.moments().last().unwrap_or(marks.to).duration_since(as_of)
                        <= bound.saturating_add(UNNOTICED)
            }),
        };
        if !fine {
            let text = format!(
                "slot {}: {id} takes the place of {old} as {name} and lacks {lost:?}, allowed: {allowed:?}",
                slot.1
            );
            self.accuse(1, written.at, text);
        }
        if !lost.is_empty() {
            self.ledger.untold.insert(slot, format!("{name} lacks {lost:?}"));
        }
    }

    /// What holders of the slot wrote that `other` holds and `this` does not.
    fn lacks(&self, (group, slot): (&GroupName, SlotNumber), this: &Data, other: &Data) -> Vec<Marks> {
        let mut lacks = this.lacks(other);
        lacks.retain(|marks| self.holders.contains(&(group.clone(), slot, marks.writer.instance.to_string())));
        lacks
    }

    /// Rule 5: who comes into service was told what it finds.
    pub(super) fn judge_told(&mut self, at: Timestamp, instance: &str, aws: &Aws, table: &MemoryTable) {
        let held = |slot: &Slot| slot.holder.as_ref().is_some_and(|holder| holder.instance.as_str() == instance);
        let found = table.all_slots().find(|(_, slot)| held(slot)).map(|(group, slot)| (group.clone(), slot.number));
        let Some((group, slot)) = found else { return };
        let Some(untold) = self.ledger.untold.remove(&(group, slot)) else { return };
        let said = aws.instance(instance).and_then(|instance| instance.tags.get(tags::DATA));
        if said.is_none_or(|said| said.starts_with(Origin::Kept.word())) {
            self.accuse(5, at, format!("{instance} was told {said:?} of slot {slot}, but {untold}"));
        }
    }

    /// A person pulled it away by hand just before, and no reading could show that yet.
    pub(super) fn just_meddled(&self, at: Timestamp, lack: &str) -> bool {
        let lately = |when: &Timestamp| at.duration_since(*when) < self.slack + SETTLED;
        self.ledger.meddled.iter().any(|(object, when)| lack.contains(object.as_str()) && lately(when))
            || self.ledger.vanished.iter().any(|(object, when)| lack.contains(object.as_str()) && lately(when))
    }

    /// A person took its tags just before, and no reading could show that yet.
    pub(super) fn just_untagged(&self, at: Timestamp, resource: &str) -> bool {
        self.ledger.untagged.get(resource).is_some_and(|when| at.duration_since(*when) < self.slack + SETTLED)
    }
}

fn bound(spec: &std::rc::Rc<Spec>) -> Option<SignedDuration> {
    match spec.zones.r#move {
        ZoneMove::StaleUpTo(bound) => SignedDuration::try_from(bound).ok(),
        ZoneMove::Never | ZoneMove::Final => None,
    }
}

fn last_mark(data: &Data) -> Option<Timestamp> {
    data.written().last().and_then(|marks| marks.moments().last())
}
