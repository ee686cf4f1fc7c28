//! What drifts, fails or is left hanging: each is put right or named, and nothing is concluded from what is not shown.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "tests")]

mod town;

use std::net::Ipv4Addr;

use jiff::SignedDuration;
use stateful_asg_core::cloud::*;
use stateful_asg_core::ids::*;
use stateful_asg_core::observed::{Absent, Failure, FailureKind};
use stateful_asg_core::plan::{ATTACH_STUCK, CERTAINLY_ABSENT};
use stateful_asg_core::step::Step;
use stateful_asg_core::table::*;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::*;
use stateful_asg_core::waiting::Reason;
use town::*;

/// The address goes with the instance; the slot's name leads to it.
const OWN_ADDRESS: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},
 "dns":{"zone":"Z0000000000000000001","slot":"db-{slot}.test","group":"db.test","ttl":30}}"#;
const RETIRES: &str =
    r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}},"slots":{"retire_after":"1h","reuse_within":"9d"}}"#;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn words(town: &Town) -> Vec<&'static str> {
    town.reasons().iter().map(Reason::kind).collect()
}

fn slot(town: &mut Town, n: u32) -> &mut Slot {
    town.obs.slots.get_mut(&SlotNumber(n)).unwrap()
}

fn answers(steps: &[Step]) -> Vec<(InstanceId, HookResult)> {
    let answer = |step: &Step| {
        let Step::Complete { action, result } = step else { return None };
        Some((action.instance.clone(), *result))
    };
    steps.iter().filter_map(answer).collect()
}

/// Every step of this kind that failed has failed so.
fn failed(town: &mut Town, kind: &str, so: FailureKind) {
    let failures = town.obs.notes.failures.iter_mut().filter(|(key, _)| key.starts_with(kind));
    assert!(failures.map(|(_, failure)| failure.kind = so).count() > 0, "no {kind} has failed");
}

fn fails(town: &mut Town, step: &Step, kind: FailureKind) {
    let retry_at = town.now + SignedDuration::from_secs(30);
    town.obs.notes.failures.insert(step.key(), Failure { kind, message: "no".to_owned(), count: 3, retry_at });
}

/// Slot 0's name leads to its holder's own address, as Route 53 shows it.
fn with_own_addresses(town: &mut Town) {
    let ip = Ipv4Addr::new(10, 0, 1, 0);
    let slot = slot(town, 0);
    slot.interface = None;
    slot.record.as_mut().unwrap().confirmed = [ip].into();
    town.obs.interfaces.clear();
    town.obs.record.as_mut().unwrap().record.as_mut().unwrap().confirmed = [ip].into();
}

fn shows(town: &mut Town, seen: RecordSeen) {
    let key = town.obs.slots[&SlotNumber(0)].record.as_ref().unwrap().key.clone();
    town.obs.records.insert(key, seen);
}

#[test]
fn a_holder_that_stopped_while_it_leaves_goes_on_and_its_name_with_it() {
    let mut town = Town::with_spec(1, OWN_ADDRESS);
    with_own_addresses(&mut town);
    town.lifecycle(0, Lifecycle::TerminatingWait);
    town.state(0, InstanceState::Stopped);
    let steps = town.run();
    assert!(kinds(&steps).contains(&"ChangeRecord"), "{:?}", kinds(&steps));
    assert!(steps.iter().any(|step| matches!(step, Step::Complete { result: HookResult::Continue, .. })), "{steps:?}");
}

#[test]
fn an_instance_that_is_not_shown_may_still_run_and_keeps_its_names() {
    let mut town = Town::with_spec(1, OWN_ADDRESS);
    with_own_addresses(&mut town);
    town.obs.instances.clear();
    let steps = town.run();
    assert!(!kinds(&steps).contains(&"ChangeRecord"), "{:?}", kinds(&steps));
    assert_eq!(words(&town), ["HolderUnclear"]);
}

