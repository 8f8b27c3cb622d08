//! What the measurements of the operator's own costs have in common.
#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a measurement that cannot be made shall stop"
)]

pub mod memory;
pub mod nodes;
pub mod observer;
pub mod process;
pub mod pulp;
pub mod ratio;
pub mod speed;
pub mod usage;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use throughput_crds::ThroughputTestStatus;
use throughput_e2e_tests::Cluster;

use crate::usage::{Usage, operator_usage};

/// The metrics API answers with the use of the last quarter of a minute or so.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Whether it is only to be shown that a measurement still comes to figures, which then say nothing: `--short`.
pub fn is_short() -> bool {
    std::env::args().any(|argument| argument == "--short")
}

/// The first, or the second when it is [to be short](is_short).
pub fn or_short<T>(whole: T, short: T) -> T {
    if is_short() { short } else { whole }
}

/// The folder of the operator's programs as they were built for its images: beside that of this program, named after the
/// profile, `OPERATOR_PROFILE`, which is `dist` unless it says otherwise.
pub fn programs() -> PathBuf {
    let profile = std::env::var("OPERATOR_PROFILE").unwrap_or_else(|_| "dist".to_owned());
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().expect("a folder");
    // A test is in a folder below.
    let folder = if folder.ends_with("deps") { folder.parent().expect("a folder") } else { folder };
    folder.with_file_name(profile)
}

/// Measures two ways in turns, each so many times, and tells each pair with its number. Whoever is first in a pair is
/// second in the next: what drifts takes from both.
pub async fn in_turns<T>(
    pairs: usize,
    one: impl AsyncFn() -> T,
    other: impl AsyncFn() -> T,
    tell: impl Fn(usize, &(T, T)),
) -> Vec<(T, T)> {
    let mut measured = Vec::with_capacity(pairs);
    for number in 1..=pairs {
        let pair = if number % 2 == 1 {
            let first = one().await;
            (first, other().await)
        } else {
            let first = other().await;
            (one().await, first)
        };
        tell(number, &pair);
        measured.push(pair);
    }
    measured
}

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
    instant(&cell["finishedAt"]) - drained_at(cell).as_duration().as_secs_f64()
}

/// From when to when a cell's tasks were dispatched and worked on.
///
/// # Panics
/// The cell of the report has no timeline, or nothing was dispatched, or it was not drained.
pub fn measured_between(cell: &Value) -> (Timestamp, Timestamp) {
    (began(cell, "Dispatching").expect("a cell that was dispatched"), drained_at(cell))
}

fn drained_at(cell: &Value) -> Timestamp {
    began(cell, "Settling").or_else(|| began(cell, "Collecting")).expect("a cell that was drained")
}

/// When a stage of a cell began, if it did.
///
/// # Panics
/// The cell of the report has no timeline.
pub fn began(cell: &Value, stage: &str) -> Option<Timestamp> {
    let timeline = cell["timeline"].as_array().expect("a timeline");
    let entry = timeline.iter().find(|entry| entry["stage"] == stage)?;
    Some(timestamp(&entry["since"]))
}

/// An instant of a report, in seconds.
///
/// # Panics
/// It is none.
pub fn instant(value: &Value) -> f64 {
    timestamp(value).as_duration().as_secs_f64()
}

fn timestamp(value: &Value) -> Timestamp {
    value.as_str().expect("an instant").parse().expect("an instant")
}

/// All sources that the local cluster has something for; the database's connection is in this Secret.
pub fn all_sources(secret: &str) -> Value {
    let selector = |pod: &str| json!({"matchLabels": {"app": "pulp", "pod": pod}});
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn whoever_is_first_in_a_pair_is_second_in_the_next() {
        let order = RefCell::new(String::new());
        let run = async |name: char| {
            order.borrow_mut().push(name);
            name
        };
        let tell = |number: usize, _: &(char, char)| order.borrow_mut().push_str(&number.to_string());
        let pairs = in_turns(3, async || run('a').await, async || run('b').await, tell).await;
        assert_eq!((pairs, order.into_inner().as_str()), (vec![('a', 'b'); 3], "ab1ba2ab3"));
    }
}
