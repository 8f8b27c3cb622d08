//! Callers of the collector who mean no good, or have gone mad.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use throughput_api_tests::Tenant;
use throughput_controller::process::serving::Bounds;
use throughput_model::protocol::LARGEST_BODY_BYTES;
use throughput_test_support::flood::Flood;
use throughput_test_support::wait::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::actions::key;
use crate::collecting::{Served, delivered, registration};
use crate::operator::Operator;

/// Sends the head of a call whose body never comes, and returns the first line of the answer.
async fn without_body(served: &Served, token: &str) -> String {
    let mut stream = TcpStream::connect(served.base_url.trim_start_matches("http://")).await.unwrap();
    let path = format!("{}/result", served.prefix());
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: collector\r\nAuthorization: Bearer {token}\r\nContent-Length: 500000\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 256];
    let read = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_has_no_token_is_sent_away_before_the_body_comes() {
    let served = Served::at("Dispatching").await;
    let asked = Instant::now();
    assert_eq!(without_body(&served, "nonsense").await, "HTTP/1.1 401 Unauthorized");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_without_end() {
    let served = Served::at("Dispatching").await;
    let token = key().token(&served.address, 0);
    let asked = Instant::now();
    assert_eq!(without_body(&served, &token).await, "HTTP/1.1 408 Request Timeout");
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_generator_that_floods_is_told_to_come_again_and_takes_nothing_from_its_neighbour() {
    let served = Served::at("StartingGenerators").await;
    let calls = futures::future::join_all((0..100).map(|_| served.register("one"))).await;
    let refused = calls.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!((50..100).contains(&refused), "{refused} of a hundred calls were refused");
    let token = key().token(&served.address, 1);
    let path = format!("{}/register", served.prefix().replace("generators/0", "generators/1"));
    let body = serde_json::to_vec(&registration("two")).unwrap();
    let answer = served.send(Method::POST, &path, Some(&token), Some(body)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
}

#[tokio::test]
async fn generators_register_and_deliver_while_one_peer_holds_all_connections() {
    let bounds = Bounds { connections: 64, ..Bounds::COLLECTOR };
    let served = Served::within(bounds, "StartingGenerators").await;
    let _flood = Flood::start(served.listens_at, 4 * bounds.connections).await;
    let asked = Instant::now();
    let answer = served.register("one").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    served.stands_at("Dispatching");
    let answer = served.deliver(&delivered()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
    assert!(asked.elapsed() < bounds.head, "it waited until what holds the places was hung up on");
    assert!(served.stored("result.json").await.is_some());
}

#[tokio::test]
async fn probes_and_metrics_are_answered_while_one_peer_holds_all_connections() {
    let tenant = Tenant::new().await;
    let operator = Operator::start(&tenant).await;
    let asked = async |url: &str| {
        let answer = reqwest::Client::new().get(url).send().await.ok()?;
        Some((answer.status(), answer.text().await.ok()?))
    };
    let ready = format!("http://{}/readyz", operator.probes());
    let leads = |answer: &Option<(StatusCode, String)>| {
        answer.as_ref().is_some_and(|(status, _)| *status == StatusCode::OK)
    };
    eventually("the operator leads", async || asked(&ready).await, leads).await;
    let mut floods = Vec::new();
    for (door, bounds) in [(operator.probes(), Bounds::PROBES), (operator.metrics(), Bounds::METRICS)] {
        floods.push(Flood::start(door, 4 * bounds.connections).await);
    }
    for _ in 0..10 {
        for door in [operator.probes(), operator.metrics()] {
            let path = if door == operator.probes() { "livez" } else { "metrics" };
            let answer = asked(&format!("http://{door}/{path}")).await;
            assert!(leads(&answer), "{path}: {answer:?}");
        }
        let answer = asked(&format!("{}/v1", operator.collector_url())).await.unwrap();
        assert_eq!(answer.0, StatusCode::NOT_FOUND, "{answer:?}");
    }
}

#[tokio::test]
async fn whatever_a_body_holds_the_answer_is_a_short_refusal() {
    let served = Served::at("Dispatching").await;
    let token = key().token(&served.address, 0);
    let long = "x".repeat(LARGEST_BODY_BYTES - 100);
    let bodies: [Vec<u8>; 10] = [
        Vec::new(),
        b"\xff\xfe\0".to_vec(),
        "[".repeat(LARGEST_BODY_BYTES - 1).into_bytes(),
        "{\"a\":".repeat(50_000).into_bytes(),
        format!("\"{long}\"").into_bytes(),
        format!("{{\"counts\": {{\"requests.sent\": \"{long}\"}}}}").into_bytes(),
        format!("{{\"counts\": {{\"requests.sent\": 1{}}}}}", "0".repeat(10_000)).into_bytes(),
        br#"{"counts": {"requests.sent": -1}}"#.to_vec(),
        format!("{{\"counts\": {{\"{long}\": 1}}}}").into_bytes(),
        br#"{"version": 2, "stopped": {"TargetReached": []}}"#.to_vec(),
    ];
    for (number, body) in bodies.into_iter().enumerate() {
        let (method, call) =
            if number % 2 == 0 { (Method::PUT, "result") } else { (Method::POST, "progress") };
        let path = format!("{}/{call}", served.prefix());
        let answer = served.send(method, &path, Some(&token), Some(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{number}: {answer:?}");
        assert!(answer.body.len() < 500, "{number}: {answer:?}");
    }
    assert_eq!(served.stored("result.json").await, None);
    assert_eq!(served.phases.progress(), []);
}

#[tokio::test]
async fn a_path_that_is_none_is_refused() {
    let served = Served::at("Dispatching").await;
    let token = key().token(&served.address, 0);
    for (part, strange) in [
        ("cells/0", "cells/-1"),
        ("cells/0", "cells/99999999999"),
        ("generators/0", "generators/x"),
        ("generators/0", "generators/%00"),
    ] {
        let path = format!("{}/start", served.prefix().replace(part, strange));
        let answer = served.send(Method::GET, &path, Some(&token), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}: {answer:?}");
    }
}
