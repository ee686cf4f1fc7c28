//! Which launching instance gets which slot: all of a pass at once, deterministically.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::{Instance, Transition};
use crate::ids::{Claim, Generation, InstanceId, SlotNumber, Zone};
use crate::plan::draft::Draft;
use crate::plan::serve::Serving;
use crate::plan::view::{View, later};
use crate::plan::{Phase, change, interfaces, pool, slots};
use crate::spec::ZoneMove;
use crate::step::Why;
use crate::table::{Bound, Holder, LAYOUT, Slot, SlotState};
use crate::tags;
use crate::upkeep::{Change, ChangeKind, Upkeep};
use crate::waiting::{Reason, Subject};

/// Promises slots to launching instances, and records the claims that may be recorded now.
pub(crate) fn assign(view: &View<'_>, draft: &mut Draft<'_>, serving: &mut Serving) {
    for instance in launching(view, draft) {
        let Some(verdict) = choose(view, draft, instance) else { continue };
        let wait = match verdict {
            Verdict::Take(number) => {
                draft.promised.insert(number);
                claim(view, draft, instance, number)
            }
            Verdict::Move(number) => {
                draft.promised.insert(number);
                bring(view, draft, instance, number)
            }
            Verdict::Make if draft.made.is_none() => make(view, draft, instance),
            // The next slot is made in the next pass: each one moves the counter.
            Verdict::Make => Some(Reason::Booting),
            Verdict::Wait(reason) => Some(reason),
        };
        if let Some(reason) = wait {
            let since = draft.action(&instance.id, Transition::Launching).map(|action| action.since);
            draft.wait(Subject::Instance(instance.id.clone()), reason.clone(), since);
            serving.block(&instance.id, reason);
        }
    }
}

enum Verdict {
    Take(SlotNumber),
    Move(SlotNumber),
    Make,
    Wait(Reason),
}

/// Launching instances without a slot whose hook is not answered yet, the longest waiting first.
fn launching<'a>(view: &View<'a>, draft: &Draft<'_>) -> Vec<&'a Instance> {
    let mut found: Vec<&Instance> = view
        .members()
        .filter(|(id, phase)| *phase == Phase::Launching && view.slot_of(id).is_none())
        .filter(|(id, _)| draft.action(id, Transition::Launching).is_none_or(|action| action.done.is_none()))
        .filter_map(|(id, _)| view.instance(id))
        .collect();
    found.sort_by_key(|instance| (instance.launched, instance.id.clone()));
    found
}

fn choose(view: &View<'_>, draft: &Draft<'_>, instance: &Instance) -> Option<Verdict> {
    if instance.tags.get(tags::DEPLOYMENT).map(String::as_str) != Some(view.obs.deployment.as_str()) {
        return view.member(&instance.id).map(|(asg, _)| Verdict::Wait(Reason::Untagged { asg: asg.name.clone() }));
    }
    let live: Vec<_> = view.live_asgs().map(|asg| asg.name.clone()).collect();
    if live.len() > 1 {
        return Some(Verdict::Wait(Reason::Replacing(live)));
    }
    let slots: Vec<&Slot> =
        draft.slots.values().map(|entry| &*entry.slot).filter(|slot| !draft.promised.contains(&slot.number)).collect();
    let vacant = |slot: &&&Slot| slot.is_active() && view.holder_phase(slot).is_none_or(Phase::is_going);
    let mut here: Vec<&&Slot> = slots.iter().filter(vacant).filter(|slot| slot.zone == instance.zone).collect();
    here.sort_by_key(|slot| (rank(view.holder_phase(slot)), Reverse(slot.vacated), slot.number));
    if let Some(slot) = here.first() {
        return Some(Verdict::Take(slot.number));
    }
    if let Some(slot) = slots.iter().filter(vacant).find(|slot| comes_to(slot, &instance.zone)) {
        return Some(Verdict::Move(slot.number));
    }
    let active = draft.slots.values().filter(|entry| entry.slot.is_active()).count();
    if active < view.spec.slots.max.map_or(view.desired(), |max| max as usize) {
        if let Some(number) = parked_here(view, &slots, &instance.zone).or_else(|| retired(view, &slots)) {
            return Some(Verdict::Take(number));
        }
        // The group's `TableLost` is named already; this instance waits for it.
        return Some(if draft.table_lost { Verdict::Wait(Reason::TableLost(String::new())) } else { Verdict::Make });
    }
    let may_move = |slot: &&&Slot| {
        let turns = slot.upkeep.change.as_ref().is_none_or(|change| change::may_turn(view, change));
        view.spec.zones.r#move != ZoneMove::Never && turns
    };
    let mut movable: Vec<&&Slot> = slots.iter().filter(vacant).filter(may_move).collect();
    movable.sort_by_key(|slot| (rank(view.holder_phase(slot)), Reverse(slot.vacated), slot.number));
    if let Some(slot) = movable.first() {
        return Some(Verdict::Move(slot.number));
    }
    let elsewhere: BTreeSet<Zone> = slots.iter().filter(vacant).map(|slot| slot.zone.clone()).collect();
    Some(Verdict::Wait(if elsewhere.is_empty() {
        Reason::SurgeBlocked
    } else {
        Reason::ZoneBlocked { vacant: elsewhere.into_iter().collect(), here: instance.zone.clone() }
    }))
}

