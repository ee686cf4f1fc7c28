//! Slots over months: retired and back, restored, grown, and what is lost.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

use std::collections::BTreeMap;
use std::time::Duration;

use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::{GroupName, SnapshotId};
use stateful_asg_core::table::SlotState;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Order;
use stateful_asg_sim::model::types::SnapshotState;
use stateful_asg_sim::model::{Data, EffectKind};

use crate::moves::{holder_of, slot, volume_of};
use crate::{LIMIT, kill, served, three, told, until_waits, waits};

const HOUR: Duration = Duration::from_secs(3600);
const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal"},"slots":{"retire_after":"2h"},"zones":{"keep_source":"1h"},"snapshots":{"every":"30m","keep":{"last":2}},"launch":{"surge_wait":"2m"}}"#;

fn data_tag(lab: &Lab, instance: &str) -> String {
    lab.truth(|aws, _| aws.instance(instance).and_then(|i| i.tags.get(tags::DATA).cloned())).unwrap_or_default()
}

fn data(lab: &Lab, volume: &str) -> Data {
    lab.truth(|aws, _| aws.data(volume))
}

/// The slot that was parked by a scale-in to two.
async fn parked(lab: &Lab, group: &GroupName) -> u32 {
    lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 2).unwrap());
    let of = |lab: &Lab| {
        lab.truth(|_, table| table.slots(group).find(|s| s.state == SlotState::Parked).map(|slot| slot.number.0))
    };
    assert!(lab.until(LIMIT, |lab| of(lab).is_some()).await, "{}", lab.story());
    of(lab).expect("it was just there")
}

#[test]
fn a_parked_slot_is_retired_deleted_on_proof_and_comes_back_with_its_data() {
    told(&World::quiet(400), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(Duration::from_secs(600)).await;
        let number = parked(lab, &group).await;
        let before = slot(lab, &group, number);
        let (volume, interface) =
            (volume_of(&before), before.interface.clone().and_then(|i| i.id).expect("it has one"));
        lab.pass(HOUR).await;
        assert_eq!(slot(lab, &group, number).state, SlotState::Parked, "not before its time");
        lab.pass(4 * HOUR).await;
        let retired = slot(lab, &group, number);
        assert_eq!(retired.state, SlotState::Retired, "{}", lab.story());
        let left = lab.truth(|aws, _| {
            let name = format!("cass-{number}.prod.internal");
            (
                aws.volume(&volume).cloned(),
                aws.interface(interface.as_str()).cloned(),
                aws.record(&lab.zone, &name, "A").cloned(),
            )
        });
        assert_eq!(left, (None, None, None), "{}", lab.story());
        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 3).unwrap());
        lab.pass(Duration::from_secs(60)).await;
        served(lab, &group).await;
        let now = slot(lab, &group, number);
        let lacks = data(lab, &volume_of(&now)).lacks(&data(lab, &volume));
        assert!(lacks.is_empty(), "{}\n{lacks:?}", lab.story());
        assert!(data_tag(lab, &holder_of(&now)).starts_with("snapshot "), "{}", data_tag(lab, &holder_of(&now)));
    });
}

#[test]
fn without_the_right_to_delete_a_retired_slot_keeps_its_volume_and_says_so() {
    let limits = stateful_asg_core::spec::Limits { deletes: false, ..stateful_asg_core::spec::Limits::unlimited() };
    told(&World { limits, ..World::quiet(401) }, async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let number = parked(lab, &group).await;
        let volume = volume_of(&slot(lab, &group, number));
        lab.pass(5 * HOUR).await;
        assert_eq!(slot(lab, &group, number).state, SlotState::Retired, "{}", lab.story());
        assert!(lab.truth(|aws, _| aws.volume(&volume).is_some()), "{}", lab.story());
        assert!(waits(lab, &group).contains(&"DeletesOff"), "{:?}", waits(lab, &group));
    });
}

/// A completed snapshot of the volume, and the moment that it shows.
fn a_snapshot(lab: &Lab, volume: &str) -> SnapshotId {
    lab.truth(|aws, _| {
        let found = aws.snapshots().find(|s| s.volume_id == volume && s.state == SnapshotState::Completed);
        found.expect("there is one").snapshot_id.parse().expect("a good ID")
    })
}

