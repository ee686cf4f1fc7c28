//! Each history runs twice: as it was drawn, with faults of calls and events, readings that lag and several actors, and
//! once more undisturbed. Both come to the same: the same slots in the same states, and nothing was made, attached, detached
//! or deleted more often because of faults. [`Sums::differences`] says what is compared, and where that would not be sound.
//!
//! Only deeds that people and AWS do to members, capacity and spec are left in: what a foreign hand, a lost disk or a zone
//! out of reach leads to depends on when it strikes. Warm pools are out too, because there one instance may claim a slot
//! twice, and who is given to us later has what others made. In half of the histories a quarter of an hour passes after each
//! deed, so that nothing is missed in either run.
//!
//! `SEED=17 HISTORIES=1 cargo test -p stateful-asg-campaign --test undisturbed` compares one again, with its story.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use stateful_asg_campaign::actors::Typed;
use stateful_asg_campaign::classes::Class;
use stateful_asg_campaign::compare::Sums;
use stateful_asg_campaign::deed::Deed;
use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::history::{self, Report};
use stateful_asg_campaign::lab::{Lab, World, simulate};
use stateful_asg_campaign::script::Script;
use stateful_asg_core::tags::SLOT;
use stateful_asg_sim::model::types::CreateVolume;

/// A history is a million small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HISTORIES: u64 = 1_000;
const FIRST_SEED: u64 = 1;
const SPEC: &str = r#"{"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#;
/// So many of a hundred are comparable, at the least.
const COMPARABLE: u64 = 45;
/// What passes after a deed where nobody is in a hurry.
const CALM: Duration = Duration::from_secs(15 * 60);

/// What an undisturbed run is without.
const FAULTS: [Class; 26] = [
    Class::EventLost,
    Class::EventDoubled,
    Class::EventLate,
    Class::EventReordered,
    Class::KilledBefore,
    Class::KilledAfter,
    Class::CallPaused,
    Class::Stalled,
    Class::EffectLate,
    Class::AnswerLost,
    Class::Throttled,
    Class::BucketEmpty,
    Class::Denied,
    Class::InternalError,
    Class::TableError,
    Class::TableUnknown,
    Class::TableConflict,
    Class::ReadStale,
    Class::ItemMissing,
    Class::PageMissing,
    Class::ClockSkew,
    Class::TwoActors,
    Class::ThreeActors,
    Class::AttachHangs,
    Class::DetachHangs,
    Class::HookTimeout,
];

/// What is done to members, capacity and spec, and leads to the same in the end whenever it strikes.
const DEEDS: [Deed; 18] = [
    Deed::Terminate,
    Deed::TerminateTwo,
    Deed::TerminateLaunching,
    Deed::TerminateInGroup,
    Deed::ScaleInOne,
    Deed::Unhealthy,
    Deed::Stop,
    Deed::Spot,
    Deed::Resize,
    Deed::Rebalance,
    Deed::Refresh,
    Deed::EditSpec,
    Deed::EditSpecBadly,
    Deed::Grow,
    Deed::Shrink,
    Deed::MoveRule,
    Deed::ScaleInLong,
    Deed::TimePasses,
];

#[allow(clippy::disallowed_methods, reason = "a test's own switches")]
fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}")))
}

fn is_hurried(seed: u64) -> bool {
    seed % 2 == 1
}

/// The history of this seed with such deeds alone.
fn script(seed: u64) -> Script {
    let mut script = Script::draw(seed);
    script.acts.retain(|act| DEEDS.contains(&act.deed));
    script.group.warm = None;
    (script.adopts, script.group.hooks) = (false, true);
    if seed % 8 == 2 && !script.world.leases_off {
        (script.world.leases_off, script.actors) = (true, 2);
    }
    if !is_hurried(seed) {
        script.acts.iter_mut().for_each(|act| act.after += CALM);
        script.rest += CALM;
    }
    script
}

fn run(script: &Script, trace: bool) -> (Report, Sums) {
    let group = script.group.group.parse().expect("a good group name");
    history::run_script_on(script, trace, |_| Rc::new(Typed), |lab| Sums::of(lab, &group))
}

/// What is wrong in a run by itself.
fn wrong(report: &Report, sums: &Sums) -> Vec<String> {
    let late =
        [Class::CallPaused, Class::Stalled, Class::EffectLate].iter().any(|class| class.count(&report.coverage) > 0);
    let again = sums.again.iter().filter(|_| !late).cloned();
    let violations = report.violations.iter().map(ToString::to_string);
    violations.chain(sums.wrong.iter().cloned()).chain(again).collect()
}

