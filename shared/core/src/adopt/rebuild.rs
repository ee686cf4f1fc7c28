//! Slots that the tags show and the table lacks.

use std::collections::{BTreeMap, BTreeSet};

use crate::adopt::case::Case;
use crate::adopt::evidence::{Evidence, attempt, claim_of, lives};
use crate::adopt::{missing, names};
use crate::cloud::{Instance, Interface, Volume};
use crate::ids::{Claim, Generation, InstanceId, SlotNumber, VolumeName, Zone};
use crate::table::{Holder, InterfaceRecord, LAYOUT, Slot, SlotState};
use crate::tags;
use crate::upkeep::{Proof, Saved, Superseded, Upkeep};

/// Proposes every slot that is missing, or says why it cannot be.
pub(super) fn slots(case: &mut Case<'_>) {
    let missing = missing::numbers(case);
    for number in missing.iter().copied() {
        if let Some(slot) = slot(case, number) {
            case.rebuilt.push(slot);
        }
    }
    for number in case.wishes.forget.clone() {
        if !missing.contains(&number) {
            case.refuse(format!("slot {number}"), "is not one that is missing: it cannot be forgotten");
        }
    }
}

fn slot(case: &mut Case<'_>, number: SlotNumber) -> Option<Slot> {
    let evidence = Evidence::of(case.obs, number);
    if case.wishes.forget.contains(&number) {
        return forgotten(case, number, &evidence);
    }
    if evidence.is_empty() {
        let message = "is below the counter, and nothing in AWS bears its tag. Look for its volumes; if its data is gone for good, say so (--forget), and the number becomes a retired slot";
        case.refuse(format!("slot {number}"), message);
        return None;
    }
    let before = case.refused.len();
    let volumes = volumes(case, number, &evidence);
    if case.refused.len() > before {
        return None;
    }
    if volumes.is_empty() && !case.spec.volumes.is_empty() {
        return retired(case, number, &evidence);
    }
    let zone = zone(case, number, &volumes, &evidence)?;
    let holder = holder(case, number, &volumes, &evidence);
    let interface = interface(case, number, &zone, holder, &evidence);
    if case.refused.len() > before {
        return None;
    }
    let mut slot = bare(case, number, zone, &evidence);
    if let Some(instance) = holder {
        // A holder that was not told of the highest claim yet gets a number of its own.
        slot.claim = match claim_of(&instance.tags).filter(|_| evidence.instances.iter().any(|i| i.id == instance.id)) {
            Some(claim) if claim == slot.claim => claim,
            Some(_) | None => Claim(slot.claim.0.saturating_add(1)),
        };
        slot.holder = Some(Holder { instance: instance.id.clone(), since: case.now, absent_since: None });
        slot.vacated = None;
    }
    slot.interface = interface;
    slot.volumes = volumes.iter().map(|(name, volume)| (name.clone(), case.volume_record(name, volume))).collect();
    left_behind(case, &mut slot, &evidence);
    slot.record = names::slot_record(case, &slot);
    Some(slot)
}

/// A vacant slot without anything.
pub(super) fn bare(case: &Case<'_>, number: SlotNumber, zone: Zone, evidence: &Evidence<'_>) -> Slot {
    Slot {
        v: LAYOUT,
        number,
        generation: Generation::afresh(case.now),
        state: SlotState::Active,
        zone,
        claim: evidence.claim(),
        holder: None,
        vacated: Some(case.now),
        volumes: BTreeMap::new(),
        interface: None,
        record: None,
        upkeep: Upkeep { operations: evidence.operations(), ..Upkeep::default() },
    }
}

