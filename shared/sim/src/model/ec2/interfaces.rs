//! Network interfaces: made, attached, detached, deleted.

use std::sync::Arc;

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::{EffectKind, Gone};
use crate::model::types::{
    AttachNetworkInterface, AttachmentStatus, CreateNetworkInterface, DetachNetworkInterface, Instance,
    InstanceNetworkInterface, InstanceState, InterfaceAttachment, InterfaceStatus, ModifyNetworkInterfaceAttribute,
    NetworkInterface,
};
use crate::model::{Answer, Aws, AwsError};

use super::instance_types::limits;
use super::mismatch;

impl Aws {
    /// `ec2:CreateNetworkInterface`. The interface is `available` at once (assumed).
    ///
    /// # Errors
    /// `InvalidSubnetID.NotFound`, `InvalidIPAddress.InUse`, `InvalidGroup.NotFound`,
    /// `InvalidParameterValue`; `IdempotentParameterMismatch` for a client token that was used with
    /// other parameters.
    pub fn create_network_interface(&mut self, request: &CreateNetworkInterface) -> Answer<Arc<NetworkInterface>> {
        self.call("ec2:CreateNetworkInterface", Cost::Resource, |aws| {
            if let Some((token, (before, interface))) =
                request.client_token.as_ref().and_then(|t| Some((t, aws.ec2.interface_tokens.get(t)?)))
            {
                return if before == request { Ok(Arc::clone(interface)) } else { Err(mismatch(token)) };
            }
            let id = aws.new_interface(request)?;
            let interface = aws.ec2.interfaces.get(&id).cloned().expect("it was put there just now");
            if let Some(token) = &request.client_token {
                aws.ec2.interface_tokens.insert(token.clone(), (request.clone(), Arc::clone(&interface)));
            }
            let (ip, zone) = (interface.private_ip_address.clone(), interface.availability_zone.clone());
            aws.log(EffectKind::InterfaceCreated { interface: id, ip, zone });
            Ok(interface)
        })
    }

    fn new_interface(&mut self, request: &CreateNetworkInterface) -> Answer<String> {
        if let Some(subnet) = self.ec2.network.subnet(&request.subnet_id) {
            self.check_reach(&subnet.availability_zone)?;
        }
        let default_group = self.ec2.network.security_group.group_id.clone();
        if let Some(group) = request.groups.iter().find(|group| **group != default_group) {
            return Err(AwsError::new("InvalidGroup.NotFound", format!("The security group '{group}' does not exist")));
        }
        let ip = self.ec2.network.take(&request.subnet_id, request.private_ip_address.as_deref())?;
        let subnet = self.ec2.network.subnet(&request.subnet_id).expect("an address was taken from it");
        let (vpc_id, availability_zone) = (subnet.vpc_id.clone(), subnet.availability_zone.clone());
        let id = self.new_id("eni");
        let mac = id.len().saturating_sub(10);
        let digits: Vec<_> =
            id.as_bytes()[mac..].chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect();
        let interface = NetworkInterface {
            network_interface_id: id.clone(),
            subnet_id: request.subnet_id.clone(),
            vpc_id,
            availability_zone,
            private_ip_address: ip,
            mac_address: format!("02:{}", digits.join(":")),
            description: request.description.clone(),
            groups: if request.groups.is_empty() { vec![default_group] } else { request.groups.clone() },
            status: InterfaceStatus::Available,
            attachment: None,
            tags: request.tags.clone().into(),
        };
        self.ec2.interfaces.insert(self.now, &id, interface);
        Ok(id)
    }

    /// Makes and attaches the interface at index 0.
    pub(super) fn give_primary_interface(&mut self, instance: &str, subnet: &str) -> Answer<()> {
        let request = CreateNetworkInterface { subnet_id: subnet.to_owned(), ..CreateNetworkInterface::default() };
        let id = self.new_interface(&request)?;
        self.connect(&id, instance, 0, AttachmentStatus::Attached, true);
        let ip = self.ec2.interfaces.get(&id).map(|interface| interface.private_ip_address.clone());
        if let Some(instance) = self.instance_mut(instance) {
            instance.private_ip_address = ip;
        }
        Ok(())
    }

    /// Writes an attachment on both sides; answers its ID.
    fn connect(&mut self, id: &str, instance: &str, index: u32, status: AttachmentStatus, delete: bool) -> String {
        let attachment_id = self.new_id("eni-attach");
        let attachment = InterfaceAttachment {
            attachment_id: attachment_id.clone(),
            instance_id: instance.to_owned(),
            device_index: index,
            status,
            attach_time: self.now,
            delete_on_termination: delete,
        };
        let Some(interface) = self.interface_mut(id) else { return attachment_id };
        interface.status =
            if status == AttachmentStatus::Attached { InterfaceStatus::InUse } else { InterfaceStatus::Attaching };
        interface.attachment = Some(attachment.clone());
        let shown = InstanceNetworkInterface {
            network_interface_id: id.to_owned(),
            subnet_id: interface.subnet_id.clone(),
            private_ip_address: interface.private_ip_address.clone(),
            attachment,
        };
        if let Some(instance) = self.instance_mut(instance) {
            instance.network_interfaces.push(shown);
            instance.network_interfaces.sort_by_key(|interface| interface.attachment.device_index);
        }
        attachment_id
    }

