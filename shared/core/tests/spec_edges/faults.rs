//! One fault is one message, and what is no fault is none.

use serde_json::{Value, json};
use stateful_asg_core::spec::Spec;

use super::{address, problems, read, volume};

const ONLY: &str = "counts only for interfaces of the slots' own: set address.kind to \"eni\", or leave this out";

#[test]
fn subnets_and_security_groups_are_for_interfaces_of_the_slots_own() {
    let lists = json!({"subnets": ["subnet-0aaa"], "security_groups": ["sg-0aaa"]});
    let both = format!("address.security_groups: {ONLY}\naddress.subnets: {ONLY}");
    for kind in [Value::Null, json!("instance")] {
        let mut fields = lists.clone();
        fields["kind"] = kind;
        assert_eq!(problems(&address(fields)), both);
    }
    let mut fields = lists;
    fields["kind"] = json!("eni");
    read(&address(fields));
}

#[test]
fn a_kind_that_could_not_be_read_is_the_only_problem() {
    let said = problems(&address(json!({"kind": "enis", "subnets": ["subnet-0aaa"], "security_groups": ["sg-0aaa"]})));
    assert_eq!(said, "address.kind: \"enis\" is not known here; did you mean `eni`?");
    let said = problems(&volume(json!({"fs": "ntfs", "mount": null})));
    assert_eq!(said, "volumes.data.fs: \"ntfs\" is not known here; known are ext4, xfs, none");
}

#[test]
fn a_list_is_read_as_a_whole_or_not_at_all() {
    let subnets = |kind: &str, list: Value| problems(&address(json!({"kind": kind, "subnets": list})));
    let not_text = "address.subnets[1]: must be text, not 7";
    for kind in ["instance", "eni"] {
        assert_eq!(subnets(kind, json!(["subnet-0aaa", 7])), not_text, "{kind}");
        let empty = "address.subnets: is empty; list subnet IDs, or say \"group\"";
        assert_eq!(subnets(kind, json!([])), empty, "{kind}");
        assert_eq!(subnets(kind, json!([null])), empty, "{kind}");
        assert_eq!(subnets(kind, json!([7])), "address.subnets[0]: must be text, not 7", "{kind}");
    }
}

#[test]
fn what_a_later_version_will_take_is_told_apart_from_what_nobody_knows() {
    let kind = |kind: Value| problems(&address(json!({ "kind": kind })));
    let later = "address.kind: this version does not offer `secondary_ip` yet; it takes instance, eni";
    assert_eq!(kind(json!("secondary_ip")), later);
    assert_eq!(kind(json!({"secondary_ip": {"count": 1}})), later);
    let object = "address.kind: must be one of instance, eni, not an object";
    assert_eq!(kind(json!({"secondary_ip": {}, "to": 2})), object);
    assert_eq!(kind(json!({"eni": {}})), object);
    assert_eq!(kind(json!({})), object);
}

#[test]
fn a_name_is_suggested_where_one_alone_is_near() {
    let slots =
        |field: &str| problems(&json!({"v": 1, "slots": {field: 1}, "volumes": {"d": {"size": 1, "mount": "/d"}}}));
    let known = "known are max, reuse_within, retire_after";
    assert_eq!(slots("mx"), "slots.mx: is not a field here; did you mean `max`?");
    assert_eq!(slots("mix"), "slots.mix: is not a field here; did you mean `max`?");
    assert_eq!(slots("mi"), format!("slots.mi: is not a field here; {known}"));
    assert_eq!(slots("q"), format!("slots.q: is not a field here; {known}"));
    assert_eq!(slots("reusewthin"), "slots.reusewthin: is not a field here; did you mean `reuse_within`?");
    let mode = |word: &str| problems(&json!({"v": 1, "mode": word, "volumes": {"d": {"size": 1, "mount": "/d"}}}));
    assert_eq!(mode("fu"), "mode: \"fu\" is not known here; did you mean `full`?");
    assert_eq!(mode("f"), "mode: \"f\" is not known here; known are full, no_deletes, observe");
}

/// A hostile text fills no log, and one that fits is shown whole.
#[test]
fn a_text_is_shown_up_to_60_characters() {
    let mode = |length: usize| {
        problems(&json!({"v": 1, "mode": "x".repeat(length), "volumes": {"d": {"size": 1, "mount": "/d"}}}))
    };
    let sixty = "x".repeat(60);
    let unknown = "is not known here; known are full, no_deletes, observe";
    assert_eq!(mode(59), format!("mode: \"{}\" {unknown}", &sixty[1..]));
    assert_eq!(mode(60), format!("mode: \"{sixty}\" {unknown}"));
    for longer in [61, 62, 1_000] {
        assert_eq!(mode(longer), format!("mode: \"{sixty}...\" {unknown}"), "{longer}");
    }
}

#[test]
fn text_is_said_to_be_encoded_twice_only_where_it_begins_like_an_object() {
    for (text, expected) in [
        (r#""{\"v\":1}""#, "the spec is text that holds JSON: it was encoded twice, encode it once"),
        (r#"" {\"v\":1}""#, "the spec is text that holds JSON: it was encoded twice, encode it once"),
        (r#""table""#, "the spec must be a JSON object"),
        (r#""""#, "the spec must be a JSON object"),
        ("7", "the spec must be a JSON object"),
    ] {
        assert_eq!(Spec::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn performance_is_not_judged_by_a_type_or_figure_that_could_not_be_read() {
    let kinds = "gp2, gp3, io1, io2, st1, sc1, standard";
    let said = problems(&volume(json!({"type": "floppy", "iops": 16_000})));
    assert_eq!(said, format!("volumes.data.type: \"floppy\" is not known here; known are {kinds}"));
    let said = problems(&volume(json!({"size": 4, "type": "io1", "iops": "many"})));
    assert_eq!(said, "volumes.data.iops: must be a whole number from 100 to 256000, not \"many\"");
    // The template's type is not known: whether it takes this is judged when a volume is made.
    read(&volume(json!({"like": "vol-0123456789abcdef0", "iops": 16_000})));
}

#[test]
fn two_volumes_share_no_device_under_either_of_its_names() {
    let devices = |first: &str, second: &str| {
        json!({"v": 1, "volumes": {
            "data": {"size": 1, "mount": "/d", "device": first}, "log": {"size": 1, "mount": "/l", "device": second}}})
    };
    for (first, second) in [("/dev/sdf", "/dev/sdg"), ("/dev/sdf", "/dev/xvdg"), ("/dev/xvdb", "/dev/xvdba")] {
        read(&devices(first, second));
    }
    for (first, second) in [("/dev/sdf", "/dev/sdf"), ("/dev/sdf", "/dev/xvdf"), ("/dev/xvdba", "/dev/xvdba")] {
        let expected = "volumes.log.device: is asked for by `data` too; choose another";
        assert_eq!(problems(&devices(first, second)), expected, "{first} {second}");
    }
}

#[test]
fn only_volumes_whose_snapshots_are_further_apart_than_the_bound_are_named() {
    let every = |every: &str, mount: &str| json!({"size": 1, "mount": mount, "snapshots": {"every": every}});
    let spec = json!({"v": 1, "data_lost": {"snapshot_up_to": "6h"}, "volumes": {
        "often": every("5h", "/a"), "just": every("6h", "/b"), "late": every("7h", "/c"), "rare": every("2d", "/d")}});
    let notices = read(&spec).notices;
    let said: Vec<String> = notices.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        ["data_lost.snapshot_up_to: `late`, `rare` may have no snapshot as new as 6h: they are up to 2d apart; \
          take them more often, or allow older ones"]
    );
}
