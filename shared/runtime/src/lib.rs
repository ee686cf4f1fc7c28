//! Settles groups: observe, plan, apply, until nothing is left to do.

pub mod codes;
pub mod ports;
pub mod apply;
pub mod observe;
pub mod settle;
pub mod config;
pub mod events;
pub mod handlers;
pub mod metrics;
pub mod telemetry;
