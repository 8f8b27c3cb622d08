//! What a test waits for, what it does not wait for, and how it ends when nothing comes.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service};
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_core::decide::Action;
use throughput_crds::{ConditionStatus, ConditionType, Phase, ThroughputTest, Verdict};
use throughput_test_support::wait::eventually;

use crate::actions::{self, act, facts};
use crate::found::Found;
use crate::operator::Operator;
use crate::watched::{Watched, condition, names};

/// A spec whose Pulp asks for the password in the Secret `pulp-admin`.
fn spec_with_secret() -> Value {
    let mut spec = spec();
    spec["targets"][0]["credentials"] = json!({"secretRef": {"name": "pulp-admin"}});
    spec
}

/// Creates the test `run`, and an operator that carries it out.
async fn run(tenant: &Tenant, spec: Value) -> (Watched<'_>, Operator) {
    tenant.test("run", spec).await;
    (Watched { tenant, name: "run" }, Operator::start(tenant).await)
}

async fn secret(tenant: &Tenant, annotations: Value, data: Value) {
    let metadata = json!({"name": "pulp-admin", "annotations": annotations});
    tenant.create::<Secret>(json!({"metadata": metadata, "stringData": data})).await;
}

/// The Service under test, behind which nobody answers.
async fn service(tenant: &Tenant) {
    let spec = json!({"ports": [{"port": 24817}]});
    tenant.create::<Service>(json!({"metadata": {"name": "pulp-api"}, "spec": spec})).await;
}

