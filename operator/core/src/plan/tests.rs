use std::collections::BTreeMap;

mod paths;
mod rejections;

use serde_json::{Value, json};
use throughput_crds::{Observe, Procedure, Scheme};
use throughput_model::cell::CellAddress;
use throughput_model::workload::{
    self, Authentication, Dispatch, DispatchRequest, Method, PulpEndpoint, TestView,
};

use super::*;
use crate::kinds::pulp_tasks::plan::PulpUnderTest;
use crate::plan::destination::{ConfigMapKey, Destination, Trust};
use crate::plan::generator_order::{CredentialsSource, GeneratorOrder};
use crate::source_catalog::fixture::OneSource;

/// A spec with nothing in it that has a default, changed at one place.
fn spec(pointer: &str, value: Value) -> ThroughputTestSpec {
    let mut spec = json!({
        "targets": [{"name": "pulp", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"secretRef": {"name": "pulp-admin"}}, "pulp": {}}],
        "scale": [scaled("workers", "pulp-worker")],
        "matrix": [],
        "workload": {"pulpTasks": {"tasks": 10000, "dispatch": {}}},
        "criteria": [],
    });
    *spec.pointer_mut(pointer).unwrap() = value;
    serde_json::from_value(spec).unwrap()
}

fn scaled(name: &str, deployment: &str) -> Value {
    json!({"name": name, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}})
}

fn planned(pointer: &str, value: Value) -> Plan {
    Plan::new("pulp", &spec(pointer, value), &Permissions::default(), &OneSource).unwrap()
}

/// What is planned of Pulp's tasks.
fn tasks(plan: &Plan) -> &PulpTasks {
    plan.pulp_tasks().unwrap()
}

/// The Pulp of the first cell.
fn under_test(plan: &Plan) -> &PulpUnderTest {
    plan.subject(0).unwrap().pulp
}

/// What is planned of the tasks of the shortest spec.
fn shortest() -> PulpTasks {
    PulpTasks {
        pulps: vec![PulpUnderTest {
            endpoint: PulpEndpoint {
                base_url: "http://pulp-api.pulp.svc:24817".to_owned(),
                api_root: "/pulp/".to_owned(),
                domain: None,
                authentication: Authentication::Session,
                username: None,
                verifies_certificate: true,
            },
            secret: Some("pulp-admin".to_owned()),
            dispatch: Dispatch::Request(DispatchRequest {
                method: Method::Post,
                path: "/pulp/api/v3/tasks/purge/".to_owned(),
                body: Some(
                    r#"{"finished_before": "1970-01-01T00:00:00Z", "states": ["skipped"]}"#.to_owned(),
                ),
                request_timeout_milliseconds: 60_000,
            }),
            view_check: None,
            needs_permission: None,
        }],
        workers: ScaledTarget { name: "workers".to_owned(), target: TargetName::deployment("pulp-worker") },
        tasks: 10_000,
        procedure: Procedure::Sustained,
        deletes_created: false,
        max_foreign_work_percent: "1".to_owned(),
        in_process: None,
    }
}

#[test]
fn the_shortest_spec_becomes_a_plan_with_every_default() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    assert_eq!(
        planned("/matrix", json!([])),
        Plan {
            targets: vec![PlannedTarget {
                name: "pulp".to_owned(),
                destination: Destination::Service {
                    name: "pulp-api".to_owned(),
                    port: 24_817,
                    scheme: Scheme::Http,
                },
                trust: Trust::default(),
            }],
            scale: vec![ScaledTarget {
                name: "workers".to_owned(),
                target: TargetName::deployment("pulp-worker")
            }],
            cells: vec![Cell {
                index: 0,
                repeat: 1,
                parameters: Vec::new(),
                replicas: BTreeMap::new(),
                concurrency: 1,
                generators: 1,
                target: 0,
            }],
            workload: Workload::PulpTasks(Box::new(shortest())),
            generator_pod: GeneratorPod::default(),
            observe: Observe::default(),
            is_watched: false,
            criteria: Vec::new(),
            repeat_criteria: Vec::new(),
            deadlines: Deadlines {
                start: minutes(15),
                scale: minutes(10),
                generator_start: minutes(5),
                dispatch: minutes(30),
                drain: minutes(120),
                cancel: minutes(45),
                collect: minutes(10),
                cleanup: minutes(45),
                settle: minutes(5),
            },
        }
    );
}

#[test]
fn a_request_is_sent_below_the_api_root_with_its_defaults() {
    let plan = planned("/workload/pulpTasks/dispatch", json!({"request": {"path": "api/v3/tasks/purge/"}}));
    assert_eq!(
        under_test(&plan).dispatch,
        Dispatch::Request(DispatchRequest {
            method: Method::Post,
            path: "/pulp/api/v3/tasks/purge/".to_owned(),
            body: None,
            request_timeout_milliseconds: 30_000,
        })
    );
}

