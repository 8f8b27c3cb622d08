//! The API server's answers about a log or its pod.

use std::time::Duration;

use kube::core::Status;

use crate::error::SourceError;
use crate::kubernetes::{NoAnswer, await_answer};

/// Why a log is not there whose pod is not there.
pub(super) const POD_GONE: &str = "PodGone";
/// Why a log is not there whose pod is.
pub(super) const NOT_THERE: &str = "NotThere";

/// Why there are words of the kubelet's in a log's place.
pub(super) const UNREADABLE: &str = "LogUnreadable";

/// Awaits an answer, for this long at most.
pub(super) async fn within<T>(
    deadline: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, SourceError> {
    await_answer(deadline, request).await.map_err(|no_answer| error(&no_answer))
}

/// Why there is no answer.
pub(super) fn error(no_answer: &NoAnswer) -> SourceError {
    match no_answer {
        NoAnswer::Failed(error) => SourceError::new(reason(error), error.to_string()),
        NoAnswer::TimedOut => SourceError::new("DeadlineExceeded", "the API server did not answer in time"),
        NoAnswer::TooLarge => SourceError::new("TooLarge", "the answer is larger than may be read"),
    }
}

fn reason(error: &kube::Error) -> &'static str {
    match error {
        // Not its container, or its log: these are of the kind `pods/log`.
        kube::Error::Api(status) if status.code == 404 && kind(status) == Some("pods") => POD_GONE,
        kube::Error::Api(status) if status.code == 403 => "Forbidden",
        kube::Error::Api(status) if matches!(status.code, 400 | 404) => NOT_THERE,
        kube::Error::Api(_) => "ServerError",
        _ => "Unreachable",
    }
}

/// The kind of the object that a refusal is about.
fn kind(refusal: &Status) -> Option<&str> {
    Some(refusal.details.as_ref()?.kind.as_str())
}
