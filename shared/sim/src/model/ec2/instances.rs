//! Instances: launched, running, stopped, started.

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{
    AttachmentStatus, Instance, InstanceState, InstanceStateChange, LaunchTemplateData, Tags, Volume, VolumeAttachment,
    VolumeState,
};
use crate::model::{Answer, Aws, AwsError};

use super::tags::check_metadata_keys;

/// What a group asks for when it launches an instance.
#[derive(Debug, Clone)]
pub(in crate::model) struct Launch {
    pub(in crate::model) group: String,
    pub(in crate::model) zone: String,
    pub(in crate::model) subnet: String,
    pub(in crate::model) data: LaunchTemplateData,
    pub(in crate::model) tags: Tags,
}

const ROOT_DEVICE: &str = "/dev/xvda";

impl Aws {
    /// Launches one instance, with its root volume and its primary interface.
    pub(in crate::model) fn launch(&mut self, launch: &Launch) -> Answer<String> {
        if self.faults.zones_without_capacity.contains(&launch.zone) {
            // Documented: EC2 User Guide, *Troubleshoot instance launch issues*.
            let message = format!(
                "We currently do not have sufficient capacity in the Availability Zone you requested ({}).",
                launch.zone
            );
            return Err(AwsError::new("InsufficientInstanceCapacity", message));
        }
        self.check_reach(&launch.zone)?;
        if launch.data.instance_metadata_tags {
            check_metadata_keys(&launch.tags)?;
        }
        let id = self.new_id("i");
        let instance = self.new_instance(&id, launch);
        self.ec2.instances.insert(self.now, &id, instance);
        if launch.data.instance_metadata_tags {
            self.ec2.metadata_tags.insert(id.clone());
        }
        if let Err(error) = self.give_primary_interface(&id, &launch.subnet) {
            self.ec2.instances.remove(self.now, &id);
            return Err(error);
        }
        self.give_root_volume(&id, &launch.zone);
        self.log(EffectKind::InstanceLaunched {
            instance: id.clone(),
            group: launch.group.clone(),
            zone: launch.zone.clone(),
        });
        self.emit_instance_state(&id, InstanceState::Pending);
        self.boot(&id);
        Ok(id)
    }

    fn boot(&mut self, id: &str) {
        if self.faults.never_boots > 0 {
            self.faults.never_boots -= 1;
            self.notice_health(id);
        } else {
            self.later(self.settings.timings.boot, Due::InstanceRunning(id.to_owned()));
        }
    }

    fn new_instance(&self, id: &str, launch: &Launch) -> Instance {
        let default_group = || vec![self.ec2.network.security_group.group_id.clone()];
        let groups = &launch.data.security_groups;
        Instance {
            instance_id: id.to_owned(),
            image_id: launch.data.image_id.clone().unwrap_or_else(|| "ami-0123456789abcdef0".to_owned()),
            instance_type: launch.data.instance_type.clone().unwrap_or_else(|| "m7i.large".to_owned()),
            state: InstanceState::Pending,
            state_reason: String::new(),
            availability_zone: launch.zone.clone(),
            subnet_id: launch.subnet.clone(),
            vpc_id: self.ec2.network.vpc.vpc_id.clone(),
            private_ip_address: None,
            launch_time: self.now,
            root_device_name: ROOT_DEVICE.to_owned(),
            block_devices: Vec::new(),
            network_interfaces: Vec::new(),
            security_groups: if groups.is_empty() { default_group() } else { groups.clone() },
            tags: launch.tags.clone().into(),
        }
    }

    fn give_root_volume(&mut self, instance: &str, zone: &str) {
        let volume_id = self.new_id("vol");
        let volume = Volume {
            volume_id: volume_id.clone(),
            availability_zone: zone.to_owned(),
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            iops: Some(3000),
            throughput: Some(125),
            encrypted: false,
            kms_key_id: None,
            snapshot_id: None,
            volume_initialization_rate: None,
            multi_attach_enabled: false,
            state: VolumeState::InUse,
            create_time: self.now,
            attachments: Vec::new(),
            tags: Tags::new().into(),
        };
        self.ec2.volumes.insert(self.now, &volume_id, volume);
        self.ec2.roots.insert(volume_id.clone());
        self.put_attachment(VolumeAttachment {
            volume_id,
            instance_id: instance.to_owned(),
            device: ROOT_DEVICE.to_owned(),
            status: AttachmentStatus::Attached,
            attach_time: self.now,
            delete_on_termination: true,
        });
    }

