//! What is planned in each situation: one test a sentence of the design.

#![allow(clippy::wildcard_enum_match_arm, clippy::type_complexity, reason = "a test names what it is about")]

mod town;

use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{HookResult, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::waiting::Reason;
use town::*;

fn completions(steps: &[Step]) -> Vec<(InstanceId, HookResult)> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Complete { action, result } => Some((action.instance.clone(), *result)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_served_group_is_quiet() {
    let plan = Town::served(3).plan();
    assert_eq!(plan.steps, vec![]);
    assert_eq!(plan.waiting, vec![]);
    assert!(plan.look.is_empty());
}

#[test]
fn a_replacement_gets_the_same_volume_and_interface_and_makes_no_slot() {
    let mut town = Town::served(3);
    town.gone(1);
    town.free(1);
    town.instance(9, 'a', Lifecycle::PendingWait);
    let taken = town.run();
    assert!(taken.iter().any(|s| matches!(s, Step::AttachVolume { volume, instance, .. } if *volume == volume_id(1) && *instance == instance_id(9))));
    assert!(taken.iter().any(|s| matches!(s, Step::AttachInterface { interface, instance, index: 1, .. } if *interface == interface_id(1) && *instance == instance_id(9))));
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    assert!(completions(&taken).is_empty(), "not before the attachments were read");
    assert_eq!(town.obs.slots.len(), 3);
    assert_eq!(town.obs.slots[&SlotNumber(1)].claim, Claim(4));
    town.arrive();
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Continue)]);
    assert_eq!(town.plan().steps, vec![], "and then it is quiet");
}

#[test]
fn a_vacant_slot_whose_volume_somebody_attached_elsewhere_is_given_to_nobody_else() {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    town.run();
    town.instance(9, 'a', Lifecycle::PendingWait);
    let claimed = |town: &Town| town.obs.slots[&SlotNumber(0)].held_by(&instance_id(9));
    town.attach(0, 1);
    town.run();
    assert!(!claimed(&town), "{:?}", town.reasons());
    let held = Reason::VolumeHeldBy { volume: volume_id(0), instance: instance_id(1) };
    assert!(town.reasons().contains(&held), "{:?}", town.reasons());
    town.attach(0, 9);
    town.run();
    assert!(claimed(&town), "it is attached to nobody else: {:?}", town.reasons());
}

#[test]
fn a_promise_is_recorded_only_when_the_holder_is_gone_and_everything_is_free() {
    let mut town = Town::served(2);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.lifecycle(0, Lifecycle::TerminatingProceed);
    let claims = |town: &mut Town| {
        town.run();
        town.obs.slots[&SlotNumber(0)].held_by(&instance_id(9))
    };
    assert!(!claims(&mut town), "it still runs");
    assert!(town.reasons().contains(&Reason::HolderLeaving { slot: SlotNumber(0), holder: instance_id(0) }));
    town.gone(0);
    assert!(!claims(&mut town), "its volume is not free");
    let what = vec![volume_id(0).to_string(), interface_id(0).to_string()];
    assert!(town.reasons().contains(&Reason::NotYetFree { slot: SlotNumber(0), holder: instance_id(0), what }));
    town.free(0);
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().state = VolumeState::InUse;
    assert!(!claims(&mut town), "its volume is `in-use`, whatever its attachments say");
    town.free(0);
    town.obs.volumes.remove(&volume_id(0));
    assert!(!claims(&mut town), "its volume was not read at all");
    town.obs.volumes.extend(Town::served(1).obs.volumes);
    town.free(0);
    assert!(claims(&mut town));
}

#[test]
fn nothing_is_detached_before_the_guest_released_this_claim() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    for (key, value) in [(tags::MOUNTED, "3"), (tags::RELEASED, "2")] {
        town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.insert(key.to_owned(), value.to_owned());
    }
    let taken = town.run();
    assert_eq!(completions(&taken), vec![], "it drains");
    assert!(town.reasons().contains(&Reason::Draining));
    assert!(!kinds(&taken).contains(&"DetachVolume"));
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.insert(tags::RELEASED.to_owned(), "3".to_owned());
    let taken = town.run();
    assert!(kinds(&taken).contains(&"DetachVolume") && kinds(&taken).contains(&"DetachInterface"));
    assert_eq!(completions(&taken), vec![(instance_id(0), HookResult::Continue)]);
}

