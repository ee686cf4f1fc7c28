//! What comes in between while a slot moves: snapshots and volumes that vanish, a zone that dies, edits, other actors.

use std::time::Duration;

use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{Order, Stage};
use stateful_asg_sim::model::types::{AttachVolume, DetachVolume};
use stateful_asg_sim::model::{EffectKind, Span, Timings};
use stateful_asg_sim::typed::Fault;

use crate::moves::{FINAL, anywhere, drive_out, holder_of, moved, other, slot, succeeded, volume_of};
use crate::{LIMIT, created, kill, told, until_alarms, until_waits, waits};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn slow(snapshot: u64) -> Timings {
    Timings { snapshot: Span::secs(snapshot, snapshot), ..Timings::default() }
}

async fn until_stage(lab: &Lab, group: &GroupName, stage: Stage) {
    let there = |lab: &Lab| slot(lab, group, 0).upkeep.change.is_some_and(|change| change.stage == stage);
    assert!(lab.until(LIMIT, there).await, "{}\n{:?}", lab.story(), waits(lab, group));
}

/// A move that a person ordered for a parked slot: nobody waits for it, so that each settle ends with what keeps it.
#[test]
fn a_last_snapshot_that_fails_calls_a_person_and_is_taken_again() {
    told(&World::quiet(708), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 2).await;
        lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
        let parked = |lab: &Lab| {
            lab.truth(|_, table| table.slots(&group).find(|s| s.state == SlotState::Parked).map(|s| Slot::clone(s)))
        };
        assert!(lab.until(LIMIT, |lab| parked(lab).is_some()).await, "{}", lab.story());
        let before = parked(lab).expect("it was just there");
        let (at, number, to) = (lab.now(), before.number, other(before.zone.as_str()));
        lab.operate("orders to move it, and its next snapshot fails", |aws, table| {
            aws.fail_snapshot(&volume_of(&before));
            table.edit_slot((&group, number), (at, "operator"), |slot| {
                slot.upkeep.order = Some(Order::Move { to: to.parse().expect("a good name") });
            });
        });
        until_alarms(lab, &group, "SnapshotFailed").await;
        let there = |lab: &Lab| slot(lab, &group, number.0).zone.as_str() == to;
        assert!(lab.until(HOUR, there).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        succeeded(lab, &before, &slot(lab, &group, number.0));
    });
}

/// The last snapshots of this volume, the latest begun last.
fn last_snapshots(lab: &Lab, volume: &str) -> Vec<String> {
    let is_last = |operation: Option<&String>| operation.is_some_and(|tag| tag.starts_with("final"));
    lab.truth(|aws, _| {
        let mut found: Vec<_> = aws
            .snapshots()
            .filter(|snapshot| snapshot.volume_id == volume && is_last(snapshot.tags.get(tags::OPERATION)))
            .map(|snapshot| (snapshot.start_time, snapshot.snapshot_id.clone()))
            .collect();
        found.sort();
        found.into_iter().map(|(_, id)| id).collect()
    })
}

#[test]
fn a_last_snapshot_that_vanishes_while_it_is_taken_is_taken_again() {
    told(&World { timings: slow(120), ..World::quiet(700) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let source = volume_of(&before);
        drive_out(lab, &group, 0);
        assert!(lab.until(LIMIT, |lab| !last_snapshots(lab, &source).is_empty()).await, "{}", lab.story());
        let [first] = last_snapshots(lab, &source).try_into().expect("one is taken");
        lab.operate("it vanishes", |aws, _| aws.lose_snapshot(&first));
        moved(lab, &group, &before).await;
        assert_eq!(last_snapshots(lab, &source).len(), 1, "{}", lab.story());
    });
}

#[test]
fn a_source_that_vanishes_before_it_is_saved_ends_the_move_and_a_person_is_called() {
    told(&World::quiet(701), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        let volumes = created(lab);
        lab.region.faults(|faults| faults.forbidden.insert("ec2:CreateSnapshot".to_owned()));
        drive_out(lab, &group, 0);
        until_stage(lab, &group, Stage::Saving).await;
        lab.operate("the source vanishes", |aws, _| aws.lose_volume(&volume_of(&before)));
        lab.region.faults(|faults| faults.forbidden.clear());
        until_alarms(lab, &group, "VolumeLost").await;
        lab.pass(HOUR).await;
        let now = slot(lab, &group, 0);
        assert_eq!((volume_of(&now), &now.zone), (volume_of(&before), &before.zone), "{}", lab.story());
        assert_eq!(created(lab), volumes - 1, "nothing takes its place: {}", lab.story());
    });
}

