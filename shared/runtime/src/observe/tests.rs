use futures::executor::block_on;
use stateful_asg_core::cloud::Tags;
use stateful_asg_core::ids::{Claim, GroupName, SlotNumber, VolumeName, Zone};
use stateful_asg_core::table::Holder;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::{LeftInterface, Proof, Superseded};

use super::*;
use crate::handlers::testing::{config, group, time};
use crate::script::{Script, things};

fn snapshot_id(n: u32) -> SnapshotId {
    SnapshotId::new(format!("snap-{n:017x}")).unwrap()
}

/// A group `cass` with one slot, which remembers volume 7, snapshot 1 and an interface.
fn world() -> (Script, Target) {
    let world = Script::new(time(0));
    let name: GroupName = group("cass");
    let mut slot = things::slot(0, things::volume_id(0));
    let old = Superseded {
        name: VolumeName::new("data").unwrap(),
        claim: Claim(1),
        since: time(0),
        vacated: None,
        proof: Proof::Snapshot(snapshot_id(1)),
        keep: false,
        deleting: None,
        absent_since: None,
    };
    slot.upkeep.superseded.insert(things::volume_id(7), old);
    let left = InterfaceId::new("eni-0123456789abcdef0").unwrap();
    slot.upkeep.left_interfaces.insert(left, LeftInterface { since: time(0), absent_since: None });
    let item = things::item(&name, "{}");
    world.groups.borrow_mut().insert(name.clone(), (item, vec![slot]));
    let target = Target { group: name, deployment: config().deployment, limits: config().limits };
    (world, target)
}

fn read(world: &Script, target: &Target) -> Observed {
    block_on(observe(world, target, None, Notes::default())).unwrap()
}

#[test]
fn what_was_left_behind_is_asked_for_by_its_id_so_that_its_end_is_seen() {
    let (world, target) = world();
    let observed = read(&world, &target);
    assert_eq!(observed.absent.volumes, [things::volume_id(0), things::volume_id(7)].into());
    assert_eq!(observed.absent.interfaces.len(), 1);
    assert_eq!(observed.snapshots, None, "snapshots are read where a plan asks for them");
}

#[test]
fn snapshots_that_a_record_names_are_read_by_id_where_the_groups_reading_lacks_them() {
    let (world, target) = world();
    let mut observed = read(&world, &target);
    let closer = Look { snapshots: true, ..Look::default() };
    block_on(look(&world, &mut observed, &closer)).unwrap();
    assert_eq!(observed.snapshots, Some(BTreeMap::new()));
    assert_eq!(world.asked("snapshots"), ["snapshots of cass".to_owned(), format!("snapshots {}", snapshot_id(1))]);
}

#[test]
fn a_reading_in_between_reads_snapshots_and_changes_only_where_they_are_waited_for() {
    let (world, target) = world();
    let mut observed = read(&world, &target);
    let closer = Look { snapshots: true, modifications: [things::volume_id(0)].into(), ..Look::default() };
    block_on(look(&world, &mut observed, &closer)).unwrap();
    assert_eq!(observed.modifications, BTreeMap::from([(things::volume_id(0), None)]), "asked for, and never changed");
    world.asked.borrow_mut().clear();
    block_on(refresh(&world, &mut observed, Reads::default())).unwrap();
    assert_eq!((world.asked("snapshots").len(), world.asked("modifications").len()), (0, 0));
    assert!(observed.snapshots.is_some());
    let reads = Reads { snapshots: true, modifications: true, ..Reads::default() };
    block_on(refresh(&world, &mut observed, reads)).unwrap();
    assert_eq!((world.asked("snapshots of").len(), world.asked("modifications").len()), (1, 1));
}

#[test]
fn the_lean_reading_asks_for_holders_by_id_and_for_nothing_else() {
    let (world, target) = world();
    let record = world.groups.borrow()[&target.group].0.clone();
    let observed = block_on(observe_for_snapshots(&world, &target, record)).unwrap();
    assert!(observed.snapshots.is_some() && observed.slots.contains_key(&SlotNumber(0)));
    assert_eq!(world.asked.borrow().len(), 4, "{:?}", world.asked.borrow());
}

fn tagged(keys: &[&str], target: &Target) -> Tags {
    let value = |key: &str| if key == tags::GROUP { target.group.to_string() } else { target.deployment.to_string() };
    keys.iter().map(|key| ((*key).to_owned(), value(key))).collect()
}

