//! Deployments of pulp-operator.

use std::path::Path;

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_core::decide::Action;

use crate::actions::{act, claim, facts, scale};
use crate::controllers::{Controllers, nobody, pulp_operator, until_ready};
use crate::kinds::{DEPLOYMENT, PULP, tenant};
use crate::run::{Found, claims, found, leaves_as_found, waits_for};

/// A namespace with a Pulp of two workers, and its operator at work.
async fn with_pulp() -> (Tenant, Controllers) {
    let tenant = tenant().await;
    PULP.create(&tenant, "my", json!({"worker": {"replicas": 2}, "api": {"replicas": 1}})).await;
    let controllers = pulp_operator(&tenant);
    until_ready(&tenant, DEPLOYMENT, "my-worker", 2).await;
    until_ready(&tenant, DEPLOYMENT, "my-api", 1).await;
    (tenant, controllers)
}

#[tokio::test]
async fn workers_are_scaled_in_the_pulp_and_both_are_left_as_found() {
    let (tenant, _controllers) = with_pulp().await;
    let announced = "the Deployment my-worker is scaled by spec.worker.replicas of the Pulp my";
    leaves_as_found(&tenant, (DEPLOYMENT, "my-worker"), Some((PULP, "my")), Some(announced)).await;
}

#[tokio::test]
async fn the_example_for_pulp_operator_scales_in_its_pulp() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/throughput-test-pulp-operator.yaml");
    let example: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let tenant = tenant().await;
    PULP.create(&tenant, "example-pulp", json!({"worker": {"replicas": 2}})).await;
    let _controllers = pulp_operator(&tenant);
    until_ready(&tenant, DEPLOYMENT, "example-pulp-worker", 2).await;
    let announced =
        "the Deployment example-pulp-worker is scaled by spec.worker.replicas of the Pulp example-pulp";
    claims(&tenant, example["spec"].clone(), Some(announced)).await;
}

#[tokio::test]
async fn a_pulp_that_says_nothing_of_its_content_apps_says_nothing_afterwards() {
    let (tenant, _controllers) = with_pulp().await;
    until_ready(&tenant, DEPLOYMENT, "my-content", 1).await;
    let announced = "the Deployment my-content is scaled by spec.content.replicas of the Pulp my";
    leaves_as_found(&tenant, (DEPLOYMENT, "my-content"), Some((PULP, "my")), Some(announced)).await;
}

#[tokio::test]
async fn a_pulp_that_its_operator_leaves_alone_is_left_alone() {
    let (tenant, controllers) = with_pulp().await;
    let unmanaged = json!({"spec": {"unmanaged": true}});
    let params = kube::api::PatchParams::default();
    PULP.of(&tenant).patch("my", &params, &kube::api::Patch::Merge(unmanaged)).await.unwrap();
    drop(controllers);
    let _controllers = pulp_operator(&tenant);
    leaves_as_found(&tenant, (DEPLOYMENT, "my-worker"), Some((PULP, "my")), None).await;
}

#[tokio::test]
async fn a_pulp_with_an_autoscaler_is_refused_with_what_to_change() {
    let (tenant, _controllers) = with_pulp().await;
    let hpa = json!({"spec": {"worker": {"hpa": {"enabled": true, "max_replicas": 5}}}});
    let params = kube::api::PatchParams::default();
    PULP.of(&tenant).patch("my", &params, &kube::api::Patch::Merge(hpa)).await.unwrap();
    let message = waits_for(&tenant, (DEPLOYMENT, "my-worker"), "TargetAutoscaled").await;
    assert!(message.starts_with("the Pulp my has spec.worker.hpa.enabled: true, "), "{message}");
}

#[tokio::test]
async fn two_components_of_one_pulp_are_put_back_together() {
    let (tenant, _controllers) = with_pulp().await;
    let objects = [(DEPLOYMENT, "my-worker"), (DEPLOYMENT, "my-api"), (PULP, "my")];
    let before = found(&tenant, &objects).await;
    let facts = facts(&tenant, "run");
    let actions = [claim(&["my-worker", "my-api"]), scale("my-worker", 9), scale("my-api", 5)];
    act(&tenant.client, &facts, &actions).await.unwrap();
    until_ready(&tenant, DEPLOYMENT, "my-worker", 9).await;
    until_ready(&tenant, DEPLOYMENT, "my-api", 5).await;
    act(&tenant.client, &facts, &[Action::Restore]).await.unwrap();
    assert_eq!(found(&tenant, &objects).await, before);
}

#[tokio::test]
async fn a_deployment_whose_pulp_was_deleted_meanwhile_is_scaled_back_directly() {
    let (tenant, controllers) = with_pulp().await;
    let before = Found::look(&tenant, DEPLOYMENT, "my-worker").await;
    let facts = facts(&tenant, "run");
    act(&tenant.client, &facts, &[claim(&["my-worker"]), scale("my-worker", 9)]).await.unwrap();
    until_ready(&tenant, DEPLOYMENT, "my-worker", 9).await;
    let orphan =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    PULP.of(&tenant).delete("my", &orphan).await.unwrap();
    drop(controllers);
    act(&tenant.client, &facts, &[Action::Restore]).await.unwrap();
    assert_eq!(Found::look(&tenant, DEPLOYMENT, "my-worker").await, before);
}

#[tokio::test]
async fn an_operator_of_pulp_that_does_not_act_does_not_keep_the_target_from_being_put_back() {
    let (tenant, controllers) = with_pulp().await;
    let objects = [(DEPLOYMENT, "my-worker"), (PULP, "my")];
    let before = found(&tenant, &objects).await;
    let facts = facts(&tenant, "run");
    act(&tenant.client, &facts, &[claim(&["my-worker"]), scale("my-worker", 9)]).await.unwrap();
    until_ready(&tenant, DEPLOYMENT, "my-worker", 9).await;
    drop(controllers);
    let _kubelet = nobody(&tenant);
    act(&tenant.client, &facts, &[Action::Restore]).await.unwrap();
    assert_eq!(found(&tenant, &objects).await, before);
}

#[tokio::test]
async fn claiming_scaling_and_restoring_can_be_interrupted_anywhere() {
    let (tenant, _controllers) = with_pulp().await;
    let objects = [(DEPLOYMENT, "my-worker"), (PULP, "my")];
    let before = found(&tenant, &objects).await;
    let facts = facts(&tenant, "run");
    let there = [claim(&["my-worker"]), scale("my-worker", 9)];
    for cut in [Cut::BeforeTheRequest, Cut::BeforeTheAnswer] {
        for last in 1.. {
            let first = act(&interrupted::cut_off(&tenant.client, last, cut), &facts, &there).await;
            act(&tenant.client, &facts, &there).await.unwrap();
            until_ready(&tenant, DEPLOYMENT, "my-worker", 9).await;
            let cut_off = interrupted::cut_off(&tenant.client, last, cut);
            let second = act(&cut_off, &facts, &[Action::Restore]).await;
            act(&tenant.client, &facts, &[Action::Restore]).await.unwrap();
            let left =
                [Found::look(&tenant, DEPLOYMENT, "my-worker").await, Found::look(&tenant, PULP, "my").await];
            assert_eq!(left.as_slice(), before, "interrupted at request {last}, {cut:?}");
            if first.is_ok() && second.is_ok() {
                assert!(last > 8, "nothing was interrupted");
                break;
            }
        }
    }
}
