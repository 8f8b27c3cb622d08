//! The installed operator on the local cluster, with a real Pulp.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest, Verdict};
use throughput_e2e_tests::{Cluster, NAMESPACE, condition, pulp_secret, secret_text, sql};
use throughput_test_support::program;
use throughput_test_support::spec::{PulpSpec, WORKERS};

const RUN: Duration = Duration::from_mins(10);
const SOON: Duration = Duration::from_mins(2);

fn spec(workers: &[u32], tasks: u64, sleep: &str) -> PulpSpec {
    PulpSpec::of(tasks).workers(workers).requests_of(50, sleep).at_least("tasks.successRatio", "0.99")
}

fn one_cell(tasks: u64, sleep: &str) -> PulpSpec {
    spec(&[3], tasks, sleep)
}

async fn assert_equal_to_sql(cluster: &Cluster, name: &str, cells: usize) -> Value {
    let report = cluster.report(name).await;
    let found = report["cells"].as_array().unwrap();
    assert_eq!(found.len(), cells, "cells in the report");
    for cell in found {
        sql::assert_equal(cell).await;
    }
    report
}

#[tokio::test]
async fn a_matrix_of_two_by_two_gives_figures_that_equal_sql_and_leaves_everything_as_found() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    let matrix = json!([
        {"name": "workers", "of": "Scale", "values": [1, 3]},
        {"name": "concurrency", "of": "Load", "values": [1, 2]},
    ]);
    cluster.create("e2e-matrix", spec(&[], 100, "0").with("matrix", matrix)).await;
    let status = cluster.until_finished("e2e-matrix", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = assert_equal_to_sql(&cluster, "e2e-matrix", 4).await;
    for (cell, (workers, concurrency)) in [(1, 1), (1, 2), (3, 1), (3, 2)].iter().enumerate() {
        let figures = &report["cells"][cell];
        assert_eq!(figures["workers"], json!(workers));
        assert_eq!(figures["processes"]["workers"], json!(workers), "workers online in Pulp");
        assert_eq!(figures["parameters"][1]["value"], json!(concurrency.to_string()));
        assert_eq!(figures["tasks"]["submitted"], json!(100), "dispatched exactly what was wanted");
    }
    let columns = cluster.kubectl(&["get", "throughputtests", "e2e-matrix"], "").await.unwrap();
    let words: Vec<&str> = columns.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(words, ["NAME", "PHASE", "CELLS", "TASKS", "TPS", "P99", "VERDICT", "AGE"]);
    let words: Vec<&str> = columns.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(words[..4], ["e2e-matrix", "Finished", "4/4", "400"]);
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-matrix").await;
}

#[tokio::test]
async fn any_request_that_pulp_answers_with_a_task_can_dispatch_and_workers_stay_as_they_are() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    let example =
        std::fs::read_to_string(program::root().join("examples/throughput-test-request.yaml")).unwrap();
    cluster.delete("tasks-request").await;
    cluster.kubectl(&["apply", "--filename", "-"], &example).await.unwrap();
    let status = cluster.until_finished("tasks-request", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = assert_equal_to_sql(&cluster, "tasks-request", 2).await;
    for cell in report["cells"].as_array().unwrap() {
        assert_eq!(cell["tasks"]["submitted"], json!(20));
        assert_eq!(cell["requests"]["latency"]["count"], json!(20), "each request is in the histogram");
        assert_eq!(cell["workers"], json!(2), "without an axis of workers they stay as they were found");
    }
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("tasks-request").await;
}

#[tokio::test]
async fn the_operator_serves_metrics_and_its_log_holds_no_password() {
    let cluster = Cluster::connect().await;
    let selector = ListParams::default().labels("app.kubernetes.io/name=throughput-operator");
    let pods = cluster.api::<Pod>().list(&selector).await.unwrap();
    let pod = pods.items.iter().find(|pod| pod.metadata.deletion_timestamp.is_none()).unwrap().name_any();
    let proxied = |path: &str| format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{path}");
    for path in ["8082/proxy/livez", "8082/proxy/readyz"] {
        assert_eq!(cluster.kubectl(&["get", "--raw", &proxied(path)], "").await.unwrap().trim(), "ok");
    }
    let metrics = cluster.kubectl(&["get", "--raw", &proxied("8080/proxy/metrics")], "").await.unwrap();
    assert!(metrics.contains("\nthroughput_operator_leader 1\n"), "{metrics}");
    assert!(metrics.contains("# TYPE throughput_operator_reconciles counter"), "{metrics}");
    let password = secret_text(&cluster, "pulp-admin", "password").await;
    let log = cluster.kubectl(&["logs", &pod], "").await.unwrap();
    assert!(log.contains("\"leads\""), "the log is read: {log}");
    assert!(!log.contains(&password), "a password in the log");
}

#[tokio::test]
async fn an_operator_killed_while_tasks_are_dispatched_goes_on_and_measures_the_same_tasks() {
    killed_in(Stage::Dispatching, "e2e-killed-in-dispatch", "0.1").await;
}

#[tokio::test]
async fn an_operator_killed_while_tasks_are_drained_goes_on_and_measures_the_same_tasks() {
    killed_in(Stage::Draining, "e2e-killed-in-drain", "0.3").await;
}