/// One volume for each name: the one that no other superseded.
fn volumes<'o>(case: &mut Case<'_>, number: SlotNumber, evidence: &Evidence<'o>) -> BTreeMap<VolumeName, &'o Volume> {
    let about = format!("slot {number}");
    for volume in evidence.volumes.iter().filter(|volume| volume.name().is_none()) {
        let message =
            format!("{} bears its tag, and no readable {}: set or remove one of them", volume.id, tags::VOLUME);
        case.refuse(&about, message);
    }
    let mut chosen = BTreeMap::new();
    for name in evidence.names() {
        let candidates = candidates(evidence, &name);
        match candidates.as_slice() {
            [] => {}
            [volume] => {
                check(case, number, volume);
                chosen.insert(name, *volume);
            }
            several => {
                let ids: Vec<String> = several.iter().map(|volume| volume.id.to_string()).collect();
                let message = format!(
                    "{} all claim to be its volume `{name}`: find out which one holds its data, and set the tag {} on the others",
                    ids.join(" and "),
                    tags::SUPERSEDED
                );
                case.refuse(&about, message);
            }
        }
    }
    // Of a slot that has some of its volumes, those that are missing were lost: they are never made anew, empty. Nothing
    // need show that they existed: what said so may be gone with them.
    let missing = case.spec.volumes.keys().filter(|name| !chosen.is_empty() && !chosen.contains_key(*name));
    for name in missing.cloned().collect::<Vec<_>>() {
        let message = format!(
            "its volume `{name}` is not shown: {WAY_BACK}. If the slot never had it, or nothing was saved of it, create an empty one so"
        );
        case.refuse(&about, message);
    }
    chosen
}

const WAY_BACK: &str =
    "create it from its newest snapshot, in the slot's zone, with the tags of the others, and run this again";

/// Volumes of this name that nothing replaced. One that was made to replace another counts once that one says so.
fn candidates<'o>(evidence: &Evidence<'o>, name: &VolumeName) -> Vec<&'o Volume> {
    let named = || evidence.volumes.iter().copied().filter(|volume| volume.name().as_ref() == Some(name));
    let successors: BTreeSet<&str> =
        named().filter_map(|volume| volume.tags.get(tags::SUPERSEDED).map(String::as_str)).collect();
    named()
        .filter(|volume| !volume.tags.contains_key(tags::SUPERSEDED))
        .filter(|volume| volume.slot().is_some() || successors.contains(volume.id.as_str()))
        .collect()
}

fn check(case: &mut Case<'_>, number: SlotNumber, volume: &Volume) {
    let about = format!("slot {number}");
    if let Some(other) = case.owner_of(&volume.id) {
        case.refuse(&about, format!("{} bears its tag, and is on the record of slot {other}", volume.id));
    }
    if volume.multi_attach {
        case.refuse(&about, format!("{} may be attached to several instances: such volumes are not served", volume.id));
    }
}

/// Where all volumes lie.
fn zone(
    case: &mut Case<'_>,
    number: SlotNumber,
    volumes: &BTreeMap<VolumeName, &Volume>,
    evidence: &Evidence<'_>,
) -> Option<Zone> {
    let zones: BTreeSet<&Zone> = volumes.values().map(|volume| &volume.zone).collect();
    let nearby = evidence.interfaces.iter().map(|interface| &interface.zone);
    let nearby = nearby.chain(evidence.instances.iter().filter(|instance| lives(instance)).map(|i| &i.zone)).next();
    match (zones.len(), zones.into_iter().next().or(nearby)) {
        (0 | 1, Some(zone)) => Some(zone.clone()),
        (0 | 1, None) => {
            case.refuse(format!("slot {number}"), "nothing shows in which zone it lies");
            None
        }
        _ => {
            let message =
                "its volumes lie in several zones: a move was under way; mark those of one zone as superseded";
            case.refuse(format!("slot {number}"), message);
            None
        }
    }
}

