//! What one reading must be made of: parts that others change meanwhile are read in the right order, or once more.

use std::time::Duration;

use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::cloud::InstanceState;
use stateful_asg_core::ids::{GroupName, InstanceId, VolumeId};
use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan;
use stateful_asg_core::spec::Limits;
use stateful_asg_core::table::Group;
use stateful_asg_core::tags;
use stateful_asg_core::waiting::Reads;
use stateful_asg_runtime::observe::{Target, observe, refresh};
use stateful_asg_runtime::ports::Clock;
use stateful_asg_sim::model::types::{AttachVolume, DetachVolume};
use stateful_asg_sim::model::{Effect, EffectKind};
use stateful_asg_sim::typed::{Fault, SimWorld};

use crate::{LIMIT, PLAIN, SPEC, holder, holders, identity, served, three, told};

async fn read(lab: &Lab, world: &SimWorld, group: &GroupName, record: Option<Option<Group>>) -> Observed {
    let target = Target { group: group.clone(), deployment: lab.deployment.clone(), limits: Limits::unlimited() };
    observe(world, &target, record, Notes::default()).await.expect("nothing is wrong")
}

/// Everything rests but what the story does.
async fn at_rest(lab: &Lab) {
    lab.pass(Duration::from_secs(120)).await;
    lab.bus.set_odds(BusOdds::CUT);
}

#[test]
fn what_a_dead_holder_leaves_is_read_after_its_death_was_seen() {
    told(&World::quiet(50), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        at_rest(lab).await;
        let (holder, volume) = (holder(lab, &group, 0), identity(lab, &group, 0).0["data"].clone());
        let detach =
            DetachVolume { volume_id: volume.clone(), instance_id: Some(holder.clone()), device: None, force: true };
        lab.operate("pulls the volume", |aws, _| drop(aws.detach_volume(&detach).unwrap()));
        lab.pass(Duration::from_secs(10)).await;
        let world = lab.region.actor("reader");
        let mut observed = read(lab, &world, &group, None).await;
        let (instance, id) = (InstanceId::new(holder.as_str()).unwrap(), VolumeId::new(volume.as_str()).unwrap());
        assert!(observed.volumes[&id].is_free());

        lab.region.faults(|faults| faults.next("ec2:DescribeInstances", Fault::Pause(Duration::from_secs(5))));
        let meanwhile = async {
            world.sleep(Duration::from_secs(2)).await;
            lab.operate("puts it back, and the instance dies", |aws, _| {
                let attach =
                    AttachVolume { volume_id: volume, instance_id: holder.clone(), device: "/dev/sdz".to_owned() };
                aws.attach_volume(&attach).unwrap();
                aws.terminate_instances(std::slice::from_ref(&holder)).unwrap();
            });
        };
        let (refreshed, ()) = futures::join!(refresh(&world, &mut observed, Reads::ALL), meanwhile);
        refreshed.expect("nothing is wrong");
        assert_eq!(observed.instances[&instance].state, InstanceState::ShuttingDown);
        assert!(!observed.volumes[&id].is_free(), "{:?}", observed.volumes[&id]);
        lab.bus.set_odds(BusOdds::default());
        lab.until(LIMIT, |lab| holders(lab, &group)[&0].as_deref() != Some(instance.as_str())).await;
        served(lab, &group).await;
    });
}

#[test]
fn a_groups_item_that_is_older_than_its_slots_is_read_once_more() {
    told(&World::quiet(51), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        let before = lab.truth(|_, table| table.group(&group).map(|item| Group::clone(item)));
        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 4).unwrap());
        lab.pass(Duration::from_secs(60)).await;
        served(lab, &group).await;
        at_rest(lab).await;
        let world = lab.region.actor("reader");
        let observed = read(lab, &world, &group, Some(before.clone())).await;
        assert_eq!(observed.slots.len(), 4, "{}", lab.story());
        assert_ne!(observed.record, before);
        assert!(observed.slots.keys().all(|number| number.0 < observed.record.as_ref().unwrap().next_slot));
        let plan = plan::plan(&observed, world.now());
        assert_eq!((plan.steps, plan.waiting), (Vec::new(), Vec::new()));
    });
}

/// While the guest is waited for, only instances are read again.
#[test]
fn nobody_is_let_in_on_a_volume_that_was_read_before_something_else_was_waited_for() {
    told(&World::quiet(52), async |lab: &Lab| {
        let spec = PLAIN.replacen('{', r#"{"launch":{"ready":"mounted"},"#, 1);
        let group = lab.create(&NewGroup::cass(&spec, 1));
        let is_attached = |effect: &Effect| matches!(effect.what, EffectKind::VolumeAttached { .. });
        assert!(lab.until(LIMIT, |lab| lab.truth(|aws, _| aws.effects().iter().any(is_attached))).await);
        lab.pass(Duration::from_secs(15)).await;
        let (holder, volume) = (holder(lab, &group, 0), identity(lab, &group, 0).0["data"].clone());
        let detach =
            DetachVolume { volume_id: volume.clone(), instance_id: Some(holder.clone()), device: None, force: false };
        lab.operate("pulls the volume", |aws, _| drop(aws.detach_volume(&detach).unwrap()));
        lab.pass(Duration::from_secs(7)).await;
        let mounted = [(tags::MOUNTED.to_owned(), "1".to_owned())].into();
        lab.operate("the guest reports all the same", |aws, _| aws.create_tags(&[holder], &mounted).unwrap());
        served(lab, &group).await;
        let is_let_in = |effect: &Effect| matches!(effect.what, EffectKind::HookCompleted { .. });
        let (attached, let_in) = lab
            .truth(|aws, _| (aws.effects().iter().rposition(is_attached), aws.effects().iter().rposition(is_let_in)));
        assert!(attached < let_in, "{}", lab.story());
    });
}
