//! An operator that was killed in the middle of a run, and started again.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, Pod, Secret};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_controller::process::run;
use throughput_controller::scaling::claim::{Claimant, claim_all};
use throughput_controller::scaling::orphans;
use throughput_controller::scaling::own_pods::OwnPods;
use throughput_core::decide::Action;
use throughput_core::identity::TestFacts;
use throughput_crds::{ConditionStatus, ConditionType, RESTORE_FINALIZER, Stage, ThroughputTest, Verdict};
use throughput_model::protocol::{self, Registration, StartAnswer};
use throughput_test_support::first_cell;
use throughput_test_support::spec::scaled;
use throughput_test_support::wait::eventually;

use crate::actions::{self, act};
use crate::found::{As, Found};
use crate::operator::{Operator, common_flags};
use crate::restricted;
use crate::watched::{Watched, condition, names};

/// A test as an operator left it that was killed: its workers claimed and scaled from three to nine.
pub(crate) struct Left {
    pub(crate) facts: TestFacts,
    pub(crate) found: Found,
}

pub(crate) fn facts(test: &ThroughputTest) -> TestFacts {
    TestFacts {
        namespace: test.namespace().unwrap(),
        name: test.name_any(),
        uid: test.uid().unwrap(),
        generation: test.metadata.generation,
    }
}

/// A spec that scales the Deployment of this name to nine.
fn spec_for(deployment: &str) -> Value {
    let mut spec = spec();
    spec["scale"][0]["ref"]["name"] = deployment.into();
    spec["matrix"] = json!([{"name": "workers", "of": "Scale", "values": [9]}]);
    spec
}

/// A spec that scales two Deployments.
fn spec_for_two() -> Value {
    let mut spec = spec();
    spec["scale"] = json!([scaled("api", "Deployment", "api"), scaled("workers", "Deployment", "worker"),]);
    spec
}

/// Makes a test that was left before it claimed two Deployments.
pub(crate) async fn left_claiming_two(tenant: &Tenant, name: &str) {
    for deployment in ["api", "worker"] {
        tenant.deployment(deployment, 3).await;
    }
    let test = tenant.test(name, spec_for_two()).await;
    act(&tenant.client, &facts(&test), &[Action::AddFinalizer]).await.unwrap();
    write_stage(tenant, name, Stage::Claiming).await;
}

/// Makes a test that was left in this stage.
pub(crate) async fn left(tenant: &Tenant, name: &str, stage: Stage) -> Left {
    let deployment = format!("{name}-worker");
    let found = As::AppliedWithReplicas.create(tenant, &deployment).await;
    let test = tenant.test(name, spec_for(&deployment)).await;
    let facts = facts(&test);
    let claim = [Action::AddFinalizer, actions::claim(&[&deployment]), actions::scale(&deployment, 9)];
    act(&tenant.client, &facts, &claim).await.unwrap();
    write_stage(tenant, name, stage).await;
    Left { facts, found }
}

pub(crate) async fn write_stage(tenant: &Tenant, name: &str, stage: Stage) {
    write_stage_since(tenant, name, stage, jiff::Timestamp::now()).await;
}

