//! Load pods that the API server would not take: known by a dry run before anything is scaled.

use k8s_openapi::api::core::v1::LimitRange;

use super::*;

/// A Pulp without tasks.
async fn pulp() -> String {
    let tasks = get(|| async { r#"{"count": 0, "results": []}"# });
    serve(Router::new().route("/pulp/api/v3/tasks/", tasks)).await
}

/// Containers of this namespace have limits like these.
async fn limited(tenant: &Tenant, limits: Value) {
    let mut limit = json!({"type": "Container"});
    for (field, value) in limits.as_object().unwrap() {
        limit[field] = value.clone();
    }
    tenant.create::<LimitRange>(json!({"metadata": {"name": "small"}, "spec": {"limits": [limit]}})).await;
}

/// A test with these resources of its load pods, in a namespace with these limits.
async fn limited_run(limits: Value, resources: Value) -> (Tenant, Operator) {
    let url = pulp().await;
    let mut spec = spec_for(&url, json!({"method": "None"}));
    spec["load"] = json!({"generatorPod": {"resources": resources}});
    let tenant = Tenant::new().await;
    limited(&tenant, limits).await;
    tenant.deployment("pulp-worker", 3).await;
    tenant.test("run", spec).await;
    let operator = Operator::start_permitting(&tenant, &[&url]).await;
    (tenant, operator)
}

#[tokio::test]
async fn pods_that_a_limit_range_refuses_are_told_before_anything_is_scaled_and_waited_for() {
    let resources = json!({"requests": {"memory": "128Mi"}, "limits": {"memory": "256Mi"}});
    let (tenant, _operator) = limited_run(json!({"max": {"memory": "64Mi"}}), resources).await;
    let before = Found::look(&tenant, "pulp-worker").await;
    let test = watched(&tenant);
    let message = test.until_it_waits_for("GeneratorsRefused").await;
    assert!(message.starts_with("the load generators would not be started: "), "{message}");
    assert!(
        message.contains("maximum memory usage per Container is 64Mi"),
        "the API server's words: {message}"
    );
    assert_eq!(Found::look(&tenant, "pulp-worker").await, before);
    let ranges: Api<LimitRange> = tenant.api();
    ranges.delete("small", &DeleteParams::default()).await.unwrap();
    test.poke().await;
    test.until_condition(ConditionType::TargetsReady, ConditionStatus::True, "AllFound").await;
}

#[tokio::test]
async fn pods_within_a_limit_range_with_a_ratio_are_taken() {
    let resources =
        json!({"requests": {"memory": "64Mi", "cpu": "250m"}, "limits": {"memory": "256Mi", "cpu": "1"}});
    let ratio = json!({"maxLimitRequestRatio": {"memory": "4", "cpu": "4"}});
    let (tenant, _operator) = limited_run(ratio, resources).await;
    watched(&tenant).until_condition(ConditionType::TargetsReady, ConditionStatus::True, "AllFound").await;
}

#[tokio::test]
async fn a_label_that_nobody_permits_is_final_and_says_what_would_permit_it() {
    let mut spec = spec();
    spec["load"] = json!({"generatorPod": {"labels": {"app": "pulp-api"}}});
    let (tenant, _operator) = run(spec, &[]).await;
    let (type_, holds) = (ConditionType::Finished, ConditionStatus::True);
    let message = watched(&tenant).until_condition(type_, holds, "NotPermitted").await;
    assert_eq!(
        message,
        "the label of load pods app is not permitted here: the administrator of the operator permits it with --set 'allow.podLabels={app}'"
    );
}

#[tokio::test]
async fn a_job_and_its_pods_are_what_a_test_says() {
    let tenant = Tenant::new().await;
    let mut plan = plan(&tenant);
    plan.generator_pod = serde_json::from_value(json!({
        "labels": {"kueue.x-k8s.io/queue-name": "perf", "perf.pulpproject.org/test": "another"},
        "annotations": {"sidecar.istio.io/inject": "false"},
        "nodeSelector": {"pool": "load"},
        "tolerations": [{"key": "load", "operator": "Exists", "effect": "NoSchedule"}],
    }))
    .unwrap();
    let facts = facts(&tenant, "run");
    tenant.grant().await;
    act(&tenant.operators_client(), &facts, &[start_generators(&plan, &facts)]).await.unwrap();
    let jobs: Api<Job> = tenant.api();
    let job = jobs.list(&kube::api::ListParams::default()).await.unwrap().items.remove(0);
    let labels = job.metadata.labels.unwrap();
    assert_eq!(labels["kueue.x-k8s.io/queue-name"], "perf", "what queues Jobs looks at the Job");
    assert_eq!(labels["perf.pulpproject.org/test"], "run", "its own labels stay");
    let template = job.spec.unwrap().template;
    let metadata = template.metadata.unwrap();
    assert_eq!(metadata.annotations.unwrap()["sidecar.istio.io/inject"], "false");
    assert_eq!(metadata.labels.unwrap()["kueue.x-k8s.io/queue-name"], "perf");
    let pod = template.spec.unwrap();
    assert_eq!(pod.node_selector.unwrap()["pool"], "load");
    assert_eq!(pod.tolerations.unwrap()[0].effect.as_deref(), Some("NoSchedule"));
}
