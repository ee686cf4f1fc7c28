//! What a spec says of data over years: snapshots, moves, losses, growth, retirement, and changes of the spec itself.

use std::time::Duration;

use serde_json::{Value, json};
use stateful_asg_core::spec::{
    DataLost, Growth, Keep, Problem, Snapshots, Spec, Template, VolumeParams, VolumeSnapshots, ZoneMove, Zones,
};

const HOUR: Duration = Duration::from_hours(1);

fn parsed(spec: &Value) -> Spec {
    Spec::parse(&spec.to_string()).unwrap_or_else(|problems| panic!("{problems}")).spec
}

/// The problems of a spec, one a line.
fn problems(spec: &Value) -> String {
    Spec::parse(&spec.to_string()).expect_err("there is something wrong").to_string()
}

fn notices(spec: &Value) -> String {
    listed(&Spec::parse(&spec.to_string()).unwrap_or_else(|problems| panic!("{problems}")).notices)
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// A spec of one volume, with these fields beside it.
fn with(fields: Value) -> Value {
    let mut spec = json!({"v": 1, "volumes": {"data": {"size": 20, "mount": "/data"}}});
    for (name, value) in fields.as_object().into_iter().flatten() {
        spec[name] = value.clone();
    }
    spec
}

fn every(every: Duration, keep: Keep) -> Snapshots {
    Snapshots { every, keep }
}

#[test]
fn without_a_word_data_stays_where_it_is() {
    let spec = parsed(&with(json!({})));
    assert_eq!(spec.zones, Zones { r#move: ZoneMove::Never, keep_source: 24 * HOUR });
    assert_eq!((spec.data_lost, spec.slots.retire_after, &spec.growth), (DataLost::Wait, None, &Growth { at_once: 1 }));
    assert_eq!((&spec.snapshots, spec.snapshots_of(&"data".parse().unwrap())), (&None, None));
}

#[test]
fn each_field_is_read() {
    let spec = parsed(&with(json!({"zones": {"move": "final", "keep_source": "1h"}, "data_lost": "blank",
        "slots": {"reuse_within": "9d", "retire_after": "1h"}, "growth": {"at_once": "100"}})));
    assert_eq!(spec.zones, Zones { r#move: ZoneMove::Final, keep_source: HOUR });
    assert_eq!((spec.data_lost, spec.growth), (DataLost::Blank, Growth { at_once: 100 }));
    assert_eq!((spec.slots.reuse_within, spec.slots.retire_after), (Some(9 * 24 * HOUR), Some(HOUR)));
    let spec = parsed(&with(json!({"zones": {"move": {"stale_up_to": "2h"}}, "data_lost": {"snapshot_up_to": 3600},
        "snapshots": {"every": "5m"}})));
    assert_eq!((spec.zones.r#move, spec.data_lost), (ZoneMove::StaleUpTo(2 * HOUR), DataLost::SnapshotUpTo(HOUR)));
    assert_eq!(spec.snapshots, Some(every(Duration::from_mins(5), Keep::default())));
}

/// Serialized, every form is read back as the same.
#[test]
fn each_form_survives_being_written() {
    let volumes = json!({"a": {"size": 1, "mount": "/a", "initialization_rate": 300, "snapshots": false},
        "b": {"size": 1, "mount": "/b", "snapshots": {"every": "2h"}}, "c": {"size": 1, "mount": "/c"}});
    let covered = json!({"c": {"size": 1, "mount": "/c"}});
    for (volumes, zones, lost) in [
        (&volumes, json!("final"), json!("blank")),
        (&covered, json!({"stale_up_to": "1h"}), json!({"snapshot_up_to": "1h"})),
    ] {
        let spec = parsed(&json!({"v": 1, "volumes": volumes, "zones": {"move": zones}, "data_lost": lost,
            "snapshots": {"every": "1h"}, "slots": {"retire_after": "9d"}, "growth": {"at_once": 7}}));
        let written = serde_json::to_string(&spec).unwrap();
        assert_eq!(Spec::parse(&written).unwrap_or_else(|p| panic!("{p}\n{written}")).spec, spec, "{written}");
    }
}

/// The parameters of an attempt stand in the table from before there was a rate.
#[test]
fn parameters_without_a_rate_are_read() {
    let old: VolumeParams = serde_json::from_value(json!({"size": 20, "type": "gp3", "encrypted": true})).unwrap();
    assert_eq!(old.initialization_rate, None);
    assert!(!serde_json::to_string(&old).unwrap().contains("initialization_rate"));
}

#[test]
fn a_volume_has_the_snapshots_that_it_says_else_those_of_the_group() {
    let spec = parsed(&json!({"v": 1, "snapshots": {"every": "6h", "keep": {"last": 2, "daily": 7}}, "volumes": {
        "all": {"size": 1, "mount": "/a", "snapshots": true},
        "both": {"like": "own", "mount": "/b", "snapshots": {"every": "1h", "keep": {"hourly": 3}}},
        "cache": {"size": 1, "mount": "/c", "snapshots": "false"},
        "copy": {"like": "cache", "mount": "/d"},
        "kept": {"size": 1, "mount": "/k", "snapshots": {"keep": {"monthly": 1}}},
        "own": {"size": 1, "mount": "/o", "snapshots": {"every": "1h"}},
        "silent": {"size": 1, "mount": "/s", "snapshots": null}}}));
    let none = Keep { last: 0, ..Keep::default() };
    let groups = every(6 * HOUR, Keep { last: 2, daily: 7, ..none });
    let of = |name: &str| spec.snapshots_of(&name.parse().unwrap()).cloned();
    assert_eq!([of("all"), of("silent")], [Some(groups.clone()), Some(groups.clone())]);
    assert_eq!([of("cache"), of("copy"), of("nobody")], [None, None, None]);
    assert_eq!(of("own"), Some(every(HOUR, groups.keep.clone())), "silent about what is kept");
    assert_eq!(of("kept"), Some(every(groups.every, Keep { monthly: 1, ..none })), "silent about how often");
    assert_eq!(of("both"), Some(every(HOUR, Keep { hourly: 3, ..none })));
    assert_eq!(spec.volumes[&"copy".parse().unwrap()].snapshots, VolumeSnapshots::Off);
}

#[test]
fn a_volume_may_have_snapshots_where_the_group_has_none() {
    let volume = |snapshots: Value| json!({"v": 1, "volumes": {"data": {"size": 1, "mount": "/d", "snapshots": snapshots}, "log": {"size": 1, "mount": "/l"}}});
    let spec = parsed(&volume(json!({"every": "1h"})));
    assert_eq!(spec.snapshots_of(&"data".parse().unwrap()), Some(&every(HOUR, Keep::default())));
    assert_eq!(spec.snapshots_of(&"log".parse().unwrap()), None);
    insta::assert_snapshot!(problems(&volume(json!({"keep": {"last": 1}}))), @r#"volumes.data.snapshots.every: is required, such as "6h", where the group has no `snapshots`"#);
    insta::assert_snapshot!(problems(&volume(json!({"every": "4m", "keep": {"last": 0}, "often": 1}))), @r#"
    volumes.data.snapshots.every: must be from 5m to 365d, not "4m"
    volumes.data.snapshots.keep: keeps nothing; give at least one of last, hourly, daily, weekly and monthly
    volumes.data.snapshots.often: is not a field here; known are every, keep
    "#);
}

#[test]
fn a_rate_is_held_to_its_bounds_and_goes_along_with_like() {
    let rate = |rate: u32| json!({"v": 1, "volumes": {"data": {"size": 1, "mount": "/d", "initialization_rate": rate}, "log": {"like": "data", "mount": "/l"}}});
    for (ok, wrong) in [(100, 99), (300, 301)] {
        let spec = parsed(&rate(ok));
        assert_eq!(spec.volumes[&"log".parse().unwrap()].params.initialization_rate, Some(ok));
        assert_eq!(
            problems(&rate(wrong)),
            format!("volumes.data.initialization_rate: must be from 100 to 300, not {wrong}")
        );
    }
}

/// Every bound, at it and one past it.
#[test]
fn times_and_counts_are_held_to_their_bounds() {
    let snapshots = json!({"every": "5m"});
    for (ok, wrong) in [
        (json!({"slots": {"retire_after": 3_600}}), json!({"slots": {"retire_after": 3_599}})),
        (json!({"slots": {"retire_after": "3650d"}}), json!({"slots": {"retire_after": "3651d"}})),
        (json!({"zones": {"keep_source": 3_600}}), json!({"zones": {"keep_source": 3_599}})),
        (json!({"zones": {"keep_source": "3650d"}}), json!({"zones": {"keep_source": "3651d"}})),
        (json!({"zones": {"move": {"stale_up_to": 300}}}), json!({"zones": {"move": {"stale_up_to": 299}}})),
        (json!({"zones": {"move": {"stale_up_to": "365d"}}}), json!({"zones": {"move": {"stale_up_to": "366d"}}})),
        (json!({"data_lost": {"snapshot_up_to": 300}}), json!({"data_lost": {"snapshot_up_to": 299}})),
        (json!({"growth": {"at_once": 1}}), json!({"growth": {"at_once": 0}})),
        (json!({"growth": {"at_once": 100}}), json!({"growth": {"at_once": 101}})),
        (json!({"snapshots": {"every": 300}}), json!({"snapshots": {"every": 299}})),
    ] {
        let [ok, wrong] = [ok, wrong].map(|mut fields| {
            if fields["snapshots"].is_null() {
                fields["snapshots"] = snapshots.clone();
            }
            with(fields)
        });
        parsed(&ok);
        let said = problems(&wrong);
        assert!(said.lines().count() == 1 && said.contains("must be from"), "{wrong}: {said}");
    }
}

#[test]
fn what_is_neither_word_nor_bound_is_refused() {
    let said: Vec<String> = [
        json!("fnal"),
        json!("stale_up_to"),
        json!(true),
        json!({}),
        json!({"stale_up_to": null}),
        json!({"stale_up_to": "soon"}),
        json!({"stale_upto": "1h"}),
        json!({"stale_up_to": "1h", "final": true}),
    ]
    .map(|to| problems(&with(json!({"zones": {"move": to}, "snapshots": {"every": "1h"}}))))
    .into();
    insta::assert_snapshot!(said.join("\n"), @r#"
    zones.move: "fnal" is not known here; did you mean `final`?
    zones.move: needs a duration: {"stale_up_to":"1h"}
    zones.move: must be one of never, final, or {"stale_up_to":"1h"}, not true
    zones.move.stale_up_to: is required, such as "1h"
    zones.move.stale_up_to: is required, such as "1h"
    zones.move.stale_up_to: must be a duration such as "90s", "30m", "6h", "9d", "1w" or whole seconds, not "soon"
    zones.move.stale_up_to: is required, such as "1h"
    zones.move.stale_upto: is not a field here; did you mean `stale_up_to`?
    zones.move.final: is not a field here; known are stale_up_to
    "#);
}

#[test]
fn a_bound_on_the_age_of_snapshots_needs_snapshots() {
    let both = json!({"zones": {"move": {"stale_up_to": "1h"}}, "data_lost": {"snapshot_up_to": "1h"}});
    insta::assert_snapshot!(problems(&with(both.clone())), @r#"
    data_lost.snapshot_up_to: there would be no snapshot to restore from: set `snapshots`, for the group or for `data`
    zones.move.stale_up_to: there would be no snapshot to move from: set `snapshots`, for the group or for `data`
    "#);
    let mut some = with(both.clone());
    some["snapshots"] = json!({"every": "1h"});
    some["volumes"]["log"] = json!({"size": 1, "mount": "/l", "snapshots": false});
    insta::assert_snapshot!(problems(&some), @r#"
    data_lost.snapshot_up_to: there would be no snapshot to restore from: set `snapshots`, for the group or for `log`
    zones.move.stale_up_to: there would be no snapshot to move from: set `snapshots`, for the group or for `log`
    "#);
    some["volumes"]["log"]["snapshots"] = json!({"every": "1h"});
    parsed(&some);
    // Snapshots that could not be read are one problem, not three.
    some["snapshots"] = json!({"every": "often"});
    assert_eq!(problems(&some).lines().count(), 1, "{}", problems(&some));
    some["snapshots"] = json!(null);
    some["volumes"]["data"]["snapshots"] = json!("often");
    assert_eq!(problems(&some).lines().count(), 1, "{}", problems(&some));
    // The other choices rely on none, nor does a group that keeps no volumes.
    parsed(&with(json!({"zones": {"move": "final"}, "data_lost": "blank"})));
    parsed(&json!({"v": 1, "address": {"kind": "eni"}, "zones": {"move": {"stale_up_to": "1h"}}}));
}

#[test]
fn snapshots_further_apart_than_the_bound_are_a_notice() {
    let spec = |apart: &str, bound: &str| {
        json!({"v": 1, "snapshots": {"every": apart}, "zones": {"move": {"stale_up_to": bound}}, "data_lost": {"snapshot_up_to": "9d"},
            "volumes": {"data": {"size": 1, "mount": "/d"}, "log": {"size": 1, "mount": "/l", "snapshots": {"every": "5m"}}}})
    };
    insta::assert_snapshot!(notices(&spec("6h", "1h")), @"zones.move.stale_up_to: `data` may have no snapshot as new as 1h: they are up to 6h apart; take them more often, or allow older ones");
    assert_eq!(notices(&spec("1h", "1h")), "");
}

/// The change from one volume to another of its name.
fn change(was: Value, now: Value) -> Result<String, String> {
    let spec = |mut volume: Value| {
        volume["mount"] = json!("/d");
        parsed(&json!({"v": 1, "volumes": {"data": volume}}))
    };
    spec(now).check_change(&spec(was)).map(|notices| listed(&notices)).map_err(|problems| problems.to_string())
}

#[test]
fn what_ebs_modifies_is_a_change_without_a_word() {
    for (was, now) in [
        (json!({"size": 20}), json!({"size": 20})),
        (json!({"size": 20}), json!({"size": 21})),
        (json!({"size": 20, "iops": 4_000, "throughput": 500}), json!({"size": 20})),
        (json!({"size": 125, "type": "gp2"}), json!({"size": 125, "type": "st1"})),
        (json!({"size": 20, "type": "io1", "iops": 100}), json!({"size": 99, "type": "io2", "iops": 200})),
        (json!({"size": 20, "type": "standard"}), json!({"size": 20, "type": "standard"})),
        (json!({"size": 20, "type": "standard"}), json!({"size": 30, "type": "gp3"})),
        (json!({"size": 20, "snapshots": false}), json!({"size": 20, "initialization_rate": 100})),
    ] {
        assert_eq!(change(was.clone(), now.clone()), Ok(String::new()), "{was} {now}");
    }
}

#[test]
fn what_ebs_refuses_is_named_and_what_only_new_volumes_get_is_a_notice() {
    let shrunk = change(json!({"size": 21, "encrypted": true}), json!({"size": 20, "encrypted": false}));
    insta::assert_snapshot!(shrunk.unwrap_err(), @"volumes.data.size: is 20 GiB, and was 21 GiB: EBS volumes cannot shrink; keep the size, or name another volume and copy the data");
    let grown = change(json!({"size": 20, "type": "standard"}), json!({"size": 21, "type": "standard"}));
    insta::assert_snapshot!(grown.unwrap_err(), @"volumes.data.size: cannot grow: EBS does not modify magnetic volumes; change `type` too, to gp3 for instance");
    let turned = change(json!({"size": 30}), json!({"size": 20, "type": "standard"}));
    insta::assert_snapshot!(turned.unwrap_err(), @r#"
    volumes.data.size: is 20 GiB, and was 30 GiB: EBS volumes cannot shrink; keep the size, or name another volume and copy the data
    volumes.data.type: was gp3: EBS does not turn a volume into a magnetic one; choose another type
    "#);
    let recreated = change(
        json!({"size": 20, "encrypted": false}),
        json!({"size": 20, "kms_key": "alias/k", "snapshot": "snap-0123456789abcdef0", "fs": "xfs"}),
    );
    insta::assert_snapshot!(recreated.unwrap(), @r#"
    volumes.data.encrypted: changed: it counts for new volumes only, and those that exist stay as they are
    volumes.data.fs: changed: it counts for new volumes only, and those that exist stay as they are
    volumes.data.kms_key: changed: it counts for new volumes only, and those that exist stay as they are
    volumes.data.snapshot: changed: it counts for new volumes only, and those that exist stay as they are
    "#);
}

/// A volume that is new, or gone, is no change of one that exists.
#[test]
fn other_names_are_other_volumes() {
    let spec = |name: &str, size: u32| parsed(&json!({"v": 1, "volumes": {name: {"size": size, "mount": "/d"}}}));
    assert_eq!(spec("b", 10).check_change(&spec("a", 20)), Ok(vec![]));
}

const TEMPLATE: &str = "vol-0123456789abcdef0";

/// What is left to a template is left out where the spec is written again, and what is said stays.
#[test]
fn a_volume_may_be_like_one_of_ec2s_and_then_needs_no_figures_of_its_own() {
    let json = json!({"v": 1, "volumes": {"data": {"like": TEMPLATE, "mount": "/d"},
        "log": {"like": "data", "mount": "/l", "type": "io2", "throughput": null}, "tmp": {"size": 1, "mount": "/t"}}});
    let spec = parsed(&json);
    let volume = |name: &str| &spec.volumes[&name.parse().unwrap()];
    let template = |size, kind, encrypted| Some(Template { volume: TEMPLATE.parse().unwrap(), size, kind, encrypted });
    assert_eq!(volume("data").template, template(true, true, true));
    assert_eq!(volume("log").template, template(true, false, true), "also by way of another volume");
    assert_eq!(volume("tmp").template, None);
    let keyed = with(json!({"volumes": {"data": {"like": TEMPLATE, "mount": "/d", "size": 9, "kms_key": "alias/k"}}}));
    assert_eq!(parsed(&keyed).volumes.values().next().unwrap().template, template(false, true, false));
    let written = serde_json::to_value(&spec).unwrap();
    assert_eq!(written["volumes"]["data"]["like"], TEMPLATE);
    assert_eq!(written["volumes"]["data"].get("size"), None);
    assert_eq!(written["volumes"]["log"]["type"], "io2");
    assert_eq!(parsed(&written), spec);
}

#[test]
fn a_volume_of_the_spec_comes_before_one_of_ec2s_of_that_name() {
    let spec = json!({"v": 1, "volumes": {"vol-beef": {"size": 7, "mount": "/d"}, "log": {"like": "vol-beef", "mount": "/l"}}});
    let spec = parsed(&spec);
    assert!(spec.volumes.values().all(|volume| volume.template.is_none() && volume.params.size_gib == 7));
}

#[test]
fn what_no_template_could_mend_is_refused_at_once() {
    let like = |fields: Value| {
        let mut volume = fields;
        volume["like"] = json!(TEMPLATE);
        volume["mount"] = json!("/d");
        json!({"v": 1, "volumes": {"data": volume}})
    };
    insta::assert_snapshot!(problems(&like(json!({"type": "gp2", "iops": 4_000}))), @"volumes.data.iops: gp2 volumes take no iops; leave it out, or choose gp3, io1 or io2");
    insta::assert_snapshot!(problems(&like(json!({"type": "io1", "size": 3}))), @"volumes.data.size: io1 volumes have 4 to 16384 GiB, not 3");
    parsed(&like(json!({"type": "io1"})));
    parsed(&like(json!({"throughput": 2_000})));
}

#[test]
fn a_template_may_come_and_go_and_figures_that_it_lent_are_not_a_smaller_size() {
    let like = |size: Value| json!({"size": size, "like": TEMPLATE});
    let said = change(json!({"size": 20}), like(Value::Null)).unwrap();
    insta::assert_snapshot!(said, @"volumes.data.like: changed: it counts for new volumes only, and those that exist stay as they are");
    assert_eq!(change(like(Value::Null), like(json!(20))), Ok(String::new()));
    assert!(change(like(json!(21)), like(json!(20))).unwrap_err().contains("cannot shrink"));
}
