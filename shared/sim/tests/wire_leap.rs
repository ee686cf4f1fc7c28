//! Schedules, and leaps of the clock, with a real process behind the Runtime API (`wire/function.py`).
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use stateful_asg_sim::lambda::{Invocation, Outcome};
use stateful_asg_sim::simulator::{FunctionsConfig, Simulator, SimulatorConfig};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Real time, and more than enough.
const PATIENCE: Duration = Duration::from_secs(20);

fn simulator(name: &str, speed: f64) -> (Simulator, std::path::PathBuf) {
    let records = std::env::temp_dir().join(format!("stateful-asg-sim-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&records).unwrap();
    let functions = FunctionsConfig {
        binary: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/function.py"),
        env: [("RECORDS".to_owned(), records.display().to_string())].into(),
        deployment: "test".to_owned(),
    };
    let config = SimulatorConfig { speed, functions: Some(functions), ..SimulatorConfig::default() };
    (Simulator::start(config).unwrap(), records)
}

/// Waits for it, for at most [`PATIENCE`].
fn until(simulator: &Simulator, what: &str, holds: impl Fn(&[Invocation]) -> bool) -> Vec<Invocation> {
    for _ in 0..2000 {
        let invocations = simulator.invocations();
        if holds(&invocations) {
            return invocations;
        }
        std::thread::sleep(PATIENCE / 2000);
    }
    panic!("{what} never came: {:#?}", simulator.invocations());
}

fn of<'i>(invocations: &'i [Invocation], function: &'i str) -> impl Iterator<Item = &'i Invocation> {
    invocations.iter().filter(move |invocation| invocation.function == function)
}

#[test]
fn the_sweep_comes_every_minute_and_the_snapshots_every_five() {
    // A simulated minute takes 400 ms: longer than a process takes to start on a busy machine.
    let (simulator, records) = simulator("schedules", 150.0);
    let seen = until(&simulator, "two runs of `snapshot`", |seen| of(seen, "snapshot").count() == 2);
    let sweeps = of(&seen, "sweep").count();
    assert!((9..=11).contains(&sweeps), "{sweeps} sweeps in ten minutes");
    simulator.shutdown();
    std::fs::remove_dir_all(records).unwrap();
}

#[test]
fn after_a_leap_each_schedule_comes_once_to_a_process_that_knows_the_new_time() {
    // A simulated minute takes six real seconds: what comes at once was due in the leap.
    let (simulator, records) = simulator("leap", 10.0);
    let before = simulator.clock().now();
    simulator.leap(HOUR, PATIENCE).unwrap();
    assert!(simulator.clock().now().duration_since(before) >= HOUR);
    let ran = |seen: &[Invocation], function| of(seen, function).filter(|run| run.ended.is_some()).count() > 0;
    let seen = until(&simulator, "a run of each", |seen| ran(seen, "sweep") && ran(seen, "snapshot"));
    assert_eq!((of(&seen, "snapshot").count(), of(&seen, "sweep").count()), (1, 1), "{seen:#?}");
    for invocation in &seen {
        let Some(Outcome::Succeeded(answer)) = &invocation.outcome else { panic!("{invocation:?}") };
        assert_eq!(answer["clock"], simulator.clock().to_variable());
    }
    assert!(simulator.with(|aws| aws.now().duration_since(before)) >= HOUR, "the model keeps up");
    simulator.shutdown();
    std::fs::remove_dir_all(records).unwrap();
}

#[test]
fn no_leap_while_a_function_is_at_work() {
    let (simulator, records) = simulator("at-work", 1.0);
    let event = json!({"id": "e", "source": "stateful-asg", "detail-type": "Settle", "detail": {"do": "hang"}});
    simulator.lambda().unwrap().send("lifecycle", &event);
    until(&simulator, "an invocation", |seen| !seen.is_empty());
    let before = simulator.clock().now();
    let refused = simulator.leap(HOUR, Duration::from_millis(100)).unwrap_err();
    assert!(refused.to_string().contains("at work"), "{refused}");
    assert!(simulator.clock().now().duration_since(before) < HOUR);
    simulator.shutdown();
    std::fs::remove_dir_all(records).unwrap();
}
