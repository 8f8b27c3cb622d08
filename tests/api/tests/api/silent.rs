//! Servers that take every request and never answer: one test's keeps no other test waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use kube::api::{Api, ListParams};
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_controller::cadence::turns::Lane;
use throughput_core::decide::Action;
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest};
use throughput_test_support::silent::Silent;
use throughput_test_support::wait::eventually;
use tokio::time::Instant;

use crate::actions::{self, act};
use crate::crashed::{facts, write_stage};
use crate::found::{As, Found};
use crate::operator::Operator;
use crate::refusals::{serve, spec_for};
use crate::watched::Watched;

/// More tests than may wait for a server at once, and than there were looks at once.
const CROWD: usize = 24;

/// A Pulp without tasks or workers, and how often it was asked.
async fn pulp() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let answer = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(r#"{"count": 0, "results": []}"#)
    };
    (serve(Router::new().fallback(answer)).await, asked)
}

/// A spec for this Pulp, which scales a Deployment to nine.
fn spec(url: &str, deployment: &str) -> Value {
    let mut spec = spec_for(url, json!({"method": "None"}));
    spec["scale"][0]["ref"]["name"] = deployment.into();
    spec["matrix"] = json!([{"name": "workers", "of": "Scale", "values": [9]}]);
    spec
}

/// A test of this Pulp that waits for its nine workers, of which it found three.
async fn scaled(tenant: &Tenant, name: &str, url: &str) -> Found {
    let deployment = format!("{name}-worker");
    let found = As::AppliedWithReplicas.create(tenant, &deployment).await;
    let test = tenant.test(name, spec(url, &deployment)).await;
    let actions = [Action::AddFinalizer, actions::claim(&[&deployment]), actions::scale(&deployment, 9)];
    act(&tenant.client, &facts(&test), &actions).await.unwrap();
    write_stage(tenant, name, Stage::ScalingWorkers).await;
    found
}

/// Many tests of this spec, each with workers of its own: none waits for another's turn.
async fn crowd(tenant: &Tenant, spec: &Value) {
    for number in 0..CROWD {
        let (name, mut spec) = (format!("silent-{number}"), spec.clone());
        let deployment = format!("{name}-worker");
        tenant.deployment(&deployment, 3).await;
        spec["scale"][0]["ref"]["name"] = deployment.into();
        tenant.test(&name, spec).await;
    }
}

/// How many of the crowd are over.
async fn over(tenant: &Tenant) -> usize {
    let tests: Api<ThroughputTest> = tenant.api();
    let tests = tests.list(&ListParams::default()).await.unwrap().items;
    tests.iter().filter(|test| test.status.as_ref().is_some_and(|status| status.verdict.is_some())).count()
}

/// A figure of the operator's own metrics.
async fn figure(operator: &Operator, line: &str) -> Option<u64> {
    let text =
        reqwest::get(format!("http://{}/metrics", operator.metrics())).await.ok()?.text().await.ok()?;
    text.lines().find_map(|metric| metric.strip_prefix(line)?.trim().parse().ok())
}

#[tokio::test]
async fn while_servers_are_silent_a_running_test_goes_on_and_is_restored_when_it_is_deleted() {
    let tenant = Tenant::new().await;
    let (silent, (good, asked)) = (Silent::start().await.unwrap(), pulp().await);
    let found = scaled(&tenant, "good", &good).await;
    let operator = Operator::start_permitting(&tenant, &[silent.url(), &good]).await;
    let count = async || asked.load(Ordering::Relaxed);
    eventually("the running test is looked at", count, |count| *count > 0).await;
    crowd(&tenant, &spec(silent.url(), "pulp-worker")).await;
    let places = Lane::Unproven.places();
    let waiting = async || silent.waiting();
    eventually("as many as may wait for the silent server", waiting, |waiting| *waiting >= places).await;
    let metric = "throughput_operator_tests_waiting_for_a_turn{lane=\"unproven\"} ";
    let told = async || figure(&operator, metric).await.unwrap_or_default();
    eventually("the metrics tell that tests wait", told, |count| *count > 0).await;
    let before = count().await;
    eventually("the running test goes on", count, |count| *count >= before + 3).await;
    let test = Watched { tenant: &tenant, name: "good" };
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(Found::look(&tenant, &found.name).await, found);
    assert_eq!(over(&tenant).await, 0, "the others still wait");
    eventually("the silent server is asked further", waiting, |waiting| *waiting > 0).await;
}

