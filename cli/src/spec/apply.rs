//! `spec apply`: shows what a spec would change for a group, and puts it into the table.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail, ensure};
use stateful_asg_aws::SimClock;
use stateful_asg_core::cloud::{Hook, Transition};
use stateful_asg_core::observed::{FailureKind, Notes, Observed};
use stateful_asg_core::plan::{Look, Plan, plan};
use stateful_asg_core::spec::{Source, Spec, source_of};
use stateful_asg_core::table::{AcceptedSpec, Group, TableWrite};
use stateful_asg_runtime::config::{self, Config};
use stateful_asg_runtime::observe::{Target, look, observe};
use stateful_asg_runtime::ports::{CallError, SettleRequest, World};

use super::words;
use crate::Verdict;
use crate::args::ApplyArgs;
use crate::output::{bold, count, green, print, red, say, table, yellow};

/// How many readings a plan may ask for.
const LOOKS: u32 = 4;

/// Plans, asks, applies.
///
/// # Errors
/// What keeps it from being planned or applied; nothing is changed then. A bad spec is a verdict.
pub(crate) fn run(args: &ApplyArgs) -> anyhow::Result<Verdict> {
    let text = super::read(&args.file)?;
    let config = settings(args)?;
    let checked = Spec::parse(&text).and_then(|parsed| {
        parsed.spec.check_limits(&args.group, &config.limits)?;
        Ok((parsed.notices, Spec::compact(&text)?))
    });
    let (notices, compact) = match checked {
        Ok(checked) => checked,
        Err(problems) => {
            problems.0.iter().for_each(|problem| say(format!("{} {problem}", red("problem:"))));
            say(format!("{}: {}; nothing was changed", super::name(&args.file), count(problems.0.len(), "problem")));
            return Ok(Verdict::Wrong);
        }
    };
    notices.iter().for_each(|notice| say(format!("{} {notice}", yellow("notice:"))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no thread to work on")?;
    runtime.block_on(async {
        let world = stateful_asg_aws::connect(&connection(&config)).await;
        Box::pin(apply(&world, args, &config, compact)).await
    })
}

/// The deployment's settings, as its functions have them; limits that are not given here are left to the functions.
fn settings(args: &ApplyArgs) -> anyhow::Result<Config> {
    #[expect(clippy::disallowed_methods, reason = "handed to runtime::config, which names every problem at once")]
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let lists = [config::ALLOWED_ZONES, config::ALLOWED_KMS_KEYS, config::ALLOWED_SUBNETS];
    let config = Config::from_vars(|name| match name {
        "_HANDLER" => Some("lifecycle".to_owned()),
        config::DEPLOYMENT => Some(args.deployment.to_string()),
        config::TABLE => Some(args.table.clone()),
        config::EVENT_BUS => args.event_bus.clone(),
        other if lists.contains(&other) => variable(other).or_else(|| Some("*".to_owned())),
        other => variable(other),
    });
    config.context("the environment is not as it should be")
}

fn connection(config: &Config) -> stateful_asg_aws::Settings {
    stateful_asg_aws::Settings {
        table: config.table.clone(),
        event_bus: config.event_bus.clone(),
        sim_clock: config.sim_clock.map(|clock| SimClock {
            real_origin_ms: clock.real_origin_ms,
            sim_origin_ms: clock.sim_origin_ms,
            speed: clock.speed,
        }),
    }
}

async fn apply<W: World>(world: &W, args: &ApplyArgs, config: &Config, text: String) -> anyhow::Result<Verdict> {
    let target =
        Target { group: args.group.clone(), deployment: args.deployment.clone(), limits: config.limits.clone() };
    let mut observed = observe(world, &target, None, Notes::default()).await.with_context(|| unread(args))?;
    let hooks = Look { hooks: true, ..Look::default() };
    look(world, &mut observed, &hooks).await.with_context(|| unread(args))?;
    check_place(&observed, args)?;
    let Some(write) = edit(&observed, args, text) else {
        say(format!("{} group {} has this very spec already; nothing to do", green("ok:"), args.group));
        return Ok(Verdict::Fine);
    };
    let Some((_, record)) = &write.record else { bail!("the write holds no group: this is a fault in stateful-asg") };
    let number = record.spec.as_ref().map_or(0, |spec| spec.number);
    observed.record = Some((**record).clone());
    let plan = planned(world, &mut observed).await.with_context(|| unread(args))?;
    show(&plan, args)?;
    if args.dry_run {
        say("Nothing was changed (--dry-run).");
        return Ok(Verdict::Fine);
    }
    if !args.yes && !agreed(args)? {
        say("Nothing was changed.");
        return Ok(Verdict::Wrong);
    }
    world.write(&write).await.map_err(|error| refused(error, args))?;
    say(format!("{} spec number {number} of group {} is in the table", green("ok:"), args.group));
    wake(world, args).await;
    Ok(Verdict::Fine)
}

fn unread(args: &ApplyArgs) -> String {
    format!("group {} cannot be read, and nothing was changed", args.group)
}

/// The launch hook must say that the spec is in the table, or the spec there would never be looked at.
fn check_place(observed: &Observed, args: &ApplyArgs) -> anyhow::Result<()> {
    let ApplyArgs { group, deployment, .. } = args;
    ensure!(
        !observed.asgs.is_empty(),
        "no Auto Scaling group bears the tags stateful-asg:group={group} and stateful-asg:deployment={deployment}: check both, the Region and the credentials. Nothing was changed"
    );
    let hooks = observed.hooks.iter().flatten().filter(|hook| hook.transition == Transition::Launching);
    let hooks: Vec<&Hook> = hooks.collect();
    for asg in &observed.asgs {
        let Some(hook) = hooks.iter().find(|hook| hook.asg == asg.name) else {
            bail!(
                "Auto Scaling group {} has no launch hook whose name begins with stateful-asg-{deployment}-: add it with the NotificationMetadata {{\"spec\":\"table\"}}. Nothing was changed",
                asg.name
            );
        };
        let says = hook.metadata.as_deref().unwrap_or_default();
        ensure!(
            matches!(source_of(says), Ok(Source::Table)),
            "the launch hook {} of {} does not say that the spec is in the table. Either set its NotificationMetadata to {{\"spec\":\"table\"}}, or put the spec itself there (`stateful-asg spec check` prints it). Nothing was changed",
            hook.name,
            asg.name
        );
    }
    Ok(())
}

/// The group's item with the new spec; nothing where it is the same.
fn edit(observed: &Observed, args: &ApplyArgs, text: String) -> Option<TableWrite> {
    let old = observed.record.as_ref();
    let in_force = old.and_then(|group| group.spec.as_ref());
    let refused = old.is_some_and(|group| group.refused.is_some());
    if in_force.is_some_and(|spec| spec.from_table && spec.text == text) && !refused {
        return None;
    }
    let mut group = old.cloned().unwrap_or_else(|| Group::new(args.group.clone()));
    let number = in_force.map_or(1, |spec| spec.number + 1);
    group.generation = group.generation.next();
    group.spec = Some(AcceptedSpec { number, text, from_table: true });
    group.refused = None;
    Some(TableWrite {
        group: args.group.clone(),
        slot: None,
        record: Some((old.map(|group| group.generation), Box::new(group))),
        bind: Default::default(),
        unbind: Default::default(),
        action: None,
    })
}

/// The first steps under the new spec. Looks at what the plan asks to see.
async fn planned<W: World>(world: &W, observed: &mut Observed) -> Result<Plan, CallError> {
    let mut found = plan(observed, world.now());
    for _ in 0..LOOKS {
        if found.look.is_empty() {
            break;
        }
        look(world, observed, &found.look.clone()).await?;
        found = plan(observed, world.now());
    }
    Ok(found)
}

fn show(plan: &Plan, args: &ApplyArgs) -> std::io::Result<()> {
    print(bold(format!("With this spec, group {} would", args.group)))?;
    let mut rows = table(["", "WHAT"]);
    for step in &plan.steps {
        rows.add_row(["do".to_owned(), words::of(step)]);
    }
    for waiting in &plan.waiting {
        rows.add_row(["wait".to_owned(), waiting.to_string()]);
    }
    if rows.is_empty() {
        return print("do nothing now: launches from now on follow the new spec. Existing volumes stay as they are.");
    }
    print(rows.trim_fmt())?;
    print("These are the first steps; more follow as they succeed.")
}

fn agreed(args: &ApplyArgs) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    ensure!(stdin.is_terminal(), "nobody can be asked: add --yes to apply, or --dry-run to look. Nothing was changed");
    write!(anstream::stderr(), "Put the spec of {} into the table? [y/N] ", args.group)?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn refused(error: CallError, args: &ApplyArgs) -> anyhow::Error {
    let advice = if error.kind == FailureKind::Conflict {
        "the group changed meanwhile and nothing was written: run it again"
    } else if error.kind == FailureKind::Unknown {
        "it may have been written all the same: run it again, it then says so"
    } else {
        "nothing was written"
    };
    anyhow::Error::new(error).context(format!("the spec of {} could not be written; {advice}", args.group))
}

/// Has the functions look at once; without that, the sweep comes by within ten minutes.
async fn wake<W: World>(world: &W, args: &ApplyArgs) {
    let request = SettleRequest { group: args.group.clone(), deployment: args.deployment.clone(), audit: true };
    if let Err(error) = world.request_settles(&[request]).await {
        say(format!("{} the functions could not be told ({error}); they look within ten minutes", yellow("notice:")));
    }
}
