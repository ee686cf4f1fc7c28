//! Slots that the tags or the counter show and the table lacks: never made anew, empty.

use std::collections::BTreeSet;

use crate::cloud::slot_of;
use crate::ids::SlotNumber;
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::waiting::{Reason, Subject};

/// How many missing slots a message tells of.
const MOST_TOLD: usize = 50;

/// Blocks new slots while the table lacks some that existed.
pub(crate) fn check(view: &View<'_>, draft: &mut Draft<'_>) {
    let known = |number: &SlotNumber| view.obs.slots.contains_key(number);
    let next = view.obs.record.as_ref().map_or(0, |group| group.next_slot);
    let gaps = (0..next).map(SlotNumber).filter(|number| !known(number));
    // A counter that someone else wrote may name billions.
    let gaps: BTreeSet<SlotNumber> = gaps.take(MOST_TOLD).collect();
    let volumes = view.obs.volumes.values().filter_map(|v| v.slot().map(|slot| (v.id.to_string(), slot)));
    let interfaces = view.obs.interfaces.values().filter_map(|i| slot_of(&i.tags).map(|slot| (i.id.to_string(), slot)));
    let tagged: Vec<String> = volumes
        .chain(interfaces)
        .filter(|(_, slot)| !known(slot))
        .map(|(id, slot)| format!("{id} is tagged with slot {slot}"))
        .collect();
    let beyond: BTreeSet<&SlotNumber> = view.obs.slots.keys().filter(|number| number.0 >= next).collect();
    if gaps.is_empty() && tagged.is_empty() && beyond.is_empty() {
        return;
    }
    draft.table_lost = true;
    let mut what: Vec<String> =
        gaps.iter().map(|number| format!("slot {number} is below the counter and has no item")).collect();
    what.extend(tagged);
    what.extend(beyond.iter().map(|number| format!("slot {number} is not below the counter")));
    draft.wait(Subject::Group, Reason::TableLost(what.join("; ")), None);
}
