//! From the SDK's errors to ours. What a code means by itself stands in `stateful_asg_runtime::codes`; what it means
//! to one call, given what the call was after, stands here.

use std::error::Error;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_runtime::codes;
use stateful_asg_runtime::ports::{CallError, Called};

/// Refusals that say that the goal is reached already.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const REACHED: [(&str, &str); 5] = [
    ("ec2:DetachVolume", "IncorrectState"),
    ("ec2:DetachVolume", "InvalidAttachment.NotFound"),
    ("ec2:DetachVolume", "InvalidVolume.NotFound"),
    ("ec2:DetachNetworkInterface", "InvalidAttachmentID.NotFound"),
    ("ec2:DetachNetworkInterface", "InvalidAttachment.NotFound"),
];

/// Refusals whose meaning depends on the call: operation, code, a piece of the message, meaning. The first that fits counts.
const READINGS: [(&str, &str, &str, FailureKind); 8] = [
    ("ec2:AttachVolume", "InvalidParameterValue", "already in use", FailureKind::DeviceInUse),
    ("ec2:AttachNetworkInterface", "InvalidParameterValue", "device index", FailureKind::DeviceInUse),
    ("ec2:AttachNetworkInterface", "InvalidParameterValue", "availability zone", FailureKind::ZoneMismatch),
    ("ec2:AttachNetworkInterface", "InvalidParameterCombination", "availability zone", FailureKind::ZoneMismatch),
    ("ec2:AttachVolume", "InvalidParameterValue", "availability zone", FailureKind::ZoneMismatch),
    ("ec2:CreateTags", "InvalidID", "", FailureKind::NotFound),
    ("ec2:CreateVolume", "InsufficientVolumeCapacity", "", FailureKind::Unknown),
    ("route53:ChangeResourceRecordSets", "InvalidChangeBatch", "conflicting rrset", FailureKind::RecordRefused),
];

/// The answer, or our error.
pub(crate) fn answer<T, E>(operation: &'static str, sent: Result<T, SdkError<E, HttpResponse>>) -> Called<T>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    sent.map_err(|error| failed(operation, &error))
}

/// As `answer`, for a call whose goal may be reached already.
pub(crate) fn goal<T, E>(operation: &'static str, sent: Result<T, SdkError<E, HttpResponse>>) -> Called<()>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match answer(operation, sent) {
        Err(error) if REACHED.contains(&(operation, error.code.as_str())) => {
            tracing::debug!(operation, code = error.code, "nothing was left to do");
            Ok(())
        }
        other => other.map(drop),
    }
}

/// Our error for one of the SDK's.
pub(crate) fn failed<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let code = error.code().unwrap_or_default();
    let message = error.message().map_or_else(|| DisplayErrorContext(error).to_string(), str::to_owned);
    let status = error.raw_response().map(|response| response.status().as_u16());
    let unsent = matches!(error, SdkError::ConstructionFailure(_));
    let kind = if unsent { FailureKind::Invalid } else { kind_of(operation, code, &message, status) };
    CallError { operation, kind, code: code.to_owned(), message }
}

/// A request that could not even be built.
pub(crate) fn unbuilt(operation: &'static str, error: &BuildError) -> CallError {
    CallError { operation, kind: FailureKind::Invalid, code: String::new(), message: error.to_string() }
}

