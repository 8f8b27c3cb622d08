//! Servers that are no Prometheus, or a hostile one.

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use throughput_sources::source::Settled;

use crate::watched::{Watched, instant, past};

const TOKEN: &str = "a-token-that-nobody-may-see";

/// A server with one answer to everything; returns its URL.
async fn serve(answer: fn(HeaderMap) -> Response) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async move |headers: HeaderMap| answer(headers));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/prometheus/")
}

async fn asked(answer: fn(HeaderMap) -> Response) -> Watched {
    let mut watched = Watched::new(&serve(answer).await, Some(TOKEN), &[instant("a", "up")], past());
    assert_eq!(watched.settle().await, Settled::Complete);
    watched
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let watched = asked(|_| Redirect::temporary("http://127.0.0.1:1/elsewhere").into_response()).await;
    assert_eq!(watched.reasons(), ["Redirected"]);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let watched = asked(|_| vec![b'x'; 5 << 20].into_response()).await;
    assert_eq!(watched.reasons(), ["TooLarge"]);
}

#[tokio::test]
async fn of_what_is_no_prometheus_nothing_is_told() {
    let page = |_: HeaderMap| "<h1>Welcome</h1>".into_response();
    let other = |_: HeaderMap| axum::Json(json!({"status": "Welcome", "error": "Welcome"})).into_response();
    let error = |_: HeaderMap| axum::Json(json!({"status": "error", "error": "Welcome"})).into_response();
    for answer in [page, other, error] {
        let watched = asked(answer).await;
        assert_eq!(watched.reasons(), ["NotAPrometheus"]);
        assert!(!serde_json::to_string(&watched.recording).unwrap().contains("Welcome"));
    }
}

#[tokio::test]
async fn a_token_is_sent_and_never_told() {
    let watched = asked(|headers| {
        let said = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or("none");
        let error = format!("not authorized: {said}");
        let body = json!({"status": "error", "errorType": "unauthorized", "error": error});
        (StatusCode::UNAUTHORIZED, axum::Json(body)).into_response()
    })
    .await;
    assert_eq!(watched.reasons(), ["PrometheusError"]);
    assert!(watched.recording.shortfalls()[0].message.ends_with("not authorized: Bearer ***"));
    assert!(!serde_json::to_string(&watched.recording).unwrap().contains(TOKEN));
}

#[tokio::test]
async fn what_warns_is_believed_and_the_warning_told() {
    let watched = asked(|_| {
        r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]},"warnings":["a store is down"]}"#
            .into_response()
    })
    .await;
    assert_eq!(watched.figure("a.value"), Some(7.0));
    assert_eq!(watched.reasons(), ["PrometheusWarning"]);
}