/// An instance with these tags, which slot 0 has on record as its holder.
fn holder(world: &Script, target: &Target, tags: Tags) -> Instance {
    let id = InstanceId::new("i-0123456789abcdef0").unwrap();
    let mut groups = world.groups.borrow_mut();
    groups.get_mut(&target.group).unwrap().1[0].holder =
        Some(Holder { instance: id.clone(), since: time(0), absent_since: None });
    Instance {
        id,
        state: InstanceState::Running,
        zone: Zone::new("eu-central-1a").unwrap(),
        subnet: None,
        ip: None,
        security_groups: Vec::new(),
        launched: time(0),
        tags: tags.into(),
        devices: BTreeSet::new(),
        volumes: BTreeSet::new(),
        interface_indexes: BTreeSet::new(),
    }
}

fn read_for_snapshots(world: &Script, target: &Target) -> Observed {
    let record = world.groups.borrow()[&target.group].0.clone();
    block_on(observe_for_snapshots(world, target, record)).unwrap()
}

#[test]
fn a_holder_is_absent_only_where_neither_the_groups_reading_nor_one_by_its_id_shows_it() {
    let (mut world, target) = world();
    let holder = holder(&world, &target, Tags::new());
    assert_eq!(read(&world, &target).absent.instances, [holder.id.clone()].into());
    assert!(read_for_snapshots(&world, &target).instances.is_empty());

    world.instances = vec![holder.clone()];
    let observed = read(&world, &target);
    assert_eq!((observed.instances.contains_key(&holder.id), observed.absent.instances.len()), (true, 0));
    assert!(read_for_snapshots(&world, &target).instances.contains_key(&holder.id));
}

#[test]
fn a_holder_that_the_groups_reading_shows_is_not_asked_for_once_more() {
    let (mut world, target) = world();
    world.instances = vec![holder(&world, &target, tagged(&[tags::GROUP, tags::DEPLOYMENT], &target))];
    for read in [read, read_for_snapshots] {
        world.asked.borrow_mut().clear();
        assert_eq!(read(&world, &target).instances.len(), 1);
        assert_eq!(world.asked("instances"), ["instances of cass"]);
    }
}

#[test]
fn what_bears_one_of_the_two_tags_alone_is_half_tagged() {
    let (mut world, target) = world();
    let volume = |n: usize, keys: &[&str]| Volume {
        tags: tagged(keys, &target).into(),
        ..things::volume(&target.group, things::volume_id(n))
    };
    world.volumes =
        vec![volume(1, &[tags::GROUP, tags::DEPLOYMENT]), volume(2, &[tags::GROUP]), volume(3, &[tags::DEPLOYMENT])];
    let mut observed = read(&world, &target);
    block_on(look(&world, &mut observed, &Look { half_tagged: true, ..Look::default() })).unwrap();
    let found = observed.half_tagged.unwrap().into_iter().map(|half| (half.resource, half.lacks));
    let lacking = |n, lacks| (things::volume_id(n).to_string(), lacks);
    assert_eq!(found.collect::<Vec<_>>(), [lacking(2, tags::DEPLOYMENT), lacking(3, tags::GROUP)]);
}

#[test]
fn a_reading_is_in_step_only_while_nobody_else_wrote_the_groups_item_or_a_slot() {
    let (world, target) = world();
    let mut observed = read(&world, &target);
    let record = observed.record.clone().unwrap();
    let mut in_step = |record: Option<&Group>| block_on(catch_up(&world, &mut observed, record, Reads::default()));
    assert!(in_step(Some(&record)).unwrap());
    assert!(!in_step(Some(&Group { next_slot: record.next_slot + 1, ..record.clone() })).unwrap());
    assert!(!in_step(None).unwrap());
    world.groups.borrow_mut().get_mut(&target.group).unwrap().1[0].claim = Claim(2);
    assert!(!in_step(Some(&record)).unwrap());
}

#[test]
fn hooks_of_a_deployment_whose_name_begins_with_ours_are_not_ours() {
    let prod: DeploymentId = "prod".parse().unwrap();
    for ours in ["stateful-asg-prod-launch", "stateful-asg-prod-terminate"] {
        assert!(is_ours(&prod, ours), "{ours}");
    }
    for other in [
        "prod-launch",
        "stateful-asg-prod-",
        "stateful-asg-prod",
        "stateful-asg-prod-2-launch",
        "stateful-asg-production-launch",
    ] {
        assert!(!is_ours(&prod, other), "{other}");
    }
    assert!(is_ours(&"prod-2".parse().unwrap(), "stateful-asg-prod-2-launch"));
}
