//! Writes to the table: generations, claims, the counter, holders, and that nothing has two owners.

use std::collections::BTreeSet;

use super::*;

/// Writes slot 0 as the town has it.
fn write(town: &Town) -> Step {
    let slot = town.obs.slots[&ZERO].clone().into_inner();
    let write =
        TableWrite { slot: Some((Some(slot.generation), Box::new(slot))), ..TableWrite::about(town.obs.group.clone()) };
    Step::Write { write, why: BTreeSet::new() }
}

fn written(step: &mut Step) -> &mut TableWrite {
    let Step::Write { write, .. } = step else { panic!("{step:?}") };
    write
}

fn next(step: &mut Step) -> &mut Slot {
    &mut written(step).slot.as_mut().unwrap().1
}

fn expected(step: &mut Step) -> &mut Option<Generation> {
    &mut written(step).slot.as_mut().unwrap().0
}

#[test]
fn a_write_names_the_generation_that_was_read() {
    let base = || {
        let town = Town::served(2);
        let mut step = write(&town);
        written(&mut step).record = Some((Some(Generation(1)), Box::new(town.obs.record.clone().unwrap())));
        (town, step)
    };
    refused(
        base,
        &[
            (10, "the slot's generation", |_, step| *expected(step) = Some(Generation(6))),
            (10, "the slot's generation", |_, step| *expected(step) = None),
            (10, "the group's generation", |_, step| written(step).record.as_mut().unwrap().0 = Some(Generation(2))),
            (10, "the group's generation", |_, step| written(step).record.as_mut().unwrap().0 = None),
            (1, "counter would fall", |_, step| written(step).record.as_mut().unwrap().1.next_slot = 1),
            (2, "claim would fall", |_, step| next(step).claim = Claim(2)),
        ],
    );
    allowed(
        base,
        &[
            ("the counter rises", |_, step| written(step).record.as_mut().unwrap().1.next_slot = 3),
            ("the claim rises", |_, step| next(step).claim = Claim(4)),
            ("the group's item alone", |_, step| written(step).slot = None),
        ],
    );
}

/// A third slot is made, for an instance that holds nothing.
fn made() -> (Town, Step) {
    let mut town = Town::served(2);
    town.launching(9, 'a');
    let mut step = write(&town);
    *expected(&mut step) = None;
    let fresh = next(&mut step);
    (fresh.number, fresh.claim) = (SlotNumber(2), Claim(1));
    fresh.holder.as_mut().unwrap().instance = instance_id(9);
    fresh.volumes.get_mut(&data()).unwrap().id = None;
    (town, step)
}

#[test]
fn a_new_slot_takes_the_counters_number_and_nothing_of_others() {
    refused(
        made,
        &[
            (1, "not the counter's next, 2", |_, step| next(step).number = SlotNumber(3)),
            (1, "not the counter's next, 0", |town, _| town.obs.record = None),
            (1, "tagged with slot 2", |town, _| set(marks(town), tags::SLOT, "2")),
            (1, "tagged with slot 2", |town, _| {
                set(&mut town.obs.interfaces.get_mut(&interface_id(0)).unwrap().tags, tags::SLOT, "2");
            }),
            (1, "tagged with slot 2", |town, _| {
                set(&mut town.obs.instances.get_mut(&instance_id(1)).unwrap().tags, tags::SLOT, "2");
            }),
            (2, "belongs to slot 1", |_, step| next(step).volumes.get_mut(&data()).unwrap().id = Some(volume_id(1))),
            (2, "holds another slot", |_, step| next(step).holder.as_mut().unwrap().instance = instance_id(1)),
        ],
    );
    allowed(made, &[("without a holder", |_, step| next(step).holder = None)]);
}

#[test]
fn a_slot_that_exists_takes_nothing_of_others_either() {
    refused(
        || {
            let mut town = Town::served(2);
            slot(&mut town).holder = None;
            (record(&mut town).born, record(&mut town).id) = (false, None);
            let step = write(&town);
            (town, step)
        },
        &[
            (2, "belongs to slot 1", |_, step| next(step).volumes.get_mut(&data()).unwrap().id = Some(volume_id(1))),
            (2, "holds another slot", |_, step| {
                next(step).claim = Claim(4);
                next(step).holder = Some(Holder { instance: instance_id(1), since: at(1000), absent_since: None });
            }),
        ],
    );
}

/// Slot 0's holder is gone, everything of it is free, and its claim ends.
fn released() -> (Town, Step) {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    let mut step = write(&town);
    next(&mut step).holder = None;
    written(&mut step).unbind.insert(Bound::Instance(instance_id(0)));
    (town, step)
}

/// The holder is not shown any more, since this long before now.
fn vanish(town: &mut Town, since: i64) {
    town.obs.instances.remove(&instance_id(0));
    town.obs.asgs[0].members.remove(&instance_id(0));
    town.obs.absent.instances.insert(instance_id(0));
    let now = town.now;
    slot(town).holder.as_mut().unwrap().absent_since = Some(now - jiff::SignedDuration::from_secs(since));
}