    /// `ec2:AttachNetworkInterface`; answers the attachment's ID.
    ///
    /// # Errors
    /// `InvalidNetworkInterfaceID.NotFound`, `InvalidInstanceID.NotFound`,
    /// `InvalidNetworkInterface.InUse`, `InvalidParameterCombination` (other zone), `IncorrectState`,
    /// `InvalidParameterValue` (index in use), `AttachmentLimitExceeded`.
    pub fn attach_network_interface(&mut self, request: &AttachNetworkInterface) -> Answer<String> {
        self.call("ec2:AttachNetworkInterface", Cost::Mutating, |aws| {
            let instance = aws.known_instance(&request.instance_id)?;
            let interface = aws.known_interface(&request.network_interface_id)?;
            aws.check_reach(&interface.availability_zone)?;
            check_connectable(&instance, &interface, request.device_index)?;
            let delete = aws.settings.interfaces_delete_on_termination;
            let (id, holder) = (&request.network_interface_id, &request.instance_id);
            let attachment = aws.connect(id, holder, request.device_index, AttachmentStatus::Attaching, delete);
            aws.log(EffectKind::InterfaceAttaching {
                interface: id.clone(),
                instance: holder.clone(),
                index: request.device_index,
            });
            aws.later(
                aws.settings.timings.attach,
                Due::InterfaceAttached { interface: id.clone(), attachment: attachment.clone() },
            );
            Ok(attachment)
        })
    }

    fn change_connection(
        &mut self,
        id: &str,
        attachment: &str,
        change: impl Fn(&mut InterfaceAttachment),
    ) -> Option<String> {
        let interface = self.interface_mut(id)?;
        let connection = interface.attachment.as_mut().filter(|a| a.attachment_id == attachment)?;
        change(connection);
        let (holder, status) = (connection.instance_id.clone(), connection.status);
        interface.status = match status {
            AttachmentStatus::Attaching => InterfaceStatus::Attaching,
            AttachmentStatus::Attached => InterfaceStatus::InUse,
            AttachmentStatus::Detaching | AttachmentStatus::Detached | AttachmentStatus::Busy => {
                InterfaceStatus::Detaching
            }
        };
        let shown = self.instance_mut(&holder)?.network_interfaces.iter_mut().find(|i| i.network_interface_id == id);
        if let Some(shown) = shown {
            change(&mut shown.attachment);
        }
        Some(holder)
    }

    fn connection(&self, id: &str, attachment: &str) -> Option<&InterfaceAttachment> {
        self.ec2.interfaces.get(id)?.attachment.as_ref().filter(|a| a.attachment_id == attachment)
    }

    pub(in crate::model) fn interface_attached(&mut self, id: &str, attachment: &str) {
        let attaching = self.connection(id, attachment).is_some_and(|a| a.status == AttachmentStatus::Attaching);
        let attach = |a: &mut InterfaceAttachment| a.status = AttachmentStatus::Attached;
        if let Some(instance) = attaching.then(|| self.change_connection(id, attachment, attach)).flatten() {
            self.log(EffectKind::InterfaceAttached { interface: id.to_owned(), instance });
        }
    }

    fn interface_of(&self, attachment: &str) -> Option<Arc<NetworkInterface>> {
        let fits = |i: &&Arc<NetworkInterface>| i.attachment.as_ref().is_some_and(|a| a.attachment_id == attachment);
        self.ec2.interfaces.iter().find(fits).cloned()
    }

    /// `ec2:DetachNetworkInterface`.
    ///
    /// # Errors
    /// `InvalidAttachmentID.NotFound`; `OperationNotPermitted` for a primary interface.
    pub fn detach_network_interface(&mut self, request: &DetachNetworkInterface) -> Answer<()> {
        self.call("ec2:DetachNetworkInterface", Cost::Mutating, |aws| {
            let id = &request.attachment_id;
            let missing = || {
                AwsError::new("InvalidAttachmentID.NotFound", format!("The interface attachment '{id}' does not exist"))
            };
            let interface = aws.interface_of(id).ok_or_else(missing)?;
            let connection = interface.attachment.clone().ok_or_else(missing)?;
            aws.check_reach(&interface.availability_zone)?;
            if connection.device_index == 0 {
                let message = "The network interface at device index 0 and networkCard index 0 cannot be detached.";
                return Err(AwsError::new("OperationNotPermitted", message));
            }
            if connection.status == AttachmentStatus::Detaching {
                return Ok(());
            }
            let interface = interface.network_interface_id.clone();
            aws.change_connection(&interface, id, |a| a.status = AttachmentStatus::Detaching);
            let running = aws.instance(&connection.instance_id).is_some_and(|i| i.state == InstanceState::Running);
            let instance = connection.instance_id;
            aws.log(EffectKind::InterfaceDetaching {
                interface: interface.clone(),
                instance,
                force: request.force,
                running,
            });
            aws.later(aws.settings.timings.detach, Due::InterfaceDetached { interface, attachment: id.clone() });
            Ok(())
        })
    }

