//! A group's look at itself: replace what is unhealthy, launch what is missing, terminate what is
//! too much.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use rand::RngExt;

use crate::model::Aws;
use crate::model::agenda::Due;
use crate::model::ec2::Launch;
use crate::model::effects::EffectKind;
use crate::model::events::Outcome;
use crate::model::types::{Distribution, Group, LifecycleState, Member, Place, Tags, Transition};

use super::Inner;

impl Aws {
    pub(in crate::model) fn reconcile(&mut self, name: &str) {
        let Some(group) = self.group(name).cloned() else { return };
        self.group_truth(name).look_due = false;
        if group.status.is_some() {
            self.finish_deletion(name);
            return;
        }
        let suspended = |process: &str| group.suspended.contains(process);
        if !suspended("ReplaceUnhealthy") && !suspended("Terminate") {
            self.replace_unhealthy(name);
        }
        self.open_next_surge(name);
        let counted = self.members(name).filter(|member| member.state.counts()).count();
        self.drop_idle_surges(name, counted.saturating_sub(group.desired_capacity as usize));
        let wanted = group.desired_capacity as usize + self.group_truth(name).surges.len();
        if counted < wanted && !suspended("Launch") {
            self.launch_missing(&group, wanted - counted);
        } else if counted > wanted && !suspended("Terminate") {
            self.terminate_surplus(&group, counted - wanted);
        }
        self.keep_warm_pool(&group);
    }

    fn replace_unhealthy(&mut self, name: &str) {
        for member in self.members_of(name) {
            let here = member.state.counts() || (member.state.is_warmed() && !member.state.is_leaving());
            if here && !member.healthy {
                let cause = "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped.";
                self.begin_leaving(&member.instance_id, cause, false);
            }
        }
    }

    fn launch_missing(&mut self, group: &Group, count: usize) {
        if self.launches_wait(&group.name) {
            return;
        }
        for _ in 0..count {
            if let Some(warm) = self.warm_member(&group.name) {
                self.take_from_pool(&warm);
                continue;
            }
            if !self.launch_member(group, LifecycleState::Pending) {
                return;
            }
        }
    }

    /// Whether launches wait because earlier ones failed.
    pub(super) fn launches_wait(&self, name: &str) -> bool {
        let after = self.asg.truth.get(name).and_then(|truth| truth.launch_after);
        after.is_some_and(|at| at > self.now)
    }

    /// Launches one instance into the group or its warm pool; says whether that worked.
    pub(super) fn launch_member(&mut self, group: &Group, state: LifecycleState) -> bool {
        let zones = self.zones_to_try(group);
        let mut failure = None;
        for zone in zones {
            match self.launch_in(group, &zone, state) {
                Ok(()) => return true,
                Err(error) => failure = Some((zone, error)),
            }
        }
        let Some((zone, error)) = failure else { return false };
        let description = "Launching a new EC2 instance.  Status Reason: ".to_owned() + &error.message;
        let index = self.begin_activity(
            &group.name,
            None,
            description,
            "an instance was needed to reach the desired capacity.",
        );
        if let Some(activity) = self.end_activity(&group.name, index, "Failed", &error.message) {
            let outcome = Outcome {
                transition: Transition::Launching,
                successful: false,
                origin: Place::Ec2,
                destination: Place::AutoScalingGroup,
            };
            self.emit_outcome(group, &activity, &zone, "", outcome);
        }
        self.launch_failed(&group.name);
        false
    }

    /// A launch failed: the next one waits, longer each time (documented without figures).
    pub(super) fn launch_failed(&mut self, name: &str) {
        let failures = self.group_truth(name).failures;
        let retry = self.after(self.settings.timings.launch_retry).duration_since(self.now);
        let at = self.now + retry * i32::try_from(failures.min(10) + 1).unwrap_or(1);
        let truth = self.group_truth(name);
        truth.failures += 1;
        truth.launch_after = Some(at);
        self.agenda.add(at + SignedDuration::from_millis(1), Due::Reconcile(name.to_owned()));
    }

