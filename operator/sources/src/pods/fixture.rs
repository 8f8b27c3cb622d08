//! Pods in the form in which a real API server answers, shortened.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use throughput_crds::{LabelSelector, ObservePods};

/// A pod that burns processor time under a limit, with these changes.
pub(crate) fn pod(changes: Value) -> Pod {
    let mut pod = json!({
        "metadata": {"name": "burner", "namespace": "pulp", "uid": "6a23387b", "labels": {"app": "burner"}},
        "spec": {
            "nodeName": "node1",
            "containers": [{
                "name": "main",
                "image": "localhost/pulp:1",
                "resources": {
                    "requests": {"cpu": "10m", "memory": "16Mi"},
                    "limits": {"cpu": "50m", "memory": "64Mi"},
                },
            }],
        },
        "status": {
            "phase": "Running",
            "hostIP": "198.18.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{
                "containerID": "containerd://88bf37f5",
                "image": "localhost/pulp:1",
                "imageID": "sha256:32e385215d62",
                "name": "main",
                "ready": true,
                "restartCount": 2,
                "state": {"running": {"startedAt": "2026-11-22T09:07:09Z"}},
                "lastState": {"terminated": {
                    "containerID": "containerd://46199f0d", "exitCode": 137, "reason": "OOMKilled",
                }},
            }],
        },
    });
    merge(&mut pod, changes);
    serde_json::from_value(pod).unwrap()
}

/// A pod of this name and UID whose container was started again so often, the last time after it had ended so.
pub(crate) fn restarted(name: &str, restarts: i32, ended: &[(&str, &str)]) -> Pod {
    let terminated = |(id, reason): &(&str, &str)| json!({"terminated": {"containerID": format!("containerd://{id}"), "exitCode": 137, "reason": reason}});
    let mut status = json!({
        "name": "main", "image": "", "imageID": "", "ready": true, "restartCount": restarts,
        "state": {"running": {"startedAt": "2026-11-22T09:07:09Z"}},
        "lastState": ended.last().map_or_else(|| json!({}), terminated),
    });
    if let [now, _] = ended {
        status["state"] = terminated(now);
    }
    pod(json!({
        "metadata": {"name": name, "uid": name},
        "status": {"containerStatuses": [status]},
    }))
}

/// A group of this name and selector.
pub(crate) fn group(name: &str, selector: &[(&str, &str)]) -> ObservePods {
    let labels = selector.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let selector = LabelSelector { match_labels: labels.collect(), ..LabelSelector::default() };
    ObservePods { name: name.to_owned(), selector, kubelet: false }
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(into.entry(key).or_insert(Value::Null), change);
            }
        }
        (into, change) => *into = change,
    }
}
