//! Random specs: reading never panics, agrees with the schema, and survives being written again.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panic")]

use std::sync::LazyLock;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};
use stateful_asg_core::spec::{INLINE_MAX, Spec, inline_length, inline_notices, json_schema, source_of};

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| jsonschema::validator_for(&json_schema()).unwrap());

/// Every way in which a whole number may be written.
fn number(range: std::ops::RangeInclusive<u32>) -> BoxedStrategy<Value> {
    range.prop_flat_map(|n| prop_oneof![Just(json!(n)), Just(json!(n.to_string())), Just(json!(f64::from(n)))]).boxed()
}

fn time(seconds: std::ops::RangeInclusive<u32>) -> BoxedStrategy<Value> {
    prop_oneof![number(seconds), Just(json!("90s")), Just(json!("30m")), Just(json!("6h")), Just(json!("1d"))].boxed()
}

fn or_null(value: impl Strategy<Value = Value> + 'static) -> BoxedStrategy<Value> {
    prop_oneof![3 => value, 1 => Just(Value::Null)].boxed()
}

fn word(words: &'static [&'static str]) -> BoxedStrategy<Value> {
    or_null(proptest::sample::select(words).prop_map(|word| json!(word)))
}

/// A size, a type, and what that type takes at that size.
fn performance() -> BoxedStrategy<(Value, Value, Value, Value)> {
    let size = prop_oneof![number(200..=1_000), Just(json!("300GiB")), Just(json!("200 GiB"))];
    let kinds = prop_oneof![
        (
            word(&["gp2", "st1", "sc1", "standard"]).prop_filter("null is gp3", |kind| !kind.is_null()),
            Just(Value::Null),
            Just(Value::Null)
        ),
        (number(100..=10_000)).prop_map(|iops| (json!("io1"), iops, Value::Null)),
        (number(100..=200_000)).prop_map(|iops| (json!("io2"), iops, Value::Null)),
        (word(&["gp3"]), or_null(number(3_000..=80_000)), or_null(number(125..=750))),
    ];
    (size, kinds).prop_map(|(size, (kind, iops, throughput))| (size, kind, iops, throughput)).boxed()
}

fn volume() -> BoxedStrategy<Value> {
    let rest = (
        or_null(prop_oneof![Just(json!(true)), Just(json!("true"))]),
        or_null(Just(json!("alias/key"))),
        or_null(Just(json!("snap-0123456789abcdef0"))),
        word(&["ext4", "xfs"]),
        or_null("[a-z]{1,8}(,[a-z0-9=._-]{1,8}){0,3}".prop_map(Value::from)),
        or_null((any::<u16>(), any::<u16>()).prop_map(|(uid, gid)| json!(format!("{uid}:{gid}")))),
        or_null(number(100..=300)),
        prop_oneof![or_null(any::<bool>().prop_map(Value::from)), snapshots()],
    );
    (performance(), rest)
        .prop_map(|((size, kind, iops, throughput), (encrypted, kms_key, snapshot, fs, options, owner, rate, snapshots))| {
            json!({"size": size, "type": kind, "iops": iops, "throughput": throughput, "encrypted": encrypted, "kms_key": kms_key,
                "snapshot": snapshot, "fs": fs, "options": options, "owner": owner,
                "initialization_rate": rate, "snapshots": snapshots})
        })
        .boxed()
}

fn snapshots() -> BoxedStrategy<Value> {
    let keep = (number(1..=9), or_null(number(0..=9))).prop_map(|(last, daily)| json!({"last": last, "daily": daily}));
    (time(300..=31_536_000).prop_filter("under five minutes", |t| t != "90s"), or_null(keep))
        .prop_map(|(every, keep)| json!({"every": every, "keep": keep}))
        .boxed()
}

/// A word, or an object that holds a bound.
fn word_or_bound(words: &'static [&'static str], bound: &'static str) -> BoxedStrategy<Value> {
    let bounds = time(300..=31_536_000).prop_filter("under five minutes", |t| t != "90s");
    prop_oneof![word(words), bounds.prop_map(move |time| json!({ bound: time }))].boxed()
}