#[test]
fn a_name_that_someone_else_changed_is_left_alone_and_named() {
    let other = RecordSeen::A { ttl: 30, values: [Ipv4Addr::new(192, 0, 2, 7)].into() };
    for seen in [other, RecordSeen::Other("CNAME".to_owned())] {
        let mut town = Town::served(1);
        shows(&mut town, seen);
        assert_eq!(town.plan().steps, vec![]);
        assert_eq!(words(&town), ["RecordForeign"]);
    }
    let mut town = Town::served(1);
    shows(&mut town, RecordSeen::Absent);
    assert!(kinds(&town.run()).contains(&"ChangeRecord"), "one that was taken away is published again");
}

#[test]
fn a_write_that_failed_rests_and_is_named() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    let writes: Vec<Step> = town.plan().steps.into_iter().filter(|step| step.kind() == "Write").collect();
    assert!(!writes.is_empty());
    writes.iter().for_each(|step| fails(&mut town, step, FailureKind::Denied));
    let plan = town.plan();
    assert!(plan.steps.iter().all(|step| step.kind() != "Write"), "{:?}", plan.steps);
    assert!(words(&town).contains(&"CallFailed"));
    assert_eq!(plan.look_at, Some(town.now + SignedDuration::from_secs(30)));
}

#[test]
fn an_interface_that_is_gone_for_good_is_made_again_with_its_address() {
    let mut town = Town::served(1);
    let ip = town.obs.interfaces[&interface_id(0)].ip;
    town.obs.interfaces.clear();
    town.obs.absent.interfaces.insert(interface_id(0));
    slot(&mut town, 0).interface.as_mut().unwrap().absent_since = Some(town.now - SignedDuration::from_mins(9));
    assert_eq!(kinds(&town.plan().steps), Vec::<&str>::new(), "not before ten minutes have passed");
    slot(&mut town, 0).interface.as_mut().unwrap().absent_since = Some(town.now - SignedDuration::from_mins(10));
    let steps = town.run();
    let made = steps.iter().find_map(|step| match step {
        Step::CreateInterface { ip, .. } => Some(*ip),
        _ => None,
    });
    assert_eq!(made, Some(ip), "{:?}", kinds(&steps));
    assert!(!kinds(&steps).contains(&"ChangeRecord"), "its name stays");
}

#[test]
fn an_interface_that_hangs_in_attaching_ends_the_launch() {
    let mut town = Town::served(2);
    town.lifecycle(0, Lifecycle::PendingWait);
    let attachment = town.obs.interfaces.get_mut(&interface_id(0)).unwrap().attachment.as_mut().unwrap();
    attachment.state = AttachmentState::Attaching;
    attachment.since = Some(town.now - SignedDuration::try_from(ATTACH_STUCK).unwrap());
    let steps = town.run();
    assert_eq!(answers(&steps), [(instance_id(0), HookResult::Abandon)]);
}

#[test]
fn an_instance_without_our_tags_gets_nothing_and_is_named() {
    let mut town = Town::served(1);
    town.gone(0);
    town.free(0);
    town.launching(7, 'a');
    town.obs.instances.get_mut(&instance_id(7)).unwrap().tags.clear();
    town.run();
    assert!(town.obs.slots().all(|slot| !slot.held_by(&instance_id(7))));
    assert!(words(&town).contains(&"Untagged"), "{:?}", words(&town));
}

#[test]
fn a_holder_in_the_warm_pool_keeps_its_slot_until_its_guest_lets_go() {
    let mut town = Town::served(1);
    town.lifecycle(0, Lifecycle::Warmed);
    assert!(!kinds(&town.run()).contains(&"DetachVolume"));
    assert_eq!(words(&town), ["HolderWarm"]);
    town.obs.instances.get_mut(&instance_id(0)).unwrap().tags.insert(tags::RELEASED.to_owned(), "3".to_owned());
    assert!(kinds(&town.run()).contains(&"DetachVolume"));
    town.free(0);
    town.run();
    assert_eq!(slot(&mut town, 0).holder, None);
}

