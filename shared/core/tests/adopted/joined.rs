//! Members in service that never came through our hook: which volumes and which interface are theirs.

use super::rebuilt::making;
use super::*;

const ADDRESSED: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"}}"#;
const THREE: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},"log":{"size":"20GiB","mount":"/log"},
 "tmp":{"size":"30GiB","mount":"/tmp-of-slot"}}}"#;

/// Member 9 in service, with volumes 10, 11 and so on of these devices, sizes and names.
fn joins(town: &mut Town, volumes: &[(&str, u32, Option<&str>)]) {
    town.instance(9, 'a', Lifecycle::InService);
    for (n, (device, size, named)) in (10..).zip(volumes) {
        let mut volume = town::pool_volume(n);
        volume.size_gib = *size;
        volume.tags = marks(&named.map(|name| (tags::VOLUME, name)).into_iter().collect::<Vec<_>>()).into();
        volume.state = VolumeState::InUse;
        volume.attachments = vec![attachment(9, device)];
        instance(town, 9).volumes.insert(volume.id.clone());
        town.obs.volumes.insert(volume.id.clone(), volume);
    }
}

fn attachment(to: u32, device: &str) -> Attachment {
    Attachment {
        instance: instance_id(to),
        device: device.to_owned(),
        state: AttachmentState::Attached,
        delete_on_termination: false,
        since: None,
    }
}

/// A group that has only this member, and no slot.
fn newcomer(volumes: &[(&str, u32, Option<&str>)]) -> Town {
    let mut town = Town::with_spec(0, PLAIN);
    joins(&mut town, volumes);
    town
}

/// The volumes of the only new slot, by name.
fn mapped(found: &Adoption) -> Vec<(&str, VolumeId)> {
    assert_eq!((said(&found.refused), found.rebuilt.len(), found.new.len()), (vec![], 0, 1));
    let records = found.new[0].volumes.iter();
    records.map(|(name, record)| (name.as_str(), record.id.clone().unwrap())).collect()
}

#[test]
fn the_only_volume_is_the_only_name_whatever_its_size() {
    let found = adopt(&mut newcomer(&[("/dev/sdf", 50, None)]), PLAIN);
    assert_eq!(mapped(&found), [("data", volume_id(10))]);
    // One that bears a name of its own is not another's, and the one beside it may be anything.
    let mut town = newcomer(&[("/dev/sdf", 50, Some("cache")), ("/dev/sdg", 60, None)]);
    let unclear = "i-00000000000000009: which volume is `data` cannot be told (vol-0000000000000000a at /dev/sdf, \
                   vol-0000000000000000b at /dev/sdg): say --volume data=DEVICE";
    assert_refused(&adopt(&mut town, PLAIN), &[unclear]);
    assert_refused(
        &adopt(&mut newcomer(&[("/dev/sdf", 50, Some("cache"))]), PLAIN),
        &["i-00000000000000009: which volume is `data` cannot be told (vol-0000000000000000a at /dev/sdf)"],
    );
}

#[test]
fn a_size_tells_a_volume_only_where_one_name_and_one_volume_have_it() {
    let found = adopt(&mut newcomer(&[("/dev/sdf", 50, None), ("/dev/sdg", 20, None)]), PLAIN);
    assert_eq!(mapped(&found), [("data", volume_id(11))]);
    assert_eq!(
        said(&found.notices),
        ["i-00000000000000009: vol-0000000000000000a is none of its slot's volumes, and stays as it is"]
    );
    // `data` and `log` are to be of the same size: one volume of that size may be either.
    let mut town = newcomer(&[("/dev/sdf", 20, None), ("/dev/sdg", 30, None), ("/dev/sdh", 50, None)]);
    let open = "cannot be told (vol-0000000000000000a at /dev/sdf, vol-0000000000000000c at /dev/sdh)";
    assert_refused(
        &adopt(&mut town, THREE),
        &[
            &format!("i-00000000000000009: which volume is `data` {open}"),
            &format!("i-00000000000000009: which volume is `log` {open}"),
        ],
    );
    let mut town = newcomer(&[("/dev/sdf", 20, Some("log")), ("/dev/sdg", 30, None), ("/dev/sdh", 50, None)]);
    let found = adopt(&mut town, THREE);
    assert_eq!(mapped(&found), [("data", volume_id(12)), ("log", volume_id(10)), ("tmp", volume_id(11))]);
}

#[test]
fn one_volume_for_two_names_is_guessed_for_neither() {
    let open = "cannot be told (vol-0000000000000000a at /dev/sdf): say --volume";
    assert_refused(
        &adopt(&mut newcomer(&[("/dev/sdf", 50, None)]), TWO),
        &[
            &format!("i-00000000000000009: which volume is `data` {open}"),
            &format!("i-00000000000000009: which volume is `log` {open}"),
        ],
    );
}

#[test]
fn only_volumes_that_are_no_other_names_are_offered() {
    let mut town = newcomer(&[("/dev/sdf", 20, Some("data")), ("/dev/sdg", 20, None), ("/dev/sdh", 20, None)]);
    assert_refused(
        &adopt(&mut town, TWO),
        &["i-00000000000000009: which volume is `log` cannot be told (vol-0000000000000000b at /dev/sdg, \
           vol-0000000000000000c at /dev/sdh): say --volume log=DEVICE"],
    );
    assert_refused(
        &adopt(&mut newcomer(&[("/dev/sdf", 20, Some("data"))]), TWO),
        &["i-00000000000000009: has no volume for `log`: attach one, or leave the instance out (--leave-out)"],
    );
}

