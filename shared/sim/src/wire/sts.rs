//! STS, for clients that first ask who they are.

use super::Answer;
use super::autoscaling::{failure, success};
use super::operation::{body, unknown};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers one request.
pub(super) fn answer(account: &str, actor: &str, action: &str, request_id: &str) -> Answer {
    if action != "GetCallerIdentity" {
        let error = unknown("InvalidAction", "STS", action, ["GetCallerIdentity"].into_iter());
        return failure(NAMESPACE, &error, request_id);
    }
    let name = if actor.is_empty() { "anonymous" } else { actor };
    let identity = body()
        .field("Arn", format!("arn:aws:iam::{account}:user/{name}"))
        .field("UserId", format!("AIDA{name}"))
        .field("Account", account);
    success(NAMESPACE, action, identity, request_id)
}
