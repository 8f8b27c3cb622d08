//! What a PostgreSQL writes when things go wrong, in its own words: each is known by its pattern, and by no other.

use std::collections::BTreeMap;
use std::process::Command;

use throughput_crds::{BuiltInPatterns, ObserveLogs};
use throughput_server_tests::{PASSWORD, PostgresServer};
use throughput_sources::logs::Patterns;
use throughput_test_support::wait::{SOON, until};
use tokio_postgres::{Client, NoTls};

/// How often each pattern is in the log.
fn counted(server: &PostgresServer) -> BTreeMap<String, u32> {
    let logs = ObserveLogs {
        pods: Vec::new(),
        cloud_watch: Vec::new(),
        built_in: vec![BuiltInPatterns::PostgreSql],
        patterns: Vec::new(),
    };
    let patterns = Patterns::of(&logs).unwrap();
    let mut counts = BTreeMap::new();
    for line in server.log().lines() {
        for pattern in patterns.matching(line) {
            *counts.entry(pattern.name().to_owned()).or_default() += 1;
        }
    }
    counts
}

async fn until_counted(server: &PostgresServer, pattern: &str, count: u32) {
    until(&format!("{pattern} is in the log"), SOON, async || {
        (counted(server).get(pattern) >= Some(&count)).then_some(())
    })
    .await;
}

/// An administrator's session with these settings.
async fn session(server: &PostgresServer, settings: &str) -> Client {
    let session = server.administrator("pulp").await;
    session.batch_execute(settings).await.unwrap();
    session
}

async fn refused(session: &Client, statement: &str) {
    session.batch_execute(statement).await.unwrap_err();
}

/// Two sessions that wait for each other: one of them is refused.
async fn deadlock(server: &PostgresServer) {
    let one = session(server, "SET deadlock_timeout = '20ms'; SELECT pg_advisory_lock(1)").await;
    let other = session(server, "SET deadlock_timeout = '1h'; SELECT pg_advisory_lock(2)").await;
    let waiting = tokio::spawn(async move { other.batch_execute("SELECT pg_advisory_lock(1)").await });
    refused(&one, "SELECT pg_advisory_lock(2)").await;
    drop(one);
    waiting.await.unwrap().unwrap();
}

async fn lock_wait(server: &PostgresServer) {
    let holder = session(server, "SELECT pg_advisory_lock(3)").await;
    let waiter = session(server, "SET deadlock_timeout = '20ms'; SET log_lock_waits = on").await;
    let waiting = tokio::spawn(async move { waiter.batch_execute("SELECT pg_advisory_lock(3)").await });
    until_counted(server, "postgresLockWait", 1).await;
    drop(holder);
    waiting.await.unwrap().unwrap();
}

async fn timeouts(server: &PostgresServer) {
    let hasty = session(server, "SET statement_timeout = '20ms'").await;
    refused(&hasty, "SELECT pg_sleep(60)").await;
    let holder = session(server, "SELECT pg_advisory_lock(4)").await;
    let impatient = session(server, "SET lock_timeout = '20ms'").await;
    refused(&impatient, "SELECT pg_advisory_lock(4)").await;
    drop(holder);
    let _idle = session(server, "SET idle_in_transaction_session_timeout = '20ms'; BEGIN").await;
    until_counted(server, "postgresTimeout", 3).await;
}

/// Connects until there is no place left.
async fn too_many_connections(server: &PostgresServer) {
    let url = server.url("nobody", PASSWORD, "pulp", "sslmode=disable");
    let mut connections = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await {
        connections.push((client, tokio::spawn(connection)));
    }
    until_counted(server, "postgresTooManyConnections", 1).await;
}

#[tokio::test]
async fn a_real_log_is_understood() {
    let server = PostgresServer::start().await;
    let plain = session(&server, "CREATE TABLE task (id int PRIMARY KEY); INSERT INTO task VALUES (1)").await;
    // What is left out: it says nothing about a run.
    refused(&plain, "SELECT * FROM not_migrated_yet").await;
    refused(&plain, "INSERT INTO task VALUES (1)").await;
    assert_eq!(counted(&server), BTreeMap::new(), "{}", server.log());
    refused(&plain, "SELECT 1 / 0").await;
    plain.batch_execute("SET log_min_duration_statement = 100; SELECT pg_sleep(0.2)").await.unwrap();
    deadlock(&server).await;
    lock_wait(&server).await;
    timeouts(&server).await;
    drop(plain);
    too_many_connections(&server).await;
    // There is always a place for administrators.
    let doomed = session(&server, "SELECT 1").await;
    let process: i32 = doomed.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
    until_counted(&server, "postgresCrash", 1).await;
    let expected = [
        ("postgresCrash", 1),
        ("postgresDeadlock", 1),
        // The division, the deadlock, and two of the time-outs.
        ("postgresError", 4),
        // The third, and the connection that had no place.
        ("postgresFatal", 2),
        ("postgresLockWait", 1),
        ("postgresSlowStatement", 1),
        ("postgresTimeout", 3),
        ("postgresTooManyConnections", 1),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count)).into();
    assert_eq!(counted(&server), expected, "{}", server.log());
}
