//! Volumes: creation, attachment, detachment.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, EffectKind, Settings};

use crate::support::*;

#[test]
fn a_volume_is_creating_then_available_and_says_so() {
    let mut aws = aws();
    let made = aws.create_volume(&new_volume(ZONE)).unwrap();
    assert_eq!((made.state, made.iops, made.throughput), (VolumeState::Creating, Some(3000), Some(125)));
    aws.advance(secs(3));
    assert_eq!(aws.volume(&made.volume_id).unwrap().state, VolumeState::Available);
    let event = &aws.take_events()[0].event;
    assert_eq!(event["detail-type"], "EBS Volume Notification");
    assert_eq!(
        (event["detail"]["event"].as_str(), event["detail"]["result"].as_str()),
        (Some("createVolume"), Some("available"))
    );
    assert!(event["resources"][0].as_str().unwrap().ends_with(&format!("volume/{}", made.volume_id)));
}

#[test]
fn creation_is_refused_for_what_cannot_be() {
    let cases: [(&str, fn(&mut CreateVolume)); 8] = [
        ("InvalidZone.NotFound", |r| r.availability_zone = "mars-1a".to_owned()),
        ("UnknownVolumeType", |r| r.volume_type = Some("gp9".to_owned())),
        ("MissingParameter", |r| r.size_gib = None),
        ("InvalidParameterValue", |r| r.size_gib = Some(70_000)),
        ("InvalidParameterValue", |r| r.iops = Some(100)),
        ("MissingParameter", |r| (r.volume_type, r.size_gib) = (Some("io2".to_owned()), Some(20))),
        ("InvalidParameterCombination", |r| (r.volume_type, r.iops) = (Some("gp2".to_owned()), Some(3000))),
        ("InvalidParameterCombination", |r| (r.volume_type, r.throughput) = (Some("gp2".to_owned()), Some(125))),
    ];
    let mut aws = aws();
    for (expected, change) in cases {
        let mut request = new_volume(ZONE);
        change(&mut request);
        assert_eq!(code(aws.create_volume(&request)), expected, "{request:?}");
    }
    assert_eq!(aws.volumes().count(), 0);
}

#[test]
fn a_client_token_makes_one_volume() {
    let mut aws = aws();
    let request = CreateVolume { client_token: Some("slot-1-1".to_owned()), ..new_volume(ZONE) };
    let first = aws.create_volume(&request).unwrap().volume_id.clone();
    aws.advance(secs(60));
    assert_eq!(aws.create_volume(&request).unwrap().volume_id, first);
    assert_eq!(aws.volumes().count(), 1);
    let other = CreateVolume { size_gib: Some(21), ..request };
    assert_eq!(code(aws.create_volume(&other)), "IdempotentParameterMismatch");
}

#[test]
fn a_bad_key_fails_the_volume_not_the_call() {
    let mut aws = aws();
    for (key, expected) in [
        ("alias/revoked", Some(VolumeState::Error)),
        ("alias/missing", None),
        ("alias/good", Some(VolumeState::Available)),
    ] {
        let request = CreateVolume { encrypted: true, kms_key_id: Some(key.to_owned()), ..new_volume(ZONE) };
        let id = aws.create_volume(&request).unwrap().volume_id.clone();
        aws.advance(secs(3));
        assert_eq!(aws.volume(&id).map(|v| v.state), expected, "{key}");
    }
}

#[test]
fn attaching_takes_time_and_shows_on_both_sides() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    let answer = aws.attach_volume(&attach(&volume, &instance, "/dev/sdf")).unwrap();
    assert_eq!((answer.status, answer.delete_on_termination), (AttachmentStatus::Attaching, false));
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::InUse);
    aws.advance(secs(3));
    assert_eq!(aws.volume(&volume).unwrap().attachments[0].status, AttachmentStatus::Attached);
    let devices = &aws.instance(&instance).unwrap().block_devices;
    let shown: Vec<_> = devices.iter().map(|d| (d.device_name.as_str(), d.status)).collect();
    assert_eq!(shown, [("/dev/xvda", AttachmentStatus::Attached), ("/dev/sdf", AttachmentStatus::Attached)]);
}