#[test]
fn an_instance_in_service_is_never_detached_whatever_its_guest_says() {
    let mut town = Town::served(1);
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.insert(tags::RELEASED.to_owned(), "3".to_owned());
    assert_eq!(town.plan().steps, vec![]);
}

#[test]
fn a_new_group_makes_slots_volumes_and_interfaces_with_the_intent_first() {
    let mut town = Town::served(0);
    town.obs.asgs[0].desired = 1;
    town.instance(5, 'a', Lifecycle::PendingWait);
    let first = town.plan().steps;
    assert!(kinds(&first).iter().all(|kind| *kind == "Write"), "{first:?}");
    let taken = town.run();
    assert_eq!(kinds(&taken).iter().filter(|kind| **kind == "CreateVolume").count(), 1);
    assert!(!kinds(&taken).contains(&"AttachVolume"), "not before it is born");
    town.arrive();
    let taken = town.run();
    assert!(kinds(&taken).contains(&"AttachVolume"));
    town.arrive();
    let taken = town.run();
    assert_eq!(completions(&taken), vec![(instance_id(5), HookResult::Continue)]);
    assert!(
        town.obs.record.as_ref().unwrap().record.as_ref().unwrap().confirmed.is_empty(),
        "the group's name waits for InService"
    );
    town.lifecycle(5, Lifecycle::InService);
    assert!(kinds(&town.run()).contains(&"ChangeRecord"));
    assert_eq!(town.plan().steps, vec![]);
}

#[test]
fn a_volume_that_would_die_with_its_instance_is_kept_before_continue() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.arrive();
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().attachments[0].delete_on_termination = true;
    let taken = town.run_once();
    assert!(kinds(&taken).contains(&"KeepVolume"));
    assert_eq!(completions(&taken), vec![]);
}

#[test]
fn a_pool_volume_is_taken_before_one_is_created_and_one_of_a_slot_never() {
    let mut town = Town::served(1);
    town.obs.asgs[0].desired = 2;
    town.instance(5, 'a', Lifecycle::PendingWait);
    for n in [70, 71, 72] {
        town.obs.volumes.insert(volume_id(n), pool_volume(n));
    }
    town.obs.volumes.get_mut(&volume_id(70)).unwrap().zone = zone('b');
    town.obs.volumes.get_mut(&volume_id(71)).unwrap().size_gib = 10;
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    assert!(taken.iter().any(|s| matches!(s, Step::AttachVolume { volume, .. } if *volume == volume_id(72))));
}

#[test]
fn a_born_volume_that_is_not_shown_is_never_replaced() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.obs.volumes.clear();
    town.obs.absent.volumes.insert(volume_id(0));
    town.run();
    town.now = at(100_000);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    let name = VolumeName::new("data").unwrap();
    assert!(town.reasons().contains(&Reason::VolumeLost { name, volume: volume_id(0) }));
}

#[test]
fn an_unborn_attempt_that_vanished_is_retried_after_ten_minutes_under_the_next_number() {
    let mut town = Town::served(0);
    town.obs.asgs[0].desired = 1;
    town.instance(5, 'a', Lifecycle::PendingWait);
    town.run();
    let id = town.obs.volumes.keys().next().unwrap().clone();
    town.obs.volumes.clear();
    town.obs.absent.volumes.insert(id);
    assert!(!kinds(&town.run()).contains(&"CreateVolume"));
    town.now = at(1000 + 599);
    assert!(!kinds(&town.run()).contains(&"CreateVolume"), "one second too early");
    town.now = at(1000 + 600);
    let taken = town.run();
    let tokens: Vec<_> = taken
        .iter()
        .filter_map(|s| if let Step::CreateVolume { token, .. } = s { Some(token) } else { None })
        .collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(town.obs.slots[&SlotNumber(0)].volumes.values().next().unwrap().attempt, 2);
}

#[test]
fn a_table_without_its_group_makes_no_slot() {
    let mut town = Town::served(1);
    town.obs.slots.clear();
    town.obs.record.as_mut().unwrap().next_slot = 0;
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    assert!(town.obs.slots.is_empty());
    assert!(town.reasons().iter().any(|reason| matches!(reason, Reason::TableLost(_))));
}

