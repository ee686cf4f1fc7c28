//! Says which snapshots failed, and which are overdue.

use std::time::Duration;

use super::series::Tended;
use super::{Ours, RUN_EVERY};
use crate::cloud::{Snapshot, SnapshotState};
use crate::plan::draft::Draft;
use crate::plan::view::{View, later};
use crate::snapshots::FAILED_STAYS;
use crate::waiting::{Reason, Subject};

/// What a snapshot may take beyond two intervals before a person is called.
const GRACE: Duration = RUN_EVERY.saturating_mul(3);

/// Names the failed and the overdue.
pub(super) fn say(view: &View<'_>, ours: &Ours<'_>, tended: &[Tended<'_>], draft: &mut Draft<'_>) {
    for slot in view.obs.slots() {
        let lately = |snapshot: &Snapshot| view.now.duration_since(snapshot.started) < FAILED_STAYS;
        for snapshot in ours.of_slot(slot).filter(|s| s.state == SnapshotState::Error && lately(s)) {
            let message = snapshot.message.clone().unwrap_or_else(|| "EC2 does not say why".to_owned());
            let reason = Reason::SnapshotFailed { volume: snapshot.volume.clone(), message };
            draft.wait(Subject::Slot(slot.number), reason, Some(snapshot.started));
        }
    }
    for one in tended.iter().filter(|one| !one.is_saved(ours)) {
        overdue(view, ours, one, draft);
    }
}

/// Data that was not written to is not overdue: time counts from when the slot last changed hands.
fn overdue(view: &View<'_>, ours: &Ours<'_>, one: &Tended<'_>, draft: &mut Draft<'_>) {
    for (name, volume) in &one.volumes {
        let Some(own) = view.spec.snapshots_of(name) else { continue };
        let completed = ours.of_slot(one.slot).filter(|s| s.is_completed() && s.volume == **volume);
        let newest = completed.map(|snapshot| snapshot.started).max();
        let Some(since) = newest.max(one.used_since()) else { continue };
        if later(since, own.every.saturating_mul(2).saturating_add(GRACE)) < view.now {
            let reason = Reason::SnapshotsLate { volume: (*volume).clone(), newest };
            draft.wait(Subject::Slot(one.slot.number), reason, Some(since));
        }
    }
}