/// The instance that has the slot's things attached, else the one that was told of the highest claim.
fn holder<'o>(
    case: &mut Case<'o>,
    number: SlotNumber,
    volumes: &BTreeMap<VolumeName, &Volume>,
    evidence: &Evidence<'o>,
) -> Option<&'o Instance> {
    let about = format!("slot {number}");
    let attached = volumes.values().flat_map(|volume| volume.attachments.iter().map(|a| &a.instance));
    let interfaces = evidence.interfaces.iter().filter_map(|i| i.attachment.as_ref()?.instance.as_ref());
    let attached: BTreeSet<&InstanceId> = attached.chain(interfaces).collect();
    let mut told: Vec<&'o Instance> = evidence.instances.iter().copied().filter(|instance| lives(instance)).collect();
    told.sort_by_key(|instance| claim_of(&instance.tags));
    let newest = told.last().copied();
    if attached.len() > 1 {
        let ids: Vec<String> = attached.iter().map(ToString::to_string).collect();
        case.refuse(&about, format!("what is its is attached to {}: detach it from all but one", ids.join(" and ")));
        return None;
    }
    let Some(id) = attached.into_iter().next() else {
        let rivals = told.iter().filter(|i| claim_of(&i.tags) == newest.and_then(|n| claim_of(&n.tags))).count();
        if rivals > 1 {
            case.refuse(
                &about,
                "several living instances bear its newest claim: terminate all but one, or remove the tags",
            );
            return None;
        }
        return newest;
    };
    let Some(instance) = case.obs.instances.get(id) else {
        case.refuse(&about, format!("what is its is attached to {id}, which is no instance of this group"));
        return None;
    };
    let elsewhere = case.held_by(id).or_else(|| crate::cloud::slot_of(&instance.tags).filter(|other| *other != number));
    if let Some(other) = elsewhere {
        case.refuse(&about, format!("what is its is attached to {id}, which holds slot {other}"));
        return None;
    }
    let passed = newest.filter(|other| &other.id != id && claim_of(&other.tags) > claim_of(&instance.tags));
    if let Some(other) = passed {
        let message = format!("its things are attached to {id}, while {} was told of a newer claim", other.id);
        case.refuse(&about, message);
        return None;
    }
    Some(instance)
}

/// The interface that the holder has, else the only one in the slot's zone.
fn interface(
    case: &mut Case<'_>,
    number: SlotNumber,
    zone: &Zone,
    holder: Option<&Instance>,
    evidence: &Evidence<'_>,
) -> Option<InterfaceRecord> {
    let about = format!("slot {number}");
    let has = |interface: &&&Interface| {
        let attached = interface.attachment.as_ref().and_then(|attachment| attachment.instance.as_ref());
        attached.is_some() && attached == holder.map(|holder| &holder.id)
    };
    let here: Vec<&&Interface> = evidence.interfaces.iter().filter(|interface| &interface.zone == zone).collect();
    let held: Vec<&&Interface> = here.iter().copied().filter(has).collect();
    let found = if held.is_empty() { here } else { held };
    let chosen = match found.as_slice() {
        [] => None,
        [one] => Some(**one),
        several => {
            let ids: Vec<String> = several.iter().map(|interface| interface.id.to_string()).collect();
            let message =
                format!("{} all bear its tag: remove the tag {} from all but one", ids.join(" and "), tags::SLOT);
            case.refuse(&about, message);
            return None;
        }
    };
    for other in evidence.interfaces.iter().filter(|other| chosen.is_none_or(|chosen| chosen.id != other.id)) {
        case.notice(&about, format!("{} bears its tag and is not used: delete it when it is not needed", other.id));
    }
    let chosen = chosen?;
    if let Some(other) = case.interface_owner(&chosen.id) {
        case.refuse(&about, format!("{} bears its tag, and is on the record of slot {other}", chosen.id));
        return None;
    }
    let record = case.interface_record(chosen, holder.and_then(|holder| holder.subnet.as_ref()));
    if record.is_none() && case.needs.look.subnets.is_empty() {
        case.refuse(&about, format!("no subnet of the group is known in the zone of {}", chosen.id));
    }
    record
}

