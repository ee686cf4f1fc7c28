//! `snapshots list`.

use jiff::Timestamp;
use serde::Serialize;
use stateful_asg_core::cloud::{Snapshot, SnapshotState};
use stateful_asg_core::observed::Observed;
use stateful_asg_core::upkeep::{Purpose, purpose_of};

use super::{Row, list, or_dash};
use crate::Verdict;
use crate::account;
use crate::args::ListSnapshotsArgs;

#[derive(Debug, Serialize)]
struct Line {
    slot: Option<u32>,
    name: Option<String>,
    snapshot: String,
    volume: String,
    taken: Timestamp,
    state: &'static str,
    size_gib: u32,
    operation: Option<String>,
    kept_because: String,
}

impl Row<8> for Line {
    const HEADER: [&'static str; 8] =
        ["SLOT", "NAME", "SNAPSHOT", "TAKEN", "STATE", "GIB", "OPERATION", "KEPT BECAUSE"];

    fn cells(&self) -> [String; 8] {
        [
            or_dash(self.slot),
            or_dash(self.name.as_ref()),
            self.snapshot.clone(),
            format!("{:.0}", self.taken),
            self.state.to_owned(),
            self.size_gib.to_string(),
            or_dash(self.operation.as_ref()),
            self.kept_because.clone(),
        ]
    }
}

/// Shows the group's snapshots, by slot, volume and age.
///
/// # Errors
/// What keeps the group from being read.
pub(crate) fn show(args: &ListSnapshotsArgs) -> anyhow::Result<Verdict> {
    account::with(&args.list.place, async |account| {
        let observed = account.read().await?;
        let shown = observed.snapshots.iter().flat_map(|snapshots| snapshots.values());
        let mut shown: Vec<&Snapshot> = shown
            .filter(|snapshot| args.slot.is_none_or(|slot| snapshot.slot().is_some_and(|s| s.0 == slot)))
            .collect();
        shown.sort_by_key(|snapshot| (snapshot.slot(), snapshot.name(), snapshot.started, snapshot.id.clone()));
        let lines: Vec<Line> = shown.into_iter().map(|snapshot| line(&observed, snapshot)).collect();
        list(&lines, args.list.json, "There are no snapshots.")
    })
}

fn line(observed: &Observed, snapshot: &Snapshot) -> Line {
    Line {
        slot: snapshot.slot().map(|slot| slot.0),
        name: snapshot.name().map(|name| name.to_string()),
        snapshot: snapshot.id.to_string(),
        volume: snapshot.volume.to_string(),
        taken: snapshot.started,
        state: match snapshot.state {
            SnapshotState::Pending => "pending",
            SnapshotState::Completed => "completed",
            SnapshotState::Error => "error",
            SnapshotState::Other => "other",
        },
        size_gib: snapshot.size_gib,
        operation: snapshot.operation().map(str::to_owned),
        kept_because: kept_because(observed, snapshot),
    }
}

fn kept_because(observed: &Observed, snapshot: &Snapshot) -> String {
    let named = observed.slots().find(|slot| slot.upkeep.named_snapshots().any(|id| id == &snapshot.id));
    if let Some(slot) = named {
        return format!("the record of slot {} names it", slot.number);
    }
    let all = observed.snapshots.iter().flat_map(|snapshots| snapshots.values());
    let same = all.filter(|other| other.volume == snapshot.volume && other.is_completed());
    let newest = same.max_by_key(|other| (other.started, other.id.clone()));
    if newest.is_some_and(|newest| newest.id == snapshot.id) {
        return "the newest of its volume".to_owned();
    }
    match snapshot.operation().and_then(purpose_of) {
        Some(Purpose::Periodic) => "`snapshots.keep` asks for it, or its time has just passed".to_owned(),
        Some(Purpose::Final) => "the last one before a move or a retirement".to_owned(),
        None => "not taken by the functions".to_owned(),
    }
}
