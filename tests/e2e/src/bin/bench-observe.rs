//! Measures what it costs that a run is watched by its sources: tasks per second with all of them against none, in turns,
//! and what the operator itself uses. Ends with lines `figure NAME VALUE UNIT goal GOAL met|short`. `bench-observe TASKS
//! SOURCE...` takes another number of tasks, and leaves sources out, to see what they cost.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

use std::time::Duration;

use serde_json::{Value, json};
use throughput_crds::Verdict;
use throughput_e2e_tests::benching::{all_sources, median, seconds_from_drain_to_result, until_finished};
use throughput_e2e_tests::ratio::Ratio;
use throughput_e2e_tests::usage::Usage;
use throughput_e2e_tests::{Cluster, WORKERS, database_secret};

const NAME: &str = "bench-observe";
/// Pairs that are measured: one of them is right to some 5 % on a machine that has other things to do, too.
const PAIRS: usize = 20;
/// One to two minutes of work on two cores.
const TASKS: u64 = 1_500;
const RUN: Duration = Duration::from_mins(20);
/// The share of the tasks per second that has to remain, at the lower end of the interval.
const LEAST_RATIO: f64 = 0.97;

/// What one run came to.
struct Measured {
    tasks_per_second: f64,
    usage: Usage,
    seconds_from_drain_to_result: f64,
    cell_bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let tasks = arguments.next().map_or(TASKS, |tasks| tasks.parse().expect("a number of tasks"));
    let mut sources = all_sources(NAME);
    for left_out in arguments {
        sources.as_object_mut().unwrap().remove(&left_out).expect("a source that is measured");
    }
    let names: Vec<&String> = sources.as_object().unwrap().keys().collect();
    println!("{tasks} tasks a cell; sources: {names:?}");
    let cluster = Cluster::connect().await;
    database_secret(&cluster, NAME).await;
    let (mut watched, mut plain) = (Vec::new(), Vec::new());
    for number in 0..PAIRS {
        // Whoever is first in a pair is second in the next: what drifts takes from both.
        if number % 2 == 0 {
            watched.push(measured(&cluster, tasks, &sources).await);
            plain.push(measured(&cluster, tasks, &json!({})).await);
        } else {
            plain.push(measured(&cluster, tasks, &json!({})).await);
            watched.push(measured(&cluster, tasks, &sources).await);
        }
        let (with, without) = (watched[number].tasks_per_second, plain[number].tasks_per_second);
        println!("pair {}: {with:.3} tasks/s with the sources, {without:.3} with none", number + 1);
    }
    let pairs: Vec<(f64, f64)> = watched
        .iter()
        .zip(&plain)
        .map(|(one, other)| (one.tasks_per_second, other.tasks_per_second))
        .collect();
    let Ratio { mean, low, high } = Ratio::of(&pairs).expect("several pairs of figures");
    println!("ratio {mean:.4}, 95 % interval {low:.4} to {high:.4}, {PAIRS} pairs in turns");
    let met = if low >= LEAST_RATIO { "met" } else { "short" };
    println!("figure watched_to_unwatched_tasks_per_second_low {low:.4} ratio goal {LEAST_RATIO} {met}");
    for (name, runs) in [("watched", &watched), ("unwatched", &plain)] {
        let largest = runs.iter().map(|run| run.usage).fold(Usage::default(), Usage::largest);
        println!("figure operator_memory_{name} {:.2} MB", largest.megabytes());
        println!("figure operator_cpu_{name} {} millicores", largest.millicores);
        println!(
            "figure drain_to_result_{name} {:.2} s",
            median(runs.iter().map(|run| run.seconds_from_drain_to_result))
        );
        println!(
            "figure cell_bytes_{name} {}",
            runs.iter().map(|run| run.cell_bytes).max().unwrap_or_default()
        );
    }
}

async fn measured(cluster: &Cluster, tasks: u64, observe: &Value) -> Measured {
    cluster.create(NAME, spec(tasks, observe)).await;
    let (status, usage) = until_finished(cluster, NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    Measured {
        tasks_per_second: status.results[0].tasks_per_second.as_deref().unwrap().parse().unwrap(),
        usage,
        seconds_from_drain_to_result: seconds_from_drain_to_result(&report["cells"][0]),
        cell_bytes: cluster.cell_bytes(NAME, 0).await,
    }
}

fn spec(tasks: u64, observe: &Value) -> Value {
    json!({
        "target": {"service": {"name": "pulp-api", "port": 24817}, "pulp": {"credentials": {"secretRef": {"name": "pulp-admin"}}}},
        "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKERS}}],
        "workload": {"pulpTasks": {"tasks": tasks, "dispatch": {"testView": {"query": {"tasks": "50", "sleep": "0"}, "tasksPerRequest": 50}}}},
        "observe": observe,
    })
}