#[test]
fn a_launch_that_waits_for_half_an_hour_calls_a_person() {
    let mut town = Town::served(1);
    town.launching(7, 'a');
    town.state(7, InstanceState::Pending);
    town.run();
    assert!(!words(&town).contains(&"Overdue"));
    town.now += SignedDuration::from_mins(29);
    assert!(!words(&town).contains(&"Overdue"));
    town.now += SignedDuration::from_mins(2);
    assert!(words(&town).contains(&"Overdue"), "{:?}", words(&town));
}

#[test]
fn a_vacant_slot_says_what_it_waits_for() {
    let mut town = Town::served(2);
    town.gone(0);
    town.free(0);
    town.run();
    assert_eq!(words(&town), ["Vacant"]);
    town.launching(7, 'a');
    town.run();
    assert!(!words(&town).contains(&"Vacant"), "{:?}", words(&town));
}

fn parked(town: &mut Town, since: SignedDuration) {
    town.gone(0);
    town.free(0);
    town.obs.asgs[0].desired -= 1;
    let now = town.now;
    let slot = slot(town, 0);
    (slot.holder, slot.state, slot.vacated) = (None, SlotState::Parked, Some(now - since));
    (slot.interface, slot.record) = (None, None);
}

#[test]
fn a_group_that_is_deleted_retires_nothing() {
    let mut town = Town::with_spec(1, RETIRES);
    parked(&mut town, HOUR * 2);
    town.obs.asgs.clear();
    town.run();
    assert_eq!(slot(&mut town, 0).upkeep.change, None);
    let mut town = Town::with_spec(2, RETIRES);
    parked(&mut town, HOUR * 2);
    town.run_once();
    assert!(slot(&mut town, 0).upkeep.change.is_some());
}

#[test]
fn a_retired_slot_is_used_again_only_while_the_spec_says_so() {
    for (days, comes_back) in [(8, true), (10, false)] {
        let mut town = Town::with_spec(1, RETIRES);
        parked(&mut town, HOUR * 24 * days);
        town.obs.asgs[0].desired = 1;
        let slot = slot(&mut town, 0);
        (slot.state, slot.volumes) = (SlotState::Retired, Default::default());
        town.obs.volumes.clear();
        town.launching(7, 'a');
        town.run();
        assert_eq!(town.obs.slots[&SlotNumber(0)].held_by(&instance_id(7)), comes_back, "after {days} days");
    }
}

/// Slot 0 left volume 9 behind, long ago, and a snapshot holds its data.
fn with_left_volume(town: &mut Town) -> Snapshot {
    let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
    tags.insert(tags::CLAIM.to_owned(), "2".to_owned());
    let snapshot = town.snapshot(&volume_id(9), tags.clone(), SnapshotState::Completed);
    let mut volume = town.obs.volumes[&volume_id(0)].clone();
    (volume.id, volume.state, volume.attachments) = (volume_id(9), VolumeState::Available, Vec::new());
    volume.tags.insert(tags::SUPERSEDED.to_owned(), volume_id(0).to_string());
    town.obs.volumes.insert(volume.id.clone(), volume);
    let left = Superseded {
        claim: Claim(2),
        vacated: Some(snapshot.started),
        proof: Proof::Snapshot(snapshot.id.clone()),
        keep: false,
        deleting: Some(town.now - HOUR),
        ..left_behind(town.now - HOUR * 100)
    };
    town.obs.snapshots = Some([(snapshot.id.clone(), snapshot.clone())].into());
    let slot = slot(town, 0);
    slot.upkeep.attempts = 1;
    slot.volumes.values_mut().for_each(|record| record.attempt = 2);
    slot.upkeep.superseded.insert(volume_id(9), left);
    snapshot
}

