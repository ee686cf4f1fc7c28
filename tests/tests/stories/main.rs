//! Deterministic stories: what a group goes through, and what must come of it.

mod budget;
mod clocks;
mod deaths;
mod encryption;
mod faults;
mod interrupted;
mod keeping;
mod leases;
mod losses;
mod meanwhile;
mod moves;
mod outage;
mod readings;
mod resumed;
mod rights;
mod situations;
mod upkeep;

use std::collections::BTreeMap;
use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::Lab;
use stateful_asg_campaign::lab::World;
use stateful_asg_campaign::lab::simulate;
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::Aws;

pub(crate) const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"launch":{"surge_wait":"2m"}}"#;
pub(crate) const PLAIN: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
pub(crate) const LIMIT: Duration = Duration::from_secs(900);

/// What a slot has that must outlive its holder.
pub(crate) type Identity = (BTreeMap<String, String>, Option<String>, Option<Vec<String>>);

/// Fails with the whole story where something was broken.
pub(crate) fn told(world: &World, story: impl AsyncFnOnce(&Lab)) {
    simulate(world, async |lab: &Lab| {
        story(lab).await;
        let broken = lab.violations();
        assert!(broken.is_empty(), "{}\n{broken:#?}", lab.story());
        let seen = lab.bus.functions().seen();
        assert!(seen.refused.is_empty(), "{}\n{:#?}", lab.story(), seen.refused);
        assert!(!lab.bus.counts().contains_key(stateful_asg_campaign::bus::PANICKED), "{}", lab.story());
    });
}

pub(crate) async fn served(lab: &Lab, group: &GroupName) {
    assert!(lab.until_served(group, LIMIT).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
}

/// A group of three, all served.
pub(crate) async fn three(lab: &Lab, spec: &str) -> GroupName {
    let group = lab.create(&NewGroup::cass(spec, 3).in_one_zone());
    served(lab, &group).await;
    group
}

pub(crate) fn holders(lab: &Lab, group: &GroupName) -> BTreeMap<u32, Option<String>> {
    lab.truth(|_, table| {
        table.slots(group).map(|slot| (slot.number.0, slot.holder.as_ref().map(|h| h.instance.to_string()))).collect()
    })
}

pub(crate) fn identity(lab: &Lab, group: &GroupName, number: u32) -> Identity {
    lab.truth(|aws, table| {
        let slot = table.slots(group).find(|slot| slot.number.0 == number).expect("the slot exists").clone();
        let volumes = slot
            .volumes
            .iter()
            .map(|(name, v)| (name.to_string(), v.id.as_ref().map(ToString::to_string).unwrap_or_default()));
        let record = aws.record(&lab.zone, &format!("cass-{number}.prod.internal"), "A").map(|r| r.values.clone());
        (volumes.collect(), slot.interface.as_ref().and_then(|i| i.ip).map(|ip| ip.to_string()), record)
    })
}

pub(crate) fn created(lab: &Lab) -> usize {
    lab.truth(|aws, _| aws.volumes().count())
}

/// The reason kinds that the last settles left for this group.
pub(crate) fn waits(lab: &Lab, group: &GroupName) -> Vec<&'static str> {
    let seen = lab.bus.functions().seen();
    seen.waiting.get(group).into_iter().flatten().map(|wait| wait.reason.kind()).collect()
}

pub(crate) async fn until_waits(lab: &Lab, group: &GroupName, kind: &str) {
    let named = lab
        .until(LIMIT, |lab| waits(lab, group).contains(&kind) || lab.bus.functions().seen().waits.contains_key(kind))
        .await;
    assert!(named, "{}\nnever waited for {kind}: {:?}", lab.story(), waits(lab, group));
}

pub(crate) fn kill(lab: &Lab, instance: &str) {
    lab.operate(&format!("kills {instance}"), |aws, _| aws.terminate_instances(&[instance.to_owned()]).is_ok());
}

pub(crate) fn holder(lab: &Lab, group: &GroupName, number: u32) -> String {
    holders(lab, group)[&number].clone().expect("the slot is held")
}

/// Waits until the last settle of this group was left with a wait of this kind that calls a person.
pub(crate) async fn until_alarms(lab: &Lab, group: &GroupName, kind: &str) {
    let calls = |lab: &Lab| {
        let seen = lab.bus.functions().seen();
        let waiting = seen.waiting.get(group).into_iter().flatten();
        waiting.filter(|wait| wait.reason.alarms()).any(|wait| wait.reason.kind() == kind)
    };
    assert!(lab.until(LIMIT * 2, calls).await, "{}\nnobody is called for {kind}: {:?}", lab.story(), waits(lab, group));
}

/// Kills slot 0's holder and waits until another one has all that it had.
pub(crate) async fn replaced(lab: &Lab, group: &GroupName, how: impl FnOnce(&mut Aws, &str)) {
    let (old, before, volumes) = (holder(lab, group, 0), identity(lab, group, 0), created(lab));
    lab.operate(&format!("ends {old}"), |aws, _| how(aws, &old));
    lab.until(LIMIT, |lab| holders(lab, group)[&0].as_ref().is_some_and(|new| *new != old)).await;
    served(lab, group).await;
    assert_ne!(holder(lab, group, 0), old, "{}", lab.story());
    assert_eq!(identity(lab, group, 0), before, "{}", lab.story());
    assert_eq!(created(lab), volumes, "{}", lab.story());
}
