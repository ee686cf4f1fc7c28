//! The simulated AWS and boto3, a client that shares no code with us, tell a group's whole story.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

use stateful_asg_sim::simulator::{Simulator, SimulatorConfig};

#[test]
fn boto3_makes_watches_and_breaks_a_group() {
    let named = std::env::var_os("STATEFUL_ASG_TEST_PYTHON");
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let has_boto3 =
        Command::new(&python).args(["-c", "import boto3"]).output().is_ok_and(|output| output.status.success());
    if !has_boto3 {
        assert!(named.is_none(), "STATEFUL_ASG_TEST_PYTHON names an interpreter without boto3");
        eprintln!("skipped: python3 has no boto3; name an interpreter that has it in STATEFUL_ASG_TEST_PYTHON");
        return;
    }
    let simulator = Simulator::start(SimulatorConfig { speed: 20.0, ..SimulatorConfig::default() }).unwrap();
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/story.py");
    let told = Command::new(&python).arg(story).envs(simulator.environment()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(told.status.success(), "{out}{err}");
    assert_eq!(simulator.counts()["autoscaling:CreateAutoScalingGroup"], 2);
}
