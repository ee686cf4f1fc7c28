//! A second opinion on a plan, made without the planner's own reasoning: what no plan may ever contain.

mod data;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::cloud::{AttachmentState, Lifecycle, RecordChange, Transition, slot_of};
use crate::ids::{InstanceId, SlotNumber, VolumeId, VolumeName};
use crate::observed::Observed;
use crate::plan::view::later;
use crate::plan::{CERTAINLY_ABSENT, Phase, Plan};
use crate::spec::{AddressKind, Ready, Spec};
use crate::step::Step;
use crate::table::{Bound, HookResult, Slot, TableWrite};
use crate::tags;

/// A step that breaks a rule: it is not taken, and a person is called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused to take {step}: it breaks rule {rule}: {why}")]
pub struct Violation {
    /// The step's key.
    pub step: String,
    /// The number of the rule (docs/safety.md).
    pub rule: u8,
    /// How.
    pub why: String,
}

/// Splits a plan into steps that may be taken and those that break a rule.
#[must_use]
pub fn check(observed: &Observed, plan: &Plan, now: Timestamp) -> (Vec<Step>, Vec<Violation>) {
    let spec = spec_in_force(observed, plan);
    let mut keys = BTreeSet::new();
    let mut kept = Vec::new();
    let mut violations = Vec::new();
    for step in &plan.steps {
        let broken = if keys.insert(step.key()) {
            judge(observed, spec.as_ref(), step, now).err()
        } else {
            Some((8, "the same thing twice in one plan".to_owned()))
        };
        match broken {
            None => kept.push(step.clone()),
            Some((rule, why)) => violations.push(Violation { step: step.key(), rule, why }),
        }
    }
    (kept, violations)
}

/// The spec that the plan was made with: the one that it accepts, or the recorded one.
fn spec_in_force(observed: &Observed, plan: &Plan) -> Option<Spec> {
    let planned = plan.steps.iter().find_map(|step| {
        let Step::Write { write, .. } = step else { return None };
        write.record.as_ref().and_then(|(_, group)| group.spec.clone())
    });
    let accepted = planned.or_else(|| observed.record.as_ref().and_then(|group| group.spec.clone()))?;
    Spec::parse(&accepted.text).ok().map(|parsed| parsed.spec)
}

type Verdict = Result<(), (u8, String)>;

fn judge(obs: &Observed, spec: Option<&Spec>, step: &Step, now: Timestamp) -> Verdict {
    match step {
        Step::Write { write, .. } => writes(obs, spec, write, now),
        Step::CreateVolume { token, .. } if token.is_empty() => Err((8, "no client token".to_owned())),
        Step::CreateVolume { slot, name, tags, .. } if tags.contains_key(tags::FOR_SLOT) => {
            data::makes_successor(obs, *slot, name, tags)
        }
        Step::CreateVolume { slot, name, .. } => creates_volume(obs, *slot, name),
        Step::CreateSnapshot { slot, volume, tags } => data::takes_snapshot(obs, *slot, volume, tags),
        Step::CreateSnapshots { slot, instance, tags, .. } => data::takes_set(obs, *slot, instance, tags),
        Step::DeleteSnapshot { snapshot } => data::deletes_snapshot(obs, snapshot),
        Step::ModifyVolume { slot, volume, target } => data::modifies(obs, *slot, volume, target),
        Step::DeleteVolume { slot, volume } => data::deletes_volume(obs, *slot, volume, now),
        Step::DeleteInterface { slot, interface } => data::deletes_interface(obs, *slot, interface),
        Step::AttachVolume { slot, volume, instance, .. } => {
            let slot = recorded(obs, *slot)?;
            owns(slot, volume)?;
            tagged_ours(obs, volume.as_str())?;
            serves(obs, slot, instance)?;
            let volume = obs.volumes.get(volume).ok_or((3, "the volume was not read".to_owned()))?;
            demand(volume.is_free(), 3, || format!("{} is not free", volume.id))?;
            demand(!volume.multi_attach, 3, || format!("{} allows several attachments", volume.id))
        }
        Step::AttachInterface { slot, interface, instance, index } => {
            let slot = recorded(obs, *slot)?;
            let ours =
                slot.interface.as_ref().is_some_and(|record| record.id.as_ref() == Some(interface) && record.born);
            demand(ours, 2, || format!("{interface} is not slot {}'s", slot.number))?;
            tagged_ours(obs, interface.as_str())?;
            serves(obs, slot, instance)?;
            demand(*index > 0, 3, || "index 0 is the instance's own".to_owned())
        }
        Step::DetachVolume { slot, instance, .. } | Step::DetachInterface { slot, instance, .. } => {
            released(obs, recorded(obs, *slot)?, instance)
        }
        Step::CreateInterface { slot, .. } => {
            let record = recorded(obs, *slot)?.interface.as_ref().ok_or((1, "no attempt is recorded".to_owned()))?;
            demand(record.id.is_none() && !record.born, 1, || format!("slot {slot} has an interface on record"))
        }
        Step::KeepVolume { .. } | Step::KeepInterface { .. } => Ok(()),
        Step::Tag { resource, .. } => tagged_ours(obs, resource),
        Step::ChangeRecord(change) => changes_record(obs, change),
        Step::Heartbeat(_) => Ok(()),
        Step::Complete { action, result } => {
            demand(!action.hook.as_str().is_empty(), 8, String::new)?;
            let noted = obs.actions.get(&(action.instance.clone(), action.transition));
            demand(answerable(noted), 8, || "it was answered already".to_owned())?;
            match (action.transition, result) {
                (Transition::Launching, HookResult::Continue) => served(obs, spec, &action.instance),
                (Transition::Launching, HookResult::Abandon) | (Transition::Terminating, HookResult::Continue) => {
                    Ok(())
                }
                (Transition::Terminating, HookResult::Abandon) => {
                    Err((4, "a terminate hook is never abandoned".to_owned()))
                }
            }
        }
    }
}

