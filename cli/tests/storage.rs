//! Storage against the simulated AWS, without functions: nodes that run already are adopted, then a person lists, orders,
//! restores and removes.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod common;

use std::time::Duration;

use common::account::{ASG, Account, in_service, ours, rows, tag};
use jiff::SignedDuration;
use serde_json::{Value, json};
use stateful_asg_sim::model::types::{Describe, Tags, VolumeState};

#[test]
fn nodes_in_service_are_adopted_and_a_lost_table_is_rebuilt() {
    let account = Account::start();
    let looked = account.run(&["adopt", "cass", "--dry-run"]);
    assert_eq!((looked.code, account.items()), (0, 0), "{looked:?}");
    assert!(looked.stdout.contains("make slot 0: held by "), "{}", looked.stdout);
    assert_eq!(account.run(&["adopt", "cass"]).code, 1, "nobody can be asked");

    account.json(&["adopt", "cass", "--yes"]);
    let slots = account.json(&["slot", "list", "cass"]);
    let mut holders: Vec<&str> = rows(&slots, "holder").into_iter().map(|holder| holder.as_str().unwrap()).collect();
    holders.sort_unstable();
    let mut expected = account.instances.clone();
    expected.sort_unstable();
    assert_eq!(holders, expected);
    let volumes = account.json(&["volumes", "list", "cass"]);
    assert_eq!(rows(&volumes, "role"), ["on_record", "on_record"]);
    let again = account.run(&["adopt", "cass", "--yes"]);
    assert!(again.stderr.contains("nothing to do"), "{again:?}");

    account.lose_table();
    account.json(&["adopt", "cass", "--yes"]);
    let rebuilt = account.json(&["slot", "list", "cass"]);
    assert_eq!(rows(&rebuilt, "holder"), rows(&slots, "holder"));
    let kept: Vec<&Value> = rows(&volumes, "volume");
    assert_eq!(rows(&account.json(&["volumes", "list", "cass"]), "volume"), kept);
}

#[test]
fn orders_are_noted_taken_back_and_refused_with_every_problem() {
    let account = Account::adopted();
    let order = |slots: &Value| slots[0]["order"].clone();
    let dry = account.run(&["slot", "retire", "cass", "0", "--dry-run"]);
    assert!(dry.code == 0 && dry.stdout.contains("snapshot every volume"), "{dry:?}");
    assert!(dry.stderr.contains("when that instance is gone"), "{}", dry.stderr);
    assert_eq!(order(&account.json(&["slot", "list", "cass"])), Value::Null);

    assert_eq!(account.run(&["slot", "retire", "cass", "0"]).code, 1, "nobody can be asked");
    account.json(&["slot", "retire", "cass", "0", "--yes"]);
    assert_eq!(order(&account.json(&["slot", "list", "cass"])), "retire");
    assert_eq!(
        account.simulator.counts().get("events:PutEvents"),
        Some(&2),
        "adopting and ordering wake the functions"
    );

    let refused = account.run(&["slot", "move", "cass", "0", "--to", "nowhere-1a"]);
    assert_eq!(refused.code, 1);
    for problem in ["another order waits (retire)", "no subnet of the Auto Scaling group is in nowhere-1a"] {
        assert!(refused.stderr.contains(problem), "{problem}: {}", refused.stderr);
    }
    let here = account.run(&["slot", "move", "cass", "1", "--to", &account.zone]);
    assert!(here.code == 1 && here.stderr.contains("already"), "{here:?}");
    let unknown = account.run(&["slot", "retire", "cass", "7", "--yes"]);
    assert!(unknown.code == 1 && unknown.stderr.contains("has no slot 7; it has 0, 1"), "{unknown:?}");

    account.json(&["slot", "cancel", "cass", "0"]);
    assert_eq!(order(&account.json(&["slot", "list", "cass"])), Value::Null);
    assert_eq!(account.run(&["slot", "cancel", "cass", "0"]).code, 1, "nothing is ordered");
}

