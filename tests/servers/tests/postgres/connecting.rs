//! New connections: how long they take, and those that are not made.

use std::time::Instant;

use throughput_server_tests::{ANOTHER_AUTHORITY, AUTHORITY, PASSWORD, PostgresServer};
use throughput_test_support::wait::{SOON, until};
use tokio::net::TcpListener;

use crate::watched::Watched;

#[tokio::test]
async fn an_encrypted_connection_is_verified_and_its_time_is_taken() {
    let server = PostgresServer::start().await;
    for (parameters, authorities, encryption) in [
        ("sslmode=verify-full", Some(AUTHORITY), "TLSv1.3"),
        ("sslmode=require", Some(AUTHORITY), "TLSv1.3"),
        ("sslmode=prefer", None, "TLSv1.3"),
        ("", Some(AUTHORITY), "TLSv1.3"),
        ("sslmode=disable", None, "none"),
    ] {
        let mut watched = Watched::new(&server.url("watcher", PASSWORD, "pulp", parameters), authorities);
        watched.begin().await.unwrap();
        watched.look().await.unwrap();
        let seen = watched.recording.fact("encryption").unwrap();
        assert!(seen.starts_with(encryption), "{parameters}: {seen}");
        let [p50, p99, max] = ["p50", "p99", "max"]
            .map(|statistic| watched.figure(&format!("connectTime.{statistic}Milliseconds")).unwrap());
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max && max < 5_000.0, "{p50} {p99} {max}");
        assert_eq!(watched.figure("connectFailures.total"), Some(0.0));
        assert!(watched.figure("connectTimeMilliseconds.mean") > Some(0.0));
    }
}

#[tokio::test]
async fn a_certificate_of_somebody_else_is_refused() {
    let server = PostgresServer::start().await;
    for (parameters, authorities) in [
        ("sslmode=verify-full", Some(ANOTHER_AUTHORITY)),
        ("sslmode=prefer", Some(ANOTHER_AUTHORITY)),
        ("sslmode=require", None),
    ] {
        let mut watched = Watched::new(&server.url("watcher", PASSWORD, "pulp", parameters), authorities);
        let error = watched.begin().await.unwrap_err();
        assert_eq!(error.reason, "Untrusted", "{parameters}: {error}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_and_appears_nowhere() {
    let server = PostgresServer::start().await;
    let mut watched = Watched::new(&server.url("watcher", "the-wrong-one", "pulp", ""), None);
    let error = watched.begin().await.unwrap_err();
    assert_eq!(error.reason, "Unauthorized");
    assert!(error.message.contains("password authentication failed"), "{error}");
    let again = watched.look().await.unwrap_err();
    assert_eq!(watched.reasons(), ["Unauthorized"]);
    assert_eq!(watched.figure("connectFailures.total"), Some(1.0));
    let all = format!("{error} {again} {}", serde_json::to_string(&watched.recording).unwrap());
    assert!(!all.contains("the-wrong-one"), "{all}");
}

#[tokio::test]
async fn connections_that_the_server_has_no_room_for_are_counted() {
    let server = PostgresServer::start().await;
    let mut watched = Watched::begun(&server, "watcher").await;
    watched.look().await.unwrap();
    let mut others = Vec::new();
    // All that ordinary roles may have: 30, less the three that are reserved.
    while let Ok((client, connection)) = tokio_postgres::connect(
        &server.url("nobody", PASSWORD, "pulp", "sslmode=disable"),
        tokio_postgres::NoTls,
    )
    .await
    {
        others.push(client);
        tokio::spawn(connection);
    }
    watched.look().await.unwrap();
    assert_eq!(watched.reasons(), ["TooManyConnections"]);
    assert!(watched.recording.shortfalls()[0].message.contains("PostgreSQL says: "));
    assert_eq!(watched.figure("connectFailures.total"), Some(1.0));
    assert_eq!(watched.figure("connections.max"), Some(27.0));
    assert_eq!(watched.figure("connectionsPercentOfMax.max"), Some(100.0));
    drop(others);
    until("there is room again", SOON, async || {
        let failures = watched.figure("connectFailures.total");
        watched.look().await.unwrap();
        (watched.figure("connectFailures.total") == failures).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for_long() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut watched = Watched::new(&format!("postgresql://u:p@127.0.0.1:{port}/d"), None);
    let started = Instant::now();
    let error = watched.begin().await.unwrap_err();
    assert_eq!(error.reason, "DeadlineExceeded");
    assert!(started.elapsed().as_secs() < 10);
}
