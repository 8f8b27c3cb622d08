//! Deployments of pulp-operator, which takes their replicas from its `Pulp` resource.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::Value;
use throughput_core::reason::{Reason, Why};
use throughput_core::target::TargetName;

use super::{OwnerField, ReplicasField, group};

/// The group of the kind `Pulp`.
const GROUP: &str = "repo-manager.pulpproject.org";
/// The components whose Deployments are scaled, as the `Pulp` resource calls them and as their names end.
const COMPONENTS: [&str; 3] = ["worker", "api", "content"];

/// Whether this owner is a `Pulp`.
pub fn is_pulp(owner: &OwnerReference) -> bool {
    owner.kind == "Pulp" && group(owner) == GROUP
}

/// The field of this `Pulp` that sets the replicas of the target; none when nobody heeds the `Pulp`.
pub fn field(
    target: &TargetName,
    owner: &OwnerReference,
    pulp: &Value,
) -> Result<Option<ReplicasField>, Why> {
    // Nobody reconciles it: its Deployments are free.
    if pulp.pointer("/spec/unmanaged").and_then(Value::as_bool) == Some(true) {
        return Ok(None);
    }
    let suffix = target.name.strip_prefix(&owner.name).and_then(|rest| rest.strip_prefix('-'));
    let Some(component) = COMPONENTS.into_iter().find(|component| suffix == Some(component)) else {
        return Err(Why {
            reason: Reason::OwnerNotSupported,
            message: format!(
                "the {target} belongs to the Pulp {name}, which has replicas only for {name}-worker, {name}-api and {name}-content: name one of those in scale",
                name = owner.name
            ),
        });
    };
    if pulp.pointer(&format!("/spec/{component}/hpa/enabled")).and_then(Value::as_bool) == Some(true) {
        return Err(Why {
            reason: Reason::TargetAutoscaled,
            message: format!(
                "the Pulp {name} has spec.{component}.hpa.enabled: true, so that an autoscaler sets the replicas of the {target} and spec.{component}.replicas is ignored: set it to false for the time of the run",
                name = owner.name
            ),
        });
    }
    Ok(Some(ReplicasField::of_owner(OwnerField::Pulp { component: component.to_owned() }, owner)))
}
