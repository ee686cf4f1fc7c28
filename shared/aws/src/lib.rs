//! The AWS SDK behind the ports of `stateful-asg-runtime`: the only crate that names `aws-sdk-*`.
//!
//! Each service has a room of its own. What AWS answers is turned into the core's types, or into a
//! typed error; nothing is decided here.

mod autoscaling;
mod carrier;
mod clock;
mod cloud;
mod connect;
mod counts;
mod ec2;
mod errors;
mod events;
mod interfaces;
mod items;
mod lease;
mod modifications;
mod parse;
mod person;
mod retries;
mod route53;
#[cfg(test)]
mod samples;
mod snapshots;
mod table;
#[cfg(test)]
mod table_tests;
mod volumes;
#[cfg(test)]
mod wire;
mod writes;

use std::collections::BTreeMap;

pub use carrier::{Carried, Carrier, Reply, Request, connect_by};
pub use clock::SimClock;
pub use connect::{Pace, Settings, connect};

/// AWS, as the settle loop sees it: implements `Cloud`, `Table` and `Clock`.
#[derive(Debug, Clone)]
pub struct Aws {
    ec2: aws_sdk_ec2::Client,
    autoscaling: aws_sdk_autoscaling::Client,
    route53: aws_sdk_route53::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    events: aws_sdk_eventbridge::Client,
    table: String,
    bus: String,
    clock: clock::Ticking,
    counts: counts::Counts,
    pace: Pace,
}

impl Aws {
    /// The requests sent since the last call of this, retries and pages counted each, by operation
    /// (such as `ec2:AttachVolume`). Clones share the count.
    #[must_use]
    pub fn take_call_counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.take_calls()
    }

    /// The requests that AWS throttled since the last call of this, also those whose retry then succeeded, by operation.
    #[must_use]
    pub fn take_throttle_counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.take_throttles()
    }
}
