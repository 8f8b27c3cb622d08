//! Who may create a test gains nothing by it: each refusal, as its author sees it.

mod load_pods;
mod views;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_core::decide::Action;
use throughput_crds::{ConditionStatus, ConditionType, Verdict};
use throughput_test_support::first_cell;

use crate::actions::{act, facts, plan, start_generators};
use crate::found::Found;
use crate::operator::Operator;
use crate::watched::{Watched, condition};

const PASSWORD: &str = "canary-in-the-mine";

/// Serves an application on loopback until the test ends; returns its URL.
pub(crate) async fn serve(application: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, application).into_future());
    url
}

/// A spec for this URL, with these credentials.
pub(crate) fn spec_for(url: &str, credentials: Value) -> Value {
    let mut spec = spec();
    spec["targets"] = json!([{"name": "pulp", "url": url, "pulp": {}}]);
    spec["targets"][0]["credentials"] = credentials;
    spec
}

fn basic() -> Value {
    json!({"method": "Basic", "secretRef": {"name": "pulp-admin"}})
}

async fn secret(tenant: &Tenant, annotations: Value, data: Value) {
    let metadata = json!({"name": "pulp-admin", "annotations": annotations});
    tenant.create::<Secret>(json!({"metadata": metadata, "stringData": data})).await;
}

/// A namespace with workers, the test `run`, and an operator that may send requests to these URLs.
async fn run(spec: Value, permitted: &[&str]) -> (Tenant, Operator) {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    tenant.test("run", spec).await;
    let operator = Operator::start_permitting(&tenant, permitted).await;
    (tenant, operator)
}

fn watched(tenant: &Tenant) -> Watched<'_> {
    Watched { tenant, name: "run" }
}

#[tokio::test]
async fn a_url_that_nobody_permits_is_final_at_once_and_says_what_would_permit_it() {
    let (tenant, _operator) =
        run(spec_for("https://pulp.example.com", json!({"method": "None"})), &["https://other.example"])
            .await;
    let before = Found::look(&tenant, "pulp-worker").await;
    let test = watched(&tenant);
    let message = test.until_condition(ConditionType::Finished, ConditionStatus::True, "NotPermitted").await;
    assert_eq!(
        message,
        "the URL https://pulp.example.com is not permitted here: the administrator of the operator permits it with --set 'allow.urls={https://pulp.example.com}'"
    );
    let status = test.now().await.status.unwrap();
    assert_eq!(condition(&status, ConditionType::Accepted), Some((ConditionStatus::False, "NotPermitted")));
    assert_eq!(status.verdict, Some(Verdict::Failed));
    assert_eq!(Found::look(&tenant, "pulp-worker").await, before);
}

