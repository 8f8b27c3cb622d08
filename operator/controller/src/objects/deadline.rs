//! A deadline on every request to the API server.

use std::future::Future;
use std::time::Duration;

/// How long one request may take.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// A request that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The API server answered with an error, or not at all.
    #[error("cannot {what}: {words}", words = words(source))]
    Kube {
        /// What was to be done.
        what: &'static str,
        /// What was said.
        source: Box<kube::Error>,
    },
    /// No answer in time.
    #[error("cannot {what}: no answer within {} s", REQUEST_DEADLINE.as_secs())]
    Deadline {
        /// What was to be done.
        what: &'static str,
    },
}

impl RequestError {
    /// All kinds of failures.
    pub const KINDS: [&str; 9] = [
        "timeout",
        "connection",
        "forbidden",
        "not_found",
        "conflict",
        "throttled",
        "invalid",
        "server_error",
        "other",
    ];

    /// Whether the object exists already, or has changed since it was read.
    pub fn is_conflict(&self) -> bool {
        self.code() == Some(409)
    }

    /// Whether the object does not exist.
    pub fn is_not_found(&self) -> bool {
        self.code() == Some(404)
    }

    /// What kind of failure it is, for counts: one of [`Self::KINDS`].
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "timeout",
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => match status.code {
                    401 | 403 => "forbidden",
                    404 => "not_found",
                    409 => "conflict",
                    429 => "throttled",
                    400..=499 => "invalid",
                    _ => "server_error",
                },
                kube::Error::HyperError(_) | kube::Error::Service(_) => "connection",
                _ => "other",
            },
        }
    }

    /// Whether the operator lacks the right.
    pub fn is_forbidden(&self) -> bool {
        self.code() == Some(403)
    }

    /// Whether the answer is not what was asked for: an object of another version, or none at all.
    pub fn is_unreadable(&self) -> bool {
        match self {
            // One that ends too early was cut on its way.
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::SerdeError(error) => !error.is_eof(),
                _ => false,
            },
            Self::Deadline { .. } => false,
        }
    }

    /// Whether the API server refuses it, and will again.
    pub fn is_refusal(&self) -> bool {
        self.code().is_some_and(|code| (400..500).contains(&code) && ![409, 429].contains(&code))
    }

    /// Whether the object is not what the change was made for: it has changed since it was read, or a test in
    /// the patch does not hold.
    pub fn is_overtaken(&self) -> bool {
        self.is_conflict() || self.code() == Some(422)
    }

    fn code(&self) -> Option<u16> {
        match self {
            Self::Kube { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => Some(status.code),
                _ => None,
            },
            Self::Deadline { .. } => None,
        }
    }
}

/// The API server's own words, where it said any: its client would add all of the answer as Rust writes it.
fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("it answered {} {}", status.code, status.reason),
        other => other.to_string(),
    }
}

/// Awaits a request to the API server, but not for ever.
pub async fn within<T>(
    what: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, RequestError> {
    match tokio::time::timeout(REQUEST_DEADLINE, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(RequestError::Kube { what, source: Box::new(source) }),
        Err(_) => Err(RequestError::Deadline { what }),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[tokio::test]
    async fn a_refusal_is_told_in_the_api_servers_words_alone() {
        let message = "configmaps \"run\" is forbidden: exceeded quota: few";
        for (message, told) in [
            (message, format!("cannot write the report: {message}")),
            ("", "cannot write the report: it answered 403 Forbidden".to_owned()),
        ] {
            let answer = Box::new(Status::failure(message, "Forbidden").with_code(403));
            let refused = std::future::ready(Err::<(), _>(kube::Error::Api(answer)));
            assert_eq!(within("write the report", refused).await.unwrap_err().to_string(), told);
        }
    }
}