/// The slot is on its way to this zone.
fn comes_to(slot: &Slot, zone: &Zone) -> bool {
    slot.upkeep.change.as_ref().is_some_and(|change| leads_to(change, zone))
}

fn leads_to(change: &Change, zone: &Zone) -> bool {
    matches!(&change.kind, ChangeKind::Move { to } if to == zone)
}

/// The retired slot that was vacated last: it is made anew from its snapshots, in whichever zone it is needed.
fn retired(view: &View<'_>, slots: &[&Slot]) -> Option<SlotNumber> {
    slots
        .iter()
        .filter(|slot| slot.state == SlotState::Retired && slot.holder.is_none() && slot.upkeep.order.is_none())
        .filter(|slot| is_fresh(view, slot))
        .max_by_key(|slot| (slot.vacated, Reverse(slot.number)))
        .map(|slot| slot.number)
}

/// Brings a vacant slot of another zone here, once its last holder is gone.
fn bring(view: &View<'_>, draft: &mut Draft<'_>, instance: &Instance, number: SlotNumber) -> Option<Reason> {
    let recorded = view.obs.slots.get(&number)?;
    if let Some(wait) = not_yet(view, recorded) {
        return Some(wait);
    }
    let upkeep = draft.slot(number).slot.upkeep.clone();
    if let (None, Some(order)) = (&upkeep.change, &upkeep.order) {
        return Some(Reason::Ordered { what: order.word() });
    }
    match upkeep.change {
        // It was on its way to a zone in which nobody waits for it any more: it turns round.
        Some(under_way) if !leads_to(&under_way, &instance.zone) && change::may_turn(view, &under_way) => {
            change::dropped(view, recorded, draft);
            Some(Reason::Booting)
        }
        Some(under_way) => Some(change::reason(number, &under_way)),
        // Released, or done with in this very pass: the change begins on what the next reading shows.
        None if recorded.holder.is_some() || recorded.upkeep.change.is_some() => Some(Reason::Booting),
        None => {
            change::begin(view, recorded, ChangeKind::Move { to: instance.zone.clone() }, false, draft);
            let begun = draft.slot(number).slot.upkeep.change.clone();
            Some(begun.map_or(Reason::MoveBlocked { slot: number }, |begun| change::reason(number, &begun)))
        }
    }
}

/// What is free first, then what will be free soonest.
fn rank(holder: Option<Phase>) -> u8 {
    match holder {
        None => 0,
        Some(Phase::Gone) => 1,
        Some(_) => 2,
    }
}

/// It was vacated lately enough for the spec.
fn is_fresh(view: &View<'_>, slot: &Slot) -> bool {
    match (view.spec.slots.reuse_within, slot.vacated) {
        (Some(within), Some(vacated)) => later(vacated, within) >= view.now,
        (None, _) | (Some(_), None) => true,
    }
}

/// The parked slot of this zone that was vacated last, if the spec still allows it.
fn parked_here(view: &View<'_>, slots: &[&Slot], zone: &Zone) -> Option<SlotNumber> {
    slots
        .iter()
        .filter(|slot| slot.state == SlotState::Parked && &slot.zone == zone && slot.holder.is_none())
        .filter(|slot| slot.upkeep.change.as_ref().is_none_or(|change| !change.ordered) && slot.upkeep.order.is_none())
        .filter(|slot| is_fresh(view, slot))
        .max_by_key(|slot| (slot.vacated, Reverse(slot.number)))
        .map(|slot| slot.number)
}

