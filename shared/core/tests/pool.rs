//! Where new volumes come from: the pool, a template, a snapshot.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod town;

use stateful_asg_core::cloud::{Lifecycle, Volume, VolumeState};
use stateful_asg_core::ids::{SlotNumber, SnapshotId, VolumeId, VolumeName};
use stateful_asg_core::observed::{Failure, FailureKind};
use stateful_asg_core::spec::{Allowed, VolumeParams, VolumeType};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::{AcceptedSpec, VolumeRecord};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Origin;
use stateful_asg_core::waiting::Reason;
use town::*;

/// One launching instance of zone a, and no slot yet.
fn launching(volumes: &str) -> Town {
    let mut town = Town::with_spec(0, &spec(volumes));
    town.obs.asgs[0].desired = 1;
    town.instance(5, 'a', Lifecycle::PendingWait);
    town
}

fn spec(volumes: &str) -> String {
    format!(r#"{{"v":1,"volumes":{{{volumes}}}}}"#)
}

fn edit(town: &mut Town, volumes: &str) {
    town.obs.record.as_mut().unwrap().spec = Some(AcceptedSpec { number: 2, text: spec(volumes), from_table: false });
}

fn put(town: &mut Town, n: u32, change: impl FnOnce(&mut Volume)) {
    let mut volume = pool_volume(n);
    change(&mut volume);
    town.obs.volumes.insert(volume.id.clone(), volume);
}

fn named(volume: &mut Volume, name: &str) {
    volume.tags.insert(tags::VOLUME.to_owned(), name.to_owned());
}

fn record<'t>(town: &'t Town, name: &str) -> &'t VolumeRecord {
    &town.obs.slots[&SlotNumber(0)].volumes[&VolumeName::new(name).unwrap()]
}

/// What was taken from the pool for `data`.
fn taken(town: &mut Town) -> Option<VolumeId> {
    town.run();
    let record = record(town, "data");
    record.id.clone().filter(|_| record.born)
}

fn created(steps: &[Step]) -> Vec<&VolumeParams> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::CreateVolume { params, .. } => Some(params),
            _ => None,
        })
        .collect()
}

const DATA: &str = r#""data":{"size":"20GiB","mount":"/data"}"#;
const FAST: &str = r#""data":{"size":"20GiB","iops":4000,"throughput":500,"mount":"/data"}"#;

#[test]
fn only_a_volume_that_fits_and_never_was_a_slots_is_taken() {
    type Change = fn(&mut Volume);
    let tag = |volume: &mut Volume, tag: &str| drop(volume.tags.insert(tag.to_owned(), "0".to_owned()));
    assert_eq!(taken(&mut { fitting(DATA, |_| ()) }), Some(volume_id(70)));
    assert_eq!(
        taken(&mut { fitting(FAST, |v| (v.iops, v.throughput) = (Some(4_000), Some(600))) }),
        Some(volume_id(70))
    );
    let unfit: [(&str, Change); 9] = [
        (DATA, |v| v.zone = zone('b')),
        (DATA, |v| v.size_gib = 19),
        (DATA, |v| v.kind = "gp2".to_owned()),
        (DATA, |v| v.encrypted = false),
        (DATA, |v| v.multi_attach = true),
        (DATA, |v| v.state = VolumeState::Creating),
        (DATA, |v| named(v, "log")),
        (FAST, |v| (v.iops, v.throughput) = (Some(3_999), Some(500))),
        (FAST, |v| (v.iops, v.throughput) = (Some(4_000), None)),
    ];
    for (n, (spec, change)) in unfit.into_iter().enumerate() {
        assert_eq!(taken(&mut fitting(spec, change)), None, "unfit {n}");
    }
    for gone in [tags::SUPERSEDED, tags::FOR_SLOT, tags::ATTEMPT] {
        let mut town = fitting(DATA, |_| ());
        tag(town.obs.volumes.get_mut(&volume_id(70)).unwrap(), gone);
        assert_eq!(taken(&mut town), None, "{gone}");
    }
}

fn fitting(spec: &str, change: impl FnOnce(&mut Volume)) -> Town {
    let mut town = launching(spec);
    put(&mut town, 70, change);
    town
}

#[test]
fn its_own_name_goes_first_then_the_smallest_then_the_lowest_id() {
    let mut town = launching(DATA);
    put(&mut town, 74, |v| v.size_gib = 30);
    put(&mut town, 73, |v| v.size_gib = 30);
    put(&mut town, 72, |v| v.size_gib = 40);
    put(&mut town, 71, |v| {
        v.size_gib = 50;
        named(v, "data");
    });
    put(&mut town, 70, |v| named(v, "log"));
    for expected in [71, 73, 74, 72] {
        town.obs.slots.clear();
        town.obs.instances.values_mut().for_each(|instance| drop(instance.tags.remove(tags::SLOT)));
        town.obs.record.as_mut().unwrap().next_slot = 0;
        assert_eq!(taken(&mut town), Some(volume_id(expected)));
        town.obs.volumes.remove(&volume_id(expected));
    }
}

