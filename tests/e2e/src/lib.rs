//! What the tests on the local cluster have in common.
//!
//! They run against the installed operator, as a user would: through the API server, and with SQL on Pulp's
//! own database to check the figures. `make e2e` brings up what they need.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "this is test code: it stops at the first surprise"
)]

mod author;
pub mod cut;
mod ground;
pub mod late_rds;
pub mod logging;
pub mod outside;
pub mod profiling;
pub mod sql;
pub mod watching;

use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Node, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, ResourceExt};
use serde_json::Value;
use throughput_crds::{
    ConditionStatus, ConditionType, REQUESTS_ANNOTATION, SECRET_CA_ANNOTATION, SECRET_FOR_ANNOTATION, Stage,
    ThroughputTest, ThroughputTestStatus,
};
use throughput_test_support::{program, wait};

/// The namespace of Pulp and of the operator.
pub const NAMESPACE: &str = "pulp-perf";

/// The local cluster.
#[derive(Clone)]
pub struct Cluster {
    /// A client as its administrator.
    pub client: Client,
    /// The namespace that is worked in.
    pub namespace: String,
    /// The path of its kubeconfig.
    pub kubeconfig: PathBuf,
}

/// What is scaled as somebody who compares would look at it: what it shall be, and who says so.
#[derive(Debug, PartialEq)]
pub struct AsFound {
    spec: Value,
    annotations: BTreeMap<String, String>,
    owners: Vec<ManagedFieldsEntry>,
}

/// Makes a Secret with a connection string of Pulp's database, which says that it may be used for that.
pub async fn database_secret(cluster: &Cluster, name: &str) {
    let user = secret_text(cluster, "pulp-postgres", "username").await;
    let password = secret_text(cluster, "pulp-postgres", "password").await;
    let url = format!("postgresql://{user}:{password}@postgres:5432/pulp?sslmode=disable");
    secret(cluster, name, "postgres", &serde_json::json!({"url": url})).await;
}

/// The text of a Secret under this key.
pub async fn secret_text(cluster: &Cluster, name: &str, key: &str) -> String {
    let secret = cluster.api::<Secret>().get(name).await.expect("the Secret");
    String::from_utf8(secret.data.expect("data")[key].0.clone()).expect("text")
}

/// Makes a Secret of these texts that may be sent to this audience: a Service, a URL, a host, `aws`.
pub async fn secret(cluster: &Cluster, name: &str, audience: &str, texts: &Value) {
    annotated_secret(cluster, name, &serde_json::json!({SECRET_FOR_ANNOTATION: audience}), texts).await;
}

/// Makes a Secret of what Pulp asks for, which may be sent to this audience, and with which the views for tests may be
/// asked, also where the certificates in the `ConfigMap` `our-ca` are trusted.
pub async fn pulp_secret(cluster: &Cluster, name: &str, audience: &str, texts: &Value) {
    let annotations = serde_json::json!({
        SECRET_FOR_ANNOTATION: audience, SECRET_CA_ANNOTATION: "our-ca", REQUESTS_ANNOTATION: "test-views",
    });
    annotated_secret(cluster, name, &annotations, texts).await;
}

/// Makes a Secret of these texts, which says with these annotations what it may be used for.
pub async fn annotated_secret(cluster: &Cluster, name: &str, annotations: &Value, texts: &Value) {
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "stringData": texts,
        "metadata": {"name": name, "annotations": annotations},
    });
    let params = PatchParams::apply("throughput-e2e-tests").force();
    cluster.api::<Secret>().patch(name, &params, &Patch::Apply(&secret)).await.expect("make a Secret");
}

/// Upgrades the installed operator with this list of URLs that tests may name.
pub async fn permit_urls(cluster: &Cluster, urls: &[&str]) {
    change_operator(cluster, "--set-json", &format!("allow.urls={}", serde_json::json!(urls))).await;
}

/// Upgrades the installed operator with one value of the chart changed, and waits until it runs. `flag` says how Helm
/// reads the value: `--set-string`.
pub async fn change_operator(cluster: &Cluster, flag: &str, value: &str) {
    let chart = program::chart().display().to_string();
    let upgrade = ["upgrade", "throughput-operator", &chart, "--reuse-values", flag, value];
    let arguments: Vec<&str> = upgrade.into_iter().chain(["--wait", "--timeout", "120s"]).collect();
    cluster.helm(&arguments).await.expect("upgrade the operator");
}

