//! `stateful-asg`: the command line for people.
//!
//! Data goes to stdout and everything else to stderr. Exit codes: 0 fine, 1 something was found
//! wrong or failed, 2 the command line was wrong.

mod account;
mod args;
mod campaign;
mod change;
mod demo;
mod functions_binary;
mod output;
mod serve;
mod site;
mod spec;
mod storage;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, GroupCommand, SimCommand, SlotCommand, SnapshotsCommand, SpecCommand, VolumesCommand};
use storage::{adopt, group, orders, restore, slots, snapshots, volumes};

/// Whether what was asked about is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Fine,
    Wrong,
}

/// Campaigns are a million small allocations a history.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = cli.check() {
        error.exit();
    }
    match run(cli.command) {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Wrong) => ExitCode::FAILURE,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::fail(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<Verdict> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Sim(args) => match args.command {
            SimCommand::Serve(args) => serve::run(&args),
            SimCommand::Run(args) => campaign::run(&args),
            SimCommand::Replay(args) => campaign::replay(&args),
        },
        Command::Spec(args) => match args.command {
            SpecCommand::Check(args) => spec::check::run(&args),
            SpecCommand::Apply(args) => spec::apply::run(&args),
        },
        Command::Slot(args) => match args.command {
            SlotCommand::List(args) => slots::show(&args),
            SlotCommand::Retire(args) => orders::retire(&args),
            SlotCommand::Restore(args) => restore::restore(&args),
            SlotCommand::Move(args) => orders::move_to(&args),
            SlotCommand::Cancel(args) => orders::cancel(&args),
        },
        Command::Volumes(args) => match args.command {
            VolumesCommand::List(args) => volumes::show(&args),
            VolumesCommand::Remove(args) => volumes::remove(&args),
        },
        Command::Snapshots(args) => match args.command {
            SnapshotsCommand::List(args) => snapshots::show(&args),
        },
        Command::Adopt(args) => adopt::run(&args),
        Command::Group(args) => match args.command {
            GroupCommand::Remove(args) => group::remove(&args),
        },
    }
}