async fn write_stage_since(tenant: &Tenant, name: &str, stage: Stage, since: jiff::Timestamp) {
    let tests: Api<ThroughputTest> = tenant.api();
    let current =
        json!({"cell": 0, "attempt": 1, "stage": stage, "timeline": [{"stage": stage, "since": since}]});
    let status = json!({"status": {"observedGeneration": 1, "cells": {"total": 1, "finished": 0}, "current": current}});
    tests.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

pub(crate) async fn start_generators(tenant: &Tenant, facts: &TestFacts) {
    let start = actions::start_generators(&actions::plan(tenant), facts);
    act(&tenant.client, facts, &[start]).await.unwrap();
}

async fn assert_restored(tenant: &Tenant, found: &Found) {
    assert_eq!(&Found::look(tenant, &found.name).await, found);
    assert_eq!(names::<Lease>(tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_test_that_is_deleted_in_any_stage_is_restored_and_let_go() {
    let tenant = Tenant::new().await;
    let stages = [
        ("claiming", Stage::Claiming),
        ("emptying", Stage::EmptyingQueue),
        ("scaling", Stage::ScalingWorkers),
        ("starting", Stage::StartingGenerators),
        ("dispatching", Stage::Dispatching),
        ("draining", Stage::Draining),
        ("canceling", Stage::CancelingTasks),
        ("collecting", Stage::Collecting),
        ("restoring", Stage::Restoring),
    ];
    let mut all_left = Vec::new();
    for (name, stage) in stages {
        let left = left(&tenant, name, stage).await;
        start_generators(&tenant, &left.facts).await;
        Watched { tenant: &tenant, name }.delete().await;
        all_left.push(left);
    }
    let _operator = Operator::start(&tenant).await;
    for ((name, stage), left) in stages.iter().zip(&all_left) {
        let test = Watched { tenant: &tenant, name };
        if matches!(stage, Stage::Dispatching | Stage::Draining | Stage::CancelingTasks) {
            // There is no Pulp, so nobody can tell whether all is canceled: it is waited for, and then it is not.
            test.until_condition(ConditionType::Running, ConditionStatus::True, "ServiceNotFound").await;
            let some_time_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(10);
            write_stage_since(&tenant, name, Stage::CancelingTasks, some_time_ago).await;
        }
        test.until_it_is_gone().await;
        assert_eq!(Found::look(&tenant, &left.found.name).await, left.found, "{name}");
    }
    assert_eq!(names::<Lease>(&tenant).await, Vec::<String>::new());
    assert_eq!(names::<Job>(&tenant).await, Vec::<String>::new());
    assert_eq!(names::<Secret>(&tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_run_that_was_being_restored_is_restored_and_finished() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Restoring).await;
    start_generators(&tenant, &left.facts).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message = test.until_condition(ConditionType::Finished, ConditionStatus::True, "Failed").await;
    assert_eq!(message, "0 of 1 cells were followed to their end");
    let status = test.now().await.status.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Failed));
    assert_eq!(condition(&status, ConditionType::TargetsRestored), Some((ConditionStatus::True, "AsFound")));
    assert_restored(&tenant, &left.found).await;
    assert_eq!(names::<Job>(&tenant).await, Vec::<String>::new());
    eventually("the finalizer is gone", async || test.now().await.metadata.finalizers, Option::is_none).await;
}

#[tokio::test]
async fn a_finished_test_that_was_not_let_go_is_let_go() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::Restoring).await;
    let finished = json!({"status": {"conditions": [{
        "type": "Finished", "status": "True", "reason": "Passed", "message": "all is done", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }]}});
    let tests: Api<ThroughputTest> = tenant.api();
    tests.patch_status("run", &PatchParams::default(), &Patch::Merge(finished)).await.unwrap();
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    eventually("the finalizer is gone", async || test.now().await.metadata.finalizers, Option::is_none).await;
    assert_restored(&tenant, &left.found).await;
}

#[tokio::test]
async fn a_claim_that_was_half_made_is_completed() {
    let tenant = Tenant::new().await;
    tenant.deployment("api", 1).await;
    tenant.deployment("worker", 1).await;
    let facts = facts(&tenant.test("run", spec_for_two()).await);
    act(&tenant.client, &facts, &[actions::claim(&["api"])]).await.unwrap();
    write_stage(&tenant, "run", Stage::Claiming).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    test.until("the queue is looked at", |status| {
        status.current.as_ref().is_some_and(|current| current.stage == Stage::EmptyingQueue)
    })
    .await;
    assert_eq!(names::<Lease>(&tenant).await.len(), 2);
    assert_eq!(test.now().await.metadata.finalizers, Some(vec![RESTORE_FINALIZER.to_owned()]));
    test.delete().await;
    test.until_it_is_gone().await;
    assert_eq!(names::<Lease>(&tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_claim_that_was_half_made_and_cannot_be_completed_is_given_up_in_time() {
    let tenant = Tenant::new().await;
    let found = As::AppliedWithReplicas.create(&tenant, "api").await;
    tenant.deployment("worker", 1).await;
    let other = Claimant {
        namespace: tenant.namespace.clone(),
        test: "other".to_owned(),
        test_uid: "uid-of-other".to_owned(),
    };
    assert!(
        claim_all(
            &tenant.client,
            &actions::key(),
            &other,
            &actions::targets(&["worker"]),
            &OwnPods::default()
        )
        .await
        .unwrap()
    );
    let mut spec = spec_for_two();
    spec["timeouts"] = json!({"start": "2s"});
    let facts = facts(&tenant.test("run", spec).await);
    let claim = actions::claim(&["api"]);
    act(&tenant.client, &facts, &[Action::AddFinalizer, claim]).await.unwrap();
    write_stage(&tenant, "run", Stage::Claiming).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    test.until_condition(ConditionType::Finished, ConditionStatus::True, "TargetClaimed").await;
    let leases = async || names::<Lease>(&tenant).await;
    eventually("only the other test's claim is left", leases, |leases| leases.len() == 1).await;
    assert_eq!(Found::look(&tenant, "api").await, found);
    eventually("the finalizer is gone", async || test.now().await.metadata.finalizers, Option::is_none).await;
}

#[tokio::test]
async fn a_run_that_was_scaling_goes_on_scaling() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::ScalingWorkers).await;
    // As if it had been killed just before.
    act(&tenant.client, &left.facts, &[actions::scale(&left.found.name, 4)]).await.unwrap();
    let _operator = Operator::start(&tenant).await;
    eventually(
        "nine workers are wanted",
        async || Found::look(&tenant, &left.found.name).await.spec.replicas,
        |replicas| *replicas == Some(9),
    )
    .await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message = test.until_condition(ConditionType::Running, ConditionStatus::True, "ScalingWorkers").await;
    assert!(message.contains("run-worker has 0 of 9 replicas ready"), "{message}");
    test.delete().await;
    test.until_it_is_gone().await;
    assert_restored(&tenant, &left.found).await;
}

#[tokio::test]
async fn generators_that_registered_before_a_restart_are_started_after_it() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::StartingGenerators).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let operator = Operator::start(&tenant).await;
    let jobs: Api<Job> = tenant.api();
    let name = "run-cell-0-attempt-1";
    eventually("the Job is made", async || jobs.get_opt(name).await.unwrap(), Option::is_some).await;
    let token = token(&tenant, name).await;
    let path = protocol::prefix(&tenant.namespace, "run", &first_cell(&left.facts.uid), 0);
    let registration =
        Registration { pod_name: "pod".to_owned(), pod_uid: "uid".to_owned(), version: "1".to_owned() };
    // Until the operator listens and has looked at the test, a generator comes again.
    let call = async |operator: &Operator, call: &str, status: u16| {
        let url = format!("{}{path}/{call}", operator.collector_url());
        let request = async || {
            let client = reqwest::Client::new();
            let request =
                if call == "start" { client.get(&url) } else { client.post(&url).json(&registration) };
            let answer = request.bearer_auth(&token).send().await.ok()?;
            Some((answer.status().as_u16(), answer.text().await.ok()?))
        };
        let answered =
            |answer: &Option<(u16, String)>| answer.as_ref().is_some_and(|answer| answer.0 == status);
        eventually(&format!("{call} is answered {status}"), request, answered).await.unwrap().1
    };
    call(&operator, "register", 204).await;
    operator.kill();
    let operator = Operator::start_again(&tenant);
    let answer = call(&operator, "start", 200).await;
    let start: StartAnswer = serde_json::from_str(&answer).unwrap();
    assert!(matches!(start, StartAnswer::Start { .. }), "{start:?}");
    test.until("dispatching", |status| {
        status.current.as_ref().is_some_and(|current| current.stage == Stage::Dispatching)
    })
    .await;
}

