//! Views for tests, which are asked once before anything is scaled.

use std::sync::{Arc, Mutex};

use axum::extract::RawQuery;
use k8s_openapi::api::apps::v1::Deployment;

use super::*;

/// A spec whose load is a view that is asked, before anything is scaled, with a query of no time.
fn checked_spec(url: &str) -> Value {
    let mut spec = spec_for(url, json!({"method": "None"}));
    spec["workload"]["pulpTasks"]["dispatch"] = json!({"testView": {"checkQuery": {"timeout": "0"}}});
    spec
}

/// A Pulp without tasks, whose view for tests answers this.
async fn pulp_with_view(view: impl IntoResponse + Clone + Send + Sync + 'static) -> String {
    let tasks = get(|| async { r#"{"count": 0, "results": []}"# });
    let view = get(move |RawQuery(query): RawQuery| {
        let view = view.clone();
        async move {
            assert_eq!(query.as_deref(), Some("timeout=0"));
            view
        }
    });
    serve(Router::new().route("/pulp/api/v3/tasks/", tasks).route("/pulp/test/tasks/", view)).await
}

#[tokio::test]
async fn a_view_that_is_switched_off_is_known_before_anything_is_scaled() {
    let url = pulp_with_view((StatusCode::INTERNAL_SERVER_ERROR, "TEST_TASK_INGESTION is off")).await;
    let (tenant, _operator) = run(checked_spec(&url), &[&url]).await;
    let before = Found::look(&tenant, "pulp-worker").await;
    let test = watched(&tenant);
    let finished = (ConditionType::Finished, ConditionStatus::True, "TestViewFailed");
    let message = test.until_condition(finished.0, finished.1, finished.2).await;
    let words = format!("{url}/pulp/test/tasks/: status 500: TEST_TASK_INGESTION is off");
    assert_eq!(message, words);
    assert_eq!(Found::look(&tenant, "pulp-worker").await, before);
}

#[tokio::test]
async fn a_check_that_dispatches_ends_the_test_before_it_dispatches_again() {
    let url = pulp_with_view(r#"{"tasks_executed": 83}"#).await;
    let (tenant, _operator) = run(checked_spec(&url), &[&url]).await;
    let before = Found::look(&tenant, "pulp-worker").await;
    let test = watched(&tenant);
    let finished = (ConditionType::Finished, ConditionStatus::True, "CheckQueryDispatches");
    let message = test.until_condition(finished.0, finished.1, finished.2).await;
    assert!(message.contains("the view says that it dispatched tasks"), "{message}");
    assert!(!message.contains("83"), "the number of a field that the test chose: {message}");
    assert_eq!(Found::look(&tenant, "pulp-worker").await, before);
}

/// A Pulp that counts how often its view for tests is asked, and with which password.
async fn pulp_that_counts(asked: Arc<Mutex<Vec<Option<String>>>>) -> String {
    let tasks = get(|| async { r#"{"count": 0, "results": []}"# });
    let view = get(move |headers: HeaderMap| async move {
        let identity = headers.get("x-rh-identity").and_then(|value| value.to_str().ok()).map(str::to_owned);
        asked.lock().unwrap().push(identity);
        r#"{"tasks_executed": 0}"#
    });
    serve(Router::new().route("/pulp/api/v3/tasks/", tasks).route("/pulp/test/distributions/", view)).await
}

#[tokio::test]
async fn a_view_is_asked_with_a_secret_only_as_its_owner_permits_and_once_when_nothing_else_is_waited_for() {
    let asked: Arc<Mutex<Vec<Option<String>>>> = Arc::default();
    let url = pulp_that_counts(asked.clone()).await;
    let header = json!({"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "pulp-admin"}});
    let mut spec = spec_for(&url, header);
    spec["workload"]["pulpTasks"]["dispatch"] = json!({"testView": {"path": "test/distributions/", "query": {"tasks": "5"}, "checkQuery": {"tasks": "5"}}});
    let tenant = Tenant::new().await;
    tenant.test("run", spec).await;
    let _operator = Operator::start_permitting(&tenant, &[&url]).await;
    let test = watched(&tenant);
    let annotations = json!({"perf.pulpproject.org/for": url, "perf.pulpproject.org/requests": "test-views"});
    secret(&tenant, annotations, json!({"value": PASSWORD})).await;
    test.until_it_waits_for("TargetNotFound").await;
    tenant.deployment("pulp-worker", 3).await;
    test.poke().await;
    let message = test.until_it_waits_for("RequestNotPermitted").await;
    let request = "GET /pulp/test/distributions/";
    assert!(message.ends_with(&format!("perf.pulpproject.org/requests='{request}'")), "{message}");
    assert_eq!(*asked.lock().unwrap(), [], "nothing is sent before it is permitted");
    let deployments: Api<Deployment> = tenant.api();
    deployments.delete("pulp-worker", &DeleteParams::default()).await.unwrap();
    let secrets: Api<Secret> = tenant.api();
    let permit = json!({"metadata": {"annotations": {"perf.pulpproject.org/requests": request}}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(permit)).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("TargetNotFound").await;
    assert_eq!(*asked.lock().unwrap(), [], "nor while something else is waited for");
    tenant.deployment("pulp-worker", 3).await;
    test.poke().await;
    test.until("it has claimed its targets", |status| status.started_at.is_some()).await;
    assert_eq!(*asked.lock().unwrap(), [Some(PASSWORD.to_owned())]);
}

#[tokio::test]
async fn a_permission_that_is_withdrawn_ends_the_run_and_everything_is_put_back() {
    let url = pulp_that_counts(Arc::default()).await;
    let header = json!({"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "pulp-admin"}});
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let before = Found::look(&tenant, "pulp-worker").await;
    let annotations = json!({"perf.pulpproject.org/for": url, "perf.pulpproject.org/requests": "test-views"});
    secret(&tenant, annotations, json!({"value": PASSWORD})).await;
    tenant.test("run", spec_for(&url, header)).await;
    let _operator = Operator::start_permitting(&tenant, &[&url]).await;
    let test = watched(&tenant);
    test.until("it has claimed its targets", |status| status.started_at.is_some()).await;
    let secrets: Api<Secret> = tenant.api();
    let withdrawn = json!({"metadata": {"annotations": {"perf.pulpproject.org/for": null}}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(withdrawn)).await.unwrap();
    test.poke().await;
    let finished = (ConditionType::Finished, ConditionStatus::True, "Failed");
    let message = test.until_condition(finished.0, finished.1, finished.2).await;
    assert!(message.ends_with(&format!("perf.pulpproject.org/for={url}")), "{message}");
    assert_eq!(Found::look(&tenant, "pulp-worker").await, before);
}
