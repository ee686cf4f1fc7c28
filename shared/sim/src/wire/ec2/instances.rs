//! Instances and their types.

use super::super::operation::{Refusal, Table, body, entry, iso};
use super::super::query::Query;
use super::super::xml::Element;
use super::{describe, done, page, with_tags};
use crate::model::types::{
    Instance, InstanceBlockDevice, InstanceNetworkInterface, InstanceState, InstanceStateChange, InstanceType,
    InterfaceAttachment, ModifyInstanceAttribute,
};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("DescribeInstances", describe_instances),
    ("DescribeInstanceTypes", describe_instance_types),
    ("TerminateInstances", terminate),
    ("StopInstances", stop),
    ("StartInstances", start),
    ("ModifyInstanceAttribute", modify),
];

fn describe_instances(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_instances(&describe(query, "InstanceId")?)?;
    Ok(page("reservationSet", &found, |instance| {
        entry()
            .field("reservationId", instance.instance_id.replacen("i-", "r-", 1))
            .child(Element::new("groupSet"))
            .list("instancesSet", "item", [encode(instance)])
    }))
}

fn describe_instance_types(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_instance_types(&describe(query, "InstanceType")?)?;
    Ok(page("instanceTypeSet", &found, encode_type))
}

fn terminate(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(changes(&aws.terminate_instances(&instances(query)?)?))
}

fn stop(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(changes(&aws.stop_instances(&instances(query)?)?))
}

fn start(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    Ok(changes(&aws.start_instances(&instances(query)?)?))
}

fn instances(query: &Query) -> Result<Vec<String>, Refusal> {
    query.structure("InstanceId").required("1")?;
    Ok(query.texts("InstanceId"))
}

fn modify(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let mappings = query.list("BlockDeviceMapping");
    if mappings.is_empty() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "The simulated EC2 modifies BlockDeviceMappings only.",
        )
        .into());
    }
    let mut request =
        ModifyInstanceAttribute { instance_id: query.required("InstanceId")?, delete_on_termination: Vec::new() };
    for mapping in mappings {
        if let Some(delete) = mapping.structure("Ebs").flag("DeleteOnTermination")? {
            request.delete_on_termination.push((mapping.required("DeviceName")?, delete));
        }
    }
    aws.modify_instance_attribute(&request)?;
    Ok(done())
}

fn changes(changes: &[InstanceStateChange]) -> Element {
    let encoded = changes.iter().map(|change| {
        entry()
            .field("instanceId", &change.instance_id)
            .child(state("currentState", change.current))
            .child(state("previousState", change.previous))
    });
    body().list("instancesSet", "item", encoded)
}

fn state(name: &str, state: InstanceState) -> Element {
    Element::new(name).field("code", state.code()).field("name", state.name())
}

fn encode(instance: &Instance) -> Element {
    let placement = Element::new("placement")
        .field("availabilityZone", &instance.availability_zone)
        .field("groupName", "")
        .field("tenancy", "default");
    let private_dns = instance.private_ip_address.as_ref().map(|ip| format!("ip-{}.internal", ip.replace('.', "-")));
    let element = entry()
        .field("instanceId", &instance.instance_id)
        .field("imageId", &instance.image_id)
        .child(state("instanceState", instance.state))
        .field("privateDnsName", private_dns.unwrap_or_default())
        .field("reason", &instance.state_reason)
        .field("instanceType", &instance.instance_type)
        .field("launchTime", iso(instance.launch_time))
        .child(placement)
        .field("subnetId", &instance.subnet_id)
        .field("vpcId", &instance.vpc_id)
        .maybe("privateIpAddress", instance.private_ip_address.as_ref())
        .list("groupSet", "item", instance.security_groups.iter().map(|id| entry().field("groupId", id)))
        .field("rootDeviceType", "ebs")
        .field("rootDeviceName", &instance.root_device_name)
        .list("blockDeviceMapping", "item", instance.block_devices.iter().map(block_device))
        .field("virtualizationType", "hvm")
        .list("networkInterfaceSet", "item", instance.network_interfaces.iter().map(interface));
    with_tags(element, &instance.tags)
}

fn block_device(device: &InstanceBlockDevice) -> Element {
    let ebs = Element::new("ebs")
        .field("volumeId", &device.volume_id)
        .field("status", device.status.name())
        .field("attachTime", iso(device.attach_time))
        .field("deleteOnTermination", device.delete_on_termination);
    entry().field("deviceName", &device.device_name).child(ebs)
}

fn interface(interface: &InstanceNetworkInterface) -> Element {
    let address = entry().field("privateIpAddress", &interface.private_ip_address).field("primary", true);
    entry()
        .field("networkInterfaceId", &interface.network_interface_id)
        .field("subnetId", &interface.subnet_id)
        .field("status", "in-use")
        .field("privateIpAddress", &interface.private_ip_address)
        .list("privateIpAddressesSet", "item", [address])
        .child(attachment(&interface.attachment))
}

/// An interface's attachment, without the instance, which only the interface's own description names.
pub(super) fn attachment(attachment: &InterfaceAttachment) -> Element {
    Element::new("attachment")
        .field("attachmentId", &attachment.attachment_id)
        .field("deviceIndex", attachment.device_index)
        .field("status", attachment.status.name())
        .field("attachTime", iso(attachment.attach_time))
        .field("deleteOnTermination", attachment.delete_on_termination)
}

fn encode_type(kind: &InstanceType) -> Element {
    let ebs = Element::new("ebsInfo")
        .field("maximumEbsAttachments", kind.maximum_ebs_attachments)
        .field("attachmentLimitType", kind.attachment_limit_type)
        .field("encryptionSupport", "supported");
    let network = Element::new("networkInfo")
        .field("maximumNetworkInterfaces", kind.maximum_network_interfaces)
        .field("ipv4AddressesPerInterface", kind.ipv4_addresses_per_interface);
    entry().field("instanceType", kind.instance_type).field("hypervisor", kind.hypervisor).child(ebs).child(network)
}