/// What a refusal means to this call.
pub(crate) fn kind_of(operation: &str, code: &str, message: &str, status: Option<u16>) -> FailureKind {
    let said = message.to_ascii_lowercase();
    let by_call = READINGS.iter().find(|(o, c, says, _)| *o == operation && *c == code && said.contains(says));
    let kind = by_call.map_or_else(|| codes::kind_of(code, message), |(.., kind)| *kind);
    // A code that nobody knows, with a status that takes the blame: the call may have been applied.
    let blamed = status.is_some_and(|status| status >= 500);
    if kind == FailureKind::Invalid && blamed { FailureKind::Unknown } else { kind }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::error::ErrorMetadata;
    use aws_sdk_ec2::operation::attach_volume::AttachVolumeError;
    use aws_sdk_ec2::operation::detach_volume::DetachVolumeError;

    use super::*;

    fn refusal<E>(error: E, status: u16) -> SdkError<E, HttpResponse> {
        SdkError::service_error(error, HttpResponse::new(status.try_into().unwrap(), "".into()))
    }

    fn metadata(code: &str, message: &str) -> ErrorMetadata {
        ErrorMetadata::builder().code(code).message(message).build()
    }

    #[test]
    fn each_code_has_its_meaning() {
        use FailureKind::*;
        let index = "Instance 'i-1' already has an interface attached at device index '1'.";
        let zone =
            "You may not attach a network interface to an instance if they are not in the same availability zone";
        let cname = "[RRSet of type A with DNS name a. is not permitted because a conflicting RRSet of type CNAME already exists]";
        let rows = [
            ("ec2:AttachVolume", "InvalidParameterValue", "Attachment point /dev/sdf is already in use", DeviceInUse),
            ("ec2:AttachVolume", "InvalidParameterValue", "Invalid value '/dev/' for unixDevice", Invalid),
            ("ec2:AttachVolume", "VolumeInUse", "vol-1 is already attached to an instance", InUse),
            ("ec2:AttachVolume", "IncorrectState", "Instance 'i-1' is not 'running'.", NotReady),
            ("ec2:AttachVolume", "InvalidVolume.NotFound", "", NotFound),
            ("ec2:AttachVolume", "InvalidInstanceID.NotFound", "", NotFound),
            ("ec2:AttachVolume", "InvalidVolume.ZoneMismatch", "", ZoneMismatch),
            ("ec2:AttachVolume", "AttachmentLimitExceeded", "", AttachLimit),
            ("ec2:AttachVolume", "RequestLimitExceeded", "", Throttled),
            ("ec2:AttachVolume", "UnauthorizedOperation", "", Denied),
            ("ec2:AttachVolume", "CustomerKeyHasBeenRevoked", "", Key),
            ("ec2:AttachNetworkInterface", "InvalidParameterValue", index, DeviceInUse),
            ("ec2:AttachNetworkInterface", "InvalidParameterCombination", zone, ZoneMismatch),
            ("ec2:AttachNetworkInterface", "InvalidNetworkInterface.InUse", "", InUse),
            ("ec2:AttachNetworkInterface", "InvalidParameterValue", "Interface: [eni-1] in use.", InUse),
            ("ec2:AttachNetworkInterface", "AttachmentLimitExceeded", "", AttachLimit),
            ("ec2:CreateVolume", "IdempotentParameterMismatch", "", TokenReused),
            ("ec2:CreateVolume", "VolumeLimitExceeded", "", Quota),
            ("ec2:CreateVolume", "MaxIOPSLimitExceeded", "", Quota),
            ("ec2:CreateVolume", "InsufficientVolumeCapacity", "", Unknown),
            ("ec2:CreateTags", "ConcurrentTagAccess", "", Throttled),
            ("ec2:CreateTags", "InvalidID", "The ID 'vol-1' is not valid", NotFound),
            (
                "autoscaling:CompleteLifecycleAction",
                "ValidationError",
                "No active Lifecycle Action found with token x",
                NoActiveAction,
            ),
            ("autoscaling:CompleteLifecycleAction", "ResourceContention", "", Throttled),
            ("autoscaling:DescribeLifecycleHooks", "ValidationError", "AutoScalingGroup name not found", NotFound),
            ("route53:ChangeResourceRecordSets", "InvalidChangeBatch", "but it already exists", RecordMismatch),
            ("route53:ChangeResourceRecordSets", "InvalidChangeBatch", "but it was not found", RecordMismatch),
            (
                "route53:ChangeResourceRecordSets",
                "InvalidChangeBatch",
                "do not match the current values",
                RecordMismatch,
            ),
            ("route53:ChangeResourceRecordSets", "InvalidChangeBatch", cname, RecordRefused),
            ("route53:ChangeResourceRecordSets", "InvalidChangeBatch", "the record is protected", RecordRefused),
            ("route53:ChangeResourceRecordSets", "PriorRequestNotComplete", "", Throttled),
            ("route53:ListResourceRecordSets", "NoSuchHostedZone", "", NotFound),
            ("dynamodb:UpdateItem", "ConditionalCheckFailedException", "", Conflict),
            ("dynamodb:Query", "ResourceNotFoundException", "", NotFound),
            ("dynamodb:Query", "ProvisionedThroughputExceededException", "", Throttled),
            ("dynamodb:Query", "AccessDeniedException", "", Denied),
            ("ec2:DescribeVolumes", "", "connection reset", Unknown),
            ("ec2:DescribeVolumes", "InternalError", "", Unknown),
        ];
        for (operation, code, message, kind) in rows {
            assert_eq!(kind_of(operation, code, message, Some(400)), kind, "{operation} {code}: {message}");
        }
    }

    #[test]
    fn an_unknown_code_is_our_fault_or_that_of_aws_by_its_status() {
        assert_eq!(kind_of("ec2:AttachVolume", "Novel", "", Some(400)), FailureKind::Invalid);
        assert_eq!(kind_of("ec2:AttachVolume", "Novel", "", Some(503)), FailureKind::Unknown);
        assert_eq!(kind_of("ec2:AttachVolume", "RequestLimitExceeded", "", Some(503)), FailureKind::Throttled);
    }

    #[test]
    fn not_found_is_success_while_detaching_and_failure_while_attaching() {
        for code in ["IncorrectState", "InvalidAttachment.NotFound", "InvalidVolume.NotFound"] {
            let detached = DetachVolumeError::generic(metadata(code, "it is not there"));
            assert_eq!(goal::<(), _>("ec2:DetachVolume", Err(refusal(detached, 400))), Ok(()), "{code}");
            let attached = AttachVolumeError::generic(metadata(code, "it is not there"));
            let error = answer::<(), _>("ec2:AttachVolume", Err(refusal(attached, 400))).unwrap_err();
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, "it is not there"));
        }
        let denied = DetachVolumeError::generic(metadata("UnauthorizedOperation", "no"));
        let error = goal::<(), _>("ec2:DetachVolume", Err(refusal(denied, 403))).unwrap_err();
        assert_eq!(error.kind, FailureKind::Denied);
    }

    #[test]
    fn a_lost_answer_may_have_been_applied() {
        let lost: SdkError<AttachVolumeError, HttpResponse> = SdkError::timeout_error("no answer within 8 s");
        let error = failed("ec2:AttachVolume", &lost);
        assert_eq!((error.kind, error.code.as_str()), (FailureKind::Unknown, ""));
        assert!(error.message.contains("no answer within 8 s"), "{}", error.message);
    }
}