/// Volumes with a directory each; some are like another, or attached only.
fn volumes() -> BoxedStrategy<Value> {
    (btree_map("[a-z][a-z0-9-]{0,20}", volume(), 1..5), any::<bool>(), any::<bool>())
        .prop_map(|(mut volumes, like, raw)| {
            let first = volumes.keys().next().cloned();
            for (index, (name, volume)) in volumes.iter_mut().enumerate() {
                volume["mount"] = json!(format!("/data/{name}"));
                if like && index > 0 {
                    *volume = json!({"like": first, "mount": volume["mount"], "size": volume["size"]});
                    volume["size"] = Value::Null;
                }
                if raw && index == 0 && !like {
                    volume["fs"] = json!("none");
                    for field in ["mount", "options", "owner"] {
                        volume[field] = Value::Null;
                    }
                }
            }
            json!(volumes)
        })
        .boxed()
}

fn eni() -> BoxedStrategy<Value> {
    let subnets = prop_oneof![Just(json!("group")), Just(json!(["subnet-0aaa", null, "subnet-0bbb"]))];
    let groups = prop_oneof![Just(json!("group")), Just(json!(["sg-0aaa"]))];
    (or_null(subnets), or_null(groups))
        .prop_map(|(s, g)| json!({"kind": "eni", "subnets": s, "security_groups": g}))
        .boxed()
}

fn dns() -> BoxedStrategy<Value> {
    let names = prop_oneof![
        Just((json!("Node-{slot}.Prod.Internal."), Value::Null)),
        Just((json!("n{slot}.x"), json!("ALL.x."))),
        Just((Value::Null, json!("all.x"))),
    ];
    let zones = prop_oneof![Just("Z1"), Just("/hostedzone/Z0123")];
    (zones, names, or_null(time(0..=86_400)))
        .prop_map(|(zone, (slot, group), ttl)| json!({"zone": zone, "slot": slot, "group": group, "ttl": ttl}))
        .boxed()
}

fn valid() -> BoxedStrategy<Value> {
    let hours = || or_null(time(3_600..=1_000_000).prop_filter("under an hour", |t| t != "90s" && t != "30m"));
    let slots = (or_null(number(1..=400)), or_null(time(0..=1_000_000)), hours())
        .prop_map(|(m, r, retire)| json!({"max": m, "reuse_within": r, "retire_after": retire}));
    let zones = (word_or_bound(&["never", "final"], "stale_up_to"), hours())
        .prop_map(|(to, keep)| json!({"move": to, "keep_source": keep}));
    let growth = or_null(number(1..=100)).prop_map(|at_once| json!({ "at_once": at_once }));
    let launch = (word(&["attached"]), or_null(time(30..=172_800)), or_null(time(30..=172_800)))
        .prop_map(|(ready, wait, surge)| json!({"ready": ready, "wait": wait, "surge_wait": surge}));
    let terminate =
        (or_null(time(0..=172_800)), or_null(number(1..=10_000))).prop_map(|(d, a)| json!({"drain": d, "at_once": a}));
    let text = prop_oneof![
        "\\PC{0,40}".prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from)
    ];
    let tags = btree_map("[^\\p{Cc}:]{1,40}", or_null(text), 0..5).prop_map(|tags| json!(tags));
    let sections = (
        or_null(slots),
        or_null(eni()),
        or_null(dns()),
        or_null(launch),
        or_null(terminate),
        or_null(snapshots()),
        or_null(tags),
        (or_null(zones), word_or_bound(&["wait", "blank"], "snapshot_up_to"), or_null(growth)),
    );
    (number(1..=1), word(&["full", "no_deletes", "observe"]), volumes(), sections)
        .prop_map(|(v, mode, volumes, (slots, address, dns, launch, terminate, snapshots, tags, data))| {
            let (zones, data_lost, growth) = data;
            with_snapshots_for_bounds(json!({"v": v, "mode": mode, "volumes": volumes, "slots": slots, "address": address, "dns": dns, "launch": launch,
                "terminate": terminate, "snapshots": snapshots, "tags": tags, "zones": zones, "data_lost": data_lost, "growth": growth}))
        })
        .boxed()
}