#[tokio::test]
async fn while_views_are_silent_another_test_begins_and_is_restored_when_it_is_deleted() {
    let tenant = Tenant::new().await;
    let under_way = Arc::new(AtomicUsize::new(0));
    let counted = under_way.clone();
    let view = get(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>()
    });
    let tasks = get(|| async { r#"{"count": 0, "results": []}"# });
    let app = Router::new().route("/pulp/api/v3/tasks/", tasks).route("/pulp/test/tasks/", view);
    let (url, (good, _)) = (serve(app).await, pulp().await);
    let _operator = Operator::start_permitting(&tenant, &[&url, &good]).await;
    let mut hostile = spec(&url, "pulp-worker");
    hostile["workload"]["pulpTasks"]["dispatch"] =
        json!({"testView": {"query": {"tasks": "5"}, "checkQuery": {"tasks": "0"}}});
    crowd(&tenant, &hostile).await;
    let asked = async || under_way.load(Ordering::Relaxed);
    let places = Lane::Check.places();
    eventually("as many views as may be asked", asked, |asked| *asked >= places).await;
    let found = As::AppliedWithReplicas.create(&tenant, "good-worker").await;
    tenant.test("good", spec(&good, "good-worker")).await;
    let test = Watched { tenant: &tenant, name: "good" };
    test.until("it has begun", |status| status.started_at.is_some()).await;
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(Found::look(&tenant, "good-worker").await, found);
    // In four minutes all of them have been asked.
    assert!(over(&tenant).await < CROWD, "the others still wait");
}

#[tokio::test]
async fn a_test_whose_own_server_is_silent_is_restored_at_once_when_it_is_deleted_or_aborted() {
    for ends in ["deleted", "aborted"] {
        let tenant = Tenant::new().await;
        let silent = Silent::start().await.unwrap();
        let found = scaled(&tenant, "run", silent.url()).await;
        let _operator = Operator::start_permitting(&tenant, &[silent.url()]).await;
        eventually("its server is asked", async || silent.waiting(), |waiting| *waiting > 0).await;
        let (test, began) = (Watched { tenant: &tenant, name: "run" }, Instant::now());
        if ends == "deleted" {
            test.delete().await;
            test.until_it_is_gone().await;
        } else {
            test.abort().await;
            test.until_condition(ConditionType::Finished, ConditionStatus::True, "Aborted").await;
        }
        assert!(began.elapsed() < Lane::Unproven.deadline(), "it was {ends} after its question had ended");
        assert_eq!(Found::look(&tenant, &found.name).await, found, "{ends}");
    }
}

#[tokio::test]
async fn a_test_whose_tasks_are_being_read_without_end_is_restored_when_it_is_deleted() {
    let tenant = Tenant::new().await;
    let silent = Silent::start().await.unwrap();
    let found = scaled(&tenant, "run", silent.url()).await;
    let tests: Api<ThroughputTest> = tenant.api();
    let now = jiff::Timestamp::now();
    let timeline = json!([{"stage": "Dispatching", "since": now}, {"stage": "Collecting", "since": now}]);
    let current = json!({"cell": 0, "attempt": 1, "stage": "Collecting", "timeline": timeline});
    let patch = kube::api::Patch::Merge(json!({"status": {"current": current}}));
    tests.patch_status("run", &kube::api::PatchParams::default(), &patch).await.unwrap();
    let operator = Operator::start_permitting(&tenant, &[silent.url()]).await;
    eventually("its tasks are read", async || silent.waiting(), |waiting| *waiting > 0).await;
    // More than one look, and one reading.
    let looks = async || {
        figure(&operator, "throughput_operator_reconciles_total{outcome=\"ok\"} ").await.unwrap_or_default()
    };
    eventually("it is looked at meanwhile", looks, |looks| *looks >= 2).await;
    let taken = figure(&operator, "throughput_operator_turns_taken{lane=\"collection\"} ").await;
    assert_eq!((taken, silent.waiting()), (Some(1), 1));
    let test = Watched { tenant: &tenant, name: "run" };
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(Found::look(&tenant, &found.name).await, found);
    eventually("nobody reads any more", async || silent.waiting(), |waiting| *waiting == 0).await;
}
