//! The client: who asks, how, and with which login.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderValue, REFERER};
use reqwest::{Certificate, RequestBuilder};
use throughput_answers::Budget;
use throughput_model::workload::{Authentication, Method, PulpEndpoint};
use uuid::Uuid;

use crate::address::Address;
use crate::client_certificate::ClientCertificate;
use crate::counts::RequestCounts;
use crate::credentials::{Credentials, HeaderLogin, Login};
use crate::error::{PulpError, SetupError};
use crate::exchange::{Answer, LARGEST_ANSWER_BYTES, exchange};
use crate::session::{Session, SharedSession};
use crate::words::quote_causes;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// How long one request may take, its complete answer included.
    pub request_timeout: Duration,
    /// How long it may take to connect, within the request's time.
    pub connect_timeout: Duration,
    /// Sent as `Correlation-ID` with every request that names no other.
    pub correlation_id: Option<Uuid>,
    /// Certificates, in PEM, that are trusted instead of the system's.
    pub certificates: Option<Vec<u8>>,
    /// Who is shown to a target that asks for a certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// Where its requests are counted.
    pub requests: Option<RequestCounts>,
    /// What the answers to this and other clients may take together; each answer has its own bound in any case.
    pub answers: Option<Budget>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            correlation_id: None,
            certificates: None,
            client_certificate: None,
            requests: None,
            answers: None,
        }
    }
}

/// Any request to Pulp's host.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The absolute path, without a query.
    pub path: &'a str,
    /// The query's parameters.
    pub query: &'a [(&'a str, &'a str)],
    /// The JSON body, as text.
    pub body: Option<&'a str>,
    /// Sent as `Correlation-ID`; the client's own when absent.
    pub correlation_id: Option<Uuid>,
    /// How long it may take; the client's own time when absent.
    pub timeout: Option<Duration>,
    /// The longest answer that is taken, in bytes.
    pub largest_answer_bytes: usize,
}

impl<'a> Request<'a> {
    /// A request with nothing but its method and path, whose answer is at most 64 kB.
    pub fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            query: &[],
            body: None,
            correlation_id: None,
            timeout: None,
            largest_answer_bytes: LARGEST_ANSWER_BYTES,
        }
    }
}

/// A client of one Pulp. Clones share connections and login.
#[derive(Clone, Debug)]
pub struct PulpClient {
    http: reqwest::Client,
    address: Address,
    identity: Identity,
    request_timeout: Duration,
    correlation_id: Option<Uuid>,
    requests: Option<RequestCounts>,
    answers: Option<Budget>,
}

/// As whom requests are sent.
#[derive(Clone, Debug)]
enum Identity {
    Anonymous,
    Basic(Login),
    Session(Login, Arc<SharedSession>),
    Header(HeaderLogin),
}

impl PulpClient {
    /// Makes a client. Nothing is sent yet.
    pub fn new(
        endpoint: &PulpEndpoint,
        credentials: Option<Credentials>,
        options: ClientOptions,
    ) -> Result<Self, SetupError> {
        let ClientOptions {
            request_timeout,
            connect_timeout,
            correlation_id,
            certificates,
            client_certificate,
            requests,
            answers,
        } = options;
        let address = Address::new(endpoint)?;
        let login = || credentials.clone().and_then(Login::new).ok_or(SetupError::CredentialsMissing);
        let identity = match &endpoint.authentication {
            Authentication::None => Identity::Anonymous,
            Authentication::Basic => Identity::Basic(login()?),
            Authentication::Session => Identity::Session(login()?, Arc::default()),
            Authentication::Bearer => Identity::Header(HeaderLogin::bearer(credentials)?),
            Authentication::Header { name } => Identity::Header(HeaderLogin::new(name, credentials)?),
        };
        let verification = match (endpoint.verifies_certificate, certificates.as_deref()) {
            (true, None) => Verification::BySystem,
            (true, Some(pem)) => Verification::By(pem),
            (false, _) => Verification::None,
        };
        let http = http_client(&address, connect_timeout, verification, client_certificate.as_ref())?;
        Ok(Self { http, address, identity, request_timeout, correlation_id, requests, answers })
    }

    /// Logs in where the endpoint's authentication is a session and nobody has yet; else does nothing.
    /// Without it, the first request does.
    pub async fn log_in(&self) -> Result<(), PulpError> {
        match &self.identity {
            Identity::Anonymous | Identity::Basic(_) | Identity::Header(_) => Ok(()),
            Identity::Session(login, shared) => shared.get(|| self.new_session(login)).await.map(|_| ()),
        }
    }

    /// Sends a request as whom the client is for, and takes any success.
    pub async fn send(&self, request: &Request<'_>) -> Result<Answer, PulpError> {
        self.send_accepting(request, &[]).await
    }

