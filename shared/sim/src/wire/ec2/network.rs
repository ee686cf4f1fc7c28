//! Network interfaces, and the network that exists by default.

use super::super::operation::{Refusal, Table, body, entry};
use super::super::query::Query;
use super::super::xml::Element;
use super::{describe, done, instances, page, tag_specifications, with_tags};
use crate::model::types::{
    AttachNetworkInterface, AvailabilityZone, CreateNetworkInterface, Describe, DetachNetworkInterface, Filter,
    ModifyNetworkInterfaceAttribute, NetworkInterface, SecurityGroup, Subnet, Vpc,
};
use crate::model::{Aws, AwsError};

pub(super) const OPERATIONS: Table = &[
    ("CreateNetworkInterface", create),
    ("DescribeNetworkInterfaces", describe_interfaces),
    ("AttachNetworkInterface", attach),
    ("DetachNetworkInterface", detach),
    ("ModifyNetworkInterfaceAttribute", modify),
    ("DeleteNetworkInterface", delete),
    ("DescribeSubnets", describe_subnets),
    ("DescribeVpcs", describe_vpcs),
    ("DescribeSecurityGroups", describe_security_groups),
    ("DescribeAvailabilityZones", describe_zones),
];

fn create(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = CreateNetworkInterface {
        subnet_id: query.required("SubnetId")?,
        private_ip_address: query.string("PrivateIpAddress"),
        groups: query.texts("SecurityGroupId"),
        description: query.string("Description").unwrap_or_default(),
        client_token: query.string("ClientToken"),
        tags: tag_specifications(query, "network-interface")?,
    };
    let mut interface = encode(&*aws.create_network_interface(&request)?);
    interface = interface.renamed("networkInterface");
    Ok(body().child(interface).maybe("clientToken", request.client_token))
}

fn describe_interfaces(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_network_interfaces(&describe(query, "NetworkInterfaceId")?)?;
    Ok(page("networkInterfaceSet", &found, |interface| encode(interface)))
}

fn attach(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = AttachNetworkInterface {
        network_interface_id: query.required("NetworkInterfaceId")?,
        instance_id: query.required("InstanceId")?,
        device_index: query.required_number("DeviceIndex")?,
    };
    Ok(body().field("attachmentId", aws.attach_network_interface(&request)?).field("networkCardIndex", 0))
}

fn detach(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = DetachNetworkInterface {
        attachment_id: query.required("AttachmentId")?,
        force: query.flag("Force")?.unwrap_or_default(),
    };
    aws.detach_network_interface(&request)?;
    Ok(done())
}

fn modify(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let network_interface_id = query.required("NetworkInterfaceId")?;
    let attachment = query.structure("Attachment");
    let Some(delete_on_termination) = attachment.flag("DeleteOnTermination")? else {
        let message = "The simulated EC2 modifies Attachment.DeleteOnTermination only.";
        return Err(AwsError::new("InvalidParameterCombination", message).into());
    };
    let attachment_id = attachment.required("AttachmentId")?;
    aws.modify_network_interface_attribute(&ModifyNetworkInterfaceAttribute {
        network_interface_id,
        attachment_id,
        delete_on_termination,
    })?;
    Ok(done())
}

fn delete(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    aws.delete_network_interface(&query.required("NetworkInterfaceId")?)?;
    Ok(done())
}

fn describe_subnets(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_subnets(&describe(query, "SubnetId")?)?;
    Ok(page("subnetSet", &found, subnet))
}

fn describe_vpcs(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_vpcs(&describe(query, "VpcId")?)?;
    Ok(page("vpcSet", &found, vpc))
}

fn describe_security_groups(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let request = named(describe(query, "GroupId")?, query, "GroupName", "group-name");
    let found = aws.describe_security_groups(&request)?;
    Ok(page("securityGroupInfo", &found, security_group))
}

fn describe_zones(aws: &mut Aws, query: &Query) -> Result<Element, Refusal> {
    let found = aws.describe_availability_zones(&describe(query, "ZoneName")?)?;
    Ok(page("availabilityZoneInfo", &found, zone))
}

/// Turns a list of names into the filter that does the same.
pub(super) fn named(mut request: Describe, query: &Query, list: &str, filter: &str) -> Describe {
    let values = query.texts(list);
    if !values.is_empty() {
        request.filters.push(Filter { name: filter.to_owned(), values });
    }
    request
}

fn encode(interface: &NetworkInterface) -> Element {
    let address = entry().field("privateIpAddress", &interface.private_ip_address).field("primary", true);
    let element = entry()
        .field("networkInterfaceId", &interface.network_interface_id)
        .field("subnetId", &interface.subnet_id)
        .field("vpcId", &interface.vpc_id)
        .field("availabilityZone", &interface.availability_zone)
        .field("description", &interface.description)
        .field("status", interface.status.name())
        .field("macAddress", &interface.mac_address)
        .field("privateIpAddress", &interface.private_ip_address)
        .field("interfaceType", "interface")
        .field("sourceDestCheck", true)
        .list("groupSet", "item", interface.groups.iter().map(|id| entry().field("groupId", id)))
        .list("privateIpAddressesSet", "item", [address]);
    let element = match &interface.attachment {
        Some(attachment) => {
            element.child(instances::attachment(attachment).field("instanceId", &attachment.instance_id))
        }
        None => element,
    };
    with_tags(element, &interface.tags)
}

fn subnet(subnet: &Subnet) -> Element {
    let element = entry()
        .field("subnetId", &subnet.subnet_id)
        .field("state", "available")
        .field("vpcId", &subnet.vpc_id)
        .field("cidrBlock", &subnet.cidr_block)
        .field("availableIpAddressCount", subnet.available_ip_address_count)
        .field("availabilityZone", &subnet.availability_zone)
        .field("availabilityZoneId", &subnet.availability_zone_id)
        .field("defaultForAz", true)
        .field("mapPublicIpOnLaunch", false);
    with_tags(element, &subnet.tags)
}

fn vpc(vpc: &Vpc) -> Element {
    let element = entry()
        .field("vpcId", &vpc.vpc_id)
        .field("state", "available")
        .field("cidrBlock", &vpc.cidr_block)
        .field("isDefault", true);
    with_tags(element, &vpc.tags)
}

fn security_group(group: &SecurityGroup) -> Element {
    let element = entry()
        .field("groupId", &group.group_id)
        .field("groupName", &group.group_name)
        .field("groupDescription", &group.group_name)
        .field("vpcId", &group.vpc_id);
    with_tags(element, &group.tags)
}

fn zone(zone: &AvailabilityZone) -> Element {
    entry()
        .field("zoneName", &zone.zone_name)
        .field("zoneId", &zone.zone_id)
        .field("zoneState", "available")
        .field("zoneType", "availability-zone")
        .field("regionName", zone.zone_name.trim_end_matches(|c: char| c.is_ascii_lowercase()))
        .field("optInStatus", "opt-in-not-required")
}
