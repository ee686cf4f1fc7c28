//! The rules of the simulated AWS, each held by a test.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests, and tables of cases")]

mod autoscaling;
mod ec2;
mod guest;
mod hooks;
mod interfaces;
mod life;
mod modifications;
mod reads;
mod route53;
mod snapshots;
mod support;
mod termination;
mod throttling;
mod volumes;
mod warm_pool;
mod zones;