impl Cluster {
    /// The local cluster, which must be up. Never any other.
    pub async fn connect() -> Self {
        // It fails only where a provider is installed already: by the test before this one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let path = program::cluster(&["kubeconfig"]).await.expect("the cluster's kubeconfig");
        let kubeconfig = PathBuf::from(path.trim());
        let config =
            Kubeconfig::read_from(&kubeconfig).expect("read the cluster's kubeconfig: is it up? (make e2e)");
        let config = kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .expect("a usable kubeconfig");
        let namespace = NAMESPACE.to_owned();
        Self { client: Client::try_from(config).expect("a client"), namespace, kubeconfig }
    }

    /// The same cluster, working in another namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// This machine's address on its link to the cluster: what listens there can be reached by pods.
    pub async fn host_address(&self) -> IpAddr {
        let nodes =
            Api::<Node>::all(self.client.clone()).list(&ListParams::default()).await.expect("list nodes");
        let addresses = nodes.items.into_iter().filter_map(|node| node.status?.addresses);
        let node =
            addresses.flatten().find(|address| address.type_ == "InternalIP").expect("a node's address");
        // Nothing is sent: it only chooses the way there.
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.connect((node.address.as_str(), 9)).expect("a way to the node");
        socket.local_addr().expect("an address").ip()
    }

