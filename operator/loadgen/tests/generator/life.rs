//! A generator's whole life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use throughput_loadgen::ending::{Ending, Failure};
use throughput_loadgen::run::run;
use throughput_loadgen::session::http::HttpCoordinator;
use throughput_loadgen::settings::{OperatorSettings, Settings};
use throughput_loadgen::token::BearerToken;
use throughput_model::generator::StopReason;
use throughput_model::protocol::Registration;
use throughput_model::pulp_load::{PulpLoad, tasks_dispatched};
use throughput_model::workload::{
    ASSIGNMENT_VERSION, Assignment, Authentication, Dispatch, DispatchRequest, Method, PulpEndpoint,
    PulpTasks, TestView, Workload,
};
use throughput_pulp::{Credentials, PulpError};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::collector::{self, CollectorScript, Shared, TOKEN, address};
use crate::target::Target;

/// Nothing here takes nearly as long.
const AT_MOST: Duration = Duration::from_mins(1);

pub(crate) fn test_view(tasks_per_request: u64) -> Dispatch {
    Dispatch::TestView(TestView {
        path: "/pulp/test/tasks/".to_owned(),
        query: BTreeMap::from([("tasks".to_owned(), tasks_per_request.to_string())]),
        count_field: "tasks_executed".to_owned(),
        tasks_per_request: Some(tasks_per_request),
        request_timeout_milliseconds: 5_000,
    })
}

pub(crate) fn settings(target: &str, tasks: u64, dispatch: Dispatch) -> Settings {
    let workload = PulpTasks {
        pulp: PulpEndpoint {
            base_url: target.to_owned(),
            api_root: "/pulp/".to_owned(),
            domain: None,
            authentication: Authentication::Session,
            username: None,
            verifies_certificate: true,
        },
        correlation_id: address().correlation_id(),
        tasks,
        concurrency: 4,
        dispatch,
        dispatch_deadline_milliseconds: 20_000,
    };
    Settings {
        assignment: Assignment {
            version: ASSIGNMENT_VERSION,
            address: address(),
            generators: 1,
            workload: Workload::PulpTasks(Box::new(workload)),
        },
        credentials: Some(Credentials::Password {
            username: "admin".to_owned(),
            password: "secret".to_owned(),
        }),
        certificates: None,
        client_certificate: None,
        exchange: None,
        index: 0,
        pod_name: "tasks-10k-2-0".to_owned(),
        pod_uid: "77aa".to_owned(),
        give_up_after: AT_MOST,
        termination_grace: Duration::from_secs(5),
    }
}

/// Lives the life of a generator whose operator is at this URL.
pub(crate) async fn run_with(collector: &str, settings: &Settings, terminate: CancellationToken) -> Ending {
    let operator = OperatorSettings {
        url: collector.to_owned(),
        token: BearerToken::new(TOKEN).unwrap(),
        namespace: "perf".to_owned(),
        test: "tasks-10k".to_owned(),
    };
    timeout(AT_MOST, run(settings, || HttpCoordinator::new(settings, &operator), terminate)).await.unwrap()
}

/// A generator whose target and collector both run, and its ending.
async fn live(
    target: &Arc<Target>,
    script: CollectorScript,
    tasks: u64,
    dispatch: Dispatch,
    terminate: CancellationToken,
) -> (Shared, Ending) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let shared = collector::serve(listener, script);
    let settings = settings(&target.serve().await, tasks, dispatch);
    let ending = run_with(&collector, &settings, terminate).await;
    (shared, ending)
}

