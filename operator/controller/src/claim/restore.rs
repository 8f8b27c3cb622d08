//! Putting a claimed Deployment back as it was.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::{Claim, ClaimRecord, NOTICE_ANNOTATION, ownership, release};
use crate::deadline::{RequestError, within};
use crate::names::FIELD_MANAGER;

/// How often the ownership is written anew when the Deployment changes in between (its own controller
/// writes its status while it scales).
const OWNERSHIP_ATTEMPTS: u32 = 10;

/// What restoring found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The Deployment is as it was.
    AsFound,
    /// The Deployment does not exist any more, or is another one of the same name.
    Gone,
}

/// Why a Deployment was not restored. The claim is kept, and restoring is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The API server did not do it.
    #[error("cannot put the Deployment {deployment} back to {replicas} replicas: {source}")]
    Request {
        /// The Deployment.
        deployment: String,
        /// Its replicas before.
        replicas: i32,
        /// What the API server said.
        source: RequestError,
    },
}

/// Puts a claimed Deployment back as it was, then gives up the claim. Can be repeated from any point.
pub async fn restore(client: &Client, namespace: &str, claim: &Claim) -> Result<Restored, RestoreError> {
    let Claim { record, .. } = claim;
    let restored = async {
        let restored = restore_deployment(client, namespace, record).await?;
        release(client, namespace, claim).await?;
        Ok(restored)
    };
    restored.await.map_err(|source| RestoreError::Request {
        deployment: record.deployment.clone(),
        replicas: record.replicas,
        source,
    })
}

async fn restore_deployment(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
) -> Result<Restored, RequestError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let Some(found) = within("read a target", deployments.get_opt(&record.deployment)).await? else {
        return Ok(Restored::Gone);
    };
    if found.uid().as_deref() != Some(record.uid.as_str()) {
        return Ok(Restored::Gone);
    }
    if found.spec.as_ref().and_then(|spec| spec.replicas) != Some(record.replicas) {
        scale(client, namespace, &record.deployment, record.replicas).await?;
    }
    if found.annotations().contains_key(NOTICE_ANNOTATION) {
        let notice = json!({"metadata": {"annotations": {NOTICE_ANNOTATION: null}}});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        within("remove the notice", deployments.patch(&record.deployment, &params, &Patch::Merge(&notice)))
            .await?;
    }
    give_back_ownership(&deployments, record).await?;
    Ok(Restored::AsFound)
}

/// Sets the replicas of a Deployment.
pub(crate) async fn scale(
    client: &Client,
    namespace: &str,
    name: &str,
    replicas: i32,
) -> Result<(), RequestError> {
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), namespace);
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let patch = json!({"spec": {"replicas": replicas}});
    within("scale", deployments.patch_scale(name, &params, &Patch::Merge(&patch))).await?;
    Ok(())
}

async fn give_back_ownership(
    deployments: &Api<Deployment>,
    record: &ClaimRecord,
) -> Result<(), RequestError> {
    let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let mut attempt = 0;
    loop {
        let found = within("read a target", deployments.get(&record.deployment)).await?;
        let entries = ownership::given_back(found.managed_fields(), &record.replicas_owners);
        if entries == found.managed_fields() {
            return Ok(());
        }
        let patch =
            json!({"metadata": {"managedFields": entries, "resourceVersion": found.resource_version()}});
        attempt += 1;
        match within(
            "give back ownership",
            deployments.patch(&record.deployment, &params, &Patch::Merge(&patch)),
        )
        .await
        {
            Ok(_) => return Ok(()),
            Err(error) if error.is_conflict() && attempt < OWNERSHIP_ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
