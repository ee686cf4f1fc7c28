//! `sim run` and `sim replay`: random histories of groups on the simulated AWS, with everything that can go wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use stateful_asg_campaign::campaign::{Campaign, Outcome, shortest};
use stateful_asg_campaign::classes::Class;
use stateful_asg_campaign::coverage::Coverage;
use stateful_asg_campaign::history::{self, Report};
use stateful_asg_campaign::script::Script;

use crate::Verdict;
use crate::args::{ClassArgs, ReplayArgs, RunArgs};
use crate::output::{bold, count, green, print, print_json, red, say};

/// How often progress is told where stderr is no terminal.
const TELL_EVERY: u64 = 1000;
/// What a campaign's table shows, with words for it.
const SECTIONS: [(&str, &str); 7] = [
    ("classes", "classes of faults"),
    ("faults", "faults of calls"),
    ("events", "events and invocations"),
    ("deeds", "what people and AWS did"),
    ("steps", "steps taken"),
    ("waits", "waits left at the end of a settle"),
    ("ends", "how histories ended"),
];

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Summary<'o> {
    histories: u64,
    violations: usize,
    /// The first that broke a rule, else the first of all.
    seed: u64,
    seconds: f64,
    faults: BTreeMap<&'o str, u64>,
    classes: BTreeMap<&'o str, u64>,
    steps: BTreeMap<&'o str, u64>,
    waitings: BTreeMap<&'o str, u64>,
    /// Each history that broke a rule.
    broken: Vec<Broken>,
}

#[derive(Debug, Serialize)]
struct Broken {
    seed: u64,
    rule: u8,
    what: String,
}

/// Runs histories, counts what they reached, and makes the first that breaks a rule short.
///
/// # Errors
/// Stdout is gone.
#[allow(clippy::disallowed_methods, reason = "how long a campaign took is the person's own time")]
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<Verdict> {
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let last = args.seed.saturating_add(args.histories);
    let campaign = Campaign {
        seeds: (args.seed..last).collect(),
        jobs,
        until_failure: args.until_failure,
        within: None,
        without: left_out(&args.classes),
    };
    let began = Instant::now();
    let bar = bar(args.histories);
    let outcome = campaign.run(|done, broken| told(&bar, began.elapsed(), done, args.histories, broken));
    bar.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    let verdict = if outcome.failed.is_empty() { Verdict::Fine } else { Verdict::Wrong };
    if args.json {
        print_json(&summary(args, &outcome, seconds))?;
    } else {
        report(&outcome, seconds)?;
    }
    if let Some(report) = outcome.failed.first() {
        explain(report, &campaign.without, args);
    }
    Ok(verdict)
}

/// Runs one history again and tells what each actor did, and which rule it broke.
///
/// # Errors
/// Stdout is gone.
pub(crate) fn replay(args: &ReplayArgs) -> anyhow::Result<Verdict> {
    let mut script = Script::draw_without(args.seed, &left_out(&args.classes));
    let mut report = history::run_script(&script, !args.shortest);
    if args.shortest
        && let Some(rule) = report.violations.first().map(|violation| violation.rule)
    {
        say("Looking for the shortest history that breaks the same rule ...");
        script = shortest(&script, rule, |shorter| say(format!("  {}", acts(shorter))));
        report = history::run_script(&script, true);
    } else if args.shortest {
        report = history::run_script(&script, true);
    }
    for line in report.story.lines() {
        print(line)?;
    }
    print(format!("{} {}; {}", bold("history:"), script.kind, acts(&script)))?;
    if report.violations.is_empty() {
        say(format!("{} seed {} breaks no rule", green("ok:"), args.seed));
        return Ok(Verdict::Fine);
    }
    for violation in &report.violations {
        say(format!("{} {violation}", red("broken:")));
    }
    Ok(Verdict::Wrong)
}

/// The classes of faults that are not to happen.
fn left_out(args: &ClassArgs) -> Vec<Class> {
    let named = |class: &Class| args.without.contains(class) || !(args.only.is_empty() || args.only.contains(class));
    Class::ALL.into_iter().filter(named).collect()
}

fn acts(script: &Script) -> String {
    let acts: Vec<String> = script.acts.iter().map(|act| act.deed.name()).collect();
    format!(
        "{} members, then {}",
        script.group.desired,
        if acts.is_empty() { "nothing".to_owned() } else { acts.join(", ") }
    )
}

fn bar(histories: u64) -> ProgressBar {
    let style = "{bar:40} {pos}/{len} histories, {per_sec}, {msg} {eta} left";
    let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(histories), ProgressDrawTarget::stderr()).with_style(style)
}

fn told(bar: &ProgressBar, took: Duration, done: u64, of: u64, broken: u64) {
    bar.set_position(done);
    bar.set_message(if broken == 0 { String::new() } else { format!("{broken} broke a rule,") });
    if bar.is_hidden() && done.is_multiple_of(TELL_EVERY) {
        let rate = done as f64 / took.as_secs_f64().max(0.001);
        say(format!("{done} of {of} histories, {rate:.0} a second, {broken} broke a rule"));
    }
}