#[test]
fn a_view_is_checked_with_the_query_that_dispatches_nothing() {
    let check = json!({"testView": {"query": {"tasks": "50"}, "checkQuery": {"timeout": "0"}}});
    let plan = planned("/workload/pulpTasks/dispatch", check);
    let Dispatch::TestView(view) = &under_test(&plan).dispatch else {
        panic!("{:?}", under_test(&plan).dispatch)
    };
    assert_eq!(view.query, BTreeMap::from([("tasks".to_owned(), "50".to_owned())]));
    let query = BTreeMap::from([("timeout".to_owned(), "0".to_owned())]);
    assert_eq!(under_test(&plan).view_check, Some(TestView { query, ..view.clone() }));
}

#[test]
fn an_image_that_is_not_permitted_does_not_become_a_plan() {
    let in_process = json!({"inProcess": {"image": "localhost/pulp:1", "function": "a.b"}});
    let spec = spec("/workload/pulpTasks/dispatch", in_process);
    let rejection = Plan::new("pulp", &spec, &Permissions::default(), &OneSource).unwrap_err();
    let message = "the image localhost/pulp:1 is not permitted here: the administrator of the operator permits it with --set 'allow.images={localhost/pulp:1}'";
    assert_eq!((rejection.reason().as_str(), rejection.to_string().as_str()), ("NotPermitted", message));
}

#[test]
fn what_is_written_of_a_dispatch_is_kept() {
    let view = json!({"path": "perf/", "query": {"n": "5"}, "countField": "n", "tasksPerRequest": 5, "timeout": "2m"});
    assert_eq!(
        under_test(&planned("/workload/pulpTasks/dispatch", json!({"testView": view}))).dispatch,
        Dispatch::TestView(TestView {
            path: "/pulp/perf/".to_owned(),
            query: BTreeMap::from([("n".to_owned(), "5".to_owned())]),
            count_field: "n".to_owned(),
            tasks_per_request: Some(5),
            request_timeout_milliseconds: 120_000,
        })
    );
    for (written, method) in [
        ("GET", Method::Get),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("PATCH", Method::Patch),
        ("DELETE", Method::Delete),
    ] {
        let request = json!({"path": "a", "method": written, "body": "{}", "timeout": "5s"});
        let expected = DispatchRequest {
            method,
            path: "/pulp/a".to_owned(),
            body: Some("{}".to_owned()),
            request_timeout_milliseconds: 5_000,
        };
        let plan = planned("/workload/pulpTasks/dispatch", json!({"request": request}));
        assert_eq!(under_test(&plan).dispatch, Dispatch::Request(expected));
    }
}

#[test]
fn the_only_thing_that_is_scaled_is_the_workers_and_of_several_the_one_of_that_name() {
    let entries = |names: &[&str]| -> Value {
        names.iter().map(|name| scaled(name, &format!("pulp-{name}"))).collect()
    };
    assert_eq!(tasks(&planned("/scale", entries(&["queue"]))).workers.name, "queue");
    let plan = planned("/scale", entries(&["content", "workers"]));
    assert_eq!(tasks(&plan).workers, plan.scale[1]);
}

#[test]
fn a_stateful_set_can_be_scaled_too() {
    let plan = planned("/scale/0/ref/kind", json!("StatefulSet"));
    let target = TargetName { kind: TargetKind::StatefulSet, name: "pulp-worker".to_owned() };
    assert_eq!(plan.scale, [ScaledTarget { name: "workers".to_owned(), target }]);
}

#[test]
fn the_order_of_a_cell_says_all_that_its_generators_take() {
    let plan = planned("/matrix", json!([{"name": "concurrency", "of": "Load", "values": [1, 7]}]));
    let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 1, attempt: 1 };
    let workload = workload::Workload::PulpTasks(Box::new(workload::PulpTasks {
        pulp: under_test(&plan).endpoint.clone(),
        correlation_id: address.correlation_id(),
        tasks: 10_000,
        concurrency: 7,
        dispatch: under_test(&plan).dispatch.clone(),
        dispatch_deadline_milliseconds: 1_800_000,
    }));
    let expected = GeneratorOrder {
        address: address.clone(),
        generators: 1,
        workload,
        in_process: None,
        credentials: Some(CredentialsSource {
            secret: "pulp-admin".to_owned(),
            keys: &["username", "password"],
        }),
        trust: Trust::default(),
        pod: GeneratorPod::default(),
        lifetime: Duration::from_mins(35),
    };
    assert_eq!(plan.order(&plan.cells[1], &address), expected);
}

