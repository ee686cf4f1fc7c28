//! The search: depth first, each world once.

use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::spec::Limits;
use stateful_asg_runtime::observe::Target;
use stateful_asg_sim::model::{GuestMode, Span, Timings};

use super::mind::Mind;
use super::stand::{Move, Stand};
use super::{Begins, Seen, Small};
use crate::group::NewGroup;
use crate::lab::{World, simulate};
use crate::rules::{Rules, Violation};
use crate::served;

/// One actor alone needs no more moves than this, from any world.
const ENOUGH: usize = 2_000;

/// One actor alone need not wait longer for AWS than this.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// A world is over before any span passes that a plan knows.
const OVER: SignedDuration = SignedDuration::from_secs(1);

/// AWS takes a few milliseconds for everything, and always the same for the same.
fn quick() -> Timings {
    let one = Span::exactly(1);
    Timings {
        boot: one,
        terminate: Span::exactly(2),
        free: one,
        stop: one,
        create_volume: one,
        delete_volume: one,
        attach: one,
        detach: one,
        health_check: one,
        group_step: one,
        launch_retry: one,
        dns_sync: one,
        ..Timings::default()
    }
}

/// Searches through a small world, from its beginning until nothing more can happen in it. `progress` hears now and then
/// how many worlds were seen.
///
/// # Panics
/// Where the world cannot be set up at all.
pub fn explore(small: &Small, progress: impl FnMut(usize)) -> Seen {
    let guest = if small.guest { GuestMode::Reports { delay: Span::exactly(1) } } else { GuestMode::None };
    simulate(&World { zones: 1, trace: false, timings: quick(), guest, ..World::quiet(7) }, async |lab| {
        let group = lab.create(&NewGroup::cass(small.spec, small.members));
        let (aws, table) = lab.region.act("operator", |aws, table| (aws.clone(), table.clone()));
        let target = Target { group, deployment: lab.deployment.clone(), limits: Limits::unlimited() };
        let rules = Rules::new(&lab.deployment, Limits::unlimited());
        let minds = vec![Mind::default(); small.actors];
        let first = Stand { aws, table, rules, minds, deaths: 0, holdups: None, busy: None };
        let mut search = Search {
            small,
            target,
            began: first.aws.now(),
            old: Rc::default(),
            seen: Seen::default(),
            known: BTreeSet::new(),
            good: BTreeSet::new(),
            progress,
        };
        let mut first = Box::pin(search.begin(first)).await;
        search.began = first.aws.now();
        search.old = Rc::new(first.ids());
        search.good.clear();
        first.deaths = small.deaths;
        first.holdups = small.holdups;
        Box::pin(search.go(first)).await;
        search.seen
    })
}

struct Search<'s, P> {
    small: &'s Small,
    target: Target,
    began: Timestamp,
    /// The IDs that were there at the beginning.
    old: Rc<BTreeSet<String>>,
    seen: Seen,
    known: BTreeSet<u64>,
    /// Worlds from which one actor alone gets everybody served.
    good: BTreeSet<u64>,
    progress: P,
}

/// A world on the way, and the moves that are still to be made from it.
struct Open {
    stand: Option<Stand>,
    left: Vec<Move>,
    came_by: String,
}

impl Open {
    fn new(stand: Stand, came_by: String) -> Self {
        Self { left: stand.moves(), stand: Some(stand), came_by }
    }

    /// The next move, and the world to make it in. The last one takes it along.
    fn next(&mut self) -> Option<(Stand, Move)> {
        let next = self.left.pop()?;
        let stand = if self.left.is_empty() { self.stand.take() } else { self.stand.clone() };
        stand.map(|stand| (stand, next))
    }
}

impl<P: FnMut(usize)> Search<'_, P> {
    async fn begin(&mut self, first: Stand) -> Stand {
        if self.small.begins == Begins::New {
            return first;
        }
        let mut first = Box::pin(self.serve(first)).await.expect("one actor alone serves a new group");
        while first.is_due() {
            (first, _) = Box::pin(first.make(Move::Tick, &self.target, false)).await;
        }
        first.minds.fill(Mind::default());
        let members = first.running();
        match self.small.begins {
            Begins::New | Begins::Served => {}
            Begins::Killed(count) => members.iter().take(count).for_each(|member| first.kill(member)),
            Begins::Leaving => {
                let told = first.aws.as_actor("operator").terminate_instance_in_auto_scaling_group(&members[0], false);
                told.expect("it is in service");
                first.aws.as_actor("");
                first.look();
            }
        }
        first
    }

    async fn go(&mut self, first: Stand) {
        self.known.insert(first.hashes(&self.old).1);
        let mut way = vec![Open::new(first, "the beginning".to_owned())];
        self.seen.whole = true;
        while let Some(open) = way.last_mut() {
            let Some((stand, next)) = open.next() else {
                way.pop();
                continue;
            };
            if self.known.len() >= self.small.most {
                self.seen.whole = false;
                break;
            }
            if let Some(step) = stand.step(&next) {
                *self.seen.steps.entry(step.kind()).or_default() += 1;
            }
            let mover = Stand::mover(&next);
            let (mut stand, told) = Box::pin(stand.make(next, &self.target, self.small.blind)).await;
            stand.settle(mover);
            self.seen.moves += 1;
            let (world, all) = stand.hashes(&self.old);
            let broken = match stand.rules.violations().first() {
                Some(violation) => Some(violation.clone()),
                None if !self.known.insert(all) => continue,
                None if self.good.contains(&world) => None,
                None => Box::pin(self.serve(stand.clone())).await.err(),
            };
            if let Some(violation) = broken {
                let trail = way.iter().map(|open| open.came_by.clone()).chain([told]).collect();
                self.seen.broken = Some((violation, trail));
                break;
            }
            assert!(stand.aws.now().duration_since(self.began) < OVER, "a small world goes on and on");
            way.push(Open::new(stand, told));
            self.seen.longest = self.seen.longest.max(way.len());
            if self.known.len().is_multiple_of(1_000) {
                (self.progress)(self.known.len());
            }
        }
        self.seen.worlds = self.known.len();
    }

    /// One actor alone goes on from here until all are served.
    async fn serve(&mut self, mut stand: Stand) -> Result<Stand, Violation> {
        stand.minds.fill(Mind::default());
        let mut way = Vec::new();
        let until = stand.aws.now() + PATIENCE;
        for _ in 0..ENOUGH {
            if stand.aws.now() > until {
                break;
            }
            if stand.minds[0].is_idle() {
                let (here, _) = stand.hashes(&self.old);
                let served = served::unserved(&stand.aws, &stand.table, &stand.rules, &self.target.group).is_empty();
                if served || self.good.contains(&here) {
                    self.good.extend(way);
                    return Ok(stand);
                }
                way.push(here);
                (stand, _) = Box::pin(stand.make(Move::Read(0), &self.target, false)).await;
            }
            if !stand.minds[0].is_idle() {
                (stand, _) = Box::pin(stand.make(Move::Take(0, 0), &self.target, false)).await;
            } else if stand.is_due() {
                (stand, _) = Box::pin(stand.make(Move::Tick, &self.target, false)).await;
            } else {
                stand.advance(SignedDuration::from_secs(1));
            }
            if let Some(violation) = stand.rules.violations().first() {
                return Err(violation.clone());
            }
        }
        let lacks = served::unserved(&stand.aws, &stand.table, &stand.rules, &self.target.group);
        let text = format!("one actor alone does not get everybody served: {lacks:?}");
        Err(Violation { rule: 9, at: stand.aws.now(), text })
    }
}
