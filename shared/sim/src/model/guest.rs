//! What runs on the instances: the guest that mounts and reports, and when what is written reaches the disks.
//!
//! What the guest does is ours, not AWS's: it follows the protocol of tags that `infra/guest/first-boot.sh` keeps. Which
//! tags it sees is documented (EC2 User Guide, *Work with instance tags in instance metadata*,
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html>); that it sees a change of them, or of
//! the lifecycle state, after `delay` is assumed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agenda::Due;
use super::data::Writer;
use super::types::{AttachmentStatus, Instance, InstanceState, LifecycleState, Tags};
use super::{Aws, GuestMode};

/// A guest's memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Guest {
    mounted: BTreeSet<String>,
    /// Whether mounting is under way.
    mounting: bool,
    /// Whether releasing is under way.
    releasing: bool,
}

const CLAIM: &str = "stateful-asg:claim";
const MOUNTED: &str = "stateful-asg:mounted";
const RELEASED: &str = "stateful-asg:released";
const SLOT: &str = "stateful-asg:slot";
const VOLUME: &str = "stateful-asg:volume:";

impl Aws {
    /// Whether the instance's operating system has the volume mounted. Without a guest that reports,
    /// every attached volume of a running instance that is past `Pending` counts as mounted (assumed: users' own scripts).
    #[must_use]
    pub fn is_mounted(&self, volume: &str, instance: &str) -> bool {
        let Some(holder) = self.instance(instance) else { return false };
        let up = matches!(holder.state, InstanceState::Running | InstanceState::Stopping);
        let attached = |status| matches!(status, AttachmentStatus::Attached | AttachmentStatus::Busy);
        let there = holder.block_devices.iter().any(|d| d.volume_id == volume && attached(d.status));
        up && there
            && match self.settings.guest {
                GuestMode::Reports { .. } => {
                    self.ec2.guests.get(instance).is_some_and(|guest| guest.mounted.contains(volume))
                }
                GuestMode::None => self.member(instance).is_none_or(|member| !is_coming(member.state)),
            }
    }

    /// Begins or ends the time of writing, as the state of things now is.
    pub(super) fn refresh_writes(&mut self, volume: &str) {
        if self.ec2.roots.contains(volume) {
            return;
        }
        let writer = self.writer_by_rights(volume);
        if writer.is_some() || self.ec2.disks.contains_key(volume) {
            let now = self.now;
            self.ec2.disks.entry(volume.to_owned()).or_default().written_by(volume, writer, now);
        }
    }

    /// The running instance in service that has the volume mounted, while its zone is in reach. Assumed: an outage of a
    /// zone ends its instances' writing.
    fn writer_by_rights(&self, volume: &str) -> Option<Writer> {
        let known = self.volume(volume).filter(|known| self.zone_reachable(&known.availability_zone))?;
        let writes = |instance: &&Arc<Instance>| {
            let id = &instance.instance_id;
            instance.state == InstanceState::Running
                && self.is_mounted(volume, id)
                && self.member(id).is_none_or(|member| !is_coming(member.state))
        };
        let instance = known.attachments.iter().filter_map(|a| self.instance(&a.instance_id)).find(writes)?;
        let tag = |key| instance.tags.get(key).map(|value| value.as_str().into());
        Some(Writer { instance: instance.instance_id.as_str().into(), slot: tag(SLOT), claim: tag(CLAIM) })
    }

    pub(super) fn refresh_writes_of(&mut self, instance: &str) {
        let Some(known) = self.instance(instance) else { return };
        for volume in known.block_devices.iter().map(|d| d.volume_id.clone()).collect::<Vec<_>>() {
            self.refresh_writes(&volume);
        }
    }

    /// Something changed on the instance: the guest looks whether it has something to do.
    pub(super) fn poke_guest(&mut self, id: &str) {
        let GuestMode::Reports { delay } = self.settings.guest else { return };
        let Some(instance) = self.ec2.instances.get(id).filter(|i| i.state == InstanceState::Running) else { return };
        let (mount, release) = (must_mount(instance), must_release(instance));
        let leaving = self.is_leaving(id);
        let guest = self.ec2.guests.entry(id.to_owned()).or_default();
        if leaving && release && !guest.releasing {
            guest.releasing = true;
            self.later(delay, Due::GuestReleases(id.to_owned()));
        } else if !leaving && mount && !guest.mounting {
            guest.mounting = true;
            self.later(delay, Due::GuestMounts(id.to_owned()));
        }
    }

    /// Whether the instance's metadata shows the target lifecycle state `Terminated` (documented: Auto Scaling User Guide,
    /// *Retrieve the target lifecycle state through instance metadata*,
    /// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>).
    fn is_leaving(&self, instance: &str) -> bool {
        self.member(instance)
            .is_some_and(|m| matches!(m.state, LifecycleState::Terminating | LifecycleState::TerminatingWait))
    }

    pub(super) fn guest_mounts(&mut self, id: &str) {
        let leaving = self.is_leaving(id);
        let Some(instance) = self.ec2.instances.get(id).cloned() else { return };
        let guest = self.ec2.guests.entry(id.to_owned()).or_default();
        guest.mounting = false;
        if leaving || instance.state != InstanceState::Running || !must_mount(&instance) {
            return;
        }
        guest.mounted = volumes_named(&instance).map(str::to_owned).collect();
        self.guest_says(id, MOUNTED, &instance);
        self.refresh_writes_of(id);
    }

    pub(super) fn guest_releases(&mut self, id: &str) {
        let leaving = self.is_leaving(id);
        let Some(instance) = self.ec2.instances.get(id).cloned() else { return };
        let guest = self.ec2.guests.entry(id.to_owned()).or_default();
        guest.releasing = false;
        if !leaving || instance.state != InstanceState::Running || !must_release(&instance) {
            return;
        }
        guest.mounted.clear();
        self.guest_says(id, RELEASED, &instance);
        self.unmounted(id);
    }

    /// Documented (IMDS page above): an instance's tags are set through EC2's API; its role may set its own.
    fn guest_says(&mut self, id: &str, key: &str, instance: &Instance) {
        let claim = instance.tags.get(CLAIM).cloned().unwrap_or_default();
        let before = std::mem::replace(&mut self.actor, "guest".to_owned());
        self.set_tags(id, &Tags::from([(key.to_owned(), claim)]));
        self.actor = before;
    }
}

/// Whether the member has not reached service yet.
fn is_coming(state: LifecycleState) -> bool {
    state.is_warmed()
        || matches!(state, LifecycleState::Pending | LifecycleState::PendingWait | LifecycleState::PendingProceed)
}

fn volumes_named(instance: &Instance) -> impl Iterator<Item = &str> {
    let values = instance.tags.iter().filter(|(key, _)| key.starts_with(VOLUME)).map(|(_, value)| value);
    values.filter_map(|value| value.split_whitespace().next())
}

fn must_mount(instance: &Instance) -> bool {
    let Some(claim) = instance.tags.get(CLAIM) else { return false };
    let attached = |volume: &str| {
        instance.block_devices.iter().any(|d| d.volume_id == volume && d.status == AttachmentStatus::Attached)
    };
    instance.tags.contains_key(SLOT)
        && instance.tags.get(MOUNTED) != Some(claim)
        && volumes_named(instance).all(attached)
}

fn must_release(instance: &Instance) -> bool {
    instance.tags.get(CLAIM).is_some_and(|claim| instance.tags.get(RELEASED) != Some(claim))
}
