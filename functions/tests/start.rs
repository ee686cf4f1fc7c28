//! How the binary starts.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_wrong_environment_ends_the_process_with_every_problem_in_the_log() {
    let mut binary = Command::new(env!("CARGO_BIN_EXE_stateful-asg-functions"));
    let output =
        binary.env_clear().env("_HANDLER", "bootstrap").env("STATEFUL_ASG_MAX_VOLUME_GIB", "many").output().unwrap();
    let logged = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = logged.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let about: Vec<_> =
        lines.iter().map(|line| line["message"].as_str().unwrap().split([':', ' ']).next().unwrap()).collect();
    assert_eq!(about, ["_HANDLER", "STATEFUL_ASG_DEPLOYMENT", "STATEFUL_ASG_TABLE", "STATEFUL_ASG_MAX_VOLUME_GIB"]);
    assert!(lines.iter().all(|line| line["level"] == "ERROR"));
    assert_eq!(output.status.code(), Some(1));
}
