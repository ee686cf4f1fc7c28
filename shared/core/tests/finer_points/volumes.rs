//! A slot's volumes: which one is taken for its own, and how it comes to the holder.

use stateful_asg_core::fold::Outcome;
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::plan::plan;

use super::*;

/// Slot 0 makes its volume `data` for the third time and has a volume `log`; two numbers of attempts are gone.
fn making() -> Town {
    let spec = SPEC.replace(r#""volumes":{"#, r#""volumes":{"log":{"size":"20GiB","mount":"/log"},"#);
    let mut town = Town::with_spec(1, &spec);
    let log = data(&mut town, 0).clone();
    slot(&mut town, 0).volumes.insert(name("log"), VolumeRecord { id: Some(volume_id(100)), ..log });
    put(&mut town, 100, Some("1"));
    let shown = volume(&mut town, 100);
    shown.tags.insert(tags::VOLUME.to_owned(), "log".to_owned());
    town.obs.volumes.remove(&volume_id(0));
    let record = data(&mut town, 0);
    (record.id, record.born, record.attempt) = (None, false, 3);
    slot(&mut town, 0).upkeep.attempts = 2;
    town
}

/// A free volume that bears the tags of slot 0 and `data`, and this attempt's number.
fn put(town: &mut Town, n: u32, attempt: Option<&str>) {
    let tags = [(tags::SLOT, Some("0")), (tags::VOLUME, Some("data")), (tags::ATTEMPT, attempt)];
    let mut volume = pool_volume(n);
    volume.tags.extend(tags.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned()))));
    town.obs.volumes.insert(volume.id.clone(), volume);
}

fn leave(town: &mut Town, n: u32) {
    let left = left_behind(at(900));
    slot(town, 0).upkeep.superseded.insert(volume_id(n), left);
}

/// What is taken for the volume `data` of slot 0. That a volume must not be made beside it, the second opinion says.
fn taken(town: &mut Town) -> Option<VolumeId> {
    let writes = plan(&town.obs, town.now).steps.into_iter().filter(|step| step.kind() == "Write");
    writes.for_each(|step| town.obs.fold(&step, &Outcome::Done, town.now));
    data(town, 0).id.clone()
}

fn strays(town: &Town) -> usize {
    words(town).iter().filter(|word| **word == "VolumeStray").count()
}

#[test]
fn a_volume_of_an_earlier_time_is_not_taken_for_what_the_slot_is_making() {
    let cases = [
        ("of this attempt", Some("3"), 2, false, true),
        ("of this attempt, whatever numbers other volumes used", Some("3"), 5, false, true),
        ("of an attempt that is over", Some("1"), 2, false, false),
        ("of the last attempt that is over", Some("2"), 2, false, false),
        ("of a later attempt", Some("4"), 2, false, true),
        ("of no attempt", None, 2, false, true),
        ("of no attempt, left behind", None, 2, true, false),
        ("of a later attempt, left behind", Some("4"), 2, true, false),
    ];
    for (case, attempt, over, left, is_taken) in cases {
        let mut town = making();
        put(&mut town, 50, attempt);
        slot(&mut town, 0).upkeep.attempts = over;
        if left {
            leave(&mut town, 50);
        }
        assert_eq!(taken(&mut town), is_taken.then(|| volume_id(50)), "{case}");
    }
}

#[test]
fn of_two_volumes_that_may_be_the_slots_only_the_one_of_this_attempt_is_taken() {
    let mut town = making();
    put(&mut town, 50, Some("4"));
    put(&mut town, 51, Some("3"));
    assert_eq!(strays(&town), 0, "the one of this attempt is put on record");
    assert_eq!(taken(&mut town), Some(volume_id(51)));

    let mut town = making();
    put(&mut town, 50, Some("4"));
    put(&mut town, 51, Some("5"));
    assert_eq!(strays(&town), 1, "a person must choose");
    assert!(!kinds(&town.plan().steps).contains(&"CreateVolume"));
    assert_eq!(taken(&mut town), None);
}

#[test]
fn while_a_person_must_choose_a_refused_attempt_is_not_followed_by_another() {
    let refused = |strays: bool| {
        let mut town = making();
        if strays {
            put(&mut town, 50, Some("4"));
            put(&mut town, 51, Some("5"));
        }
        data(&mut town, 0).params.size_gib = 19;
        let failure = Failure { kind: FailureKind::Invalid, message: String::new(), count: 1, retry_at: at(1030) };
        town.obs.notes.failures.insert("CreateVolume 0 data".to_owned(), failure);
        town.run_once();
        data(&mut town, 0).attempt
    };
    assert_eq!((refused(true), refused(false)), (3, 4));
}

