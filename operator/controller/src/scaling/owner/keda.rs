//! Targets of KEDA, which scales what a `ScaledObject` names, by a `HorizontalPodAutoscaler` of its own.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use serde_json::Value;
use throughput_core::target::TargetName;

use super::{OwnerField, ReplicasField};

/// The group and version of the kind `ScaledObject`.
pub const API_VERSION: &str = "keda.sh/v1alpha1";
/// The annotation by which KEDA is told to hold a number, and to do nothing else.
pub const PAUSED_REPLICAS: &str = "autoscaling.keda.sh/paused-replicas";

/// The field of this `ScaledObject`, if it scales this target.
pub fn field(target: &TargetName, scaled_object: &Value) -> Option<ReplicasField> {
    let reference = scaled_object.pointer("/spec/scaleTargetRef")?;
    let text = |field: &str| reference.get(field).and_then(Value::as_str);
    // KEDA reads a reference without these as one to a Deployment of apps/v1.
    let is_it = text("name") == Some(&target.name)
        && text("kind").unwrap_or("Deployment") == target.kind.as_str()
        && text("apiVersion").unwrap_or("apps/v1").starts_with("apps/");
    let named = |pointer: &str| scaled_object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (name, uid) = (named("/metadata/name")?, named("/metadata/uid")?);
    is_it.then(|| ReplicasField::new(OwnerField::ScaledObject, API_VERSION, name, uid))
}

/// Whether this autoscaler is the one that KEDA made for what this field belongs to: it goes away, or does
/// nothing, while KEDA holds a number.
pub fn made(autoscaler: &HorizontalPodAutoscaler, field: Option<&ReplicasField>) -> bool {
    let Some(field) = field.filter(|field| field.field == OwnerField::ScaledObject) else { return false };
    let owners = autoscaler.metadata.owner_references.iter().flatten();
    owners.into_iter().any(|owner| owner.kind == "ScaledObject" && owner.uid == field.uid)
}