#[test]
fn a_counter_that_fell_behind_makes_no_slot() {
    let mut town = Town::served(2);
    town.obs.record.as_mut().unwrap().next_slot = 1;
    town.obs.asgs[0].desired = 3;
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    assert_eq!(town.obs.slots.len(), 2);
    assert!(town.reasons().iter().any(|reason| matches!(reason, Reason::TableLost(_))));
}

#[test]
fn a_surge_waits_without_heartbeat_and_is_given_up_at_growing_intervals() {
    let mut town = Town::served(1);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    assert!(town.reasons().contains(&Reason::SurgeBlocked));
    town.now = at(1000 + 599);
    assert_eq!(kinds(&town.run()), Vec::<&str>::new());
    town.now = at(1000 + 600);
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Abandon)]);
    town.gone(9);
    town.instance(10, 'a', Lifecycle::PendingWait);
    town.run();
    town.now = at(1000 + 600 + 1199);
    assert_eq!(completions(&town.run()), vec![], "the interval has doubled");
    town.now = at(1000 + 600 + 1200);
    assert_eq!(completions(&town.run()), vec![(instance_id(10), HookResult::Abandon)]);
}

#[test]
fn a_vacant_slot_of_another_zone_does_not_move() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'b', Lifecycle::PendingWait);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    assert!(town.reasons().contains(&Reason::ZoneBlocked { vacant: vec![zone('a')], here: zone('b') }));
}

#[test]
fn scale_in_parks_withdraws_names_and_keeps_everything_and_scale_out_takes_it_back() {
    let mut town = Town::served(2);
    town.obs.asgs[0].desired = 1;
    town.lifecycle(1, Lifecycle::TerminatingWait);
    let taken = town.run();
    let changes = kinds(&taken).iter().filter(|kind| **kind == "ChangeRecord").count();
    assert_eq!(changes, 2, "its own name and the group's");
    assert_eq!(completions(&taken), vec![(instance_id(1), HookResult::Continue)]);
    town.gone(1);
    town.free(1);
    town.run();
    let slot = town.obs.slots[&SlotNumber(1)].clone();
    assert_eq!((slot.state, slot.holder.is_none(), slot.volumes.len()), (SlotState::Parked, true, 1));
    town.obs.asgs[0].desired = 2;
    town.instance(9, 'a', Lifecycle::PendingWait);
    let taken = town.run();
    assert!(taken.iter().any(|s| matches!(s, Step::AttachVolume { volume, .. } if *volume == volume_id(1))));
    assert_eq!(town.obs.slots.len(), 2);
}

#[test]
fn one_member_goes_at_a_time() {
    let mut town = Town::served(3);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.lifecycle(1, Lifecycle::TerminatingWait);
    assert_eq!(completions(&town.run()), vec![(instance_id(0), HookResult::Continue)]);
    assert!(town.reasons().contains(&Reason::TakingTurns { unready: vec![SlotNumber(0)] }));
    town.lifecycle(0, Lifecycle::TerminatingProceed);
    assert_eq!(completions(&town.run()), vec![], "slot 0 is not ready again");
}

#[test]
fn while_one_group_replaces_another_its_members_do_not_wait_for_each_other() {
    let mut town = Town::served(2);
    let mut newer = town.obs.asgs[0].clone();
    newer.name = AsgName::new("cass-blue").unwrap();
    newer.members.clear();
    let mut hooks = town.obs.record.as_ref().unwrap().hooks.clone();
    hooks.extend(
        hooks.clone().into_iter().map(|hook| stateful_asg_core::table::KnownHook { asg: newer.name.clone(), ..hook }),
    );
    town.obs.record.as_mut().unwrap().hooks = hooks;
    town.obs.asgs.push(newer);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.lifecycle(1, Lifecycle::TerminatingWait);
    assert_eq!(completions(&town.run()).len(), 2, "no slot could be refilled before both are gone");
}

