//! A load generator that is lost ends the cell with its pod's own words. There is no kubelet here: what it would
//! write of the pods is written by hand.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_crds::Stage;

use crate::crashed::{left, start_generators};
use crate::operator::Operator;
use crate::watched::Watched;

const JOB: &str = "run-cell-0-attempt-1";

async fn pod(tenant: &Tenant, index: u32, status: &Value) {
    let name = format!("{JOB}-{index}");
    let labels = json!({
        "batch.kubernetes.io/job-name": JOB,
        "batch.kubernetes.io/job-completion-index": index.to_string(),
    });
    let _: Pod = tenant
        .create(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "loadgen", "image": "localhost/none"}]},
        }))
        .await;
    let pods: Api<Pod> = tenant.api();
    let patch = json!({"status": status});
    pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
}

fn container(state: &Value) -> Value {
    json!({"containerStatuses": [
        {"name": "loadgen", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state},
    ]})
}

fn terminated(reason: &str, exit_code: u32) -> Value {
    container(
        &json!({"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": "2026-01-01T00:00:00Z"}}),
    )
}

/// The words of the failure that ends the cell when its Job has failed and its pods stand so.
async fn failure(stage: Stage, pods: &[Value]) -> String {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", stage).await;
    start_generators(&tenant, &left.facts).await;
    for (index, status) in (0..).zip(pods) {
        pod(&tenant, index, status).await;
    }
    let failed = |type_: &str| json!({"type": type_, "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"status": {
        "conditions": [failed("FailureTarget"), failed("Failed")],
        "failed": 1, "startTime": "2026-01-01T00:00:00Z", "uncountedTerminatedPods": {},
    }});
    let jobs: Api<Job> = tenant.api();
    jobs.patch_status(JOB, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let _operator = Operator::start(&tenant).await;
    let failure_of = |status: &throughput_crds::ThroughputTestStatus| {
        let progress = status.current.as_ref().map(|current| current.progress.clone());
        let of_a_result = || status.results.first().and_then(|result| result.message.clone());
        progress.and_then(|progress| progress.failure).or_else(of_a_result)
    };
    let test = Watched { tenant: &tenant, name: "run" };
    test.until("the cell has failed", |status| failure_of(status).is_some()).await;
    failure_of(&test.now().await.status.unwrap()).unwrap()
}

#[tokio::test]
async fn an_evicted_generator_is_named_with_what_the_node_was_short_of() {
    let well = json!({"phase": "Running"});
    let message = "The node was low on resource: memory.";
    let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": message});
    assert_eq!(
        failure(Stage::Dispatching, &[well.clone(), well, evicted]).await,
        format!("a load generator was lost: generator 2 (pod {JOB}-2): Evicted: {message}")
    );
}

#[tokio::test]
async fn a_generator_out_of_memory_is_named() {
    let said = failure(Stage::Dispatching, &[terminated("Completed", 0), terminated("OOMKilled", 137)]).await;
    assert!(said.ends_with(&format!("generator 1 (pod {JOB}-1): OOMKilled, exit code 137")), "{said}");
}

#[tokio::test]
async fn a_generator_that_fails_before_the_start_ends_the_cell_before_anything_is_dispatched() {
    let said = failure(Stage::StartingGenerators, &[terminated("Error", 2)]).await;
    assert!(said.starts_with("a load generator failed before it was ready: "), "{said}");
    assert!(said.ends_with("Error, exit code 2"), "{said}");
}

#[tokio::test]
async fn a_generator_whose_image_is_missing_is_told_while_it_is_waited_for() {
    let tenant = Tenant::new().await;
    left(&tenant, "run", Stage::StartingGenerators).await;
    pod(&tenant, 0, &container(&json!({"waiting": {"reason": "ErrImagePull", "message": "not found"}})))
        .await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let words = format!("0 of 1 load generator is ready, generator 0 (pod {JOB}-0): ErrImagePull: not found");
    test.until("the missing image is told", |status| {
        status.conditions.iter().any(|condition| condition.message == words)
    })
    .await;
}
