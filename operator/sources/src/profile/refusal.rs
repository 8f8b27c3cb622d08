//! Why there is no profile: the API server's, the kubelet's and py-spy's words, each under a reason. Pure.

use throughput_model::profiler::{Ending, Identity, Obstacle, Parties};

use super::container::User;
use crate::error::SourceError;
use crate::kubernetes::NoAnswer;

/// Why a request to the API server failed, and whether it may work the next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It will be the same the next time.
    Final(SourceError),
    /// It may work the next time.
    Passing(SourceError),
}

impl Refusal {
    /// The error of either.
    pub(super) fn error(self) -> SourceError {
        match self {
            Self::Final(error) | Self::Passing(error) => error,
        }
    }
}

/// Why the API server did not do what it was asked for.
pub(super) fn of_api(what: &str, no_answer: &NoAnswer) -> Refusal {
    let unreachable = |words: &dyn std::fmt::Display| {
        Refusal::Passing(SourceError::new("Unreachable", format!("cannot {what}: {words}")))
    };
    let status = match no_answer {
        NoAnswer::Failed(kube::Error::Api(status)) => status,
        NoAnswer::Failed(error) => return unreachable(error),
        NoAnswer::TimedOut => return unreachable(&"no answer in time"),
        NoAnswer::TooLarge => return Refusal::Final(no_answer.error(what)),
    };
    let words = status.message.as_str();
    let refused = |reason| Refusal::Final(SourceError::new(reason, format!("cannot {what}: {words}")));
    match status.code {
        401 | 403 if words.contains("violates PodSecurity") => refused("PodSecurity"),
        401 | 403 if words.contains("security context constraint") => refused("SCC"),
        401 | 403 if words.contains("cannot ") => refused("RBAC"),
        404 => refused("PodGone"),
        400..=428 => refused("Refused"),
        _ => Refusal::Passing(SourceError::new("ApiError", format!("cannot {what}: {words}"))),
    }
}

/// Why a container has not started, by the kubelet's reason; `None` where it may still start.
pub(super) fn of_kubelet(pod: &str, reason: &str, message: &str) -> Option<SourceError> {
    let said = format!("{reason}: {message}");
    match reason {
        // One attempt has failed by then; the next ones would come when the cell is over.
        "ErrImageNeverPull" | "InvalidImageName" | "ImagePullBackOff" => {
            let message = format!("the profiler's image cannot be had for the pod {pod}: {said}");
            Some(SourceError::new("ImageNotAvailable", message))
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => Some(
            SourceError::new("NotStarted", format!("the profiler did not start in the pod {pod}: {said}")),
        ),
        _ => None,
    }
}

/// Why a container has not started in all the time that it had.
pub(super) fn not_started(pod: &str, reason: &str, message: &str) -> SourceError {
    let said = format!("{reason} {message}");
    if reason.contains("Image") {
        let message = format!("the profiler's image cannot be had for the pod {pod}: {}", said.trim());
        return SourceError::new("ImageNotAvailable", message);
    }
    SourceError::new(
        "TimedOut",
        format!("the profiler did not start in time in the pod {pod}. {}", said.trim()),
    )
}

/// The consequence of the profiler's ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is a profile.
    Profiled,
    /// It is worth another attempt, as the user that the target runs as.
    AgainAs(User),
    /// There is none.
    Refused(SourceError),
}

/// The consequence of the ending of the profiler that looked at a pod.
pub(super) fn of_profiler(pod: &str, parties: &Parties, ending: &Ending) -> Verdict {
    if ending.exit_code == Some(0) {
        return Verdict::Profiled;
    }
    let words: Vec<&str> = ending.said.iter().map(|text| text.trim_end_matches('.')).collect();
    let words = words.join(". ");
    let refused =
        |reason, why: &str| Verdict::Refused(SourceError::new(reason, format!("{why} ({pod}). {words}")));
    // The second is what it says when it may not even see which program a process runs.
    let denials = ["Permission denied", "Permission Denied", "Failed to get process executable name"];
    let was_denied = denials.iter().any(|denial| words.contains(denial));
    match parties.obstacle() {
        Some(Obstacle::OtherUser(target)) => {
            Verdict::AgainAs(User { uid: Some(target.uid.into()), gid: Some(target.gid.into()) })
        }
        Some(Obstacle::MoreCapabilities) if was_denied => refused(
            "CapabilityMismatch",
            "the target holds capabilities that the profiler lacks: let it drop them, or set capabilities: SysPtrace where the namespace permits it",
        ),
        Some(Obstacle::Yama) if was_denied => refused(
            "Yama",
            "the node's kernel lets only its parents look into a process (kernel.yama.ptrace_scope): set it to 0, or capabilities: SysPtrace where the namespace permits it",
        ),
        Some(Obstacle::MoreCapabilities | Obstacle::Yama) | None if was_denied => {
            refused("PermissionDenied", "the kernel does not let the profiler look into the target")
        }
        Some(Obstacle::MoreCapabilities | Obstacle::Yama) | None
            if words.contains("No python processes found")
                || words.contains("Failed to find python version") =>
        {
            refused("NoPython", "the container runs no Python that py-spy knows")
        }
        Some(Obstacle::MoreCapabilities | Obstacle::Yama) | None => {
            refused("ProfilerFailed", "py-spy failed")
        }
    }
}

