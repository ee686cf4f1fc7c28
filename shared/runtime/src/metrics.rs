//! What is counted, in CloudWatch's embedded metric format: one line of log is one set of metrics.
//!
//! Recording goes through the `metrics` facade: without [`Meter::install`] nothing is kept, as in simulation.
//! Dimensions are the service and the group only; calls by operation come as a property, which costs no metric.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::{SharedString, Unit};
use metrics_cloudwatch_embedded::{Builder, Collector};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::waiting::Waiting;

use crate::settle::Settled;
use crate::snapshots::Run;

/// The namespace of all metrics.
pub const NAMESPACE: &str = "StatefulAsg";

/// The format takes no more values of one metric in one line.
const MOST_VALUES: usize = 100;

/// A metric, for documents and alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, or with a `.` at the end the beginning of one name for each kind.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// It has the dimension `group` beside `service`.
    pub by_group: bool,
    /// What it tells.
    pub what: &'static str,
}

const SETTLES: Metric = of_group("Settles", Unit::Count, "Settles that held the group's lease.");
const LEFT: Metric = of_group("SettlesLeft", Unit::Count, "Wakes that left the work to another invocation.");
const PASSES: Metric = of_group("Passes", Unit::Count, "Readings of the group.");
const UNFINISHED: Metric =
    of_group("SettlesUnfinished", Unit::Count, "Settles that ran out of their invocation's time.");
const STEPS: Metric = of_group("Steps.", Unit::Count, "Steps taken, by kind.");
const REFUSED_STEPS: Metric =
    of_group("StepsRefused", Unit::Count, "Planned steps that the second opinion refused: each is a bug to report.");
const FAILURES: Metric = of_group("Failures.", Unit::Count, "Steps that failed, by what the failure means.");
const WAITS: Metric = of_group("Waits.", Unit::Count, "Waits left at the end of a settle, by reason.");
const OLDEST_WAIT: Metric = of_group("OldestWait.", Unit::Seconds, "The age of the oldest of these waits, by reason.");
const ALARMS: Metric = of_group("Alarms", Unit::Count, "Waits left that need a person's eye.");
const LAUNCH_TO_CONTINUE: Metric =
    of_group("LaunchToContinue", Unit::Seconds, "Time from an instance's launch event to our CONTINUE.");
const SNAPSHOTS_TAKEN: Metric = of_group("SnapshotsTaken", Unit::Count, "Periodic snapshots taken.");
const SNAPSHOTS_DELETED: Metric =
    of_group("SnapshotsDeleted", Unit::Count, "Snapshots deleted because the spec does not ask to keep them.");
const SNAPSHOTS_FAILED: Metric = of_group(
    "SnapshotsFailed",
    Unit::Count,
    "Calls for periodic snapshots that failed, and snapshots of the last hour that EC2 shows as failed.",
);
const SNAPSHOTS_LATE: Metric =
    of_group("SnapshotsLate", Unit::Count, "Volumes whose periodic snapshots are overdue, at the end of a run.");
const SNAPSHOTS_UNFINISHED: Metric =
    of_group("SnapshotsUnfinished", Unit::Count, "Runs of snapshots that left something of the group to the next run.");
const API_CALLS: Metric = of_all("ApiCalls", "Calls to AWS; the property `api_calls` has them by operation.");
const THROTTLES: Metric = of_all("Throttles", "Calls that AWS throttled.");
const REFUSED_EVENTS: Metric = of_all("RefusedEvents", "Events that could not be read, and are not tried again.");
const FAILED_EVENTS: Metric = of_all("FailedEvents", "Events whose handling failed, and which Lambda tries again.");

/// Every metric that there is.
pub const ALL: [Metric; 20] = [
    SETTLES,
    LEFT,
    PASSES,
    UNFINISHED,
    STEPS,
    REFUSED_STEPS,
    FAILURES,
    WAITS,
    OLDEST_WAIT,
    ALARMS,
    LAUNCH_TO_CONTINUE,
    SNAPSHOTS_TAKEN,
    SNAPSHOTS_DELETED,
    SNAPSHOTS_FAILED,
    SNAPSHOTS_LATE,
    SNAPSHOTS_UNFINISHED,
    API_CALLS,
    THROTTLES,
    REFUSED_EVENTS,
    FAILED_EVENTS,
];

const fn of_group(name: &'static str, unit: Unit, what: &'static str) -> Metric {
    Metric { name, unit, by_group: true, what }
}

const fn of_all(name: &'static str, what: &'static str) -> Metric {
    Metric { name, unit: Unit::Count, by_group: false, what }
}

/// The process's collector.
pub struct Meter {
    collector: &'static Collector,
}

/// A collector cannot be installed, as one is already.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be collected: {0}")]
pub struct NoMeter(String);

/// Calls to AWS since the last flush.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// By operation, such as `ec2:AttachVolume`.
    pub by_operation: BTreeMap<&'static str, u64>,
    /// Answers that AWS throttled, retried ones among them.
    pub throttled: u64,
}

impl Meter {
    /// Makes this process keep what it counts, until each flush. Once a process.
    ///
    /// # Errors
    /// A collector is installed already.
    pub fn install(service: &str) -> Result<Self, NoMeter> {
        let builder = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("service", service.to_owned());
        let collector = builder.init().map_err(|error| NoMeter(error.to_string()))?;
        Ok(Self { collector })
    }

