//! Every place that a search came to, every mind, and what they make of each other: each move is made once.
//!
//! What an actor does depends on the place where it is and on what it has in mind, and not on what others have in mind. So
//! of two worlds in which an actor has the same in mind at the same place, the move is made in one, and known in the other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::mind::{Habits, Mind};
use super::stand::{Clocks, Deed, Stand};
use crate::rules::Violation;
use crate::served;

/// One actor alone needs no more moves than this, from any place.
const ENOUGH: usize = 2_000;

/// One actor alone need not wait longer for AWS than this.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);

/// A world is over before any span passes that a plan knows.
pub(super) const OVER: SignedDuration = SignedDuration::from_secs(1);

/// What AWS and the table hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaceId(pub(super) u32);

/// What an actor has in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MindId(pub(super) u32);

/// The mind of who has nothing in mind.
pub(super) const IDLE: MindId = MindId(0);

/// What of a place does not depend on who has what in mind.
pub(super) struct Place {
    stand: Stand,
    hash: u64,
    /// AWS has something to do by itself.
    pub(super) is_due: bool,
    /// The instances that may die.
    pub(super) running: Vec<String>,
}

/// All that is known of a world's moves.
pub(super) struct Atlas {
    pub(super) habits: Habits,
    places: Vec<Place>,
    minds: Vec<Mind>,
    place_ids: BTreeMap<u64, PlaceId>,
    mind_ids: BTreeMap<u64, MindId>,
    ticks: BTreeMap<PlaceId, PlaceId>,
    kills: BTreeMap<(PlaceId, usize), PlaceId>,
    acts: BTreeMap<(PlaceId, MindId, usize), (PlaceId, MindId)>,
    sights: BTreeMap<(PlaceId, MindId), MindId>,
    /// Places from which one actor alone gets everybody served.
    good: BTreeSet<u64>,
    /// Moves that were made.
    pub(super) made: u64,
}

impl Atlas {
    /// Nothing is known yet.
    pub(super) fn new(habits: Habits) -> Self {
        let mut atlas = Self {
            habits,
            places: Vec::new(),
            minds: Vec::new(),
            place_ids: BTreeMap::new(),
            mind_ids: BTreeMap::new(),
            ticks: BTreeMap::new(),
            kills: BTreeMap::new(),
            acts: BTreeMap::new(),
            sights: BTreeMap::new(),
            good: BTreeSet::new(),
            made: 0,
        };
        atlas.mind_id(Mind::default());
        atlas
    }

    pub(super) fn place(&self, id: PlaceId) -> &Place {
        &self.places[id.0 as usize]
    }

    pub(super) fn mind(&self, id: MindId) -> &Mind {
        &self.minds[id.0 as usize]
    }

    /// The places that were come to, and how many minds.
    pub(super) fn found(&self) -> (BTreeSet<u64>, usize) {
        (self.place_ids.keys().copied().collect(), self.minds.len())
    }

    /// Comes to a place: no rule is broken there, and one actor alone gets everybody served from there.
    pub(super) async fn come_to(&mut self, stand: Stand) -> Result<PlaceId, Violation> {
        self.made += 1;
        if let Some(violation) = stand.rules.violations().first() {
            return Err(violation.clone());
        }
        let hash = stand.hash(self.habits.era, true);
        if let Some(id) = self.place_ids.get(&hash).copied() {
            if self.habits.plain {
                self.compare(id, &stand).await;
            }
            return Ok(id);
        }
        assert!(stand.aws.now().duration_since(self.habits.era.began) < OVER, "a small world goes on and on");
        Box::pin(self.serve(stand.clone())).await?;
        let id = PlaceId(next(self.places.len()));
        let (is_due, running) = (stand.is_due(), stand.running());
        self.places.push(Place { stand, hash, is_due, running });
        self.place_ids.insert(hash, id);
        Ok(id)
    }

    /// Another way has led to a place: every move that is known of it must come to the same after this way.
    async fn compare(&mut self, id: PlaceId, other: &Stand) {
        let Place { stand, is_due, running, .. } = self.place(id);
        let shown = (other.is_due(), &other.running(), other.table.log().len());
        assert_eq!((*is_due, running, stand.table.log().len()), shown, "places that count as one");
        if let Some(after) = self.ticks.get(&id) {
            let mut other = other.clone();
            other.tick();
            assert_eq!(other.hash(self.habits.era, true), self.place(*after).hash, "AWS moves on");
        }
        let of_place = (id, IDLE, 0)..=(id, MindId(u32::MAX), usize::MAX);
        let known: Vec<_> = self.acts.range(of_place).map(|(key, after)| (*key, *after)).collect();
        for ((_, mind, number), (place_after, mind_after)) in known {
            let mut mind = self.mind(mind).clone();
            let deed = number.checked_sub(1).map_or(Deed::Read, Deed::Take);
            let other = Box::pin(other.clone().act(&mut mind, deed, &self.habits, Clocks::Stopped)).await;
            let came = (other.hash(self.habits.era, true), self.mind_id(mind));
            assert_eq!(came, (self.place(place_after).hash, mind_after), "{deed:?} with the same in mind");
        }
    }

