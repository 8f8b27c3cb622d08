//! Pods that write logs, and the source `logs` that reads them, driven as the operator drives it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{DeleteParams, LogParams, PostParams};
use serde_json::{Value, json};
use throughput_crds::Observe;
use throughput_model::source_report::SourceReport;
use throughput_sources::access::{Access, Installation};
use throughput_sources::open::open;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Source, SourceError};
use throughput_test_support::sources;

use crate::Cluster;

const SOON: Duration = Duration::from_mins(2);

/// A namespace with pods that write logs.
pub struct Writers {
    /// The cluster, working in the namespace.
    pub cluster: Cluster,
    image: String,
}

/// The source, and what it has recorded.
pub struct Watch {
    source: Box<dyn Source>,
    recording: Recording,
}

impl Writers {
    /// A namespace of its own, without what an earlier run left in it.
    pub async fn in_new_namespace(name: &str) -> Self {
        let cluster = Cluster::connect().await;
        let image = cluster.pulps_image().await;
        Self { cluster: cluster.in_new_namespace(name, &json!({})).await, image }
    }

    /// Deletes the namespace, with all that is in it.
    pub async fn remove(&self) {
        self.cluster.remove_namespace().await;
    }

    /// Creates a pod that runs a Python program with Pulp's packages, and starts it again whenever it ends.
    pub async fn start(&self, name: &str, program: &str) {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 5,
                "automountServiceAccountToken": false,
                "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
                "volumes": [{"name": "kept", "emptyDir": {}}],
                "containers": [{
                    "name": "writer",
                    "image": self.image,
                    "imagePullPolicy": "Never",
                    "command": ["python3", "-u", "-c", program],
                    "workingDir": "/kept",
                    "volumeMounts": [{"name": "kept", "mountPath": "/kept"}],
                    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
                    "resources": {"requests": {"cpu": "1m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}},
                }],
            },
        }))
        .expect("a pod");
        // The namespace's ServiceAccount, without which no pod is admitted, comes a little later than the namespace.
        let pods = self.cluster.api::<Pod>();
        self.cluster
            .until("the pod is created", SOON, || async {
                pods.create(&PostParams::default(), &pod).await.ok().map(|_| ())
            })
            .await;
    }

    /// Waits until a pod's container has written this, and gives its log.
    pub async fn until_written(&self, pod: &str, text: &str) -> String {
        let pods = self.cluster.api::<Pod>();
        let what = format!("{pod} has written {text}");
        self.cluster
            .until(&what, SOON, || async {
                let log = pods.logs(pod, &LogParams::default()).await.ok()?;
                log.contains(text).then_some(log)
            })
            .await
    }

    /// Waits until a pod's container was started again so many times.
    pub async fn until_restarted(&self, pod: &str, times: i32) {
        let pods = self.cluster.api::<Pod>();
        self.cluster
            .until("the container was started again", SOON, || async {
                let status = pods.get(pod).await.ok()?.status?.container_statuses?.pop()?;
                (status.restart_count >= times).then_some(())
            })
            .await;
    }

    /// Deletes a pod and waits until it is gone.
    pub async fn delete(&self, pod: &str) {
        let pods = self.cluster.api::<Pod>();
        pods.delete(pod, &DeleteParams::default()).await.expect("delete a pod");
        self.cluster
            .until("the pod is gone", SOON, || async {
                pods.get_opt(pod).await.ok().flatten().is_none().then_some(())
            })
            .await;
    }

    /// The source that reads the logs of these pods, which may be reached by another client.
    pub fn watch(&self, pods: &[&str], patterns: &Value, client: Option<Client>) -> Watch {
        let pods: Vec<Value> =
            pods.iter().map(|pod| json!({"selector": {"matchLabels": {"app": pod}}})).collect();
        let observe = json!({"logs": {"pods": pods, "builtIn": ["Pulp"], "patterns": patterns}});
        let observe: Observe = serde_json::from_value(observe).expect("a spec");
        let client = client.unwrap_or_else(|| self.cluster.client.clone());
        let installation = Installation { logs: true, ..Installation::default() };
        let access = Access { installation, ..sources::access(client, &self.cluster.namespace) };
        let source = open(&observe, &access).remove(0);
        Watch { recording: Recording::new(source.name(), Timestamp::now()), source }
    }
}

impl Watch {
    /// Begins.
    pub async fn begin(&mut self) {
        sources::begin(self.source.as_mut(), &mut self.recording).await;
    }

    /// Looks once.
    pub async fn look(&mut self) {
        sources::look(self.source.as_mut(), &mut self.recording).await;
    }

    /// What is recorded so far.
    pub fn report(&self) -> SourceReport {
        self.recording.report()
    }

    /// Whether it is said at present that something is missing for this reason.
    pub fn is_missing(&self, reason: &str) -> bool {
        self.recording.shortfalls().iter().any(|shortfall| shortfall.reason == reason)
    }

    /// Goes on with this source in place of the one before, and with what was stored, as after a restart of the operator.
    pub async fn go_on_with(&mut self, later: Self) {
        let stored = serde_json::to_string(&self.recording).expect("JSON");
        self.recording = serde_json::from_str(&stored).expect("a recording");
        // As the operator says of every source; that of logs knows better in the end.
        let away = SourceError::new("OperatorRestarted", "nothing was seen meanwhile");
        self.recording.fall_short(&away, Timestamp::now());
        self.source = later.source;
        self.begin().await;
    }

    /// Ends the window now, and settles.
    pub async fn settle(mut self) -> SourceReport {
        sources::settle(self.source.as_mut(), &mut self.recording).await;
        self.recording.report()
    }
}

/// A figure of the logs.
pub fn figure(report: &SourceReport, name: &str) -> Option<f64> {
    report.summary.figures.get(&format!("logs.{name}")).copied()
}

/// Why a report is not complete.
pub fn shortfalls(report: &SourceReport) -> BTreeMap<&str, &str> {
    let shortfalls = report.summary.shortfalls.iter();
    shortfalls.map(|shortfall| (shortfall.reason.as_str(), shortfall.message.as_str())).collect()
}

/// A Python program that writes numbered lines, `tick 0` to the last, at a rate. The number is kept over restarts; it
/// ends with an error after each `ending_after` lines, and sleeps once it is through.
pub fn ticking(lines: u32, per_second: u32, ending_after: u32) -> String {
    format!(
        r#"
import os, sys, time
def number():
    return int(open("number").read()) if os.path.exists("number") else 0
while number() < {lines}:
    now = number()
    print("tick", now, file=sys.stderr if now % 3 else sys.stdout, flush=True)
    with open("number.new", "w") as file:
        file.write(str(now + 1))
    os.rename("number.new", "number")
    if (now + 1) % {ending_after} == 0:
        sys.exit(1)
    time.sleep(1 / {per_second})
print("through")
time.sleep(3600)
"#
    )
}
