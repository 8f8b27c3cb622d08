//! Saying how many replicas a claimed target shall have, where its owner reads it.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch};
use serde_json::json;

use super::{ClaimError, ClaimRecord, ours, targets};
use crate::objects::deadline::{RequestError, within};
use crate::scaling::owner::{Change, Lever, as_value, lever_object};

/// How often a change is tried when the object changes in between.
pub(super) const ATTEMPTS: u32 = 10;

/// Sets the replicas of a claimed target, by its own scale or through its owner.
pub(crate) async fn scale(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    replicas: i32,
) -> Result<(), ClaimError> {
    let scaled = match &record.lever {
        None => directly(client, namespace, record, replicas).await,
        Some(lever) => tell(client, namespace, lever, replicas).await,
    };
    scaled.map_err(|source| ClaimError::Scale {
        target: record.target.clone(),
        place: record.lever.as_ref().map_or_else(|| "its scale".to_owned(), Lever::to_string),
        source,
    })
}

/// Sets the replicas by the target's own scale.
pub(super) async fn directly(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    replicas: i32,
) -> Result<(), RequestError> {
    let targets = targets(client, namespace, &record.target);
    let patch = json!({"spec": {"replicas": replicas}});
    within("scale", targets.patch_scale(&record.target.name, &ours(), &Patch::Merge(&patch))).await?;
    Ok(())
}

/// Tells the owner how many replicas there shall be. One that is gone cannot be told.
pub(super) async fn tell(
    client: &Client,
    namespace: &str,
    lever: &Lever,
    replicas: i32,
) -> Result<(), RequestError> {
    change(client, namespace, lever, |owner| {
        let owner = as_value(owner);
        lever.tell(&owner, replicas).filter(|_| lever.told(&owner) != u32::try_from(replicas).ok())
    })
    .await
}

/// Puts the owner's field back.
pub(super) async fn put_back(client: &Client, namespace: &str, lever: &Lever) -> Result<(), RequestError> {
    change(client, namespace, lever, |owner| lever.put_back(&as_value(owner))).await
}

/// Changes the owner as it is now, again when it was changed in between.
async fn change(
    client: &Client,
    namespace: &str,
    lever: &Lever,
    wanted: impl Fn(&DynamicObject) -> Option<Change>,
) -> Result<(), RequestError> {
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &lever.resource());
    let mut attempt = 0;
    loop {
        let Some(owner) = lever_object(client, namespace, lever).await? else { return Ok(()) };
        let patch = match wanted(&owner) {
            None => return Ok(()),
            Some(Change::Merge(patch)) => Patch::Merge(patch),
            Some(Change::Json(patch)) => match serde_json::from_value(patch) {
                Ok(patch) => Patch::Json(patch),
                // It is made of literals, by the lever.
                Err(error) => {
                    tracing::error!(%error, "a change of an owner is no JSON patch");
                    return Ok(());
                }
            },
        };
        attempt += 1;
        match within("change the owner of a target", owners.patch(&lever.name, &ours(), &patch)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_overtaken() && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
