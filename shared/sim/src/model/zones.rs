//! A zone out of reach: all of it stands still, and what its objects are asked for fails.
//!
//! All of this is assumed; documented is only that zones fail independently (EC2 User Guide,
//! *Regions and Zones*). What is there keeps being described as it last was. Snapshots live in the
//! Region: completed ones can be used from other zones.

use super::agenda::Due;
use super::effects::EffectKind;
use super::{Answer, Aws, AwsError};

impl Aws {
    /// Cuts a zone off, or brings it back. While it is cut off:
    /// calls that change its volumes, interfaces and attachments fail with `InternalError` (HTTP 500);
    /// launches there fail; instances stay `running`, write nothing and become unhealthy after
    /// [`Timings::impaired`]; terminations, attachments, detachments and pending snapshots do not
    /// progress. Afterwards, what stood still goes on within [`Timings::recover`].
    ///
    /// [`Timings::impaired`]: super::Timings::impaired
    /// [`Timings::recover`]: super::Timings::recover
    pub fn set_zone_reachable(&mut self, zone: &str, reachable: bool) {
        if reachable == self.zone_reachable(zone) {
            return;
        }
        self.log(EffectKind::ZoneReachable { zone: zone.to_owned(), reachable });
        let held = if reachable {
            self.faults.held.remove(zone).unwrap_or_default()
        } else {
            self.faults.held.insert(zone.to_owned(), Vec::new());
            Vec::new()
        };
        for due in held {
            self.later(self.settings.timings.recover, due);
        }
        let there: Vec<_> =
            self.instances().filter(|i| i.availability_zone == zone).map(|i| i.instance_id.clone()).collect();
        for instance in there {
            self.refresh_writes_of(&instance);
            if reachable {
                self.poke_guest(&instance);
            } else {
                self.later(self.settings.timings.impaired, Due::HealthNoticed(instance));
            }
        }
    }

    /// Whether the zone is in reach.
    #[must_use]
    pub fn zone_reachable(&self, zone: &str) -> bool {
        !self.faults.held.contains_key(zone)
    }

    /// Refuses what a zone out of reach is asked for.
    pub(super) fn check_reach(&self, zone: &str) -> Answer<()> {
        if self.zone_reachable(zone) { Ok(()) } else { Err(AwsError::injected("InternalError")) }
    }

    /// Gives `due` back, unless it stands still until its zone is back.
    pub(super) fn unless_out_of_reach(&mut self, due: Due) -> Option<Due> {
        if self.faults.held.is_empty() {
            return Some(due);
        }
        let zone = self.zone_of(&due);
        match zone.and_then(|zone| self.faults.held.get_mut(&zone)) {
            Some(held) => {
                held.push(due);
                None
            }
            None => Some(due),
        }
    }

    /// The zone in which something happens.
    fn zone_of(&self, due: &Due) -> Option<String> {
        match due {
            Due::InstanceRunning(id)
            | Due::InstanceStopped(id)
            | Due::InstanceTerminated(id)
            | Due::InstanceFreed(id)
            | Due::GuestMounts(id)
            | Due::GuestReleases(id) => self.instance(id).map(|instance| instance.availability_zone.clone()),
            Due::VolumeCreated(volume)
            | Due::VolumeDeleted { volume, .. }
            | Due::VolumeModified(volume)
            | Due::VolumeAttached { volume, .. }
            | Due::VolumeDetached { volume, .. } => self.volume(volume).map(|volume| volume.availability_zone.clone()),
            Due::InterfaceAttached { interface, .. } | Due::InterfaceDetached { interface, .. } => {
                self.interface(interface).map(|interface| interface.availability_zone.clone())
            }
            Due::SnapshotDone(id) => self.ec2.copies.zone_of(id),
            Due::InstanceForgotten(_)
            | Due::SpotReclaimed(_)
            | Due::ChangeInSync(_)
            | Due::Reconcile(_)
            | Due::HealthNoticed(_)
            | Due::MemberStep(_)
            | Due::HookTimeout(_) => None,
        }
    }
}
