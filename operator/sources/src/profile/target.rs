//! The containers that are profiled, and the users that they run as. Pure.

use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod};
use kube::ResourceExt;

use super::MOST_ATTEMPTS;
use super::container::{self, User};
use crate::error::SourceError;

/// A container that is profiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) pod: String,
    pub(super) pod_uid: String,
    pub(super) container: String,
    pub(super) user: User,
}

/// The first of the pods that run, by name.
pub(super) fn choose(mut pods: Vec<Pod>, most: usize) -> Vec<Pod> {
    pods.retain(is_running);
    pods.sort_by_key(ResourceExt::name_any);
    pods.truncate(most);
    pods
}

fn is_running(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
}

/// The container of a pod that is profiled: the named one, or the first.
pub(super) fn target(pod: &Pod, wanted: Option<&str>) -> Result<Target, SourceError> {
    let name = pod.name_any();
    let spec = pod.spec.as_ref();
    if spec.and_then(|spec| spec.share_process_namespace) == Some(true) {
        let message = format!(
            "the containers of the pod {name} share their processes (shareProcessNamespace), so its first process is not that of a container"
        );
        return Err(SourceError::new("SharedProcesses", message));
    }
    if container::in_pod(pod) + MOST_ATTEMPTS as usize > container::MOST_IN_A_POD {
        let message = format!(
            "the pod {name} has got {} profilers, which cannot be removed, and may have {}: restart it, so that a new pod takes its place",
            container::in_pod(pod),
            container::MOST_IN_A_POD
        );
        return Err(SourceError::new("TooManyProfilers", message));
    }
    let containers = spec.map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let found = containers.iter().find(|container| wanted.is_none_or(|wanted| container.name == wanted));
    let container = found.ok_or_else(|| {
        let names: Vec<&str> = containers.iter().map(|container| container.name.as_str()).collect();
        let wanted = wanted.unwrap_or_default();
        let message = format!("the pod {name} has no container {wanted}, but {}", names.join(", "));
        SourceError::new("ContainerNotFound", message)
    })?;
    Ok(Target {
        pod_uid: pod.uid().unwrap_or_default(),
        container: container.name.clone(),
        user: user(pod, container),
        pod: name,
    })
}

/// The user of a container: as the kubelet says, where it does (Kubernetes 1.33 with a runtime that tells), else as
/// its specification says; what that leaves to the image is not known.
fn user(pod: &Pod, container: &Container) -> User {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_deref());
    let of_container = |status: &&ContainerStatus| status.name == container.name;
    let said = statuses.unwrap_or_default().iter().find(of_container);
    if let Some(linux) = said.and_then(|status| status.user.as_ref()?.linux.as_ref()) {
        return User { uid: Some(linux.uid), gid: Some(linux.gid) };
    }
    let own = container.security_context.as_ref();
    let pods = pod.spec.as_ref().and_then(|spec| spec.security_context.as_ref());
    User {
        uid: own.and_then(|own| own.run_as_user).or_else(|| pods.and_then(|pods| pods.run_as_user)),
        gid: own.and_then(|own| own.run_as_group).or_else(|| pods.and_then(|pods| pods.run_as_group)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, spec: &Value, status: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": name, "uid": "u"}, "spec": spec, "status": status,
        }))
        .unwrap()
    }

    fn running(name: &str) -> Pod {
        pod(name, &json!({"containers": [{"name": "api"}]}), &json!({"phase": "Running"}))
    }

    #[test]
    fn the_first_running_pods_by_name_are_chosen() {
        let mut leaving = running("a");
        leaving.metadata.deletion_timestamp = serde_json::from_value(json!("2026-11-22T09:00:00Z")).unwrap();
        let pending = pod("b", &json!({"containers": []}), &json!({"phase": "Pending"}));
        let chosen = choose(vec![running("e"), running("c"), leaving, pending, running("d")], 2);
        let names: Vec<String> = chosen.iter().map(ResourceExt::name_any).collect();
        assert_eq!(names, ["c", "d"]);
    }

    #[test]
    fn the_user_is_the_containers_else_the_pods_else_unknown() {
        for (pods, own, said, expected) in [
            (json!({}), json!({}), json!({}), (None, None)),
            (json!({"runAsUser": 700, "runAsGroup": 701}), json!({}), json!({}), (Some(700), Some(701))),
            (json!({"runAsUser": 700}), json!({"runAsUser": 5}), json!({}), (Some(5), None)),
            (
                json!({"runAsUser": 700}),
                json!({}),
                json!({"linux": {"uid": 8, "gid": 9}}),
                (Some(8), Some(9)),
            ),
        ] {
            let spec = json!({
                "securityContext": pods,
                "containers": [{"name": "other"}, {"name": "api", "securityContext": own}],
            });
            let statuses = json!([{
                "name": "api", "image": "i", "imageID": "i", "ready": true, "restartCount": 0, "user": said,
            }]);
            let pod = pod("a", &spec, &json!({"phase": "Running", "containerStatuses": statuses}));
            let user = target(&pod, Some("api")).unwrap().user;
            assert_eq!((user.uid, user.gid), expected);
        }
    }

    #[test]
    fn a_container_that_is_not_there_is_told_with_those_that_are() {
        assert_eq!(target(&running("a"), None).unwrap().container, "api");
        let refusal = target(&running("a"), Some("worker")).unwrap_err();
        assert_eq!(refusal.reason, "ContainerNotFound");
        assert!(refusal.message.ends_with("no container worker, but api"), "{refusal}");
    }

    #[test]
    fn a_pod_gets_no_more_profilers_than_it_may_have_with_a_second_attempt() {
        let with = |profilers: usize| {
            let names = (0..profilers).map(|number| format!("profiler-{number:012x}-1"));
            let ephemeral: Vec<Value> =
                names.chain(["debugger-abcde".to_owned()]).map(|name| json!({"name": name})).collect();
            let spec = json!({"containers": [{"name": "api"}], "ephemeralContainers": ephemeral});
            target(&pod("a", &spec, &json!({"phase": "Running"})), None)
        };
        assert!(with(0).is_ok() && with(30).is_ok());
        for profilers in [31, 32, 200] {
            let refusal = with(profilers).unwrap_err();
            assert_eq!(refusal.reason, "TooManyProfilers");
            assert!(refusal.message.contains(&format!("has got {profilers} profilers")), "{refusal}");
        }
    }

    #[test]
    fn a_pod_whose_containers_share_their_processes_is_not_profiled() {
        let pod = pod(
            "a",
            &json!({"shareProcessNamespace": true, "containers": [{"name": "api"}]}),
            &json!({"phase": "Running"}),
        );
        assert_eq!(target(&pod, None).unwrap_err().reason, "SharedProcesses");
    }
}