#[test]
fn holders_that_still_run_keep_their_slot_and_the_reason_is_named() {
    let cases: [(Lifecycle, InstanceState, fn(InstanceId) -> Reason); 6] = [
        (Lifecycle::Standby, InstanceState::Running, Reason::HolderStandby),
        (Lifecycle::InService, InstanceState::Stopped, Reason::HolderStopped),
        (Lifecycle::TerminatingRetained, InstanceState::Running, Reason::HolderRetained),
        (Lifecycle::ReplacingRootVolume, InstanceState::Running, Reason::HolderReplacingRoot),
        (Lifecycle::Detached, InstanceState::Running, Reason::HolderDetached),
        (Lifecycle::Warmed, InstanceState::Stopped, Reason::HolderWarm),
    ];
    for (lifecycle, state, reason) in cases {
        let mut town = Town::served(1);
        town.lifecycle(0, lifecycle);
        town.state(0, state);
        town.instance(9, 'a', Lifecycle::PendingWait);
        town.run();
        assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(0)));
        assert!(town.reasons().contains(&reason(instance_id(0))));
    }
}

#[test]
fn a_holder_outside_of_any_group_keeps_its_slot() {
    let mut town = Town::served(1);
    town.obs.asgs[0].members.clear();
    town.run();
    assert!(town.reasons().contains(&Reason::HolderDetached(instance_id(0))));
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(0)));
}

#[test]
fn a_holder_that_reads_by_id_miss_for_ten_minutes_is_gone() {
    let mut town = Town::served(1);
    town.free(0);
    town.obs.instances.clear();
    town.obs.asgs[0].members.clear();
    town.obs.absent.instances.insert(instance_id(0));
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(0)));
    town.now = at(1000 + 600);
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].holder.is_none());
}

#[test]
fn an_instance_that_never_came_through_our_hook_gets_nothing() {
    let mut town = Town::served(1);
    town.instance(9, 'a', Lifecycle::InService);
    let plan = town.plan();
    assert_eq!(plan.steps, vec![]);
    assert!(plan.waiting.iter().any(|w| w.reason == Reason::NeedsAdoption));
}

#[test]
fn a_warm_instance_goes_on_without_a_slot_and_takes_one_when_it_leaves_the_pool() {
    let mut town = Town::served(1);
    town.instance(9, 'a', Lifecycle::WarmedPendingWait);
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Continue)]);
    assert_eq!(town.obs.slots.len(), 1);
    town.gone(0);
    town.free(0);
    town.lifecycle(9, Lifecycle::PendingWait);
    town.run();
    town.arrive();
    assert_eq!(
        completions(&town.run()),
        vec![(instance_id(9), HookResult::Continue)],
        "a second passage, a second answer"
    );
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(9)));
}

#[test]
fn while_two_groups_are_live_claims_wait_and_then_pass_on() {
    let mut town = Town::served(1);
    let mut newer = town.obs.asgs[0].clone();
    newer.name = AsgName::new("cass-blue").unwrap();
    newer.created = at(500);
    newer.members.clear();
    let mut hooks = town.obs.record.as_ref().unwrap().hooks.clone();
    for hook in &mut hooks.clone() {
        hook.asg = newer.name.clone();
        hooks.push(hook.clone());
    }
    town.obs.record.as_mut().unwrap().hooks = hooks;
    town.instance(9, 'a', Lifecycle::PendingWait);
    let member = town.obs.asgs[0].members.remove(&instance_id(9)).unwrap();
    newer.members.insert(instance_id(9), member);
    town.obs.asgs.push(newer);
    town.gone(0);
    town.free(0);
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].holder.is_none());
    assert!(town.reasons().iter().any(|reason| matches!(reason, Reason::Replacing(_))));
    assert_eq!(town.obs.slots[&SlotNumber(0)].state, SlotState::Active, "nothing is parked meanwhile");
    town.obs.asgs[0].deleting = true;
    town.run();
    assert!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(9)));
}

#[test]
fn a_record_that_is_not_ours_is_left_alone() {
    let mut town = Town::served(0);
    town.obs.asgs[0].desired = 1;
    town.instance(5, 'a', Lifecycle::PendingWait);
    town.run();
    town.arrive();
    let key = RecordKey {
        zone: HostedZoneId::new("Z0000000000000000001").unwrap(),
        name: DnsName::new("db-0.test").unwrap(),
    };
    let foreign = RecordSeen::A { ttl: 60, values: [[192, 0, 2, 1].into()].into() };
    town.obs.records.insert(key, foreign);
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"ChangeRecord"));
    town.arrive();
    assert_eq!(completions(&town.run()), vec![]);
    assert!(town.reasons().iter().any(|reason| matches!(reason, Reason::RecordForeign { .. })));
}