/// The move has saved everything, and cannot make a volume yet.
async fn saved_and_stopped(lab: &Lab, group: &GroupName) -> Slot {
    let before = slot(lab, group, 0);
    lab.operate("no more volumes", |aws, _| {
        let used = aws.volumes().count();
        aws.set_volume_quota(Some(used));
    });
    drive_out(lab, group, 0);
    until_stage(lab, group, Stage::Making).await;
    before
}

#[test]
fn a_source_that_vanishes_after_it_was_saved_costs_time_and_nothing_else() {
    told(&World::quiet(702), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = saved_and_stopped(lab, &group).await;
        lab.operate("the source vanishes, and there is room", |aws, _| {
            aws.lose_volume(&volume_of(&before));
            aws.set_volume_quota(None);
        });
        moved(lab, &group, &before).await;
    });
}

#[test]
fn a_zone_that_dies_after_the_last_snapshot_was_begun_is_waited_for_and_named() {
    told(&World { timings: slow(300), ..World::quiet(703) }, async |lab: &Lab| {
        let spec = FINAL.replace(r#""final""#, r#"{"stale_up_to":"2h"}"#);
        let group = anywhere(lab, &spec, 1).await;
        lab.pass(30 * MINUTE).await;
        let before = slot(lab, &group, 0);
        let source = volume_of(&before);
        drive_out(lab, &group, 0);
        assert!(lab.until(LIMIT, |lab| !last_snapshots(lab, &source).is_empty()).await, "{}", lab.story());
        lab.operate("the zone dies", |aws, _| aws.set_zone_reachable(before.zone.as_str(), false));
        let overdue = |lab: &Lab| waits(lab, &group).contains(&"Overdue");
        assert!(lab.until(HOUR, overdue).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        until_waits(lab, &group, "SnapshotPending").await;
        assert_eq!(slot(lab, &group, 0).zone, before.zone, "{}", lab.story());
        lab.operate("it is back", |aws, _| aws.set_zone_reachable(before.zone.as_str(), true));
        moved(lab, &group, &before).await;
    });
}

/// An instance of nobody's in this zone.
async fn foreign_in(lab: &Lab, zone: &str) -> String {
    let zones = vec![zone.to_owned()];
    let rescue =
        NewGroup { hooks: false, group: "rescue".to_owned(), zones, ..NewGroup::cass(FINAL, 1).named("rescue") };
    lab.create(&rescue);
    lab.pass(2 * MINUTE).await;
    lab.truth(|aws, _| aws.members("rescue").next().map(|m| m.instance_id.clone())).expect("it runs")
}

/// The foreign instance has the volume for some minutes, and writes to it.
async fn written_by(lab: &Lab, foreign: &str, volume: &str) {
    let request =
        AttachVolume { volume_id: volume.to_owned(), instance_id: foreign.to_owned(), device: "/dev/sdz".to_owned() };
    lab.operate("attaches it by hand", |aws, _| drop(aws.attach_volume(&request).expect("it is free")));
    lab.pass(4 * MINUTE).await;
    assert_eq!(lab.truth(|aws, _| aws.writer(volume).map(str::to_owned)).as_deref(), Some(foreign));
    let request = DetachVolume { volume_id: volume.to_owned(), instance_id: None, device: None, force: true };
    lab.operate("and lets it go", |aws, _| drop(aws.detach_volume(&request).expect("it is attached")));
    lab.pass(MINUTE).await;
}

#[test]
fn a_source_that_was_written_to_while_its_successor_is_made_is_saved_again() {
    told(&World::quiet(704), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let foreign = foreign_in(lab, slot(lab, &group, 0).zone.as_str()).await;
        let before = saved_and_stopped(lab, &group).await;
        let source = volume_of(&before);
        written_by(lab, &foreign, &source).await;
        lab.operate("there is room", |aws, _| aws.set_volume_quota(None));
        moved(lab, &group, &before).await;
        assert_eq!(last_snapshots(lab, &source).len(), 2, "{}", lab.story());
    });
}

/// What a person writes to a source when its successors stand is in none of them: the source is kept for that person.
#[test]
fn a_source_that_was_written_to_while_its_successor_takes_its_place_is_kept_for_good() {
    told(&World::quiet(705), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let foreign = foreign_in(lab, slot(lab, &group, 0).zone.as_str()).await;
        let before = slot(lab, &group, 0);
        let source = volume_of(&before);
        drive_out(lab, &group, 0);
        until_stage(lab, &group, Stage::Making).await;
        lab.region.faults(|faults| faults.forbidden.insert("ec2:CreateTags".to_owned()));
        until_stage(lab, &group, Stage::Switching).await;
        written_by(lab, &foreign, &source).await;
        lab.region.faults(|faults| faults.forbidden.clear());
        let there = |lab: &Lab| slot(lab, &group, 0).holder.is_some() && lab.unserved(&group).is_empty();
        assert!(lab.until(HOUR, there).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        lab.pass(3 * HOUR).await;
        assert!(lab.truth(|aws, _| aws.volume(&source).is_some()), "{}", lab.story());
        assert!(slot(lab, &group, 0).upkeep.superseded[&source.parse().unwrap()].keep, "{}", lab.story());
    });
}

#[test]
fn a_bad_edit_in_the_middle_of_a_move_is_named_and_the_move_goes_on() {
    // Long enough for the hook to be read meanwhile.
    told(&World { timings: slow(1200), ..World::quiet(706) }, async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        until_stage(lab, &group, Stage::Saving).await;
        lab.edit_spec(
            "cass-1",
            r#"{"v":1,"volumes":{"data":{"size":"5GiB","colour":"red"}},"zones":{"move":"perhaps"}}"#,
        );
        moved(lab, &group, &before).await;
        until_waits(lab, &group, "SpecRefused").await;
    });
}

