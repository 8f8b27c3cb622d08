//! Scaling: only the target that was claimed, and only as it was just read.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;
use throughput_api_tests::{Tenant, deployment, interrupted};
use throughput_controller::apply::ApplyError;

use crate::actions::{act, claim, facts, scale};
use crate::found::Found;

/// A Deployment of three replicas that a test has claimed.
async fn claimed() -> Tenant {
    let tenant = Tenant::new().await;
    tenant.deployment("worker", 3).await;
    act(&tenant.client, &facts(&tenant, "run"), &[claim(&["worker"])]).await.unwrap();
    tenant
}

/// Scales it to nine, while something else happens just after it was read: before that the claims are.
async fn scaled_while<F>(
    tenant: &Tenant,
    meanwhile: impl FnOnce(Api<Deployment>) -> F + Send + 'static,
) -> Result<(), ApplyError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let deployments = tenant.api();
    let client: Client = interrupted::overtaken(&tenant.client, 2, move || meanwhile(deployments));
    act(&client, &facts(tenant, "run"), &[scale("worker", 9)]).await
}

async fn made_anew(deployments: Api<Deployment>) {
    deployments.delete("worker", &DeleteParams::default()).await.unwrap();
    let another = serde_json::from_value(deployment("worker", Some(8))).unwrap();
    deployments.create(&PostParams::default(), &another).await.unwrap();
}

async fn replicas(tenant: &Tenant) -> Option<i32> {
    Found::look(tenant, "worker").await.spec.replicas
}

#[tokio::test]
async fn what_another_scaled_meanwhile_is_left_to_the_next_look() {
    let tenant = claimed().await;
    let scaled = scaled_while(&tenant, async |deployments| {
        let seven = Patch::Merge(json!({"spec": {"replicas": 7}}));
        deployments.patch_scale("worker", &PatchParams::default(), &seven).await.unwrap();
    });
    let error = scaled.await.unwrap_err();
    assert!(error.is_overtaken(), "{error}");
    assert_eq!(replicas(&tenant).await, Some(7));
}

#[tokio::test]
async fn what_its_own_controller_writes_meanwhile_keeps_nobody_from_scaling() {
    let tenant = claimed().await;
    let scaled = scaled_while(&tenant, async |deployments| {
        let status = Patch::Merge(json!({"status": {"observedGeneration": 1}}));
        deployments.patch_status("worker", &PatchParams::default(), &status).await.unwrap();
    });
    scaled.await.unwrap();
    assert_eq!(replicas(&tenant).await, Some(9));
}

#[tokio::test]
async fn a_new_deployment_of_the_same_name_is_not_scaled() {
    let tenant = claimed().await;
    made_anew(tenant.api()).await;
    act(&tenant.client, &facts(&tenant, "run"), &[scale("worker", 9)]).await.unwrap();
    assert_eq!(replicas(&tenant).await, Some(8));
}

#[tokio::test]
async fn a_new_deployment_that_takes_the_name_meanwhile_is_not_scaled() {
    let tenant = claimed().await;
    scaled_while(&tenant, made_anew).await.unwrap();
    assert_eq!(replicas(&tenant).await, Some(8));
}