/// Nor is its volume.
fn lose_volume(town: &mut Town, since: i64) {
    town.obs.volumes.remove(&volume_id(0));
    town.obs.absent.volumes.insert(volume_id(0));
    let now = town.now;
    record(town).absent_since = Some(now - jiff::SignedDuration::from_secs(since));
}

/// Nor is its interface.
fn lose_interface(town: &mut Town, since: i64) {
    town.obs.interfaces.remove(&interface_id(0));
    town.obs.absent.interfaces.insert(interface_id(0));
    let now = town.now;
    interface(town).absent_since = Some(now - jiff::SignedDuration::from_secs(since));
}

#[test]
fn a_claim_ends_only_when_its_holder_is_gone_and_everything_free() {
    refused(
        released,
        &[
            (2, "not seen gone", |town, _| town.instance(0, 'a', Lifecycle::TerminatingWait)),
            (2, "not seen gone", |town, _| town.instance(0, 'a', Lifecycle::InService)),
            (2, "not seen gone", |town, _| vanish(town, 599)),
            (2, "not seen gone", |town, _| {
                vanish(town, 600);
                town.obs.absent.instances.clear();
            }),
            (2, "not seen gone", |town, _| {
                vanish(town, 600);
                slot(town).holder.as_mut().unwrap().absent_since = None;
            }),
            (2, "vol-00000000000000000 was not read as free", |town, _| {
                let attachment = town.obs.volumes[&volume_id(1)].attachments.clone();
                volume(town).attachments = attachment;
            }),
            (2, "vol-00000000000000000 was not read as free", |town, _| drop(town.obs.volumes.remove(&volume_id(0)))),
            (2, "vol-00000000000000000 was not read as free", |town, _| lose_volume(town, 599)),
            (2, "vol-00000000000000000 was not read as free", |town, _| {
                lose_volume(town, 600);
                town.obs.absent.volumes.clear();
            }),
            (2, "eni-00000000000000000 was not read as free", |town, _| {
                let attachment = town.obs.interfaces[&interface_id(1)].attachment.clone();
                shown_interface(town).attachment = attachment;
            }),
            (2, "eni-00000000000000000 was not read as free", |town, _| {
                drop(town.obs.interfaces.remove(&interface_id(0)));
            }),
            (2, "eni-00000000000000000 was not read as free", |town, _| lose_interface(town, 599)),
            (2, "eni-00000000000000000 was not read as free", |town, _| {
                lose_interface(town, 600);
                town.obs.absent.interfaces.clear();
            }),
            (2, "binding of i-00000000000000000", |_, step| written(step).unbind.clear()),
            (2, "without a new claim", |town, step| {
                town.launching(9, 'a');
                next(step).holder = Some(Holder { instance: instance_id(9), since: at(1000), absent_since: None });
            }),
        ],
    );
}

#[test]
fn a_claim_ends_when_its_holder_was_missed_for_ten_minutes_or_has_let_go() {
    allowed(
        released,
        &[
            ("missed for ten minutes", |town, _| vanish(town, 600)),
            ("its volume too", |town, _| lose_volume(town, 600)),
            ("its interface too", |town, _| lose_interface(town, 600)),
            ("its guest has let go", |town, _| {
                town.instance(0, 'a', Lifecycle::TerminatingWait);
                set(&mut instance(town).tags, tags::RELEASED, "3");
            }),
            ("it passes on with a new claim", |town, step| {
                town.launching(9, 'a');
                next(step).claim = Claim(4);
                next(step).holder = Some(Holder { instance: instance_id(9), since: at(1000), absent_since: None });
            }),
            ("an attempt without an ID is nothing that anybody holds", |town, step| {
                (record(town).id, record(town).born) = (None, false);
                *next(step) = Slot { holder: None, ..slot(town).clone() };
            }),
        ],
    );
}

#[test]
fn a_vacant_slot_is_taken_with_a_new_claim() {
    let base = || {
        let (mut town, mut step) = released();
        slot(&mut town).holder = None;
        town.launching(9, 'a');
        written(&mut step).unbind.clear();
        next(&mut step).claim = Claim(4);
        next(&mut step).holder = Some(Holder { instance: instance_id(9), since: at(1000), absent_since: None });
        (town, step)
    };
    refused(base, &[(2, "without a new claim", |_, step| next(step).claim = Claim(3))]);
}

/// Slot 0 is vacant and is being changed in this way; its successor stands.
fn changing(kind: ChangeKind) -> (Town, Step) {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    slot(&mut town).holder = None;
    let made = Made {
        from: data::saved(),
        record: VolumeRecord { attempt: 2, id: Some(volume_id(50)), ..record(&mut town).clone() },
    };
    slot(&mut town).upkeep.change = Some(data::change(kind, Stage::Switching, made));
    let mut step = write(&town);
    let next = next(&mut step);
    next.upkeep.superseded.insert(volume_id(0), deletes::left_behind(Proof::None));
    let change = next.upkeep.change.take().unwrap();
    match change.kind {
        ChangeKind::Retire => {
            next.state = SlotState::Retired;
            next.volumes.clear();
            next.upkeep.retired.insert(data(), data::saved());
        }
        ChangeKind::Move { to } => {
            next.zone = to;
            next.volumes.insert(data(), change.volumes[&data()].record.clone());
        }
        ChangeKind::Restore => _ = next.volumes.insert(data(), change.volumes[&data()].record.clone()),
    }
    (town, step)
}