#[test]
fn what_a_person_says_of_a_name_is_final() {
    let wishes =
        |device| Wishes { devices: [(name("data"), DeviceName::new(device).unwrap())].into(), ..Wishes::default() };
    let preferred = PLAIN.replace(r#""mount""#, r#""device":"/dev/sdf","mount""#);
    // By its tag, its device and its size it would be the volume, and it is the only one.
    let mut town = newcomer(&[("/dev/sdf", 20, Some("data"))]);
    let found = propose_once(&mut town, &preferred, &wishes("/dev/sdz"));
    assert_refused(&found, &["i-00000000000000009: which volume is `data` cannot be told"]);
    for by_one_rule in [("/dev/sdg", 50, None), ("/dev/sdg", 20, None), ("/dev/sdf", 50, None)] {
        let mut town = newcomer(&[by_one_rule]);
        let found = propose_once(&mut town, &preferred, &wishes("/dev/sdz"));
        assert_refused(&found, &["i-00000000000000009: which volume is `data` cannot be told"]);
    }
    let mut town = newcomer(&[("/dev/sdf", 20, Some("data")), ("/dev/sdg", 50, None)]);
    assert_eq!(mapped(&propose_once(&mut town, &preferred, &wishes("/dev/sdg"))), [("data", volume_id(11))]);
}

#[test]
fn a_volume_that_a_second_instance_has_too_is_not_served() {
    let mut town = newcomer(&[("/dev/sdf", 20, None)]);
    volume(&mut town, 10).attachments.push(attachment(5, "/dev/sdf"));
    assert_refused(
        &adopt(&mut town, PLAIN),
        &["i-00000000000000009: vol-0000000000000000a may be attached to several instances: such volumes are not"],
    );
}

#[test]
fn a_volume_that_is_on_a_slots_record_is_not_a_newcomers() {
    type Records = fn(&mut Slot);
    let cases: [(&str, Records); 3] = [
        ("serves", |slot| slot.volumes.get_mut(&name("data")).unwrap().id = Some(volume_id(10))),
        ("is left behind", |slot| drop(slot.upkeep.superseded.insert(volume_id(10), left_behind(at(0))))),
        ("is being made", |slot| slot.upkeep.change = Some(making(volume_id(10)))),
    ];
    for (what, record) in cases {
        let mut town = Town::served(1);
        record(slot(&mut town, 0));
        joins(&mut town, &[("/dev/sdf", 20, None)]);
        let found = adopt(&mut town, PLAIN);
        let told = said(&found.refused);
        assert_eq!(told, ["i-00000000000000009: vol-0000000000000000a is on the record of slot 0"], "{what}");
        assert_eq!(found.slots().count(), 0, "{what}");
    }
    let mut town = Town::served(1);
    joins(&mut town, &[("/dev/sdf", 20, None)]);
    assert_eq!(mapped(&adopt(&mut town, PLAIN)), [("data", volume_id(10))], "one that is on no record");
}

#[test]
fn the_holder_of_a_slot_gets_no_second_one_though_it_lost_its_tags() {
    let mut town = Town::served(1);
    let shown = instance(&mut town, 0);
    shown.tags.retain(|key, _| key == tags::GROUP || key == tags::DEPLOYMENT);
    shown.volumes.insert(volume_id(0));
    let found = adopt(&mut town, PLAIN);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn an_interface_that_is_on_a_slots_record_is_not_a_newcomers() {
    type Records = fn(&mut Slot);
    let cases: [(&str, Records, bool); 3] = [
        ("is on no record", |_| (), true),
        ("serves", |slot| slot.interface.as_mut().unwrap().id = Some(interface_id(10)), false),
        (
            "is left behind",
            |slot| {
                let left = LeftInterface { since: at(0), absent_since: None };
                slot.upkeep.left_interfaces.insert(interface_id(10), left);
            },
            false,
        ),
    ];
    for (what, record, taken) in cases {
        let mut town = Town::served(1);
        joins(&mut town, &[("/dev/sdf", 20, None)]);
        let mut second = town.obs.interfaces[&interface_id(0)].clone();
        second.id = interface_id(10);
        second.tags.retain(|key, _| key == tags::GROUP || key == tags::DEPLOYMENT);
        second.attachment.as_mut().unwrap().instance = Some(instance_id(9));
        town.obs.interfaces.insert(second.id.clone(), second);
        instance(&mut town, 9).interface_indexes.insert(1);
        record(slot(&mut town, 0));
        let found = adopt(&mut town, ADDRESSED);
        if taken {
            assert_eq!(mapped(&found), [("data", volume_id(10))], "{what}");
            assert_eq!(found.new[0].interface.as_ref().unwrap().id, Some(interface_id(10)), "{what}");
        } else {
            assert_refused(&found, &["i-00000000000000009: eni-0000000000000000a is on the record of slot 0"]);
        }
    }
}

#[test]
fn what_would_be_deleted_with_its_instance_is_kept_first_and_then_tagged() {
    let mut town = newcomer(&[("/dev/sdf", 20, None)]);
    volume(&mut town, 10).attachments[0].delete_on_termination = true;
    let found = adopt(&mut town, PLAIN);
    let keep = Step::KeepVolume { volume: volume_id(10), instance: instance_id(9), device: "/dev/sdf".to_owned() };
    assert_eq!(found.keep, [keep]);
    let own = [(tags::GROUP, "cass"), (tags::DEPLOYMENT, "test"), (tags::SLOT, "0"), (tags::VOLUME, "data")];
    assert_eq!(found.tags, [(volume_id(10).to_string(), marks(&own))]);
    volume(&mut town, 10).attachments[0].delete_on_termination = false;
    volume(&mut town, 10).tags.extend(marks(&own[..2]));
    let found = adopt(&mut town, PLAIN);
    assert_eq!((found.keep, found.tags), (vec![], vec![(volume_id(10).to_string(), marks(&own[2..]))]));
}
