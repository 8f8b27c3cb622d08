//! Runs whose sources are outside of the cluster, through the installed operator: RDS and CloudWatch, for which a stand-in
//! has to do, a real Prometheus and a real PostgreSQL; and what comes of a run when they die in the middle of it.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::time::Duration;

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_aws_tests::SECRET_KEY;
use throughput_crds::{CellOutcome, ConditionStatus, ConditionType, Stage, ThroughputTestStatus, Verdict};
use throughput_e2e_tests::late_rds::LateRds;
use throughput_e2e_tests::outside::{remove_service, service};
use throughput_e2e_tests::{Cluster, condition, database_secret, permit_urls, secret};
use throughput_server_tests::{Exporter, PASSWORD, PostgresServer, PrometheusServer};
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "e2e-elsewhere";
const RUN: Duration = Duration::from_mins(12);
/// More tasks than this are not dispatched a cell: what an example shows does not need more.
const MOST_TASKS: u64 = 250;
/// How long after its end a minute is in CloudWatch. In AWS it is one to three minutes.
const LATE: SignedDuration = SignedDuration::from_secs(40);

/// What is asked, on this machine's end of the cluster's link.
struct Services {
    rds: LateRds,
    exporter: Exporter,
    prometheus: PrometheusServer,
    postgres: PostgresServer,
}

impl Services {
    /// Starts all of them, makes the Secrets, and has the operator permit their URLs.
    async fn start(cluster: &Cluster) -> Self {
        let address = cluster.host_address().await;
        let rds = LateRds::start(cluster, NAME, LATE).await;
        let exporter = Exporter::start("queue_length 7\n").await;
        let prometheus = PrometheusServer::start_at(address, &exporter).await;
        let postgres = PostgresServer::start_at(address).await;
        let database = postgres.url("watcher", PASSWORD, "pulp", "sslmode=disable");
        secret(cluster, "e2e-elsewhere-database", &address.to_string(), &json!({"url": database})).await;
        permit_urls(cluster, &[rds.aws.url(), &prometheus.url()]).await;
        Self { rds, exporter, prometheus, postgres }
    }

    fn spec(&self, criteria: &Value, settle: &str) -> PulpSpec {
        let (aws, rds) = self.rds.observe();
        let observe = json!({
            "interval": "2s",
            "aws": aws,
            "rds": rds,
            "pods": [{"name": "workers", "selector": {"matchLabels": {"app": "pulp", "pod": "pulp-worker"}}}],
            "postgres": {"secretRef": {"name": "e2e-elsewhere-database"}},
            "prometheus": {
                "url": self.prometheus.url(),
                "queries": [
                    {"name": "queue", "range": "queue_length"},
                    {"name": "largest", "instant": "max_over_time(queue_length[1m])"},
                ],
            },
        });
        PulpSpec::of(200)
            .requests_of(50, "0")
            .with("observe", observe)
            .with("criteria", criteria.clone())
            .with("timeouts", json!({"settle": settle}))
    }
}

async fn set_metrics_servers(cluster: &Cluster, replicas: i32) {
    let deployments: Api<Deployment> = cluster.in_namespace("kube-system").api();
    let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    deployments.patch("metrics-server", &PatchParams::default(), &patch).await.unwrap();
    cluster
        .until("metrics-server has as many pods as it shall", Duration::from_mins(3), || async {
            let status = deployments.get("metrics-server").await.ok()?.status?;
            (status.ready_replicas.unwrap_or_default() == replicas).then_some(())
        })
        .await;
}

/// What the condition on the sources says.
fn sources(status: &ThroughputTestStatus) -> (ConditionStatus, &str) {
    let (holds, _, message) = condition(status, ConditionType::SourcesComplete).unwrap();
    (holds, message)
}

#[tokio::test]
async fn a_run_waits_for_the_late_minutes_of_its_database_and_is_judged_by_them() {
    let cluster = Cluster::connect().await;
    let services = Box::pin(Services::start(&cluster)).await;
    let criteria = json!([
        {"metric": "rds.cpuPercent.max", "atMost": "40"},
        {"metric": "rds.coveragePercent", "atLeast": "100"},
        {"metric": "prometheus.largest.value", "atMost": "7"},
        {"metric": "postgres.connections.max", "atLeast": "1"},
    ]);
    cluster.create(NAME, services.spec(&criteria, "5m")).await;
    let status = tokio::select! {
        status = cluster.until_finished(NAME, RUN) => status,
        () = Box::pin(services.rds.go_on()) => unreachable!("minutes go on"),
    };
    permit_urls(&cluster, &[]).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    assert_eq!(sources(&status).0, ConditionStatus::True, "{status:#?}");
    let observed = status.results[0].observed.as_ref().unwrap();
    assert_eq!(observed.database_cpu_percent_max.as_deref(), Some("40.0"), "{observed:?}");
    let report = cluster.report(NAME).await;
    let cell = &report["cells"][0];
    let figure = |name: &str| {
        let sources = cell["sources"].as_array().unwrap();
        sources.iter().find_map(|source| source["figures"][name].as_f64())
    };
    assert_eq!((figure("rds.cpuPercent.mean"), figure("prometheus.queue.max")), (Some(30.0), Some(7.0)));
    let stages: Vec<&str> =
        cell["timeline"].as_array().unwrap().iter().map(|entry| entry["stage"].as_str().unwrap()).collect();
    assert!(stages.contains(&"Settling"), "{stages:?}");
    cluster.delete(NAME).await;
}

