//! Measures how long the result is waited for after the drain: with the minutes of an RDS instance, which CloudWatch knows
//! a minute after their end, and without. AWS is the stand-in. Ends with lines `figure NAME VALUE UNIT`.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use throughput_bench::{median, seconds_from_drain_to_result};
use throughput_crds::Verdict;
use throughput_e2e_tests::late_rds::LateRds;
use throughput_e2e_tests::{Cluster, WORKERS, permit_urls};

const NAME: &str = "bench-settling";
/// Runs of each kind.
const RUNS: usize = 5;
const RUN: Duration = Duration::from_mins(10);
/// In AWS it is one to three minutes.
const LATE: SignedDuration = SignedDuration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = Cluster::connect().await;
    let rds = LateRds::start(&cluster, NAME, LATE).await;
    permit_urls(&cluster, &[rds.aws.url()]).await;
    tokio::select! {
        () = measure(&cluster, &rds) => {}
        () = Box::pin(rds.go_on()) => unreachable!("minutes go on"),
    }
    permit_urls(&cluster, &[]).await;
}

async fn measure(cluster: &Cluster, rds: &LateRds) {
    let (aws, instance) = rds.observe();
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let one = waited(cluster, json!({"aws": aws, "rds": instance})).await;
        let other = waited(cluster, json!({})).await;
        println!("{one:.2} s with RDS, {other:.2} s without");
        with.push(one);
        without.push(other);
    }
    for (name, waits) in [("with", with), ("without", without)] {
        println!("figure drain_to_result_{name}_rds {:.2} s", median(waits.into_iter()));
    }
}

async fn waited(cluster: &Cluster, observe: Value) -> f64 {
    cluster.create(NAME, spec(&observe)).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    seconds_from_drain_to_result(&cluster.report(NAME).await["cells"][0])
}

fn spec(observe: &Value) -> Value {
    let criteria = if observe["rds"].is_null() {
        json!([])
    } else {
        json!([{"metric": "rds.coveragePercent", "atLeast": "100"}])
    };
    json!({
        "target": {"service": {"name": "pulp-api", "port": 24817}, "pulp": {"credentials": {"secretRef": {"name": "pulp-admin"}}}},
        "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKERS}}],
        "workload": {"pulpTasks": {"tasks": 100, "dispatch": {"testView": {"query": {"tasks": "50", "sleep": "0"}, "tasksPerRequest": 50}}}},
        "observe": observe,
        "criteria": criteria,
    })
}
