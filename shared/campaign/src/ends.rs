//! How a history may end without everything being served: under a reason that calls a person, and that is of what was done
//! in that very history.

use crate::coverage::Coverage;
use crate::deed::Deed;
use crate::rules::Rules;
use crate::script::Script;

/// Reasons that may keep an instance from being served for good, each with the deeds that lead to it. What is not here
/// excuses nothing: `Overdue` says that something takes long, and others are about what serves nobody.
const AFTER: [(&str, &[Deed]); 16] = [
    ("VolumeLost", &[Deed::LoseVolume]),
    ("VolumeFailed", &[Deed::KeyRefused]),
    ("VolumeStray", &[Deed::Untag, Deed::LoseTag, Deed::LoseTable]),
    ("VolumeForeign", &[Deed::LoseTag]),
    ("InterfaceForeign", &[Deed::LoseTag]),
    ("SnapshotGone", &[Deed::LoseSnapshot]),
    ("SnapshotFailed", &[Deed::FailSnapshot, Deed::SnapshotQuota, Deed::KeyRefused, Deed::ZoneDown]),
    (
        "SnapshotTooOld",
        &[Deed::ZoneDown, Deed::LoseVolume, Deed::LoseSnapshot, Deed::FailSnapshot, Deed::SnapshotQuota],
    ),
    ("TemplateUnusable", &[Deed::LoseTemplate, Deed::LoseVolume]),
    ("TableLost", &[Deed::LoseTable]),
    ("NeedsAdoption", &[Deed::LoseTable]),
    ("RecordForeign", &[Deed::ForeignRecord, Deed::RepointRecord, Deed::LoseTable]),
    ("CallFailed", &[Deed::KeyRefused, Deed::LoseSnapshot, Deed::DeleteInterface, Deed::SnapshotQuota, Deed::Forbid]),
    ("AttachStuck", &[Deed::StickAttach]),
    ("HolderDetached", &[Deed::Detach]),
    // Launched first, or beside one that is kept; or the slot that it would take is kept by what is lost.
    (
        "SurgeBlocked",
        &[
            Deed::Rebalance,
            Deed::Refresh,
            Deed::ReplaceGroup,
            Deed::Detach,
            Deed::Stop,
            Deed::Standby,
            Deed::LoseVolume,
            Deed::LoseTable,
        ],
    ),
];

/// Whether what happened in this history explains that it ends so.
#[must_use]
pub fn explained(reason: &str, script: &Script, coverage: &Coverage, rules: &Rules) -> bool {
    let did = |deed: &Deed| coverage.reached("deeds", &deed.name()) > 0;
    let by_deeds = AFTER.iter().any(|(name, deeds)| *name == reason && deeds.iter().any(did));
    let by_world = match reason {
        // Auto Scaling launches where it has room: the spread over zones becomes uneven by itself.
        "ZoneBlocked" => script.world.zones > 1,
        // Without a guest that lets go, what a holder took into the pool stays with it.
        "HolderWarm" => script.group.warm.is_some(),
        "NeedsAdoption" => script.adopts,
        "SnapshotGone" => rules.ordered_too_late(),
        _ => false,
    };
    by_deeds || by_world
}
