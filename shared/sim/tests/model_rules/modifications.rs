//! Changes of volumes.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, EffectKind, Settings, Span, Timings};

use crate::support::*;

fn timed() -> Aws {
    let timings = Timings { modify: Span::exactly(5_000), optimize: Span::exactly(600_000), ..Timings::default() };
    Aws::new(Settings { timings, ..Settings::default() })
}

fn grow(volume: &str, size: u32) -> ModifyVolume {
    ModifyVolume { volume_id: volume.to_owned(), size_gib: Some(size), ..ModifyVolume::default() }
}

fn state(aws: &mut Aws, volume: &str) -> ModificationState {
    aws.describe_volumes_modifications(&Describe::ids([volume])).unwrap().items[0].state
}

#[test]
fn the_new_size_can_be_used_from_optimizing_on() {
    let mut aws = timed();
    let instance = serving(&mut aws, 1).remove(0);
    let volume = volume(&mut aws, ZONE);
    attached(&mut aws, &volume, &instance, "/dev/sdf");
    assert_eq!(
        code(aws.describe_volumes_modifications(&Describe::ids([&volume]))),
        "InvalidVolumeModification.NotFound"
    );
    aws.take_events();
    let request = ModifyVolume { iops: Some(6000), throughput: Some(500), ..grow(&volume, 40) };
    let begun = aws.modify_volume(&request).unwrap();
    assert_eq!((begun.state, begun.original.size_gib, begun.target.size_gib), (ModificationState::Modifying, 20, 40));
    aws.advance(secs(4));
    assert_eq!(aws.volume(&volume).unwrap().size_gib, 20);
    aws.advance(secs(1));
    assert_eq!(state(&mut aws, &volume), ModificationState::Optimizing);
    let shown = aws.volume(&volume).unwrap();
    assert_eq!((shown.size_gib, shown.iops, shown.throughput), (40, Some(6000), Some(500)));
    aws.advance(secs(600));
    assert_eq!(state(&mut aws, &volume), ModificationState::Completed);
    assert_eq!(aws.modification(&volume).unwrap().end_time, Some(aws.now()));
    let results: Vec<_> =
        aws.take_events().iter().map(|e| e.event["detail"]["result"].as_str().unwrap_or_default().to_owned()).collect();
    assert_eq!(results, ["optimizing", "completed"]);
    assert_eq!(effects(&aws, |e| matches!(e, EffectKind::VolumeModification { .. })).len(), 2);
}

#[test]
fn one_change_at_a_time_and_four_a_day_even_those_that_change_nothing() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    let began = aws.now();
    for change in 0..4 {
        aws.modify_volume(&grow(&volume, 20)).unwrap();
        assert_eq!(code(aws.modify_volume(&grow(&volume, 30))), "IncorrectModificationState", "modifying, {change}");
        aws.advance(secs(5));
        assert_eq!(code(aws.modify_volume(&grow(&volume, 30))), "IncorrectModificationState", "optimizing, {change}");
        aws.advance(secs(600));
    }
    assert_eq!(code(aws.modify_volume(&grow(&volume, 30))), "VolumeModificationRateExceeded");
    aws.advance_to(began + jiff::SignedDuration::from_hours(24));
    aws.modify_volume(&grow(&volume, 30)).unwrap();
    aws.advance(secs(604));
    assert_eq!(code(aws.modify_volume(&grow(&volume, 40))), "IncorrectModificationState");
}

#[test]
fn a_failed_change_leaves_the_volume_as_it_was() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    aws.fail_modification(&volume);
    aws.modify_volume(&grow(&volume, 30)).unwrap();
    aws.advance(secs(5));
    assert_eq!(state(&mut aws, &volume), ModificationState::Failed);
    assert!(aws.modification(&volume).unwrap().status_message.is_some());
    assert_eq!(aws.volume(&volume).unwrap().size_gib, 20);
    aws.modify_volume(&grow(&volume, 30)).unwrap();
    aws.advance(secs(605));
    assert_eq!(aws.volume(&volume).unwrap().size_gib, 30);
}

#[test]
fn what_cannot_be_is_refused_and_does_not_count() {
    let mut aws = timed();
    let id = volume(&mut aws, ZONE);
    let cases: [(&str, fn(&mut ModifyVolume)); 8] = [
        ("InvalidVolume.NotFound", |r| r.volume_id = "vol-0".to_owned()),
        ("InvalidParameterValue", |r| r.size_gib = Some(19)),
        ("InvalidParameterValue", |r| r.size_gib = Some(70_000)),
        ("UnknownVolumeType", |r| r.volume_type = Some("gp9".to_owned())),
        ("InvalidParameterValue", |r| r.iops = Some(10_001)), // more than 500 for each of 20 GiB
        ("InvalidParameterValue", |r| r.throughput = Some(751)), // more than a quarter of 3,000
        ("InvalidParameterCombination", |r| (r.volume_type, r.iops) = (Some("gp2".to_owned()), Some(3000))),
        ("InvalidParameterValue", |r| r.volume_type = Some("st1".to_owned())),
    ];
    for (expected, change) in cases {
        let mut request = ModifyVolume { size_gib: None, ..grow(&id, 0) };
        change(&mut request);
        assert_eq!(code(aws.modify_volume(&request)), expected, "{request:?}");
    }
    let young = aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone();
    assert_eq!(code(aws.modify_volume(&grow(&young, 30))), "IncorrectState");
    assert!(aws.describe_volumes_modifications(&Describe::all()).unwrap().items.is_empty());
    assert!(aws.modification(&id).is_none());
}

#[test]
fn a_new_type_begins_with_its_defaults() {
    let mut aws = timed();
    let id = volume(&mut aws, ZONE);
    let to =
        |kind: &str, iops| ModifyVolume { volume_type: Some(kind.to_owned()), iops, size_gib: None, ..grow(&id, 0) };
    let mut shapes = Vec::new();
    for request in [to("io2", Some(5000)), to("gp2", None), to("gp3", None)] {
        aws.modify_volume(&request).unwrap();
        aws.advance(secs(605));
        let shown = aws.volume(&id).unwrap();
        shapes.push((shown.volume_type.clone(), shown.iops, shown.throughput));
    }
    let expected = [("io2", Some(5000), None), ("gp2", None, None), ("gp3", Some(3000), Some(125))];
    assert_eq!(shapes, expected.map(|(kind, iops, throughput)| (kind.to_owned(), iops, throughput)));
}
