//! The table's promises, through the SDK and its protocol, against a DynamoDB in process: what a condition in
//! [`writes`](crate::writes) is worth shows only where something judges it.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{Claim, Generation, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::table::{Action, Slot, TableWrite};
use stateful_asg_runtime::ports::{Called, Rest, Table};
use stateful_asg_sim::simulator::{Simulator, SimulatorConfig};

use crate::Aws;
use crate::connect::{Pace, Settings, clients};
use crate::samples;

const TABLE: &str = "functions";
const LEASE: Duration = Duration::from_secs(60);

/// Runs a story on the simulated DynamoDB with our table, reached through the SDK.
fn told(story: impl AsyncFnOnce(&Simulator, &Aws)) {
    let simulator = Simulator::start(SimulatorConfig::default()).unwrap();
    simulator.dynamo().create_functions_table(TABLE).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { story(&simulator, &reaching(&simulator, TABLE).await).await });
}

async fn reaching(simulator: &Simulator, table: &str) -> Aws {
    let credentials = Credentials::new("tests", "simulated", None, None, "tests");
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(simulator.endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .load()
        .await;
    clients(&config, &Settings { table: table.to_owned(), event_bus: "b".to_owned(), sim_clock: None }, Pace::Usual)
}

/// Slot 3 from one generation to the next, with this claim.
fn to(old: Option<u64>, claim: u64) -> TableWrite {
    let generation = Generation(old.map_or(4, |old| old + 1));
    let slot = Slot { generation, claim: Claim(claim), ..samples::slot() };
    TableWrite { slot: Some((old.map(Generation), Box::new(slot))), ..samples::write() }
}

async fn claim(aws: &Aws) -> (u64, u64) {
    let (slots, _) = aws.slots(&samples::group_name()).await.unwrap();
    let [slot]: [_; 1] = slots.try_into().expect("there is one slot");
    (slot.generation.0, slot.claim.0)
}

fn lost(answer: &Called<()>, says: &str) -> bool {
    answer.as_ref().is_err_and(|error| error.kind == FailureKind::Conflict && error.message.contains(says))
}

#[test]
fn rule_10_an_answer_is_never_taken_back_by_who_had_not_read_it() {
    told(async |_, aws| {
        let answered = samples::action();
        let open = Action { done: None, ..answered.clone() };
        let note =
            |action: &Action| TableWrite { action: Some(action.clone()), ..TableWrite::about(samples::group_name()) };
        for action in [&open, &answered, &answered] {
            aws.write(&note(action)).await.unwrap();
        }
        let (over, with_slot) = (note(&open), TableWrite { action: Some(open.clone()), ..to(None, 1) });
        assert!(lost(&aws.write(&over).await, "was answered meanwhile"));
        assert!(lost(&aws.write(&with_slot).await, "Terminating action"));
        assert_eq!(aws.slots(&samples::group_name()).await.unwrap().1, std::slice::from_ref(&answered));
        let read = TableWrite { answered: answered.done.clone(), ..with_slot };
        aws.write(&read).await.unwrap();
        assert_eq!(aws.slots(&samples::group_name()).await.unwrap().1, [open]);
    });
}

#[test]
fn rule_10_of_two_writers_of_one_generation_exactly_one_wins() {
    told(async |_, aws| {
        aws.write(&to(None, 1)).await.unwrap();
        for round in 0..10 {
            let generation = 4 + round;
            let (one, other) = (to(Some(generation), 100 + round), to(Some(generation), 200 + round));
            let (first, second) = futures::join!(aws.write(&one), aws.write(&other));
            let wins = [first.is_ok(), second.is_ok()];
            assert_eq!(wins.iter().filter(|won| **won).count(), 1, "{first:?} {second:?}");
            let loser = if wins[0] { &second } else { &first };
            assert_eq!(loser.as_ref().unwrap_err().kind, FailureKind::Conflict, "{loser:?}");
            assert_eq!(claim(aws).await, (generation + 1, if wins[0] { 100 } else { 200 } + round));
        }
    });
}

#[test]
fn rule_10_a_late_writer_is_told_what_stands_there_and_changes_nothing() {
    told(async |_, aws| {
        aws.write(&to(None, 1)).await.unwrap();
        aws.write(&to(Some(4), 2)).await.unwrap();
        let fresh = aws.write(&to(None, 3)).await;
        assert!(lost(&fresh, "slot 3 of group cass is at generation 5"), "a slot is made once: {fresh:?}");
        let late = aws.write(&to(Some(4), 4)).await;
        assert!(lost(&late, "slot 3 of group cass is at generation 5"), "{late:?}");
        assert_eq!(claim(aws).await, (5, 2));
    });
}

#[test]
fn rule_8_a_retry_of_our_own_write_recognises_itself() {
    let write = to(Some(4), 2);
    let mut items = Vec::new();
    told(async |simulator, aws| {
        aws.write(&to(None, 1)).await.unwrap();
        aws.write(&write).await.unwrap();
        aws.write(&write).await.expect("DynamoDB knows the request's token");
        items = simulator.dynamo().scan(TABLE).unwrap();
    });
    // It knows a token for ten minutes. This one never saw it: the item itself tells.
    told(async |simulator, aws| {
        items.iter().for_each(|item| simulator.dynamo().put(TABLE, item).unwrap());
        aws.write(&write).await.expect("the item bears the operation's name");
        assert_eq!(claim(aws).await, (5, 2));
    });
    told(async |simulator, aws| {
        items.iter().for_each(|item| simulator.dynamo().put(TABLE, item).unwrap());
        aws.write(&to(Some(5), 3)).await.unwrap();
        let overtaken = aws.write(&write).await;
        assert!(lost(&overtaken, "is at generation 6"), "{overtaken:?}");
        assert_eq!(claim(aws).await, (6, 3), "a late retry does not move the slot back");
    });
}

#[test]
fn rule_2_a_volume_belongs_to_one_slot_whoever_writes_first() {
    told(async |_, aws| {
        aws.write(&to(None, 1)).await.unwrap();
        let slot = Slot { number: SlotNumber(4), ..samples::slot() };
        let thief = TableWrite { slot: Some((None, Box::new(slot))), ..samples::write() };
        let refused = aws.write(&thief).await;
        assert!(lost(&refused, "binding volume#vol-0123456789abcdef0 belongs to slot 3 of group cass"), "{refused:?}");
        assert_eq!(claim(aws).await.0, 4, "all of a write or nothing: slot 4 is not there");
    });
}

#[test]
fn rule_10_of_two_writers_of_the_groups_item_one_wins_and_its_lease_stays() {
    told(async |_, aws| {
        let (name, now) = (samples::group_name(), samples::at("2026-11-20T10:00:00Z"));
        assert!(aws.wake(&name, "a", now, LEASE).await.unwrap().ours);
        let record = |old: Option<u64>, next_slot| {
            let mut group = samples::group();
            (group.generation, group.next_slot) = (Generation(old.map_or(8, |old| old + 1)), next_slot);
            let record = Some((old.map(Generation), Box::new(group)));
            TableWrite { slot: None, record, bind: [].into(), unbind: [].into(), ..samples::write() }
        };
        aws.write(&record(None, 1)).await.expect("the item is there for its lease, and has no content");
        let again = aws.write(&record(None, 7)).await;
        assert!(lost(&again, "group cass is at generation 8"), "{again:?}");
        let (first, second) = (record(Some(8), 2), record(Some(8), 3));
        let (first, second) = futures::join!(aws.write(&first), aws.write(&second));
        assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|won| **won).count(), 1, "{first:?} {second:?}");
        assert_eq!(aws.group(&name).await.unwrap().unwrap().next_slot, if first.is_ok() { 2 } else { 3 });
        assert!(aws.prolong(&name, "a", now, LEASE).await.unwrap().is_some(), "the lease is still a's");
    });
}

