//! Rule 9's last part: once all is served, nothing changes any more. What goes on by itself all the same does not count.

use jiff::Timestamp;
use stateful_asg_core::ids::Generation;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Upkeep;
use stateful_asg_sim::model::{Aws, Effect, EffectKind};
use stateful_asg_sim::typed::{MemoryTable, Written};

use super::Rules;

impl Rules {
    /// The last change that a function of ours made to AWS or to slots, and what it was.
    #[must_use]
    pub fn last_change(&self) -> Option<&(Timestamp, String)> {
        self.last_change.as_ref()
    }

    pub(super) fn changed(&mut self, at: Timestamp, what: impl FnOnce() -> String) {
        self.last_change = Some((at, what()));
    }

    /// Notes what a function of ours did to AWS.
    pub(super) fn note_effect(&mut self, effect: &Effect, aws: &Aws, table: &MemoryTable) {
        if !is_upkeep(&effect.what) && !is_of_idle_slot(&effect.what, aws, table) {
            self.changed(effect.at, || format!("{}: {:?}", effect.actor, effect.what));
        }
    }

    /// Notes what was written of a slot.
    pub(super) fn note_write(&mut self, written: &Written, after: &Slot) {
        let kept_up = written.slot_before.as_deref().is_some_and(|before| plain(before) == plain(after));
        if after.state == SlotState::Active && !kept_up {
            self.changed(written.at, || format!("{} wrote slot {}", written.actor, after.number));
        }
    }
}

/// The slot without what goes on by itself: snapshots, growth, what is left behind.
fn plain(slot: &Slot) -> Slot {
    let mut slot = slot.clone();
    slot.generation = Generation(0);
    slot.upkeep = Upkeep::default();
    slot.volumes.values_mut().for_each(|record| record.growth = Default::default());
    slot
}

/// What goes on by itself long after all is served, and what is no change at all.
#[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
fn is_upkeep(what: &EffectKind) -> bool {
    let size = tags::size_key(&"x".parse().expect("a good name")).replace('x', "");
    match what {
        EffectKind::EventPut { .. }
        | EffectKind::HookHeartbeat { .. }
        | EffectKind::SnapshotCreated { .. }
        | EffectKind::SnapshotReady { .. }
        | EffectKind::SnapshotGone { .. }
        | EffectKind::VolumeModifying { .. }
        | EffectKind::VolumeDeleting { .. }
        | EffectKind::VolumeGone { .. }
        | EffectKind::InterfaceGone { .. } => true,
        EffectKind::Tagged { resource, new, .. } => {
            resource.starts_with("snap-")
                || new.contains_key(tags::SUPERSEDED)
                || new.keys().all(|key| key.starts_with(&size))
        }
        _ => false,
    }
}

/// A change of a slot that the group does not need goes on at leisure while all others are served.
#[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few are of a change")]
fn is_of_idle_slot(what: &EffectKind, aws: &Aws, table: &MemoryTable) -> bool {
    let (EffectKind::VolumeCreated { volume, .. } | EffectKind::Tagged { resource: volume, .. }) = what else {
        return false;
    };
    let Some(volume) = aws.volume(volume) else { return false };
    let tag = |key| volume.tags.get(key);
    // What is made to take a volume's place is the slot's only when it has taken it.
    let Some((group, slot)) = tag(tags::GROUP).zip(tag(tags::SLOT).or_else(|| tag(tags::FOR_SLOT))) else {
        return false;
    };
    table
        .all_slots()
        .any(|(of, item)| of.as_str() == group && item.number.to_string() == *slot && item.state != SlotState::Active)
}
