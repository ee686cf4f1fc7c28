//! Which slots are due for a snapshot.
//!
//! Each slot has a timetable of its own: from the birth of its volumes, a fraction of the interval later for each slot
//! number, and one interval apart from then on. What was missed or came late does not move it, so that the slots of a
//! group stay spread over the interval for good, and a snapshot that was missed is taken once, however many were.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::ids::{SlotNumber, VolumeName};

/// How many slots of a group may be snapshotted in one run, at most. EC2 refuses more than 100 CreateSnapshots at once
/// and 5 a second from then on, for the whole account: other groups, and volumes created meanwhile, want their share.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
pub const MOST_A_RUN: usize = 40;

/// A slot whose volumes are snapshotted at intervals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotSeries {
    /// The slot.
    pub slot: SlotNumber,
    /// Its volumes that are snapshotted, by name.
    pub volumes: BTreeMap<VolumeName, Series>,
    /// A snapshot of one of its volumes is pending.
    pub pending: bool,
    /// Its newest attempts failed.
    pub failing: Option<Failing>,
    /// Whether its data may change.
    pub used: Use,
    /// When the last of its volumes became usable; absent while one of them is not.
    pub born: Option<Timestamp>,
}

/// The periodic snapshots of one volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// How far apart. Whole seconds, at least one.
    pub every: Duration,
    /// The newest that did not fail.
    pub newest: Option<Taken>,
}

/// A periodic snapshot that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// The instant that it shows.
    pub started: Timestamp,
    /// The `now` of the [`due`] that asked for it, where it is on record. It is earlier than `started`, and without it
    /// one that started in the next interval after all stands for that one, too.
    pub decided: Option<Timestamp>,
}

/// Attempts that failed since the last that did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// How many.
    pub count: u32,
    /// When the last one was made.
    pub last: Timestamp,
}

/// Whether a slot's data may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// An instance holds it.
    Held,
    /// Nobody holds it.
    Vacant {
        /// Since when, if that is known: a snapshot of each volume that was started later is the last that it needs.
        since: Option<Timestamp>,
    },
}

/// A set of snapshots to take now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Of this slot.
    pub slot: SlotNumber,
    /// Of these volumes, at one instant. Those with the same interval are all here or none of them.
    pub volumes: Vec<VolumeName>,
    /// Since when it has been due: the earliest instant in its timetable that no snapshot stands for.
    pub since: Timestamp,
}

/// The sets of snapshots to take in a run at `now`, of runs that are `run_every` apart.
///
/// `slots` are all of the group. Who waited longest is first, whether for a snapshot or since an attempt that failed;
/// at most [`most_a_run`] are named, and the others come first in the next run. A slot of which a snapshot is pending
/// waits until it is not. After an attempt that failed the next one follows one run later, then two, four and so on,
/// but after no more than the interval.
///
/// The first snapshot of slot 0 is due in the first or second run after its birth, that of any other within an interval
/// or, where the interval is no multiple of `run_every`, a run more. Runs are expected at multiples of `run_every`
/// since midnight UTC, late or early by less than half of it: then an interval that is a multiple of it never lacks its
/// run.
#[must_use]
pub fn due(slots: &[SlotSeries], run_every: Duration, now: Timestamp) -> Vec<Due> {
    let mut queue: Vec<(Timestamp, Due)> = slots
        .iter()
        .filter(|slot| !slot.pending && !is_at_rest(slot) && may_try(slot, run_every, now))
        .filter_map(|slot| {
            let due = set_of(slot, run_every, now)?;
            let waits_since = slot.failing.map_or(due.since, |failing| due.since.max(failing.last));
            Some((waits_since, due))
        })
        .collect();
    queue.sort_by_key(|(waits_since, due)| (*waits_since, due.slot));
    queue.truncate(most_a_run(slots, run_every));
    queue.into_iter().map(|(_, due)| due).collect()
}

