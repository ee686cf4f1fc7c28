//! What a spec means, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};
use stateful_asg_core::ids::{DnsName, SlotNumber};
use stateful_asg_core::spec::{
    Address, AddressKind, Choice, DataLost, Filesystem, INLINE_MAX, Launch, Limits, Mode, Owner, Problem, Slots,
    Source, Spec, Terminate, VolumeParams, VolumeType, Zones, inline_length, inline_notices, source_of,
};

fn parsed(spec: &Value) -> Spec {
    Spec::parse(&spec.to_string()).unwrap_or_else(|problems| panic!("{problems}")).spec
}

/// The problems of a spec, one a line.
fn problems(spec: &Value) -> String {
    Spec::parse(&spec.to_string()).expect_err("there is something wrong").to_string()
}

/// The smallest spec with other fields for its volume.
fn with_volume(fields: Value) -> Value {
    let mut volume = json!({"size": 100, "mount": "/data"});
    for (name, value) in fields.as_object().into_iter().flatten() {
        volume[name] = value.clone();
    }
    json!({"v": 1, "volumes": {"data": volume}})
}

#[test]
fn the_smallest_spec_has_the_defaults() {
    let spec = parsed(&json!({"v": 1, "volumes": {"data": {"size": "20GiB", "mount": "/data"}}}));
    assert_eq!(spec.mode, Mode::Full);
    assert_eq!(spec.slots, Slots { max: None, reuse_within: None, retire_after: None });
    assert_eq!(
        spec.address,
        Address { kind: AddressKind::Instance, subnets: Choice::Group, security_groups: Choice::Group }
    );
    assert_eq!((spec.dns, spec.zones, spec.data_lost, spec.snapshots), (None, Zones::default(), DataLost::Wait, None));
    let (half, ten) = (Duration::from_secs(1_800), Duration::from_secs(600));
    assert_eq!(spec.launch, Launch { wait: half, surge_wait: ten, ..Launch::default() });
    assert_eq!(spec.terminate, Terminate { drain: ten, at_once: 1 });
    let data = &spec.volumes[&"data".parse().unwrap()];
    let (iops, throughput) = (None, None);
    let expected = VolumeParams {
        size_gib: 20,
        kind: VolumeType::Gp3,
        iops,
        throughput,
        encrypted: true,
        kms_key: None,
        snapshot: None,
        initialization_rate: None,
    };
    assert_eq!(data.params, expected);
    assert_eq!((data.fs, data.options.as_str()), (Filesystem::Ext4, "nodev,nosuid"));
    assert_eq!((&data.owner, &data.device), (&None, &None));
    assert_eq!(data.mount.as_ref().unwrap().as_str(), "/data");
}

#[test]
fn numbers_sizes_durations_and_flags_come_in_every_spelling() {
    let text = json!({"v": "1", "slots": {"max": "6", "reuse_within": "9d"}, "launch": {"wait": 90, "surge_wait": "45"},
        "terminate": {"drain": "1h"}, "volumes": {"data": {"size": "2TiB", "iops": "6000", "throughput": 500.0, "encrypted": "false",
        "mount": "/data", "owner": "999:1000"}, "log": {"size": "50", "mount": "/log"}}});
    let spec = parsed(&text);
    let nine_days = Duration::from_secs(9 * 86_400);
    assert_eq!(spec.slots, Slots { max: Some(6), reuse_within: Some(nine_days), retire_after: None });
    assert_eq!(
        (spec.launch.wait.as_secs(), spec.launch.surge_wait.as_secs(), spec.terminate.drain.as_secs()),
        (90, 45, 3_600)
    );
    let data = &spec.volumes[&"data".parse().unwrap()];
    assert_eq!((data.params.size_gib, data.params.iops, data.params.throughput), (2_048, Some(6_000), Some(500)));
    assert_eq!((data.params.encrypted, data.owner), (false, Some(Owner { uid: 999, gid: 1_000 })));
    assert_eq!(spec.volumes[&"log".parse().unwrap()].params.size_gib, 50);
}

