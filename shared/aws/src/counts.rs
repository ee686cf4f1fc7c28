//! Counts the requests that leave, for the metrics: retries and pages each.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ec2::config::interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;

use crate::retries::throttled;

/// Every operation that this crate asks AWS for.
pub(crate) const OPERATIONS: [&str; 37] = [
    "autoscaling:CompleteLifecycleAction",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "autoscaling:DescribeWarmPool",
    "autoscaling:RecordLifecycleActionHeartbeat",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:TransactWriteItems",
    "dynamodb:UpdateItem",
    "ec2:AttachNetworkInterface",
    "ec2:AttachVolume",
    "ec2:CreateNetworkInterface",
    "ec2:CreateSnapshot",
    "ec2:CreateSnapshots",
    "ec2:CreateTags",
    "ec2:CreateVolume",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteSnapshot",
    "ec2:DeleteVolume",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSnapshots",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVolumesModifications",
    "ec2:DetachNetworkInterface",
    "ec2:DetachVolume",
    "ec2:ModifyInstanceAttribute",
    "ec2:ModifyNetworkInterfaceAttribute",
    "ec2:ModifyVolume",
    "events:PutEvents",
    "route53:ChangeResourceRecordSets",
    "route53:ListResourceRecordSets",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    OTHER,
];

/// A request that none of the names above fits.
const OTHER: &str = "other";

fn named(operation: &str) -> &'static str {
    OPERATIONS.into_iter().find(|known| known.rsplit(':').next() == Some(operation)).unwrap_or(OTHER)
}

#[derive(Debug, Default)]
struct Tally {
    calls: BTreeMap<&'static str, u64>,
    throttles: BTreeMap<&'static str, u64>,
}

/// A count that clones share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(Arc<Mutex<Tally>>);

impl Counts {
    pub(crate) fn take_calls(&self) -> BTreeMap<&'static str, u64> {
        self.change(|tally| std::mem::take(&mut tally.calls))
    }

    pub(crate) fn take_throttles(&self) -> BTreeMap<&'static str, u64> {
        self.change(|tally| std::mem::take(&mut tally.throttles))
    }

    fn called(&self, operation: &str) {
        self.change(|tally| *tally.calls.entry(named(operation)).or_default() += 1);
    }

    fn throttled(&self, operation: &str) {
        self.change(|tally| *tally.throttles.entry(named(operation)).or_default() += 1);
    }

    fn change<T>(&self, how: impl FnOnce(&mut Tally) -> T) -> T {
        how(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn operation(cfg: &ConfigBag) -> &str {
    cfg.load::<Metadata>().map_or(OTHER, Metadata::name)
}

impl Intercept for Counts {
    fn name(&self) -> &'static str {
        "Counts"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.called(operation(cfg));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(throttled) {
            self.throttled(operation(cfg));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_taking_empties() {
        let counts = Counts::default();
        counts.clone().called("AttachVolume");
        counts.called("AttachVolume");
        counts.called("FlyToTheMoon");
        counts.throttled("PutItem");
        assert_eq!(counts.take_calls(), BTreeMap::from([("ec2:AttachVolume", 2), ("other", 1)]));
        assert_eq!(counts.take_throttles(), BTreeMap::from([("dynamodb:PutItem", 1)]));
        assert_eq!(counts.take_calls(), BTreeMap::new());
    }

    #[test]
    fn no_two_services_share_an_operation_name() {
        let names: std::collections::BTreeSet<_> = OPERATIONS.into_iter().map(|o| o.rsplit(':').next()).collect();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
