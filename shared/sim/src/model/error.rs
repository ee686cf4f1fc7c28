//! How the simulated AWS refuses a call.

/// A refusal in AWS's own words: the code that clients match on, the message that people read,
/// and the HTTP status that retry rules look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The error code, such as `VolumeInUse`.
    pub code: String,
    /// The text that AWS answers with the code.
    pub message: String,
    /// The HTTP status of the answer.
    pub status: u16,
}

impl AwsError {
    /// A refusal of what the caller asked for: HTTP 400.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), status: 400 }
    }

    /// An injected fault with the HTTP status that AWS uses for this code.
    #[must_use]
    pub fn injected(code: &str) -> Self {
        let status = match code {
            "InternalError" | "InternalFailure" | "ServerInternal" => 500,
            "RequestLimitExceeded" | "Unavailable" | "ServiceUnavailable" => 503,
            "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => 403,
            _ => 400,
        };
        let message = match code {
            "RequestLimitExceeded" => "Request limit exceeded.".to_owned(),
            "Throttling" => "Rate exceeded".to_owned(),
            "UnauthorizedOperation" => "You are not authorized to perform this operation.".to_owned(),
            _ => format!("Injected fault {code}."),
        };
        Self { code: code.to_owned(), message, status }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn incorrect_state(message: impl Into<String>) -> Self {
        Self::new("IncorrectState", message)
    }
}