#[test]
fn two_volumes_of_a_slot_never_take_the_same_one() {
    let mut town = launching(&format!(r#"{DATA},"log":{{"size":"10GiB","mount":"/log"}}"#));
    put(&mut town, 70, |_| ());
    let steps = town.run();
    assert_eq!(record(&town, "data").id, Some(volume_id(70)));
    assert_eq!(created(&steps).len(), 1);
}

#[test]
fn what_a_slot_left_behind_is_not_taken_though_its_tags_are_gone() {
    let mut town = Town::served(1);
    put(&mut town, 70, |_| ());
    let left = left_behind(at(0));
    town.obs.slots.get_mut(&SlotNumber(0)).unwrap().upkeep.superseded.insert(volume_id(70), left);
    town.obs.asgs[0].desired = 2;
    town.instance(5, 'a', Lifecycle::PendingWait);
    let steps = town.run();
    assert_eq!(created(&steps).len(), 1, "{:?}", kinds(&steps));
}

const LIKE: &str = r#""data":{"like":"vol-00000000000000099","mount":"/data"}"#;

fn template(town: &mut Town, change: impl FnOnce(&mut Volume)) {
    let mut volume = pool_volume(0x99);
    volume.tags.clear();
    (volume.size_gib, volume.iops, volume.throughput) = (300, Some(6_000), Some(500));
    change(&mut volume);
    town.obs.templates.insert(volume.id.clone(), Some(volume));
}

#[test]
fn a_template_is_read_and_lends_its_figures() {
    let mut town = launching(LIKE);
    town.run_once();
    let plan = town.plan();
    assert!(plan.look.templates.contains(&volume_id(0x99)) && created(&plan.steps).is_empty());
    assert!(town.reasons().iter().any(|reason| reason.kind() == "VolumeCreating"));
    assert!(!town.obs.slots[&SlotNumber(0)].volumes.contains_key(&VolumeName::new("data").unwrap()));
    template(&mut town, |volume| volume.encrypted = false);
    let steps = town.run();
    let expected = VolumeParams {
        size_gib: 300,
        kind: VolumeType::Gp3,
        iops: Some(6_000),
        throughput: Some(500),
        encrypted: false,
        kms_key: None,
        snapshot: None,
        initialization_rate: None,
    };
    assert_eq!(created(&steps), [&expected]);
    assert!(!town.obs.volumes.contains_key(&volume_id(0x99)), "it is nobody's volume but its owner's");
}

#[test]
fn what_the_spec_says_itself_is_not_copied() {
    let said = r#""data":{"like":"vol-00000000000000099","size":400,"type":"io2","iops":9000,"encrypted":true,"mount":"/data"}"#;
    let mut town = launching(said);
    template(&mut town, |volume| volume.encrypted = false);
    let steps = town.run();
    let params = created(&steps)[0];
    assert_eq!((params.size_gib, params.kind, params.encrypted), (400, VolumeType::Io2, true));
    assert_eq!((params.iops, params.throughput), (Some(9_000), None));
    let mut town = launching(r#""data":{"like":"vol-00000000000000099","type":"gp3","mount":"/data"}"#);
    template(&mut town, |volume| volume.kind = "io2".to_owned());
    let steps = town.run();
    let params = created(&steps)[0];
    assert_eq!((params.iops, params.throughput), (None, None), "another type's performance is not lent");
}

#[test]
fn a_type_that_takes_no_iops_gets_none() {
    let mut town = launching(LIKE);
    template(&mut town, |volume| volume.kind = "gp2".to_owned());
    let steps = town.run();
    let params = created(&steps)[0];
    assert_eq!((params.kind, params.iops, params.throughput), (VolumeType::Gp2, None, None));
}

#[test]
fn a_template_that_is_gone_or_lends_too_much_calls_a_person_and_nothing_is_made() {
    let refused = |town: &mut Town, says: &str| {
        let steps = town.run();
        assert!(created(&steps).is_empty());
        let reasons = town.reasons();
        let found = reasons.iter().find(|reason| reason.kind() == "TemplateUnusable").unwrap();
        assert!(found.alarms() && found.to_string().contains(says), "{found}");
    };
    let mut town = launching(LIKE);
    town.obs.templates.insert(volume_id(0x99), None);
    refused(&mut town, "does not show");
    let mut town = launching(LIKE);
    town.obs.limits.max_volume_gib = 299;
    template(&mut town, |_| ());
    refused(&mut town, "up to 299");
    let mut town = launching(LIKE);
    template(&mut town, |volume| volume.kind = "io9".to_owned());
    refused(&mut town, "io9");
    let mut town = launching(r#""data":{"like":"vol-00000000000000099","throughput":2000,"mount":"/data"}"#);
    template(&mut town, |_| ());
    refused(&mut town, "iops");
}

#[test]
fn a_pool_volume_must_be_what_the_template_is() {
    let mut town = launching(LIKE);
    template(&mut town, |_| ());
    put(&mut town, 70, |volume| volume.size_gib = 299);
    put(&mut town, 71, |volume| (volume.size_gib, volume.iops, volume.throughput) = (300, Some(6_000), Some(500)));
    assert_eq!(taken(&mut town), Some(volume_id(71)));
}

#[test]
fn volumes_that_exist_do_not_follow_a_template() {
    let mut town = Town::with_spec(1, &spec(LIKE));
    template(&mut town, |_| ());
    assert!(!kinds(&town.run()).contains(&"ModifyVolume"));
    edit(&mut town, r#""data":{"like":"vol-00000000000000099","size":25,"mount":"/data"}"#);
    let steps = town.run();
    let target = steps.iter().find_map(|step| match step {
        Step::ModifyVolume { target, .. } => Some(target),
        _ => None,
    });
    let target = target.unwrap();
    assert_eq!((target.size_gib, target.kind, target.iops, target.throughput), (Some(25), None, None, None));
}

fn refuse(town: &mut Town, kind: FailureKind) -> Step {
    town.forbid = vec!["CreateVolume"];
    town.run();
    let step = Step::CreateVolume {
        slot: SlotNumber(0),
        name: VolumeName::new("data").unwrap(),
        params: record(town, "data").params.clone(),
        zone: zone('a'),
        token: "any".to_owned(),
        tags: tags_of(town),
    };
    let failure = Failure {
        kind,
        message: "Volume of size 10GB is smaller than snapshot 'snap-0123', expect size>= 30GB".to_owned(),
        count: 1,
        retry_at: town.now + jiff::SignedDuration::from_secs(30),
    };
    town.obs.notes.failures.insert(step.key(), failure);
    town.forbid.clear();
    step
}

fn tags_of(town: &Town) -> stateful_asg_core::cloud::Tags {
    town.obs.asgs[0].tags.clone()
}

fn from_snapshot(size: u32) -> String {
    format!(r#""data":{{"size":{size},"snapshot":"snap-0123","mount":"/data"}}"#)
}

#[test]
fn a_volume_may_be_larger_than_its_snapshot_and_a_smaller_one_is_refused_by_name_until_the_spec_is_mended() {
    let mut town = launching(&from_snapshot(40));
    let steps = town.run();
    let params = created(&steps)[0];
    assert_eq!((params.size_gib, &params.snapshot), (40, &Some(SnapshotId::new("snap-0123").unwrap())));
    assert_eq!(town.obs.slots[&SlotNumber(0)].upkeep.data.unwrap().origin, Origin::Snapshot);

    let mut town = launching(&from_snapshot(10));
    refuse(&mut town, FailureKind::Invalid);
    assert!(created(&town.run()).is_empty(), "not again and again");
    let reasons = town.reasons();
    let failed = reasons.iter().find(|reason| matches!(reason, Reason::CallFailed { .. })).unwrap();
    assert!(failed.alarms() && failed.to_string().contains("smaller than snapshot"), "{failed}");
    let before = record(&town, "data").clone();
    assert_eq!((before.attempt, before.params.size_gib, before.born), (1, 10, false));
    edit(&mut town, &from_snapshot(30));
    town.now = at(1030);
    let steps = town.run();
    assert_eq!(created(&steps).iter().map(|params| params.size_gib).collect::<Vec<_>>(), [30]);
    assert_eq!(record(&town, "data").attempt, 2, "a token stands for its parameters");
}

#[test]
fn parameters_that_may_have_been_accepted_stay_as_they_are() {
    for kind in [FailureKind::Unknown, FailureKind::Throttled, FailureKind::TokenReused] {
        let mut town = launching(&from_snapshot(10));
        refuse(&mut town, kind);
        edit(&mut town, &from_snapshot(30));
        town.now = at(1030);
        let steps = town.run();
        assert_eq!(created(&steps).iter().map(|params| params.size_gib).collect::<Vec<_>>(), [10], "{kind:?}");
    }
}

#[test]
fn limits_name_no_key_of_a_template() {
    let mut town = launching(LIKE);
    town.obs.limits.kms_keys = Allowed::List(vec![]);
    template(&mut town, |_| ());
    let steps = town.run();
    assert_eq!(created(&steps)[0].kms_key, None, "the account's own key: EC2 does not lend another's");
}
