//! A collector on loopback that can be told to be difficult.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use throughput_model::cell::CellAddress;
use throughput_model::generator::GeneratorResult;
use throughput_model::protocol::{LARGEST_BODY_BYTES, Progress, Registration, StartAnswer, prefix};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// The token of all tests.
pub(crate) const TOKEN: &str = "token-of-the-attempt";

/// The attempt of all tests.
pub(crate) fn address() -> CellAddress {
    CellAddress { test_uid: "3f1c".to_owned(), cell: 2, attempt: 1 }
}

/// What the collector answers, and what it was told.
#[derive(Default)]
pub(crate) struct CollectorScript {
    /// Statuses that registrations get before they are accepted.
    pub(crate) register: VecDeque<u16>,
    /// How many questions for the start are answered by "wait".
    pub(crate) waits: u32,
    /// How far away the start is when it is told first.
    pub(crate) start_in: Duration,
    /// What progress is answered with.
    pub(crate) progress: Option<u16>,
    /// Statuses that deliveries get before they are accepted.
    pub(crate) deliver: VecDeque<u16>,
    /// When the start is.
    pub(crate) start: Option<Instant>,
    /// What was registered, in order.
    pub(crate) registrations: Vec<Registration>,
    /// What was told of the progress, in order.
    pub(crate) progresses: Vec<Progress>,
    /// What was delivered, in order, accepted or not.
    pub(crate) results: Vec<GeneratorResult>,
}

pub(crate) type Shared = Arc<Mutex<CollectorScript>>;

/// Serves a collector for the generator 0 until the test ends.
pub(crate) fn serve(listener: TcpListener, script: CollectorScript) -> Shared {
    let shared = Arc::new(Mutex::new(script));
    let calls = Router::new()
        .route("/register", post(register))
        .route("/start", get(start))
        .route("/progress", post(progress))
        .route("/result", put(deliver))
        .layer(DefaultBodyLimit::max(LARGEST_BODY_BYTES))
        .layer(from_fn(check_token))
        .with_state(Arc::clone(&shared));
    let application = Router::new().nest(&prefix("perf", "tasks-10k", &address(), 0), calls);
    tokio::spawn(async move { axum::serve(listener, application).await });
    shared
}

async fn check_token(request: Request, next: Next) -> Response {
    let expected = format!("Bearer {TOKEN}");
    if request.headers().get("authorization").is_some_and(|sent| *sent == *expected) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

/// The next scripted status, or 204.
fn scripted(statuses: &mut VecDeque<u16>) -> StatusCode {
    statuses.pop_front().map_or(StatusCode::NO_CONTENT, |status| StatusCode::from_u16(status).unwrap())
}

async fn register(State(shared): State<Shared>, Json(registration): Json<Registration>) -> StatusCode {
    let mut script = shared.lock().unwrap();
    script.registrations.push(registration);
    scripted(&mut script.register)
}

async fn start(State(shared): State<Shared>) -> Json<StartAnswer> {
    let waits = {
        let mut script = shared.lock().unwrap();
        let waits = script.waits > 0;
        script.waits = script.waits.saturating_sub(1);
        waits
    };
    if waits {
        // The real one holds the question back likewise, for longer.
        sleep(Duration::from_millis(100)).await;
        return Json(StartAnswer::Wait);
    }
    let mut script = shared.lock().unwrap();
    let first = Instant::now() + script.start_in;
    let start = *script.start.get_or_insert(first);
    let now = Instant::now();
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap();
    Json(StartAnswer::Start {
        in_nanoseconds: nanoseconds(start.saturating_duration_since(now)),
        past_nanoseconds: nanoseconds(now.saturating_duration_since(start)),
    })
}

async fn progress(State(shared): State<Shared>, Json(progress): Json<Progress>) -> StatusCode {
    let mut script = shared.lock().unwrap();
    script.progresses.push(progress);
    script.progress.map_or(StatusCode::NO_CONTENT, |status| StatusCode::from_u16(status).unwrap())
}

async fn deliver(State(shared): State<Shared>, Json(result): Json<GeneratorResult>) -> StatusCode {
    let mut script = shared.lock().unwrap();
    script.results.push(result);
    scripted(&mut script.deliver)
}