#[test]
fn an_instance_that_never_boots_is_given_up_after_launch_wait() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.state(9, InstanceState::Pending);
    town.run();
    town.now = at(1000 + 30 * 60 - 1);
    assert_eq!(completions(&town.run()), vec![]);
    town.now = at(1000 + 30 * 60);
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Abandon)]);
}

#[test]
fn a_name_that_was_changed_lately_is_read_back_before_continue() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.arrive();
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().record.as_mut().unwrap().changed = Some(at(101));
    let plan = town.plan();
    assert_eq!(completions(&plan.steps), vec![]);
    assert_eq!(plan.look.records.len(), 1, "a withdrawal that was under way may have landed");
    let key = plan.look.records.first().unwrap().clone();
    town.obs.records.insert(key.clone(), RecordSeen::Absent);
    let taken = town.run();
    assert!(kinds(&taken).contains(&"ChangeRecord"), "it is put back first");
    assert_eq!(completions(&taken), vec![(instance_id(9), HookResult::Continue)]);
}

#[test]
fn a_withdrawn_name_that_a_late_change_of_ours_puts_back_is_withdrawn_again() {
    let mut town = Town::served(2);
    town.obs.asgs[0].desired = 1;
    town.lifecycle(1, Lifecycle::TerminatingWait);
    town.run();
    town.gone(1);
    town.free(1);
    town.run();
    let key = town.obs.slots[&SlotNumber(1)].record.as_ref().unwrap().key.clone();
    let address = |last| RecordSeen::A { ttl: 30, values: [[10, 0, 9, last].into()].into() };
    town.obs.records = [(key.clone(), address(77))].into();
    assert!(!kinds(&town.run()).contains(&"ChangeRecord"), "someone else's is left alone");
    town.obs.records = [(key, address(1))].into();
    assert!(kinds(&town.run()).contains(&"ChangeRecord"));
}

#[test]
fn a_stray_volume_blocks_a_second_one_and_continue() {
    let spec = SPEC.replacen("\"volumes\":{", "\"volumes\":{\"log\":{\"size\":10,\"mount\":\"/log\"},", 1);
    let mut town = Town::with_spec(1, &spec);
    let mut stray = pool_volume(80);
    stray.tags.extend([(tags::SLOT.to_owned(), "0".to_owned()), (tags::VOLUME.to_owned(), "log".to_owned())]);
    town.obs.volumes.insert(volume_id(80), stray);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.arrive();
    let taken = town.run();
    assert!(!kinds(&taken).contains(&"CreateVolume"));
    assert_eq!(completions(&taken), vec![]);
    let name = VolumeName::new("log").unwrap();
    assert!(town.reasons().contains(&Reason::VolumeStray { name, volume: volume_id(80) }));
}

#[test]
fn a_guest_is_told_its_claim_only_together_with_all_its_volumes() {
    let mut town = Town::served(0);
    town.obs.asgs[0].desired = 1;
    town.instance(5, 'a', Lifecycle::PendingWait);
    assert!(!kinds(&town.run()).contains(&"Tag"), "its volume is not born");
    town.arrive();
    let taken = town.run();
    let told: Vec<&Tags> =
        taken.iter().filter_map(|step| if let Step::Tag { tags, .. } = step { Some(tags) } else { None }).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains_key(tags::CLAIM) && told[0].keys().any(|key| key.starts_with("stateful-asg:volume:")));
}

#[test]
fn a_stored_spec_beyond_the_limits_is_not_served() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.obs.limits.max_volume_gib = 10;
    // That a person is waited for is noted, nothing else.
    assert_eq!(kinds(&town.run()), ["Write"]);
    assert_eq!(town.plan().steps, vec![]);
    assert!(matches!(&town.reasons()[..], [Reason::NoSpec(why)] if why.contains("volumes.data.size")));
}

#[test]
fn an_instance_that_takes_no_further_volume_is_given_up_after_surge_wait() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.obs.notes.full.insert(instance_id(9));
    assert!(!kinds(&town.run()).contains(&"AttachVolume"));
    assert!(town.reasons().iter().any(|reason| matches!(reason, Reason::AttachLimit(_))));
    town.now = at(1000 + 600);
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Abandon)]);
}