/// How many slots may be snapshotted in one run: twice what the intervals ask for on average, so that what was missed
/// is caught up within half an interval and not at once; at least one and at most [`MOST_A_RUN`].
///
/// A group that asks for more than [`MOST_A_RUN`] on average gets its snapshots in turn, and less often than it asks.
#[must_use]
pub fn most_a_run(slots: &[SlotSeries], run_every: Duration) -> usize {
    let mut timetables: BTreeMap<u64, u128> = BTreeMap::new();
    for slot in slots {
        for every in slot.volumes.values().map(whole_seconds).collect::<BTreeSet<_>>() {
            *timetables.entry(every).or_default() += 1;
        }
    }
    let run = u128::from(run_every.as_secs());
    let average: u128 = timetables.iter().map(|(every, slots)| (slots * run).div_ceil(u128::from(*every))).sum();
    usize::try_from(average.saturating_mul(2)).unwrap_or(usize::MAX).clamp(1, MOST_A_RUN)
}

/// Nobody has written since the newest snapshot of each volume.
fn is_at_rest(slot: &SlotSeries) -> bool {
    match slot.used {
        Use::Held | Use::Vacant { since: None } => false,
        Use::Vacant { since: Some(since) } => {
            slot.volumes.values().all(|series| series.newest.is_some_and(|newest| newest.started > since))
        }
    }
}

/// The volumes in whose timetables an instant has come that no snapshot stands for.
fn set_of(slot: &SlotSeries, run_every: Duration, now: Timestamp) -> Option<Due> {
    let shortest = slot.volumes.values().map(whole_seconds).min()?;
    let first = between_runs(second(slot.born?), run_every) + delay(slot.slot, shortest, run_every);
    let missed = |series: &Series| {
        let instant = first_missed(first, series);
        (instant <= second(now)).then(|| (whole_seconds(series), instant))
    };
    let missed: Vec<(u64, i128)> = slot.volumes.values().filter_map(missed).collect();
    let earliest = missed.iter().map(|(_, instant)| *instant).min()?;
    let come: BTreeSet<u64> = missed.into_iter().map(|(every, _)| every).collect();
    let members = slot.volumes.iter().filter(|(_, series)| come.contains(&whole_seconds(series)));
    let volumes = members.map(|(name, _)| name.clone()).collect();
    let since = i64::try_from(earliest).ok().and_then(|second| Timestamp::from_second(second).ok())?;
    Some(Due { slot: slot.slot, volumes, since })
}

/// The first instant of a timetable that no snapshot stands for. A snapshot stands for the latest instant before it and
/// all earlier ones, and a timetable that began after it is continued backwards: where new volumes took the place of
/// older ones, or the interval changed, the next snapshot is no further from the last than the interval.
fn first_missed(first: i128, series: &Series) -> i128 {
    let every = i128::from(whole_seconds(series));
    series.newest.map_or(first, |newest| {
        let taken = newest.decided.map_or(newest.started, |decided| decided.min(newest.started));
        first + ((second(taken) - first).div_euclid(every) + 1) * every
    })
}

/// How much later than a slot's birth its timetable begins, in whole runs. Multiples of the golden ratio lie evenly in
/// the interval for any run of slot numbers, and do not depend on how many slots there are.
fn delay(slot: SlotNumber, every: u64, run_every: Duration) -> i128 {
    const GOLDEN: u32 = 0x9E37_79B9; // of 2^32
    let fraction = slot.0.wrapping_mul(GOLDEN);
    let delay = (i128::from(fraction) * i128::from(every)) >> 32;
    delay - delay % i128::from(run_every.as_secs().max(1))
}

/// The next instant in the middle between two runs. Runs come some seconds late, now more and now less: close to a run,
/// an instant would be met early by one and missed by the next.
fn between_runs(instant: i128, run_every: Duration) -> i128 {
    let run = i128::from(run_every.as_secs().max(1));
    let half = run / 2;
    instant + (half - instant).rem_euclid(run)
}

/// No attempt failed lately. A pause ends with the run that is nearest to its end.
fn may_try(slot: &SlotSeries, run_every: Duration, now: Timestamp) -> bool {
    let Some(failing) = slot.failing else { return true };
    let longest = slot.volumes.values().map(|series| series.every).min().unwrap_or_default().max(run_every);
    let doubled = 2_u32.saturating_pow(failing.count.saturating_sub(1));
    let pause = run_every.saturating_mul(doubled).min(longest).saturating_sub(run_every / 2);
    Duration::try_from(now.duration_since(failing.last)).is_ok_and(|passed| passed >= pause)
}

fn whole_seconds(series: &Series) -> u64 {
    series.every.as_secs().max(1)
}

fn second(at: Timestamp) -> i128 {
    i128::from(at.as_second())
}
