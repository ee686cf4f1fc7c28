//! One random history: a group, people, faults; then peace, in which it must converge and be quiet.

use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::types::{InstanceState, LifecycleState};
use stateful_asg_sim::model::{Span, Timings};
use stateful_asg_sim::typed::Region;

use crate::actors::{Face, Typed};
use crate::bus::{BusOdds, DROPPED, PANICKED};
use crate::classes::Class;
use crate::coverage::Coverage;
use crate::ends;
use crate::lab::{Lab, World, simulate_on};
use crate::meddling;
use crate::operator::Operator;
use crate::rules::Violation;
use crate::script::{Act, Script};

/// How long everything may take to be served once faults and people rest: ten minutes make a loss certain, ten more
/// pass before a launch that cannot be served is given up.
const CONVERGES_WITHIN: Duration = Duration::from_secs(60 * 60);
/// Where calls may pause or land late: how old what they rest on may be.
const LONGEST_WAY: SignedDuration = SignedDuration::from_secs(450);
/// Within this the last late effect has landed, and every hook and record was read again since.
const AUDITED_WITHIN: Duration = Duration::from_secs(20 * 60);
/// How long nothing may change before the group counts as quiet, and how long it then stays so.
const QUIET_AFTER: Duration = Duration::from_secs(120);
const QUIET_FOR: Duration = Duration::from_secs(300);
/// How long ago an alarm may have been raised to explain what is not served.
const ALARM_LASTS: SignedDuration = SignedDuration::from_mins(20);

/// What one history showed.
#[derive(Debug)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Rules that it broke, the first first.
    pub violations: Vec<Violation>,
    /// What it reached.
    pub coverage: Coverage,
    /// What happened, if that was asked for.
    pub story: String,
}

/// Runs the history of this seed.
#[must_use]
pub fn run(seed: u64, trace: bool) -> Report {
    run_script(&Script::draw(seed), trace)
}

/// Runs a history as written out.
#[must_use]
pub fn run_script(script: &Script, trace: bool) -> Report {
    run_script_on(script, trace, |_| Rc::new(Typed), |_| ()).0
}

/// Runs a history as written out, whose functions see this face of the world; with what the end tells.
#[must_use]
pub fn run_script_on<T>(
    script: &Script,
    trace: bool,
    face: impl FnOnce(&Rc<Region>) -> Rc<dyn Face>,
    end: impl FnOnce(&Lab) -> T,
) -> (Report, T) {
    let world = World { trace, ..script.world.clone() };
    simulate_on(&world, face, async |lab: &Lab| {
        let mut coverage = Coverage::default();
        live(lab, script, &mut coverage).await;
        collect(lab, &mut coverage);
        let mut violations = lab.violations();
        violations.extend(lab.bus.functions().seen().refused.iter().map(|text| Violation {
            rule: rule_of(text),
            at: lab.now(),
            text: format!("the planner planned it, the second opinion refused it: {text}"),
        }));
        if coverage.reached("events", PANICKED) > 0 {
            violations.push(Violation { rule: 0, at: lab.now(), text: "an invocation panicked".to_owned() });
        }
        let story = if trace { lab.story() } else { String::new() };
        (Report { seed: script.seed, violations, coverage, story }, end(lab))
    })
}

