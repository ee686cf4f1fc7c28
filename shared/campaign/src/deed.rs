//! What can happen to a group, and how likely each is.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

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
        (Self::ZoneDown, 4),
        (Self::DetachByHand, 2),
        (Self::Untag, 2),
        (Self::DeleteInterface, 2),
        (Self::Order, 8),
        (Self::SnapshotQuota, 2),
        (Self::ScaleInLong, 5),
        (Self::TimePasses, 5),
    ];

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
            _ => 0,
        }
    }

    /// A random one.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng) -> Self {
        let total: u32 = Self::ALL.iter().map(|(_, weight)| weight).sum();
        let mut left = rng.random_range(0..total);
        for (deed, weight) in Self::ALL {
            if left < weight {
                return deed;
            }
            left -= weight;
        }
        Self::Terminate
    }
}
