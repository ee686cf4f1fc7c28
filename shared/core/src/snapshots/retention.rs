//! Which snapshots have had their time.
//!
//! The newest few are kept, and the newest of each of the latest hours, days, weeks and months in UTC (grandfather,
//! father, son). Only hours, days, weeks and months *in which a snapshot was completed* are counted. Time by itself
//! therefore never makes a snapshot expire, only newer snapshots do: a group whose snapshots stopped keeps what it has.
//! It also makes the decision stable: what it keeps, it keeps again when asked about the rest.

use std::collections::BTreeSet;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::cloud::SnapshotState;
use crate::ids::{SnapshotId, VolumeId};
use crate::spec::Keep;

/// How long after it was begun a snapshot that failed stays to be looked at. It holds nothing, and counts against the
/// limit of concurrent snapshots of its volume (`ConcurrentSnapshotLimitExceeded`).
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
pub const FAILED_STAYS: SignedDuration = SignedDuration::from_hours(1);

/// A snapshot, as retention looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its ID.
    pub id: SnapshotId,
    /// The volume that it was taken of: a slot's volume may have had predecessors.
    pub volume: VolumeId,
    /// The instant that it shows. Members of one set should all be given the set's instant, so that the end of an hour
    /// between two of them does not part them.
    pub started: Timestamp,
    /// How far it is.
    pub state: SnapshotState,
    /// It bears the tags of our deployment, our group and our operation.
    pub ours: bool,
    /// What it was taken for.
    pub purpose: Purpose,
    /// A record names it: a move, a restore or a retirement stands on it.
    pub in_use: bool,
}

/// What a snapshot was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// At an interval.
    Periodic,
    /// The last of a volume before its data went elsewhere.
    Final,
    /// What is left of a retired slot.
    Retire,
    /// Something that this version does not know.
    Other,
}

/// The snapshots of one volume of one slot that may be deleted at `now`, the oldest first.
///
/// `snapshots` are all those of the slot and the volume's name, whatever volume they were taken of, in any order.
///
/// - Nothing expires that is not ours, that a record names, that is pending or in a state we do not know, or that was
///   taken for something we do not know.
/// - The newest completed snapshot of each source volume never expires, nor does the newest of all.
/// - A periodic one expires when no part of `keep` asks for it.
/// - A final one outlives the record that names it until a newer periodic one is completed, and for good where it is
///   its volume's newest; a person removes that.
/// - One that a retired slot was left with never expires: a person removes it.
/// - One that failed expires [`FAILED_STAYS`] after it was begun.
///
/// Asked again about what is left, at the same or any later time, it names nothing more but what failed meanwhile.
#[must_use]
pub fn expired(snapshots: &[Kept], keep: &Keep, now: Timestamp) -> Vec<SnapshotId> {
    let ours = newest_first(snapshots);
    let completed: Vec<&Kept> = ours.iter().copied().filter(|one| one.state == SnapshotState::Completed).collect();
    let periodic: Vec<&Kept> = completed.iter().copied().filter(|one| one.purpose == Purpose::Periodic).collect();
    let wanted: BTreeSet<&SnapshotId> = newest_of_volumes(&completed).chain(sons(&periodic, keep)).collect();

    let has_had_its_time = |one: &Kept| match (one.state, one.purpose) {
        (SnapshotState::Pending | SnapshotState::Other, _) | (_, Purpose::Other) => false,
        (SnapshotState::Error, Purpose::Periodic | Purpose::Final | Purpose::Retire) => {
            now.duration_since(one.started) >= FAILED_STAYS
        }
        (SnapshotState::Completed, Purpose::Periodic) => !wanted.contains(&one.id),
        (SnapshotState::Completed, Purpose::Final) => {
            !wanted.contains(&one.id) && periodic.first().is_some_and(|newest| newest.started > one.started)
        }
        (SnapshotState::Completed, Purpose::Retire) => false,
    };
    let old = ours.into_iter().rev().filter(|one| !one.in_use && has_had_its_time(one));
    old.map(|one| one.id.clone()).collect()
}

/// Ours, each once.
fn newest_first(snapshots: &[Kept]) -> Vec<&Kept> {
    let mut ours: Vec<&Kept> = snapshots.iter().filter(|one| one.ours).collect();
    ours.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
    ours.dedup_by(|a, b| a.id == b.id);
    ours
}

/// The newest of each volume, which the newest of all is among.
fn newest_of_volumes<'a>(newest_first: &[&'a Kept]) -> impl Iterator<Item = &'a SnapshotId> {
    let mut met = BTreeSet::new();
    newest_first.iter().filter(move |one| met.insert(&one.volume)).map(|one| &one.id)
}

/// What `keep` asks for.
fn sons<'a>(newest_first: &[&'a Kept], keep: &Keep) -> Vec<&'a SnapshotId> {
    let dated: Vec<(DateTime, &SnapshotId)> =
        newest_first.iter().map(|one| (Offset::UTC.to_datetime(one.started), &one.id)).collect();
    let newest_of_each = |latest: u32, span: fn(DateTime) -> Span| {
        dated.chunk_by(move |(a, _), (b, _)| span(*a) == span(*b)).take(count(latest)).map(|members| members[0].1)
    };
    let last = dated.iter().take(count(keep.last)).map(|(_, id)| *id);
    last.chain(newest_of_each(keep.hourly, hour))
        .chain(newest_of_each(keep.daily, day))
        .chain(newest_of_each(keep.weekly, week))
        .chain(newest_of_each(keep.monthly, month))
        .collect()
}

/// Names an hour, a day, an ISO week or a month, coarsest part first.
type Span = (i16, i8, i8, i8);

fn hour(at: DateTime) -> Span {
    (at.year(), at.month(), at.day(), at.hour())
}

fn day(at: DateTime) -> Span {
    (at.year(), at.month(), at.day(), 0)
}

fn week(at: DateTime) -> Span {
    let week = at.iso_week_date();
    (week.year(), week.week(), 0, 0)
}

fn month(at: DateTime) -> Span {
    (at.year(), at.month(), 0, 0)
}

fn count(kept: u32) -> usize {
    usize::try_from(kept).unwrap_or(usize::MAX)
}