fn creates_volume(obs: &Observed, slot: SlotNumber, name: &VolumeName) -> Verdict {
    let held = obs.slots.get(&slot).map(|slot| &slot.upkeep.superseded);
    let record = obs.slots.get(&slot).and_then(|slot| slot.volumes.get(name));
    let record = record.ok_or((1, "no attempt is recorded".to_owned()))?;
    demand(!record.born && record.id.is_none(), 1, || format!("slot {slot} has a volume `{name}` on record"))?;
    let twin =
        obs.volumes.values().filter(|v| !held.is_some_and(|superseded| superseded.contains_key(&v.id))).find(|v| {
            v.slot() == Some(slot) && v.name().as_ref() == Some(name) && !v.tags.contains_key(tags::SUPERSEDED)
        });
    demand(twin.is_none(), 1, || format!("a volume tagged as `{name}` of slot {slot} exists"))
}

/// The change is on record, and what stands there is of our making.
fn changes_record(obs: &Observed, change: &RecordChange) -> Verdict {
    let records = obs.slots().filter_map(|slot| slot.record.as_ref());
    let record = records
        .chain(obs.record.iter().filter_map(|group| group.record.as_ref()))
        .find(|record| record.key == change.key)
        .ok_or((7, "no change of this record is on record".to_owned()))?;
    let intent = change.new.as_ref().map(|(_, values)| values.clone()).unwrap_or_default();
    demand(record.tried.last() == Some(&intent), 7, || "the change was not recorded first".to_owned())?;
    let known = change
        .old
        .as_ref()
        .is_none_or(|(_, old)| record.tried.contains(old) || record.past.contains(old) || record.confirmed == *old);
    demand(known, 7, || "what stands there is not of our making".to_owned())
}

/// Not answered yet, or answered without a claim on an earlier passage through the warm pool.
fn answerable(noted: Option<&crate::table::Action>) -> bool {
    noted.and_then(|action| action.done.as_ref()).is_none_or(|done| done.claim.0 == 0)
}

fn demand(holds: bool, rule: u8, why: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err((rule, why())) }
}

fn recorded(obs: &Observed, number: SlotNumber) -> Result<&Slot, (u8, String)> {
    obs.slots.get(&number).map(|slot| &**slot).ok_or((1, format!("slot {number} is not on record")))
}

fn owns(slot: &Slot, volume: &VolumeId) -> Verdict {
    let ours = slot.volumes.values().any(|record| record.id.as_ref() == Some(volume) && record.born);
    demand(ours, 2, || format!("{volume} is not on record as born in slot {}", slot.number))
}

/// The instance holds the slot, runs, and is not on its way out.
fn serves(obs: &Observed, slot: &Slot, instance: &InstanceId) -> Verdict {
    demand(slot.held_by(instance), 3, || format!("{instance} does not hold slot {}", slot.number))?;
    let phase = phase(obs, instance);
    demand(phase.is_served(), 3, || format!("{instance} is {phase:?}"))
}

