//! The failure of a call: a reason of a bounded set, and AWS's own words.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::config::http::HttpResponse;
use aws_sdk_rds::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};

use crate::aws::bounded::OutOfBounds;
use crate::cause::{chain, innermost};
use crate::error::SourceError;

/// The reasons that a call fails for, or that none was made for. Once all calls succeed, none of them holds any more.
pub(crate) const CALL_REASONS: [&str; 18] = [
    "AccessDenied",
    "CredentialsRefused",
    "DeadlineExceeded",
    "ExpiredToken",
    "Forbidden",
    "InstanceNotFound",
    "InvalidResponse",
    "NoCredentials",
    "NotFound",
    "PerformanceInsightsOff",
    "Refused",
    "SecretKeyMissing",
    "SecretNotFound",
    "SecretNotPermitted",
    "Throttled",
    "TooLarge",
    "Unavailable",
    "Unreachable",
];

/// The reasons, and AWS's codes for each.
const CODES: [(&str, &[&str]); 7] = [
    (
        "AccessDenied",
        &[
            "AccessDenied",
            "AccessDeniedException",
            "NotAuthorized",
            "NotAuthorizedException",
            "UnauthorizedOperation",
        ],
    ),
    (
        "CredentialsRefused",
        &[
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "OptInRequired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
            "InvalidIdentityToken",
        ],
    ),
    ("ExpiredToken", &["ExpiredToken", "ExpiredTokenException", "RequestExpired"]),
    ("InstanceNotFound", &["DBInstanceNotFound", "DBInstanceNotFoundFault"]),
    ("NotFound", &["DBParameterGroupNotFound", "DBParameterGroupNotFoundFault", "ResourceNotFoundException"]),
    (
        "Throttled",
        &[
            "LimitExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "Throttling",
            "ThrottlingException",
            "ThrottledException",
            "TooManyRequestsException",
        ],
    ),
    (
        "Unavailable",
        &["InternalFailure", "InternalServiceError", "InternalServiceFault", "ServiceUnavailable"],
    ),
];

/// The failure of a call; `doing` says what was wanted: `describing the instance pulp`.
pub(crate) fn failure<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> SourceError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (reason, words) = match error {
        SdkError::ServiceError(answer) => {
            let status = answer.raw().status().as_u16();
            of_answer(answer.err().meta(), status)
        }
        SdkError::ResponseError(answer) if answer.raw().status().is_server_error() => {
            ("Unavailable", innermost(error))
        }
        SdkError::ResponseError(_) => ("InvalidResponse", innermost(error)),
        SdkError::TimeoutError(_) => ("DeadlineExceeded", innermost(error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ("DeadlineExceeded", innermost(error)),
        // A request is not even made without credentials: these may come from a call of their own.
        _ => of_chain(error),
    };
    SourceError::new(reason, format!("{doing}: {words}"))
}

/// Whether asking again is in vain.
pub(crate) fn is_final(reason: &str) -> bool {
    [
        "AccessDenied",
        "CredentialsRefused",
        "InstanceNotFound",
        "NoCredentials",
        "NotFound",
        "PerformanceInsightsOff",
        "Refused",
    ]
    .contains(&reason)
}

fn of_answer(answer: &ErrorMetadata, status: u16) -> (&'static str, String) {
    let code = answer.code().unwrap_or_default();
    let reason = of_code(code).unwrap_or(if status >= 500 { "Unavailable" } else { "Refused" });
    let code = if code.is_empty() { format!("HTTP status {status}") } else { code.to_owned() };
    let words = answer.message().map_or_else(|| code.clone(), |message| format!("{code}: {message}"));
    (reason, words)
}

fn of_code(code: &str) -> Option<&'static str> {
    CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(reason, _)| *reason)
}

fn of_chain(error: &(dyn Error + 'static)) -> (&'static str, String) {
    let metadata = chain(error).find_map(|cause| cause.downcast_ref::<ErrorMetadata>());
    if let Some(code) = metadata.and_then(ErrorMetadata::code).and_then(of_code) {
        return (code, metadata.map(ToString::to_string).unwrap_or_default());
    }
    match chain(error).find_map(|cause| cause.downcast_ref::<OutOfBounds>()) {
        Some(OutOfBounds::NoRoom(no_room)) => return ("DeadlineExceeded", no_room.to_string()),
        Some(too_large) => return ("TooLarge", too_large.to_string()),
        None => {}
    }
    let credentials = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    match credentials {
        Some(CredentialsError::ProviderTimedOut(_)) => ("DeadlineExceeded", innermost(error)),
        Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_)) => {
            ("NoCredentials", innermost(error))
        }
        // Whoever has the credentials was not reached.
        Some(_) | None => ("Unreachable", innermost(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_reason_that_is_taken_back_once_all_is_well() {
        for (reason, _) in CODES {
            assert!(CALL_REASONS.contains(&reason), "{reason}");
        }
        assert_eq!(of_code("ThrottlingException"), Some("Throttled"));
        assert_eq!(of_code("ValidationError"), None);
    }

    #[test]
    fn an_answer_is_told_in_amazons_own_words() {
        let answer =
            ErrorMetadata::builder().code("AccessDenied").message("User: x is not authorized").build();
        assert_eq!(
            of_answer(&answer, 403),
            ("AccessDenied", "AccessDenied: User: x is not authorized".to_owned())
        );
        assert_eq!(
            of_answer(&ErrorMetadata::builder().build(), 503),
            ("Unavailable", "HTTP status 503".to_owned())
        );
        let other = ErrorMetadata::builder().code("InvalidParameterValue").build();
        assert_eq!(of_answer(&other, 400), ("Refused", "InvalidParameterValue".to_owned()));
    }
}
