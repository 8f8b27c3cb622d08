//! A real Prometheus that scrapes each second.

use jiff::Timestamp;
use throughput_server_tests::{Exporter, PrometheusServer};
use throughput_sources::source::Window;
use throughput_test_support::wait::{SOON, until};

use crate::watched::{Watched, instant, past, range};

const BEFORE: &str = "depth{queue=\"a\"} 5\ndepth{queue=\"b\"} 1\ndone_total 100\n";
const AFTER: &str = "depth{queue=\"a\"} 9\ndepth{queue=\"b\"} 2\ndone_total 150\n";

async fn until_seen(server: &PrometheusServer, query: &str) {
    until("Prometheus has scraped what is new", SOON, async || {
        let seen = server.query(query).await?;
        seen["data"]["result"].as_array().filter(|rows| !rows.is_empty()).map(|_| ())
    })
    .await;
}

#[tokio::test]
async fn queries_over_the_window_become_figures_and_series() {
    let exporter = Exporter::start(BEFORE).await;
    let server = PrometheusServer::start(&exporter).await;
    until_seen(&server, "depth == 5").await;
    let start = Timestamp::now();
    until_seen(&server, "count_over_time(depth{queue=\"a\"}[1m]) >= 3").await;
    exporter.set(AFTER);
    until_seen(&server, "depth == 9").await;
    let window = Window { start, end: Timestamp::now() };
    let queries = [
        range("queueDepth", "depth"),
        range("ofNothing", "absent_metric"),
        instant("allDepth", "sum(depth)"),
        instant("largestDepth", "max_over_time(depth{queue=\"a\"}[$(window)])"),
        instant("severalDepths", "depth"),
        instant("mistaken", "sum(depth"),
    ];
    let mut watched = Watched::new(&server.url(), None, &queries, window);
    watched.until_settled().await;
    assert_eq!(watched.figure("queueDepth.max"), Some(9.0));
    assert_eq!(watched.figure("queueDepth.min"), Some(1.0));
    assert_eq!(watched.figure("allDepth.value"), Some(11.0));
    assert_eq!(watched.figure("largestDepth.value"), Some(9.0));
    assert_eq!(watched.figure("severalDepths.value"), None);
    assert_eq!(watched.unknown_figures(&queries), Vec::<String>::new());
    let report = watched.recording.report();
    let subjects: Vec<&str> = report.series.iter().map(|series| series.subject.as_str()).collect();
    assert_eq!(subjects, ["a", "b"]);
    let first = &report.series[0].points;
    assert_eq!((first[0].max, first[first.len() - 1].max), (5.0, 9.0));
    assert_eq!(watched.reasons(), ["NoData", "SeveralSeries", "BadQuery"]);
    assert!(watched.recording.shortfalls()[2].message.contains("parse error"), "Prometheus's own words");
    let seconds = (window.end.as_millisecond() - window.start.as_millisecond() + 999) / 1_000;
    let asked = format!("max_over_time(depth{{queue=\"a\"}}[{seconds}s])");
    assert_eq!(watched.recording.fact("query largestDepth"), Some(asked.as_str()));
}

#[tokio::test]
async fn a_prometheus_that_is_gone_is_told() {
    let exporter = Exporter::start(BEFORE).await;
    let mut server = PrometheusServer::start(&exporter).await;
    server.stop();
    let mut watched =
        Watched::new(&server.url(), None, &[range("a", "depth"), instant("b", "depth")], past());
    watched.until_settled().await;
    assert_eq!(watched.reasons(), ["Unreachable"]);
    assert_eq!(watched.recording.shortfalls()[0].count, 2);
}
