//! A simulated AWS with documented rules and a virtual clock.

pub mod clock;
pub mod iam;
pub mod lambda;
pub mod model;
pub mod simulator;
pub mod stack;
pub mod typed;
pub mod wire;
