//! What statements cost, by `pg_stat_statements`.

use throughput_server_tests::PostgresServer;
use throughput_sources::source::Settled;
use throughput_test_support::wait::{SOON, until};

use crate::watched::Watched;

#[tokio::test]
async fn the_slow_statements_of_the_window_are_told_also_when_the_operator_restarts() {
    let server = PostgresServer::start().await;
    let client = server.administrator("pulp").await;
    client.batch_execute("SELECT pg_sleep(0.2)").await.unwrap();
    let mut before = Watched::begun(&server, "watcher").await;
    client.batch_execute("SELECT pg_sleep(0.1)").await.unwrap();
    before.look().await.unwrap();
    let stored = serde_json::to_string(&before.recording).unwrap();
    assert!(stored.len() < 60_000, "{} bytes", stored.len());
    let mut watched =
        Watched::new(&server.url("watcher", throughput_server_tests::PASSWORD, "pulp", ""), None);
    watched.recording = serde_json::from_str(&stored).unwrap();
    watched.begin().await.unwrap();
    for _ in 0..20 {
        client.simple_query("SELECT 1 AS one, 2 AS two, 3 AS quick").await.unwrap();
    }
    client.batch_execute("SELECT pg_sleep(0.1)").await.unwrap();
    // A session tells of its transactions about once a second.
    until("the commits are counted", SOON, async || {
        client.simple_query("SELECT 1 AS one, 2 AS two").await.unwrap();
        watched.look().await.unwrap();
        watched.figure("commits.total").filter(|commits| *commits >= 20.0)
    })
    .await;
    assert_eq!(watched.settle().await, Ok(Settled::Complete));
    assert_eq!(watched.reasons(), Vec::<String>::new());
    let by_total = watched.rows("Statements by total time");
    assert_eq!(by_total[0][..2], ["SELECT pg_sleep($1)", "2"]);
    assert_eq!(watched.rows("Statements by mean time")[0], by_total[0]);
    assert!(
        by_total.iter().any(|row| row[..2] == ["SELECT $1 AS one, $2 AS two, $3 AS quick", "20"]),
        "{by_total:#?}"
    );
    assert!(
        !by_total.iter().any(|row| row[0].contains("pg_stat_activity")),
        "our own are left out: {by_total:#?}"
    );
    assert!(watched.figure("statements.totalMilliseconds") >= Some(200.0));
    assert!(watched.figure("statements.slowestMeanMilliseconds") >= Some(100.0));
    assert!(watched.figure("statements.calls") >= Some(22.0));
    assert_eq!(watched.unknown_figures(), Vec::<String>::new());
}

#[tokio::test]
async fn a_reset_within_the_window_is_told() {
    let server = PostgresServer::start().await;
    let client = server.administrator("pulp").await;
    client.batch_execute("SELECT pg_sleep(0.2)").await.unwrap();
    let mut watched = Watched::begun(&server, "watcher").await;
    client.simple_query("SELECT pg_stat_statements_reset()").await.unwrap();
    client.batch_execute("SELECT pg_sleep(0.05)").await.unwrap();
    assert_eq!(watched.settle().await, Ok(Settled::Complete));
    assert_eq!(watched.reasons(), ["StatementsReset"]);
    assert_eq!(watched.rows("Statements by total time")[0][..2], ["SELECT pg_sleep($1)", "1"]);
}

#[tokio::test]
async fn without_the_extension_that_is_a_fact_and_nothing_falls_short() {
    let server = PostgresServer::start().await;
    server.administrator("pulp").await.batch_execute("DROP EXTENSION pg_stat_statements").await.unwrap();
    let mut watched = Watched::begun(&server, "watcher").await;
    watched.look().await.unwrap();
    assert_eq!(watched.settle().await, Ok(Settled::Complete));
    assert_eq!(watched.recording.fact("pg_stat_statements"), Some("not installed"));
    assert_eq!(watched.reasons(), Vec::<String>::new());
    assert_eq!(watched.figure("statements.calls"), None);
}

#[tokio::test]
async fn statements_of_others_are_said_to_be_hidden_from_a_role_without_rights() {
    let server = PostgresServer::start().await;
    let mut watched = Watched::begun(&server, "nobody").await;
    assert_eq!(watched.settle().await, Ok(Settled::Complete));
    assert_eq!(watched.reasons(), ["StatementsHidden"]);
    assert!(watched.recording.shortfalls()[0].message.contains("statements of other users"));
}
