//! The stories: a group comes up, something happens to it, and its slots keep what they had.

mod calls;
mod check;
mod evidence;
mod failover;
mod group;
mod growing;
mod moving;
mod parts;
mod picture;
mod report;
mod rights;
mod scaling;
mod stage;
mod timeline;
mod view;
mod waits;
mod watch;

use crate::args::{DemoArgs, Story};
use crate::site::{self, Plot};
use crate::{Verdict, functions_binary};
use report::Report;
use stage::Stage;

/// The deployment's ID.
const DEPLOYMENT: &str = "demo";

/// Runs the demo.
///
/// # Errors
/// What kept the story from coming to its end; scripts are told of it on stdout too. A story that ends badly is a
/// verdict.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Verdict> {
    let report = play(args).inspect_err(|error| {
        if args.json {
            let _ = crate::output::print_json(&Report::of_failure(args.story, error));
        }
    })?;
    Ok(if report.ok { Verdict::Fine } else { Verdict::Wrong })
}

fn play(args: &DemoArgs) -> anyhow::Result<Report> {
    let functions = functions_binary::find(args.world.functions.as_deref())?;
    let speed = args.world.speed.unwrap_or_else(|| args.story.speed());
    let plot = Plot {
        deployment: DEPLOYMENT,
        functions: Some(functions),
        port: None,
        seed: args.world.seed,
        speed,
        any_zone: false,
        without: args.without.as_deref(),
    };
    let site = site::start(plot)?;
    let (mut stage, before) = Stage::open(&site, args.story, args.slots)?;
    let told = match args.story {
        Story::Failover => failover::tell(&mut stage, before, args.kill),
        Story::Move => moving::tell(&mut stage, before),
        Story::Grow => growing::tell(&mut stage, before),
        Story::ScaleIn => scaling::tell(&mut stage, before),
    };
    stage.close();
    let report = Report::of(&site, args.story, told?);
    if args.json {
        crate::output::print_json(&report)?
    } else {
        report.print()?
    }
    Ok(report)
}