#[test]
fn attaching_is_refused_with_awss_codes() {
    let mut aws = Aws::new(Settings { hidden_devices: vec!["/dev/sdb".to_owned()], ..Settings::default() });
    let both = serving(&mut aws, 2);
    let (one, two) = (&both[0], &both[1]);
    let (free, taken, far) = (volume(&mut aws, ZONE), volume(&mut aws, ZONE), volume(&mut aws, "eu-central-1b"));
    attached(&mut aws, &taken, one, "/dev/sdf");
    let young = aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone();
    let cases = [
        ("InvalidInstanceID.NotFound", attach(&free, "i-0", "/dev/sdg")),
        ("InvalidVolume.NotFound", attach("vol-0", one, "/dev/sdg")),
        ("InvalidVolume.ZoneMismatch", attach(&far, one, "/dev/sdg")),
        ("VolumeInUse", attach(&taken, two, "/dev/sdg")),
        ("VolumeInUse", attach(&taken, one, "/dev/sdf")),
        ("IncorrectState", attach(&young, one, "/dev/sdg")),
        ("InvalidParameterValue", attach(&free, one, "/dev/sdf")),
        ("InvalidParameterValue", attach(&free, one, "/dev/sdb")),
    ];
    for (expected, request) in cases {
        assert_eq!(code(aws.attach_volume(&request)), expected, "{request:?}");
    }
    let message = aws.attach_volume(&attach(&free, one, "/dev/sdf")).unwrap_err().message;
    assert!(message.contains("is already in use"), "{message}");
    assert_eq!(aws.volume(&free).unwrap().state, VolumeState::Available);
}

#[test]
fn only_running_or_stopped_instances_take_volumes() {
    let mut aws = aws();
    let volume = volume(&mut aws, ZONE);
    aws.create_auto_scaling_group(&group(1)).unwrap();
    let id = until(&mut aws, "launch", |aws| Some(aws.instances().next()?.instance_id.clone()));
    assert_eq!(aws.instance(&id).unwrap().state, InstanceState::Pending);
    assert_eq!(code(aws.attach_volume(&attach(&volume, &id, "/dev/sdf"))), "IncorrectState");
    until_state(&mut aws, LifecycleState::InService, 1);
    aws.terminate_instances(&list(&id)).unwrap();
    assert_eq!(code(aws.attach_volume(&attach(&volume, &id, "/dev/sdf"))), "IncorrectState");
}

#[test]
fn a_type_takes_so_many_volumes() {
    let mut aws = aws();
    let data = LaunchTemplateData { instance_type: Some("t3.micro".to_owned()), ..LaunchTemplateData::default() };
    aws.create_launch_template(&CreateLaunchTemplate {
        launch_template_name: "t".to_owned(),
        data,
        ..CreateLaunchTemplate::default()
    })
    .unwrap();
    let template = LaunchTemplateRef { name: Some("t".to_owned()), ..LaunchTemplateRef::default() };
    aws.create_auto_scaling_group(&CreateAutoScalingGroup { launch_template: Some(template), ..group(1) }).unwrap();
    let instance = until_state(&mut aws, LifecycleState::InService, 1).remove(0);
    // 28 shared: the root volume and the primary interface count.
    for number in 0..26 {
        let volume = volume(&mut aws, ZONE);
        aws.attach_volume(&attach(&volume, &instance, &format!("/dev/xvdb{number}"))).unwrap();
    }
    let volume = volume(&mut aws, ZONE);
    assert_eq!(code(aws.attach_volume(&attach(&volume, &instance, "/dev/xvdc"))), "AttachmentLimitExceeded");
}

#[test]
fn a_stuck_attachment_stays_until_detached_or_unstuck() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    aws.stick_attaching(&volume);
    aws.attach_volume(&attach(&volume, &instance, "/dev/sdf")).unwrap();
    aws.advance(secs(3600));
    assert_eq!(aws.volume(&volume).unwrap().attachments[0].status, AttachmentStatus::Attaching);
    aws.unstick(&volume);
    aws.advance(secs(3));
    assert_eq!(aws.volume(&volume).unwrap().attachments[0].status, AttachmentStatus::Attached);
}

