//! The second opinion on what is done to data: snapshots, changes, growth, and above all deleting.

use jiff::Timestamp;

use super::{Verdict, demand, owns, recorded};
use crate::cloud::{Snapshot, SnapshotState, Tags, Volume, VolumeState};
use crate::ids::{InstanceId, InterfaceId, SlotNumber, SnapshotId, VolumeId, VolumeName};
use crate::observed::Observed;
use crate::plan::leftovers::TOMBSTONE;
use crate::plan::view::later;
use crate::plan::{CERTAINLY_ABSENT, CLOCKS_DIFFER};
use crate::spec::{DataLost, Spec};
use crate::table::{Slot, SlotState};
use crate::tags;
use crate::upkeep::{ChangeKind, Proof, Purpose, Stage, Target, operation_tag};

/// A successor is made for a change that has recorded it, and only once.
pub(super) fn makes_successor(obs: &Observed, slot: SlotNumber, name: &VolumeName, tags: &Tags) -> Verdict {
    let recorded = recorded(obs, slot)?;
    let change = recorded.upkeep.change.as_ref().ok_or((1, format!("slot {slot} is not being changed")))?;
    let made = change.volumes.get(name).ok_or((1, format!("no successor of `{name}` is on record")))?;
    demand(change.stage == Stage::Making && made.record.id.is_none(), 1, || format!("`{name}` has a successor"))?;
    demand(recorded.holder.is_none(), 1, || format!("slot {slot} is held"))?;
    let twin = obs.volumes.values().find(|volume| {
        [tags::FOR_SLOT, tags::VOLUME, tags::ATTEMPT].iter().all(|key| volume.tags.get(*key) == tags.get(*key))
    });
    demand(twin.is_none(), 1, || format!("this attempt at `{name}` exists"))
}

/// The operation is on record, the volume is the slot's, and it was not taken before.
pub(super) fn takes_snapshot(obs: &Observed, slot: SlotNumber, volume: &VolumeId, tags: &Tags) -> Verdict {
    let recorded = recorded(obs, slot)?;
    owns(recorded, volume)?;
    let operation = tags.get(tags::OPERATION).ok_or((8, "no operation".to_owned()))?;
    on_record(recorded, operation)?;
    if operation.starts_with("final") {
        let free = obs.volumes.get(volume).is_some_and(Volume::is_free);
        demand(recorded.holder.is_none() && free, 6, || format!("{volume} is not free: its last write is to come"))?;
    }
    let begun = recorded.upkeep.change.as_ref().filter(|_| operation.starts_with("final")).map(|change| change.since);
    let mut taken = obs.snapshots.iter().flat_map(|all| all.values());
    let twice = taken.any(|s| {
        let in_time = begun.is_none_or(|begun| later(s.started, CLOCKS_DIFFER) >= begun);
        s.operation() == Some(operation) && &s.volume == volume && in_time
    });
    demand(!twice, 8, || format!("{operation} of {volume} exists"))
}

/// Of the slot's own holder.
pub(super) fn takes_set(obs: &Observed, slot: SlotNumber, instance: &InstanceId, tags: &Tags) -> Verdict {
    let recorded = recorded(obs, slot)?;
    demand(recorded.held_by(instance), 3, || format!("{instance} does not hold slot {slot}"))?;
    let operation = tags.get(tags::OPERATION).ok_or((8, "no operation".to_owned()))?;
    on_record(recorded, operation)
}

fn on_record(slot: &Slot, operation: &str) -> Verdict {
    let periodic = slot.upkeep.periodic.map(|set| operation_tag(Purpose::Periodic, slot.number, set.operation));
    let change = slot.upkeep.change.as_ref().filter(|change| change.stage == Stage::Saving);
    let last = change.map(|change| operation_tag(Purpose::Final, slot.number, change.operation));
    demand([periodic, last].iter().flatten().any(|known| known == operation), 8, || {
        format!("operation {operation} was not recorded first")
    })
}

/// Ours, needed by no record, and not the newest completed one of its volume.
pub(super) fn deletes_snapshot(obs: &Observed, id: &SnapshotId) -> Verdict {
    demand(obs.limits.deletes, 13, || "the deployment allows no deletes".to_owned())?;
    let all = obs.snapshots.as_ref().ok_or((6, "the snapshots were not read".to_owned()))?;
    let snapshot = all.get(id).ok_or((6, format!("{id} was not read")))?;
    ours(obs, &snapshot.tags, id.as_str())?;
    demand(snapshot.operation().is_some(), 7, || format!("{id} was not taken by us"))?;
    let named = obs.slots().any(|slot| slot.upkeep.named_snapshots().any(|named| named == id));
    demand(!named, 6, || format!("a slot's record names {id}"))?;
    match snapshot.state {
        SnapshotState::Error => Ok(()),
        SnapshotState::Pending | SnapshotState::Other => Err((6, format!("{id} is not completed"))),
        SnapshotState::Completed => {
            let newer = |other: &&Snapshot| {
                other.volume == snapshot.volume
                    && other.is_completed()
                    && (other.started, &other.id) > (snapshot.started, &snapshot.id)
            };
            demand(all.values().any(|other| newer(&other)), 6, || format!("{id} is the newest of its volume"))
        }
    }
}

/// The change is on record, and makes nothing smaller.
pub(super) fn modifies(obs: &Observed, slot: SlotNumber, volume: &VolumeId, target: &Target) -> Verdict {
    let recorded = recorded(obs, slot)?;
    owns(recorded, volume)?;
    let intended = recorded.volumes.values().find(|record| record.id.as_ref() == Some(volume));
    demand(intended.is_some_and(|record| record.growth.target == Some(*target)), 8, || {
        format!("the change of {volume} was not recorded first")
    })?;
    let size = obs.volumes.get(volume).map(|volume| volume.size_gib);
    demand(target.size_gib.is_none_or(|wanted| size.is_some_and(|size| wanted >= size)), 1, || {
        format!("{volume} would become smaller")
    })
}

