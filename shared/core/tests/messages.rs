//! What each wait says to a person, how often it is looked at, and what is read then: all of them, on one page.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write;

use jiff::Timestamp;
use stateful_asg_core::cloud::Transition;
use stateful_asg_core::ids::{
    AsgName, DnsName, InstanceId, InterfaceId, SlotNumber, SnapshotId, VolumeId, VolumeName, Zone,
};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::upkeep::Stage;
use stateful_asg_core::waiting::{Reads, Reason, Subject};

fn instance(number: u8) -> InstanceId {
    InstanceId::new(format!("i-{number:017x}")).unwrap()
}

fn volume() -> VolumeId {
    VolumeId::new("vol-0000000000000000a").unwrap()
}

fn snapshot() -> SnapshotId {
    SnapshotId::new("snap-0000000000000000b").unwrap()
}

fn interface() -> InterfaceId {
    InterfaceId::new("eni-0000000000000000c").unwrap()
}

fn data() -> VolumeName {
    VolumeName::new("data").unwrap()
}

fn zone(letter: char) -> Zone {
    Zone::new(format!("eu-central-1{letter}")).unwrap()
}

fn asg(name: &str) -> AsgName {
    AsgName::new(name).unwrap()
}

fn record() -> DnsName {
    DnsName::new("cass-0.prod.internal").unwrap()
}

fn noon() -> Timestamp {
    "2026-01-01T12:00:00Z".parse().unwrap()
}

fn of_group() -> Vec<Reason> {
    vec![
        Reason::NoSpec("WHY".into()),
        Reason::SpecRefused("PROBLEMS".into()),
        Reason::HookMissing { asg: asg("cass"), transition: Transition::Launching },
        Reason::HookMissing { asg: asg("cass"), transition: Transition::Terminating },
        Reason::TableLost(String::new()),
        Reason::TableLost("WHAT".into()),
        Reason::Replacing(vec![asg("blue"), asg("green")]),
        Reason::Withheld { step: "STEP".into() },
    ]
}

fn of_failures() -> Vec<Reason> {
    let kinds = [
        FailureKind::Denied,
        FailureKind::Throttled,
        FailureKind::NotReady,
        FailureKind::NotFound,
        FailureKind::DeviceInUse,
        FailureKind::AttachLimit,
        FailureKind::InUse,
        FailureKind::ZoneMismatch,
        FailureKind::Quota,
        FailureKind::Key,
        FailureKind::RecordMismatch,
        FailureKind::RecordRefused,
        FailureKind::NoActiveAction,
        FailureKind::TokenReused,
        FailureKind::Conflict,
        FailureKind::Unknown,
        FailureKind::Invalid,
    ];
    let failed = |kind, urgent| Reason::CallFailed { step: "STEP".into(), kind, message: "MESSAGE".into(), urgent };
    kinds.into_iter().map(|kind| failed(kind, true)).chain([failed(FailureKind::Throttled, false)]).collect()
}

fn of_volumes() -> Vec<Reason> {
    let (name, volume) = (data(), volume());
    vec![
        Reason::VolumeCreating { name: name.clone(), volume: None },
        Reason::VolumeFailed { name: name.clone(), volume: volume.clone() },
        Reason::VolumeUnseen { name: name.clone(), volume: volume.clone() },
        Reason::VolumeLost { name: name.clone(), volume: volume.clone() },
        Reason::VolumeStray { name: name.clone(), volume: volume.clone() },
        Reason::VolumeForeign { name: name.clone(), volume: volume.clone() },
        Reason::SnapshotGone { name: name.clone(), snapshot: snapshot() },
        Reason::VolumeMultiAttach { volume: volume.clone() },
        Reason::TemplateUnusable { name, volume: volume.clone(), why: "WHY".into() },
        Reason::VolumeHeldBy { volume: volume.clone(), instance: instance(1) },
        Reason::VolumeInTransit { volume: volume.clone() },
        Reason::AttachStuck { what: volume.to_string() },
    ]
}

fn of_addresses() -> Vec<Reason> {
    vec![
        Reason::InterfaceCreating,
        Reason::NoSubnet(zone('a')),
        Reason::InterfaceUnseen(interface()),
        Reason::InterfaceForeign(interface()),
        Reason::InterfaceHeldBy { interface: interface(), instance: Some(instance(1)) },
        Reason::InterfaceHeldBy { interface: interface(), instance: None },
        Reason::InterfaceInTransit(interface()),
        Reason::RecordChanging(record()),
        Reason::RecordForeign { name: record(), holds: "192.0.2.1".into() },
        Reason::RecordFull { name: record(), addresses: 401 },
    ]
}

fn of_holders() -> Vec<Reason> {
    vec![
        Reason::HolderStopped(instance(1)),
        Reason::HolderStandby(instance(1)),
        Reason::HolderDetached(instance(1)),
        Reason::HolderRetained(instance(1)),
        Reason::HolderReplacingRoot(instance(1)),
        Reason::HolderWarm(instance(1)),
        Reason::HolderUnclear(instance(1)),
    ]
}

