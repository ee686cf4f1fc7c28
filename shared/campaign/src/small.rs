//! Small worlds, searched through: every order in which actors read, act, die and start anew, and in which AWS moves on.
//!
//! A world is what AWS and the table hold, and what each actor has in mind. From each world every possible next move is
//! made: an actor reads everything, or takes any one of the steps that it has planned, or dies (before a step, or after
//! it and before it plans again, which is the same as an answer that never came); or an instance dies, as often as the
//! world allows; or AWS does what is due next, however late the actors are. A world that was seen before is not gone on
//! from. The rules watch each move, the second opinion each plan; and from every world, whatever its actors had in mind,
//! one actor left in peace gets everybody served.
//!
//! AWS takes milliseconds for everything, and goes on as long as something is due within a tenth of a second. So a world
//! comes to rest by itself, and the search ends where all worlds were seen, or as many as were asked for: [`Seen::whole`]
//! says which. What counts as one world is told in `alike`. Two more things keep them few: an actor that has nothing left
//! to do ends, and the next one begins without memory of failed calls, which are remembered for economy and never for
//! safety; and where [`Small::holdups`] is set, the search is bound to so many moments at which an actor that has steps
//! left is overtaken.
//!
//! A call is judged by the reading that its actor has: what is older than that is not excused, and a call is late only
//! where another has changed the table since.
//!
//! What it leaves out: a reading is one moment (parts of it that interleave, and stale ones, are for the random
//! histories), no lease, no events, nothing that has to be waited for (a second or more), no orders of AWS's own doings but
//! the one that its fixed times give. Worlds that differ only in the dice that AWS has yet to throw count as one, and so do
//! those that differ only in what the rules remember of the way.

mod alike;
mod explore;
mod mind;
mod stand;

use std::collections::BTreeMap;

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
    /// So often is an actor held up before it has taken the steps that it planned, by AWS, by an instance's death or by
    /// another actor, for however long; as often as may be, where there is no bound.
    pub holdups: Option<usize>,
    /// On the instances runs a guest that reports what it mounts and what it lets go.
    pub guest: bool,
    /// Actors are shown every volume as free, and the second opinion is not asked: the rules must find them out.
    pub blind: bool,
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
    /// The longest way to a world.
    pub longest: usize,
    /// Nothing was left out for want of room: every world that can be come to was looked at.
    pub whole: bool,
    /// How often steps of each kind were taken.
    pub steps: BTreeMap<&'static str, u64>,
    /// What was broken, and the moves that led there.
    pub broken: Option<(Violation, Vec<String>)>,
}
