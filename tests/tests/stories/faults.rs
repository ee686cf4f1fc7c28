//! Bad input, and faults: each has a name, and loses nothing.

use std::time::Duration;

use stateful_asg_campaign::actors::Function;
use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::Lab;
use stateful_asg_campaign::lab::World;
use stateful_asg_core::ids::HostedZoneId;
use stateful_asg_core::spec::Allowed;
use stateful_asg_core::spec::Limits;
use stateful_asg_sim::model::EffectKind;
use stateful_asg_sim::model::types::{
    Change, ChangeAction, ChangeResourceRecordSets, LifecycleResult, LifecycleState, ResourceRecordSet,
};
use stateful_asg_sim::typed::Fault;

use crate::{LIMIT, PLAIN, SPEC, created, holder, identity, kill, replaced, served, three, told, until_waits};

#[test]
fn a_lost_event_costs_a_minute_and_nothing_else() {
    told(&World::quiet(4), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.bus.set_odds(BusOdds::CUT);
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn every_event_doubled_changes_nothing() {
    told(&World::quiet(5), async |lab: &Lab| {
        lab.bus.set_odds(BusOdds { doubled: 1000, late: (500, 60), ..BusOdds::default() });
        let group = three(lab, SPEC).await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn each_kind_of_fault_at_each_call_heals() {
    let faults = [
        Fault::Throttled,
        Fault::Internal,
        Fault::AnswerLost,
        Fault::Late(Duration::from_secs(20)),
        Fault::CrashBefore,
        Fault::CrashAfter,
    ];
    let calls = [
        "ec2:CreateVolume",
        "ec2:AttachVolume",
        "ec2:CreateTags",
        "ec2:CreateNetworkInterface",
        "ec2:AttachNetworkInterface",
        "route53:ChangeResourceRecordSets",
        "autoscaling:CompleteLifecycleAction",
        "dynamodb:TransactWriteItems",
        "dynamodb:UpdateItem",
    ];
    for (seed, (call, fault)) in calls.iter().flat_map(|call| faults.map(|fault| (call, fault))).enumerate() {
        told(&World::quiet(100 + seed as u64), async |lab: &Lab| {
            lab.region.faults(|faults| (0..2).for_each(|_| faults.next(call, fault)));
            let group = three(lab, SPEC).await;
            lab.region.faults(|faults| (0..2).for_each(|_| faults.next(call, fault)));
            replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
            assert_eq!(created(lab), 3, "{call} {fault:?}\n{}", lab.story());
        });
    }
}

#[test]
fn a_lost_table_stops_everything_and_is_named() {
    told(&World::quiet(13), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("loses the table", |_, table| table.wipe());
        kill(lab, &lab.truth(|aws, _| aws.members("cass-1").next().map(|m| m.instance_id.clone()).unwrap()));
        until_waits(lab, &group, "TableLost").await;
        lab.pass(Duration::from_secs(300)).await;
        assert_eq!(created(lab), 3, "{}", lab.story());
    });
}

#[test]
fn a_device_name_that_the_image_hides_is_passed_over() {
    let world = World { hidden_devices: ["/dev/sdf", "/dev/sdg"].map(str::to_owned).to_vec(), ..World::quiet(16) };
    told(&world, async |lab: &Lab| drop(three(lab, SPEC).await));
}

#[test]
fn a_refused_key_is_named_and_makes_no_second_volume() {
    told(&World::quiet(17), async |lab: &Lab| {
        let group =
            lab.create(&NewGroup::cass(&PLAIN.replace(r#""mount""#, r#""kms_key":"alias/revoked","mount""#), 1));
        until_waits(lab, &group, "VolumeFailed").await;
    });
}

#[test]
fn an_attachment_that_hangs_is_cured_by_another_instance() {
    told(&World::quiet(18), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let (volumes, ..) = identity(lab, &group, 0);
        lab.operate("the next attachment hangs", |aws, _| aws.stick_attaching(&volumes["data"]));
        kill(lab, &holder(lab, &group, 0));
        let given_up = |lab: &Lab| {
            let abandoned = |effect: &stateful_asg_sim::model::Effect| {
                matches!(
                    &effect.what,
                    EffectKind::HookCompleted { result: LifecycleResult::Abandon, timeout: false, .. }
                )
            };
            lab.truth(|aws, _| aws.effects().iter().any(abandoned))
        };
        assert!(lab.until(LIMIT, given_up).await, "{}", lab.story());
        lab.operate("and no other does", |aws, _| aws.unstick(&volumes["data"]));
        served(lab, &group).await;
        assert_eq!(identity(lab, &group, 0).0, volumes);
    });
}

#[test]
fn a_record_that_is_not_ours_is_left_alone_and_named() {
    told(&World::quiet(19), async |lab: &Lab| {
        let record = ResourceRecordSet::a("cass-0.prod.internal", 60, ["192.0.2.7"]);
        let change = Change { action: ChangeAction::Create, record };
        let request =
            ChangeResourceRecordSets { hosted_zone_id: lab.zone.clone(), comment: None, changes: vec![change] };
        lab.operate("someone else has the name", |aws, _| drop(aws.change_resource_record_sets(&request).unwrap()));
        let group = lab.create(&NewGroup::cass(SPEC, 1));
        until_waits(lab, &group, "RecordForeign").await;
        let holds = lab.truth(|aws, _| aws.record(&lab.zone, "cass-0.prod.internal", "A").map(|r| r.values.clone()));
        assert_eq!(holds, Some(vec!["192.0.2.7".to_owned()]));
    });
}

#[test]
fn a_missing_right_is_named_and_healed_by_giving_it() {
    told(&World::quiet(20), async |lab: &Lab| {
        lab.region.faults(|faults| faults.forbidden.insert("ec2:AttachVolume".to_owned()));
        let group = lab.create(&NewGroup::cass(SPEC, 2));
        until_waits(lab, &group, "CallFailed").await;
        lab.region.faults(|faults| faults.forbidden.clear());
        served(lab, &group).await;
    });
}

#[test]
fn a_missing_terminate_hook_is_named() {
    told(&World::quiet(21), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("takes the terminate hook away", |aws, _| {
            aws.delete_lifecycle_hook("cass-1", "stateful-asg-test-terminate").unwrap()
        });
        until_waits(lab, &group, "HookMissing").await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn a_bad_edit_keeps_the_last_valid_spec() {
    told(&World::quiet(22), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.edit_spec("cass-1", r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/etc","colour":"red"}}}"#);
        until_waits(lab, &group, "SpecRefused").await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn a_spec_beyond_the_deployments_limits_makes_nothing() {
    let limits =
        Limits { hosted_zones: Allowed::List(Vec::<HostedZoneId>::new()), max_volume_gib: 10, ..Limits::unlimited() };
    told(&World { limits, ..World::quiet(23) }, async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1));
        until_waits(lab, &group, "NoSpec").await;
        lab.pass(Duration::from_secs(120)).await;
        assert_eq!(created(lab), 0, "{}", lab.story());
    });
}

#[test]
fn an_instance_that_dies_while_it_is_served_loses_nothing() {
    for seed in 200..220 {
        told(&World::quiet(seed), async |lab: &Lab| {
            let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
            lab.until(LIMIT, |lab| {
                lab.truth(|aws, _| aws.members("cass-1").any(|m| m.state == LifecycleState::PendingWait))
            })
            .await;
            lab.pass(Duration::from_millis((seed - 199) * 900)).await;
            let first = lab.truth(|aws, _| aws.members("cass-1").next().map(|m| m.instance_id.clone()).unwrap());
            kill(lab, &first);
            lab.pass(Duration::from_secs(60)).await;
            served(lab, &group).await;
            assert!(created(lab) <= 1, "{}", lab.story());
        });
    }
}

#[test]
fn events_of_any_form_change_nothing() {
    told(&World::quiet(25), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(Duration::from_secs(900)).await;
        let before = lab.rules.borrow().last_change().cloned();
        let action = serde_json::json!({"source": "aws.autoscaling", "detail-type": "EC2 Instance-launch Lifecycle Action", "time": "2026-01-01T00:00:00Z",
            "detail": {"LifecycleHookName": "stateful-asg-test-launch", "AutoScalingGroupName": "cass-1", "EC2InstanceId": "i-0123456789abcdef0"}});
        let mut bad = action.clone();
        bad["detail"]["EC2InstanceId"] = serde_json::json!(7);
        for event in
            [serde_json::json!(null), serde_json::json!({"source": "x"}), serde_json::json!([1, 2]), bad, action]
        {
            lab.bus.inject(Function::Lifecycle, event.clone());
            lab.bus.inject(Function::Instance, event);
        }
        lab.pass(Duration::from_secs(400)).await;
        assert_eq!(lab.rules.borrow().last_change().cloned(), before, "{}", lab.story());
        served(lab, &group).await;
    });
}

#[test]
fn an_audit_whose_repair_fails_halfway_goes_on_at_once() {
    told(&World::quiet(78), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(Duration::from_secs(120)).await;
        let name = "cass-0.prod.internal";
        let holds = |lab: &Lab| lab.truth(|aws, _| aws.record(&lab.zone, name, "A").is_some());
        let zone = lab.zone.clone();
        lab.operate("takes the name away", |aws, _| {
            let record = aws.record(&zone, name, "A").expect("it is published").clone();
            let changes = vec![Change { action: ChangeAction::Delete, record }];
            let request = ChangeResourceRecordSets { hosted_zone_id: zone.clone(), comment: None, changes };
            aws.change_resource_record_sets(&request).expect("it is as it was read");
        });
        lab.region.faults(|faults| faults.next("dynamodb:TransactWriteItems", Fault::Internal));
        // Ten minutes is how far audits are apart: this is the first one's work.
        assert!(lab.until(Duration::from_secs(630), holds).await, "{}", lab.story());
        served(lab, &group).await;
    });
}