    /// Writes what was counted since the last flush: a line for each group, and one for the service.
    ///
    /// # Errors
    /// The writer's.
    pub fn flush(&self, calls: &Calls, request_id: &str, to: impl Write) -> std::io::Result<()> {
        count(&API_CALLS, None, None, calls.by_operation.values().sum());
        count(&THROTTLES, None, None, calls.throttled);
        let by_operation =
            calls.by_operation.iter().map(|(operation, count)| ((*operation).to_owned(), (*count).into()));
        self.collector.set_property("function_request_id", request_id);
        self.collector.set_property("api_calls", serde_json::Value::Object(by_operation.collect()));
        self.collector.flush(to)
    }
}

/// Counts how a settle went.
pub fn settled(group: &GroupName, settled: &Settled, now: Timestamp) {
    let group = Some(group);
    if !settled.led {
        return count(&LEFT, None, group, 1);
    }
    count(&SETTLES, None, group, 1);
    count(&PASSES, None, group, u64::from(settled.passes));
    count(&UNFINISHED, None, group, u64::from(settled.unfinished));
    taken(group, &settled.steps, &settled.failures, settled.refused.len());
    left(group, &settled.waiting, now);
    let times: Vec<Duration> = settled.continued.iter().map(|(_, taken)| *taken).collect();
    for time in spread(times) {
        record(&LAUNCH_TO_CONTINUE, None, group, time.as_secs_f64());
    }
}

/// Counts how a run of periodic snapshots went for one group.
pub fn snapshotted(group: &GroupName, run: &Run, now: Timestamp) {
    let group = Some(group);
    count(&SNAPSHOTS_TAKEN, None, group, run.taken);
    count(&SNAPSHOTS_DELETED, None, group, run.deleted());
    count(&SNAPSHOTS_FAILED, None, group, run.failed());
    count(&SNAPSHOTS_LATE, None, group, run.late());
    count(&SNAPSHOTS_UNFINISHED, None, group, u64::from(run.unfinished));
    taken(group, &run.steps, &run.failures, run.refused.len());
    left(group, &run.waiting, now);
}

fn taken(
    group: Option<&GroupName>,
    steps: &BTreeMap<&'static str, u64>,
    failures: &BTreeMap<FailureKind, u64>,
    refused: usize,
) {
    for (kind, steps) in steps {
        count(&STEPS, Some(kind), group, *steps);
    }
    count(&REFUSED_STEPS, None, group, refused as u64);
    for (kind, failures) in failures {
        count(&FAILURES, Some(&format!("{kind:?}")), group, *failures);
    }
}

fn left(group: Option<&GroupName>, waiting: &[Waiting], now: Timestamp) {
    for (reason, ages) in ages(waiting, now) {
        count(&WAITS, Some(reason), group, ages.len() as u64);
        if let Some(oldest) = ages.into_iter().flatten().max() {
            record(&OLDEST_WAIT, Some(reason), group, oldest.as_secs_f64());
        }
    }
    count(&ALARMS, None, group, waiting.iter().filter(|wait| wait.reason.alarms()).count() as u64);
}

/// Counts an event that could not be read.
pub fn refused() {
    count(&REFUSED_EVENTS, None, None, 1);
}

/// Counts an event whose handling failed.
pub fn failed() {
    count(&FAILED_EVENTS, None, None, 1);
}

/// The ages of waits, by reason; none where it is not known since when.
fn ages(waiting: &[Waiting], now: Timestamp) -> BTreeMap<&'static str, Vec<Option<SignedDuration>>> {
    let mut ages: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for wait in waiting {
        let age = wait.since.map(|since| now.duration_since(since).max(SignedDuration::ZERO));
        ages.entry(wait.reason.kind()).or_default().push(age);
    }
    ages
}

/// As many values as one line takes, the least and the greatest among them, evenly spread over their order.
fn spread(mut values: Vec<Duration>) -> Vec<Duration> {
    values.sort();
    let last = values.len().saturating_sub(1);
    if values.len() <= MOST_VALUES {
        return values;
    }
    (0..MOST_VALUES).map(|index| values[index * last / (MOST_VALUES - 1)]).collect()
}

fn count(metric: &Metric, kind: Option<&str>, group: Option<&GroupName>, by: u64) {
    if by == 0 {
        return;
    }
    let name = name(metric, kind);
    metrics::describe_counter!(name.clone(), metric.unit, metric.what);
    match group {
        Some(group) => metrics::counter!(name, "group" => group.to_string()).increment(by),
        None => metrics::counter!(name).increment(by),
    }
}

fn record(metric: &Metric, kind: Option<&str>, group: Option<&GroupName>, value: f64) {
    let name = name(metric, kind);
    metrics::describe_histogram!(name.clone(), metric.unit, metric.what);
    match group {
        Some(group) => metrics::histogram!(name, "group" => group.to_string()).record(value),
        None => metrics::histogram!(name).record(value),
    }
}

fn name(metric: &Metric, kind: Option<&str>) -> SharedString {
    match kind {
        Some(kind) => format!("{}{kind}", metric.name).into(),
        None => metric.name.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_values_become_a_hundred_from_the_least_to_the_greatest() {
        let kept = spread((0..1_000).rev().map(Duration::from_secs).collect());
        assert_eq!(kept.len(), MOST_VALUES);
        assert_eq!((kept[0], kept[MOST_VALUES - 1]), (Duration::ZERO, Duration::from_secs(999)));
        assert!(kept.windows(2).all(|pair| pair[1] - pair[0] <= Duration::from_secs(11)));
        assert_eq!(spread(vec![]), []);
        assert_eq!(spread(vec![Duration::from_secs(2), Duration::from_secs(1)]).len(), 2);
    }
}
