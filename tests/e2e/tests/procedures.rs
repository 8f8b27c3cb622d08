//! What a run can be besides one sustained load: a backlog, repeated, cleaned up, held, ended.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Phase, Stage, ThroughputTest, Verdict};
use throughput_e2e_tests::{Cluster, condition, sql};
use throughput_test_support::program;
use throughput_test_support::spec::{PulpSpec, WORKERS};

const RUN: Duration = Duration::from_mins(10);

fn spec(procedure: &str, workers: &[u32], tasks: u64, sleep: &str) -> Value {
    let mut spec = Value::from(PulpSpec::of(tasks).workers(workers).requests_of(50, sleep));
    spec["workload"]["pulpTasks"]["procedure"] = procedure.into();
    spec
}

async fn ask(cluster: &Cluster, name: &str, spec: Value) {
    let change = Patch::Merge(json!({"spec": spec}));
    cluster.api::<ThroughputTest>().patch(name, &PatchParams::default(), &change).await.unwrap();
}

async fn distributions() -> String {
    sql::one("select count(*) from core_distribution").await
}

#[tokio::test]
async fn a_backlog_is_drained_with_figures_that_equal_sql_and_what_its_tasks_made_is_gone() {
    let cluster = Cluster::connect().await;
    let before = (cluster.as_found(WORKERS).await, distributions().await);
    let example =
        std::fs::read_to_string(program::root().join("examples/throughput-test-backlog.yaml")).unwrap();
    cluster.delete("tasks-backlog").await;
    cluster.kubectl(&["apply", "--filename", "-"], &example).await.unwrap();
    let status = cluster.until_finished("tasks-backlog", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report("tasks-backlog").await;
    let cells = report["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 6);
    for cell in cells {
        sql::assert_equal(cell).await;
        assert_eq!(cell["tasks"]["submitted"], json!(40));
        assert_eq!(cell["cleanup"]["created"], json!(40));
        assert_eq!(cell["cleanup"]["left"], json!(0), "{cell:#}");
        // Nothing starts before everything is dispatched.
        let instant = |name: &str| cell["tasks"][name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        assert!(instant("firstStartedAt") > instant("lastCreatedAt"), "{cell:#}");
    }
    let repeats: Vec<usize> = status.repeats.iter().map(|repeats| repeats.cells.len()).collect();
    assert_eq!(repeats, [3, 3], "{status:#?}");
    assert_eq!((cluster.as_found(WORKERS).await, distributions().await), before, "as it was found");
    cluster.assert_nothing_left("tasks-backlog").await;
}

#[tokio::test]
async fn a_run_is_held_between_two_cells_with_everything_put_back_and_goes_on() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-held", spec("Sustained", &[1, 3], 50, "0")).await;
    cluster.until_stage("e2e-held", Stage::ScalingWorkers, RUN).await;
    ask(&cluster, "e2e-held", json!({"suspend": true})).await;
    let held = cluster
        .until_status("e2e-held", "the run is held", RUN, |status| {
            status.phase == Some(Phase::Suspended)
                && condition(status, ConditionType::TargetsRestored)
                    .is_some_and(|(holds, _, _)| holds == ConditionStatus::True)
        })
        .await;
    assert_eq!(held.results.len(), 1);
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-held").await;
    ask(&cluster, "e2e-held", json!({"suspend": false})).await;
    let status = cluster.until_finished("e2e-held", RUN).await;
    assert_eq!((status.verdict, status.results.len()), (Some(Verdict::Passed), 2), "{status:#?}");
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
}

#[tokio::test]
async fn an_aborted_backlog_leaves_no_task_and_everything_as_found() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-aborted", spec("Backlog", &[2], 200, "1")).await;
    cluster.until_stage("e2e-aborted", Stage::Draining, RUN).await;
    ask(&cluster, "e2e-aborted", json!({"abort": true})).await;
    let status = cluster.until_finished("e2e-aborted", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Aborted), "{status:#?}");
    assert_eq!(sql::unfinished().await, Some(0));
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-aborted").await;
}

/// What refuses the report of a test in the middle of its run: a rule of the cluster's administrator, say.
fn refusal_of(report: &str) -> String {
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "e2e-refused"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"],
            }]},
            "validations": [{"expression": format!("object.metadata.name != '{report}'"), "message": "no reports today"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "e2e-refused"},
        "spec": {"policyName": "e2e-refused", "validationActions": ["Deny"]},
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]}).to_string()
}

#[tokio::test]
async fn a_report_that_is_refused_for_good_costs_no_figures_and_everything_is_put_back() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.kubectl(&["apply", "--filename", "-"], &refusal_of("e2e-refused-report")).await.unwrap();
    let mut spec = spec("Sustained", &[1, 3], 50, "0");
    spec["timeouts"] = json!({"collect": "10s"});
    cluster.create("e2e-refused", spec).await;
    let status = cluster.until_finished("e2e-refused", RUN).await;
    let refusals = ["validatingadmissionpolicies", "validatingadmissionpolicybindings"];
    cluster.kubectl(&["delete", &refusals.join(","), "e2e-refused"], "").await.unwrap();
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    assert_eq!(status.report, None);
    assert_eq!(status.results.len(), 2);
    for result in &status.results {
        assert_eq!(result.tasks_completed, Some(50), "{result:#?}");
        let told = result.observations.iter().find(|words| words.contains("could not be written"));
        assert!(told.unwrap().contains("no reports today"), "{result:#?}");
        assert!(!told.unwrap().contains("Status {"), "{result:#?}");
    }
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.assert_nothing_left("e2e-refused").await;
}
