//! From the SDK's errors to ours. What a code means stands in `stateful_asg_runtime::codes`, for every face of AWS; when a
//! refusal means that a call's goal is reached already stands here.

use std::error::Error;

use aws_sdk_ec2::config::http::HttpResponse;
use aws_sdk_ec2::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_runtime::codes;
use stateful_asg_runtime::ports::{CallError, Called};

/// Refusals that say that the goal is reached already.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const REACHED: [(&str, &str); 9] = [
    ("ec2:DetachVolume", "IncorrectState"),
    ("ec2:DetachVolume", "InvalidAttachment.NotFound"),
    ("ec2:DetachVolume", "InvalidVolume.NotFound"),
    ("ec2:DetachNetworkInterface", "InvalidAttachmentID.NotFound"),
    ("ec2:DetachNetworkInterface", "InvalidAttachment.NotFound"),
    ("ec2:DeleteSnapshot", "InvalidSnapshot.NotFound"),
    ("ec2:DeleteVolume", "InvalidVolume.NotFound"),
    ("ec2:DeleteNetworkInterface", "InvalidNetworkInterfaceID.NotFound"),
    ("ec2:DeleteNetworkInterface", "InvalidNetworkInterface.NotFound"),
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
    let kind = if unsent { FailureKind::Invalid } else { kind_of(code, &message, status) };
    CallError { operation, kind, code: code.to_owned(), message }
}

/// A request that could not even be built.
pub(crate) fn unbuilt(operation: &'static str, error: &BuildError) -> CallError {
    CallError { operation, kind: FailureKind::Invalid, code: String::new(), message: error.to_string() }
}

/// What a refusal means.
pub(crate) fn kind_of(code: &str, message: &str, status: Option<u16>) -> FailureKind {
    let kind = codes::kind_of(code, message);
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
    fn an_unknown_code_is_our_fault_or_that_of_aws_by_its_status() {
        assert_eq!(kind_of("Novel", "", Some(400)), FailureKind::Invalid);
        assert_eq!(kind_of("Novel", "", Some(503)), FailureKind::Unknown);
        assert_eq!(kind_of("RequestLimitExceeded", "", Some(503)), FailureKind::Throttled);
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
    fn what_is_gone_needs_no_deleting() {
        let rows = [
            ("ec2:DeleteSnapshot", "InvalidSnapshot.NotFound", "InvalidSnapshot.InUse", FailureKind::InUse),
            ("ec2:DeleteVolume", "InvalidVolume.NotFound", "VolumeInUse", FailureKind::InUse),
            (
                "ec2:DeleteNetworkInterface",
                "InvalidNetworkInterfaceID.NotFound",
                "InvalidNetworkInterface.InUse",
                FailureKind::InUse,
            ),
            // Only a detach knows a state in which nothing is left to do.
            ("ec2:DeleteVolume", "InvalidVolume.NotFound", "IncorrectState", FailureKind::NotReady),
        ];
        for (operation, gone, refused, kind) in rows {
            let sent = |code| refusal(DetachVolumeError::generic(metadata(code, "no")), 400);
            assert_eq!(goal::<(), DetachVolumeError>(operation, Err(sent(gone))), Ok(()), "{operation}");
            assert_eq!(
                goal::<(), DetachVolumeError>(operation, Err(sent(refused))).unwrap_err().kind,
                kind,
                "{operation}"
            );
        }
    }

    #[test]
    fn a_lost_answer_may_have_been_applied() {
        let lost: SdkError<AttachVolumeError, HttpResponse> = SdkError::timeout_error("no answer within 8 s");
        let error = failed("ec2:AttachVolume", &lost);
        assert_eq!((error.kind, error.code.as_str()), (FailureKind::Unknown, ""));
        assert!(error.message.contains("no answer within 8 s"), "{}", error.message);
    }
}
