//! Restoring: what was scaled is left as it was found, its owners included.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;
use throughput_api_tests::Tenant;
use throughput_api_tests::interrupted::{self, Cut};
use throughput_controller::generators::token::TokenKey;
use throughput_controller::scaling::claim::{self, Claim, Restored};
use throughput_core::decide::Action;

use crate::actions::{self, act, facts, scale};
use crate::found::{As, Found, applied, later_than};

/// Claims a Deployment for the test `run`, and scales it twice.
async fn claim_and_scale(tenant: &Tenant, deployment: &str) {
    let claim = actions::claim(&[deployment]);
    let facts = facts(tenant, "run");
    act(&tenant.client, &facts, &[claim, scale(deployment, 5), scale(deployment, 10)]).await.unwrap();
    let replicas = Found::look(tenant, deployment).await.spec.replicas;
    assert_eq!(replicas, Some(10));
}

async fn held(tenant: &Tenant) -> Vec<Claim> {
    claim::held_by(&tenant.client, &actions::key(), &tenant.namespace, &facts(tenant, "run").uid)
        .await
        .unwrap()
}

/// Has a claim say that there were so many replicas before, and signs it with this key.
pub(crate) async fn forged(leases: &Api<Lease>, name: &str, replicas: i32, key: &TokenKey) {
    let mut lease = leases.get(name).await.unwrap();
    let record = lease.annotations_mut().get_mut("perf.pulpproject.org/claim").unwrap();
    let mut changed: serde_json::Value = serde_json::from_str(record).unwrap();
    changed["replicas"] = replicas.into();
    *record = changed.to_string();
    claim::sign(key, &mut lease);
    leases.replace(name, &PostParams::default(), &lease).await.unwrap();
}

async fn restore(tenant: &Tenant) {
    act(&tenant.client, &facts(tenant, "run"), &[Action::Restore]).await.unwrap();
    let leases: Api<Lease> = tenant.api();
    assert!(leases.list(&ListParams::default()).await.unwrap().items.is_empty(), "claims are left");
}

async fn assert_left_as_found(as_: As) -> Tenant {
    let tenant = Tenant::new().await;
    let found = as_.create(&tenant, "worker").await;
    later_than(&found).await;
    claim_and_scale(&tenant, "worker").await;
    restore(&tenant).await;
    assert_eq!(Found::look(&tenant, "worker").await, found);
    tenant
}

#[tokio::test]
async fn a_created_deployment_is_left_as_it_was_found() {
    assert_left_as_found(As::Created).await;
}

#[tokio::test]
async fn after_a_run_helm_changes_the_replicas_that_it_owned_without_force() {
    let tenant = assert_left_as_found(As::AppliedWithReplicas).await;
    applied(&tenant.api(), "helm", "worker", Some(7)).await.unwrap();
    assert_eq!(Found::look(&tenant, "worker").await.spec.replicas, Some(7));
}

#[tokio::test]
async fn after_a_run_helm_sets_replicas_that_nobody_owned_without_force() {
    let tenant = assert_left_as_found(As::AppliedWithoutReplicas).await;
    applied(&tenant.api(), "helm", "worker", Some(7)).await.unwrap();
    assert_eq!(Found::look(&tenant, "worker").await.spec.replicas, Some(7));
}

