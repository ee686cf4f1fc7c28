//! The end of an instance, and what becomes of its volumes and interfaces.

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::Gone;
use crate::model::types::{InstanceState, InstanceStateChange};
use crate::model::{Answer, Aws};

impl Aws {
    /// `ec2:TerminateInstances`. It asks no group and waits for no hook (documented: Auto Scaling
    /// User Guide, *Design your applications to gracefully handle instance termination*).
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`: then none is terminated.
    pub fn terminate_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> {
        self.call("ec2:TerminateInstances", Cost::Resource, |aws| {
            aws.change_states(ids, |aws, id, _| {
                aws.begin_termination(id, "User initiated");
                Ok(())
            })
        })
    }

    /// The instance goes, unless it is going already. Assumed: its volumes and interfaces are free
    /// some time after that, before or after it shows `terminated`; no bound is documented.
    pub(in crate::model) fn begin_termination(&mut self, id: &str, reason: &str) {
        let Some(instance) = self.ec2.instances.get(id) else { return };
        let stopped = match instance.state {
            InstanceState::Pending | InstanceState::Running | InstanceState::Stopping => false,
            InstanceState::Stopped => true,
            InstanceState::ShuttingDown | InstanceState::Terminated => return,
        };
        if let Some(instance) = self.instance_mut(id) {
            reason.clone_into(&mut instance.state_reason);
        }
        self.set_instance_state(id, InstanceState::ShuttingDown);
        let timings = self.settings.timings.clone();
        self.later(timings.terminate, Due::InstanceTerminated(id.to_owned()));
        self.later(timings.free, Due::InstanceFreed(id.to_owned()));
        if !stopped {
            self.unmounted(id);
        }
        self.member_instance_leaves_running(id);
    }

    pub(in crate::model) fn instance_terminates(&mut self, id: &str) {
        if let Some(instance) = self.instance_mut(id) {
            instance.private_ip_address = None;
        }
        self.set_instance_state(id, InstanceState::Terminated);
        // Documented: a terminated instance stays visible for a while (EC2 User Guide, *Terminate*).
        self.later(self.settings.timings.forget, Due::InstanceForgotten(id.to_owned()));
        self.member_instance_changed(id);
    }

    /// Documented (EC2 User Guide, *Preserve data when an instance is terminated*): what has
    /// DeleteOnTermination is deleted, the rest becomes available.
    pub(in crate::model) fn instance_frees(&mut self, id: &str) {
        let Some(instance) = self.ec2.instances.get(id).cloned() else { return };
        for device in &instance.block_devices {
            if device.delete_on_termination {
                self.drop_volume(&device.volume_id, Gone::WithInstance);
            } else {
                self.free_volume(&device.volume_id, id);
            }
        }
        for interface in &instance.network_interfaces {
            if interface.attachment.delete_on_termination {
                self.drop_interface(&interface.network_interface_id, Gone::WithInstance);
            } else {
                self.free_interface(&interface.network_interface_id);
            }
        }
    }

    pub(in crate::model) fn instance_forgotten(&mut self, id: &str) {
        self.ec2.instances.remove(self.now, id);
        self.ec2.guests.remove(id);
        self.ec2.metadata_tags.remove(id);
        let oldest = self.oldest();
        self.ec2.instances.prune(oldest);
    }
}
