//! One request and its answer, read up to a limit and within a deadline.

use std::fmt;
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde::de::DeserializeOwned;
use throughput_model::failure::Phase;

use crate::error::PulpError;
use crate::words::{QUOTED_BYTES, quote};

/// The longest answer that is read where nothing else is said, in bytes.
pub(crate) const LARGEST_ANSWER_BYTES: usize = 64 * 1024;

/// What the server answered. Its `Debug` text holds no header, since those can carry a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body; of an answer that is no success, its first few kB.
    pub body: Vec<u8>,
    pub(crate) headers: HeaderMap,
    /// What is not quoted, should the server have echoed it.
    secrets: Vec<String>,
}

impl Answer {
    /// Reads the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PulpError> {
        serde_json::from_slice(&self.body)
            // The library's text can quote the body, so it is treated like any text of the server.
            .map_err(|error| PulpError::UnexpectedAnswer(quote(error.to_string().as_bytes(), &self.secrets)))
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

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, body, headers: _, secrets: _ } = self;
        formatter.debug_struct("Answer").field("status", status).field("bytes", &body.len()).finish()
    }
}

/// Sends a request. A success is read whole, or is too large; of anything else the beginning is read.
pub(crate) async fn exchange(
    request: RequestBuilder,
    largest_bytes: usize,
    timeout: Duration,
) -> Result<Answer, PulpError> {
    // The library's time-out runs until the body is complete, so slow bodies are covered.
    let sent = request.timeout(timeout).send().await;
    let mut response = sent.map_err(|error| PulpError::of_transport(error, timeout, Phase::AwaitAnswer))?;
    let mut answer = Answer {
        status: response.status().as_u16(),
        body: Vec::new(),
        headers: response.headers().clone(),
        secrets: Vec::new(),
    };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => answer.body.extend_from_slice(&chunk),
            Ok(None) => return Ok(answer),
            // A status was said: that its explanation did not come says less.
            Err(_) if !answer.is_success() => return Ok(answer),
            Err(error) => return Err(PulpError::of_transport(error, timeout, Phase::ReadAnswer)),
        }
        if !answer.is_success() && answer.body.len() >= QUOTED_BYTES {
            return Ok(answer);
        }
        if answer.body.len() > largest_bytes {
            return Err(PulpError::TooLarge(largest_bytes));
        }
    }
}