    /// An API of the tests' namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Runs kubectl on this cluster.
    pub async fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        program::kubectl((&self.kubeconfig, &self.namespace), arguments, input).await
    }

    /// Runs Helm in the operator's namespace of this cluster, without the user's own settings.
    pub async fn helm(&self, arguments: &[&str]) -> Result<String, String> {
        program::helm((&self.kubeconfig, NAMESPACE), arguments).await
    }

    /// Creates a test, after deleting what an earlier run left under its name.
    pub async fn create(&self, name: &str, spec: impl Into<Value>) -> ThroughputTest {
        self.delete(name).await;
        let test = ThroughputTest::new(name, serde_json::from_value(spec.into()).expect("a spec"));
        self.api::<ThroughputTest>().create(&PostParams::default(), &test).await.expect("create a test")
    }

    /// Deletes a test and waits until it is gone.
    pub async fn delete(&self, name: &str) {
        let tests = self.api::<ThroughputTest>();
        if tests.delete(name, &DeleteParams::default()).await.is_ok() {
            self.until("the deleted test is gone", Duration::from_mins(2), || async {
                tests.get_opt(name).await.ok().flatten().is_none().then_some(())
            })
            .await;
        }
    }

    /// Waits until something is there, but not for ever.
    pub async fn until<T>(&self, what: &str, deadline: Duration, look: impl AsyncFnMut() -> Option<T>) -> T {
        wait::until(what, deadline, look).await
    }

    /// Waits until a test's status is as wanted.
    pub async fn until_status(
        &self,
        name: &str,
        what: &str,
        deadline: Duration,
        wanted: impl Fn(&ThroughputTestStatus) -> bool,
    ) -> ThroughputTestStatus {
        let tests = self.api::<ThroughputTest>();
        let look = async || Some(tests.get(name).await.ok()?.status.unwrap_or_default());
        let seen = wait::until_seen(what, deadline, look, |seen| seen.as_ref().is_some_and(&wanted)).await;
        seen.expect("a status that is as wanted")
    }

    /// Waits until a test is over.
    pub async fn until_finished(&self, name: &str, deadline: Duration) -> ThroughputTestStatus {
        self.until_status(name, "the test is finished", deadline, |status| {
            condition(status, ConditionType::Finished)
                .is_some_and(|(status, _, _)| status == ConditionStatus::True)
        })
        .await
    }

    /// Waits until a test is in this stage.
    pub async fn until_stage(&self, name: &str, stage: Stage, deadline: Duration) {
        self.until_status(name, &format!("the test is in stage {stage:?}"), deadline, |status| {
            status.current.as_ref().is_some_and(|current| current.stage == stage)
        })
        .await;
    }

    /// A Deployment as it stands.
    pub async fn as_found(&self, deployment: &str) -> AsFound {
        self.as_found_of("Deployment", deployment).await
    }

    /// An object of a kind of `apps/v1` as it stands.
    pub async fn as_found_of(&self, kind: &str, name: &str) -> AsFound {
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("apps", "v1", kind));
        let objects: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), NAMESPACE, &resource);
        let found = objects.get(name).await.expect("read what is scaled");
        // What its own controller writes of its status is no part of how it was set up.
        let owners = found
            .managed_fields()
            .iter()
            .filter(|entry| entry.subresource.as_deref() != Some("status"))
            .cloned();
        AsFound {
            spec: found.data["spec"].clone(),
            annotations: found.annotations().clone(),
            owners: owners.collect(),
        }
    }

    /// The report's figures of each cell.
    pub async fn report(&self, name: &str) -> Value {
        let map = self.api::<ConfigMap>().get(&format!("{name}-report")).await.expect("the report");
        serde_json::from_str(&map.data.expect("data")["report.json"]).expect("JSON")
    }

    /// A file of `examples/`, as kubectl reads it, with at most so many tasks a cell.
    pub async fn example(&self, file: &str, most_tasks: u64) -> Value {
        let path = program::root().join("examples").join(file);
        let path = path.to_str().expect("a path of text");
        let arguments = ["create", "--dry-run=client", "--output=json", "--filename", path];
        let read = self.kubectl(&arguments, "").await.expect("an example that kubectl takes");
        let mut example: Value = serde_json::from_str(&read).expect("JSON");
        let tasks = &mut example["spec"]["workload"]["pulpTasks"]["tasks"];
        *tasks = tasks.as_u64().expect("a number of tasks").min(most_tasks).into();
        example
    }

    /// The bytes of all that is stored of a cell.
    pub async fn cell_bytes(&self, name: &str, cell: u32) -> usize {
        let name = format!("{name}-cell-{cell}-attempt-1");
        let map = self.api::<ConfigMap>().get(&name).await.expect("the cell's details");
        let texts = map.data.iter().flatten().map(|(_, text)| text.len());
        texts.chain(map.binary_data.iter().flatten().map(|(_, bytes)| bytes.0.len())).sum()
    }

    /// Kills the operator at once, as a node that loses its power would: no signal that it could act upon.
    pub async fn kill_operator(&self) {
        let pods = self.api::<Pod>();
        let selector = ListParams::default().labels("app.kubernetes.io/name=throughput-operator");
        let running = pods.list(&selector).await.expect("list pods");
        let now = DeleteParams::default().grace_period(0);
        for pod in running.items {
            pods.delete(&pod.name_any(), &now).await.expect("kill the operator");
        }
    }

    /// Asserts that nothing of a test is left but its figures.
    pub async fn assert_nothing_left(&self, name: &str) {
        // It goes just after the last word of the status.
        let tests = self.api::<ThroughputTest>();
        self.until("no finalizer is left", Duration::from_secs(30), || async {
            tests.get(name).await.is_ok_and(|test| test.finalizers().is_empty()).then_some(())
        })
        .await;
        self.assert_no_traces(name).await;
    }

    /// Asserts that neither a claim nor a Job is left of a test, be it there or not.
    pub async fn assert_no_traces(&self, name: &str) {
        let leases =
            self.api::<Lease>().list(&ListParams::default().labels("perf.pulpproject.org/claim=true")).await;
        let leases: Vec<String> =
            leases.expect("list Leases").items.iter().map(ResourceExt::name_any).collect();
        assert_eq!(leases, [] as [String; 0], "a claim is left");
        let jobs = self.api::<Job>();
        let ours = ListParams::default().labels(&format!("perf.pulpproject.org/test={name}"));
        self.until("no Job is left", Duration::from_secs(30), || async {
            jobs.list(&ours).await.is_ok_and(|jobs| jobs.items.is_empty()).then_some(())
        })
        .await;
    }
}

/// A condition's status, reason and message.
pub fn condition(
    status: &ThroughputTestStatus,
    type_: ConditionType,
) -> Option<(ConditionStatus, &str, &str)> {
    let condition = status.conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((condition.status, &condition.reason, &condition.message))
}
