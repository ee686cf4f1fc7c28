//! Small worlds, searched through: every order in which actors read, act, die and start anew, and in which AWS moves on.
//!
//! A world is what AWS and the table hold, and what each actor has in mind. From each world every possible next move is
//! made: an actor reads everything, or takes any one of the steps that it has planned, or dies (before a step, or after
//! it and before it plans again, which is the same as an answer that never came); or AWS does what is due next, however
//! late the actors are. A world that was seen before is not gone on from. Time passes only in AWS's own moves, until the
//! world's horizon. The rules watch each move, the second opinion each plan; and from every world, whatever its actors
//! had in mind, one actor left in peace gets everybody served.
//!
//! What it leaves out: a reading is one moment (parts of it that interleave, and stale ones, are for the random
//! histories), no lease, no events. Worlds that differ only in the dice that AWS has yet to throw count as one.

mod explore;
mod mind;

use std::time::Duration;

use crate::rules::Violation;

pub use explore::explore;

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
    /// All members are served first; then this many of them die at once.
    pub killed: usize,
    /// How long AWS's own time goes on.
    pub horizon: Duration,
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
    /// Nothing was left out for want of room.
    pub whole: bool,
    /// What was broken, and the moves that led there.
    pub broken: Option<(Violation, Vec<String>)>,
}
