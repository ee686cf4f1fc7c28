//! Takes steps: each is one call, with every choice already made by the plan.

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::{Snapshot, Tags};
use stateful_asg_core::fold::Outcome;
use stateful_asg_core::observed::{Failure, FailureKind, Observed};
use stateful_asg_core::step::Step;

use crate::ports::{CallError, Called, NewInterface, NewVolume, World};

/// How many steps are under way at once.
const SIDE_BY_SIDE: usize = 16;

/// What became of the steps of one pass.
#[derive(Debug, Default)]
pub struct Applied {
    /// Steps that succeeded, and what AWS answered.
    pub done: Vec<(Step, Outcome)>,
    /// Steps that failed.
    pub failed: Vec<(Step, CallError)>,
}

/// Takes all steps, side by side.
pub async fn apply_all<W: World>(world: &W, steps: Vec<Step>) -> Applied {
    let mut results = futures::stream::iter(steps)
        .map(|step| async move {
            let result = apply(world, &step).await;
            (step, result)
        })
        .buffer_unordered(SIDE_BY_SIDE);
    let mut applied = Applied::default();
    while let Some((step, result)) = results.next().await {
        match result {
            Ok(outcome) => applied.done.push((step, outcome)),
            Err(error) => applied.failed.push((step, error)),
        }
    }
    applied
}

async fn apply<W: World>(world: &W, step: &Step) -> Called<Outcome> {
    match step {
        Step::Write { write, .. } => world.write(write).await?,
        Step::CreateVolume { params, zone, token, tags, .. } => {
            let new =
                NewVolume { zone: zone.clone(), params: params.clone(), token: token.clone(), tags: tags.clone() };
            return world.create_volume(&new).await.map(Outcome::Volume);
        }
        Step::AttachVolume { volume, instance, device, .. } => world.attach_volume(volume, instance, device).await?,
        Step::KeepVolume { volume, instance, device } => world.keep_volume(volume, instance, device).await?,
        Step::DetachVolume { volume, instance, device, .. } => world.detach_volume(volume, instance, device).await?,
        Step::CreateInterface { subnet, security_groups, ip, token, tags, .. } => {
            let new = NewInterface {
                subnet: subnet.clone(),
                security_groups: security_groups.clone(),
                ip: *ip,
                token: token.clone(),
                tags: tags.clone(),
            };
            return world.create_interface(&new).await.map(Outcome::Interface);
        }
        Step::AttachInterface { interface, instance, index, .. } => {
            world.attach_interface(interface, instance, *index).await?
        }
        Step::KeepInterface { interface, attachment } => world.keep_interface(interface, attachment).await?,
        Step::DetachInterface { attachment, .. } => world.detach_interface(attachment).await?,
        Step::CreateSnapshot { volume, tags, .. } => {
            return world.create_snapshot(volume, tags).await.map(|taken| taken_with(tags, vec![taken]));
        }
        Step::CreateSnapshots { instance, without, tags, .. } => {
            return world.create_snapshots(instance, without, tags).await.map(|taken| taken_with(tags, taken));
        }
        Step::DeleteSnapshot { snapshot } => world.delete_snapshot(snapshot).await?,
        Step::ModifyVolume { volume, target, .. } => world.modify_volume(volume, target).await?,
        Step::DeleteVolume { volume, .. } => world.delete_volume(volume).await?,
        Step::DeleteInterface { interface, .. } => world.delete_interface(interface).await?,
        Step::Tag { resource, tags } => world.tag(resource, tags).await?,
        Step::ChangeRecord(change) => world.change_record(change).await?,
        Step::Heartbeat(action) => world.heartbeat(action).await?,
        Step::Complete { action, result } => world.complete(action, *result).await?,
    }
    Ok(Outcome::Done)
}

/// Snapshots bear the tags that they were taken with, whatever the answer repeats of them: by these they are found again,
/// and not taken twice.
fn taken_with(tags: &Tags, mut taken: Vec<Snapshot>) -> Outcome {
    taken.iter_mut().for_each(|snapshot| snapshot.tags.extend(tags.clone()));
    Outcome::Snapshots(taken)
}

/// Remembers a failed step, so that the next plan waits, chooses otherwise, or says why.
pub fn remember(observed: &mut Observed, step: &Step, error: &CallError, now: Timestamp) {
    let notes = &mut observed.notes;
    match (step, error.kind) {
        (Step::AttachVolume { instance, device, .. }, FailureKind::DeviceInUse) => {
            notes.busy_devices.entry(instance.clone()).or_default().insert(device.clone());
        }
        (Step::AttachVolume { instance, .. } | Step::AttachInterface { instance, .. }, FailureKind::AttachLimit) => {
            notes.full.insert(instance.clone());
        }
        _ => {}
    }
    let count = notes.failures.get(&step.key()).map_or(1, |failure| failure.count.saturating_add(1));
    let message =
        if error.code.is_empty() { error.message.clone() } else { format!("{}: {}", error.code, error.message) };
    let retry_at = now.saturating_add(backoff(error.kind, count)).unwrap_or(Timestamp::MAX);
    notes.failures.insert(step.key(), Failure { kind: error.kind, message, count, retry_at });
}

/// Doubles from a second to half a minute; what needs a person is tried once a minute. An action that AWS does not know
/// while the wait is shown, because another owner's hook holds it, is asked for ever more rarely. A write that was lost to
/// someone else is planned anew at once, from a fresh reading; one that is lost again and again is not.
fn backoff(kind: FailureKind, count: u32) -> SignedDuration {
    let doubled = |longest: u64| (1_u64 << count.saturating_sub(1).min(16)).min(longest);
    let seconds = if kind == FailureKind::NoActiveAction {
        doubled(300)
    } else if kind == FailureKind::Conflict && count == 1 {
        0
    } else if kind.is_retryable() {
        doubled(30)
    } else {
        60
    };
    SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(60))
}
