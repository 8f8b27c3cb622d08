//! The facts about workloads and nodes, and their changes within a cell. Pure.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;
use kube::ResourceExt;

use crate::provenance::workload::{Replicas, Running, Workload};
use crate::text::bounded;

/// The label with the kind of machine that a node is.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// Facts by their names.
pub(crate) type Facts = BTreeMap<String, String>;

/// The facts about what runs.
pub(crate) fn of_workload(workload: &Workload) -> Facts {
    let Workload { name, replicas, containers, nodes } = workload;
    let mut facts = Facts::new();
    if let Some(Replicas { wanted, ready }) = replicas {
        facts.insert(format!("{name}.replicas"), format!("{wanted} ({ready} ready)"));
    }
    if !nodes.is_empty() {
        let nodes: Vec<String> = nodes.iter().map(|(node, pods)| format!("{node} ({pods})")).collect();
        facts.insert(format!("{name}.nodes"), nodes.join(", "));
    }
    for (container, running) in containers {
        let Running { images, digests, resources } = running;
        let fact = |what: &str| format!("{name}.{container}.{what}");
        facts.insert(fact("image"), joined(images));
        if !digests.is_empty() {
            facts.insert(fact("digest"), joined(digests));
        }
        let lines: BTreeSet<String> = resources.iter().map(super::workload::Resources::line).collect();
        facts.insert(fact("resources"), joined(&lines));
    }
    facts
}

/// The fact about a node: what kind of machine, and whose kubelet.
pub(crate) fn of_node(node: &Node) -> (String, String) {
    let status = node.status.clone().unwrap_or_default();
    let capacity =
        |resource: &str| status.capacity.as_ref()?.get(resource).map(|quantity| quantity.0.clone());
    let info = status.node_info.as_ref();
    let parts = [
        node.labels().get(INSTANCE_TYPE).cloned(),
        info.map(|info| info.architecture.clone()),
        capacity("cpu").map(|cpu| format!("{cpu} processors")),
        capacity("memory").map(|memory| format!("memory {memory}")),
        info.map(|info| format!("kubelet {}", info.kubelet_version)),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (format!("nodes.{}", node.name_any()), parts.join(", "))
}

/// The changes of images, digests and resources, each in a line. Pods that only came, or are gone, changed nothing.
pub(crate) fn changes<'a>(before: impl Fn(&str) -> Option<&'a str>, after: &Facts) -> Vec<String> {
    let kept = ["image", "digest", "resources"];
    let is_kept = |name: &str| name.rsplit('.').next().is_some_and(|last| kept.contains(&last));
    let kept = after.iter().filter(|(name, _)| is_kept(name));
    let changed = kept.filter_map(|(name, now)| {
        let then = before(name)?;
        (then != bounded(now)).then(|| format!("{name}: {then} became {now}"))
    });
    changed.collect()
}

fn joined(texts: &BTreeSet<String>) -> String {
    texts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    use super::*;
    use crate::provenance::fixture::pod;
    use crate::provenance::workload::workload;

    fn facts_of(pods: &[Pod]) -> Facts {
        let pods: Vec<&Pod> = pods.iter().collect();
        of_workload(&workload("pulp-api", Some(Replicas { wanted: 2, ready: 1 }), None, &pods))
    }

    #[test]
    fn facts_name_what_ran() {
        let facts = facts_of(&[pod("a", "node1", "1"), pod("b", "node1", "1")]);
        let facts: Vec<(&str, &str)> =
            facts.iter().map(|(name, fact)| (name.as_str(), fact.as_str())).collect();
        let expected = [
            ("pulp-api.api.digest", "sha256:1"),
            ("pulp-api.api.image", "quay.io/pulp/pulp:1"),
            ("pulp-api.api.resources", "requests cpu 100m, memory 256Mi; limits memory 1536Mi"),
            ("pulp-api.nodes", "node1 (2)"),
            ("pulp-api.replicas", "2 (1 ready)"),
        ];
        assert_eq!(facts, expected);
    }

    #[test]
    fn an_image_that_became_another_is_a_change_and_a_further_pod_is_none() {
        let before = facts_of(&[pod("a", "node1", "1")]);
        let compared = |after: &[Pod]| changes(|name| before.get(name).map(String::as_str), &facts_of(after));
        assert_eq!(compared(&[pod("a", "node1", "1"), pod("b", "node2", "1")]), [] as [&str; 0]);
        assert_eq!(
            compared(&[pod("a", "node1", "1"), pod("b", "node2", "2")]),
            [
                "pulp-api.api.digest: sha256:1 became sha256:1, sha256:2",
                "pulp-api.api.image: quay.io/pulp/pulp:1 became quay.io/pulp/pulp:1, quay.io/pulp/pulp:2",
            ]
        );
    }

    #[test]
    fn pods_that_came_later_are_no_change() {
        assert_eq!(changes(|_| None, &facts_of(&[pod("a", "node1", "1")])), [] as [&str; 0]);
    }

    #[test]
    fn a_node_is_told_by_what_it_says_of_itself() {
        let node = |labels: serde_json::Value| {
            let node = json!({
                "metadata": {"name": "node1", "labels": labels},
                "status": {
                    "capacity": {"cpu": "2", "memory": "24690476Ki"},
                    "nodeInfo": {
                        "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "containerd://1.6.20",
                        "kernelVersion": "6.18", "kubeProxyVersion": "", "kubeletVersion": "v1.35.4",
                        "machineID": "", "operatingSystem": "linux", "osImage": "Debian", "systemUUID": "",
                    },
                },
            });
            of_node(&serde_json::from_value(node).unwrap()).1
        };
        let plain = "amd64, 2 processors, memory 24690476Ki, kubelet v1.35.4";
        assert_eq!(node(json!({})), plain);
        assert_eq!(node(json!({INSTANCE_TYPE: "m5.large"})), format!("m5.large, {plain}"));
    }
}
