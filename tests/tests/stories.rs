//! Deterministic stories: what a group goes through, and what must come of it.

use std::collections::BTreeMap;
use std::time::Duration;

use stateful_asg_core::ids::{GroupName, HostedZoneId};
use stateful_asg_core::spec::{Allowed, Limits};
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{
    Change, ChangeAction, ChangeResourceRecordSets, CreateVolume, LifecycleResult, LifecycleState, PutWarmPool, ResourceRecordSet,
    SetInstanceHealth, UpdateAutoScalingGroup, WarmPool, WarmPoolState,
};
use stateful_asg_sim::model::{Aws, EffectKind, GuestMode, Span};
use stateful_asg_sim::typed::Fault;
use stateful_asg_tests::actors::Function;
use stateful_asg_tests::bus::BusOdds;
use stateful_asg_tests::group::NewGroup;
use stateful_asg_tests::lab::{Lab, World, simulate};

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"launch":{"surge_wait":"2m"}}"#;
const PLAIN: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
const LIMIT: Duration = Duration::from_secs(900);

/// What a slot has that must outlive its holder.
type Identity = (BTreeMap<String, String>, Option<String>, Option<Vec<String>>);

/// Fails with the whole story where something was broken.
fn told(world: &World, story: impl AsyncFnOnce(&Lab)) {
    simulate(world, async |lab: &Lab| {
        story(lab).await;
        let broken = lab.violations();
        assert!(broken.is_empty(), "{}\n{broken:#?}", lab.story());
        let seen = lab.bus.functions().seen();
        assert!(seen.refused.is_empty(), "{}\n{:#?}", lab.story(), seen.refused);
        assert!(!lab.bus.counts().contains_key(stateful_asg_tests::bus::PANICKED), "{}", lab.story());
    });
}

async fn served(lab: &Lab, group: &GroupName) {
    assert!(lab.until_served(group, LIMIT).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
}

/// A group of three, all served.
async fn three(lab: &Lab, spec: &str) -> GroupName {
    let group = lab.create(&NewGroup::cass(spec, 3).in_one_zone());
    served(lab, &group).await;
    group
}

fn holders(lab: &Lab, group: &GroupName) -> BTreeMap<u32, Option<String>> {
    lab.truth(|_, table| {
        table.slots(group).map(|slot| (slot.number.0, slot.holder.as_ref().map(|h| h.instance.to_string()))).collect()
    })
}

fn identity(lab: &Lab, group: &GroupName, number: u32) -> Identity {
    lab.truth(|aws, table| {
        let slot = table.slots(group).find(|slot| slot.number.0 == number).expect("the slot exists").clone();
        let volumes = slot.volumes.iter().map(|(name, v)| (name.to_string(), v.id.as_ref().map(ToString::to_string).unwrap_or_default()));
        let record = aws.record(&lab.zone, &format!("cass-{number}.prod.internal"), "A").map(|r| r.values.clone());
        (volumes.collect(), slot.interface.as_ref().and_then(|i| i.ip).map(|ip| ip.to_string()), record)
    })
}

fn created(lab: &Lab) -> usize {
    lab.truth(|aws, _| aws.volumes().count())
}

/// The reason kinds that the last settles left for this group.
fn waits(lab: &Lab, group: &GroupName) -> Vec<&'static str> {
    let seen = lab.bus.functions().seen();
    seen.waiting.get(group).into_iter().flatten().map(|wait| wait.reason.kind()).collect()
}

async fn until_waits(lab: &Lab, group: &GroupName, kind: &str) {
    let named = lab.until(LIMIT, |lab| waits(lab, group).contains(&kind) || lab.bus.functions().seen().waits.contains_key(kind)).await;
    assert!(named, "{}\nnever waited for {kind}: {:?}", lab.story(), waits(lab, group));
}

fn kill(lab: &Lab, instance: &str) {
    lab.operate(&format!("kills {instance}"), |aws, _| aws.terminate_instances(&[instance.to_owned()]).unwrap());
}

fn holder(lab: &Lab, group: &GroupName, number: u32) -> String {
    holders(lab, group)[&number].clone().expect("the slot is held")
}

/// Kills slot 0's holder and waits until another one has all that it had.
async fn replaced(lab: &Lab, group: &GroupName, how: impl FnOnce(&mut Aws, &str)) {
    let (old, before, volumes) = (holder(lab, group, 0), identity(lab, group, 0), created(lab));
    lab.operate(&format!("ends {old}"), |aws, _| how(aws, &old));
    lab.until(LIMIT, |lab| holders(lab, group)[&0].as_ref().is_some_and(|new| *new != old)).await;
    served(lab, group).await;
    assert_ne!(holder(lab, group, 0), old, "{}", lab.story());
    assert_eq!(identity(lab, group, 0), before, "{}", lab.story());
    assert_eq!(created(lab), volumes, "{}", lab.story());
}

