//! Every problem of a spec is named, all at once, each with its place.

use serde_json::{Value, json};
use stateful_asg_core::spec::Spec;

/// The problems of a spec, one a line.
fn problems(spec: &Value) -> String {
    Spec::parse(&spec.to_string()).expect_err("there is something wrong").to_string()
}

/// A spec with something wrong in every corner.
const BAD: &str = r#"
{
    "v": 2, "mode": "no_delete", "slot": {}, "volums": {},
    "slots": {"max": 10001, "reuse_within": "9 days", "retire_after": "0d"},
    "volumes": {
        "Data": {"size": 1},
        "bulk": {"size": "500GB", "type": "gp4", "iops": "many", "mount": "/srv/b", "filesystem": "xfs"},
        "data": {"size": 20, "iops": 16000, "throughput": 5000, "encrypted": "no", "kms_key": "alias/a b", "mount": "/etc/db",
            "owner": "root", "options": "noatime; rm", "device": "/dev/sda1", "snapshot": "snap-X"},
        "fast": {"size": "1GiB", "type": "io2", "mount": "/srv/x", "device": "/dev/sdf", "initialization_rate": 301, "snapshots": "no"},
        "log": {"like": "dta", "size": 1.5, "mount": "/srv/x", "device": "/dev/xvdf"},
        "open": {"size": 1, "encrypted": false, "kms_key": "alias/a", "mount": "/srv/o", "snapshots": {"keep": {"last": 0}}},
        "text": "50GiB"
    },
    "address": {"kind": "secondary_ip", "subnets": "subnet-0aaa", "security_groups": ["sg-0aaa", "sg-0aaa", 7, "web"]},
    "dns": {"zone": "prod.internal", "slot": "cass.prod", "ttl": "2d"},
    "zones": {"move": {"stale_upto": "1h"}, "keep_source": "59m"}, "data_lost": {"snapshot_up_to": "4m"}, "growth": {"at_once": 101},
    "launch": {"ready": "healthy", "wait": "3d", "surge_wait": -5}, "terminate": {"drain": true, "at_once": 0},
    "snapshots": {"every": "1m", "keep": {"dayly": 7}},
    "tags": {"aws:x": "1", "a.b": {}}
}
"#;

