//! EC2: what instances, subnets and tags have; filters and pages for all of EC2.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::future::Future;

use aws_sdk_ec2::types;
use futures::future::try_join_all;
use stateful_asg_core::cloud::{Instance, InstanceState, Subnet, Tags};
use stateful_asg_core::ids::{DeviceName, InstanceId, SubnetId, VolumeId};
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::{Called, Which};

use crate::Aws;
use crate::errors::answer;
use crate::parse::{Unreadable, count, optional, required, time, value};

/// The most values that one filter takes.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html>
const FILTER_VALUES: usize = 200;

/// Objects a page. Paginated reads draw on the larger request bucket.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/throttling.html>
pub(crate) const PAGE: i32 = 1000;

impl Aws {
    pub(crate) async fn described_instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        gather(filters(which, "instance-id"), |filters| self.instance_pages(filters)).await
    }

    async fn instance_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Instance>> {
        const OPERATION: &str = "ec2:DescribeInstances";
        let request = self.ec2.describe_instances();
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = answer(OPERATION, page)?;
            for seen in page.reservations().iter().flat_map(types::Reservation::instances) {
                found.push(instance(seen).map_err(|error| error.in_answer(OPERATION, seen.instance_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn described_subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>> {
        gather(id_filters(ids, "subnet-id"), |filters| self.subnet_pages(filters)).await
    }

    async fn subnet_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Subnet>> {
        const OPERATION: &str = "ec2:DescribeSubnets";
        let request = self.ec2.describe_subnets();
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for seen in answer(OPERATION, page)?.subnets() {
                found.push(subnet(seen).map_err(|error| error.in_answer(OPERATION, seen.subnet_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn set_tags(&self, resource: &str, tags: &Tags) -> Called<()> {
        let request = self.ec2.create_tags();
        let sent = request.resources(resource).set_tags(Some(sdk_tags(tags))).send().await;
        answer("ec2:CreateTags", sent).map(drop)
    }
}

/// One request for each set of filters, side by side.
pub(crate) async fn gather<T, F>(
    filters: Vec<Vec<types::Filter>>,
    read: impl Fn(Vec<types::Filter>) -> F,
) -> Called<Vec<T>>
where
    F: Future<Output = Called<Vec<T>>>,
{
    let found = try_join_all(filters.into_iter().map(read)).await?;
    Ok(found.into_iter().flatten().collect())
}

/// The filters of each request that these objects need. IDs are a filter too: one that is unknown then is missing from
/// the answer, where as a parameter it would fail the whole call.
pub(crate) fn filters<Id: Display>(which: &Which<Id>, id_filter: &str) -> Vec<Vec<types::Filter>> {
    match which {
        Which::Group(group, deployment) => vec![vec![
            filter(&format!("tag:{}", tags::GROUP), [group.to_string()]),
            filter(&format!("tag:{}", tags::DEPLOYMENT), [deployment.to_string()]),
        ]],
        Which::Tagged(key, value) => vec![vec![filter(&format!("tag:{key}"), [value.clone()])]],
        Which::Ids(ids) => id_filters(ids, id_filter),
    }
}

/// The filters of each request that these IDs need.
pub(crate) fn id_filters<Id: Display>(ids: &[Id], name: &str) -> Vec<Vec<types::Filter>> {
    ids.chunks(FILTER_VALUES).map(|ids| vec![filter(name, ids.iter().map(ToString::to_string))]).collect()
}

fn filter(name: &str, values: impl IntoIterator<Item = String>) -> types::Filter {
    types::Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

pub(crate) fn core_tags(tags: &[types::Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

pub(crate) fn sdk_tags(tags: &Tags) -> Vec<types::Tag> {
    tags.iter().map(|(key, value)| types::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags that something is created with.
pub(crate) fn created_with(kind: types::ResourceType, tags: &Tags) -> types::TagSpecification {
    types::TagSpecification::builder().resource_type(kind).set_tags(Some(sdk_tags(tags))).build()
}

fn instance(seen: &types::Instance) -> Result<Instance, Unreadable> {
    let state = seen.state().and_then(types::InstanceState::name).ok_or(Unreadable::Missing("state"))?;
    Ok(Instance {
        id: required("instance ID", seen.instance_id())?,
        state: instance_state(state.as_str())?,
        zone: required("zone", seen.placement().and_then(types::Placement::availability_zone))?,
        subnet: optional("subnet", seen.subnet_id())?,
        ip: value("private address", seen.private_ip_address())?,
        security_groups: seen
            .security_groups()
            .iter()
            .map(|group| required("security group", group.group_id()))
            .collect::<Result<_, _>>()?,
        launched: time(seen.launch_time()).ok_or(Unreadable::Missing("launch time"))?,
        tags: core_tags(seen.tags()).into(),
        devices: devices(seen),
        volumes: volumes(seen)?,
        interface_indexes: seen
            .network_interfaces()
            .iter()
            .filter_map(types::InstanceNetworkInterface::attachment)
            .map(|attachment| count("device index", attachment.device_index()))
            .collect::<Result<_, _>>()?,
    })
}

/// Device names in use. Names of another form (`xvdf`) are none that we would choose.
fn devices(seen: &types::Instance) -> BTreeSet<DeviceName> {
    let names = seen.block_device_mappings().iter().filter_map(types::InstanceBlockDeviceMapping::device_name);
    names.chain(seen.root_device_name()).filter_map(|name| DeviceName::new(name).ok()).collect()
}

/// The root device is the image's, not ours.
fn volumes(seen: &types::Instance) -> Result<BTreeSet<VolumeId>, Unreadable> {
    let root = seen.root_device_name();
    let mappings = seen.block_device_mappings().iter();
    mappings
        .filter(|mapping| root.is_none() || mapping.device_name() != root)
        .filter_map(|mapping| mapping.ebs()?.volume_id())
        .map(|id| required("volume", Some(id)))
        .collect()
}

fn instance_state(word: &str) -> Result<InstanceState, Unreadable> {
    Ok(match word {
        "pending" => InstanceState::Pending,
        "running" => InstanceState::Running,
        "stopping" => InstanceState::Stopping,
        "stopped" => InstanceState::Stopped,
        "shutting-down" => InstanceState::ShuttingDown,
        "terminated" => InstanceState::Terminated,
        other => return Err(Unreadable::novel("state", other)),
    })
}

fn subnet(seen: &types::Subnet) -> Result<Subnet, Unreadable> {
    Ok(Subnet { id: required("subnet ID", seen.subnet_id())?, zone: required("zone", seen.availability_zone())? })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::primitives::DateTime;
    use stateful_asg_core::ids::{DeploymentId, GroupName};

    use super::*;

    fn mapping(device: &str, volume: &str) -> types::InstanceBlockDeviceMapping {
        let ebs = types::EbsInstanceBlockDevice::builder().volume_id(volume).build();
        types::InstanceBlockDeviceMapping::builder().device_name(device).ebs(ebs).build()
    }

    fn seen() -> types::builders::InstanceBuilder {
        let attachment = types::InstanceNetworkInterfaceAttachment::builder().device_index(1).build();
        types::Instance::builder()
            .instance_id("i-0123456789abcdef0")
            .state(types::InstanceState::builder().name(types::InstanceStateName::ShuttingDown).build())
            .placement(types::Placement::builder().availability_zone("eu-central-1a").build())
            .subnet_id("subnet-0123456789abcdef0")
            .private_ip_address("10.0.1.17")
            .security_groups(types::GroupIdentifier::builder().group_id("sg-0123456789abcdef0").build())
            .launch_time(DateTime::from_secs(1_700_000_000))
            .root_device_name("/dev/xvda")
            .block_device_mappings(mapping("/dev/xvda", "vol-00000000000000001"))
            .block_device_mappings(mapping("/dev/sdf", "vol-00000000000000002"))
            .block_device_mappings(mapping("xvdg", "vol-00000000000000003"))
            .network_interfaces(types::InstanceNetworkInterface::builder().attachment(attachment).build())
            .tags(types::Tag::builder().key("stateful-asg:slot").value("3").build())
    }

    #[test]
    fn an_instance_is_read_whole() {
        let read = instance(&seen().build()).unwrap();
        assert_eq!(read.state, InstanceState::ShuttingDown);
        assert_eq!(read.zone.as_str(), "eu-central-1a");
        assert_eq!(read.ip, Some("10.0.1.17".parse().unwrap()));
        assert_eq!(read.security_groups[0].as_str(), "sg-0123456789abcdef0");
        assert_eq!(read.devices.iter().map(DeviceName::as_str).collect::<Vec<_>>(), ["/dev/sdf", "/dev/xvda"]);
        let volumes: Vec<_> = read.volumes.iter().map(VolumeId::as_str).collect();
        assert_eq!(volumes, ["vol-00000000000000002", "vol-00000000000000003"], "the root volume is left out");
        assert_eq!(read.interface_indexes, BTreeSet::from([1]));
        assert_eq!(read.tags["stateful-asg:slot"], "3");
        assert_eq!(read.launched.as_second(), 1_700_000_000);
    }

    #[test]
    fn a_terminated_instance_has_neither_subnet_nor_address() {
        let read = instance(&seen().set_subnet_id(None).private_ip_address("").build()).unwrap();
        assert_eq!((read.subnet, read.ip), (None, None));
    }

    #[test]
    fn volumes_are_kept_where_the_root_device_is_not_told() {
        let read = instance(&seen().set_root_device_name(None).build()).unwrap();
        assert_eq!(read.volumes.len(), 3);
    }

    #[test]
    fn a_state_of_a_later_version_is_named() {
        let novel = types::InstanceState::builder().name("hibernating".into()).build();
        let error = instance(&seen().state(novel).build()).unwrap_err();
        assert_eq!(error, Unreadable::novel("state", "hibernating"));
    }

    #[test]
    fn a_group_is_found_by_both_tags_in_one_request() {
        let which: Which<InstanceId> =
            Which::Group(GroupName::new("cass").unwrap(), DeploymentId::new("prod").unwrap());
        let requests = filters(&which, "instance-id");
        let names: Vec<_> = requests[0].iter().map(|f| (f.name().unwrap(), f.values()[0].as_str())).collect();
        assert_eq!(names, [("tag:stateful-asg:group", "cass"), ("tag:stateful-asg:deployment", "prod")]);
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn ids_are_asked_for_two_hundred_at_a_time() {
        let ids: Vec<_> = (0..401).map(|n| InstanceId::new(format!("i-{n:017x}")).unwrap()).collect();
        let requests = filters(&Which::Ids(ids), "instance-id");
        assert_eq!(requests.iter().map(|r| r[0].values().len()).collect::<Vec<_>>(), [200, 200, 1]);
        assert_eq!(filters(&Which::<InstanceId>::Ids(Vec::new()), "instance-id"), Vec::<Vec<_>>::new());
    }
}