/// The rule that a refusal of the second opinion names.
fn rule_of(text: &str) -> u8 {
    let after = text.split("rule ").nth(1).unwrap_or_default();
    after.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

async fn live(lab: &Lab, script: &Script, coverage: &mut Coverage) {
    coverage.add("kinds", script.kind.clone(), 1);
    lab.region.note("history", || format!("{script:?}"));
    let group = begin(lab, script).await;
    lab.region.faults(|faults| (faults.odds, faults.table) = (script.odds, script.table));
    let late = |odds: stateful_asg_sim::typed::Odds| odds.pause + odds.stall + odds.late > 0;
    if late(script.odds) || late(script.table) {
        lab.rules.borrow_mut().allow(LONGEST_WAY, true);
    }
    lab.rules.borrow_mut().allow_skew(script.skew);
    lab.bus.set_odds(script.bus);
    lab.bus.set_actors(script.actors);
    // Several settles of a group go on side by side, each of them for as long as there is something to wait for.
    lab.actors.set(if script.world.leases_off { 2 * u64::from(script.actors) } else { 1 });
    lab.bus.set_skew(script.skew);
    let rng = ChaCha8Rng::seed_from_u64(script.seed);
    let mut operator = Operator::new(lab, (script.group.clone(), script.wish.clone()), script.most, rng);
    for Act { after, deed, seed } in &script.acts {
        lab.pass(*after).await;
        if lab.rules.borrow().is_broken() {
            return;
        }
        operator.rng = ChaCha8Rng::seed_from_u64(*seed);
        if operator.act(*deed) {
            lab.region.note("operator", || format!("that was {deed:?}"));
            coverage.add("deeds", deed.name(), 1);
            lab.pass(Duration::from_secs(deed.hours_after() * 3600)).await;
        }
    }
    lab.pass(script.rest).await;
    make_peace(lab, &mut operator, script.cut);
    if lab.rules.borrow().lost_table() {
        adopt_again(lab, &group).await;
    }
    end_well(lab, &group, script, coverage).await;
}

/// The group, as it is when the history begins: created, or in service before and then given to us.
async fn begin(lab: &Lab, script: &Script) -> GroupName {
    meddling::prepare(lab, script.wish.start());
    let mut timings = script.world.timings.clone();
    if script.attach_hangs {
        timings.attach = Span::secs(1, 150);
    }
    if script.detach_hangs {
        (timings.detach, timings.free) = (Span::secs(1, 400), Span::secs(5, 400));
    }
    lab.region.act("operator", |aws, _| aws.set_timings(timings));
    let group = lab.create(&script.group);
    if script.adopts {
        lab.pass(Duration::from_secs(180)).await;
        meddling::furnish(lab, &script.group.asg, script.wish.names());
        lab.pass(Duration::from_secs(180)).await;
        lab.put_hooks(&script.group);
        let adopted = lab.adopter().adopt(&group).await;
        lab.region.note("history", || format!("adopted: {adopted:?}"));
    }
    group
}

/// Faults stop, and people undo what would keep the group from being whole.
fn make_peace(lab: &Lab, operator: &mut Operator<'_>, cut: bool) {
    lab.region.note("history", || "peace".to_owned());
    lab.region.faults(stateful_asg_sim::typed::Faults::heal);
    lab.bus.set_odds(if cut { BusOdds::CUT } else { BusOdds::default() });
    lab.bus.set_skew(Duration::ZERO);
    operator.mend_spec();
    operator.mend_storage();
    operator.undo_meddling();
    operator.remove_foreign_records();
    let asg = operator.group.asg.clone();
    lab.operate("sets all right", |aws, _| {
        for zone in &lab.zones {
            aws.set_capacity(zone, true);
        }
        aws.never_boots(0);
        aws.set_timings(Timings::default());
        aws.cancel_refresh(&asg);
        let stuck: Vec<String> = aws.volumes().map(|v| v.volume_id.clone()).collect();
        stuck.iter().for_each(|volume| aws.unstick(volume));
        let old_standby: Vec<String> = aws
            .groups()
            .filter(|group| group.name != asg)
            .flat_map(|group| aws.members(&group.name))
            .filter(|m| m.state == LifecycleState::Standby)
            .map(|m| m.instance_id.clone())
            .collect();
        for instance in old_standby {
            let _ = aws.terminate_instance_in_auto_scaling_group(&instance, false);
        }
        let standby: Vec<String> =
            aws.members(&asg).filter(|m| m.state == LifecycleState::Standby).map(|m| m.instance_id.clone()).collect();
        if !standby.is_empty() {
            let _ = aws.exit_standby(&asg, &standby);
        }
        let is_stray = |i: &stateful_asg_sim::model::types::Instance| {
            matches!(i.state, InstanceState::Running | InstanceState::Stopped | InstanceState::Stopping)
        };
        let strays = aws.instances().filter(|i| is_stray(i) && aws.member(&i.instance_id).is_none());
        let (used, idle): (Vec<String>, Vec<String>) =
            strays.map(|i| i.instance_id.clone()).partition(|instance| meddling::uses_leftover(aws, instance));
        if !idle.is_empty() {
            let _ = aws.terminate_instances(&idle);
        }
        meddling::terminate_later(lab, used);
    });
}

/// A person who lost the table sees to it that it is whole again.
async fn adopt_again(lab: &Lab, group: &GroupName) {
    for _ in 0..20 {
        lab.pass(Duration::from_secs(60)).await;
        if lab.adopter().adopt(group).await.is_ok() {
            return;
        }
    }
}

/// Rule 9: it converges, or waits under a name that calls a person; and then it is quiet.
async fn end_well(lab: &Lab, group: &GroupName, script: &Script, coverage: &mut Coverage) {
    let peace = lab.now();
    lab.until(AUDITED_WITHIN, |_| false).await;
    let accusation = if lab.until_served(group, CONVERGES_WITHIN).await {
        stays_well(lab, group).await
    } else {
        let lacks: Vec<String> = lab.unserved(group).iter().map(ToString::to_string).collect();
        let waits = lab.bus.functions().seen().waiting.get(group).cloned();
        Some(format!(
            "not served in {CONVERGES_WITHIN:?}, and nothing says why: {}; waiting: {waits:?}",
            lacks.join("; ")
        ))
    };
    if lab.rules.borrow().is_broken() {
        return;
    }
    let alarms = alarms(lab, group, peace);
    let rules = &lab.rules;
    let explained = alarms.iter().find(|reason| ends::explained(reason, script, coverage, &rules.borrow()));
    match (accusation, explained) {
        (None, _) => coverage.add("ends", "served", 1),
        (Some(_), Some(name)) => coverage.add("ends", *name, 1),
        (Some(accusation), None) => {
            let accusation = format!("{accusation}; alarms that nothing done here explains: {alarms:?}");
            // Where events were lost it is the rule about events that is at stake.
            let lost = lab.bus.counts().contains_key(DROPPED);
            lab.rules.borrow_mut().accuse(if lost { 11 } else { 9 }, lab.now(), accusation);
        }
    }
}

/// Once all is served nothing changes any more, whatever comes late; or what did.
async fn stays_well(lab: &Lab, group: &GroupName) -> Option<String> {
    lab.region.note("history", || "served".to_owned());
    let last = |lab: &Lab| lab.rules.borrow().last_change().map_or(stateful_asg_sim::model::BEGINNING, |(at, _)| *at);
    let rests = |lab: &Lab| lab.now().duration_since(last(lab)).unsigned_abs() >= QUIET_AFTER;
    if !lab.until(CONVERGES_WITHIN, rests).await {
        return Some(format!("all was served, and still it never rested: {:?}", lab.rules.borrow().last_change()));
    }
    lab.region.note("history", || "quiet".to_owned());
    let since = last(lab);
    lab.bus.repeat_past(6);
    lab.pass(QUIET_FOR).await;
    let unserved = lab.unserved(group);
    if !unserved.is_empty() {
        return Some(format!("all was served, and then not: {unserved:?}"));
    }
    let what = lab.rules.borrow().last_change().filter(|(at, _)| *at > since).cloned();
    what.map(|(at, what)| format!("all was served, and still something was changed at {at}: {what}"))
}

/// Waits that call a person, left at the end of a settle since peace and not long ago: launches that cannot be served are
/// given up at growing intervals, and between two of them nothing waits.
fn alarms(lab: &Lab, group: &GroupName, peace: Timestamp) -> Vec<&'static str> {
    let lately = |at: &Timestamp| *at > peace && lab.now().duration_since(*at) < ALARM_LASTS;
    let all = lab.bus.functions().seen().alarmed.remove(group).unwrap_or_default();
    all.into_iter().filter(|(_, at)| lately(at)).map(|(name, _)| name).collect()
}

