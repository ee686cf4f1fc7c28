//! Both faces of the simulated AWS: what one does, the other does.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod contract;
mod histories;
mod lockstep;
mod mirror;
mod seam;
