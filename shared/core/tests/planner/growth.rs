//! Growth: what differs is asked for, in turn, and a change that failed or is not this one does no harm.

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::spec::VolumeType;
use stateful_asg_core::step::Step;
use stateful_asg_core::upkeep::Target;

use crate::town::*;
use crate::{HOUR, SECOND, edit, record_mut, slot, words};

const GROWN: Target = Target { size_gib: Some(30), kind: None, iops: None, throughput: None };

fn grows(n: u32) -> Town {
    Town::with_spec(n, &SPEC.replace("20GiB", "30GiB"))
}

/// Volume 0 is being grown since `age` ago; EC2 shows this change of it, begun so long ago.
fn under_way(age: SignedDuration, state: ModificationState, started: SignedDuration) -> Town {
    let mut town = grows(1);
    let now = town.now;
    let growth = &mut record_mut(&mut town, 0).growth;
    (growth.target, growth.begun) = (Some(GROWN), vec![now - age]);
    let shown = Modification { volume: volume_id(0), state, started: Some(now - started), message: None };
    town.obs.modifications.insert(volume_id(0), Some(shown));
    town
}

#[test]
fn a_change_that_failed_is_tried_again_after_an_hour() {
    for (seconds, over) in [(3599, false), (3600, true)] {
        let mut town = under_way(SECOND * seconds, ModificationState::Failed, SECOND * seconds);
        assert!(words(&town).contains(&"GrowthFailed"));
        assert_eq!(town.plan().look_at, (!over).then_some(town.now + SECOND), "{seconds}");
        town.run_once();
        assert_eq!(slot(&town, 0).volumes.values().next().unwrap().growth.target.is_none(), over, "{seconds}");
    }
}

#[test]
fn an_older_change_says_nothing_of_this_one() {
    for state in [ModificationState::Failed, ModificationState::Completed, ModificationState::Modifying] {
        for (seconds, older) in [(120, false), (121, true)] {
            let town = under_way(SignedDuration::ZERO, state, SECOND * seconds);
            assert_eq!(crate::planned(&town).contains(&"ModifyVolume"), older, "{state:?} {seconds}");
        }
    }
}

#[test]
fn a_slot_that_ec2_lets_nobody_change_yet_takes_no_turn() {
    let mut town = grows(2);
    record_mut(&mut town, 0).growth.begun = (0..4).map(|n| at(n * 100)).collect();
    let steps = town.run();
    let changed: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Step::ModifyVolume { volume, .. } => Some(volume.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(changed, [volume_id(1)]);
    assert!(words(&town).contains(&"GrowthLimit"));
}

#[test]
fn changes_of_the_last_day_are_remembered_and_older_ones_are_not() {
    let mut town = grows(1);
    let now = town.now;
    let begun = [now - HOUR * 25, now - HOUR * 24, now - HOUR * 24 + SECOND, now - HOUR];
    record_mut(&mut town, 0).growth.begun = begun.to_vec();
    town.run_once();
    let growth = &slot(&town, 0).volumes.values().next().unwrap().growth;
    assert_eq!((growth.target, &*growth.begun), (Some(GROWN), &[begun[2], begun[3], now][..]));
}

#[test]
fn only_what_differs_is_asked_for_and_with_another_type_all_of_its_figures() {
    let figures = |kind, iops, throughput| Target { size_gib: None, kind, iops, throughput };
    for (shown, iops, expected) in [
        ("gp3", 3000, figures(None, Some(4000), Some(500))),
        ("gp3", 4000, figures(None, None, Some(500))),
        ("gp2", 4000, figures(Some(VolumeType::Gp3), Some(4000), Some(500))),
    ] {
        let mut town = Town::served(1);
        edit(&mut town, &SPEC.replace(r#""20GiB""#, r#""20GiB","iops":4000,"throughput":500"#));
        let volume = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
        (volume.kind, volume.iops) = (shown.to_owned(), Some(iops));
        town.run_once();
        assert_eq!(slot(&town, 0).volumes.values().next().unwrap().growth.target, Some(expected), "{shown} {iops}");
    }
}

#[test]
fn a_volume_grows_only_once_its_birth_is_on_record() {
    let mut town = grows(1);
    record_mut(&mut town, 0).born = false;
    town.run_once();
    let record = slot(&town, 0).volumes.values().next().unwrap();
    assert_eq!((record.born, record.growth.target), (true, None));
}

#[test]
fn a_change_is_over_once_ec2_shows_every_figure_that_was_asked_for() {
    for (kind, iops, throughput, over) in
        [("gp3", 4000, 500, true), ("gp2", 4000, 500, false), ("gp3", 3000, 500, false), ("gp3", 4000, 125, false)]
    {
        let mut town = under_way(HOUR, ModificationState::Completed, HOUR);
        let asked = Target { size_gib: None, kind: Some(VolumeType::Gp3), iops: Some(4000), throughput: Some(500) };
        record_mut(&mut town, 0).growth.target = Some(asked);
        let volume = town.obs.volumes.get_mut(&volume_id(0)).unwrap();
        (volume.kind, volume.iops, volume.throughput) = (kind.to_owned(), Some(iops), Some(throughput));
        town.run_once();
        assert_eq!(record_mut(&mut town, 0).growth.target.is_none(), over, "{kind} {iops} {throughput}");
    }
}

/// The size was noted from a reading that lagged: the change before this one brought it.
#[test]
fn what_has_grown_already_is_changed_in_what_it_still_lacks() {
    let type_alone = Target { size_gib: None, kind: Some(VolumeType::Gp2), iops: None, throughput: None };
    for (size, asked) in [(30, Some(30)), (31, None)] {
        let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB\",\"type\":\"gp2"));
        let now = town.now;
        let growth = &mut record_mut(&mut town, 0).growth;
        (growth.target, growth.begun) = (Some(Target { size_gib: Some(30), ..type_alone }), vec![now - HOUR]);
        town.obs.modifications.insert(volume_id(0), None);
        town.obs.volumes.get_mut(&volume_id(0)).unwrap().size_gib = size;
        let steps = town.run();
        let targets = steps.iter().filter_map(|step| match step {
            Step::ModifyVolume { target, .. } => Some(*target),
            _ => None,
        });
        assert_eq!(targets.collect::<Vec<_>>(), [Target { size_gib: asked, ..type_alone }], "{size}");
    }
}
