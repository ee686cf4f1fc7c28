//! Where the time of one replacement went: on whom it was waited, and how long.

use jiff::Timestamp;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{InstanceState, LifecycleState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind};

use super::parts::{self, Part};
use super::picture::Belongings;

/// The moments of one replacement, as far as they came.
#[derive(Debug, Clone, Default)]
struct Milestones {
    launched: Option<Timestamp>,
    waiting: Option<Timestamp>,
    freed: Option<Timestamp>,
    saving: Option<Timestamp>,
    saved: Option<Timestamp>,
    making: Option<Timestamp>,
    made: Option<Timestamp>,
    asked: Option<Timestamp>,
    attached: Option<Timestamp>,
    mounted: Option<Timestamp>,
    answered: Option<Timestamp>,
    serving: Option<Timestamp>,
}

/// The parts of one replacement: of `dead`, which had `was` and was killed at `killed_at`, by the holder in `now`.
pub(super) fn parts(
    aws: &Aws,
    killed_at: Timestamp,
    slot: u32,
    (dead, was): (&str, &Belongings),
    now: &Belongings,
) -> Vec<Part> {
    let Some(fresh) = &now.instance else { return Vec::new() };
    let mut marks = Milestones::default();
    for effect in aws.effects().iter().filter(|effect| effect.at >= killed_at) {
        note_node(&mut marks, effect, dead, fresh);
        note_data(&mut marks, effect, was, now);
    }
    in_turn(&marks, killed_at, slot)
}

/// The first time of some moments, the last time of those that come once for each thing.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other effects are no milestones")]
fn note_node(marks: &mut Milestones, effect: &Effect, dead: &str, fresh: &str) {
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

/// Where the data went on its way to another zone; nothing where the volume stayed.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other effects are no milestones")]
fn note_data(marks: &mut Milestones, effect: &Effect, was: &Belongings, now: &Belongings) {
    let of = |has: &Belongings, volume: &String| has.volumes.values().any(|id| id == volume);
    if was.volumes == now.volumes {
        return;
    }
    let at = Some(effect.at);
    match &effect.what {
        EffectKind::SnapshotCreated { volume, .. } if of(was, volume) => marks.saving = at,
        EffectKind::SnapshotReady { volume, failed: false, .. } if of(was, volume) => marks.saved = at,
        EffectKind::VolumeCreated { volume, .. } if of(now, volume) => marks.making = at,
        EffectKind::VolumeReady { volume, failed: false } if of(now, volume) => marks.made = at,
        _ => {}
    }
}

/// Boot and the old node's end run side by side: a part begins where those before it ended.
fn in_turn(marks: &Milestones, killed_at: Timestamp, slot: u32) -> Vec<Part> {
    let free_and_up = marks.freed.max(marks.waiting);
    // Volumes that stay are asked for at once; others are made first.
    let (stays, ready) = if marks.saving.is_none() { (free_and_up, None) } else { (None, marks.made) };
    let stretches = [
        ("Auto Scaling", "notices and launches a replacement", Some(killed_at), marks.launched),
        ("EC2", "boots it, and its launch hook begins", marks.launched, marks.waiting),
        ("EC2", "frees the dead node's volume and interface (meanwhile)", Some(killed_at), marks.freed),
        ("stateful-asg", "sees both, and asks for the attachments", stays, marks.asked),
        ("stateful-asg", "sees that, and asks for the last snapshot", free_and_up, marks.saving),
        ("EC2", "completes the snapshot", marks.saving, marks.saved),
        ("stateful-asg", "sees that, and asks for a volume in the new zone", marks.saved, marks.making),
        ("EC2", "creates the volume", marks.making, marks.made),
        ("stateful-asg", "puts it on record, and asks for the attachments", ready, marks.asked),
        ("EC2", "attaches volume and interface", marks.asked, marks.attached),
        ("the guest", "mounts, and says so", marks.attached, marks.mounted),
        ("stateful-asg", "sees that, and answers the hook", marks.mounted, marks.answered),
        ("Auto Scaling", "takes it into service", marks.answered, marks.serving),
    ];
    parts::of(slot, killed_at, stretches)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::constant(second, 0))
    }

    fn replaced() -> Milestones {
        Milestones {
            launched: at(10),
            waiting: at(30),
            freed: at(50),
            asked: at(52),
            attached: at(55),
            mounted: at(58),
            answered: at(59),
            serving: at(60),
            ..Milestones::default()
        }
    }

    fn told(marks: &Milestones) -> Vec<(&'static str, f64, f64)> {
        let parts = in_turn(marks, Timestamp::constant(0, 0), 0);
        parts.iter().map(|part| (part.waited_on, part.from_seconds, part.took_seconds)).collect()
    }

    #[test]
    fn each_part_begins_where_the_last_of_what_it_needs_ended() {
        assert_eq!(
            told(&replaced()),
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
    fn a_move_waits_for_a_snapshot_and_a_volume_in_between() {
        let marks = Milestones {
            saving: at(51),
            saved: at(81),
            making: at(84),
            made: at(86),
            asked: at(88),
            attached: at(90),
            ..replaced()
        };
        assert_eq!(
            told(&marks)[3..9],
            [
                ("stateful-asg", 50.0, 1.0),
                ("EC2", 51.0, 30.0),
                ("stateful-asg", 81.0, 3.0),
                ("EC2", 84.0, 2.0),
                ("stateful-asg", 86.0, 2.0),
                ("EC2", 88.0, 2.0),
            ]
        );
    }

    #[test]
    fn what_never_came_makes_no_part() {
        assert_eq!(told(&Milestones { launched: at(10), ..Milestones::default() }).len(), 1);
    }
}
