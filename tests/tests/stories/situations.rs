//! What becomes of instances and groups in ordinary life.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::Lab;
use stateful_asg_campaign::lab::World;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{
    CreateVolume, LifecycleState, PutWarmPool, SetInstanceHealth, UpdateAutoScalingGroup, WarmPool, WarmPoolState,
};
use stateful_asg_sim::model::{GuestMode, Span};

use crate::{
    LIMIT, PLAIN, SPEC, created, holder, holders, identity, replaced, served, three, told, until_waits, waits,
};

#[test]
fn what_would_be_deleted_with_its_instance_is_kept_before_anything_is_served() {
    let world = World { deletes_with_instance: true, ..World::quiet(77) };
    told(&world, async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let steps = lab.bus.functions().seen().steps;
        assert_eq!((steps.get("KeepVolume"), steps.get("KeepInterface")), (Some(&3), Some(&3)), "{}", lab.story());
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
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
            let ill =
                SetInstanceHealth { instance_id: old.to_owned(), healthy: false, should_respect_grace_period: false };
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
            let empty = UpdateAutoScalingGroup {
                name: "cass-1".to_owned(),
                desired_capacity: Some(0),
                ..UpdateAutoScalingGroup::default()
            };
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
        lab.operate("standby", |aws, _| drop(aws.enter_standby("cass-1", std::slice::from_ref(&old), true).unwrap()));
        until_waits(lab, &group, "HolderStandby").await;
        lab.pass(Duration::from_secs(60)).await;
        assert_eq!(holder(lab, &group, 0), old);
        lab.operate("back", |aws, _| drop(aws.exit_standby("cass-1", std::slice::from_ref(&old)).unwrap()));
        served(lab, &group).await;
        assert_eq!(holder(lab, &group, 0), old);
    });
}

#[test]
fn a_detached_instance_keeps_the_slot_and_is_named() {
    told(&World::quiet(10), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let old = holder(lab, &group, 0);
        lab.operate("detaches", |aws, _| {
            drop(aws.detach_instances("cass-1", std::slice::from_ref(&old), true).unwrap())
        });
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
        let pool = WarmPool {
            min_size: 1,
            max_group_prepared_capacity: Some(4),
            state: WarmPoolState::Stopped,
            reuse_on_scale_in: false,
        };
        lab.operate("adds a warm pool", |aws, _| {
            aws.put_warm_pool(&PutWarmPool { group: "cass-1".to_owned(), pool }).unwrap()
        });
        let warm = lab
            .until(LIMIT, |lab| {
                lab.truth(|aws, _| aws.members("cass-1").any(|m| m.state == LifecycleState::WarmedStopped))
            })
            .await;
        assert!(warm, "{}", lab.story());
        assert_eq!(holders(lab, &group).len(), 3);
        replaced(lab, &group, |aws, old| drop(aws.terminate_instances(&[old.to_owned()]))).await;
    });
}

#[test]
fn an_instance_that_came_without_our_hook_gets_nothing() {
    told(&World::quiet(14), async |lab: &Lab| {
        let group = lab.create(&NewGroup { hooks: false, ..NewGroup::cass(SPEC, 1) });
        lab.pass(Duration::from_secs(200)).await;
        assert_eq!(created(lab), 0, "{}", lab.story());
        let named = waits(lab, &group);
        assert!(
            named.iter().any(|kind| ["HookMissing", "NoSpec", "NeedsAdoption"].contains(kind)),
            "{named:?}\n{}",
            lab.story()
        );
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
fn a_stopped_holder_keeps_its_slot_until_it_is_gone() {
    told(&World::quiet(24), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.operate("no health checks", |aws, _| {
            aws.suspend_processes("cass-1", &["HealthCheck".to_owned(), "ReplaceUnhealthy".to_owned()]).unwrap()
        });
        let old = holder(lab, &group, 0);
        lab.operate("stops it", |aws, _| drop(aws.stop_instances(std::slice::from_ref(&old)).unwrap()));
        until_waits(lab, &group, "HolderStopped").await;
        assert_eq!(holder(lab, &group, 0), old);
    });
}

#[test]
fn a_holder_whose_root_volume_is_replaced_keeps_its_slot_and_is_named() {
    told(&World::quiet(26), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let (old, before) = (holder(lab, &group, 0), identity(lab, &group, 0));
        lab.operate("a refresh replaces its root volume", |aws, _| aws.begin_replacing_root(&old));
        until_waits(lab, &group, "HolderReplacingRoot").await;
        lab.pass(Duration::from_secs(700)).await;
        assert_eq!((holder(lab, &group, 0), identity(lab, &group, 0)), (old.clone(), before), "{}", lab.story());
        lab.operate("it is replaced", |aws, _| aws.root_replaced(&old));
        served(lab, &group).await;
        assert_eq!(holder(lab, &group, 0), old);
        assert_eq!(created(lab), 3, "{}", lab.story());
    });
}

#[test]
fn the_end_of_a_launch_that_another_hook_held_up_wakes_the_group() {
    told(&World::quiet(27), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        let hook = stateful_asg_sim::model::types::PutLifecycleHook {
            group: "cass-1".to_owned(),
            name: "keeper".to_owned(),
            transition: Some(stateful_asg_sim::model::types::Transition::Launching),
            heartbeat_timeout: Some(95),
            default_result: Some(stateful_asg_sim::model::types::LifecycleResult::Continue),
            ..Default::default()
        };
        lab.operate("someone else's launch hook", |aws, _| aws.put_lifecycle_hook(&hook).unwrap());
        let in_service = |lab: &Lab| {
            lab.truth(|aws, _| aws.members("cass-1").any(|member| member.state == LifecycleState::InService))
        };
        assert!(lab.until(LIMIT, in_service).await, "{}", lab.story());
        // The group's record gains the address: long before a sweep comes by.
        assert!(lab.until_served(&group, Duration::from_secs(5)).await, "{}", lab.story());
    });
}
