//! The decisions of stateful-asg: what a group is, what is seen of it, and what to do next.
//!
//! Pure: no clock, no randomness, no AWS SDK, no async. `plan` takes what was observed and the
//! time, and returns steps that are all safe to take now, and the reasons for every wait.

pub mod adopt;
pub mod cloud;
pub mod fold;
pub mod ids;
pub mod observed;
pub mod plan;
pub mod shared;
pub mod snapshots;
pub mod spec;
pub mod step;
pub mod table;
pub mod tags;
pub mod upkeep;
pub mod waiting;
