//! Members in service that never came through our hook.

use super::*;

const PLAIN: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
const TWO: &str =
    r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},"log":{"size":"20GiB","mount":"/log"}}}"#;

/// Members `0..n` in service, each with volumes at these devices, which bear no tags at all; the table is empty.
fn unserved(n: u32, spec: &str, volumes: &[(&str, u32)]) -> Town {
    let mut town = Town::with_spec(0, spec);
    town.obs.asgs[0].desired = n;
    town.obs.record.as_mut().unwrap().record = None;
    for member in 0..n {
        town.instance(member, 'a', Lifecycle::InService);
        for (at, (device, size)) in (0..).zip(volumes) {
            let id = volume_id(10 * (member + 1) + at);
            let mut volume = town::pool_volume(0);
            volume.id = id.clone();
            volume.size_gib = *size;
            volume.tags.clear();
            volume.state = VolumeState::InUse;
            volume.attachments = vec![Attachment {
                instance: instance_id(member),
                device: (*device).to_owned(),
                state: AttachmentState::Attached,
                delete_on_termination: true,
                since: None,
            }];
            town.obs.volumes.insert(id.clone(), volume);
            town.obs.instances.get_mut(&instance_id(member)).unwrap().volumes.insert(id);
        }
    }
    town
}

#[test]
fn members_in_service_get_slots_in_the_order_of_their_launch() {
    let mut town = unserved(3, PLAIN, &[("/dev/sdf", 20)]);
    town.obs.instances.get_mut(&instance_id(2)).unwrap().launched = town::at(-50);
    assert!(town.reasons().iter().any(|reason| reason.kind() == "NeedsAdoption"));
    let found = adopt(&mut town);
    assert_eq!(refusals(&found), "");
    let order: Vec<_> = found.new.iter().map(|slot| slot.holder.clone().unwrap().instance).collect();
    assert_eq!(order, [instance_id(2), instance_id(0), instance_id(1)]);
    assert!(found.new.iter().all(|slot| slot.claim == Claim(1)));
    assert_eq!((found.keep.len(), found.tags.len(), found.next_slot), (3, 3, 3));
    write(&mut town, &found);
    assert_quiet(&mut town);
    assert!(!town.reasons().iter().any(|reason| reason.kind() == "NeedsAdoption"));
    assert!(adopt(&mut town).is_empty());
}

#[test]
fn a_new_slot_is_written_together_with_the_counter() {
    let mut town = unserved(2, PLAIN, &[("/dev/sdf", 20)]);
    let found = adopt(&mut town);
    for write in found.writes(&town.obs) {
        let (slot, group) = (write.slot.as_ref().unwrap(), write.record.as_ref().unwrap());
        assert_eq!(group.1.next_slot, slot.1.number.0 + 1);
    }
}

