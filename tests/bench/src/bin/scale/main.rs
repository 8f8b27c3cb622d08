//! Measures how the operator bears many tests, against a real API server, and ends with one line per figure:
//! `figure NAME VALUE UNIT goal GOAL met|short`.
//!
//! The operator and its load generators are their release programs, as processes of this machine. What there is
//! not on this rung is stood in for: the nodes, and a Pulp that is always done.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot be made shall stop")]

mod many;
mod world;

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use serde_json::json;
use throughput_bench::or_short;
use throughput_bench::process::{Memory, OperatorProcess};
use throughput_crds::Stage;

use world::World;

/// How many tests there are when there are few.
const FEW: usize = 10;
/// How many there are when there are many.
const MANY: usize = 1_000;
/// How many are measured at once.
const RUNNING: usize = 20;
/// How many want the same workers at once.
const QUEUED: usize = 20;
/// How many looks the median is of.
const LOOKS: usize = 101;
/// How long the running tests are watched.
const WATCHED: Duration = Duration::from_mins(1);

#[tokio::main]
async fn main() {
    let world = World::new().await;
    let operator = world.operator().await;
    let finished = world
        .finished("sample", &json!([{"name": "concurrency", "of": "Load", "values": [1, 2, 3, 4, 5, 6]}]), 1)
        .await;
    let sizes = sizes_of_many_cells(&world).await;
    let between = between_queued(&world).await;
    let pattern = many::Pattern::of(&world.tenant, &finished).await;
    drop(operator);

    pattern.copy(&world.tenant, 0..FEW).await;
    let operator = world.operator().await;
    let few = median_look(&world, &operator).await;
    drop(operator);
    pattern.copy(&world.tenant, FEW..or_short(MANY, 50)).await;
    let operator = world.operator().await;
    let many = median_look(&world, &operator).await;
    let idle = operator.memory();
    let working = memory_in_run(&world, &operator).await;

    figure("queue_end_to_next_start_median", between[between.len() / 2] * 1e3, "ms", 3_000.0);
    figure("queue_end_to_next_start_largest", between[between.len() - 1] * 1e3, "ms", 3_000.0);
    figure("look_at_10_tests_median", few * 1e3, "ms", 50.0);
    figure("look_at_1000_tests_median", many * 1e3, "ms", 50.0);
    figure("look_at_1000_to_10_tests", many / few, "ratio", 1.5);
    figure("operator_memory_1000_finished", megabytes(idle.resident), "MB", 30.0);
    figure("operator_memory_1000_finished_20_running", megabytes(working.resident), "MB", 30.0);
    println!(
        "of which no file: {:.1} MB after looking at 1000, {:.1} MB with 20 running",
        megabytes(idle.anonymous),
        megabytes(working.anonymous)
    );
    let Sizes { status, report, largest_cell } = sizes;
    figure("status_64_cells", kilobytes(status), "kB", 100.0);
    figure("report_64_cells", kilobytes(report), "kB", 512.0);
    figure("cell_config_map_largest", kilobytes(largest_cell), "kB", 512.0);
}

/// Bytes as JSON.
struct Sizes {
    status: usize,
    report: usize,
    largest_cell: usize,
}

/// Runs a test of 64 cells of 10,000 tasks, as many as a test may have, and weighs what it leaves.
async fn sizes_of_many_cells(world: &World) -> Sizes {
    let matrix = json!([{"name": "concurrency", "of": "Load", "values": [1, 2, 3, 4, 5, 6, 7, 8]}]);
    let repeat = or_short(8, 1);
    let cells = 8 * repeat as usize;
    let test = world.finished("large", &matrix, repeat).await;
    let status = test.status.expect("a status");
    assert_eq!(status.results.len(), cells, "{status:#?}");
    let maps: Api<ConfigMap> = world.tenant.api();
    let of_test = ListParams::default().labels("perf.pulpproject.org/test=large");
    let maps = maps.list(&of_test).await.unwrap().items;
    assert_eq!(maps.len(), cells + 1, "one a cell, and the report");
    let bytes = |map: &ConfigMap| serde_json::to_vec(map).unwrap().len();
    let (report, cells): (Vec<&ConfigMap>, _) = maps.iter().partition(|map| map.name_any() == "large-report");
    Sizes {
        status: serde_json::to_vec(&status).unwrap().len(),
        report: bytes(report[0]),
        largest_cell: cells.into_iter().map(bytes).max().unwrap(),
    }
}

/// The times between the end of a test and the start of the next one that wants the same workers, in seconds, the shortest
/// first.
async fn between_queued(world: &World) -> Vec<f64> {
    let tests = world.queued(or_short(QUEUED, 3)).await;
    let statuses: Vec<_> = tests.iter().map(|test| test.status.as_ref().expect("a status")).collect();
    let between = statuses.windows(2).map(|pair| {
        let (end, start) = (pair[0].finished_at.expect("an end"), pair[1].started_at.expect("a start"));
        assert!(end <= start, "not one after the other: {end} {start}");
        start.duration_since(end).as_secs_f64()
    });
    let mut between: Vec<f64> = between.collect();
    between.sort_by(f64::total_cmp);
    between
}

/// How long the operator takes to look at a finished test: the median of several looks, one after the other, once
/// it has looked at all of them.
async fn median_look(world: &World, operator: &OperatorProcess) -> f64 {
    world.until_settled(operator).await;
    let wanted = or_short(LOOKS, 11);
    let mut looks = Vec::new();
    for number in 0..wanted {
        let before = world::looks(operator).await;
        world.poke(&many::name(number % FEW)).await;
        let after = world.until_looks(operator, before.count + 1.0).await;
        looks.push((after.seconds - before.seconds) / (after.count - before.count));
    }
    looks.sort_by(f64::total_cmp);
    looks[wanted / 2]
}

/// The most that the operator takes while so many tests are in the middle of a cell, their generators at work.
async fn memory_in_run(world: &World, operator: &OperatorProcess) -> Memory {
    let running = or_short(RUNNING, 3);
    for number in 0..running {
        world.start_endless(number).await;
    }
    world.until_all_are_in(Stage::Dispatching, running).await;
    let mut most = Memory::default();
    let until = tokio::time::Instant::now() + or_short(WATCHED, Duration::from_secs(5));
    while tokio::time::Instant::now() < until {
        let now = operator.memory();
        most = Memory {
            resident: most.resident.max(now.resident),
            anonymous: most.anonymous.max(now.anonymous),
            peak_resident: now.peak_resident,
        };
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    world.until_all_are_in(Stage::Dispatching, running).await;
    most
}

fn figure(name: &str, value: f64, unit: &str, goal: f64) {
    println!("figure {name} {value:.2} {unit} goal {goal} {}", if value <= goal { "met" } else { "short" });
}

#[expect(clippy::cast_precision_loss, reason = "a size to two decimals")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "a size to two decimals")]
fn kilobytes(bytes: usize) -> f64 {
    bytes as f64 / 1e3
}
