//! Requests to Prometheus: bounded in time and size, sent nowhere else than to where the spec says.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Url};
use throughput_answers::{Budget, Extent, Unread, read};

use throughput_model::masking::masked;
use tokio::time::Instant;

use crate::error::SourceError;

use super::answer::{Answer, Understood};
use super::query::Query;

const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a request may take, its answer included.
pub(super) const REQUEST_DEADLINE: Duration = Duration::from_secs(10);

/// How much of a server's words is looked at, in characters: more than is kept of them.
const LONGEST_WORDS: usize = 16 << 10;

/// Where a Prometheus is, and how it is reached.
#[derive(Clone)]
pub struct Settings {
    base: Url,
    http: reqwest::Client,
    authorization: Option<HeaderValue>,
    token: Option<String>,
    answers: Budget,
}

impl Settings {
    /// At this URL, with these authorities in PEM instead of the image's, and this bearer token.
    pub fn new(url: &str, authorities: Option<&[u8]>, token: Option<&str>) -> Result<Self, SourceError> {
        let invalid = || SourceError::new("NotAUrl", format!("not a URL that can be asked: {url}"));
        let base = Url::parse(url).map_err(|_| invalid())?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(invalid());
        }
        let authorization = token.map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                SourceError::new("TokenUnusable", "the Secret's token has characters that no header can have")
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        let http = client(base.scheme() == "https", authorities)?;
        Ok(Self {
            base,
            http,
            authorization: authorization.transpose()?,
            token: token.map(str::to_owned),
            answers: Budget::default(),
        })
    }

    /// The same, whose answers share this budget with others.
    #[must_use]
    pub fn within(self, answers: Budget) -> Self {
        Self { answers, ..self }
    }

    /// Asks a query.
    pub(super) async fn ask(&self, query: &Query) -> Understood {
        let mut understood = match self.answer(query).await {
            Ok(answer) => answer.understand(query),
            Err(error) => {
                let message = format!("query {}: {}", query.name, error.message);
                Understood::doubtful(SourceError::new(error.reason, message))
            }
        };
        // A Prometheus that explains itself may echo the token as well as something else in its place.
        for doubt in &mut understood.doubts {
            doubt.message = self.without_token(&doubt.message);
        }
        understood
    }

    async fn answer(&self, query: &Query) -> Result<Answer, SourceError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), query.path()));
        url.query_pairs_mut().extend_pairs(query.parameters());
        let mut request = self.http.get(url).timeout(REQUEST_DEADLINE);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let until = Instant::now() + REQUEST_DEADLINE;
        let mut response = request.send().await.map_err(transport)?;
        let status = response.status();
        if status.is_redirection() {
            let message = format!("Prometheus answers {status}, and redirects are not followed");
            return Err(SourceError::new("Redirected", message));
        }
        let extent = Extent::Whole(query.largest_answer_bytes());
        let (body, _share) = read(&mut response, extent, Some(&self.answers), until).await.map_err(unread)?;
        // Errors of the API have its form too; a proxy's have their own.
        serde_json::from_slice(&body).map_err(|_| {
            let reason = match status.as_u16() {
                401 | 403 => "Unauthorized",
                500..=599 => "ServerError",
                _ => "NotAPrometheus",
            };
            // Nothing of it is told: whoever wrote the test chose the Service, and may not be let to it himself.
            SourceError::new(reason, format!("the answer {status} is not Prometheus's"))
        })
    }

    fn without_token(&self, text: &str) -> String {
        let text: String = text.chars().take(LONGEST_WORDS).collect();
        masked(&text, self.token.as_slice())
    }
}

fn client(is_encrypted: bool, authorities: Option<&[u8]>) -> Result<reqwest::Client, SourceError> {
    let unusable = |error: reqwest::Error| {
        SourceError::new(
            "CertificatesUnusable",
            format!("the trusted certificates cannot be used: {}", causes(&error)),
        )
    };
    let mut builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_DEADLINE)
        .user_agent(concat!("throughput-operator/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    if !is_encrypted {
        // An image without any certificate must do for plain HTTP.
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = authorities {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(pem).map_err(unusable)?);
    }
    builder.build().map_err(unusable)
}

fn unread(unread: Unread) -> SourceError {
    match unread {
        Unread::TooLong(most) => {
            SourceError::new("TooLarge", format!("the answer has more than {most} bytes: ask for less"))
        }
        Unread::NoRoom(no_room) => SourceError::new("DeadlineExceeded", no_room.to_string()),
        Unread::Broken(error) => transport(error),
    }
}

/// A request that brought no answer.
fn transport(error: reqwest::Error) -> SourceError {
    let reason = if error.is_timeout() { "DeadlineExceeded" } else { "Unreachable" };
    // The URL holds the whole query, and says no more than the query's name.
    SourceError::new(reason, causes(&error.without_url()))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
