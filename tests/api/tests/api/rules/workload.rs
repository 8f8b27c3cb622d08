//! What is asked of the target: the workload, and how its tasks are dispatched.

use serde_json::{Value, json};

use super::{asked, assert_accepted, assert_refused_with, with, without};

#[tokio::test]
async fn defaults_of_dispatch_are_filled_in() {
    let dispatch = |kind: &str, value: Value| with("/workload/pulpTasks/dispatch", json!({kind: value}));
    let view = asked(dispatch("testView", json!({}))).await.unwrap();
    assert_eq!(
        view["spec"]["workload"]["pulpTasks"]["dispatch"],
        json!({"testView": {"path": "test/tasks/", "countField": "tasks_executed", "timeout": "1m"}})
    );
    let request = asked(dispatch("request", json!({"path": "api/v3/repair/"}))).await.unwrap();
    assert_eq!(
        request["spec"]["workload"]["pulpTasks"]["dispatch"],
        json!({"request": {"path": "api/v3/repair/", "method": "POST", "timeout": "30s"}})
    );
}

#[tokio::test]
async fn a_workload_of_no_kind_is_refused_with_the_kinds() {
    assert_refused_with(with("/workload", json!({})), "name the workload: pulpTasks").await;
}

#[tokio::test]
async fn a_workload_of_a_kind_that_is_not_known_is_refused_by_name() {
    let two = json!({"pulpTasks": {"tasks": 1}, "scenarios": {}});
    assert_refused_with(with("/workload", two), r#"unknown field "spec.workload.scenarios""#).await;
}

#[tokio::test]
async fn two_ways_to_dispatch_are_refused() {
    let two = json!({"testView": {}, "request": {"path": "a/"}});
    let words = "give one way to dispatch: testView, request or inProcess";
    assert_refused_with(with("/workload/pulpTasks/dispatch", two), words).await;
}

#[tokio::test]
async fn pulp_tasks_without_a_pulp_are_refused() {
    let words = "pulpTasks needs targets that are a Pulp: write pulp: {} in each target";
    assert_refused_with(without("/targets/0/pulp"), words).await;
}

#[tokio::test]
async fn pulp_tasks_without_workers_are_refused() {
    let words = "pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale";
    assert_refused_with(without("/scale"), words).await;
    assert_refused_with(with("/scale", json!([])), words).await;
}

#[tokio::test]
async fn a_path_that_could_lead_elsewhere_than_it_says_is_refused() {
    let paths = [
        "../pulp/users/",
        "a/../b/",
        "./a/",
        "a/./b/",
        "a//b/",
        "%2e%2e/a/",
        "a%2fb/",
        "a;b/",
        "a\\b/",
        "a\n/",
    ];
    for path in paths {
        for kind in ["testView", "request"] {
            let dispatch = with("/workload/pulpTasks/dispatch", json!({kind: {"path": path}}));
            let field = format!("spec.workload.pulpTasks.dispatch.{kind}.path");
            assert_refused_with(dispatch, &field).await;
        }
        assert_refused_with(
            with("/targets/0/pulp/apiRoot", json!(format!("/{path}"))),
            "spec.targets[0].pulp.apiRoot",
        )
        .await;
    }
    for kind in ["testView", "request"] {
        let plain = json!({kind: {"path": "api/v3/file_x-1/3.2~/"}});
        assert_accepted(with("/workload/pulpTasks/dispatch", plain)).await;
    }
}

/// A dispatch in Pulp's own process with this in place of what is at `pointer`.
fn in_process(field: &str, value: Value) -> Value {
    let mut dispatch = json!({"image": "localhost/pulp:1", "function": "pulpcore.app.tasks.test.sleep"});
    dispatch[field] = value;
    with("/workload/pulpTasks/dispatch", json!({"inProcess": dispatch}))
}

#[tokio::test]
async fn a_dispatch_in_process_is_refused_with_what_to_write_instead() {
    let empty = json!({"name": "A"});
    let both = json!({"name": "A", "value": "b", "secretKeyRef": {"name": "s", "key": "k"}});
    for (field, value, words) in [
        ("function", json!("sleep"), "inProcess.function"),
        ("function", json!("os.system('x')"), "inProcess.function"),
        ("runAsUser", json!(0), "inProcess.runAsUser"),
        ("env", json!([empty]), "give an environment variable a value, or a secretKeyRef to take it from"),
        ("env", json!([both]), "give an environment variable a value, or a secretKeyRef to take it from"),
        ("envFrom", json!([{}]), "give each entry of envFrom either a configMapRef or a secretRef"),
        ("mounts", json!([{"path": "/a"}]), "give each mount one of configMap, secret and empty: {}"),
        ("mounts", json!([{"path": "a", "empty": {}}]), "inProcess.mounts[0].path"),
        ("args", json!([1]), "inProcess.args"),
    ] {
        assert_refused_with(in_process(field, value), words).await;
    }
    assert_accepted(in_process("args", json!("[1]"))).await;
    let two = json!({"testView": {}, "inProcess": {"image": "i", "function": "a.b"}});
    let words = "give one way to dispatch: testView, request or inProcess";
    assert_refused_with(with("/workload/pulpTasks/dispatch", two), words).await;
}
