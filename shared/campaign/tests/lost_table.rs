//! What a function may answer when the table is lost under it: what it read is still true, or it is noticed.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_core::ids::SlotNumber;
use stateful_asg_sim::model::types::{AttachmentStatus, LifecycleActionRef, LifecycleResult, VolumeAttachment};

const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;

/// How far the one member has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Held,
    Attached,
}

fn holder(lab: &Lab) -> Option<String> {
    lab.truth(|_, table| {
        table.all_slots().find_map(|(_, slot)| slot.holder.as_ref().map(|holder| holder.instance.to_string()))
    })
}

fn is_attached(lab: &Lab) -> bool {
    let attached = |a: &VolumeAttachment| a.status == AttachmentStatus::Attached;
    lab.truth(|aws, _| aws.volumes().any(|volume| volume.attachments.iter().any(attached)))
}

fn answer(lab: &Lab, instance: &str) {
    let action = LifecycleActionRef {
        group: "cass-1".to_owned(),
        hook: "stateful-asg-test-launch".to_owned(),
        token: None,
        instance_id: Some(instance.to_owned()),
    };
    lab.region.act("fn:rogue", |aws, _| {
        aws.complete_lifecycle_action(&action, LifecycleResult::Continue).expect("it waits");
    });
}

/// What is noticed when the launch is answered after `meanwhile`, which happens once its one member has come so far.
fn noticed(stage: Stage, meanwhile: impl FnOnce(&Lab)) -> Vec<String> {
    simulate(&World::quiet(1), async |lab: &Lab| {
        lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        while holder(lab).is_none() || (stage == Stage::Attached && !is_attached(lab)) {
            lab.pass(Duration::from_millis(10)).await;
        }
        assert_eq!(is_attached(lab), stage == Stage::Attached);
        let instance = holder(lab).expect("it was just there");
        meanwhile(lab);
        answer(lab, &instance);
        lab.violations().iter().map(|violation| violation.text.clone()).collect()
    })
}

#[test]
fn who_was_served_when_the_table_was_lost_may_be_let_in() {
    assert_eq!(noticed(Stage::Attached, Lab::lose_table), [""; 0]);
}

#[test]
fn who_lacks_a_volume_is_noticed_though_the_table_was_lost() {
    let noticed = noticed(Stage::Held, Lab::lose_table);
    assert!(matches!(&noticed[..], [one] if one.contains("its volume data")), "{noticed:?}");
}

#[test]
fn who_holds_no_slot_is_noticed_though_another_table_was_lost_just_before() {
    let noticed = noticed(Stage::Attached, |lab| {
        let now = lab.now();
        lab.region.truth(|_, table| lab.rules.borrow_mut().table_lost(now, table));
        let group = "cass".parse().expect("a good name");
        lab.region.act("operator", |_, table| {
            table.edit_slot((&group, SlotNumber(0)), (now, "operator"), |slot| slot.holder = None)
        });
    });
    assert!(noticed.iter().any(|text| text.contains("exactly one slot")), "{noticed:?}");
}

#[test]
fn who_holds_no_slot_is_noticed_when_the_loss_is_long_ago() {
    let noticed = noticed(Stage::Attached, |lab| {
        let long_ago = lab.now() - jiff::SignedDuration::from_mins(1);
        lab.region.truth(|_, table| lab.rules.borrow_mut().table_lost(long_ago, table));
        lab.operate("loses the table", |_, table| table.wipe());
    });
    assert!(noticed.iter().any(|text| text.contains("exactly one slot")), "{noticed:?}");
}