/// A person reviews this text.
#[test]
fn every_problem_is_named_at_once() {
    insta::assert_snapshot!(Spec::parse(BAD).unwrap_err(), @r#"
    address.kind: this version does not offer `secondary_ip` yet; it takes instance, eni
    address.security_groups[1]: is listed twice; keep one
    address.security_groups[2]: must be text, not 7
    address.security_groups[3]: `web` is not a security group ID such as sg-0123456789abcdef0
    address.subnets: must be "group" or a list of subnet IDs, not "subnet-0aaa"
    data_lost.snapshot_up_to: must be from 5m to 365d, not "4m"
    dns.slot: must be a DNS name that holds {slot} exactly once, such as "node-{slot}.prod.internal"
    dns.ttl: must be from 0s to 1d, not "2d"
    dns.zone: `prod.internal` is not a hosted zone ID such as Z0123456789ABCDEFGHIJ
    growth.at_once: must be from 1 to 100, not 101
    launch.ready: "healthy" is not known here; known are attached, mounted
    launch.surge_wait: must be a duration such as "90s", "30m", "6h", "9d", "1w" or whole seconds, not -5
    launch.wait: must be from 30s to 2d, not "3d"
    mode: "no_delete" is not known here; did you mean `no_deletes`?
    slot: is not a field here; did you mean `slots`?
    slots.max: must be from 1 to 10000, not 10001
    slots.retire_after: must be from 1h to 3650d, not "0d"
    slots.reuse_within: must be a duration such as "90s", "30m", "6h", "9d", "1w" or whole seconds, not "9 days"
    snapshots.every: must be from 5m to 365d, not "1m"
    snapshots.keep: keeps nothing; give at least one of last, hourly, daily, weekly and monthly
    snapshots.keep.dayly: is not a field here; did you mean `daily`?
    tags."a.b": must be text, not an object
    tags."aws:x": keys that begin with `aws:` are for AWS alone
    terminate.at_once: must be from 1 to 10000, not 0
    terminate.drain: must be a duration such as "90s", "30m", "6h", "9d", "1w" or whole seconds, not true
    v: must be 1, the one version that is known here, not 2
    volumes.Data: `Data` is not a volume name: 1 to 32 lower-case letters, digits or `-`, beginning with a letter
    volumes.bulk.filesystem: is not a field here; known are like, size, type, iops, throughput, encrypted, kms_key, snapshot, initialization_rate, mount, fs, options, owner, device, snapshots
    volumes.bulk.iops: must be a whole number from 100 to 256000, not "many"
    volumes.bulk.size: is "500GB", but EBS counts in GiB of 2^30 bytes: give a whole number of GiB, such as 50, "50GiB" or "2TiB"
    volumes.bulk.type: "gp4" is not known here; known are gp2, gp3, io1, io2, st1, sc1, standard
    volumes.data.device: must be a device name for a data volume: /dev/sdb to /dev/sdz (/dev/sdf to /dev/sdp are best), or /dev/xvdb to /dev/xvddx
    volumes.data.encrypted: must be true or false, not "no"
    volumes.data.iops: 16000 IOPS are too many for 20 GiB of gp3, which takes 500 a GiB: at most 10000
    volumes.data.kms_key: must be a KMS key's ID or ARN, or `alias/NAME`
    volumes.data.mount: is `/etc` or below it, which belongs to the system; mount under /data, /srv, /mnt or /var/lib, for instance
    volumes.data.options: must be mount options joined with commas, each of letters, digits and `._=:-`, such as "nodev,nosuid,noatime"
    volumes.data.owner: must be the numbers of a user and a group, such as "999:999"
    volumes.data.snapshot: `snap-X` is not a snapshot ID such as snap-0123456789abcdef0
    volumes.data.throughput: must be from 125 to 2000, not 5000
    volumes.fast.initialization_rate: must be from 100 to 300, not 301
    volumes.fast.iops: is required for io2
    volumes.fast.size: io2 volumes have 4 to 65536 GiB, not 1
    volumes.fast.snapshots: must be true, false or an object, not "no"
    volumes.log.device: is asked for by `fast` too; choose another
    volumes.log.like: there is no volume `dta`; did you mean `data`?
    volumes.log.mount: is where `fast` is mounted too; choose another
    volumes.log.size: must be a whole number of GiB, such as 50, "50GiB" or "2TiB", not 1.5
    volumes.open.kms_key: is for encrypted volumes; leave it out, or `encrypted` at true
    volumes.open.snapshots.keep: keeps nothing; give at least one of last, hourly, daily, weekly and monthly
    volumes.text: must be an object, not "50GiB"
    volums: is not a field here; did you mean `volumes`?
    zones.keep_source: must be from 1h to 3650d, not "59m"
    zones.move.stale_up_to: is required, such as "1h"
    zones.move.stale_upto: is not a field here; did you mean `stale_up_to`?
    "#);
}

#[test]
fn fields_given_twice_are_refused_at_every_level() {
    let text =
        r#"{"v":1,"v":2,"volumes":{"data":{"size":1,"size":2,"mount":"/d"},"data":{}},"tags":{"a":"b","a":"c"}}"#;
    insta::assert_snapshot!(Spec::parse(text).unwrap_err(), @r#"
    tags.a: is given twice; keep one
    v: is given twice; keep one
    volumes.data: is given twice; keep one
    volumes.data.size: is given twice; keep one
    "#);
}

#[test]
fn what_is_no_json_object_says_so() {
    let said = |text: &str| Spec::parse(text).unwrap_err().to_string();
    let depth = "[".repeat(1_000);
    let all: Vec<String> =
        ["", "{", "[]", "null", "{} {}", r#""{\"v\":1}""#, r#"{"v":01}"#, &depth].into_iter().map(said).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    the spec is empty; the smallest is {"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}
    the spec is not JSON: EOF while parsing an object at line 1 column 1
    the spec must be a JSON object
    the spec must be a JSON object
    the spec is not JSON: trailing characters at line 1 column 4
    the spec is text that holds JSON: it was encoded twice, encode it once
    the spec is not JSON: invalid number at line 1 column 7
    the spec is not JSON: recursion limit exceeded at line 1 column 128
    "#);
    assert!(said(&format!("{{\"v\":\"{}\"}}", "1".repeat(70_000))).contains("at most 65536"));
}

#[test]
fn like_without_an_end_is_refused() {
    let volume = |like: &str| json!({"like": like, "mount": format!("/m/{like}"), "size": 1});
    let spec = json!({"v": 1, "volumes": {"a": volume("b"), "b": volume("a"), "c": volume("c"), "d": volume("dota"), "data": {"size": 1, "mount": "/d"}}});
    insta::assert_snapshot!(problems(&spec), @r#"
    volumes.a.like: goes round in a circle: a like b like a
    volumes.b.like: goes round in a circle: b like a like b
    volumes.c.like: goes round in a circle: c like c
    volumes.d.like: there is no volume `dota`; did you mean `data`?
    "#);
}
