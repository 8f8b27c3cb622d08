//! The operator's side of the generators' protocol (see [`throughput_model::protocol`]).
//!
//! A call is answered only after what must outlive the operator is stored in the cell's `ConfigMap`. Who has no
//! token is sent away before anything of the body is read; who has one is bounded in rate, number and size.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use throughput_model::cell::CellAddress;
use throughput_model::generator::{GeneratorResult, RESULT_VERSION};
use throughput_model::protocol::{LARGEST_BODY_BYTES, PREFIX_TEMPLATE, Progress, Registration, StartAnswer};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::generators::limits::{Limits, Turn};
use crate::generators::phase::{Admission, Gate, Standing};
use crate::generators::token::TokenKey;
use crate::objects::deadline::{RequestError, within};
use crate::objects::names::{self, COLLECTOR_FIELD_MANAGER};

/// How long a question for the start is held back when there is nothing to say.
const HOLD_BACK: Duration = Duration::from_secs(10);

/// How long a body may take to come.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// The longest description of what is wrong with a body, in characters: it can quote the body.
const LONGEST_FAULT: usize = 300;

/// How often a registration is tried when the cell's `ConfigMap` changes in between.
const REGISTER_ATTEMPTS: u32 = 5;

/// What the collector needs.
#[derive(Clone)]
pub struct Collector {
    /// Where results are stored.
    pub client: Client,
    /// Who may call.
    pub key: TokenKey,
    /// Which cells may start.
    pub gate: Gate,
    /// The namespaces whose tests this operator carries out.
    pub namespaces: Vec<String>,
}

/// What all calls share.
#[derive(Clone)]
struct Desk {
    collector: Collector,
    limits: Limits,
}

/// A caller whose token was accepted, and whose turn it is.
struct Admitted {
    caller: Caller,
    _turn: Turn,
}

/// The body of a call, come in time and not too long.
struct Content {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// The segments of a call's path.
#[derive(Debug, Deserialize)]
struct Caller {
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
    #[error("another pod has registered with this index: {0}")]
    Taken(String),
    #[error("too many calls at once: come again")]
    TooMany,
    #[error("{1}")]
    Unread(StatusCode, String),
    #[error("the body is not what this call takes: {0}")]
    Malformed(String),
    #[error("{0}")]
    Storage(#[from] RequestError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Gone => StatusCode::GONE,
            Self::Taken(_) => StatusCode::CONFLICT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unread(status, _) => *status,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Storage(error) if error.is_not_found() => StatusCode::GONE,
            Self::NotKnownYet | Self::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
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
        .with_state(Desk { collector, limits: Limits::default() })
}

impl FromRef<Desk> for Collector {
    fn from_ref(desk: &Desk) -> Self {
        desk.collector.clone()
    }
}

impl FromRequestParts<Desk> for Admitted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Refusal> {
        let caller = Path::<Caller>::from_request_parts(parts, desk).await;
        let Path(caller) = caller.map_err(|fault| Refusal::Unread(fault.status(), fault.body_text()))?;
        desk.collector.admit(&caller, &parts.headers)?;
        let generator = (caller.address(), caller.index);
        let turn = desk.limits.turn(generator, Instant::now()).ok_or(Refusal::TooMany)?;
        Ok(Self { caller, _turn: turn })
    }
}

impl FromRequest<Desk> for Content {
    type Rejection = Refusal;

