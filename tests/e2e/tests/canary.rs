//! A password that nobody else has, of a real user of Pulp, is searched for wherever a run leaves a trace.
//!
//! The cluster runs on this machine, so the processes of its pods can be looked at from outside, as root.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::GzDecoder;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams};
use serde::Serialize;
use serde_json::json;
use throughput_crds::{CellOutcome, REQUESTS_ANNOTATION, SECRET_FOR_ANNOTATION, Stage, ThroughputTest};
use throughput_e2e_tests::{Cluster, NAMESPACE, annotated_secret};
use throughput_test_support::spec::{PulpSpec, WORKERS};

const RUN: Duration = Duration::from_mins(10);
const NAME: &str = "e2e-canary";
/// Nothing else in the cluster can hold this text by chance. The quote and the backslash are written differently in
/// JSON, in a shell and in a log.
const PASSWORD: &str = r#"canary-7f3a9c51"\d2e8-4b6f"#;
/// The part of it that every way of writing it has.
const CORE: &str = "canary-7f3a9c51";

/// What of the password must not be found: itself, and how HTTP carries it.
fn forbidden() -> Vec<String> {
    let basic = BASE64.encode(format!("{NAME}:{PASSWORD}"));
    vec![CORE.to_owned(), basic]
}

/// Where the canary was found.
#[derive(Default)]
struct Search {
    looked_at: BTreeMap<&'static str, u32>,
    found: BTreeSet<String>,
}

impl Search {
    fn look(&mut self, kind: &'static str, what: &str, bytes: &[u8]) {
        *self.looked_at.entry(kind).or_default() += 1;
        let text = String::from_utf8_lossy(bytes);
        if forbidden().iter().any(|canary| text.contains(canary.as_str())) {
            self.found.insert(format!("{kind} {what}"));
        }
    }

    fn objects<T: Serialize + ResourceExt>(&mut self, kind: &'static str, objects: &[T]) {
        for object in objects {
            self.look(kind, &object.name_any(), &serde_json::to_vec(object).unwrap());
        }
    }

    /// Arguments and environment of every process of the cluster's pods. One that ends meanwhile has nothing to read.
    fn processes(&mut self) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let folder = entry.path();
            if !of_a_pod(&folder) {
                continue;
            }
            for file in ["cmdline", "environ"] {
                if let Ok(bytes) = std::fs::read(folder.join(file)) {
                    self.look(file_kind(file), &folder.display().to_string(), &bytes);
                }
            }
        }
    }

    /// Everything of the namespace that is no Secret: specs, statuses, events, reports.
    async fn namespace(&mut self, cluster: &Cluster) {
        let all = ListParams::default();
        self.objects("test", &cluster.api::<ThroughputTest>().list(&all).await.unwrap().items);
        self.objects("event", &cluster.api::<Event>().list(&all).await.unwrap().items);
        self.objects("Job", &cluster.api::<Job>().list(&all).await.unwrap().items);
        self.objects("pod", &cluster.api::<Pod>().list(&all).await.unwrap().items);
        self.objects("Lease", &cluster.api::<Lease>().list(&all).await.unwrap().items);
        let maps = cluster.api::<ConfigMap>().list(&all).await.unwrap().items;
        self.objects("ConfigMap", &maps);
        for map in &maps {
            for (key, bytes) in map.binary_data.iter().flatten() {
                let mut plain = Vec::new();
                std::io::Read::read_to_end(&mut GzDecoder::new(&bytes.0[..]), &mut plain).unwrap();
                self.look("cell's detail", &format!("{}/{key}", map.name_any()), &plain);
            }
        }
    }

    /// The logs of all containers of all pods, also of those that were there before.
    async fn logs(&mut self, cluster: &Cluster) {
        for pod in cluster.api::<Pod>().list(&ListParams::default()).await.unwrap().items {
            let name = pod.name_any();
            for previous in [false, true] {
                let previous = format!("--previous={previous}");
                let arguments = ["logs", &name, "--all-containers", "--tail=-1", &previous];
                if let Ok(log) = cluster.kubectl(&arguments, "").await {
                    self.look("log", &name, log.as_bytes());
                }
            }
        }
    }
}

