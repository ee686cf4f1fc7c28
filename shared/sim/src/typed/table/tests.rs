//! What the table in memory promises beside what the contract says.

use stateful_asg_core::ids::Claim;
use stateful_asg_core::table::{Done, HookResult};

use super::*;
use crate::model::BEGINNING;

#[test]
fn a_table_that_is_made_anew_knows_no_token_of_the_lost_one() {
    let group: GroupName = "cass".parse().unwrap();
    let record = Some((None, Box::new(Group::new(group.clone()))));
    let write = TableWrite { record, ..TableWrite::about(group.clone()) };
    let mut table = MemoryTable::default();
    table.write(&write, BEGINNING, "one").unwrap();
    assert!(table.group(&group).is_some());
    table.wipe();
    table.write(&write, BEGINNING, "one").unwrap();
    assert!(table.group(&group).is_some(), "the repeated write takes effect");
}

#[test]
fn an_answer_is_never_taken_back_by_who_had_not_read_it() {
    let group: GroupName = "cass".parse().unwrap();
    let open = Action {
        instance: "i-0123456789abcdef0".parse().unwrap(),
        transition: Transition::Launching,
        asg: "cass-1".parse().unwrap(),
        hook: "launch".parse().unwrap(),
        token: None,
        into_pool: None,
        since: BEGINNING,
        beat: None,
        done: None,
    };
    let done = Done { result: HookResult::Abandon, claim: Claim(4), at: BEGINNING };
    let answered = Action { done: Some(done.clone()), ..open.clone() };
    let note = |action: &Action| TableWrite { action: Some(action.clone()), ..TableWrite::about(group.clone()) };
    let mut table = MemoryTable::default();
    for action in [&open, &answered, &answered] {
        table.write(&note(action), BEGINNING, "one").unwrap();
    }
    assert!(table.write(&note(&open), BEGINNING, "two").is_err(), "it read the action open");
    let other = Done { claim: Claim(5), ..done.clone() };
    let wrong = TableWrite { answered: Some(other), ..note(&open) };
    assert!(table.write(&wrong, BEGINNING, "three").is_err(), "it read another answer");
    let reopened = TableWrite { answered: Some(done), ..note(&open) };
    table.write(&reopened, BEGINNING, "four").unwrap();
    table.write(&note(&answered), BEGINNING, "two").unwrap();
}