/// Keeps what was the slot's once for a person: what proved that its data is elsewhere was lost with the table.
fn left_behind(case: &Case<'_>, slot: &mut Slot, evidence: &Evidence<'_>) {
    for volume in &evidence.volumes {
        let known = slot.volumes.values().any(|record| record.id.as_ref() == Some(&volume.id));
        let (false, Some(name)) = (known, volume.name()) else { continue };
        slot.upkeep.attempts = slot.upkeep.attempts.max(attempt(&volume.tags).unwrap_or_default());
        let left = Superseded {
            name,
            claim: slot.claim,
            since: case.now,
            vacated: None,
            proof: Proof::None,
            keep: true,
            deleting: None,
            absent_since: None,
        };
        slot.upkeep.superseded.insert(volume.id.clone(), left);
    }
}

/// A slot of which only its last snapshots are left.
fn retired(case: &mut Case<'_>, number: SlotNumber, evidence: &Evidence<'_>) -> Option<Slot> {
    let about = format!("slot {number}");
    if let Some(instance) = evidence.instances.iter().find(|instance| lives(instance)) {
        let message = format!("{} holds it, and none of its volumes is shown: {WAY_BACK}", instance.id);
        case.refuse(&about, message);
        return None;
    }
    let mut saved = BTreeMap::new();
    for name in case.spec.volumes.keys() {
        match evidence.last(name) {
            Some(snapshot) => {
                saved.insert(name.clone(), Saved::of(snapshot));
            }
            None => {
                let message = format!(
                    "its volume `{name}` is not shown, and its newest snapshot is not one that was taken for its retirement: {WAY_BACK}, or say that its data is gone for good (--forget)"
                );
                case.refuse(&about, message);
                return None;
            }
        }
    }
    // What the spec left out since was saved too: named again, it is not made empty.
    for name in evidence.names() {
        if let Some(snapshot) = evidence.last(&name) {
            saved.entry(name).or_insert_with(|| Saved::of(snapshot));
        }
    }
    let near = evidence.volumes.iter().map(|volume| volume.zone.clone()).next();
    let zone = near.or_else(|| any_zone(case))?;
    let mut slot = bare(case, number, zone, evidence);
    slot.state = SlotState::Retired;
    left_behind(case, &mut slot, evidence);
    slot.upkeep.retired = saved;
    Some(slot)
}

/// A retired slot lies nowhere: it is made anew where it is needed. Its item names some zone of the group.
fn any_zone(case: &mut Case<'_>) -> Option<Zone> {
    let members = case.obs.asgs.iter().flat_map(|asg| asg.members.values().map(|member| member.zone.clone()));
    let shown = case.obs.volumes.values().map(|volume| volume.zone.clone());
    let subnets = case.obs.subnets.values().flatten().map(|subnet| subnet.zone.clone());
    let found = members.chain(case.obs.slots().map(|slot| slot.zone.clone())).chain(shown).chain(subnets).min();
    if found.is_none() {
        let listed: Vec<_> = case.obs.asgs.iter().flat_map(|asg| asg.subnets.iter().cloned()).collect();
        if listed.is_empty() || listed.iter().any(|id| case.obs.subnets.contains_key(id)) {
            case.refuse("group", "nothing shows in which zones it lies: run this while its Auto Scaling group exists");
        }
        case.needs.look.subnets.extend(listed.into_iter().filter(|id| !case.obs.subnets.contains_key(id)));
    }
    found
}

/// A number of which a person says that nothing is left.
fn forgotten(case: &mut Case<'_>, number: SlotNumber, evidence: &Evidence<'_>) -> Option<Slot> {
    if let Some(volume) = evidence.volumes.first() {
        let message =
            format!("{} still bears its tag: it cannot be forgotten. Remove the tags, or delete it", volume.id);
        case.refuse(format!("slot {number}"), message);
        return None;
    }
    if let Some(instance) = evidence.instances.iter().find(|instance| lives(instance)) {
        case.refuse(format!("slot {number}"), format!("{} holds it: it cannot be forgotten", instance.id));
        return None;
    }
    let zone = any_zone(case)?;
    let mut slot = bare(case, number, zone, evidence);
    slot.state = SlotState::Retired;
    Some(slot)
}
