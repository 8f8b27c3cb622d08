//! Tasks that are dispatched in Pulp's own process, as far as an API server goes.

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_core::plan::Plan;
use throughput_core::plan::permissions::Permissions;
use throughput_crds::{ConditionStatus, ConditionType};
use throughput_sources::registry::Registry;

use crate::actions::{act_with, facts, generators, start_generators};
use crate::operator::{Operator, PERMITTED_IMAGE};
use crate::restricted;
use crate::watched::Watched;

fn in_process() -> Value {
    let mut spec = spec();
    spec["workload"]["pulpTasks"]["dispatch"] = json!({"inProcess": {
        "image": PERMITTED_IMAGE,
        "runAsUser": 700,
        "function": "pulpcore.app.tasks.test.dummy_task",
        "env": [{"name": "DJANGO_SECRET_KEY", "secretKeyRef": {"name": "pulp-dispatch", "key": "django"}}],
        "envFrom": [{"configMapRef": {"name": "pulp-parameters"}}],
        "mounts": [
            {"path": "/etc/pulp", "configMap": {"name": "pulp-settings"}},
            {"path": "/etc/pulp-keys", "secret": {"name": "pulp-dispatch"}},
            {"path": "/tmp", "empty": {}},
        ],
    }});
    spec
}

#[tokio::test]
async fn the_pods_keep_to_the_restricted_pod_security_standard() {
    let tenant = Tenant::new().await;
    let facts = facts(&tenant, "run");
    let permissions = Permissions::new(&[], &[PERMITTED_IMAGE.to_owned()]);
    let spec = serde_json::from_value(in_process()).unwrap();
    let plan = Plan::new(&tenant.namespace, &spec, &permissions, &Registry).unwrap();
    let start = start_generators(&plan, &facts);
    act_with(&tenant.client, &facts, generators(), &[start]).await.unwrap();
    let pod = restricted::pod_of(&tenant, "run-cell-0-attempt-1").await;
    let stored = tenant.dry_run::<Pod>(&pod).await.unwrap();
    assert_eq!(stored["spec"]["initContainers"][0]["restartPolicy"], json!("Always"), "a native sidecar");
    assert_eq!(stored["spec"]["containers"][0]["image"], json!(PERMITTED_IMAGE));
}

#[tokio::test]
async fn a_secret_that_does_not_name_the_image_is_not_given_to_a_container() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 1).await;
    tenant.create::<Secret>(json!({"metadata": {"name": "pulp-dispatch"}})).await;
    tenant.test("run", in_process()).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message = test.until_it_waits_for("SecretNotPermitted").await;
    assert!(message.contains("the Secret pulp-dispatch") && message.contains(PERMITTED_IMAGE), "{message}");
    // Once its owner says so, it is Pulp that is waited for.
    let named = json!({"metadata": {"annotations": {"perf.pulpproject.org/images": PERMITTED_IMAGE}}});
    let secrets: Api<Secret> = tenant.api();
    secrets.patch("pulp-dispatch", &PatchParams::default(), &Patch::Merge(named)).await.unwrap();
    test.until("the Secret is no longer refused", |status| {
        let mut conditions = status.conditions.iter();
        !conditions.any(|condition| condition.reason == "SecretNotPermitted")
    })
    .await;
}

#[tokio::test]
async fn an_image_that_is_not_permitted_is_final_at_once() {
    let tenant = Tenant::new().await;
    let mut spec = in_process();
    spec["workload"]["pulpTasks"]["dispatch"]["inProcess"]["image"] = json!("registry.example.com/other:1");
    tenant.test("run", spec).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message = test.until_condition(ConditionType::Accepted, ConditionStatus::False, "NotPermitted").await;
    assert!(message.contains("allow.images"), "{message}");
}
