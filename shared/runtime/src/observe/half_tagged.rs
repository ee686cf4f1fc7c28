//! What lost one of the two tags by which a group's volumes and interfaces are found.

use stateful_asg_core::cloud::{Tags, slot_of};
use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::observed::HalfTagged;
use stateful_asg_core::tags;

use crate::ports::{Called, Cloud, Which};

/// Those that bear this group's tag and no deployment's, and those that bear this deployment's and no group's.
///
/// # Errors
/// The first call that failed.
pub(super) async fn read<W: Cloud>(world: &W, group: &GroupName, deployment: &DeploymentId) -> Called<Vec<HalfTagged>> {
    let (by_group, by_deployment) = futures::join!(
        lacking(world, tags::GROUP, group.to_string(), tags::DEPLOYMENT),
        lacking(world, tags::DEPLOYMENT, deployment.to_string(), tags::GROUP)
    );
    let mut all = by_group?;
    all.extend(by_deployment?);
    Ok(all)
}

async fn lacking<W: Cloud>(
    world: &W,
    key: &'static str,
    value: String,
    lacks: &'static str,
) -> Called<Vec<HalfTagged>> {
    let (volumes, interfaces) = (Which::Tagged(key, value.clone()), Which::Tagged(key, value));
    let (volumes, interfaces) = futures::join!(world.volumes(&volumes), world.interfaces(&interfaces));
    let volumes = volumes?.into_iter().map(|volume| (volume.id.to_string(), volume.tags));
    let interfaces = interfaces?.into_iter().map(|interface| (interface.id.to_string(), interface.tags));
    let half = |(resource, shown): (String, stateful_asg_core::shared::Shared<Tags>)| {
        (!shown.contains_key(lacks)).then(|| HalfTagged { resource, lacks, slot: slot_of(&shown) })
    };
    Ok(volumes.chain(interfaces).filter_map(half).collect())
}
