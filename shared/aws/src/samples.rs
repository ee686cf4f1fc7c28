//! Values for tests, with every optional field set.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stateful_asg_core::cloud::{RecordKey, Transition};
use stateful_asg_core::ids::{Claim, Generation, GroupName, InstanceId, SlotNumber, VolumeId, VolumeName};
use stateful_asg_core::spec::{VolumeParams, VolumeType};
use stateful_asg_core::table::{
    Abandons, AcceptedSpec, Action, Bound, Done, Group, Holder, HookResult, InterfaceRecord, KnownHook, LAYOUT,
    NameRecord, RefusedSpec, Slot, SlotState, TableWrite, VolumeRecord,
};

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

pub(crate) fn slot() -> Slot {
    let params = VolumeParams {
        size_gib: 2048,
        kind: VolumeType::Gp3,
        iops: Some(6000),
        throughput: None,
        encrypted: true,
        kms_key: Some("alias/cassandra".to_owned()),
        snapshot: Some("snap-0123456789abcdef0".parse().unwrap()),
    };
    let volume = VolumeRecord {
        attempt: 1,
        params,
        id: Some(VolumeId::new("vol-0123456789abcdef0").unwrap()),
        born: true,
        absent_since: None,
    };
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
    }
}

pub(crate) fn group() -> Group {
    Group {
        v: LAYOUT,
        name: group_name(),
        generation: Generation(8),
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
    }
}

pub(crate) fn action() -> Action {
    Action {
        instance: instance(),
        transition: Transition::Terminating,
        asg: "cass-asg".parse().unwrap(),
        hook: "stateful-asg-prod-terminate".parse().unwrap(),
        token: Some("87654321-4321-4321-4321-210987654321".parse().unwrap()),
        since: at("2026-11-20T10:00:00.5Z"),
        beat: Some(at("2026-11-20T10:05:00Z")),
        done: Some(Done { result: HookResult::Continue, claim: Claim(2), at: at("2026-11-20T10:06:00Z") }),
    }
}

/// A write of the slot alone: from generation 4 to 5, with a binding made and one ended.
pub(crate) fn write() -> TableWrite {
    TableWrite {
        group: group_name(),
        slot: Some((Some(Generation(4)), Box::new(slot()))),
        record: None,
        bind: BTreeSet::from([Bound::Volume(VolumeId::new("vol-0123456789abcdef0").unwrap())]),
        unbind: BTreeSet::from([Bound::Instance(instance())]),
        action: None,
    }
}
