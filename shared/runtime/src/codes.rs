//! What AWS's error codes mean to us: one table for every face of AWS.

use stateful_asg_core::observed::FailureKind;

/// The meaning of an error that AWS answered, or [`FailureKind::Unknown`] where the call may have been applied.
///
/// A code means the same in every call; whether it says that the goal is reached ("not found" while detaching) is for
/// the caller to say.
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
        "InvalidParameterValue" if said.contains("attachment point") && said.contains("in use") => {
            Some(FailureKind::DeviceInUse)
        }
        "InvalidParameterValue" if said.contains("attached at device index") => Some(FailureKind::DeviceInUse),
        "InvalidParameterValue" | "InvalidParameterCombination" if said.contains("same availability zone") => {
            Some(FailureKind::ZoneMismatch)
        }
        "InvalidParameterValue" if said.contains("in use") => Some(FailureKind::InUse),
        "InvalidChangeBatch" if said.contains("protect") || said.contains("conflicting rrset") => {
            Some(FailureKind::RecordRefused)
        }
        "InvalidChangeBatch"
            if said.contains("already exists") || said.contains("do not match") || said.contains("not found") =>
        {
            Some(FailureKind::RecordMismatch)
        }
        "InvalidChangeBatch" => Some(FailureKind::RecordRefused),
        _ => None,
    }
}

#[allow(clippy::too_many_lines, reason = "a table: one row a code")]
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
        | "ConcurrentTagAccess"
        | "SnapshotCreationPerVolumeRateExceeded" => FailureKind::Throttled,
        "IncorrectState"
        | "IncorrectInstanceState"
        | "InvalidState"
        // The volume's last change is still under way.
        | "IncorrectModificationState"
        // Too many snapshots are pending: of this volume, or in the account.
        | "ConcurrentSnapshotLimitExceeded"
        | "PendingSnapshotLimitExceeded" => FailureKind::NotReady,
        "VolumeInUse" | "InvalidNetworkInterface.InUse" | "InvalidSnapshot.InUse" => FailureKind::InUse,
        "AttachmentLimitExceeded" => FailureKind::AttachLimit,
        "InvalidVolume.ZoneMismatch" => FailureKind::ZoneMismatch,
        "VolumeLimitExceeded"
        | "MaxIOPSLimitExceeded"
        | "SnapshotLimitExceeded"
        | "VolumeModificationSizeLimitExceeded"
        // The volume's four changes of the last 24 hours are used up.
        | "VolumeModificationRateExceeded"
        | "NetworkInterfaceLimitExceeded"
        | "InsufficientFreeAddressesInSubnet" => FailureKind::Quota,
        "CustomerKeyHasBeenRevoked"
        | "EncryptedVolumesNotSupported"
        | "KMSKeyNotAccessibleFault" => FailureKind::Key,
        "IdempotentParameterMismatch" | "IdempotentParameterMismatchException" => FailureKind::TokenReused,
        "ConditionalCheckFailedException" | "TransactionCanceledException" | "TransactionConflictException" => {
            FailureKind::Conflict
        }
        // CreateTags: its word for a resource that does not exist.
        "NoSuchHostedZone" | "ResourceNotFoundException" | "InvalidID" => FailureKind::NotFound,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServerInternal"
        | "Unavailable"
        | "ServiceUnavailable"
        | "RequestTimeout"
        // EC2 counts it among its own faults, and it passes.
        | "InsufficientVolumeCapacity"
        | "" => FailureKind::Unknown,
        _ => return None,
    };
    Some(kind)
}

