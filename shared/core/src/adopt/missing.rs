//! Which slots are missing, and what must be set right before they can be rebuilt.

use crate::adopt::case::Case;
use crate::adopt::evidence;
use crate::ids::SlotNumber;
use crate::observed::HalfTagged;
use crate::tags;

/// More slots than any group has: one Auto Scaling group seldom has more than a thousand instances.
const MOST_MISSING: usize = 10_000;

/// The numbers that the counter or the tags show, and the table lacks.
pub(super) fn numbers(case: &mut Case<'_>) -> Vec<SlotNumber> {
    let obs = case.obs;
    let recorded = obs.record.as_ref().map_or(0, |group| group.next_slot);
    let seen = evidence::numbers(obs);
    let next = seen.last().map_or(0, |number| number.0.saturating_add(1)).max(recorded);
    half_tagged(case, next);
    let missing = (0..next).map(SlotNumber).filter(|number| !obs.slots.contains_key(number));
    let missing: Vec<SlotNumber> = missing.take(MOST_MISSING + 1).collect();
    if missing.len() <= MOST_MISSING {
        return missing;
    }
    let message = format!(
        "the counter or the tag {} of something names slot {}, and more than {MOST_MISSING} slots below it are missing: no group is so large. Find the tag, and correct it",
        tags::SLOT,
        next.saturating_sub(1)
    );
    case.refuse("group", message);
    Vec::new()
}

/// What lost a tag is not shown as the slot's: rebuilt without it, the slot would get an empty volume in its place.
fn half_tagged(case: &mut Case<'_>, next: u32) {
    let obs = case.obs;
    let Some(found) = &obs.half_tagged else {
        let any_missing = (0..next).any(|number| !obs.slots.contains_key(&SlotNumber(number)));
        case.needs.look.half_tagged = any_missing || obs.record.is_none();
        return;
    };
    // One that names no group may be another's: it counts where its slot is one that is missing here.
    let below = |number: SlotNumber| obs.record.is_none() || number.0 < next;
    let missing = |number: SlotNumber| below(number) && !obs.slots.contains_key(&number);
    let counts = |half: &&HalfTagged| half.lacks != tags::GROUP || half.slot.is_some_and(missing);
    for half in found.iter().filter(counts) {
        let HalfTagged { resource, lacks, .. } = half;
        let (whose, value) = match *lacks {
            tags::GROUP => ("this deployment's", format!("its group, {} if it is this one's", obs.group)),
            _ => ("the group's", format!("{}, or remove the group's tag", obs.deployment)),
        };
        let message = format!("bears {whose} tag and lacks {lacks}: set that to {value}, and run this again");
        case.refuse(resource, message);
    }
}
