//! A target on loopback that looks like the parts of Pulp that a generator uses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How the target behaves, and what it saw.
#[derive(Default)]
pub(crate) struct Target {
    /// How long a dispatching request takes.
    pub(crate) takes: Duration,
    pub(crate) seen: Mutex<Seen>,
    /// Woken by each login and each dispatching request.
    pub(crate) request: Notify,
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) logins: u32,
    /// When the first dispatching request came.
    pub(crate) first: Option<std::time::Instant>,
    pub(crate) correlation_ids: Vec<String>,
    pub(crate) bodies: Vec<Value>,
}

impl Target {
    /// Serves the target until the test ends; answers its base URL.
    pub(crate) async fn serve(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let application = Router::new()
            .route("/pulp/api/v3/login/", post(login))
            .route("/pulp/test/tasks/", get(test_view))
            .route("/pulp/api/v3/tasks/purge/", post(purge))
            .with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, application).await });
        base_url
    }

    fn note(&self, headers: &HeaderMap, body: Value) {
        let mut seen = self.seen.lock().unwrap();
        let cookie = headers.get("cookie").map(|cookie| cookie.to_str().unwrap());
        assert_eq!(cookie, Some("sessionid=s; csrftoken=c"));
        seen.first.get_or_insert_with(std::time::Instant::now);
        seen.correlation_ids.push(headers["correlation-id"].to_str().unwrap().to_owned());
        seen.bodies.push(body);
        self.request.notify_one();
    }
}

async fn login(State(target): State<Arc<Target>>) -> impl IntoResponse {
    target.seen.lock().unwrap().logins += 1;
    target.request.notify_one();
    let cookies = AppendHeaders([("set-cookie", "csrftoken=c"), ("set-cookie", "sessionid=s")]);
    (StatusCode::CREATED, cookies)
}

async fn test_view(
    State(target): State<Arc<Target>>,
    Query(query): Query<BTreeMap<String, u64>>,
    headers: HeaderMap,
) -> Json<Value> {
    target.note(&headers, Value::Null);
    sleep(target.takes).await;
    Json(json!({"tasks_executed": query["tasks"], "other": [1, 2]}))
}

async fn purge(
    State(target): State<Arc<Target>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    target.note(&headers, body);
    sleep(target.takes).await;
    (StatusCode::ACCEPTED, Json(json!({"task": "/pulp/api/v3/tasks/0/"})))
}