/// EC2 names what is missing or wrong after the kind of the object: `InvalidVolume.NotFound`. A key that is missing or in
/// the wrong state (`InvalidKMSKey.InvalidState`, `InvalidKmsKeyId`) is refused as a key.
fn by_form(code: &str) -> FailureKind {
    if code.to_ascii_lowercase().starts_with("invalidkmskey") {
        FailureKind::Key
    } else if code.ends_with(".NotFound") {
        FailureKind::NotFound
    } else {
        FailureKind::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::too_many_lines, reason = "a table: one row a code")]
    fn each_code_has_its_meaning() {
        let rows = [
            ("UnauthorizedOperation", "", FailureKind::Denied),
            ("AccessDeniedException", "", FailureKind::Denied),
            ("ConcurrentTagAccess", "", FailureKind::Throttled),
            ("ResourceContention", "", FailureKind::Throttled),
            ("ProvisionedThroughputExceededException", "", FailureKind::Throttled),
            ("RequestLimitExceeded", "Request limit exceeded.", FailureKind::Throttled),
            ("PriorRequestNotComplete", "", FailureKind::Throttled),
            ("SnapshotCreationPerVolumeRateExceeded", "", FailureKind::Throttled),
            ("IncorrectState", "Instance 'i-1' is not 'running'.", FailureKind::NotReady),
            ("IncorrectModificationState", "", FailureKind::NotReady),
            ("ConcurrentSnapshotLimitExceeded", "", FailureKind::NotReady),
            ("PendingSnapshotLimitExceeded", "", FailureKind::NotReady),
            ("InvalidSnapshot.InUse", "", FailureKind::InUse),
            ("SnapshotLimitExceeded", "", FailureKind::Quota),
            ("VolumeLimitExceeded", "", FailureKind::Quota),
            ("MaxIOPSLimitExceeded", "", FailureKind::Quota),
            ("VolumeModificationSizeLimitExceeded", "", FailureKind::Quota),
            ("VolumeModificationRateExceeded", "", FailureKind::Quota),
            ("InvalidSnapshot.NotFound", "", FailureKind::NotFound),
            ("InvalidVolumeModification.NotFound", "", FailureKind::NotFound),
            ("InvalidID", "The ID 'vol-1' is not valid", FailureKind::NotFound),
            ("InsufficientVolumeCapacity", "", FailureKind::Unknown),
            ("VolumeInUse", "vol-1 is already attached to an instance", FailureKind::InUse),
            ("InvalidVolume.ZoneMismatch", "", FailureKind::ZoneMismatch),
            ("InvalidVolume.NotFound", "", FailureKind::NotFound),
            ("InvalidInstanceID.NotFound", "", FailureKind::NotFound),
            (
                "InvalidParameterValue",
                "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
                FailureKind::DeviceInUse,
            ),
            (
                "InvalidParameterValue",
                "Instance 'i-1' already has an interface attached at device index '1'.",
                FailureKind::DeviceInUse,
            ),
            (
                "InvalidParameterCombination",
                "You may not attach a network interface to an instance if they are not in the same availability zone",
                FailureKind::ZoneMismatch,
            ),
            ("InvalidParameterValue", "Interface: [eni-1] in use.", FailureKind::InUse),
            ("InvalidParameterValue", "Invalid value '/dev/' for unixDevice", FailureKind::Invalid),
            ("InvalidParameterValue", "Invalid availability zone: [eu-1x]", FailureKind::Invalid),
            ("InvalidParameterValue", "Value (x) is invalid", FailureKind::Invalid),
            ("AttachmentLimitExceeded", "", FailureKind::AttachLimit),
            ("CustomerKeyHasBeenRevoked", "", FailureKind::Key),
            ("InvalidKMSKey.InvalidState", "", FailureKind::Key),
            ("InvalidKmsKey.NotFound", "", FailureKind::Key),
            ("InvalidKmsKeyId", "", FailureKind::Key),
            ("IdempotentParameterMismatch", "", FailureKind::TokenReused),
            ("ValidationError", "No active Lifecycle Action found with instance ID i-1", FailureKind::NoActiveAction),
            ("ValidationError", "AutoScalingGroup name not found", FailureKind::NotFound),
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
            (
                "InvalidChangeBatch",
                "[... is not permitted because a conflicting RRSet of type CNAME with the same name already exists]",
                FailureKind::RecordRefused,
            ),
            ("TransactionCanceledException", "", FailureKind::Conflict),
            ("ConditionalCheckFailedException", "", FailureKind::Conflict),
            ("NoSuchHostedZone", "", FailureKind::NotFound),
            ("ResourceNotFoundException", "", FailureKind::NotFound),
            ("InvalidNetworkInterface.InUse", "", FailureKind::InUse),
            ("InternalError", "", FailureKind::Unknown),
            ("", "connection reset", FailureKind::Unknown),
            ("MissingParameter", "", FailureKind::Invalid),
        ];
        for (code, message, kind) in rows {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }
}
