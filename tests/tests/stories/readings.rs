//! What one reading must be made of: parts that others change meanwhile are read in the right order, or once more.

use std::time::Duration;

use jiff::SignedDuration;
use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::cloud::InstanceState;
use stateful_asg_core::ids::{GroupName, InstanceId, InterfaceId, VolumeId};
use stateful_asg_core::observed::{Notes, Observed};
use stateful_asg_core::plan;
use stateful_asg_core::spec::Limits;
use stateful_asg_core::table::Group;
use stateful_asg_core::tags;
use stateful_asg_core::waiting::Reads;
use stateful_asg_runtime::observe::{Target, observe, refresh};
use stateful_asg_runtime::ports::Clock;
use stateful_asg_runtime::settle::{Job, settle};
use stateful_asg_sim::model::types::{AttachVolume, DetachVolume, LifecycleState};
use stateful_asg_sim::model::{Effect, EffectKind, Span, Timings};
use stateful_asg_sim::typed::{Fault, SimWorld};

use crate::{LIMIT, PLAIN, SPEC, holder, holders, identity, kill, served, three, told};

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

/// Its death is shown for an hour, or forgotten at once.
#[test]
fn what_a_holder_leaves_is_read_when_it_was_seen_gone_whatever_was_waited_for() {
    for shown in [3000, 1] {
        let brief = Span::secs(1, 1);
        let timings = Timings { terminate: brief, free: brief, forget: Span::secs(shown, shown), ..Timings::default() };
        told(&World { timings, ..World::quiet(53) }, async |lab: &Lab| {
            let group = three(lab, SPEC).await;
            at_rest(lab).await;
            let held = lab.truth(|_, table| table.slots(&group).next().unwrap().clone());
            let instance = held.holder.as_ref().unwrap().instance.clone();
            let volume: &VolumeId = held.volumes.values().next().unwrap().id.as_ref().unwrap();
            let interface: &InterfaceId = held.interface.as_ref().unwrap().id.as_ref().unwrap();
            let world = lab.region.actor("reader");
            let mut observed = read(lab, &world, &group, None).await;
            assert!(!observed.volumes[volume].is_free() && observed.interfaces[interface].attachment.is_some());
            kill(lab, instance.as_str());
            lab.pass(Duration::from_secs(5)).await;
            let reads = Reads { instances: true, ..Reads::default() };
            refresh(&world, &mut observed, reads).await.expect("nothing is wrong");
            assert_eq!(observed.instances.contains_key(&instance), shown > 1, "{}", lab.story());
            assert!(observed.volumes[volume].is_free(), "{:?}", observed.volumes[volume]);
            assert!(observed.interfaces[interface].attachment.is_none(), "{:?}", observed.interfaces[interface]);
        });
    }
}

/// Its disk may have been attached after the reading in hand.
#[test]
fn what_a_guest_has_released_is_read_after_that_was_seen() {
    told(&World::quiet(56), async |lab: &Lab| {
        let group = three(lab, SPEC).await;
        at_rest(lab).await;
        let (holder, volume) = (holder(lab, &group, 0), identity(lab, &group, 0).0["data"].clone());
        let id = VolumeId::new(volume.as_str()).unwrap();
        let world = lab.region.actor("reader");
        let mut observed = read(lab, &world, &group, None).await;
        observed.volumes.get_mut(&id).unwrap().attachments.clear();
        let instances = Reads { instances: true, ..Reads::default() };
        refresh(&world, &mut observed, instances).await.expect("nothing is wrong");
        assert!(observed.volumes[&id].attachments.is_empty(), "nothing happened: it is not read again");
        let released = [(tags::RELEASED.to_owned(), "1".to_owned())].into();
        lab.operate("the guest releases", |aws, _| aws.create_tags(&[holder], &released).unwrap());
        refresh(&world, &mut observed, instances).await.expect("nothing is wrong");
        assert_eq!(observed.volumes[&id].attachments.len(), 1);
    });
}

