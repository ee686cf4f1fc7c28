//! What a person takes back, looks at and removes: nothing is changed by looking, and nothing is deleted that was not shown.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod common;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;
use std::time::Duration;

use common::Ran;
use common::account::{ASG, Account, in_service, ours, rows, tag};
use jiff::SignedDuration;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::{Value, json};
use stateful_asg_sim::model::types::{Describe, Tags, VolumeState};

/// What a change that makes successors looks like in the slot's item, as DynamoDB has it.
fn change(slot: &Value, stage: &str, successor: &str) -> Value {
    let mut record = slot["volumes"]["M"]["data"].clone();
    record["M"]["id"] = json!({"S": successor});
    record["M"]["attempt"] = json!({"N": "2"});
    let from = json!({"M": {"snapshot": {"S": "snap-0123456789abcdef0"}, "as_of": {"S": "2026-01-01T00:00:00Z"},
        "size_gib": {"N": "20"}, "encrypted": {"BOOL": true}}});
    json!({"M": {"operation": {"N": "1"}, "kind": {"M": {"kind": {"S": "move"}, "to": {"S": "eu-central-1b"}}},
        "stage": {"S": stage}, "since": {"S": "2026-01-01T00:00:00Z"}, "begun": {"S": "2026-01-01T00:00:00Z"},
        "ordered": {"BOOL": true}, "stale": {"BOOL": false},
        "volumes": {"M": {"data": {"M": {"from": from, "record": record}}}}}})
}

/// Slot 0 is vacant and being moved; a successor of its volume exists.
fn moving(account: &Account, stage: &str) -> String {
    let mut made = ours();
    made.extend([tag("for-slot", "0"), tag("volume", "data"), tag("attempt", "2")]);
    let successor = account.volume(&account.zone, made);
    account.edit_slot(0, |slot| {
        slot["upkeep"] = json!({"M": {"change": change(slot, stage, &successor)}});
        slot["holder"] = json!({"NULL": true});
    });
    successor
}

#[test]
fn a_change_that_has_begun_is_given_up_and_what_was_made_for_it_is_left() {
    let account = Account::adopted();
    let successor = moving(&account, "making");
    let before = account.state();
    let dry = account.json(&["slot", "cancel", "cass", "0", "--dry-run"]);
    assert_eq!(account.state(), before, "a dry run changes nothing");
    let plan = dry["plan"][0].as_str().unwrap();
    assert!(plan.starts_with("give up that slot 0 moves to eu-central-1b since "), "{dry}");
    assert!(plan.ends_with("it stays as it was, and what was made for it is left"), "{dry}");
    assert_eq!((&dry["ok"], &dry["done"]), (&json!(true), &json!([])));

    let given_up = account.json(&["slot", "cancel", "cass", "0"]);
    assert_eq!(given_up["plan"], dry["plan"]);
    assert_eq!(given_up["done"], json!(["nothing is ordered for slot 0 any more"]));
    let volumes = account.json(&["volumes", "list", "cass"]);
    let row = volumes.as_array().unwrap().iter().find(|row| row["volume"] == json!(successor)).unwrap();
    assert_eq!(row["role"], "superseded", "{volumes}");
    assert_eq!(account.run(&["slot", "cancel", "cass", "0"]).code, 1, "nothing is ordered any more");
    assert!(account.simulator.with(|aws| aws.volume(&successor).is_some()), "the functions delete it later");
}

#[test]
fn a_change_whose_volumes_take_their_place_is_not_given_up() {
    let account = Account::adopted();
    moving(&account, "switching");
    let before = account.state();
    let refused = account.run(&["slot", "cancel", "cass", "0", "--json"]);
    assert_eq!((refused.code, account.state()), (1, before), "{refused:?}");
    let object: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert!(object["problems"][0].as_str().unwrap().contains("new volumes are taking their place"), "{object}");
    assert_eq!((&object["ok"], &object["done"]), (&json!(false), &json!([])));
}