#[test]
fn null_is_absent_at_every_level() {
    let nulls = json!({"v": 1, "mode": null, "slots": null, "address": {"kind": null, "subnets": null}, "dns": null, "tags": {"a": null},
        "launch": {"wait": null}, "snapshots": null, "volumes": {"data": {"size": 20, "mount": "/data", "iops": null}, "gone": null}});
    assert_eq!(parsed(&nulls), parsed(&json!({"v": 1, "volumes": {"data": {"size": 20, "mount": "/data"}}})));
}

#[test]
fn like_gives_all_fields_but_the_directory_and_the_device() {
    let spec = parsed(&json!({"v": 1, "volumes": {
        "data": {"size": 500, "iops": 6000, "kms_key": "alias/k", "mount": "/data", "fs": "xfs", "options": "noatime", "owner": "9:9", "device": "/dev/sdf"},
        "log": {"like": "data", "size": 50, "mount": "/log"},
        "tail": {"like": "log", "iops": 4000, "mount": "/tail"}}}));
    let [data, log, tail] = ["data", "log", "tail"].map(|name| &spec.volumes[&name.parse().unwrap()]);
    assert_eq!(log.params, VolumeParams { size_gib: 50, ..data.params.clone() });
    assert_eq!(tail.params, VolumeParams { iops: Some(4_000), ..log.params.clone() });
    assert_eq!((log.fs, &log.options, log.owner), (Filesystem::Xfs, &"noatime".to_owned(), data.owner));
    assert_eq!((&log.device, log.mount.as_ref().unwrap().as_str()), (&None, "/log"));
}

/// Every bound of a type, at it and one past it.
#[test]
fn performance_is_held_to_the_type() {
    for (ok, wrong) in [
        (json!({"type": "gp3", "size": 65_536}), json!({"type": "gp3", "size": 65_537})),
        (json!({"type": "gp2", "size": 16_384}), json!({"type": "gp2", "size": 16_385})),
        (json!({"type": "st1", "size": 125}), json!({"type": "st1", "size": 124})),
        (json!({"type": "standard", "size": 1_024}), json!({"type": "standard", "size": 1_025})),
        (json!({"type": "io1", "size": 4, "iops": 200}), json!({"type": "io1", "size": 3, "iops": 100})),
        (json!({"type": "io1", "size": 4, "iops": 200}), json!({"type": "io1", "size": 4, "iops": 201})),
        (json!({"type": "io1", "size": 9_999, "iops": 64_000}), json!({"type": "io1", "size": 9_999, "iops": 64_001})),
        (json!({"type": "io2", "size": 4, "iops": 4_000}), json!({"type": "io2", "size": 4, "iops": 4_001})),
        (json!({"type": "io2", "iops": 100}), json!({"type": "io2"})),
        (json!({"size": 1, "iops": 3_000}), json!({"size": 1, "iops": 3_001})),
        (json!({"size": 8, "iops": 4_000}), json!({"size": 8, "iops": 4_001})),
        (json!({"iops": 3_000}), json!({"iops": 2_999})),
        (json!({"size": 200, "iops": 80_000}), json!({"size": 200, "iops": 80_001})),
        (json!({"throughput": 750}), json!({"throughput": 751})),
        (json!({"throughput": 2_000, "iops": 8_000}), json!({"throughput": 2_000, "iops": 7_999})),
        (json!({"throughput": 125}), json!({"throughput": 124})),
        (json!({"type": "gp2"}), json!({"type": "gp2", "iops": 3_000})),
        (json!({"type": "io1", "iops": 100}), json!({"type": "io1", "iops": 100, "throughput": 125})),
    ] {
        parsed(&with_volume(ok));
        let said = problems(&with_volume(wrong.clone()));
        assert_eq!(said.lines().count(), 1, "{wrong}: {said}");
    }
}

