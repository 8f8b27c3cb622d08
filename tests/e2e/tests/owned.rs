//! What Helm owns: scaled by a run, left as found, and changed by the next `helm upgrade` without a conflict.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Verdict};
use throughput_e2e_tests::{Cluster, change_operator, condition};
use throughput_test_support::spec::{PulpSpec, WORKERS, scaled};

const RUN: Duration = Duration::from_mins(10);
const SOON: Duration = Duration::from_mins(2);

/// A chart of one target that does nothing, with its number of replicas as a value.
struct Chart {
    folder: PathBuf,
    release: &'static str,
}

impl Chart {
    async fn write(cluster: &Cluster, release: &'static str, kind: &str) -> Self {
        let image = cluster.pulps_image().await;
        let folder = std::env::temp_dir().join(format!("throughput-e2e-{release}-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("templates")).unwrap();
        let write = |path: &str, text: &str| std::fs::write(folder.join(path), text).unwrap();
        write("Chart.yaml", &format!("apiVersion: v2\nname: {release}\nversion: 0.1.0\n"));
        write("values.yaml", "replicas: 1\n");
        // JSON is YAML too; the number is put in as a template, which JSON cannot say.
        let target = target(release, kind, &image).to_string();
        write("templates/target.yaml", &target.replace(r#""REPLICAS""#, "{{ .Values.replicas }}"));
        Self { folder, release }
    }

    /// Installs or upgrades it, as Helm 4 does by default: by server-side apply, without force.
    async fn install(&self, cluster: &Cluster, replicas: u32) -> Result<String, String> {
        let replicas = format!("replicas={replicas}");
        let folder = self.folder.to_str().unwrap();
        let flags = ["--set", &replicas, "--wait", "--timeout", "120s"];
        cluster.helm(&[["upgrade", "--install", self.release, folder].as_slice(), &flags].concat()).await
    }

    async fn uninstall(&self, cluster: &Cluster) {
        let _ = cluster.helm(&["uninstall", self.release, "--wait", "--timeout", "60s"]).await;
    }
}

impl Drop for Chart {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn target(name: &str, kind: &str, image: &str) -> Value {
    let mut target = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {
            "replicas": "REPLICAS",
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "automountServiceAccountToken": false,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [{
                        "name": "main",
                        "image": image,
                        "imagePullPolicy": "Never",
                        "command": ["sleep", "infinity"],
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "32Mi"}},
                    }],
                },
            },
        },
    });
    if kind == "StatefulSet" {
        target["spec"]["serviceName"] = name.into();
        target["spec"]["podManagementPolicy"] = "Parallel".into();
    }
    target
}

/// A small run that scales this to three; Pulp's workers stay as they are.
fn spec(kind: &str, name: &str) -> PulpSpec {
    PulpSpec::of(50)
        .with("scale", json!([scaled("workers", "Deployment", WORKERS), scaled("owned", kind, name)]))
        .with("matrix", json!([{"name": "owned", "of": "Scale", "values": [3]}]))
        .dispatch(json!({"testView": {"query": {"tasks": "50", "sleep": "0.1"}}}))
}

async fn scaled_and_upgraded(cluster: &Cluster, chart: &Chart, kind: &str) {
    let name = chart.release;
    chart.uninstall(cluster).await;
    chart.install(cluster, 1).await.unwrap();
    let before = (cluster.as_found_of(kind, name).await, cluster.as_found(WORKERS).await);
    cluster.create(name, spec(kind, name)).await;
    let status = cluster.until_finished(name, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let after = (cluster.as_found_of(kind, name).await, cluster.as_found(WORKERS).await);
    assert_eq!(after, before, "the targets are as they were found");
    cluster.assert_nothing_left(name).await;
    chart.install(cluster, 2).await.unwrap();
    let path = ["get", kind, name, "--output", "jsonpath={.spec.replicas}"];
    assert_eq!(cluster.kubectl(&path, "").await.unwrap(), "2");
    chart.uninstall(cluster).await;
    cluster.delete(name).await;
}

#[tokio::test]
async fn after_a_run_helm_changes_the_replicas_of_a_deployment() {
    let cluster = Cluster::connect().await;
    let chart = Chart::write(&cluster, "e2e-owned-deployment", "Deployment").await;
    scaled_and_upgraded(&cluster, &chart, "Deployment").await;
}

/// Sets a value of the installed operator's chart.
async fn set(cluster: &Cluster, value: &str) {
    change_operator(cluster, "--set", value).await;
}

#[tokio::test]
async fn a_stateful_set_waits_for_the_charts_permission_and_is_left_so_that_helm_can_change_it() {
    let cluster = Cluster::connect().await;
    let name = "e2e-owned-stateful-set";
    let chart = Chart::write(&cluster, name, "StatefulSet").await;
    set(&cluster, "scale.statefulSets=false").await;
    cluster.create(name, spec("StatefulSet", name)).await;
    let status = cluster
        .until_status(name, "the test waits", SOON, |status| {
            condition(status, ConditionType::TargetsReady).is_some()
        })
        .await;
    let (holds, reason, message) = condition(&status, ConditionType::TargetsReady).unwrap();
    assert_eq!((holds, reason), (ConditionStatus::False, "NotPermitted"), "{message}");
    assert!(message.contains("scale.statefulSets=true"), "{message}");
    set(&cluster, "scale.statefulSets=true").await;
    scaled_and_upgraded(&cluster, &chart, "StatefulSet").await;
    set(&cluster, "scale.statefulSets=false").await;
}
