//! What is named of what waits, and since when.

use super::*;

const HOUR: i64 = 3_600;

#[test]
fn an_instance_that_does_not_run_yet_is_named_once() {
    let mut town = Town::served(1);
    town.obs.asgs[0].desired = 2;
    town.launching(7, 'a');
    town.state(7, InstanceState::Pending);
    assert_eq!(waits_of(&town, &Subject::Instance(instance_id(7))), [Reason::Booting]);
}

#[test]
fn of_a_group_without_an_item_nothing_is_written() {
    let mut town = Town::served(1);
    town.obs.record = None;
    town.obs.slots.clear();
    town.obs.hooks = Some(vec![]);
    assert_eq!(town.plan().steps, []);
    let waits = words(&town);
    assert!(waits.contains(&"NoSpec") && waits.contains(&"HookMissing"), "{waits:?}");
}

#[test]
fn two_waits_of_the_group_have_a_date_each() {
    let mut town = Town::served(1);
    town.obs.hooks = Some(vec![]);
    town.run();
    town.now = at(1000 + HOUR);
    let key = town.obs.record.as_ref().unwrap().record.as_ref().unwrap().key.clone();
    town.obs.records.insert(key, RecordSeen::Other("CNAME".to_owned()));
    let since = |word: &str| {
        let waiting = town.plan().waiting.into_iter().filter(|waiting| waiting.reason.kind() == word);
        waiting.map(|waiting| waiting.since).collect::<Vec<_>>()
    };
    assert_eq!(since("HookMissing"), [Some(at(1000)); 2]);
    assert_eq!(since("RecordForeign"), [Some(at(1000 + HOUR))]);
}
