//! What becomes of volumes and interfaces when their instance ends.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, EffectKind, Settings};

use crate::support::*;

#[test]
fn volumes_are_freed_some_time_after_termination_began() {
    for seed in 0..20 {
        let mut aws = Aws::new(Settings { seed, ..Settings::default() });
        let instance = serving(&mut aws, 1).remove(0);
        let volume = volume(&mut aws, ZONE);
        attached(&mut aws, &volume, &instance, "/dev/sdf");
        let interface = aws.instance(&instance).unwrap().network_interfaces[0].network_interface_id.clone();
        let root = aws.instance(&instance).unwrap().block_devices[0].volume_id.clone();
        let change = aws.terminate_instances(&list(&instance)).unwrap().remove(0);
        assert_eq!((change.previous, change.current), (InstanceState::Running, InstanceState::ShuttingDown));
        aws.advance(secs(4));
        assert_eq!(
            aws.volume(&volume).unwrap().state,
            VolumeState::InUse,
            "seed {seed}: no volume is free in an instant"
        );
        aws.advance(secs(60));
        assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::Available, "seed {seed}");
        assert!(aws.volume(&root).is_none() && aws.interface(&interface).is_none());
        assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::Terminated);
        assert!(aws.instance(&instance).unwrap().block_devices.is_empty());
    }
}

#[test]
fn delete_on_termination_deletes() {
    let mut aws = Aws::new(Settings { volumes_delete_on_termination: true, ..Settings::default() });
    let instance = serving(&mut aws, 1).remove(0);
    let (kept, lost) = (volume(&mut aws, ZONE), volume(&mut aws, ZONE));
    attached(&mut aws, &kept, &instance, "/dev/sdf");
    attached(&mut aws, &lost, &instance, "/dev/sdg");
    let modify = |device: &str| ModifyInstanceAttribute {
        instance_id: instance.clone(),
        delete_on_termination: vec![(device.to_owned(), false)],
    };
    aws.modify_instance_attribute(&modify("/dev/sdf")).unwrap();
    assert_eq!(code(aws.modify_instance_attribute(&modify("/dev/sdz"))), "InvalidInstanceAttributeValue");
    assert!(!aws.volume(&kept).unwrap().attachments[0].delete_on_termination);
    aws.terminate_instances(&list(&instance)).unwrap();
    aws.advance(secs(60));
    assert!(aws.volume(&kept).is_some());
    assert!(aws.volume(&lost).is_none());
}

#[test]
fn stopping_keeps_attachments() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    aws.suspend_processes(GROUP, &[]).unwrap();
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    aws.stop_instances(&list(&instance)).unwrap();
    aws.advance(secs(60));
    assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::Stopped);
    assert_eq!(aws.volume(&volume).unwrap().attachments[0].status, AttachmentStatus::Attached);
    aws.start_instances(&list(&instance)).unwrap();
    aws.advance(secs(60));
    assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::Running);
}

#[test]
fn states_follow_each_other_and_are_announced() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    aws.terminate_instances(&list(&instance)).unwrap();
    aws.advance(secs(60));
    let states: Vec<_> = aws
        .take_events()
        .into_iter()
        .filter(|e| e.event["detail"]["instance-id"] == instance.as_str())
        .filter(|e| e.event["detail-type"] == "EC2 Instance State-change Notification")
        .map(|e| e.event["detail"]["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["pending", "running", "shutting-down", "terminated"]);
    aws.advance(secs(3700));
    assert_eq!(code(aws.describe_instances(&Describe::ids([instance]))), "InvalidInstanceID.NotFound");
}

#[test]
fn spot_interruption_warns_two_minutes_ahead() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    aws.take_events();
    aws.interrupt_spot(&instance);
    assert_eq!(detail_types(&mut aws), ["EC2 Spot Instance Interruption Warning"]);
    aws.advance(secs(119));
    assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::Running);
    aws.advance(secs(1));
    assert_eq!(aws.instance(&instance).unwrap().state, InstanceState::ShuttingDown);
}

#[test]
fn the_log_tells_who_did_what() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    aws.as_actor("lambda-1").attach_volume(&attach(&volume, &instance, "/dev/sdf")).unwrap();
    aws.advance(secs(3));
    let log =
        effects(&aws, |what| matches!(what, EffectKind::VolumeAttaching { .. } | EffectKind::VolumeAttached { .. }));
    let actors: Vec<_> = log.iter().map(|e| e.actor.as_str()).collect();
    assert_eq!(actors, ["lambda-1", ""]);
    assert_eq!(aws.counts()["ec2:AttachVolume"], 1);
}
