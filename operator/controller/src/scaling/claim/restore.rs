//! Putting a claimed target back as it was.

use std::time::Duration;

use kube::api::{Api, DynamicObject, Patch};
use kube::{Client, ResourceExt};
use serde_json::json;
use throughput_core::target::TargetName;
use tokio::time::Instant;

use super::scale::{ATTEMPTS, claimed, directly, put_back, tell};
use super::{Claim, ClaimRecord, NOTICE_ANNOTATION, ours, release, targets};
use crate::objects::deadline::{RequestError, within};
use crate::scaling::managed_fields;
use crate::scaling::owner::{OwnerField, ReplicasField, owner_object};
use crate::scaling::scalable;

/// How long an owner may take until it has done what it was told. All of them watch, and act within a second.
const OWNER_DEADLINE: Duration = Duration::from_secs(30);
/// How often to look whether it has.
const OWNER_PERIOD: Duration = Duration::from_millis(250);

/// What restoring found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// The target is as it was.
    AsFound,
    /// The target does not exist any more, or is another one of the same name.
    Gone,
}

/// Why a target was not restored. The claim is kept, and restoring is tried again.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The API server did not do it.
    #[error("cannot put the {target} back to {replicas} replicas: {source}")]
    Request {
        /// The target.
        target: TargetName,
        /// Its replicas before.
        replicas: i32,
        /// What the API server said.
        source: RequestError,
    },
}

/// Puts all these claims' targets back. One that cannot be put back does not keep the others from it, nor does
/// one whose owner takes its time.
pub async fn restore_all(client: &Client, namespace: &str, claims: &[Claim]) -> Vec<RestoreError> {
    let restoring = claims.iter().map(async |claim| {
        let record = &claim.record;
        let (target, replicas) = (record.target.to_string(), record.replicas);
        match restore(client, namespace, claim).await {
            Ok(Restored::AsFound) => {
                tracing::info!(namespace, target, replicas, "restored");
                None
            }
            Ok(Restored::Gone) => {
                tracing::warn!(namespace, target, "the target is gone, there is nothing to restore");
                None
            }
            Err(error) => {
                tracing::error!(namespace, target, %error, "not restored");
                Some(error)
            }
        }
    });
    futures::future::join_all(restoring).await.into_iter().flatten().collect()
}

/// Puts a claimed target back as it was, then gives up the claim. Can be repeated from any point.
pub async fn restore(client: &Client, namespace: &str, claim: &Claim) -> Result<Restored, RestoreError> {
    let Claim { record, .. } = claim;
    let restored = async {
        let restored = restore_target(client, namespace, record).await?;
        release(client, namespace, claim).await?;
        Ok(restored)
    };
    restored.await.map_err(|source| RestoreError::Request {
        target: record.target.clone(),
        replicas: record.replicas,
        source,
    })
}

async fn restore_target(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
) -> Result<Restored, RequestError> {
    let targets = targets(client, namespace, &record.target);
    if let Some(field) = &record.replicas_field {
        restore_owner(client, namespace, record, field).await?;
    }
    let Some(found) = claimed(&targets, record).await? else {
        return Ok(Restored::Gone);
    };
    let wanted =
        record.replicas_field.as_ref().and_then(ReplicasField::settles_at).unwrap_or(record.replicas);
    if scalable::wanted_replicas(&found) != wanted {
        directly(client, namespace, record, wanted).await?;
    }
    give_back_ownership(&targets, &record.target.name, &record.uid, |found| {
        managed_fields::given_back(
            found.managed_fields(),
            &record.replicas_owners,
            &managed_fields::replicas(),
        )
    })
    .await?;
    Ok(Restored::AsFound)
}

/// Puts the owner's field back, and waits until the owner has acted. One that is gone, or that does not act
/// in time, leaves the target to its own scale.
async fn restore_owner(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    field: &ReplicasField,
) -> Result<(), RequestError> {
    if owner_object(client, namespace, field).await?.is_none() {
        return Ok(());
    }
    match &field.field {
        // KEDA goes on from the number that it finds: that shall be the one that was found.
        OwnerField::ScaledObject => {
            if targets_replicas(client, namespace, record).await?.is_some_and(|now| now != record.replicas) {
                tell(client, namespace, field, record.replicas).await?;
                await_owner(client, namespace, record, record.replicas).await?;
            }
            put_back(client, namespace, field).await?;
        }
        OwnerField::Pulp { .. } | OwnerField::ClowdApp { .. } => {
            put_back(client, namespace, field).await?;
            let replicas = field.settles_at().unwrap_or(record.replicas);
            await_owner(client, namespace, record, replicas).await?;
        }
    }
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &field.resource());
    give_back_ownership(&owners, &field.name, &field.uid, |owner| {
        managed_fields::given_back(owner.managed_fields(), &field.owners, &field.owned_as())
    })
    .await
}

async fn targets_replicas(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
) -> Result<Option<i32>, RequestError> {
    let found = claimed(&targets(client, namespace, &record.target), record).await?;
    Ok(found.as_ref().map(scalable::wanted_replicas))
}

/// Waits until the target has this many replicas, or is gone, but not for ever.
async fn await_owner(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    replicas: i32,
) -> Result<(), RequestError> {
    let began = Instant::now();
    while targets_replicas(client, namespace, record).await?.is_some_and(|now| now != replicas) {
        if began.elapsed() >= OWNER_DEADLINE {
            let target = record.target.to_string();
            tracing::warn!(
                target,
                replicas,
                "its owner does not scale it back in time; it is scaled directly"
            );
            return Ok(());
        }
        tokio::time::sleep(OWNER_PERIOD).await;
    }
    Ok(())
}

/// Writes the `managedFields` of an object as they shall be, and takes the notice off it, again when it changes
/// in between (its own controller writes its status while it scales). Both at once: the API server forgets a
/// change of nothing but the times in `managedFields`, which is all that is left when another operator scaled.
async fn give_back_ownership(
    objects: &Api<DynamicObject>,
    name: &str,
    uid: &str,
    wanted: impl Fn(&DynamicObject) -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry>,
) -> Result<(), RequestError> {
    let mut attempt = 0;
    loop {
        let found = within("read what is restored", objects.get_opt(name)).await?;
        let Some(found) = found.filter(|found| found.uid().as_deref() == Some(uid)) else {
            return Ok(());
        };
        let entries = wanted(&found);
        let has_notice = found.annotations().contains_key(NOTICE_ANNOTATION);
        if entries == found.managed_fields() && !has_notice {
            return Ok(());
        }
        let mut patch =
            json!({"metadata": {"managedFields": entries, "resourceVersion": found.resource_version()}});
        if has_notice {
            patch["metadata"]["annotations"] = json!({NOTICE_ANNOTATION: null});
        }
        attempt += 1;
        match within("give back ownership", objects.patch(name, &ours(), &Patch::Merge(&patch))).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_conflict() && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
