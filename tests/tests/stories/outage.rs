//! Moves out of a zone that is out of reach: from a snapshot that is fresh enough, or not at all.

use std::time::Duration;

use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::LifecycleState;

use crate::moves::{FINAL, anywhere, drive_out, holder_of, moved, slot, volume_of};
use crate::{LIMIT, told};

/// The slot's volume is free, and its zone goes out of reach before the last snapshot can be taken.
async fn cut_off(lab: &Lab, group: &GroupName) -> Slot {
    let before = slot(lab, group, 0);
    lab.region.faults(|faults| faults.forbidden.insert("ec2:CreateSnapshot".to_owned()));
    drive_out(lab, group, 0);
    let volume = volume_of(&before);
    let free = |lab: &Lab| lab.truth(|aws, _| aws.volume(&volume).is_some_and(|v| v.attachments.is_empty()));
    assert!(lab.until(LIMIT, free).await, "{}", lab.story());
    let begun = |lab: &Lab| slot(lab, group, 0).upkeep.change.is_some();
    assert!(lab.until(LIMIT, begun).await, "{}", lab.story());
    lab.operate("the zone is out of reach", |aws, _| aws.set_zone_reachable(before.zone.as_str(), false));
    lab.region.faults(|faults| faults.forbidden.clear());
    before
}

#[test]
fn where_the_old_zone_is_out_of_reach_a_fresh_enough_snapshot_serves_and_the_guest_hears_it() {
    told(&World::quiet(220), async |lab: &Lab| {
        let spec = FINAL.replace(r#""final""#, r#"{"stale_up_to":"2h"}"#);
        let group = anywhere(lab, &spec, 1).await;
        lab.pass(Duration::from_secs(1800)).await;
        let before = cut_off(lab, &group).await;
        // The old instance cannot end while its zone is out of reach: the new one serves all the same.
        let there = |lab: &Lab| {
            let now = slot(lab, &group, 0);
            let serves =
                |h: &str| lab.truth(|aws, _| aws.member(h).is_some_and(|m| m.state == LifecycleState::InService));
            now.zone != before.zone && now.holder.is_some_and(|holder| serves(holder.instance.as_str()))
        };
        assert!(lab.until(Duration::from_secs(3600), there).await, "{}", lab.story());
        let now = slot(lab, &group, 0);
        let said = lab.truth(|aws, _| aws.instance(&holder_of(&now)).and_then(|i| i.tags.get(tags::DATA).cloned()));
        assert!(said.as_ref().is_some_and(|said| said.starts_with("stale ")), "{said:?}");
        let kept = &now.upkeep.superseded[&volume_of(&before).parse().unwrap()];
        assert!(kept.keep, "what no snapshot holds is never deleted by itself: {kept:?}");
    });
}

#[test]
fn where_the_old_zone_is_out_of_reach_and_no_snapshot_is_fresh_enough_it_waits_and_says_so() {
    for (n, rule) in [r#""final""#, r#"{"stale_up_to":"10m"}"#].into_iter().enumerate() {
        told(&World::quiet(222 + n as u64), async |lab: &Lab| {
            let group = anywhere(lab, &FINAL.replace(r#""final""#, rule), 1).await;
            lab.pass(Duration::from_secs(2700)).await;
            let before = cut_off(lab, &group).await;
            let name = if n == 0 { "CallFailed" } else { "SnapshotTooOld" };
            let named = |lab: &Lab| lab.bus.functions().seen().waits.contains_key(name);
            assert!(lab.until(Duration::from_secs(1800), named).await, "{}", lab.story());
            lab.pass(Duration::from_secs(1200)).await;
            assert_eq!(slot(lab, &group, 0).zone, before.zone, "{}", lab.story());
            lab.operate("it is back", |aws, _| aws.set_zone_reachable(before.zone.as_str(), true));
            moved(lab, &group, &before).await;
        });
    }
}
