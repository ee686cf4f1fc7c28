//! A simulated AWS with documented rules and a virtual clock.

pub mod model;
pub mod typed;
pub mod clock;
pub mod lambda;
pub mod simulator;
pub mod wire;