fn of_instances() -> Vec<Reason> {
    vec![
        Reason::Booting,
        Reason::Untagged { asg: asg("cass") },
        Reason::Vacant(zone('a')),
        Reason::HolderLeaving { slot: SlotNumber(3), holder: instance(1) },
        Reason::NotYetFree { slot: SlotNumber(3), holder: instance(1), what: vec!["ONE".into(), "OTHER".into()] },
        Reason::SurgeBlocked,
        Reason::ZoneBlocked { vacant: vec![zone('a'), zone('b')], here: zone('c') },
        Reason::MoveBlocked { slot: SlotNumber(3) },
        Reason::AttachLimit("WHAT".into()),
        Reason::GuestNotReady,
        Reason::Draining,
        Reason::TakingTurns { unready: vec![SlotNumber(3), SlotNumber(4)] },
        Reason::Overdue,
        Reason::Answered,
        Reason::NeedsAdoption,
        Reason::AbandonAt(noon()),
    ]
}

fn of_upkeep() -> Vec<Reason> {
    let (name, volume) = (data(), volume());
    let changing = |stage| Reason::Changing { slot: SlotNumber(3), what: "moved", stage };
    vec![
        Reason::ChangeHeld { name: name.clone(), volume: None, by: None },
        Reason::ChangeHeld { name: name.clone(), volume: Some(volume.clone()), by: Some(instance(1)) },
        changing(Stage::Saving),
        changing(Stage::Making),
        changing(Stage::Switching),
        Reason::Ordered { what: "moved" },
        Reason::SnapshotPending { volume: volume.clone(), snapshot: snapshot() },
        Reason::SnapshotFailed { volume: volume.clone(), message: "MESSAGE".into() },
        Reason::SnapshotTooOld { volume: volume.clone(), newest: None },
        Reason::SnapshotTooOld { volume: volume.clone(), newest: Some(noon()) },
        Reason::SnapshotsLate { volume: volume.clone(), newest: None },
        Reason::SnapshotsLate { volume: volume.clone(), newest: Some(noon()) },
        Reason::SuccessorCreating { name, volume: None },
        Reason::VolumeGrowing { volume: volume.clone() },
        Reason::GrowthFailed { volume: volume.clone(), message: "MESSAGE".into() },
        Reason::GrowthLimit { volume: volume.clone(), until: noon() },
        Reason::DeletesOff { what: volume.to_string() },
        Reason::Unproven { volume, why: "WHY".into() },
    ]
}

fn read(reads: Reads) -> String {
    let Reads { instances, volumes, interfaces, snapshots, modifications } = reads;
    let all = [
        (instances, "instances"),
        (volumes, "volumes"),
        (interfaces, "interfaces"),
        (snapshots, "snapshots"),
        (modifications, "modifications"),
    ];
    all.iter().filter(|(included, _)| *included).map(|(_, what)| *what).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_wait_says_what_happened_and_what_to_do() {
    let all = [of_group(), of_failures(), of_volumes(), of_addresses(), of_holders(), of_instances(), of_upkeep()];
    let mut page = String::new();
    for reason in all.into_iter().flatten() {
        let pace = reason.pace().map_or_else(|| "at events".to_owned(), |pace| format!("every {pace:?}"));
        let bell = if reason.alarms() { ", alarms" } else { "" };
        writeln!(page, "{} ({pace}{bell}; reads {})\n    {reason}", reason.kind(), read(reason.reads())).unwrap();
    }
    insta::with_settings!({ snapshot_path => "shown", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("waits", page);
    });
}

#[test]
fn who_waits_is_named() {
    let named =
        [Subject::Group, Subject::Slot(SlotNumber(3)), Subject::Instance(instance(1))].map(|who| who.to_string());
    assert_eq!(named, ["group", "slot 3", "instance i-00000000000000001"]);
}

/// Whoever adds a reason adds it here.
#[test]
fn no_wait_is_left_out() {
    let source = include_str!("../src/waiting/nature.rs");
    let body = source.split("pub fn kind(&self)").nth(1).unwrap().split("pub fn pace").next().unwrap();
    let kinds: Vec<&str> = body.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let all = [of_group(), of_failures(), of_volumes(), of_addresses(), of_holders(), of_instances(), of_upkeep()];
    let shown: Vec<&str> = all.iter().flatten().map(Reason::kind).collect();
    let missing: Vec<&&str> = kinds.iter().filter(|kind| !shown.contains(kind)).collect();
    assert!(kinds.len() > 30 && missing.is_empty(), "not shown: {missing:?}");
}

#[test]
fn two_waits_together_read_what_either_of_them_reads() {
    let none = Reads::default();
    let each = [
        Reads { instances: true, ..none },
        Reads { volumes: true, ..none },
        Reads { interfaces: true, ..none },
        Reads { snapshots: true, ..none },
        Reads { modifications: true, ..none },
    ];
    for one in each {
        assert_eq!(read(one.and(none)), read(one));
        assert_eq!(read(none.and(one)), read(one));
    }
}