#[test]
fn a_slot_is_restored_from_its_own_snapshots_and_its_holder_replaced_when_asked() {
    let account = Account::adopted();
    let volumes = account.json(&["volumes", "list", "cass"]);
    let volume = volumes[0]["volume"].as_str().unwrap();
    let mut own = ours();
    own.extend([tag("slot", "0"), tag("volume", "data")]);
    let (mine, foreign) = (account.snapshot(volume, own), account.snapshot(volume, Tags::new()));
    let listed = account.json(&["snapshots", "list", "cass", "--slot", "0"]);
    assert_eq!((rows(&listed, "snapshot"), rows(&listed, "state")), (vec![&json!(mine)], vec![&json!("completed")]));
    assert_eq!(account.json(&["snapshots", "list", "cass", "--slot", "1"]), json!([]));

    let refused = account.run(&["slot", "restore", "cass", "0", "--snapshot", &foreign, "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("--foreign"), "{refused:?}");
    let missing = account.run(&["slot", "restore", "cass", "0", "--snapshot", "snap-0123456789abcdef0", "--yes"]);
    assert!(missing.code == 1 && missing.stderr.contains("is not shown"), "{missing:?}");

    account.json(&["slot", "restore", "cass", "0", "--snapshot", &format!("data={mine}"), "--now", "--yes"]);
    let slots = account.json(&["slot", "list", "cass"]);
    assert_eq!(slots[0]["order"], format!("restore data from {mine}"));
    let holder = slots[0]["holder"].as_str().unwrap().to_owned();
    assert!(account.simulator.with(in_service).iter().all(|(instance, _)| *instance != holder), "it is on its way out");
    let listed = account.json(&["snapshots", "list", "cass"]);
    assert_eq!(listed[0]["kept_because"], "the record of slot 0 names it");
}

#[test]
fn only_volumes_that_no_slot_needs_are_removed() {
    let account = Account::adopted();
    let pool = account.volume(&account.zone, ours());
    let other = account.volume(&account.zone, Tags::new());
    let mine = account.volumes[0].clone();
    for (volume, why) in [(&mine, "is on the record of slot"), (&other, "is no volume of this group")] {
        let refused = account.run(&["volumes", "remove", "cass", volume, &pool, "--yes"]);
        assert!(refused.code == 1 && refused.stderr.contains(why), "{why}: {refused:?}");
    }
    let dry = account.run(&["volumes", "remove", "cass", &pool, "--dry-run"]);
    assert!(dry.code == 0 && dry.stdout.contains("everything on it is lost"), "{dry:?}");
    assert_eq!(account.json(&["volumes", "list", "cass"]).as_array().unwrap().len(), 3, "nothing was removed so far");

    let removed = account.json(&["volumes", "remove", "cass", &pool, "--yes"]);
    assert_eq!(removed["done"], json!([format!("{pool} is deleted")]));
    account.until("it is gone", |aws| aws.describe_volumes(&Describe::ids([&pool])).is_err());
}

#[test]
fn a_group_is_removed_only_when_it_has_no_auto_scaling_group_and_its_name_is_said() {
    let account = Account::adopted();
    let refused = account.run(&["group", "remove", "cass", "--yes", "cass"]);
    assert!(refused.code == 1 && refused.stderr.contains("bears the group's tag: delete it first"), "{refused:?}");

    account.simulator.with(|aws| aws.delete_auto_scaling_group(ASG, true)).unwrap();
    let volumes = account.volumes.clone();
    account.until("everything is free", |aws| {
        let free = aws.describe_volumes(&Describe::ids(&volumes)).unwrap().items;
        let shown = aws.describe_auto_scaling_groups(&Default::default()).unwrap().items;
        shown.is_empty() && free.iter().all(|volume| volume.state == VolumeState::Available)
    });
    account.simulator.leap(SignedDuration::from_secs(60), Duration::from_secs(5)).unwrap();
    assert_eq!(account.json(&["volumes", "list", "cass"]).as_array().unwrap().len(), 2, "shown without its group");

    for args in [&["group", "remove", "cass"][..], &["group", "remove", "cass", "--yes", "other"]] {
        assert_eq!(account.run(args).code, 1, "{args:?}");
    }
    let plan = account.json(&["group", "remove", "cass", "--dry-run"]);
    assert_eq!((plan["plan"].as_array().unwrap().len(), account.items() > 0), (5, true), "{plan}");
    account.json(&["group", "remove", "cass", "--yes", "cass"]);
    assert_eq!(account.items(), 0);
    account.until("the volumes are gone", |aws| aws.describe_volumes(&Describe::all()).unwrap().items.is_empty());
    let again = account.run(&["group", "remove", "cass", "--yes", "cass"]);
    assert!(again.code == 1 && again.stderr.contains("nothing bears the tags"), "{again:?}");
}
