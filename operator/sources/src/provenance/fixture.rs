//! Pods and templates in the form in which a real API server answers, shortened.

use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use serde_json::json;

/// A pod of Pulp's API of this name, on this node, with an image of this tag.
pub(crate) fn pod(name: &str, node: &str, tag: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": "pulp"}},
        "spec": {
            "nodeName": node,
            "containers": [{
                "name": "api",
                "image": format!("quay.io/pulp/pulp:{tag}"),
                "resources": {"limits": {"memory": "1536Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
            }],
        },
        "status": {
            "phase": "Running",
            "containerStatuses": [{
                "name": "api", "image": format!("quay.io/pulp/pulp:{tag}"), "ready": true, "restartCount": 0,
                "imageID": format!("quay.io/pulp/pulp@sha256:{tag}"),
            }],
        },
    }))
    .unwrap()
}

/// A template of Pulp's API that asks for so much of a processor.
pub(crate) fn template(cpu: &str) -> PodTemplateSpec {
    serde_json::from_value(json!({"spec": {"containers": [
        {"name": "api", "image": "quay.io/pulp/pulp:1", "resources": {"requests": {"cpu": cpu}}},
    ]}}))
    .unwrap()
}
