//! What is due when.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Something that AWS will do by itself. Each checks, when it is due, that it still applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    InstanceRunning(String),
    InstanceStopped(String),
    InstanceTerminated(String),
    InstanceFreed(String),
    InstanceForgotten(String),
    SpotReclaimed(String),
    VolumeCreated(String),
    VolumeDeleted { volume: String, actor: String },
    VolumeModified(String),
    SnapshotDone(String),
    VolumeAttached { volume: String, instance: String },
    VolumeDetached { volume: String, instance: String },
    InterfaceAttached { interface: String, attachment: String },
    InterfaceDetached { interface: String, attachment: String },
    ChangeInSync(String),
    GuestMounts(String),
    GuestReleases(String),
    Reconcile(String),
    HealthNoticed(String),
    MemberStep(String),
    HookTimeout(String),
}

/// Everything that is due, earliest first; what is due at one moment happens in the order in which
/// it was put down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agenda {
    due: BTreeMap<(Timestamp, u64), Due>,
    next_number: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: Timestamp, due: Due) {
        self.due.insert((at, self.next_number), due);
        self.next_number += 1;
    }

    /// What is due, in order: how much was ever put down does not count.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&Timestamp, &Due)> {
        self.due.iter().map(|((at, _), due)| (at, due))
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next thing that is due at `until` or before.
    pub(crate) fn pop(&mut self, until: Timestamp) -> Option<(Timestamp, Due)> {
        let entry = self.due.first_entry()?;
        if entry.key().0 > until {
            return None;
        }
        let ((at, _), due) = entry.remove_entry();
        Some((at, due))
    }
}
