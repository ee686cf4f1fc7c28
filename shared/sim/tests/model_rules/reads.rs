//! Reads: filters, pages, lag.

use std::collections::BTreeSet;

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, Settings};

use crate::support::*;

#[test]
fn filters_all_hold_each_by_any_value() {
    let mut aws = aws();
    for (group, slot) in [("a", "1"), ("a", "2"), ("b", "1")] {
        let tags = tags(&[("group", group), ("slot", slot)]);
        aws.create_volume(&CreateVolume { tags, ..new_volume(ZONE) }).unwrap();
    }
    let mut count = |filters: &[(&str, &[&str])]| {
        let filter = |(name, values): &(&str, &[&str])| Filter {
            name: (*name).to_owned(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
        };
        let request = Describe { filters: filters.iter().map(filter).collect(), ..Describe::default() };
        aws.describe_volumes(&request).map(|page| page.items.len()).map_err(|e| e.code)
    };
    assert_eq!(count(&[("tag:group", &["a"])]), Ok(2));
    assert_eq!(count(&[("tag:group", &["a", "b"]), ("tag:slot", &["1"])]), Ok(2));
    assert_eq!(count(&[("tag-key", &["gr*"]), ("status", &["creating"])]), Ok(3));
    assert_eq!(count(&[("tag:group", &["?"]), ("availability-zone", &["eu-central-1b"])]), Ok(0));
    assert_eq!(count(&[("colour", &["red"])]), Err("InvalidParameterValue".to_owned()));
}

#[test]
fn pages_cover_everything_once() {
    let mut aws = aws();
    let made: BTreeSet<_> = (0..12).map(|_| aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone()).collect();
    let mut request = Describe { max_results: Some(5), ..Describe::default() };
    let mut seen = Vec::new();
    loop {
        let page = aws.describe_volumes(&request).unwrap();
        seen.push(page.items.iter().map(|v| v.volume_id.clone()).collect::<Vec<_>>());
        request.next_token = page.next_token;
        if request.next_token.is_none() {
            break;
        }
    }
    assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 2]);
    assert_eq!(seen.into_iter().flatten().collect::<BTreeSet<_>>(), made);
    assert_eq!(
        code(aws.describe_volumes(&Describe { max_results: Some(4), ..Describe::default() })),
        "InvalidParameterValue"
    );
    let bad = Describe { next_token: Some("x".to_owned()), ..Describe::default() };
    assert_eq!(code(aws.describe_volumes(&bad)), "InvalidParameterValue");
    let both = Describe { max_results: Some(5), ..Describe::ids(["i-0"]) };
    assert_eq!(code(aws.describe_instances(&both)), "InvalidParameterCombination");
}

fn lagging(seed: u64) -> Aws {
    Aws::new(Settings { seed, read_lag: secs(10), ..Settings::default() })
}

#[test]
fn a_new_object_may_be_unknown_for_a_while_and_never_longer() {
    let (mut unknown, mut known) = (0, 0);
    for seed in 0..40 {
        let mut aws = lagging(seed);
        let id = aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone();
        aws.advance(secs(5));
        match aws.describe_volumes(&Describe::ids([id.clone()])) {
            Ok(_) => known += 1,
            Err(error) => {
                assert_eq!(error.code, "InvalidVolume.NotFound");
                unknown += 1;
            }
        }
        aws.advance(secs(10));
        let seen = aws.describe_volumes(&Describe::ids([id])).unwrap().items.remove(0);
        assert!(matches!(seen.state, VolumeState::Available | VolumeState::Creating));
        aws.advance(secs(10));
        assert_eq!(aws.describe_volumes(&Describe::all()).unwrap().items[0].state, VolumeState::Available);
    }
    assert!(unknown > 5 && known > 5, "{unknown} unknown, {known} known");
}

#[test]
fn a_reader_may_see_what_was_and_a_caller_may_not_use_it() {
    let mut stale = 0;
    for seed in 0..40 {
        let mut aws = lagging(seed);
        let both = serving(&mut aws, 2);
        let volume = volume(&mut aws, ZONE);
        aws.advance(secs(20));
        aws.attach_volume(&attach(&volume, &both[0], "/dev/sdf")).unwrap();
        aws.advance(secs(5));
        let seen = aws.describe_volumes(&Describe::ids([volume.clone()])).unwrap().items.remove(0);
        stale += usize::from(seen.state == VolumeState::Available);
        assert_eq!(code(aws.attach_volume(&attach(&volume, &both[1], "/dev/sdf"))), "VolumeInUse");
    }
    assert!((5..35).contains(&stale), "{stale} of 40");
}

#[test]
fn a_deleted_object_may_still_be_shown() {
    let mut ghosts = 0;
    for seed in 0..40 {
        let mut aws = lagging(seed);
        let volume = volume(&mut aws, ZONE);
        aws.advance(secs(20));
        aws.delete_volume(&volume).unwrap();
        until(&mut aws, "gone", |aws| aws.volume(&volume).is_none().then_some(()));
        aws.advance(secs(5));
        ghosts += aws.describe_volumes(&Describe::all()).unwrap().items.len();
        aws.advance(secs(10));
        assert!(aws.describe_volumes(&Describe::all()).unwrap().items.is_empty());
    }
    assert!((5..35).contains(&ghosts), "{ghosts} of 40");
}

#[test]
fn groups_lag_too() {
    let mut stale = 0;
    for seed in 0..40 {
        let mut aws = lagging(seed);
        let id = serving(&mut aws, 1).remove(0);
        aws.advance(secs(20));
        aws.terminate_instance_in_auto_scaling_group(&id, false).unwrap();
        aws.advance(secs(3));
        let shown = aws.describe_auto_scaling_groups(&DescribeAutoScalingGroups::default()).unwrap().items.remove(0);
        stale += shown.instances.iter().filter(|m| m.state == LifecycleState::InService).count();
    }
    assert!((5..40).contains(&stale), "{stale} of 40");
}

#[test]
fn the_same_seed_makes_the_same_history() {
    let history = |seed| {
        let mut aws = Aws::new(Settings { seed, read_lag: secs(3), ..Settings::default() });
        let id = serving(&mut aws, 2).remove(0);
        aws.terminate_instances(&[id]).ok();
        aws.advance(secs(600));
        format!("{:?}", aws.effects())
    };
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}
