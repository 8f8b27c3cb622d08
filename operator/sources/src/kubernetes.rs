//! Asking the API server: a deadline on every request, and what went wrong in one word and in the server's.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Error;
use kube::api::{Api, ListParams};
use kube::core::{ObjectList, Selector};

use crate::access::Access;
use crate::cause::innermost;
use crate::error::SourceError;
use crate::recording::Recording;

/// How long one request may take. A source's whole look has twenty seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(8);
/// The most pods that one question is answered with.
const MOST_PODS: u32 = 500;

/// Why a request has no answer.
pub(crate) enum NoAnswer {
    /// It was refused, or did not arrive.
    Failed(Error),
    /// There was none in the time that it had.
    TimedOut,
}

/// Awaits an answer of the API server, for this long at most.
pub(crate) async fn await_answer<T>(
    deadline: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, NoAnswer> {
    match tokio::time::timeout(deadline, request).await {
        Ok(answer) => answer.map_err(NoAnswer::Failed),
        Err(_) => Err(NoAnswer::TimedOut),
    }
}

/// Awaits an answer of the API server, for [`DEADLINE`] at most; `what` says what for: `list the pods`.
pub(crate) async fn within<T>(
    what: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, SourceError> {
    await_answer(DEADLINE, request).await.map_err(|no_answer| match no_answer {
        NoAnswer::Failed(error) => {
            SourceError::new(reason(&error), format!("cannot {what}: {}", words(&error)))
        }
        NoAnswer::TimedOut => SourceError::new(
            "DeadlineExceeded",
            format!("cannot {what}: no answer within {} s", DEADLINE.as_secs()),
        ),
    })
}

/// The pods of the test's namespace that a selector finds. That there are more than one answer has room for is told.
pub(crate) async fn pods(
    access: &Access,
    selector: &Selector,
    recording: &mut Recording,
) -> Result<Vec<Pod>, SourceError> {
    let pods: Api<Pod> = Api::namespaced(access.client.clone(), &access.namespace);
    let found = within("list the pods", pods.list(&of_pods(selector))).await?;
    if let Some(error) = too_many(&found) {
        recording.fall_short(&error, Timestamp::now());
    }
    Ok(found.items)
}

/// The question for the pods that a selector finds, as many as one answer has room for.
pub(crate) fn of_pods(selector: &Selector) -> ListParams {
    ListParams::default().labels_from(selector).limit(MOST_PODS)
}

/// That there are more pods than this answer has room for.
pub(crate) fn too_many(answer: &ObjectList<Pod>) -> Option<SourceError> {
    answer.metadata.continue_.as_ref().filter(|more| !more.is_empty())?;
    let message = format!("there are more than {MOST_PODS} pods: the others are not looked at");
    Some(SourceError::new("TooManyPods", message))
}

/// Why there is no answer, in one word.
fn reason(error: &Error) -> &'static str {
    match error {
        Error::Api(status) => match status.code {
            401 | 403 => "Forbidden",
            404 => "NotFound",
            429 => "Throttled",
            502..=504 => "Unavailable",
            _ => "Refused",
        },
        _ => "Unreachable",
    }
}

/// The server's words, without all the rest that an error shows of its status.
fn words(error: &Error) -> String {
    match error {
        Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        Error::Api(status) => format!("{} {}", status.code, status.reason),
        Error::Service(cause) => innermost(cause.as_ref()),
        other => innermost(other),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    async fn refused(code: u16, message: &str) -> SourceError {
        let mut status = Status::failure(message, "Reason");
        status.code = code;
        within("list pods", std::future::ready(Err::<(), _>(Error::Api(Box::new(status))))).await.unwrap_err()
    }

    #[test]
    fn that_an_answer_does_not_hold_all_pods_is_told() {
        let told = |metadata: serde_json::Value| {
            let answer = serde_json::json!({"metadata": metadata, "items": []});
            too_many(&serde_json::from_value(answer).unwrap()).map(|error| error.reason)
        };
        assert_eq!(told(serde_json::json!({"continue": "from here"})), Some("TooManyPods"));
        assert_eq!(told(serde_json::json!({"continue": ""})), None);
        assert_eq!(told(serde_json::json!({})), None);
        assert_eq!(of_pods(&Selector::default()).limit, Some(MOST_PODS));
    }

    #[tokio::test]
    async fn a_refusal_has_one_word_and_the_servers() {
        for (code, reason) in [
            (403, "Forbidden"),
            (404, "NotFound"),
            (429, "Throttled"),
            (503, "Unavailable"),
            (500, "Refused"),
        ] {
            assert_eq!(
                refused(code, "not today").await,
                SourceError::new(reason, "cannot list pods: not today")
            );
        }
    }
}
