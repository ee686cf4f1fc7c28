//! Elastic network interfaces.

use aws_sdk_ec2::types;
use stateful_asg_core::cloud::{Interface, InterfaceAttachment};
use stateful_asg_core::ids::{InstanceId, InterfaceAttachmentId, InterfaceId};
use stateful_asg_runtime::ports::{Called, NewInterface, Which};

use crate::Aws;
use crate::ec2::{PAGE, core_tags, created_with, filters, gather};
use crate::errors::{answer, goal};
use crate::parse::{Unreadable, int, optional, required, time, value};
use crate::volumes::attachment_state;

impl Aws {
    pub(crate) async fn described_interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        gather(filters(which, "network-interface-id"), |filters| self.interface_pages(filters)).await
    }

    /// An interface that cannot be read fails the read, as a volume does.
    async fn interface_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Interface>> {
        const OPERATION: &str = "ec2:DescribeNetworkInterfaces";
        let request = self.ec2.describe_network_interfaces();
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for seen in answer(OPERATION, page)?.network_interfaces() {
                found.push(interface(seen).map_err(|error| error.in_answer(OPERATION, seen.network_interface_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn make_interface(&self, new: &NewInterface) -> Called<InterfaceId> {
        const OPERATION: &str = "ec2:CreateNetworkInterface";
        let request = self.ec2.create_network_interface();
        let sent = request
            .subnet_id(new.subnet.as_str())
            .set_groups(Some(new.security_groups.iter().map(ToString::to_string).collect()))
            .set_private_ip_address(new.ip.map(|ip| ip.to_string()))
            .client_token(&new.token)
            .tag_specifications(created_with(types::ResourceType::NetworkInterface, &new.tags))
            .send()
            .await;
        let made = answer(OPERATION, sent)?;
        let id = made.network_interface().and_then(types::NetworkInterface::network_interface_id);
        required("interface ID", id).map_err(|error| error.in_answer(OPERATION, Some("the new interface")))
    }

    pub(crate) async fn join_interface(
        &self,
        interface: &InterfaceId,
        instance: &InstanceId,
        index: u32,
    ) -> Called<()> {
        let request = self.ec2.attach_network_interface();
        let request = request.network_interface_id(interface.as_str()).instance_id(instance.as_str());
        answer("ec2:AttachNetworkInterface", request.device_index(int(index)).send().await).map(drop)
    }

    pub(crate) async fn protect_interface(
        &self,
        interface: &InterfaceId,
        attachment: &InterfaceAttachmentId,
    ) -> Called<()> {
        let request = self.ec2.modify_network_interface_attribute();
        let kept = types::NetworkInterfaceAttachmentChanges::builder()
            .attachment_id(attachment.as_str())
            .delete_on_termination(false)
            .build();
        let sent = request.network_interface_id(interface.as_str()).attachment(kept).send().await;
        answer("ec2:ModifyNetworkInterfaceAttribute", sent).map(drop)
    }

    pub(crate) async fn part_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()> {
        let request = self.ec2.detach_network_interface();
        goal("ec2:DetachNetworkInterface", request.attachment_id(attachment.as_str()).send().await)
    }

    pub(crate) async fn drop_interface(&self, interface: &InterfaceId) -> Called<()> {
        let request = self.ec2.delete_network_interface();
        goal("ec2:DeleteNetworkInterface", request.network_interface_id(interface.as_str()).send().await)
    }
}

fn interface(seen: &types::NetworkInterface) -> Result<Interface, Unreadable> {
    let status = seen.status().ok_or(Unreadable::Missing("status"))?;
    Ok(Interface {
        id: required("interface ID", seen.network_interface_id())?,
        available: *status == types::NetworkInterfaceStatus::Available && seen.attachment().is_none(),
        zone: required("zone", seen.availability_zone())?,
        ip: value("private address", seen.private_ip_address())?,
        tags: core_tags(seen.tag_set()).into(),
        attachment: seen.attachment().map(attachment).transpose()?,
    })
}

fn attachment(seen: &types::NetworkInterfaceAttachment) -> Result<InterfaceAttachment, Unreadable> {
    Ok(InterfaceAttachment {
        id: required("attachment ID", seen.attachment_id())?,
        instance: optional("attachment's instance", seen.instance_id())?,
        state: attachment_state(seen.status().ok_or(Unreadable::Missing("attachment state"))?.as_str())?,
        // One that is not told is taken for true: then it is set to false and read back.
        delete_on_termination: seen.delete_on_termination().unwrap_or(true),
        since: time(seen.attach_time()),
    })
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::cloud::AttachmentState;
    use stateful_asg_core::observed::FailureKind;
    use stateful_asg_runtime::ports::Cloud;

    use super::*;
    use crate::wire::{Answer, Wire};

    fn seen(status: types::NetworkInterfaceStatus) -> types::builders::NetworkInterfaceBuilder {
        types::NetworkInterface::builder()
            .network_interface_id("eni-0123456789abcdef0")
            .status(status)
            .availability_zone("eu-central-1a")
            .private_ip_address("10.0.1.17")
            .tag_set(types::Tag::builder().key("stateful-asg:slot").value("3").build())
    }

    fn attached() -> types::builders::NetworkInterfaceAttachmentBuilder {
        types::NetworkInterfaceAttachment::builder()
            .attachment_id("eni-attach-0123456789abcdef0")
            .instance_id("i-0123456789abcdef0")
            .status(types::AttachmentStatus::Detaching)
    }

    #[tokio::test]
    async fn an_interface_is_deleted_unless_it_is_in_use() {
        let id = InterfaceId::new("eni-0123456789abcdef0").unwrap();
        let wire = Wire::answering("DeleteNetworkInterface", "<return>true</return>");
        wire.aws().delete_interface(&id).await.unwrap();
        assert_eq!(wire.sent(), ["Action=DeleteNetworkInterface", "NetworkInterfaceId=eni-0123456789abcdef0"]);
        let gone = Wire::new([Answer::Refused(400, "InvalidNetworkInterfaceID.NotFound")]);
        gone.aws().delete_interface(&id).await.unwrap();
        let used = Wire::new([Answer::Refused(400, "InvalidNetworkInterface.InUse")]);
        assert_eq!(used.aws().delete_interface(&id).await.unwrap_err().kind, FailureKind::InUse);
    }

    #[test]
    fn an_interface_is_read_whole() {
        let read =
            interface(&seen(types::NetworkInterfaceStatus::InUse).attachment(attached().build()).build()).unwrap();
        assert_eq!(read.ip, Some("10.0.1.17".parse().unwrap()));
        assert_eq!(read.tags["stateful-asg:slot"], "3");
        assert!(!read.available);
        let attachment = read.attachment.unwrap();
        assert_eq!(attachment.state, AttachmentState::Detaching);
        assert_eq!(attachment.instance.unwrap().as_str(), "i-0123456789abcdef0");
        assert!(attachment.delete_on_termination, "not told: feared");
    }

    #[test]
    fn available_means_that_nothing_is_attached_either() {
        assert!(interface(&seen(types::NetworkInterfaceStatus::Available).build()).unwrap().available);
        let lagging = seen(types::NetworkInterfaceStatus::Available).attachment(attached().build()).build();
        assert!(!interface(&lagging).unwrap().available);
        assert!(!interface(&seen(types::NetworkInterfaceStatus::Associated).build()).unwrap().available);
    }

    #[test]
    fn what_aws_holds_itself_has_no_instance() {
        let theirs = seen(types::NetworkInterfaceStatus::InUse).attachment(attached().set_instance_id(None).build());
        assert_eq!(interface(&theirs.build()).unwrap().attachment.unwrap().instance, None);
    }
}
