//! What a settle reads, and reads again.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_core::cloud::{Lifecycle, RecordKey, Transition};
use stateful_asg_core::ids::InstanceId;
use stateful_asg_core::observed::Observed;
use stateful_asg_core::plan::Plan;
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{Group, HookResult};
use stateful_asg_core::waiting::Reads;
use tracing::warn;

use super::{MARGIN, Run, to_signed};
use crate::observe::{catch_up, observe, refresh};
use crate::ports::{CallError, World};

/// How often a failing reading is tried before the settle gives up.
const READING_TRIES: u32 = 4;
/// An instance is let into service only on what was read within this long: a disk may be pulled away by hand while something
/// else is waited for.
const FRESH: Duration = Duration::from_secs(10);

/// When each part of a reading was last read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    instances: Timestamp,
    volumes: Timestamp,
    interfaces: Timestamp,
}

impl Seen {
    /// All of it at once.
    pub(super) fn all(now: Timestamp) -> Self {
        Self { instances: now, volumes: now, interfaces: now }
    }

    fn again(&mut self, reads: Reads, now: Timestamp) {
        let parts = [
            (reads.instances, &mut self.instances),
            (reads.volumes, &mut self.volumes),
            (reads.interfaces, &mut self.interfaces),
        ];
        for (_, at) in parts.into_iter().filter(|(read, _)| *read) {
            *at = now;
        }
    }
}

impl<W: World> Run<'_, W> {
    /// Reads everything, and again where that failed and may succeed.
    pub(super) async fn read(&mut self) -> Result<Observed, CallError> {
        let mut tries = 0;
        loop {
            self.settled.passes += 1;
            let error = match observe(self.world, &self.target, self.record.take(), self.notes.clone()).await {
                Ok(observed) => {
                    self.seen = Seen::all(self.world.now());
                    return Ok(observed);
                }
                Err(error) => error,
            };
            tries += 1;
            *self.settled.failures.entry(error.kind).or_default() += 1;
            if !error.kind.is_retryable() || tries >= READING_TRIES || self.left() <= MARGIN {
                return Err(error);
            }
            warn!(group = %self.job.group, %error, "reading failed; once more");
            self.world.sleep(Duration::from_secs(2)).await;
        }
    }

    /// Reads again what is waited for; false where that failed.
    pub(super) async fn poll(&mut self, observed: &mut Observed, reads: Reads) -> bool {
        self.settled.passes += 1;
        let result = refresh(self.world, observed, reads).await;
        match &result {
            Ok(()) => self.seen.again(reads, self.world.now()),
            Err(error) => warn!(group = %self.job.group, %error, "reading again failed"),
        }
        result.is_ok()
    }

    /// What must be read again before these steps: where one lets an instance into service, whatever of it was read too long
    /// ago, because something else was waited for since.
    pub(super) fn stale_for(&self, steps: &[Step], observed: &Observed) -> Option<Reads> {
        let now = self.world.now();
        let old = |at: Timestamp| now.duration_since(at) >= to_signed(FRESH);
        let stale = Reads {
            instances: old(self.seen.instances),
            volumes: old(self.seen.volumes),
            interfaces: old(self.seen.interfaces) && !observed.interfaces.is_empty(),
            ..Reads::default()
        };
        (stale != Reads::default() && steps.iter().any(lets_in)).then_some(stale)
    }

    /// Reads again what an event may have told of; false where everything must be read again.
    pub(super) async fn catch_up(&mut self, observed: &mut Observed, record: Option<Group>, reads: Reads) -> bool {
        self.settled.passes += 1;
        let launching = launching(observed);
        match catch_up(self.world, observed, record.as_ref(), reads).await {
            Ok(in_step) => {
                self.seen.again(Reads { instances: true, ..reads }, self.world.now());
                // An edit of the spec counts from the next launch on: the event of one may have woken us.
                if !self::launching(observed).is_subset(&launching) {
                    self.hooks = true;
                    observed.hooks = None;
                }
                in_step
            }
            Err(error) => {
                warn!(group = %self.job.group, %error, "reading again failed");
                false
            }
        }
    }

    /// Hooks are read where the event or the audit asks for it, records of ours in the audit.
    pub(super) fn ask_more(&self, plan: &mut Plan, observed: &Observed, audited: bool) {
        if self.hooks && observed.hooks.is_none() {
            plan.look.hooks = true;
        }
        if self.job.audit && !audited {
            plan.look.records.extend(records(observed).filter(|key| !observed.records.contains_key(*key)).cloned());
        }
    }
}

/// The step that ends the wait in a launch hook.
pub(super) fn lets_in(step: &Step) -> bool {
    matches!(step, Step::Complete { action, result: HookResult::Continue } if action.transition == Transition::Launching)
}

/// Every record of ours.
pub(super) fn records(observed: &Observed) -> impl Iterator<Item = &RecordKey> {
    let slots = observed.slots().filter_map(|slot| slot.record.as_ref());
    slots.chain(observed.record.iter().filter_map(|group| group.record.as_ref())).map(|record| &record.key)
}

/// Members that wait in a launch hook.
fn launching(observed: &Observed) -> BTreeSet<InstanceId> {
    let members = observed.asgs.iter().flat_map(|asg| &asg.members);
    members.filter(|(_, member)| member.lifecycle == Lifecycle::PendingWait).map(|(id, _)| id.clone()).collect()
}
