//! What a wrong command line is answered with, and what the help shows.

mod common;

use common::run;

#[test]
fn a_wrong_command_line_ends_with_2_and_says_nothing_on_stdout() {
    let cases: [&[&str]; 17] = [
        &[],
        &["dmeo"],
        &["demo", "--slots", "3", "--kill", "4"],
        &["demo", "--slots", "0"],
        &["demo", "--kill", "0"],
        &["demo", "--slots", "many"],
        &["demo", "--speed", "0"],
        &["sim", "serve", "--port", "70000"],
        &["sim", "serve", "--no-functions", "--functions", "x"],
        &["spec", "check"],
        &["spec", "apply", "no group", "file", "--deployment", "main", "--table", "t"],
        &["spec", "apply", "cass", "-", "--deployment", "main", "--table", "t"],
        &["slot", "restore", "cass", "0", "--deployment", "main", "--table", "t"],
        &["slot", "restore", "cass", "0", "--snapshot", "vol-1", "--deployment", "main", "--table", "t"],
        &["volumes", "remove", "cass", "--deployment", "main", "--table", "t"],
        &["adopt", "cass", "--volume", "data", "--deployment", "main", "--table", "t"],
        &["slot", "retire", "cass", "0", "--yes", "--dry-run", "--deployment", "main", "--table", "t"],
    ];
    for args in cases {
        let ran = run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains("--help"), "{args:?}: {}", ran.stderr);
    }
}

#[test]
fn what_is_asked_too_much_is_named() {
    let ran = run(&["demo", "--slots", "3", "--kill", "4"]);
    assert!(ran.stderr.starts_with("error: --kill 4 is more than --slots 3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Usage: stateful-asg demo"), "{}", ran.stderr);
}

#[test]
fn missing_functions_are_named_with_the_command_that_builds_them() {
    let ran = run(&["demo", "--functions", "no/such/binary", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one JSON object and nothing else");
    assert_eq!((ran.code, &object["ok"]), (1, &serde_json::Value::Bool(false)));
    assert!(object["problems"][0].as_str().is_some_and(|problem| problem.contains("missing")), "{object}");
    assert!(ran.stderr.contains("no/such/binary is missing"), "{}", ran.stderr);
    assert!(ran.stderr.contains("cargo build --workspace --bins"), "{}", ran.stderr);
}

#[test]
fn every_command_has_help_on_stdout() {
    for (args, shown) in [
        (&["--help"][..], "Exit codes:"),
        (&["demo", "--help"], "--slots 5 --kill 2"),
        (&["sim", "serve", "--help"], "aws autoscaling create-auto-scaling-group"),
        (&["spec", "check", "--help"], "put-lifecycle-hook"),
        (&["spec", "apply", "--help"], "--dry-run"),
        (&["adopt", "--help"], "--volume data=/dev/sdf"),
        (&["slot", "restore", "--help"], "--snapshot snap-"),
        (&["slot", "move", "--help"], "--to <ZONE>"),
        (&["volumes", "remove", "--help"], "What would be lost is shown first"),
        (&["snapshots", "list", "--help"], "--slot <N>"),
        (&["group", "remove", "--help"], "the group's name must be typed"),
    ] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        assert!(ran.stdout.contains(shown), "{args:?}: {}", ran.stdout);
    }
}
