//! `spec check`: every problem, or the text for the launch hook.

use serde::Serialize;
use stateful_asg_core::spec::{INLINE_MAX, Problem, Spec, inline_length, inline_notices};

use crate::Verdict;
use crate::args::CheckArgs;
use crate::output::{count, green, print, print_json, red, say, yellow};

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    problems: Vec<Place>,
    notices: Vec<Place>,
    /// Characters of the compact form; a hook holds 4,000.
    length: Option<usize>,
    compact: Option<String>,
}

#[derive(Debug, Serialize)]
struct Place {
    path: String,
    message: String,
}

/// Checks the file.
///
/// # Errors
/// A file that cannot be read. A bad spec is a verdict.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<Verdict> {
    let text = super::read(&args.file)?;
    let report = judge(&text);
    if args.json {
        print_json(&report)?;
    } else {
        tell(&report, &super::name(&args.file))?;
    }
    Ok(if report.ok { Verdict::Fine } else { Verdict::Wrong })
}

fn judge(text: &str) -> Report {
    let checked = Spec::parse(text).and_then(|parsed| Ok((parsed, Spec::compact(text)?)));
    match checked {
        Ok((parsed, compact)) => {
            let notices = parsed.notices.into_iter().chain(inline_notices(&compact));
            Report {
                ok: true,
                problems: Vec::new(),
                notices: notices.map(Place::from).collect(),
                length: Some(inline_length(&compact)),
                compact: Some(compact),
            }
        }
        Err(problems) => Report { problems: problems.0.into_iter().map(Place::from).collect(), ..Report::default() },
    }
}

fn tell(report: &Report, file: &str) -> std::io::Result<()> {
    for problem in &report.problems {
        say(format!("{} {problem}", red("problem:")));
    }
    for notice in &report.notices {
        say(format!("{} {notice}", yellow("notice:")));
    }
    match (&report.compact, report.length) {
        (Some(compact), Some(length)) => {
            say(format!(
                "{} {file} is a valid spec of {length} characters; a launch hook holds {INLINE_MAX}",
                green("ok:")
            ));
            print(compact)
        }
        _ => {
            say(format!("{file}: {}; nothing is printed", count(report.problems.len(), "problem")));
            Ok(())
        }
    }
}

impl From<Problem> for Place {
    fn from(problem: Problem) -> Self {
        Self { path: problem.path, message: problem.message }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}
