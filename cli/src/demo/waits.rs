//! Where the time of one replacement went: on whom it was waited, and how long.

use jiff::Timestamp;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{InstanceState, LifecycleState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind};

use super::picture::Belongings;
use super::timeline::seconds;

/// One stretch of a replacement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leg {
    /// On whom it was waited.
    pub(super) on: &'static str,
    /// For what.
    pub(super) what: &'static str,
    /// When it began, in simulated seconds after the death.
    pub(super) from: f64,
    /// How long it took, in simulated seconds.
    pub(super) took: f64,
}

/// The moments of one replacement, as far as they came.
#[derive(Debug, Clone, Default)]
struct Milestones {
    launched: Option<Timestamp>,
    waiting: Option<Timestamp>,
    freed: Option<Timestamp>,
    asked: Option<Timestamp>,
    attached: Option<Timestamp>,
    mounted: Option<Timestamp>,
    answered: Option<Timestamp>,
    serving: Option<Timestamp>,
}

/// The legs of the replacement of `dead`, which was killed at `killed_at`, by the holder in `now`.
pub(super) fn legs(aws: &Aws, killed_at: Timestamp, dead: &str, now: &Belongings) -> Vec<Leg> {
    let Some(fresh) = &now.instance else { return Vec::new() };
    let mut marks = Milestones::default();
    for effect in aws.effects().iter().filter(|effect| effect.at >= killed_at) {
        note(&mut marks, effect, dead, fresh);
    }
    in_turn(&marks, killed_at)
}

/// The first time of some moments, the last time of those that come once for each thing.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other effects are no milestones")]
fn note(marks: &mut Milestones, effect: &Effect, dead: &str, fresh: &str) {
    let at = Some(effect.at);
    match &effect.what {
        EffectKind::InstanceLaunched { instance, .. } if instance == fresh => marks.launched = at,
        EffectKind::Lifecycle { instance, state: Some(LifecycleState::PendingWait), .. } if instance == fresh => {
            marks.waiting = marks.waiting.max(at);
        }
        EffectKind::InstanceState { instance, state: InstanceState::Running } if instance == fresh => {
            marks.waiting = marks.waiting.max(at);
        }
        EffectKind::VolumeAvailable { instance, .. } | EffectKind::InterfaceAvailable { instance, .. }
            if instance == dead =>
        {
            marks.freed = at;
        }
        EffectKind::VolumeAttaching { instance, .. } | EffectKind::InterfaceAttaching { instance, .. }
            if instance == fresh =>
        {
            marks.asked = at;
        }
        EffectKind::VolumeAttached { instance, .. } | EffectKind::InterfaceAttached { instance, .. }
            if instance == fresh =>
        {
            marks.attached = at;
        }
        EffectKind::Tagged { resource, new, .. } if resource == fresh && new.contains_key(tags::MOUNTED) => {
            marks.mounted = marks.mounted.or(at);
        }
        EffectKind::HookCompleted { instance, .. } if instance == fresh => marks.answered = marks.answered.or(at),
        EffectKind::Lifecycle { instance, state: Some(LifecycleState::InService), .. } if instance == fresh => {
            marks.serving = marks.serving.or(at);
        }
        _ => {}
    }
}

/// Boot and the old node's end run side by side: a leg begins where those before it ended.
fn in_turn(marks: &Milestones, killed_at: Timestamp) -> Vec<Leg> {
    let free_and_up = marks.freed.max(marks.waiting);
    let stretches = [
        ("Auto Scaling", "notices and launches a replacement", Some(killed_at), marks.launched),
        ("EC2", "boots it, and its launch hook begins", marks.launched, marks.waiting),
        ("EC2", "frees the dead node's volume and interface (meanwhile)", Some(killed_at), marks.freed),
        ("stateful-asg", "sees both, and asks for the attachments", free_and_up, marks.asked),
        ("EC2", "attaches volume and interface", marks.asked, marks.attached),
        ("the guest", "mounts, and says so", marks.attached, marks.mounted),
        ("stateful-asg", "sees that, and answers the hook", marks.mounted, marks.answered),
        ("Auto Scaling", "takes it into service", marks.answered, marks.serving),
    ];
    let legs = stretches.into_iter().filter_map(|(on, what, from, to)| {
        let (from, to) = (from?, to?);
        Some(Leg { on, what, from: seconds(killed_at, from), took: seconds(from, to).max(0.0) })
    });
    legs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_leg_begins_where_the_last_of_what_it_needs_ended() {
        let at = |second| Some(Timestamp::constant(second, 0));
        let marks = Milestones {
            launched: at(10),
            waiting: at(30),
            freed: at(50),
            asked: at(52),
            attached: at(55),
            mounted: at(58),
            answered: at(59),
            serving: at(60),
        };
        let legs = in_turn(&marks, Timestamp::constant(0, 0));
        let flat: Vec<_> = legs.iter().map(|leg| (leg.on, leg.from, leg.took)).collect();
        assert_eq!(
            flat,
            [
                ("Auto Scaling", 0.0, 10.0),
                ("EC2", 10.0, 20.0),
                ("EC2", 0.0, 50.0),
                ("stateful-asg", 50.0, 2.0),
                ("EC2", 52.0, 3.0),
                ("the guest", 55.0, 3.0),
                ("stateful-asg", 58.0, 1.0),
                ("Auto Scaling", 59.0, 1.0),
            ]
        );
    }

    #[test]
    fn what_never_came_makes_no_leg() {
        let marks = Milestones { launched: Some(Timestamp::constant(10, 0)), ..Milestones::default() };
        assert_eq!(in_turn(&marks, Timestamp::constant(0, 0)).len(), 1);
    }
}
