//! Random histories, each from a seed: the rules hold in all of them.
//!
//! `SEED=17 HISTORIES=1 cargo test -p stateful-asg-campaign --test histories` runs one again, with its story.
//! `KEEP_GOING=1` lists every history that breaks a rule, where a run otherwise stops at the first; `MINUTES=60` begins none
//! later than that.

use std::time::Duration;

use stateful_asg_campaign::campaign::{Campaign, Outcome};
use stateful_asg_campaign::classes::Class;
use stateful_asg_campaign::coverage::Coverage;
use stateful_asg_campaign::deed::Deed;
use stateful_asg_campaign::history;

/// A history is a million small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HISTORIES: u64 = 20_000;
const FIRST_SEED: u64 = 1;
/// After so many a long run says how far it is.
const TELLS_EVERY: u64 = 10_000;

#[allow(clippy::disallowed_methods, reason = "a test's own switches")]
fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}")))
}

/// Seeds of histories that once broke a rule: always run, first.
fn kept_seeds() -> Vec<u64> {
    let lines = include_str!("seeds.txt").lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| line.parse().expect("a seed a line")).collect()
}

#[test]
fn rules_hold_in_random_histories() {
    let histories = number_from("HISTORIES").unwrap_or(HISTORIES);
    let first = number_from("SEED");
    let fresh = (0..histories).map(|n| first.unwrap_or(FIRST_SEED) + n);
    let seeds: Vec<u64> =
        if first.is_some() { fresh.collect() } else { kept_seeds().into_iter().chain(fresh).collect() };
    let most = seeds.len();
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let within = number_from("MINUTES").map(|minutes| Duration::from_secs(60 * minutes));
    let until_failure = number_from("KEEP_GOING").is_none();
    let campaign = Campaign { seeds, jobs, until_failure, within, without: Vec::new() };
    let Outcome { coverage, failed, histories: run } = campaign.run(|done, broken| {
        if done.is_multiple_of(TELLS_EVERY) {
            eprintln!("{done} of at most {most} histories, {broken} broke a rule");
        }
    });
    for report in failed.iter().skip(1) {
        eprintln!("seed {}: {}", report.seed, report.violations[0]);
    }
    if let Some(report) = failed.first() {
        if number_from("KEEP_GOING").is_some() {
            eprintln!("{coverage}");
        }
        let again = history::run(report.seed, true);
        eprintln!("{}", again.story);
        for violation in &report.violations {
            eprintln!("{violation}");
        }
        panic!("seed {}: {} (run it again with SEED={} HISTORIES=1)", report.seed, report.violations[0], report.seed);
    }
    eprintln!("{run} histories: {coverage}");
    if run >= HISTORIES {
        assert_reached(&coverage);
    }
}

/// Calls that change something in AWS.
const CHANGING: [&str; 18] = [
    "ec2:CreateVolume",
    "ec2:AttachVolume",
    "ec2:DetachVolume",
    "ec2:ModifyVolume",
    "ec2:DeleteVolume",
    "ec2:CreateNetworkInterface",
    "ec2:AttachNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:CreateTags",
    "ec2:CreateSnapshot",
    "ec2:CreateSnapshots",
    "ec2:DeleteSnapshot",
    "route53:ChangeResourceRecordSets",
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:RecordLifecycleActionHeartbeat",
];
/// Calls that change the table.
const OF_TABLE: [&str; 3] = ["dynamodb:TransactWriteItems", "dynamodb:UpdateItem", "dynamodb:PutItem"];
/// What strikes all of them. That another transaction works on the same items the table alone says.
const FAULTS: [&str; 9] =
    ["throttled", "internal", "answer lost", "late effect", "pause", "stall", "denied", "crash before", "crash after"];

/// The faults that must strike, by call.
fn fault_cells() -> Vec<String> {
    let everywhere = CHANGING.iter().chain(&OF_TABLE).flat_map(|call| FAULTS.map(|fault| format!("{call} {fault}")));
    let conflicts = OF_TABLE.map(|call| format!("{call} conflict"));
    let seldom = |cell: &String| SELDOM.iter().any(|(seldom, _)| cell.starts_with(seldom));
    everywhere.chain(conflicts).filter(|cell| !seldom(cell)).collect()
}

/// Calls, or faults of one, that twenty thousand histories reach once or twice, if at all, and why not.
const SELDOM: [(&str, &str); 6] = [
    ("ec2:ModifyInstanceAttribute", "in no history's world do attachments begin with DeleteOnTermination set"),
    ("ec2:ModifyNetworkInterfaceAttribute", "in no history's world do attachments begin with DeleteOnTermination set"),
    ("ec2:DeleteVolume stall", "few volumes outlive their grace within a history, and stalls are the rarest of faults"),
    ("ec2:DeleteVolume denied", "few volumes outlive their grace within a history, and denials are almost as rare"),
    ("ec2:DeleteNetworkInterface stall", "few interfaces are left behind, and stalls are the rarest of faults"),
    ("ec2:DeleteNetworkInterface denied", "few interfaces are left behind, and denials are almost as rare"),
];

