//! Containers whose logs are read, as the API server tells of them.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

use crate::text::is_object_name;

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Container {
    /// The pod's name.
    pub(super) pod: String,
    /// The pod's identity, which one that follows it under the same name does not have.
    uid: String,
    /// Its name within the pod.
    pub(super) name: String,
}

impl Container {
    /// Whether there can be one of these names: requests for its log are made of them.
    pub(super) fn is_possible(&self) -> bool {
        [&self.pod, &self.name].into_iter().all(|name| is_object_name(name))
    }
}

/// The state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// Its pod is no more.
    Gone,
    /// It has not run yet: there is no log.
    NotStarted,
    /// It runs, or has run.
    Started {
        /// How often it was started again.
        restarts: i32,
        /// When the run before the last one ended, whose log can be asked for as the previous one.
        before_ended_at: Option<Timestamp>,
        /// Whether it will not write any more.
        is_over: bool,
    },
}

impl Container {
    /// The key that tells it from all others.
    pub(super) fn key(&self) -> String {
        format!("{}/{}", self.uid, self.name)
    }

    /// Its state; `pod` is the pod that has its pod's name now.
    pub(super) fn life(&self, pod: Option<&Pod>) -> Life {
        let Some(pod) = pod.filter(|pod| pod.uid().as_deref() == Some(self.uid.as_str())) else {
            return Life::Gone;
        };
        let Some(status) = statuses(pod).find(|status| status.name == self.name) else {
            return Life::NotStarted;
        };
        let state = status.state.clone().unwrap_or_default();
        let before = status.last_state.clone().unwrap_or_default().terminated;
        if state.running.is_none() && state.terminated.is_none() && before.is_none() {
            return Life::NotStarted;
        }
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let is_leaving = pod.metadata.deletion_timestamp.is_some() && state.running.is_none();
        Life::Started {
            restarts: status.restart_count,
            before_ended_at: before.and_then(|before| before.finished_at).map(|time| time.0),
            is_over: matches!(phase, Some("Succeeded" | "Failed")) || is_leaving,
        }
    }
}

/// The containers of these pods: the one of this name, or all that run beside each other.
pub(super) fn containers<'a>(
    pods: impl IntoIterator<Item = &'a Pod>,
    name: Option<&'a str>,
) -> impl Iterator<Item = Container> {
    pods.into_iter().flat_map(move |pod| {
        let spec = pod.spec.as_ref();
        let beside = spec.into_iter().flat_map(|spec| spec.init_containers.iter().flatten());
        let beside = beside.filter(|container| container.restart_policy.as_deref() == Some("Always"));
        let all = spec.into_iter().flat_map(|spec| &spec.containers).chain(beside);
        let named = all.filter(move |container| name.is_none_or(|name| container.name == name));
        named.map(|container| Container {
            pod: pod.name_any(),
            uid: pod.uid().unwrap_or_default(),
            name: container.name.clone(),
        })
    })
}

fn statuses(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    let status = pod.status.as_ref();
    status.into_iter().flat_map(|status| {
        status.container_statuses.iter().flatten().chain(status.init_container_statuses.iter().flatten())
    })
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.pod, self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(uid: &str, phase: &str, state: &Value, last: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "worker", "uid": uid},
            "spec": {
                "containers": [{"name": "app"}, {"name": "side"}],
                "initContainers": [{"name": "wait"}, {"name": "proxy", "restartPolicy": "Always"}],
            },
            "status": {"phase": phase, "containerStatuses": [{
                "name": "app", "ready": true, "image": "", "imageID": "", "restartCount": 2,
                "state": state, "lastState": last,
            }]},
        }))
        .unwrap()
    }

    fn life(pod: Option<&Pod>) -> Life {
        Container { pod: "worker".to_owned(), uid: "1".to_owned(), name: "app".to_owned() }.life(pod)
    }

    fn started(before_ended_at: Option<&str>, is_over: bool) -> Life {
        let before_ended_at = before_ended_at.map(|at| at.parse().unwrap());
        Life::Started { restarts: 2, before_ended_at, is_over }
    }

    #[test]
    fn a_containers_life_is_told_by_its_pod() {
        let (none, running) = (json!({}), json!({"running": {}}));
        let ended = json!({"terminated": {"exitCode": 1, "finishedAt": "2026-01-01T00:00:00Z"}});
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let before = Some("2026-01-01T00:00:00Z");
        for (pod, expected) in [
            (pod("1", "Running", &running, &none), started(None, false)),
            (pod("1", "Running", &running, &ended), started(before, false)),
            (pod("1", "Running", &waiting, &ended), started(before, false)),
            (pod("1", "Failed", &ended, &none), started(None, true)),
            (pod("1", "Pending", &waiting, &none), Life::NotStarted),
            (pod("2", "Running", &running, &none), Life::Gone),
        ] {
            assert_eq!(life(Some(&pod)), expected, "{pod:?}");
        }
        assert_eq!(life(None), Life::Gone);
    }

    #[test]
    fn containers_that_run_beside_each_other_are_read() {
        let pods = [pod("1", "Running", &json!({}), &json!({}))];
        let names = |name| containers(&pods, name).map(|container| container.name).collect::<Vec<_>>();
        assert_eq!(names(None), ["app", "side", "proxy"]);
        assert_eq!(names(Some("side")), ["side"]);
    }
}
