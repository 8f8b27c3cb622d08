//! A namespace of its own for a test that is deleted together with it.

use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};
use throughput_crds::SECRET_FOR_ANNOTATION;
use throughput_e2e_tests::{Cluster, NAMESPACE};

use super::heal::Release;

/// Its name.
pub(super) const ELSEWHERE: &str = "chaos-elsewhere";

/// Pulp, for whoever is not in its namespace.
pub(super) fn pulps_url() -> String {
    format!("http://pulp-api.{NAMESPACE}.svc:24817")
}

/// Makes the namespace, with two idle Deployments and Pulp's password, and has the operator watch it and permit the way
/// to Pulp.
pub(super) async fn prepare(cluster: &Cluster, release: &Release) -> Cluster {
    let secret = cluster.api::<Secret>().get("pulp-admin").await.expect("Pulp's Secret");
    let image = cluster.pulps_image().await;
    let metadata = |name: &str| json!({"name": name, "namespace": ELSEWHERE});
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE}}),
        json!({
            "apiVersion": "v1", "kind": "Secret", "data": secret.data,
            "metadata": {
                "name": "pulp-admin", "namespace": ELSEWHERE, "annotations": {SECRET_FOR_ANNOTATION: pulps_url()},
            },
        }),
        idle(&metadata("idle-workers"), &image, 2),
        idle(&metadata("idle-others"), &image, 1),
    ];
    let there = cluster.in_namespace(ELSEWHERE);
    for object in objects {
        there.kubectl(&["apply", "--filename", "-"], &object.to_string()).await.expect("apply an object");
    }
    let watched = format!("watchNamespaces={{{NAMESPACE},{ELSEWHERE}}}");
    let permitted = format!("allow.urls={{{}}}", pulps_url());
    release.install(cluster, &["--set", &watched, "--set", &permitted]).await;
    there
}

fn idle(metadata: &Value, image: &str, replicas: u32) -> Value {
    let labels = json!({"app": metadata["name"]});
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {
                "terminationGracePeriodSeconds": 0,
                "containers": [{
                    "name": "idle", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "infinity"],
                }],
            }},
        },
    })
}

/// Deletes the namespace, if it is there, and waits until it is gone: nothing may hold it back.
pub(super) async fn delete(cluster: &Cluster) {
    cluster.in_namespace(ELSEWHERE).remove_namespace().await;
}
