//! What AWS's error codes mean to us: one table for every face of AWS.

use stateful_asg_core::observed::FailureKind;

/// The meaning of an error that AWS answered, or [`FailureKind::Unknown`] where the call may have been applied.
///
/// Codes are read as such; a reading that depends on what the caller wanted ("not found" while detaching is
/// success) is the caller's.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
#[must_use]
pub fn kind_of(code: &str, message: &str) -> FailureKind {
    by_service_words(code, message).or_else(|| by_code(code)).unwrap_or_else(|| by_form(code))
}

/// Codes that several errors share: the message tells them apart.
fn by_service_words(code: &str, message: &str) -> Option<FailureKind> {
    let said = message.to_ascii_lowercase();
    match code {
        "ValidationError" if said.contains("no active lifecycle action") => Some(FailureKind::NoActiveAction),
        "ValidationError" if said.contains("not found") => Some(FailureKind::NotFound),
        "InvalidParameterValue" if said.contains("already in use") && said.contains("device") => {
            Some(FailureKind::DeviceInUse)
        }
        "InvalidParameterValue" if said.contains("in use") => Some(FailureKind::InUse),
        "InvalidParameterValue" if said.contains("already has an interface") => Some(FailureKind::NotReady),
        "InvalidChangeBatch" if said.contains("protect") => Some(FailureKind::RecordRefused),
        "InvalidChangeBatch"
            if said.contains("already exists") || said.contains("do not match") || said.contains("not found") =>
        {
            Some(FailureKind::RecordMismatch)
        }
        "InvalidChangeBatch" => Some(FailureKind::RecordRefused),
        _ => None,
    }
}

fn by_code(code: &str) -> Option<FailureKind> {
    let kind = match code {
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "OptInRequired"
        | "NotAuthorized" => FailureKind::Denied,
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "TransactionInProgressException"
        | "BandwidthLimitExceeded"
        | "LimitExceededException"
        | "SlowDown"
        | "PriorRequestNotComplete"
        | "EC2ThrottledException"
        | "ResourceContention"
        | "ResourceContentionFault"
        | "ConcurrentTagAccess" => FailureKind::Throttled,
        "IncorrectState" | "IncorrectInstanceState" | "InvalidState" => FailureKind::NotReady,
        "VolumeInUse" | "InvalidNetworkInterface.InUse" => FailureKind::InUse,
        "AttachmentLimitExceeded" => FailureKind::AttachLimit,
        "InvalidVolume.ZoneMismatch" => FailureKind::ZoneMismatch,
        "VolumeLimitExceeded"
        | "MaxIOPSLimitExceeded"
        | "NetworkInterfaceLimitExceeded"
        | "InsufficientFreeAddressesInSubnet" => FailureKind::Quota,
        "CustomerKeyHasBeenRevoked"
        | "EncryptedVolumesNotSupported"
        | "KMSKeyNotAccessibleFault"
        | "InvalidKmsKeyId" => FailureKind::Key,
        "IdempotentParameterMismatch" | "IdempotentParameterMismatchException" => FailureKind::TokenReused,
        "ConditionalCheckFailedException" | "TransactionCanceledException" | "TransactionConflictException" => {
            FailureKind::Conflict
        }
        "NoSuchHostedZone" | "ResourceNotFoundException" => FailureKind::NotFound,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServerInternal"
        | "Unavailable"
        | "ServiceUnavailable"
        | "RequestTimeout"
        | "" => FailureKind::Unknown,
        _ => return None,
    };
    Some(kind)
}

/// EC2 names what is missing or wrong after the kind of the object: `InvalidVolume.NotFound`.
fn by_form(code: &str) -> FailureKind {
    if code.ends_with(".NotFound") { FailureKind::NotFound } else { FailureKind::Invalid }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_meaning() {
        let rows = [
            ("UnauthorizedOperation", "", FailureKind::Denied),
            ("RequestLimitExceeded", "Request limit exceeded.", FailureKind::Throttled),
            ("PriorRequestNotComplete", "", FailureKind::Throttled),
            ("IncorrectState", "Instance 'i-1' is not 'running'.", FailureKind::NotReady),
            ("VolumeInUse", "vol-1 is already attached to an instance", FailureKind::InUse),
            ("InvalidVolume.ZoneMismatch", "", FailureKind::ZoneMismatch),
            ("InvalidVolume.NotFound", "", FailureKind::NotFound),
            ("InvalidInstanceID.NotFound", "", FailureKind::NotFound),
            (
                "InvalidParameterValue",
                "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
                FailureKind::DeviceInUse,
            ),
            ("InvalidParameterValue", "Value (x) is invalid", FailureKind::Invalid),
            ("AttachmentLimitExceeded", "", FailureKind::AttachLimit),
            ("CustomerKeyHasBeenRevoked", "", FailureKind::Key),
            ("IdempotentParameterMismatch", "", FailureKind::TokenReused),
            ("ValidationError", "No active Lifecycle Action found with instance ID i-1", FailureKind::NoActiveAction),
            ("ValidationError", "1 validation error detected", FailureKind::Invalid),
            (
                "InvalidChangeBatch",
                "[Tried to create resource record set [name='a.', type='A'] but it already exists]",
                FailureKind::RecordMismatch,
            ),
            (
                "InvalidChangeBatch",
                "[... but the values provided do not match the current values]",
                FailureKind::RecordMismatch,
            ),
            (
                "InvalidChangeBatch",
                "[Tried to delete resource record set [name='a.', type='A'] but it was not found]",
                FailureKind::RecordMismatch,
            ),
            ("InvalidChangeBatch", "the record is protected", FailureKind::RecordRefused),
            ("TransactionCanceledException", "", FailureKind::Conflict),
            ("InternalError", "", FailureKind::Unknown),
            ("", "connection reset", FailureKind::Unknown),
            ("MissingParameter", "", FailureKind::Invalid),
        ];
        for (code, message, kind) in rows {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }
}
