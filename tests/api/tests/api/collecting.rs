//! The collector over real HTTP, storing with a real API server.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use throughput_api_tests::Tenant;
use throughput_controller::apply::pods::GeneratorSettings;
use throughput_controller::generators::api::{self, Collector};
use throughput_controller::generators::phase::GeneratorPhases;
use throughput_controller::process::serving::{self, Bounds};
use throughput_core::identity::TestFacts;
use throughput_model::cell::CellAddress;
use throughput_model::generator::{GeneratorResult, RESULT_VERSION, StopReason};
use throughput_model::protocol::{self, LARGEST_BODY_BYTES, Progress, Registration, StartAnswer};
use throughput_model::pulp_load::PulpLoad;
use throughput_test_support::first_cell;
use tokio_util::sync::CancellationToken;

use crate::actions::{act, act_with, facts, generators, key, plan, start_generators};

/// Where the first generator's words are stored.
pub(crate) const GENERATOR: &str = "run-cell-0-attempt-1-generator-0";

/// A collector that serves, and a cell whose objects exist.
pub(crate) struct Served {
    pub(crate) tenant: Tenant,
    pub(crate) facts: TestFacts,
    pub(crate) address: CellAddress,
    pub(crate) phases: GeneratorPhases,
    pub(crate) listens_at: SocketAddr,
    pub(crate) base_url: String,
}

/// What came back.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
}

impl Served {
    /// A collector that knows the cell and stands at this stage.
    pub(crate) async fn at(stage: &str) -> Self {
        Self::within(Bounds::COLLECTOR, stage).await
    }

    /// The same, with other bounds than the operator's.
    pub(crate) async fn within(bounds: Bounds, stage: &str) -> Self {
        let served = Self::unknown(bounds).await;
        served.stands_at(stage);
        served
    }

    /// A collector that has not looked at the test yet.
    async fn unknown(bounds: Bounds) -> Self {
        let tenant = Tenant::new().await;
        let facts = facts(&tenant, "run");
        let address = first_cell(&facts.uid);
        let start = start_generators(&plan(&tenant), &facts);
        act(&tenant.client, &facts, &[start]).await.unwrap();
        let phases = GeneratorPhases::default();
        let collector = Collector {
            client: tenant.client.clone(),
            key: key(),
            phases: phases.clone(),
            namespaces: vec![tenant.namespace.clone()],
        };
        let listener = serving::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let listens_at = listener.local_addr().unwrap();
        let base_url = format!("http://{listens_at}");
        tokio::spawn(serving::serve(listener, api::router(collector), bounds, CancellationToken::new()));
        Self { tenant, facts, address, phases, listens_at, base_url }
    }

    pub(crate) fn stands_at(&self, stage: &str) {
        let status = json!({"current": {"cell": 0, "attempt": 1, "stage": stage, "timeline": []}});
        let status = serde_json::from_value(status).unwrap();
        let (now, time_of_day) = (tokio::time::Instant::now(), jiff::Timestamp::now());
        self.phases.follow(&self.facts, &status, now, time_of_day);
    }

