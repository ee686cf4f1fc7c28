//! The simulated AWS on the wire: every service on one loopback port.
//!
//! The protocols are those that the SDKs, the AWS CLI and boto3 speak: EC2 and Auto Scaling query,
//! Route 53 REST with XML, DynamoDB and EventBridge JSON, and STS for `GetCallerIdentity`.
//! Signatures are read (they name the service and the caller), not checked. What a caller may do is: see `rights`.

mod autoscaling;
pub mod dynamo;
mod ec2;
mod events;
mod operation;
pub mod query;
mod request;
mod rights;
mod route53;
mod server;
mod service;
mod sts;
pub mod xml;

pub use request::{Sent, exchange};
pub use server::{Backend, Calls, serve};

/// The content type of EC2, Auto Scaling, STS and Route 53.
const XML: &str = "text/xml";
/// The content type of EventBridge.
const AMZ_JSON: &str = "application/x-amz-json-1.1";
/// The content type of DynamoDB.
const DYNAMO_JSON: &str = "application/x-amz-json-1.0";

/// What the access keys of the functions begin with.
const ACCESS_KEY_PREFIX: &str = "SIMULATED-";

/// The access key ID by which the simulated AWS knows that a function calls.
#[must_use]
pub fn access_key_of(function: &str) -> String {
    format!("{ACCESS_KEY_PREFIX}{function}")
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body's form.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    fn new(status: u16, content_type: &'static str, body: String) -> Self {
        Self { status, content_type, body }
    }
}