#[test]
fn a_killed_node_keeps_its_volume_address_and_name() {
    told(&World::quiet(1), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn an_unhealthy_node_keeps_them_too() {
    told(&World::quiet(2), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        replaced(lab, &group, |aws, old| {
            let ill = SetInstanceHealth { instance_id: old.to_owned(), healthy: false, should_respect_grace_period: false };
            aws.set_instance_health(&ill).unwrap();
        })
        .await;
    });
}

#[test]
fn with_a_guest_it_is_released_before_the_instance_ends() {
    let world = World { guest: GuestMode::Reports { delay: Span::secs(1, 5) }, ..World::quiet(3) };
    told(&world, async |lab: &Lab| {
        let group = three(lab, &SPEC.replace(r#""launch":{"#, r#""launch":{"ready":"mounted","#)).await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instance_in_auto_scaling_group(old, false))).await;
    });
}

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
        lab.bus.set_odds(BusOdds { dropped: 0, doubled: 1000, late: (500, 60) });
        let group = three(lab, SPEC).await;
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn each_kind_of_fault_at_each_call_heals() {
    let faults = [Fault::Throttled, Fault::Internal, Fault::AnswerLost, Fault::Late(Duration::from_secs(20)), Fault::CrashBefore, Fault::CrashAfter];
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
fn a_group_scaled_in_and_out_takes_its_parked_slots_again() {
    told(&World::quiet(6), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 2).unwrap());
        lab.pass(Duration::from_secs(300)).await;
        served(lab, &group).await;
        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 3).unwrap());
        lab.pass(Duration::from_secs(60)).await;
        served(lab, &group).await;
        assert_eq!(created(lab), 3, "{}", lab.story());
        assert_eq!(holders(lab, &group).len(), 3, "{}", lab.story());
    });
}

#[test]
fn another_group_with_the_same_tag_takes_the_slots_over() {
    told(&World::quiet(7), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.create(&NewGroup::cass(SPEC, 3).in_one_zone().named("cass-2"));
        until_waits(lab, &group, "Replacing").await;
        lab.operate("empties the old group", |aws, _| {
            let empty = UpdateAutoScalingGroup { name: "cass-1".to_owned(), desired_capacity: Some(0), ..UpdateAutoScalingGroup::default() };
            aws.update_auto_scaling_group(&empty).unwrap();
        });
        lab.pass(Duration::from_secs(120)).await;
        served(lab, &group).await;
        assert_eq!(created(lab), 3, "{}", lab.story());
    });
}

#[test]
fn a_surge_waits_for_a_slot_and_is_given_up() {
    told(&World::quiet(8), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("refreshes, launching first", |aws, _| aws.refresh("cass-1"));
        until_waits(lab, &group, "SurgeBlocked").await;
        lab.operate("gives the refresh up", |aws, _| aws.cancel_refresh("cass-1"));
        assert_eq!(created(lab), 3, "{}", lab.story());
    });
}

#[test]
fn standby_keeps_the_slot_and_is_named() {
    told(&World::quiet(9), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let old = holder(lab, &group, 0);
        lab.operate("standby", |aws, _| drop(aws.enter_standby("cass-1", &[old.clone()], true).unwrap()));
        until_waits(lab, &group, "HolderStandby").await;
        assert_eq!(holder(lab, &group, 0), old);
        lab.operate("back", |aws, _| drop(aws.exit_standby("cass-1", &[old.clone()]).unwrap()));
        served(lab, &group).await;
        assert_eq!(holder(lab, &group, 0), old);
    });
}

#[test]
fn a_detached_instance_keeps_the_slot_and_is_named() {
    told(&World::quiet(10), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let old = holder(lab, &group, 0);
        lab.operate("detaches", |aws, _| drop(aws.detach_instances("cass-1", &[old.clone()], true).unwrap()));
        until_waits(lab, &group, "HolderDetached").await;
        assert_eq!(holder(lab, &group, 0), old);
    });
}