/// Records the claim, if the slot's last holder is gone and everything of the slot is free.
fn claim(view: &View<'_>, draft: &mut Draft<'_>, instance: &Instance, number: SlotNumber) -> Option<Reason> {
    let recorded = view.obs.slots.get(&number)?;
    if let Some(wait) = not_yet(view, recorded).or_else(|| elsewhere(view, recorded, &instance.id)) {
        return Some(wait);
    }
    // What a person ordered comes first; a change that nobody needs any more is dropped.
    if let Some(order) = &draft.slot(number).slot.upkeep.order {
        return Some(Reason::Ordered { what: order.word() });
    }
    let ended = recorded.upkeep.change.as_ref().filter(|_| draft.slot(number).slot.upkeep.change.is_none());
    if let Some(begun) = draft.slot(number).slot.upkeep.change.clone()
        && (recorded.upkeep.change.is_none() || !change::dropped(view, recorded, draft))
    {
        return Some(change::reason(number, &begun));
    }
    let entry = draft.slot(number);
    // It ended in this very pass, by itself: the claim follows on what is then recorded.
    if let Some(ended) = ended {
        return Some(change::reason(number, ended));
    }
    if entry.slot.state == SlotState::Retired {
        entry.slot.zone = instance.zone.clone();
    }
    let slot = &mut entry.slot;
    slot.claim = Claim(slot.claim.0.saturating_add(1));
    slot.state = SlotState::Active;
    slot.holder = Some(holder(view, &instance.id));
    entry.bind.insert(Bound::Instance(instance.id.clone()));
    // In one transaction: an instance whose launch is over by now gets no slot.
    entry.launch = Some(instance.id.clone());
    entry.why.insert(Why::Claimed);
    pool::intend(view, draft, number);
    interfaces::intend(view, draft, number);
    None
}

/// What keeps the slot's last holder from being replaced on record.
fn not_yet(view: &View<'_>, recorded: &Slot) -> Option<Reason> {
    if slots::may_change_holder(view, recorded) {
        return None;
    }
    let (slot, holder) = (recorded.number, recorded.holder.as_ref()?.instance.clone());
    Some(match view.holder_phase(recorded) {
        Some(Phase::Gone) => Reason::NotYetFree { slot, holder, what: slots::not_free(view, recorded) },
        _ => Reason::HolderLeaving { slot, holder },
    })
}

/// Somebody attached what is the vacant slot's to another instance: it is not this one's before it is free again.
fn elsewhere(view: &View<'_>, slot: &Slot, instance: &InstanceId) -> Option<Reason> {
    let volumes = slot.volumes.values().filter_map(|record| view.obs.volumes.get(record.id.as_ref()?));
    let held = volumes.flat_map(|volume| {
        volume
            .attachments
            .iter()
            .map(|a| (&a.instance, Reason::VolumeHeldBy { volume: volume.id.clone(), instance: a.instance.clone() }))
    });
    let interface = slot.interface.iter().filter_map(|record| view.obs.interfaces.get(record.id.as_ref()?));
    let kept = interface.filter_map(|shown| {
        let other = shown.attachment.as_ref()?.instance.as_ref()?;
        Some((other, Reason::InterfaceHeldBy { interface: shown.id.clone(), instance: Some(other.clone()) }))
    });
    held.chain(kept).find(|(other, _)| *other != instance).map(|(_, reason)| reason)
}

/// Makes a new slot for this instance: the counter, the item, the claim and every intent are one transaction.
fn make(view: &View<'_>, draft: &mut Draft<'_>, instance: &Instance) -> Option<Reason> {
    let number = SlotNumber(draft.group.next_slot);
    let slot = Slot {
        v: LAYOUT,
        number,
        generation: Generation(0),
        state: SlotState::Active,
        zone: instance.zone.clone(),
        claim: Claim(1),
        holder: Some(holder(view, &instance.id)),
        vacated: None,
        volumes: BTreeMap::new(),
        interface: None,
        record: None,
        upkeep: Upkeep::default(),
    };
    if number.0 == 0 {
        draft.group.made = Some(view.now);
    }
    draft.make_slot(slot, BTreeSet::from([Bound::Instance(instance.id.clone())]), BTreeSet::from([Why::SlotMade]));
    draft.slot(number).launch = Some(instance.id.clone());
    pool::intend(view, draft, number);
    interfaces::intend(view, draft, number);
    None
}

fn holder(view: &View<'_>, instance: &InstanceId) -> Holder {
    Holder { instance: instance.clone(), since: view.now, absent_since: None }
}
