//! Invocations that die: at each call while a guest's instance leaves, detaching among them, and at each pair of calls of a
//! replacement. Whoever comes next goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::ids::GroupName;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_sim::model::types::VolumeState;
use stateful_asg_sim::model::{EffectKind, GuestMode, Span};
use stateful_asg_sim::typed::Fault;

use crate::moves::{holder_of, slot, volumes_of};
use crate::{LIMIT, SPEC, created, identity, kill, served, told};

const DEATHS: [Fault; 2] = [Fault::CrashBefore, Fault::CrashAfter];
const DETACHES: [&str; 2] = ["ec2:DetachVolume", "ec2:DetachNetworkInterface"];

/// Which calls that change something die, counted from where the story says, and how.
type Deaths<'a> = &'a [(u64, Fault)];
/// A call that was struck, and how.
type Struck = (&'static str, &'static str);

/// A stretch of a story in which invocations die.
struct Run {
    first: u64,
    deaths: u64,
}

/// What such a stretch came to.
struct Seen {
    /// How many calls there were.
    calls: u64,
    /// Which of them were struck.
    struck: BTreeSet<Struck>,
    /// How many invocations died: of two calls that one had under way at once, the first to strike killed it.
    died: u64,
}

impl Run {
    fn from_here(lab: &Lab, deaths: Deaths<'_>) -> Self {
        let first = lab.region.faults(|faults| faults.changes());
        for (number, fault) in deaths {
            lab.region.faults(|faults| faults.at_change(first + number, *fault));
        }
        Self { first, deaths: deaths.len() as u64 }
    }

    /// Every call that was told to has struck.
    async fn ends(self, lab: &Lab) -> Seen {
        let calls = lab.region.faults(|faults| faults.changes()) - self.first;
        // Whoever dies at the last call is counted a moment later.
        lab.pass(Duration::from_secs(1)).await;
        let died = lab.bus.counts().get("invocation crashed").copied().unwrap_or_default();
        let (struck, times) = lab.region.faults(|faults| {
            (faults.struck().keys().copied().collect::<BTreeSet<Struck>>(), faults.struck().values().sum::<u64>())
        });
        assert_eq!(times, self.deaths, "{struck:?}\n{}", lab.story());
        assert!(died <= times && (died > 0 || times == 0), "{died} died of {struck:?}\n{}", lab.story());
        Seen { calls, struck, died }
    }
}

/// The world, and the spec, of a guest that mounts, says so, and lets go when its instance leaves.
fn with_a_guest(seed: u64) -> (World, String) {
    let guest = GuestMode::Reports { delay: Span::exactly(2000) };
    (World { guest, ..World::quiet(seed) }, SPEC.replace(r#""launch":{"#, r#""launch":{"ready":"mounted","#))
}

/// How events are delivered while the instance leaves.
#[derive(Debug, Clone, Copy)]
enum Events {
    Arrive,
    /// The sweep alone goes on.
    Lost,
}

impl Events {
    fn set(self, lab: &Lab) {
        if matches!(self, Self::Lost) {
            lab.bus.set_odds(BusOdds::CUT);
        }
    }
}

/// The slot's volumes and its interface are on nobody.
fn free(lab: &Lab, slot: &Slot) -> bool {
    let interface = slot.interface.as_ref().and_then(|record| record.id.as_ref()).expect("it has one");
    lab.truth(|aws, _| {
        let available = |id: &String| aws.volume(id).is_some_and(|volume| volume.state == VolumeState::Available);
        volumes_of(slot).values().all(available)
            && aws.interface(interface.as_str()).is_some_and(|interface| interface.attachment.is_none())
    })
}

/// Both were taken from a running instance by a call of ours, where EC2 does it by itself once the instance is terminated.
fn detached_by_us(lab: &Lab) -> bool {
    lab.truth(|aws, _| {
        let ours = |what: fn(&EffectKind) -> bool| {
            aws.effects().iter().any(|effect| effect.actor.starts_with("fn:") && what(&effect.what))
        };
        ours(|what| matches!(what, EffectKind::VolumeDetaching { .. }))
            && ours(|what| matches!(what, EffectKind::InterfaceDetaching { .. }))
    })
}

/// One of two is scaled in: its slot is parked, and what it had is free.
fn scaled_in(events: Events, deaths: Deaths<'_>) -> Seen {
    let mut seen = None;
    let (world, spec) = with_a_guest(330);
    told(&world, async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(&spec, 2).in_one_zone());
        served(lab, &group).await;
        let before = [identity(lab, &group, 0), identity(lab, &group, 1)];
        events.set(lab);
        let run = Run::from_here(lab, deaths);
        lab.operate("scales in", |aws, _| aws.set_desired_capacity("cass-1", 1).expect("it is allowed"));
        let parked = |lab: &Lab| {
            let slots = [slot(lab, &group, 0), slot(lab, &group, 1)];
            let parked = slots.iter().filter(|slot| slot.state == SlotState::Parked && slot.holder.is_none());
            let parked = parked.collect::<Vec<_>>();
            parked.len() == 1 && free(lab, parked[0]) && lab.unserved(&group).is_empty()
        };
        assert!(lab.until(LIMIT, parked).await, "{}\n{:#?}", lab.story(), lab.unserved(&group));
        seen = Some(run.ends(lab).await);
        // Where one died that was about to, the instance may be gone before the next one comes, and EC2 frees everything.
        assert!(!deaths.is_empty() || detached_by_us(lab), "{}", lab.story());
        // What is parked is given out again, as it was.
        lab.bus.set_odds(BusOdds::default());
        lab.operate("scales out", |aws, _| aws.set_desired_capacity("cass-1", 2).expect("it is allowed"));
        lab.pass(Duration::from_secs(60)).await;
        served(lab, &group).await;
        let now = [identity(lab, &group, 0), identity(lab, &group, 1)];
        assert_eq!((now, created(lab)), (before, 2), "{}", lab.story());
    });
    seen.expect("the story came to its end")
}