#[test]
fn a_volume_that_was_left_behind_is_deleted_on_proof() {
    let mut town = Town::served(1);
    with_left_volume(&mut town);
    assert_eq!(kinds(&town.plan().steps), ["DeleteVolume"]);
}

#[test]
fn what_was_left_behind_is_forgotten_only_where_reads_have_missed_it_for_long() {
    let mut town = Town::served(1);
    with_left_volume(&mut town);
    let interface = LeftInterface { since: town.now - HOUR * 100, absent_since: None };
    slot(&mut town, 0).upkeep.left_interfaces.insert(interface_id(9), interface);
    let shown = town.obs.volumes.remove(&volume_id(9)).unwrap();
    town.obs.absent =
        Absent { volumes: [volume_id(9)].into(), interfaces: [interface_id(9)].into(), ..Absent::default() };
    let known = |town: &mut Town| {
        town.run();
        let upkeep = &slot(town, 0).upkeep;
        (upkeep.superseded.contains_key(&volume_id(9)), upkeep.left_interfaces.contains_key(&interface_id(9)))
    };
    assert_eq!(known(&mut town), (true, true), "one reading may lag");
    let certain = SignedDuration::try_from(CERTAINLY_ABSENT).unwrap();
    town.now += certain - SignedDuration::from_secs(1);
    assert_eq!(known(&mut town), (true, true));
    town.now += SignedDuration::from_secs(1);
    assert_eq!(known(&mut town), (false, false));
    // Where it is shown again in between, the time begins anew.
    let mut town = Town::served(1);
    with_left_volume(&mut town);
    town.forbid = vec!["DeleteVolume"];
    town.obs.volumes.remove(&volume_id(9));
    town.obs.absent.volumes.insert(volume_id(9));
    assert!(known(&mut town).0);
    town.obs.absent.volumes.clear();
    town.obs.volumes.insert(volume_id(9), shown);
    assert!(known(&mut town).0);
    assert_eq!(slot(&mut town, 0).upkeep.superseded[&volume_id(9)].absent_since, None);
}

#[test]
fn a_volume_that_someone_used_after_it_was_saved_is_kept_for_good() {
    let mut town = Town::served(1);
    with_left_volume(&mut town);
    let attachment = town.obs.volumes[&volume_id(0)].attachments[0].clone();
    let old = town.obs.volumes.get_mut(&volume_id(9)).unwrap();
    (old.state, old.attachments) = (VolumeState::InUse, vec![attachment]);
    town.run();
    let old = town.obs.volumes.get_mut(&volume_id(9)).unwrap();
    (old.state, old.attachments) = (VolumeState::Available, Vec::new());
    assert!(!kinds(&town.run()).contains(&"DeleteVolume"));
    assert!(slot(&mut town, 0).upkeep.superseded[&volume_id(9)].keep);
}

#[test]
fn a_snapshot_from_before_the_last_detach_proves_nothing() {
    let mut town = Town::served(1);
    let snapshot = with_left_volume(&mut town);
    let left = slot(&mut town, 0).upkeep.superseded.get_mut(&volume_id(9)).unwrap();
    left.vacated = Some(snapshot.started + SignedDuration::from_mins(6));
    assert_eq!(kinds(&town.plan().steps), Vec::<&str>::new());
    assert_eq!(words(&town), ["Unproven"]);
}

#[test]
fn a_snapshot_of_the_same_number_from_before_a_change_is_not_its_own() {
    let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, r#""zones":{"move":"final"},"address""#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    let mut tags = town.obs.volumes[&volume_id(0)].tags.clone();
    tags.insert(tags::OPERATION.to_owned(), "final-0-1".to_owned());
    tags.insert(tags::CLAIM.to_owned(), "3".to_owned());
    let old = town.snapshot(&volume_id(0), tags, SnapshotState::Completed);
    town.obs.snapshots = Some([(old.id.clone(), old.clone())].into());
    town.now += HOUR;
    let steps = town.run();
    assert!(kinds(&steps).contains(&"CreateSnapshot"), "{:?}", kinds(&steps));
}