#[test]
fn an_abandoned_termination_that_is_retained_keeps_the_slot() {
    told(&World::quiet(11), async |lab: &Lab| {
        let group = lab.create(&NewGroup { retain: true, ..NewGroup::cass(SPEC, 3).in_one_zone() });
        served(lab, &group).await;
        let old = holder(lab, &group, 0);
        let hook = stateful_asg_sim::model::types::PutLifecycleHook {
            group: "cass-1".to_owned(),
            name: "keeper".to_owned(),
            transition: Some(stateful_asg_sim::model::types::Transition::Terminating),
            heartbeat_timeout: Some(30),
            ..Default::default()
        };
        lab.operate("someone's own terminate hook times out", |aws, _| {
            aws.put_lifecycle_hook(&hook).unwrap();
            aws.terminate_instance_in_auto_scaling_group(&old, false).unwrap();
        });
        until_waits(lab, &group, "HolderRetained").await;
        assert_eq!(holder(lab, &group, 0), old);
    });
}

#[test]
fn warm_instances_hold_no_slot_and_take_one_when_they_leave_the_pool() {
    told(&World::quiet(12), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let pool = WarmPool { min_size: 1, max_group_prepared_capacity: Some(4), state: WarmPoolState::Stopped, reuse_on_scale_in: false };
        lab.operate("adds a warm pool", |aws, _| aws.put_warm_pool(&PutWarmPool { group: "cass-1".to_owned(), pool }).unwrap());
        let warm = lab.until(LIMIT, |lab| lab.truth(|aws, _| aws.members("cass-1").any(|m| m.state == LifecycleState::WarmedStopped))).await;
        assert!(warm, "{}", lab.story());
        assert_eq!(holders(lab, &group).len(), 3);
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
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
fn an_instance_that_came_without_our_hook_gets_nothing() {
    told(&World::quiet(14), async |lab: &Lab| {
        let group = lab.create(&NewGroup { hooks: false, ..NewGroup::cass(SPEC, 1) });
        lab.pass(Duration::from_secs(200)).await;
        assert_eq!(created(lab), 0, "{}", lab.story());
        let named = waits(lab, &group);
        assert!(named.iter().any(|kind| ["HookMissing", "NoSpec", "NeedsAdoption"].contains(kind)), "{named:?}\n{}", lab.story());
    });
}

#[test]
fn a_pool_volume_is_taken_before_one_is_made() {
    told(&World::quiet(15), async |lab: &Lab| {
        let own = [(tags::GROUP, "cass"), (tags::DEPLOYMENT, "test")];
        for zone in ["eu-central-1a"; 2] {
            lab.operate("makes a pool volume", |aws, _| {
                let new = CreateVolume {
                    availability_zone: zone.to_owned(),
                    size_gib: Some(20),
                    volume_type: Some("gp3".to_owned()),
                    encrypted: true,
                    tags: own.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
                    ..CreateVolume::default()
                };
                drop(aws.create_volume(&new).unwrap());
            });
        }
        lab.pass(Duration::from_secs(10)).await;
        three(lab, PLAIN).await;
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
        let group = lab.create(&NewGroup::cass(&PLAIN.replace(r#""mount""#, r#""kms_key":"alias/revoked","mount""#), 1));
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
                matches!(&effect.what, EffectKind::HookCompleted { result: LifecycleResult::Abandon, timeout: false, .. })
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
        let request = ChangeResourceRecordSets { hosted_zone_id: lab.zone.clone(), comment: None, changes: vec![change] };
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
        lab.operate("takes the terminate hook away", |aws, _| aws.delete_lifecycle_hook("cass-1", "stateful-asg-test-terminate").unwrap());
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
    let limits = Limits { hosted_zones: Allowed::List(Vec::<HostedZoneId>::new()), max_volume_gib: 10, ..Limits::unlimited() };
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
            lab.until(LIMIT, |lab| lab.truth(|aws, _| aws.members("cass-1").any(|m| m.state == LifecycleState::PendingWait))).await;
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
fn a_stopped_holder_keeps_its_slot_until_it_is_gone() {
    told(&World::quiet(24), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("no health checks", |aws, _| aws.suspend_processes("cass-1", &["HealthCheck".to_owned(), "ReplaceUnhealthy".to_owned()]).unwrap());
        let old = holder(lab, &group, 0);
        lab.operate("stops it", |aws, _| drop(aws.stop_instances(&[old.clone()]).unwrap()));
        until_waits(lab, &group, "HolderStopped").await;
        assert_eq!(holder(lab, &group, 0), old);
    });
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
        for event in [serde_json::json!(null), serde_json::json!({"source": "x"}), serde_json::json!([1, 2]), bad, action] {
            lab.bus.inject(Function::Lifecycle, event.clone());
            lab.bus.inject(Function::Instance, event);
        }
        lab.pass(Duration::from_secs(400)).await;
        assert_eq!(lab.rules.borrow().last_change().cloned(), before, "{}", lab.story());
        served(lab, &group).await;
    });
}
