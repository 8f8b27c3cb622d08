//! What the administrator did not permit is not done, also where the API server would let the operator.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use throughput_model::cell::CellAddress;
use throughput_sources::access::{Access, Budget, Installation};
use throughput_sources::open::open;
use throughput_sources::recording::Recording;
use throughput_sources::source::{Settled, Window};

/// An API server that permits everything: it has one pod, whose log has one line. What it was asked is noted.
fn api_server(asked: &Arc<Mutex<Vec<String>>>) -> Client {
    let (asked, line) = (asked.clone(), format!("{} a line\n", Timestamp::now()));
    let service = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        asked.lock().unwrap().push(format!("{} {path}", request.method()));
        let pod = json!({
            "metadata": {"name": "api", "uid": "u", "labels": {"app": "pulp"}},
            "spec": {"containers": [{"name": "api"}]},
            "status": {"phase": "Running", "containerStatuses": [{
                "name": "api", "restartCount": 0, "image": "", "imageID": "", "ready": true,
                "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            }]},
        });
        let body = match path.as_str() {
            path if path.ends_with("/log") => line.clone(),
            path if path.ends_with("/pods") => json!({"metadata": {}, "items": [pod]}).to_string(),
            _ => pod.to_string(),
        };
        std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Body::from(body.into_bytes()))))
    });
    Client::new(service, "perf")
}

/// What the source of this spec falls short of in an installation, and what it asked the API server.
async fn watched(observe: Value, installation: Installation) -> (Vec<String>, Vec<String>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let access = Access {
        client: api_server(&asked),
        namespace: "perf".to_owned(),
        test: "tasks".to_owned(),
        cell: CellAddress { test_uid: "uid".to_owned(), cell: 0, attempt: 1 },
        targets: Vec::new(),
        answers: Budget::default(),
        lists: Budget::default(),
        installation,
    };
    let mut source = open(&serde_json::from_value(observe).unwrap(), &access).remove(0);
    let now = Timestamp::now();
    let mut recording = Recording::new(source.name(), now);
    if let Err(error) = source.begin(&mut recording).await {
        recording.fall_short(&error, now);
    }
    source.look(&mut recording).await.unwrap();
    let end = now - SignedDuration::from_mins(1);
    let window = Window { start: end - SignedDuration::from_mins(1), end };
    while let Settled::Again(_) = source.settle(window, &mut recording).await.unwrap() {}
    let reasons = recording.shortfalls().iter().map(|shortfall| shortfall.reason.clone()).collect();
    let asked = asked.lock().unwrap().clone();
    (reasons, asked)
}

fn logs() -> Value {
    json!({"logs": {"pods": [{"selector": {"matchLabels": {"app": "pulp"}}}], "patterns": [{"name": "any", "regex": ".*"}]}})
}

fn profile(sys_ptrace: bool) -> Value {
    json!({"profile": {"selector": {"matchLabels": {"app": "pulp"}}, "delay": "0s", "capabilities": if sys_ptrace { "SysPtrace" } else { "None" }}})
}

/// An installation with a profiler and nothing that is permitted.
fn with_image() -> Installation {
    Installation { profiler_image: Some("profiler:1".to_owned()), ..Installation::default() }
}

#[tokio::test]
async fn logs_are_not_read_by_a_right_that_was_given_for_profiles() {
    let everything_else =
        Installation { kubelet: true, nodes: true, profile: true, profile_sys_ptrace: true, ..with_image() };
    let (reasons, asked) = watched(logs(), everything_else).await;
    assert_eq!(reasons, ["LogsNotPermitted"]);
    assert_eq!(asked, Vec::<String>::new());
    let (reasons, asked) = watched(logs(), Installation { logs: true, ..Installation::default() }).await;
    assert_eq!(reasons, Vec::<String>::new());
    assert!(asked.iter().any(|asked| asked.ends_with("/pods/api/log")), "{asked:?}");
}

#[tokio::test]
async fn nothing_is_profiled_by_a_right_that_was_given_for_logs() {
    let (reasons, asked) = watched(profile(false), Installation { logs: true, ..with_image() }).await;
    assert_eq!(reasons, ["ProfileNotPermitted"]);
    assert_eq!(asked, Vec::<String>::new());
}

#[tokio::test]
async fn sys_ptrace_needs_a_switch_of_its_own() {
    let plain = Installation { profile: true, ..with_image() };
    let (reasons, asked) = watched(profile(true), plain.clone()).await;
    assert_eq!(reasons, ["SysPtraceNotPermitted"]);
    assert_eq!(asked, Vec::<String>::new());
    let dry_run = "PATCH /api/v1/namespaces/perf/pods/api/ephemeralcontainers".to_owned();
    for (sys_ptrace, installation) in
        [(false, plain.clone()), (true, Installation { profile_sys_ptrace: true, ..plain })]
    {
        let (_, asked) = watched(profile(sys_ptrace), installation).await;
        assert!(asked.contains(&dry_run), "{asked:?}");
    }
}
