//! The search: depth first, each world once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::spec::Limits;
use stateful_asg_runtime::observe::Target;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::InstanceState;
use stateful_asg_sim::typed::{Faults, MemoryTable, Region, SimWorld};

use super::mind::Mind;
use super::{Seen, Small};
use crate::group::NewGroup;
use crate::lab::{World, simulate};
use crate::rules::{Rules, Violation, Watcher};
use crate::served;

/// One actor alone needs no more moves than this, from any world.
const ENOUGH: usize = 2_000;

/// One world.
#[derive(Clone)]
struct Stand {
    aws: Aws,
    table: MemoryTable,
    rules: Rules,
    minds: Vec<Mind>,
}

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Move {
    Read(usize),
    Take(usize, usize),
    Die(usize),
    Tick,
}

/// Searches through a small world, from its beginning to its horizon. `progress` hears now and then how many worlds were
/// seen.
///
/// # Panics
/// Where the world cannot be set up at all.
pub fn explore(small: &Small, progress: impl FnMut(usize)) -> Seen {
    simulate(&World { zones: 1, trace: false, ..World::quiet(7) }, async |lab| {
        let group = lab.create(&NewGroup::cass(small.spec, small.members));
        let (aws, table) = lab.region.act("operator", |aws, table| (aws.clone(), table.clone()));
        let target = Target { group, deployment: lab.deployment.clone(), limits: Limits::unlimited() };
        let mut rules = Rules::new(&lab.deployment, Limits::unlimited());
        // An actor may sleep on a reading until the horizon.
        rules.allow(SignedDuration::try_from(small.horizon).unwrap_or(SignedDuration::MAX), true);
        let minds = vec![Mind::default(); small.actors];
        let mut first = Stand { aws, table, rules, minds };
        let mut search = Search {
            small,
            target,
            end: first.aws.now(),
            seen: Seen::default(),
            known: BTreeSet::new(),
            good: BTreeSet::new(),
            progress,
        };
        if small.killed > 0 {
            search.serve(&mut first).await.expect("one actor alone serves a new group");
            kill(&mut first, small.killed);
        }
        search.end = first.aws.now() + SignedDuration::try_from(small.horizon).unwrap_or(SignedDuration::MAX);
        Box::pin(search.go(first)).await;
        search.seen
    })
}

fn kill(stand: &mut Stand, count: usize) {
    let members: Vec<String> = stand
        .aws
        .instances()
        .filter(|i| i.state == InstanceState::Running)
        .map(|i| i.instance_id.clone())
        .take(count)
        .collect();
    stand.aws.as_actor("operator").terminate_instances(&members).expect("they run");
    stand.aws.as_actor("");
    stand.rules.look(&stand.aws, &stand.table);
}

struct Search<'s, P> {
    small: &'s Small,
    target: Target,
    end: Timestamp,
    seen: Seen,
    known: BTreeSet<u64>,
    /// Worlds from which one actor alone gets everybody served.
    good: BTreeSet<u64>,
    progress: P,
}

/// A world on the way, and the moves that are still to be made from it.
struct Open {
    stand: Stand,
    left: Vec<Move>,
    came_by: String,
}