#[test]
fn an_encrypted_service_is_trusted_by_the_bundle_that_is_named() {
    let bundle = json!({"configMapRef": {"name": "our-ca"}});
    let service = json!({"name": "pulp-api", "port": 443, "scheme": "https"});
    let pulp = json!({"apiRoot": "/api/pulp/", "domain": "team-a"});
    let shown = json!({"secretRef": {"name": "pulp-mtls"}});
    let plan = planned(
        "/targets",
        json!([{
            "name": "pulp", "service": service, "tls": {"caBundle": bundle, "clientCertificate": shown},
            "credentials": {"method": "None"}, "pulp": pulp,
        }]),
    );
    let trust = Trust {
        ca_bundle: Some(ConfigMapKey { name: "our-ca".to_owned(), key: "ca.crt".to_owned() }),
        client_certificate: Some("pulp-mtls".to_owned()),
        verifies: true,
    };
    assert_eq!(plan.targets[0].trust, trust);
    assert_eq!(
        under_test(&plan).endpoint,
        PulpEndpoint {
            base_url: "https://pulp-api.pulp.svc:443".to_owned(),
            api_root: "/api/pulp/".to_owned(),
            domain: Some("team-a".to_owned()),
            authentication: Authentication::None,
            username: None,
            verifies_certificate: true,
        }
    );
}

#[test]
fn a_url_is_a_target_only_where_the_administrator_permits_it() {
    let target = |url: &str| {
        spec("/targets", json!([{"name": "pulp", "url": url, "credentials": {"method": "None"}, "pulp": {}}]))
    };
    let permissions = Permissions::new(&["https://pulp.example.com".to_owned()], &[]);
    let plan = Plan::new("pulp", &target("https://pulp.example.com"), &permissions, &OneSource).unwrap();
    assert_eq!(plan.targets[0].destination, Destination::Url("https://pulp.example.com".to_owned()));
    assert_eq!(under_test(&plan).endpoint.base_url, "https://pulp.example.com");
    let rejection =
        Plan::new("pulp", &target("https://other.example.com"), &permissions, &OneSource).unwrap_err();
    assert_eq!(rejection.reason(), "NotPermitted");
    assert_eq!(
        rejection.to_string(),
        "the URL https://other.example.com is not permitted here: the administrator of the operator permits it with --set 'allow.urls={https://other.example.com}'"
    );
}

#[test]
fn a_header_that_authenticates_is_the_one_that_is_named() {
    let header = json!({"method": "Header", "header": "x-rh-identity", "secretRef": {"name": "identity"}});
    let plan = planned("/targets/0/credentials", header);
    let header = Authentication::Header { name: "x-rh-identity".to_owned() };
    assert_eq!(under_test(&plan).endpoint.authentication, header);
    assert_eq!(under_test(&plan).secret.as_deref(), Some("identity"));
}

#[test]
fn an_axis_of_targets_sends_the_load_of_each_cell_to_another_one() {
    let targets = json!([
        {"name": "inside", "service": {"name": "pulp-api", "port": 24817}, "credentials": {"method": "None"}, "pulp": {}},
        {"name": "unused", "service": {"name": "other", "port": 80}, "credentials": {"method": "None"}, "pulp": {}},
        {"name": "gateway", "service": {"name": "gateway", "port": 8080}, "credentials": {"method": "None"},
         "pulp": {"apiRoot": "/api/pulp/"}},
    ]);
    let mut spec = spec("/targets", targets);
    let axis = json!([{"name": "by", "of": "Target", "values": ["gateway", "inside"]}]);
    spec.matrix = serde_json::from_value(axis).unwrap();
    let plan = Plan::new("pulp", &spec, &Permissions::default(), &OneSource).unwrap();
    let path = |cell| match &plan.subject(cell).unwrap().pulp.dispatch {
        Dispatch::Request(request) => request.path.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!([path(0), path(1)], ["/api/pulp/api/v3/tasks/purge/", "/pulp/api/v3/tasks/purge/"]);
    let names: Vec<_> = plan.subjects().iter().map(|subject| subject.target.name.as_str()).collect();
    assert_eq!(names, ["gateway", "inside"], "nothing is asked of a target that no cell uses");
    let address = CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 };
    let workload::Workload::PulpTasks(load) = plan.order(&plan.cells[0], &address).workload else {
        panic!("another kind")
    };
    assert_eq!(load.pulp.base_url, "http://gateway.pulp.svc:8080");
}

#[test]
fn who_writes_no_dispatch_sends_what_changes_nothing_and_takes_no_permission() {
    let plan = planned("/targets/0/pulp", json!({"domain": "team-a"}));
    let pulp = under_test(&plan);
    let Dispatch::Request(request) = &pulp.dispatch else { panic!("{:?}", pulp.dispatch) };
    assert_eq!(request.path, "/pulp/team-a/api/v3/tasks/purge/");
    assert!(request.body.as_ref().unwrap().contains("1970-01-01"), "{request:?}");
    assert_eq!(pulp.needs_permission, None);
    // Written by hand it is a request as any other.
    let body = request.body.clone();
    let written = json!({"request": {"path": "team-a/api/v3/tasks/purge/", "body": body}});
    let plan = planned("/workload/pulpTasks/dispatch", written);
    assert_eq!(under_test(&plan).needs_permission.as_deref(), Some("POST /pulp/team-a/api/v3/tasks/purge/"));
}
