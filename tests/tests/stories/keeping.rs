//! What is kept and for how long: periodic snapshots, what changes leave behind, and what people and EC2 take away.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::{GroupName, SlotNumber, SnapshotId};
use stateful_asg_core::spec::Limits;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Order, Proof, Stage};
use stateful_asg_sim::model::types::{DetachVolume, Snapshot, SnapshotState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind, Span, Timings};

use crate::moves::{FINAL, anywhere, drive_out, holder_of, moved, other, slot, volume_of};
use crate::{LIMIT, PLAIN, SPEC, created, kill, served, three, told, until_alarms, until_waits, waits};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn with(spec: &str, more: &str) -> String {
    format!("{},{more}}}", spec.strip_suffix('}').expect("a spec is an object"))
}

fn told_data(lab: &Lab, slot: &Slot) -> String {
    lab.truth(|aws, _| aws.instance(&holder_of(slot)).and_then(|i| i.tags.get(tags::DATA).cloned())).unwrap_or_default()
}

fn exists(lab: &Lab, volume: &str) -> bool {
    lab.truth(|aws, _| aws.volume(volume).is_some())
}

fn interface_of(slot: &Slot) -> String {
    slot.interface.as_ref().and_then(|record| record.id.as_ref()).expect("it has an interface").to_string()
}

/// Everything that was on the one is on the other.
fn holds_all(lab: &Lab, now: &str, before: &str) {
    let lacks = lab.truth(|aws, _| aws.data(now).lacks(&aws.data(before)));
    assert!(lacks.is_empty(), "{}\n{now} lacks {lacks:?} of {before}", lab.story());
}

fn order(lab: &Lab, group: &GroupName, number: SlotNumber, order: Order) {
    let at = lab.now();
    lab.operate(&format!("orders {order:?}"), |_, table| {
        table.edit_slot((group, number), (at, "operator"), |slot| slot.upkeep.order = Some(order));
    });
}

/// Ends the slot's holder, and waits until the next one serves.
async fn next_holder(lab: &Lab, group: &GroupName, number: u32) -> Slot {
    let old = holder_of(&slot(lab, group, number));
    kill(lab, &old);
    let next = |lab: &Lab| slot(lab, group, number).holder.is_some_and(|holder| holder.instance.as_str() != old);
    assert!(lab.until(HOUR, next).await, "{}", lab.story());
    served(lab, group).await;
    slot(lab, group, number)
}

fn completed(aws: &Aws) -> impl Iterator<Item = &Snapshot> {
    aws.snapshots().map(|snapshot| &**snapshot).filter(|snapshot| snapshot.state == SnapshotState::Completed)
}

/// How many completed snapshots there are of each volume.
fn kept(aws: &Aws) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for snapshot in completed(aws) {
        *counts.entry(snapshot.volume_id.clone()).or_default() += 1;
    }
    counts
}

/// A completed snapshot holds everything that was on the volume.
fn is_saved(aws: &Aws, volume: &str) -> bool {
    let mut saved = completed(aws).filter_map(|snapshot| aws.snapshot_data(&snapshot.snapshot_id));
    saved.any(|saved| saved.lacks(&aws.data(volume)).is_empty())
}

/// How many snapshots were begun of each volume, none while another was pending.
fn taken(effects: &[Effect]) -> BTreeMap<&str, usize> {
    let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
    let mut pending: BTreeMap<&str, usize> = BTreeMap::new();
    for effect in effects {
        if let EffectKind::SnapshotCreated { volume, .. } = &effect.what {
            *taken.entry(volume).or_default() += 1;
            let under_way = pending.entry(volume).or_default();
            *under_way += 1;
            assert_eq!(*under_way, 1, "at {}, a second one of {volume} is pending", effect.at);
        } else if let EffectKind::SnapshotReady { volume, .. } = &effect.what {
            *pending.entry(volume).or_default() -= 1;
        }
    }
    taken
}

