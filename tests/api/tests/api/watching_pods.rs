//! The sources `pods` and `provenance`, with the rights that the chart gives, and without.

use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, deployment};
use throughput_crds::Observe;
use throughput_sources::access::{Access, Installation};
use throughput_sources::open::open;
use throughput_sources::recording::Recording;
use throughput_sources::source::Source;
use throughput_test_support::sources;
use throughput_test_support::wait::eventually;

/// A source and what it has written down.
struct Watching {
    source: Box<dyn Source>,
    recording: Recording,
}

impl Watching {
    /// The one source of this spec, with the operator's rights.
    fn open(tenant: &Tenant, observe: Value, installation: Installation) -> Self {
        Self::open_for("Deployment", tenant, observe, installation)
    }

    /// The same, of a run that scales `pulp-worker` of this kind.
    fn open_for(kind: &str, tenant: &Tenant, observe: Value, installation: Installation) -> Self {
        let targets = vec![(kind.to_owned(), "pulp-worker".to_owned())];
        let access = sources::access(tenant.operators_client(), &tenant.namespace);
        let access = Access { targets, installation, ..access };
        let observe: Observe = serde_json::from_value(observe).unwrap();
        let source = open(&observe, &access).pop().unwrap();
        let recording = Recording::new(source.name(), jiff::Timestamp::now());
        Self { source, recording }
    }

    async fn begin(&mut self) {
        sources::begin(self.source.as_mut(), &mut self.recording).await;
    }

    async fn look(&mut self) {
        sources::look(self.source.as_mut(), &mut self.recording).await;
    }

    async fn settle(&mut self) {
        sources::settle(self.source.as_mut(), &mut self.recording).await;
    }

    fn figure(&self, name: &str) -> Option<f64> {
        self.recording.report().summary.figures.get(name).copied()
    }

    fn shortfalls(&self) -> Vec<String> {
        sources::reasons(&self.recording)
    }
}

fn pods(kubelet: bool) -> Value {
    json!({"pods": [{"name": "workers", "selector": {"matchLabels": {"app": "pulp-worker"}}, "kubelet": kubelet}]})
}

/// A pod of the workers that is on a node; nobody runs it here.
async fn pod(tenant: &Tenant, name: &str) -> Pod {
    let pod = json!({
        "metadata": {"name": name, "labels": {"app": "pulp-worker"}},
        "spec": {"nodeName": "node1", "containers": [{"name": "main", "image": "localhost/none"}]},
    });
    tenant.create(pod).await
}

/// Writes what a kubelet would: that the pod is its own, how often the container was started again, which image it runs,
/// and how it ended.
async fn status(tenant: &Tenant, name: &str, restarts: u32, image: &str, ended: Value) {
    let status = json!({"status": {
        "phase": "Running",
        "hostIP": "198.51.100.1",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{
            "name": "main", "image": "localhost/none", "imageID": format!("localhost/none@{image}"), "ready": true,
            "restartCount": restarts, "containerID": format!("containerd://{restarts}"),
            "state": {"running": {}}, "lastState": ended,
        }],
    }});
    let api: Api<Pod> = tenant.api();
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

fn killed(id: &str) -> Value {
    json!({"terminated": {"containerID": format!("containerd://{id}"), "exitCode": 137, "reason": "OOMKilled"}})
}

#[tokio::test]
async fn pods_that_restart_are_counted_from_the_begin_and_what_is_missing_is_said() {
    let tenant = Tenant::new().await;
    tenant.grant().await;
    pod(&tenant, "worker-1").await;
    status(&tenant, "worker-1", 4, "sha256:1", killed("old")).await;
    let mut watching = Watching::open(&tenant, pods(false), Installation::default());
    watching.begin().await;
    status(&tenant, "worker-1", 6, "sha256:1", killed("5")).await;
    pod(&tenant, "worker-2").await;
    watching.look().await;
    watching.settle().await;
    let figures = ["restarts.total", "outOfMemoryKills.total", "replicas.max", "notReady.max"]
        .map(|name| watching.figure(&format!("pods.workers.{name}")));
    assert_eq!(figures, [Some(2.0), Some(1.0), Some(2.0), Some(1.0)]);
    // There is an API server, and no metrics-server.
    assert_eq!(watching.shortfalls(), ["MetricsApiMissing"]);
}