fn phase(obs: &Observed, instance: &InstanceId) -> Phase {
    let member = obs.asgs.iter().find_map(|asg| asg.members.get(instance));
    Phase::of(obs.instances.get(instance), member)
}

fn released(obs: &Observed, slot: &Slot, instance: &InstanceId) -> Verdict {
    demand(slot.held_by(instance), 4, || format!("{instance} does not hold slot {}", slot.number))?;
    let said = obs.instances.get(instance).and_then(|instance| instance.tags.get(tags::RELEASED));
    demand(said == Some(&slot.claim.to_string()), 4, || "its guest has not released this claim".to_owned())?;
    demand(phase(obs, instance).lets_go(), 4, || "Auto Scaling does not take it out".to_owned())
}

fn tagged_ours(obs: &Observed, resource: &str) -> Verdict {
    let tags = obs
        .volumes
        .values()
        .find(|volume| volume.id.as_str() == resource)
        .map(|volume| &volume.tags)
        .or_else(|| obs.interfaces.values().find(|i| i.id.as_str() == resource).map(|i| &i.tags))
        .or_else(|| obs.instances.values().find(|instance| instance.id.as_str() == resource).map(|i| &i.tags))
        .or_else(|| {
            obs.snapshots.iter().flat_map(|all| all.values()).find(|s| s.id.as_str() == resource).map(|s| &s.tags)
        });
    let ours = tags.is_some_and(|tags| tags.get(tags::DEPLOYMENT).map(String::as_str) == Some(obs.deployment.as_str()));
    demand(ours, 7, || format!("{resource} does not bear our deployment's tag"))
}

/// Rule 5: every volume attached and kept, the interface attached and kept, the name published.
fn served(obs: &Observed, spec: Option<&Spec>, instance: &InstanceId) -> Verdict {
    let member = obs.asgs.iter().find_map(|asg| asg.members.get(instance));
    if member.is_some_and(|member| member.lifecycle == Lifecycle::WarmedPendingWait) {
        let noted = obs.actions.get(&(instance.clone(), Transition::Launching));
        let serves = noted.is_some_and(|action| action.done.is_none() && action.into_pool == Some(false));
        return demand(!serves, 5, || format!("the action of {instance} leads into service, not into the warm pool"));
    }
    let spec = spec.ok_or((5, "no spec is in force".to_owned()))?;
    let slot = obs.slots().find(|slot| slot.held_by(instance)).ok_or((5, format!("{instance} holds no slot")))?;
    for name in spec.volumes.keys() {
        let record = slot.volumes.get(name).filter(|record| record.born);
        let volume = record.and_then(|record| obs.volumes.get(record.id.as_ref()?));
        let attachment = volume.and_then(|volume| volume.attachment_to(instance));
        let kept = attachment.is_some_and(|a| a.state == AttachmentState::Attached && !a.delete_on_termination);
        demand(kept, 5, || format!("volume `{name}` was not read as attached to {instance} and kept"))?;
    }
    if spec.address.kind == AddressKind::Eni {
        let interface = slot.interface.as_ref().and_then(|record| obs.interfaces.get(record.id.as_ref()?));
        let attachment = interface.and_then(|interface| interface.attachment.as_ref());
        let kept = attachment.is_some_and(|a| {
            a.instance.as_ref() == Some(instance) && a.state == AttachmentState::Attached && !a.delete_on_termination
        });
        demand(kept, 5, || format!("the interface was not read as attached to {instance} and kept"))?;
    }
    let named = spec.dns.as_ref().is_none_or(|dns| dns.slot.is_none())
        || slot
            .record
            .as_ref()
            .is_some_and(|record| record.owned && record.tried.is_empty() && !record.confirmed.is_empty());
    demand(named, 5, || "the slot's own name is not published".to_owned())?;
    let mounted = obs.instances.get(instance).and_then(|instance| instance.tags.get(tags::MOUNTED));
    let reported = spec.launch.ready == Ready::Attached || mounted == Some(&slot.claim.to_string());
    demand(reported, 5, || format!("the guest has not reported claim {} as mounted", slot.claim))
}

