//! A server that goes away in mid-run, and comes again.

use throughput_server_tests::PostgresServer;

use crate::watched::Watched;

#[tokio::test]
async fn a_server_that_is_stopped_and_started_again_is_watched_again() {
    let mut server = PostgresServer::start().await;
    let mut watched = Watched::begun(&server, "watcher").await;
    watched.look().await.unwrap();
    server.stop();
    let lost = watched.look().await.unwrap_err();
    assert!(["ConnectionLost", "Unreachable"].contains(&lost.reason), "{lost:?}");
    let gone = watched.look().await.unwrap_err();
    assert_eq!(gone.reason, "Unreachable");
    server.start_again().await;
    watched.look().await.unwrap();
    assert_eq!(watched.reasons(), ["Unreachable", "ServerRestarted"]);
    assert_eq!(watched.figure("connectFailures.total"), Some(2.0));
}

#[tokio::test]
async fn what_the_source_asks_changes_nothing_and_is_known_by_its_name() {
    let server = PostgresServer::start().await;
    let administrator = server.administrator("pulp").await;
    let mut watched = Watched::begun(&server, "watcher").await;
    watched.look().await.unwrap();
    let own = "FROM pg_stat_activity WHERE application_name = 'throughput-operator'";
    let state: String =
        administrator.query_one(&format!("SELECT string_agg(state, ',') {own}"), &[]).await.unwrap().get(0);
    assert_eq!(state, "idle", "one connection, in no transaction");
    // A connection that somebody ends is made again at the next look.
    administrator.execute(&format!("SELECT pg_terminate_backend(pid) {own}"), &[]).await.unwrap();
    let ended = watched.look().await;
    assert!(ended.as_ref().map_or_else(|error| error.reason == "ConnectionLost", |()| true), "{ended:?}");
    watched.look().await.unwrap();
}
