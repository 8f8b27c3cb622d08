//! The operator's side of the generators' protocol (see [`throughput_model::protocol`]).
//!
//! A call is answered only after what must outlive the operator is stored in the generator's own `ConfigMap`.
//! Who has no token is sent away before anything of the body is read; who has one is bounded in rate, number and size.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use kube::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;
use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::{
    LARGEST_BODY_BYTES, LARGEST_REGISTRATION_BYTES, PREFIX_TEMPLATE, Progress, Registration, StartAnswer,
};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::generators::limits::{Limits, Turn};
use crate::generators::phase::{Admission, GeneratorPhase, GeneratorPhases};
use crate::generators::token::TokenKey;
use crate::objects::generator_maps::{GeneratorMap, StoreError};
use crate::objects::names::{REGISTRATION_KEY, RESULT_KEY};

/// How long a question for the start is held back when there is nothing to say.
const HOLD_BACK: Duration = Duration::from_secs(10);

/// How long a body may take to come.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The longest description of what is wrong with a body, in characters: it can quote the body.
const LONGEST_FAULT: usize = 300;

/// What the collector needs.
#[derive(Clone)]
pub struct Collector {
    /// Where results are stored.
    pub client: Client,
    /// Who may call.
    pub key: TokenKey,
    /// Which cells may start.
    pub phases: GeneratorPhases,
    /// The namespaces whose tests this operator carries out.
    pub namespaces: Vec<String>,
}

/// What all calls share.
#[derive(Clone)]
struct AppState {
    collector: Collector,
    limits: Limits,
}

/// A caller whose token was accepted, and whose turn it is.
struct Permit {
    caller: GeneratorPath,
    _turn: Turn,
}

/// The body of a call, come in time and not too long.
struct Body {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// The segments of a call's path.
#[derive(Debug, Deserialize)]
struct GeneratorPath {
    namespace: String,
    test: String,
    uid: String,
    cell: u32,
    attempt: u32,
    index: u32,
}

/// Why a call is not carried out.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("this token is not the one of this attempt")]
    Unauthorized,
    #[error("the attempt is over")]
    Gone,
    #[error("the test has not been looked at since the operator started: come again")]
    NotKnownYet,
    #[error("too many calls at once: come again")]
    TooMany,
    #[error("{1}")]
    Unread(StatusCode, String),
    #[error("the body is not what this call takes: {0}")]
    Malformed(String),
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Gone => StatusCode::GONE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unread(status, _) => *status,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Storage(StoreError::IndexTaken(_) | StoreError::NameTaken(_)) => StatusCode::CONFLICT,
            // There is no such namespace any more.
            Self::Storage(StoreError::Request(error)) if error.is_not_found() => StatusCode::GONE,
            Self::NotKnownYet | Self::Storage(StoreError::Request(_)) => StatusCode::SERVICE_UNAVAILABLE,
        };
        tracing::info!(%status, refusal = %self, "refused a generator's call");
        (status, self.to_string()).into_response()
    }
}

/// The collector's routes.
pub fn router(collector: Collector) -> Router {
    Router::new()
        .route(&format!("{PREFIX_TEMPLATE}/register"), post(register))
        .route(&format!("{PREFIX_TEMPLATE}/start"), get(start))
        .route(&format!("{PREFIX_TEMPLATE}/progress"), post(progress))
        .route(&format!("{PREFIX_TEMPLATE}/result"), put(result))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .with_state(AppState { collector, limits: Limits::default() })
}

impl FromRef<AppState> for Collector {
    fn from_ref(desk: &AppState) -> Self {
        desk.collector.clone()
    }
}

impl FromRequestParts<AppState> for Permit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &AppState) -> Result<Self, Refusal> {
        let caller = Path::<GeneratorPath>::from_request_parts(parts, desk).await;
        let Path(caller) = caller.map_err(|fault| Refusal::Unread(fault.status(), fault.body_text()))?;
        desk.collector.admit(&caller, &parts.headers)?;
        let generator = (caller.address(), caller.index);
        let turn = desk.limits.turn(generator, Instant::now()).ok_or(Refusal::TooMany)?;
        Ok(Self { caller, _turn: turn })
    }
}

impl FromRequest<AppState> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, desk: &AppState) -> Result<Self, Refusal> {
        let come = async {
            let room = desk.limits.room().await;
            (Bytes::from_request(request, desk).await, room)
        };
        match tokio::time::timeout(BODY_DEADLINE, come).await {
            Ok((Ok(bytes), room)) => Ok(Self { bytes, _room: room }),
            Ok((Err(fault), _)) => Err(Refusal::Unread(fault.status(), fault.body_text())),
            Err(_) => {
                let late = format!("the body did not come within {BODY_DEADLINE:?}");
                Err(Refusal::Unread(StatusCode::REQUEST_TIMEOUT, late))
            }
        }
    }
}

