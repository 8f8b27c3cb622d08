//! Tasks that are dispatched in Pulp's own process, in a pod with the real Pulp's image and settings. The operator
//! has to be installed with `allow.images={localhost/throughput/*}`, as tests/demo/install does.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams};
use serde_json::{Value, json};
use throughput_crds::{ConditionType, SECRET_IMAGES_ANNOTATION, Verdict};
use throughput_e2e_tests::{Cluster, condition, sql};
use throughput_test_support::spec::WORKERS;

const RUN: Duration = Duration::from_mins(10);
const SOON: Duration = Duration::from_mins(2);
/// The Secret that the example names.
const SECRET: &str = "pulp-dispatch";

/// Makes the example's Secret of those that Pulp's own pods get; with the images that may be given it.
async fn make_secret(cluster: &Cluster, images: Option<&str>) {
    let secrets: Api<Secret> = cluster.api();
    let mut data = BTreeMap::new();
    for (key, secret, own_key) in [
        ("POSTGRES_PULP_PASSWORD", "pulp-postgres", "password"),
        ("REDIS_PASSWORD", "pulp-redis", "password"),
        ("DJANGO_SECRET_KEY", "pulp-keys", "django-secret-key"),
        ("database_fields.symmetric.key", "pulp-keys", "database_fields.symmetric.key"),
    ] {
        let found = secrets.get(secret).await.unwrap().data.unwrap();
        data.insert(key.to_owned(), ByteString(found[own_key].0.clone()));
    }
    let _ = secrets.delete(SECRET, &DeleteParams::default()).await;
    let metadata = ObjectMeta {
        name: Some(SECRET.to_owned()),
        annotations: images.map(|images| [(SECRET_IMAGES_ANNOTATION.to_owned(), images.to_owned())].into()),
        ..ObjectMeta::default()
    };
    let secret = Secret { metadata, data: Some(data), ..Secret::default() };
    secrets.create(&PostParams::default(), &secret).await.unwrap();
}

/// The example's spec, with the image that the workers run.
async fn example(cluster: &Cluster, tasks: u64, generators: &[u32]) -> Value {
    let mut spec = cluster.example("throughput-test-in-process.yaml", tasks).await["spec"].take();
    let image = cluster.pulps_image().await;
    spec["workload"]["pulpTasks"]["tasks"] = json!(tasks);
    spec["workload"]["pulpTasks"]["dispatch"]["inProcess"]["image"] = json!(image);
    spec["matrix"] = json!([{"name": "generators", "of": "Load", "values": generators}]);
    spec
}

#[tokio::test]
async fn exactly_the_wanted_tasks_are_dispatched_and_the_figures_equal_sql() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    make_secret(&cluster, Some("localhost/throughput/*")).await;
    cluster.create("e2e-in-process", example(&cluster, 301, &[1, 2]).await).await;
    let status = cluster.until_finished("e2e-in-process", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report("e2e-in-process").await;
    for (cell, generators) in [1, 2].iter().enumerate() {
        let figures = &report["cells"][cell];
        sql::assert_equal(figures).await;
        let requests = &figures["requests"];
        assert_eq!(figures["tasks"]["submitted"], json!(301), "dispatched exactly what was wanted");
        assert_eq!((&requests["generators"], &requests["sent"]), (&json!(generators), &json!(301)));
        assert_eq!(requests["latency"]["count"], json!(301), "each call is in the histogram");
        assert_eq!(requests["start"].is_object(), *generators > 1, "{requests:#}");
    }
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-in-process").await;
}

#[tokio::test]
async fn a_function_that_pulp_does_not_have_fails_the_cell_before_anything_is_dispatched() {
    let cluster = Cluster::connect().await;
    make_secret(&cluster, Some("localhost/throughput/*")).await;
    let mut spec = example(&cluster, 10, &[1]).await;
    spec["workload"]["pulpTasks"]["dispatch"]["inProcess"]["function"] =
        json!("pulpcore.app.tasks.test.no_such_task");
    cluster.create("e2e-no-function", spec).await;
    let status = cluster.until_finished("e2e-no-function", RUN).await;
    let result = &status.results[0];
    assert_eq!(result.reason.as_deref(), Some("GeneratorFailed"), "{status:#?}");
    let message = result.message.as_deref().unwrap();
    assert!(message.contains("Pulp cannot be used: AttributeError"), "{message}");
    assert_eq!(result.tasks_submitted, Some(0));
    cluster.assert_nothing_left("e2e-no-function").await;
}

#[tokio::test]
async fn a_secret_that_does_not_name_the_image_is_not_mounted() {
    let cluster = Cluster::connect().await;
    make_secret(&cluster, None).await;
    let mut spec = example(&cluster, 10, &[1]).await;
    spec["timeouts"] = json!({"start": "10s"});
    cluster.create("e2e-secret-not-permitted", spec).await;
    let status = cluster.until_finished("e2e-secret-not-permitted", SOON).await;
    let (_, reason, message) = condition(&status, ConditionType::TargetsReady).unwrap();
    assert_eq!(reason, "SecretNotPermitted", "{message}");
    assert!(message.contains(SECRET), "{message}");
    cluster.assert_nothing_left("e2e-secret-not-permitted").await;
}
