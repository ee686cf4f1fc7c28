//! Actors whose clocks differ by hours, two at every event: what holds all the same, and what does not.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::table::SlotState;
use stateful_asg_sim::model::EffectKind;
use stateful_asg_sim::model::types::VolumeState;
use stateful_asg_sim::typed::Odds;

use crate::moves::{FINAL, anywhere, drive_out, moved, slot, volume_of};
use crate::{LIMIT, SPEC, created, holder, identity, kill, served, three, told, until_alarms};

const HOUR: Duration = Duration::from_secs(3600);
/// By so much each invocation's clock may be wrong, either way.
const WRONG: Duration = Duration::from_secs(3 * 3600);

/// From now on nobody knows the time, and two actors come to every event.
fn lose_the_time(lab: &Lab) {
    lab.bus.set_actors(2);
    lab.bus.set_skew(WRONG);
    lab.rules.borrow_mut().allow_skew(WRONG);
}

fn find_the_time(lab: &Lab) {
    lab.bus.set_actors(1);
    lab.bus.set_skew(Duration::ZERO);
}

fn wrong_clocks(lab: &Lab) -> u64 {
    lab.bus.counts().get("invocation with a wrong clock").copied().unwrap_or_default()
}

/// Worlds in which the lease is kept, and in which everyone has it.
fn worlds(first: u64) -> impl Iterator<Item = World> {
    (first..first + 4).map(|seed| World { leases_off: seed % 2 == 1, ..World::quiet(seed) })
}

#[test]
fn a_replacement_whose_actors_clocks_differ_by_hours_keeps_everything() {
    for world in worlds(700) {
        told(&world, async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            let before = [0, 1, 2].map(|number| identity(lab, &group, number));
            lose_the_time(lab);
            let old = holder(lab, &group, 0);
            kill(lab, &old);
            lab.pass(HOUR).await;
            assert!(wrong_clocks(lab) > 20, "{}", lab.story());
            find_the_time(lab);
            // A lease that was taken by a clock three hours ahead, and never given back, lasts as long.
            assert!(lab.until_served(&group, 4 * HOUR).await, "{}\n{:#?}", lab.story(), lab.unserved(&group));
            assert_ne!(holder(lab, &group, 0), old, "{}", lab.story());
            let now = [0, 1, 2].map(|number| identity(lab, &group, number));
            assert_eq!((now, created(lab)), (before, 3), "{}", lab.story());
        });
    }
}

#[test]
fn a_lost_volume_waits_for_a_person_however_clocks_differ() {
    for world in worlds(710) {
        told(&world, async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            let volume = identity(lab, &group, 0).0["data"].clone();
            lose_the_time(lab);
            kill(lab, &holder(lab, &group, 0));
            lab.operate("the volume is lost", |aws, _| aws.lose_volume(&volume));
            lab.pass(HOUR).await;
            assert_eq!(created(lab), 2, "{}", lab.story());
            find_the_time(lab);
            until_alarms(lab, &group, "VolumeLost").await;
            assert_eq!((created(lab), volume_of(&slot(lab, &group, 0))), (2, volume), "{}", lab.story());
        });
    }
}

/// The rules, which are held against the truth at every call, ask for the proof of each deletion.
#[test]
fn a_superseded_volume_is_deleted_on_proof_alone_however_clocks_differ() {
    let mut early = 0;
    for world in worlds(720) {
        told(&world, async |lab: &Lab| {
            let group = anywhere(lab, FINAL, 1).await;
            let before = slot(lab, &group, 0);
            drive_out(lab, &group, 0);
            moved(lab, &group, &before).await;
            let (since, old) = (lab.now(), volume_of(&before));
            lose_the_time(lab);
            let gone = |lab: &Lab| lab.truth(|aws, _| aws.volume(&old).is_none());
            assert!(lab.until(8 * HOUR, gone).await, "{}", lab.story());
            let rested = lab.now().duration_since(since);
            early += u32::from(rested < jiff::SignedDuration::from_mins(80));
            find_the_time(lab);
            served(lab, &group).await;
        });
    }
    // A grace of an hour and a rest of twenty minutes are times by clocks, and as long as clocks say.
    assert!(early > 0, "no deletion came before its time");
}

