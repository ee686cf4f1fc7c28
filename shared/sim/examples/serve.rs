//! Serves the simulated AWS until its standard input ends: `serve [PORT] [SPEED] [FUNCTIONS-BINARY]`.
//!
//! Prints the environment for clients, one `NAME=value` a line, and then an empty line. A number on its standard input
//! puts the clock forward by so many seconds; it answers with the number.
#![allow(clippy::print_stdout, reason = "its output is for scripts")]

use std::error::Error;
use std::io::stdin;
use std::time::Duration;

use jiff::SignedDuration;
use stateful_asg_sim::model::{GuestMode, Settings, Span};
use stateful_asg_sim::simulator::{FunctionsConfig, Simulator, SimulatorConfig};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let speed: f64 = arguments.next().map_or(Ok(10.0), |speed| speed.parse())?;
    let functions = arguments.next().map(|binary| FunctionsConfig {
        binary: binary.into(),
        env: [("RECORDS".to_owned(), std::env::temp_dir().display().to_string())].into(),
        deployment: "test".to_owned(),
    });
    // Instances mount what their tags name, and nothing else keeps a volume busy.
    let guest = GuestMode::Reports { delay: Span::secs(1, 20) };
    let settings = Settings { guest, ..Settings::default() };
    let config = SimulatorConfig { port: (port != 0).then_some(port), speed, functions, settings };
    let simulator = Simulator::start(config)?;
    for (name, value) in simulator.environment() {
        println!("{name}={value}");
    }
    println!();
    for line in stdin().lines() {
        let line = line?;
        simulator.leap(SignedDuration::from_secs(line.trim().parse()?), Duration::from_secs(60))?;
        println!("{line}");
    }
    for (operation, count) in simulator.counts() {
        println!("{operation} {count}");
    }
    for invocation in simulator.invocations() {
        println!("{invocation:?}");
    }
    simulator.shutdown();
    Ok(())
}