    fn launch_in(&mut self, group: &Group, zone: &str, state: LifecycleState) -> crate::model::Answer<()> {
        let named = group.launch_template.clone();
        let (template, data) = match &named {
            Some(named) => self.resolve_template(named).map(|(full, data)| (Some(full), data))?,
            None => (None, crate::model::types::LaunchTemplateData::default()),
        };
        // Documented (*Tag Auto Scaling groups and instances*): the group's tags win.
        let mut tags: Tags = data.instance_tags.clone();
        tags.extend(
            group.tags.values().filter(|tag| tag.propagate_at_launch).map(|tag| (tag.key.clone(), tag.value.clone())),
        );
        tags.insert("aws:autoscaling:groupName".to_owned(), group.name.clone());
        let subnet = self.subnet_for(group, zone);
        let id = self.launch(&Launch { group: group.name.clone(), zone: zone.to_owned(), subnet, data, tags })?;
        let member = Member {
            instance_id: id.clone(),
            group: group.name.clone(),
            instance_type: self.instance(&id).map(|i| i.instance_type.clone()).unwrap_or_default(),
            availability_zone: zone.to_owned(),
            state,
            healthy: true,
            protected_from_scale_in: group.new_instances_protected_from_scale_in,
            launch_template: template,
        };
        self.join(group, member);
        Ok(())
    }

    fn subnet_for(&self, group: &Group, zone: &str) -> String {
        let network = &self.ec2.network;
        let own =
            group.subnets.iter().filter_map(|id| network.subnet(id)).find(|subnet| subnet.availability_zone == zone);
        own.or_else(|| network.subnet_of_zone(zone)).map(|subnet| subnet.subnet_id.clone()).unwrap_or_default()
    }

    fn join(&mut self, group: &Group, member: Member) {
        let (id, state) = (member.instance_id.clone(), member.state);
        let cause = format!(
            "At {} an instance was started in response to a difference between desired and actual capacity.",
            self.now
        );
        let activity =
            self.begin_activity(&group.name, Some(&id), format!("Launching a new EC2 instance: {id}"), &cause);
        let destination = if state.is_warmed() { Place::WarmPool } else { Place::AutoScalingGroup };
        let inner = Inner {
            actions: Vec::new(),
            places: (Place::Ec2, destination),
            joined: self.now,
            in_service_since: None,
            skip_hooks: false,
            activity: Some(activity),
            cause,
            step_due: false,
        };
        if !state.is_warmed() {
            self.surge_launched(&group.name, &id, &member.availability_zone);
        }
        self.asg.members.insert(self.now, &id, member);
        self.asg.inner.insert(id.clone(), inner);
        self.asg.of_group.entry(group.name.clone()).or_default().insert(id.clone());
        self.log(EffectKind::Lifecycle { instance: id.clone(), group: group.name.clone(), state: Some(state) });
        self.step_soon(&id);
    }

    /// Documented (*Capacity distribution*, BC `CapacityDistributionStrategy`): the zone with the
    /// fewest members; `balanced-best-effort` goes on to others if that fails.
    fn zones_to_try(&mut self, group: &Group) -> Vec<String> {
        if let Some(zone) = self.surge_zone(&group.name) {
            return vec![zone];
        }
        let counts = self.zone_counts(group);
        let mut zones: Vec<_> =
            counts.into_iter().map(|(zone, count)| (count, self.rng.random::<u32>(), zone)).collect();
        zones.sort();
        let try_all = group.distribution == Distribution::BalancedBestEffort;
        zones.into_iter().take(if try_all { usize::MAX } else { 1 }).map(|(_, _, zone)| zone).collect()
    }

    /// How many members each of the group's zones has.
    pub(super) fn zone_counts(&self, group: &Group) -> BTreeMap<String, usize> {
        let mut counts: BTreeMap<_, _> = group.availability_zones.iter().map(|zone| (zone.clone(), 0)).collect();
        for member in self.members(&group.name).filter(|member| member.state.counts()) {
            if let Some(count) = counts.get_mut(&member.availability_zone) {
                *count += 1;
            }
        }
        counts
    }

    /// Documented (*Default termination policy*): first the zone with the most members, then the
    /// oldest. Assumed: members on their way in are taken only when none in service is left.
    fn terminate_surplus(&mut self, group: &Group, count: usize) {
        for _ in 0..count {
            let zones = self.zone_counts(group);
            let mut candidates: Vec<Arc<Member>> =
                self.members(&group.name).filter(|m| m.state.counts() && !m.protected_from_scale_in).cloned().collect();
            candidates.sort_by_key(|member| {
                let in_zone = zones.get(&member.availability_zone).copied().unwrap_or(usize::MAX);
                let joined = self.asg.inner.get(&member.instance_id).map(|inner| inner.joined);
                (member.state != LifecycleState::InService, usize::MAX - in_zone, joined, member.instance_id.clone())
            });
            let Some(first) = candidates.first() else { return };
            self.scale_in(&first.instance_id.clone());
        }
    }
}