#[tokio::test]
async fn without_the_right_to_see_pods_the_servers_words_are_the_shortfall() {
    let tenant = Tenant::new().await;
    let mut watching = Watching::open(&tenant, pods(false), Installation::default());
    watching.begin().await;
    watching.look().await;
    let shortfall = &watching.recording.shortfalls()[0];
    assert_eq!((shortfall.reason.as_str(), shortfall.count), ("Forbidden", 2));
    assert!(shortfall.message.contains("cannot list resource \"pods\""), "{}", shortfall.message);
}

#[tokio::test]
async fn kubelets_are_asked_only_where_the_administrator_permits_it() {
    let tenant = Tenant::new().await;
    tenant.grant().await;
    pod(&tenant, "worker-1").await;
    status(&tenant, "worker-1", 0, "sha256:1", Value::Null).await;
    let looked = async |kubelet: bool| {
        let installation = Installation { kubelet, ..Installation::default() };
        let mut watching = Watching::open(&tenant, pods(true), installation);
        watching.begin().await;
        watching.look().await;
        watching.recording
    };
    let refused = looked(false).await;
    assert_eq!(refused.shortfalls()[0].reason, "KubeletNotPermitted");
    assert!(refused.shortfalls()[0].message.contains("observe.kubelet=true"));
    let without_the_right = looked(true).await;
    let shortfall = &without_the_right.shortfalls()[1];
    assert_eq!(shortfall.reason, "KubeletForbidden");
    assert!(shortfall.message.contains("nodes/proxy"), "{}", shortfall.message);
    tenant.grant_nodes(&["observe.kubelet=true", "observe.kubeletProxy=true"]).await;
    // With the right it is the node that is missing: nobody made one.
    let reasons = async || {
        let with_the_right = looked(true).await;
        sources::reasons(&with_the_right)
    };
    eventually("the right is heeded", reasons, |reasons| reasons == &["MetricsApiMissing", "NotFound"]).await;
}

/// A Deployment of Pulp's API with these resources.
fn api(name: &str, resources: &Value) -> Value {
    let mut deployment = deployment(name, Some(1));
    deployment["spec"]["template"]["spec"]["containers"][0]["resources"] = resources.clone();
    deployment
}

