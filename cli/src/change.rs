//! A change that a person makes: what would be done, what is wrong, whether it is agreed to, what was done.

use std::io::{IsTerminal, Write};

use anyhow::{Context, ensure};
use serde::Serialize;

use crate::Verdict;
use crate::args::ConsentArgs;
use crate::output::{bold, count, green, print, print_json, red, say, yellow};

/// A change in the making.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Change {
    ok: bool,
    /// What would be done, in order.
    pub(crate) plan: Vec<String>,
    /// What a person should know.
    pub(crate) notices: Vec<String>,
    /// What keeps it from being done: while there is any, nothing is.
    pub(crate) problems: Vec<String>,
    /// What was done.
    pub(crate) done: Vec<String>,
    #[serde(skip)]
    json: bool,
}

/// How a person agrees to it.
pub(crate) enum Ask<'a> {
    /// Nothing is lost by it.
    Nothing,
    /// Yes or no.
    Question(&'a str),
    /// Each of these words must be typed.
    Typed(Vec<String>),
}

/// How it goes on once it was shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Go {
    /// Do it.
    On,
    /// It ends here, like this.
    End(Verdict),
}

impl Change {
    pub(crate) fn plan(&mut self, line: impl Into<String>) {
        self.plan.push(line.into());
    }

    pub(crate) fn notice(&mut self, line: impl Into<String>) {
        self.notices.push(line.into());
    }

    pub(crate) fn problem(&mut self, line: impl Into<String>) {
        self.problems.push(line.into());
    }

    /// Something was done.
    pub(crate) fn done(&mut self, line: impl Into<String>) {
        let line = line.into();
        if !self.json {
            say(format!("{} {line}", green("done:")));
        }
        self.done.push(line);
    }

    /// Shows the plan, then the problems or the question.
    ///
    /// # Errors
    /// Nobody can be asked, or stdout is gone.
    pub(crate) fn agree(&mut self, consent: &ConsentArgs, ask: Ask<'_>) -> anyhow::Result<Go> {
        self.json = consent.json;
        if !self.json {
            self.show()?;
        }
        if !self.problems.is_empty() {
            if !self.json {
                say(format!("{}; nothing was changed", count(self.problems.len(), "problem")));
            }
            return self.end(Verdict::Wrong).map(Go::End);
        }
        if self.plan.is_empty() {
            if !self.json {
                say(format!("{} nothing to do", green("ok:")));
            }
            return self.end(Verdict::Fine).map(Go::End);
        }
        if consent.dry_run {
            say("Nothing was changed (--dry-run).");
            return self.end(Verdict::Fine).map(Go::End);
        }
        if consent.yes || asked(&ask)? {
            return Ok(Go::On);
        }
        say("Nothing was changed.");
        self.end(Verdict::Wrong).map(Go::End)
    }

    /// Ends it, with the JSON object where one was asked for.
    ///
    /// # Errors
    /// Stdout is gone.
    pub(crate) fn end(&mut self, verdict: Verdict) -> anyhow::Result<Verdict> {
        self.ok = verdict == Verdict::Fine;
        if self.json {
            print_json(self)?;
        }
        Ok(verdict)
    }

    /// Ends it well, or with what stopped it in the middle: what was done until then is told with it.
    ///
    /// # Errors
    /// What stopped it, where no JSON object tells it; or stdout is gone.
    pub(crate) fn end_with(&mut self, outcome: anyhow::Result<()>) -> anyhow::Result<Verdict> {
        match outcome {
            Ok(()) => self.end(Verdict::Fine),
            Err(error) if self.json => {
                self.problem(format!("{error:#}"));
                self.end(Verdict::Wrong)
            }
            Err(error) => Err(error),
        }
    }

    fn show(&self) -> anyhow::Result<()> {
        if !self.plan.is_empty() {
            print(bold("This would be done:"))?;
        }
        for line in &self.plan {
            print(format!("  {line}"))?;
        }
        self.notices.iter().for_each(|line| say(format!("{} {line}", yellow("notice:"))));
        self.problems.iter().for_each(|line| say(format!("{} {line}", red("problem:"))));
        Ok(())
    }
}

fn asked(ask: &Ask<'_>) -> anyhow::Result<bool> {
    let words: &[String] = match ask {
        Ask::Nothing => return Ok(true),
        Ask::Question(_) => &[],
        Ask::Typed(words) => words,
    };
    ensure!(
        std::io::stdin().is_terminal(),
        "nobody can be asked: say --yes to do it (see --help), or --dry-run to look. Nothing was changed"
    );
    if let Ask::Question(question) = ask {
        return Ok(matches!(line(&format!("{question} [y/N] "))?.as_str(), "y" | "Y" | "yes"));
    }
    for word in words {
        if line(&format!("Type {word} to go on: "))? != *word {
            return Ok(false);
        }
    }
    Ok(true)
}

fn line(prompt: &str) -> anyhow::Result<String> {
    write!(anstream::stderr(), "{prompt}")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("your answer cannot be read")?;
    Ok(answer.trim().to_owned())
}