/// The error where the target's user is still another than the profiler's in the second attempt.
pub(super) fn still_another_user(pod: &str, parties: Option<&Parties>) -> SourceError {
    let known = |identity: Identity| format!("{}:{}", identity.uid, identity.gid);
    let target =
        parties.and_then(|parties| parties.target).map_or_else(|| "an unknown user".to_owned(), known);
    let own = parties.map_or_else(|| "another".to_owned(), |parties| known(parties.profiler));
    let message =
        format!("the target runs as {target}, the profiler as {own}: the kernel keeps them apart ({pod})");
    SourceError::new("UidMismatch", message)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16, message: &str) -> (&'static str, bool) {
        let status = Status { code, message: message.to_owned(), ..Status::default() };
        match of_api("profile a", &NoAnswer::Failed(kube::Error::Api(Box::new(status)))) {
            Refusal::Final(error) => (error.reason, true),
            Refusal::Passing(error) => (error.reason, false),
        }
    }

    #[test]
    fn the_api_servers_refusals_are_told_apart() {
        let pod_security = r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities (container "profiler-1" must not include "SYS_PTRACE" in securityContext.capabilities.add)"#;
        let scc = r#"pods "a" is forbidden: unable to validate against any security context constraint: [provider restricted-v2: .containers[0].capabilities.add: Invalid value: "SYS_PTRACE": capability may not be added]"#;
        let rbac = r#"pods "a" is forbidden: User "system:serviceaccount:perf:operator" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "perf""#;
        for (code, message, expected) in [
            (403, pod_security, ("PodSecurity", true)),
            (403, scc, ("SCC", true)),
            (403, rbac, ("RBAC", true)),
            (403, "admission webhook denied the request", ("Refused", true)),
            (404, r#"pods "a" not found"#, ("PodGone", true)),
            (422, "Pod is invalid", ("Refused", true)),
            (500, "etcd", ("ApiError", false)),
            (429, "too many requests", ("ApiError", false)),
        ] {
            assert_eq!(api(code, message), expected, "{message}");
        }
    }

    #[test]
    fn an_image_that_may_still_come_is_waited_for() {
        let reason = |error: Option<SourceError>| error.map(|error| error.reason);
        assert_eq!(reason(of_kubelet("a", "ContainerCreating", "")), None);
        assert_eq!(reason(of_kubelet("a", "ErrImagePull", "no route")), None);
        assert_eq!(reason(of_kubelet("a", "ErrImageNeverPull", "")), Some("ImageNotAvailable"));
        assert_eq!(reason(of_kubelet("a", "ImagePullBackOff", "")), Some("ImageNotAvailable"));
        assert_eq!(reason(of_kubelet("a", "CreateContainerConfigError", "root")), Some("NotStarted"));
        assert_eq!(not_started("a", "ErrImagePull", "no route").reason, "ImageNotAvailable");
        assert_eq!(not_started("a", "ContainerCreating", "").reason, "TimedOut");
    }

    fn verdict(
        target: (u32, u64),
        profiler: (u32, u64),
        yama_scope: Option<u8>,
        exit_code: Option<i32>,
        said: &str,
    ) -> &'static str {
        let identity = |(uid, capabilities)| Identity { uid, gid: uid, capabilities };
        let parties = Parties { target: Some(identity(target)), profiler: identity(profiler), yama_scope };
        let ending = Ending { exit_code, said: vec![said.to_owned()], ..Ending::default() };
        match of_profiler("a", &parties, &ending) {
            Verdict::Profiled => "Profiled",
            Verdict::AgainAs(_) => "AgainAs",
            Verdict::Refused(error) => error.reason,
        }
    }

    #[test]
    fn py_spys_words_and_what_is_seen_of_both_processes_make_the_reason() {
        let denied = "Failed to profile python from process 1: Permission denied (os error 13)";
        let unseen = "Failed to profile python from process 1: Failed to get process executable name. Check that the process is running.";
        let none = "Error: No python processes found in process 1 or any of its subprocesses";
        for (target, profiler, yama_scope, exit_code, said, expected) in [
            ((700, 0), (700, 0), None, Some(0), "", "Profiled"),
            ((700, 0), (65532, 0), None, None, "", "AgainAs"),
            ((0, 0xff), (0, 0), None, Some(1), denied, "CapabilityMismatch"),
            ((0, 0xff), (0, 0), None, Some(1), unseen, "CapabilityMismatch"),
            ((700, 0), (700, 0), Some(1), Some(1), denied, "Yama"),
            ((700, 0), (700, 0), Some(0), Some(1), denied, "PermissionDenied"),
            ((700, 0), (700, 0), None, Some(1), none, "NoPython"),
            ((0, 0xff), (0, 0), None, Some(1), none, "NoPython"),
            ((700, 0), (700, 0), None, Some(1), "Error: something else", "ProfilerFailed"),
            ((700, 0), (700, 0), None, None, "", "ProfilerFailed"),
        ] {
            assert_eq!(verdict(target, profiler, yama_scope, exit_code, said), expected, "{said}");
        }
    }
}
