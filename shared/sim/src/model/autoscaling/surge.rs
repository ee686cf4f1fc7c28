//! Replacements that launch first.
//!
//! Documented (*Instance maintenance policy overview*): AZ rebalancing, capacity rebalancing, and an
//! instance refresh with an explicit MaxHealthyPercentage of 100 launch before they terminate.

use crate::model::Aws;
use crate::model::types::LifecycleState;

use super::Surge;

impl Aws {
    /// AZ rebalancing: the oldest member of the fullest zone is replaced by one in the emptiest,
    /// launched first. Nothing happens if the zones are even or `AZRebalance` is suspended. Says
    /// whether it began.
    pub fn rebalance(&mut self, name: &str) -> bool {
        let Some(group) = self.group(name).cloned() else { return false };
        let counts = self.zone_counts(&group);
        let full = counts.iter().max_by_key(|(_, count)| **count);
        let empty = counts.iter().min_by_key(|(_, count)| **count);
        let (Some((full, most)), Some((empty, least))) = (full, empty) else { return false };
        if most == least || group.suspended.contains("AZRebalance") {
            return false;
        }
        let joined = |id: &str| self.asg.inner.get(id).map(|inner| inner.joined);
        let in_full =
            self.members(name).filter(|m| m.state == LifecycleState::InService && m.availability_zone == *full);
        let Some(old) = in_full.min_by_key(|m| joined(&m.instance_id)).map(|m| m.instance_id.clone()) else {
            return false;
        };
        let zone = empty.clone();
        self.group_truth(name).surges.push(Surge { old, zone, new: None });
        self.look_soon(name);
        true
    }

    /// An instance refresh that replaces every member in service, one at a time, launching first, in
    /// the member's own zone.
    pub fn refresh(&mut self, name: &str) {
        let serving: Vec<_> = self
            .members(name)
            .filter(|m| m.state == LifecycleState::InService)
            .map(|m| m.instance_id.clone())
            .collect();
        self.group_truth(name).refresh = serving.into();
        self.look_soon(name);
    }

    /// Ends a refresh, and every replacement that has not launched yet.
    pub fn cancel_refresh(&mut self, name: &str) {
        let truth = self.group_truth(name);
        truth.refresh.clear();
        truth.surges.retain(|surge| surge.new.is_some());
    }

    pub(super) fn open_next_surge(&mut self, name: &str) {
        while self.group_truth(name).surges.is_empty() {
            let Some(old) = self.group_truth(name).refresh.pop_front() else { return };
            let Some(member) = self.member(&old).filter(|m| m.state == LifecycleState::InService) else { continue };
            let zone = member.availability_zone.clone();
            self.group_truth(name).surges.push(Surge { old, zone, new: None });
        }
    }

    /// A group that has more members than it wants launches none first: surges that have not launched are over.
    pub(super) fn drop_idle_surges(&mut self, name: &str, excess: usize) {
        let surges = &mut self.group_truth(name).surges;
        let launched = surges.iter().filter(|surge| surge.new.is_some()).count();
        if excess > launched {
            surges.retain(|surge| surge.new.is_some());
        }
    }

    /// The zone in which the next launch has to be, if it is for a surge.
    pub(super) fn surge_zone(&mut self, name: &str) -> Option<String> {
        self.group_truth(name).surges.iter().find(|surge| surge.new.is_none()).map(|surge| surge.zone.clone())
    }

    pub(super) fn surge_launched(&mut self, name: &str, instance: &str, zone: &str) {
        if let Some(surge) =
            self.group_truth(name).surges.iter_mut().find(|surge| surge.new.is_none() && surge.zone == zone)
        {
            surge.new = Some(instance.to_owned());
        }
    }

    /// The new instance serves: the old one goes.
    pub(super) fn surge_served(&mut self, instance: &str) {
        let Some(group) = self.member(instance).map(|member| member.group.clone()) else { return };
        let surges = &mut self.group_truth(&group).surges;
        let Some(index) = surges.iter().position(|surge| surge.new.as_deref() == Some(instance)) else { return };
        let surge = surges.remove(index);
        self.begin_leaving(
            &surge.old,
            "an instance was taken out of service after its replacement was launched.",
            false,
        );
    }

    /// A member goes: a surge that was to replace it is over, one that it was launched for launches again.
    pub(super) fn surge_left(&mut self, group: &str, instance: &str) {
        let surges = &mut self.group_truth(group).surges;
        surges.retain(|surge| surge.old != instance);
        for surge in surges.iter_mut().filter(|surge| surge.new.as_deref() == Some(instance)) {
            surge.new = None;
        }
    }
}
