//! Reads what recognising an owner takes.

use std::pin::pin;

use futures::TryStreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::Value;
use throughput_core::reason::{Reason, Why};
use throughput_core::target::{TargetKind, TargetName};

use super::{ReplicasField, clowder, keda, not_permitted, pulp};
use crate::objects::deadline::{RequestError, within};
use crate::objects::obstacle::Obstacle;
use crate::objects::pages;
use crate::scaling::own_pods::OwnPods;

/// The target, if it is there; refused where it must not be scaled.
pub async fn target(
    client: &Client,
    namespace: &str,
    name: &TargetName,
    own: &OwnPods,
) -> Result<Option<DynamicObject>, Obstacle> {
    let targets: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), namespace, &crate::scaling::scalable::resource(name.kind));
    match within("read a target", targets.get_opt(&name.name)).await {
        Ok(found) => {
            let refusal = found.as_ref().and_then(|found| own.refusal(namespace, name, found));
            refusal.map_or(Ok(found), |refusal| Err(refusal.into()))
        }
        Err(error) if error.is_forbidden() && name.kind == TargetKind::StatefulSet => {
            Err(not_permitted("scale StatefulSets", "scale.statefulSets").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Who has to be told how many replicas this target shall have, with what the field is now; `None` when the
/// target's own scale is the place.
pub async fn find(
    client: &Client,
    namespace: &str,
    name: &TargetName,
    target: &DynamicObject,
) -> Result<Option<ReplicasField>, Obstacle> {
    let of_controller = by_controller(client, namespace, name, target).await?;
    let of_keda = by_reference(client, namespace, name).await?;
    if let (Some(one), Some(other)) = (&of_controller, &of_keda) {
        let message = format!(
            "both the {} {} and the {} {} set the replicas of the {name}, and would undo each other: take one of them out",
            one.kind(),
            one.name,
            other.kind(),
            other.name
        );
        return Err(Why::new(Reason::TargetHasTwoOwners, message).into());
    }
    Ok(of_controller.or(of_keda))
}

/// By the owner reference of who made the target.
async fn by_controller(
    client: &Client,
    namespace: &str,
    name: &TargetName,
    target: &DynamicObject,
) -> Result<Option<ReplicasField>, Obstacle> {
    let Some(owner) = target.owner_references().iter().find(|owner| owner.controller == Some(true)) else {
        return Ok(None);
    };
    let (plural, value) = if pulp::is_pulp(owner) {
        ("pulps", "scale.pulp")
    } else if clowder::is_clowd_app(owner) {
        ("clowdapps", "scale.clowdApp")
    } else {
        return Ok(None);
    };
    let owners: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), namespace, &resource(owner, plural));
    let object = match within("read the owner of a target", owners.get_opt(&owner.name)).await {
        // One that is gone, or is another one by now, has nothing to say any more.
        Ok(found) => found.filter(|found| found.uid().as_ref() == Some(&owner.uid)),
        Err(error) if error.is_forbidden() => {
            let what = format!("change the {} {}, which the {name} belongs to", owner.kind, owner.name);
            return Err(not_permitted(&what, value).into());
        }
        Err(error) => return Err(error.into()),
    };
    let Some(object) = object else { return Ok(None) };
    let content = as_value(&object);
    let field = if pulp::is_pulp(owner) {
        pulp::field(name, owner, &content)?
    } else {
        Some(clowder::field(name, owner, &content)?)
    };
    Ok(field.map(|field| field.found_in(&content, object.managed_fields())))
}

fn resource(owner: &OwnerReference, plural: &str) -> ApiResource {
    let (group, version) = owner.api_version.split_once('/').unwrap_or(("", &owner.api_version));
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, &owner.kind), plural)
}

/// By the reference of a `ScaledObject` to the target.
async fn by_reference(
    client: &Client,
    namespace: &str,
    name: &TargetName,
) -> Result<Option<ReplicasField>, Obstacle> {
    let (group, version) = keda::API_VERSION.split_once('/').unwrap_or(("", keda::API_VERSION));
    let kind = GroupVersionKind::gvk(group, version, "ScaledObject");
    let resource = ApiResource::from_gvk_with_plural(&kind, "scaledobjects");
    let scaled_objects: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    // Asked first, since rights are looked at before whether there is such a kind at all.
    match within("ask for KEDA", client.list_api_group_resources(keda::API_VERSION)).await {
        Ok(_) => {}
        // Where nobody may ask, nobody can tell.
        Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let listed = pages::listed("list ScaledObjects", &scaled_objects, ListParams::default());
    let field = listed.try_filter_map(|object| {
        let content = as_value(&object);
        let field = keda::field(name, &content);
        std::future::ready(Ok(field.map(|field| field.found_in(&content, object.managed_fields()))))
    });
    match pin!(field).try_next().await {
        Ok(field) => Ok(field),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if error.is_forbidden() => {
            let what = format!("look whether KEDA scales the {name}");
            Err(not_permitted(&what, "scale.keda").into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The owner that this field belongs to, if it is still there.
pub async fn owner_object(
    client: &Client,
    namespace: &str,
    field: &ReplicasField,
) -> Result<Option<DynamicObject>, RequestError> {
    let owners: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &field.resource());
    let found = within("read the owner of a target", owners.get_opt(&field.name)).await?;
    Ok(found.filter(|found| found.uid().as_ref() == Some(&field.uid)))
}

/// The number that the owner of a claimed target is told now; `None` when it is no number, or none at all. Refused where the
/// owner cannot be told any more.
pub async fn told(client: &Client, namespace: &str, field: &ReplicasField) -> Result<Option<u32>, Obstacle> {
    let Some(object) = owner_object(client, namespace, field).await? else {
        let message = format!("the {} {} is not there any more", field.kind(), field.name);
        return Err(Why::new(Reason::OwnerGone, message).into());
    };
    Ok(field.told(&as_value(&object)))
}

/// An object as JSON, its metadata included.
pub(crate) fn as_value(object: &DynamicObject) -> Value {
    // What came as JSON goes as JSON.
    serde_json::to_value(object).unwrap_or_default()
}
