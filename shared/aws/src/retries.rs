//! Retries that the SDK would not make: codes that its own list of throttling errors lacks.

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::config::interceptors::InterceptorContext;
use aws_sdk_ec2::config::retry::{ClassifyRetry, RetryAction};

/// Two requests met on the same Auto Scaling group, or on the tags of one resource: trying again cures it.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const CONTENTION: [&str; 3] = ["ResourceContention", "ResourceContentionFault", "ConcurrentTagAccess"];

/// What the services call too many requests.
const THROTTLING: [&str; 10] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
    "SlowDown",
    "SnapshotCreationPerVolumeRateExceeded",
];

/// Has the SDK retry contention as it retries throttling.
#[derive(Debug)]
pub(crate) struct RetryContention;

impl ClassifyRetry for RetryContention {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_some_and(contended) {
            RetryAction::throttling_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "Contention"
    }
}

fn contended(response: &HttpResponse) -> bool {
    refused_with(response, &CONTENTION)
}

/// The response says that there were too many requests, or that two of them met.
pub(crate) fn throttled(response: &HttpResponse) -> bool {
    refused_with(response, &THROTTLING) || contended(response)
}

/// A refusal with one of these codes. Interceptors and classifiers see an error without its type, so this reads the
/// answer's own text: `<Code>X</Code>` in XML, `"__type":"...#X"` in JSON.
fn refused_with(response: &HttpResponse, codes: &[&str]) -> bool {
    if response.status().is_success() {
        return false;
    }
    let Some(text) = response.body().bytes().and_then(|body| std::str::from_utf8(body).ok()) else { return false };
    codes.iter().any(|code| {
        text.match_indices(code).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + code.len()..].chars().next();
            matches!(before, Some('>' | '#' | '"')) && matches!(after, Some('<' | '"'))
        })
    })
}

#[cfg(test)]
mod tests {

    use super::*;

    fn response(status: u16, body: &str) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), body.into())
    }

    fn ec2(code: &str) -> String {
        format!("<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>")
    }

    #[test]
    fn contention_is_told_from_other_refusals() {
        for code in CONTENTION {
            assert!(contended(&response(400, &ec2(code))), "{code}");
        }
        assert!(!contended(&response(400, &ec2("IncorrectState"))));
        assert!(!contended(&response(400, &ec2("ResourceContentionOfAnotherKind"))));
        assert!(!contended(&response(200, &ec2("ResourceContention"))));
        assert!(!contended(&response(400, "<Message>no ConcurrentTagAccess here</Message>")));
    }

    #[test]
    fn throttling_is_seen_in_xml_and_in_json() {
        assert!(throttled(&response(503, &ec2("RequestLimitExceeded"))));
        assert!(throttled(&response(400, &ec2("Throttling"))));
        assert!(throttled(&response(400, r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#)));
        assert!(throttled(&response(400, r#"{"__type":"ThrottlingException","message":"slow"}"#)));
        assert!(!throttled(&response(400, r#"{"__type":"ValidationException","message":"Throttling is not it"}"#)));
    }
}
