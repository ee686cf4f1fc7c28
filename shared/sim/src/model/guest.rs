//! What runs on the instances: the guest that mounts and reports, and the writes that reach the disks.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::agenda::Due;
use super::types::{AttachmentStatus, Instance, InstanceState, LifecycleState, Tags};
use super::{Aws, GuestMode};

/// A mark that the database on an instance left on a volume; no two are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// When it was written.
    pub at: Timestamp,
    /// By which instance.
    pub instance: String,
}

/// A time during which an instance wrote to a volume.
#[derive(Debug, Clone)]
pub(super) struct WriteSpan {
    instance: String,
    from: Timestamp,
    to: Option<Timestamp>,
}

/// A guest's memory.
#[derive(Debug, Default)]
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

/// One stamp a minute.
const STAMP_EVERY: SignedDuration = SignedDuration::from_secs(60);

impl Aws {
    /// The marks on a volume, oldest first: one for every minute that it was being written to.
    #[must_use]
    pub fn stamps(&self, volume: &str) -> Vec<Stamp> {
        let spans = self.ec2.writes.get(volume).into_iter().flatten();
        spans.flat_map(|span| self.stamps_of(span)).collect()
    }

    fn stamps_of(&self, span: &WriteSpan) -> impl Iterator<Item = Stamp> {
        let (end, instance) = (span.to.unwrap_or(self.now), span.instance.clone());
        let moments = std::iter::successors(Some(span.from), |at| Some(*at + STAMP_EVERY));
        moments.take_while(move |at| *at <= end).map(move |at| Stamp { at, instance: instance.clone() })
    }

    /// The instance that writes to a volume now, if any.
    #[must_use]
    pub fn writer(&self, volume: &str) -> Option<&str> {
        let last = self.ec2.writes.get(volume)?.last()?;
        last.to.is_none().then_some(last.instance.as_str())
    }

    /// Whether the instance's operating system has the volume mounted. Without a guest that reports,
    /// every attached volume of a running instance that is past `Pending` counts as mounted.
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
        let now = self.now;
        let writer = self.volume(volume).and_then(|known| {
            let writes = |instance: &&str| {
                self.is_mounted(volume, instance)
                    && self.instance(instance).is_some_and(|i| i.state == InstanceState::Running)
                    && self.member(instance).is_none_or(|member| !is_coming(member.state))
            };
            known.attachments.iter().map(|a| a.instance_id.as_str()).find(writes).map(str::to_owned)
        });
        let last = self.ec2.writes.get_mut(volume).and_then(|spans| spans.last_mut()).filter(|span| span.to.is_none());
        match (last, writer) {
            (Some(span), Some(writer)) if span.instance == writer => {}
            (last, writer) => {
                if let Some(span) = last {
                    span.to = Some(now);
                }
                if let Some(instance) = writer {
                    let spans = self.ec2.writes.entry(volume.to_owned()).or_default();
                    spans.push(WriteSpan { instance, from: now, to: None });
                }
            }
        }
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

    /// Whether the instance's metadata shows the target lifecycle state `Terminated`.
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
