//! What can happen to a group, and how likely each is.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::classes::Class;

/// One thing that happens to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Deed {
    Terminate,
    TerminateTwo,
    TerminateLaunching,
    TerminateInGroup,
    ScaleInOne,
    Unhealthy,
    Stop,
    Start,
    Resize,
    Standby,
    ExitStandby,
    Detach,
    Rebalance,
    Refresh,
    Spot,
    ReplaceGroup,
    EditSpec,
    EditSpecBadly,
    ForeignRecord,
    RepointRecord,
    PoolVolume,
    NoCapacity,
    NeverBoots,
    StickAttach,
    OtherHook,
    Forbid,
    Grow,
    Shrink,
    MoveRule,
    LoseVolume,
    LoseSnapshot,
    FailSnapshot,
    FailModification,
    KeyRefused,
    ZoneDown,
    DetachByHand,
    Untag,
    DeleteInterface,
    Order,
    SnapshotQuota,
    ScaleInLong,
    TimePasses,
    TerminateAnywhere,
    AttachElsewhere,
    LoseTag,
    LoseTable,
    Cancel,
    RemoveVolumes,
    LoseTemplate,
}

impl Deed {
    /// Every deed, with how likely it is.
    pub const ALL: [(Self, u32); 42] = [
        (Self::Terminate, 24),
        (Self::TerminateTwo, 8),
        (Self::TerminateLaunching, 8),
        (Self::TerminateInGroup, 10),
        (Self::ScaleInOne, 5),
        (Self::Unhealthy, 6),
        (Self::Stop, 4),
        (Self::Start, 3),
        (Self::Resize, 10),
        (Self::Standby, 3),
        (Self::ExitStandby, 4),
        (Self::Detach, 2),
        (Self::Rebalance, 4),
        (Self::Refresh, 2),
        (Self::Spot, 4),
        (Self::ReplaceGroup, 2),
        (Self::EditSpec, 4),
        (Self::EditSpecBadly, 3),
        (Self::ForeignRecord, 2),
        (Self::RepointRecord, 2),
        (Self::PoolVolume, 3),
        (Self::NoCapacity, 2),
        (Self::NeverBoots, 2),
        (Self::StickAttach, 2),
        (Self::OtherHook, 3),
        (Self::Forbid, 3),
        (Self::Grow, 8),
        (Self::Shrink, 2),
        (Self::MoveRule, 4),
        (Self::LoseVolume, 3),
        (Self::LoseSnapshot, 3),
        (Self::FailSnapshot, 4),
        (Self::FailModification, 2),
        (Self::KeyRefused, 2),
        (Self::ZoneDown, 3),
        (Self::DetachByHand, 2),
        (Self::Untag, 2),
        (Self::DeleteInterface, 2),
        (Self::Order, 8),
        (Self::SnapshotQuota, 2),
        (Self::ScaleInLong, 3),
        (Self::TimePasses, 2),
    ];

    /// What happens beside, in a part of the histories, each with how likely it is.
    pub const MORE: [(Self, u32); 7] = [
        (Self::TerminateAnywhere, 12),
        (Self::AttachElsewhere, 8),
        (Self::LoseTag, 5),
        (Self::LoseTable, 3),
        (Self::Cancel, 8),
        (Self::RemoveVolumes, 6),
        (Self::LoseTemplate, 2),
    ];

    /// The class of faults that it belongs to; some are no fault at all.
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        Some(match self {
            Self::Terminate
            | Self::TerminateTwo
            | Self::TerminateLaunching
            | Self::TerminateInGroup
            | Self::TerminateAnywhere
            | Self::Unhealthy
            | Self::Spot => Class::InstanceDeath,
            Self::Rebalance | Self::Refresh | Self::ReplaceGroup => Class::LaunchFirst,
            Self::EditSpec | Self::Grow | Self::MoveRule => Class::SpecChange,
            Self::EditSpecBadly | Self::Shrink => Class::SpecInvalid,
            Self::ForeignRecord
            | Self::RepointRecord
            | Self::DetachByHand
            | Self::Untag
            | Self::DeleteInterface
            | Self::AttachElsewhere
            | Self::LoseTag => Class::ForeignHand,
            Self::NoCapacity | Self::NeverBoots => Class::NoCapacity,
            Self::StickAttach => Class::AttachHangs,
            Self::OtherHook => Class::HookTimeout,
            Self::Forbid => Class::Denied,
            Self::LoseVolume
            | Self::LoseSnapshot
            | Self::FailSnapshot
            | Self::FailModification
            | Self::KeyRefused
            | Self::SnapshotQuota
            | Self::LoseTemplate => Class::DiskLoss,
            Self::ZoneDown => Class::ZoneOutage,
            Self::LoseTable => Class::TableLoss,
            Self::Order | Self::Cancel | Self::RemoveVolumes => Class::Person,
            Self::ScaleInOne
            | Self::Stop
            | Self::Start
            | Self::Resize
            | Self::Standby
            | Self::ExitStandby
            | Self::Detach
            | Self::PoolVolume
            | Self::ScaleInLong
            | Self::TimePasses => return None,
        })
    }

    /// Its name, for coverage.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// How long nobody does anything after it, in hours.
    #[must_use]
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all deeds these few take long")]
    pub fn hours_after(self) -> u64 {
        match self {
            Self::ScaleInLong | Self::TimePasses => 2,
            // As long as a zone may be down: it is up again before peace.
            Self::ZoneDown => 1,
            _ => 0,
        }
    }

    /// A random one of those that every history may have.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        Self::draw_of(&Self::ALL, rng)
    }

    /// A random one of these.
    #[must_use]
    pub fn draw_of(all: &[(Self, u32)], rng: &mut ChaCha8Rng) -> Self {
        let total: u32 = all.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.random_range(0..total);
        for (deed, weight) in all {
            if left < *weight {
                return *deed;
            }
            left -= *weight;
        }
        Self::Terminate
    }
}