async fn killed_in(stage: Stage, name: &str, sleep: &str) {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create(name, one_cell(200, sleep)).await;
    cluster.until_stage(name, stage, RUN).await;
    cluster.kill_operator().await;
    let status = cluster.until_finished(name, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    assert_equal_to_sql(&cluster, name, 1).await;
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left(name).await;
}

#[tokio::test]
async fn an_operator_killed_while_it_scales_restores_what_a_deleted_test_had_claimed() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-deleted", one_cell(200, "0")).await;
    cluster.until_stage("e2e-deleted", Stage::ScalingWorkers, RUN).await;
    cluster.kill_operator().await;
    cluster.delete("e2e-deleted").await;
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
}

#[tokio::test]
async fn uninstalling_in_mid_run_puts_everything_back_keeps_the_results_and_does_not_hang() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-uninstalled", one_cell(100, "0.3")).await;
    cluster.until_stage("e2e-uninstalled", Stage::Draining, RUN).await;
    cluster.helm(&["uninstall", "throughput-operator", "--wait", "--timeout", "150s"]).await.unwrap();
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    // The CustomResourceDefinition is kept, and the test with it; nobody is left who could hold it back.
    let status = cluster.api::<ThroughputTest>().get("e2e-uninstalled").await.unwrap().status.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Aborted), "{status:#?}");
    assert_eq!(condition(&status, ConditionType::Finished).unwrap().1, "Uninstalled");
    cluster.delete("e2e-uninstalled").await;
    program::output(program::root().join("tests/demo/install"), &[], "").await.unwrap();
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
}

#[tokio::test]
async fn a_wrong_password_waits_with_pulps_own_words_and_scales_nothing() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    let secrets: Api<Secret> = cluster.api();
    let _ = secrets.delete("e2e-wrong-password", &DeleteParams::default()).await;
    let wrong = json!({"username": "admin", "password": "not-the-password"});
    pulp_secret(&cluster, "e2e-wrong-password", "pulp-api:24817", &wrong).await;
    let wrong = json!({"secretRef": {"name": "e2e-wrong-password"}});
    let spec = one_cell(50, "0").credentials(wrong).with("timeouts", json!({"start": "20s"}));
    cluster.create("e2e-wrong-password", spec).await;
    let status = cluster
        .until_status("e2e-wrong-password", "the refusal is in the status", SOON, |status| {
            condition(status, ConditionType::TargetsReady).is_some()
        })
        .await;
    let (holds, reason, message) = condition(&status, ConditionType::TargetsReady).unwrap();
    assert_eq!((holds, reason), (ConditionStatus::False, "PulpUnauthorized"), "{message}");
    assert!(!message.contains("not-the-password"), "a password in a condition: {message}");
    let status = cluster.until_finished("e2e-wrong-password", SOON).await;
    assert_eq!(status.verdict, Some(Verdict::Failed));
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-wrong-password").await;
    secrets.delete("e2e-wrong-password", &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_missing_deployment_is_named_and_waited_for() {
    let cluster = Cluster::connect().await;
    let spec = one_cell(50, "0").scaling("Deployment", "no-such-worker");
    cluster.create("e2e-missing", spec).await;
    let status = cluster
        .until_status("e2e-missing", "the missing Deployment is in the status", SOON, |status| {
            condition(status, ConditionType::TargetsReady).is_some()
        })
        .await;
    let (holds, reason, message) = condition(&status, ConditionType::TargetsReady).unwrap();
    assert_eq!((holds, reason), (ConditionStatus::False, "TargetNotFound"));
    assert!(message.contains("no-such-worker"), "{message}");
    assert_eq!(condition(&status, ConditionType::Finished).unwrap().0, ConditionStatus::False);
    cluster.delete("e2e-missing").await;
}

#[tokio::test]
async fn kubectl_rejects_a_spec_that_cannot_be_carried_out_and_says_what_to_write() {
    let cluster = Cluster::connect().await;
    let example =
        std::fs::read_to_string(program::root().join("examples/throughput-test-small.yaml")).unwrap();
    let wrong = example.replace("name: workers, of: Scale", "name: worker, of: Scale");
    assert_ne!(wrong, example, "the example has an axis of workers");
    let refusal = cluster.kubectl(&["apply", "--filename", "-"], &wrong).await.unwrap_err();
    assert!(refusal.contains("an axis of: Scale is named after an entry of scale"), "{refusal}");
    let unknown = example.replace("  matrix:", "  matrices: 1\n  matrix:");
    let refusal = cluster.kubectl(&["apply", "--filename", "-"], &unknown).await.unwrap_err();
    assert!(refusal.contains("unknown field \"spec.matrices\""), "{refusal}");
}

#[tokio::test]
async fn every_example_is_accepted_by_the_api_server() {
    let cluster = Cluster::connect().await;
    for file in std::fs::read_dir(program::root().join("examples")).unwrap() {
        let path = file.unwrap().path();
        let arguments = ["create", "--dry-run=client", "--output=json", "--filename", path.to_str().unwrap()];
        let mut example: Value =
            serde_json::from_str(&cluster.kubectl(&arguments, "").await.unwrap()).unwrap();
        // Under a name that nobody has: what is there under its own may be an earlier version of it.
        example["metadata"]["name"] = json!("e2e-accepted");
        let arguments = ["create", "--dry-run=server", "--filename", "-"];
        if let Err(refusal) = cluster.kubectl(&arguments, &example.to_string()).await {
            panic!("{}: {refusal}", path.display());
        }
    }
}
