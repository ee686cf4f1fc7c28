//! The periodic snapshots: the group's, what a volume says of its own, and whether they serve what relies on them.

use std::time::Duration;

use super::fields::SHORTEST_INTERVAL;
use super::path::Path;
use super::problem::Sink;
use super::reader::{FlagOr, Read, Reader};
use super::types::{DataLost, Keep, Snapshots, Spec, VolumeSnapshots, ZoneMove};
use super::units::time_shown;
use crate::ids::VolumeName;

/// Stands in for an interval that could not be read, so that no second problem follows from the first.
const STAND_IN: Duration = Duration::from_secs(SHORTEST_INTERVAL);

/// What a volume says of its snapshots, before it is known what the group's are.
#[derive(Clone)]
pub(super) enum Said {
    /// The group's.
    Group,
    /// None.
    Off,
    /// Its own, and the group's where it is silent.
    Own { path: Path, every: Read<Duration>, keep: Read<Keep> },
}

/// The group's snapshots.
pub(super) fn of_group(root: &Reader<'_>, sink: &Sink) -> Option<Snapshots> {
    root.object_if_any("snapshots").map(|section| Snapshots {
        every: section.time("every").unwrap_or(STAND_IN),
        keep: keep(&section, sink).unwrap_or_default(),
    })
}

/// What a volume says of its snapshots.
pub(super) fn of_volume(volume: &Reader<'_>, sink: &Sink) -> Read<Said> {
    volume.flag_or("snapshots").map(|said| match said {
        FlagOr::Flag(true) => Said::Group,
        FlagOr::Flag(false) => Said::Off,
        FlagOr::Object(own) => Said::Own { every: own.time("every"), keep: keep(&own, sink), path: own.path().clone() },
    })
}

/// What it comes to beside the group's.
pub(super) fn beside(said: &Read<Said>, group: Option<&Snapshots>, sink: &Sink) -> VolumeSnapshots {
    let (every, keep) = match said {
        Read::Absent | Read::Given(Said::Group) => return VolumeSnapshots::Inherit,
        Read::Given(Said::Off) => return VolumeSnapshots::Off,
        Read::Bad => (Read::Bad, Read::Bad),
        Read::Given(Said::Own { path, every, keep }) => {
            if every.is_absent() && group.is_none() {
                sink.problem(&path.field("every"), "is required, such as \"6h\", where the group has no `snapshots`");
            }
            (*every, keep.clone())
        }
    };
    VolumeSnapshots::Own(Snapshots {
        every: every.given().or(group.map(|group| group.every)).unwrap_or(STAND_IN),
        keep: keep.given().or(group.map(|group| group.keep.clone())).unwrap_or_default(),
    })
}

fn keep(section: &Reader<'_>, sink: &Sink) -> Read<Keep> {
    let Some(keep) = section.object_if_any("keep") else { return Read::Absent };
    let counts = ["last", "hourly", "daily", "weekly", "monthly"].map(|name| keep.count(name));
    if counts.iter().all(|count| matches!(count, Read::Absent | Read::Given(0))) {
        sink.problem(keep.path(), "keeps nothing; give at least one of last, hourly, daily, weekly and monthly");
    }
    let [last, hourly, daily, weekly, monthly] = counts.map(|count| count.unwrap_or(0));
    Read::Given(Keep { last, hourly, daily, weekly, monthly })
}

/// Whether the volumes have the snapshots that the spec's bounds rely on.
pub(super) fn check_bounds(spec: &Spec, sink: &Sink) {
    let root = Path::root();
    if let ZoneMove::StaleUpTo(bound) = spec.zones.r#move {
        check_bound(spec, bound, &root.field("zones").field("move").field("stale_up_to"), "move", sink);
    }
    if let DataLost::SnapshotUpTo(bound) = spec.data_lost {
        check_bound(spec, bound, &root.field("data_lost").field("snapshot_up_to"), "restore", sink);
    }
}

fn check_bound(spec: &Spec, bound: Duration, path: &Path, what: &str, sink: &Sink) {
    let intervals = || spec.volumes.keys().map(|name| (name, spec.snapshots_of(name).map(|snapshots| snapshots.every)));
    let without: Vec<&VolumeName> = intervals().filter(|(_, every)| every.is_none()).map(|(name, _)| name).collect();
    if !without.is_empty() {
        sink.problem(
            path,
            format!(
                "there would be no snapshot to {what} from: set `snapshots`, for the group or for {}",
                listed(&without)
            ),
        );
    }
    let longest = intervals().filter_map(|(_, every)| every).filter(|every| *every > bound).max();
    if let Some(longest) = longest {
        let late: Vec<&VolumeName> =
            intervals().filter(|(_, every)| every.is_some_and(|every| every > bound)).map(|(name, _)| name).collect();
        sink.notice(
            path,
            format!(
                "{} may have no snapshot as new as {}: they are up to {} apart; take them more often, or allow older ones",
                listed(&late),
                time_shown(bound.as_secs()),
                time_shown(longest.as_secs())
            ),
        );
    }
}

fn listed(names: &[&VolumeName]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