    pub(in crate::model) fn interface_detached(&mut self, id: &str, attachment: &str) {
        if self.connection(id, attachment).is_some_and(|a| a.status == AttachmentStatus::Detaching) {
            self.free_interface(id);
        }
    }

    /// Ends an attachment.
    pub(super) fn free_interface(&mut self, id: &str) {
        let Some(interface) = self.interface_mut(id) else { return };
        interface.status = InterfaceStatus::Available;
        let Some(attachment) = interface.attachment.take() else { return };
        if let Some(instance) = self.instance_mut(&attachment.instance_id) {
            instance.network_interfaces.retain(|i| i.network_interface_id != id);
        }
        self.log(EffectKind::InterfaceAvailable { interface: id.to_owned(), instance: attachment.instance_id });
    }

    /// `ec2:ModifyNetworkInterfaceAttribute`, for DeleteOnTermination of the attachment.
    ///
    /// # Errors
    /// `InvalidNetworkInterfaceID.NotFound`, `InvalidAttachmentID.NotFound`.
    pub fn modify_network_interface_attribute(&mut self, request: &ModifyNetworkInterfaceAttribute) -> Answer<()> {
        self.call("ec2:ModifyNetworkInterfaceAttribute", Cost::Resource, |aws| {
            let interface = aws.known_interface(&request.network_interface_id)?.network_interface_id.clone();
            let value = request.delete_on_termination;
            let id = &request.attachment_id;
            let instance =
                aws.change_connection(&interface, id, |a| a.delete_on_termination = value).ok_or_else(|| {
                    AwsError::new(
                        "InvalidAttachmentID.NotFound",
                        format!("The interface attachment '{id}' does not exist"),
                    )
                })?;
            aws.log(EffectKind::InterfaceDeleteOnTermination { interface, instance, value });
            Ok(())
        })
    }

    /// `ec2:DeleteNetworkInterface`.
    ///
    /// # Errors
    /// `InvalidNetworkInterfaceID.NotFound`; `InvalidParameterValue` while it is attached (observed:
    /// *Network interface is currently in use*).
    pub fn delete_network_interface(&mut self, id: &str) -> Answer<()> {
        self.call("ec2:DeleteNetworkInterface", Cost::Resource, |aws| {
            let interface = aws.known_interface(id)?;
            aws.check_reach(&interface.availability_zone)?;
            if interface.attachment.is_some() {
                return Err(AwsError::parameter(format!("Network interface '{id}' is currently in use.")));
            }
            aws.drop_interface(id, Gone::Deleted);
            Ok(())
        })
    }

    pub(super) fn drop_interface(&mut self, id: &str, why: Gone) {
        let Some(interface) = self.ec2.interfaces.remove(self.now, id) else { return };
        self.ec2.network.give_back(&interface.subnet_id, &interface.private_ip_address);
        let mut primary = false;
        if let Some(attachment) = &interface.attachment {
            primary = attachment.device_index == 0;
            if let Some(instance) = self.instance_mut(&attachment.instance_id) {
                instance.network_interfaces.retain(|i| i.network_interface_id != id);
            }
        }
        if !primary {
            self.log(EffectKind::InterfaceGone { interface: id.to_owned(), why });
        }
        let oldest = self.oldest();
        self.ec2.interfaces.prune(oldest);
    }
}

fn check_connectable(instance: &Instance, interface: &NetworkInterface, index: u32) -> Answer<()> {
    let id = &instance.instance_id;
    // Documented: error codes. Observed wording: terraform-provider-aws 27513.
    if interface.status != InterfaceStatus::Available {
        let message = format!("Interface: [{}] in use.", interface.network_interface_id);
        return Err(AwsError::new("InvalidNetworkInterface.InUse", message));
    }
    // Documented (EC2 User Guide, *Elastic network interfaces*): same zone. The code is assumed.
    if instance.availability_zone != interface.availability_zone {
        let message =
            "You may not attach a network interface to an instance if they are not in the same availability zone";
        return Err(AwsError::new("InvalidParameterCombination", message));
    }
    // Documented there: running, stopped, or being launched.
    if !matches!(instance.state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopped) {
        return Err(AwsError::incorrect_state(format!("Instance '{id}' is in the '{}' state.", instance.state.name())));
    }
    // Observed: k8s-vpcnet 71, cilium 42512.
    if instance.network_interfaces.iter().any(|i| i.attachment.device_index == index) {
        return Err(AwsError::parameter(format!(
            "Instance '{id}' already has an interface attached at device index '{index}'."
        )));
    }
    let limit = limits(&instance.instance_type).maximum_network_interfaces as usize;
    if instance.network_interfaces.len() >= limit {
        let message = format!(
            "Interface count {} exceeds the limit for {}",
            instance.network_interfaces.len() + 1,
            instance.instance_type
        );
        return Err(AwsError::new("AttachmentLimitExceeded", message));
    }
    Ok(())
}
