//! Asking the API server: a deadline on every request, and what went wrong in one word and in the server's.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Error;
use kube::api::{Api, ListParams};
use kube::core::Selector;

use crate::access::{Access, Budget};
use crate::cause::innermost;
use crate::error::SourceError;
use crate::pages;
use crate::recording::Recording;

/// How long one request may take. A source's whole look has twenty seconds.
pub(crate) const DEADLINE: Duration = Duration::from_secs(8);
/// The most pods that are looked at.
const MOST_PODS: usize = 500;

/// Why a request has no answer.
pub(crate) enum NoAnswer {
    /// It was refused, or did not arrive.
    Failed(Error),
    /// There was none in the time that it had.
    TimedOut,
    /// It is longer than it may be, or has too many parts.
    TooLarge,
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
    await_answer(DEADLINE, request).await.map_err(|no_answer| no_answer.error(what))
}

impl NoAnswer {
    /// The same in a sentence; `what` says what was asked for: `list the pods`.
    pub(crate) fn error(&self, what: &str) -> SourceError {
        match self {
            Self::Failed(error) => {
                SourceError::new(reason(error), format!("cannot {what}: {}", words(error)))
            }
            Self::TimedOut => SourceError::new(
                "DeadlineExceeded",
                format!("cannot {what}: no answer within {} s", DEADLINE.as_secs()),
            ),
            Self::TooLarge => {
                SourceError::new("TooLarge", format!("cannot {what}: the answer is larger than may be read"))
            }
        }
    }
}

/// The pods of the test's namespace that a selector finds. That there are more than one answer has room for is told.
pub(crate) async fn pods(
    access: &Access,
    selector: &Selector,
    recording: &mut Recording,
) -> Result<Vec<Pod>, SourceError> {
    let pods: Api<Pod> = Api::namespaced(access.client.clone(), &access.namespace);
    let found = found_pods(&pods, selector, &access.lists).await;
    let (found, too_many) = found.map_err(|no_answer| no_answer.error("list the pods"))?;
    if let Some(error) = too_many {
        recording.fall_short(&error, Timestamp::now());
    }
    Ok(found)
}

/// The pods that a selector finds, without what no source needs; and that there are more, where there are.
pub(crate) async fn found_pods(
    pods: &Api<Pod>,
    selector: &Selector,
    lists: &Budget,
) -> Result<(Vec<Pod>, Option<SourceError>), NoAnswer> {
    let wanted = ListParams::default().labels_from(selector);
    let mut found = Vec::new();
    let more = pages::each(pods, &wanted, MOST_PODS, lists, |pod| found.push(pages::slim(pod))).await?;
    let message = || format!("there are more than {MOST_PODS} pods: the others are not looked at");
    Ok((found, more.then(|| SourceError::new("TooManyPods", message()))))
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
