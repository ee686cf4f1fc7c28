//! A small world for tests, and ways to wait in it.

use std::time::Duration;

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, AwsError, Effect, EffectKind, Settings};

pub(crate) const GROUP: &str = "db";
pub(crate) const ZONE: &str = "eu-central-1a";

pub(crate) fn aws() -> Aws {
    Aws::new(Settings::default())
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A group in one zone, without hooks.
pub(crate) fn group(size: u32) -> CreateAutoScalingGroup {
    CreateAutoScalingGroup {
        name: GROUP.to_owned(),
        max_size: 10,
        desired_capacity: Some(size),
        availability_zones: vec![ZONE.to_owned()],
        ..CreateAutoScalingGroup::default()
    }
}

/// The same with both hooks.
pub(crate) fn hooked(size: u32) -> CreateAutoScalingGroup {
    let hook = |name, transition| LifecycleHook { heartbeat_timeout: 900, ..LifecycleHook::new(name, transition) };
    let leave = LifecycleHook { default_result: LifecycleResult::Continue, ..hook("leave", Transition::Terminating) };
    CreateAutoScalingGroup { hooks: vec![hook("enter", Transition::Launching), leave], ..group(size) }
}

/// Moves time on, one event after the other, until `done`; fails after an hour.
pub(crate) fn until<T>(aws: &mut Aws, what: &str, mut done: impl FnMut(&Aws) -> Option<T>) -> T {
    let end = aws.now() + jiff::SignedDuration::from_hours(1);
    loop {
        if let Some(found) = done(aws) {
            return found;
        }
        let next = aws.next_event_at().filter(|at| *at <= end);
        let Some(next) = next else { panic!("{what} did not happen within an hour") };
        aws.advance_to(next);
    }
}

pub(crate) fn in_state(aws: &Aws, state: LifecycleState) -> Vec<String> {
    aws.members(GROUP).filter(|m| m.state == state).map(|m| m.instance_id.clone()).collect()
}

/// Waits until exactly `count` members are in this state.
pub(crate) fn until_state(aws: &mut Aws, state: LifecycleState, count: usize) -> Vec<String> {
    until(aws, &format!("{count} in {}", state.name()), |aws| {
        Some(in_state(aws, state)).filter(|members| members.len() == count)
    })
}

/// A group of `size` instances, in service.
pub(crate) fn serving(aws: &mut Aws, size: u32) -> Vec<String> {
    aws.create_auto_scaling_group(&group(size)).unwrap();
    until_state(aws, LifecycleState::InService, size as usize)
}

/// A group of `size` instances with hooks, in service.
pub(crate) fn serving_hooked(aws: &mut Aws, size: u32) -> Vec<String> {
    aws.create_auto_scaling_group(&hooked(size)).unwrap();
    for id in until_state(aws, LifecycleState::PendingWait, size as usize) {
        complete(aws, "enter", &id, LifecycleResult::Continue).unwrap();
    }
    until_state(aws, LifecycleState::InService, size as usize)
}

pub(crate) fn by_instance(hook: &str, instance: &str) -> LifecycleActionRef {
    LifecycleActionRef {
        group: GROUP.to_owned(),
        hook: hook.to_owned(),
        token: None,
        instance_id: Some(instance.to_owned()),
    }
}

pub(crate) fn complete(aws: &mut Aws, hook: &str, id: &str, result: LifecycleResult) -> Result<(), AwsError> {
    aws.complete_lifecycle_action(&by_instance(hook, id), result)
}

pub(crate) fn new_volume(zone: &str) -> CreateVolume {
    CreateVolume {
        availability_zone: zone.to_owned(),
        size_gib: Some(20),
        volume_type: Some("gp3".to_owned()),
        ..CreateVolume::default()
    }
}

/// A volume that is available.
pub(crate) fn volume(aws: &mut Aws, zone: &str) -> String {
    let id = aws.create_volume(&new_volume(zone)).unwrap().volume_id.clone();
    until(aws, "available", |aws| (aws.volume(&id)?.state == VolumeState::Available).then_some(()));
    id
}

pub(crate) fn attach(volume: &str, instance: &str, device: &str) -> AttachVolume {
    AttachVolume { volume_id: volume.to_owned(), instance_id: instance.to_owned(), device: device.to_owned() }
}

/// Attaches and waits until it is there.
pub(crate) fn attached(aws: &mut Aws, volume: &str, instance: &str, device: &str) {
    aws.attach_volume(&attach(volume, instance, device)).unwrap();
    until(aws, "attached", |aws| {
        (aws.volume(volume)?.attachments.first()?.status == AttachmentStatus::Attached).then_some(())
    });
}

pub(crate) fn code<T: std::fmt::Debug>(answer: Result<T, AwsError>) -> String {
    answer.expect_err("the call should be refused").code
}

pub(crate) fn list(id: &str) -> Vec<String> {
    vec![id.to_owned()]
}

pub(crate) fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

pub(crate) fn effects(aws: &Aws, fits: impl Fn(&EffectKind) -> bool) -> Vec<Effect> {
    aws.effects().iter().filter(|effect| fits(&effect.what)).cloned().collect()
}

/// The detail types of the events since the last look.
pub(crate) fn detail_types(aws: &mut Aws) -> Vec<String> {
    let events = aws.take_events();
    events.iter().filter_map(|e| e.event["detail-type"].as_str().map(str::to_owned)).collect()
}