async fn assert_nothing_is_left(tenant: &Tenant) {
    assert_eq!(names::<Lease>(tenant).await, Vec::<String>::new());
    assert_eq!(names::<Job>(tenant).await, Vec::<String>::new());
    assert_eq!(names::<ConfigMap>(tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_missing_deployment_is_waited_for() {
    let tenant = Tenant::new().await;
    let (test, _operator) = run(&tenant, spec_with_secret()).await;
    let message = test.until_it_waits_for("TargetNotFound").await;
    assert_eq!(message, "there is no Deployment pulp-worker in this namespace (scale entry workers)");
    let status = test.now().await.status.unwrap();
    assert_eq!((status.phase, status.observed_generation), (Some(Phase::Pending), Some(1)));
    assert_eq!(status.summary.cells.as_deref(), Some("0/1"));
    tenant.deployment("pulp-worker", 3).await;
    test.poke().await;
    test.until_it_waits_for("SecretNotFound").await;
}

#[tokio::test]
async fn a_missing_secret_is_waited_for_until_it_may_be_used() {
    let tenant = Tenant::new().await;
    service(&tenant).await;
    tenant.deployment("pulp-worker", 3).await;
    let (test, _operator) = run(&tenant, spec_with_secret()).await;
    let message = test.until_it_waits_for("SecretNotFound").await;
    assert_eq!(message, "there is no Secret pulp-admin in this namespace");
    secret(&tenant, json!({"perf.pulpproject.org/requests": "test-views"}), json!({"username": "admin"}))
        .await;
    test.poke().await;
    let message = test.until_it_waits_for("SecretNotPermitted").await;
    assert!(
        message.ends_with("its owner annotates it with perf.pulpproject.org/for=pulp-api:24817"),
        "{message}"
    );
    let secrets: Api<Secret> = tenant.api();
    let permit = json!({"metadata": {"annotations": {"perf.pulpproject.org/for": "pulp-api:24817"}}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(permit)).await.unwrap();
    test.poke().await;
    let message = test.until_it_waits_for("SecretKeyMissing").await;
    assert_eq!(message, "the Secret pulp-admin has no text under the key password");
    let password = json!({"stringData": {"password": "word"}});
    secrets.patch("pulp-admin", &PatchParams::default(), &Patch::Merge(password)).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("PulpUnreachable").await;
}

#[tokio::test]
async fn an_unreachable_pulp_is_waited_for_with_its_address_and_the_cause() {
    let tenant = Tenant::new().await;
    service(&tenant).await;
    tenant.deployment("pulp-worker", 3).await;
    let (test, _operator) = run(&tenant, spec()).await;
    let message = test.until_it_waits_for("PulpUnreachable").await;
    let address = format!("http://pulp-api.{}.svc:24817/pulp/", tenant.namespace);
    let cause = message.strip_prefix(&format!("{address}: "));
    assert!(cause.is_some_and(|cause| cause.len() > 20), "{message}");
}

#[tokio::test]
async fn an_autoscaler_is_refused_by_name_until_it_is_gone() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let autoscaler = json!({
        "metadata": {"name": "pulp-worker-cpu"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "pulp-worker"},
            "maxReplicas": 9,
        },
    });
    tenant.create::<HorizontalPodAutoscaler>(autoscaler).await;
    let (test, _operator) = run(&tenant, spec_with_secret()).await;
    let message = test.until_it_waits_for("TargetAutoscaled").await;
    assert!(
        message.starts_with("the HorizontalPodAutoscaler pulp-worker-cpu scales the Deployment pulp-worker"),
        "{message}"
    );
    let autoscalers: Api<HorizontalPodAutoscaler> = tenant.api();
    autoscalers.delete("pulp-worker-cpu", &kube::api::DeleteParams::default()).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("SecretNotFound").await;
}

#[tokio::test]
async fn a_deployment_that_another_test_claims_is_waited_for() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let other = facts(&tenant, "other");
    let claim = actions::claim(&["pulp-worker"]);
    act(&tenant.client, &other, &[claim]).await.unwrap();
    let (test, _operator) = run(&tenant, spec_with_secret()).await;
    let message = test.until_it_waits_for("TargetClaimed").await;
    let holder = format!("{}/other/uid-of-other", tenant.namespace);
    assert_eq!(message, format!("the Deployment pulp-worker is claimed by another test, {holder}"));
    act(&tenant.client, &other, &[Action::Restore]).await.unwrap();
    test.poke().await;
    test.until_it_waits_for("SecretNotFound").await;
}

#[tokio::test]
async fn a_test_does_not_wait_longer_than_it_was_told() {
    let tenant = Tenant::new().await;
    let mut spec = spec_with_secret();
    spec["timeouts"] = json!({"start": "2s"});
    let (test, _operator) = run(&tenant, spec).await;
    let message =
        test.until_condition(ConditionType::Finished, ConditionStatus::True, "TargetNotFound").await;
    assert!(message.contains("there is no Deployment pulp-worker"), "{message}");
    let ended = test.now().await;
    let status = ended.status.unwrap();
    assert_eq!((status.phase, status.verdict), (Some(Phase::Finished), Some(Verdict::Failed)));
    assert_eq!(
        condition(&status, ConditionType::Succeeded),
        Some((ConditionStatus::False, "TargetNotFound"))
    );
    assert_eq!(
        condition(&status, ConditionType::TargetsRestored),
        Some((ConditionStatus::True, "NothingScaled"))
    );
    assert_eq!((ended.metadata.finalizers, status.current, status.results), (None, None, Vec::new()));
    assert!(status.finished_at.is_some());
    assert_nothing_is_left(&tenant).await;
}

#[tokio::test]
async fn a_spec_that_can_never_be_carried_out_is_final_at_once() {
    let tenant = Tenant::new().await;
    let mut spec = spec_with_secret();
    spec["criteria"] = json!([{"metric": "tasks.speed", "atLeast": "1"}]);
    let (test, _operator) = run(&tenant, spec).await;
    let message = test.until_condition(ConditionType::Finished, ConditionStatus::True, "UnknownMetric").await;
    assert!(
        message.starts_with(r#"there is no figure "tasks.speed" to judge; there are: tasks.submitted, "#),
        "{message}"
    );
    let ended = test.now().await;
    let status = ended.status.unwrap();
    assert_eq!(condition(&status, ConditionType::Accepted), Some((ConditionStatus::False, "UnknownMetric")));
    assert_eq!((status.verdict, ended.metadata.finalizers), (Some(Verdict::Failed), None));
    assert_nothing_is_left(&tenant).await;
}

#[tokio::test]
async fn a_test_that_is_deleted_while_it_waits_leaves_nothing() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let found = Found::look(&tenant, "pulp-worker").await;
    let (test, _operator) = run(&tenant, spec_with_secret()).await;
    test.until_it_waits_for("SecretNotFound").await;
    test.delete().await;
    test.until_it_is_gone().await;
    assert_nothing_is_left(&tenant).await;
    assert_eq!(Found::look(&tenant, "pulp-worker").await, found);
}

#[tokio::test]
async fn an_operator_that_is_started_again_goes_on() {
    let tenant = Tenant::new().await;
    let (test, operator) = run(&tenant, spec_with_secret()).await;
    test.until_it_waits_for("TargetNotFound").await;
    operator.kill();
    let waited_since = test.now().await.status.unwrap().current.unwrap().timeline;
    tenant.deployment("pulp-worker", 3).await;
    let operator = Operator::start_again(&tenant);
    test.until_it_waits_for("SecretNotFound").await;
    assert_eq!(test.now().await.status.unwrap().current.unwrap().timeline, waited_since);
    operator.stop().await.unwrap();
}

#[tokio::test]
async fn an_operator_that_loses_the_lead_ends_with_an_error() {
    let tenant = Tenant::new().await;
    let (test, operator) = run(&tenant, spec_with_secret()).await;
    test.until_it_waits_for("TargetNotFound").await;
    let leases: Api<Lease> = tenant.api();
    let usurped = json!({"spec": {"holderIdentity": "usurper"}});
    leases.patch("throughput-operator", &PatchParams::default(), &Patch::Merge(usurped)).await.unwrap();
    let error = operator.ended().await.unwrap_err().to_string();
    assert!(error.contains("lead"), "{error}");
}

async fn ask(tenant: &Tenant, spec: Value) {
    let tests: Api<ThroughputTest> = tenant.api();
    tests.patch("run", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.unwrap();
}

#[tokio::test]
async fn a_suspended_test_begins_nothing_until_it_is_let() {
    let tenant = Tenant::new().await;
    let mut held = spec();
    held["suspend"] = json!(true);
    let (test, _operator) = run(&tenant, held).await;
    test.until_condition(ConditionType::Running, ConditionStatus::False, "Suspended").await;
    assert_eq!(test.now().await.status.unwrap().phase, Some(Phase::Suspended));
    assert_nothing_is_left(&tenant).await;
    ask(&tenant, json!({"suspend": false})).await;
    test.until_it_waits_for("TargetNotFound").await;
}

#[tokio::test]
async fn an_aborted_test_is_over_and_one_whose_time_has_passed_is_deleted() {
    let tenant = Tenant::new().await;
    let (test, _operator) = run(&tenant, spec()).await;
    test.until_it_waits_for("TargetNotFound").await;
    ask(&tenant, json!({"abort": true})).await;
    let status = test.until("it is over", |status| status.verdict.is_some()).await;
    assert_eq!((status.verdict, status.phase), (Some(Verdict::Aborted), Some(Phase::Finished)));
    assert_eq!(condition(&status, ConditionType::Finished), Some((ConditionStatus::True, "Aborted")));
    ask(&tenant, json!({"ttlSecondsAfterFinished": 0})).await;
    let tests: Api<ThroughputTest> = tenant.api();
    let gone = async || tests.get_opt("run").await.unwrap().is_none();
    eventually("the test is deleted", gone, |gone| *gone).await;
}

/// How many looks ended so, by the operator's own metrics.
async fn looks(operator: &Operator, outcome: &str) -> Option<u64> {
    let text =
        reqwest::get(format!("http://{}/metrics", operator.metrics())).await.ok()?.text().await.ok()?;
    let line = format!("reconciles_total{{outcome=\"{outcome}\"}} ");
    text.lines().find_map(|metric| metric.split_once(&line)?.1.parse().ok())
}

#[tokio::test]
async fn a_look_whose_action_is_refused_is_not_counted_among_those_that_went_well() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 3).await;
    let facts = crate::crashed::facts(&tenant.test("run", spec()).await);
    act(&tenant.client, &facts, &[Action::AddFinalizer, actions::claim(&["pulp-worker"])]).await.unwrap();
    // The name that the generators' Secret needs is another's.
    tenant.create::<Secret>(json!({"metadata": {"name": "run-cell-0-attempt-1"}})).await;
    let timeline = [json!({"stage": "StartingGenerators", "since": jiff::Timestamp::now()})];
    let current = json!({"cell": 0, "attempt": 1, "stage": "StartingGenerators", "timeline": timeline});
    let status = json!({"status": {"observedGeneration": 1, "cells": {"total": 1, "finished": 0}, "current": current}});
    let tests: Api<ThroughputTest> = tenant.api();
    tests.patch_status("run", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    test.until_condition(ConditionType::Running, ConditionStatus::Unknown, "NameTaken").await;
    let refused = async || looks(&operator, "apply").await.unwrap_or_default();
    eventually("a refused look is counted", refused, |count| *count > 0).await;
    let well = looks(&operator, "ok").await;
    eventually("it is tried again, twice", refused, |count| *count > 2).await;
    assert_eq!(looks(&operator, "ok").await, well);
}

#[tokio::test]
async fn the_operators_own_deployment_is_no_target_and_nothing_is_claimed_for_it() {
    let tenant = Tenant::new().await;
    tenant.deployment("pulp-worker", 1).await;
    // By its pod's labels, the Deployment of that name is the operator's.
    let pod = json!({
        "metadata": {"name": "throughput-operator-0", "labels": {"app": "pulp-worker", "pod-template-hash": "1"}},
        "spec": {"containers": [{"name": "operator", "image": "localhost/none"}]},
    });
    tenant.create::<Pod>(pod).await;
    let (test, _operator) = run(&tenant, spec()).await;
    let message = test.until_it_waits_for("TargetRefused").await;
    assert!(
        message.starts_with("the Deployment pulp-worker is the operator itself: nobody would put it back"),
        "{message}"
    );
    assert_nothing_is_left(&tenant).await;
}