#[test]
fn a_move_whose_actors_clocks_differ_by_hours_loses_nothing_that_was_written() {
    for world in worlds(730) {
        told(&world, async |lab: &Lab| {
            let group = anywhere(lab, FINAL, 1).await;
            let before = slot(lab, &group, 0);
            lose_the_time(lab);
            drive_out(lab, &group, 0);
            lab.pass(HOUR).await;
            find_the_time(lab);
            lab.until(4 * HOUR, |lab| lab.unserved(&group).is_empty()).await;
            moved(lab, &group, &before).await;
        });
    }
}

/// A parked slot's volume stands, free, while every reading misses it for four minutes; `data_lost` is `blank`. Whether it
/// is replaced.
fn taken_for_lost(seed: u64, wrong: Duration) -> bool {
    let spec = SPEC.replace(r#""launch""#, r#""data_lost":"blank","launch""#);
    simulate(&World::quiet(seed), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(&spec, 2).in_one_zone());
        served(lab, &group).await;
        lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
        let is_parked = |lab: &Lab, number| slot(lab, &group, number).state == SlotState::Parked;
        assert!(lab.until(LIMIT, |lab| is_parked(lab, 0) || is_parked(lab, 1)).await, "{}", lab.story());
        let number = u32::from(is_parked(lab, 1));
        lab.pass(LIMIT).await;
        let before = volume_of(&slot(lab, &group, number));
        lab.bus.set_skew(wrong);
        lab.region.faults(|faults| faults.odds = Odds { item_missing: 1000, ..Odds::default() });
        for _ in 0..4 {
            lab.bus.inject(stateful_asg_campaign::actors::Function::Lifecycle, settle_event(&group));
            lab.pass(Duration::from_secs(60)).await;
        }
        lab.region.faults(|faults| faults.heal());
        lab.bus.set_skew(Duration::ZERO);
        let stands = lab.truth(|aws, _| aws.volume(&before).is_some_and(|v| v.state == VolumeState::Available));
        assert!(stands, "{}", lab.story());
        let missed = lab.truth(|aws, _| {
            aws.effects().iter().all(|effect| !matches!(effect.what, EffectKind::VolumeDeleting { .. }))
        });
        assert!(missed, "nothing is deleted for it\n{}", lab.story());
        let replaced = slot(lab, &group, number)
            .volumes
            .values()
            .any(|record| record.id.as_ref().is_none_or(|id| id.as_str() != before));
        assert_eq!(lab.violations().iter().any(|violation| violation.rule == 1), replaced, "{:#?}", lab.violations());
        replaced
    })
}

fn settle_event(group: &stateful_asg_core::ids::GroupName) -> serde_json::Value {
    serde_json::json!({"source": "stateful-asg", "detail-type": "Settle",
        "detail": {"group": group.as_str(), "deployment": "test"}})
}

/// What rests on clocks: that readings which miss a volume do so for ten minutes.
#[test]
fn ten_minutes_in_which_a_volume_is_missed_are_as_long_as_clocks_agree() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for seed in 740..746 {
        // Two clocks that are wrong by two minutes and a half differ by five at most.
        for wrong in [Duration::ZERO, Duration::from_secs(150)] {
            assert!(
                !taken_for_lost(seed, wrong),
                "seed {seed}: missed for four minutes, with clocks wrong by {wrong:?}"
            );
        }
    }
    let taken = (740..746).filter(|seed| taken_for_lost(*seed, minutes(180))).count();
    assert!(taken > 0, "clocks that differ by hours made nothing of it");
}
