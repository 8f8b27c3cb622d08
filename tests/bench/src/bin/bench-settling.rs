//! Measures how long the result is waited for after the drain: with the minutes of an RDS instance, which CloudWatch knows
//! a minute after their end, and without. AWS is the stand-in. Ends with lines `figure NAME VALUE UNIT`.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use throughput_bench::{median, or_short, seconds_from_drain_to_result};
use throughput_crds::Verdict;
use throughput_e2e_tests::late_rds::LateRds;
use throughput_e2e_tests::{Cluster, permit_urls};
use throughput_test_support::spec::PulpSpec;

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
    for _ in 0..or_short(RUNS, 1) {
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

fn spec(observe: &Value) -> PulpSpec {
    let spec = PulpSpec::of(100).requests_of(50, "0").with("observe", observe.clone());
    if observe["rds"].is_null() { spec } else { spec.at_least("rds.coveragePercent", "100") }
}
