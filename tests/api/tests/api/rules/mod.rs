//! What the API server refuses by itself, and what it says instead.

mod changes;
mod figures;
mod matrix;
mod target;
mod workload;

use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec, throughput_test};
use throughput_crds::ThroughputTest;
use throughput_test_support::spec::scaled;

/// The shortest spec with this in place of what is at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = spec();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    spec.pointer_mut(parent).unwrap()[key] = value;
    spec
}

fn without(pointer: &str) -> Value {
    let mut spec = spec();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    spec.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key);
    spec
}

async fn asked(spec: Value) -> Result<Value, String> {
    Tenant::new().await.dry_run::<ThroughputTest>(&throughput_test("asked", spec)).await
}

#[track_caller]
fn assert_refused(answer: Result<Value, String>, words: &str) {
    match answer {
        Ok(stored) => panic!("accepted: {stored:#}"),
        Err(error) => assert!(error.contains(words), "refused with other words than {words:?}: {error}"),
    }
}

async fn assert_refused_with(spec: Value, words: &str) {
    assert_refused(asked(spec).await, words);
}

async fn assert_accepted(spec: Value) {
    asked(spec).await.unwrap();
}

#[tokio::test]
async fn the_shortest_spec_is_accepted() {
    assert_accepted(spec()).await;
}

#[tokio::test]
async fn every_example_is_accepted() {
    let tenant = Tenant::new().await;
    for (file, example) in crate::examples::all() {
        let answer = tenant.dry_run::<ThroughputTest>(&example).await;
        assert!(answer.is_ok(), "{file}: {answer:?}");
    }
}

#[tokio::test]
async fn defaults_are_filled_in() {
    let stored = asked(spec()).await.unwrap();
    let dispatch =
        json!({"testView": {"path": "test/tasks/", "countField": "tasks_executed", "timeout": "1m"}});
    let filled_in = json!({
        "targets": [{
            "name": "pulp",
            "service": {"name": "pulp-api", "port": 24817, "scheme": "http"},
            "credentials": {"method": "None"},
            "pulp": {"apiRoot": "/pulp/"},
        }],
        "scale": [scaled("workers", "Deployment", "pulp-worker")],
        "matrix": [],
        "repeat": 1,
        "workload": {"pulpTasks": {
            "tasks": 100, "procedure": "Sustained", "dispatch": dispatch, "cleanup": "None",
            "maxForeignWorkPercent": "1",
        }},
        "load": {"generators": 1},
        "observe": {"interval": "5s"},
        "criteria": [],
        "timeouts": {
            "start": "15m", "scale": "10m", "generatorStart": "5m", "dispatch": "30m", "drain": "2h",
            "cancel": "45m", "collect": "10m", "cleanup": "45m", "settle": "5m",
        },
        "suspend": false,
        "abort": false,
    });
    assert_eq!(stored["spec"], filled_in);
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    assert_refused_with(with("/wrokload", json!({})), r#"unknown field "spec.wrokload""#).await;
    assert_refused_with(with("/observe", json!({"weather": {}})), r#"unknown field "spec.observe.weather""#)
        .await;
}

#[tokio::test]
async fn a_spec_without_target_or_workload_is_refused_by_their_names() {
    assert_refused_with(without("/targets"), "spec.targets: Required value").await;
    assert_refused_with(without("/workload"), "spec.workload: Required value").await;
}

#[tokio::test]
async fn what_can_be_no_name_is_no_part_of_a_path() {
    for name in ["../secrets/pulp-admin", "a/b", "a?b", "a%2fb", "A", "-a"] {
        assert_refused_with(with("/scale/0/ref/name", json!(name)), "spec.scale[0].ref.name").await;
        let secret = json!({"secretRef": {"name": name}});
        let words = "spec.targets[0].credentials.secretRef.name";
        assert_refused_with(with("/targets/0/credentials", secret), words).await;
    }
}

#[tokio::test]
async fn a_duration_is_written_as_people_write_it() {
    let start = |text: &str| with("/timeouts", json!({"start": text}));
    for text in ["90s", "15m", "1h30m", "2h"] {
        assert_accepted(start(text)).await;
    }
    for text in ["5", "m5", "1.5h", "5m3h", ""] {
        assert_refused_with(start(text), "spec.timeouts.start").await;
    }
}

#[tokio::test]
async fn a_duration_out_of_its_bounds_is_refused_with_what_to_write() {
    let profile = |field: &str, text: &str| {
        let mut profile = json!({"selector": {"matchLabels": {"app": "pulp"}}});
        profile[field] = json!(text);
        with("/observe", json!({"profile": profile}))
    };
    let view = |text: &str| with("/workload/pulpTasks/dispatch", json!({"testView": {"timeout": text}}));
    for (spec, words) in [
        (
            with("/observe", json!({"interval": "0s"})),
            "interval: Invalid value: \"0s\": write a duration from 1s to 1h, ",
        ),
        (with("/observe", json!({"interval": "61m"})), "write a duration from 1s to 1h, as in 90s"),
        (with("/timeouts", json!({"drain": "0m"})), "spec.timeouts.drain"),
        (with("/timeouts", json!({"start": "999999h999999m999999s"})), "spec.timeouts.start"),
        (profile("duration", "16m"), "write a duration from 1s to 15m, "),
        (profile("delay", "25h"), "write a duration from 0s to 24h, "),
        (view("0s"), "spec.workload.pulpTasks.dispatch.testView.timeout"),
    ] {
        assert_refused_with(spec, words).await;
    }
    for spec in [
        with("/observe", json!({"interval": "1s"})),
        with("/observe", json!({"interval": "1h"})),
        with("/timeouts", json!({"drain": "168h"})),
        profile("delay", "0s"),
    ] {
        assert_accepted(spec).await;
    }
}

#[tokio::test]
async fn what_is_out_of_range_is_refused_by_its_field() {
    for (pointer, value, words) in [
        ("/workload/pulpTasks/tasks", json!(0), "spec.workload.pulpTasks.tasks"),
        ("/workload/pulpTasks/tasks", json!(200_001), "spec.workload.pulpTasks.tasks"),
        ("/workload/pulpTasks/procedure", json!("Burst"), "spec.workload.pulpTasks.procedure"),
        ("/load", json!({"generators": 65}), "spec.load.generators"),
        ("/load", json!({"concurrency": 0}), "spec.load.concurrency"),
        ("/targets/0/service/port", json!(0), "spec.targets[0].service.port"),
        ("/targets/0/service/name", json!("http://elsewhere"), "spec.targets[0].service.name"),
        ("/targets/0/pulp/apiRoot", json!("pulp"), "spec.targets[0].pulp.apiRoot"),
        ("/scale/0/name", json!("Pulp workers"), "spec.scale[0].name"),
    ] {
        assert_refused_with(with(pointer, value), words).await;
    }
}

#[tokio::test]
async fn a_long_name_is_refused_with_the_length_that_it_can_have() {
    let tenant = Tenant::new().await;
    let words =
        "the name of a ThroughputTest has at most 40 characters, so that its Jobs can be named after it";
    let named = async |length: usize| {
        tenant.dry_run::<ThroughputTest>(&throughput_test(&"n".repeat(length), spec())).await
    };
    named(40).await.unwrap();
    assert_refused(named(41).await, words);
    let mut generated = throughput_test("", spec());
    generated["metadata"] = json!({"generateName": "tasks-"});
    tenant.dry_run::<ThroughputTest>(&generated).await.unwrap();
}
