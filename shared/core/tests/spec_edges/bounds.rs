//! Bounds: at them, and one past them.

use serde_json::{Map, Value, json};
use stateful_asg_core::spec::{GroupPattern, Limits, NamePattern, Owner, Spec};

use super::{address, problems, read, volume};

#[test]
fn an_interface_has_at_most_16_security_groups() {
    let groups = |count: u32| {
        let groups: Vec<String> = (0..count).map(|number| format!("sg-{number:08x}")).collect();
        address(json!({"kind": "eni", "security_groups": groups}))
    };
    for few in [1, 15, 16] {
        read(&groups(few));
    }
    for many in [17, 18] {
        let expected = format!("address.security_groups: lists {many}; an interface has at most 16");
        assert_eq!(problems(&groups(many)), expected);
    }
}

#[test]
fn a_slot_has_at_most_16_volumes() {
    let volumes = |count: u32| {
        let one = |number: u32| (format!("v{number}"), json!({"size": 1, "mount": format!("/d/{number}")}));
        let volumes: Map<String, Value> = (0..count).map(one).collect();
        json!({"v": 1, "volumes": volumes})
    };
    for few in [1, 15, 16] {
        assert_eq!(read(&volumes(few)).spec.volumes.len(), usize::try_from(few).unwrap());
    }
    for many in [17, 18] {
        assert_eq!(problems(&volumes(many)), format!("volumes: are {many}; a slot has at most 16"));
    }
}

#[test]
fn a_spec_of_65536_bytes_is_read_and_of_one_more_is_not() {
    let text = volume(json!({})).to_string();
    let padded = |length: usize| format!("{text}{}", " ".repeat(length - text.len()));
    for right in [65_535, 65_536] {
        assert!(Spec::parse(&padded(right)).is_ok(), "{right}");
    }
    let said = Spec::parse(&padded(65_537)).unwrap_err().to_string();
    assert_eq!(said, "the spec has 65537 bytes; at most 65536 are read");
}

#[test]
fn mount_options_end_at_200_characters() {
    for right in [199, 200] {
        let options = "o".repeat(right);
        let spec = read(&volume(json!({ "options": options }))).spec;
        assert_eq!(spec.volumes.values().next().unwrap().options, options);
    }
    for wrong in [201, 202] {
        let said = problems(&volume(json!({"options": "o".repeat(wrong)})));
        assert_eq!(said, "volumes.data.options: may have at most 200 characters", "{wrong}");
    }
}

#[test]
fn a_volume_as_large_as_the_deployment_allows_is_made() {
    let limits = |max_volume_gib: u32| Limits { max_volume_gib, ..Limits::unlimited() };
    let params = read(&volume(json!({"size": 100}))).spec.volumes.values().next().unwrap().params.clone();
    let none: [String; 0] = [];
    assert_eq!(params.problems(&limits(101)), none);
    assert_eq!(params.problems(&limits(100)), none);
    assert_eq!(params.problems(&limits(99)), ["size: is 100 GiB; this deployment allows up to 99"]);
}

#[test]
fn a_pattern_is_no_longer_than_a_dns_name() {
    assert!("a".repeat(253).parse::<NamePattern>().is_ok());
    let said = "a".repeat(254).parse::<NamePattern>().unwrap_err().to_string();
    assert!(said.ends_with(": it is longer than a DNS name"), "{said}");
}

/// Whoever sets the deployment's limits must not serve other groups than they wrote.
#[test]
fn a_groups_pattern_is_a_name_with_at_most_a_star_at_its_end() {
    let (db, web) = ("db-1".parse().unwrap(), "web".parse().unwrap());
    for (given, matches) in
        [("*", [true, true]), ("db-*", [true, false]), ("db-1", [true, false]), ("w*", [false, true])]
    {
        let pattern: GroupPattern = given.parse().unwrap();
        assert_eq!([pattern.matches(&db), pattern.matches(&web)], matches, "{given}");
    }
    for given in ["", " ", "db/*", "d b*", "**", "*-db", "db*x", "db,web"] {
        let said = given.parse::<GroupPattern>().expect_err(given).to_string();
        assert_eq!(said, format!("`{given}` is not a group's name, or the beginning of one and a `*`"));
    }
}

#[test]
fn an_owner_is_two_plain_numbers_and_not_the_one_that_chown_takes_for_nobody() {
    for (given, uid, gid) in [("0:0", 0, 0), ("999:1000", 999, 1_000), ("4294967294:7", 4_294_967_294, 7)] {
        assert_eq!(given.parse(), Ok(Owner { uid, gid }), "{given}");
    }
    for given in ["4294967295:1", "1:4294967295", "+5:5", "5:+5", "-1:1", ":", "1:", ":1", "1", "1:1:1", "4294967296:1"]
    {
        let said = given.parse::<Owner>().expect_err(given).to_string();
        assert_eq!(said, "must be the numbers of a user and a group, such as \"999:999\"", "{given}");
    }
}

#[test]
fn numbers_as_text_have_one_to_ten_digits_and_nothing_else() {
    let iops = |given: &str| volume(json!({"size": 100, "iops": given}));
    for (given, number) in [("3000", 3_000), ("0000003000", 3_000)] {
        assert_eq!(read(&iops(given)).spec.volumes.values().next().unwrap().params.iops, Some(number), "{given}");
    }
    for given in ["+3000", "00000003000", "", " 3000", "3_000", "3e3", "0xbb8"] {
        let expected = format!("volumes.data.iops: must be a whole number from 100 to 256000, not \"{given}\"");
        assert_eq!(problems(&iops(given)), expected);
    }
}

#[test]
fn a_size_is_in_gib_or_tib_and_a_person_learns_why_not_in_others() {
    let size = |given: &str| volume(json!({ "size": given }));
    for (given, gib) in [("50", 50), ("50GiB", 50), ("50 GiB", 50), ("2TiB", 2_048), ("2 TiB", 2_048)] {
        assert_eq!(read(&size(given)).spec.volumes.values().next().unwrap().params.size_gib, gib, "{given}");
    }
    let how = r#"a whole number of GiB, such as 50, "50GiB" or "2TiB""#;
    for given in ["50 ", "50  GiB", "50MB", "50 MiB", "50b", "GiB", "-1GiB", "00000000050GiB"] {
        assert_eq!(problems(&size(given)), format!("volumes.data.size: must be {how}, not \"{given}\""));
    }
    for given in ["50GB", "50 gb", "50g", "2TB", "2t", "50gib"] {
        let expected = format!("is \"{given}\", but EBS counts in GiB of 2^30 bytes: give {how}");
        assert_eq!(problems(&size(given)), format!("volumes.data.size: {expected}"));
    }
}
