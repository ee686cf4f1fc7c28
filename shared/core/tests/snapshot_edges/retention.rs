//! What lets one snapshot expire, and which is kept of each hour, day, week and month.

use stateful_asg_core::cloud::SnapshotState;
use stateful_asg_core::ids::{SnapshotId, VolumeId};
use stateful_asg_core::snapshots::{Kept, Purpose, expired};
use stateful_asg_core::spec::Keep;

use super::at;

const NOTHING: Keep = Keep { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 };
const NOW: &str = "2028-01-01T00:00:00Z";

fn id(number: usize) -> SnapshotId {
    SnapshotId::new(format!("snap-{number:08x}")).unwrap()
}

fn snapshot(number: usize, volume: u32, purpose: Purpose, started: &str) -> Kept {
    Kept {
        id: id(number),
        volume: VolumeId::new(format!("vol-{volume:08x}")).unwrap(),
        started: at(started),
        state: SnapshotState::Completed,
        ours: true,
        purpose,
        in_use: false,
    }
}

/// Which of one volume's periodic snapshots, the oldest first, are left.
fn left(keep: &Keep, started: &[&'static str]) -> Vec<&'static str> {
    let one = |(number, started): (usize, &&str)| snapshot(number, 0, Purpose::Periodic, started);
    let all: Vec<Kept> = started.iter().enumerate().map(one).collect();
    let gone = expired(&all, keep, at(NOW));
    started.iter().enumerate().filter(|(number, _)| !gone.contains(&id(*number))).map(|(_, started)| *started).collect()
}

/// Two of the same period, where the newer one is kept; the newest of all stands in a later period.
#[test]
fn the_newest_of_each_period_is_kept_and_a_period_ends_where_the_calendar_says() {
    let [hourly, daily] = [Keep { hourly: 2, ..NOTHING }, Keep { daily: 2, ..NOTHING }];
    let [weekly, monthly] = [Keep { weekly: 2, ..NOTHING }, Keep { monthly: 2, ..NOTHING }];
    for (keep, of_one_period, later) in [
        (&hourly, ["2026-11-20T10:00:00Z", "2026-11-20T10:59:59Z"], "2026-11-20T11:00:00Z"),
        (&hourly, ["2026-11-19T10:00:00Z", "2026-11-19T10:10:00Z"], "2026-11-20T10:00:00Z"),
        (&daily, ["2026-11-20T00:00:00Z", "2026-11-20T23:59:59Z"], "2026-11-21T00:00:00Z"),
        (&daily, ["2026-10-20T00:00:00Z", "2026-10-20T12:00:00Z"], "2026-11-20T00:00:00Z"),
        (&weekly, ["2026-11-16T00:00:00Z", "2026-11-22T23:59:59Z"], "2026-11-23T00:00:00Z"),
        (&weekly, ["2026-12-28T00:00:00Z", "2027-01-03T23:59:59Z"], "2027-01-04T00:00:00Z"),
        (&monthly, ["2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z"], "2026-12-01T00:00:00Z"),
        (&monthly, ["2025-11-01T00:00:00Z", "2025-11-30T00:00:00Z"], "2026-11-01T00:00:00Z"),
    ] {
        let [older, newer] = of_one_period;
        assert_eq!(left(keep, &[older, newer, later]), [newer, later], "{keep:?}");
        assert_eq!(left(keep, &[older, newer]), [newer], "one period alone: {keep:?}");
    }
}

#[test]
fn no_more_periods_are_kept_than_were_asked_for() {
    let days = ["2026-11-20T06:00:00Z", "2026-11-21T06:00:00Z", "2026-11-22T06:00:00Z", "2026-11-24T06:00:00Z"];
    for (daily, kept) in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)] {
        let keep = Keep { daily, ..NOTHING };
        assert_eq!(left(&keep, &days), days[4 - kept..], "{daily} days");
    }
}

#[test]
fn the_newest_of_each_volume_stays_whatever_is_asked_for() {
    let all = [
        snapshot(1, 1, Purpose::Periodic, "2026-11-20T10:00:00Z"),
        snapshot(2, 1, Purpose::Periodic, "2026-11-20T11:00:00Z"),
        snapshot(3, 2, Purpose::Periodic, "2026-11-20T12:00:00Z"),
        snapshot(4, 2, Purpose::Periodic, "2026-11-20T13:00:00Z"),
    ];
    assert_eq!(expired(&all, &NOTHING, at(NOW)), [id(1), id(3)]);
}

/// The last snapshot of a volume whose data went elsewhere, beside one that was taken later.
#[test]
fn a_final_snapshot_goes_only_after_a_newer_periodic_one_and_never_as_its_volumes_newest() {
    const TEN: &str = "2026-11-20T10:00:00Z";
    for (volume, purpose, other, goes, what) in [
        (1, Purpose::Periodic, "2026-11-20T10:00:01Z", true, "a newer periodic one of the same volume"),
        (1, Purpose::Periodic, TEN, false, "one of the same instant is not newer"),
        (2, Purpose::Periodic, "2026-11-20T10:00:01Z", false, "it is the newest of its own volume"),
        (2, Purpose::Periodic, "2026-11-20T09:59:59Z", false, "the periodic one is older"),
        (1, Purpose::Final, "2026-11-20T10:00:01Z", false, "no periodic one exists"),
        (1, Purpose::Retire, "2026-11-20T10:00:01Z", false, "what a retirement left is not periodic"),
    ] {
        let all = [snapshot(1, 1, Purpose::Final, TEN), snapshot(2, volume, purpose, other)];
        let expected = if goes { vec![id(1)] } else { vec![] };
        assert_eq!(expired(&all, &NOTHING, at(NOW)), expected, "{what}");
    }
}

/// Neither is the newest of its volume: the periodic one that is the newest of all decides.
#[test]
fn an_older_periodic_snapshot_does_not_let_a_final_one_go() {
    let all = |periodic: &str| {
        [
            snapshot(1, 1, Purpose::Final, "2026-11-20T10:00:00Z"),
            snapshot(2, 1, Purpose::Final, "2026-11-20T12:00:00Z"),
            snapshot(3, 2, Purpose::Periodic, periodic),
        ]
    };
    assert_eq!(expired(&all("2026-11-20T09:00:00Z"), &NOTHING, at(NOW)), []);
    assert_eq!(expired(&all("2026-11-20T11:00:00Z"), &NOTHING, at(NOW)), [id(1)]);
}