/// The same deeds were done, and everybody was served in the end.
fn may_be_compared(with: &Report, without: &Report) -> Result<(), &'static str> {
    let deeds = |report: &Report| -> Vec<(String, u64)> {
        report.coverage.section("deeds").map(|(deed, count)| (deed.to_owned(), count)).collect()
    };
    let served = |report: &Report| report.coverage.reached("ends", "served") > 0;
    if deeds(with) != deeds(without) {
        return Err("other deeds found somebody to be done to");
    }
    if !served(with) || !served(without) {
        return Err("somebody waits for a person");
    }
    Ok(())
}

/// What is wrong with the history of this seed, or why there was nothing to compare.
fn judge(seed: u64, trace: bool) -> Result<Vec<String>, &'static str> {
    let script = script(seed);
    let undisturbed = FAULTS.into_iter().fold(script.clone(), Script::without);
    let ((report, with), (calm_report, without)) = (run(&script, trace), run(&undisturbed, trace));
    if trace {
        eprintln!("{}\nundisturbed:\n{}", report.story, calm_report.story);
        for (how, sums) in [("with faults", &with), ("undisturbed", &without)] {
            sums.slots.iter().for_each(|(slot, sum)| eprintln!("{how}, slot {slot}: {sum}"));
        }
    }
    let mut all = wrong(&report, &with);
    all.extend(wrong(&calm_report, &without).into_iter().map(|text| format!("undisturbed: {text}")));
    if !all.is_empty() {
        return Ok(all);
    }
    may_be_compared(&report, &calm_report)?;
    with.differences(&without, is_hurried(seed))
}

#[test]
fn faults_change_nothing_in_the_end() {
    let histories = number_from("HISTORIES").unwrap_or(HISTORIES);
    let first = number_from("SEED").unwrap_or(FIRST_SEED);
    let next = AtomicU64::new(first);
    let judged: Mutex<BTreeMap<u64, Result<Vec<String>, &str>>> = Mutex::default();
    let job = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + histories {
                break;
            }
            let verdict = judge(seed, histories == 1);
            judged.lock().expect("no job panics while it holds the lock").insert(seed, verdict);
        }
    };
    std::thread::scope(|scope| {
        (0..std::thread::available_parallelism().map_or(1, usize::from)).for_each(|_| {
            scope.spawn(job);
        });
    });
    tell(&judged.into_inner().expect("no job panics while it holds the lock"));
}

#[test]
fn what_is_made_twice_is_noticed() {
    let (before, after) = simulate(&World::quiet(1), async |lab: &Lab| {
        let group = lab.create(&NewGroup::cass(SPEC, 1).in_one_zone());
        assert!(lab.until_served(&group, CALM).await);
        let before = Sums::of(lab, &group);
        let volume = lab.truth(|aws, _| aws.volumes().find(|volume| volume.tags.contains_key(SLOT)).cloned());
        let volume = volume.expect("the slot has a volume");
        lab.region.act("fn:rogue", |aws, _| {
            let twin = CreateVolume {
                availability_zone: volume.availability_zone.clone(),
                size_gib: Some(volume.size_gib),
                tags: volume.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                ..CreateVolume::default()
            };
            aws.create_volume(&twin).expect("nothing is wrong with it");
        });
        (before, Sums::of(lab, &group))
    });
    assert_eq!((before.wrong, before.again), (Vec::new(), Vec::new()));
    assert!(after.wrong.iter().any(|text| text.contains("was made, and no slot ever had it on record")), "{after:?}");
    assert!(after.wrong.iter().any(|text| text.contains("bears our tags")), "{after:?}");
}

fn tell(judged: &BTreeMap<u64, Result<Vec<String>, &str>>) {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (seed, verdict) in judged {
        match verdict {
            Ok(all) => {
                *reasons.entry("compared").or_default() += 1;
                wrong.extend(all.iter().map(|text| format!("seed {seed}: {text}")));
            }
            Err(reason) => *reasons.entry(reason).or_default() += 1,
        }
    }
    eprintln!("{} histories: {reasons:?}", judged.len());
    assert!(wrong.is_empty(), "run one again with SEED=... HISTORIES=1\n{}", wrong.join("\n"));
    let histories = u64::try_from(judged.len()).expect("so many histories fit");
    let compared = reasons.get("compared").copied().unwrap_or_default();
    assert!(
        histories < 100 || compared * 100 >= histories * COMPARABLE,
        "only {compared} of {histories} were comparable"
    );
}