/// Rule 6: on nobody's record, decided long enough ago, free, and its data is proven to be elsewhere.
pub(super) fn deletes_volume(obs: &Observed, slot: SlotNumber, id: &VolumeId, now: Timestamp) -> Verdict {
    demand(obs.limits.deletes, 13, || "the deployment allows no deletes".to_owned())?;
    let left = recorded(obs, slot)?.upkeep.superseded.get(id).ok_or((6, format!("{id} was not left behind")))?;
    let used = obs.slots().any(|slot| {
        let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
        made.chain(slot.volumes.values()).any(|record| record.id.as_ref() == Some(id))
    });
    demand(!used, 6, || format!("{id} is on record"))?;
    let decided = left.deleting.is_some_and(|at| later(at, TOMBSTONE) <= now);
    demand(decided && !left.keep, 6, || format!("deleting {id} was not decided, or only just"))?;
    let volume = obs.volumes.get(id).ok_or((6, format!("{id} was not read")))?;
    let failed = volume.state == VolumeState::Error && left.proof == Proof::NeverUsed;
    demand(volume.is_free() || failed, 6, || format!("{id} is not free"))?;
    ours(obs, &volume.tags, id.as_str())?;
    match &left.proof {
        Proof::None => Err((6, format!("nothing holds the data of {id}"))),
        Proof::NeverUsed => demand(volume.tags.contains_key(tags::FOR_SLOT) && volume.slot().is_none(), 6, || {
            format!("{id} has been in use")
        }),
        Proof::Snapshot(snapshot) => {
            let shown = obs.snapshots.as_ref().and_then(|all| all.get(snapshot));
            let proof = shown.is_some_and(|s| {
                let after = left.vacated.is_none_or(|vacated| later(s.started, CLOCKS_DIFFER) >= vacated);
                s.is_completed() && s.volume == *id && s.slot() == Some(slot) && s.claim() == Some(left.claim) && after
            });
            demand(proof, 6, || format!("{snapshot} does not prove that the data of {id} is saved"))
        }
    }
}

/// On nobody's record, and free.
pub(super) fn deletes_interface(obs: &Observed, slot: SlotNumber, id: &InterfaceId) -> Verdict {
    demand(obs.limits.deletes, 13, || "the deployment allows no deletes".to_owned())?;
    let left = recorded(obs, slot)?.upkeep.left_interfaces.contains_key(id);
    demand(left, 6, || format!("{id} was not left behind"))?;
    let used = obs.slots().filter_map(|slot| slot.interface.as_ref()).any(|i| i.id.as_ref() == Some(id));
    demand(!used, 6, || format!("{id} is on record"))?;
    let shown = obs.interfaces.get(id).ok_or((6, format!("{id} was not read")))?;
    ours(obs, &shown.tags, id.as_str())?;
    demand(shown.available && shown.attachment.is_none(), 6, || format!("{id} is attached"))
}

fn ours(obs: &Observed, tags: &Tags, what: &str) -> Verdict {
    let deployment = tags.get(tags::DEPLOYMENT).map(String::as_str) == Some(obs.deployment.as_str());
    let group = tags.get(tags::GROUP).map(String::as_str) == Some(obs.group.as_str());
    demand(deployment && group, 7, || format!("{what} does not bear our deployment's and the group's tags"))
}

/// A born volume leaves the record only for its successor, for its last snapshot, or where it is certainly gone.
pub(super) fn keeps_data(obs: &Observed, spec: Option<&Spec>, was: &Slot, next: &Slot, now: Timestamp) -> Verdict {
    for (name, record) in was.volumes.iter().filter(|(_, record)| record.born) {
        let Some(id) = &record.id else { continue };
        let after = next.volumes.get(name);
        if after.is_some_and(|after| after.born && after.id.as_ref() == Some(id)) {
            continue;
        }
        let remembered = next.upkeep.superseded.contains_key(id);
        let lost = obs.absent.volumes.contains(id)
            && record.absent_since.is_some_and(|since| later(since, CERTAINLY_ABSENT) <= now)
            && spec.is_some_and(|spec| spec.data_lost != DataLost::Wait)
            && after.is_some_and(|after| !after.born && after.attempt > record.attempt);
        demand((remembered && replaced(was, next, name)) || lost, 1, || {
            format!("the born volume `{name}` would leave the record")
        })?;
    }
    let moved = was.zone != next.zone;
    let may_move = was.state == SlotState::Retired
        || was.upkeep.change.as_ref().is_some_and(|change| {
            change.stage == Stage::Switching && matches!(&change.kind, ChangeKind::Move { to } if *to == next.zone)
        });
    demand(!moved || may_move, 3, || "the slot would change its zone without its volumes".to_owned())?;
    let busy = next.upkeep.change.is_some() && next.holder.is_some();
    demand(!busy, 2, || "a slot whose volumes are being changed would be held".to_owned())
}

/// Its successor stands and takes its place, or for a retirement its snapshot.
fn replaced(was: &Slot, next: &Slot, name: &VolumeName) -> bool {
    let change = was.upkeep.change.as_ref().filter(|change| change.stage == Stage::Switching);
    let Some((change, made)) = change.and_then(|change| Some((change, change.volumes.get(name)?))) else {
        return false;
    };
    match change.kind {
        ChangeKind::Retire => next.upkeep.retired.get(name) == Some(&made.from) && next.state == SlotState::Retired,
        ChangeKind::Move { .. } | ChangeKind::Restore => {
            made.record.born && next.volumes.get(name) == Some(&made.record)
        }
    }
}
