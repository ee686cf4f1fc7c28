//! What a step is about, for whoever searches the logs, and what its success tells of other attachments.

use stateful_asg_core::cloud::{Attachment, AttachmentState, Tags};
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::ids::*;
use stateful_asg_core::step::Step;

use super::town::{Town, at, instance_id, interface_id, volume_id};

fn attach() -> Step {
    let device = DeviceName::new("/dev/sdf").unwrap();
    Step::AttachVolume { slot: SlotNumber(3), volume: volume_id(4), instance: instance_id(5), device }
}

#[test]
fn a_step_says_which_slot_instance_and_volume_it_is_about() {
    let (slot, instance, volume) = (Some(SlotNumber(3)), Some(instance_id(5)), Some(volume_id(4)));
    let without = [].into();
    let cases = [
        (attach(), slot, instance.clone(), volume.clone()),
        (Step::DeleteVolume { slot: SlotNumber(3), volume: volume_id(4) }, slot, None, volume.clone()),
        (Step::DeleteInterface { slot: SlotNumber(3), interface: interface_id(6) }, slot, None, None),
        (
            Step::KeepVolume { volume: volume_id(4), instance: instance_id(5), device: "/dev/sdf".to_owned() },
            None,
            instance.clone(),
            volume,
        ),
        (
            Step::CreateSnapshots { slot: SlotNumber(3), instance: instance_id(5), without, tags: Tags::new() },
            slot,
            instance,
            None,
        ),
        (Step::Tag { resource: "vol-0123".to_owned(), tags: Tags::new() }, None, None, None),
    ];
    for (step, slot, instance, volume) in cases {
        assert_eq!(
            (step.slot(), step.instance(), step.volume()),
            (slot, instance.as_ref(), volume.as_ref()),
            "{step:?}"
        );
    }
}

/// A volume may be attached to several instances: only what was asked of AWS is read back.
#[test]
fn keeping_a_volume_at_one_instance_says_nothing_of_its_attachment_to_another() {
    let mut town = Town::served(2);
    let attachment = |number: u32| Attachment {
        instance: instance_id(number),
        device: "/dev/sdf".to_owned(),
        state: AttachmentState::Attached,
        delete_on_termination: true,
        since: Some(at(0)),
    };
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().attachments = [attachment(0), attachment(1)].into();
    let device = "/dev/sdf".to_owned();
    let keep = Step::KeepVolume { volume: volume_id(0), instance: instance_id(0), device };
    town.obs.fold(&keep, &Outcome::Done, town.now);
    let shown = &town.obs.volumes[&volume_id(0)].attachments;
    let state = |number: u32| {
        let of_it = shown.iter().find(|one| one.instance == instance_id(number));
        of_it.map(|one| (one.state, one.since)).unwrap()
    };
    assert_eq!(state(0), (AttachmentState::Attaching, None), "to be read again");
    assert_eq!(state(1), (AttachmentState::Attached, Some(at(0))), "as it was");
}
