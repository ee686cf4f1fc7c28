//! Serves the simulated AWS until its standard input ends: `serve [PORT] [SPEED] [FUNCTIONS-BINARY]`.
//!
//! Prints the environment for clients, one `NAME=value` a line, and then an empty line.
#![allow(clippy::print_stdout, reason = "its output is for scripts")]

use std::error::Error;
use std::io::{Read, stdin};

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
    let config = SimulatorConfig { port: (port != 0).then_some(port), speed, functions, ..SimulatorConfig::default() };
    let simulator = Simulator::start(config)?;
    for (name, value) in simulator.environment() {
        println!("{name}={value}");
    }
    println!();
    stdin().read_to_end(&mut Vec::new())?;
    for (operation, count) in simulator.counts() {
        println!("{operation} {count}");
    }
    for invocation in simulator.invocations() {
        println!("{invocation:?}");
    }
    simulator.shutdown();
    Ok(())
}