fn file_kind(file: &str) -> &'static str {
    if file == "cmdline" { "arguments" } else { "environment" }
}

/// Whether a process is of a container that the kubelet started.
fn of_a_pod(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join("cgroup")).is_ok_and(|cgroup| cgroup.contains("pod"))
}

/// A user of Pulp with this password, made by Pulp itself; the password goes through standard input.
async fn make_user(cluster: &Cluster) {
    let script = r"
import sys
from django.contrib.auth import get_user_model
name, password = sys.stdin.read().split('\n')[:2]
user, _ = get_user_model().objects.get_or_create(username=name, defaults={'is_superuser': True, 'is_staff': True})
user.is_superuser = True
user.set_password(password)
user.save()
";
    let arguments =
        ["exec", "--stdin", "deployment/pulp-api", "--", "pulpcore-manager", "shell", "--command", script];
    cluster.kubectl(&arguments, &format!("{NAME}\n{PASSWORD}\n")).await.unwrap();
}

async fn delete_user(cluster: &Cluster) {
    let script = format!(
        "from django.contrib.auth import get_user_model\nget_user_model().objects.filter(username='{NAME}').delete()"
    );
    let arguments = ["exec", "deployment/pulp-api", "--", "pulpcore-manager", "shell", "--command", &script];
    cluster.kubectl(&arguments, "").await.unwrap();
}

async fn make_secret(cluster: &Cluster) {
    let secrets: Api<Secret> = cluster.api();
    let _ = secrets.delete(NAME, &DeleteParams::default()).await;
    let annotations = json!({
        SECRET_FOR_ANNOTATION: "pulp-api:24817", REQUESTS_ANNOTATION: "POST /pulp/api/v3/tasks/purge/",
    });
    annotated_secret(cluster, NAME, &annotations, &json!({"username": NAME, "password": PASSWORD})).await;
}

#[tokio::test]
async fn a_password_is_nowhere_but_in_its_secret() {
    let cluster = Cluster::connect().await;
    make_user(&cluster).await;
    make_secret(&cluster).await;
    let before = cluster.as_found(WORKERS).await;
    let mut search = Search::default();
    for method in ["Session", "Basic"] {
        let request = json!({"request": {
            "path": "api/v3/tasks/purge/",
            "body": r#"{"finished_before": "1970-01-01T00:00:00Z", "states": ["skipped"]}"#,
        }});
        let credentials = json!({"method": method, "secretRef": {"name": NAME}});
        let spec = PulpSpec::of(100).workers(&[2]).credentials(credentials).dispatch(request);
        cluster.create(NAME, spec).await;
        // While generators and workers are at work, and again when all is over.
        cluster.until_stage(NAME, Stage::Dispatching, RUN).await;
        search.processes();
        search.namespace(&cluster).await;
        search.logs(&cluster).await;
        let status = cluster.until_finished(NAME, RUN).await;
        // The search takes processor time from the load generator, which may say so: no figure is looked at here.
        let result = &status.results[0];
        let seen = (result.outcome, result.tasks_completed, result.requests_failed);
        assert_eq!(seen, (CellOutcome::Completed, Some(100), Some(0)), "the password works: {status:#?}");
        search.processes();
        search.namespace(&cluster).await;
        search.logs(&cluster).await;
    }
    for kind in
        ["arguments", "environment", "log", "event", "test", "ConfigMap", "cell's detail", "Job", "pod"]
    {
        assert!(search.looked_at.contains_key(kind), "nothing was looked at: {kind} in {NAMESPACE}");
    }
    assert_eq!(search.found, BTreeSet::new(), "of what was looked at: {:?}", search.looked_at);
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left(NAME).await;
    cluster.delete(NAME).await;
    cluster.api::<Secret>().delete(NAME, &DeleteParams::default()).await.unwrap();
    delete_user(&cluster).await;
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let mut search = Search::default();
    search.look("log", "plain", format!("password {PASSWORD}").as_bytes());
    search.look("log", "json", json!({"password": PASSWORD}).to_string().as_bytes());
    search.look("log", "basic", BASE64.encode(format!("{NAME}:{PASSWORD}")).as_bytes());
    search.look("log", "nothing", b"canary");
    assert_eq!(search.found.len(), 3, "{:?}", search.found);
}
