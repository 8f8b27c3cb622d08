//! However a look fails, what its test holds is put back within a minute, and other tests go on.

use http::Request;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, ListParams};
use kube::client::Body;
use serde_json::json;
use throughput_api_tests::interrupted::{Instead, disturbed};
use throughput_api_tests::{Tenant, spec};
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest, Verdict};
use throughput_test_support::wait::eventually;

use crate::crashed::{left, start_generators};
use crate::found::Found;
use crate::operator::Operator;
use crate::watched::{Watched, condition, names};

/// A test whose looks fail.
const FAILING: &str = "failing";

/// Whether a request is for the whole of the failing test, and not for its metadata alone.
fn reads_the_test(request: &Request<Body>) -> bool {
    let accept = request.headers().get(http::header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == http::Method::GET
        && request.uri().path().ends_with(&format!("/throughputtests/{FAILING}"))
        && !accept.unwrap_or_default().contains("PartialObjectMetadata")
}

fn writes_its_status(request: &Request<Body>) -> bool {
    request.method() == http::Method::PUT
        && request.uri().path().ends_with(&format!("/throughputtests/{FAILING}/status"))
}

fn reads_the_service(request: &Request<Body>) -> bool {
    request.uri().path().ends_with("/services/pulp-api")
}

/// A test that drains while its looks fail in this way, and another one beside it: the first is restored and over, and
/// the second waits for its Service as it should. Returns the first.
async fn assert_rescued(
    is_it: impl Fn(&Request<Body>) -> bool + Send + Sync + 'static,
    instead: Instead,
) -> ThroughputTest {
    // Boxed, so that not each test carries all of it on its stack.
    Box::pin(rescued(is_it, instead)).await
}

async fn rescued(
    is_it: impl Fn(&Request<Body>) -> bool + Send + Sync + 'static,
    instead: Instead,
) -> ThroughputTest {
    let tenant = Tenant::new().await;
    let failing = left(&tenant, FAILING, Stage::Draining).await;
    start_generators(&tenant, &failing.facts).await;
    tenant.grant().await;
    let _operator = Operator::start_through(&tenant, |client| disturbed(client, is_it, instead));
    let found = || Found::look(&tenant, &failing.found.name);
    eventually("it is restored", found, |found| *found == failing.found).await;
    let tests: Api<ThroughputTest> = tenant.api();
    let after = eventually(
        "nothing holds it back",
        async || tests.get(FAILING).await.unwrap(),
        |test| test.finalizers().is_empty(),
    )
    .await;
    assert_eq!(names::<Lease>(&tenant).await, Vec::<String>::new());
    assert_eq!(names::<Job>(&tenant).await, Vec::<String>::new());
    let events: Api<Event> = tenant.api();
    let told = eventually(
        "it is told",
        async || events.list(&ListParams::default()).await.unwrap().items,
        |events| events.iter().any(|event| event.reason.as_deref() == Some("LookFailed")),
    );
    told.await;
    tenant.deployment("other-worker", 3).await;
    let mut spec = spec();
    spec["scale"][0]["ref"]["name"] = "other-worker".into();
    spec["targets"][0]["service"]["name"] = "other-api".into();
    tenant.test("other", spec).await;
    Watched { tenant: &tenant, name: "other" }.until_it_waits_for("ServiceNotFound").await;
    after
}

fn assert_over(test: &ThroughputTest) {
    let status = test.status.clone().unwrap();
    let finished = condition(&status, ConditionType::Finished);
    assert_eq!(finished, Some((ConditionStatus::True, "LookFailed")), "{status:#?}");
    assert_eq!((status.verdict, status.current), (Some(Verdict::Failed), None));
}

#[tokio::test]
async fn a_test_at_which_the_operator_panics_is_restored_and_over() {
    assert_over(&assert_rescued(reads_the_test, Instead::Panic).await);
}

#[tokio::test]
async fn a_test_of_another_version_is_restored_and_over() {
    let other = json!({
        "apiVersion": "perf.pulpproject.org/v1alpha1", "kind": "ThroughputTest",
        "metadata": {"name": FAILING}, "spec": {"scale": "another shape"},
    });
    assert_over(&assert_rescued(reads_the_test, Instead::Answer(200, other.to_string())).await);
}

/// What the API server answers to what it does not permit.
fn refusal(code: u16) -> Instead {
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "", "code": code});
    Instead::Answer(code, status.to_string())
}

#[tokio::test]
async fn a_test_of_which_the_operator_may_not_see_what_it_needs_is_restored_and_over() {
    let failing = assert_rescued(reads_the_service, refusal(403));
    assert_over(&failing.await);
}

#[tokio::test]
async fn a_test_whose_status_is_refused_for_good_is_restored() {
    let test = assert_rescued(writes_its_status, refusal(422)).await;
    let finished = condition(test.status.as_ref().unwrap(), ConditionType::Finished);
    assert_ne!(finished, Some((ConditionStatus::True, "LookFailed")), "nobody could say it");
}