#[test]
fn directories_of_the_system_and_odd_paths_are_refused() {
    for path in [
        "/",
        "/etc",
        "/etc/cassandra",
        "/usr/local/data",
        "/proc",
        "/sys",
        "/dev/shm",
        "/boot",
        "/bin",
        "/lib",
        "/lib64/x",
        "/run/x",
        "/var/run/x",
        "/var",
        "/var/lib",
        "/home",
        "data",
        "",
        "/data/",
        "//data",
        "/data/../etc",
        "/data/./x",
        "/da ta",
        "/data;rm",
        "/d$x",
        "/d\n",
        "/dätä",
        "/~",
    ] {
        let said = problems(&with_volume(json!({"mount": path})));
        assert!(said.starts_with("volumes.data.mount: ") && said.lines().count() == 1, "{path}: {said}");
    }
    problems(&with_volume(json!({"mount": format!("/{}", "d".repeat(200))})));
    for path in ["/data", "/var/lib/cassandra", "/mnt/a-b_c.d", "/etcetera", "/library", "/home/db", "/.x"] {
        parsed(&with_volume(json!({ "mount": path })));
    }
}

#[test]
fn a_volume_without_a_filesystem_has_no_directory() {
    let raw = parsed(&json!({"v": 1, "volumes": {"raw": {"size": 1, "fs": "none"}}}));
    assert_eq!(raw.volumes[&"raw".parse().unwrap()].mount, None);
    let spec = json!({"v": 1, "launch": {"ready": "mounted"}, "volumes": {"raw": {"size": 1, "fs": "none", "mount": "/x", "owner": "1:1"}, "db": {"size": 1}}});
    insta::assert_snapshot!(problems(&spec), @r#"
    volumes.db.mount: is required, such as "/data", unless fs is "none"
    volumes.raw.mount: counts only for a volume that is mounted, and its fs is "none"; leave this out
    volumes.raw.owner: counts only for a volume that is mounted, and its fs is "none"; leave this out
    "#);
    let spec = json!({"v": 1, "launch": {"ready": "mounted"}, "volumes": {"raw": {"size": 1, "fs": "none"}}});
    insta::assert_snapshot!(problems(&spec), @r#"launch.ready: every volume has fs "none", so none is mounted; say "attached""#);
}

#[test]
fn a_spec_needs_something_to_keep() {
    parsed(&json!({"v": 1, "address": {"kind": "eni"}}));
    parsed(&json!({"v": 1, "dns": {"zone": "Z1", "group": "x.y", "slot": "x-{slot}.y"}}));
    parsed(&json!({"v": 1, "volumes": {}, "address": {"kind": "eni"}}));
    for empty in
        [json!({"v": 1}), json!({"v": 1, "volumes": {}}), json!({"v": 1, "volumes": {"data": null}, "dns": null})]
    {
        assert!(problems(&empty).starts_with("volumes: there is nothing to keep"), "{empty}");
    }
}

#[test]
fn names_are_kept_in_one_spelling() {
    let spec = parsed(
        &json!({"v": 1, "dns": {"zone": "/hostedzone/Z1", "slot": "Cass-{slot}.Prod.", "group": "Seeds.Prod.", "ttl": 60}}),
    );
    let dns = spec.dns.unwrap();
    assert_eq!((dns.zone.as_str(), dns.group.unwrap().as_str(), dns.ttl), ("Z1", "seeds.prod", 60));
    let template = dns.slot.unwrap();
    assert_eq!(template.name(SlotNumber(12)).as_str(), "cass-12.prod");
    let slot_of = |name: &str| template.slot_of(&DnsName::new(name).unwrap());
    assert_eq!(slot_of("cass-12.prod"), Some(SlotNumber(12)));
    assert_eq!(
        [slot_of("cass-012.prod"), slot_of("cass-x.prod"), slot_of("cass-1.prod2"), slot_of("x-1.prod")],
        [None; 4]
    );
}

#[test]
fn names_that_are_none_or_collide_are_refused() {
    for slot in [
        "cass",
        "{slot}{slot}",
        "a b{slot}",
        "-{slot}",
        "{Slot}.x",
        "{slot}..x",
        &format!("{{slot}}{}", "a".repeat(54)),
    ] {
        let said = problems(&json!({"v": 1, "dns": {"zone": "Z1", "slot": slot}}));
        assert!(said.starts_with("dns.slot: ") && said.lines().count() == 1, "{slot}: {said}");
    }
    let dns = |dns: Value, max: u32| json!({"v": 1, "slots": {"max": max}, "dns": dns});
    assert!(problems(&dns(json!({"zone": "Z1", "slot": "n{slot}.x", "group": "N7.x"}), 1)).contains("slot 7"));
    parsed(&dns(json!({"zone": "Z1", "group": "all.x"}), 400));
    parsed(&dns(json!({"zone": "Z1", "slot": "n{slot}.x"}), 401));
    assert!(
        problems(&dns(json!({"zone": "Z1", "group": "all.x"}), 401)).starts_with("dns.group: one record holds 400")
    );
    assert!(problems(&dns(json!({"zone": "Z1"}), 1)).starts_with("dns: must set `slot`"));
}

#[test]
fn what_is_allowed_but_odd_is_a_notice() {
    let spec = json!({"v": 1, "dns": {"zone": "Z1", "group": "all.x", "ttl": 61}});
    let notices = Spec::parse(&spec.to_string()).unwrap().notices;
    let paths: Vec<&str> = notices.iter().map(|notice| notice.path.as_str()).collect();
    assert_eq!(paths, ["dns.ttl"], "{notices:?}");
    let spec = json!({"v": 1, "dns": {"zone": "Z1", "group": "all.x", "ttl": 60}, "snapshots": {"every": "5m"}});
    let quiet = Spec::parse(&spec.to_string()).unwrap();
    assert_eq!(quiet.notices, []);
}

#[test]
fn tags_are_held_to_the_rules_of_aws() {
    let tags = |tags: Value| json!({"v": 1, "address": {"kind": "eni"}, "tags": tags});
    let most: serde_json::Map<String, Value> = (0..40).map(|n| (format!("k{n}"), json!(n))).collect();
    assert_eq!(parsed(&tags(json!(most))).tags["k7"], "7");
    let mut more = most;
    more.insert("one more".to_owned(), json!("x"));
    assert_eq!(problems(&tags(json!(more))), "tags: are 41; at most 40 fit beside our own");
    parsed(&tags(json!({"k".repeat(128): "ä".repeat(256), "Name": ""})));
    for (key, value) in [
        ("aws:x", json!("")),
        ("AWS:x", json!("")),
        ("stateful-asg:slot", json!("1")),
        ("", json!("")),
        ("k\n", json!("")),
        ("k", json!("v\u{7}")),
        ("k", json!([])),
        ("k", json!(1.5)),
        ("k", json!("v".repeat(257))),
        (&"k".repeat(129), json!("")),
    ] {
        let said = problems(&tags(json!({key: value})));
        assert_eq!(said.lines().count(), 1, "{key:?}: {said}");
    }
}

#[test]
fn the_hook_says_where_the_spec_stands() {
    let inline = r#"{"v":1,"spec":null}"#;
    assert_eq!(source_of(inline), Ok(Source::Inline(inline.to_owned())));
    assert_eq!(source_of(r#" {"spec":"table"} "#), Ok(Source::Table));
    let all: Vec<String> = [r#"{"spec":"s3"}"#, r#"{"spec":"table","v":1}"#, "", "please"]
        .map(|text| source_of(text).unwrap_err().to_string())
        .into();
    insta::assert_snapshot!(all.join("\n"), @r#"
    spec: must be "table", or absent where the spec stands here, not "s3"
    v: cannot stand beside `spec`: the spec is either here or in the table
    the spec is empty; the smallest is {"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}
    the spec is not JSON: expected value at line 1 column 1
    "#);
}

#[test]
fn the_compact_form_is_short_and_ascii() {
    let text = "{ \"v\" : 1, \"mode\": null,\n \"address\": {\"kind\": \"eni\", \"subnets\": [\"subnet-0aaa\", null]},\n \"tags\": {\"owner\": \"Zoë \u{1f600}\\n\u{7f}\"} }";
    let compact = Spec::compact(text).unwrap();
    let subnets = r#""address":{"kind":"eni","subnets":["subnet-0aaa"]}"#;
    assert!(compact.contains(subnets) && compact.contains(r#""v":1"#) && !compact.contains("mode"), "{compact}");
    assert!(compact.contains(r#""Zo\u00eb \ud83d\ude00\n\u007f""#), "{compact}");
    assert!(Spec::compact("{").is_err() && Spec::compact(r#"{"v":1,"v":1}"#).is_err());
}

#[test]
fn what_a_hook_cannot_hold_is_a_notice() {
    assert_eq!(inline_notices("{\n\t\"v\": 1 }\r"), []);
    assert_eq!(inline_notices(&" ".repeat(INLINE_MAX)), []);
    assert_eq!(inline_length("ë1"), 2);
    let said: Vec<String> = inline_notices(&"ë".repeat(INLINE_MAX + 1)).iter().map(Problem::to_string).collect();
    assert!(said.len() == 2 && said[0].contains("4001 characters") && said[1].contains("`ë`"), "{said:?}");
}

#[test]
fn the_deployment_sets_limits() {
    let spec = parsed(&json!({"v": 1, "volumes": {"data": {"size": 101, "kms_key": "alias/k", "mount": "/d"}},
        "address": {"kind": "eni", "subnets": ["subnet-0aaa", "subnet-0bbb"]}, "dns": {"zone": "Z1", "group": "x.y", "slot": "x-{slot}.y"}}));
    let group = "db-prod".parse().unwrap();
    assert_eq!(spec.check_limits(&group, &Limits::unlimited()), Ok(()));
    let wide = Limits {
        hosted_zones: "Z0, Z1".parse().unwrap(),
        names: "x-*.y, *.y".parse().unwrap(),
        kms_keys: "alias/k".parse().unwrap(),
        subnets: "subnet-0aaa,subnet-0bbb".parse().unwrap(),
        max_volume_gib: 101,
        groups: "web,db-*".parse().unwrap(),
        deletes: false,
    };
    assert_eq!(spec.check_limits(&group, &wide), Ok(()));
    let narrow = Limits {
        hosted_zones: "".parse().unwrap(),
        names: "x-1.y,*.z".parse().unwrap(),
        kms_keys: "alias/*".parse().unwrap(),
        subnets: "subnet-0bbb".parse().unwrap(),
        max_volume_gib: 100,
        groups: "db,web-*".parse().unwrap(),
        deletes: false,
    };
    insta::assert_snapshot!(spec.check_limits(&group, &narrow).unwrap_err(), @r#"
    the group `db-prod` is not served by this deployment, which serves db, web-*
    volumes.data.size: is 101 GiB; this deployment allows up to 100
    volumes.data.kms_key: `alias/k` is not a key that this deployment allows: alias/*
    address.subnets[0]: subnet-0aaa is not a subnet that this deployment allows: subnet-0bbb
    dns.zone: Z1 is not a zone that this deployment allows: none
    dns.slot: not every x-{slot}.y is a name that this deployment allows: x-1.y, *.z
    dns.group: x.y is not a name that this deployment allows: x-1.y, *.z
    "#);
    assert!("db*x".parse::<stateful_asg_core::spec::GroupPattern>().is_err());
}