fn summary<'o>(args: &RunArgs, outcome: &'o Outcome, seconds: f64) -> Summary<'o> {
    let section = |name: &'static str| outcome.coverage.section(name).collect();
    Summary {
        histories: outcome.histories,
        violations: outcome.failed.len(),
        seed: outcome.failed.first().map_or(args.seed, |report| report.seed),
        seconds,
        faults: faults(&outcome.coverage),
        classes: section("classes"),
        steps: section("steps"),
        waitings: section("waits"),
        broken: outcome
            .failed
            .iter()
            .map(|report| Broken {
                seed: report.seed,
                rule: report.violations[0].rule,
                what: report.violations[0].text.clone(),
            })
            .collect(),
    }
}

/// Faults by kind: those of calls, whichever they struck, and what became of events and invocations.
fn faults(coverage: &Coverage) -> BTreeMap<&str, u64> {
    let mut all: BTreeMap<&str, u64> = BTreeMap::new();
    for (cell, count) in coverage.section("faults") {
        *all.entry(cell.split_once(' ').map_or(cell, |(_, fault)| fault)).or_default() += count;
    }
    all.extend(coverage.section("events").filter(|(cell, _)| *cell != "invocation"));
    all
}

fn report(outcome: &Outcome, seconds: f64) -> anyhow::Result<()> {
    for (section, words) in SECTIONS {
        print(bold(words))?;
        let cells: BTreeMap<&str, u64> =
            if section == "faults" { faults(&outcome.coverage) } else { outcome.coverage.section(section).collect() };
        let mut cells: Vec<(&str, u64)> = cells.into_iter().collect();
        cells.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (cell, count) in cells {
            print(format!("  {count:>10}  {cell}"))?;
        }
    }
    let rate = outcome.histories as f64 / seconds.max(0.001);
    let broken = outcome.failed.len();
    let word = if broken == 0 { green("ok:") } else { red("broken:") };
    say(format!(
        "{word} {} histories in {seconds:.0} s ({rate:.0} a second), {}",
        outcome.histories,
        count(broken, "violation")
    ));
    Ok(())
}

/// Says which rule the first broken history broke, writes a short one that breaks it down step by step, and says how to
/// see it again.
fn explain(report: &Report, without: &[Class], args: &RunArgs) {
    let Some(violation) = report.violations.first() else { return };
    say(format!("{} seed {}: {violation}", red("broken:"), report.seed));
    let script = Script::draw_without(report.seed, without);
    say("Looking for a shorter one ...");
    let short = shortest(&script, violation.rule, |_| ());
    say(format!("The shortest found: {}", acts(&short)));
    let file = args.trace.clone().unwrap_or_else(|| PathBuf::from(format!("sim-{}.trace.txt", report.seed)));
    match std::fs::write(&file, trace(&short)) {
        Ok(()) => say(format!("What happened in it, step by step: {}", file.display())),
        Err(error) => say(format!("{} cannot write {}: {error}", red("error:"), file.display())),
    }
    say(format!("See it again with `{}`", replay_line(report.seed, &args.classes)));
}

/// A history's story, with what the history is before it, and the rules that it broke after it.
fn trace(script: &Script) -> String {
    let report = history::run_script(script, true);
    let mut text = format!("history: {}; {}\n{}", script.kind, acts(script), report.story);
    for violation in &report.violations {
        let _ = writeln!(text, "broken: {violation}");
    }
    text
}

/// The command that shows the shortest history of this seed, without the same classes of faults.
fn replay_line(seed: u64, classes: &ClassArgs) -> String {
    let mut line = format!("stateful-asg sim replay {seed} --shortest");
    for (flag, named) in [("--without", &classes.without), ("--only", &classes.only)] {
        for class in named {
            let _ = write!(line, " {flag} {class}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_see_a_history_again_names_the_faults_that_were_left_out() {
        let classes = |without: &[Class], only: &[Class]| ClassArgs { without: without.into(), only: only.into() };
        let [one, other] = [Class::ALL[0], Class::ALL[1]];
        assert_eq!(replay_line(7, &classes(&[], &[])), "stateful-asg sim replay 7 --shortest");
        let without = format!("stateful-asg sim replay 7 --shortest --without {one} --without {other}");
        assert_eq!(replay_line(7, &classes(&[one, other], &[])), without);
        assert_eq!(
            replay_line(7, &classes(&[], &[other])),
            format!("stateful-asg sim replay 7 --shortest --only {other}")
        );
    }

    #[test]
    fn a_trace_tells_what_the_history_is_and_what_was_seen_planned_and_done_in_it() {
        let text = trace(&Script::draw(11));
        assert!(text.starts_with("history: "), "{}", text.lines().next().unwrap_or_default());
        for words in ["  sees ", "  plans ", "  dynamodb:TransactWriteItems slot "] {
            assert!(text.contains(words), "{words}");
        }
    }
}