fn pending(town: &mut Town) -> &mut Change {
    slot(town).upkeep.change.as_mut().unwrap()
}

fn successor(town: &mut Town) -> &mut Made {
    pending(town).volumes.get_mut(&data()).unwrap()
}

const LEAVES: &str = "`data` would leave the record";

#[test]
fn a_volume_with_data_leaves_the_record_only_for_its_successor() {
    let spoils: [Spoil; 5] = [
        (1, LEAVES, |town, _| slot(town).upkeep.change = None),
        (1, LEAVES, |town, _| pending(town).stage = Stage::Making),
        (1, LEAVES, |town, _| pending(town).volumes.clear()),
        (1, LEAVES, |_, step| next(step).upkeep.superseded.clear()),
        (1, LEAVES, |town, _| successor(town).record.attempt = 3),
    ];
    let zone = town::zone('b');
    for kind in [ChangeKind::Restore, ChangeKind::Move { to: zone }] {
        refused(|| changing(kind.clone()), &spoils);
        refused(
            || changing(kind.clone()),
            &[
                (1, LEAVES, |town, step| {
                    successor(town).record.born = false;
                    next(step).volumes.get_mut(&data()).unwrap().born = false;
                }),
                (1, LEAVES, |_, step| next(step).volumes.clear()),
            ],
        );
    }
    refused(|| changing(ChangeKind::Retire), &spoils[..4]);
    refused(
        || changing(ChangeKind::Retire),
        &[
            (1, LEAVES, |_, step| next(step).upkeep.retired.clear()),
            (1, LEAVES, |_, step| next(step).state = SlotState::Parked),
            (1, LEAVES, |town, _| successor(town).from.snapshot = snapshot_id(99)),
        ],
    );
}

#[test]
fn a_slot_changes_its_zone_only_by_the_move_on_record() {
    const ZONE: &str = "change its zone";
    refused(|| changing(ChangeKind::Restore), &[(3, ZONE, |_, step| next(step).zone = town::zone('b'))]);
    refused(
        || changing(ChangeKind::Move { to: town::zone('b') }),
        &[(3, ZONE, |_, step| next(step).zone = town::zone('c'))],
    );
    let still = || {
        let mut town = Town::served(2);
        slot(&mut town).holder = None;
        town.free(0);
        slot(&mut town).upkeep.change = None;
        let step = write(&town);
        (town, step)
    };
    refused(
        still,
        &[
            (3, ZONE, |_, step| next(step).zone = town::zone('b')),
            (3, ZONE, |town, step| {
                let made = Made { from: data::saved(), record: record(town).clone() };
                slot(town).upkeep.change =
                    Some(data::change(ChangeKind::Move { to: town::zone('b') }, Stage::Making, made));
                next(step).zone = town::zone('b');
            }),
        ],
    );
    allowed(
        still,
        &[("a retired slot lies nowhere", |town, step| {
            slot(town).state = SlotState::Retired;
            next(step).zone = town::zone('b');
        })],
    );
}

#[test]
fn a_slot_whose_volumes_are_being_changed_is_held_by_nobody() {
    let base = || {
        let mut town = Town::served(2);
        let step = write(&town);
        town.now = at(1000);
        (town, step)
    };
    refused(
        base,
        &[(2, "would be held", |town, step| {
            let made = Made { from: data::saved(), record: record(town).clone() };
            next(step).upkeep.change = Some(data::change(ChangeKind::Restore, Stage::Saving, made));
        })],
    );
}

/// The volume was missed for ten minutes, and the spec says that another one may be made.
fn lost() -> (Town, Step) {
    let mut town = Town::with_spec(2, &town::SPEC.replace(r#""v":1,"#, r#""v":1,"data_lost":"blank","#));
    lose_volume(&mut town, 600);
    let mut step = write(&town);
    let anew = next(&mut step).volumes.get_mut(&data()).unwrap();
    (anew.attempt, anew.id, anew.born) = (2, None, false);
    (town, step)
}

#[test]
fn a_lost_volume_is_given_up_only_certainly_and_where_the_spec_says_so() {
    refused(
        lost,
        &[
            (1, LEAVES, |town, _| town.obs.absent.volumes.clear()),
            (1, LEAVES, |town, _| lose_volume(town, 599)),
            (1, LEAVES, |town, _| record(town).absent_since = None),
            (1, LEAVES, |town, _| {
                town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = town::SPEC.to_owned();
            }),
            (1, LEAVES, |town, _| town.obs.record.as_mut().unwrap().spec = None),
            (1, LEAVES, |_, step| next(step).volumes.get_mut(&data()).unwrap().attempt = 1),
            (1, LEAVES, |_, step| next(step).volumes.get_mut(&data()).unwrap().born = true),
            (1, LEAVES, |_, step| next(step).volumes.clear()),
        ],
    );
}