#[tokio::test]
async fn a_generator_gets_through_with_a_collector_that_fails_now_and_then() {
    let target = Arc::new(Target { takes: Duration::from_millis(20), ..Target::default() });
    let script = CollectorScript {
        register: [500, 401].into(),
        waits: 1,
        start_in: Duration::from_millis(1_500),
        deliver: [500, 503].into(),
        ..CollectorScript::default()
    };
    let (shared, ending) = live(&target, script, 1_000, test_view(100), CancellationToken::new()).await;
    assert_eq!(ending, Ending::Delivered);
    let (script, seen) = (shared.lock().unwrap(), target.seen.lock().unwrap());
    let registration = Registration {
        pod_name: "tasks-10k-2-0".to_owned(),
        pod_uid: "77aa".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    assert_eq!(script.registrations, [registration.clone(), registration.clone(), registration]);
    assert_eq!((seen.logins, seen.bodies.len()), (1, 10));
    assert!(seen.correlation_ids.iter().all(|id| *id == address().correlation_id().to_string()));
    let late = seen.first.unwrap().saturating_duration_since(script.start.unwrap());
    assert!(seen.first >= script.start && late < Duration::from_secs(1), "{late:?} late");

    assert_eq!(script.results.len(), 3);
    assert!(script.results.iter().all(|result| *result == script.results[0]), "the same each time");
    let result = &script.results[0];
    assert_eq!((result.stopped, tasks_dispatched(result)), (StopReason::AllTasksDispatched, 1_000));
    let load = PulpLoad::of(result);
    assert_eq!((load.requests.sent, load.requests.succeeded, load.largest_yield), (10, 10, 100));
    assert_eq!(load.requests.latency.count(), 10);
    assert!(result.elapsed_microseconds >= 60_000, "3 rounds of 20 ms: {}", result.elapsed_microseconds);
    assert!(result.finished_at > result.started_at);
    let (start, work) = (result.start.unwrap(), result.work.unwrap());
    assert!(start.lateness_microseconds < 1_000_000, "{start:?}");
    // Ten requests of four users, of whom all but the first requests could lag.
    assert_eq!(work.lag.count, 6);
    assert!(work.cpu_capacity_millicores > 0 && work.most_unsent <= 4, "{work:?}");
}

#[tokio::test]
async fn a_collector_that_is_not_there_yet_is_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let collector = format!("http://{}", listener.local_addr().unwrap());
    let target = Arc::new(Target::default());
    let settings = settings(&target.serve().await, 8, test_view(1));
    let late_collector = async {
        // As a proxy does that has nobody behind it.
        for _ in 0..2 {
            drop(listener.accept().await.unwrap());
        }
        collector::serve(listener, CollectorScript::default())
    };
    let living = run_with(&collector, &settings, CancellationToken::new());
    let (ending, shared) = tokio::join!(living, late_collector);
    assert_eq!(ending, Ending::Delivered);
    assert_eq!(tasks_dispatched(&shared.lock().unwrap().results[0]), 8);
}

#[tokio::test]
async fn every_body_has_its_own_unique_value() {
    let request = Dispatch::Request(DispatchRequest {
        method: Method::Post,
        path: "/pulp/api/v3/tasks/purge/".to_owned(),
        body: Some(r#"{"name":"perf-$(unique)","base":"$(unique)"}"#.to_owned()),
        request_timeout_milliseconds: 5_000,
    });
    let target = Arc::new(Target::default());
    let (shared, ending) =
        live(&target, CollectorScript::default(), 25, request, CancellationToken::new()).await;
    assert_eq!(ending, Ending::Delivered);
    assert_eq!(tasks_dispatched(&shared.lock().unwrap().results[0]), 25);
    let seen = target.seen.lock().unwrap();
    let values: BTreeSet<&str> = seen
        .bodies
        .iter()
        .flat_map(|body| [&body["name"], &body["base"]])
        .filter_map(|v| v.as_str())
        .collect();
    assert_eq!(values.len(), 50);
}

#[tokio::test]
async fn an_attempt_that_is_over_ends_the_generator_quietly_at_any_time() {
    let over_at_once = CollectorScript { register: [410].into(), ..CollectorScript::default() };
    let target = Arc::new(Target::default());
    let (_, ending) = live(&target, over_at_once, 8, test_view(1), CancellationToken::new()).await;
    assert_eq!(ending, Ending::AttemptOver);
    assert_eq!(target.seen.lock().unwrap().bodies.len(), 0);

    let over_meanwhile =
        CollectorScript { progress: Some(410), deliver: [410].into(), ..CollectorScript::default() };
    let target = Arc::new(Target { takes: Duration::from_millis(50), ..Target::default() });
    let begun = Instant::now();
    let (_, ending) = live(&target, over_meanwhile, 100_000, test_view(1), CancellationToken::new()).await;
    assert_eq!(ending, Ending::AttemptOver);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());

    let over_at_last = CollectorScript { deliver: [500, 410].into(), ..CollectorScript::default() };
    let (shared, ending) =
        live(&Arc::new(Target::default()), over_at_last, 8, test_view(1), CancellationToken::new()).await;
    assert_eq!(ending, Ending::AttemptOver);
    assert_eq!(shared.lock().unwrap().results.len(), 2);
}

