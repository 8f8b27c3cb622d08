//! Answers that no sane Pulp gives.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::get;
use throughput_answers::Budget;
use throughput_model::failure::{FailureClass, LONGEST_SAMPLE, Phase};
use throughput_model::workload::{Authentication, Method};
use throughput_pulp::{ClientOptions, PulpError, Request, TaskFilter};
use tokio::time::sleep;
use uuid::Uuid;

use crate::server::{PASSWORD, client, client_with, serve, serve_raw, write};

#[tokio::test]
async fn an_endless_body_is_not_read_past_the_limit() {
    let base_url = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while write(&mut stream, format!("1000\r\n{}\r\n", "[".repeat(4096)).as_bytes()).await {}
    });
    let client = client(&base_url.await, Authentication::None);
    let counted = client.count_tasks(&TaskFilter::default()).await;
    assert_eq!(counted, Err(PulpError::TooLarge(64 * 1024)));
    let sent = client.send(&Request::new(Method::Get, "/x")).await;
    assert_eq!(sent, Err(PulpError::TooLarge(64 * 1024)));
}

#[tokio::test]
async fn a_body_that_drips_ends_at_the_deadline() {
    let base_url = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n").await;
        while write(&mut stream, b" ").await {
            sleep(Duration::from_millis(20)).await;
        }
    });
    let client = client(&base_url.await, Authentication::None);
    let begun = Instant::now();
    let request = Request { timeout: Some(Duration::from_millis(300)), ..Request::new(Method::Get, "/x") };
    assert_eq!(
        client.send(&request).await,
        Err(PulpError::Timeout { within: Duration::from_millis(300), phase: Phase::ReadAnswer })
    );
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_status_counts_even_when_its_explanation_drips_or_never_ends() {
    let dripping = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\nbusy").await;
        sleep(Duration::from_mins(1)).await;
    });
    let request = Request { timeout: Some(Duration::from_millis(300)), ..Request::new(Method::Get, "/x") };
    let answer = client(&dripping.await, Authentication::None).send(&request).await;
    assert_eq!(answer, Err(PulpError::Status { status: 503, said: "busy".to_owned() }));

    let endless = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 500 Oops\r\n\r\n").await;
        while write(&mut stream, &[b'x'; 4096]).await {}
    });
    let answer = client(&endless.await, Authentication::None).send(&request).await;
    assert_eq!(answer, Err(PulpError::Status { status: 500, said: "x".repeat(LONGEST_SAMPLE) }));
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_takes_no_credentials_elsewhere() {
    let elsewhere = serve_raw(|_| async { panic!("the redirect was followed") }).await;
    let application = Router::new().fallback(move || async move { Redirect::temporary(&elsewhere) });
    let base_url = serve(application).await;
    for authentication in [Authentication::None, Authentication::Basic, Authentication::Session] {
        let error = client(&base_url, authentication).count_tasks(&TaskFilter::default()).await.unwrap_err();
        assert!(matches!(error, PulpError::Status { status: 307, .. }), "{error}");
        assert_eq!(error.failure_class(), FailureClass::UnexpectedAnswer);
    }
}

