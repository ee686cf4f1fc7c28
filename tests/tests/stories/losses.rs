//! Volumes that fail, vanish or stand in the wrong zone, instances without room, and a table out of reach.

use std::fmt::Write;
use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::tags;
use stateful_asg_core::waiting::Reason;
use stateful_asg_sim::model::types::{CreateVolume, Describe, LifecycleResult, LifecycleState, VolumeState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind};

use crate::{
    LIMIT, PLAIN, SPEC, created, holder, holders, identity, kill, served, three, told, until_alarms, until_waits, waits,
};

const TEN_MINUTES: Duration = Duration::from_secs(600);

fn with_key(key: &str) -> String {
    PLAIN.replace(r#""mount""#, &format!(r#""kms_key":"alias/{key}","mount""#))
}

fn only_volume(lab: &Lab) -> String {
    lab.truth(|aws, _| aws.volumes().map(|volume| volume.volume_id.clone()).next().expect("there is one"))
}

fn abandoned(effect: &Effect) -> bool {
    matches!(effect.what, EffectKind::HookCompleted { result: LifecycleResult::Abandon, timeout: false, .. })
}

/// How many launches of the group have failed or been given up: its own hook timing out among them.
fn given_up(aws: &Aws) -> usize {
    aws.effects().iter().filter(|effect| abandoned(effect)).count()
}

#[test]
fn a_volume_in_the_wrong_zone_is_named_and_nothing_takes_its_place() {
    told(&World::quiet(30), async |lab: &Lab| {
        lab.region.faults(|faults| faults.forbidden.insert("ec2:CreateVolume".to_owned()));
        let group = lab.create(&NewGroup::cass(PLAIN, 1).in_one_zone());
        until_alarms(lab, &group, "CallFailed").await;
        let own = [(tags::GROUP, "cass"), (tags::DEPLOYMENT, "test"), (tags::SLOT, "0"), (tags::VOLUME, "data")];
        lab.operate("restores the slot's volume, in another zone", |aws, _| {
            let new = CreateVolume {
                availability_zone: "eu-central-1b".to_owned(),
                size_gib: Some(20),
                volume_type: Some("gp3".to_owned()),
                encrypted: true,
                tags: own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
                ..CreateVolume::default()
            };
            drop(aws.create_volume(&new).unwrap());
        });
        lab.region.faults(|faults| faults.forbidden.clear());
        let named = |lab: &Lab| {
            let waiting = lab.bus.functions().seen().waiting.remove(&group).unwrap_or_default();
            let mismatch = |reason: &Reason| {
                matches!(reason, Reason::CallFailed { kind: FailureKind::ZoneMismatch, message, .. }
                    if message.contains("InvalidVolume.ZoneMismatch"))
            };
            waiting.iter().any(|wait| mismatch(&wait.reason) && wait.reason.alarms())
        };
        assert!(lab.until(LIMIT * 2, named).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        lab.pass(LIMIT).await;
        let state = lab.truth(|aws, _| aws.volumes().map(|v| v.state).collect::<Vec<_>>());
        assert_eq!(state, [VolumeState::Available], "{}", lab.story());
    });
}

#[test]
fn subnets_of_another_zone_are_named_and_an_edit_heals() {
    told(&World::quiet(31), async |lab: &Lab| {
        let subnet = |zone: &str| {
            let all = lab.region.act("operator", |aws, _| aws.describe_subnets(&Describe::default())).unwrap().items;
            all.into_iter()
                .find(|subnet| subnet.availability_zone == zone)
                .expect("each zone has one")
                .subnet_id
                .clone()
        };
        let listing = |id: &str| SPEC.replace(r#""kind":"eni""#, &format!(r#""kind":"eni","subnets":["{id}"]"#));
        let group = lab.create(&NewGroup::cass(&listing(&subnet("eu-central-1b")), 1).in_one_zone());
        until_alarms(lab, &group, "NoSubnet").await;
        assert_eq!(lab.truth(|aws, _| aws.interfaces().filter(|i| i.tags.contains_key(tags::SLOT)).count()), 0);
        lab.edit_spec("cass-1", &listing(&subnet("eu-central-1a")));
        served(lab, &group).await;
    });
}

#[test]
fn a_listed_subnet_that_does_not_exist_holds_nobody_up_where_another_serves() {
    told(&World::quiet(39), async |lab: &Lab| {
        let all = lab.region.act("operator", |aws, _| aws.describe_subnets(&Describe::default())).unwrap().items;
        let own = all.iter().find(|subnet| subnet.availability_zone == "eu-central-1a").expect("each zone has one");
        let listed = format!(r#""kind":"eni","subnets":["subnet-0123456789abcdef0","{}"]"#, own.subnet_id);
        let group = lab.create(&NewGroup::cass(&SPEC.replace(r#""kind":"eni""#, &listed), 1).in_one_zone());
        served(lab, &group).await;
    });
}

#[test]
fn where_no_listed_subnet_exists_a_person_is_called() {
    told(&World::quiet(40), async |lab: &Lab| {
        let listed = r#""kind":"eni","subnets":["subnet-0123456789abcdef0"]"#;
        let group = lab.create(&NewGroup::cass(&SPEC.replace(r#""kind":"eni""#, listed), 1).in_one_zone());
        until_alarms(lab, &group, "NoSubnet").await;
    });
}

#[test]
fn an_instance_without_room_is_given_up_and_its_slot_loses_nothing() {
    // A d3en.12xlarge takes three volumes besides its root.
    let mut volumes = String::from(r#""data":{"size":"1GiB","mount":"/data"}"#);
    for number in 1..4 {
        write!(volumes, r#","v{number}":{{"like":"data","mount":"/v{number}"}}"#).unwrap();
    }
    told(&World::quiet(32), async |lab: &Lab| {
        let spec = format!(r#"{{"v":1,"volumes":{{{volumes}}},"launch":{{"surge_wait":"2m"}}}}"#);
        let small = Some("d3en.12xlarge".to_owned());
        let group = lab.create(&NewGroup { instance_type: small, ..NewGroup::cass(&spec, 1).in_one_zone() });
        until_alarms(lab, &group, "AttachLimit").await;
        let gave_up = lab.until(LIMIT, |lab| lab.truth(|aws, _| given_up(aws) > 0)).await;
        assert!(gave_up, "{}", lab.story());
        lab.pass(LIMIT).await;
        assert_eq!(created(lab), 4, "{}", lab.story());
        assert_eq!(holders(lab, &group).len(), 1, "{}", lab.story());
    });
}

#[test]
fn an_unborn_volume_in_error_is_replaced_once_it_is_deleted_and_ten_minutes_have_passed() {
    told(&World::quiet(33), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(&with_key("revoked"), 1).in_one_zone());
        until_alarms(lab, &group, "VolumeFailed").await;
        lab.pass(TEN_MINUTES * 2).await;
        assert_eq!(created(lab), 1, "{}", lab.story());
        let failed = only_volume(lab);
        lab.edit_spec("cass-1", &with_key("sound"));
        lab.operate("deletes it", |aws, _| aws.delete_volume(&failed).unwrap());
        let deleted = lab.now();
        assert!(lab.until(LIMIT, |lab| created(lab) == 0).await, "{}", lab.story());
        assert!(lab.until(LIMIT, |lab| created(lab) == 1).await, "{}", lab.story());
        let waited = lab.now().duration_since(deleted);
        assert!(waited >= TEN_MINUTES.try_into().unwrap(), "{waited}: {}", lab.story());
        served(lab, &group).await;
    });
}

#[test]
fn a_new_volume_that_vanishes_for_its_key_is_named_and_tried_again_with_the_mended_one() {
    told(&World::quiet(34), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(&with_key("missing"), 1).in_one_zone());
        until_waits(lab, &group, "VolumeUnseen").await;
        lab.edit_spec("cass-1", &with_key("sound"));
        assert!(lab.until_served(&group, LIMIT * 2).await, "{}\n{:#?}", lab.story(), lab.unserved(&group));
        assert_eq!(created(lab), 1, "{}", lab.story());
    });
}

async fn loses_its_volume(lab: &Lab) -> (GroupName, String) {
    let group = three(lab, SPEC).await;
    let volume = identity(lab, &group, 0).0["data"].clone();
    kill(lab, &holder(lab, &group, 0));
    lab.operate("the volume is lost", |aws, _| aws.lose_volume(&volume));
    (group, volume)
}

#[test]
fn a_born_volume_that_is_lost_is_named_after_ten_minutes_and_nothing_takes_its_place() {
    told(&World::quiet(35), async |lab: &Lab| {
        let (group, volume) = loses_its_volume(lab).await;
        let since = lab.now();
        until_alarms(lab, &group, "VolumeLost").await;
        let waited = lab.now().duration_since(since);
        assert!(waited >= TEN_MINUTES.try_into().unwrap(), "{waited}: {}", lab.story());
        lab.pass(LIMIT * 2).await;
        assert_eq!(created(lab), 2, "{}", lab.story());
        assert_eq!(identity(lab, &group, 0).0["data"], volume, "it stays on record");
        let holders = holders(lab, &group);
        let served = lab.truth(|aws, _| {
            let serves = |id: &String| aws.member(id).is_some_and(|m| m.state == LifecycleState::InService);
            holders.values().flatten().filter(|id| serves(id)).count()
        });
        assert_eq!(served, 2, "{}", lab.story());
    });
}

#[test]
fn a_table_out_of_reach_stops_everything_and_heals() {
    told(&World::quiet(36), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let before = identity(lab, &group, 0);
        let calls = ["UpdateItem", "GetItem", "Query", "PutItem", "TransactWriteItems"];
        lab.region.faults(|f| f.forbidden.extend(calls.map(|call| format!("dynamodb:{call}"))));
        lab.pass(Duration::from_secs(60)).await;
        let quiet = lab.rules.borrow().last_change().cloned();
        let old = holder(lab, &group, 0);
        kill(lab, &old);
        lab.pass(Duration::from_secs(300)).await;
        assert_eq!(lab.rules.borrow().last_change().cloned(), quiet, "{}", lab.story());
        assert!(lab.bus.counts().contains_key("invocation failed"), "{:?}", lab.bus.counts());
        lab.region.faults(|faults| faults.forbidden.clear());
        lab.until(LIMIT, |lab| holders(lab, &group)[&0].as_ref().is_some_and(|new| *new != old)).await;
        served(lab, &group).await;
        assert_eq!((identity(lab, &group, 0), created(lab)), (before, 3), "{}", lab.story());
    });
}
