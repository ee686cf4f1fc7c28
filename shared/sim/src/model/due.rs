//! What AWS does by itself, at its moment.

use super::Aws;
use super::agenda::Due;

impl Aws {
    /// What is due in a zone out of reach stands still until the zone is back.
    pub(super) fn happen(&mut self, due: Due) {
        let Some(due) = self.unless_out_of_reach(due) else { return };
        match due {
            Due::InstanceRunning(id) => self.instance_runs(&id),
            Due::InstanceStopped(id) => self.instance_stops(&id),
            Due::InstanceTerminated(id) => self.instance_terminates(&id),
            Due::InstanceFreed(id) => self.instance_frees(&id),
            Due::InstanceForgotten(id) => self.instance_forgotten(&id),
            Due::SpotReclaimed(id) => self.begin_termination(&id, "Server.SpotInstanceTermination"),
            Due::VolumeCreated(id) => self.volume_created(&id),
            Due::VolumeDeleted { volume, actor } => self.volume_deleted(&volume, actor),
            Due::VolumeModified(id) => self.volume_modified(&id),
            Due::SnapshotDone(id) => self.snapshot_done(&id),
            Due::VolumeAttached { volume, instance } => self.volume_attached(&volume, &instance),
            Due::VolumeDetached { volume, instance } => self.volume_detached(&volume, &instance),
            Due::InterfaceAttached { interface, attachment } => {
                self.interface_attached(&interface, &attachment);
            }
            Due::InterfaceDetached { interface, attachment } => {
                self.interface_detached(&interface, &attachment);
            }
            Due::ChangeInSync(id) => self.change_in_sync(&id),
            Due::GuestMounts(instance) => self.guest_mounts(&instance),
            Due::GuestReleases(instance) => self.guest_releases(&instance),
            Due::Reconcile(group) => self.reconcile(&group),
            Due::HealthNoticed(instance) => self.health_noticed(&instance),
            Due::MemberStep(instance) => self.member_step(&instance),
            Due::HookTimeout(instance) => self.hook_timeout(&instance),
        }
    }
}
