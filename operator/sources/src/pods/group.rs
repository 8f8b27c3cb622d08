//! Pods as far as their figures need to know them. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, ContainerState, ContainerStatus, Pod, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;

use crate::quantity::Amount;

/// A pod of a group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchedPod {
    /// Its name.
    pub(crate) name: String,
    /// Its UID.
    pub(crate) uid: String,
    /// Where it runs, once the kubelet there has taken it: before, there is nothing to be counted.
    pub(crate) node: Option<Node>,
    /// Whether it is one of those that are wanted: neither ended nor being deleted.
    pub(crate) is_wanted: bool,
    /// Whether it is ready.
    pub(crate) is_ready: bool,
    /// Its containers, with those that run beside them.
    pub(crate) containers: Vec<WatchedContainer>,
}

/// A node, and how its kubelet is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Node {
    /// Its name.
    pub(crate) name: String,
    /// Its address.
    pub(crate) address: String,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WatchedContainer {
    /// Its name.
    pub(crate) name: String,
    /// How series call it: by the pod's name, and its own where the pod has several.
    pub(crate) subject: String,
    /// The runtime's id of the container that is there now.
    pub(crate) id: Option<String>,
    /// Since when that runs.
    pub(crate) started_at: Option<Timestamp>,
    /// Its requests.
    pub(crate) requests: Bounds,
    /// Its limits.
    pub(crate) limits: Bounds,
    /// How often it was started again.
    pub(crate) restarts: i64,
    /// The containers of this name that have ended, as far as the kubelet still tells: the present and the one before.
    pub(crate) ended: Vec<Ended>,
}

/// Processors and memory that a container asks for, or may use at most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Bounds {
    /// Processors.
    pub(crate) cores: Option<f64>,
    /// Memory.
    pub(crate) bytes: Option<f64>,
}

/// A container that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The runtime's id.
    pub(crate) id: String,
    /// Why, in the kubelet's words.
    pub(crate) reason: String,
}

impl Ended {
    /// Whether the kernel ended it because it used more memory than it may.
    pub(crate) fn is_out_of_memory(&self) -> bool {
        self.reason == "OOMKilled"
    }
}

/// The part of a pod that its figures need.
pub(crate) fn watched(pod: &Pod) -> WatchedPod {
    let (spec, status) = (pod.spec.clone().unwrap_or_default(), pod.status.clone().unwrap_or_default());
    let has_ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
    let conditions = status.conditions.iter().flatten();
    let name = pod.name_any();
    WatchedPod {
        uid: pod.uid().unwrap_or_default(),
        node: spec
            .node_name
            .clone()
            .zip(status.host_ip.clone())
            .map(|(name, address)| Node { name, address }),
        is_wanted: !has_ended && pod.metadata.deletion_timestamp.is_none(),
        is_ready: conditions
            .into_iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True"),
        containers: containers(&name, &spec, &status),
        name,
    }
}

fn containers(pod: &str, spec: &PodSpec, status: &PodStatus) -> Vec<WatchedContainer> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some("Always"));
    let all: Vec<&Container> = spec.containers.iter().chain(sidecars).collect();
    let statuses: Vec<&ContainerStatus> =
        status.container_statuses.iter().chain(&status.init_container_statuses).flatten().collect();
    let is_only = all.len() == 1;
    all.into_iter()
        .map(|container| {
            let status = statuses.iter().find(|status| status.name == container.name).copied();
            let subject = if is_only { pod.to_owned() } else { format!("{pod}/{}", container.name) };
            watched_container(container, subject, status)
        })
        .collect()
}

fn watched_container(
    container: &Container,
    subject: String,
    status: Option<&ContainerStatus>,
) -> WatchedContainer {
    let resources = container.resources.clone().unwrap_or_default();
    let known = status.map(|status| [status.state.as_ref(), status.last_state.as_ref()]).unwrap_or_default();
    let running = known.into_iter().flatten().find_map(|state| state.running.as_ref());
    WatchedContainer {
        name: container.name.clone(),
        subject,
        id: status.and_then(|status| status.container_id.as_deref()).map(bare_id),
        started_at: running.and_then(|running| running.started_at.as_ref()).map(|at| at.0),
        requests: bounds(resources.requests.as_ref()),
        limits: bounds(resources.limits.as_ref()),
        restarts: status.map(|status| status.restart_count.into()).unwrap_or_default(),
        ended: known.into_iter().flatten().filter_map(ended).collect(),
    }
}

fn ended(state: &ContainerState) -> Option<Ended> {
    let terminated = state.terminated.as_ref()?;
    let reason = terminated.reason.clone().unwrap_or_else(|| format!("exit code {}", terminated.exit_code));
    Some(Ended { id: bare_id(terminated.container_id.as_deref()?), reason })
}

/// `containerd://88bf` without its runtime.
fn bare_id(id: &str) -> String {
    id.rsplit('/').next().unwrap_or_default().to_owned()
}

fn bounds(quantities: Option<&BTreeMap<String, Quantity>>) -> Bounds {
    let value = |resource: &str| {
        let amount = Amount::parse(&quantities?.get(resource)?.0)?;
        Some(amount.value()).filter(|value| *value > 0.0)
    };
    Bounds { cores: value("cpu"), bytes: value("memory") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::pods::fixture::pod;

    #[test]
    fn a_pod_is_known_by_what_its_figures_need() {
        let expected = WatchedPod {
            name: "burner".to_owned(),
            uid: "6a23387b".to_owned(),
            node: Some(Node { name: "node1".to_owned(), address: "198.18.0.1".to_owned() }),
            is_wanted: true,
            is_ready: true,
            containers: vec![WatchedContainer {
                name: "main".to_owned(),
                subject: "burner".to_owned(),
                id: Some("88bf37f5".to_owned()),
                started_at: Some("2026-11-22T09:07:09Z".parse().unwrap()),
                requests: Bounds { cores: Some(0.01), bytes: Some(16_777_216.0) },
                limits: Bounds { cores: Some(0.05), bytes: Some(67_108_864.0) },
                restarts: 2,
                ended: vec![Ended { id: "46199f0d".to_owned(), reason: "OOMKilled".to_owned() }],
            }],
        };
        assert_eq!(watched(&pod(json!({}))), expected);
        assert!(expected.containers[0].ended[0].is_out_of_memory());
    }

    #[test]
    fn of_several_containers_each_is_named_and_those_that_only_prepare_are_none() {
        let several = pod(json!({"spec": {
            "initContainers": [{"name": "migrate"}, {"name": "proxy", "restartPolicy": "Always"}],
            "containers": [{"name": "main"}, {"name": "log"}],
        }}));
        let subjects: Vec<String> =
            watched(&several).containers.into_iter().map(|container| container.subject).collect();
        assert_eq!(subjects, ["burner/main", "burner/log", "burner/proxy"]);
    }

    #[test]
    fn a_pod_that_no_kubelet_has_taken_yet_is_nowhere() {
        for change in [json!({"spec": {"nodeName": null}}), json!({"status": {"hostIP": null}})] {
            assert_eq!(watched(&pod(change)).node, None);
        }
    }

    #[test]
    fn a_pod_that_ends_is_not_wanted_any_more() {
        for change in [
            json!({"status": {"phase": "Succeeded"}}),
            json!({"status": {"phase": "Failed"}}),
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        ] {
            assert!(!watched(&pod(change)).is_wanted);
        }
    }
}