#[test]
fn an_instance_in_a_launch_hook_that_lacks_our_tags_is_asked_for_by_its_id_and_named() {
    told(&World::quiet(54), async |lab: &Lab| {
        let group = three(lab, PLAIN).await;
        at_rest(lab).await;
        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 4).unwrap());
        let launching = |lab: &Lab| {
            let waits = |state: LifecycleState| state == LifecycleState::PendingWait;
            lab.truth(|aws, _| aws.members("cass-1").find(|m| waits(m.state)).map(|m| m.instance_id.clone()))
        };
        assert!(lab.until(LIMIT, |lab| launching(lab).is_some()).await, "{}", lab.story());
        let newcomer = launching(lab).unwrap();
        let ours = [tags::GROUP, tags::DEPLOYMENT].map(|key| (key.to_owned(), None));
        lab.operate("takes its tags", |aws, _| aws.delete_tags(std::slice::from_ref(&newcomer), &ours).unwrap());
        lab.pass(Duration::from_secs(20)).await;
        let world = lab.region.actor("reader");
        let observed = read(lab, &world, &group, None).await;
        assert!(observed.instances.contains_key(&InstanceId::new(newcomer).unwrap()), "{}", lab.story());
        let waiting = plan::plan(&observed, world.now()).waiting;
        assert!(waiting.iter().any(|wait| wait.reason.kind() == "Untagged"), "{waiting:?}");
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

/// While a volume is on its way, only volumes are read again.
#[test]
fn nobody_is_let_in_on_an_instance_that_was_read_before_something_else_was_waited_for() {
    let timings = Timings { attach: Span::secs(22, 22), ..Timings::default() };
    told(&World { timings, ..World::quiet(55) }, async |lab: &Lab| {
        lab.bus.set_odds(BusOdds::CUT);
        let group = lab.create(&NewGroup::cass(PLAIN, 1));
        served(lab, &group).await;
        let calls = lab.region.calls();
        let let_in = calls.iter().rfind(|call| call.operation == "autoscaling:CompleteLifecycleAction").unwrap();
        let mut by_the_same = calls.iter().filter(|call| call.actor == let_in.actor && call.at < let_in.at);
        let read = by_the_same.rfind(|call| call.operation == "ec2:DescribeInstances").unwrap();
        let age = let_in.at.duration_since(read.at);
        assert!(age < SignedDuration::from_secs(11), "{age:#}\n{}", lab.story());
    });
}

#[test]
fn an_edit_counts_for_a_launch_that_comes_while_a_settle_gives_its_lease_back() {
    told(&World::quiet(56), async |lab: &Lab| {
        let group = three(lab, PLAIN).await;
        at_rest(lab).await;
        let world = lab.region.actor("reader");
        let job = Job {
            group: group.clone(),
            deployment: lab.deployment.clone(),
            limits: Limits::unlimited(),
            owner: "reader".to_owned(),
            deadline: lab.now() + SignedDuration::from_secs(900),
            audit: false,
            hooks: true,
        };
        let pause = |seconds| Fault::Pause(Duration::from_secs(seconds));
        lab.region.faults(|faults| faults.next("autoscaling:DescribeLifecycleHooks", pause(4)));
        let meanwhile = async {
            lab.pass(Duration::from_secs(2)).await;
            lab.region.faults(|faults| faults.next("dynamodb:UpdateItem", pause(30)));
            lab.pass(Duration::from_secs(5)).await;
            lab.edit_spec("cass-1", &PLAIN.replace("20GiB", "30GiB"));
            lab.bus.set_odds(BusOdds::default());
            lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 4).unwrap());
        };
        let (settled, ()) = futures::join!(settle(&world, &job), meanwhile);
        assert_eq!(settled.expect("nothing is wrong").continued.len(), 1, "{}", lab.story());
        let sizes = lab.truth(|aws, _| aws.volumes().map(|volume| volume.size_gib).collect::<Vec<_>>());
        assert!(sizes.contains(&30), "{sizes:?}\n{}", lab.story());
        served(lab, &group).await;
    });
}
