//! Measures what it costs that a run is watched by its sources: tasks per second with all of them against none, in turns,
//! and what the operator itself uses. The machine's own speed is measured meanwhile, and the ratio is told as it was, and
//! as it is at equal speed. Ends with lines `figure NAME VALUE UNIT goal GOAL met|short`. `bench-observe SOURCE...` leaves
//! sources out, to see what they cost.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

use std::time::Duration;

use serde_json::{Value, json};
use throughput_bench::ratio::Ratio;
use throughput_bench::speed::Speedometer;
use throughput_bench::usage::Usage;
use throughput_bench::{
    all_sources, in_turns, measured_between, median, or_short, seconds_from_drain_to_result, until_finished,
};
use throughput_crds::Verdict;
use throughput_e2e_tests::{Cluster, database_secret, sql};
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "bench-observe";
/// Pairs that are measured: at equal speed one of them is right to some 2 % on a machine that is shared with others.
const PAIRS: usize = 16;
/// Fewer have no figure at equal speed.
const LEAST_PAIRS: usize = 4;
/// One to two minutes of work on two cores.
const TASKS: u64 = 1_500;
const RUN: Duration = Duration::from_mins(20);
/// The share of the tasks per second that has to remain, at the lower end of the interval.
const LEAST_RATIO: f64 = 0.97;

/// What one run came to.
struct Measured {
    tasks_per_second: f64,
    machine_speed: f64,
    usage: Usage,
    seconds_from_drain_to_result: f64,
    cell_bytes: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tasks = or_short(TASKS, 200);
    let mut sources = all_sources(NAME);
    for left_out in std::env::args().skip(1).filter(|argument| argument != "--short") {
        sources.as_object_mut().unwrap().remove(&left_out).expect("a source that is measured");
    }
    let names: Vec<&String> = sources.as_object().unwrap().keys().collect();
    println!("{tasks} tasks a cell; sources: {names:?}");
    let cluster = Cluster::connect().await;
    database_secret(&cluster, NAME).await;
    let speedometer = Speedometer::start();
    let run = async |observe: &Value| measured(&cluster, &speedometer, tasks, observe).await;
    let nothing = json!({});
    let (watched, plain) = (async || run(&sources).await, async || run(&nothing).await);
    let pairs = in_turns(or_short(PAIRS, LEAST_PAIRS), watched, plain, |number, (with, without)| {
        println!(
            "pair {number}: {:.3} tasks/s with the sources, {:.3} with none; the machine's speed {:.1} and {:.1}",
            with.tasks_per_second, without.tasks_per_second, with.machine_speed, without.machine_speed
        );
    })
    .await;
    let figures = |of: fn(&Measured) -> f64| -> Vec<(f64, f64)> {
        pairs.iter().map(|(with, without)| (of(with), of(without))).collect()
    };
    tell_ratios(&figures(|run| run.tasks_per_second), &figures(|run| run.machine_speed));
    let (watched, plain): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
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

/// Tells how watched runs compare with others, as it was and at equal speed of the machine.
fn tell_ratios(figures: &[(f64, f64)], speeds: &[(f64, f64)]) {
    for (which, name, ratio) in [
        ("as it was", "watched_to_unwatched_tasks_per_second_low", Ratio::of(figures)),
        (
            "at equal speed of the machine",
            "watched_to_unwatched_at_equal_speed_low",
            Ratio::at_equal_speed(figures, speeds),
        ),
    ] {
        let Ratio { mean, low, high } = ratio.expect("several pairs of figures");
        println!(
            "ratio {which}: {mean:.4}, 95 % interval {low:.4} to {high:.4}, {} pairs in turns",
            figures.len()
        );
        let met = if low >= LEAST_RATIO { "met" } else { "short" };
        println!("figure {name} {low:.4} ratio goal {LEAST_RATIO} {met}");
    }
}

async fn measured(cluster: &Cluster, speedometer: &Speedometer, tasks: u64, observe: &Value) -> Measured {
    // Each run begins with tables in the same state. Else PostgreSQL would tidy up in some of the runs: Pulp keeps all tasks.
    sql::one("VACUUM (ANALYZE)").await;
    cluster.create(NAME, spec(tasks, observe)).await;
    let (status, usage) = until_finished(cluster, NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    let (start, end) = measured_between(&report["cells"][0]);
    Measured {
        tasks_per_second: status.results[0].tasks_per_second.as_deref().unwrap().parse().unwrap(),
        machine_speed: speedometer.between(start, end).expect("work that was done meanwhile"),
        usage,
        seconds_from_drain_to_result: seconds_from_drain_to_result(&report["cells"][0]),
        cell_bytes: cluster.cell_bytes(NAME, 0).await,
    }
}

fn spec(tasks: u64, observe: &Value) -> PulpSpec {
    PulpSpec::of(tasks).requests_of(50, "0").with("observe", observe.clone())
}
