//! The containers and pods that a kubelet's counters belong to. Pure.
//!
//! The kubelet names control groups, and not on every node also the pods and containers that they belong to; so containers
//! are recognised by the runtime's id, which is the last part of the control group's name. Only the network belongs to the
//! whole pod, and is found by the pod's name.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::pods::exposition::Sample;
use crate::pods::group::{WatchedContainer, WatchedPod};

/// The pods that counters are read of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    containers: BTreeMap<String, Vec<Owner>>,
    pods: BTreeMap<String, Vec<Owner>>,
}

/// A group's container, or for the network its pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    /// The group's name.
    pub(crate) group: String,
    /// How series call it.
    pub(crate) subject: String,
    /// Since when it runs.
    pub(crate) started_at: Option<Timestamp>,
}

impl Owners {
    /// Adds the pods of a group.
    pub(crate) fn add(&mut self, group: &str, pods: &[WatchedPod]) {
        for pod in pods {
            for container in &pod.containers {
                let Some(id) = &container.id else { continue };
                let owner = owner(group, &container.subject, container.started_at);
                self.containers.entry(id.clone()).or_default().push(owner);
            }
            let started_at =
                pod.containers.iter().filter_map(|container: &WatchedContainer| container.started_at).min();
            self.pods.entry(pod.name.clone()).or_default().push(owner(group, &pod.name, started_at));
        }
    }

    /// The containers or pods, one for each group, that a sample is about.
    pub(crate) fn of(&self, sample: &Sample<'_>, namespace: &str) -> &[Owner] {
        let found = if sample.name.starts_with("container_network_") {
            let is_ours = sample.label("namespace") == Some(namespace);
            sample.label("pod").filter(|_| is_ours).and_then(|pod| self.pods.get(pod))
        } else {
            sample.label("id").and_then(|group| self.containers.get(container_id(group)))
        };
        found.map(Vec::as_slice).unwrap_or_default()
    }
}

fn owner(group: &str, subject: &str, started_at: Option<Timestamp>) -> Owner {
    Owner { group: group.to_owned(), subject: subject.to_owned(), started_at }
}

/// The container's id in a control group's name: `…/pod6a23/88bf`, or as systemd has it `…/cri-containerd-88bf.scope`.
fn container_id(control_group: &str) -> &str {
    let last = control_group.rsplit('/').next().unwrap_or_default();
    let last = last.strip_suffix(".scope").unwrap_or(last);
    let prefixes = ["cri-containerd-", "crio-", "docker-"];
    prefixes.into_iter().find_map(|prefix| last.strip_prefix(prefix)).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_found_by_its_id_whatever_the_control_group_is_called() {
        for (group, id) in [
            ("/throughput/kubepods/burstable/pod6a23/88bf", "88bf"),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod6a23.slice/cri-containerd-88bf.scope",
                "88bf",
            ),
            ("/kubepods.slice/kubepods-pod6a23.slice/crio-88bf.scope", "88bf"),
            ("/kubepods.slice/kubepods-pod6a23.slice/crio-conmon-88bf.scope", "conmon-88bf"),
            ("/", ""),
        ] {
            assert_eq!(container_id(group), id, "{group}");
        }
    }
}
