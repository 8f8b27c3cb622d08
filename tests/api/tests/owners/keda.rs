//! Deployments that KEDA scales.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_test_support::wait::eventually;

use crate::controllers::{Controllers, keda, until_ready};
use crate::kinds::{DEPLOYMENT, PULP, SCALED_OBJECT, tenant};
use crate::run::{leaves_as_found, waits_for};
use crate::watched::names;

const ANNOUNCED: &str = "the Deployment worker is scaled by the annotation autoscaling.keda.sh/paused-replicas \
                         of the ScaledObject scaler";

/// A namespace with a Deployment of three replicas, a `ScaledObject` of at least two, and KEDA at work.
async fn with_keda(annotations: Value) -> (Tenant, Controllers) {
    let tenant = tenant().await;
    tenant.deployment("worker", 3).await;
    let scaled_object = json!({
        "metadata": {"name": "scaler", "annotations": annotations},
        "spec": {
            "scaleTargetRef": {"name": "worker"},
            "minReplicaCount": 2,
            "maxReplicaCount": 20,
            "triggers": [{"type": "cpu"}],
        },
    });
    SCALED_OBJECT.create_from(&tenant, scaled_object).await;
    let controllers = keda(&tenant);
    (tenant, controllers)
}

async fn until_autoscaled(tenant: &Tenant) {
    let autoscalers = async || names::<HorizontalPodAutoscaler>(tenant).await;
    eventually("KEDA has made its autoscaler", autoscalers, |names| names == &["keda-hpa-scaler"]).await;
}

#[tokio::test]
async fn a_scaled_object_is_held_at_a_number_and_let_go_as_found() {
    let (tenant, _controllers) = with_keda(json!({"team": "pulp"})).await;
    until_autoscaled(&tenant).await;
    until_ready(&tenant, DEPLOYMENT, "worker", 3).await;
    let owner = Some((SCALED_OBJECT, "scaler"));
    leaves_as_found(&tenant, (DEPLOYMENT, "worker"), owner, Some(ANNOUNCED)).await;
    until_autoscaled(&tenant).await;
}

#[tokio::test]
async fn a_scaled_object_without_annotations_has_none_afterwards() {
    let (tenant, _controllers) = with_keda(Value::Null).await;
    until_ready(&tenant, DEPLOYMENT, "worker", 3).await;
    let owner = Some((SCALED_OBJECT, "scaler"));
    leaves_as_found(&tenant, (DEPLOYMENT, "worker"), owner, Some(ANNOUNCED)).await;
}

#[tokio::test]
async fn one_that_somebody_had_paused_stays_paused_where_it_was() {
    let (tenant, _controllers) = with_keda(json!({"autoscaling.keda.sh/paused-replicas": "4"})).await;
    until_ready(&tenant, DEPLOYMENT, "worker", 4).await;
    let owner = Some((SCALED_OBJECT, "scaler"));
    leaves_as_found(&tenant, (DEPLOYMENT, "worker"), owner, Some(ANNOUNCED)).await;
}

#[tokio::test]
async fn an_autoscaler_beside_kedas_own_is_refused_by_name() {
    let (tenant, _controllers) = with_keda(Value::Null).await;
    until_autoscaled(&tenant).await;
    let autoscaler = json!({
        "metadata": {"name": "by-hand"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "worker"},
            "maxReplicas": 9,
        },
    });
    tenant.create::<HorizontalPodAutoscaler>(autoscaler).await;
    let message = waits_for(&tenant, (DEPLOYMENT, "worker"), "TargetAutoscaled").await;
    assert!(
        message.starts_with("the HorizontalPodAutoscaler by-hand scales the Deployment worker"),
        "{message}"
    );
}

#[tokio::test]
async fn a_target_that_two_owners_scale_is_refused() {
    let tenant = tenant().await;
    PULP.create(&tenant, "my", json!({"worker": {"replicas": 2}})).await;
    let controllers = crate::controllers::pulp_operator(&tenant);
    until_ready(&tenant, DEPLOYMENT, "my-worker", 2).await;
    drop(controllers);
    SCALED_OBJECT.create(&tenant, "scaler", json!({"scaleTargetRef": {"name": "my-worker"}})).await;
    let message = waits_for(&tenant, (DEPLOYMENT, "my-worker"), "TargetHasTwoOwners").await;
    assert!(
        message.starts_with(
            "both the Pulp my and the ScaledObject scaler set the replicas of the Deployment my-worker"
        ),
        "{message}"
    );
}
