//! Values for tests, with every optional field set.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stateful_asg_core::cloud::{RecordKey, Transition};
use stateful_asg_core::ids::{Claim, Generation, GroupName, InstanceId, SlotNumber, SnapshotId, VolumeId, VolumeName};
use stateful_asg_core::spec::{VolumeParams, VolumeType};
use stateful_asg_core::table::{
    Abandons, AcceptedSpec, Action, Bound, Done, Group, Holder, HookResult, InterfaceRecord, KnownHook, LAYOUT,
    NameRecord, NotedWait, RefusedSpec, Slot, SlotState, TableWrite, VolumeRecord,
};
use stateful_asg_core::upkeep::{
    Change, ChangeKind, Data, Growth, LeftInterface, Made, Order, Origin, Periodic, Proof, Saved, Stage, Superseded,
    Target, Upkeep,
};
use stateful_asg_core::waiting::Subject;

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn group_name() -> GroupName {
    GroupName::new("cass").unwrap()
}

pub(crate) fn instance() -> InstanceId {
    InstanceId::new("i-0123456789abcdef0").unwrap()
}

fn record() -> NameRecord {
    NameRecord {
        key: RecordKey { zone: "Z0123456789".parse().unwrap(), name: "cass-3.prod.internal".parse().unwrap() },
        ttl: 30,
        owned: true,
        tried: vec![BTreeSet::new(), BTreeSet::from(["10.0.1.17".parse().unwrap()])],
        confirmed: BTreeSet::from(["10.0.1.16".parse().unwrap()]),
        past: vec![BTreeSet::from(["10.0.1.15".parse().unwrap()])],
        changed: Some(at("2026-11-20T09:30:00Z")),
    }
}

pub(crate) fn params() -> VolumeParams {
    VolumeParams {
        size_gib: 2048,
        kind: VolumeType::Gp3,
        iops: Some(6000),
        throughput: None,
        encrypted: true,
        kms_key: Some("alias/cassandra".to_owned()),
        snapshot: Some(snapshot()),
        initialization_rate: Some(200),
    }
}

fn snapshot() -> SnapshotId {
    SnapshotId::new("snap-0123456789abcdef0").unwrap()
}

fn volume_record() -> VolumeRecord {
    let target = Target { size_gib: Some(4096), kind: Some(VolumeType::Io2), iops: Some(9000), throughput: Some(500) };
    VolumeRecord {
        attempt: 1,
        params: params(),
        id: Some(VolumeId::new("vol-0123456789abcdef0").unwrap()),
        born: true,
        absent_since: None,
        growth: Growth { target: Some(target), begun: vec![at("2026-11-19T10:00:00Z"), at("2026-11-20T09:00:00.5Z")] },
    }
}

/// Everything that an upkeep may tell, at once.
pub(crate) fn upkeep() -> Upkeep {
    let data = VolumeName::new("data").unwrap();
    let saved = Saved { snapshot: snapshot(), as_of: at("2026-11-20T05:00:00Z"), size_gib: 2048, encrypted: true };
    let superseded = |proof| Superseded {
        name: data.clone(),
        claim: Claim(1),
        since: at("2026-11-20T04:00:00Z"),
        vacated: Some(at("2026-11-20T03:30:00Z")),
        proof,
        keep: true,
        deleting: Some(at("2026-11-20T04:30:00Z")),
        absent_since: None,
    };
    let proofs = [Proof::Snapshot(snapshot()), Proof::NeverUsed, Proof::None];
    let numbered = (1..).map(|n| format!("vol-{n:017x}").parse().unwrap());
    Upkeep {
        operations: 9,
        attempts: 4,
        periodic: Some(Periodic { operation: 8, at: at("2026-11-20T03:00:00Z") }),
        order: Some(Order::Restore { volumes: BTreeMap::from([(data.clone(), snapshot())]) }),
        change: Some(Change {
            operation: 9,
            kind: ChangeKind::Move { to: "eu-central-1b".parse().unwrap() },
            stage: Stage::Making,
            since: at("2026-11-20T05:00:00Z"),
            begun: at("2026-11-20T04:59:00Z"),
            ordered: true,
            unreachable: Some(at("2026-11-20T05:01:00Z")),
            stale: true,
            used: true,
            volumes: BTreeMap::from([(data.clone(), Made { from: saved.clone(), record: volume_record() })]),
        }),
        superseded: numbered.zip(proofs.map(superseded)).collect(),
        left_interfaces: BTreeMap::from([(
            "eni-0123456789abcdef1".parse().unwrap(),
            LeftInterface { since: at("2026-11-20T04:00:00Z"), absent_since: None },
        )]),
        retired: BTreeMap::from([(data, saved)]),
        data: Some(Data { origin: Origin::Stale, as_of: Some(at("2026-11-20T05:00:00Z")), told: None }),
    }
}

