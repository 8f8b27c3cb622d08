//! Deployments of Clowder, which takes their replicas from its `ClowdApp` resource.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;
use throughput_core::reason::{Reason, Why};
use throughput_core::target::TargetName;

use super::{OwnerField, ReplicasField, group};

/// The group of the kind `ClowdApp`.
const GROUP: &str = "cloud.redhat.com";
/// The two ways to give a deployment of a `ClowdApp` an autoscaler.
const AUTOSCALERS: [&str; 2] = ["autoScaler", "autoScalerSimple"];

/// Whether this owner is a `ClowdApp`.
pub fn is_clowd_app(owner: &OwnerReference) -> bool {
    owner.kind == "ClowdApp" && group(owner) == GROUP
}

/// The field of this `ClowdApp` that sets the replicas of the target.
pub fn field(target: &TargetName, owner: &OwnerReference, app: &Value) -> Result<ReplicasField, Why> {
    // Clowder calls a Deployment by the ClowdApp's name and the entry's.
    let entry_name = target.name.strip_prefix(&owner.name).and_then(|rest| rest.strip_prefix('-'));
    let entry = app
        .pointer("/spec/deployments")
        .and_then(Value::as_array)
        .and_then(|entries| entries.iter().find(|entry| entry["name"].as_str() == entry_name))
        .zip(entry_name);
    let Some((entry, entry_name)) = entry else {
        return Err(Why {
            reason: Reason::OwnerNotSupported,
            message: format!(
                "the {target} belongs to the ClowdApp {}, which has no deployment in spec.deployments from which it takes its replicas: name another in scale",
                owner.name
            ),
        });
    };
    if let Some(autoscaler) =
        AUTOSCALERS.into_iter().find(|name| entry.get(name).is_some_and(|it| !it.is_null()))
    {
        return Err(Why {
            reason: Reason::TargetAutoscaled,
            message: format!(
                "the deployment {entry_name} of the ClowdApp {} has an {autoscaler}, which would undo what the run scales in the {target}: take it out for the time of the run",
                owner.name
            ),
        });
    }
    Ok(ReplicasField::of_owner(OwnerField::ClowdApp { deployment: entry_name.to_owned() }, owner))
}
