//! Periodic snapshots of one group: which are taken now, which have had their time, and which are late.
//!
//! A call for snapshots has no token. The slot therefore records each set as an operation before it is taken, the
//! snapshots bear the operation's tag, and a set on record is looked up before it is taken: what a crash or a lost answer
//! left open is taken by the next run, and what was taken is not taken again. Taking one twice all the same, because two
//! runs overlap or a reading lags, costs a snapshot and nothing else.

mod late;
mod retention;
mod series;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::{AttachmentState, InstanceState, Snapshot, Tags};
use crate::ids::{InstanceId, SlotNumber, SnapshotId, VolumeId, VolumeName};
use crate::observed::{FailureKind, Observed};
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::plan::{CLOCKS_DIFFER, Plan, change, leftovers, policy, saving};
use crate::snapshots::{SlotSeries, due, most_a_run};
use crate::spec::Spec;
use crate::step::{Step, Why};
use crate::table::Slot;
use crate::tags;
use crate::upkeep::{Periodic, Purpose, operation_tag, purpose_of};
use crate::waiting::{Reason, Subject};

use series::Tended;

/// How far apart runs are.
pub const RUN_EVERY: Duration = Duration::from_secs(300);
/// How long after it was recorded a set may still be taken. Later, whether one is due is decided anew: else a set that
/// was recorded long ago would be followed at once by the next.
const OPEN_FOR: Duration = Duration::from_secs(900);
/// What was recorded less long ago was recorded in this run: the plans of a run share its bound.
const THIS_RUN: Duration = Duration::from_secs(150);
/// EC2 leaves out no more volumes from a set.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceSpecification.html>
const MOST_LEFT_OUT: usize = 40;

/// Plans the periodic snapshots of one group. It needs the group's item, its slots, volumes, instances and snapshots,
/// nothing else; slots whose volumes are being changed are left to their change.
///
/// A set is recorded in one plan and taken in the next, on the folded reading. What a plan deletes is bounded, and planning
/// again on a folded reading names the rest: who applies plans says how many deletes there are in a run.
#[must_use]
pub fn periodic(observed: &Observed, now: Timestamp) -> Plan {
    let mut draft = Draft::new(observed);
    let spec = match in_force(observed) {
        Ok(spec) => spec,
        Err(reason) => {
            draft.wait(Subject::Group, reason, None);
            return draft.finish(now);
        }
    };
    let view = View::new(observed, &spec, now);
    let Some(ours) = Ours::of(observed) else {
        draft.look.snapshots = true;
        return draft.finish(now);
    };
    let tended: Vec<Tended<'_>> = observed.slots().filter_map(|slot| Tended::of(&view, &ours, slot)).collect();
    take(&view, &ours, &tended, &mut draft);
    note_uses(&view, &mut draft);
    name_members(&view, &ours, &mut draft);
    retention::delete(&view, &ours, &mut draft);
    late::say(&view, &ours, &tended, &mut draft);
    policy::filter(draft.finish(now), spec.mode)
}

/// The recorded spec, if it may be served. Limits bind whenever they were drawn.
fn in_force(observed: &Observed) -> Result<Spec, Reason> {
    let recorded = observed.record.as_ref().and_then(|group| group.spec.as_ref());
    let accepted = recorded.ok_or_else(|| Reason::NoSpec("none was recorded yet".to_owned()))?;
    Spec::parse(&accepted.text)
        .and_then(|parsed| parsed.spec.check_limits(&observed.group, &observed.limits).map(|()| parsed.spec))
        .map_err(|problems| Reason::NoSpec(format!("the stored spec is not one that may be served: {problems}")))
}

/// The snapshots that we took for slots of this group, by what their tags tell.
pub(crate) struct Ours<'a> {
    by_slot: BTreeMap<SlotNumber, Vec<(Purpose, &'a Snapshot)>>,
}

impl<'a> Ours<'a> {
    /// None if the reading does not include snapshots. One whose slot is not on record is not shown: the records that may
    /// name it are not known.
    fn of(observed: &'a Observed) -> Option<Self> {
        let is = |tags: &Tags, key: &str, value: &str| tags.get(key).map(String::as_str) == Some(value);
        let mine = |tags: &Tags| {
            is(tags, tags::DEPLOYMENT, observed.deployment.as_str()) && is(tags, tags::GROUP, observed.group.as_str())
        };
        let mut by_slot: BTreeMap<_, Vec<_>> = observed.slots.keys().map(|number| (*number, Vec::new())).collect();
        for snapshot in observed.snapshots.as_ref()?.values().filter(|snapshot| mine(&snapshot.tags)) {
            let purpose = snapshot.operation().and_then(purpose_of);
            if let (Some(purpose), Some(of_slot)) = (purpose, snapshot.slot().and_then(|slot| by_slot.get_mut(&slot))) {
                of_slot.push((purpose, snapshot));
            }
        }
        Some(Self { by_slot })
    }