#[tokio::test]
async fn a_load_that_is_no_longer_wanted_ends_and_what_came_of_it_is_delivered() {
    let script = CollectorScript { progress: Some(410), ..CollectorScript::default() };
    let target = Arc::new(Target { takes: Duration::from_millis(50), ..Target::default() });
    let (shared, ending) = live(&target, script, 100_000, test_view(1), CancellationToken::new()).await;
    assert_eq!(ending, Ending::Delivered);
    let result = shared.lock().unwrap().results.pop().unwrap();
    assert_eq!((result.stopped, result.failures.total()), (StopReason::Terminated, 0));
    let requests = u64::try_from(target.seen.lock().unwrap().bodies.len()).unwrap();
    assert_eq!(PulpLoad::of(&result).requests.succeeded, requests, "every answer was awaited");
}

#[tokio::test]
async fn an_index_that_another_pod_holds_is_a_failure() {
    let script = CollectorScript { register: [500, 409].into(), ..CollectorScript::default() };
    let target = Arc::new(Target::default());
    let (_, ending) = live(&target, script, 8, test_view(1), CancellationToken::new()).await;
    assert_eq!(ending, Ending::Failed(Failure::IndexTaken));
    assert_eq!(target.seen.lock().unwrap().bodies.len(), 0);
}

#[tokio::test]
async fn told_to_end_the_generator_delivers_what_it_has() {
    let target = Arc::new(Target { takes: Duration::from_millis(200), ..Target::default() });
    let terminate = CancellationToken::new();
    let told = async {
        // One wake-up is the login's.
        for _ in 0..3 {
            target.request.notified().await;
        }
        terminate.cancel();
    };
    let living = live(&target, CollectorScript::default(), 100_000, test_view(1), terminate.clone());
    let ((shared, ending), ()) = tokio::join!(living, told);
    assert_eq!(ending, Ending::Delivered);
    let script = shared.lock().unwrap();
    let result = &script.results[0];
    assert_eq!((result.stopped, result.failures.total()), (StopReason::Terminated, 0));
    assert_eq!(tasks_dispatched(result), target.seen.lock().unwrap().bodies.len() as u64);
}

#[tokio::test]
async fn told_to_end_before_the_start_there_is_nothing_to_deliver() {
    let target = Arc::new(Target::default());
    let terminate = CancellationToken::new();
    let told = async {
        target.request.notified().await;
        terminate.cancel();
    };
    let script = CollectorScript { start_in: Duration::from_hours(1), ..CollectorScript::default() };
    let living = live(&target, script, 8, test_view(1), terminate.clone());
    let ((shared, ending), ()) = tokio::join!(living, told);
    assert_eq!(ending, Ending::Terminated);
    assert_eq!(shared.lock().unwrap().results, []);
}

#[tokio::test]
async fn a_login_that_is_refused_is_a_failure_at_once() {
    let refusing = axum::Router::new().fallback(async || axum::http::StatusCode::UNAUTHORIZED);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, refusing).await });
    let settings = settings(&base_url, 8, test_view(1));
    let ending = run_with("http://127.0.0.1:1", &settings, CancellationToken::new()).await;
    let refused = PulpError::Unauthorized { status: 401, said: String::new() };
    assert_eq!(ending, Ending::Failed(Failure::Login(refused)));
}
