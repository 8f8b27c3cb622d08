//! What the sources of a run see, and that it outlives the operator.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;
use throughput_api_tests::{Tenant, spec};
use throughput_crds::{ConditionStatus, ConditionType, ThroughputTest};
use throughput_test_support::wait::eventually;

use crate::actions::{self, act};
use crate::crashed::start_generators;
use crate::found::As;
use crate::operator::Operator;
use crate::watched::Watched;

/// A run whose tasks are being drained, with a source that this API server has nothing for: it knows no metrics.
async fn draining(tenant: &Tenant) {
    let mut spec = spec();
    spec["scale"][0]["ref"]["name"] = "run-worker".into();
    spec["observe"] = json!({"interval": "1s", "pods": [{"name": "workers", "selector": {"matchLabels": {"app": "worker"}}}]});
    As::AppliedWithReplicas.create(tenant, "run-worker").await;
    let facts = crate::crashed::facts(&tenant.test("run", spec).await);
    let claim = [throughput_core::decide::Action::AddFinalizer, actions::claim(&["run-worker"])];
    act(&tenant.client, &facts, &claim).await.unwrap();
    start_generators(tenant, &facts).await;
    let now = jiff::Timestamp::now();
    let timeline = ["Dispatching", "Draining"].map(|stage| json!({"stage": stage, "since": now}));
    let current = json!({"cell": 0, "attempt": 1, "stage": "Draining", "timeline": timeline});
    let status = json!({"status": {"observedGeneration": 1, "cells": {"total": 1, "finished": 0}, "current": current}});
    let tests: Api<ThroughputTest> = tenant.api();
    tests.patch_status("run", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
}

#[tokio::test]
async fn what_a_source_cannot_see_is_a_condition_and_the_run_goes_on() {
    let tenant = Tenant::new().await;
    draining(&tenant).await;
    let _operator = Operator::start(&tenant).await;
    let test = Watched { tenant: &tenant, name: "run" };
    let message =
        test.until_condition(ConditionType::SourcesComplete, ConditionStatus::False, "Incomplete").await;
    assert!(message.starts_with("pods: MetricsApiMissing: "), "{message}");
    // There is no Pulp, so the run waits for that, and not for its sources.
    test.until_condition(ConditionType::Running, ConditionStatus::True, "ServiceNotFound").await;
}

#[tokio::test]
async fn what_the_sources_saw_outlives_the_operator_and_what_was_missed_is_said() {
    let tenant = Tenant::new().await;
    draining(&tenant).await;
    let operator = Operator::start(&tenant).await;
    let maps: Api<ConfigMap> = tenant.api();
    let kept = async || {
        let map = maps.get_opt("run-cell-0-attempt-1").await.unwrap();
        map.and_then(|map| map.binary_data).and_then(|mut data| data.remove("sources.json.gz"))
    };
    eventually("what was seen is stored", kept, Option::is_some).await;
    operator.kill();
    let _operator = Operator::start_again(&tenant);
    let test = Watched { tenant: &tenant, name: "run" };
    test.until("what was missed is said", |status| {
        status.conditions.iter().any(|condition| {
            condition.type_ == ConditionType::SourcesComplete
                && condition.message.contains("OperatorRestarted: the operator was started again")
                && condition.message.contains("MetricsApiMissing")
        })
    })
    .await;
}
