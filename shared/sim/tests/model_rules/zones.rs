//! A zone out of reach.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, Settings, Span, Timings};

use crate::support::*;

const FAR: &str = "eu-central-1b";

#[test]
fn what_a_lost_zone_is_asked_for_fails_and_the_rest_goes_on() {
    let mut aws = aws();
    let instance = serving(&mut aws, 1).remove(0);
    let (held, free, far) = (volume(&mut aws, ZONE), volume(&mut aws, ZONE), volume(&mut aws, FAR));
    attached(&mut aws, &held, &instance, "/dev/sdf");
    aws.set_zone_reachable(ZONE, false);
    let snapshot = |id: &str| CreateSnapshot { volume_id: id.to_owned(), ..CreateSnapshot::default() };
    let modify = ModifyVolume { volume_id: held.clone(), size_gib: Some(30), ..ModifyVolume::default() };
    let set = CreateSnapshots { instance_id: instance.clone(), ..CreateSnapshots::default() };
    let detach = DetachVolume { volume_id: held.clone(), ..DetachVolume::default() };
    let refused = [
        aws.create_volume(&new_volume(ZONE)).map(drop),
        aws.create_snapshot(&snapshot(&free)).map(drop),
        aws.create_snapshots(&set).map(drop),
        aws.attach_volume(&attach(&free, &instance, "/dev/sdg")).map(drop),
        aws.detach_volume(&detach).map(drop),
        aws.modify_volume(&modify).map(drop),
        aws.delete_volume(&free),
    ];
    for answer in refused {
        let error = answer.unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("InternalError", 500));
    }
    aws.create_snapshot(&snapshot(&far)).unwrap();
    assert_eq!(aws.describe_volumes(&Describe::ids([&held])).unwrap().items[0].state, VolumeState::InUse);
    aws.set_zone_reachable(ZONE, true);
    aws.delete_volume(&free).unwrap();
}

#[test]
fn nothing_is_written_and_no_snapshot_is_completed_while_the_zone_is_away() {
    let timings = Timings { snapshot: Span::exactly(30_000), ..Timings::default() };
    let mut aws = Aws::new(Settings { timings, ..Settings::default() });
    let instance = serving(&mut aws, 1).remove(0);
    aws.suspend_processes("db", &["HealthCheck".to_owned()]).unwrap();
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    aws.advance(secs(150));
    let request = CreateSnapshot { volume_id: volume.clone(), ..CreateSnapshot::default() };
    let pending = aws.create_snapshot(&request).unwrap().snapshot_id.clone();
    aws.set_zone_reachable(ZONE, false);
    let before = aws.data(&volume);
    aws.advance(secs(1000));
    assert_eq!(aws.data(&volume), before);
    assert_eq!(aws.writer(&volume), None);
    assert_eq!(aws.snapshot(&pending).unwrap().state, SnapshotState::Pending);
    aws.set_zone_reachable(ZONE, true);
    assert_eq!(aws.writer(&volume), Some(instance.as_str()));
    aws.advance(secs(30));
    assert_eq!(aws.snapshot(&pending).unwrap().state, SnapshotState::Completed);
}

#[test]
fn a_group_replaces_in_another_zone_and_the_old_instance_ends_when_its_zone_is_back() {
    let mut aws = aws();
    let group = CreateAutoScalingGroup {
        availability_zones: vec![ZONE.to_owned(), FAR.to_owned()],
        distribution: Distribution::BalancedBestEffort,
        ..group(2)
    };
    aws.create_auto_scaling_group(&group).unwrap();
    until_state(&mut aws, LifecycleState::InService, 2);
    let lost = aws.instances().find(|i| i.availability_zone == ZONE).unwrap().instance_id.clone();
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &lost, "/dev/sdf");
    aws.set_zone_reachable(ZONE, false);
    aws.advance(secs(1200));
    let state = |aws: &Aws, id: &str| aws.instance(id).map(|i| i.state);
    assert_eq!(state(&aws, &lost), Some(InstanceState::ShuttingDown), "its end cannot be confirmed");
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::InUse);
    let serving = in_state(&aws, LifecycleState::InService);
    assert_eq!(serving.len(), 2);
    assert!(serving.iter().all(|id| aws.instance(id).unwrap().availability_zone == FAR));
    aws.set_zone_reachable(ZONE, true);
    aws.advance(secs(60));
    assert_eq!(state(&aws, &lost), Some(InstanceState::Terminated));
    assert_eq!(aws.volume(&volume).unwrap().state, VolumeState::Available);
}
