//! Groups: created, updated, deleted.

use std::collections::BTreeSet;

use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{CreateAutoScalingGroup, Group, LaunchTemplateRef, UpdateAutoScalingGroup};
use crate::model::{Answer, Aws, AwsError};

use super::hooks::check_hook;

impl Aws {
    /// `autoscaling:CreateAutoScalingGroup`. Hooks given here are there before the first launch
    /// (documented: BC `LifecycleHookSpecificationList`).
    ///
    /// # Errors
    /// `AlreadyExists`; `ValidationError` for sizes, zones, subnets, hooks or a launch template that
    /// cannot be.
    pub fn create_auto_scaling_group(&mut self, request: &CreateAutoScalingGroup) -> Answer<()> {
        self.call("autoscaling:CreateAutoScalingGroup", Cost::Free, |aws| {
            if aws.group(&request.name).is_some() {
                let message = format!(
                    "AutoScalingGroup by this name already exists - A group with the name {} already exists",
                    request.name
                );
                return Err(AwsError::new("AlreadyExists", message));
            }
            let group = aws.new_group(request)?;
            aws.asg.groups.insert(aws.now, &request.name, group);
            aws.asg.truth.remove(&request.name);
            aws.log(EffectKind::GroupCreated { group: request.name.clone() });
            aws.look_soon(&request.name);
            Ok(())
        })
    }

    fn new_group(&mut self, request: &CreateAutoScalingGroup) -> Answer<Group> {
        let desired = request.desired_capacity.unwrap_or(request.min_size);
        check_sizes(request.min_size, request.max_size, desired)?;
        for hook in &request.hooks {
            check_hook(hook)?;
        }
        let (subnets, zones) = self.places(&request.subnets, &request.availability_zones)?;
        let launch_template = self.full_template(request.launch_template.as_ref())?;
        let uuid = self.new_uuid();
        let (region, account, name) = (&self.settings.region, &self.settings.account, &request.name);
        Ok(Group {
            name: name.clone(),
            arn: format!("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{uuid}:autoScalingGroupName/{name}"),
            min_size: request.min_size,
            max_size: request.max_size,
            desired_capacity: desired,
            launch_template,
            subnets,
            availability_zones: zones,
            health_check_type: request.health_check_type.clone().unwrap_or_else(|| "EC2".to_owned()),
            health_check_grace_period: request.health_check_grace_period,
            new_instances_protected_from_scale_in: request.new_instances_protected_from_scale_in,
            created_time: self.now,
            tags: request.tags.iter().map(|tag| (tag.key.clone(), tag.clone())).collect(),
            suspended: BTreeSet::new(),
            status: None,
            warm_pool: None,
            hooks: request.hooks.iter().map(|hook| (hook.name.clone(), hook.clone())).collect(),
            distribution: request.distribution,
            retain_on_abandon: request.retain_on_abandon,
        })
    }

    fn full_template(&self, named: Option<&LaunchTemplateRef>) -> Answer<Option<LaunchTemplateRef>> {
        named.map(|named| self.resolve_template(named).map(|(full, _)| full)).transpose()
    }

    /// The subnets and their zones: as given, by zone, or all.
    fn places(&self, subnets: &[String], zones: &[String]) -> Answer<(Vec<String>, Vec<String>)> {
        let network = &self.ec2.network;
        if subnets.is_empty() {
            let all = || network.zones.iter().map(|zone| zone.zone_name.clone()).collect();
            let zones: Vec<_> = if zones.is_empty() { all() } else { zones.to_vec() };
            let subnet = |zone: &String| {
                let missing = || {
                    AwsError::validation(format!(
                        "Invalid availability zones - Unsupported Availability Zones [{zone}]"
                    ))
                };
                network.subnet_of_zone(zone).map(|subnet| subnet.subnet_id.clone()).ok_or_else(missing)
            };
            return Ok((zones.iter().map(subnet).collect::<Answer<_>>()?, zones));
        }
        let zone = |id: &String| {
            let missing = || AwsError::validation(format!("The subnet ID '{id}' does not exist"));
            network.subnet(id).map(|subnet| subnet.availability_zone.clone()).ok_or_else(missing)
        };
        let of_subnets: BTreeSet<_> = subnets.iter().map(zone).collect::<Answer<_>>()?;
        Ok((subnets.to_vec(), of_subnets.into_iter().collect()))
    }