#[test]
fn a_restore_waits_for_the_holder_keeps_the_old_disk_and_tells_the_guest() {
    told(&World::quiet(402), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(2 * HOUR).await;
        let before = slot(lab, &group, 0);
        let snapshot = a_snapshot(lab, &volume_of(&before));
        let volumes = BTreeMap::from([("data".parse().unwrap(), snapshot.clone())]);
        let at = lab.now();
        lab.operate("orders to restore", |_, table| {
            table.edit_slot((&group, before.number), (at, "operator"), |slot| {
                slot.upkeep.order = Some(Order::Restore { volumes })
            })
        });
        until_waits(lab, &group, "Ordered").await;
        assert_eq!(volume_of(&slot(lab, &group, 0)), volume_of(&before));
        kill(lab, &holder_of(&before));
        lab.pass(Duration::from_secs(120)).await;
        served(lab, &group).await;
        let now = slot(lab, &group, 0);
        assert_ne!(volume_of(&now), volume_of(&before), "{}", lab.story());
        assert!(data_tag(lab, &holder_of(&now)).starts_with("snapshot "), "{}", data_tag(lab, &holder_of(&now)));
        let saved = lab.truth(|aws, _| aws.snapshot_data(snapshot.as_str()).cloned()).expect("it is there");
        assert!(data(lab, &volume_of(&now)).lacks(&saved).is_empty());
        let old =
            lab.truth(|aws, _| aws.volume(&volume_of(&before)).map(|v| v.tags.clone())).expect("the old disk is kept");
        assert!(old.contains_key(tags::SUPERSEDED), "{old:?}");
        lab.pass(5 * HOUR).await;
        assert!(lab.truth(|aws, _| aws.volume(&volume_of(&before)).is_some()), "only a person deletes it");
    });
}

#[test]
fn growth_goes_from_one_slot_to_the_next() {
    told(&World::quiet(403), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.edit_spec("cass-1", &SPEC.replace("20GiB", "30GiB"));
        let done = |lab: &Lab| {
            (0..3).all(|n| {
                let volume = volume_of(&slot(lab, &group, n));
                lab.truth(|aws, _| {
                    aws.volume(&volume).is_some_and(|v| v.size_gib == 30)
                        && aws.modification(&volume).is_some_and(|m| m.state.name() == "completed")
                })
            })
        };
        assert!(lab.until(3 * HOUR, done).await, "{}", lab.story());
        lab.pass(HOUR).await;
        let mut under_way = 0_i32;
        let mut begun = 0;
        for effect in lab.truth(|aws, _| aws.effects().to_vec()) {
            match effect.what {
                EffectKind::VolumeModifying { .. } => {
                    under_way += 1;
                    begun += 1;
                    assert_eq!(under_way, 1, "one after the other: {}", lab.story());
                }
                EffectKind::VolumeModification { state, .. } if state.name() == "completed" => under_way -= 1,
                _ => {}
            }
        }
        assert_eq!(begun, 3, "no call that changes nothing");
        let told = lab.truth(|aws, _| {
            aws.instance(&holder_of(&slot(lab, &group, 1))).and_then(|i| i.tags.get("stateful-asg:size:data").cloned())
        });
        assert_eq!(told.as_deref(), Some("30"), "the guest hears that it may grow its filesystem");
    });
}

#[test]
fn a_smaller_size_is_refused_and_named() {
    told(&World::quiet(404), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.edit_spec("cass-1", &SPEC.replace("20GiB", "10GiB"));
        kill(lab, &holder_of(&slot(lab, &group, 0)));
        until_waits(lab, &group, "SpecRefused").await;
        served(lab, &group).await;
        assert!(
            !lab.truth(|aws, _| aws.effects().iter().any(|e| matches!(e.what, EffectKind::VolumeModifying { .. })))
        );
    });
}

#[test]
fn a_lost_volume_comes_back_from_its_newest_snapshot_where_the_spec_says_so() {
    told(&World::quiet(405), async |lab: &Lab| {
        let spec = SPEC.replace(r#""launch""#, r#""data_lost":{"snapshot_up_to":"1h"},"launch""#);
        let group = three(lab, &spec).await;
        lab.pass(2 * HOUR).await;
        let before = slot(lab, &group, 0);
        lab.operate("the volume is lost, and its instance with it", |aws, _| {
            aws.lose_volume(&volume_of(&before));
            aws.terminate_instances(&[holder_of(&before)]).is_ok()
        });
        let back = |lab: &Lab| slot(lab, &group, 0).holder.is_some() && lab.unserved(&group).is_empty();
        lab.pass(Duration::from_secs(120)).await;
        assert!(lab.until(HOUR, back).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let now = slot(lab, &group, 0);
        assert!(data_tag(lab, &holder_of(&now)).starts_with("stale "), "{}", data_tag(lab, &holder_of(&now)));
        assert!(data(lab, &volume_of(&now)).marks() > 60, "{}", lab.story());
    });
}

#[test]
fn a_lost_volume_waits_for_a_person_by_default() {
    told(&World::quiet(406), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        lab.pass(HOUR).await;
        let before = slot(lab, &group, 0);
        lab.operate("the volume is lost, and its instance with it", |aws, _| {
            aws.lose_volume(&volume_of(&before));
            aws.terminate_instances(&[holder_of(&before)]).is_ok()
        });
        lab.pass(Duration::from_secs(1200)).await;
        until_waits(lab, &group, "VolumeLost").await;
        let record = slot(lab, &group, 0).volumes.values().next().cloned().expect("it is on record");
        assert!(record.born && record.id.is_some(), "{record:?}");
    });
}