#[test]
fn volumes_are_told_apart_by_a_person_by_tag_by_device_or_by_size() {
    let name = |name| VolumeName::new(name).unwrap();
    let mapped = |town: &mut Town, spec: &str, wishes: &Wishes| {
        let spec = Spec::parse(spec).unwrap().spec;
        let found = adopt_with(town, &spec, wishes, &BTreeMap::new());
        found
            .new
            .first()
            .map(|slot| {
                slot.volumes.iter().map(|(n, r)| (n.clone(), r.id.clone().unwrap())).collect::<BTreeMap<_, _>>()
            })
            .unwrap_or_default()
    };
    let right = BTreeMap::from([(name("data"), volume_id(10)), (name("log"), volume_id(11))]);
    let none = Wishes::default();
    let pair = [("/dev/sdf", 20), ("/dev/sdg", 20)];
    assert_eq!(mapped(&mut unserved(1, TWO, &pair), TWO, &none), BTreeMap::new(), "nothing tells them apart");

    let said = Wishes { devices: [(name("data"), DeviceName::new("/dev/sdf").unwrap())].into(), ..Wishes::default() };
    assert_eq!(mapped(&mut unserved(1, TWO, &pair), TWO, &said), right);

    let mut town = unserved(1, TWO, &pair);
    town.obs.volumes.get_mut(&volume_id(11)).unwrap().tags.insert(tags::VOLUME.to_owned(), "log".to_owned());
    assert_eq!(mapped(&mut town, TWO, &none), right);

    let preferred = TWO.replace(r#""mount":"/data""#, r#""mount":"/data","device":"/dev/sdf""#);
    assert_eq!(mapped(&mut unserved(1, &preferred, &pair), &preferred, &none), right);

    let sized = TWO.replace(r#"{"size":"20GiB","mount":"/log"}"#, r#"{"size":"30GiB","mount":"/log"}"#);
    let town = &mut unserved(1, &sized, &[("/dev/sdf", 20), ("/dev/sdg", 30)]);
    assert_eq!(mapped(town, &sized, &none), right);
}

#[test]
fn what_belongs_to_others_is_refused() {
    type Spoil = fn(&mut Volume);
    let cases: [(Spoil, &str); 5] = [
        (|volume| drop(volume.tags.insert(tags::GROUP.to_owned(), "other".to_owned())), "another group"),
        (|volume| drop(volume.tags.insert(tags::SLOT.to_owned(), "7".to_owned())), "tag of slot 7"),
        (|volume| drop(volume.tags.insert(tags::FOR_SLOT.to_owned(), "0".to_owned())), "left behind"),
        (|volume| volume.multi_attach = true, "several instances"),
        (|volume| volume.attachments[0].state = AttachmentState::Detaching, "come to rest"),
    ];
    for (spoil, expected) in cases {
        let mut town = unserved(1, PLAIN, &[("/dev/sdf", 20)]);
        spoil(town.obs.volumes.get_mut(&volume_id(10)).unwrap());
        let found = adopt(&mut town);
        assert!(refusals(&found).contains(expected), "{expected}: {}", refusals(&found));
        assert_eq!(found.new, [], "{expected}");
    }
}

#[test]
fn a_member_without_a_volume_is_named_and_may_be_left_out() {
    let mut town = unserved(1, PLAIN, &[]);
    assert!(refusals(&adopt(&mut town)).contains("has no volume for `data`"));
    let spec = spec(&town);
    let wishes = Wishes { leave_out: [instance_id(0)].into(), ..Wishes::default() };
    assert!(adopt_with(&mut town, &spec, &wishes, &BTreeMap::new()).is_empty());
}

const ADDRESSED: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"address":{"kind":"eni"}}"#;

/// A second network interface of the only member, in service and without a slot, with these tags.
fn second_interface(town: &mut Town, n: u32, tags: &[(&str, &str)]) -> InterfaceId {
    let id = interface_id(n);
    let attachment = InterfaceAttachment {
        id: InterfaceAttachmentId::new(format!("eni-attach-{n:017x}")).unwrap(),
        instance: Some(instance_id(0)),
        state: AttachmentState::Attached,
        delete_on_termination: true,
        since: None,
    };
    let tags: Tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let ip = Some([10, 0, 9, 200].into());
    let interface = Interface {
        id: id.clone(),
        available: false,
        zone: zone('a'),
        ip,
        tags: tags.into(),
        attachment: Some(attachment),
    };
    town.obs.interfaces.insert(id.clone(), interface);
    town.obs.instances.get_mut(&instance_id(0)).unwrap().interface_indexes.insert(n);
    id
}

const OURS: [(&str, &str); 2] = [(tags::GROUP, "cass"), (tags::DEPLOYMENT, "test")];

fn notices(found: &Adoption) -> String {
    found.notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_second_interface_with_the_groups_tags_is_the_slots() {
    let mut town = unserved(1, ADDRESSED, &[("/dev/sdf", 20)]);
    let id = second_interface(&mut town, 1, &OURS);
    let found = adopt(&mut town);
    assert_eq!(refusals(&found), "");
    let record = found.new[0].interface.clone().unwrap();
    assert_eq!((record.id, record.ip, record.born), (Some(id), Some([10, 0, 9, 200].into()), true));
}

#[test]
fn a_member_with_one_interface_gets_another_and_a_person_is_told() {
    let mut town = unserved(1, ADDRESSED, &[("/dev/sdf", 20)]);
    let found = adopt(&mut town);
    assert_eq!((refusals(&found).as_str(), &found.new[0].interface), ("", &None));
    assert!(notices(&found).contains("has no second network interface"), "{}", notices(&found));
    assert_eq!(notices(&adopt(&mut unserved(1, PLAIN, &[("/dev/sdf", 20)]))), "", "a spec without addresses");
}

#[test]
fn a_second_interface_that_is_not_surely_the_slots_is_refused() {
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "does not bear the group's tags"),
        (&[OURS[0]], "does not bear the group's tags"),
        (&[OURS[1]], "does not bear the group's tags"),
        (&[(tags::GROUP, "other"), OURS[1]], "does not bear the group's tags"),
        (&[OURS[0], OURS[1], (tags::SLOT, "0")], "tag of another slot"),
    ];
    for (shown, expected) in cases {
        let mut town = unserved(1, ADDRESSED, &[("/dev/sdf", 20)]);
        second_interface(&mut town, 1, shown);
        // Slot 0 is on record, so that the tag of a slot is no sign of one that is missing.
        let found = adopt(&mut town);
        assert!(refusals(&found).contains(expected), "{shown:?}: {}", refusals(&found));
        assert_eq!(found.new, [], "{shown:?}");
    }
    let mut town = unserved(1, ADDRESSED, &[("/dev/sdf", 20)]);
    let both = [second_interface(&mut town, 1, &OURS), second_interface(&mut town, 2, &OURS)];
    let told = refusals(&adopt(&mut town));
    assert!(both.iter().all(|id| told.contains(id.as_str())) && told.contains("cannot be told"), "{told}");
}

#[test]
fn more_members_than_slots_max_are_taken_and_a_person_is_told() {
    let at_most = |max: u32| PLAIN.replace(r#""volumes""#, &format!(r#""slots":{{"max":{max}}},"volumes""#));
    for (max, told) in [(1, true), (2, false), (3, false)] {
        let found = adopt(&mut unserved(2, &at_most(max), &[("/dev/sdf", 20)]));
        assert_eq!((refusals(&found).as_str(), found.new.len()), ("", 2));
        assert_eq!(notices(&found).contains(&format!("more than slots.max = {max}")), told, "{}", notices(&found));
    }
    let mut served = Town::with_spec(2, &at_most(1));
    let adopted = adopt(&mut served);
    assert!(!notices(&adopted).contains("slots.max"), "nothing is added: {}", notices(&adopted));
}
