//! What the table in memory promises beside what the contract says.

use std::collections::BTreeSet;

use super::*;
use crate::model::BEGINNING;

#[test]
fn a_table_that_is_made_anew_knows_no_token_of_the_lost_one() {
    let group: GroupName = "cass".parse().unwrap();
    let write = TableWrite {
        group: group.clone(),
        slot: None,
        record: Some((None, Box::new(Group::new(group.clone())))),
        bind: BTreeSet::new(),
        unbind: BTreeSet::new(),
        action: None,
    };
    let mut table = MemoryTable::default();
    table.write(&write, BEGINNING, "one").unwrap();
    assert!(table.group(&group).is_some());
    table.wipe();
    table.write(&write, BEGINNING, "one").unwrap();
    assert!(table.group(&group).is_some(), "the repeated write takes effect");
}
