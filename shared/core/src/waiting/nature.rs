//! What each reason is: its name, how often to look while it lasts, and whether it calls a person.

use std::time::Duration;

use super::Reason;

impl Reason {
    /// A stable name for logs, metrics and documents.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table of all reasons")]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoSpec(_) => "NoSpec",
            Self::SpecRefused(_) => "SpecRefused",
            Self::HookMissing { .. } => "HookMissing",
            Self::TableLost(_) => "TableLost",
            Self::Replacing(_) => "Replacing",
            Self::Booting => "Booting",
            Self::Untagged { .. } => "Untagged",
            Self::Vacant(_) => "Vacant",
            Self::HolderLeaving { .. } => "HolderLeaving",
            Self::NotYetFree { .. } => "NotYetFree",
            Self::SurgeBlocked => "SurgeBlocked",
            Self::ZoneBlocked { .. } => "ZoneBlocked",
            Self::MoveBlocked { .. } => "MoveBlocked",
            Self::AttachLimit(_) => "AttachLimit",
            Self::VolumeCreating { .. } => "VolumeCreating",
            Self::VolumeFailed { .. } => "VolumeFailed",
            Self::VolumeUnseen { .. } => "VolumeUnseen",
            Self::VolumeLost { .. } => "VolumeLost",
            Self::VolumeStray { .. } => "VolumeStray",
            Self::VolumeForeign { .. } => "VolumeForeign",
            Self::SnapshotGone { .. } => "SnapshotGone",
            Self::VolumeMultiAttach { .. } => "VolumeMultiAttach",
            Self::TemplateUnusable { .. } => "TemplateUnusable",
            Self::VolumeHeldBy { .. } => "VolumeHeldBy",
            Self::VolumeInTransit { .. } => "VolumeInTransit",
            Self::AttachStuck { .. } => "AttachStuck",
            Self::InterfaceCreating => "InterfaceCreating",
            Self::NoSubnet(_) => "NoSubnet",
            Self::InterfaceUnseen(_) => "InterfaceUnseen",
            Self::InterfaceForeign(_) => "InterfaceForeign",
            Self::InterfaceHeldBy { .. } => "InterfaceHeldBy",
            Self::InterfaceInTransit(_) => "InterfaceInTransit",
            Self::GuestNotReady => "GuestNotReady",
            Self::Draining => "Draining",
            Self::Overdue => "Overdue",
            Self::TakingTurns { .. } => "TakingTurns",
            Self::RecordChanging(_) => "RecordChanging",
            Self::RecordForeign { .. } => "RecordForeign",
            Self::RecordFull { .. } => "RecordFull",
            Self::Answered => "Answered",
            Self::HolderStopped(_) => "HolderStopped",
            Self::HolderStandby(_) => "HolderStandby",
            Self::HolderDetached(_) => "HolderDetached",
            Self::HolderRetained(_) => "HolderRetained",
            Self::HolderReplacingRoot(_) => "HolderReplacingRoot",
            Self::HolderWarm(_) => "HolderWarm",
            Self::HolderUnclear(_) => "HolderUnclear",
            Self::NeedsAdoption => "NeedsAdoption",
            Self::CallFailed { .. } => "CallFailed",
            Self::Withheld { .. } => "Withheld",
            Self::AbandonAt(_) => "AbandonAt",
            Self::ChangeHeld { .. } => "ChangeHeld",
            Self::Changing { .. } => "Changing",
            Self::Ordered { .. } => "Ordered",
            Self::SnapshotPending { .. } => "SnapshotPending",
            Self::SnapshotFailed { .. } => "SnapshotFailed",
            Self::SnapshotTooOld { .. } => "SnapshotTooOld",
            Self::SnapshotsLate { .. } => "SnapshotsLate",
            Self::SuccessorCreating { .. } => "SuccessorCreating",
            Self::VolumeGrowing { .. } => "VolumeGrowing",
            Self::GrowthFailed { .. } => "GrowthFailed",
            Self::GrowthLimit { .. } => "GrowthLimit",
            Self::DeletesOff { .. } => "DeletesOff",
            Self::Unproven { .. } => "Unproven",
        }
    }

    /// How often to look while this lasts. `None`: an event, the sweep or a person ends it.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table of all reasons")]
    pub fn pace(&self) -> Option<Duration> {
        let seconds = match self {
            Self::VolumeInTransit { .. }
            | Self::InterfaceInTransit(_)
            | Self::RecordChanging(_)
            | Self::InterfaceCreating
            | Self::VolumeCreating { .. }
            | Self::SuccessorCreating { .. } => 1,
            Self::Booting
            | Self::NotYetFree { .. }
            | Self::GuestNotReady
            | Self::Draining
            | Self::SnapshotPending { .. } => 2,
            Self::HolderLeaving { .. } | Self::VolumeHeldBy { .. } | Self::InterfaceHeldBy { .. } => 3,
            // What no retry cures, and what nobody waits for, is tried again when a later settle looks.
            Self::CallFailed { kind, urgent, .. } if !urgent || !kind.is_retryable() => return None,
            Self::TakingTurns { .. } | Self::CallFailed { .. } | Self::AttachStuck { .. } => 5,
            Self::VolumeGrowing { .. } => 15,
            Self::NoSpec(_)
            | Self::SpecRefused(_)
            | Self::HookMissing { .. }
            | Self::TableLost(_)
            | Self::Replacing(_)
            | Self::Untagged { .. }
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
            | Self::NoSubnet(_)
            | Self::InterfaceUnseen(_)
            | Self::InterfaceForeign(_)
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
            | Self::Withheld { .. }
            | Self::AbandonAt(_)
            | Self::MoveBlocked { .. }
            | Self::Overdue
            | Self::ChangeHeld { .. }
            | Self::Changing { .. }
            | Self::Ordered { .. }
            | Self::SnapshotFailed { .. }
            | Self::SnapshotTooOld { .. }
            | Self::SnapshotsLate { .. }
            | Self::GrowthFailed { .. }
            | Self::GrowthLimit { .. }
            | Self::DeletesOff { .. }
            | Self::Unproven { .. } => return None,
        };
        Some(Duration::from_secs(seconds))
    }

    /// A person should know: the wait will not end by itself, or needs an eye.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table of all reasons")]
    pub fn alarms(&self) -> bool {
        match self {
            Self::NoSpec(_)
            | Self::SpecRefused(_)
            | Self::HookMissing { .. }
            | Self::TableLost(_)
            | Self::Untagged { .. }
            | Self::SurgeBlocked
            | Self::ZoneBlocked { .. }
            | Self::AttachLimit(_)
            | Self::VolumeFailed { .. }
            | Self::VolumeLost { .. }
            | Self::VolumeStray { .. }
            | Self::VolumeForeign { .. }
            | Self::InterfaceForeign(_)
            | Self::SnapshotGone { .. }
            | Self::VolumeMultiAttach { .. }
            | Self::TemplateUnusable { .. }
            | Self::AttachStuck { .. }
            | Self::NoSubnet(_)
            | Self::RecordForeign { .. }
            | Self::RecordFull { .. }
            | Self::HolderDetached(_)
            | Self::HolderRetained(_)
            | Self::HolderWarm(_)
            | Self::SnapshotFailed { .. }
            | Self::SnapshotTooOld { .. }
            | Self::SnapshotsLate { .. }
            | Self::GrowthFailed { .. }
            | Self::Unproven { .. }
            | Self::Overdue
            | Self::NeedsAdoption => true,
            Self::CallFailed { kind, .. } => !kind.is_retryable(),
            Self::Replacing(_)
            | Self::Booting
            | Self::Vacant(_)
            | Self::HolderLeaving { .. }
            | Self::NotYetFree { .. }
            | Self::VolumeCreating { .. }
            | Self::VolumeUnseen { .. }
            | Self::VolumeHeldBy { .. }
            | Self::VolumeInTransit { .. }
            | Self::InterfaceCreating
            | Self::InterfaceUnseen(_)
            | Self::InterfaceHeldBy { .. }
            | Self::InterfaceInTransit(_)
            | Self::GuestNotReady
            | Self::Draining
            | Self::TakingTurns { .. }
            | Self::RecordChanging(_)
            | Self::Answered
            | Self::HolderStopped(_)
            | Self::HolderStandby(_)
            | Self::HolderReplacingRoot(_)
            | Self::HolderUnclear(_)
            | Self::Withheld { .. }
            | Self::AbandonAt(_)
            | Self::MoveBlocked { .. }
            | Self::ChangeHeld { .. }
            | Self::Changing { .. }
            | Self::Ordered { .. }
            | Self::SnapshotPending { .. }
            | Self::SuccessorCreating { .. }
            | Self::VolumeGrowing { .. }
            | Self::GrowthLimit { .. }
            | Self::DeletesOff { .. } => false,
        }
    }
}
