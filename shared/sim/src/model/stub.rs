//! Signatures to come.
#![allow(clippy::todo, missing_docs, unused_variables)]
use std::sync::Arc;
use super::types::*;
use super::{Aws, AwsError};
type Answer<T> = Result<T, AwsError>;
impl Aws {
    pub fn terminate_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> { todo!() }
    pub fn stop_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> { todo!() }
    pub fn start_instances(&mut self, ids: &[String]) -> Answer<Vec<InstanceStateChange>> { todo!() }
    pub fn describe_instances(&mut self, r: &Describe) -> Answer<Paged<Arc<Instance>>> { todo!() }
    pub fn describe_instance_types(&mut self, r: &Describe) -> Answer<Paged<InstanceType>> { todo!() }
    pub fn modify_instance_attribute(&mut self, r: &ModifyInstanceAttribute) -> Answer<()> { todo!() }
    pub fn create_volume(&mut self, r: &CreateVolume) -> Answer<Arc<Volume>> { todo!() }
    pub fn describe_volumes(&mut self, r: &Describe) -> Answer<Paged<Arc<Volume>>> { todo!() }
    pub fn attach_volume(&mut self, r: &AttachVolume) -> Answer<VolumeAttachment> { todo!() }
    pub fn detach_volume(&mut self, r: &DetachVolume) -> Answer<VolumeAttachment> { todo!() }
    pub fn delete_volume(&mut self, volume_id: &str) -> Answer<()> { todo!() }
    pub fn create_network_interface(&mut self, r: &CreateNetworkInterface) -> Answer<Arc<NetworkInterface>> { todo!() }
    pub fn describe_network_interfaces(&mut self, r: &Describe) -> Answer<Paged<Arc<NetworkInterface>>> { todo!() }
    /// Answers the attachment ID.
    pub fn attach_network_interface(&mut self, r: &AttachNetworkInterface) -> Answer<String> { todo!() }
    pub fn detach_network_interface(&mut self, r: &DetachNetworkInterface) -> Answer<()> { todo!() }
    pub fn modify_network_interface_attribute(&mut self, r: &ModifyNetworkInterfaceAttribute) -> Answer<()> { todo!() }
    pub fn delete_network_interface(&mut self, id: &str) -> Answer<()> { todo!() }
    pub fn create_tags(&mut self, resources: &[String], tags: &Tags) -> Answer<()> { todo!() }
    /// A tag without value is removed whatever its value; with one, only if it is that.
    pub fn delete_tags(&mut self, resources: &[String], tags: &[(String, Option<String>)]) -> Answer<()> { todo!() }
    pub fn describe_tags(&mut self, r: &Describe) -> Answer<Paged<TagDescription>> { todo!() }
    pub fn describe_subnets(&mut self, r: &Describe) -> Answer<Paged<Subnet>> { todo!() }
    pub fn describe_vpcs(&mut self, r: &Describe) -> Answer<Paged<Vpc>> { todo!() }
    pub fn describe_security_groups(&mut self, r: &Describe) -> Answer<Paged<SecurityGroup>> { todo!() }
    /// `ids` are zone names.
    pub fn describe_availability_zones(&mut self, r: &Describe) -> Answer<Paged<AvailabilityZone>> { todo!() }
    pub fn create_launch_template(&mut self, r: &CreateLaunchTemplate) -> Answer<LaunchTemplate> { todo!() }
    /// Replaces the data, under the next version number. `template` is ID or name.
    pub fn create_launch_template_version(&mut self, template: &str, data: &LaunchTemplateData) -> Answer<LaunchTemplate> { todo!() }
    pub fn describe_launch_templates(&mut self, r: &Describe) -> Answer<Paged<LaunchTemplate>> { todo!() }