fn rest() -> Rest {
    Rest { digest: "d".to_owned(), look_at: None, audited: false }
}

#[test]
fn a_lease_is_one_actors_until_it_expires_and_is_not_given_back_unseen() {
    told(async |_, aws| {
        let name = samples::group_name();
        let at = |seconds: i64| samples::at("2026-11-20T10:00:00Z") + SignedDuration::from_secs(seconds);
        let first = aws.wake(&name, "a", at(0), LEASE).await.unwrap();
        let woken = aws.wake(&name, "b", at(1), LEASE).await.unwrap();
        assert_eq!((first.ours, woken.ours), (true, false));
        // b's wake is not lost: a is told of it when it wants to rest, and rests with what it then saw.
        let told = aws.give_back(&name, "a", first.dirty, &rest(), at(2)).await.unwrap().expect("woken meanwhile");
        assert!(told.ours && told.dirty > first.dirty, "{told:?}");
        assert_eq!(aws.give_back(&name, "a", told.dirty, &rest(), at(3)).await.unwrap(), None);
        // Who dies loses it by expiry, and not before.
        let next = aws.wake(&name, "b", at(4), LEASE).await.unwrap();
        assert!(next.ours && next.epoch > first.epoch, "{next:?}");
        let soon: Timestamp = at(4 + 59);
        assert!(!aws.wake(&name, "c", soon, LEASE).await.unwrap().ours);
        let taken = aws.wake(&name, "c", at(4 + 61), LEASE).await.unwrap();
        assert!(taken.ours && taken.epoch > next.epoch, "{taken:?}");
        assert_eq!(aws.prolong(&name, "b", at(4 + 62), LEASE).await.unwrap(), None, "it lapsed, and another has it");
        assert_eq!(aws.give_back(&name, "b", taken.dirty, &rest(), at(4 + 63)).await.unwrap(), None);
        assert!(aws.prolong(&name, "c", at(4 + 64), LEASE).await.unwrap().is_some(), "b took nothing from c");
    });
}

#[test]
fn a_table_that_is_not_there_is_named_with_what_to_do() {
    told(async |simulator, _| {
        let aws = reaching(simulator, "elsewhere").await;
        let name = samples::group_name();
        let now = samples::at("2026-11-20T10:00:00Z");
        let errors = [
            aws.wake(&name, "a", now, LEASE).await.map(drop).unwrap_err(),
            aws.group(&name).await.map(drop).unwrap_err(),
            aws.slots(&name).await.map(drop).unwrap_err(),
            aws.summaries().await.map(drop).unwrap_err(),
            aws.write(&to(None, 1)).await.unwrap_err(),
            aws.note_action(&name, &samples::action()).await.unwrap_err(),
        ];
        for error in errors {
            let says = "there is no table `elsewhere` in this region: deploy it, or correct its name in the settings";
            assert!(error.kind == FailureKind::NotFound && error.to_string().contains(says), "{error}");
        }
    });
}
