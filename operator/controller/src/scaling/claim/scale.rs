//! Saying how many replicas a claimed target shall have, where its owner reads it.

use kube::api::{Api, DynamicObject, Patch};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::{ClaimError, ClaimRecord, ours, targets};
use crate::objects::deadline::{RequestError, within};
use crate::scaling::owner::{Change, ReplicasField, as_value, owner_object};
use crate::scaling::scalable;

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

/// Sets the replicas by the target's own scale, if it is the target that was claimed, as it was just read: a request that
/// comes late does not undo what others have done since. It is read and tried again when only something else of it has
/// changed, as its own controller does with its status all the time.
pub(super) async fn directly(
    client: &Client,
    namespace: &str,
    record: &ClaimRecord,
    replicas: i32,
) -> Result<(), RequestError> {
    let targets = targets(client, namespace, &record.target);
    let mut overtaken: Option<(RequestError, i32)> = None;
    for _ in 0..ATTEMPTS {
        // One that is gone is what the next look finds.
        let Some(found) = claimed(&targets, record).await? else { return Ok(()) };
        let now = scalable::wanted_replicas(&found);
        if let Some((error, before)) = overtaken.take()
            && before != now
        {
            return Err(error);
        }
        let this_one = json!({"uid": record.uid, "resourceVersion": found.resource_version()});
        let patch = Patch::Merge(json!({"metadata": this_one, "spec": {"replicas": replicas}}));
        match within("scale", targets.patch_scale(&record.target.name, &ours(), &patch)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_conflict() => overtaken = Some((error, now)),
            Err(error) => return Err(error),
        }
    }
    overtaken.map_or(Ok(()), |(error, _)| Err(error))
}

/// The target that was claimed, if it is still there.
pub(super) async fn claimed(
    targets: &Api<DynamicObject>,
    record: &ClaimRecord,
) -> Result<Option<DynamicObject>, RequestError> {
    let found = within("read a target", targets.get_opt(&record.target.name)).await?;
    Ok(found.filter(|found| found.uid().as_deref() == Some(record.uid.as_str())))
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

/// Changes the owner as it is now, again when something else of it was changed in between. When it was the number, that
/// is not undone: a request may come late.
async fn change(
    client: &Client,
    namespace: &str,
    field: &ReplicasField,
    wanted: impl Fn(&DynamicObject) -> Option<Change>,
) -> Result<(), RequestError> {
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &field.resource());
    let mut overtaken: Option<(RequestError, Option<u32>)> = None;
    for _ in 0..ATTEMPTS {
        let Some(owner) = owner_object(client, namespace, field).await? else { return Ok(()) };
        let told = field.told(&as_value(&owner));
        if let Some((error, before)) = overtaken.take()
            && before != told
        {
            return Err(error);
        }
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
        match within("change the owner of a target", owners.patch(&field.name, &ours(), &patch)).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_overtaken() => overtaken = Some((error, told)),
            Err(error) => return Err(error),
        }
    }
    overtaken.map_or(Ok(()), |(error, _)| Err(error))
}
