//! The state of a Deployment, a `StatefulSet`, or a test's Jobs: images, resources, replicas and nodes. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container, Pod, PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt};
use throughput_crds::{ContainerResources, ResourceQuantities};

/// A scale target, or whatever else runs as pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Workload {
    /// How facts call it.
    pub(crate) name: String,
    /// How many replicas it shall have, and how many are ready; none of a Job's.
    pub(crate) replicas: Option<Replicas>,
    /// Its containers: as they run, or, where none runs, as they shall run.
    pub(crate) containers: BTreeMap<String, Running>,
    /// How many of its pods are on each node.
    pub(crate) nodes: BTreeMap<String, usize>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replicas {
    /// How many there shall be.
    pub(crate) wanted: i32,
    /// How many are ready.
    pub(crate) ready: i32,
}

/// The containers of the same name. More than one of a kind means that a change is being rolled out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Running {
    /// Images as they are asked for.
    pub(crate) images: BTreeSet<String>,
    /// Their digests, as the runtime tells them. None where no pod runs.
    pub(crate) digests: BTreeSet<String>,
    /// Requests and limits.
    pub(crate) resources: Vec<Resources>,
}

/// Requests and limits, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resources {
    /// The requests, by resource.
    pub(crate) requests: ResourceQuantities,
    /// The limits, by resource.
    pub(crate) limits: ResourceQuantities,
}

impl Resources {
    pub(crate) fn of(container: &Container) -> Self {
        let ResourceRequirements { requests, limits, claims: _ } =
            container.resources.clone().unwrap_or_default();
        Self { requests: written(requests), limits: written(limits) }
    }

    /// In one line: `requests cpu 100m, memory 256Mi; limits memory 1Gi`.
    pub(crate) fn line(&self) -> String {
        let part = |title: &str, quantities: &ResourceQuantities| {
            let all: Vec<String> =
                quantities.iter().map(|(resource, quantity)| format!("{resource} {quantity}")).collect();
            (!all.is_empty()).then(|| format!("{title} {}", all.join(", ")))
        };
        let parts = [part("requests", &self.requests), part("limits", &self.limits)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
    }
}

impl From<&ContainerResources> for Resources {
    fn from(container: &ContainerResources) -> Self {
        let ContainerResources { name: _, requests, limits } = container;
        Self { requests: requests.clone(), limits: limits.clone() }
    }
}

fn written(quantities: Option<BTreeMap<String, Quantity>>) -> ResourceQuantities {
    quantities.unwrap_or_default().into_iter().map(|(resource, quantity)| (resource, quantity.0)).collect()
}

/// The pods that a selector finds; none for one that cannot be understood.
pub(crate) fn selected<'a>(selector: &LabelSelector, pods: &'a [Pod]) -> Vec<&'a Pod> {
    let Ok(selector) = Selector::try_from(selector.clone()) else { return Vec::new() };
    // An empty one would find all.
    let finds = |pod: &&Pod| !selector.selects_all() && selector.matches(pod.labels());
    pods.iter().filter(finds).collect()
}

/// A workload by its template and its pods.
pub(crate) fn workload(
    name: &str,
    replicas: Option<Replicas>,
    template: Option<&PodTemplateSpec>,
    pods: &[&Pod],
) -> Workload {
    let pods: Vec<&Pod> = pods.iter().copied().filter(|pod| has_run(pod)).collect();
    let mut workload = Workload { name: name.to_owned(), replicas, ..Workload::default() };
    for pod in &pods {
        if let Some(node) = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()) {
            *workload.nodes.entry(node).or_default() += 1;
        }
        for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
            workload
                .containers
                .entry(container.name.clone())
                .or_default()
                .add(container, digest(pod, container));
        }
    }
    if pods.is_empty() {
        let spec = template.and_then(|template| template.spec.as_ref());
        for container in spec.iter().flat_map(|spec| &spec.containers) {
            workload.containers.entry(container.name.clone()).or_default().add(container, None);
        }
    }
    workload
}

/// Whether a pod got as far as to have a node; one that is being deleted makes room for another.
fn has_run(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_none()
        && pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some())
}

impl Running {
    fn add(&mut self, container: &Container, digest: Option<String>) {
        self.images.extend(container.image.clone());
        self.digests.extend(digest);
        let resources = Resources::of(container);
        if !self.resources.contains(&resources) {
            self.resources.push(resources);
        }
    }
}

/// The digest of the image that a container runs: what comes after the @, or all where there is none.
fn digest(pod: &Pod, container: &Container) -> Option<String> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let status = statuses.iter().find(|status| status.name == container.name)?;
    let digest = status.image_id.rsplit('@').next().unwrap_or_default();
    (!digest.is_empty()).then(|| digest.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::provenance::fixture::{pod, template};

    #[test]
    fn what_runs_is_told_by_the_pods() {
        let pods = [pod("a", "node1", "1"), pod("b", "node2", "1"), pod("c", "node1", "2")];
        let pods: Vec<&Pod> = pods.iter().collect();
        let replicas = Some(Replicas { wanted: 3, ready: 2 });
        let workload = workload("pulp-api", replicas, Some(&template("250m")), &pods);
        assert_eq!(workload.nodes, [("node1".to_owned(), 2), ("node2".to_owned(), 1)].into());
        let running = &workload.containers["api"];
        assert_eq!(Vec::from_iter(&running.images), ["quay.io/pulp/pulp:1", "quay.io/pulp/pulp:2"]);
        assert_eq!(Vec::from_iter(&running.digests), ["sha256:1", "sha256:2"]);
        assert_eq!(running.resources.len(), 1);
        assert_eq!(running.resources[0].line(), "requests cpu 100m, memory 256Mi; limits memory 1536Mi");
    }

    #[test]
    fn where_nothing_runs_the_template_tells_what_shall_run() {
        let mut leaving = pod("a", "node1", "1");
        leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
        let workload = workload("pulp-api", None, Some(&template("250m")), &[&leaving]);
        let running = &workload.containers["api"];
        assert_eq!((running.digests.len(), workload.nodes.len()), (0, 0));
        assert_eq!(running.resources[0].line(), "requests cpu 250m");
    }

    #[test]
    fn pods_are_found_by_labels_and_expressions_and_never_all() {
        let pods = [pod("a", "node1", "1")];
        let found =
            |selector: serde_json::Value| selected(&serde_json::from_value(selector).unwrap(), &pods).len();
        assert_eq!(found(json!({"matchLabels": {"app": "pulp"}})), 1);
        assert_eq!(found(json!({"matchLabels": {"app": "other"}})), 0);
        assert_eq!(
            found(json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["pulp"]}]})),
            1
        );
        assert_eq!(found(json!({})), 0);
    }

    #[test]
    fn a_container_without_resources_has_none() {
        assert_eq!(Resources::default().line(), "none");
    }
}
