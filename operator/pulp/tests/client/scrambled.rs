//! Answers that nearly are Pulp's: good ones, scrambled by dice that fall the same way each time. Whatever comes, the
//! client returns, with what it can make of it or with a short reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use serde_json::{Value, json};
use throughput_model::failure::{LONGEST_SAMPLE, Phase};
use throughput_model::workload::{Authentication, Method};
use throughput_pulp::{PulpError, Request, TaskFilter};
use throughput_test_support::dice::Dice;
use tokio::time::sleep;
use uuid::Uuid;

use crate::server::{client, serve, serve_raw, write};

/// How many answers are scrambled.
const ANSWERS: u64 = 600;
/// The longest text of an error: what is quoted, and what is said around it.
const LONGEST_ERROR: usize = LONGEST_SAMPLE * 4 + 100;

/// One answer that fits every question: a page of tasks, and a status.
fn good() -> Value {
    let task = |number: u8| {
        json!({
            "pulp_href": format!("/pulp/api/v3/tasks/{}/", Uuid::from_bytes([number; 16])),
            "pulp_created": "2026-01-01T00:00:00.000001Z", "unblocked_at": null,
            "started_at": "2026-01-01T00:00:01Z", "finished_at": "2026-01-01T00:00:02.5Z",
            "state": "failed", "error": {"description": "out of luck", "traceback": "…"},
        })
    };
    let app = json!({"name": "1@pulp", "last_heartbeat": "2026-01-01T00:00:00Z"});
    json!({
        "count": 2, "next": "http://elsewhere/", "previous": null, "results": [task(1), task(2)],
        "versions": [{"component": "core", "version": "3.123.1", "package": "pulpcore"}],
        "online_workers": [app], "online_api_apps": [app], "online_content_apps": [],
        "database_connection": {"connected": true}, "redis_connection": null, "domain_enabled": false,
    })
}

/// Replaces one value somewhere, or some bytes of the text.
fn scrambled(seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut answer = good();
    for _ in 0..=dice.below(3) {
        let mut place = &mut answer;
        while !dice.one_in(4) {
            let among = match place {
                Value::Object(fields) => fields.len(),
                Value::Array(items) => items.len(),
                _ => 0,
            };
            if among == 0 {
                break;
            }
            let chosen = dice.index(among);
            place = match place {
                Value::Object(fields) => fields.iter_mut().nth(chosen).unwrap().1,
                Value::Array(items) => &mut items[chosen],
                other => other,
            };
        }
        let strange = [
            json!(null),
            json!(-1),
            json!(1.5),
            json!(u64::MAX),
            json!(""),
            json!("2026-13-45T99:99:99Z"),
            json!("9999-12-31T23:59:59Z"),
            json!("-009999-01-01T00:00:00Z"),
            json!([]),
            json!({}),
            json!([[]]),
            json!("x".repeat(20_000)),
            json!("\u{1b}[31m\0"),
            json!(true),
        ];
        *place = dice.pick(&strange).clone();
    }
    let mut bytes = answer.to_string().into_bytes();
    if dice.one_in(3) {
        for _ in 0..dice.below(8) {
            let position = dice.index(bytes.len());
            bytes[position] = u8::try_from(dice.below(256)).unwrap();
        }
        bytes.truncate(bytes.len() - dice.index(bytes.len()) / 4);
    }
    bytes
}

#[tokio::test]
async fn whatever_comes_the_client_returns_with_a_short_reason() {
    let seed = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&seed);
    let answer = move || {
        let bytes = scrambled(shared.load(Ordering::SeqCst));
        async move { (StatusCode::OK, bytes) }
    };
    let client = client(&serve(Router::new().fallback(answer)).await, Authentication::None);
    let mut understood = 0;
    for number in 0..ANSWERS {
        seed.store(number, Ordering::SeqCst);
        let errors = [
            client.count_tasks(&TaskFilter::default()).await.err(),
            client.tasks_of(Uuid::nil(), 1_000).await.err(),
            client.online_workers_count().await.err(),
            client.status().await.err(),
        ];
        understood += errors.iter().filter(|error| error.is_none()).count();
        for error in errors.into_iter().flatten() {
            let said = error.to_string();
            assert!(said.len() <= LONGEST_ERROR, "{number}: {} bytes: {said}", said.len());
            assert!(!said.contains(['\0', '\u{1b}']), "{number}: {said:?}");
        }
    }
    assert!(
        understood > 100,
        "nearly nothing was understood ({understood}): the answers are not nearly good"
    );
}

#[tokio::test]
async fn a_head_that_drips_or_never_ends_is_given_up() {
    let dripping = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 200 OK\r\n").await;
        while write(&mut stream, b"x").await {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let request = Request { timeout: Some(Duration::from_millis(300)), ..Request::new(Method::Get, "/x") };
    let answer = client(&dripping.await, Authentication::None).send(&request).await;
    assert_eq!(
        answer,
        Err(PulpError::Timeout { within: Duration::from_millis(300), phase: Phase::AwaitAnswer })
    );

    let endless = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 200 OK\r\n").await;
        while write(&mut stream, format!("x-more: {}\r\n", "y".repeat(4096)).as_bytes()).await {}
    });
    let request = Request { timeout: Some(Duration::from_secs(20)), ..Request::new(Method::Get, "/x") };
    let answer = client(&endless.await, Authentication::None).send(&request).await;
    assert!(matches!(answer, Err(PulpError::Reset { .. })), "{answer:?}");
}