#[test]
fn a_mounted_volume_stays_busy_until_the_instance_ends() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    let detach = DetachVolume { volume_id: volume.clone(), ..DetachVolume::default() };
    assert_eq!(aws.detach_volume(&detach).unwrap().status, AttachmentStatus::Busy);
    aws.advance(secs(3600));
    assert_eq!(aws.volume(&volume).unwrap().attachments[0].status, AttachmentStatus::Busy);
    aws.terminate_instances(&list(&instance)).unwrap();
    aws.advance(secs(60));
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::Available);
}

#[test]
fn a_volume_of_a_launching_instance_detaches() {
    let mut aws = aws();
    aws.create_auto_scaling_group(&hooked(1)).unwrap();
    let instance = until_state(&mut aws, LifecycleState::PendingWait, 1).remove(0);
    until(&mut aws, "running", |aws| (aws.instance(&instance)?.state == InstanceState::Running).then_some(()));
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    let detach = DetachVolume { volume_id: volume.clone(), ..DetachVolume::default() };
    assert_eq!(aws.detach_volume(&detach).unwrap().status, AttachmentStatus::Detaching);
    aws.advance(secs(6));
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::Available);
    assert_eq!(aws.instance(&instance).unwrap().block_devices.len(), 1);
    assert_eq!(code(aws.detach_volume(&detach)), "IncorrectState");
}

#[test]
fn detaching_names_what_is_attached() {
    let mut aws = aws();
    let both = serving(&mut aws, 2);
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &both[0], "/dev/sdf");
    let wrong =
        DetachVolume { volume_id: volume.clone(), instance_id: Some(both[1].clone()), ..DetachVolume::default() };
    assert_eq!(code(aws.detach_volume(&wrong)), "InvalidAttachment.NotFound");
    let root = aws.instance(&both[0]).unwrap().block_devices[0].volume_id.clone();
    let root = DetachVolume { volume_id: root, ..DetachVolume::default() };
    assert_eq!(code(aws.detach_volume(&root)), "OperationNotPermitted");
}

#[test]
fn only_free_volumes_are_deleted() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    let young = aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone();
    assert_eq!(code(aws.delete_volume(&young)), "IncorrectState");
    aws.attach_volume(&attach(&volume, &instance, "/dev/sdf")).unwrap();
    assert_eq!(code(aws.delete_volume(&volume)), "VolumeInUse");
    aws.advance(secs(3));
    aws.as_actor("us").delete_volume(&young).unwrap();
    assert_eq!(aws.volume(&young).unwrap().state, VolumeState::Deleting);
    assert_eq!(code(aws.delete_volume(&young)), "InvalidVolume.NotFound");
    assert_eq!(code(aws.attach_volume(&attach(&young, &instance, "/dev/sdg"))), "IncorrectState");
    aws.advance(secs(10));
    assert_eq!(code(aws.describe_volumes(&Describe::ids([young]))), "InvalidVolume.NotFound");
    let ends = effects(&aws, |e| matches!(e, EffectKind::VolumeDeleting { .. } | EffectKind::VolumeGone { .. }));
    assert_eq!(ends.iter().map(|e| e.actor.as_str()).collect::<Vec<_>>(), ["us", "us"]);
}

#[test]
fn a_lost_volume_vanishes_from_both_sides() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    aws.lose_volume(&volume);
    assert!(aws.volume(&volume).is_none());
    assert_eq!(aws.instance(&instance).unwrap().block_devices.len(), 1);
}

#[test]
fn multi_attach_volumes_go_to_several_instances() {
    let mut aws = aws();
    let both = serving(&mut aws, 2);
    let request = CreateVolume {
        multi_attach_enabled: true,
        volume_type: Some("io2".to_owned()),
        iops: Some(100),
        ..new_volume(ZONE)
    };
    let id = aws.create_volume(&request).unwrap().volume_id.clone();
    aws.advance(secs(3));
    for instance in &both {
        aws.attach_volume(&attach(&id, instance, "/dev/sdf")).unwrap();
    }
    assert_eq!(code(aws.attach_volume(&attach(&id, &both[0], "/dev/sdg"))), "VolumeInUse");
    assert_eq!(aws.volume(&id).unwrap().attachments.len(), 2);
}
