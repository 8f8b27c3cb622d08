//! What is wrong with the pods of a Job, in the kubelet's words.
//!
//! Of several pods the one is quoted that explains the others: a Job whose first pod fails has the rest of them
//! ended, and these would tell only that they were.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodStatus};
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

/// The longest message of a pod that is quoted, in characters.
const LONGEST_QUOTE: usize = 300;
/// The label with a pod's index in its Job.
const INDEX_LABEL: &str = "batch.kubernetes.io/job-completion-index";

/// How much a finding explains, most first; of two alike the one that came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// The pod was taken away: evicted, preempted, its node lost.
    Disrupted,
    /// A container failed by itself.
    Failed(Option<Timestamp>),
    /// A container does not start.
    Waiting,
    /// No node takes the pod.
    Unscheduled,
    /// A container failed in a pod that is being deleted: it may have been told to end.
    Ended,
}

/// What is wrong, if anything is.
pub(super) fn words<'a>(pods: impl IntoIterator<Item = &'a Pod>) -> Option<String> {
    let findings = pods.into_iter().filter_map(|pod| finding(pod).map(|finding| (pod, finding)));
    let (pod, (_, words)) = findings.min_by_key(|(_, (weight, _))| *weight)?;
    let words: String = words.chars().take(LONGEST_QUOTE).collect();
    let name = pod.name_any();
    Some(match pod.labels().get(INDEX_LABEL) {
        Some(index) => format!("generator {index} (pod {name}): {words}"),
        None => format!("pod {name}: {words}"),
    })
}

fn finding(pod: &Pod) -> Option<(Weight, String)> {
    let status = pod.status.as_ref()?;
    let deleted = pod.metadata.deletion_timestamp.is_some();
    disrupted(status)
        .or_else(|| containers(status).find_map(|container| failed(container, deleted)))
        .or_else(|| containers(status).find_map(waiting))
        .or_else(|| unscheduled(status))
}

/// All containers, sidecars last: they end because the others did.
fn containers(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let PodStatus { container_statuses, init_container_statuses, .. } = status;
    container_statuses.iter().chain(init_container_statuses).flatten()
}

/// An eviction by the kubelet is the pod's own reason; any other way of taking a pod away is a condition.
fn disrupted(status: &PodStatus) -> Option<(Weight, String)> {
    let own = status.reason.as_ref().map(|reason| said(reason, status.message.as_deref()));
    let condition = || {
        let conditions = status.conditions.iter().flatten();
        let found = conditions.into_iter().find(|c| c.type_ == "DisruptionTarget" && c.status == "True")?;
        Some(said(found.reason.as_deref().unwrap_or("DisruptionTarget"), found.message.as_deref()))
    };
    own.or_else(condition).map(|words| (Weight::Disrupted, words))
}

fn failed(container: &ContainerStatus, deleted: bool) -> Option<(Weight, String)> {
    let ended = container.state.as_ref()?.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
    let reason = format!("{}, exit code {}", ended.reason.as_deref().unwrap_or("Error"), ended.exit_code);
    let since = ended.finished_at.as_ref().map(|at| at.0);
    let weight = if deleted { Weight::Ended } else { Weight::Failed(since) };
    Some((weight, said(&reason, ended.message.as_deref())))
}

fn waiting(container: &ContainerStatus) -> Option<(Weight, String)> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_ref().filter(|reason| {
        // Every container begins with these.
        !["ContainerCreating", "PodInitializing"].contains(&reason.as_str())
    })?;
    Some((Weight::Waiting, said(reason, waiting.message.as_deref())))
}

fn unscheduled(status: &PodStatus) -> Option<(Weight, String)> {
    let mut conditions = status.conditions.iter().flatten();
    let condition = conditions.find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    let reason = condition.reason.as_deref().unwrap_or("Unschedulable");
    Some((Weight::Unscheduled, said(reason, condition.message.as_deref())))
}

fn said(reason: &str, message: Option<&str>) -> String {
    match message.map(str::trim).filter(|message| !message.is_empty()) {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(index: u32, deleted: bool, status: Value) -> Pod {
        let mut pod = json!({
            "metadata": {"name": format!("run-{index}"), "labels": {INDEX_LABEL: index.to_string()}},
        });
        pod["status"] = status;
        if deleted {
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        serde_json::from_value(pod).unwrap()
    }

    fn ended(reason: &str, exit_code: u32, second: u32) -> Value {
        let at = format!("2026-01-01T00:00:{second:02}Z");
        let state = json!({"terminated": {"exitCode": exit_code, "reason": reason, "finishedAt": at}});
        container("containerStatuses", &state)
    }

    fn container(list: &str, state: &Value) -> Value {
        json!({list: [{"name": "loadgen", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": state}]})
    }

    #[test]
    fn a_pod_is_quoted_with_its_own_reason() {
        let evicted = json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
        let drained = json!({"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}]});
        let no_image = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        let no_node = json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
        let cases = [
            (evicted, "Evicted: The node was low on resource: memory."),
            (drained, "EvictionByEvictionAPI: Eviction API: evicting"),
            (ended("OOMKilled", 137, 1), "OOMKilled, exit code 137"),
            (container("containerStatuses", &no_image), "ErrImagePull: no such image"),
            (container("initContainerStatuses", &no_image), "ErrImagePull: no such image"),
            (no_node, "Unschedulable: 0/3 nodes are available"),
        ];
        for (status, expected) in cases {
            let said = words([&pod(2, false, status)]);
            assert_eq!(said.as_deref(), Some(format!("generator 2 (pod run-2): {expected}").as_str()));
        }
    }

    #[test]
    fn a_pod_that_is_only_starting_or_ended_well_is_not_quoted() {
        let starting = json!({"waiting": {"reason": "ContainerCreating"}});
        let waits_for_another = json!({"waiting": {"reason": "PodInitializing"}});
        for status in [
            container("containerStatuses", &starting),
            container("containerStatuses", &waits_for_another),
            ended("Completed", 0, 1),
            json!({}),
        ] {
            assert_eq!(words([&pod(0, false, status)]), None);
        }
    }

    #[test]
    fn of_several_pods_the_one_is_quoted_that_explains_the_others() {
        let told_to_end = pod(0, true, ended("Error", 143, 9));
        let later = pod(1, false, ended("Error", 1, 8));
        let first = pod(2, false, ended("OOMKilled", 137, 5));
        let evicted = pod(3, true, json!({"reason": "Evicted", "message": "low on memory"}));
        let quoted = |pods: &[&Pod]| words(pods.iter().copied()).unwrap();
        assert_eq!(quoted(&[&told_to_end]), "generator 0 (pod run-0): Error, exit code 143");
        assert_eq!(quoted(&[&told_to_end, &later]), "generator 1 (pod run-1): Error, exit code 1");
        assert_eq!(
            quoted(&[&told_to_end, &later, &first]),
            "generator 2 (pod run-2): OOMKilled, exit code 137"
        );
        let all = [&told_to_end, &later, &first, &evicted];
        assert_eq!(quoted(&all), "generator 3 (pod run-3): Evicted: low on memory");
    }
}