#[test]
fn a_stuck_attachment_gives_the_launch_up() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.now = at(1000 + 89);
    assert_eq!(completions(&town.run()), vec![]);
    town.now = at(1000 + 90);
    assert_eq!(completions(&town.run()), vec![(instance_id(9), HookResult::Abandon)]);
}

#[test]
fn a_device_name_that_ec2_calls_in_use_is_avoided() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    let busy = DeviceName::new("/dev/sdf").unwrap();
    town.obs.notes.busy_devices.insert(instance_id(9), [busy].into());
    let taken = town.run();
    assert!(taken.iter().any(|s| matches!(s, Step::AttachVolume { device, .. } if device.as_str() == "/dev/sdg")));
}

#[test]
fn a_failed_call_is_waited_for_with_its_message() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    let failure = Failure {
        kind: FailureKind::Denied,
        message: "UnauthorizedOperation: no".to_owned(),
        count: 1,
        retry_at: at(2000),
    };
    town.obs.notes.failures.insert(format!("AttachVolume {}", volume_id(0)), failure);
    assert!(!kinds(&town.run()).contains(&"AttachVolume"));
    assert!(town.reasons().iter().any(|r| matches!(r, Reason::CallFailed { kind: FailureKind::Denied, .. })));
    town.now = at(2001);
    assert!(kinds(&town.run()).contains(&"AttachVolume"));
}

#[test]
fn a_bad_edit_of_the_spec_is_refused_and_the_last_valid_one_stays() {
    let mut town = Town::served(1);
    let text = r#"{"v":1,"volumes":{"data":{"size":"0GiB","colour":"red"}}}"#;
    town.obs.hooks = Some(vec![hook(Transition::Launching, Some(text)), hook(Transition::Terminating, None)]);
    town.run();
    let record = town.obs.record.clone().unwrap();
    assert_eq!(record.spec.unwrap().number, 1);
    let refused = record.refused.unwrap().problems;
    assert!(refused.contains("colour") && refused.contains("size"), "{refused}");
    assert_eq!(town.plan().steps, vec![], "and it is refused once, not in every pass");
}

#[test]
fn in_observe_mode_nothing_is_done_and_everything_is_said() {
    let spec = SPEC.replacen("{\"v\":1", "{\"v\":1,\"mode\":\"observe\"", 1);
    let mut town = Town::with_spec(1, &spec);
    town.gone(0);
    town.free(0);
    town.instance(9, 'a', Lifecycle::PendingWait);
    let plan = town.plan();
    assert_eq!(plan.steps, vec![]);
    assert!(plan.waiting.iter().any(|w| matches!(w.reason, Reason::Withheld { .. })));
}

#[test]
fn a_hook_that_waits_is_extended_at_a_third_of_its_timeout() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::TerminatingProceed);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.now = at(1000 + 299);
    assert_eq!(kinds(&town.run()), Vec::<&str>::new());
    town.now = at(1000 + 300);
    assert_eq!(kinds(&town.run()).iter().filter(|kind| **kind == "Heartbeat").count(), 1);
}

#[test]
fn a_hook_is_extended_once_also_where_the_table_cannot_learn_it() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::TerminatingProceed);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    let beats = |steps: &[Step]| kinds(steps).iter().filter(|kind| **kind == "Heartbeat").count();
    town.forbid = vec!["Write"];
    for thirds in 1..4 {
        town.now = at(1000 + 300 * thirds);
        assert_eq!(beats(&town.run()), 1);
        town.now = at(1000 + 300 * thirds + 299);
        assert_eq!(beats(&town.run()), 0);
    }
}

#[test]
fn a_hook_that_cannot_be_extended_is_named() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::TerminatingProceed);
    town.instance(9, 'a', Lifecycle::PendingWait);
    town.run();
    town.forbid = vec!["Heartbeat"];
    town.now = at(1000 + 300);
    town.run();
    let named = |reason: &Reason| matches!(reason, Reason::CallFailed { step, .. } if step.starts_with("Heartbeat"));
    assert!(town.reasons().iter().any(named), "{:?}", town.reasons());
}