    /// `autoscaling:UpdateAutoScalingGroup`. Desired capacity follows new bounds (documented: API
    /// reference).
    ///
    /// # Errors
    /// `ValidationError`, as for creation, or for an unknown group.
    pub fn update_auto_scaling_group(&mut self, request: &UpdateAutoScalingGroup) -> Answer<()> {
        self.call("autoscaling:UpdateAutoScalingGroup", Cost::Free, |aws| {
            let mut group = aws.known_group(&request.name)?.as_ref().clone();
            group.min_size = request.min_size.unwrap_or(group.min_size);
            group.max_size = request.max_size.unwrap_or(group.max_size);
            let follow = group.desired_capacity.max(group.min_size).min(group.max_size);
            group.desired_capacity = request.desired_capacity.unwrap_or(follow);
            check_sizes(group.min_size, group.max_size, group.desired_capacity)?;
            if request.subnets.is_some() || request.availability_zones.is_some() {
                let subnets = request.subnets.clone().unwrap_or_default();
                let zones = request.availability_zones.clone().unwrap_or_default();
                (group.subnets, group.availability_zones) = aws.places(&subnets, &zones)?;
            }
            if request.launch_template.is_some() {
                group.launch_template = aws.full_template(request.launch_template.as_ref())?;
            }
            group.health_check_grace_period =
                request.health_check_grace_period.unwrap_or(group.health_check_grace_period);
            group.distribution = request.distribution.unwrap_or(group.distribution);
            group.retain_on_abandon = request.retain_on_abandon.unwrap_or(group.retain_on_abandon);
            aws.replace_group(group);
            Ok(())
        })
    }

    /// Writes a group's settings, and has it look at itself.
    pub(super) fn replace_group(&mut self, group: Group) {
        let (name, desired) = (group.name.clone(), group.desired_capacity);
        if let Some(known) = self.group_mut(&name) {
            *known = group;
        }
        self.log(EffectKind::GroupChanged { group: name.clone(), desired });
        self.look_soon(&name);
    }

    /// `autoscaling:DeleteAutoScalingGroup`. By force, its instances are terminated without their
    /// hooks (documented: *Lifecycle hook availability*), and the group is gone when they are.
    ///
    /// # Errors
    /// `ResourceInUse` while it has members, unless by force; `ValidationError` for an unknown group.
    pub fn delete_auto_scaling_group(&mut self, name: &str, force: bool) -> Answer<()> {
        self.call("autoscaling:DeleteAutoScalingGroup", Cost::Free, |aws| {
            aws.known_group(name)?;
            if !force && aws.members(name).next().is_some() {
                let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.";
                return Err(AwsError::new("ResourceInUse", message));
            }
            if let Some(group) = aws.group_mut(name) {
                group.status = Some("Delete in progress".to_owned());
                (group.min_size, group.desired_capacity) = (0, 0);
            }
            for member in aws.members_of(name) {
                aws.drop_member(&member.instance_id);
            }
            aws.finish_deletion(name);
            Ok(())
        })
    }

    /// Out without hooks, also for a member whose hooks are open.
    fn drop_member(&mut self, id: &str) {
        self.begin_leaving(id, "the group was deleted by force.", true);
        if let Some(inner) = self.asg.inner.get_mut(id) {
            inner.skip_hooks = true;
            inner.actions.clear();
        }
        self.step_soon(id);
    }

    pub(super) fn finish_deletion(&mut self, name: &str) {
        let deleting = self.group(name).is_some_and(|group| group.status.is_some());
        if deleting && self.members(name).next().is_none() {
            self.asg.groups.remove(self.now, name);
            self.asg.truth.remove(name);
            self.asg.of_group.remove(name);
            self.log(EffectKind::GroupGone { group: name.to_owned() });
            let oldest = self.oldest();
            self.asg.groups.prune(oldest);
        }
    }
}

fn check_sizes(min: u32, max: u32, desired: u32) -> Answer<()> {
    if min > max {
        return Err(AwsError::validation("Max bound, which must be greater than or equal to min bound"));
    }
    if !(min..=max).contains(&desired) {
        return Err(AwsError::validation(format!(
            "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
        )));
    }
    Ok(())
}
