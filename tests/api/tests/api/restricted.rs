//! The restricted Pod Security standard, which the operator's pods keep to.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;

/// The pod that a Job makes, in a namespace that enforces the standard from now on: for a dry run.
pub(crate) async fn pod_of(tenant: &Tenant, job: &str) -> Value {
    let jobs: Api<Job> = tenant.api();
    let mut pod = json!(jobs.get(job).await.unwrap().spec.unwrap().template);
    pod["metadata"]["name"] = "checked".into();
    let enforce = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    let namespaces: Api<Namespace> = Api::all(tenant.client.clone());
    namespaces.patch(&tenant.namespace, &PatchParams::default(), &Patch::Merge(enforce)).await.unwrap();
    pod
}
