//! What is counted of effects beside their kinds: what hung, who died in which state, what went into warm pools and came
//! out of them.

use jiff::SignedDuration;
use stateful_asg_sim::model::types::{AttachmentStatus, InstanceState, LifecycleState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind};

use super::Rules;

/// What takes longer hangs.
const HANGS: SignedDuration = SignedDuration::from_mins(1);

impl Rules {
    /// Counts what an effect shows.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
    pub(super) fn tally(&mut self, effect: &Effect, aws: &Aws) {
        match &effect.what {
            EffectKind::VolumeAttaching { volume, .. } => _ = self.transit.insert(volume.clone(), effect.at),
            EffectKind::VolumeAttached { volume, .. } => self.ends(volume, effect, "attach hung"),
            EffectKind::VolumeDetaching { volume, .. } => {
                let busy = |v: &std::sync::Arc<stateful_asg_sim::model::types::Volume>| {
                    v.attachments.iter().any(|a| a.status == AttachmentStatus::Busy)
                };
                if aws.volume(volume).is_some_and(busy) {
                    self.count("volume busy");
                }
                self.transit.insert(volume.clone(), effect.at);
            }
            EffectKind::VolumeAvailable { volume, .. } => self.ends(volume, effect, "detach hung"),
            EffectKind::InstanceState { instance, state: InstanceState::ShuttingDown } => {
                let state = aws.member(instance).map_or("no member", |member| member.state.name());
                if effect.actor == "operator" {
                    *self.deaths.entry(state).or_default() += 1;
                }
            }
            EffectKind::Lifecycle { state: Some(LifecycleState::WarmedPending), .. } => {
                self.count("into the warm pool")
            }
            EffectKind::HookStarted { instance, hook, .. } if hook.ends_with("-launch") => {
                let again = self.warmed.contains(instance);
                if again && aws.member(instance).is_some_and(|member| !member.state.is_warmed()) {
                    self.count("out of the warm pool");
                }
            }
            _ => {}
        }
        if let EffectKind::Lifecycle { instance, state: Some(LifecycleState::WarmedPending), .. } = &effect.what {
            self.warmed.insert(instance.clone());
        }
    }

    fn ends(&mut self, volume: &str, effect: &Effect, hung: &'static str) {
        if self.transit.remove(volume).is_some_and(|since| effect.at.duration_since(since) > HANGS) {
            self.count(hung);
        }
    }
}
