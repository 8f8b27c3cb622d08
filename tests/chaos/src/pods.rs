//! Pods and their containers.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, ListParams};

use throughput_e2e_tests::Cluster;
use throughput_test_support::program;

const SOON: Duration = Duration::from_mins(2);

/// The operator's pods.
pub(super) const OPERATOR: &str =
    "app.kubernetes.io/name=throughput-operator,app.kubernetes.io/component=operator";
/// The load generators' pods.
pub(super) const GENERATOR: &str =
    "app.kubernetes.io/managed-by=throughput-operator,batch.kubernetes.io/job-name";

/// The pods with these labels that are not being deleted.
pub(super) async fn with_labels(cluster: &Cluster, labels: &str) -> Vec<Pod> {
    let pods: Api<Pod> = cluster.api();
    let found = pods.list(&ListParams::default().labels(labels)).await.map(|list| list.items);
    let found = found.unwrap_or_default().into_iter();
    found.filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect()
}

/// The id of the pod's first container, if that runs.
pub(super) fn running_container(pod: &Pod) -> Option<String> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    container.state.as_ref()?.running.as_ref()?;
    Some(container.container_id.as_ref()?.strip_prefix("containerd://")?.to_owned())
}

/// How often the pod's containers were started again.
pub(super) fn restarts(pod: &Pod) -> i32 {
    let containers = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    containers.into_iter().flatten().map(|container| container.restart_count).sum()
}

/// Ends the container of a pod with these labels at once, without a signal that it could act upon. Returns its id; not one
/// of those that are known already.
pub(super) async fn kill_one(cluster: &Cluster, labels: &str, but_not: &[String]) -> String {
    disturb_one(cluster, "kill-container", labels, but_not).await
}

/// Has the kernel end the container of a pod with these labels for want of memory.
pub(super) async fn exhaust_one(cluster: &Cluster, labels: &str) {
    disturb_one(cluster, "exhaust-memory", labels, &[]).await;
}

async fn disturb_one(cluster: &Cluster, verb: &str, labels: &str, but_not: &[String]) -> String {
    let id = cluster
        .until(&format!("a container runs in a pod with {labels}"), SOON, || async {
            let pods = with_labels(cluster, labels).await;
            pods.iter().filter_map(running_container).find(|id| !but_not.contains(id))
        })
        .await;
    program::cluster(&[verb, &id]).await.expect("disturb a container");
    id
}

/// The name of a pod with these labels, once there is one that runs.
pub(super) async fn running_one(cluster: &Cluster, labels: &str) -> String {
    cluster
        .until(&format!("a pod with {labels} runs"), SOON, || async {
            let pods = with_labels(cluster, labels).await;
            pods.iter().find(|pod| running_container(pod).is_some()).map(ResourceExt::name_any)
        })
        .await
}
