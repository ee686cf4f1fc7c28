//! What is attached, detached, made and marked.

use super::*;

/// Slot 0's holder is launching, and nothing of the slot is attached.
fn launching() -> Town {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    town.free(0);
    town
}

fn attach_volume() -> (Town, Step) {
    let device = DeviceName::new("/dev/sdf").unwrap();
    (launching(), Step::AttachVolume { slot: ZERO, volume: volume_id(0), instance: instance_id(0), device })
}

fn attach_interface() -> (Town, Step) {
    let (interface, instance) = (interface_id(0), instance_id(0));
    (launching(), Step::AttachInterface { slot: ZERO, interface, instance, index: 1 })
}

const NOT_SERVED: [Spoil; 6] = [
    (3, "does not hold", |town, _| slot(town).holder = None),
    (3, "does not hold", |town, _| slot(town).holder.as_mut().unwrap().instance = instance_id(7)),
    (3, "Leaving", |town, _| town.lifecycle(0, Lifecycle::TerminatingWait)),
    (3, "is", |town, _| town.state(0, InstanceState::Stopped)),
    (3, "is", |town, _| town.gone(0)),
    (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
];

#[test]
fn a_volume_is_attached_only_where_it_belongs_and_free() {
    refused(attach_volume, &NOT_SERVED[3..]);
    refused(
        attach_volume,
        &[
            (2, "not on record as born", |town, _| record(town).born = false),
            (2, "not on record as born", |town, _| record(town).id = Some(volume_id(9))),
            (2, "not on record as born", |_, step| {
                let Step::AttachVolume { volume, .. } = step else { panic!("{step:?}") };
                *volume = volume_id(1);
            }),
            (7, "deployment's tag", |town, _| drop(marks(town).remove(tags::DEPLOYMENT))),
            (7, "deployment's tag", |town, _| set(marks(town), tags::DEPLOYMENT, "other")),
            (7, "deployment's tag", |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
            (3, "does not hold", |town, _| slot(town).holder = None),
            (3, "does not hold", |town, _| slot(town).holder.as_mut().unwrap().instance = instance_id(7)),
            (3, "is", |town, _| town.lifecycle(0, Lifecycle::TerminatingWait)),
            (3, "is not free", |town, _| town.attach(0, 1)),
            (3, "is not free", |town, _| volume(town).state = VolumeState::InUse),
            (3, "several", |town, _| volume(town).multi_attach = true),
        ],
    );
}

#[test]
fn an_interface_is_attached_only_where_it_belongs() {
    refused(attach_interface, &NOT_SERVED[3..]);
    refused(
        attach_interface,
        &[
            (2, "is not slot 0's", |town, _| interface(town).born = false),
            (2, "is not slot 0's", |town, _| interface(town).id = Some(interface_id(9))),
            (2, "is not slot 0's", |town, _| slot(town).interface = None),
            (7, "deployment's tag", |town, _| drop(shown_interface(town).tags.remove(tags::DEPLOYMENT))),
            (3, "does not hold", |town, _| slot(town).holder = None),
            (3, "index 0", |_, step| {
                let Step::AttachInterface { index, .. } = step else { panic!("{step:?}") };
                *index = 0;
            }),
        ],
    );
}

/// Slot 0's holder is leaving, and its guest has let go.
fn released() -> Town {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    set(&mut instance(&mut town).tags, tags::RELEASED, "3");
    town
}

#[test]
fn nothing_is_detached_before_the_guest_has_let_go() {
    let volume = || {
        let device = "/dev/sdf".to_owned();
        (released(), Step::DetachVolume { slot: ZERO, volume: volume_id(0), instance: instance_id(0), device })
    };
    let interface = || {
        let attachment = InterfaceAttachmentId::new("eni-attach-00000000000000000").unwrap();
        let (interface, instance) = (interface_id(0), instance_id(0));
        (released(), Step::DetachInterface { slot: ZERO, interface, instance, attachment })
    };
    let spoils: [Spoil; 6] = [
        (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
        (4, "does not hold", |town, _| slot(town).holder = None),
        (4, "has not released", |town, _| drop(instance(town).tags.remove(tags::RELEASED))),
        (4, "has not released", |town, _| set(&mut instance(town).tags, tags::RELEASED, "2")),
        (4, "has not released", |town, _| slot(town).claim = Claim(4)),
        (4, "does not take it out", |town, _| town.lifecycle(0, Lifecycle::InService)),
    ];
    refused(volume, &spoils);
    refused(interface, &spoils);
}

/// Slot 0's volume is an attempt that has not been made yet.
fn create_volume() -> (Town, Step) {
    let mut town = launching();
    (record(&mut town).born, record(&mut town).id) = (false, None);
    let params = record(&mut town).params.clone();
    town.obs.volumes.remove(&volume_id(0));
    let (name, token) = (data(), "token".to_owned());
    (town, Step::CreateVolume { slot: ZERO, name, params, zone: town::zone('a'), token, tags: Tags::default() })
}

/// A volume that bears slot 0's tags for `data`.
fn twin(town: &mut Town) -> &mut Volume {
    let mut twin = town.obs.volumes[&volume_id(1)].clone();
    twin.id = volume_id(77);
    set(&mut twin.tags, tags::SLOT, "0");
    town.obs.volumes.entry(twin.id.clone()).or_insert(twin)
}

#[test]
fn a_volume_is_made_for_an_attempt_on_record_and_never_beside_another() {
    refused(
        create_volume,
        &[
            (8, "no client token", |_, step| {
                let Step::CreateVolume { token, .. } = step else { panic!("{step:?}") };
                token.clear();
            }),
            (1, "no attempt", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (1, "no attempt", |town, _| slot(town).volumes.clear()),
            (1, "has a volume", |town, _| record(town).born = true),
            (1, "has a volume", |town, _| record(town).id = Some(volume_id(9))),
            (1, "tagged as `data` of slot 0 exists", |town, _| _ = twin(town)),
        ],
    );
    allowed(
        create_volume,
        &[
            ("one that another took the place of", |town, _| set(&mut twin(town).tags, tags::SUPERSEDED, "vol-1")),
            ("one of another name", |town, _| set(&mut twin(town).tags, tags::VOLUME, "log")),
            ("one of another slot", |town, _| set(&mut twin(town).tags, tags::SLOT, "5")),
            ("one that is on record as left behind", |town, _| {
                let left = deletes::left_behind(Proof::None);
                let id = twin(town).id.clone();
                slot(town).upkeep.superseded.insert(id, left);
            }),
        ],
    );
}

#[test]
fn a_twin_is_noticed_although_another_volume_is_left_behind() {
    refused(
        || {
            let (mut town, step) = create_volume();
            let left = deletes::left_behind(Proof::None);
            slot(&mut town).upkeep.superseded.insert(volume_id(55), left);
            (town, step)
        },
        &[(1, "exists", |town, _| _ = twin(town))],
    );
}

#[test]
fn an_interface_is_made_for_an_attempt_on_record() {
    let base = || {
        let mut town = launching();
        (interface(&mut town).born, interface(&mut town).id) = (false, None);
        let subnet = interface(&mut town).subnet.clone();
        let (security_groups, tags) = (Vec::new(), Tags::default());
        (town, Step::CreateInterface { slot: ZERO, subnet, security_groups, ip: None, token: "token".to_owned(), tags })
    };
    refused(
        base,
        &[
            (1, "not on record", |town, _| _ = town.obs.slots.remove(&ZERO)),
            (1, "no attempt", |town, _| slot(town).interface = None),
            (1, "has an interface", |town, _| interface(town).born = true),
            (1, "has an interface", |town, _| interface(town).id = Some(interface_id(9))),
        ],
    );
}

#[test]
fn only_what_bears_our_deployments_tag_is_marked() {
    fn tag(town: Town, resource: impl ToString) -> (Town, Step) {
        (town, Step::Tag { resource: resource.to_string(), tags: Tags::default() })
    }
    refused(
        || tag(Town::served(2), volume_id(0)),
        &[
            (7, "vol-", |town, _| set(marks(town), tags::DEPLOYMENT, "other")),
            (7, "vol-", |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
        ],
    );
    refused(
        || tag(Town::served(2), interface_id(0)),
        &[(7, "eni-", |town, _| set(&mut shown_interface(town).tags, tags::DEPLOYMENT, "other"))],
    );
    refused(
        || tag(Town::served(2), instance_id(0)),
        &[(7, "i-", |town, _| set(&mut instance(town).tags, tags::DEPLOYMENT, "other"))],
    );
    refused(
        || {
            let mut town = Town::served(2);
            let ours = town.obs.volumes[&volume_id(0)].tags.clone();
            let taken = town.snapshot(&volume_id(0), ours, SnapshotState::Completed);
            let id = taken.id.clone();
            town.obs.snapshots = Some([(id.clone(), taken)].into());
            tag(town, id)
        },
        &[
            (7, "snap-", |town, _| town.obs.snapshots = None),
            (7, "snap-", |town, _| {
                let shown = town.obs.snapshots.as_mut().unwrap().values_mut().next().unwrap();
                set(&mut shown.tags, tags::DEPLOYMENT, "other");
            }),
        ],
    );
}

#[test]
fn to_keep_what_is_attached_is_always_allowed() {
    let town = Town::served(1);
    let keep = [
        Step::KeepVolume { volume: volume_id(9), instance: instance_id(9), device: "/dev/sdf".to_owned() },
        Step::KeepInterface {
            interface: interface_id(9),
            attachment: InterfaceAttachmentId::new("eni-attach-00000000000000009").unwrap(),
        },
    ];
    keep.iter().for_each(|step| assert_eq!(opinion(&town, step), Ok(())));
}
