//! What a run can scale, as the API server has it: an object of `apps/v1` that has a scale.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use throughput_core::target::TargetKind;

/// Where the API server serves a kind.
pub fn resource(kind: TargetKind) -> ApiResource {
    let plural = match kind {
        TargetKind::Deployment => "deployments",
        TargetKind::StatefulSet => "statefulsets",
    };
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("apps", "v1", kind.as_str()), plural)
}

/// The replicas that a target shall have; one where it does not say, as the API server reads it.
pub fn wanted_replicas(target: &DynamicObject) -> i32 {
    count(target, "/spec/replicas").unwrap_or(1)
}

/// The replicas of a target that are ready.
pub fn ready_replicas(target: &DynamicObject) -> i32 {
    count(target, "/status/readyReplicas").unwrap_or_default()
}

fn count(target: &DynamicObject, pointer: &str) -> Option<i32> {
    target.data.pointer(pointer)?.as_i64().and_then(|count| i32::try_from(count).ok())
}
