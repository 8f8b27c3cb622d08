//! What works with every Pulp as it comes: no plugin, no permission but where the Secret may be sent; and in namespaces
//! as shared clusters have them.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{LimitRange, Secret, Service};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_crds::{Stage, Verdict};
use throughput_e2e_tests::{Cluster, secret, secret_text, sql};
use throughput_test_support::spec::{WORKERS, scaled};

const RUN: Duration = Duration::from_mins(5);
const NAME: &str = "e2e-any-pulp";
const SECRET: &str = "e2e-password";
const GATEWAY: &str = "e2e-gateway";

/// A second way to Pulp's API: a Service beside its own.
async fn gateway(cluster: &Cluster) {
    let services: Api<Service> = cluster.api();
    let own = services.get("pulp-api").await.unwrap().spec.unwrap();
    let gateway = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": GATEWAY},
        "spec": {"selector": own.selector, "ports": [{"port": 24817, "targetPort": 24817}]},
    });
    let params = PatchParams::apply("throughput-e2e-tests").force();
    services.patch(GATEWAY, &params, &Patch::Apply(&gateway)).await.unwrap();
}

fn spec() -> Value {
    let target = |name: &str, service: &str, secret: &str| {
        json!({
            "name": name, "service": {"name": service, "port": 24817},
            "credentials": {"username": "admin", "secretRef": {"name": secret}}, "pulp": {},
        })
    };
    json!({
        "targets": [target("inside", "pulp-api", SECRET), target("gateway", GATEWAY, "e2e-password-gateway")],
        "scale": [scaled("workers", "Deployment", WORKERS)],
        "matrix": [{"name": "by", "of": "Target", "values": ["inside", "gateway"]}],
        "workload": {"pulpTasks": {"tasks": 40}},
        "load": {"generators": 2, "concurrency": 3, "generatorPod": {
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "256Mi"}},
            "annotations": {"sidecar.istio.io/inject": "false"},
            "labels": {"kueue.x-k8s.io/queue-name": "perf"},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [{"key": "load", "operator": "Exists", "effect": "NoSchedule"}],
            "topologySpreadConstraints": [
                {"maxSkew": 2, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"},
            ],
        }},
        "criteria": [{"metric": "tasks.successRatio", "atLeast": "1"}],
    })
}

#[tokio::test]
async fn any_pulp_is_measured_by_two_ways_with_a_secret_that_says_only_where_it_goes() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    gateway(&cluster).await;
    // Nothing but a password, as pulp-operator has it, and nothing said of requests.
    let password = json!({"password": secret_text(&cluster, "pulp-admin", "password").await});
    secret(&cluster, SECRET, "pulp-api:24817", &password).await;
    secret(&cluster, "e2e-password-gateway", &format!("{GATEWAY}:24817"), &password).await;
    // The ratio of a shared cluster: the load pods' own is four.
    let ratio = json!({
        "metadata": {"name": "e2e-ratio"},
        "spec": {"limits": [{"type": "Container", "maxLimitRequestRatio": {"cpu": "4", "memory": "4"}}]},
    });
    let ranges: Api<LimitRange> = cluster.api();
    let _ = ranges.delete("e2e-ratio", &DeleteParams::default()).await;
    ranges.create(&PostParams::default(), &serde_json::from_value(ratio).unwrap()).await.unwrap();
    cluster.create(NAME, spec()).await;
    cluster.until_stage(NAME, Stage::Dispatching, RUN).await;
    let jobs: Api<Job> = cluster.api();
    let of_test = ListParams::default().labels(&format!("perf.pulpproject.org/test={NAME}"));
    let job = jobs.list(&of_test).await.unwrap().items.remove(0);
    assert_eq!(job.metadata.labels.unwrap()["kueue.x-k8s.io/queue-name"], "perf");
    let status = cluster.until_finished(NAME, RUN).await;
    ranges.delete("e2e-ratio", &DeleteParams::default()).await.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    let cells = report["cells"].as_array().unwrap();
    let by: Vec<&Value> = cells.iter().map(|cell| &cell["parameters"][0]["value"]).collect();
    assert_eq!(by, ["inside", "gateway"]);
    for cell in cells {
        sql::assert_equal(cell).await;
        assert_eq!(cell["tasks"]["submitted"], json!(40), "each request dispatched one: {cell:#}");
    }
    let purged = "select count(*) from core_task where name like '%purge%' and state = 'completed'";
    assert!(
        sql::one(purged).await.parse::<u32>().unwrap() >= 80,
        "the tasks of both ways are there, none was deleted"
    );
    assert_eq!(cluster.as_found(WORKERS).await, before, "as it was found");
    cluster.assert_nothing_left(NAME).await;
    let services: Api<Service> = cluster.api();
    services.delete(GATEWAY, &DeleteParams::default()).await.unwrap();
    let secrets: Api<Secret> = cluster.api();
    for name in [SECRET, "e2e-password-gateway"] {
        secrets.delete(name, &DeleteParams::default()).await.unwrap();
    }
}
