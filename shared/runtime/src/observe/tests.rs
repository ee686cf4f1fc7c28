use futures::executor::block_on;
use stateful_asg_core::ids::{Claim, GroupName, SlotNumber, VolumeName};
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