    fn mind_id(&mut self, mut mind: Mind) -> MindId {
        mind.look_ahead(&self.habits);
        let id = MindId(next(self.minds.len()));
        let known = *self.mind_ids.entry(mind.hash(self.habits.era)).or_insert(id);
        if known == id {
            self.minds.push(mind);
        }
        known
    }

    /// AWS does what is due next.
    pub(super) async fn tick(&mut self, place: PlaceId) -> Result<PlaceId, Violation> {
        if let Some(known) = self.ticks.get(&place) {
            return Ok(*known);
        }
        let mut stand = self.place(place).stand.clone();
        stand.tick();
        let after = self.come_to(stand).await?;
        self.ticks.insert(place, after);
        Ok(after)
    }

    /// The instance with this number dies.
    pub(super) async fn kill(&mut self, place: PlaceId, number: usize) -> Result<PlaceId, Violation> {
        if let Some(known) = self.kills.get(&(place, number)) {
            return Ok(*known);
        }
        let Place { stand, running, .. } = self.place(place);
        let mut stand = stand.clone();
        stand.kill(&running[number]);
        let after = self.come_to(stand).await?;
        self.kills.insert((place, number), after);
        Ok(after)
    }

    /// An actor does something.
    pub(super) async fn act(
        &mut self,
        place: PlaceId,
        mind: MindId,
        deed: Deed,
    ) -> Result<(PlaceId, MindId), Violation> {
        let number = match deed {
            Deed::Read => 0,
            Deed::Take(number) => number + 1,
        };
        if let Some(known) = self.acts.get(&(place, mind, number)) {
            return Ok(*known);
        }
        let (stand, mut after) = (self.place(place).stand.clone(), self.mind(mind).clone());
        let stand = Box::pin(stand.act(&mut after, deed, &self.habits, Clocks::Stopped)).await;
        let place_after = self.come_to(stand).await?;
        let after = (place_after, self.mind_id(after));
        self.acts.insert((place, mind, number), after);
        Ok(after)
    }

    /// What is left of what an actor has in mind, at a place.
    pub(super) fn in_sight_of(&mut self, place: PlaceId, mind: MindId) -> MindId {
        if let Some(known) = self.sights.get(&(place, mind)) {
            return *known;
        }
        let left = self.mind(mind).in_sight_of(&self.place(place).stand.table, &self.habits);
        let left = self.mind_id(left);
        self.sights.insert((place, mind), left);
        left
    }

    /// One actor alone goes on from here until all are served.
    pub(super) async fn serve(&mut self, mut stand: Stand) -> Result<Stand, Violation> {
        let (mut mind, mut way, habits) =
            (Mind::default(), Vec::new(), &Habits { blind: false, ..self.habits.clone() });
        let until = stand.aws.now() + PATIENCE;
        let group = &habits.target.group;
        for _ in 0..ENOUGH {
            if stand.aws.now() > until {
                break;
            }
            if mind.is_idle() {
                let here = stand.hash(habits.era, false);
                let served = served::unserved(&stand.aws, &stand.table, &stand.rules, group).is_empty();
                if served || self.good.contains(&here) {
                    self.good.extend(way);
                    return Ok(stand);
                }
                way.push(here);
                stand = Box::pin(stand.act(&mut mind, Deed::Read, habits, Clocks::Running)).await;
            }
            if !mind.is_idle() {
                stand = Box::pin(stand.act(&mut mind, Deed::Take(0), habits, Clocks::Running)).await;
            } else if stand.is_due() {
                stand.tick();
            } else {
                stand.advance(SignedDuration::from_secs(1));
            }
            if let Some(violation) = stand.rules.violations().first() {
                return Err(violation.clone());
            }
        }
        let lacks = served::unserved(&stand.aws, &stand.table, &stand.rules, group);
        let text = format!("one actor alone does not get everybody served: {lacks:?}");
        Err(Violation { rule: 9, at: stand.aws.now(), text })
    }

    /// What was found out before the search counts for nothing.
    pub(super) fn forget(&mut self) {
        self.good.clear();
    }
}

fn next(count: usize) -> u32 {
    u32::try_from(count).expect("so many are never looked at")
}
