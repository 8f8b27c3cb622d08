//! What can be changed of a test that is there.

use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec, throughput_test};
use throughput_crds::ThroughputTest;

use super::assert_refused;

async fn change_to(tests: &Api<ThroughputTest>, name: &str, change: Value) -> Result<Value, String> {
    let answer = tests.patch(name, &PatchParams::default(), &Patch::Merge(change)).await;
    answer.map(|test| json!(test)).map_err(|error| error.to_string())
}

#[tokio::test]
async fn the_spec_stays_as_it_was_created() {
    let tenant = Tenant::new().await;
    let tests: Api<ThroughputTest> = tenant.api();
    tenant.test("frozen", spec()).await;
    let changed = async |change: Value| change_to(&tests, "frozen", change).await;
    let words = "the spec of a ThroughputTest cannot be changed but for suspend, abort and ttlSecondsAfterFinished: create another one (metadata.generateName gives it a name of its own)";
    assert_refused(changed(json!({"spec": {"repeat": 2}})).await, words);
    assert_refused(changed(json!({"spec": {"workload": {"pulpTasks": {"tasks": 5}}}})).await, words);
    changed(json!({"metadata": {"labels": {"team": "pulp"}}})).await.unwrap();
    changed(json!({"spec": {"repeat": 1}})).await.unwrap();
    let status = json!({"status": {"phase": "Running"}});
    let written = tests.patch_status("frozen", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    assert_eq!(written.metadata.generation, Some(1));
}

#[tokio::test]
async fn what_is_asked_of_a_run_on_its_way_can_be_changed_but_an_abort_stays() {
    let tenant = Tenant::new().await;
    let tests: Api<ThroughputTest> = tenant.api();
    tenant.test("run", spec()).await;
    let changed = async |spec: Value| change_to(&tests, "run", json!({"spec": spec})).await;
    changed(json!({"suspend": true})).await.unwrap();
    changed(json!({"suspend": false, "ttlSecondsAfterFinished": 600})).await.unwrap();
    changed(json!({"ttlSecondsAfterFinished": null})).await.unwrap();
    changed(json!({"abort": true})).await.unwrap();
    assert_refused(
        changed(json!({"abort": false})).await,
        "an abort cannot be taken back: create another test",
    );
    assert_refused(changed(json!({"ttlSecondsAfterFinished": -1})).await, "ttlSecondsAfterFinished");
}

#[tokio::test]
async fn a_status_cannot_be_given_with_the_spec() {
    let mut test = throughput_test("asked", spec());
    test["status"] = json!({"verdict": "Passed"});
    let stored = Tenant::new().await.dry_run::<ThroughputTest>(&test).await.unwrap();
    assert_eq!(stored.get("status"), None);
}
