//! What must be read to see a wait end.

use crate::waiting::Reason;

/// What a reading includes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// The group's instances.
    pub instances: bool,
    /// The group's volumes.
    pub volumes: bool,
    /// The group's interfaces.
    pub interfaces: bool,
    /// The group's snapshots.
    pub snapshots: bool,
    /// The changes of the group's volumes by ModifyVolume.
    pub modifications: bool,
}

impl Reads {
    const NONE: Self =
        Self { instances: false, volumes: false, interfaces: false, snapshots: false, modifications: false };
    const INSTANCES: Self = Self { instances: true, ..Self::NONE };
    const VOLUMES: Self = Self { volumes: true, ..Self::NONE };
    const INTERFACES: Self = Self { interfaces: true, ..Self::NONE };
    const SNAPSHOTS: Self = Self { snapshots: true, ..Self::NONE };
    const MODIFICATIONS: Self = Self { volumes: true, modifications: true, ..Self::NONE };
    /// All that a reading always includes.
    pub const ALL: Self = Self { instances: true, volumes: true, interfaces: true, ..Self::NONE };

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            instances: self.instances || other.instances,
            volumes: self.volumes || other.volumes,
            interfaces: self.interfaces || other.interfaces,
            snapshots: self.snapshots || other.snapshots,
            modifications: self.modifications || other.modifications,
        }
    }
}

impl Reason {
    /// What must be read again to see the end of this wait, besides the Auto Scaling groups.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table of all reasons")]
    pub fn reads(&self) -> Reads {
        match self {
            Self::VolumeInTransit { .. }
            | Self::VolumeCreating { .. }
            | Self::SuccessorCreating { .. }
            | Self::VolumeHeldBy { .. } => Reads::VOLUMES,
            Self::SnapshotPending { .. } | Self::SnapshotFailed { .. } => Reads::SNAPSHOTS,
            Self::VolumeGrowing { .. } => Reads::MODIFICATIONS,
            Self::InterfaceCreating | Self::InterfaceInTransit(_) | Self::InterfaceHeldBy { .. } => Reads::INTERFACES,
            Self::NotYetFree { .. } => Reads::VOLUMES.and(Reads::INTERFACES),
            Self::Booting
            | Self::Untagged { .. }
            | Self::HolderLeaving { .. }
            | Self::GuestNotReady
            | Self::Draining => Reads::INSTANCES,
            Self::NoSpec(_)
            | Self::SpecRefused(_)
            | Self::HookMissing { .. }
            | Self::TableLost(_)
            | Self::Replacing(_)
            | Self::Vacant(_)
            | Self::SurgeBlocked
            | Self::ZoneBlocked { .. }
            | Self::AttachLimit(_)
            | Self::VolumeFailed { .. }
            | Self::VolumeUnseen { .. }
            | Self::VolumeLost { .. }
            | Self::VolumeStray { .. }
            | Self::VolumeForeign { .. }
            | Self::SnapshotGone { .. }
            | Self::VolumeMultiAttach { .. }
            | Self::TemplateUnusable { .. }
            | Self::AttachStuck { .. }
            | Self::NoSubnet(_)
            | Self::InterfaceUnseen(_)
            | Self::InterfaceForeign(_)
            | Self::TakingTurns { .. }
            | Self::RecordChanging(_)
            | Self::RecordForeign { .. }
            | Self::RecordFull { .. }
            | Self::Answered
            | Self::HolderStopped(_)
            | Self::HolderStandby(_)
            | Self::HolderDetached(_)
            | Self::HolderRetained(_)
            | Self::HolderReplacingRoot(_)
            | Self::HolderWarm(_)
            | Self::HolderUnclear(_)
            | Self::NeedsAdoption
            | Self::CallFailed { .. }
            | Self::Withheld { .. }
            | Self::AbandonAt(_)
            | Self::MoveBlocked { .. }
            | Self::Overdue
            | Self::ChangeHeld { .. }
            | Self::Changing { .. }
            | Self::Ordered { .. }
            | Self::SnapshotTooOld { .. }
            | Self::SnapshotsLate { .. }
            | Self::GrowthFailed { .. }
            | Self::GrowthLimit { .. }
            | Self::DeletesOff { .. }
            | Self::Unproven { .. } => Reads::ALL,
        }
    }
}