#[tokio::test]
async fn what_is_no_page_of_tasks_is_unexpected() {
    let deep = "[".repeat(60_000);
    let huge_number = format!(r#"{{"count":1{},"results":[]}}"#, "0".repeat(50_000));
    let long_word = format!(r#"{{"count":"{}","results":[]}}"#, "9".repeat(50_000));
    let bodies =
        ["", "null", "<html>", "{}", r#"{"count":-1,"results":[]}"#, r#"{"count":1.5,"results":[]}"#];
    for body in bodies.into_iter().map(str::to_owned).chain([deep, huge_number, long_word]) {
        let base_url = serve(Router::new().fallback(move || async move { body })).await;
        let client = client(&base_url, Authentication::None);
        let error = client.count_tasks(&TaskFilter::default()).await.unwrap_err();
        assert!(
            matches!(&error, PulpError::UnexpectedAnswer(said) if said.len() <= LONGEST_SAMPLE),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_not_there_or_speaks_no_http_is_told_apart() {
    let nobody = client("http://127.0.0.1:1", Authentication::None);
    let error = nobody.status().await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::Connect, "{error}");
    let gone = serve_raw(|_| async {}).await;
    let error = client(&gone, Authentication::None).status().await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::Reset, "{error}");
    let strange = serve_raw(|mut stream| async move {
        _ = write(&mut stream, b"SSH-2.0-OpenSSH_9\r\n").await;
    })
    .await;
    let error = client(&strange, Authentication::None).status().await.unwrap_err();
    assert_eq!(error.failure_class(), FailureClass::Reset, "{error}");
}

#[tokio::test]
async fn a_server_that_echoes_what_it_was_sent_makes_no_secret_show() {
    let echo =
        |headers: HeaderMap| async move { (StatusCode::BAD_REQUEST, format!("{headers:?} {PASSWORD}")) };
    let base_url = serve(Router::new().fallback(get(echo).post(echo))).await;
    for authentication in [Authentication::Basic, Authentication::Session] {
        let client = client(&base_url, authentication);
        let error = client.count_tasks(&TaskFilter::default()).await.unwrap_err();
        let shown = format!("{error} {error:?} {client:?}");
        // "admin:correct horse" in base64.
        for secret in [PASSWORD, "YWRtaW46Y29ycmVjdCBob3JzZQ"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("***"), "{shown}");
    }
}

/// A page with one task that failed and made a resource, with these texts.
fn page_of_one(description: &str, href: &str) -> String {
    serde_json::json!({"count": 1, "results": [{
        "pulp_href": "/pulp/api/v3/tasks/0191f9e4-0000-7000-8000-000000000000/",
        "pulp_created": "2026-05-01T12:00:00Z", "state": "failed",
        "error": {"description": description, "traceback": "x".repeat(description.len())},
        "created_resources": [null, href],
    }]})
    .to_string()
}

#[tokio::test]
async fn the_longest_traceback_is_read_and_no_longer_one() {
    for (bytes, is_read) in [(400_000, true), (3_000_000, false)] {
        let page = page_of_one(&"y".repeat(bytes), "/pulp/api/v3/x/");
        let base_url = serve(Router::new().fallback(move || async move { page })).await;
        let client = client(&base_url, Authentication::None);
        match client.tasks_of(Uuid::nil(), 10).await {
            Ok(tasks) => {
                assert!(is_read, "{bytes}");
                assert_eq!(tasks[0].error_description, Some("y".repeat(LONGEST_SAMPLE)));
            }
            Err(error) => assert!(!is_read && error == PulpError::TooLarge(1 << 20), "{bytes}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_path_that_is_too_long_is_no_resources() {
    for (bytes, is_read) in [(1_024, true), (1_025, false)] {
        let page = page_of_one("failed", &"/".repeat(bytes));
        let base_url = serve(Router::new().fallback(move || async move { page })).await;
        let created = client(&base_url, Authentication::None).created_by(Uuid::nil(), 10).await;
        match created {
            Ok(paths) => assert!(is_read && paths[0].len() == bytes, "{bytes}"),
            Err(error) => {
                assert!(!is_read && matches!(error, PulpError::UnexpectedAnswer(_)), "{bytes}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn the_errors_of_all_tasks_together_have_a_bound() {
    use axum::extract::RawQuery;
    let page = |RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default();
        let of = |name: &str| -> u32 {
            let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            found.map_or(0, |text| text.parse().unwrap())
        };
        let (offset, limit) = (of("offset"), of("limit"));
        let task = |number: u32| {
            let id = Uuid::from_u128(u128::from(number) + 1);
            serde_json::json!({
                "pulp_href": format!("/pulp/api/v3/tasks/{id}/"), "pulp_created": "2026-05-01T12:00:00Z",
                "state": "failed", "error": {"description": "z".repeat(400)},
            })
        };
        let results: Vec<_> = (offset..(offset + limit).min(5_000)).map(task).collect();
        serde_json::json!({"count": 5_000, "results": results}).to_string()
    };
    let base_url = serve(Router::new().fallback(get(page))).await;
    let tasks = client(&base_url, Authentication::None).tasks_of(Uuid::nil(), 10_000).await.unwrap();
    assert_eq!(tasks.len(), 5_000);
    let bytes: usize = tasks.iter().filter_map(|task| task.error_description.as_ref()).map(String::len).sum();
    assert!(bytes <= 1 << 20 && bytes > (1 << 20) - LONGEST_SAMPLE, "{bytes}");
}

#[tokio::test]
async fn many_hostile_servers_together_take_no_more_than_the_budget_and_others_go_on() {
    let dripping = serve_raw(|mut stream| async move {
        write(&mut stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while write(&mut stream, b"1\r\n[\r\n").await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let honest = serve(Router::new().fallback(|| async { r#"{"count":7,"results":[]}"# })).await;
    let answers = Budget::new(300 << 10);
    let with = |base_url: &str, milliseconds| {
        let request_timeout = Duration::from_millis(milliseconds);
        let options =
            ClientOptions { request_timeout, answers: Some(answers.clone()), ..ClientOptions::default() };
        client_with(base_url, None, Authentication::None, options)
    };
    let hostile: Vec<_> = (0..8)
        .map(|_| {
            let client = with(&dripping, 1_000);
            tokio::spawn(async move { client.count_tasks(&TaskFilter::default()).await })
        })
        .collect();
    // Two of the eight have room for an answer of 64 kB at once, and nobody more than his time.
    let counted = with(&honest, 60_000).count_tasks(&TaskFilter::default()).await;
    assert_eq!(counted, Ok(7));
    for asked in hostile {
        let error = asked.await.unwrap().unwrap_err();
        assert!(matches!(error, PulpError::Timeout { .. } | PulpError::NoRoom(_)), "{error}");
    }
    assert_eq!(answers.free_bytes(), 300 << 10);
}
