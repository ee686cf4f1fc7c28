//! The guest, and the marks that writing leaves on disks.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, GuestMode, Settings, Span};

use crate::support::*;

fn with_guest() -> Aws {
    Aws::new(Settings { guest: GuestMode::Reports { delay: Span::exactly(2000) }, ..Settings::default() })
}

/// An instance in service that holds a slot with one volume, mounted.
fn mounted(aws: &mut Aws) -> (String, String) {
    let instance = serving_hooked(aws, 1).remove(0);
    let volume = volume(aws, ZONE);
    let entry = format!("{volume} /data xfs");
    let claim = tags(&[("stateful-asg:slot", "1"), ("stateful-asg:claim", "4"), ("stateful-asg:volume:data", &entry)]);
    aws.create_tags(&list(&instance), &claim).unwrap();
    aws.advance(secs(60));
    assert!(!aws.instance(&instance).unwrap().tags.contains_key("stateful-asg:mounted"), "nothing is attached yet");
    attached(aws, &volume, &instance, "/dev/sdf");
    until(aws, "mounted", |aws| (aws.instance(&instance)?.tags.get("stateful-asg:mounted")? == "4").then_some(()));
    (instance, volume)
}

#[test]
fn the_guest_mounts_what_its_claim_names_and_says_so() {
    let mut aws = with_guest();
    let (instance, volume) = mounted(&mut aws);
    assert!(aws.is_mounted(&volume, &instance));
    assert_eq!(aws.writer(&volume), Some(instance.as_str()));
    assert!(aws.effects().iter().any(|e| e.actor == "guest"));
}

#[test]
fn the_guest_releases_when_its_instance_leaves() {
    let mut aws = with_guest();
    let (instance, volume) = mounted(&mut aws);
    let detach = DetachVolume { volume_id: volume.clone(), ..DetachVolume::default() };
    assert_eq!(aws.detach_volume(&detach).unwrap().status, AttachmentStatus::Busy);
    aws.terminate_instance_in_auto_scaling_group(&instance, false).unwrap();
    until(&mut aws, "released", |aws| {
        (aws.instance(&instance)?.tags.get("stateful-asg:released")? == "4").then_some(())
    });
    assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::Running);
    assert_eq!(aws.writer(&volume), None);
    aws.advance(secs(6));
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::Available, "the busy detachment completed");
}

#[test]
fn a_released_volume_is_written_to_no_more_and_detaches_at_once() {
    let mut aws = with_guest();
    let (instance, volume) = mounted(&mut aws);
    aws.terminate_instance_in_auto_scaling_group(&instance, false).unwrap();
    until(&mut aws, "released", |aws| {
        (aws.instance(&instance)?.tags.get("stateful-asg:released")? == "4").then_some(())
    });
    assert_eq!(aws.writer(&volume), None);
    let detach = DetachVolume { volume_id: volume, ..DetachVolume::default() };
    assert_eq!(aws.detach_volume(&detach).unwrap().status, AttachmentStatus::Detaching);
}

#[test]
fn a_new_claim_is_reported_anew() {
    let mut aws = with_guest();
    let (instance, _) = mounted(&mut aws);
    aws.create_tags(&list(&instance), &tags(&[("stateful-asg:claim", "5")])).unwrap();
    aws.advance(secs(2));
    assert_eq!(aws.instance(&instance).unwrap().tags["stateful-asg:mounted"], "5");
}

#[test]
fn writing_leaves_a_mark_a_minute_while_in_service() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    aws.advance(secs(150));
    let stamps = aws.stamps(&volume);
    assert_eq!(stamps.len(), 3);
    assert!(stamps.iter().all(|s| s.instance == instance));
    aws.terminate_instances(&list(&instance)).unwrap();
    aws.advance(secs(600));
    assert_eq!(aws.stamps(&volume), stamps, "a dead instance writes no more");
}

#[test]
fn nothing_is_written_before_service() {
    let mut aws = aws();
    aws.create_auto_scaling_group(&hooked(1)).unwrap();
    let instance = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    aws.advance(secs(20));
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    aws.advance(secs(120));
    assert!(aws.stamps(&volume).is_empty());
    complete(&mut aws, "enter", &instance, LifecycleResult::Continue).unwrap();
    until_state(&mut aws, LifecycleState::InService, 1);
    assert_eq!(aws.stamps(&volume).len(), 1);
}
