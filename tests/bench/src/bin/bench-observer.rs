//! Measures what it costs the tasks that the operator watches them: tasks per second with Pulp asked at the usual
//! pace against once a minute, in turns. Ends with a line `figure NAME VALUE UNIT goal GOAL met|short`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

use std::time::Duration;

use throughput_bench::ratio::Ratio;
use throughput_bench::{in_turns, or_short};
use throughput_crds::Verdict;
use throughput_e2e_tests::{Cluster, change_operator};
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "bench-observer";
/// Pairs that are measured.
const PAIRS: usize = 6;
/// A minute or more of work on two cores, so that even once a minute there is something to see.
const TASKS: u64 = 1_500;
const RUN: Duration = Duration::from_mins(20);
/// The share of the tasks per second that watching them may cost.
const MOST_PERCENT: f64 = 2.0;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = Cluster::connect().await;
    let (usual, rare) =
        (async || tasks_per_second(&cluster, "").await, async || tasks_per_second(&cluster, "1m").await);
    let pairs = in_turns(or_short(PAIRS, 2), usual, rare, |number, (usual, rare)| {
        println!("pair {number}: {usual:.3} tasks/s at the usual pace, {rare:.3} once a minute");
    })
    .await;
    set_interval(&cluster, "").await;
    let Ratio { mean, low, high } = Ratio::of(&pairs).expect("several pairs of figures");
    println!("ratio {mean:.4}, 95 % interval {low:.4} to {high:.4}, {} pairs in turns", pairs.len());
    let cost = (1.0 - mean) * 100.0;
    let met = if cost <= MOST_PERCENT { "met" } else { "short" };
    println!("figure watching_costs_of_tasks_per_second {cost:.2} % goal {MOST_PERCENT} {met}");
}

/// Runs one cell, with Pulp asked no more often than this.
async fn tasks_per_second(cluster: &Cluster, interval: &str) -> f64 {
    set_interval(cluster, interval).await;
    cluster.create(NAME, spec()).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    status.results[0].tasks_per_second.as_deref().unwrap().parse().unwrap()
}

async fn set_interval(cluster: &Cluster, interval: &str) {
    change_operator(cluster, "--set-string", &format!("pollingInterval={interval}")).await;
}

fn spec() -> PulpSpec {
    PulpSpec::of(or_short(TASKS, 200)).requests_of(50, "0")
}
