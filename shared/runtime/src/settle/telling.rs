//! What a settle logs: each wait when it begins, and what became of each step.

use std::collections::BTreeSet;

use stateful_asg_core::ids::{GroupName, InstanceId, VolumeId};
use stateful_asg_core::plan::Plan;
use stateful_asg_core::step::Step;
use stateful_asg_core::waiting::Subject;
use tracing::{info, warn};

use super::Run;
use crate::ports::{CallError, World};

impl<W: World> Run<'_, W> {
    /// Logs each wait when it begins, not in every pass.
    pub(super) fn say(&mut self, plan: &Plan) {
        let mut waits = BTreeSet::new();
        for wait in &plan.waiting {
            let words = wait.to_string();
            if !self.said.contains(&words) && !waits.contains(&words) {
                let (slot, instance) = match &wait.subject {
                    Subject::Group => (None, None),
                    Subject::Slot(number) => (Some(number.0), None),
                    Subject::Instance(id) => (None, Some(id.as_str())),
                };
                let reason = wait.reason.kind();
                info!(group = %self.job.group, slot, instance_id = instance, reason, "waiting: {words}");
            }
            waits.insert(words);
        }
        self.said = waits;
    }
}

/// Logs what became of a step.
pub(super) fn step(group: &GroupName, step: &Step, error: Option<&CallError>) {
    let slot = step.slot().map(|slot| slot.0);
    let (instance, volume) = (step.instance().map(InstanceId::as_str), step.volume().map(VolumeId::as_str));
    let (kind, key) = (step.kind(), step.key());
    match error {
        None => info!(%group, slot, instance_id = instance, volume_id = volume, step = kind, "done: {key}"),
        Some(error) => {
            warn!(%group, slot, instance_id = instance, volume_id = volume, step = kind, %error, "failed: {key}");
        }
    }
}
