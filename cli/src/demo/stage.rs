//! What all stories have in common: the group comes up, phases are told, time goes by.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use stateful_asg_sim::lambda::Invocation;

use super::calls::Calls;
use super::check::Check;
use super::group;
use super::parts::Part;
use super::picture::{Picture, Slots};
use super::view::View;
use super::watch::Watch;
use crate::args::Story;
use crate::output::count;
use crate::site::Site;

/// How long, in real time, the functions may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look whether they did, in real time.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// For so many looks nothing may be at work.
const QUIET_LOOKS: u32 = 3;

/// A story as it goes on.
pub(super) struct Stage<'s> {
    pub(super) site: &'s Site,
    /// When the group was created.
    pub(super) began: Timestamp,
    watch: Watch<'s>,
    phases: u32,
}

/// A story that came to its end.
pub(super) struct Told {
    pub(super) began: Timestamp,
    /// When what the story is about happened.
    pub(super) turned: Timestamp,
    pub(super) calls_before: Calls,
    pub(super) before: Slots,
    pub(super) after: Picture,
    /// By slot, the instances that were killed.
    pub(super) killed: BTreeMap<u32, String>,
    pub(super) checks: Vec<Check>,
    /// What is wrong, one sentence each.
    pub(super) problems: Vec<String>,
    /// Where the time went.
    pub(super) parts: Vec<Part>,
    /// What the parts are of, as a headline.
    pub(super) parts_of: &'static str,
    /// What went well, if it did.
    pub(super) moral: String,
    /// What did not, if so.
    pub(super) otherwise: String,
}

/// The moment at which a story turns.
pub(super) struct Turn {
    pub(super) at: Timestamp,
    pub(super) calls_before: Calls,
}

impl<'s> Stage<'s> {
    /// Creates the group, and waits until all its nodes serve.
    ///
    /// # Errors
    /// What AWS refuses, and a group that does not come up.
    pub(super) fn open(site: &'s Site, story: Story, nodes: u32) -> anyhow::Result<(Self, Picture)> {
        let began = site.simulator.clock().now();
        let mut stage = Self { site, began, watch: Watch { site, began, view: View::new() }, phases: 0 };
        stage.phase(&format!(
            "A simulated AWS runs at {} ({}x real time), and the compiled functions are its Lambda.",
            site.simulator.endpoint(),
            site.simulator.clock().speed()
        ));
        stage.phase(&format!(
            "An Auto Scaling group of {} in {} is created. Each node gets a slot: a volume, an address and a name.",
            count(nodes as usize, "node"),
            count(group::zones(story, nodes), "zone")
        ));
        stage.began = site.simulator.with(|aws| group::create(aws, &site.zone, story, nodes))?;
        stage.watch.began = stage.began;
        let before = stage.until("all nodes are in service", |picture| picture.is_served(nodes))?;
        Ok((stage, before))
    }

    /// A new part of the story begins.
    pub(super) fn phase(&mut self, sentence: &str) {
        self.phases += 1;
        self.watch.view.phase(&format!("{}. {sentence}", self.phases));
    }

    /// From here on, calls are the story's.
    pub(super) fn turn(&self) -> Turn {
        Turn { at: self.site.simulator.clock().now(), calls_before: self.site.simulator.counts() }
    }

    /// Looks again and again, until `done` holds.
    ///
    /// # Errors
    /// Patience ended.
    pub(super) fn until(&mut self, what: &str, done: impl Fn(&Picture) -> bool) -> anyhow::Result<Picture> {
        self.watch.until(what, done)
    }

    /// As [`may_pass`](Self::may_pass), for what must come.
    ///
    /// # Errors
    /// It never holds, or the functions do not come to rest.
    pub(super) fn let_pass(
        &mut self,
        what: &str,
        steps: (SignedDuration, u32),
        done: impl Fn(&Picture) -> bool,
    ) -> anyhow::Result<Picture> {
        self.may_pass(steps, done)?.ok_or_else(|| self.watch.gave_up(what))
    }

    /// Has simulated time leap by `step`, and the functions do what is due then, at most `most` times, until `done` holds;
    /// none if it never does, which a check may find fault with.
    ///
    /// # Errors
    /// The functions do not come to rest.
    pub(super) fn may_pass(
        &mut self,
        (step, most): (SignedDuration, u32),
        done: impl Fn(&Picture) -> bool,
    ) -> anyhow::Result<Option<Picture>> {
        for _ in 0..most {
            self.leap(step)?;
            let picture = self.watch.look()?;
            if done(&picture) {
                return Ok(Some(picture));
            }
        }
        Ok(None)
    }

    /// Has simulated time leap, and waits until the functions have looked at what is due then.
    fn leap(&mut self, by: SignedDuration) -> anyhow::Result<()> {
        self.site.simulator.leap(by, PATIENCE).context("time cannot be let pass")?;
        let since = self.site.simulator.clock().now();
        let begun = self.site.simulator.clock();
        let limit = begun.now() + SignedDuration::from_secs_f64(PATIENCE.as_secs_f64() * begun.speed());
        let mut quiet = 0;
        while quiet < QUIET_LOOKS {
            std::thread::sleep(LOOK_EVERY);
            self.watch.look()?;
            quiet = if is_quiet(&self.site.simulator.invocations(), since) { quiet + 1 } else { 0 };
            if begun.now() > limit {
                return Err(self.watch.gave_up("the functions come to rest"));
            }
        }
        Ok(())
    }

    /// Leaves the last picture standing.
    pub(super) fn close(&self) {
        self.watch.view.finish();
    }
}

/// A sweep has looked at the group since, and no function is at work.
fn is_quiet(invocations: &[Invocation], since: Timestamp) -> bool {
    let swept = invocations
        .iter()
        .any(|invocation| invocation.function == "sweep" && invocation.started >= since && invocation.ended.is_some());
    swept && invocations.iter().all(|invocation| invocation.ended.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_once_a_sweep_has_looked_and_nothing_works_any_more() {
        let at = |second| Timestamp::constant(second, 0);
        let run = |function: &str, started, ended: Option<i64>| Invocation {
            function: function.to_owned(),
            request_id: String::new(),
            event_id: String::new(),
            detail_type: String::new(),
            attempt: 1,
            started: at(started),
            ended: ended.map(at),
            outcome: None,
        };
        let swept = run("sweep", 100, Some(101));
        assert!(is_quiet(std::slice::from_ref(&swept), at(100)));
        assert!(!is_quiet(std::slice::from_ref(&swept), at(102)), "that sweep was before");
        assert!(!is_quiet(&[swept.clone(), run("lifecycle", 101, None)], at(100)));
        assert!(is_quiet(&[swept, run("lifecycle", 101, Some(103))], at(100)));
    }
}