async fn register(
    State(collector): State<Collector>,
    Permit { caller, _turn }: Permit,
    body: Body,
) -> Result<StatusCode, Refusal> {
    collector.wanted_phase(&caller.address())?;
    let registration: Registration = read(&body)?;
    let text = json!(registration).to_string();
    if text.len() > LARGEST_REGISTRATION_BYTES {
        let words =
            format!("{} bytes of a registration, at most {LARGEST_REGISTRATION_BYTES} are taken", text.len());
        return Err(Refusal::Malformed(words));
    }
    collector.store(&caller, &registration.pod_uid, REGISTRATION_KEY, &text).await?;
    tracing::info!(
        test = caller.test,
        cell = caller.cell,
        index = caller.index,
        pod = registration.pod_name,
        "registered"
    );
    Ok(StatusCode::NO_CONTENT)
}

async fn start(
    State(collector): State<Collector>,
    Permit { caller, _turn }: Permit,
) -> Result<Json<StartAnswer>, Refusal> {
    let deadline = Instant::now() + HOLD_BACK;
    let mut changes = collector.phases.changes();
    loop {
        changes.mark_unchanged();
        if let GeneratorPhase::Dispatch(_, at) = collector.wanted_phase(&caller.address())? {
            let now = Instant::now();
            let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            return Ok(Json(StartAnswer::Start {
                in_nanoseconds: nanoseconds(at.saturating_duration_since(now)),
                past_nanoseconds: nanoseconds(now.saturating_duration_since(at)),
            }));
        }
        match tokio::time::timeout_at(deadline, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Ok(Json(StartAnswer::Wait)),
        }
    }
}

async fn progress(
    State(collector): State<Collector>,
    Permit { caller, _turn }: Permit,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let progress: Progress = read(&body)?;
    collector.phases.note_progress(&caller.address(), caller.index, progress);
    // To the generator it is the end of its load. What it delivers afterwards is taken.
    collector.wanted_phase(&caller.address())?;
    Ok(StatusCode::NO_CONTENT)
}

async fn result(
    State(collector): State<Collector>,
    Permit { caller, _turn }: Permit,
    body: Body,
) -> Result<StatusCode, Refusal> {
    let result = GeneratorResult::from_json(&body.bytes)
        .map_err(|fault| Refusal::Malformed(cut(&fault.to_string())))?;
    // Anew, and not as it came: what is stored is no longer than its fields.
    let text = serde_json::to_string(&result).map_err(|error| Refusal::Malformed(error.to_string()))?;
    // All generators of a cell are alike: a result is that of the pod which registered the index.
    collector.store(&caller, &result.pod_uid, RESULT_KEY, &text).await?;
    tracing::info!(
        test = caller.test,
        cell = caller.cell,
        index = caller.index,
        bytes = text.len(),
        "result stored"
    );
    Ok(StatusCode::NO_CONTENT)
}

fn read<T: DeserializeOwned>(body: &Body) -> Result<T, Refusal> {
    serde_json::from_slice(&body.bytes).map_err(|error| Refusal::Malformed(cut(&error.to_string())))
}

fn cut(fault: &str) -> String {
    fault.chars().take(LONGEST_FAULT).collect()
}

impl GeneratorPath {
    /// The test, once the names of the path are known to be its.
    fn facts(&self) -> TestFacts {
        let Self { namespace, test, uid, .. } = self;
        TestFacts { namespace: namespace.clone(), name: test.clone(), uid: uid.clone(), generation: None }
    }

    fn address(&self) -> CellAddress {
        CellAddress { test_uid: self.uid.clone(), cell: self.cell, attempt: self.attempt }
    }
}

impl Collector {
    /// How the caller's attempt stands, if it may call at all. The token is looked at first: who has none
    /// learns nothing.
    fn admit(&self, caller: &GeneratorPath, headers: &HeaderMap) -> Result<GeneratorPhase, Refusal> {
        let address = caller.address();
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !self.key.accepts(&address, caller.index, token) || !self.namespaces.contains(&caller.namespace) {
            return Err(Refusal::Unauthorized);
        }
        let phase = self.phase(&address)?;
        // The token proves the test's UID, not the names in the path: they must be that test's.
        if self.phases.is_named(&caller.uid, &caller.namespace, &caller.test) {
            Ok(phase)
        } else {
            Err(Refusal::Unauthorized)
        }
    }

    /// How an attempt stands.
    fn phase(&self, address: &CellAddress) -> Result<GeneratorPhase, Refusal> {
        match self.phases.admission(address) {
            Admission::NotKnownYet => Err(Refusal::NotKnownYet),
            Admission::Gone => Err(Refusal::Gone),
            Admission::Admitted(phase) => Ok(phase),
        }
    }

    /// The same of an attempt whose load is still wanted.
    fn wanted_phase(&self, address: &CellAddress) -> Result<GeneratorPhase, Refusal> {
        match self.phase(address)? {
            GeneratorPhase::End(_) => Err(Refusal::Gone),
            phase => Ok(phase),
        }
    }

    /// Stores a text of a pod with the caller's generator.
    async fn store(
        &self,
        caller: &GeneratorPath,
        pod_uid: &str,
        key: &str,
        text: &str,
    ) -> Result<(), Refusal> {
        let (facts, address) = (caller.facts(), caller.address());
        let map = GeneratorMap::new((&self.client, &self.key), &facts, &address, caller.index);
        Ok(map.store(pod_uid, key, text).await?)
    }
}
