//! The ephemeral container with the profiler. Pure.

use k8s_openapi::api::core::v1::Pod;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use throughput_crds::{ObserveProfile, ProfilerCapabilities};
use throughput_model::cell::CellAddress;

/// How the names of profilers begin.
const NAME_PREFIX: &str = "profiler-";
/// The most bytes of stacks that the profiler writes for one pod.
pub(super) const MOST_STACKS_BYTES: usize = 256 << 10;

/// The most profilers that a pod may have got, ended ones included: they cannot be removed, and each stays in the pod's
/// object, on its node's disk, and in every answer that has the pod.
pub(super) const MOST_IN_A_POD: usize = 32;

/// The user and group of the profiler; `None` leaves them to its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) uid: Option<i64>,
    pub(super) gid: Option<i64>,
}

/// How many profilers a pod has got so far, of all tests.
pub(super) fn in_pod(pod: &Pod) -> usize {
    let ephemeral = pod.spec.iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten());
    ephemeral.filter(|container| container.name.starts_with(NAME_PREFIX)).count()
}

/// The container's name. Ephemeral containers stay in their pod for ever, so each attempt has its own, and an operator
/// that was restarted finds it again.
pub(super) fn name(cell: &CellAddress, attempt: u32) -> String {
    let id = cell.correlation_id().simple().to_string();
    format!("{NAME_PREFIX}{}-{attempt}", &id[..12])
}

/// The patch of a pod's ephemeral containers that puts the profiler beside a container of it.
pub(super) fn patch(spec: &ObserveProfile, image: &str, name: &str, target: &str, user: User) -> Value {
    let args = [
        format!("--duration={}", spec.duration.get().as_secs()),
        format!("--rate={}", spec.samples_per_second),
        format!("--limit={MOST_STACKS_BYTES}"),
    ];
    json!({"spec": {"ephemeralContainers": [{
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "targetContainerName": target,
        "args": args,
        "securityContext": security_context(spec.capabilities, user),
    }]}})
}

/// As restricted as Pod Security knows. `SYS_PTRACE` has an effect only for root: the kernel takes capabilities away
/// when a container becomes another user.
fn security_context(capabilities: ProfilerCapabilities, user: User) -> Value {
    let sys_ptrace = match capabilities {
        ProfilerCapabilities::None => false,
        ProfilerCapabilities::SysPtrace => true,
    };
    let user = if sys_ptrace { User { uid: Some(0), gid: Some(0) } } else { user };
    let mut context = json!({
        "runAsNonRoot": user.uid != Some(0),
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    if let Some(uid) = user.uid {
        context["runAsUser"] = uid.into();
    }
    if let Some(gid) = user.gid {
        context["runAsGroup"] = gid.into();
    }
    if sys_ptrace {
        context["capabilities"]["add"] = json!(["SYS_PTRACE"]);
    }
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(sys_ptrace: bool) -> ObserveProfile {
        let spec = json!({"selector": {"matchLabels": {"app": "pulp"}}, "duration": "20s", "capabilities": if sys_ptrace { "SysPtrace" } else { "None" }});
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_profiler_is_restricted_and_runs_as_the_targets_user() {
        let user = User { uid: Some(700), gid: Some(700) };
        let expected = json!({"spec": {"ephemeralContainers": [{
            "name": "profiler-1",
            "image": "profiler:1",
            "imagePullPolicy": "IfNotPresent",
            "targetContainerName": "api",
            "args": ["--duration=20", "--rate=100", "--limit=262144"],
            "securityContext": {
                "runAsNonRoot": true,
                "runAsUser": 700,
                "runAsGroup": 700,
                "allowPrivilegeEscalation": false,
                "readOnlyRootFilesystem": true,
                "capabilities": {"drop": ["ALL"]},
                "seccompProfile": {"type": "RuntimeDefault"},
            },
        }]}});
        assert_eq!(patch(&spec(false), "profiler:1", "profiler-1", "api", user), expected);
    }

    #[test]
    fn a_user_that_is_not_known_is_left_to_the_image() {
        let context = security_context(ProfilerCapabilities::None, User::default());
        assert_eq!((context.get("runAsUser"), context.get("runAsGroup")), (None, None));
        assert_eq!(context["runAsNonRoot"], true);
    }

    #[test]
    fn sys_ptrace_is_asked_for_only_when_it_is_wanted_and_then_as_root() {
        let context = security_context(ProfilerCapabilities::SysPtrace, User { uid: Some(700), gid: None });
        assert_eq!(context["capabilities"], json!({"drop": ["ALL"], "add": ["SYS_PTRACE"]}));
        assert_eq!((&context["runAsUser"], &context["runAsNonRoot"]), (&json!(0), &json!(false)));
    }

    #[test]
    fn each_cell_and_attempt_has_a_name_of_its_own_that_is_a_label() {
        let address = |cell, attempt| CellAddress { test_uid: "3f1c".to_owned(), cell, attempt };
        let names = [
            name(&address(0, 1), 1),
            name(&address(0, 1), 2),
            name(&address(0, 2), 1),
            name(&address(1, 1), 1),
        ];
        for (position, one) in names.iter().enumerate() {
            assert!(one.len() <= 63 && one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            assert!(!names[position + 1..].contains(one), "{one} stands twice");
        }
    }
}
