//! The calls to the operator's collector, each made once. [`super::persist`] repeats them.

use std::error::Error;
use std::iter::successors;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Url};
use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::{Progress, Registration, StartAnswer, prefix};
use tokio::time::Instant;

use crate::ending::Failure;
use crate::session::start::StartSample;
use crate::settings::{OperatorSettings, Settings};

/// The longest answer of the collector that is read, in bytes.
const LARGEST_ANSWER_BYTES: usize = 16 * 1024;
/// Storing a registration or a result may wait for the cluster's API.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);
/// Longer than the collector holds a question for the start back.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// The next progress comes in a second.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(2);

/// A call that did not do what it is for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// 410: the attempt is over, and the generator shall end.
    #[error("the attempt is over")]
    AttemptOver,
    /// 401: the token is wrong, or the collector does not know it yet.
    #[error("the token is refused")]
    TokenRefused,
    /// 409: another pod holds this generator's index.
    #[error("another pod holds this generator's index")]
    IndexTaken,
    /// Anything else, which may pass.
    #[error("{0}")]
    Transient(String),
}

/// A client of the collector, for one generator.
#[derive(Debug)]
pub(super) struct Collector {
    http: reqwest::Client,
    base: Url,
    prefix: String,
    smallest_round_trip: Mutex<Option<Duration>>,
}

impl Collector {
    /// Makes a client. Nothing is sent yet.
    pub(super) fn new(settings: &Settings, operator: &OperatorSettings) -> Result<Self, Failure> {
        let OperatorSettings { url, token, namespace, test } = operator;
        let bad = |cause: String| Failure::Collector { url: url.clone(), cause };
        let base = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || !base.username().is_empty() || base.path() != "/" {
            return Err(bad("not of the form http://host:port".to_owned()));
        }
        let mut builder = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, token.header())]))
            .user_agent(concat!("throughput-loadgen/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .no_proxy();
        if base.scheme() == "http" {
            // An image without any certificate must do for plain HTTP.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| bad(error.to_string()))?;
        let prefix = prefix(namespace, test, &settings.assignment.address, settings.index);
        Ok(Self { http, base, prefix, smallest_round_trip: Mutex::default() })
    }

    /// Says that this generator is there.
    pub(super) async fn register(&self, registration: &Registration) -> Result<(), CallError> {
        match self.call(Method::POST, "register", Some(json(registration)?), STORE_TIMEOUT).await {
            Err(Unsuccessful::Status(409, _)) => Err(CallError::IndexTaken),
            other => Ok(other.map(|_| ())?),
        }
    }

    /// Asks for the start. `None` when there is nothing to say yet.
    pub(super) async fn start(&self) -> Result<Option<StartSample>, CallError> {
        let asked = Instant::now();
        let body = self.call(Method::GET, "start", None, START_TIMEOUT).await?;
        let answered = Instant::now();
        match serde_json::from_slice(&body) {
            Ok(StartAnswer::Wait) => Ok(None),
            Ok(StartAnswer::Start { in_nanoseconds, past_nanoseconds }) => {
                let remaining = Duration::from_nanos(in_nanoseconds);
                let past = Duration::from_nanos(past_nanoseconds);
                Ok(Some(StartSample { asked, answered, remaining, past }))
            }
            Err(error) => Err(CallError::Transient(format!("not a start: {error}"))),
        }
    }

    /// Says how far this generator is.
    pub(super) async fn progress(&self, progress: &Progress) -> Result<(), CallError> {
        Ok(self.call(Method::POST, "progress", Some(json(progress)?), PROGRESS_TIMEOUT).await.map(|_| ())?)
    }

    /// Delivers the result. It is stored once this succeeds.
    pub(super) async fn deliver(&self, result: &GeneratorResult) -> Result<(), CallError> {
        Ok(self.call(Method::PUT, "result", Some(json(result)?), STORE_TIMEOUT).await.map(|_| ())?)
    }

    /// The smallest round trip of any call so far; 0 before the first.
    pub(super) fn smallest_round_trip(&self) -> Duration {
        self.smallest_round_trip.lock().map(|smallest| smallest.unwrap_or_default()).unwrap_or_default()
    }

    async fn call(
        &self,
        method: Method,
        name: &str,
        body: Option<Vec<u8>>,
        timeout: Duration,
    ) -> Result<Vec<u8>, Unsuccessful> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{name}", self.prefix));
        let mut request = self.http.request(method, url).timeout(timeout);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let asked = Instant::now();
        let response = request.send().await?;
        self.note_round_trip(asked.elapsed());
        let status = response.status().as_u16();
        let body = read(response).await?;
        if matches!(status, 200..=299) { Ok(body) } else { Err(Unsuccessful::Status(status, body)) }
    }

    fn note_round_trip(&self, round_trip: Duration) {
        if let Ok(mut smallest) = self.smallest_round_trip.lock() {
            *smallest = Some(smallest.map_or(round_trip, |known| known.min(round_trip)));
        }
    }
}

/// A call without a success.
enum Unsuccessful {
    Transport(reqwest::Error),
    TooLarge,
    Status(u16, Vec<u8>),
}

impl From<reqwest::Error> for Unsuccessful {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error.without_url())
    }
}

impl From<Unsuccessful> for CallError {
    fn from(failure: Unsuccessful) -> Self {
        match failure {
            Unsuccessful::Status(410, _) => Self::AttemptOver,
            Unsuccessful::Status(401, _) => Self::TokenRefused,
            Unsuccessful::Status(status, body) => {
                let said: String = String::from_utf8_lossy(&body).escape_debug().take(300).collect();
                Self::Transient(format!("status {status}: {said}"))
            }
            Unsuccessful::TooLarge => {
                Self::Transient(format!("an answer of more than {LARGEST_ANSWER_BYTES} bytes"))
            }
            Unsuccessful::Transport(error) => {
                let root = successors(error.source(), |&cause| cause.source()).last();
                Self::Transient(format!(
                    "{error}{}",
                    root.map(|root| format!(": {root}")).unwrap_or_default()
                ))
            }
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, CallError> {
    serde_json::to_vec(value).map_err(|error| CallError::Transient(format!("cannot be written: {error}")))
}

async fn read(mut response: reqwest::Response) -> Result<Vec<u8>, Unsuccessful> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > LARGEST_ANSWER_BYTES {
            return Err(Unsuccessful::TooLarge);
        }
    }
    Ok(body)
}