/// Every cell that matters was reached.
#[allow(clippy::too_many_lines, reason = "a list of what must be reached")]
fn assert_reached(coverage: &Coverage) {
    let cells = fault_cells();
    let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
    assert_eq!(coverage.missing("faults", &cells), Vec::<&str>::new(), "faults that never struck");
    let steps = [
        "Write",
        "CreateVolume",
        "AttachVolume",
        "DetachVolume",
        "CreateInterface",
        "AttachInterface",
        "DetachInterface",
        "Heartbeat",
        "Tag",
        "ChangeRecord",
        "Complete",
        "CreateSnapshot",
        "ModifyVolume",
        "DeleteVolume",
        "DeleteInterface",
    ];
    assert_eq!(coverage.missing("steps", &steps), Vec::<&str>::new(), "steps that were never taken");
    let events = [
        "event dropped",
        "event doubled",
        "event late",
        "event repeated late",
        "invocation crashed",
        "invocation failed",
    ];
    assert_eq!(coverage.missing("events", &events), Vec::<&str>::new(), "what never happened to events");
    let classes = Class::ALL.map(Class::name);
    assert_eq!(coverage.missing("classes", &classes), Vec::<&str>::new(), "classes of faults that never struck");
    let deeds: Vec<String> = Deed::ALL.iter().chain(&Deed::MORE).map(|(deed, _)| deed.name()).collect();
    let deeds: Vec<&str> = deeds.iter().map(String::as_str).collect();
    assert_eq!(coverage.missing("deeds", &deeds), Vec::<&str>::new(), "deeds that nobody did");
    let effects = ["volume detaching", "volume available", "hook timed out", "hook heartbeat", "interface detaching"];
    assert_eq!(coverage.missing("effects", &effects), Vec::<&str>::new(), "effects that never came about");
    let effects = [
        "snapshot created",
        "snapshot ready",
        "snapshot failed",
        "snapshot gone",
        "snapshot lost",
        "volume change",
        "volume change failed",
        "volume deleting",
        "volume lost",
        "zone out of reach",
        "interface gone",
    ];
    assert_eq!(coverage.missing("effects", &effects), Vec::<&str>::new(), "effects that never came about");
    let done = [
        "move done",
        "stale move done",
        "restore done",
        "retirement done",
        "retired slot brought back",
        "growth ended",
        "volume succeeded",
        "loss or restore done",
        "into the warm pool",
        "out of the warm pool",
    ];
    assert_eq!(coverage.missing("effects", &done), Vec::<&str>::new(), "what was begun and never done");
    let states = [
        "Pending",
        "Pending:Wait",
        "Pending:Proceed",
        "InService",
        "Standby",
        "Terminating:Wait",
        "Terminating:Proceed",
    ];
    assert_eq!(coverage.missing("deaths", &states), Vec::<&str>::new(), "states in which no instance died");
    let unreached: Vec<&str> = UNREACHED.iter().map(|(reason, _)| *reason).collect();
    let reasons: Vec<&str> = reasons().filter(|reason| !unreached.contains(reason)).collect();
    assert_eq!(coverage.missing("waits", &reasons), Vec::<&str>::new(), "reasons that nothing waited for");
}

/// Every reason, as docs/waits.md lists them (a test holds that list to the code).
fn reasons() -> impl Iterator<Item = &'static str> {
    let rows = include_str!("../../../docs/waits.md").lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`')).map(|(reason, _)| reason)
}

/// Reasons that no history reaches at the end of a settle, and why not.
const UNREACHED: [(&str, &str); 11] = [
    ("Withheld", "every spec's mode is `full`"),
    ("Untagged", "every group's tags go on to its instances"),
    ("AttachLimit", "no instance has so many volumes"),
    ("HolderRetained", "no group keeps instances whose terminate hook was abandoned"),
    ("HolderReplacingRoot", "nobody replaces root volumes"),
    ("VolumeStray", "a second volume with a slot's tags needs two people at once"),
    ("VolumeMultiAttach", "nobody allows several attachments"),
    ("NoSubnet", "every spec takes the group's own subnets"),
    ("RecordFull", "no group has 400 members"),
    ("SnapshotsLate", "the snapshot function names it, and no settle waits for it"),
    ("GrowthLimit", "no history has five changes of one volume in a day"),
];
