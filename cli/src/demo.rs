//! The story: a group comes up, some of its nodes die, and their replacements get what the dead ones had.

mod calls;
mod check;
mod group;
mod picture;
mod report;
mod timeline;
mod view;
mod waits;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use jiff::Timestamp;
use stateful_asg_sim::model::{EffectKind, Stamp};

use crate::args::DemoArgs;
use crate::output::count;
use crate::site::{self, Plot, Site};
use crate::{Verdict, functions_binary};
use check::Evidence;
use picture::{Picture, Slots};
use report::Report;
use view::View;
use watch::Watch;

/// The deployment's ID.
const DEPLOYMENT: &str = "demo";

/// What happened, as it was seen.
struct Story {
    site: Site,
    began: Timestamp,
    killed_at: Timestamp,
    killed: BTreeMap<u32, String>,
    before: Picture,
    after: Picture,
    evidence: Evidence,
    calls_before: calls::Calls,
}

/// Runs the demo.
///
/// # Errors
/// What kept the story from coming to its end; scripts are told of it on stdout too. A story that ends badly is a
/// verdict.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Verdict> {
    let report = play(args).inspect_err(|error| {
        if args.json {
            let _ = crate::output::print_json(&Report::of_failure(error));
        }
    })?;
    Ok(if report.ok { Verdict::Fine } else { Verdict::Wrong })
}

fn play(args: &DemoArgs) -> anyhow::Result<Report> {
    let functions = functions_binary::find(args.world.functions.as_deref())?;
    let (seed, speed) = (args.world.seed, args.world.speed);
    let site = site::start(Plot { deployment: DEPLOYMENT, functions: Some(functions), port: None, seed, speed })?;
    let story = tell(site, args, View::new())?;
    let report = Report::of(&story);
    if args.json {
        crate::output::print_json(&report)?
    } else {
        report.print(&story)?
    }
    Ok(report)
}

fn tell(site: Site, args: &DemoArgs, view: View) -> anyhow::Result<Story> {
    view.phase(&format!(
        "1. A simulated AWS runs at {} ({}x real time), and the compiled functions are its Lambda.",
        site.simulator.endpoint(),
        args.world.speed
    ));
    view.phase(&format!(
        "2. An Auto Scaling group of {} in {} is created. Each node gets a slot: a volume, an address and a name.",
        count(args.slots as usize, "node"),
        count(group::zones(args.slots), "zone")
    ));
    let began = site.simulator.with(|aws| group::create(aws, &site.zone, args.slots))?;
    let mut watch = Watch { site: &site, began, view };
    let before = watch.until("all nodes are in service", |picture| picture.is_served(args.slots))?;
    let calls_before = site.simulator.counts();
    let stamps = stamps(&site, &before.slots);
    let killed = victims(&before.slots, args.kill)?;
    let names: Vec<String> = killed.iter().map(|(slot, instance)| format!("{instance} of slot {slot}")).collect();
    watch
        .view
        .phase(&format!("3. Sudden death, without the group being told: terminated by hand, {}.", names.join(" and ")));
    let victims: Vec<String> = killed.values().cloned().collect();
    let killed_at = site
        .simulator
        .with(|aws| aws.as_actor("operator").terminate_instances(&victims).map(|_| aws.as_actor("").now()))
        .context("the instances cannot be terminated")?;
    watch.view.phase(
        "4. Auto Scaling notices, and launches as many anew. Each takes the slot of a node that died, with all it has.",
    );
    let dead: BTreeSet<&String> = killed.values().collect();
    let after = watch.until("the replacements are in service", |picture| {
        picture.is_served(args.slots) && !picture.holders().any(|holder| dead.contains(holder))
    })?;
    watch.view.finish();
    let evidence = Evidence { before: stamps, ..evidence(&site, &before.slots, &after.slots) };
    Ok(Story { site, began, killed_at, killed, before, after, evidence, calls_before })
}

/// The first slots, whose holders die.
fn victims(slots: &Slots, kill: u32) -> anyhow::Result<BTreeMap<u32, String>> {
    let chosen = slots.iter().take(kill as usize);
    chosen
        .map(|(slot, now)| {
            let holder = now.has.instance.clone().with_context(|| format!("slot {slot} has no holder"))?;
            Ok((*slot, holder))
        })
        .collect()
}

fn evidence(site: &Site, before: &Slots, after: &Slots) -> Evidence {
    let (created, gone) = site.simulator.with(|aws| {
        let number =
            |wanted: fn(&EffectKind) -> bool| aws.effects().iter().filter(|effect| wanted(&effect.what)).count();
        (
            number(|what| matches!(what, EffectKind::VolumeCreated { .. })),
            number(|what| matches!(what, EffectKind::VolumeGone { .. })),
        )
    });
    let mut all = before.clone();
    all.extend(after.clone());
    Evidence { created, gone, before: BTreeMap::new(), after: stamps(site, &all) }
}

/// What the databases on the nodes wrote, by volume.
fn stamps(site: &Site, slots: &Slots) -> BTreeMap<String, Vec<Stamp>> {
    let volumes = slots.values().flat_map(|slot| slot.has.volumes.values());
    site.simulator.with(|aws| volumes.map(|volume| (volume.clone(), aws.stamps(volume))).collect())
}