#[tokio::test]
async fn replicas_that_another_scaled_are_that_others_again() {
    let tenant = assert_left_as_found(As::ScaledByAnother).await;
    let conflict = applied(&tenant.api(), "helm", "worker", Some(7)).await.unwrap_err().to_string();
    assert!(conflict.contains(r#"conflict with "kubectl" with subresource "scale""#), "{conflict}");
}

#[tokio::test]
async fn replicas_that_two_applied_are_both_theirs_again() {
    assert_left_as_found(As::AppliedByTwo).await;
}

#[tokio::test]
async fn a_claim_without_scaling_leaves_no_trace_either() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    later_than(&found).await;
    let claim = actions::claim(&["worker"]);
    act(&tenant.client, &facts(&tenant, "run"), &[claim]).await.unwrap();
    restore(&tenant).await;
    assert_eq!(Found::look(&tenant, "worker").await, found);
}

#[tokio::test]
async fn what_somebody_else_changed_during_the_run_stays() {
    let tenant = Tenant::new().await;
    As::AppliedWithReplicas.create(&tenant, "worker").await;
    claim_and_scale(&tenant, "worker").await;
    let deployments: Api<Deployment> = tenant.api();
    let params = PatchParams { field_manager: Some("kubectl-edit".to_owned()), ..PatchParams::default() };
    let edit = json!({"metadata": {"annotations": {"team": "pulp"}}, "spec": {"paused": true}});
    deployments.patch("worker", &params, &Patch::Merge(edit)).await.unwrap();
    restore(&tenant).await;
    let left = Found::look(&tenant, "worker").await;
    assert_eq!(
        (left.spec.replicas, left.spec.paused, left.annotation("team")),
        (Some(3), Some(true), Some("pulp"))
    );
    let managers: Vec<_> = left.managed_fields.iter().filter_map(|entry| entry.manager.as_deref()).collect();
    assert_eq!(managers, ["helm", "kubectl-edit"]);
}

#[tokio::test]
async fn restoring_succeeds_while_the_deployments_own_controller_writes_its_status() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    claim_and_scale(&tenant, "worker").await;
    let deployments: Api<Deployment> = tenant.api();
    let controller = tokio::spawn(async move {
        let params = PatchParams {
            field_manager: Some("kube-controller-manager".to_owned()),
            ..PatchParams::default()
        };
        for generation in 0_i64.. {
            let status = json!({"status": {"observedGeneration": generation}});
            deployments.patch_status("worker", &params, &Patch::Merge(status)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    restore(&tenant).await;
    controller.abort();
    assert_eq!(Found::look(&tenant, "worker").await, found);
}

#[tokio::test]
async fn a_deleted_deployment_needs_no_restoring() {
    let tenant = Tenant::new().await;
    tenant.deployment("worker", 3).await;
    claim_and_scale(&tenant, "worker").await;
    let deployments: Api<Deployment> = tenant.api();
    deployments.delete("worker", &DeleteParams::default()).await.unwrap();
    let claim = held(&tenant).await.remove(0);
    assert_eq!(claim::restore(&tenant.client, &tenant.namespace, &claim).await.unwrap(), Restored::Gone);
    assert_eq!(held(&tenant).await, []);
}

#[tokio::test]
async fn a_new_deployment_of_the_same_name_is_left_alone() {
    let tenant = Tenant::new().await;
    tenant.deployment("worker", 3).await;
    claim_and_scale(&tenant, "worker").await;
    let deployments: Api<Deployment> = tenant.api();
    deployments.delete("worker", &DeleteParams::default()).await.unwrap();
    tenant.deployment("worker", 8).await;
    let found = Found::look(&tenant, "worker").await;
    let claim = held(&tenant).await.remove(0);
    assert_eq!(claim::restore(&tenant.client, &tenant.namespace, &claim).await.unwrap(), Restored::Gone);
    assert_eq!(held(&tenant).await, []);
    assert_eq!(Found::look(&tenant, "worker").await, found);
}

#[tokio::test]
async fn restoring_twice_is_restoring_once() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    later_than(&found).await;
    claim_and_scale(&tenant, "worker").await;
    let claim = held(&tenant).await.remove(0);
    for _ in 0..2 {
        assert_eq!(
            claim::restore(&tenant.client, &tenant.namespace, &claim).await.unwrap(),
            Restored::AsFound
        );
        assert_eq!(Found::look(&tenant, "worker").await, found);
    }
    assert_eq!(held(&tenant).await, []);
}

#[tokio::test]
async fn restoring_can_be_interrupted_anywhere() {
    let tenant = Tenant::new().await;
    for (as_, cut) in [
        (As::AppliedWithReplicas, Cut::BeforeTheRequest),
        (As::AppliedWithReplicas, Cut::BeforeTheAnswer),
        (As::ScaledByAnother, Cut::BeforeTheAnswer),
    ] {
        for last in 1.. {
            let name = format!("worker-{last}-{as_:?}-{cut:?}").to_lowercase();
            let found = as_.create(&tenant, &name).await;
            claim_and_scale(&tenant, &name).await;
            let claim = held(&tenant).await.remove(0);
            let interrupted = interrupted::cut_off(&tenant.client, last, cut);
            let first = claim::restore(&interrupted, &tenant.namespace, &claim).await;
            restore(&tenant).await;
            assert_eq!(Found::look(&tenant, &name).await, found, "interrupted at request {last}, {cut:?}");
            if first.is_ok() {
                assert!(last > 4, "nothing was interrupted");
                break;
            }
        }
    }
}

#[tokio::test]
async fn one_that_cannot_be_restored_does_not_keep_the_others_from_it() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "worker").await;
    let uid = tenant.deployment("api", 3).await.uid().unwrap();
    let claim = actions::claim(&["api", "worker"]);
    act(&tenant.client, &facts(&tenant, "run"), &[claim, scale("api", 5), scale("worker", 5)]).await.unwrap();
    // Nobody can scale this one back: its record holds a number that the API server does not take.
    let leases: Api<Lease> = tenant.api();
    let name = claim::lease_name(&uid);
    forged(&leases, &name, -1, &actions::key()).await;
    let error =
        act(&tenant.client, &facts(&tenant, "run"), &[Action::Restore]).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot put the Deployment api back to -1 replicas: "), "{error}");
    assert_eq!(Found::look(&tenant, "worker").await, found);
    let left: Vec<_> = held(&tenant).await.into_iter().map(|claim| claim.record.target.name).collect();
    assert_eq!(left, ["api"]);
}