#[tokio::test]
async fn resources_that_are_not_those_of_the_reference_are_named() {
    let tenant = Tenant::new().await;
    tenant.grant().await;
    tenant.deployment("pulp-worker", 2).await;
    let perf = json!({"requests": {"cpu": "0.5", "memory": "1Gi"}, "limits": {"memory": "1Gi"}});
    let stage = json!({"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}});
    tenant.create::<Deployment>(api("pulp-api", &perf)).await;
    tenant.create::<Deployment>(api("pulp-stage", &stage)).await;
    let expect = json!([
        {"deployment": "pulp-api", "like": "pulp-stage"},
        {"deployment": "pulp-api", "containers": [{"name": "main", "requests": {"cpu": "0.50", "memory": "1024Mi"}, "limits": {"cpu": "1"}}]},
    ]);
    let observe = json!({"provenance": {"expect": expect}});
    let mut watching = Watching::open(&tenant, observe, Installation::default());
    watching.begin().await;
    watching.settle().await;
    assert_eq!(watching.shortfalls(), [] as [&str; 0]);
    assert_eq!(watching.figure("provenance.differences"), Some(2.0));
    assert_eq!(watching.figure("provenance.changes"), Some(0.0));
    let report = watching.recording.report();
    let table = report.tables.iter().find(|table| table.title == "Resources that differ").unwrap();
    let rows =
        [["pulp-api", "main", "limits.memory", "2Gi", "1Gi"], ["pulp-api", "main", "limits.cpu", "1", "-"]];
    assert_eq!(table.rows, rows);
    assert_eq!(watching.recording.fact("pulp-worker.replicas"), Some("2 (0 ready)"));
    let resources = watching.recording.fact("pulp-stage.main.resources");
    assert_eq!(resources, Some("requests cpu 500m, memory 1Gi; limits memory 2Gi"));
}

fn stateful_set() -> Value {
    json!({
        "metadata": {"name": "pulp-worker"},
        "spec": {
            "serviceName": "pulp-worker",
            "selector": {"matchLabels": {"app": "pulp-worker"}},
            "template": {
                "metadata": {"labels": {"app": "pulp-worker"}},
                "spec": {"containers": [{"name": "main", "image": "localhost/none"}]},
            },
        },
    })
}

#[tokio::test]
async fn an_image_that_became_another_while_it_was_measured_is_a_change() {
    let tenant = Tenant::new().await;
    tenant.grant_with(&["scale.statefulSets=true"]).await;
    tenant.create::<StatefulSet>(stateful_set()).await;
    pod(&tenant, "worker-1").await;
    status(&tenant, "worker-1", 0, "sha256:1", json!({})).await;
    let observe = json!({"provenance": {"deployments": ["missing"]}});
    let mut watching = Watching::open_for("StatefulSet", &tenant, observe, Installation::default());
    watching.begin().await;
    status(&tenant, "worker-1", 1, "sha256:2", json!({})).await;
    // The operator is another one now: what was before the first task it knows from what is stored.
    watching.begin().await;
    watching.settle().await;
    assert_eq!(watching.figure("provenance.changes"), Some(1.0));
    let change = watching.recording.fact("changes");
    assert_eq!(change, Some("pulp-worker.main.digest: sha256:1 became sha256:2"));
    assert_eq!(watching.recording.fact("pulp-worker.nodes"), Some("node1 (1)"));
    assert_eq!(watching.shortfalls(), ["WorkloadNotFound"]);
    assert_eq!(watching.figure("provenance.differences"), None);
}

#[tokio::test]
async fn what_a_node_is_is_told_where_the_administrator_permits_it() {
    let tenant = Tenant::new().await;
    tenant.grant().await;
    tenant.deployment("pulp-worker", 1).await;
    let name = format!("{}-node", tenant.namespace);
    let pod = json!({
        "metadata": {"name": "worker-1", "labels": {"app": "pulp-worker"}},
        "spec": {"nodeName": name, "containers": [{"name": "main", "image": "localhost/none"}]},
    });
    tenant.create::<Pod>(pod).await;
    let node =
        json!({"metadata": {"name": name, "labels": {"node.kubernetes.io/instance-type": "m5.large"}}});
    let nodes: Api<Node> = Api::all(tenant.client.clone());
    nodes.create(&PostParams::default(), &serde_json::from_value(node).unwrap()).await.unwrap();
    let begun = async |nodes: bool| {
        let installation = Installation { nodes, ..Installation::default() };
        let observe = json!({"provenance": {}});
        let mut watching = Watching::open(&tenant, observe, installation);
        watching.begin().await;
        let fact = watching.recording.fact(&format!("nodes.{name}")).map(str::to_owned);
        (watching.shortfalls(), fact)
    };
    assert_eq!(begun(false).await, (vec![], None));
    assert_eq!(begun(true).await, (vec!["NodesForbidden".to_owned()], None));
    tenant.grant_nodes(&["observe.nodes=true"]).await;
    let (shortfalls, fact) =
        eventually("the right is heeded", async || begun(true).await, |(_, fact)| fact.is_some()).await;
    assert_eq!(shortfalls, [] as [&str; 0]);
    assert!(fact.unwrap().starts_with("m5.large"));
}
