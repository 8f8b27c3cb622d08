//! What the API server refuses by itself, and what it says instead.

use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use throughput_api_tests::{Tenant, spec, throughput_test};
use throughput_crds::ThroughputTest;

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

fn axis(of: &str, name: &str, values: Value) -> Value {
    let mut axis = json!({"name": name, "of": of});
    axis["values"] = values;
    axis
}

fn workers(values: Value) -> Value {
    axis("Scale", "workers", values)
}

fn concurrency(values: Value) -> Value {
    axis("Load", "concurrency", values)
}

fn numbers(count: usize) -> Value {
    (1..=count).collect::<Vec<_>>().into()
}

fn scale_entry(name: &str, deployment: &str) -> Value {
    json!({"name": name, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}})
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
    let filled_in = json!({
        "target": {
            "service": {"name": "pulp-api", "port": 24817, "scheme": "http"},
            "pulp": {"apiRoot": "/pulp/", "credentials": {"method": "None"}},
        },
        "scale": [scale_entry("workers", "pulp-worker")],
        "matrix": [],
        "repeat": 1,
        "workload": {"pulpTasks": {"tasks": 100, "procedure": "Sustained", "dispatch": {}, "cleanup": "None"}},
        "load": {"generators": 1, "concurrency": 1},
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
async fn a_source_that_lacks_something_is_refused_with_what_to_write() {
    let selector = json!({"app": "pulp"});
    let queries = |query: Value| json!({"prometheus": {"service": {"name": "prometheus", "port": 9090}, "queries": [query]}});
    for (observe, words) in [
        (json!({"rds": {"instance": "perf-db"}}), "rds needs to know the region: write observe.aws"),
        (
            json!({"logs": {"cloudWatch": [{"logGroup": "/aws/rds"}]}}),
            "logs.cloudWatch needs to know the region: write observe.aws",
        ),
        (json!({"logs": {}}), "name the logs: pods, cloudWatch, or both"),
        (
            json!({"pods": [{"name": "api", "selector": selector}, {"name": "api", "selector": selector}]}),
            "each name in observe.pods stands once",
        ),
        (
            json!({"provenance": {"expect": [{"deployment": "pulp-api"}]}}),
            "name one reference: like, another Deployment of this namespace, or containers",
        ),
        (queries(json!({"name": "cpu"})), "a query is one of range and instant"),
        (
            queries(json!({"name": "cpu", "range": "up", "instant": "up"})),
            "a query is one of range and instant",
        ),
        (json!({"prometheus": {"queries": [{"name": "up", "range": "up"}]}}), "name one: service"),
        (json!({"postgres": {}}), "spec.observe.postgres.secretRef: Required value"),
    ] {
        assert_refused_with(with("/observe", observe), words).await;
    }
}

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
async fn credentials_are_a_session_unless_said_otherwise() {
    let stored =
        asked(with("/target/pulp/credentials", json!({"secretRef": {"name": "pulp-admin"}}))).await.unwrap();
    assert_eq!(stored["spec"]["target"]["pulp"]["credentials"]["method"], "Session");
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    assert_refused_with(with("/wrokload", json!({})), r#"unknown field "spec.wrokload""#).await;
    assert_refused_with(with("/observe", json!({"weather": {}})), r#"unknown field "spec.observe.weather""#)
        .await;
}

#[tokio::test]
async fn a_spec_without_target_or_workload_is_refused_by_their_names() {
    assert_refused_with(without("/target"), "spec.target: Required value").await;
    assert_refused_with(without("/workload"), "spec.workload: Required value").await;
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
    let words =
        "pulpTasks needs target.pulp; write target.pulp: {credentials: …}, all else in it has defaults";
    assert_refused_with(without("/target/pulp"), words).await;
}

#[tokio::test]
async fn pulp_tasks_without_workers_are_refused() {
    let words = "pulpTasks needs to know the workers: name their Deployment or StatefulSet in scale";
    assert_refused_with(without("/scale"), words).await;
    assert_refused_with(with("/scale", json!([])), words).await;
}

#[tokio::test]
async fn credentials_without_a_secret_are_refused() {
    let words =
        "name the Secret that holds username and password in credentials.secretRef, or write method: None";
    assert_refused_with(without("/target/pulp/credentials"), words).await;
    assert_refused_with(with("/target/pulp/credentials", json!({"method": "Basic"})), words).await;
    let unused = json!({"method": "None", "secretRef": {"name": "pulp-admin"}});
    assert_refused_with(with("/target/pulp/credentials", unused), words).await;
}

#[tokio::test]
async fn a_target_is_a_service_or_a_url() {
    let words = "name one target: service, a Service of this namespace, or url";
    let target = |target: Value| {
        let mut spec = with("/target", target);
        spec["target"]["pulp"] = json!({"credentials": {"method": "None"}});
        spec
    };
    let service = json!({"name": "pulp-api", "port": 24817});
    assert_refused_with(target(json!({})), words).await;
    let both = json!({"service": service, "url": "https://pulp.example.com"});
    assert_refused_with(target(both), words).await;
    for url in ["https://pulp.example.com", "http://10.0.0.1:8080", "https://[fd00::1]:8443"] {
        assert_accepted(target(json!({"url": url}))).await;
    }
    for url in ["pulp.example.com", "https://pulp.example.com/", "https://a@b", "ftp://a", "https://a?b", ""]
    {
        assert_refused_with(target(json!({"url": url})), "spec.target.url").await;
    }
}

#[tokio::test]
async fn a_ca_bundle_is_for_an_encrypted_target() {
    let words = "a caBundle is for an encrypted target: write service.scheme: https";
    let target = |place: &str, value: Value| {
        let mut target = json!({"caBundle": {"configMapRef": {"name": "our-ca"}}});
        target["pulp"] = json!({"credentials": {"method": "None"}});
        target[place] = value;
        with("/target", target)
    };
    let service = |scheme: &str| target("service", json!({"name": "a", "port": 443, "scheme": scheme}));
    assert_refused_with(service("http"), words).await;
    assert_refused_with(target("url", json!("http://pulp.example.com")), words).await;
    assert_refused_with(service("gopher"), "spec.target.service.scheme").await;
    assert_accepted(target("url", json!("https://pulp.example.com"))).await;
    let stored = asked(service("https")).await.unwrap();
    assert_eq!(stored["spec"]["target"]["caBundle"]["configMapRef"]["key"], "ca.crt");
}

#[tokio::test]
async fn a_header_is_named_where_one_is_sent_and_only_there() {
    let words = "method: Header needs the header's name in credentials.header";
    let credentials = |method: &str, header: Value| {
        let mut credentials = json!({"method": method, "secretRef": {"name": "identity"}});
        credentials["header"] = header;
        with("/target/pulp/credentials", credentials)
    };
    let mut unnamed = credentials("Header", Value::Null);
    unnamed["target"]["pulp"]["credentials"].as_object_mut().unwrap().remove("header");
    assert_refused_with(unnamed, words).await;
    assert_refused_with(credentials("Session", json!("x-rh-identity")), words).await;
    assert_accepted(credentials("Header", json!("x-rh-identity"))).await;
    assert_accepted(credentials("Header", json!("Authorization"))).await;
    let own = "credentials.header is a header of the request itself";
    for header in ["Host", "content-length", "Correlation-ID", "Transfer-Encoding"] {
        assert_refused_with(credentials("Header", json!(header)), own).await;
    }
    let header = "spec.target.pulp.credentials.header";
    assert_refused_with(credentials("Header", json!("x: y")), header).await;
}

#[tokio::test]
async fn what_can_be_no_name_is_no_part_of_a_path() {
    for name in ["../secrets/pulp-admin", "a/b", "a?b", "a%2fb", "A", "-a"] {
        assert_refused_with(with("/scale/0/ref/name", json!(name)), "spec.scale[0].ref.name").await;
        let secret = json!({"secretRef": {"name": name}});
        let words = "spec.target.pulp.credentials.secretRef.name";
        assert_refused_with(with("/target/pulp/credentials", secret), words).await;
    }
}

#[tokio::test]
async fn only_deployments_and_stateful_sets_can_be_scaled() {
    let words = "only a Deployment or a StatefulSet can be scaled: write one of these kinds, with the apiVersion apps/v1";
    assert_accepted(with("/scale/0/ref/kind", json!("StatefulSet"))).await;
    assert_refused_with(with("/scale/0/ref/kind", json!("DaemonSet")), words).await;
    assert_refused_with(with("/scale/0/ref/apiVersion", json!("v1")), words).await;
}

#[tokio::test]
async fn what_is_scaled_is_named_once() {
    let same_name = json!([scale_entry("workers", "one"), scale_entry("workers", "other")]);
    assert_refused_with(with("/scale", same_name), "each name in scale stands once").await;
    let same_object = json!([scale_entry("workers", "one"), scale_entry("api", "one")]);
    assert_refused_with(with("/scale", same_object), "each object in scale stands once").await;
    assert_accepted(with("/scale", json!([scale_entry("workers", "one"), scale_entry("api", "other")])))
        .await;
}

#[tokio::test]
async fn an_axis_of_scale_needs_an_entry_of_scale() {
    let words = "an axis of: Scale is named after an entry of scale; no entry of scale has this axis's name";
    assert_refused_with(with("/matrix", json!([axis("Scale", "api", json!([1]))])), words).await;
    assert_accepted(with("/matrix", json!([workers(json!([1]))]))).await;
}

#[tokio::test]
async fn an_axis_of_load_varies_the_concurrency() {
    let words = "the load settings that an axis can vary are concurrency and generators";
    assert_refused_with(with("/matrix", json!([axis("Load", "users", json!([1]))])), words).await;
    assert_accepted(with("/matrix", json!([concurrency(json!([1, 10]))]))).await;
}

#[tokio::test]
async fn an_axis_of_load_varies_the_number_of_generators_up_to_64() {
    let generators = |values| with("/matrix", json!([axis("Load", "generators", values)]));
    assert_accepted(generators(json!([1, 64]))).await;
    assert_refused_with(generators(json!([1, 65])), "a cell has at most 64 generators").await;
}

#[tokio::test]
async fn an_axis_stands_once() {
    let twice = json!([workers(json!([1])), workers(json!([2]))]);
    assert_refused_with(with("/matrix", twice), "each axis of the matrix stands once").await;
}

#[tokio::test]
async fn the_values_of_an_axis_are_whole_numbers() {
    let words = "the values of a Scale or Load axis are whole numbers, written without quotes";
    assert_refused_with(with("/matrix", json!([workers(json!(["5"]))])), words).await;
    assert_refused_with(with("/matrix", json!([concurrency(json!([1, "many"]))])), words).await;
    assert_refused_with(with("/matrix", json!([workers(json!([1.5]))])), "spec.matrix[0].values[0]").await;
}

#[tokio::test]
async fn the_values_of_an_axis_are_not_too_large_or_too_small() {
    let words = "the values of an axis lie between 0 and 10000";
    assert_refused_with(with("/matrix", json!([workers(json!([-1]))])), words).await;
    assert_refused_with(with("/matrix", json!([workers(json!([10_001]))])), words).await;
    assert_accepted(with("/matrix", json!([workers(json!([1, 10_000]))]))).await;
    let none = with("/matrix", json!([concurrency(json!([0]))]));
    assert_refused_with(none, "a concurrency and a number of generators are at least 1").await;
}

#[tokio::test]
async fn each_value_of_an_axis_stands_once() {
    let words = "each value of an axis stands once; to measure a cell more often, set repeat";
    assert_refused_with(with("/matrix", json!([workers(json!([5, 10, 5]))])), words).await;
}

#[tokio::test]
async fn an_axis_has_values() {
    assert_refused_with(with("/matrix", json!([workers(json!([]))])), "spec.matrix[0].values").await;
}

#[tokio::test]
async fn a_matrix_without_axes_is_accepted() {
    assert_accepted(with("/matrix", json!([]))).await;
}

#[tokio::test]
async fn sixty_four_cells_are_accepted_and_more_are_refused() {
    let words = "the matrix has more than 64 cells (the product of its axes' values and repeat): measure fewer values, or split it into several tests";
    let matrix = |axes: Value, repeat: usize| {
        let mut spec = with("/matrix", axes);
        spec["repeat"] = repeat.into();
        spec
    };
    assert_accepted(matrix(json!([workers(numbers(64))]), 1)).await;
    assert_accepted(matrix(json!([workers(numbers(8)), concurrency(numbers(8))]), 1)).await;
    assert_accepted(matrix(json!([workers(numbers(4)), concurrency(numbers(8))]), 2)).await;
    assert_accepted(matrix(json!([]), 64)).await;
    assert_refused_with(matrix(json!([workers(numbers(13)), concurrency(numbers(5))]), 1), words).await;
    assert_refused_with(matrix(json!([workers(numbers(13))]), 5), words).await;
    assert_refused_with(matrix(json!([workers(numbers(65))]), 1), "spec.matrix[0].values").await;
    assert_refused_with(matrix(json!([]), 65), "spec.repeat").await;
}

#[tokio::test]
async fn a_criterion_has_one_bound() {
    let words = "give each criterion one bound: atLeast or atMost";
    let criterion = |bounds: Value| {
        let mut criterion = json!({"metric": "tasks.perSecond"});
        criterion.as_object_mut().unwrap().extend(bounds.as_object().unwrap().clone());
        with("/criteria", json!([criterion]))
    };
    assert_refused_with(criterion(json!({})), words).await;
    assert_refused_with(criterion(json!({"atLeast": "1", "atMost": "2"})), words).await;
    assert_accepted(criterion(json!({"atLeast": "0.99"}))).await;
    assert_accepted(criterion(json!({"atMost": "412"}))).await;
}

#[tokio::test]
async fn a_bound_is_a_decimal_in_quotes() {
    let bound = |bound: Value| with("/criteria", json!([{"metric": "tasks.perSecond", "atLeast": bound}]));
    assert_refused_with(bound(json!("fast")), "spec.criteria[0].atLeast").await;
    assert_refused_with(bound(json!(0.99)), "spec.criteria[0].atLeast").await;
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

#[tokio::test]
async fn what_is_out_of_range_is_refused_by_its_field() {
    for (pointer, value, words) in [
        ("/workload/pulpTasks/tasks", json!(0), "spec.workload.pulpTasks.tasks"),
        ("/workload/pulpTasks/tasks", json!(200_001), "spec.workload.pulpTasks.tasks"),
        ("/workload/pulpTasks/procedure", json!("Burst"), "spec.workload.pulpTasks.procedure"),
        ("/load", json!({"generators": 65}), "spec.load.generators"),
        ("/load", json!({"concurrency": 0}), "spec.load.concurrency"),
        ("/target/service/port", json!(0), "spec.target.service.port"),
        ("/target/service/name", json!("http://elsewhere"), "spec.target.service.name"),
        ("/target/pulp/apiRoot", json!("pulp"), "spec.target.pulp.apiRoot"),
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

#[tokio::test]
async fn the_spec_stays_as_it_was_created() {
    let tenant = Tenant::new().await;
    let tests: Api<ThroughputTest> = tenant.api();
    tenant.test("frozen", spec()).await;
    let changed = async |change: Value| {
        let answer = tests.patch("frozen", &PatchParams::default(), &Patch::Merge(change)).await;
        answer.map(|test| json!(test)).map_err(|error| error.to_string())
    };
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
    let changed = async |spec: Value| {
        let change = json!({"spec": spec});
        let answer = tests.patch("run", &PatchParams::default(), &Patch::Merge(change)).await;
        answer.map(|test| json!(test)).map_err(|error| error.to_string())
    };
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
