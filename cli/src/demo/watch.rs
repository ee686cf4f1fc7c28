//! Looks at the group until it is as it should be, and gives up with reasons.

use std::time::Duration;

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};
use stateful_asg_sim::lambda::{Invocation, Line};

use super::picture::{self, Picture};
use super::view::View;
use crate::site::Site;

/// How often to look, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the group may take, in simulated time.
const PATIENCE: SignedDuration = SignedDuration::from_mins(20);
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
            let picture = picture::take(self.site)?;
            self.view.show(&picture, picture.at.duration_since(self.began));
            if done(&picture) {
                return Ok(picture);
            }
            let failures = self.failures();
            if let Some(first) = failures.first().filter(|_| self.never_worked()) {
                self.view.finish();
                bail!("the functions do not start: {first}");
            }
            if picture.at.duration_since(since) > PATIENCE {
                self.view.finish();
                bail!("{}", self.despair(what, &picture, &failures));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn despair(&self, what: &str, picture: &Picture, failures: &[String]) -> String {
        let mut lines = vec![format!("{} simulated minutes went by, and not yet: {what}. Waiting for:", PATIENCE.as_mins())];
        lines.extend(picture.waits());
        lines.push("The functions' last complaints:".to_owned());
        let complaints = self.complaints();
        let skipped = complaints.len().saturating_sub(COMPLAINTS);
        lines.extend(complaints.into_iter().skip(skipped));
        lines.extend(failures.iter().rev().take(COMPLAINTS).cloned());
        lines.join("\n  ")
    }

    fn complaints(&self) -> Vec<String> {
        let lines = self.site.simulator.lambda().map(|lambda| lambda.journal().lines()).unwrap_or_default();
        lines.iter().filter(|line| is_complaint(line)).map(|line| format!("{}: {}", line.function, line.text)).collect()
    }

    fn failures(&self) -> Vec<String> {
        let failed = |invocation: &Invocation| {
            let outcome = invocation.outcome.as_ref().filter(|outcome| !outcome.is_success())?;
            Some(format!("{} on {}: {outcome:?}", invocation.function, invocation.detail_type))
        };
        self.site.simulator.invocations().iter().filter_map(failed).collect()
    }

    /// Whether several invocations ended, and none of them well.
    fn never_worked(&self) -> bool {
        let ended: Vec<bool> = self
            .site
            .simulator
            .invocations()
            .iter()
            .filter_map(|invocation| invocation.outcome.as_ref().map(|outcome| outcome.is_success()))
            .collect();
        ended.len() >= 3 && !ended.contains(&true)
    }
}

/// A warning, an error, or what is no log message at all: a panic, say.
pub(crate) fn is_complaint(line: &Line) -> bool {
    match serde_json::from_str::<serde_json::Value>(&line.text) {
        Ok(message) => message.get("level").is_some_and(|level| level == "WARN" || level == "ERROR"),
        Err(_) => !line.text.trim().is_empty(),
    }
}
