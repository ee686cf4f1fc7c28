//! `spec apply`: shows what a spec would change for a group, and puts it into the table.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail, ensure};
use stateful_asg_core::cloud::{Hook, Transition};
use stateful_asg_core::observed::{FailureKind, Observed};
use stateful_asg_core::plan::{Look, Plan, plan};
use stateful_asg_core::spec::{Problem, Problems, Source, Spec, source_of};
use stateful_asg_core::table::{AcceptedSpec, Group, TableWrite};
use stateful_asg_runtime::observe::look;
use stateful_asg_runtime::ports::{CallError, Table, World};

use super::words;
use crate::Verdict;
use crate::account::{self, Account};
use crate::args::{ApplyArgs, PlaceArgs};
use crate::output::{bold, count, green, print, red, say, table, yellow};

/// How many readings a plan may ask for.
const LOOKS: u32 = 4;

/// Plans, asks, applies.
///
/// # Errors
/// What keeps it from being planned or applied; nothing is changed then. A bad spec is a verdict.
pub(crate) fn run(args: &ApplyArgs) -> anyhow::Result<Verdict> {
    let text = super::read(&args.file)?;
    let config = account::settings(&args.place)?;
    let checked = Spec::parse(&text).and_then(|parsed| {
        parsed.spec.check_limits(&args.place.group, &config.limits)?;
        Ok((parsed.notices, Spec::compact(&text)?))
    });
    let (notices, compact) = match checked {
        Ok(checked) => checked,
        Err(problems) => {
            return Ok(wrong(args, &problems));
        }
    };
    notices.iter().for_each(|notice| say(format!("{} {notice}", yellow("notice:"))));
    account::with(&args.place, async |account| Box::pin(apply(account, args, compact)).await)
}

fn wrong(args: &ApplyArgs, problems: &Problems) -> Verdict {
    problems.0.iter().for_each(|problem| say(format!("{} {problem}", red("problem:"))));
    say(format!("{}: {}; nothing was changed", super::name(&args.file), count(problems.0.len(), "problem")));
    Verdict::Wrong
}

/// Whether volumes that exist can follow the new spec.
fn follows(observed: &Observed, text: &str) -> Result<Vec<Problem>, Problems> {
    let before = observed.record.as_ref().and_then(|group| group.spec.as_ref());
    match before.and_then(|before| Spec::parse(&before.text).ok()) {
        Some(before) => Spec::parse(text)?.spec.check_change(&before.spec),
        None => Ok(Vec::new()),
    }
}

async fn apply(account: &Account<'_>, args: &ApplyArgs, text: String) -> anyhow::Result<Verdict> {
    let (world, place) = (&account.world, account.place);
    let mut observed = account.observe().await.with_context(|| account.unread())?;
    let hooks = Look { hooks: true, ..Look::default() };
    look(world, &mut observed, &hooks).await.with_context(|| account.unread())?;
    check_place(&observed, place)?;
    match follows(&observed, &text) {
        Ok(notices) => notices.iter().for_each(|notice| say(format!("{} {notice}", yellow("notice:")))),
        Err(problems) => return Ok(wrong(args, &problems)),
    }
    let Some(write) = edit(&observed, place, text) else {
        say(format!("{} group {} has this very spec already; nothing to do", green("ok:"), place.group));
        return Ok(Verdict::Fine);
    };
    let Some((_, record)) = &write.record else { bail!("the write holds no group: this is a fault in stateful-asg") };
    let number = record.spec.as_ref().map_or(0, |spec| spec.number);
    observed.record = Some((**record).clone());
    let plan = planned(world, &mut observed).await.with_context(|| account.unread())?;
    show(&plan, place)?;
    if args.dry_run {
        say("Nothing was changed (--dry-run).");
        return Ok(Verdict::Fine);
    }
    if !args.yes && !agreed(args)? {
        say("Nothing was changed.");
        return Ok(Verdict::Wrong);
    }
    world.write(&write).await.map_err(|error| refused(error, place))?;
    say(format!("{} spec number {number} of group {} is in the table", green("ok:"), place.group));
    account.wake().await;
    Ok(Verdict::Fine)
}

/// The launch hook must say that the spec is in the table, or the spec there would never be looked at.
fn check_place(observed: &Observed, place: &PlaceArgs) -> anyhow::Result<()> {
    let PlaceArgs { group, deployment, .. } = place;
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
fn edit(observed: &Observed, place: &PlaceArgs, text: String) -> Option<TableWrite> {
    let old = observed.record.as_ref();
    let in_force = old.and_then(|group| group.spec.as_ref());
    let refused = old.is_some_and(|group| group.refused.is_some());
    if in_force.is_some_and(|spec| spec.from_table && spec.text == text) && !refused {
        return None;
    }
    let mut group = old.cloned().unwrap_or_else(|| Group::new(place.group.clone()));
    let number = in_force.map_or(1, |spec| spec.number + 1);
    group.generation = group.generation.next();
    group.spec = Some(AcceptedSpec { number, text, from_table: true });
    group.refused = None;
    Some(TableWrite {
        record: Some((old.map(|group| group.generation), Box::new(group))),
        ..TableWrite::about(place.group.clone())
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

fn show(plan: &Plan, place: &PlaceArgs) -> std::io::Result<()> {
    print(bold(format!("With this spec, group {} would", place.group)))?;
    let mut rows = table(["", "WHAT"]);
    for step in &plan.steps {
        rows.add_row(["do".to_owned(), words::of(step)]);
    }
    for waiting in &plan.waiting {
        rows.add_row(["wait".to_owned(), waiting.to_string()]);
    }
    if rows.is_empty() {
        return print("do nothing now: launches from now on follow the new spec.");
    }
    print(rows.trim_fmt())?;
    print("These are the first steps; more follow as they succeed.")
}

fn agreed(args: &ApplyArgs) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    ensure!(stdin.is_terminal(), "nobody can be asked: add --yes to apply, or --dry-run to look. Nothing was changed");
    write!(anstream::stderr(), "Put the spec of {} into the table? [y/N] ", args.place.group)?;
    let mut answer = String::new();
    stdin.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn refused(error: CallError, place: &PlaceArgs) -> anyhow::Error {
    let advice = if error.kind == FailureKind::Conflict {
        "the group changed meanwhile and nothing was written: run it again"
    } else if error.kind == FailureKind::Unknown {
        "it may have been written all the same: run it again, it then says so"
    } else {
        "nothing was written"
    };
    anyhow::Error::new(error).context(format!("the spec of {} could not be written; {advice}", place.group))
}
