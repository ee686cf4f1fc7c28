//! Looks at the group until it is as it should be, and gives up with reasons.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{anyhow, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stateful_asg_sim::lambda::{Invocation, Line, Outcome};

use super::picture::{self, Picture};
use super::rights;
use super::view::View;
use crate::site::Site;

/// How often to look, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the group may take, in simulated time.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);
/// After so many failures without a success a function is called broken: Lambda's three tries of one event.
const TRIES: usize = 3;
/// How many of the functions' complaints are shown when patience ends.
const COMPLAINTS: usize = 12;

pub(super) struct Watch<'s> {
    pub(super) site: &'s Site,
    pub(super) began: Timestamp,
    pub(super) view: View,
}

impl Watch<'_> {
    /// Looks again and again, until `done` holds.
    ///
    /// # Errors
    /// Patience ended: names what is waited for, and what the functions complain of.
    pub(super) fn until(&mut self, what: &str, done: impl Fn(&Picture) -> bool) -> anyhow::Result<Picture> {
        let since = self.site.simulator.clock().now();
        loop {
            let picture = self.look()?;
            if done(&picture) {
                return Ok(picture);
            }
            if picture.at.duration_since(since) > PATIENCE {
                self.view.finish();
                let passed = format!("{} simulated minutes went by", PATIENCE.as_mins());
                bail!("{}", self.despair(&passed, what, &picture));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks once, and shows it.
    ///
    /// # Errors
    /// A function is broken or lacks a right, or the table cannot be read.
    pub(super) fn look(&mut self) -> anyhow::Result<Picture> {
        let picture = picture::take(self.site)?;
        self.view.show(&picture, picture.at.duration_since(self.began));
        if let Some(broken) = self.broken() {
            self.view.finish();
            bail!("{broken}");
        }
        rights::complete(self.site).inspect_err(|_| self.view.finish())?;
        Ok(picture)
    }

    /// It did not come, however much time went by.
    pub(super) fn gave_up(&self, what: &str) -> anyhow::Error {
        self.view.finish();
        match picture::take(self.site) {
            Ok(picture) => anyhow!("{}", self.despair("All the time that it may take went by", what, &picture)),
            Err(error) => error,
        }
    }

    /// A function of which several invocations ended, and none of them well.
    fn broken(&self) -> Option<String> {
        let mut ended: BTreeMap<String, (usize, bool, String)> = BTreeMap::new();
        for Invocation { function, outcome, .. } in self.site.simulator.invocations() {
            let Some(outcome) = outcome else { continue };
            let (count, worked, last) = ended.entry(function).or_default();
            *count += 1;
            *worked |= outcome.is_success();
            *last = words(&outcome);
        }
        let broken = ended.into_iter().find(|(_, (count, worked, _))| *count >= TRIES && !worked)?;
        let (function, (count, _, last)) = broken;
        Some(format!("the function `{function}` failed {count} times out of {count}. The last time: {last}"))
    }

    fn despair(&self, passed: &str, what: &str, picture: &Picture) -> String {
        let mut lines = vec![format!("{passed}, and not yet: {what}. Waiting for:")];
        lines.extend(picture.waits());
        let complaints = self.complaints();
        lines.push(if complaints.is_empty() { "The functions complain of nothing." } else { "They say:" }.to_owned());
        let skipped = complaints.len().saturating_sub(COMPLAINTS);
        lines.extend(complaints.into_iter().skip(skipped));
        lines.join("\n  ")
    }

    /// The functions' warnings and errors, each once, and how their failed invocations ended.
    fn complaints(&self) -> Vec<String> {
        let lines = self.site.simulator.lambda().map(|lambda| lambda.journal().lines()).unwrap_or_default();
        let said = lines.iter().filter_map(complaint);
        let failed = self.site.simulator.invocations().into_iter().filter_map(|invocation| {
            let outcome = invocation.outcome.filter(|outcome| !outcome.is_success())?;
            Some(format!("{} ended badly: {}", invocation.function, words(&outcome)))
        });
        let mut once = Vec::new();
        for complaint in said.chain(failed) {
            if !once.contains(&complaint) {
                once.push(complaint);
            }
        }
        once
    }
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Succeeded(answer) => format!("it answered {answer}"),
        Outcome::Failed { kind, message } => format!("{kind}: {message}"),
        Outcome::Crashed(why) => format!("its process ended: {why}"),
        Outcome::TimedOut => "its time ran out".to_owned(),
        Outcome::NotStarted(why) => format!("it did not start: {why}"),
    }
}

/// A warning, an error, or what is no log message at all: a panic, say.
fn complaint(line: &Line) -> Option<String> {
    let Ok(message) = serde_json::from_str::<Value>(&line.text) else {
        return (!line.text.trim().is_empty()).then(|| format!("{}: {}", line.function, line.text));
    };
    let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
    let parts = [text("step"), text("message"), text("reason"), text("detail"), text("error")];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    matches!(text("level"), "WARN" | "ERROR").then(|| format!("{}: {}", line.function, parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complaints_are_repeated() {
        let line = |text: &str| Line { at: Timestamp::UNIX_EPOCH, function: "sweep".to_owned(), text: text.to_owned() };
        assert_eq!(complaint(&line(r#"{"level":"INFO","message":"swept"}"#)), None);
        let warning = line(r#"{"level":"WARN","step":"AttachVolume vol-1","message":"failed","error":"denied"}"#);
        assert_eq!(complaint(&warning).unwrap(), "sweep: AttachVolume vol-1 failed denied");
        assert_eq!(complaint(&line("panicked at x")).unwrap(), "sweep: panicked at x");
    }
}
