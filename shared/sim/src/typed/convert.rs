//! From the model's words to the core's.

use std::sync::Arc;

use stateful_asg_core::cloud;
use stateful_asg_core::ids::{AsgName, HookName};

use crate::model::types as sim;

/// An ID that the model made: always of the right form, or else the model is wrong.
pub(super) fn id<T: std::str::FromStr>(given: &str) -> T {
    given.parse().unwrap_or_else(|_| panic!("the simulated AWS made a malformed name: {given:?}"))
}

pub(super) fn asg(seen: &sim::GroupDescription, warm: &[Arc<sim::Member>]) -> cloud::Asg {
    let group = &seen.group;
    cloud::Asg {
        name: id(&group.name),
        tags: group.tags.iter().map(|(key, tag)| (key.clone(), tag.value.clone())).collect(),
        created: group.created_time,
        deleting: group.status.is_some(),
        desired: group.desired_capacity,
        subnets: group.subnets.iter().map(|subnet| id(subnet)).collect(),
        members: seen.instances.iter().chain(warm).map(|seen| (id(&seen.instance_id), member(seen))).collect(),
    }
}

fn member(seen: &sim::Member) -> cloud::Member {
    cloud::Member { zone: id(&seen.availability_zone), lifecycle: cloud::Lifecycle::from_aws(seen.state.name()) }
}

pub(super) fn hook(asg: &AsgName, seen: &sim::LifecycleHook) -> cloud::Hook {
    cloud::Hook {
        asg: asg.clone(),
        name: id::<HookName>(&seen.name),
        transition: match seen.transition {
            sim::Transition::Launching => cloud::Transition::Launching,
            sim::Transition::Terminating => cloud::Transition::Terminating,
        },
        heartbeat_timeout: seen.heartbeat_timeout,
        metadata: seen.notification_metadata.clone(),
    }
}

pub(super) fn instance(seen: &sim::Instance) -> cloud::Instance {
    cloud::Instance {
        id: id(&seen.instance_id),
        state: match seen.state {
            sim::InstanceState::Pending => cloud::InstanceState::Pending,
            sim::InstanceState::Running => cloud::InstanceState::Running,
            sim::InstanceState::Stopping => cloud::InstanceState::Stopping,
            sim::InstanceState::Stopped => cloud::InstanceState::Stopped,
            sim::InstanceState::ShuttingDown => cloud::InstanceState::ShuttingDown,
            sim::InstanceState::Terminated => cloud::InstanceState::Terminated,
        },
        zone: id(&seen.availability_zone),
        subnet: seen.subnet_id.parse().ok(),
        ip: seen.private_ip_address.as_deref().and_then(|ip| ip.parse().ok()),
        security_groups: seen.security_groups.iter().map(|group| id(group)).collect(),
        launched: seen.launch_time,
        tags: seen.tags.clone(),
        // The root device's name is shown, and taken, when the volume is gone too.
        devices: std::iter::once(&seen.root_device_name)
            .chain(seen.block_devices.iter().map(|device| &device.device_name))
            .filter_map(|name| name.parse().ok())
            .collect(),
        volumes: seen
            .block_devices
            .iter()
            .filter(|device| device.device_name != seen.root_device_name)
            .map(|device| id(&device.volume_id))
            .collect(),
        interface_indexes: seen.network_interfaces.iter().map(|seen| seen.attachment.device_index).collect(),
    }
}

pub(super) fn volume(seen: &sim::Volume) -> cloud::Volume {
    cloud::Volume {
        id: id(&seen.volume_id),
        state: match seen.state {
            sim::VolumeState::Creating => cloud::VolumeState::Creating,
            sim::VolumeState::Available => cloud::VolumeState::Available,
            sim::VolumeState::InUse => cloud::VolumeState::InUse,
            sim::VolumeState::Deleting => cloud::VolumeState::Deleting,
            sim::VolumeState::Error => cloud::VolumeState::Error,
        },
        zone: id(&seen.availability_zone),
        size_gib: seen.size_gib,
        kind: seen.volume_type.clone(),
        iops: seen.iops,
        throughput: seen.throughput,
        encrypted: seen.encrypted,
        multi_attach: seen.multi_attach_enabled,
        tags: seen.tags.clone(),
        attachments: seen.attachments.iter().map(volume_attachment).collect(),
    }
}

fn volume_attachment(seen: &sim::VolumeAttachment) -> cloud::Attachment {
    cloud::Attachment {
        instance: id(&seen.instance_id),
        device: seen.device.clone(),
        state: attachment_state(seen.status),
        delete_on_termination: seen.delete_on_termination,
        since: Some(seen.attach_time),
    }
}

fn attachment_state(seen: sim::AttachmentStatus) -> cloud::AttachmentState {
    match seen {
        sim::AttachmentStatus::Attaching => cloud::AttachmentState::Attaching,
        sim::AttachmentStatus::Attached => cloud::AttachmentState::Attached,
        sim::AttachmentStatus::Detaching => cloud::AttachmentState::Detaching,
        sim::AttachmentStatus::Detached => cloud::AttachmentState::Detached,
        sim::AttachmentStatus::Busy => cloud::AttachmentState::Busy,
    }
}

pub(super) fn interface(seen: &sim::NetworkInterface) -> cloud::Interface {
    cloud::Interface {
        id: id(&seen.network_interface_id),
        available: seen.status == sim::InterfaceStatus::Available && seen.attachment.is_none(),
        zone: id(&seen.availability_zone),
        ip: seen.private_ip_address.parse().ok(),
        tags: seen.tags.clone(),
        attachment: seen.attachment.as_ref().map(|seen| cloud::InterfaceAttachment {
            id: id(&seen.attachment_id),
            instance: Some(id(&seen.instance_id)),
            state: attachment_state(seen.status),
            delete_on_termination: seen.delete_on_termination,
            since: Some(seen.attach_time),
        }),
    }
}

pub(super) fn subnet(seen: &sim::Subnet) -> cloud::Subnet {
    cloud::Subnet { id: id(&seen.subnet_id), zone: id(&seen.availability_zone) }
}
