//! What a step is about, for logs.

use super::Step;
use crate::ids::{InstanceId, SlotNumber, VolumeId};

impl Step {
    /// The slot that it is about, where it is about one.
    #[must_use]
    pub fn slot(&self) -> Option<SlotNumber> {
        match self {
            Self::Write { write, .. } => write.slot.as_ref().map(|(_, slot)| slot.number),
            Self::CreateVolume { slot, .. }
            | Self::AttachVolume { slot, .. }
            | Self::DetachVolume { slot, .. }
            | Self::CreateInterface { slot, .. }
            | Self::AttachInterface { slot, .. }
            | Self::DetachInterface { slot, .. }
            | Self::CreateSnapshot { slot, .. }
            | Self::CreateSnapshots { slot, .. }
            | Self::ModifyVolume { slot, .. }
            | Self::DeleteVolume { slot, .. }
            | Self::DeleteInterface { slot, .. } => Some(*slot),
            Self::KeepVolume { .. }
            | Self::KeepInterface { .. }
            | Self::DeleteSnapshot { .. }
            | Self::Tag { .. }
            | Self::ChangeRecord(_)
            | Self::Heartbeat(_)
            | Self::Complete { .. } => None,
        }
    }

    /// The instance that it is about, where it is about one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match self {
            Self::Write { write, .. } => match (&write.slot, &write.action) {
                (Some((_, slot)), _) => slot.holder.as_ref().map(|holder| &holder.instance),
                (None, Some(action)) => Some(&action.instance),
                (None, None) => None,
            },
            Self::AttachVolume { instance, .. }
            | Self::KeepVolume { instance, .. }
            | Self::DetachVolume { instance, .. }
            | Self::AttachInterface { instance, .. }
            | Self::DetachInterface { instance, .. }
            | Self::CreateSnapshots { instance, .. } => Some(instance),
            Self::Heartbeat(action) | Self::Complete { action, .. } => Some(&action.instance),
            Self::CreateVolume { .. }
            | Self::CreateInterface { .. }
            | Self::KeepInterface { .. }
            | Self::CreateSnapshot { .. }
            | Self::DeleteSnapshot { .. }
            | Self::ModifyVolume { .. }
            | Self::DeleteVolume { .. }
            | Self::DeleteInterface { .. }
            | Self::Tag { .. }
            | Self::ChangeRecord(_) => None,
        }
    }

    /// The volume that it is about, where it is about one.
    #[must_use]
    pub fn volume(&self) -> Option<&VolumeId> {
        match self {
            Self::AttachVolume { volume, .. }
            | Self::KeepVolume { volume, .. }
            | Self::DetachVolume { volume, .. }
            | Self::CreateSnapshot { volume, .. }
            | Self::ModifyVolume { volume, .. }
            | Self::DeleteVolume { volume, .. } => Some(volume),
            Self::Write { .. }
            | Self::CreateVolume { .. }
            | Self::CreateInterface { .. }
            | Self::AttachInterface { .. }
            | Self::KeepInterface { .. }
            | Self::DetachInterface { .. }
            | Self::CreateSnapshots { .. }
            | Self::DeleteSnapshot { .. }
            | Self::DeleteInterface { .. }
            | Self::Tag { .. }
            | Self::ChangeRecord(_)
            | Self::Heartbeat(_)
            | Self::Complete { .. } => None,
        }
    }
}