#[test]
fn periodic_snapshots_are_taken_on_time_and_their_number_is_stable() {
    told(&World::quiet(500), async |lab: &Lab| {
        let spec = with(SPEC, r#""snapshots":{"every":"30m","keep":{"last":2,"hourly":3}}"#);
        three(lab, &spec).await;
        lab.pass(5 * HOUR).await;
        let mut seen: Vec<BTreeMap<String, usize>> = Vec::new();
        for _ in 0..19 {
            lab.pass(HOUR).await;
            seen.push(lab.truth(|aws, _| kept(aws)));
        }
        let first = &seen[0];
        // The two newest and the newest of three hours: three or four, by where the hour ends.
        assert!(first.len() == 3 && first.values().all(|count| (3..=4).contains(count)), "{first:?}\n{}", lab.story());
        assert!(seen.iter().all(|counts| counts == first), "{seen:?}");

        let effects = lab.truth(|aws, _| aws.effects().to_vec());
        let taken = taken(&effects);
        assert!(taken.values().all(|count| (47..=49).contains(count)), "a day has 48 half hours: {taken:?}");
    });
}

#[test]
fn without_the_right_to_delete_every_snapshot_stays() {
    let limits = Limits { deletes: false, ..Limits::unlimited() };
    told(&World { limits, ..World::quiet(501) }, async |lab: &Lab| {
        let spec = with(SPEC, r#""snapshots":{"every":"30m","keep":{"last":1}}"#);
        three(lab, &spec).await;
        lab.pass(6 * HOUR).await;
        let counts = lab.truth(|aws, _| kept(aws));
        assert!(counts.len() == 3 && counts.values().all(|count| *count >= 11), "{counts:?}");
    });
}

#[test]
fn what_a_move_leaves_is_deleted_after_its_grace_on_proof() {
    told(&World::quiet(502), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let (volume, interface) = (volume_of(&before), interface_of(&before));
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        let now = slot(lab, &group, 0);
        assert_eq!(told_data(lab, &now), "kept");
        let since = now.upkeep.superseded[&volume.parse().unwrap()].since;
        assert!(lab.until(3 * HOUR, |lab| !exists(lab, &volume)).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let rested = lab.now().duration_since(since);
        assert!(rested >= SignedDuration::from_mins(80), "an hour's grace, and 20 minutes more: {rested:#}");
        lab.pass(10 * MINUTE).await;
        assert!(lab.truth(|aws, _| aws.interface(&interface).is_none()), "{}", lab.story());
        assert!(lab.truth(|aws, _| is_saved(aws, &volume)), "its last snapshot stays: {}", lab.story());
        // Forgotten once reads have missed it for ten minutes.
        lab.pass(10 * MINUTE).await;
        let upkeep = slot(lab, &group, 0).upkeep;
        assert!(upkeep.superseded.is_empty() && upkeep.left_interfaces.is_empty(), "{upkeep:?}");
        assert_eq!(told_data(lab, &next_holder(lab, &group, 0).await), "kept");
    });
}

#[test]
fn without_the_right_to_delete_what_a_move_leaves_stays_and_that_is_said() {
    let limits = Limits { deletes: false, ..Limits::unlimited() };
    told(&World { limits, ..World::quiet(503) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let interface = interface_of(&before);
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        lab.pass(5 * HOUR).await;
        assert!(exists(lab, &volume_of(&before)), "{}", lab.story());
        assert!(lab.truth(|aws, _| aws.interface(&interface).is_some()), "{}", lab.story());
        let off = waits(lab, &group).into_iter().filter(|kind| *kind == "DeletesOff").count();
        assert_eq!(off, 2, "the volume and the interface: {:?}", waits(lab, &group));
    });
}

#[test]
fn a_move_that_nobody_needs_any_more_is_dropped_and_only_its_own_volume_goes() {
    let timings = Timings { create_volume: Span::secs(200, 200), ..Timings::default() };
    told(&World { timings, ..World::quiet(504) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let (old, zone) = (volume_of(&before), before.zone.to_string());
        drive_out(lab, &group, 0);
        let made = |lab: &Lab| {
            let change = slot(lab, &group, 0).upkeep.change.filter(|change| change.stage == Stage::Making)?;
            change.volumes.values().find_map(|made| made.record.id.clone())
        };
        assert!(lab.until(HOUR, |lab| made(lab).is_some()).await, "{}", lab.story());
        let successor = made(lab).expect("it was just there");
        lab.operate("the old zone has capacity again, and the new one none", |aws, _| {
            aws.set_capacity(&zone, true);
            aws.set_capacity(other(&zone), false);
            let launching: Vec<_> = aws.members("cass-1").map(|member| member.instance_id.clone()).collect();
            aws.terminate_instances(&launching).expect("it runs");
        });
        let back = |lab: &Lab| slot(lab, &group, 0).holder.is_some() && lab.unserved(&group).is_empty();
        assert!(lab.until(HOUR, back).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let now = slot(lab, &group, 0);
        assert_eq!((volume_of(&now), now.zone.to_string()), (old.clone(), zone), "{}", lab.story());
        assert_eq!(now.upkeep.superseded[&successor].proof, Proof::NeverUsed);
        assert_eq!(told_data(lab, &now), "kept");
        assert!(lab.until(3 * HOUR, |lab| !exists(lab, successor.as_str())).await, "{}", lab.story());
        assert_eq!(volume_of(&next_holder(lab, &group, 0).await), old, "{}", lab.story());
    });
}

/// The slot that a scale-in from two to one parked.
async fn parked(lab: &Lab, group: &GroupName) -> Slot {
    lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
    let found = |lab: &Lab| {
        lab.truth(|_, table| table.slots(group).find(|s| s.state == SlotState::Parked).map(|s| Slot::clone(s)))
    };
    assert!(lab.until(LIMIT, |lab| found(lab).is_some()).await, "{}", lab.story());
    found(lab).expect("it was just there")
}

/// Scales out into the zone where the slot did not use to be.
async fn scaled_out_elsewhere(lab: &Lab, group: &GroupName, before: &Slot) -> Slot {
    lab.operate("scales out, and its old zone is full", |aws, _| {
        aws.set_capacity(before.zone.as_str(), false);
        aws.set_desired_capacity("cass-1", 2).expect("it is allowed");
    });
    let held = |lab: &Lab| slot(lab, group, before.number.0).holder.is_some() && lab.unserved(group).is_empty();
    assert!(lab.until(HOUR, held).await, "{}\n{:?}", lab.story(), waits(lab, group));
    slot(lab, group, before.number.0)
}

#[test]
fn a_parked_slot_moves_when_a_person_orders_it_and_no_instance_waits() {
    told(&World::quiet(505), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 2).await;
        let before = parked(lab, &group).await;
        let to = other(before.zone.as_str());
        order(lab, &group, before.number, Order::Move { to: to.parse().unwrap() });
        let there = |lab: &Lab| slot(lab, &group, before.number.0).zone.as_str() == to;
        assert!(lab.until(HOUR, there).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let moved = slot(lab, &group, before.number.0);
        assert!(moved.holder.is_none() && moved.state == SlotState::Parked, "{moved:?}");
        let now = scaled_out_elsewhere(lab, &group, &before).await;
        assert_eq!((volume_of(&now), told_data(lab, &now)), (volume_of(&moved), "kept".to_owned()), "{}", lab.story());
        holds_all(lab, &volume_of(&now), &volume_of(&before));
    });
}

#[test]
fn a_slot_that_a_person_retires_comes_back_in_whichever_zone_needs_it() {
    told(&World::quiet(506), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 2).await;
        let before = parked(lab, &group).await;
        order(lab, &group, before.number, Order::Retire);
        let retired = |lab: &Lab| slot(lab, &group, before.number.0).state == SlotState::Retired;
        assert!(lab.until(HOUR, retired).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let now = scaled_out_elsewhere(lab, &group, &before).await;
        assert_ne!(now.zone, before.zone, "{}", lab.story());
        assert!(told_data(lab, &now).starts_with("snapshot "), "{}", told_data(lab, &now));
        holds_all(lab, &volume_of(&now), &volume_of(&before));
        assert_eq!(told_data(lab, &next_in_place(lab, &group, &now).await), "kept");
    });
}

/// The next holder, in the same zone.
async fn next_in_place(lab: &Lab, group: &GroupName, held: &Slot) -> Slot {
    lab.pass(20 * MINUTE).await;
    let next = next_holder(lab, group, held.number.0).await;
    assert_eq!(next.zone, held.zone, "{}", lab.story());
    next
}

#[test]
fn a_restore_from_a_snapshot_that_is_gone_changes_nothing_and_another_may_be_named() {
    told(&World::quiet(507), async |lab: &Lab| {
        let spec = with(SPEC, r#""snapshots":{"every":"30m","keep":{"last":3}}"#);
        let group = three(lab, &spec).await;
        lab.pass(2 * HOUR).await;
        let before = slot(lab, &group, 0);
        let volume = volume_of(&before);
        let found: Vec<SnapshotId> = lab.truth(|aws, _| {
            completed(aws)
                .filter(|s| s.volume_id == volume)
                .map(|s| s.snapshot_id.parse().expect("a good ID"))
                .collect()
        });
        let of = |snapshot: &SnapshotId| BTreeMap::from([("data".parse().unwrap(), snapshot.clone())]);
        order(lab, &group, before.number, Order::Restore { volumes: of(&found[0]) });
        lab.operate("the snapshot vanishes", |aws, _| aws.lose_snapshot(found[0].as_str()));
        kill(lab, &holder_of(&before));
        until_alarms(lab, &group, "SnapshotGone").await;
        let still = slot(lab, &group, 0);
        assert_eq!((volume_of(&still), still.holder.clone()), (volume.clone(), None), "{}", lab.story());
        order(lab, &group, before.number, Order::Restore { volumes: of(&found[1]) });
        let held = |lab: &Lab| slot(lab, &group, 0).holder.is_some() && lab.unserved(&group).is_empty();
        assert!(lab.until(HOUR, held).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let now = slot(lab, &group, 0);
        assert_ne!(volume_of(&now), volume);
        let saved = lab.truth(|aws, _| aws.snapshot_data(found[1].as_str()).cloned()).expect("it is kept");
        assert!(lab.truth(|aws, _| aws.data(&volume_of(&now))).lacks(&saved).is_empty(), "{}", lab.story());
        assert!(exists(lab, &volume), "the old disk is kept");
    });
}

#[test]
fn an_empty_volume_takes_a_lost_ones_place_where_the_spec_says_so_but_never_under_its_holder() {
    told(&World::quiet(508), async |lab: &Lab| {
        let group = three(lab, &with(SPEC, r#""data_lost":"blank""#)).await;
        let before = slot(lab, &group, 0);
        lab.operate("the volume is lost", |aws, _| aws.lose_volume(&volume_of(&before)));
        lab.pass(40 * MINUTE).await;
        let still = slot(lab, &group, 0);
        assert_eq!((volume_of(&still), holder_of(&still)), (volume_of(&before), holder_of(&before)), "{}", lab.story());
        assert!(waits(lab, &group).contains(&"VolumeLost"), "{:?}", waits(lab, &group));
        let now = next_holder(lab, &group, 0).await;
        assert_ne!(volume_of(&now), volume_of(&before));
        assert_eq!(told_data(lab, &now), "blank", "{}", lab.story());
        assert_eq!(told_data(lab, &next_holder(lab, &group, 0).await), "kept", "{}", lab.story());
    });
}

fn size(lab: &Lab, volume: &str) -> u32 {
    lab.truth(|aws, _| aws.volume(volume).map(|volume| volume.size_gib)).expect("it is there")
}

#[test]
fn a_volume_is_changed_four_times_a_day_and_then_waits_for_the_next() {
    told(&World::quiet(509), async |lab: &Lab| {
        let group = three(lab, PLAIN).await;
        let volumes: Vec<String> = (0..3).map(|n| volume_of(&slot(lab, &group, n))).collect();
        let all = |lab: &Lab, wanted: u32| volumes.iter().all(|volume| size(lab, volume) == wanted);
        let began = lab.now();
        for wanted in [21, 22, 23, 24] {
            lab.edit_spec("cass-1", &PLAIN.replace("20GiB", &format!("{wanted}GiB")));
            assert!(lab.until(3 * HOUR, |lab| all(lab, wanted)).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        }
        lab.edit_spec("cass-1", &PLAIN.replace("20GiB", "25GiB"));
        until_waits(lab, &group, "GrowthLimit").await;
        lab.pass(2 * HOUR).await;
        assert!(all(lab, 24), "{}", lab.story());
        assert!(lab.until(24 * HOUR, |lab| all(lab, 25)).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        assert!(lab.now().duration_since(began) >= SignedDuration::from_hours(24));
        let modified = |e: &&Effect| matches!(e.what, EffectKind::VolumeModifying { .. });
        let changes = lab.truth(|aws, _| aws.effects().iter().filter(modified).count());
        assert_eq!(changes, 15, "five of each, and none twice");
    });
}

#[test]
fn a_change_that_ec2_fails_is_named_and_tried_again() {
    told(&World::quiet(510), async |lab: &Lab| {
        let group = three(lab, PLAIN).await;
        let first = volume_of(&slot(lab, &group, 0));
        lab.operate("its next change fails", |aws, _| aws.fail_modification(&first));
        lab.edit_spec("cass-1", &PLAIN.replace("20GiB", "30GiB"));
        until_alarms(lab, &group, "GrowthFailed").await;
        let others = |lab: &Lab| (1..3).map(|n| size(lab, &volume_of(&slot(lab, &group, n)))).max();
        assert_eq!(others(lab), Some(20), "the first goes alone until it is done");
        assert!(lab.until(3 * HOUR, |lab| size(lab, &first) == 30).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        assert!(lab.until(3 * HOUR, |lab| others(lab) == Some(30)).await, "{}", lab.story());
    });
}

#[test]
fn what_a_person_pulled_or_untagged_by_hand_is_put_right() {
    told(&World::quiet(511), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let before = slot(lab, &group, 0);
        let volume = volume_of(&before);
        let detach = DetachVolume { volume_id: volume.clone(), instance_id: None, device: None, force: true };
        lab.operate("pulls it", |aws, _| drop(aws.detach_volume(&detach).unwrap()));
        lab.operate("and takes its slot's tag", |aws, _| {
            aws.delete_tags(std::slice::from_ref(&volume), &[(tags::SLOT.to_owned(), None)]).unwrap();
        });
        lab.pass(Duration::from_secs(30)).await;
        served(lab, &group).await;
        let now = slot(lab, &group, 0);
        assert_eq!((volume_of(&now), holder_of(&now)), (volume.clone(), holder_of(&before)), "{}", lab.story());
        let tagged = |lab: &Lab| lab.truth(|aws, _| aws.volume(&volume).and_then(|v| v.tags.get(tags::SLOT).cloned()));
        assert!(lab.until(LIMIT, |lab| tagged(lab).as_deref() == Some("0")).await, "{}", lab.story());
        assert_eq!(created(lab), 3, "{}", lab.story());
    });
}

#[test]
fn an_interface_that_a_person_deleted_is_made_again_with_its_address() {
    told(&World::quiet(512), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let before = slot(lab, &group, 0);
        let interface = interface_of(&before);
        lab.operate("no capacity", |aws, _| aws.set_capacity(before.zone.as_str(), false));
        kill(lab, &holder_of(&before));
        let free = |lab: &Lab| lab.truth(|aws, _| aws.interface(&interface).is_some_and(|i| i.attachment.is_none()));
        assert!(lab.until(LIMIT, free).await, "{}", lab.story());
        lab.operate("deletes the interface, and there is capacity", |aws, _| {
            aws.delete_network_interface(&interface).unwrap();
            aws.set_capacity(before.zone.as_str(), true);
        });
        assert!(lab.until_served(&group, LIMIT).await, "{}", lab.story());
        let after = slot(lab, &group, 0);
        assert_ne!(interface_of(&after), interface);
        let address = |slot: &Slot| slot.interface.as_ref().and_then(|record| record.ip);
        assert_eq!(address(&after), address(&before));
        assert_eq!(volume_of(&after), volume_of(&before));
        assert!(exists(lab, &volume_of(&before)), "{}", lab.story());
    });
}
