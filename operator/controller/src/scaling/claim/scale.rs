//! Saying how many replicas a claimed target shall have, where its owner reads it.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch};
use serde_json::json;

use super::{ClaimError, ClaimRecord, ours, targets};
use crate::objects::deadline::{RequestError, within};
use crate::scaling::owner::{Change, ReplicasField, as_value, owner_object};

/// How often a change is tried when the object changes in between.
pub(super) const ATTEMPTS: u32 = 10;

/// Sets the replicas of a claimed target, by its own scale or through its owner.
pub(crate) async fn scale(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    replicas: i32,
) -> Result<(), ClaimError> {
    let scaled = match &record.replicas_field {
        None => directly(client, namespace, record, replicas).await,
        Some(field) => tell(client, namespace, field, replicas).await,
    };
    scaled.map_err(|source| ClaimError::Scale {
        target: record.target.clone(),
        place: record
            .replicas_field
            .as_ref()
            .map_or_else(|| "its scale".to_owned(), ReplicasField::to_string),
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
    field: &ReplicasField,
    replicas: i32,
) -> Result<(), RequestError> {
    change(client, namespace, field, |owner| {
        let owner = as_value(owner);
        field.tell(&owner, replicas).filter(|_| field.told(&owner) != u32::try_from(replicas).ok())
    })
    .await
}

/// Puts the owner's field back.
pub(super) async fn put_back(
    client: &Client,
    namespace: &str,
    field: &ReplicasField,
) -> Result<(), RequestError> {
    change(client, namespace, field, |owner| field.put_back(&as_value(owner))).await
}

/// Changes the owner as it is now, again when it was changed in between.
async fn change(
    client: &Client,
    namespace: &str,
    field: &ReplicasField,
    wanted: impl Fn(&DynamicObject) -> Option<Change>,
) -> Result<(), RequestError> {
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &field.resource());
    let mut attempt = 0;
    loop {
        let Some(owner) = owner_object(client, namespace, field).await? else { return Ok(()) };
        let patch = match wanted(&owner) {
            None => return Ok(()),
            Some(Change::Merge(patch)) => Patch::Merge(patch),
            Some(Change::Json(patch)) => match serde_json::from_value(patch) {
                Ok(patch) => Patch::Json(patch),
                // It is made of literals, by the field.
                Err(error) => {
                    tracing::error!(%error, "a change of an owner is no JSON patch");
                    return Ok(());
                }
            },
        };
        attempt += 1;
        match within("change the owner of a target", owners.patch(&field.name, &ours(), &patch)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_overtaken() && attempt < ATTEMPTS => {}
            Err(error) => return Err(error),
        }
    }
}