    pub(super) fn set_instance_state(&mut self, id: &str, state: InstanceState) {
        let Some(instance) = self.instance_mut(id) else { return };
        instance.state = state;
        self.log(EffectKind::InstanceState { instance: id.to_owned(), state });
        self.emit_instance_state(id, state);
        self.refresh_writes_of(id);
    }

    fn state_of(&self, id: &str) -> Option<InstanceState> {
        self.ec2.instances.get(id).map(|instance| instance.state)
    }

    pub(in crate::model) fn instance_runs(&mut self, id: &str) {
        if self.state_of(id) == Some(InstanceState::Pending) {
            self.set_instance_state(id, InstanceState::Running);
            self.poke_guest(id);
            self.member_instance_changed(id);
        }
    }

    pub(in crate::model) fn instance_stops(&mut self, id: &str) {
        if self.state_of(id) == Some(InstanceState::Stopping) {
            self.set_instance_state(id, InstanceState::Stopped);
            self.unmounted(id);
            self.member_instance_changed(id);
        }
    }

    /// `ec2:StopInstances`.
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `IncorrectInstanceState` for an instance that is going.
    pub fn stop_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> {
        self.call("ec2:StopInstances", Cost::Resource, |aws| {
            aws.change_states(ids, |aws, id, state| match state {
                InstanceState::Pending | InstanceState::Running => {
                    aws.begin_stop(id);
                    Ok(())
                }
                InstanceState::Stopping | InstanceState::Stopped => Ok(()),
                InstanceState::ShuttingDown | InstanceState::Terminated => Err(wrong_state(id, "stopped")),
            })
        })
    }

    pub(in crate::model) fn begin_stop(&mut self, id: &str) {
        self.set_instance_state(id, InstanceState::Stopping);
        self.later(self.settings.timings.stop, Due::InstanceStopped(id.to_owned()));
        self.member_instance_leaves_running(id);
    }

    /// `ec2:StartInstances`.
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `IncorrectInstanceState` for an instance that is neither stopped
    /// nor running.
    pub fn start_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> {
        self.call("ec2:StartInstances", Cost::Resource, |aws| {
            aws.change_states(ids, |aws, id, state| match state {
                InstanceState::Stopped => {
                    aws.begin_start(id);
                    Ok(())
                }
                InstanceState::Pending | InstanceState::Running => Ok(()),
                InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
                    Err(wrong_state(id, "started"))
                }
            })
        })
    }

    pub(in crate::model) fn begin_start(&mut self, id: &str) {
        let now = self.now;
        if let Some(instance) = self.instance_mut(id) {
            instance.launch_time = now;
        }
        self.set_instance_state(id, InstanceState::Pending);
        self.boot(id);
    }

    /// Applies a change to each instance, after checking that all exist.
    pub(super) fn change_states(
        &mut self,
        ids: &[String],
        mut change: impl FnMut(&mut Self, &str, InstanceState) -> Answer<()>,
    ) -> Answer<Vec<InstanceStateChange>> {
        let mut before = Vec::with_capacity(ids.len());
        for id in ids {
            before.push(self.known_instance(id)?.state);
        }
        let mut answer = Vec::with_capacity(ids.len());
        for (id, previous) in ids.iter().zip(before) {
            change(self, id, previous)?;
            let current = self.state_of(id).unwrap_or(InstanceState::Terminated);
            answer.push(InstanceStateChange { instance_id: id.clone(), previous, current });
        }
        Ok(answer)
    }
}

fn wrong_state(id: &str, wish: &str) -> AwsError {
    AwsError::new(
        "IncorrectInstanceState",
        format!("The instance '{id}' is not in a state from which it can be {wish}."),
    )
}
