//! Slots that the tags or the counter show and the table lacks: never made anew, empty.

use std::collections::BTreeSet;

use crate::cloud::slot_of;
use crate::ids::SlotNumber;
use crate::plan::draft::Draft;
use crate::plan::view::View;
use crate::step::Why;
use crate::waiting::{Reason, Subject};

/// How many missing slots a message tells of.
const MOST_TOLD: usize = 50;

/// As far beyond the counter as a number in a tag is believed: a slip of the pen may name billions.
const MOST_BEYOND: u32 = 1_000;

/// Blocks new slots while the table lacks some that existed. The counter is raised above what tags show: a later reading that
/// misses these must not take the group for a new one.
pub(crate) fn check(view: &View<'_>, draft: &mut Draft<'_>) {
    let known = |number: &SlotNumber| view.obs.slots.contains_key(number);
    let next = view.obs.record.as_ref().map_or(0, |group| group.next_slot);
    let gaps = (0..next).map(SlotNumber).filter(|number| !known(number));
    // A counter that someone else wrote may name billions.
    let gaps: BTreeSet<SlotNumber> = gaps.take(MOST_TOLD).collect();
    let volumes = view.obs.volumes.values().filter_map(|v| v.slot().map(|slot| (v.id.to_string(), slot)));
    let interfaces = view.obs.interfaces.values().filter_map(|i| slot_of(&i.tags).map(|slot| (i.id.to_string(), slot)));
    // Who holds a slot shows it too, where its volumes lost their tags.
    let instances = view.obs.instances.values().filter_map(|i| slot_of(&i.tags).map(|slot| (i.id.to_string(), slot)));
    let tagged: Vec<(String, SlotNumber)> =
        volumes.chain(interfaces).chain(instances).filter(|(_, slot)| !known(slot)).collect();
    let believed = tagged.iter().map(|(_, slot)| slot.0).filter(|number| *number < next.saturating_add(MOST_BEYOND));
    if let Some(highest) = believed.max().filter(|highest| *highest >= next) {
        draft.group(Why::CounterRaised).next_slot = highest.saturating_add(1);
    }
    let tagged: Vec<String> = tagged.into_iter().map(|(id, slot)| format!("{id} is tagged with slot {slot}")).collect();
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
