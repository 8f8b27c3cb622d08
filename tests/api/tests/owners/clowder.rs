//! Deployments of Clowder.

use serde_json::{Value, json};
use throughput_api_tests::Tenant;

use crate::controllers::{Controllers, clowder, until_ready};
use crate::kinds::{CLOWD_APP, DEPLOYMENT, tenant};
use crate::run::{leaves_as_found, waits_for};

/// A namespace with a `ClowdApp` of an API and of workers like these, and Clowder at work.
async fn with_app(worker: &Value, replicas: i64) -> (Tenant, Controllers) {
    let tenant = tenant().await;
    let api = json!({"name": "api", "replicas": 1, "podSpec": {"image": "localhost/none"}});
    CLOWD_APP.create(&tenant, "pulp", json!({"envName": "perf", "deployments": [api, worker]})).await;
    let controllers = clowder(&tenant);
    until_ready(&tenant, DEPLOYMENT, "pulp-worker", replicas).await;
    (tenant, controllers)
}

async fn left_as_found(worker: &Value, replicas: i64) {
    let (tenant, _controllers) = with_app(worker, replicas).await;
    let announced =
        "the Deployment pulp-worker is scaled by replicas of the deployment worker in the ClowdApp pulp";
    leaves_as_found(&tenant, (DEPLOYMENT, "pulp-worker"), Some((CLOWD_APP, "pulp")), Some(announced)).await;
}

#[tokio::test]
async fn workers_are_scaled_in_the_clowd_app_and_both_are_left_as_found() {
    left_as_found(&json!({"name": "worker", "replicas": 3, "podSpec": {}}), 3).await;
}

#[tokio::test]
async fn a_clowd_app_that_says_no_replicas_says_none_afterwards() {
    left_as_found(&json!({"name": "worker", "minReplicas": 2, "podSpec": {}}), 2).await;
}

#[tokio::test]
async fn a_clowd_app_with_an_autoscaler_is_refused_with_what_to_change() {
    let worker = json!({"name": "worker", "replicas": 3, "autoScalerSimple": {"replicas": {"max": 9}}});
    let (tenant, _controllers) = with_app(&worker, 3).await;
    let message = waits_for(&tenant, (DEPLOYMENT, "pulp-worker"), "TargetAutoscaled").await;
    assert!(
        message.starts_with("the deployment worker of the ClowdApp pulp has an autoScalerSimple, "),
        "{message}"
    );
}