impl<P: FnMut(usize)> Search<'_, P> {
    async fn go(&mut self, first: Stand) {
        self.known.insert(hash(&first, true));
        let mut way = vec![self.open(first, "the beginning".to_owned())];
        self.seen.whole = true;
        while let Some(open) = way.last_mut() {
            let Some(next) = open.left.pop() else {
                way.pop();
                continue;
            };
            if self.known.len() >= self.small.most {
                self.seen.whole = false;
                break;
            }
            let mut stand = open.stand.clone();
            let told = self.make(&mut stand, next).await;
            self.seen.moves += 1;
            let broken = match stand.rules.violations().first() {
                Some(violation) => Some(violation.clone()),
                None if self.known.insert(hash(&stand, true)) => self.serve(&mut stand.clone()).await.err(),
                None => continue,
            };
            if let Some(violation) = broken {
                let trail = way.iter().map(|open| open.came_by.clone()).chain([told]).collect();
                self.seen.broken = Some((violation, trail));
                break;
            }
            way.push(self.open(stand, told));
            self.seen.longest = self.seen.longest.max(way.len());
            if self.known.len().is_multiple_of(1_000) {
                (self.progress)(self.known.len());
            }
        }
        self.seen.worlds = self.known.len();
    }

    fn open(&self, stand: Stand, came_by: String) -> Open {
        let mut left = Vec::new();
        if stand.aws.next_event_at().is_some_and(|at| at <= self.end) {
            left.push(Move::Tick);
        }
        for (actor, mind) in stand.minds.iter().enumerate() {
            if mind.is_idle() {
                left.push(Move::Read(actor));
            } else {
                left.push(Move::Die(actor));
                left.extend((0..mind.steps.len()).map(|number| Move::Take(actor, number)));
            }
        }
        Open { stand, left, came_by }
    }

    /// Makes the move, and tells it.
    async fn make(&self, stand: &mut Stand, next: Move) -> String {
        match next {
            Move::Tick => {
                if let Some(at) = stand.aws.next_event_at() {
                    stand.aws.advance_to(at);
                    let _ = stand.aws.take_events();
                    stand.rules.look(&stand.aws, &stand.table);
                }
                format!("AWS moves on to {}", stand.aws.now())
            }
            Move::Die(actor) => {
                stand.minds[actor] = Mind::default();
                format!("actor {actor} dies")
            }
            Move::Read(actor) => {
                self.act(stand, actor, async |mind, world| mind.read(world, &self.target).await).await;
                let planned: Vec<String> = stand.minds[actor].steps.iter().map(|step| step.key()).collect();
                format!("actor {actor} reads, and plans {planned:?}")
            }
            Move::Take(actor, number) => {
                let told = format!("actor {actor}: {}", stand.minds[actor].steps[number].key());
                self.act(stand, actor, async |mind, world| mind.take(number, world).await).await;
                told
            }
        }
    }

    /// Lets an actor do something in the world: the rules watch, and a refusal of the second opinion is a broken rule.
    async fn act(&self, stand: &mut Stand, actor: usize, what: impl AsyncFnOnce(&mut Mind, &SimWorld) -> Vec<String>) {
        let mut faults = Faults::none(0);
        faults.latency = (0, 0);
        let Stand { aws, table, rules, mut minds } = stand.clone();
        let rules = Rc::new(RefCell::new(rules));
        let region = Region::with_table(aws, table, faults);
        region.watch(Box::new(Watcher(Rc::clone(&rules))));
        let world = region.actor(&format!("fn:{actor}"));
        let refused = what(&mut minds[actor], &world).await;
        for refusal in refused {
            rules.borrow_mut().accuse(0, region.now(), format!("the second opinion refuses: {refusal}"));
        }
        drop(world);
        let (aws, table) = region.end().expect("nobody lives in it any more");
        let rules = Rc::try_unwrap(rules)
            .map(RefCell::into_inner)
            .unwrap_or_else(|_| unreachable!("the world that watched is over"));
        *stand = Stand { aws, table, rules, minds };
    }

    /// One actor alone goes on from here until all are served.
    async fn serve(&mut self, stand: &mut Stand) -> Result<(), Violation> {
        stand.minds.iter_mut().for_each(|mind| *mind = Mind::default());
        let mut way = Vec::new();
        for _ in 0..ENOUGH {
            let here = hash(stand, false);
            if stand.minds[0].is_idle() {
                let served = served::unserved(&stand.aws, &stand.table, &stand.rules, &self.target.group).is_empty();
                if served || self.good.contains(&here) {
                    self.good.extend(way);
                    return Ok(());
                }
                way.push(here);
            }
            if stand.minds[0].is_idle() {
                self.make(stand, Move::Read(0)).await;
            }
            let next = if stand.minds[0].is_idle() { Move::Tick } else { Move::Take(0, 0) };
            self.make(stand, next).await;
            if let Some(violation) = stand.rules.violations().first() {
                return Err(violation.clone());
            }
        }
        let lacks = served::unserved(&stand.aws, &stand.table, &stand.rules, &self.target.group);
        let text = format!("one actor alone does not get everybody served: {lacks:?}");
        Err(Violation { rule: 9, at: stand.aws.now(), text })
    }
}

/// The same for the same world; with `minds`, and the same minds.
fn hash(stand: &Stand, minds: bool) -> u64 {
    struct Out(DefaultHasher);
    impl Write for Out {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut out = Out(DefaultHasher::new());
    let written = stand.aws.write_state(&mut out).and_then(|()| stand.table.write_state(&mut out));
    let written = if minds { written.and_then(|()| write!(out, "{:?}", stand.minds)) } else { written };
    written.expect("a hasher takes everything");
    out.0.finish()
}
