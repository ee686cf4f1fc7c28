//! The rules' checks themselves: each must notice what it is there for.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachVolume, Change, ChangeAction, ChangeResourceRecordSets, CreateSnapshot, CreateVolume, DetachVolume,
    LifecycleActionRef, LifecycleResult, LifecycleState, ResourceRecordSet,
};
use stateful_asg_sim::typed::MemoryTable;

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal"}}"#;

/// The rules that are broken when a function does this to a group of two.
fn broken_by(deed: impl FnOnce(&Lab, &mut Aws, &MemoryTable)) -> Vec<u8> {
    simulate(&World::quiet(1), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 2).in_one_zone());
        assert!(lab.until_served(&group, Duration::from_secs(600)).await, "{}", lab.story());
        assert_eq!(lab.violations(), []);
        lab.region.act("fn:rogue", |aws, table| deed(lab, aws, table));
        lab.violations().iter().map(|violation| violation.rule).collect()
    })
}

/// A slot's volume and holder.
fn slot(table: &MemoryTable, number: usize) -> (String, String) {
    let (_, slot) = table.all_slots().nth(number).expect("there are two slots");
    let volume = slot.volumes.values().next().and_then(|record| record.id.clone()).expect("it was born");
    (volume.to_string(), slot.holder.as_ref().expect("it is held").instance.to_string())
}

#[test]
fn rule_1_a_second_volume_for_a_slot_is_noticed() {
    let broken = broken_by(|lab, aws, _| {
        let own = [
            (tags::GROUP, "cass"),
            (tags::DEPLOYMENT, lab.deployment.as_str()),
            (tags::SLOT, "0"),
            (tags::VOLUME, "data"),
        ];
        let new = CreateVolume {
            availability_zone: "eu-central-1a".to_owned(),
            size_gib: Some(20),
            tags: own.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..CreateVolume::default()
        };
        aws.create_volume(&new).expect("nothing is wrong with it");
    });
    assert_eq!(broken, [1, 1]);
}

#[test]
fn rules_3_and_7_a_volume_of_nobody_on_an_instance_is_noticed() {
    let broken = broken_by(|_, aws, table| {
        let (_, instance) = slot(table, 0);
        let new = CreateVolume {
            availability_zone: "eu-central-1a".to_owned(),
            size_gib: Some(1),
            ..CreateVolume::default()
        };
        let volume = aws.as_actor("operator").create_volume(&new).expect("nothing is wrong with it").volume_id.clone();
        let soon = aws.now() + jiff::SignedDuration::from_secs(10);
        aws.advance_to(soon);
        let request = AttachVolume { volume_id: volume, instance_id: instance, device: "/dev/sdz".to_owned() };
        aws.as_actor("fn:rogue").attach_volume(&request).expect("it is free");
    });
    assert_eq!(broken, [3, 7]);
}

#[test]
fn rule_4_pulling_a_volume_from_a_running_instance_is_noticed() {
    let broken = broken_by(|_, aws, table| {
        let (volume, instance) = slot(table, 0);
        let request = DetachVolume { volume_id: volume, instance_id: Some(instance), device: None, force: true };
        aws.detach_volume(&request).expect("it is attached");
    });
    assert_eq!(broken, [4, 4]);
}

#[test]
fn rule_5_an_unserved_instance_in_service_is_noticed() {
    let broken = simulate(&World::quiet(2), async |lab: &Lab| {
        lab.create(&NewGroup::cass(SPEC, 1));
        let waits = |aws: &Aws| {
            aws.members("cass-1").find(|m| m.state == LifecycleState::PendingWait).map(|m| m.instance_id.clone())
        };
        lab.until(Duration::from_secs(60), |lab| lab.truth(|aws, _| waits(aws).is_some())).await;
        lab.region.act("fn:rogue", |aws, _| {
            let action = LifecycleActionRef {
                group: "cass-1".to_owned(),
                hook: "stateful-asg-test-launch".to_owned(),
                token: None,
                instance_id: waits(aws),
            };
            aws.complete_lifecycle_action(&action, LifecycleResult::Continue).expect("it waits");
        });
        lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>()
    });
    assert_eq!(broken, [5]);
}

