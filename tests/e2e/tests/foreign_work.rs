//! Tasks of others in a cell, as Pulp's own schedule dispatches them.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};
use throughput_crds::{Stage, ThroughputTestStatus, Verdict};
use throughput_e2e_tests::{Cluster, secret_text, sql};
use throughput_model::workload::{Authentication, PulpEndpoint, TestView};
use throughput_pulp::{ClientOptions, Credentials, PulpClient};
use throughput_test_support::spec::{PulpSpec, WORKERS};
use uuid::Uuid;

const NAME: &str = "e2e-foreign-work";
const RUN: Duration = Duration::from_mins(10);
/// The task of somebody else, which works longer than the cell.
const SLEEPER: &str = "pulp_perf.app.tasks.select_and_sleep";

/// Forty tasks of half a second each, for two workers.
fn spec(max_foreign_work_percent: Option<&str>) -> Value {
    let mut spec = Value::from(PulpSpec::of(40).workers(&[2]).requests_of(20, "0.5"));
    if let Some(bound) = max_foreign_work_percent {
        spec["workload"]["pulpTasks"]["maxForeignWorkPercent"] = json!(bound);
    }
    spec
}

/// Pulp, for somebody else.
async fn pulp(cluster: &Cluster) -> PulpClient {
    let service = cluster.api::<Service>().get("pulp-api").await.unwrap();
    let endpoint = PulpEndpoint {
        base_url: format!("http://{}:24817", service.spec.unwrap().cluster_ip.unwrap()),
        api_root: "/pulp/".to_owned(),
        domain: None,
        authentication: Authentication::Session,
        username: None,
        verifies_certificate: true,
    };
    let credentials = Credentials::Password {
        username: secret_text(cluster, "pulp-admin", "username").await,
        password: secret_text(cluster, "pulp-admin", "password").await,
    };
    PulpClient::new(&endpoint, Some(credentials), ClientOptions::default()).unwrap()
}

/// Dispatches one task that sleeps for a minute: while it does, one of the two workers has nothing else to do.
async fn send_sleeper(pulp: &PulpClient) {
    let query = [("tasks", "1"), ("sleep", "60")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let view = TestView {
        path: "/pulp/test/tasks/".to_owned(),
        query: BTreeMap::from(query),
        count_field: "tasks_executed".to_owned(),
        tasks_per_request: Some(1),
        request_timeout_milliseconds: 60_000,
    };
    assert_eq!(pulp.ask_test_view(&view, Uuid::from_u128(0xf0)).await, Ok(1));
}

/// A run whose queue was empty, and in whose only cell somebody else has a task that is at work all the time, and small ones.
async fn disturbed(cluster: &Cluster, pulp: &PulpClient, bound: Option<&str>) -> ThroughputTestStatus {
    cluster.create(NAME, spec(bound)).await;
    cluster.until_stage(NAME, Stage::StartingGenerators, RUN).await;
    send_sleeper(pulp).await;
    cluster.until_stage(NAME, Stage::Draining, RUN).await;
    for _ in 0..3 {
        pulp.purge_nothing(Uuid::from_u128(0xf1)).await.unwrap();
    }
    cluster.until_finished(NAME, RUN).await
}

/// The tasks that sleep, as the report names them.
fn sleepers(cell: &Value) -> &Value {
    let names = cell["foreignWork"]["names"].as_array().unwrap();
    names.iter().find(|work| work["name"] == SLEEPER).unwrap()
}

#[tokio::test]
async fn tasks_of_others_in_a_cell_are_judged_by_the_workers_time_that_they_took() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    let pulp = pulp(&cluster).await;

    // One of two workers is theirs all the time: far more than a hundredth, and less than nine tenths.
    let status = disturbed(&cluster, &pulp, None).await;
    assert_eq!(status.verdict, Some(Verdict::Invalid), "{status:#?}");
    let words = status.results[0].message.clone().unwrap();
    assert!(words.contains("more than maxForeignWorkPercent (1)") && words.contains(SLEEPER), "{words}");
    let report = cluster.report(NAME).await;
    let cell = &report["cells"][0];
    sql::assert_equal(cell).await;
    assert_eq!(sleepers(cell)["count"], 1, "{cell:#}");

    let status = disturbed(&cluster, &pulp, Some("90")).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    let cell = &report["cells"][0];
    assert_eq!(sleepers(cell)["count"], 1, "{cell:#}");
    let observed = cell["observations"].as_array().unwrap();
    let told = |words: &&Value| words.as_str().is_some_and(|words| words.contains("not of this run took"));
    assert!(observed.iter().any(|words| told(&words)), "{cell:#}");
    assert_eq!(cluster.as_found(WORKERS).await, before, "as it was found");
    cluster.assert_nothing_left(NAME).await;
}

#[tokio::test]
async fn small_tasks_of_others_make_no_cell_invalid() {
    let cluster = Cluster::connect().await;
    let pulp = pulp(&cluster).await;
    // A purge takes less than a second also where the machine is slow, and the cell has twenty.
    cluster.create(NAME, spec(Some("20"))).await;
    cluster.until_stage(NAME, Stage::Draining, RUN).await;
    pulp.purge_nothing(Uuid::from_u128(0xf2)).await.unwrap();
    let status = cluster.until_finished(NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    assert_eq!(report["cells"][0]["foreignWork"]["maxPercent"], "20", "{report:#}");
}