    async fn from_request(request: Request, desk: &Desk) -> Result<Self, Refusal> {
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
    Admitted { caller, _turn }: Admitted,
    body: Content,
) -> Result<StatusCode, Refusal> {
    let registration: Registration = read(&body)?;
    let key = names::registration_key(caller.index);
    let text = json!(registration).to_string();
    // Of two pods that come at once only one may find the index free, so the ConfigMap must be as it was read.
    for attempt in 1.. {
        let map = collector.config_map(&caller).await?;
        if let Some(Registration { pod_name, pod_uid, .. }) = registered(&map, caller.index)
            && pod_uid != registration.pod_uid
        {
            return Err(Refusal::Taken(pod_name));
        }
        match collector.store(&caller, &key, &text, map.resource_version()).await {
            Err(Refusal::Storage(error)) if error.is_conflict() && attempt < REGISTER_ATTEMPTS => {}
            Err(refusal) => return Err(refusal),
            Ok(()) => break,
        }
    }
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
    Admitted { caller, _turn }: Admitted,
) -> Result<Json<StartAnswer>, Refusal> {
    let deadline = Instant::now() + HOLD_BACK;
    let mut changes = collector.gate.changes();
    loop {
        changes.mark_unchanged();
        if let Standing::Dispatch(_, at) = collector.standing(&caller.address())? {
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
    Admitted { caller, _turn }: Admitted,
    body: Content,
) -> Result<StatusCode, Refusal> {
    let progress: Progress = read(&body)?;
    collector.gate.note_progress(&caller.address(), caller.index, progress);
    Ok(StatusCode::NO_CONTENT)
}

async fn result(
    State(collector): State<Collector>,
    Admitted { caller, _turn }: Admitted,
    body: Content,
) -> Result<StatusCode, Refusal> {
    let result: GeneratorResult = read(&body)?;
    if result.version != RESULT_VERSION {
        return Err(Refusal::Malformed(format!(
            "version {} of a result, {RESULT_VERSION} is wanted",
            result.version
        )));
    }
    let text = serde_json::to_string(&result).map_err(|error| Refusal::Malformed(error.to_string()))?;
    // The token proves the test's UID, not the names in the path: they must lead to what that test owns. And
    // all generators of a cell have the same token: a result is that of the pod which registered the index.
    let map = collector.config_map(&caller).await?;
    if let Some(Registration { pod_name, pod_uid, .. }) = registered(&map, caller.index)
        && ![pod_uid.as_str(), ""].contains(&result.pod_uid.as_str())
    {
        return Err(Refusal::Taken(pod_name));
    }
    collector.store(&caller, &names::result_key(caller.index), &text, None).await?;
    tracing::info!(
        test = caller.test,
        cell = caller.cell,
        index = caller.index,
        bytes = text.len(),
        "result stored"
    );
    Ok(StatusCode::NO_CONTENT)
}

/// Who holds an index.
fn registered(map: &ConfigMap, index: u32) -> Option<Registration> {
    let text = map.data.as_ref()?.get(&names::registration_key(index))?;
    serde_json::from_str(text).ok()
}

fn read<T: DeserializeOwned>(body: &Content) -> Result<T, Refusal> {
    serde_json::from_slice(&body.bytes)
        .map_err(|error| Refusal::Malformed(error.to_string().chars().take(LONGEST_FAULT).collect()))
}

impl Caller {
    fn address(&self) -> CellAddress {
        CellAddress { test_uid: self.uid.clone(), cell: self.cell, attempt: self.attempt }
    }
}

impl Collector {
    /// How the caller's attempt stands, if it may call at all. The token is looked at first: who has none
    /// learns nothing.
    fn admit(&self, caller: &Caller, headers: &HeaderMap) -> Result<Standing, Refusal> {
        let address = caller.address();
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !self.key.accepts(&address, caller.index, token) || !self.namespaces.contains(&caller.namespace) {
            return Err(Refusal::Unauthorized);
        }
        self.standing(&address)
    }

    /// How an attempt stands.
    fn standing(&self, address: &CellAddress) -> Result<Standing, Refusal> {
        match self.gate.admission(address) {
            Admission::NotKnownYet => Err(Refusal::NotKnownYet),
            Admission::Gone => Err(Refusal::Gone),
            Admission::Admitted(standing) => Ok(standing),
        }
    }

    /// The cell's `ConfigMap`, if it belongs to the caller's test.
    async fn config_map(&self, caller: &Caller) -> Result<ConfigMap, Refusal> {
        let name = names::cell(&caller.test, &caller.address());
        let map = within("read the cell's ConfigMap", self.config_maps(caller).get(&name)).await?;
        belongs(&map, caller)?;
        Ok(map)
    }

    /// Stores a text under a key; with a version, only while the `ConfigMap` still has it.
    async fn store(
        &self,
        caller: &Caller,
        key: &str,
        text: &str,
        version: Option<String>,
    ) -> Result<(), Refusal> {
        let name = names::cell(&caller.test, &caller.address());
        let mut patch = json!({"data": {key: text}});
        if let Some(version) = version {
            patch["metadata"] = json!({"resourceVersion": version});
        }
        let params =
            PatchParams { field_manager: Some(COLLECTOR_FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let (maps, patch) = (self.config_maps(caller), Patch::Merge(patch));
        within("store in the cell's ConfigMap", maps.patch(&name, &params, &patch)).await?;
        Ok(())
    }

    fn config_maps(&self, caller: &Caller) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &caller.namespace)
    }
}

fn belongs(map: &ConfigMap, caller: &Caller) -> Result<(), Refusal> {
    let owned = map.owner_references().iter().any(|owner| owner.uid == caller.uid);
    if owned { Ok(()) } else { Err(Refusal::Unauthorized) }
}
