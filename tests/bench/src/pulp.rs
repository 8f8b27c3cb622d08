//! The part of Pulp's API that a run needs, with workers that have done a task as soon as it is dispatched.
//!
//! It stands in for Pulp only where what is measured is the operator: the figures of its tasks mean nothing.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;
use axum::{Json, Router};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// When a task starts, and ends, from its dispatch on.
const STARTED_AFTER: SignedDuration = SignedDuration::from_millis(100);
const ENDED_AFTER: SignedDuration = SignedDuration::from_millis(150);

/// A Pulp that never has anything left to do.
#[derive(Clone, Debug, Default)]
pub struct Pulp(Arc<Mutex<Tasks>>);

#[derive(Debug, Default)]
struct Tasks {
    workers_online: u32,
    /// When each task was dispatched, by correlation id.
    dispatched: HashMap<String, Vec<Timestamp>>,
}

/// The task of this number of a run.
#[derive(Clone, Copy, Debug)]
struct Task<'a> {
    run: usize,
    id: &'a str,
    number: usize,
    created: Timestamp,
}

impl Pulp {
    /// Serves it, with its API below `/pulp/`, at an address of this machine.
    pub async fn serve(workers_online: u32) -> SocketAddr {
        let pulp = Self::default();
        pulp.lock().workers_online = workers_online;
        let application = Router::new()
            .route("/pulp/api/v3/status/", get(status))
            .route("/pulp/api/v3/workers/", get(workers))
            .route("/pulp/api/v3/tasks/", get(tasks))
            .route("/pulp/test/tasks/", get(dispatch))
            .with_state(pulp);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, application).into_future());
        address
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The query's parameters.
fn query(uri: &Uri) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://pulp{uri}")).unwrap();
    url.query_pairs().into_owned().collect()
}

async fn status(State(pulp): State<Pulp>) -> Json<Value> {
    let workers: Vec<Value> =
        (0..pulp.lock().workers_online).map(|n| json!({"name": format!("1@worker-{n}")})).collect();
    Json(json!({
        "online_workers": workers,
        "online_api_apps": [{"name": "1@api"}],
        "online_content_apps": [{"name": "1@content"}],
        "versions": [{"component": "core", "version": "3.123.1"}],
    }))
}

async fn workers(State(pulp): State<Pulp>) -> Json<Value> {
    Json(json!({"count": pulp.lock().workers_online, "results": []}))
}

/// Dispatches `tasks` tasks, and answers after `hold` milliseconds.
async fn dispatch(State(pulp): State<Pulp>, headers: HeaderMap, uri: Uri) -> Json<Value> {
    let query = query(&uri);
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let id = headers["correlation-id"].to_str().unwrap().to_owned();
    {
        let mut pulp = pulp.lock();
        let of_run = pulp.dispatched.entry(id).or_default();
        // Each at an instant of its own, as Pulp's are.
        let (now, before) = (Timestamp::now(), of_run.last().copied());
        let first = before.map_or(now, |last| now.max(last + SignedDuration::from_micros(1)));
        let instants =
            (0..number("tasks")).map(|n| first + SignedDuration::from_micros(i64::try_from(n).unwrap()));
        of_run.extend(instants);
    }
    tokio::time::sleep(Duration::from_millis(number("hold"))).await;
    Json(json!({"tasks_executed": number("tasks")}))
}

async fn tasks(State(pulp): State<Pulp>, uri: Uri) -> Json<Value> {
    let query = query(&uri);
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let instant = |name: &str| query.get(name).and_then(|text| text.parse::<Timestamp>().ok());
    if query.contains_key("state__in") {
        return Json(json!({"count": 0, "results": []}));
    }
    let (started_until, ended_since) = (instant("started_at__lte"), instant("finished_at__gte"));
    let ended_before = instant("finished_at__lt");
    let is_meant = |task: &Task<'_>| {
        let (started, ended) = (task.created + STARTED_AFTER, task.created + ENDED_AFTER);
        started_until.is_none_or(|until| started <= until)
            && ended_since.is_none_or(|since| ended >= since)
            && ended_before.is_none_or(|before| ended < before)
    };
    let pulp = pulp.lock();
    let of_run = query.get("logging_cid");
    let runs = pulp.dispatched.iter().enumerate();
    let meant: Vec<Task<'_>> = runs
        .filter(|(_, (id, _))| of_run.is_none_or(|wanted| wanted == *id))
        .flat_map(|(run, (id, dispatched))| {
            let of_run = dispatched.iter().enumerate();
            of_run.map(move |(number, created)| Task { run, id, number, created: *created })
        })
        .filter(is_meant)
        .collect();
    let (offset, limit) = (number("offset").unwrap_or_default(), number("limit").unwrap_or(100));
    let page: Vec<Value> = meant.iter().skip(offset).take(limit).map(shown).collect();
    Json(json!({"count": meant.len(), "results": page}))
}

/// A task as Pulp shows it: a tenth of a second of waiting, a twentieth of work.
fn shown(task: &Task<'_>) -> Value {
    let Task { run, id, number, created } = *task;
    json!({
        "pulp_href": format!("/pulp/api/v3/tasks/{run:08x}-0000-4000-8000-{number:012x}/"),
        "name": "pulp_perf.app.tasks.nothing",
        "logging_cid": id,
        "pulp_created": created,
        "unblocked_at": created + SignedDuration::from_millis(90),
        "started_at": created + STARTED_AFTER,
        "finished_at": created + ENDED_AFTER,
        "state": "completed",
        "error": null,
    })
}