    /// Those of one slot, whatever volume they were taken of.
    fn of_slot(&self, slot: &Slot) -> impl Iterator<Item = &'a Snapshot> {
        self.with_purpose(slot).map(|(_, snapshot)| snapshot)
    }

    fn with_purpose(&self, slot: &Slot) -> impl Iterator<Item = (Purpose, &'a Snapshot)> {
        self.by_slot.get(&slot.number).into_iter().flatten().copied()
    }
}

/// The name of the volume that a snapshot was taken of: as it is tagged, else by the volume's ID.
fn name_of(slot: &Slot, snapshot: &Snapshot) -> Option<VolumeName> {
    let on_record = || {
        let volumes = slot.volumes.iter();
        volumes.filter(|(_, record)| record.id.as_ref() == Some(&snapshot.volume)).map(|(name, _)| name.clone()).next()
    };
    let before = || slot.upkeep.superseded.get(&snapshot.volume).map(|superseded| superseded.name.clone());
    snapshot.name().or_else(on_record).or_else(before)
}

/// Takes what is on record and open, and records what is due.
fn take(view: &View<'_>, ours: &Ours<'_>, tended: &[Tended<'_>], draft: &mut Draft<'_>) {
    let mut series = Vec::new();
    for one in tended {
        let mut of_slot = one.series(view, ours, None);
        if let Some(set) = one.slot.upkeep.periodic.filter(|set| !view.past(Some(set.at), OPEN_FOR)) {
            let lacking = lacking(view, ours, one, set);
            // What is on record takes its share of the run, and is not asked for a second time.
            of_slot.pending |= !lacking.is_empty();
            take_set(view, one, set, &lacking, draft);
        }
        series.push(of_slot);
    }
    let sets = view.obs.slots().filter_map(|slot| slot.upkeep.periodic);
    let begun = sets.filter(|set| !view.past(Some(set.at), THIS_RUN)).count();
    let more = most_a_run(&series, RUN_EVERY).saturating_sub(begun);
    for due in due(&series, RUN_EVERY, view.now).into_iter().take(more) {
        intend(view, due.slot, draft);
    }
}

/// The volumes of a set that have no snapshot of it, not even one that failed, and none that is pending. Which volumes
/// belong to the set follows from when it was recorded.
fn lacking<'t>(
    view: &View<'_>,
    ours: &Ours<'_>,
    one: &Tended<'t>,
    set: Periodic,
) -> Vec<(&'t VolumeName, &'t VolumeId)> {
    let tag = operation_tag(Purpose::Periodic, one.slot.number, set.operation);
    let before = SlotSeries { pending: false, failing: None, ..one.series(view, ours, Some(&tag)) };
    let members: BTreeSet<VolumeName> =
        due(&[before], RUN_EVERY, set.at).into_iter().flat_map(|due| due.volumes).collect();
    let has = |volume: &VolumeId| {
        ours.of_slot(one.slot).any(|s| &s.volume == volume && (s.operation() == Some(&tag) || series::is_pending(s)))
    };
    one.volumes.iter().filter(|(name, id)| members.contains(*name) && !has(id)).map(|(name, id)| (*name, *id)).collect()
}

/// Records that a set is about to be taken.
fn intend(view: &View<'_>, number: SlotNumber, draft: &mut Draft<'_>) {
    if let Some(failure) = view.obs.notes.failures.get(&format!("Write slot {number}")) {
        // Who lost the race for the slot leaves it to the winner, until the next run.
        if failure.kind != FailureKind::Conflict {
            let step = format!("Write slot {number}");
            let reason =
                Reason::CallFailed { step, kind: failure.kind, message: failure.message.clone(), urgent: false };
            draft.wait(Subject::Slot(number), reason, None);
        }
        return;
    }
    let entry = draft.slot(number);
    entry.why.insert(Why::SnapshotsIntended);
    let upkeep = &mut entry.slot.upkeep;
    upkeep.operations = upkeep.operations.saturating_add(1);
    upkeep.periodic = Some(Periodic { operation: upkeep.operations, at: view.now });
}