    pub fn create_auto_scaling_group(&mut self, r: &CreateAutoScalingGroup) -> Answer<()> { todo!() }
    pub fn update_auto_scaling_group(&mut self, r: &UpdateAutoScalingGroup) -> Answer<()> { todo!() }
    pub fn delete_auto_scaling_group(&mut self, name: &str, force: bool) -> Answer<()> { todo!() }
    pub fn describe_auto_scaling_groups(&mut self, r: &DescribeAutoScalingGroups) -> Answer<Paged<GroupDescription>> { todo!() }
    pub fn describe_auto_scaling_instances(&mut self, r: &DescribeAutoScalingInstances) -> Answer<Paged<Arc<Member>>> { todo!() }
    pub fn set_desired_capacity(&mut self, group: &str, desired: u32) -> Answer<()> { todo!() }
    pub fn set_instance_health(&mut self, r: &SetInstanceHealth) -> Answer<()> { todo!() }
    pub fn terminate_instance_in_auto_scaling_group(&mut self, instance: &str, decrement: bool) -> Answer<Activity> { todo!() }
    pub fn put_lifecycle_hook(&mut self, r: &PutLifecycleHook) -> Answer<()> { todo!() }
    pub fn delete_lifecycle_hook(&mut self, group: &str, hook: &str) -> Answer<()> { todo!() }
    /// Empty `names` means all.
    pub fn describe_lifecycle_hooks(&mut self, group: &str, names: &[String]) -> Answer<Vec<LifecycleHook>> { todo!() }
    pub fn complete_lifecycle_action(&mut self, action: &LifecycleActionRef, result: LifecycleResult) -> Answer<()> { todo!() }
    pub fn record_lifecycle_action_heartbeat(&mut self, action: &LifecycleActionRef) -> Answer<()> { todo!() }
    pub fn put_warm_pool(&mut self, r: &PutWarmPool) -> Answer<()> { todo!() }
    pub fn delete_warm_pool(&mut self, group: &str, force: bool) -> Answer<()> { todo!() }
    pub fn describe_warm_pool(&mut self, group: &str) -> Answer<(Option<WarmPool>, Vec<Arc<Member>>)> { todo!() }
    pub fn enter_standby(&mut self, group: &str, instances: &[String], decrement: bool) -> Answer<Vec<Activity>> { todo!() }
    pub fn exit_standby(&mut self, group: &str, instances: &[String]) -> Answer<Vec<Activity>> { todo!() }
    pub fn detach_instances(&mut self, group: &str, instances: &[String], decrement: bool) -> Answer<Vec<Activity>> { todo!() }
    /// Empty `processes` means all.
    pub fn suspend_processes(&mut self, group: &str, processes: &[String]) -> Answer<()> { todo!() }
    pub fn resume_processes(&mut self, group: &str, processes: &[String]) -> Answer<()> { todo!() }
    /// autoscaling:CreateOrUpdateTags, for one group.
    pub fn create_or_update_group_tags(&mut self, group: &str, tags: &[GroupTag]) -> Answer<()> { todo!() }
    /// autoscaling:DeleteTags, for one group.
    pub fn delete_group_tags(&mut self, group: &str, keys: &[String]) -> Answer<()> { todo!() }
    /// autoscaling:DescribeTags: filters `auto-scaling-group`, `key`, `value`, `propagate-at-launch`. Answers group and tag.
    pub fn describe_group_tags(&mut self, filters: &[Filter]) -> Answer<Vec<(String, GroupTag)>> { todo!() }
    /// Newest first.
    pub fn describe_scaling_activities(&mut self, group: Option<&str>) -> Answer<Vec<Activity>> { todo!() }
    /// Moves one member from the fullest zone to the emptiest, launching first. Not a call: something AWS decides.
    pub fn rebalance(&mut self, group: &str) { todo!() }
    /// Replaces every member, launching first, as an instance refresh with an explicit MaxHealthyPercentage of 100 or more does.
    pub fn refresh(&mut self, group: &str) { todo!() }
    /// Spot interruption warning event now, and the instance terminated two minutes later.
    pub fn interrupt_spot(&mut self, instance: &str) { todo!() }

    pub fn create_hosted_zone(&mut self, r: &CreateHostedZone) -> Answer<CreatedHostedZone> { todo!() }
    pub fn list_hosted_zones(&mut self) -> Answer<Vec<HostedZone>> { todo!() }
    pub fn get_hosted_zone(&mut self, id: &str) -> Answer<CreatedHostedZone> { todo!() }
    pub fn list_resource_record_sets(&mut self, r: &ListResourceRecordSets) -> Answer<RecordSetPage> { todo!() }
    pub fn change_resource_record_sets(&mut self, r: &ChangeResourceRecordSets) -> Answer<ChangeInfo> { todo!() }
    pub fn get_change(&mut self, id: &str) -> Answer<ChangeInfo> { todo!() }

    pub fn put_events(&mut self, entries: &[PutEventsEntry]) -> Answer<Vec<PutEventsResult>> { todo!() }
}
