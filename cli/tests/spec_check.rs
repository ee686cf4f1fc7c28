//! `spec check`: what it prints where, and how it ends.

mod common;

use common::{run, run_with};
use serde_json::{Value, json};

const GOOD: &str = r#"{ "v": 1, "volumes": { "data": { "size": "20GiB", "mount": "/data", "iops": null } } }"#;
const BAD: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","iopz":3,"mount":"data"}}}"#;

#[test]
fn a_good_spec_is_printed_for_the_hook() {
    let ran = run_with(&["spec", "check", "-"], GOOD);
    assert_eq!(ran.code, 0, "{ran:?}");
    insta::assert_snapshot!(ran.stdout, @r#"{"v":1,"volumes":{"data":{"mount":"/data","size":"20GiB"}}}"#);
    insta::assert_snapshot!(ran.stderr, @"ok: stdin is a valid spec of 59 characters; a launch hook holds 4000");
    let again = run_with(&["spec", "check", "-"], &ran.stdout);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn every_problem_of_a_bad_spec_is_named_and_nothing_is_printed() {
    let ran = run_with(&["spec", "check", "-"], BAD);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(ran.stderr, @r"
    problem: volumes.data.iopz: is not a field here; did you mean `iops`?
    problem: volumes.data.mount: must begin with `/`
    stdin: 2 problems; nothing is printed
    ");
}

#[test]
fn scripts_get_one_object_either_way() {
    let good = run_with(&["spec", "check", "-", "--json"], GOOD);
    let object: Value = serde_json::from_str(&good.stdout).unwrap();
    assert_eq!(
        (good.code, &object["ok"], &object["length"], &object["problems"]),
        (0, &json!(true), &json!(59), &json!([]))
    );
    let bad = run_with(&["spec", "check", "-", "--json"], BAD);
    let object: Value = serde_json::from_str(&bad.stdout).unwrap();
    assert_eq!((bad.code, &object["ok"], &object["compact"]), (1, &json!(false), &Value::Null));
    assert_eq!(object["problems"][0]["path"], "volumes.data.iopz");
}

#[test]
fn what_a_hook_would_not_hold_is_a_notice() {
    let tags: serde_json::Map<String, Value> =
        (0..40).map(|n| (format!("tag-{n:02}"), json!("x".repeat(120)))).collect();
    let long = json!({"v": 1, "volumes": {"data": {"size": "20GiB", "mount": "/data"}}, "tags": tags});
    let ran = run_with(&["spec", "check", "-"], &long.to_string());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("notice: the spec has") && ran.stderr.contains("spec apply"), "{}", ran.stderr);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_advice() {
    let ran = run(&["spec", "check", "no/such/file"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("no/such/file cannot be read: name a file"), "{}", ran.stderr);
}

#[test]
fn what_is_not_built_yet_is_named_as_such() {
    let probe = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"launch":{"ready":"probe"}}"#;
    let ran = run_with(&["spec", "check", "-"], probe);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    insta::assert_snapshot!(ran.stderr, @r"
    problem: launch.ready: this version does not offer `probe` yet; it takes attached, mounted
    stdin: 1 problem; nothing is printed
    ");
}
