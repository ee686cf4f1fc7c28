//! Runs the command as a person would.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod account;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command, in an environment without any of our variables or AWS's.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stateful-asg"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    let ours = ours
        .filter(|name| name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("STATEFUL_ASG_")));
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a run said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// Runs it to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    command(args).output().unwrap().into()
}

/// Runs it with this on stdin.
pub(crate) fn run_with(args: &[&str], stdin: &str) -> Ran {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// The compiled functions.
pub(crate) fn functions() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_stateful-asg")).with_file_name("stateful-asg-functions");
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build --workspace --bins` first (`make test` does)",
        path.display()
    );
    path
}