#[test]
fn a_move_turns_round_when_nobody_waits_where_it_leads() {
    let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, r#""zones":{"move":"final"},"address""#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town.forbid.push("CreateSnapshot");
    town.run();
    let leads = |town: &mut Town| slot(town, 0).upkeep.change.as_ref().map(|change| change.kind.clone());
    assert_eq!(leads(&mut town), Some(ChangeKind::Move { to: zone('b') }));
    town.gone(7);
    town.launching(8, 'c');
    town.run();
    assert_eq!(leads(&mut town), Some(ChangeKind::Move { to: zone('c') }));
}

#[test]
fn a_change_whose_volume_is_lost_ends_and_the_loss_is_named() {
    let mut town = Town::with_spec(2, &SPEC.replace(r#""address""#, r#""zones":{"move":"final"},"address""#));
    town.gone(0);
    town.free(0);
    town.launching(7, 'b');
    town.forbid.push("CreateSnapshot");
    town.run();
    town.lose_volume(0);
    slot(&mut town, 0).volumes.values_mut().for_each(|record| record.absent_since = Some(at(0)));
    town.run();
    assert_eq!(slot(&mut town, 0).upkeep.change, None);
    assert!(words(&town).contains(&"VolumeLost"), "{:?}", words(&town));
    assert!(words(&town).contains(&"MoveBlocked"), "{:?}", words(&town));
}

#[test]
fn a_volume_that_lost_our_tag_is_named_and_not_touched() {
    let mut town = Town::served(1);
    town.obs.volumes.get_mut(&volume_id(0)).unwrap().tags.clear();
    assert_eq!(kinds(&town.plan().steps), Vec::<&str>::new());
    assert_eq!(words(&town), ["VolumeForeign"]);
}

#[test]
fn a_snapshot_that_a_volume_is_to_be_made_from_and_is_gone_calls_a_person() {
    let spec = SPEC.replace(r#""mount""#, r#""snapshot":"snap-0123456789abcdef0","mount""#);
    let mut town = Town::with_spec(0, &spec);
    town.obs.asgs[0].desired = 1;
    town.launching(7, 'a');
    town.forbid.push("CreateVolume");
    town.run();
    failed(&mut town, "CreateVolume", FailureKind::NotFound);
    let gone = town.reasons().into_iter().find(|reason| reason.kind() == "SnapshotGone");
    assert!(gone.is_some_and(|reason| reason.alarms()), "{:?}", words(&town));
}

#[test]
fn a_change_of_figures_that_was_refused_is_forgotten_when_the_spec_drops_it() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    town.obs.modifications.insert(volume_id(0), None);
    town.forbid.push("ModifyVolume");
    town.run();
    failed(&mut town, "ModifyVolume", FailureKind::Quota);
    town.run();
    let target = |town: &mut Town| slot(town, 0).volumes.values().next().unwrap().growth.target;
    assert!(target(&mut town).is_some(), "while the spec asks for it, it is tried again");
    town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = SPEC.to_owned();
    town.run();
    assert_eq!(target(&mut town), None);
}

#[test]
fn an_edit_soon_after_a_change_is_not_taken_for_done_by_the_change_before() {
    let mut town = Town::with_spec(1, &SPEC.replace("20GiB", "30GiB"));
    town.run();
    town.arrive();
    town.run();
    town.obs.record.as_mut().unwrap().spec.as_mut().unwrap().text = SPEC.replace("20GiB", "40GiB");
    town.now += SignedDuration::from_secs(30);
    assert_eq!(town.run().len(), 1, "the new target is noted, once");
    town.now += SignedDuration::from_secs(120);
    assert!(kinds(&town.run()).contains(&"ModifyVolume"));
    let growth = &slot(&mut town, 0).volumes.values().next().unwrap().growth;
    assert_eq!(growth.begun.len(), 2, "each change counts once against EC2's four a day");
}
