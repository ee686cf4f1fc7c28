//! DNS records: what is written was noted first, and what it replaces is of our making.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::*;

fn address(last: u8) -> BTreeSet<Ipv4Addr> {
    [[10, 0, 9, last].into()].into()
}

fn own(town: &mut Town) -> &mut NameRecord {
    slot(town).record.as_mut().unwrap()
}

fn shared(town: &mut Town) -> &mut NameRecord {
    town.obs.record.as_mut().unwrap().record.as_mut().unwrap()
}

fn change(step: &mut Step) -> &mut RecordChange {
    let Step::ChangeRecord(change) = step else { panic!("{step:?}") };
    change
}

/// Slot 0's name is to go from what is confirmed to another address.
fn swap() -> (Town, Step) {
    let mut town = Town::served(2);
    own(&mut town).confirmed = address(1);
    own(&mut town).tried = vec![address(7), address(2)];
    own(&mut town).past = vec![address(8)];
    let key = own(&mut town).key.clone();
    (town, Step::ChangeRecord(RecordChange { key, old: Some((30, address(1))), new: Some((30, address(2))) }))
}

#[test]
fn a_record_is_changed_only_from_what_we_wrote_to_what_was_noted() {
    refused(
        swap,
        &[
            (7, "no change of this record", |town, step| {
                change(step).key = RecordKey { name: DnsName::new("other.test").unwrap(), ..own(town).key.clone() }
            }),
            (7, "no change of this record", |town, _| slot(town).record = None),
            (7, "was not recorded first", |town, _| own(town).tried.clear()),
            (7, "was not recorded first", |town, _| own(town).tried.reverse()),
            (7, "was not recorded first", |_, step| change(step).new = None),
            (7, "not of our making", |_, step| change(step).old = Some((30, address(99)))),
        ],
    );
    allowed(
        swap,
        &[
            ("nothing stands there", |_, step| change(step).old = None),
            ("what was tried before", |_, step| change(step).old = Some((30, address(7)))),
            ("what was written long ago", |_, step| change(step).old = Some((30, address(8)))),
            ("it is taken away", |town, step| {
                own(town).tried = vec![BTreeSet::new()];
                change(step).new = None;
            }),
        ],
    );
}

#[test]
fn the_groups_own_record_is_held_to_the_same() {
    let base = || {
        let mut town = Town::served(2);
        shared(&mut town).tried = vec![address(5)];
        let (key, old) = (shared(&mut town).key.clone(), shared(&mut town).confirmed.clone());
        (town, Step::ChangeRecord(RecordChange { key, old: Some((30, old)), new: Some((30, address(5))) }))
    };
    refused(
        base,
        &[
            (7, "was not recorded first", |town, _| shared(town).tried.clear()),
            (7, "not of our making", |_, step| change(step).old = Some((30, address(99)))),
        ],
    );
}