/// The token that the cell's generators read from their Secret.
async fn token(tenant: &Tenant, name: &str) -> String {
    let secrets: Api<Secret> = tenant.api();
    let secret = secrets.get(name).await.unwrap();
    String::from_utf8(secret.data.unwrap()["token-0"].0.clone()).unwrap()
}

#[tokio::test]
async fn the_pods_of_generators_keep_to_the_restricted_pod_security_standard() {
    let tenant = Tenant::new().await;
    let left = left(&tenant, "run", Stage::StartingGenerators).await;
    start_generators(&tenant, &left.facts).await;
    let mut pod = restricted::pod_of(&tenant, "run-cell-0-attempt-1").await;
    tenant.dry_run::<Pod>(&pod).await.unwrap();
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = true.into();
    let refused = tenant.dry_run::<Pod>(&pod).await.unwrap_err();
    assert!(refused.contains("violates PodSecurity"), "{refused}");
}

#[tokio::test]
async fn before_it_is_uninstalled_the_operator_restores_everything_in_its_namespaces() {
    let (one, other, foreign) = (Tenant::new().await, Tenant::new().await, Tenant::new().await);
    let all_left = [
        (&one, left(&one, "draining", Stage::Draining).await),
        (&one, left(&one, "scaling", Stage::ScalingWorkers).await),
        (&other, left(&other, "dispatching", Stage::Dispatching).await),
    ];
    one.test("waiting", spec()).await;
    start_generators(&one, &all_left[0].1.facts).await;
    let others = left(&foreign, "run", Stage::Draining).await;
    // One whose test is gone already.
    let orphaned = As::ScaledByAnother.create(&other, "orphaned").await;
    let nobody = Claimant {
        namespace: other.namespace.clone(),
        test: "gone".to_owned(),
        test_uid: "uid-of-gone".to_owned(),
    };
    let (targets, own) = (actions::targets(&["orphaned"]), OwnPods::default());
    claim_all(&other.client, &actions::key(), &nobody, &targets, &own).await.unwrap();
    let flags = common_flags(&one.namespace, &[&one.namespace, &other.namespace]);
    run::restore(&one.client, &flags).await.unwrap();
    for (tenant, left) in &all_left {
        assert_restored(tenant, &left.found).await;
        assert_uninstalled(tenant, &left.facts).await;
    }
    let waiting = Watched { tenant: &one, name: "waiting" }.now().await.status;
    assert_eq!(
        waiting.and_then(|status| status.verdict),
        None,
        "what holds nothing waits for the next operator"
    );
    assert_eq!(Found::look(&other, "orphaned").await, orphaned);
    assert_eq!(Found::look(&foreign, &others.found.name).await.spec.replicas, Some(9));
    // Helm may run the hook again.
    run::restore(&one.client, &flags).await.unwrap();
}

