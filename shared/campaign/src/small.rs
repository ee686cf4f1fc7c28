//! Small worlds, searched through: every order in which actors read, act, die and start anew, and in which AWS moves on.
//!
//! A world is what AWS and the table hold (its place), and what each actor has in mind. From each world every possible next
//! move is made: an actor reads everything, or takes any one of the steps that it has planned, or dies (before a step, or
//! after it and before it plans again, which is the same as an answer that never came); or an instance dies, as often as
//! the world allows; or AWS does what is due next, however late the actors are. A world that was seen before is not gone on
//! from. The rules watch each move, the second opinion each plan; and from every place, whatever its actors had in mind,
//! one actor left in peace gets everybody served.
//!
//! AWS takes milliseconds for everything, and goes on as long as something is due within a tenth of a second. So a world
//! comes to rest by itself, and the search ends where all worlds were seen, or as many as were asked for: [`Seen::whole`]
//! says which. What keeps them few:
//!
//! * Places count as one where they differ only in what nothing depends on (`said`).
//! * Of what an actor has read, the plans count that follow from it as long as nothing fails; and who has planned a write
//!   that the table can never take reads anew in the end, whatever else it knows (`ahead`, `mind`). [`Small::plain`] leaves
//!   this out: the same places must be come to.
//! * Each move of a mind at a place is made once, and known wherever others have something else in mind (`atlas`). So a
//!   call is judged with what the rules remember of the first way to it. Nothing is excused by the age of its reading.
//! * An actor that has nothing left to do ends, and the next one begins without memory of what failed or was answered, which
//!   is remembered for economy and never for safety.
//! * Actors' clocks stand still, so that it does not matter when something was written. Two that write the same are each
//!   told that it was written, as one that repeats itself is; that the other one fails is the same as that it dies. With
//!   that it is left out which of two vacant slots lost its holder first, and how long ago an answer was given.
//!
//! What it leaves out: a reading is one moment (parts of it that interleave, and stale ones, are for the random
//! histories), no lease, no events, nothing that has to be waited for (a second or more), no orders of AWS's own doings but
//! the one that its fixed times give. Worlds that differ only in the dice that AWS has yet to throw count as one, and so do
//! those that differ only in what the rules remember of the way.

mod ahead;
mod atlas;
mod explore;
mod mind;
mod said;
mod stand;

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::Violation;

pub use explore::explore;

/// How a small world begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begins {
    /// Nothing was done yet for the group.
    New,
    /// All members are served.
    Served,
    /// All members are served; then this many of them die at once.
    Killed(usize),
    /// All members are served; then one of them is told to leave, through its hook, and another is to come.
    Leaving,
}

/// A small world to search through.
#[derive(Debug, Clone)]
pub struct Small {
    /// What is told of it.
    pub name: &'static str,
    /// The group's spec; `ZONE` in it stands for the hosted zone's ID.
    pub spec: &'static str,
    /// The group's desired capacity.
    pub members: u32,
    /// How many actors work on the group at once.
    pub actors: usize,
    /// How it begins.
    pub begins: Begins,
    /// So many instances die later, whenever it may be.
    pub deaths: usize,
    /// On the instances runs a guest that reports what it mounts and what it lets go.
    pub guest: bool,
    /// Actors are shown every volume as free, and the second opinion is not asked: the rules must find them out.
    pub blind: bool,
    /// All that an actor knows counts, also what makes no difference to what it will do: many more worlds, and no others.
    pub plain: bool,
    /// No more worlds than this are looked at.
    pub most: usize,
}

/// What a search saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Different worlds.
    pub worlds: usize,
    /// Moves between them.
    pub moves: u64,
    /// Different contents of AWS and the table, by hash.
    pub places: BTreeSet<u64>,
    /// What different actors had in mind.
    pub minds: usize,
    /// Moves that were made to find them: what the same mind does at the same place is known from then on.
    pub made: u64,
    /// The longest way to a world.
    pub longest: usize,
    /// Nothing was left out for want of room: every world that can be come to was looked at.
    pub whole: bool,
    /// How often steps of each kind were taken.
    pub steps: BTreeMap<&'static str, u64>,
    /// What was broken, and the moves that led there.
    pub broken: Option<(Violation, Vec<String>)>,
}