/// Gives every volume snapshots where a bound on their age asks for them.
fn with_snapshots_for_bounds(mut spec: Value) -> Value {
    if spec["zones"]["move"].is_object() || spec["data_lost"].is_object() {
        if spec["snapshots"].is_null() {
            spec["snapshots"] = json!({"every": "1h"});
        }
        for volume in spec["volumes"].as_object_mut().unwrap().values_mut() {
            if volume["snapshots"] == false {
                volume["snapshots"] = json!(true);
            }
        }
    }
    spec
}

/// Values of all kinds, near to those that a spec holds.
fn anything() -> BoxedStrategy<Value> {
    let text = prop_oneof![
        3 => proptest::sample::select(vec![
            "1", "3000", "50GiB", "2TiB", "50 GB", "50 ", "30m", "9d", "1.5h", "99999999999", "group", "wait", "final", "never", "none", "xfs", "gp3",
            "io1", "true", "/data", "/etc/x", "data", "n{slot}.x", "{slot}{slot}", "a.", "Z1", "0:0", "/dev/sdf", "snap-0aaa", "eni", "", "+5", "007",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[0-9]{1,12} ?[a-zA-Z]{0,3}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..9_000i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    let key = prop_oneof![
        4 => proptest::sample::select(vec![
            "v", "mode", "slots", "max", "volumes", "data", "log", "like", "size", "type", "iops", "mount", "fs", "address", "kind", "subnets", "dns",
            "zone", "slot", "group", "tags", "launch", "wait", "ready", "snapshots", "every", "keep", "last", "zones", "move", "stale_up_to", "aws:x",
            "data_lost", "snapshot_up_to", "growth", "at_once", "retire_after", "keep_source", "initialization_rate",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key.clone(), inner, 0..6).prop_map(|map| json!(map))
        ]
    })
    .boxed()
}

/// All places in a tree.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    for (key, inner) in value.as_object().into_iter().flatten() {
        places(inner, &format!("{here}/{}", escaped(key)), found);
    }
    for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
        places(inner, &format!("{here}/{index}"), found);
    }
}

/// What is accepted fits the schema.
fn agree(value: &Value) -> Result<bool, TestCaseError> {
    let text = value.to_string();
    let Ok(parsed) = Spec::parse(&text) else { return Ok(false) };
    // A tree of serde_json drops no field, so the schema sees what was parsed.
    if let Err(error) = SCHEMA.validate(value) {
        return Err(TestCaseError::fail(format!(
            "accepted, but the schema says: {error} at {}\n{text}\n{parsed:?}",
            error.instance_path()
        )));
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        let _ = Spec::parse(&text);
        let _ = source_of(&text);
        let _ = Spec::compact(&text);
        let _ = inline_notices(&text);
    }

    #[test]
    fn any_json_is_answered(value in anything()) {
        agree(&value)?;
        let _ = source_of(&value.to_string());
    }

    #[test]
    fn a_valid_spec_is_accepted_fits_the_schema_and_survives_being_written(value in valid()) {
        let text = value.to_string();
        let parsed = Spec::parse(&text).map_err(|problems| TestCaseError::fail(format!("{problems}\n{text}")))?;
        prop_assert!(agree(&value)?);
        let compact = Spec::compact(&text).unwrap();
        prop_assert!(compact.bytes().all(|b| (0x20..0x7f).contains(&b)), "{compact}");
        prop_assert!(!compact.contains("null,") && compact.len() <= text.len() * 6);
        prop_assert!(inline_length(&compact) > INLINE_MAX || inline_notices(&compact).is_empty());
        prop_assert_eq!(&Spec::parse(&compact).unwrap(), &parsed);
        let serialized = serde_json::to_string(&parsed.spec).unwrap();
        let again = Spec::parse(&serialized).map_err(|problems| TestCaseError::fail(format!("{problems}\n{serialized}")))?;
        prop_assert_eq!(&again.spec, &parsed.spec);
    }

    #[test]
    fn a_valid_spec_with_something_else_somewhere_agrees_with_the_schema(mut value in valid(), other in anything(), at in any::<proptest::sample::Index>()) {
        let mut all = Vec::new();
        places(&value, "", &mut all);
        let place: &String = at.get(&all);
        *value.pointer_mut(place).unwrap() = other;
        agree(&value)?;
    }
}