#[test]
fn no_dry_run_changes_anything() {
    let account = Account::start();
    let same = |args: &[&str]| {
        let before = account.state();
        for more in [&[][..], &["--json"]] {
            let ran: Ran = account.run(&[args, &["--dry-run"], more].concat());
            assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
            assert_eq!(account.state(), before, "{args:?}");
        }
    };
    same(&["adopt", "cass"]);
    account.json(&["adopt", "cass", "--yes"]);
    let volumes = account.json(&["volumes", "list", "cass"]);
    let mut own = ours();
    own.extend([tag("slot", "0"), tag("volume", "data")]);
    let snapshot = account.snapshot(volumes[0]["volume"].as_str().unwrap(), own);
    let pool = account.volume(&account.zone, ours());
    let other = account.simulator.with(|aws| aws.describe_subnets(&Describe::all()).unwrap().items[0].clone());
    assert_eq!(other.availability_zone, account.zone);
    same(&["slot", "retire", "cass", "0"]);
    same(&["slot", "restore", "cass", "0", "--snapshot", &snapshot]);
    same(&["slot", "restore", "cass", "0", "--snapshot", &snapshot, "--now"]);
    same(&["volumes", "remove", "cass", &pool]);
    account.json(&["slot", "retire", "cass", "1", "--yes"]);
    same(&["slot", "cancel", "cass", "1"]);
    account.simulator.with(|aws| {
        let subnets = aws.describe_subnets(&Describe::all()).unwrap().items;
        aws.update_auto_scaling_group(&stateful_asg_sim::model::types::UpdateAutoScalingGroup {
            name: ASG.to_owned(),
            subnets: Some(subnets.iter().map(|subnet| subnet.subnet_id.clone()).collect()),
            ..Default::default()
        })
        .unwrap();
    });
    let elsewhere = ["eu-central-1a", "eu-central-1b"].into_iter().find(|zone| *zone != account.zone).unwrap();
    same(&["slot", "move", "cass", "0", "--to", elsewhere]);
    deleted_with_its_nodes(&account);
    same(&["group", "remove", "cass"]);
    same(&["group", "remove", "cass", "--snapshots"]);
}

/// The Auto Scaling group is deleted, and everything of it is free.
fn deleted_with_its_nodes(account: &Account) {
    account.simulator.with(|aws| aws.delete_auto_scaling_group(ASG, true)).unwrap();
    let volumes = account.volumes.clone();
    account.until("everything is free", |aws| {
        let free = aws.describe_volumes(&Describe::ids(&volumes)).unwrap().items;
        in_service(aws).is_empty() && free.iter().all(|volume| volume.state == VolumeState::Available)
    });
    account.simulator.leap(SignedDuration::from_secs(60), Duration::from_secs(5)).unwrap();
}

/// A terminal: the end that a person types at, and the one that the command reads.
fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let path = ptsname(&person, Vec::new()).unwrap().into_string().unwrap();
    let flags = i32::try_from(OpenptFlags::NOCTTY.bits()).unwrap();
    let command = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap();
    (File::from(person), command)
}

#[test]
fn a_group_is_removed_as_it_was_shown_and_agreed_to() {
    let account = Account::adopted();
    deleted_with_its_nodes(&account);
    let untagged = account.volumes[1].clone();
    let tags = [("stateful-asg:group".to_owned(), None)];
    account.simulator.with(|aws| aws.delete_tags(std::slice::from_ref(&untagged), &tags)).unwrap();

    let (mut person, stdin) = terminal();
    let mut command = account.command(&["group", "remove", "cass"]);
    let mut running = command.stdin(Stdio::from(stdin)).spawn().unwrap();
    let mut stderr = running.stderr.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("Type cass to go on: ") {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it ended: {}", String::from_utf8_lossy(&said));
        said.extend(byte);
    }
    let late = account.volume(&account.zone, ours());
    person.write_all(b"cass\n").unwrap();
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let ended: Ran = running.wait_with_output().unwrap().into();
    assert_eq!(ended.code, 0, "{ended:?}\n{rest}");

    let shown = account.volumes[0].clone();
    assert!(ended.stdout.contains(&format!("delete volume {shown}")), "{}", ended.stdout);
    assert!(!ended.stdout.contains(&untagged) && !ended.stdout.contains(&late), "{}", ended.stdout);
    account.until("what was shown is gone", |aws| aws.volume(&shown).is_none());
    for (volume, why) in [(&late, "it came after the question"), (&untagged, "it is not the group's any more")] {
        assert!(account.simulator.with(|aws| aws.volume(volume).is_some()), "{why}");
    }
    assert_eq!(account.items(), 0);
}

