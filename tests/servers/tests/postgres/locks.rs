//! Sessions that wait, on purpose.

use throughput_server_tests::PostgresServer;
use throughput_test_support::wait::{SOON, until};
use tokio_postgres::Client;

use crate::watched::Watched;

/// Runs a statement in the background, whose end nobody awaits.
fn in_background(client: Client, statement: &'static str) {
    tokio::spawn(async move { client.batch_execute(statement).await });
}

async fn until_blocked(watched: &mut Watched, sessions: f64) {
    until("sessions are blocked", SOON, async || {
        watched.look().await.unwrap();
        watched.figure("blockedSessions.max").filter(|blocked| *blocked >= sessions)
    })
    .await;
}

#[tokio::test]
async fn sessions_that_wait_for_locks_are_seen_with_who_holds_them() {
    let server = PostgresServer::start().await;
    let holder = server.administrator("pulp").await;
    holder
        .batch_execute("CREATE TABLE task (id int PRIMARY KEY, note text); INSERT INTO task VALUES (1)")
        .await
        .unwrap();
    let mut watched = Watched::begun(&server, "watcher").await;
    watched.look().await.unwrap();
    assert_eq!(watched.figure("blockedSessions.max"), Some(0.0));
    holder
        .batch_execute(
            "BEGIN; SELECT pg_advisory_lock(4711); UPDATE task SET note = 'for nobody' WHERE id = 1",
        )
        .await
        .unwrap();
    in_background(server.administrator("pulp").await, "SELECT pg_advisory_lock(4711)");
    until_blocked(&mut watched, 1.0).await;
    in_background(
        server.administrator("pulp").await,
        "UPDATE task SET note = 'for nobody either' WHERE id = 1",
    );
    until_blocked(&mut watched, 2.0).await;
    in_background(server.administrator("pulp").await, "BEGIN; LOCK TABLE task");
    until_blocked(&mut watched, 3.0).await;
    let mut rows = watched.rows("Lock waits");
    rows.sort();
    let named: Vec<[&str; 4]> =
        rows.iter().map(|row| [&row[0], &row[2], &row[4], &row[5]].map(String::as_str)).collect();
    let holding = "BEGIN; SELECT pg_advisory_lock(?); UPDATE task SET note = ? WHERE id = ?";
    let expected = [
        ["a row of task", "ShareLock", "UPDATE task SET note = ? WHERE id = ?", holding],
        ["advisory lock 4711", "ExclusiveLock", "SELECT pg_advisory_lock(?)", holding],
        ["task", "AccessExclusiveLock", "BEGIN; LOCK TABLE task", holding],
    ];
    for wait in expected {
        // Of two who keep others from a table, any is named.
        let is_it = |row: &[&str; 4]| row[..3] == wait[..3] && (row[3] == wait[3] || wait[0] == "task");
        assert!(named.iter().any(is_it), "{wait:?} is not in {named:#?}");
    }
    assert!(watched.largest("waitingSessions", "Lock:advisory") >= Some(1.0));
    assert_eq!(watched.largest("sessions", "idle in transaction"), Some(1.0));
    assert!(watched.figure("longestBlockedSeconds.max") > Some(0.0));
    assert!(watched.figure("longestTransactionSeconds.max") > Some(0.0));
    assert_eq!(watched.reasons(), Vec::<String>::new());
    holder.batch_execute("COMMIT; SELECT pg_advisory_unlock_all()").await.unwrap();
    until("nobody waits any more", SOON, async || {
        watched.look().await.unwrap();
        let series = watched.recording.report().series;
        let blocked = series.into_iter().find(|one| one.metric == "blockedSessions")?;
        blocked.points.last().filter(|point| point.min == 0.0).map(|_| ())
    })
    .await;
    let stored = serde_json::to_string(&watched.recording).unwrap();
    assert!(!stored.contains("for nobody"), "{stored}");
}

#[tokio::test]
async fn a_role_without_rights_sees_what_remains_and_says_what_is_hidden() {
    let server = PostgresServer::start().await;
    let holder = server.administrator("pulp").await;
    let mut watched = Watched::begun(&server, "nobody").await;
    holder.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)").await.unwrap();
    in_background(server.administrator("pulp").await, "SELECT pg_advisory_xact_lock(1)");
    until_blocked(&mut watched, 1.0).await;
    assert!(watched.figure("connections.max") >= Some(3.0));
    assert!(watched.figure("connectTime.p50Milliseconds") > Some(0.0));
    assert!(watched.figure("commits.total").is_some());
    assert!(watched.largest("sessions", "hidden") >= Some(1.0));
    assert_eq!(watched.figure("activeSessions.max"), None);
    assert_eq!(watched.recording.fact("seesOtherUsers"), Some("false"));
    assert_eq!(watched.reasons(), ["RightsMissing"]);
    assert!(watched.recording.shortfalls()[0].message.contains("GRANT pg_monitor"));
    let summary = watched.recording.report().summary;
    let is_whole = |figure: &str| summary.shortfall_of(figure).is_none();
    assert!(is_whole("postgres.blockedSessions.max") && is_whole("postgres.commitsPerSecond.max"));
    assert!(!is_whole("postgres.sessions.max") && !is_whole("postgres.longestTransactionSeconds.max"));
}
