//! One request and its answer, read up to a limit and within a deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use throughput_answers::{Budget, Extent, Share, Unread, read};
use throughput_model::failure::Phase;
use tokio::time::Instant;

use crate::error::PulpError;
use crate::words::{QUOTED_BYTES, quote};

/// The longest answer that is read where nothing else is said, in bytes.
pub(crate) const LARGEST_ANSWER_BYTES: usize = 64 * 1024;

/// What the server answered. Its `Debug` text holds no header, since those can carry a session.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; of an answer that is no success, its first few kB.
    pub body: Vec<u8>,
    pub(crate) headers: HeaderMap,
    /// What is not quoted, should the server have echoed it.
    secrets: Vec<String>,
    /// The room that the body takes of all answers', for as long as it is held.
    _share: Option<Arc<Share>>,
}

impl Answer {
    /// Reads the body as JSON. Nothing of one that is other than expected is told: what Pulp answers may be for
    /// the credentials' owner alone, and whoever wrote the request may have chosen its path.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PulpError> {
        serde_json::from_slice(&self.body).map_err(|_| {
            PulpError::UnexpectedAnswer(format!(
                "status {}, and a body that is not the JSON that was expected",
                self.status
            ))
        })
    }

    /// The same answer, to be quoted without these.
    pub(crate) fn without(self, secrets: Vec<String>) -> Self {
        Self { secrets, ..self }
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.status, 401 | 403)
    }

    /// The error that an answer other than a success stands for.
    pub(crate) fn to_error(&self) -> PulpError {
        let said = quote(&self.body, &self.secrets);
        if self.is_refusal() {
            PulpError::Unauthorized { status: self.status, said }
        } else {
            PulpError::Status { status: self.status, said }
        }
    }
}

impl PartialEq for Answer {
    fn eq(&self, other: &Self) -> bool {
        let Self { status, body, headers, secrets, _share } = self;
        (status, body, headers, secrets) == (&other.status, &other.body, &other.headers, &other.secrets)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, headers: _, secrets: _, _share } = self;
        formatter.debug_struct("Answer").field("status", status).field("bytes", &body.len()).finish()
    }
}

/// Sends a request. A success is read whole, or is too large; of anything else the beginning is read.
pub(crate) async fn exchange(
    request: RequestBuilder,
    largest_bytes: usize,
    timeout: Duration,
    budget: Option<&Budget>,
) -> Result<Answer, PulpError> {
    let until = Instant::now() + timeout;
    // The library's time-out runs until the body is complete, so slow bodies are covered.
    let sent = request.timeout(timeout).send().await;
    let mut response = sent.map_err(|error| PulpError::of_transport(error, timeout, Phase::AwaitAnswer))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let extent =
        if status.is_success() { Extent::Whole(largest_bytes) } else { Extent::Beginning(QUOTED_BYTES) };
    let (body, share) = match read(&mut response, extent, budget, until).await {
        Ok(read) => read,
        // A status was said: that there is no room for its explanation says less.
        Err(Unread::NoRoom(_)) if !status.is_success() => (Vec::new(), None),
        Err(Unread::NoRoom(no_room)) => return Err(PulpError::NoRoom(no_room)),
        Err(Unread::TooLong(most)) => return Err(PulpError::TooLarge(most)),
        Err(Unread::Broken(error)) => {
            return Err(PulpError::of_transport(error, timeout, Phase::ReadAnswer));
        }
    };
    Ok(Answer { status: status.as_u16(), body, headers, secrets: Vec::new(), _share: share.map(Arc::new) })
}