fn writes(obs: &Observed, spec: Option<&Spec>, write: &TableWrite, now: Timestamp) -> Verdict {
    if let Some((expected, group)) = &write.record {
        let was = obs.record.as_ref();
        demand(*expected == was.map(|was| was.generation), 10, || {
            "the group's generation is not the observed one".to_owned()
        })?;
        demand(was.is_none_or(|was| was.next_slot <= group.next_slot), 1, || "the counter would fall".to_owned())?;
    }
    let Some((expected, slot)) = &write.slot else { return Ok(()) };
    let was = obs.slots.get(&slot.number);
    demand(*expected == was.map(|was| was.generation), 10, || {
        "the slot's generation is not the observed one".to_owned()
    })?;
    let Some(was) = was else { return fresh(obs, slot) };
    demand(slot.claim >= was.claim, 2, || "the claim would fall".to_owned())?;
    data::keeps_data(obs, spec, was, slot, now)?;
    let before = was.holder.as_ref().map(|holder| &holder.instance);
    let after = slot.holder.as_ref().map(|holder| &holder.instance);
    if before != after {
        changes_holder(obs, was, write, now)?;
        demand(after.is_none() || slot.claim > was.claim, 2, || "the holder changes without a new claim".to_owned())?;
    }
    unique(obs, slot)
}

/// A new slot takes the counter's number, and none that tags show.
fn fresh(obs: &Observed, slot: &Slot) -> Verdict {
    let next = obs.record.as_ref().map_or(0, |group| group.next_slot);
    demand(slot.number.0 == next, 1, || format!("slot {} is not the counter's next, {next}", slot.number))?;
    let volumes = obs.volumes.values().map(|volume| &volume.tags);
    let interfaces = obs.interfaces.values().map(|interface| &interface.tags);
    let mut tagged = volumes.chain(interfaces).chain(obs.instances.values().map(|instance| &instance.tags));
    let shown = tagged.any(|tags| slot_of(tags) == Some(slot.number));
    demand(!shown, 1, || format!("something tagged with slot {} exists", slot.number))?;
    unique(obs, slot)
}

fn changes_holder(obs: &Observed, was: &Slot, write: &TableWrite, now: Timestamp) -> Verdict {
    let Some(holder) = &was.holder else { return Ok(()) };
    let missed = certain(holder.absent_since, now) && obs.absent.instances.contains(&holder.instance);
    let gone = phase(obs, &holder.instance) == Phase::Gone || missed || released(obs, was, &holder.instance).is_ok();
    demand(gone, 2, || format!("{} was not seen gone", holder.instance))?;
    for id in was.volumes.values().filter_map(|record| record.id.as_ref()) {
        let since = was.volumes.values().find(|record| record.id.as_ref() == Some(id)).and_then(|r| r.absent_since);
        let gone = obs.absent.volumes.contains(id) && certain(since, now);
        let held = obs.volumes.get(id).map_or(!gone, |volume| !volume.attachments.is_empty());
        demand(!held, 2, || format!("{id} was not read as free"))?;
    }
    if let Some(id) = was.interface.as_ref().and_then(|record| record.id.as_ref()) {
        let since = was.interface.as_ref().and_then(|record| record.absent_since);
        let gone = obs.absent.interfaces.contains(id) && certain(since, now);
        let held = obs.interfaces.get(id).map_or(!gone, |interface| interface.attachment.is_some());
        demand(!held, 2, || format!("{id} was not read as free"))?;
    }
    let unbinds = write.unbind.contains(&Bound::Instance(holder.instance.clone()));
    demand(unbinds, 2, || format!("the binding of {} would stay", holder.instance))
}

/// Reads aimed at its ID have missed it for long enough.
fn certain(since: Option<Timestamp>, now: Timestamp) -> bool {
    since.is_some_and(|since| later(since, CERTAINLY_ABSENT) <= now)
}

/// One slot an instance, one slot a volume: over the whole group as it would be.
fn unique(obs: &Observed, slot: &Slot) -> Verdict {
    let mut owners: BTreeMap<&VolumeId, SlotNumber> = BTreeMap::new();
    let others = obs.slots().filter(|other| other.number != slot.number);
    for other in others.clone() {
        owners.extend(other.volumes.values().filter_map(|record| record.id.as_ref()).map(|id| (id, other.number)));
    }
    for id in slot.volumes.values().filter_map(|record| record.id.as_ref()) {
        if let Some(owner) = owners.get(id) {
            return Err((2, format!("{id} belongs to slot {owner}")));
        }
    }
    let Some(holder) = &slot.holder else { return Ok(()) };
    let twice = others.clone().any(|other| other.held_by(&holder.instance));
    demand(!twice, 2, || format!("{} holds another slot", holder.instance))
}
