//! Workers that are a `StatefulSet`.

use serde_json::{Value, json};

use crate::controllers::{nobody, until_ready};
use crate::kinds::{STATEFUL_SET, tenant};
use crate::run::{leaves_as_found, waits_for};

fn stateful_set(replicas: i32) -> Value {
    json!({
        "replicas": replicas,
        "serviceName": "worker",
        "selector": {"matchLabels": {"app": "worker"}},
        "template": {
            "metadata": {"labels": {"app": "worker"}},
            "spec": {"containers": [{"name": "main", "image": "localhost/none"}]},
        },
    })
}

#[tokio::test]
async fn a_stateful_set_is_scaled_and_left_as_found() {
    let tenant = tenant().await;
    STATEFUL_SET.create(&tenant, "worker", stateful_set(3)).await;
    let _kubelet = nobody(&tenant);
    until_ready(&tenant, STATEFUL_SET, "worker", 3).await;
    leaves_as_found(&tenant, (STATEFUL_SET, "worker"), None, None).await;
}

#[tokio::test]
async fn a_missing_stateful_set_is_waited_for_by_its_kind() {
    let tenant = tenant().await;
    tenant.deployment("worker", 3).await;
    let message = waits_for(&tenant, (STATEFUL_SET, "worker"), "TargetNotFound").await;
    assert_eq!(message, "there is no StatefulSet worker in this namespace (scale entry workers)");
}
