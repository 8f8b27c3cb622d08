//! What "as it was found" means: every field that its owners care about, and who they are.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use throughput_api_tests::{Tenant, deployment};
use throughput_test_support::wait::eventually;

/// Who else has a hand in a Deployment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum As {
    /// Created by `kubectl create`.
    Created,
    /// Applied with replicas, as Helm 4 does.
    AppliedWithReplicas,
    /// Applied without replicas: nobody owns them.
    AppliedWithoutReplicas,
    /// Applied with replicas, then scaled by somebody else.
    ScaledByAnother,
    /// Applied with the same replicas by two.
    AppliedByTwo,
}

/// A Deployment as it was found.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) spec: DeploymentSpec,
    pub(crate) annotations: std::collections::BTreeMap<String, String>,
    /// Without those of the status, which its controller writes when it likes.
    pub(crate) managed_fields: Vec<ManagedFieldsEntry>,
}

impl Found {
    pub(crate) async fn look(tenant: &Tenant, name: &str) -> Self {
        let deployment: Deployment = tenant.api().get(name).await.unwrap();
        let mut managed_fields = deployment.managed_fields().to_vec();
        managed_fields.retain(|entry| entry.subresource.as_deref() != Some("status"));
        Self {
            name: name.to_owned(),
            uid: deployment.uid().unwrap(),
            annotations: deployment.annotations().clone(),
            managed_fields,
            spec: deployment.spec.unwrap(),
        }
    }

    pub(crate) fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }
}

impl As {
    /// Creates a Deployment of three replicas (four where another scaled it, one where nobody said).
    pub(crate) async fn create(self, tenant: &Tenant, name: &str) -> Found {
        let deployments: Api<Deployment> = tenant.api();
        match self {
            Self::Created => {
                let params =
                    PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() };
                let deployment = serde_json::from_value(deployment(name, Some(3))).unwrap();
                deployments.create(&params, &deployment).await.unwrap();
            }
            Self::AppliedWithReplicas => applied(&deployments, "helm", name, Some(3)).await.unwrap(),
            Self::AppliedWithoutReplicas => applied(&deployments, "helm", name, None).await.unwrap(),
            Self::ScaledByAnother => {
                applied(&deployments, "helm", name, Some(3)).await.unwrap();
                let params =
                    PatchParams { field_manager: Some("kubectl".to_owned()), ..PatchParams::default() };
                let scale = json!({"spec": {"replicas": 4}});
                deployments.patch_scale(name, &params, &Patch::Merge(scale)).await.unwrap();
            }
            Self::AppliedByTwo => {
                applied(&deployments, "helm", name, Some(3)).await.unwrap();
                applied(&deployments, "argocd", name, Some(3)).await.unwrap();
            }
        }
        Found::look(tenant, name).await
    }
}

/// Applies a Deployment without force, as Helm 4 does.
pub(crate) async fn applied(
    deployments: &Api<Deployment>,
    manager: &str,
    name: &str,
    replicas: Option<i32>,
) -> Result<(), kube::Error> {
    deployments
        .patch(name, &PatchParams::apply(manager), &Patch::Apply(deployment(name, replicas)))
        .await
        .map(drop)
}

/// Waits until the times in managed fields, which are whole seconds, would show that something was written.
pub(crate) async fn later_than(found: &Found) {
    let written = found
        .managed_fields
        .iter()
        .filter_map(|entry| entry.time.as_ref())
        .map(|time| time.0.as_second())
        .max();
    eventually("the next second", async || jiff::Timestamp::now().as_second(), |now| Some(*now) > written)
        .await;
}
