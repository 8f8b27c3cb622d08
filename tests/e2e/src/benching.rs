//! What the benchmarks have in common.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use throughput_crds::ThroughputTestStatus;

use crate::Cluster;
use crate::usage::{Usage, operator_usage};

/// The metrics API answers with the use of the last quarter of a minute or so.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Waits for a test's end, and looks meanwhile at what the operator uses at most.
pub async fn until_finished(cluster: &Cluster, name: &str, limit: Duration) -> (ThroughputTestStatus, Usage) {
    let (mut usage, mut finished) = (Usage::default(), std::pin::pin!(cluster.until_finished(name, limit)));
    loop {
        match tokio::time::timeout(SAMPLE_EVERY, &mut finished).await {
            Ok(status) => return (status, usage),
            Err(_) => usage = usage.largest(operator_usage(cluster).await),
        }
    }
}

/// How long a cell's result was waited for after its last task had ended.
///
/// # Panics
/// The cell of the report has no timeline, or was not drained.
pub fn seconds_from_drain_to_result(cell: &Value) -> f64 {
    let timeline = cell["timeline"].as_array().expect("a timeline");
    let began = |stage: &str| timeline.iter().find(|entry| entry["stage"] == stage);
    let drained = began("Settling").or_else(|| began("Collecting")).expect("a cell that was drained");
    instant(&cell["finishedAt"]) - instant(&drained["since"])
}

/// An instant of a report, in seconds.
///
/// # Panics
/// It is none.
pub fn instant(value: &Value) -> f64 {
    let instant: Timestamp = value.as_str().expect("an instant").parse().expect("an instant");
    instant.as_duration().as_secs_f64()
}

/// All sources that the local cluster has something for; the database's connection is in this Secret.
pub fn all_sources(secret: &str) -> Value {
    let selector = |pod: &str| json!({"app": "pulp", "pod": pod});
    json!({
        "provenance": {"deployments": ["pulp-api"]},
        "pods": [
            {"name": "api", "selector": selector("pulp-api"), "kubelet": true},
            {"name": "workers", "selector": selector("pulp-worker"), "kubelet": true},
        ],
        "postgres": {"secretRef": {"name": secret}},
        "logs": {"pods": [{"selector": selector("pulp-api")}, {"selector": selector("pulp-worker")}]},
    })
}

/// The value in the middle; between two, their mean.
///
/// # Panics
/// There is none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
