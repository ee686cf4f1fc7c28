//! Steps in a person's words.

use stateful_asg_core::step::{Step, Why};
use stateful_asg_core::table::HookResult;

/// What a step would do.
pub(super) fn of(step: &Step) -> String {
    match step {
        Step::Write { write, why } => {
            let about =
                write.slot.as_ref().map_or_else(|| "the group".to_owned(), |(_, slot)| format!("slot {}", slot.number));
            let reasons: Vec<&str> = why.iter().map(|why| reason(*why)).collect();
            format!("note about {about}: {}", reasons.join(", "))
        }
        Step::CreateVolume { slot, name, params, zone, .. } => {
            format!("create volume `{name}` of slot {slot} in {zone}: {} GiB {}", params.size_gib, params.kind)
        }
        Step::AttachVolume { slot, volume, instance, device } => {
            format!("attach {volume} of slot {slot} to {instance} as {device}")
        }
        Step::KeepVolume { volume, instance, .. } => format!("have {volume} survive the termination of {instance}"),
        Step::DetachVolume { slot, volume, instance, .. } => format!("detach {volume} of slot {slot} from {instance}"),
        Step::CreateInterface { slot, subnet, .. } => {
            format!("create the network interface of slot {slot} in {subnet}")
        }
        Step::AttachInterface { slot, interface, instance, .. } => {
            format!("attach {interface} of slot {slot} to {instance}")
        }
        Step::KeepInterface { interface, .. } => format!("have {interface} survive the termination of its instance"),
        Step::DetachInterface { slot, interface, instance, .. } => {
            format!("detach {interface} of slot {slot} from {instance}")
        }
        Step::Tag { resource, tags } => {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("tag {resource} with {}", tags.join(", "))
        }
        Step::ChangeRecord(change) => format!("change the record {}", change.key.name),
        Step::Heartbeat(action) => format!("ask Auto Scaling for more time for {}", action.instance),
        Step::Complete { action, result: HookResult::Continue } => {
            format!("let {} go on ({})", action.instance, action.hook)
        }
        Step::Complete { action, result: HookResult::Abandon } => format!("give the launch of {} up", action.instance),
    }
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::GroupSeen => "its hooks",
        Why::SpecAccepted => "a new spec",
        Why::SpecRefused => "a spec that is refused",
        Why::SlotMade => "a new slot",
        Why::Claimed => "a new holder",
        Why::Released => "its holder is gone",
        Why::Parked => "it is parked",
        Why::VolumeIntended => "a volume is about to be created",
        Why::PoolVolumeTaken => "a volume of the pool is taken",
        Why::VolumeKnown => "a volume's ID",
        Why::VolumeBorn => "a volume is usable",
        Why::InterfaceIntended => "an interface is about to be created",
        Why::InterfaceKnown => "an interface's ID and address",
        Why::AbsenceNoted => "what is not found, or found again",
        Why::NextAttempt => "another attempt",
        Why::RecordIntended => "a record is about to be changed",
        Why::RecordConfirmed => "a record was changed",
        Why::ActionNoted => "a lifecycle action",
        Why::LaunchGivenUp => "a launch was given up",
    }
}