    pub(crate) fn prefix(&self) -> String {
        protocol::prefix(&self.tenant.namespace, &self.facts.name, &self.address, 0)
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Answer {
        let mut request = reqwest::Client::new().request(method, format!("{}{path}", self.base_url));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.body(body.unwrap_or_default()).send().await.unwrap();
        Answer { status: answer.status(), body: answer.text().await.unwrap() }
    }

    /// A call of the cell's own generator.
    async fn call(&self, method: Method, call: &str, body: Option<&impl Serialize>) -> Answer {
        let body = body.map(|body| serde_json::to_vec(body).unwrap());
        let token = key().token(&self.address, 0);
        self.send(method, &format!("{}/{call}", self.prefix()), Some(&token), body).await
    }

    pub(crate) async fn register(&self, pod: &str) -> Answer {
        self.call(Method::POST, "register", Some(&registration(pod))).await
    }

    pub(crate) async fn deliver(&self, result: &GeneratorResult) -> Answer {
        self.call(Method::PUT, "result", Some(result)).await
    }

    async fn start(&self) -> Answer {
        self.call(Method::GET, "start", None::<&()>).await
    }

    /// What the first generator has stored under a key.
    pub(crate) async fn stored(&self, key: &str) -> Option<Value> {
        let maps: Api<ConfigMap> = self.tenant.api();
        let data = maps.get_opt(GENERATOR).await.unwrap()?.data?;
        data.get(key).map(|text| serde_json::from_str(text).unwrap())
    }
}

pub(crate) fn registration(pod: &str) -> Registration {
    Registration { pod_name: pod.to_owned(), pod_uid: format!("uid-of-{pod}"), version: "0.1.0".to_owned() }
}

pub(crate) fn delivered() -> GeneratorResult {
    result_of(PulpLoad { tasks_dispatched: 100, largest_yield: 50, ..PulpLoad::default() })
}

pub(crate) fn result_of(load: PulpLoad) -> GeneratorResult {
    GeneratorResult {
        version: RESULT_VERSION,
        pod_name: "one".to_owned(),
        pod_uid: "uid-of-one".to_owned(),
        started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        finished_at: "2026-01-01T00:00:10Z".parse().unwrap(),
        elapsed_microseconds: 10_000_000,
        stopped: StopReason::AllTasksDispatched,
        counts: load.counts(),
        histograms: load.histograms(),
        failures: load.requests.failures,
        start: None,
        work: None,
    }
}

#[tokio::test]
async fn a_wrong_token_learns_nothing() {
    let served = Served::at("StartingGenerators").await;
    let path = format!("{}/register", served.prefix());
    let other = key().token(&CellAddress { cell: 1, ..served.address.clone() }, 0);
    let neighbour = key().token(&served.address, 1);
    let body = serde_json::to_vec(&registration("one")).unwrap();
    for token in [None, Some("nonsense"), Some(""), Some(other.as_str()), Some(neighbour.as_str())] {
        let answer = served.send(Method::POST, &path, token, Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:?}: {answer:?}");
    }
    assert_eq!(served.stored("registration.json").await, None);
}

#[tokio::test]
async fn a_token_does_not_open_what_another_test_owns() {
    let served = Served::at("StartingGenerators").await;
    // Another test's cell, whose names are put into a path that this test's token fits.
    let other = facts(&served.tenant, "other");
    let start = start_generators(&plan(&served.tenant), &other);
    act(&served.tenant.client, &other, &[start]).await.unwrap();
    let token = key().token(&served.address, 0);
    let body = serde_json::to_vec(&registration("one")).unwrap();
    for (namespace, test) in
        [(served.tenant.namespace.as_str(), "other"), ("kube-system", "run"), ("default", "other")]
    {
        let path = format!("{}/register", protocol::prefix(namespace, test, &served.address, 0));
        let answer = served.send(Method::POST, &path, Some(&token), Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {answer:?}");
    }
}

#[tokio::test]
async fn a_registration_is_stored_before_it_is_answered_and_can_be_repeated() {
    let served = Served::at("StartingGenerators").await;
    for _ in 0..2 {
        assert_eq!(served.register("one").await.status, StatusCode::NO_CONTENT);
        assert_eq!(served.stored("registration.json").await, Some(json!(registration("one"))));
    }
}

#[tokio::test]
async fn a_second_pod_with_the_same_index_is_sent_away() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    let answer = served.register("two").await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.body.ends_with("another pod has registered with this index: one"), "{answer:?}");
    assert_eq!(served.stored("registration.json").await, Some(json!(registration("one"))));
}

#[tokio::test]
async fn of_two_pods_that_register_at_the_same_time_one_is_sent_away() {
    for round in 0..8 {
        let served = Served::at("StartingGenerators").await;
        let (one, two) = tokio::join!(served.register("one"), served.register("two"));
        let mut statuses = [one.status, two.status];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::NO_CONTENT, StatusCode::CONFLICT], "round {round}");
    }
}

#[tokio::test]
async fn a_question_for_the_start_is_answered_as_soon_as_the_gate_opens() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    let question = served.start();
    tokio::pin!(question);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut question).await.is_err(), "started too early");
    served.stands_at("Dispatching");
    let answer = tokio::time::timeout(Duration::from_secs(2), question).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    let start = serde_json::from_str::<StartAnswer>(&answer.body).unwrap();
    assert!(matches!(start, StartAnswer::Start { in_nanoseconds: 0, .. }), "{start:?}");
}

#[tokio::test]
async fn a_question_for_the_start_ends_when_the_attempt_does() {
    let served = Served::at("StartingGenerators").await;
    let question = served.start();
    tokio::pin!(question);
    assert!(
        tokio::time::timeout(Duration::from_millis(300), &mut question).await.is_err(),
        "answered too early"
    );
    served.stands_at("Restoring");
    let answer = tokio::time::timeout(Duration::from_secs(2), question).await.unwrap();
    assert_eq!(answer.status, StatusCode::GONE);
}

#[tokio::test]
async fn progress_is_summed_up_while_the_cell_lasts() {
    let served = Served::at("Dispatching").await;
    let counts = json!({"requests.sent": 9, "requests.finished": 8, "tasks.dispatched": 400});
    let progress: Progress = serde_json::from_value(json!({"counts": counts})).unwrap();
    let answer = served.call(Method::POST, "progress", Some(&progress)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(served.phases.progress(), [(served.address.clone(), progress)]);
    served.stands_at("Restoring");
    assert_eq!(served.phases.progress(), []);
}

#[tokio::test]
async fn a_result_is_stored_before_it_is_answered_and_can_be_delivered_again() {
    let served = Served::at("Dispatching").await;
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())));
    // The operator went on meanwhile, and its answer was lost.
    served.stands_at("Draining");
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())));
}