/// Use of what was left behind, or is being replaced, shows only while it lasts: this reading may be the only one that it is
/// in. Slots and volumes are read side by side, so that what was left behind during this run may be shown as its holder had
/// it.
fn note_uses(view: &View<'_>, draft: &mut Draft<'_>) {
    let before_this_run = THIS_RUN.saturating_add(CLOCKS_DIFFER);
    for slot in view.obs.slots() {
        // Who lost the race for the slot leaves it to the winner, until the next run.
        if view.obs.notes.failures.contains_key(&format!("Write slot {}", slot.number)) {
            continue;
        }
        change::note_use(view, slot, draft);
        let left = slot.upkeep.superseded.iter().filter(|(_, left)| !left.keep);
        for (id, _) in left.filter(|(_, left)| view.past(Some(left.since), before_this_run)) {
            if view.obs.volumes.get(id).is_some_and(leftovers::is_used) {
                leftovers::note_use(slot, id, draft);
            }
        }
    }
}

/// Takes a set that is on record: at one instant where the slot's holder runs with all of its volumes.
fn take_set(
    view: &View<'_>,
    one: &Tended<'_>,
    set: Periodic,
    lacking: &[(&VolumeName, &VolumeId)],
    draft: &mut Draft<'_>,
) {
    let (slot, number) = (one.slot, one.slot.number);
    let tags = saving::snapshot_tags(view, slot, Purpose::Periodic, set.operation);
    let at_once = (lacking.len() > 1).then(|| holder_with(view, slot, lacking)).flatten();
    if let Some((instance, without)) = at_once {
        return attempt(view, slot, Step::CreateSnapshots { slot: number, instance, without, tags }, draft);
    }
    for (name, volume) in lacking {
        let mut tags = tags.clone();
        tags.insert(tags::VOLUME.to_owned(), name.to_string());
        attempt(view, slot, Step::CreateSnapshot { slot: number, volume: (*volume).clone(), tags }, draft);
    }
}

/// The running holder to which all of these are attached, and its other volumes.
fn holder_with(
    view: &View<'_>,
    slot: &Slot,
    volumes: &[(&VolumeName, &VolumeId)],
) -> Option<(InstanceId, BTreeSet<VolumeId>)> {
    let holder = view.instance(&slot.holder.as_ref()?.instance)?;
    let attached = |id: &VolumeId| {
        let attachment = view.obs.volumes.get(id).and_then(|volume| volume.attachment_to(&holder.id));
        attachment.is_some_and(|attachment| attachment.state == AttachmentState::Attached)
    };
    let wanted: BTreeSet<&VolumeId> = volumes.iter().map(|(_, id)| *id).collect();
    let without: BTreeSet<VolumeId> = holder.volumes.iter().filter(|id| !wanted.contains(id)).cloned().collect();
    let at_once = holder.state == InstanceState::Running
        && wanted.iter().all(|id| attached(id) && holder.volumes.contains(*id))
        && without.len() <= MOST_LEFT_OUT;
    at_once.then(|| (holder.id.clone(), without))
}

/// A call that failed is not made again in this run: it may have been applied, and only another reading can tell.
fn attempt(view: &View<'_>, slot: &Slot, step: Step, draft: &mut Draft<'_>) {
    let key = step.key();
    match view.obs.notes.failures.get(&key) {
        None => draft.step(step),
        Some(failure) => {
            let reason =
                Reason::CallFailed { step: key, kind: failure.kind, message: failure.message.clone(), urgent: false };
            draft.wait(Subject::Slot(slot.number), reason, None);
        }
    }
}

/// The members of a set bear its tags alone until each is told its volume's name.
fn name_members(view: &View<'_>, ours: &Ours<'_>, draft: &mut Draft<'_>) {
    let named =
        |id: &SnapshotId| view.obs.notes.tagged.get(id.as_str()).is_some_and(|tags| tags.contains_key(tags::VOLUME));
    let all = view.obs.slots().flat_map(|slot| ours.of_slot(slot).map(move |snapshot| (slot, snapshot)));
    for (slot, snapshot) in all {
        if snapshot.tags.contains_key(tags::VOLUME) || named(&snapshot.id) {
            continue;
        }
        if let Some(name) = name_of(slot, snapshot) {
            let tags = Tags::from([(tags::VOLUME.to_owned(), name.to_string())]);
            attempt(view, slot, Step::Tag { resource: snapshot.id.to_string(), tags }, draft);
        }
    }
}
