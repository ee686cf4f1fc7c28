//! Steps in a person's words.

use stateful_asg_core::step::{Step, Why};
use stateful_asg_core::table::HookResult;
use stateful_asg_core::upkeep::Target;

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
        Step::CreateSnapshot { slot, volume, .. } => format!("take a snapshot of {volume} of slot {slot}"),
        Step::CreateSnapshots { slot, instance, .. } => {
            format!("take snapshots of the volumes of slot {slot} on {instance}, all at one instant")
        }
        Step::DeleteSnapshot { snapshot } => format!("delete {snapshot}, whose time has passed"),
        Step::ModifyVolume { slot, volume, target } => format!("modify {volume} of slot {slot}: {}", changed(*target)),
        Step::DeleteVolume { slot, volume } => format!("delete {volume}, which was slot {slot}'s and is not needed"),
        Step::DeleteInterface { slot, interface } => format!("delete {interface}, which was slot {slot}'s"),
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

/// What a volume is changed to.
fn changed(target: Target) -> String {
    let parts = [
        target.size_gib.map(|size| format!("{size} GiB")),
        target.kind.map(|kind| kind.as_str().to_owned()),
        target.iops.map(|iops| format!("{iops} IOPS")),
        target.throughput.map(|throughput| format!("{throughput} MiB/s")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::GroupSeen => "its hooks",
        Why::CounterRaised => "slots that tags show",
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
        Why::SnapshotsIntended => "snapshots are about to be taken",
        Why::ChangeBegun => "its volumes are about to be moved, restored or retired",
        Why::ChangeSaved => "its snapshots are complete",
        Why::ChangeMade => "the volumes that replace its own stand",
        Why::ChangeDone => "the new volumes take their place",
        Why::ChangeDropped => "it is claimed as it was",
        Why::GrowthNoted => "a volume is about to be modified, or has been",
        Why::SnapshotNamed => "a person named another snapshot for a volume that is not made yet",
        Why::LossAccepted => "a lost volume is replaced as the spec says",
        Why::DataTold => "the holder came into service with what it was told of its data",
        Why::LeftoverNoted => "something left behind is about to be deleted, or is gone",
        Why::WaitNoted => "a person is waited for, or is not any more",
    }
}
