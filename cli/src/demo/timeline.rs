//! What happened when, in words, from the simulated AWS's own log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{
    InstanceState, LifecycleResult, LifecycleState, ModificationState, ResourceRecordSet, VolumeShape,
};
use stateful_asg_sim::model::{Aws, Effect, EffectKind, Gone};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Moment {
    /// Simulated seconds since the group was created.
    pub(super) at_seconds: f64,
    /// The slot that it was about; none for the whole group.
    pub(super) slot: Option<u32>,
    /// One sentence.
    pub(super) what: String,
}

/// Which slot each thing belongs to.
#[derive(Debug, Clone, Default)]
pub(super) struct Owners {
    /// By the ID of an instance, a volume or an interface.
    by_id: BTreeMap<String, u32>,
    /// By the name in DNS.
    by_name: BTreeMap<String, u32>,
}

impl Owners {
    /// As the tags say that the functions set; `names` are the slots' names in DNS, `seen` are instances, volumes and
    /// addresses that slots were seen to have: they may be gone.
    #[allow(clippy::wildcard_enum_match_arm, reason = "one kind of effect is looked for")]
    pub(super) fn of(aws: &Aws, names: BTreeMap<String, u32>, seen: BTreeMap<String, u32>) -> Self {
        let instances = aws.instances().map(|instance| (&instance.instance_id, &instance.tags));
        let volumes = aws.volumes().map(|volume| (&volume.volume_id, &volume.tags));
        let interfaces = aws.interfaces().map(|interface| (&interface.network_interface_id, &interface.tags));
        let tagged = instances.chain(volumes).chain(interfaces);
        let by_tag = tagged.filter_map(|(id, given)| Some((id.clone(), given.get(tags::SLOT)?.parse().ok()?)));
        // An interface that is gone is known by its address.
        let by_ip = aws.effects().iter().filter_map(|effect| match &effect.what {
            EffectKind::InterfaceCreated { interface, ip, .. } => Some((interface.clone(), *seen.get(ip)?)),
            _ => None,
        });
        let by_ip: Vec<_> = by_ip.collect();
        Self { by_id: seen.into_iter().chain(by_ip).chain(by_tag).collect(), by_name: names }
    }

    fn slot(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }
}

/// Simulated seconds since `began`, in tenths.
pub(super) fn seconds(began: Timestamp, at: Timestamp) -> f64 {
    (at.duration_since(began).as_secs_f64() * 10.0).round() / 10.0
}

/// What happened from `began` on.
pub(super) fn moments(effects: &[Effect], owners: &Owners, began: Timestamp) -> Vec<Moment> {
    let told = effects.iter().filter(|effect| effect.at >= began).filter_map(|effect| {
        let (slot, what) = tell(effect, owners)?;
        Some(Moment { at_seconds: seconds(began, effect.at), slot, what })
    });
    told.collect()
}

