//! Measures what the operator itself costs, on the local cluster, and ends with one line per figure:
//! `figure NAME VALUE UNIT goal GOAL met|short`.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

use std::time::Duration;

use serde_json::{Value, json};
use throughput_bench::observer::Requests;
use throughput_bench::usage::{Usage, megabytes, operator_usage};
use throughput_bench::{SAMPLE_EVERY, began, instant, median, or_short, programs, until_finished};
use throughput_crds::Verdict;
use throughput_e2e_tests::Cluster;
use throughput_test_support::program;
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "bench-overhead";
const OBSERVED: &str = "bench-observed";
/// How often each of two cells is measured; the median of all is quoted.
const REPEATS: u64 = 3;
/// Requests of one task each.
const REQUESTS: u64 = 10_000;
const RUN: Duration = Duration::from_mins(30);
/// 10,000 requests and tasks on two cores.
const LONG_RUN: Duration = Duration::from_hours(1);
const IDLE_SAMPLES: u32 = 10;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = Cluster::connect().await;
    let mut idle = Usage::default();
    for _ in 0..or_short(IDLE_SAMPLES, 2) {
        idle = idle.largest(operator_usage(&cluster).await);
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
    cluster.create(NAME, spec()).await;
    let (status, working) = until_finished(&cluster, NAME, RUN).await;
    assert_eq!(status.results.len() as u64, 2 * repeats(), "{status:#?}");
    let report = cluster.report(NAME).await;
    let mut overheads: Vec<f64> = report["cells"].as_array().unwrap().iter().map(overhead_seconds).collect();
    overheads.sort_by(f64::total_cmp);
    let (of_requests, of_time) = observer_share(&cluster).await;
    figure("observer_share_of_requests", of_requests * 100.0, "%", 1.0);
    figure("observer_share_of_request_time", of_time * 100.0, "%", 1.0);
    figure("cell_overhead_median", median(overheads.iter().copied()), "s", 10.0);
    figure("cell_overhead_max", *overheads.last().unwrap(), "s", 10.0);
    figure("operator_memory_idle", idle.megabytes(), "MB", 30.0);
    figure("operator_memory_in_run", working.megabytes(), "MB", 30.0);
    figure("operator_cpu_idle", f64::from(idle.millicores), "millicores", 10.0);
    figure("operator_cpu_in_run", f64::from(working.millicores), "millicores", 50.0);
    for (program, goal) in [("throughput-operator", 25.0), ("throughput-loadgen", 15.0)] {
        let size = std::fs::metadata(programs().join(program)).expect("a built program").len();
        figure(&format!("binary_{}", program.replace('-', "_")), megabytes(size), "MB", goal);
    }
    for (image, goal) in [("operator", 30.0), ("loadgen", 20.0)] {
        figure(&format!("image_{image}"), megabytes(image_bytes(image).await), "MB", goal);
    }
}

fn repeats() -> u64 {
    or_short(REPEATS, 1)
}

fn spec() -> PulpSpec {
    PulpSpec::of(200).workers(&[1, 3]).requests_of(50, "0").with("repeat", json!(repeats()))
}

/// The operator's own share in the requests to Pulp's API while tasks are dispatched, one a request, and
/// worked off: of their number, and of the time that they take.
async fn observer_share(cluster: &Cluster) -> (f64, f64) {
    let before = Requests::of_operator(cluster).await;
    let spec =
        PulpSpec::of(or_short(REQUESTS, 300)).requests_of(1, "0").with("load", json!({"concurrency": 2}));
    cluster.create(OBSERVED, spec).await;
    let status = cluster.until_finished(OBSERVED, LONG_RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let own = Requests::of_operator(cluster).await - before;
    own.share_beside(Requests::of_generators(&cluster.report(OBSERVED).await))
}

/// What a cell took beyond its work: all of it, less the time from the start of the dispatch to the end of
/// the last task, less the time from scaling until all workers were online.
fn overhead_seconds(cell: &Value) -> f64 {
    let began = |stage: &str| began(cell, stage).expect("a stage of the cell").as_duration().as_secs_f64();
    let last_task = instant(&cell["tasks"]["lastFinishedAt"]);
    let all = instant(&cell["finishedAt"]) - began("EmptyingQueue");
    let working = last_task - began("Dispatching");
    let scaling = began("StartingGenerators") - began("ScalingWorkers");
    all - working - scaling
}

fn figure(name: &str, value: f64, unit: &str, goal: f64) {
    println!("figure {name} {value:.2} {unit} goal {goal} {}", if value <= goal { "met" } else { "short" });
}

/// The size of the newest image of this name.
async fn image_bytes(name: &str) -> u64 {
    let image = format!("localhost/throughput/{name}");
    let listed = program::cluster(&["buildah", "images", "--json"]).await.expect("buildah images");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let of_name = |entry: &&Value| {
        let mut names = entry["names"].as_array().into_iter().flatten().filter_map(Value::as_str);
        names.any(|known| known.starts_with(&format!("{image}:")))
    };
    let entries = listed.as_array().unwrap();
    let newest =
        entries.iter().filter(of_name).max_by_key(|entry| entry["created"].as_i64()).expect("an image");
    let text = newest["size"].as_str().expect("a size");
    let (number, unit) = text.split_once(' ').expect("a number and a unit");
    let factor = match unit {
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        _ => 1.0,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in bytes")]
    let bytes = (number.parse::<f64>().expect("a number") * factor) as u64;
    bytes
}