#[test]
fn a_volume_that_is_not_shown_counts_as_lost_after_ten_minutes() {
    let missed_for = |seconds: Option<i64>| {
        let mut town = Town::served(1);
        town.obs.volumes.clear();
        town.obs.absent.volumes.insert(volume_id(0));
        data(&mut town, 0).absent_since = seconds.map(|seconds| at(1000 - seconds));
        let plan = town.plan();
        (words(&town), plan.look_at)
    };
    assert_eq!(missed_for(None).0, ["VolumeUnseen"]);
    assert_eq!(missed_for(Some(599)), (vec!["VolumeUnseen"], Some(at(1001))));
    assert_eq!(missed_for(Some(600)), (vec!["VolumeLost"], None));
}

#[test]
fn a_volume_on_record_is_told_whose_it_is() {
    let mut town = Town::served(1);
    volume(&mut town, 0).tags.remove(tags::SLOT);
    volume(&mut town, 0).tags.remove(tags::VOLUME);
    let own = [(tags::SLOT, "0"), (tags::VOLUME, "data")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let expected = Step::Tag { resource: volume_id(0).to_string(), tags: own.into() };
    assert_eq!(town.plan().steps, [expected]);
}

#[test]
fn a_volume_serves_only_where_it_is_in_use_by_its_holder_alone() {
    type Disturb = fn(&mut Volume);
    let second = |volume: &mut Volume| {
        let other = Attachment { instance: instance_id(1), ..volume.attachments[0].clone() };
        volume.attachments.push(other);
    };
    let cases: [(&str, Disturb, bool); 3] = [
        ("as it should be", |_| (), false),
        ("not shown in use", |volume| volume.state = VolumeState::Available, true),
        ("attached twice", second, true),
    ];
    for (case, disturb, waits) in cases {
        let mut town = Town::served(2);
        disturb(volume(&mut town, 0));
        town.lifecycle(0, Lifecycle::PendingWait);
        let plan = town.plan();
        assert_eq!(words(&town).contains(&"VolumeInTransit"), waits, "{case}");
        assert_eq!(answers(&plan.steps).len(), usize::from(!waits), "{case}");
    }
}

#[test]
fn a_device_name_is_taken_that_nobody_has() {
    let mut town = making();
    put(&mut town, 0, Some("3"));
    let record = data(&mut town, 0);
    (record.id, record.born) = (Some(volume_id(0)), true);
    town.lifecycle(0, Lifecycle::PendingWait);
    let device = |name: &str| DeviceName::new(name).unwrap();
    let instance = town.obs.instances.get_mut(&instance_id(0)).unwrap();
    instance.devices = [device("/dev/sdf"), device("/dev/sdh")].into();
    town.obs.notes.busy_devices.insert(instance_id(0), [device("/dev/sdg")].into());
    let attached = town.plan().steps.into_iter().filter_map(|step| {
        let Step::AttachVolume { volume, device, .. } = step else { return None };
        Some((volume, device.to_string()))
    });
    let expected = [(volume_id(0), "/dev/sdi".to_owned()), (volume_id(100), "/dev/sdj".to_owned())];
    assert_eq!(attached.collect::<Vec<_>>(), expected);
}

/// What the steps tell this instance of its data, in order.
fn told(steps: &[Step], n: u32) -> Vec<Option<String>> {
    let told = steps.iter().filter_map(|step| match step {
        Step::Tag { resource, tags } if resource == instance_id(n).as_str() => Some(tags.get(tags::DATA).cloned()),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_launching_guest_hears_nothing_of_a_volume_that_is_not_shown() {
    for (lost, expected) in [("blank", vec![Some("blank".to_owned())]), ("wait", vec![])] {
        let spec = SPEC.replace(r#""address""#, &format!(r#""data_lost":"{lost}","address""#));
        let mut town = Town::with_spec(1, &spec);
        town.gone(0);
        town.free(0);
        town.lose_volume(0);
        data(&mut town, 0).absent_since = Some(at(300));
        town.launching(7, 'a');
        let mut steps = town.run();
        town.arrive();
        steps.extend(town.run());
        assert_eq!(holder_of(&town, 0), Some(instance_id(7)), "{lost}");
        assert_eq!(told(&steps, 7), expected, "{lost}");
    }
}

#[test]
fn a_holder_in_service_is_told_again_what_was_taken_from_its_tags_though_a_volume_is_not_shown() {
    let mut town = Town::served(1);
    town.lose_volume(0);
    data(&mut town, 0).absent_since = Some(at(0));
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.remove(tags::DATA);
    assert_eq!(told(&town.plan().steps, 0), [Some("kept".to_owned())]);
}