    /// Sends a request, and takes these statuses besides the successes.
    pub(crate) async fn send_accepting(
        &self,
        request: &Request<'_>,
        accepted: &[u16],
    ) -> Result<Answer, PulpError> {
        let (answer, session) = match &self.identity {
            Identity::Anonymous => (self.exchange(request, |http| http).await?, None),
            Identity::Basic(login) => {
                (self.exchange(request, |http| http.header(AUTHORIZATION, &login.authorization)).await?, None)
            }
            Identity::Header(HeaderLogin { name, value, secrets: _ }) => {
                (self.exchange(request, |http| http.header(name, value)).await?, None)
            }
            Identity::Session(login, shared) => {
                let (answer, session) = self.send_in_session(request, login, shared).await?;
                (answer, Some(session))
            }
        };
        let answer = answer.without(self.secrets(session.as_deref()));
        if answer.is_success() || accepted.contains(&answer.status) {
            Ok(answer)
        } else {
            Err(answer.to_error())
        }
    }

    /// Sends a request as nobody, for what Pulp tells anybody.
    pub(crate) async fn send_anonymously(&self, request: &Request<'_>) -> Result<Answer, PulpError> {
        let answer = self.exchange(request, |http| http).await?;
        if answer.is_success() { Ok(answer) } else { Err(answer.to_error()) }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    async fn send_in_session(
        &self,
        request: &Request<'_>,
        login: &Login,
        shared: &SharedSession,
    ) -> Result<(Answer, Arc<Session>), PulpError> {
        let session = shared.get(|| self.new_session(login)).await?;
        let answer = self.exchange(request, |http| self.in_session(http, &session)).await?;
        if !answer.is_refusal() {
            session.note_accepted();
            return Ok((answer, session));
        }
        let Some(renewed) = shared.renew(&session, || self.new_session(login)).await? else {
            return Ok((answer, session));
        };
        let answer = self.exchange(request, |http| self.in_session(http, &renewed)).await?;
        if !answer.is_refusal() {
            renewed.note_accepted();
        }
        Ok((answer, renewed))
    }

    async fn new_session(&self, login: &Login) -> Result<Session, PulpError> {
        let path = self.address.api_path("login/");
        let request = Request::new(Method::Post, &path);
        let answer = self.exchange(&request, |http| http.header(AUTHORIZATION, &login.authorization)).await?;
        if answer.is_success() {
            Session::from_headers(&answer.headers)
        } else {
            Err(answer.without(self.secrets(None)).to_error())
        }
    }

    fn in_session(&self, http: RequestBuilder, session: &Session) -> RequestBuilder {
        http.header(COOKIE, &session.cookies)
            .header("X-CSRFToken", &session.csrf_token)
            .header(REFERER, self.address.referer())
    }

    async fn exchange(
        &self,
        request: &Request<'_>,
        authenticate: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, PulpError> {
        let Request { method, path, query, body, correlation_id, timeout, largest_answer_bytes } = request;
        let url = self.address.at(path, query.iter().copied());
        let mut http = self.http.request(http_method(*method), url);
        if let Some(id) = correlation_id.or(self.correlation_id) {
            http = http.header("Correlation-ID", id.to_string());
        }
        if let Some(body) = body {
            http = http.header(CONTENT_TYPE, "application/json").body((*body).to_owned());
        }
        let asked = Instant::now();
        let timeout = timeout.unwrap_or(self.request_timeout);
        let answered =
            exchange(authenticate(http), *largest_answer_bytes, timeout, self.answers.as_ref()).await;
        if let Some(counts) = &self.requests {
            counts.note(&answered, asked.elapsed());
        }
        answered
    }

    /// What must not be quoted.
    fn secrets(&self, session: Option<&Session>) -> Vec<String> {
        let login = match &self.identity {
            Identity::Anonymous => None,
            Identity::Basic(login) | Identity::Session(login, _) => Some(&login.secrets),
            Identity::Header(header) => Some(&header.secrets),
        };
        let session = session.map(|session| &session.secrets[..]);
        login.map(Vec::as_slice).into_iter().chain(session).flatten().cloned().collect()
    }
}

/// By whose word a target's certificate is believed.
#[derive(Clone, Copy)]
enum Verification<'a> {
    /// That of the authorities that the system trusts.
    BySystem,
    /// That of these, in PEM.
    By(&'a [u8]),
    /// Its own.
    None,
}

fn http_client(
    address: &Address,
    connect_timeout: Duration,
    verification: Verification<'_>,
    shown: Option<&ClientCertificate>,
) -> Result<reqwest::Client, SetupError> {
    let refused = |error: reqwest::Error| SetupError::Tls(quote_causes(&error));
    let mut builder = reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .default_headers(HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]))
        .user_agent(concat!("throughput-pulp/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        // A dispatching request must not be sent twice, nor by way of a machine that nobody measures.
        .retry(reqwest::retry::never())
        .no_proxy();
    if !address.is_encrypted() {
        // An image without any certificate must do for plain HTTP.
        return builder.tls_certs_only([]).build().map_err(refused);
    }
    if let Some(shown) = shown {
        builder = builder.identity(shown.identity()?);
    }
    builder = match verification {
        Verification::BySystem => builder,
        Verification::By(pem) => {
            let certificates = Certificate::from_pem_bundle(pem).map_err(refused)?;
            if certificates.is_empty() {
                return Err(SetupError::NoCertificate);
            }
            builder.tls_certs_only(certificates)
        }
        // None is needed, and an image without any must do.
        Verification::None => builder.tls_certs_only([]).tls_danger_accept_invalid_certs(true),
    };
    builder.build().map_err(refused)
}

fn http_method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}
