//! Random histories over the wire, and the same ones typed: both go the same way, and end in the same world.
//!
//! `SEED=17 HISTORIES=1 cargo test --workspace --test faces histories` runs one again.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use stateful_asg_campaign::actors::{Face, Typed};
use stateful_asg_campaign::deed::Deed;
use stateful_asg_campaign::history;
use stateful_asg_campaign::lab::Lab;
use stateful_asg_campaign::script::Script;
use stateful_asg_runtime::ports::Table;

use crate::lockstep::OnTheWire;
use crate::mirror::Mirror;
use crate::seam::{at_once, lead_to};

const HISTORIES: u64 = 200;
const FIRST_SEED: u64 = 1;
/// The SDK, not optimised, takes over a millisecond for a call. So not much is done in these histories, and longer ones
/// are run with `WHOLE=1`.
const MOST_ACTS: usize = 3;
const MOST_MEMBERS: u32 = 2;

/// The history of this seed, made shorter; without what only one face can play: answers with gaps, which are made of the
/// ports' own lists, and a table that is lost, of which the one on the wire does not hear.
fn script(seed: u64, whole: bool) -> Script {
    let mut script = Script::draw(seed);
    (script.odds.item_missing, script.odds.page_missing) = (0, 0);
    script.acts.retain(|act| act.deed != Deed::LoseTable);
    if !whole {
        script.acts.retain(|act| act.deed.hours_after() == 0);
        script.acts.truncate(MOST_ACTS);
        script.most = script.most.min(MOST_MEMBERS);
        script.group.desired = script.group.desired.min(MOST_MEMBERS);
    }
    script
}

#[allow(clippy::disallowed_methods, reason = "a test's own switches")]
fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text}")))
}

/// Everything that took effect, in its order, and what stands in the end.
struct World {
    effects: Vec<String>,
    stands: Vec<String>,
    calls: u64,
}

fn world(lab: &Lab) -> World {
    lab.truth(|aws, table| {
        let effects = aws.effects().iter().map(|effect| format!("{} {} {:?}", effect.at, effect.actor, effect.what));
        let volumes = aws.volumes().map(|volume| format!("{volume:?}"));
        let interfaces = aws.interfaces().map(|interface| format!("{interface:?}"));
        let instances = aws.instances().map(|instance| format!("{instance:?}"));
        let groups = aws.groups().map(|group| format!("{group:?}"));
        let slots = table.all_slots().map(|(group, slot)| format!("{group}: {slot:?}"));
        let bindings = table.bindings().iter().map(|bound| format!("{bound:?}"));
        let stands = volumes.chain(interfaces).chain(instances).chain(groups).chain(slots).chain(bindings);
        World { effects: effects.collect(), stands: stands.collect(), calls: lab.region.answered() }
    })
}

/// What both tables say in the end, side by side.
fn compare_tables(lab: &Lab, mirror: &Mirror) {
    let sim = lab.region.actor("auditor").instant();
    let aws = &mirror.aws;
    let groups: Vec<_> = lab.truth(|_, table| table.groups().cloned().collect());
    for group in &groups {
        mirror.both((&sim, "slots in the end", false), aws.slots(group), sim.slots(group)).unwrap();
        mirror.both((&sim, "the group in the end", false), aws.group(group), sim.group(group)).unwrap();
    }
    mirror.both((&sim, "summaries in the end", true), aws.summaries(), sim.summaries()).unwrap();
    for instance in lab.truth(|_, table| table.bound_instances()) {
        let wire = at_once(aws.binding(&instance));
        mirror.compare("bindings in the end", &wire, &at_once(sim.binding(&instance)));
    }
}

/// What one history came to on both faces.
struct Twice {
    /// Everything that is not as it should be.
    wrong: Vec<String>,
    calls: u64,
    compared: u64,
}

/// Runs a history on both faces.
fn twice(script: &Script) -> Twice {
    let (_, typed) = history::run_script_on(script, false, |_| Rc::new(Typed), world);
    let mirror = std::cell::OnceCell::new();
    let face = |region: &Rc<_>| -> Rc<dyn Face> {
        lead_to(region);
        Rc::new(OnTheWire(Rc::clone(mirror.get_or_init(|| Rc::new(Mirror::new())))))
    };
    let (report, wire) = history::run_script_on(script, false, face, |lab| {
        let ended = world(lab);
        compare_tables(lab, mirror.get().expect("the face was made first"));
        ended
    });
    let mirror = mirror.get().expect("the face was made");
    let mut wrong: Vec<String> = report.violations.iter().map(ToString::to_string).collect();
    wrong.extend(mirror.differences().into_iter().take(3));
    wrong.extend(first_difference("effects", &wire.effects, &typed.effects));
    wrong.extend(first_difference("the end", &wire.stands, &typed.stands));
    if wire.calls != typed.calls {
        wrong.push(format!("{} calls on the wire, {} typed", wire.calls, typed.calls));
    }
    Twice { wrong, calls: wire.calls, compared: mirror.compared() }
}

fn first_difference(what: &str, wire: &[String], typed: &[String]) -> Option<String> {
    let at = wire.iter().zip(typed).position(|(wire, typed)| wire != typed).or_else(|| {
        let shorter = wire.len().min(typed.len());
        (wire.len() != typed.len()).then_some(shorter)
    })?;
    let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "nothing".to_owned());
    Some(format!("{what}, line {at}:\n  on the wire {}\n  typed       {}", line(wire), line(typed)))
}

#[test]
fn a_history_is_the_same_on_both_faces() {
    let wanted = number_from("HISTORIES").unwrap_or(HISTORIES);
    let first = number_from("SEED").unwrap_or(FIRST_SEED);
    let whole = number_from("WHOLE").is_some();
    let (next, calls, compared) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let wrong = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + wanted {
                return;
            }
            let twice = twice(&script(seed, whole));
            calls.fetch_add(twice.calls, Ordering::Relaxed);
            compared.fetch_add(twice.compared, Ordering::Relaxed);
            wrong.lock().unwrap().extend(twice.wrong.into_iter().map(|text| format!("seed {seed}: {text}")));
        }
    };
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..jobs).for_each(|_| _ = scope.spawn(work)));
    let (calls, compared) = (calls.into_inner(), compared.into_inner());
    eprintln!("{wanted} histories on both faces, {calls} calls over the wire, {compared} answers compared");
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > calls / 4, "hardly an answer was compared");
}