fn collect(lab: &Lab, coverage: &mut Coverage) {
    for (kind, count) in lab.rules.borrow().counts() {
        coverage.add("effects", *kind, *count);
    }
    for ((operation, fault), count) in lab.region.faults(|faults| faults.struck().clone()) {
        coverage.add("faults", format!("{operation} {fault}"), count);
    }
    for (what, count) in lab.bus.counts() {
        coverage.add("events", what, count);
    }
    let seen = lab.bus.functions().seen();
    seen.waits.iter().for_each(|(kind, count)| coverage.add("waits", *kind, *count));
    seen.steps.iter().for_each(|(kind, count)| coverage.add("steps", kind.clone(), *count));
    seen.failures.iter().for_each(|(kind, count)| coverage.add("failures", kind.clone(), *count));
    seen.outcomes.iter().for_each(|(word, count)| coverage.add("answers", *word, *count));
    let (stale, [two, three]) = lab.truth(|aws, table| (aws.stale_reads(), table.overlaps));
    coverage.add("world", "stale read", stale);
    coverage.add("world", "two actors", two);
    coverage.add("world", "three actors", three);
    lab.rules.borrow().deaths().iter().for_each(|(state, count)| coverage.add("deaths", *state, *count));
    for class in Class::ALL {
        coverage.add("classes", class.name(), class.count(coverage));
    }
    let calls = lab.truth(|aws, _| aws.counts().clone());
    calls.into_iter().for_each(|(operation, count)| coverage.add("calls", operation, count));
}