#[test]
fn a_retired_slot_is_pointed_to_another_of_its_snapshots() {
    let account = Account::adopted();
    let volume = account.json(&["volumes", "list", "cass"])[0]["volume"].as_str().unwrap().to_owned();
    let mut own = ours();
    own.extend([tag("slot", "0"), tag("volume", "data")]);
    let (mine, other) = (account.snapshot(&volume, own), account.snapshot(&volume, Tags::new()));
    let saved = json!({"M": {"snapshot": {"S": "snap-0123456789abcdef0"}, "as_of": {"S": "2026-01-01T00:00:00Z"},
        "size_gib": {"N": "20"}, "encrypted": {"BOOL": true}}});
    account.edit_slot(0, |slot| {
        slot["state"] = json!({"S": "retired"});
        slot["holder"] = json!({"NULL": true});
        slot["volumes"] = json!({"M": {}});
        slot["upkeep"] = json!({"M": {"retired": {"M": {"data": saved}}}});
    });
    let foreign = account.run(&["slot", "restore", "cass", "0", "--snapshot", &other, "--yes"]);
    assert!(foreign.code == 1 && foreign.stderr.contains("is not of volume `data` of slot 0"), "{foreign:?}");
    let unknown = account.run(&["slot", "restore", "cass", "0", "--snapshot", &format!("log={mine}"), "--yes"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("slot 0 has no volume `log`"), "{unknown:?}");

    let ordered = account.json(&["slot", "restore", "cass", "0", "--snapshot", &mine]);
    let plan = ordered["plan"][0].as_str().unwrap();
    assert!(plan.starts_with(&format!("make volume `data` from {mine}")), "{ordered}");
    assert!(plan.ends_with("when the slot is needed again"), "{ordered}");
    let slots = account.json(&["slot", "list", "cass"]);
    assert_eq!(rows(&slots, "order")[0], &json!(format!("restore data from {mine}")));
}

#[test]
fn a_slot_whose_new_volume_has_no_snapshot_to_come_from_is_given_another_while_it_is_held() {
    let account = Account::adopted();
    let volume = account.json(&["volumes", "list", "cass"])[0]["volume"].as_str().unwrap().to_owned();
    let mut own = ours();
    own.extend([tag("slot", "0"), tag("volume", "data")]);
    let mine = account.snapshot(&volume, own);
    let unmade = |gone: &str| {
        account.edit_slot(0, |slot| {
            let record = &mut slot["volumes"]["M"]["data"]["M"];
            record["id"] = json!({"NULL": true});
            record["born"] = json!({"BOOL": false});
            record["params"]["M"]["snapshot"] = json!({"S": gone});
        });
    };
    let restore = ["slot", "restore", "cass", "0", "--snapshot", &mine, "--dry-run"];
    unmade(&mine);
    let waits = account.run(&restore);
    assert!(waits.code == 1 && waits.stderr.contains("its volume `data` is not made yet"), "{waits:?}");
    unmade("snap-0123456789abcdef0");
    let goes_on = account.run(&restore);
    assert_eq!(goes_on.code, 0, "{goes_on:?}");
    let said = "its volume `data` was to be made from snap-0123456789abcdef0, which is not shown";
    assert!(goes_on.stderr.contains(said) && !goes_on.stderr.contains("when that instance is gone"), "{goes_on:?}");
}