#[tokio::test]
async fn a_secret_goes_to_the_url_that_it_names_and_to_no_other() {
    let url = serve(Router::new().fallback(|| async { (StatusCode::UNAUTHORIZED, "who are you?") })).await;
    let (tenant, _operator) = run(spec_for(&url, basic()), &[&url]).await;
    let named = json!({
        "perf.pulpproject.org/for": "http://127.0.0.1:1", "perf.pulpproject.org/requests": "test-views",
    });
    secret(&tenant, named, json!({"username": "admin", "password": PASSWORD})).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("SecretNotPermitted").await;
    assert_eq!(
        message,
        format!(
            "the Secret pulp-admin does not say that it may be sent to the URL {url}: its owner annotates it with perf.pulpproject.org/for={url}"
        )
    );
    let secrets: Api<Secret> = tenant.api();
    let permit = json!({"metadata": {"annotations": {"perf.pulpproject.org/for": url}}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(permit)).await.unwrap();
    test.poke().await;
    let message = test.until_it_waits_for("PulpUnauthorized").await;
    assert!(message.ends_with("refused with status 401: who are you?"), "{message}");
}

#[tokio::test]
async fn a_header_without_its_key_is_named_and_with_it_is_sent() {
    let pulp = Router::new().route(
        "/pulp/api/v3/tasks/",
        get(|headers: HeaderMap| async move {
            let identity = headers.get("x-rh-identity").and_then(|value| value.to_str().ok());
            if identity == Some(PASSWORD) {
                // What is not as expected, and may be for the Secret's owner alone.
                (StatusCode::OK, format!("{{\"count\": \"{PASSWORD}\", \"results\": []}}")).into_response()
            } else {
                StatusCode::FORBIDDEN.into_response()
            }
        }),
    );
    let url = serve(pulp).await;
    let header = json!({"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "pulp-admin"}});
    let (tenant, _operator) = run(spec_for(&url, header), &[&url]).await;
    let annotations = json!({"perf.pulpproject.org/for": url, "perf.pulpproject.org/requests": "test-views"});
    secret(&tenant, annotations, json!({"username": "admin"})).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("SecretKeyMissing").await;
    assert_eq!(message, "the Secret pulp-admin has no text under the key value");
    let secrets: Api<Secret> = tenant.api();
    let value = json!({"stringData": {"value": PASSWORD}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(value)).await.unwrap();
    test.poke().await;
    let message = test.until_it_waits_for("NotAPulp").await;
    let told =
        "an answer that was not expected: status 200, and a body that is not the JSON that was expected";
    assert_eq!(message, format!("{url}/pulp/: {told}"));
}

#[tokio::test]
async fn a_request_that_changes_something_takes_the_secrets_owners_word() {
    let url = "http://127.0.0.1:1";
    let mut spec = spec_for(url, basic());
    spec["workload"]["pulpTasks"]["dispatch"] = json!({"request": {"path": "api/v3/users/", "body": "{\"username\": \"mallory\", \"is_superuser\": true}"}});
    let (tenant, _operator) = run(spec, &[url]).await;
    let data = json!({"username": "admin", "password": PASSWORD});
    secret(&tenant, json!({"perf.pulpproject.org/for": url}), data).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("RequestNotPermitted").await;
    assert_eq!(
        message,
        "the Secret pulp-admin does not say that POST /pulp/api/v3/users/ may be sent with it: its owner annotates it with perf.pulpproject.org/requests='POST /pulp/api/v3/users/'"
    );
    let secrets: Api<Secret> = tenant.api();
    let permit =
        json!({"metadata": {"annotations": {"perf.pulpproject.org/requests": "POST /pulp/api/v3/users/"}}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(permit)).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("PulpUnreachable").await;
}

#[tokio::test]
async fn without_credentials_a_request_that_changes_something_takes_the_services_owners_word() {
    let mut spec = spec();
    spec["workload"]["pulpTasks"]["dispatch"] =
        json!({"request": {"method": "DELETE", "path": "admin/all/", "body": "{\"sure\": true}"}});
    let (tenant, _operator) = run(spec, &[]).await;
    let service = json!({"metadata": {"name": "pulp-api"}, "spec": {"ports": [{"port": 24817}]}});
    tenant.create::<Service>(service).await;
    let test = watched(&tenant);
    test.poke().await;
    let message = test.until_it_waits_for("RequestNotPermitted").await;
    assert_eq!(
        message,
        "the Service pulp-api does not say that DELETE /pulp/admin/all/ may be sent to it without credentials: its owner annotates it with perf.pulpproject.org/requests='DELETE /pulp/admin/all/'"
    );
    let services: Api<Service> = tenant.api();
    let permit =
        json!({"metadata": {"annotations": {"perf.pulpproject.org/requests": "DELETE /pulp/admin/all/"}}});
    services.patch("pulp-api", &PatchParams::default(), &Patch::Merge(permit)).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("PulpUnreachable").await;
}

#[tokio::test]
async fn what_is_no_pulp_is_said_in_its_own_words() {
    let url = serve(Router::new().fallback(|| async { "<html>Welcome</html>" })).await;
    let (tenant, _operator) = run(spec_for(&url, json!({"method": "None"})), &[&url]).await;
    let message = watched(&tenant).until_it_waits_for("NotAPulp").await;
    assert!(message.starts_with(&format!("{url}/pulp/: an answer that was not expected: ")), "{message}");
}

#[tokio::test]
async fn an_answer_without_end_is_quoted_with_a_few_words() {
    let url = serve(
        Router::new().fallback(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "x".repeat(10_000_000)) }),
    )
    .await;
    let (tenant, _operator) = run(spec_for(&url, json!({"method": "None"})), &[&url]).await;
    let message = watched(&tenant).until_it_waits_for("PulpError").await;
    assert!(message.contains("status 500: xxx") && message.len() < 500, "{message}");
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed() {
    let elsewhere = serve(Router::new().fallback(|| async { "{\"count\": 0, \"results\": []}" })).await;
    let url = serve(Router::new().fallback(move || {
        let elsewhere = elsewhere.clone();
        async move { axum::response::Redirect::temporary(&elsewhere) }
    }))
    .await;
    let (tenant, _operator) = run(spec_for(&url, json!({"method": "None"})), &[&url]).await;
    let message = watched(&tenant).until_it_waits_for("NotAPulp").await;
    assert!(message.contains("status 307"), "{message}");
}

#[tokio::test]
async fn a_missing_service_and_a_missing_port_are_named() {
    let (tenant, _operator) = run(spec(), &[]).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("ServiceNotFound").await;
    assert_eq!(message, "there is no Service pulp-api in this namespace (targets)");
    let service = json!({"metadata": {"name": "pulp-api"}, "spec": {"ports": [{"port": 80}]}});
    tenant.create::<Service>(service).await;
    test.poke().await;
    let message = test.until_it_waits_for("ServicePortNotFound").await;
    assert_eq!(message, "the Service pulp-api has no port 24817 (service.port of the target); it has 80");
}

#[tokio::test]
async fn a_service_that_leads_out_of_the_cluster_is_refused() {
    let (tenant, _operator) = run(spec(), &[]).await;
    let outward =
        json!({"type": "ExternalName", "externalName": "metadata.example", "ports": [{"port": 24817}]});
    tenant.create::<Service>(json!({"metadata": {"name": "pulp-api"}, "spec": outward})).await;
    let test = watched(&tenant);
    test.poke().await;
    let message = test.until_it_waits_for("NotPermitted").await;
    assert!(message.starts_with("the Service pulp-api leads out of the cluster"), "{message}");
}

#[tokio::test]
async fn a_ca_bundle_that_is_not_there_or_is_none_is_named() {
    let mut spec = spec();
    spec["targets"][0]["service"]["scheme"] = json!("https");
    spec["targets"][0]["tls"] = json!({"caBundle": {"configMapRef": {"name": "our-ca"}}});
    let (tenant, _operator) = run(spec, &[]).await;
    let service = json!({"metadata": {"name": "pulp-api"}, "spec": {"ports": [{"port": 24817}]}});
    tenant.create::<Service>(service).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("CaBundleNotFound").await;
    assert_eq!(message, "there is no ConfigMap our-ca in this namespace (tls.caBundle)");
    tenant.create::<ConfigMap>(json!({"metadata": {"name": "our-ca"}, "data": {"other": "x"}})).await;
    test.poke().await;
    test.until_it_waits_for("CaBundleKeyMissing").await;
    let maps: Api<ConfigMap> = tenant.api();
    let broken =
        json!({"data": {"ca.crt": "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"}});
    maps.patch("our-ca", &PatchParams::default(), &Patch::Merge(broken)).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("CaBundleInvalid").await;
}

#[tokio::test]
async fn a_name_that_is_anothers_is_waited_for_and_never_written_to() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let theirs = json!({"metadata": {"name": "run-report"}, "data": {"report.md": "of somebody else"}});
    let before: ConfigMap = tenant.create(theirs).await;
    tenant.test("run", spec_for("http://127.0.0.1:1", json!({"method": "None"}))).await;
    let _operator = Operator::start_permitting(&tenant, &["http://127.0.0.1:1"]).await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("NameTaken").await;
    assert_eq!(
        message,
        "the ConfigMap run-report exists and does not belong to this test: delete it, or give the test another name"
    );
    let maps: Api<ConfigMap> = tenant.api();
    assert_eq!(maps.get("run-report").await.unwrap(), before);
    maps.delete("run-report", &DeleteParams::default()).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("PulpUnreachable").await;
}

/// The objects of the first cell of the test `run`, made by somebody else.
async fn strangers(tenant: &Tenant) -> (ConfigMap, Secret, Job) {
    let metadata = json!({"name": "run-cell-0-attempt-1", "labels": {"app": "theirs"}});
    let container = json!({"name": "main", "image": "localhost/theirs"});
    (
        tenant.create(json!({"metadata": metadata, "data": {"key": "theirs"}})).await,
        tenant.create(json!({"metadata": metadata, "stringData": {"token": "theirs"}})).await,
        tenant
            .create(json!({
                "metadata": metadata,
                "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}},
            }))
            .await,
    )
}

#[tokio::test]
async fn generators_are_not_started_in_anothers_name_nor_is_anything_of_it_deleted() {
    let tenant = Tenant::new().await;
    let before = strangers(&tenant).await;
    let facts = facts(&tenant, "run");
    let address = first_cell(&facts.uid);
    let start = start_generators(&plan(&tenant), &facts);
    let refused = act(&tenant.client, &facts, &[start]).await.unwrap_err().to_string();
    assert!(
        refused.starts_with("the ConfigMap run-cell-0-attempt-1 exists and does not belong"),
        "{refused}"
    );
    act(&tenant.client, &facts, &[Action::DeleteGenerators { address }]).await.unwrap();
    let after = (
        tenant.api::<ConfigMap>().get("run-cell-0-attempt-1").await.unwrap(),
        tenant.api::<Secret>().get("run-cell-0-attempt-1").await.unwrap(),
        tenant.api::<Job>().get("run-cell-0-attempt-1").await.unwrap(),
    );
    assert_eq!(after, before);
}
