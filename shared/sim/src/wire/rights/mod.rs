//! Which rights a request asks for, and how AWS says that one is missing.
//!
//! Which resources an action is checked on, and with which condition keys, is documented for each service in the Service
//! Authorization Reference (<https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>).
//! Assumed: a resource that does not exist is checked without tags, before the service looks for it; and what a request does
//! not name is not checked.

mod ec2;
mod others;

use std::collections::BTreeMap;

use super::query::Query;
use super::route53::Route;
use super::service::Service;
use super::{AMZ_JSON, Answer, DYNAMO_JSON, autoscaling, ec2 as wire_ec2, route53};
use crate::iam::{Check, Denial};
use crate::model::{Aws, AwsError};

/// A request, as far as rights depend on it.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) service: Service,
    pub(super) action: &'a str,
    pub(super) form: &'a Query,
    pub(super) route: Option<Route<'a>>,
    pub(super) body: &'a str,
}

/// Every check that AWS would make.
pub(super) fn checks(aws: &Aws, call: &Call<'_>) -> Vec<Check> {
    let (place, action) = (Place::of(aws), call.action);
    let checks = match call.service {
        Service::Ec2 => ec2::checks(aws, &place, action, call.form),
        Service::AutoScaling => vec![others::autoscaling(aws, action, call.form)],
        Service::Route53 => others::route53(call.route.unwrap_or(Route::Unknown), call.body),
        Service::DynamoDb => others::dynamodb(&place, action, call.body),
        Service::EventBridge => others::events(&place, action, call.body),
        // Documented: nobody needs a right to ask who he is.
        Service::Sts => Vec::new(),
    };
    // Documented (IAM User Guide, *AWS global condition context keys*): global services count as us-east-1.
    let region = if call.service == Service::Route53 { "us-east-1" } else { place.region };
    checks.into_iter().map(|check| check.with("aws:RequestedRegion", [region])).collect()
}

/// The answer to a call that is denied. Codes and wording are observed, in reports of each service's clients.
pub(super) fn refusal(service: Service, denial: &Denial, account: &str, request_id: &str) -> Answer {
    let Denial { caller, check } = denial;
    let message = format!(
        "User: arn:aws:sts::{account}:assumed-role/{caller}/{caller} is not authorized to perform: {} on resource: {} because no identity-based policy allows the {} action",
        check.action, check.resource, check.action
    );
    let error = |code: &str| AwsError { code: code.to_owned(), message: message.clone(), status: 403 };
    let json = |kind: &str, field: &str| {
        let fields = BTreeMap::from([("__type", kind), (field, message.as_str())]);
        serde_json::json!(fields).to_string()
    };
    match service {
        Service::Ec2 => wire_ec2::failure(&error("UnauthorizedOperation"), request_id),
        Service::AutoScaling | Service::Sts => {
            autoscaling::failure(autoscaling::NAMESPACE, &error("AccessDenied"), request_id)
        }
        Service::Route53 => autoscaling::failure(route53::NAMESPACE, &error("AccessDenied"), request_id),
        Service::DynamoDb => {
            Answer::new(400, DYNAMO_JSON, json("com.amazon.coral.service#AccessDeniedException", "Message"))
        }
        Service::EventBridge => Answer::new(400, AMZ_JSON, json("AccessDeniedException", "Message")),
    }
}

/// Where the account is, for ARNs.
struct Place<'a> {
    region: &'a str,
    account: &'a str,
}

impl<'a> Place<'a> {
    fn of(aws: &'a Aws) -> Self {
        Self { region: &aws.settings().region, account: &aws.settings().account }
    }

    fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account)
    }
}
