//! What takes long, from its first call to its last: interrupted at each of them, once before and once after it is applied,
//! it ends well, and nothing that was written is lost.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Order;
use stateful_asg_sim::model::types::{LifecycleState, ModificationState};
use stateful_asg_sim::model::{EffectKind, Span, Timings};
use stateful_asg_sim::typed::{CallMade, Fault, Sort};

use crate::moves::{anywhere, drive_out, holder_of, moved, slot, succeeded, volumes_of};
use crate::{LIMIT, kill, served, told, waits};

const HOUR: Duration = Duration::from_secs(3600);
/// Two volumes, an interface, a name; what is left behind is deleted as soon as it may be.
const TWO: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"},"log":{"size":"10GiB","mount":"/log"}},"address":{"kind":"eni"},"dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30},"zones":{"move":"final","keep_source":"1h"},"launch":{"surge_wait":"2m"}}"#;

/// A story with one call that fails so, counted from where the story says; the calls that change something from there on.
struct Run {
    fault: Option<(u64, Fault)>,
    first: u64,
    seen: usize,
}

impl Run {
    fn from_here(lab: &Lab, fault: Option<(u64, Fault)>) -> Self {
        let first = lab.region.faults(|faults| faults.changes());
        if let Some((number, fault)) = fault {
            lab.region.faults(|faults| faults.at_change(first + number, fault));
        }
        Self { fault, first, seen: changes(lab).len() }
    }

    /// The numbers of the calls that do something: what only asks for the lease, gives it back or wakes the group is known
    /// to be harmless from all other stories, and quiet sweeps make hundreds of them.
    fn ends(self, lab: &Lab) -> Vec<u64> {
        let died = lab.bus.counts().get("invocation crashed").copied().unwrap_or_default();
        assert_eq!(died, u64::from(self.fault.is_some()), "{}", lab.story());
        let changes = changes(lab).split_off(self.seen);
        let counted = lab.region.faults(|faults| faults.changes()) - self.first;
        assert!(self.fault.is_some() || counted == changes.len() as u64, "every call was answered well");
        let does = |call: &CallMade| !["dynamodb:UpdateItem", "events:PutEvents"].contains(&call.operation);
        (1..).zip(&changes).filter(|(_, call)| does(call)).map(|(number, _)| number).collect()
    }
}

fn changes(lab: &Lab) -> Vec<CallMade> {
    lab.region.calls().into_iter().filter(|call| call.sort == Sort::Change).collect()
}

/// Runs the story once as it is, and then with a death before and after each call that does something.
fn at_each_call(least: usize, story: impl Fn(Option<(u64, Fault)>) -> Vec<u64>) {
    let calls = story(None);
    assert!(calls.len() >= least, "it is more than {} calls", calls.len());
    for number in calls {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            // Shown where the story fails.
            eprintln!("{fault:?} at call {number}");
            story(Some((number, fault)));
        }
    }
}

fn gone(lab: &Lab, before: &Slot) -> bool {
    let interface = before.interface.as_ref().and_then(|record| record.id.clone()).expect("it has one");
    let volumes = volumes_of(before);
    lab.truth(|aws, _| {
        aws.interface(interface.as_str()).is_none() && volumes.values().all(|id| aws.volume(id).is_none())
    })
}

/// Nothing is left to do for the slot, and of what it left nothing is on record.
fn at_rest(lab: &Lab, group: &GroupName, number: u32) -> bool {
    let upkeep = slot(lab, group, number).upkeep;
    upkeep.change.is_none() && upkeep.superseded.is_empty() && upkeep.left_interfaces.is_empty()
}

/// How many volumes there are that the group has or had.
fn ours(lab: &Lab) -> usize {
    lab.truth(|aws, _| aws.volumes().filter(|volume| volume.tags.contains_key(tags::DEPLOYMENT)).count())
}