async fn assert_uninstalled(tenant: &Tenant, facts: &TestFacts) {
    let status = Watched { tenant, name: &facts.name }.now().await.status.unwrap();
    assert_eq!((status.verdict, &status.current), (Some(Verdict::Aborted), &None), "{}", facts.name);
    assert_eq!(condition(&status, ConditionType::Finished), Some((ConditionStatus::True, "Uninstalled")));
    assert_eq!(condition(&status, ConditionType::TargetsRestored), Some((ConditionStatus::True, "AsFound")));
    let message = &status.conditions.iter().find(|one| one.type_ == ConditionType::Finished).unwrap().message;
    let names_tasks = message.contains(&first_cell(&facts.uid).correlation_id().to_string());
    assert_eq!(names_tasks, facts.name != "scaling", "{message}");
    assert_eq!(names::<Job>(tenant).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_namespace_that_is_deleted_in_the_middle_of_a_run_is_not_held_back() {
    let tenant = Tenant::new().await;
    left(&tenant, "run", Stage::Draining).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    test.until_condition(ConditionType::Running, ConditionStatus::True, "ServiceNotFound").await;
    // As Kubernetes does it: the namespace is marked, then all in it goes, the rights of the operator first.
    let namespaces: Api<Namespace> = Api::all(tenant.client.clone());
    namespaces.delete(&tenant.namespace, &DeleteParams::default()).await.unwrap();
    let bindings: Api<RoleBinding> = tenant.api();
    bindings.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    test.delete().await;
    test.until_it_is_gone().await;
}

#[tokio::test]
async fn what_a_test_had_claimed_that_was_removed_by_force_is_restored() {
    let tenant = Tenant::new().await;
    let forced = left(&tenant, "forced", Stage::Draining).await;
    let kept = left(&tenant, "kept", Stage::Draining).await;
    let tests: Api<ThroughputTest> = tenant.api();
    let force = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    tests.patch("forced", &PatchParams::default(), &force).await.unwrap();
    let test = Watched { tenant: &tenant, name: "forced" };
    test.delete().await;
    test.until_it_is_gone().await;
    orphans::restore(&tenant.client, &actions::key(), &tenant.namespace).await.unwrap();
    assert_eq!(Found::look(&tenant, &forced.found.name).await, forced.found);
    assert_eq!(Found::look(&tenant, &kept.found.name).await.spec.replicas, Some(9));
    assert_eq!(names::<Lease>(&tenant).await.len(), 1);
}
