//! Views that dispatch tasks by themselves.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use throughput_model::workload::{Authentication, TestView};
use throughput_pulp::PulpError;
use uuid::Uuid;

use crate::server::{client, serve};

const ID: Uuid = Uuid::from_u128(7);

/// Dispatches as many tasks as it is asked for, if the request carries the id.
async fn dispatch(headers: HeaderMap, Query(query): Query<BTreeMap<String, String>>) -> impl IntoResponse {
    let id = headers.get("correlation-id").and_then(|id| id.to_str().ok());
    let tasks: u64 = query.get("tasks").and_then(|tasks| tasks.parse().ok()).unwrap_or_default();
    let status = if id == Some(ID.to_string().as_str()) { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Json(json!({"tasks_executed": tasks})))
}

fn view(tasks: &str, count_field: &str) -> TestView {
    TestView {
        path: "/pulp/test/tasks/".to_owned(),
        query: BTreeMap::from([("tasks".to_owned(), tasks.to_owned())]),
        count_field: count_field.to_owned(),
        tasks_per_request: None,
        request_timeout_milliseconds: 60_000,
    }
}

#[tokio::test]
async fn a_view_says_how_many_tasks_it_dispatched() {
    let base_url = serve(Router::new().route("/pulp/test/tasks/", get(dispatch))).await;
    let client = client(&base_url, Authentication::None);
    for tasks in [0, 250] {
        assert_eq!(client.ask_test_view(&view(&tasks.to_string(), "tasks_executed"), ID).await, Ok(tasks));
    }
    let error = client.ask_test_view(&view("5", "dispatched"), ID).await.unwrap_err();
    let words = "status 200, without a count in the field dispatched";
    assert_eq!(error, PulpError::UnexpectedAnswer(words.to_owned()));
}

#[tokio::test]
async fn of_a_success_that_is_no_view_for_tests_nothing_is_told() {
    let bodies = [
        r#"{"tasks_executed": "canary"}"#,
        r#"{"tasks_executed": -7001}"#,
        r#"{"tasks_executed": 7001.5}"#,
        r#"{"tasks_executed": {"canary": 7001}}"#,
        r#"{"canary": 7001}"#,
        r#"{"tasks_executed": 7001, "tasks_executed": "canary"}"#,
        r#"["canary", 7001]"#,
        r#""canary""#,
        r#"{"canary": 7001"#,
        "canary 7001",
        "",
    ];
    for body in bodies {
        let base_url =
            serve(Router::new().route("/pulp/test/tasks/", get(move || async move { body }))).await;
        let client = client(&base_url, Authentication::None);
        let error = client.ask_test_view(&view("5", "tasks_executed"), ID).await.unwrap_err();
        let words = "status 200, without a count in the field tasks_executed";
        assert_eq!(error, PulpError::UnexpectedAnswer(words.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn of_a_success_that_is_no_list_of_tasks_nothing_is_told() {
    for body in [r#"{"count": "canary", "results": []}"#, r#"["canary"]"#, "canary"] {
        let base_url = serve(Router::new().fallback(move || async move { body })).await;
        let client = client(&base_url, Authentication::None);
        let error = client.online_workers_count().await.unwrap_err();
        let words = "status 200, and a body that is not the JSON that was expected";
        assert_eq!(error, PulpError::UnexpectedAnswer(words.to_owned()), "{body}");
    }
}
