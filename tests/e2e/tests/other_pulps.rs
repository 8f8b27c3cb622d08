//! Pulps that are set up in another way than the one of the other tests: as they are found in the field.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, ThroughputTestStatus, Verdict};
use throughput_e2e_tests::outside::{remove_service, service};
use throughput_e2e_tests::{Cluster, condition, permit_urls, pulp_secret, secret_text, sql};
use throughput_server_tests::NginxServer;
use throughput_test_support::program;
use throughput_test_support::spec::{PulpSpec, WORKERS};

const NAME: &str = "e2e-other-pulp";
const RUN: Duration = Duration::from_mins(10);

fn spec() -> PulpSpec {
    PulpSpec::of(60).workers(&[1, 2]).requests_of(20, "0").at_least("tasks.successRatio", "1")
}

/// Installs Pulp with these parameters; without any, as the other tests find it.
async fn set_up(parameters: &[&str]) {
    let arguments: Vec<&str> = std::iter::once("up").chain(parameters.iter().copied()).collect();
    program::pulp(&arguments).await.unwrap();
}

async fn assert_measured(cluster: &Cluster, status: &ThroughputTestStatus) {
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report(NAME).await;
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 2);
    for cell in cells {
        sql::assert_equal(cell).await;
    }
}

#[tokio::test]
async fn a_pulp_with_domains_workers_of_redis_and_another_root_is_measured_and_left_as_found() {
    let cluster = Cluster::connect().await;
    set_up(&["--worker-type", "redis", "--domains", "--api-root", "/api/pulp/"]).await;
    let measured = AssertUnwindSafe(measure_with_domains(&cluster)).catch_unwind().await;
    // Whatever came of it, the other tests need Pulp as they know it.
    set_up(&[]).await;
    if let Err(panic) = measured {
        resume_unwind(panic);
    }
}

async fn measure_with_domains(cluster: &Cluster) {
    let before = cluster.as_found(WORKERS).await;
    let credentials = json!({"secretRef": {"name": "pulp-admin"}});
    let target = json!({
        "name": "pulp",
        "service": {"name": "pulp-api", "port": 24817},
        "credentials": credentials,
        "pulp": {"apiRoot": "/api/pulp/", "domain": "default"},
    });
    cluster.create(NAME, spec().with("targets", json!([target]))).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_measured(cluster, &status).await;
    assert_eq!(cluster.as_found(WORKERS).await, before, "as it was found");
    the_example_of_https(cluster).await;
}

/// What differs from the file is the Service's name, since Pulp's own has no encrypted port here, and what is dispatched.
async fn the_example_of_https(cluster: &Cluster) {
    const SERVICE: &str = "pulp-https";
    let name = format!("{SERVICE}.{}.svc", cluster.namespace);
    let nginx = NginxServer::start_at(cluster.host_address().await, &name, &upstream(cluster).await).await;
    service(cluster, SERVICE, 8443, (cluster.host_address().await, nginx.port())).await;
    pulp_secret(
        cluster,
        "pulp-identity",
        &format!("https://{SERVICE}:8443"),
        &json!({"value": identity(cluster).await}),
    )
    .await;
    authority(cluster, "our-ca", &nginx).await;
    let mut example = cluster.example("throughput-test-https.yaml", 60).await;
    example["spec"]["targets"][0]["service"]["name"] = json!(SERVICE);
    example["spec"]["workload"]["pulpTasks"]["dispatch"] =
        json!({"testView": {"query": {"tasks": "20", "sleep": "0"}, "tasksPerRequest": 20}});
    cluster.create(NAME, example["spec"].clone()).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    remove_service(cluster, SERVICE).await;
}

/// Where Pulp's API is found.
async fn upstream(cluster: &Cluster) -> String {
    let service = cluster.api::<Service>().get("pulp-api").await.unwrap();
    format!("{}:24817", service.spec.unwrap().cluster_ip.unwrap())
}

/// The administrator, as a header names him.
async fn identity(cluster: &Cluster) -> String {
    let user = secret_text(cluster, "pulp-admin", "username").await;
    let password = secret_text(cluster, "pulp-admin", "password").await;
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A `ConfigMap` with the certificates that are to be trusted.
async fn authority(cluster: &Cluster, name: &str, nginx: &NginxServer) {
    let params = PatchParams::apply("throughput-e2e-tests").force();
    let bundle = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"ca.crt": nginx.authority()},
    });
    cluster.api::<ConfigMap>().patch(name, &params, &Patch::Apply(&bundle)).await.unwrap();
}

#[tokio::test]
async fn a_pulp_whose_test_views_are_off_says_so_before_anything_is_scaled_and_is_measured_when_they_are_on()
{
    let cluster = Cluster::connect().await;
    set_up(&["--no-test-tasks"]).await;
    let refused = AssertUnwindSafe(refuse_without_views(&cluster)).catch_unwind().await;
    set_up(&[]).await;
    if let Err(panic) = refused {
        resume_unwind(panic);
    }
    // It was asked once, and ended the test: this is another.
    cluster.create(NAME, spec()).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_measured(&cluster, &status).await;
}

async fn refuse_without_views(cluster: &Cluster) {
    let before = cluster.as_found(WORKERS).await;
    let mut spec = Value::from(spec());
    spec["workload"]["pulpTasks"]["dispatch"]["testView"]["checkQuery"] = json!({"timeout": "0"});
    cluster.create(NAME, spec).await;
    let refused = "the view's refusal is told";
    let status = cluster
        .until_status(NAME, refused, RUN, |status| {
            condition(status, ConditionType::Finished).is_some_and(|(holds, reason, _)| {
                holds == ConditionStatus::True && reason == "TestViewFailed"
            })
        })
        .await;
    let (_, _, message) = condition(&status, ConditionType::Finished).unwrap();
    assert!(message.contains("TEST_TASK_INGESTION is off"), "{message}");
    assert_eq!(cluster.as_found(WORKERS).await, before, "nothing was scaled");
    cluster.assert_nothing_left(NAME).await;
}

#[tokio::test]
async fn an_encrypted_pulp_behind_nginx_that_takes_a_header_is_measured() {
    let cluster = Cluster::connect().await;
    let nginx = NginxServer::start_at(cluster.host_address().await, "nginx", &upstream(&cluster).await).await;
    permit_urls(&cluster, &[&nginx.url()]).await;
    pulp_secret(&cluster, NAME, &nginx.url(), &json!({"value": identity(&cluster).await})).await;
    authority(&cluster, "our-ca", &nginx).await;
    let credentials = json!({"method": "Header", "header": "authorization", "secretRef": {"name": NAME}});
    let target = json!({
        "name": "pulp", "url": nginx.url(), "tls": {"caBundle": {"configMapRef": {"name": "our-ca"}}},
        "credentials": credentials, "pulp": {},
    });
    cluster.create(NAME, spec().with("targets", json!([target]))).await;
    let status = cluster.until_finished(NAME, RUN).await;
    permit_urls(&cluster, &[]).await;
    assert_measured(&cluster, &status).await;
}
