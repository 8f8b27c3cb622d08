//! Namespaces of every level of Pod Security, pods to be profiled in them, and the source `profile` as the operator
//! calls it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{LogParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_crds::Observe;
use throughput_sources::access::{Access, Installation};
use throughput_sources::open::open;
use throughput_sources::recording::Recording;
use throughput_sources::source::Source;
use throughput_test_support::first_cell;
use throughput_test_support::{program, sources};

use crate::Cluster;

/// A text on the command line of what is profiled, which nobody is to see.
pub const HIDDEN: &str = "hidden-5d1c20";

/// Works half of the time, in a function that can be found again.
const BUSY: &str = r#"
import threading
import time

def work_for(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))

def work_and_rest():
    while True:
        work_for(0.05)
        time.sleep(0.05)

def application(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

threading.Thread(target=work_and_rest, daemon=True).start()
"#;

/// A namespace in which pods are profiled.
pub struct Bench {
    /// The cluster, working in this namespace.
    pub cluster: Cluster,
    profiler: String,
    image: String,
}

/// What is profiled, as who.
#[derive(Clone, Copy)]
pub enum Program {
    /// gunicorn with one worker.
    Gunicorn,
    /// Something that is not Python.
    Sleep,
}

impl Bench {
    /// A new namespace of this name in which this level of Pod Security is enforced.
    pub async fn enter(name: &str, level: &str) -> Self {
        let name = format!("watch-profile-{name}");
        let outer = Cluster::connect().await;
        let labels = json!({"pod-security.kubernetes.io/enforce": level});
        let (cluster, image) = (outer.in_new_namespace(&name, &labels).await, outer.pulps_image().await);
        let names = program::output(program::root().join("operator/images"), &["load", "profiler"], "").await;
        let profiler = names.expect("the profiler's image").trim().to_owned();
        Self { cluster, profiler, image }
    }

    /// Starts a pod with the label `app: NAME` and waits until it runs. `security` is of the pod, `own` of the container.
    pub async fn start(&self, name: &str, program: Program, security: Value, own: Value) {
        let map = json!({"metadata": {"name": name}, "data": {"busy.py": BUSY}});
        let map: ConfigMap = serde_json::from_value(map).expect("a ConfigMap");
        self.cluster.api().create(&PostParams::default(), &map).await.expect("make the program");
        let command = match program {
            Program::Gunicorn => json!([
                "gunicorn",
                "--chdir=/program",
                "--worker-tmp-dir=/dev/shm",
                "--no-control-socket",
                "--name",
                HIDDEN,
                "busy:application"
            ]),
            Program::Sleep => json!(["sleep", "3600"]),
        };
        let pod = json!({
            "metadata": {"name": name, "labels": {"app": name, "profiled": "yes"}},
            "spec": {
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": 0,
                "securityContext": security,
                "containers": [{
                    "name": "program",
                    "image": self.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "securityContext": own,
                    "volumeMounts": [{"name": "program", "mountPath": "/program"}],
                }],
                "volumes": [{"name": "program", "configMap": {"name": name}}],
            },
        });
        let pod: Pod = serde_json::from_value(pod).expect("a pod");
        let pods = self.cluster.api::<Pod>();
        // The namespace's service account comes a moment after the namespace.
        self.cluster
            .until("the pod is made", Duration::from_secs(30), || async {
                pods.create(&PostParams::default(), &pod).await.ok()
            })
            .await;
        self.cluster
            .until("the pod runs", Duration::from_mins(1), || async {
                let status = pods.get(name).await.ok()?.status?;
                let state = status.container_statuses?.first()?.state.clone()?;
                state.running.map(|_| ())
            })
            .await;
        self.warm_up(name, program).await;
    }

    /// Waits until Python has begun what it is to do.
    async fn warm_up(&self, name: &str, program: Program) {
        if matches!(program, Program::Gunicorn) {
            self.cluster
                .until("gunicorn has a worker", Duration::from_mins(1), || async {
                    let log = self.cluster.api::<Pod>().logs(name, &LogParams::default()).await.ok()?;
                    log.contains("Booting worker").then_some(())
                })
                .await;
        }
    }

    /// What the operator gives its sources.
    pub fn access(&self) -> Access {
        // What is started beside a pod is named after the cell: each has its own.
        let cell = first_cell(&Timestamp::now().to_string());
        let profiler_image = Some(self.profiler.clone());
        let installation = Installation {
            profiler_image,
            profile: true,
            profile_sys_ptrace: true,
            ..Installation::default()
        };
        Access { cell, installation, ..sources::access(self.cluster.client.clone(), &self.cluster.namespace) }
    }

    /// Profiles the pods with the label `app: NAME` for some seconds, from the first call to the last.
    pub async fn profile(&self, name: &str, more: Value) -> Recording {
        let mut source = source(name, more, &self.access());
        let mut recording = Recording::new("profile", Timestamp::now());
        sources::begin(source.as_mut(), &mut recording).await;
        look_until(source.as_mut(), &mut recording, Duration::from_mins(1), is_done).await;
        sources::settle(source.as_mut(), &mut recording).await;
        recording
    }

    /// How many ephemeral containers a pod has.
    pub async fn profilers(&self, name: &str) -> usize {
        let pod = self.cluster.api::<Pod>().get(name).await.expect("the pod");
        pod.spec.and_then(|spec| spec.ephemeral_containers).map_or(0, |all| all.len())
    }

    /// The security context of the profiler's last attempt.
    pub async fn security_context(&self, name: &str) -> Value {
        let pod = self.cluster.api::<Pod>().get(name).await.expect("the pod");
        let all = pod.spec.and_then(|spec| spec.ephemeral_containers).expect("ephemeral containers");
        // In the list they have no order; their names end in the number of the attempt.
        let last =
            all.into_iter().max_by_key(|container| container.name.rsplit('-').next().map(str::to_owned));
        serde_json::to_value(last.and_then(|last| last.security_context)).expect("JSON")
    }

    /// Sets another level of Pod Security.
    pub async fn enforce(&self, level: &str) {
        let patch = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
        let patched = self
            .cluster
            .namespaces()
            .patch(&self.cluster.namespace, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        patched.expect("label the namespace");
    }

    /// Deletes the namespace with all that is in it.
    pub async fn leave(self) {
        self.cluster.remove_namespace().await;
    }
}

/// The source, which looks at once and for a few seconds unless it is told otherwise.
pub fn source(name: &str, more: Value, access: &Access) -> Box<dyn Source> {
    let mut profile = json!({"selector": {"matchLabels": {"app": name}}, "delay": "0s", "duration": "4s"});
    if let (Value::Object(profile), Value::Object(more)) = (&mut profile, more) {
        profile.extend(more);
    }
    let observe: Observe = serde_json::from_value(json!({"profile": profile})).expect("a spec");
    open(&observe, access).remove(0)
}

/// Calls `look` as the operator does, until something is so.
pub async fn look_until(
    source: &mut dyn Source,
    recording: &mut Recording,
    deadline: Duration,
    is_so: impl Fn(&Recording) -> bool,
) {
    let begun = Instant::now();
    while !is_so(recording) {
        assert!(begun.elapsed() < deadline, "not within {deadline:?}: {recording:#?}");
        sources::look(source, recording).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Whether there is a profile, or a reason why there is none.
pub fn is_done(recording: &Recording) -> bool {
    !recording.shortfalls().is_empty() || recording.report().summary.figures.contains_key("profile.samples")
}