#[test]
fn rule_5_an_address_in_the_groups_record_that_nobody_in_service_has_is_noticed() {
    let broken = simulate(&World::quiet(2), async |lab: &Lab| {
        let spec = SPEC.replace(r#""slot":"cass-{slot}.prod.internal""#, r#""group":"cass.prod.internal""#);
        let group = lab.create(&NewGroup::cass(&spec, 2).in_one_zone());
        assert!(lab.until_served(&group, Duration::from_secs(600)).await, "{}", lab.story());
        lab.pass(Duration::from_secs(120)).await;
        lab.region.act("fn:rogue", |aws, _| {
            let record = ResourceRecordSet::a("cass.prod.internal", 60, ["192.0.2.1"]);
            let changes = vec![Change { action: ChangeAction::Upsert, record }];
            let request = ChangeResourceRecordSets { hosted_zone_id: lab.zone.clone(), comment: None, changes };
            aws.change_resource_record_sets(&request).expect("Route 53 allows it");
        });
        lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>()
    });
    assert_eq!(broken, [5]);
}

#[test]
fn rule_7_a_foreign_record_changed_is_noticed() {
    let broken = broken_by(|lab, aws, _| {
        let mut change = |actor: &str, action, value| {
            let change = Change { action, record: ResourceRecordSet::a("www.prod.internal", 60, [value]) };
            let request =
                ChangeResourceRecordSets { hosted_zone_id: lab.zone.clone(), comment: None, changes: vec![change] };
            aws.as_actor(actor).change_resource_record_sets(&request).expect("Route 53 allows it");
        };
        change("operator", ChangeAction::Create, "192.0.2.1");
        change("fn:rogue", ChangeAction::Upsert, "192.0.2.2");
    });
    assert_eq!(broken, [7]);
}

#[test]
fn rules_6_and_1_a_deleted_volume_is_noticed() {
    let broken = simulate(&World::quiet(3), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        assert!(lab.until_served(&group, Duration::from_secs(600)).await, "{}", lab.story());
        let (volume, instance) = lab.truth(|_, table| slot(table, 0));
        lab.operate("kills it", |aws, _| aws.terminate_instances(&[instance]).is_ok());
        let free = |lab: &Lab| lab.truth(|aws, _| aws.volume(&volume).is_some_and(|v| v.attachments.is_empty()));
        assert!(lab.until(Duration::from_secs(200), free).await, "{}", lab.story());
        lab.region.act("fn:rogue", |aws, _| aws.delete_volume(&volume).expect("it is free"));
        lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>()
    });
    assert_eq!(broken, [6, 6], "it is on record, and nothing else holds its data");
}

#[test]
fn rule_1_a_volume_that_lacks_what_was_written_is_noticed() {
    let broken = simulate(&World::quiet(4), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        assert!(lab.until_served(&group, Duration::from_secs(600)).await, "{}", lab.story());
        lab.pass(Duration::from_secs(120)).await;
        let at = lab.now();
        lab.region.act("fn:rogue", |aws, table| {
            let new = CreateVolume {
                availability_zone: "eu-central-1a".to_owned(),
                size_gib: Some(20),
                ..CreateVolume::default()
            };
            let empty = aws.as_actor("operator").create_volume(&new).expect("nothing is wrong with it");
            table.edit_slot((&group, SlotNumber(0)), (at, "fn:rogue"), |slot| {
                let record = slot.volumes.values_mut().next().expect("it has one");
                record.id = Some(empty.volume_id.parse().expect("a good ID"));
            });
        });
        lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>()
    });
    assert_eq!(broken, [1, 2], "a born volume is gone for no reason, and the new one has no binding");
}

#[test]
fn rule_6_the_newest_snapshot_deleted_is_noticed() {
    let broken = simulate(&World::quiet(5), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        assert!(lab.until_served(&group, Duration::from_secs(600)).await, "{}", lab.story());
        let (volume, _) = lab.truth(|_, table| slot(table, 0));
        let take = || {
            let request = CreateSnapshot { volume_id: volume.clone(), ..CreateSnapshot::default() };
            lab.operate("takes a snapshot", |aws, _| {
                aws.create_snapshot(&request).expect("it is there").snapshot_id.clone()
            })
        };
        let older = take();
        lab.pass(Duration::from_secs(300)).await;
        let newest = take();
        lab.pass(Duration::from_secs(300)).await;
        let mut broken = Vec::new();
        for snapshot in [older, newest] {
            lab.region.act("fn:rogue", |aws, _| aws.delete_snapshot(&snapshot).expect("nothing uses it"));
            broken.push(lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>());
        }
        broken
    });
    assert_eq!(broken, [vec![], vec![6]]);
}

#[test]
fn rule_5_an_instance_that_was_told_untruly_of_its_data_is_noticed() {
    let broken = simulate(&World::quiet(6), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1));
        let let_in = |lab: &Lab| {
            lab.truth(|aws, _| {
                aws.members("cass-1").find(|m| m.state == LifecycleState::PendingProceed).map(|m| m.instance_id.clone())
            })
        };
        while let_in(lab).is_none() {
            lab.pass(Duration::from_millis(20)).await;
        }
        let instance = let_in(lab).expect("it was just there");
        lab.operate("says that nothing is new", |aws, _| {
            let kept = [(tags::DATA.to_owned(), "kept".to_owned())].into();
            aws.create_tags(&[instance], &kept).expect("it is there");
        });
        lab.until_served(&group, Duration::from_secs(60)).await;
        lab.violations().iter().map(|violation| violation.rule).collect::<Vec<_>>()
    });
    assert_eq!(broken, [5]);
}
