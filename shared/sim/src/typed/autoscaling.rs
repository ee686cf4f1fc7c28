//! Auto Scaling's part of the port: groups whole, and what names a lifecycle action.

use stateful_asg_core::cloud::Asg;
use stateful_asg_core::step::ActionRef;

use super::convert;
use crate::model::types::{DescribeAutoScalingGroups, GroupDescription, LifecycleActionRef};
use crate::model::{Aws, AwsError};

/// A group's own answer leaves out its warm pool: that takes a second call.
pub(super) fn with_warm_pool(aws: &mut Aws, seen: &GroupDescription) -> Result<Asg, AwsError> {
    let warm = match &seen.group.warm_pool {
        Some(_) => aws.describe_warm_pool(&seen.group.name)?.1,
        None => Vec::new(),
    };
    Ok(convert::asg(seen, &warm))
}

pub(super) fn groups(aws: &mut Aws, mut request: DescribeAutoScalingGroups) -> Result<Vec<GroupDescription>, AwsError> {
    let mut all = Vec::new();
    loop {
        let page = aws.describe_auto_scaling_groups(&request)?;
        all.extend(page.items);
        match page.next_token {
            None => return Ok(all),
            token => request.next_token = token,
        }
    }
}

pub(super) fn action_ref(action: &ActionRef) -> LifecycleActionRef {
    LifecycleActionRef {
        group: action.asg.to_string(),
        hook: action.hook.to_string(),
        token: action.token.as_ref().map(ToString::to_string),
        instance_id: Some(action.instance.to_string()),
    }
}
