//! How far an ephemeral container has come, as the kubelet says. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt;

/// How far an ephemeral container has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The pod is gone, or another has its name.
    PodGone,
    /// The pod does not have it.
    NotAsked,
    /// It has not started, for what reason in the kubelet's words, if it has any.
    Waiting { reason: String, message: String },
    /// It runs.
    Running,
    /// It has ended.
    Ended(Span),
}

/// When it ran, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    /// The kubelet's words, unless it ended well.
    pub(super) words: String,
}

/// How far the ephemeral container of this name has come in the pod that had this UID.
pub(super) fn progress(pod: Option<&Pod>, pod_uid: &str, name: &str) -> Progress {
    let Some(pod) = pod.filter(|pod| pod.uid().as_deref() == Some(pod_uid)) else { return Progress::PodGone };
    let asked = pod.spec.iter().flat_map(|spec| spec.ephemeral_containers.iter().flatten());
    if !asked.into_iter().any(|container| container.name == name) {
        return Progress::NotAsked;
    }
    let mut statuses =
        pod.status.iter().flat_map(|status| status.ephemeral_container_statuses.iter().flatten());
    statuses.find(|status| status.name == name).map_or_else(|| waiting(None, None), of_status)
}

fn of_status(status: &ContainerStatus) -> Progress {
    let Some(state) = &status.state else { return waiting(None, None) };
    if let Some(ended) = &state.terminated {
        let instant = |time: &k8s_openapi::apimachinery::pkg::apis::meta::v1::Time| time.0;
        let reason = ended.reason.as_deref().unwrap_or_default();
        let words = [reason, ended.message.as_deref().unwrap_or_default()].join(" ");
        Progress::Ended(Span {
            from: ended.started_at.as_ref().map(instant),
            to: ended.finished_at.as_ref().map(instant),
            words: if reason == "Completed" { String::new() } else { words.trim().to_owned() },
        })
    } else if state.running.is_some() {
        Progress::Running
    } else {
        let known = state.waiting.as_ref();
        waiting(
            known.and_then(|known| known.reason.as_deref()),
            known.and_then(|known| known.message.as_deref()),
        )
    }
}

fn waiting(reason: Option<&str>, message: Option<&str>) -> Progress {
    Progress::Waiting {
        reason: reason.unwrap_or_default().to_owned(),
        message: message.unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(state: &Value) -> Pod {
        let statuses = json!([{
            "name": "profiler-1", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]);
        serde_json::from_value(json!({
            "metadata": {"name": "a", "uid": "u"},
            "spec": {"containers": [], "ephemeralContainers": [{"name": "profiler-1"}, {"name": "profiler-2"}]},
            "status": {"ephemeralContainerStatuses": statuses},
        }))
        .unwrap()
    }

    #[test]
    fn the_kubelets_word_on_a_container_is_folded() {
        let pulling = json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}});
        let ended = json!({"terminated": {
            "exitCode": 0, "reason": "Completed",
            "startedAt": "2026-11-22T09:00:00Z", "finishedAt": "2026-11-22T09:00:30Z",
        }});
        let killed = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
        let span = |from: Option<&str>, to: Option<&str>, words: &str| {
            Progress::Ended(Span {
                from: from.map(|text| text.parse().unwrap()),
                to: to.map(|text| text.parse().unwrap()),
                words: words.to_owned(),
            })
        };
        for (state, expected) in [
            (json!({}), waiting(None, None)),
            (pulling, waiting(Some("ErrImagePull"), Some("no such image"))),
            (json!({"running": {}}), Progress::Running),
            (ended, span(Some("2026-11-22T09:00:00Z"), Some("2026-11-22T09:00:30Z"), "")),
            (killed, span(None, None, "OOMKilled")),
        ] {
            assert_eq!(progress(Some(&pod(&state)), "u", "profiler-1"), expected);
        }
    }

    #[test]
    fn a_pod_or_a_container_that_is_not_there_is_told_apart() {
        let pod = pod(&json!({}));
        assert_eq!(progress(None, "u", "profiler-1"), Progress::PodGone);
        assert_eq!(progress(Some(&pod), "other", "profiler-1"), Progress::PodGone);
        assert_eq!(progress(Some(&pod), "u", "profiler-3"), Progress::NotAsked);
        assert_eq!(progress(Some(&pod), "u", "profiler-2"), waiting(None, None));
    }
}