#[tokio::test]
async fn of_a_load_that_is_being_canceled_only_the_result_is_taken() {
    let served = Served::at("Dispatching").await;
    served.register("one").await;
    served.stands_at("CancelingTasks");
    assert_eq!(served.register("one").await.status, StatusCode::GONE);
    assert_eq!(served.start().await.status, StatusCode::GONE);
    let progress = served.call(Method::POST, "progress", Some(&Progress::default())).await;
    assert_eq!(progress.status, StatusCode::GONE, "so the generator ends its load");
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())));
}

#[tokio::test]
async fn a_result_is_taken_only_from_the_pod_that_registered_the_index() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    served.stands_at("Dispatching");
    let of_another = GeneratorResult { pod_uid: "uid-of-two".to_owned(), ..delivered() };
    assert_eq!(served.deliver(&of_another).await.status, StatusCode::CONFLICT);
    assert_eq!(served.stored("result.json").await, None);
    assert_eq!(served.deliver(&delivered()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(served.stored("result.json").await, Some(json!(delivered())));
}

#[tokio::test]
async fn what_is_stored_survives_that_the_cells_objects_are_applied_again() {
    let served = Served::at("StartingGenerators").await;
    served.register("one").await;
    let again = start_generators(&plan(&served.tenant), &served.facts);
    act(&served.tenant.client, &served.facts, &[again]).await.unwrap();
    assert_eq!(served.stored("registration.json").await, Some(json!(registration("one"))));
}

#[tokio::test]
async fn what_is_too_long_or_no_result_is_refused_with_a_reason() {
    let served = Served::at("Dispatching").await;
    let long = "x".repeat(LARGEST_BODY_BYTES);
    assert_eq!(served.call(Method::PUT, "result", Some(&long)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let nonsense = served.call(Method::PUT, "result", Some(&json!({"tps": 5}))).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
    // Before anything else is looked at: one of version 1 had other fields.
    for result in
        [json!(GeneratorResult { version: 3, ..delivered() }), json!({"version": 1, "tasksDispatched": 9})]
    {
        let answer = served.call(Method::PUT, "result", Some(&result)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        let words = format!("version {} of a result, 2 is wanted", result["version"]);
        assert!(answer.body.ends_with(&words), "{answer:?}");
    }
    let huge = "HISTE/////8AAAAAAAAAAwAAAAAAAAABAAAAAa0nSAA/8AAAAAAAAA==";
    let mut bomb = json!(delivered());
    bomb["histograms"]["requests.latency"] = json!(huge);
    let answer = served.call(Method::PUT, "result", Some(&bomb)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("its header claims 4294967295 bytes"), "{answer:?}");
    assert_eq!(served.stored("result.json").await, None);
}

#[tokio::test]
async fn a_test_that_was_not_looked_at_yet_is_asked_to_come_again() {
    let served = Served::unknown(Bounds::COLLECTOR).await;
    assert_eq!(served.register("one").await.status, StatusCode::SERVICE_UNAVAILABLE);
    served.stands_at("StartingGenerators");
    assert_eq!(served.register("one").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_attempt_that_is_over_is_gone() {
    for stage in ["Collecting", "Settling", "Restoring", "ScalingWorkers"] {
        let served = Served::at(stage).await;
        assert_eq!(served.register("one").await.status, StatusCode::GONE, "{stage}");
        assert_eq!(served.start().await.status, StatusCode::GONE, "{stage}");
        assert_eq!(served.deliver(&delivered()).await.status, StatusCode::GONE, "{stage}");
    }
}

#[tokio::test]
async fn generators_that_an_operator_of_another_version_started_are_left_as_they_are() {
    let tenant = Tenant::new().await;
    let facts = facts(&tenant, "run");
    let start = start_generators(&plan(&tenant), &facts);
    act(&tenant.client, &facts, std::slice::from_ref(&start)).await.unwrap();
    let image = "localhost/throughput/loadgen:newer".to_owned();
    let newer = GeneratorSettings { image, ..generators() };
    act_with(&tenant.client, &facts, newer, &[start]).await.unwrap();
    let jobs: Api<Job> = tenant.api();
    let job = jobs.get("run-cell-0-attempt-1").await.unwrap();
    let image = &job.spec.unwrap().template.spec.unwrap().containers[0].image;
    assert_eq!(image.as_deref(), Some(generators().image.as_str()));
}
