//! The search: depth first, each world once.

use std::collections::BTreeSet;

use stateful_asg_core::spec::Limits;
use stateful_asg_core::step::Step;
use stateful_asg_runtime::observe::Target;
use stateful_asg_sim::model::{GuestMode, Span, Timings};

use super::atlas::{Atlas, IDLE, MindId, OVER, PlaceId};
use super::mind::Habits;
use super::said::{Era, joined};
use super::stand::{Deed, NEAR, Stand};
use super::{Begins, Seen, Small};
use crate::group::NewGroup;
use crate::lab::{World, simulate};
use crate::rules::{Rules, Violation};

/// How often `progress` hears, in worlds.
const OFTEN: usize = 10_000;

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
        let era = Era { began: aws.now(), over: OVER + NEAR };
        let mut atlas = Atlas::new(Habits { target, era, blind: false, plain: small.plain });
        let mut first = Box::pin(begin(small, &mut atlas, Stand { aws, table, rules })).await;
        first.aws.count_ids();
        atlas.habits.era.began = first.aws.now();
        atlas.habits.blind = small.blind;
        atlas.forget();
        let mut search = Search { atlas, seen: Seen::default(), known: BTreeSet::new(), most: small.most, progress };
        match search.atlas.come_to(first).await {
            Ok(place) => {
                let actors = (0..small.actors).map(|name| (IDLE, name)).collect();
                let first = Node { place, actors, deaths: small.deaths };
                Box::pin(search.go(first)).await;
            }
            Err(violation) => search.seen.broken = Some((violation, Vec::new())),
        }
        search.seen
    })
}

/// What comes before the search.
async fn begin(small: &Small, atlas: &mut Atlas, first: Stand) -> Stand {
    if small.begins == Begins::New {
        return first;
    }
    let mut first = Box::pin(atlas.serve(first)).await.expect("one actor alone serves a new group");
    while first.is_due() {
        first.tick();
    }
    let members = first.running();
    match small.begins {
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

/// What may happen next.
#[derive(Debug, Clone, Copy)]
enum Move {
    /// An actor reads and plans, or takes one of its steps.
    Act(usize, Deed),
    /// An actor dies, and another begins in its place.
    Die(usize),
    /// An instance dies.
    Kill(usize),
    /// AWS does what is due next.
    Tick,
}

/// A world.
#[derive(Debug, Clone)]
struct Node {
    place: PlaceId,
    /// What each actor has in mind, in that order, and what the actor is called when its way is told.
    actors: Vec<(MindId, usize)>,
    /// So many instances may still die.
    deaths: usize,
}

impl Node {
    /// The same for those who have the same in mind, in whichever order they stand.
    fn hash(&self) -> u64 {
        let minds = self.actors.iter().map(|(mind, _)| u64::from(mind.0));
        joined([u64::from(self.place.0), self.deaths as u64].into_iter().chain(minds))
    }

    /// Everything that may happen next.
    fn moves(&self, atlas: &Atlas) -> Vec<Move> {
        let mut moves = Vec::new();
        let place = atlas.place(self.place);
        if place.is_due {
            moves.push(Move::Tick);
        }
        if self.deaths > 0 {
            moves.extend((0..place.running.len()).map(Move::Kill));
        }
        for (actor, (mind, _)) in self.actors.iter().enumerate() {
            let steps = atlas.mind(*mind).steps.len();
            moves.push(if steps == 0 { Move::Act(actor, Deed::Read) } else { Move::Die(actor) });
            moves.extend((0..steps).map(|number| Move::Act(actor, Deed::Take(number))));
        }
        moves
    }

    /// The world after this move.
    async fn after(&self, next: Move, atlas: &mut Atlas) -> Result<Self, Violation> {
        let mut after = self.clone();
        match next {
            Move::Tick => after.place = atlas.tick(self.place).await?,
            Move::Kill(number) => {
                after.place = atlas.kill(self.place, number).await?;
                after.deaths -= 1;
            }
            Move::Die(actor) => after.actors[actor].0 = IDLE,
            Move::Act(actor, deed) => {
                let (place, mind) = atlas.act(self.place, self.actors[actor].0, deed).await?;
                (after.place, after.actors[actor].0) = (place, mind);
            }
        }
        for (mind, _) in &mut after.actors {
            *mind = atlas.in_sight_of(after.place, *mind);
        }
        after.actors.sort_unstable();
        Ok(after)
    }

    /// What this move is called.
    fn told(&self, next: Move, atlas: &Atlas) -> String {
        match next {
            Move::Tick => "AWS moves on".to_owned(),
            Move::Kill(number) => format!("{} dies", atlas.place(self.place).running[number]),
            Move::Die(actor) => format!("actor {} dies", self.actors[actor].1),
            Move::Act(actor, Deed::Read) => format!("actor {} reads, and plans", self.actors[actor].1),
            Move::Act(actor, Deed::Take(number)) => {
                let (mind, name) = self.actors[actor];
                format!("actor {name}: {}", atlas.mind(mind).steps[number].key())
            }
        }
    }

    /// The step that this move takes.
    fn step<'a>(&self, next: Move, atlas: &'a Atlas) -> Option<&'a Step> {
        match next {
            Move::Act(actor, Deed::Take(number)) => atlas.mind(self.actors[actor].0).steps.get(number),
            Move::Act(_, Deed::Read) | Move::Die(_) | Move::Kill(_) | Move::Tick => None,
        }
    }
}

/// A world on the way, how it was come to, and the moves that are still to be made from it.
struct Open {
    node: Node,
    by: Option<Move>,
    left: Vec<Move>,
}

struct Search<P> {
    atlas: Atlas,
    seen: Seen,
    known: BTreeSet<u64>,
    most: usize,
    progress: P,
}

impl<P: FnMut(usize)> Search<P> {
    async fn go(&mut self, first: Node) {
        self.known.insert(first.hash());
        let mut way = vec![Open { left: first.moves(&self.atlas), node: first, by: None }];
        self.seen.whole = true;
        while let Some(open) = way.last_mut() {
            let Some(next) = open.left.pop() else {
                way.pop();
                continue;
            };
            if self.known.len() >= self.most {
                self.seen.whole = false;
                break;
            }
            if let Some(step) = open.node.step(next, &self.atlas) {
                *self.seen.steps.entry(step.kind()).or_default() += 1;
            }
            self.seen.moves += 1;
            match open.node.after(next, &mut self.atlas).await {
                Ok(node) if self.known.insert(node.hash()) => {
                    way.push(Open { left: node.moves(&self.atlas), node, by: Some(next) });
                    self.seen.longest = self.seen.longest.max(way.len());
                    if self.known.len().is_multiple_of(OFTEN) {
                        (self.progress)(self.known.len());
                    }
                }
                Ok(_) => {}
                Err(violation) => {
                    self.seen.broken = Some((violation, self.trail(&way, next)));
                    break;
                }
            }
        }
        (self.seen.places, self.seen.minds) = self.atlas.found();
        (self.seen.worlds, self.seen.made) = (self.known.len(), self.atlas.made);
    }

    /// The moves that led to this one, and it.
    fn trail(&self, way: &[Open], last: Move) -> Vec<String> {
        let moves = way.iter().skip(1).map(|open| open.by).chain([Some(last)]);
        let told = way.iter().zip(moves).filter_map(|(open, next)| Some(open.node.told(next?, &self.atlas)));
        told.collect()
    }
}