/// What is worth telling of an effect.
fn tell(effect: &Effect, owners: &Owners) -> Option<(Option<u32>, String)> {
    of_instance(effect, owners)
        .or_else(|| of_volume(effect, owners))
        .or_else(|| of_data(effect, owners))
        .or_else(|| of_address(effect, owners))
        .or_else(|| of_group(effect))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only some of what happens makes a story")]
fn of_instance(effect: &Effect, owners: &Owners) -> Option<(Option<u32>, String)> {
    let (instance, what) = match &effect.what {
        EffectKind::InstanceLaunched { instance, zone, .. } => {
            (instance, format!("Auto Scaling launches {instance} in {zone}"))
        }
        EffectKind::InstanceState { instance, state: InstanceState::Running } => (instance, format!("{instance} runs")),
        EffectKind::InstanceState { instance, state: InstanceState::ShuttingDown } => {
            let by = if effect.actor.is_empty() { "Auto Scaling ends" } else { "someone terminates" };
            (instance, format!("{by} {instance}"))
        }
        EffectKind::InstanceState { instance, state: InstanceState::Terminated } => {
            (instance, format!("{instance} is gone"))
        }
        EffectKind::Health { instance, healthy: false, .. } => {
            (instance, format!("Auto Scaling notices that {instance} is not healthy"))
        }
        EffectKind::Lifecycle { instance, state: Some(LifecycleState::PendingWait), .. } => {
            (instance, format!("{instance} waits in Pending:Wait for the launch hook"))
        }
        EffectKind::Lifecycle { instance, state: Some(LifecycleState::InService), .. } => {
            (instance, format!("{instance} is in service"))
        }
        EffectKind::Tagged { resource, new, .. } if new.contains_key(tags::MOUNTED) => {
            (resource, format!("the guest on {resource} has mounted its volumes"))
        }
        EffectKind::HookCompleted { instance, hook, result, timeout, .. } => {
            let result = match result {
                LifecycleResult::Continue => "CONTINUE",
                LifecycleResult::Abandon => "ABANDON",
            };
            let by = if *timeout { "the timeout answers" } else { "the functions answer" };
            (instance, format!("{by} {hook} of {instance} with {result}"))
        }
        _ => return None,
    };
    Some((owners.slot(instance), what))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only some of what happens makes a story")]
fn of_volume(effect: &Effect, owners: &Owners) -> Option<(Option<u32>, String)> {
    let (volume, what) = match &effect.what {
        EffectKind::VolumeCreated { volume, zone } => (volume, format!("{volume} is created in {zone}")),
        EffectKind::VolumeReady { volume, failed } => {
            (volume, format!("{volume} is {}", if *failed { "in error" } else { "available" }))
        }
        EffectKind::VolumeAttaching { volume, instance, device } => {
            (volume, format!("{volume} goes to {instance} as {device}"))
        }
        EffectKind::VolumeAttached { volume, instance } => (volume, format!("{volume} is attached to {instance}")),
        EffectKind::VolumeAvailable { volume, instance } => (volume, format!("EC2 has freed {volume} from {instance}")),
        EffectKind::VolumeDeleting { volume } => (volume, format!("{volume} is deleted")),
        EffectKind::VolumeGone { volume, why: Gone::Lost | Gone::WithInstance } => {
            (volume, format!("{volume} is GONE"))
        }
        _ => return None,
    };
    Some((owners.slot(volume), what))
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only some of what happens makes a story")]
fn of_data(effect: &Effect, owners: &Owners) -> Option<(Option<u32>, String)> {
    let (volume, what) = match &effect.what {
        EffectKind::SnapshotCreated { snapshot, volume } => (volume, format!("{snapshot} of {volume} is begun")),
        EffectKind::SnapshotReady { snapshot, volume, failed } => {
            (volume, format!("{snapshot} of {volume} {}", if *failed { "failed" } else { "is complete" }))
        }
        EffectKind::SnapshotGone { snapshot, volume, why } => {
            let how = if *why == Gone::Deleted { "deleted" } else { "GONE" };
            (volume, format!("{snapshot} of {volume} is {how}"))
        }
        EffectKind::VolumeModifying { volume, target } => (volume, format!("{volume} is to have {}", shape(target))),
        EffectKind::VolumeModification { volume, state: ModificationState::Optimizing } => {
            (volume, format!("the new size of {volume} can be used"))
        }
        EffectKind::VolumeModification { volume, state: ModificationState::Completed } => {
            (volume, format!("the change of {volume} is complete"))
        }
        EffectKind::VolumeModification { volume, state: ModificationState::Failed } => {
            (volume, format!("the change of {volume} FAILED"))
        }
        _ => return None,
    };
    Some((owners.slot(volume), what))
}

fn shape(target: &VolumeShape) -> String {
    let iops = target.iops.map(|iops| format!(" and {iops} IOPS")).unwrap_or_default();
    format!("{} GiB{iops}", target.size_gib)
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only some of what happens makes a story")]
fn of_group(effect: &Effect) -> Option<(Option<u32>, String)> {
    match &effect.what {
        EffectKind::GroupChanged { group, desired } => {
            Some((None, format!("the desired capacity of {group} is now {desired}")))
        }
        _ => None,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "only some of what happens makes a story")]
fn of_address(effect: &Effect, owners: &Owners) -> Option<(Option<u32>, String)> {
    let (interface, what) = match &effect.what {
        EffectKind::InterfaceCreated { interface, ip, .. } => (interface, format!("{interface} is created with {ip}")),
        EffectKind::InterfaceAttached { interface, instance } => {
            (interface, format!("{interface} is attached to {instance}"))
        }
        EffectKind::InterfaceAvailable { interface, instance } => {
            (interface, format!("EC2 has freed {interface} from {instance}"))
        }
        EffectKind::InterfaceGone { interface, why } => {
            (interface, format!("{interface} is {}", if *why == Gone::Lost { "GONE" } else { "deleted" }))
        }
        EffectKind::Record { name, new, .. } => {
            let name = name.trim_end_matches('.');
            return Some((owners.by_name.get(name).copied(), record(name, new.as_deref())));
        }
        _ => return None,
    };
    Some((owners.slot(interface), what))
}

fn record(name: &str, new: Option<&ResourceRecordSet>) -> String {
    match new {
        Some(record) => format!("{name} resolves to {}", record.values.join(", ")),
        None => format!("{name} is withdrawn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: Timestamp = Timestamp::constant(1_767_225_600, 0);

    fn effect(after: i64, actor: &str, what: EffectKind) -> Effect {
        Effect { at: BEGAN + jiff::SignedDuration::from_millis(after), actor: actor.to_owned(), what }
    }

    #[test]
    fn a_death_and_a_name_are_told_of_their_slot() {
        let owners =
            Owners { by_id: [("i-a".to_owned(), 4)].into(), by_name: [("cass-4.prod.internal".to_owned(), 4)].into() };
        let dies = EffectKind::InstanceState { instance: "i-a".to_owned(), state: InstanceState::ShuttingDown };
        let named = |name: &str| EffectKind::Record {
            zone: "Z1".to_owned(),
            name: name.to_owned(),
            record_type: "A".to_owned(),
            old: None,
            new: Some(Box::new(ResourceRecordSet::a(name, 30, ["10.0.0.4", "10.0.0.5"]))),
        };
        let effects = [
            effect(-1, "", dies.clone()),
            effect(1_260, "operator", dies),
            effect(2_000, "lifecycle", named("cass-4.prod.internal.")),
            effect(3_000, "lifecycle", named("seeds.cass.prod.internal.")),
            effect(4_000, "", EffectKind::GroupCreated { group: "cass-nodes".to_owned() }),
        ];
        let told = moments(&effects, &owners, BEGAN);
        let flat: Vec<_> = told.iter().map(|m| (m.at_seconds, m.slot, m.what.as_str())).collect();
        assert_eq!(
            flat,
            [
                (1.3, Some(4), "someone terminates i-a"),
                (2.0, Some(4), "cass-4.prod.internal resolves to 10.0.0.4, 10.0.0.5"),
                (3.0, None, "seeds.cass.prod.internal resolves to 10.0.0.4, 10.0.0.5"),
            ]
        );
    }
}