#[test]
fn two_actors_on_one_slot_move_it_once() {
    for seed in 710..720 {
        told(&World { leases_off: true, ..World::quiet(seed) }, async |lab: &Lab| {
            let group = anywhere(lab, FINAL, 1).await;
            let before = slot(lab, &group, 0);
            lab.bus.set_odds(BusOdds { doubled: 1000, late: (300, 40), ..BusOdds::default() });
            // One of them sleeps through a part of it, and goes on with what it knew.
            let first = lab.region.faults(|faults| faults.changes());
            lab.region
                .faults(|faults| faults.at_change(first + 3 * (seed - 705), Fault::Pause(Duration::from_secs(45))));
            drive_out(lab, &group, 0);
            moved(lab, &group, &before).await;
            lab.bus.set_odds(BusOdds::default());
            let gone = |lab: &Lab| lab.truth(|aws, _| aws.volume(&volume_of(&before)).is_none());
            assert!(lab.until(3 * HOUR, gone).await, "{}\n{:?}", lab.story(), waits(lab, &group));
            lab.pass(30 * MINUTE).await;
            assert_eq!(created(lab), 1, "{}", lab.story());
        });
    }
}

#[test]
fn without_leave_to_move_a_launch_in_another_zone_is_named_and_given_up() {
    told(&World::quiet(707), async |lab: &Lab| {
        let never = FINAL.replace(r#""final""#, r#""never""#);
        let group = anywhere(lab, &never, 1).await;
        let before = slot(lab, &group, 0);
        drive_out(lab, &group, 0);
        until_alarms(lab, &group, "ZoneBlocked").await;
        let given_up = |lab: &Lab| {
            lab.truth(|aws, _| {
                let abandoned = |what: &EffectKind| {
                    matches!(what, EffectKind::HookCompleted { result, timeout: false, .. }
                        if *result == stateful_asg_sim::model::types::LifecycleResult::Abandon)
                };
                aws.effects().iter().any(|effect| abandoned(&effect.what))
            })
        };
        assert!(lab.until(LIMIT, given_up).await, "{}", lab.story());
        assert_eq!((slot(lab, &group, 0).zone, created(lab)), (before.zone.clone(), 1), "{}", lab.story());
        lab.operate("its zone has capacity again, and the other none", |aws, _| {
            aws.set_capacity(before.zone.as_str(), true);
            aws.set_capacity(other(before.zone.as_str()), false);
        });
        assert!(lab.until_served(&group, HOUR).await, "{}\n{:#?}", lab.story(), lab.unserved(&group));
        let now = slot(lab, &group, 0);
        assert_eq!((volume_of(&now), &now.zone), (volume_of(&before), &before.zone), "{}", lab.story());
        assert_ne!(holder_of(&now), holder_of(&before));
        kill(lab, &holder_of(&now));
    });
}
