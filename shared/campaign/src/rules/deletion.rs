//! Rule 6: what is deleted is proven to be elsewhere; and rule 13: nothing is, where the deployment allows no deletes.

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::table::Slot;
use stateful_asg_sim::model::types::SnapshotState;
use stateful_asg_sim::model::{Aws, Written as Marks};
use stateful_asg_sim::typed::MemoryTable;

use super::{Rules, SETTLED};

/// At least so often a function looks at what was left behind.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_mins(10);

impl Rules {
    /// Rule 6: the data of a volume that is deleted is elsewhere.
    pub(super) fn judge_volume_deletion(&mut self, at: Timestamp, volume: &str, aws: &Aws, table: &MemoryTable) {
        if !self.limits.deletes {
            self.accuse(13, at, format!("{volume} was deleted, but the deployment allows no deletes"));
        }
        let present = |slot: &Slot| {
            slot.volumes.values().filter_map(|record| record.id.as_ref()).map(ToString::to_string).collect::<Vec<_>>()
        };
        let on_record: Vec<String> = table.all_slots().flat_map(|(_, slot)| present(slot)).collect();
        if on_record.iter().any(|id| id == volume) {
            self.accuse(6, at, format!("{volume} was deleted, and a slot has it on record"));
        }
        let data = aws.data(volume);
        let completed = aws.snapshots().filter(|snapshot| snapshot.state == SnapshotState::Completed);
        let saved = completed
            .filter_map(|snapshot| aws.snapshot_data(&snapshot.snapshot_id))
            .any(|saved| self.may_lack(volume, &saved.lacks(&data)));
        let others = on_record.iter().filter(|id| *id != volume);
        if !saved && !others.map(|id| aws.data(id)).any(|other| other.lacks(&data).is_empty()) {
            self.accuse(6, at, format!("{volume} was deleted, and nothing else holds its data"));
        }
    }

    /// A copy without this holds all that anybody could know of: nothing is missing, or only what was written while a person
    /// had attached the volume by hand, for a moment in which no function saw it in use (the limit in docs/safety.md).
    fn may_lack(&self, volume: &str, lacks: &[Marks]) -> bool {
        let Some(lent) = self.ledger.lent.get(volume).filter(|_| !lacks.is_empty()) else { return lacks.is_empty() };
        let seen = self.ledger.shown_in_use.get(volume).is_some_and(|shown| shown >= lent);
        let meanwhile = |marks: &Marks| {
            marks.from >= *lent && marks.moments().all(|moment| moment.duration_since(*lent) < BETWEEN_LOOKS)
        };
        !seen && lacks.iter().all(meanwhile)
    }

    /// Rule 6: neither the newest completed snapshot of a volume nor one that a record names is deleted.
    pub(super) fn judge_snapshot_deletion(
        &mut self,
        at: Timestamp,
        (snapshot, volume): (&str, &str),
        aws: &Aws,
        table: &MemoryTable,
    ) {
        if !self.limits.deletes {
            self.accuse(13, at, format!("{snapshot} was deleted, but the deployment allows no deletes"));
        }
        let named =
            table.all_slots().any(|(_, slot)| slot.upkeep.named_snapshots().any(|named| named.as_str() == snapshot));
        // EC2's DeleteSnapshot knows no condition: what is ordered between the reading and the call is deleted all the same.
        let ordered = self.ledger.ordered.iter().find(|(id, _)| id.as_str() == snapshot).map(|(_, when)| *when);
        let just_ordered = ordered.is_some_and(|when| at.duration_since(when) < self.slack + SETTLED);
        self.ledger.ordered_too_late |= named && ordered.is_some();
        if named && !self.late_calls && !just_ordered {
            self.accuse(6, at, format!("{snapshot} was deleted, and a slot's record names it"));
        }
        let began = self.ledger.began.get(snapshot).copied();
        let newer = aws.snapshots().any(|other| {
            other.volume_id == volume
                && other.state == SnapshotState::Completed
                && began.is_some_and(|began| other.start_time > began)
        });
        let holds_nothing = self.ledger.failed.contains(snapshot);
        let robbed = self.ledger.robbed.contains_key(volume);
        if !newer && !robbed && !holds_nothing {
            self.accuse(6, at, format!("{snapshot} was deleted, the newest of {volume}"));
        }
    }
}