#[tokio::test]
async fn sources_that_die_in_the_middle_of_a_run_are_incomplete_and_the_run_is_measured() {
    let cluster = Cluster::connect().await;
    let mut services = Box::pin(Services::start(&cluster)).await;
    let criteria = json!([
        {"metric": "tasks.successRatio", "atLeast": "1"},
        {"metric": "postgres.connections.max", "atMost": "1000"},
    ]);
    cluster.create(NAME, services.spec(&criteria, "30s")).await;
    cluster.until_stage(NAME, Stage::Dispatching, Duration::from_mins(3)).await;
    services.rds.aws.kill();
    services.prometheus.stop();
    services.postgres.stop();
    services.exporter.set("");
    set_metrics_servers(&cluster, 0).await;
    let status = cluster.until_finished(NAME, RUN).await;
    set_metrics_servers(&cluster, 1).await;
    permit_urls(&cluster, &[]).await;
    let result = &status.results[0];
    assert_eq!((result.outcome, result.tasks_completed), (CellOutcome::Completed, Some(200)), "{status:#?}");
    // One criterion needs a figure that was not seen to the end; the other would have been met.
    assert_eq!(result.verdict, Verdict::Invalid, "{status:#?}");
    assert_eq!(result.reason.as_deref(), Some("CriterionWithoutFigure"));
    let message = result.message.as_deref().unwrap_or_default();
    assert!(message.contains("postgres.connections.max"), "{message}");
    let (holds, message) = sources(&status);
    assert_eq!(holds, ConditionStatus::False);
    assert!(!message.contains(SECRET_KEY) && !message.contains(PASSWORD), "{message}");
    let report = cluster.report(NAME).await;
    let has = |name: &str, reason: &str| {
        let sources = report["cells"][0]["sources"].as_array().unwrap();
        let source = sources.iter().find(|source| source["source"] == name).unwrap();
        source["shortfalls"].as_array().unwrap().iter().any(|shortfall| shortfall["reason"] == reason)
    };
    for name in ["rds", "postgres", "prometheus"] {
        assert!(has(name, "Unreachable"), "{name}: {:#}", report["cells"][0]["sources"]);
    }
    // The API server waits for metrics-server, or knows already that it is gone.
    let is_told = has("pods", "MetricsUnavailable") || has("pods", "DeadlineExceeded");
    assert!(is_told, "{:#}", report["cells"][0]["sources"]);
    cluster.delete(NAME).await;
}

/// Runs an example to its end, and removes it.
async fn passes(cluster: &Cluster, example: &Value) {
    let name = example["metadata"]["name"].as_str().unwrap();
    cluster.create(name, example["spec"].clone()).await;
    let status = cluster.until_finished(name, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    cluster.delete(name).await;
}

#[tokio::test]
async fn the_example_of_a_database_and_a_prometheus_passes_as_it_is() {
    let cluster = Cluster::connect().await;
    let address = cluster.host_address().await;
    let exporter = Exporter::start("container_cpu_usage_seconds_total{pod=\"pulp-api-7\"} 7\n").await;
    let prometheus = PrometheusServer::start_at(address, &exporter).await;
    service(&cluster, "prometheus", 9090, (address, prometheus.port())).await;
    database_secret(&cluster, "pulp-database").await;
    passes(&cluster, &cluster.example("throughput-test-database.yaml", MOST_TASKS).await).await;
    remove_service(&cluster, "prometheus").await;
}

#[tokio::test]
async fn the_example_of_an_rds_instance_passes_with_an_account_of_the_stand_in() {
    let cluster = Cluster::connect().await;
    let mut example = cluster.example("throughput-test-rds.yaml", MOST_TASKS).await;
    let instance = example["spec"]["observe"]["rds"]["instance"].as_str().unwrap().to_owned();
    let rds = Box::pin(LateRds::start(&cluster, &instance, LATE)).await;
    permit_urls(&cluster, &[rds.aws.url()]).await;
    // What differs: whose account it is, that the stand-in has no Performance Insights, and how many workers two cores have
    // room for.
    (example["spec"]["observe"]["aws"], _) = rds.observe();
    example["spec"]["observe"]["rds"]["performanceInsights"] = json!(false);
    example["spec"]["matrix"][0]["values"] = json!([2]);
    tokio::select! {
        () = passes(&cluster, &example) => {}
        () = Box::pin(rds.go_on()) => unreachable!("minutes go on"),
    }
    permit_urls(&cluster, &[]).await;
}