pub(crate) fn slot() -> Slot {
    let volume = volume_record();
    let interface = InterfaceRecord {
        attempt: 2,
        subnet: "subnet-0123456789abcdef0".parse().unwrap(),
        security_groups: vec!["sg-0123456789abcdef0".parse().unwrap()],
        id: Some("eni-0123456789abcdef0".parse().unwrap()),
        ip: Some("10.0.1.17".parse().unwrap()),
        born: true,
        absent_since: Some(at("2026-11-20T09:00:00.25Z")),
    };
    Slot {
        v: LAYOUT,
        number: SlotNumber(3),
        generation: Generation(5),
        state: SlotState::Active,
        zone: "eu-central-1a".parse().unwrap(),
        claim: Claim(2),
        holder: Some(Holder { instance: instance(), since: at("2026-11-20T09:00:00Z"), absent_since: None }),
        vacated: Some(at("2026-11-20T08:00:00Z")),
        volumes: BTreeMap::from([(VolumeName::new("data").unwrap(), volume)]),
        interface: Some(interface),
        record: Some(record()),
        upkeep: upkeep(),
    }
}

pub(crate) fn group() -> Group {
    Group {
        v: LAYOUT,
        name: group_name(),
        generation: Generation(8),
        made: Some(at("2026-11-20T05:00:00Z")),
        next_slot: 4,
        spec: Some(AcceptedSpec { number: 2, text: r#"{"v":1}"#.to_owned(), from_table: false }),
        refused: Some(RefusedSpec {
            text: "{".to_owned(),
            problems: "it ends early".to_owned(),
            at: at("2026-11-20T07:00:00Z"),
        }),
        hooks: vec![KnownHook {
            asg: "cass-asg".parse().unwrap(),
            name: "stateful-asg-prod-launch".parse().unwrap(),
            transition: Transition::Launching,
            heartbeat_timeout: 900,
        }],
        record: Some(record()),
        abandons: Abandons { count: 1, last: Some(at("2026-11-20T06:00:00Z")) },
        waits: vec![NotedWait {
            subject: Subject::Slot(SlotNumber(1)),
            reason: "volume-stray".to_owned(),
            since: at("2026-11-20T07:30:00Z"),
        }],
    }
}

pub(crate) fn action() -> Action {
    Action {
        instance: instance(),
        transition: Transition::Terminating,
        asg: "cass-asg".parse().unwrap(),
        hook: "stateful-asg-prod-terminate".parse().unwrap(),
        token: Some("87654321-4321-4321-4321-210987654321".parse().unwrap()),
        into_pool: None,
        since: at("2026-11-20T10:00:00.5Z"),
        beat: Some(at("2026-11-20T10:05:00Z")),
        done: Some(Done { result: HookResult::Continue, claim: Claim(2), at: at("2026-11-20T10:06:00Z") }),
    }
}

/// A write of the slot alone: from generation 4 to 5, with a binding made and one ended.
pub(crate) fn write() -> TableWrite {
    TableWrite {
        slot: Some((Some(Generation(4)), Box::new(slot()))),
        bind: BTreeSet::from([Bound::Volume(VolumeId::new("vol-0123456789abcdef0").unwrap())]),
        unbind: BTreeSet::from([Bound::Instance(instance())]),
        ..TableWrite::about(group_name())
    }
}
