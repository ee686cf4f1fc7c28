//! Request throttling.
//!
//! Documented: bucket sizes and refill rates of the EC2 API (*Request throttling for the Amazon EC2
//! API*), and Route 53's five requests a second per account (Route 53 Developer Guide, *Quotas*).
//! Observed: EC2's refusal comes with HTTP 503, Route 53's is `Throttling` with 400.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{AwsError, RequestBuckets};

/// What a call costs: which bucket it draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cost {
    /// No limit is published.
    Free,
    /// A describe call with a filter or with pages.
    Describe,
    /// A describe call without either.
    DescribeAll,
    /// Attach, detach and whatever else the page does not name.
    Mutating,
    /// Create, delete, terminate.
    Resource,
    /// CreateTags and DeleteTags.
    Tags,
    /// Route 53, all operations together.
    Dns,
}

#[derive(Debug, Clone)]
struct Level {
    tokens: f64,
    since: Timestamp,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets {
    levels: BTreeMap<&'static str, Level>,
}

impl Buckets {
    /// Takes one token, or refuses the call.
    pub(crate) fn take(
        &mut self,
        reading: RequestBuckets,
        cost: Cost,
        operation: &'static str,
        now: Timestamp,
    ) -> Result<(), AwsError> {
        let shared = match reading {
            RequestBuckets::Off => return Ok(()),
            RequestBuckets::PerOperation => false,
            RequestBuckets::SharedMutating => true,
        };
        let (name, size, refill) = match cost {
            Cost::Free => return Ok(()),
            Cost::Describe => (operation, 100.0, 20.0),
            Cost::DescribeAll => ("DescribeAll", 50.0, 10.0),
            Cost::Mutating | Cost::Resource | Cost::Tags if shared => ("mutating", 50.0, 5.0),
            Cost::Mutating => (operation, 50.0, 5.0),
            Cost::Resource => (operation, 100.0, 5.0),
            Cost::Tags => (operation, 100.0, 10.0),
            Cost::Dns => ("route53", 5.0, 5.0),
        };
        let level = self.levels.entry(name).or_insert(Level { tokens: size, since: now });
        let waited = now.duration_since(level.since).as_secs_f64();
        level.tokens = (level.tokens + waited * refill).min(size);
        level.since = now;
        if level.tokens < 1.0 {
            return Err(if cost == Cost::Dns {
                AwsError::injected("Throttling")
            } else {
                AwsError::injected("RequestLimitExceeded")
            });
        }
        level.tokens -= 1.0;
        Ok(())
    }
}
