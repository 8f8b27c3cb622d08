//! What `kubectl get throughputtests` shows.

use kube::Resource;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec};
use throughput_crds::ThroughputTest;

/// The columns' names and the first row's cells, as the API server gives them to `kubectl`.
async fn table(tenant: &Tenant) -> (Vec<Value>, Vec<Value>) {
    let request = http::Request::get(ThroughputTest::url_path(&(), Some(&tenant.namespace)))
        .header(http::header::ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(Vec::new())
        .unwrap();
    let table: Value = tenant.client.request(request).await.unwrap();
    let columns = table["columnDefinitions"].as_array().unwrap();
    // kubectl leaves out what has a priority, unless it is asked for `-o wide`.
    let shown: Vec<bool> = columns.iter().map(|column| column["priority"] == 0).collect();
    let of_shown = |cells: &[Value]| {
        cells.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(cell, _)| cell.clone()).collect()
    };
    let names: Vec<Value> = columns.iter().map(|column| column["name"].clone()).collect();
    (of_shown(&names), of_shown(table["rows"][0]["cells"].as_array().unwrap()))
}

#[tokio::test]
async fn the_columns_tell_where_a_run_is() {
    let tenant = Tenant::new().await;
    tenant.test("tasks-10k", spec()).await;
    let tests: Api<ThroughputTest> = tenant.api();
    let status = json!({"status": {
        "phase": "Running",
        "verdict": "Passed",
        "summary": {"cells": "2/6", "tasks": 12_611, "tasksPerSecond": "18.44", "p99": "412.7s"},
    }});
    tests.patch_status("tasks-10k", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    let (names, mut cells) = table(&tenant).await;
    assert_eq!(names, ["Name", "Phase", "Cells", "Tasks", "TPS", "P99", "Verdict", "Age"]);
    let age = cells.pop().unwrap();
    assert_eq!(
        cells,
        [
            json!("tasks-10k"),
            json!("Running"),
            json!("2/6"),
            json!(12_611),
            json!("18.44"),
            json!("412.7s"),
            json!("Passed")
        ]
    );
    assert!(age.as_str().is_some_and(|age| age.ends_with('s')), "{age}");
}

#[tokio::test]
async fn the_columns_of_a_new_test_are_empty() {
    let tenant = Tenant::new().await;
    tenant.test("tasks-10k", spec()).await;
    let (_, cells) = table(&tenant).await;
    assert_eq!(
        cells[..7],
        [json!("tasks-10k"), json!(null), json!(null), json!(null), json!(null), json!(null), json!(null)]
    );
}

#[tokio::test]
async fn tests_are_found_by_their_short_name_and_category() {
    let client = Tenant::another_client();
    let resources = client.list_api_group_resources("perf.pulpproject.org/v1alpha1").await.unwrap();
    let tests = resources.resources.iter().find(|resource| resource.name == "throughputtests").unwrap();
    assert_eq!(tests.short_names, Some(vec!["tt".to_owned()]));
    assert_eq!(tests.categories, Some(vec!["perf".to_owned()]));
}