fn move_to_the_end(fault: Option<(u64, Fault)>) -> Vec<u64> {
    let mut calls = Vec::new();
    told(&World::quiet(320), async |lab: &Lab| {
        let group = anywhere(lab, TWO, 1).await;
        let before = slot(lab, &group, 0);
        let run = Run::from_here(lab, fault);
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        let left = |lab: &Lab| gone(lab, &before) && at_rest(lab, &group, 0);
        assert!(lab.until(2 * HOUR, left).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        lab.pass(Duration::from_secs(1)).await;
        calls = run.ends(lab);
        assert_eq!(ours(lab), 2, "{}", lab.story());
        let now = slot(lab, &group, 0);
        succeeded(lab, &before, &now);
        let said = lab.truth(|aws, _| aws.instance(&holder_of(&now)).and_then(|i| i.tags.get(tags::DATA).cloned()));
        assert_eq!(said.as_deref(), Some("kept"), "{}", lab.story());
    });
    calls
}

#[test]
fn a_move_of_two_volumes_to_the_deletion_of_the_old_ones() {
    at_each_call(30, move_to_the_end);
}

fn retired(lab: &Lab, group: &GroupName, number: u32) -> bool {
    slot(lab, group, number).state == SlotState::Retired && at_rest(lab, group, number)
}

fn retirement_and_return(fault: Option<(u64, Fault)>) -> Vec<u64> {
    let mut calls = Vec::new();
    told(&World::quiet(321), async |lab: &Lab| {
        let group = anywhere(lab, TWO, 2).await;
        lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
        let parked = |lab: &Lab| {
            lab.truth(|_, table| table.slots(&group).find(|s| s.state == SlotState::Parked).map(|s| Slot::clone(s)))
        };
        assert!(lab.until(LIMIT, |lab| parked(lab).is_some()).await, "{}", lab.story());
        let before = parked(lab).expect("it was just there");
        lab.pass(Duration::from_secs(120)).await;

        let run = Run::from_here(lab, fault);
        let (at, number) = (lab.now(), before.number);
        lab.operate("orders to retire it", |_, table| {
            table.edit_slot((&group, number), (at, "operator"), |slot| slot.upkeep.order = Some(Order::Retire));
        });
        let left = |lab: &Lab| retired(lab, &group, number.0) && gone(lab, &before);
        assert!(lab.until(3 * HOUR, left).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        let name = format!("cass-{number}.prod.internal");
        assert!(lab.truth(|aws, _| aws.record(&lab.zone, &name, "A").is_none()), "{}", lab.story());
        assert_eq!(ours(lab), 2, "those of the other slot: {}", lab.story());

        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 2).expect("it is allowed"));
        let back = |lab: &Lab| slot(lab, &group, number.0).holder.is_some() && lab.unserved(&group).is_empty();
        assert!(lab.until(HOUR, back).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        lab.pass(Duration::from_secs(1)).await;
        calls = run.ends(lab);
        let now = slot(lab, &group, number.0);
        succeeded(lab, &before, &now);
        assert_eq!(ours(lab), 4, "{}", lab.story());
        let said = lab.truth(|aws, _| aws.instance(&holder_of(&now)).and_then(|i| i.tags.get(tags::DATA).cloned()));
        assert!(said.as_ref().is_some_and(|said| said.starts_with("snapshot ")), "{said:?}\n{}", lab.story());
    });
    calls
}

#[test]
fn a_retirement_to_the_last_deletion_and_the_return_from_snapshots() {
    at_each_call(30, retirement_and_return);
}

fn growth(fault: Option<(u64, Fault)>) -> Vec<u64> {
    let mut calls = Vec::new();
    // So that both are changed one after the other within minutes.
    let timings = Timings { optimize: Span::secs(60, 90), ..Timings::default() };
    told(&World { timings, ..World::quiet(322) }, async |lab: &Lab| {
        let group = anywhere(lab, TWO, 2).await;
        let before = [slot(lab, &group, 0), slot(lab, &group, 1)];
        let run = Run::from_here(lab, fault);
        lab.edit_spec(
            "cass-1",
            &TWO.replace("20GiB", "30GiB").replace(r#""mount":"/log""#, r#""iops":4000,"mount":"/log""#),
        );
        let done = |lab: &Lab| before.iter().all(|before| has_grown(lab, &group, before));
        assert!(lab.until(3 * HOUR, done).await, "{}\n{:?}", lab.story(), waits(lab, &group));
        served(lab, &group).await;
        lab.pass(Duration::from_secs(1)).await;
        calls = run.ends(lab);
        let modified = lab.truth(|aws, _| {
            aws.effects().iter().filter(|e| matches!(e.what, EffectKind::VolumeModifying { .. })).count()
        });
        assert_eq!(modified, 4, "each volume once: EC2 allows four changes in 24 hours\n{}", lab.story());
        for before in &before {
            assert_eq!(volumes_of(&slot(lab, &group, before.number.0)), volumes_of(before), "{}", lab.story());
        }
    });
    calls
}

/// Both volumes have their new figures, the slot's item knows, and the guest was told.
fn has_grown(lab: &Lab, group: &GroupName, before: &Slot) -> bool {
    let now = slot(lab, group, before.number.0);
    let (volumes, holder) = (volumes_of(&now), holder_of(&now));
    let noted = now.volumes.values().all(|record| record.growth.target.is_none());
    noted
        && lab.truth(|aws, _| {
            let completed =
                |id: &String| aws.modification(id).is_some_and(|change| change.state == ModificationState::Completed);
            let told = aws.instance(&holder).and_then(|i| i.tags.get("stateful-asg:size:data").cloned());
            volumes.values().all(completed)
                && aws.volume(&volumes["data"]).is_some_and(|volume| volume.size_gib == 30)
                && aws.volume(&volumes["log"]).is_some_and(|volume| volume.iops == Some(4000))
                && told.as_deref() == Some("30")
        })
}

#[test]
fn growth_of_two_slots() {
    at_each_call(10, growth);
}

/// Kills the instance that is being served when so many calls were made that change something. How many there are.
async fn dies_at_each(lab: &Lab, group: &GroupName, number: Option<u64>) -> u64 {
    let first = lab.region.faults(|faults| faults.changes());
    let made = |lab: &Lab| lab.region.faults(|faults| faults.changes()) - first;
    if let Some(number) = number {
        while made(lab) < number {
            lab.pass(Duration::from_millis(2)).await;
        }
        let launching = lab.truth(|aws, _| {
            aws.members("cass-1")
                .find(|member| !matches!(member.state, LifecycleState::InService))
                .map(|m| m.instance_id.clone())
        });
        if let Some(instance) = launching {
            kill(lab, &instance);
        }
    }
    lab.pass(Duration::from_secs(60)).await;
    served(lab, group).await;
    made(lab)
}

fn dies_while_it_is_served(number: Option<u64>) -> u64 {
    let mut calls = 0;
    told(&World::quiet(323), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(TWO, 1).in_one_zone());
        calls = dies_at_each(lab, &group, number).await;
        assert_eq!(ours(lab), 2, "{}", lab.story());
    });
    calls
}

fn dies_while_it_takes_over(number: Option<u64>) -> u64 {
    let mut calls = 0;
    told(&World::quiet(324), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(TWO, 1).in_one_zone());
        served(lab, &group).await;
        lab.pass(Duration::from_secs(300)).await;
        let before = slot(lab, &group, 0);
        kill(lab, &holder_of(&before));
        calls = dies_at_each(lab, &group, number).await;
        let now = slot(lab, &group, 0);
        assert_eq!((volumes_of(&now), &now.interface), (volumes_of(&before), &before.interface), "{}", lab.story());
        assert_ne!(holder_of(&now), holder_of(&before), "{}", lab.story());
    });
    calls
}

#[test]
fn an_instance_that_dies_at_each_call_of_being_served() {
    for story in [dies_while_it_is_served, dies_while_it_takes_over] {
        let calls = story(None);
        assert!(calls > 15, "it is more than {calls} calls");
        for number in 1..=calls {
            eprintln!("it dies at call {number}");
            story(Some(number));
        }
    }
}
