use futures::executor::block_on;
use stateful_asg_core::observed::FailureKind;

use super::*;
use crate::config::Config;
use crate::handlers::Known;
use crate::handlers::testing::{config, group, time};
use crate::script::{Script, things};

const EVERY_HOUR: &str =
    r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"snapshots":{"every":"1h","keep":{"last":1}}}"#;
const NEVER: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;

/// The second run of an hour: slot 0 of every group is due.
fn noon() -> Timestamp {
    time(12 * 3_600 + 300)
}

/// Groups with one slot each, with this spec.
fn world(groups: &[(&str, &str)]) -> Script {
    let mut world = Script::new(noon());
    for (n, (name, spec)) in groups.iter().enumerate() {
        let name = group(name);
        let id = things::volume_id(n);
        let slots = vec![things::slot(0, id.clone())];
        world.groups.borrow_mut().insert(name.clone(), (things::item(&name, spec), slots));
        world.volumes.push(things::volume(&name, id));
    }
    world
}

fn run(world: &Script) -> Result<Snapshotted, Box<HandlerError>> {
    let config: Config = config();
    let deadline = later(world.now.get(), SignedDuration::from_mins(5));
    let context = Context { config: &config, request_id: "request", deadline, known: &Known::default() };
    let outcome = block_on(snapshot(world, &context)).map_err(Box::new)?;
    let Outcome::Snapshotted(done) = outcome else { panic!("{outcome:?}") };
    Ok(done)
}

#[test]
fn each_group_whose_spec_asks_for_it_has_its_snapshots_taken_once() {
    let world = world(&[("cass", EVERY_HOUR), ("cass-b", NEVER), ("cass-c", EVERY_HOUR), ("kafka", EVERY_HOUR)]);
    let done = run(&world).unwrap();
    assert_eq!((done.groups, done.taken, done.left), (2, 2, vec![]));
    assert_eq!(world.asked("create_snapshot").len(), 2);
    assert!(world.asked("slots cass-b").is_empty() && world.asked("group kafka").is_empty(), "kafka is not served");
    assert!(world.asked("asgs").is_empty() && world.asked("interfaces").is_empty(), "a lean reading");
    assert_eq!(run(&world).unwrap().taken, 0);
}

#[test]
fn who_loses_the_race_for_a_slot_takes_no_snapshot_of_it_and_tries_no_more() {
    let mut world = world(&[("cass", EVERY_HOUR)]);
    world.beaten = true;
    assert_eq!(run(&world).unwrap().taken, 0);
    assert_eq!(world.asked("write lost").len(), 1);
    assert_eq!(world.asked("create_snapshot").len(), 0);
}

#[test]
fn one_group_that_cannot_be_read_stops_no_other_and_fails_the_run_only_where_a_retry_may_help() {
    let groups = [("cass", EVERY_HOUR), ("cass-b", EVERY_HOUR), ("cass-c", EVERY_HOUR)];
    let broken = |kind| {
        let mut world = world(&groups);
        world.broken.insert(group("cass"), kind);
        let result = run(&world);
        assert_eq!(world.asked("create_snapshot").len(), 2, "{kind:?}");
        result
    };
    let error = broken(FailureKind::Throttled).unwrap_err();
    assert!(matches!(*error, HandlerError::Snapshots { group: ref g, .. } if *g == group("cass")));
    assert_eq!(broken(FailureKind::Denied).unwrap().taken, 2);
}

#[test]
fn a_group_that_takes_too_long_leaves_the_others_their_time() {
    let groups = ["cass", "cass-b", "cass-c", "cass-d", "cass-e", "cass-f"].map(|name| (name, EVERY_HOUR));
    let mut world = world(&groups);
    world.stuck = ["cass", "cass-b", "cass-c", "cass-d", "cass-e"].map(group).into();
    let mut never_reached = 0;
    for _ in 0..6 {
        let begun = world.now.get();
        let done = run(&world).unwrap();
        assert!(world.now.get().duration_since(begun) <= LIMIT);
        assert!(!done.left.is_empty());
        never_reached += usize::from(done.left.contains(&group("cass-f")));
        world.now.set(later(begun, SignedDuration::from_mins(5)));
    }
    assert!(never_reached <= 3, "{never_reached}");
    assert_eq!(world.asked("create_snapshot").len(), 1);
}

#[test]
fn each_run_begins_one_group_later() {
    let groups = ["cass", "cass-b", "cass-c"].map(group).to_vec();
    let first = |minutes: i64| in_turn(groups.clone(), later(noon(), SignedDuration::from_mins(minutes)))[0].clone();
    let firsts: Vec<GroupName> = (0..4).map(|run| first(5 * run)).collect();
    let from = groups.iter().position(|group| *group == firsts[0]).unwrap();
    assert_eq!(firsts, [0, 1, 2, 3].map(|run| groups[(from + run) % 3].clone()));
    assert_eq!(in_turn(Vec::new(), noon()), []);
}

#[test]
fn the_buckets_have_time_to_refill() {
    let mut run = Run::default();
    run.steps.extend([("CreateSnapshots", 10), ("CreateSnapshot", 5), ("DeleteSnapshot", 10), ("Write", 15)]);
    assert_eq!(pause(&run), Duration::from_secs(5));
}
