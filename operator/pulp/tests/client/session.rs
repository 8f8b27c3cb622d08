//! Logging in: once, together, and again when Pulp forgot.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use throughput_model::failure::FailureClass;
use throughput_model::workload::Authentication;
use throughput_pulp::{ClientOptions, PulpError, RequestCounts, TaskFilter};

use crate::server::{client, client_in, client_with, serve};

/// A Pulp that forgets sessions, or refuses those it gave.
#[derive(Default)]
struct Pulp {
    logins: AtomicU32,
    /// The number of the session that is accepted.
    accepted: AtomicU32,
    forbids: bool,
}

async fn login(State(pulp): State<Arc<Pulp>>, headers: HeaderMap) -> Response {
    if headers.get("authorization").is_none_or(|basic| basic != "Basic YWRtaW46Y29ycmVjdCBob3JzZQ==") {
        return (StatusCode::UNAUTHORIZED, r#"{"detail":"Invalid username/password."}"#).into_response();
    }
    let number = pulp.logins.fetch_add(1, Ordering::SeqCst) + 1;
    pulp.accepted.store(number, Ordering::SeqCst);
    let cookies = AppendHeaders([
        ("set-cookie", format!("csrftoken=token{number}; Path=/; SameSite=Lax")),
        ("set-cookie", format!("sessionid=session{number}; HttpOnly; Path=/")),
    ]);
    (StatusCode::CREATED, cookies, "{}").into_response()
}

async fn tasks(State(pulp): State<Arc<Pulp>>, headers: HeaderMap) -> Response {
    let number = pulp.accepted.load(Ordering::SeqCst);
    let cookies = format!("sessionid=session{number}; csrftoken=token{number}");
    let token = format!("token{number}");
    let sent = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
    let known = sent("cookie") == Some(cookies) && sent("x-csrftoken") == Some(token);
    if !known || pulp.forbids || headers.contains_key("authorization") {
        return (StatusCode::FORBIDDEN, "no").into_response();
    }
    r#"{"count":7,"results":[]}"#.into_response()
}

async fn serve_pulp(pulp: Arc<Pulp>, domain: &str) -> String {
    let application = Router::new()
        .route(&format!("/pulp{domain}/api/v3/login/"), post(login))
        .route(&format!("/pulp{domain}/api/v3/tasks/"), get(tasks))
        .with_state(pulp);
    serve(application).await
}

#[tokio::test]
async fn callers_at_the_same_time_share_one_login() {
    let pulp = Arc::new(Pulp::default());
    let client = client(&serve_pulp(Arc::clone(&pulp), "").await, Authentication::Session);
    let filter = TaskFilter::default();
    let counts = futures::future::join_all((0..20).map(|_| client.count_tasks(&filter))).await;
    assert!(counts.iter().all(|count| *count == Ok(7)), "{counts:?}");
    assert_eq!(pulp.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_forgotten_session_is_replaced_once_for_all_callers() {
    let pulp = Arc::new(Pulp::default());
    let client = client(&serve_pulp(Arc::clone(&pulp), "").await, Authentication::Session);
    let filter = TaskFilter::default();
    assert_eq!(client.count_tasks(&filter).await, Ok(7));
    pulp.accepted.store(99, Ordering::SeqCst);
    let counts = futures::future::join_all((0..20).map(|_| client.count_tasks(&filter))).await;
    assert!(counts.iter().all(|count| *count == Ok(7)), "{counts:?}");
    assert_eq!(pulp.logins.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_user_without_rights_does_not_log_in_again_and_again() {
    let pulp = Arc::new(Pulp { forbids: true, ..Pulp::default() });
    let client = client(&serve_pulp(Arc::clone(&pulp), "").await, Authentication::Session);
    for _ in 0..10 {
        let error = client.count_tasks(&TaskFilter::default()).await.unwrap_err();
        assert_eq!(error, PulpError::Unauthorized { status: 403, said: "no".to_owned() });
    }
    assert_eq!(pulp.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn in_a_domain_the_login_is_below_the_domain() {
    let pulp = Arc::new(Pulp::default());
    let base_url = serve_pulp(Arc::clone(&pulp), "/team-a").await;
    let client = client_in(&base_url, Some("team-a"), Authentication::Session);
    assert_eq!(client.log_in().await, Ok(()));
    assert_eq!(client.count_tasks(&TaskFilter::default()).await, Ok(7));
    assert_eq!(pulp.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_login_without_cookies_and_a_refused_one_are_told_apart() {
    let cookieless = Router::new().route("/pulp/api/v3/login/", post(async || StatusCode::CREATED));
    let error = client(&serve(cookieless).await, Authentication::Session).log_in().await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::UnexpectedAnswer);
    let refusing = Router::new().route("/pulp/api/v3/login/", post(async || StatusCode::UNAUTHORIZED));
    let error = client(&serve(refusing).await, Authentication::Session).log_in().await.unwrap_err();
    assert_eq!(error, PulpError::Unauthorized { status: 401, said: String::new() });
}

#[tokio::test]
async fn every_request_is_counted_with_what_came_of_it() {
    let pulp = Arc::new(Pulp::default());
    let requests = RequestCounts::default();
    let options = ClientOptions { requests: Some(requests.clone()), ..ClientOptions::default() };
    let base_url = serve_pulp(pulp.clone(), "").await;
    let client = client_with(&base_url, None, Authentication::Session, options);
    client.count_tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(requests.all(), [(None, 2)], "the login, and what was asked");
    pulp.accepted.store(99, Ordering::SeqCst);
    client.count_tasks(&TaskFilter::default()).await.unwrap();
    assert_eq!(requests.all(), [(None, 4), (Some(FailureClass::Unauthorized), 1)]);
}