/// The only member is ended in its group: another one has all that it had.
fn replaced_in_turn(events: Events, deaths: Deaths<'_>) -> Seen {
    let mut seen = None;
    let (world, spec) = with_a_guest(331);
    told(&world, async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(&spec, 1).in_one_zone());
        served(lab, &group).await;
        let (old, before) = (holder_of(&slot(lab, &group, 0)), identity(lab, &group, 0));
        events.set(lab);
        let run = Run::from_here(lab, deaths);
        lab.operate("ends it in its group", |aws, _| {
            drop(aws.terminate_instance_in_auto_scaling_group(&old, false).expect("it is a member"));
        });
        another_serves(lab, &group, &old).await;
        seen = Some(run.ends(lab).await);
        // Where one died that was about to, the instance may be gone before the next one comes, and EC2 frees everything.
        assert!(!deaths.is_empty() || detached_by_us(lab), "{}", lab.story());
        assert_eq!((identity(lab, &group, 0), created(lab)), (before, 1), "{}", lab.story());
    });
    seen.expect("the story came to its end")
}

async fn another_serves(lab: &Lab, group: &GroupName, old: &str) {
    let another = |lab: &Lab| {
        slot(lab, group, 0).holder.is_some_and(|holder| holder.instance.as_str() != old)
            && lab.unserved(group).is_empty()
    };
    assert!(lab.until(2 * LIMIT, another).await, "{}\n{:#?}", lab.story(), lab.unserved(group));
}

/// Runs the story as it is, and then with a death before and after each call; both ways of taking something from a running
/// instance must have been among them.
fn at_each_call(story: impl Fn(Deaths<'_>) -> Seen) {
    let calls = story(&[]).calls;
    assert!(calls > 8, "it is more than {calls} calls");
    let mut struck = BTreeSet::new();
    for number in 1..=calls {
        for fault in DEATHS {
            // Shown where the story fails.
            eprintln!("{fault:?} at call {number} of {calls}");
            let seen = story(&[(number, fault)]);
            assert_eq!((seen.died, seen.struck.len()), (1, 1));
            struck.extend(seen.struck);
        }
    }
    let wanted = DETACHES.iter().flat_map(|call| DEATHS.map(|fault| (*call, fault.name())));
    let missing: Vec<Struck> = wanted.filter(|one| !struck.contains(one)).collect();
    assert!(missing.is_empty(), "no invocation died at {missing:?}; they died at {struck:?}");
}

#[test]
fn a_scale_in_with_a_guest_goes_on_wherever_an_invocation_died() {
    at_each_call(|deaths| scaled_in(Events::Arrive, deaths));
}

#[test]
fn a_scale_in_with_a_guest_goes_on_at_the_next_sweep_wherever_an_invocation_died() {
    at_each_call(|deaths| scaled_in(Events::Lost, deaths));
}

#[test]
fn a_replacement_with_a_guest_goes_on_wherever_an_invocation_died() {
    at_each_call(|deaths| replaced_in_turn(Events::Arrive, deaths));
}

#[test]
fn a_replacement_with_a_guest_goes_on_at_the_next_sweep_wherever_an_invocation_died() {
    at_each_call(|deaths| replaced_in_turn(Events::Lost, deaths));
}

/// The only member dies, and another one takes its place.
fn killed(deaths: Deaths<'_>) -> Seen {
    let mut seen = None;
    told(&World { trace: false, ..World::quiet(332) }, async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        served(lab, &group).await;
        let (old, before) = (holder_of(&slot(lab, &group, 0)), identity(lab, &group, 0));
        let run = Run::from_here(lab, deaths);
        kill(lab, &old);
        another_serves(lab, &group, &old).await;
        seen = Some(run.ends(lab).await);
        assert_eq!((identity(lab, &group, 0), created(lab)), (before, 1), "{}", lab.story());
    });
    seen.expect("the story came to its end")
}

/// The first invocation dies before or after its call, and so does the one that goes on, at each of the calls that it makes.
#[test]
fn a_replacement_goes_on_wherever_two_invocations_died() {
    let whole = killed(&[]).calls;
    assert!(whole >= 15, "it is more than {whole} calls");
    let (mut pairs, mut at_once) = (0, 0);
    for first in (1..=whole).flat_map(|number| DEATHS.map(|fault| (number, fault))) {
        let calls = killed(&[first]).calls;
        for second in (first.0 + 1..=calls).flat_map(|number| DEATHS.map(|fault| (number, fault))) {
            // Shown where the story fails.
            eprintln!("{first:?}, then {second:?}");
            let two = killed(&[first, second]).died == 2;
            pairs += u64::from(two);
            at_once += u64::from(!two);
        }
    }
    eprintln!(
        "{whole} calls, {pairs} pairs of invocations that died, and {at_once} of calls that one had under way at once"
    );
    assert!(pairs >= whole * whole, "only {pairs} pairs of {whole} calls");
}
