//! Putting the world right again between two rows, whatever the one before did or failed to do.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use throughput_crds::ThroughputTest;
use throughput_e2e_tests::{Cluster, sql};
use throughput_test_support::program;
use throughput_test_support::spec::WORKERS;

use super::{SECOND_TEST, TEST, elsewhere, pods};

const SOON: Duration = Duration::from_mins(3);
/// How long the queue may take to be empty. What a killed worker had begun is cleaned up minutes after its pod went.
const QUEUE: Duration = Duration::from_mins(12);
/// Deployments without which no row makes sense.
const NEEDED: [&str; 5] = ["postgres", "pulp-api", "pulp-content", WORKERS, OPERATOR];
const OPERATOR: &str = "throughput-operator";

/// The installation as the campaign found it.
pub(super) struct Release {
    values: PathBuf,
}

impl Release {
    /// Notes with which values the operator is installed.
    pub(super) async fn of(cluster: &Cluster) -> Self {
        let values = cluster.helm(&["get", "values", OPERATOR, "--output", "yaml"]).await;
        let values = values.expect("the operator is installed: make install");
        let file = std::env::temp_dir().join(format!("chaos-values-{}.yaml", std::process::id()));
        std::fs::write(&file, values).expect("write down the release's values");
        Self { values: file }
    }

    /// Installs or upgrades the operator with these values and further arguments.
    pub(super) async fn install(&self, cluster: &Cluster, further: &[&str]) {
        let (chart, values) = (program::chart(), self.values.display().to_string());
        let chart = chart.display().to_string();
        let mut arguments = vec!["upgrade", "--install", OPERATOR, chart.as_str(), "--reset-values"];
        arguments.extend(["--values", values.as_str(), "--force-conflicts", "--wait", "--timeout", "150s"]);
        arguments.extend(further);
        cluster.helm(&arguments).await.expect("install the operator");
    }
}

impl Drop for Release {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.values);
    }
}

/// Makes everything as a row needs it: no test, no claim, an empty queue, Pulp and the operator ready.
pub(super) async fn heal(cluster: &Cluster, release: &Release) {
    for test in [TEST, SECOND_TEST] {
        remove(cluster, test).await;
    }
    elsewhere::delete(cluster).await;
    if !is_installed_as_found(cluster).await {
        release.install(cluster, &[]).await;
    }
    let leases: Api<Lease> = cluster.api();
    let claims = ListParams::default().labels("perf.pulpproject.org/claim=true");
    leases.delete_collection(&DeleteParams::default(), &claims).await.expect("delete claims");
    if replicas(cluster, WORKERS).await != Some(2) {
        program::pulp(&["up"]).await.expect("bring Pulp up");
    }
    forget_restarts(cluster).await;
    cluster.until("Pulp and the operator are ready", SOON, || are_ready(cluster)).await;
    if sql::unfinished().await != Some(0) {
        replace_workers(cluster).await;
    }
    cluster
        .until("Pulp's queue is empty", QUEUE, || async { (sql::unfinished().await? == 0).then_some(()) })
        .await;
}

/// Takes new pods for Pulp's workers. One that was killed within its pod comes back under the same name, and Pulp
/// waits that it ends a task of which it knows nothing; some minutes after the old pod is gone it does not any more.
async fn replace_workers(cluster: &Cluster) {
    let workers = ListParams::default().labels("pod=pulp-worker");
    let now = DeleteParams::default().grace_period(0);
    cluster.api::<Pod>().delete_collection(&now, &workers).await.expect("delete the workers");
    cluster.until("Pulp and the operator are ready", SOON, || are_ready(cluster)).await;
}

/// Deletes a test; by force when it does not go.
async fn remove(cluster: &Cluster, test: &str) {
    let tests: Api<ThroughputTest> = cluster.api();
    if tests.delete(test, &DeleteParams::default()).await.is_err() {
        return;
    }
    let gone = async {
        while tests.get_opt(test).await.ok().flatten().is_some() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    if tokio::time::timeout(SOON, gone).await.is_err() {
        eprintln!("chaos: {test} does not go: its finalizer is removed by force");
        let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let _ = tests.patch(test, &PatchParams::default(), &patch).await;
    }
}

/// Whether the operator runs once, with the values that it was installed with.
async fn is_installed_as_found(cluster: &Cluster) -> bool {
    let deployments: Api<Deployment> = cluster.api();
    let Ok(Some(found)) = deployments.get_opt(OPERATOR).await else { return false };
    let text = serde_json::to_string(&found.spec).expect("JSON");
    let changed = ["no-such-tag", elsewhere::ELSEWHERE].iter().any(|word| text.contains(word));
    found.spec.and_then(|spec| spec.replicas) == Some(1) && !changed
}

async fn replicas(cluster: &Cluster, deployment: &str) -> Option<i32> {
    cluster.api::<Deployment>().get_opt(deployment).await.ok()??.spec?.replicas
}

/// A container that was killed is started again later each time, so that the row after many kills would see nothing
/// but waiting. A new pod begins anew. Not the database's: it would begin with nothing in it.
async fn forget_restarts(cluster: &Cluster) {
    let all: Api<Pod> = cluster.api();
    for labels in [pods::OPERATOR, "pod=pulp-api", "pod=pulp-worker"] {
        for pod in pods::with_labels(cluster, labels).await {
            if pods::restarts(&pod) > 0 {
                let _ = all.delete(&pod.name_any(), &DeleteParams::default()).await;
            }
        }
    }
}

async fn are_ready(cluster: &Cluster) -> Option<()> {
    for name in NEEDED {
        let found = cluster.api::<Deployment>().get_opt(name).await.ok()??;
        let wanted = found.spec?.replicas?;
        let status = found.status?;
        let is_seen = status.observed_generation == found.metadata.generation;
        let ready = status.ready_replicas == Some(wanted) && status.replicas == Some(wanted);
        if !(is_seen && ready) {
            return None;
        }
    }
    let terminating = cluster.api::<Pod>().list(&ListParams::default().labels("app=pulp")).await.ok()?;
    terminating.items.iter().all(|pod| pod.metadata.deletion_timestamp.is_none()).then_some(())
}
