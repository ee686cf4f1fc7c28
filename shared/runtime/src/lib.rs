//! Settles groups: observe, plan, apply, until nothing is left to do.

pub mod apply;
pub mod codes;
pub mod config;
pub mod events;
pub mod handlers;
pub mod metrics;
pub mod observe;
pub mod ports;
#[cfg(test)]
mod script;
pub mod settle;
pub mod snapshots;
pub mod telemetry;
