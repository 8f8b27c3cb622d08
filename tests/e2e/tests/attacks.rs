//! Whoever may create tests gains nothing by it, and keeps nobody from anything: what was tried on a cluster, tried again
//! by an author who may do nothing else.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Stage, ThroughputTest, ThroughputTestStatus, Verdict};
use throughput_e2e_tests::{Cluster, condition, outside, sql};
use throughput_test_support::spec::{PulpSpec, WORKERS};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_mins(2);
const RUN: Duration = Duration::from_mins(5);

/// A test of one cell, of this many tasks that each take a while.
fn one_cell(tasks: u64, sleep: &str) -> PulpSpec {
    PulpSpec::of(tasks).workers(&[2]).requests_of(50, sleep)
}

/// The reason and the message for which a test waits.
async fn why_it_waits(cluster: &Cluster, name: &str) -> (String, String) {
    let waits = |status: &ThroughputTestStatus| {
        condition(status, ConditionType::TargetsReady)
            .is_some_and(|(holds, ..)| holds == ConditionStatus::False)
    };
    let status = cluster.until_status(name, "it waits", SOON, waits).await;
    let (_, reason, message) = condition(&status, ConditionType::TargetsReady).unwrap();
    (reason.to_owned(), message.to_owned())
}

/// How often the containers of the operator were started again.
async fn restarts(cluster: &Cluster) -> i32 {
    let ours = ListParams::default().labels("app.kubernetes.io/name=throughput-operator");
    let pods = cluster.api::<Pod>().list(&ours).await.unwrap().items;
    let containers = pods.into_iter().filter_map(|pod| pod.status?.container_statuses).flatten();
    containers.map(|container| container.restart_count).sum()
}

/// A server outside of the cluster that reads and never answers, as a Service of this name. Whatever it hears is counted.
async fn silent(cluster: &Cluster, name: &str) -> std::sync::Arc<std::sync::atomic::AtomicUsize> {
    let address = cluster.host_address().await;
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    outside::service(cluster, name, 80, (address, port)).await;
    let heard = std::sync::Arc::<std::sync::atomic::AtomicUsize>::default();
    let counted = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let counted = counted.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 4_096];
                while let Ok(read @ 1..) = connection.read(&mut bytes).await {
                    counted.fetch_add(read, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    heard
}

/// A spec for this Service, without credentials.
fn anonymous(service: &str) -> Value {
    let mut spec = Value::from(one_cell(50, "0").credentials(json!({"method": "None"})));
    spec["targets"][0]["service"] = json!({"name": service, "port": 80});
    spec
}

#[tokio::test]
async fn an_author_sees_no_secret_and_makes_no_pod() {
    let author = Cluster::connect().await.as_author().await;
    assert!(author.api::<Secret>().list(&ListParams::default()).await.is_err());
    assert!(author.api::<Pod>().list(&ListParams::default()).await.is_err());
    assert!(author.api::<ThroughputTest>().list(&ListParams::default()).await.is_ok());
}

#[tokio::test]
async fn a_secret_is_not_sent_with_a_request_of_the_authors_choice() {
    let cluster = Cluster::connect().await;
    let author = cluster.as_author().await;
    let named = json!({"username": "admin", "password": "x"});
    throughput_e2e_tests::pulp_secret(&cluster, "e2e-listed", "pulp-api:24817", &named).await;
    let before = sql::one("select count(*) from core_task").await;
    let credentials = json!({"secretRef": {"name": "e2e-listed"}});
    for dispatch in [
        json!({"testView": {"path": "test/distributions/", "query": {"tasks": "24"}, "checkQuery": {"tasks": "24"}}}),
        json!({"request": {"path": "api/v3/tasks/purge/"}}),
    ] {
        author
            .create("e2e-unlisted", PulpSpec::of(24).credentials(credentials.clone()).dispatch(dispatch))
            .await;
        let (reason, message) = why_it_waits(&cluster, "e2e-unlisted").await;
        assert_eq!(reason, "RequestNotPermitted", "{message}");
    }
    assert_eq!(sql::one("select count(*) from core_task").await, before, "nothing was dispatched");
    let upwards = json!({"testView": {"path": "test/../api/v3/users/"}});
    let test = PulpSpec::of(24).credentials(credentials).dispatch(upwards);
    let test = ThroughputTest::new("e2e-upwards", serde_json::from_value(test.into()).unwrap());
    let refused = author.api::<ThroughputTest>().create(&PostParams::default(), &test).await.unwrap_err();
    assert!(refused.to_string().contains("testView.path"), "{refused}");
    author.delete("e2e-unlisted").await;
    cluster.api::<Secret>().delete("e2e-listed", &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn without_credentials_nothing_but_a_get_reaches_a_service_that_does_not_permit_it() {
    let cluster = Cluster::connect().await;
    let author = cluster.as_author().await;
    let heard = silent(&cluster, "e2e-another").await;
    let mut spec = anonymous("e2e-another");
    spec["workload"]["pulpTasks"]["dispatch"] =
        json!({"request": {"method": "DELETE", "path": "admin/all", "body": "{\"sure\": true}"}});
    author.create("e2e-delete", spec).await;
    let (reason, message) = why_it_waits(&cluster, "e2e-delete").await;
    assert_eq!(reason, "RequestNotPermitted", "{message}");
    author.delete("e2e-delete").await;
    assert_eq!(heard.load(std::sync::atomic::Ordering::Relaxed), 0);
    outside::remove_service(&cluster, "e2e-another").await;
}

#[tokio::test]
async fn the_operator_itself_is_no_target() {
    let cluster = Cluster::connect().await;
    let author = cluster.as_author().await;
    author.create("e2e-suicide", one_cell(50, "0").scaling("Deployment", "throughput-operator")).await;
    let (reason, message) = why_it_waits(&cluster, "e2e-suicide").await;
    assert_eq!(reason, "TargetRefused", "{message}");
    author.delete("e2e-suicide").await;
    let operator = cluster.api::<Deployment>().get("throughput-operator").await.unwrap();
    assert_eq!(operator.spec.unwrap().replicas, Some(1));
}

#[tokio::test]
async fn sixteen_tests_whose_server_never_answers_keep_no_other_waiting() {
    let cluster = Cluster::connect().await;
    let author = cluster.as_author().await;
    let before = cluster.as_found(WORKERS).await;
    silent(&cluster, "e2e-silent").await;
    let names: Vec<String> = (0..16).map(|number| format!("e2e-silent-{number}")).collect();
    for name in &names {
        author.create(name, anonymous("e2e-silent")).await;
    }
    author.create("e2e-among-silent", one_cell(100, "0")).await;
    let status = cluster.until_finished("e2e-among-silent", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    // One that is deleted in mid-run is restored while they wait.
    author.create("e2e-among-silent", one_cell(400, "0.3")).await;
    cluster.until_stage("e2e-among-silent", Stage::Draining, RUN).await;
    author.delete("e2e-among-silent").await;
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    for name in &names {
        author.delete(name).await;
    }
    outside::remove_service(&cluster, "e2e-silent").await;
}

#[tokio::test]
async fn what_somebody_writes_into_stored_results_ends_neither_the_operator_nor_the_restoring() {
    let cluster = Cluster::connect().await;
    let (before, started) = (cluster.as_found(WORKERS).await, restarts(&cluster).await);
    cluster.create("e2e-forged", one_cell(200, "0.3")).await;
    cluster.until_stage("e2e-forged", Stage::Draining, RUN).await;
    let maps: Api<ConfigMap> = cluster.api();
    let selector = ListParams::default().labels("perf.pulpproject.org/test=e2e-forged");
    // The head of a histogram that claims four gibibytes, and a state that is nothing.
    let histogram = "HISTE/AAAAAAAAAAAAAAAwAAAAAAAAABAAAAAa0nSAA/8AAAAAAAAA==";
    let result = json!({"requests": {"latency": histogram}, "version": 2, "histograms": {"requests.latency": histogram}});
    for map in maps.list(&selector).await.unwrap().items {
        let forged = json!({"data": {"result.json": result.to_string()}, "binaryData": {"sources.json.gz": "H4sIAAAA"}});
        maps.patch(&map.name_any(), &PatchParams::default(), &Patch::Merge(forged)).await.unwrap();
    }
    let status = cluster.until_finished("e2e-forged", RUN).await;
    assert_ne!(status.verdict, Some(Verdict::Passed), "its generator's result is gone: {status:#?}");
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    assert_eq!(restarts(&cluster).await, started, "the operator was ended by it");
    cluster.delete("e2e-forged").await;
}

#[tokio::test]
async fn a_forged_claim_is_told_and_scales_nothing() {
    let cluster = Cluster::connect().await;
    let content = cluster.api::<Deployment>().get("pulp-content").await.unwrap();
    let before = cluster.as_found("pulp-content").await;
    let uid = content.uid().unwrap();
    let record = json!({"kind": "Deployment", "name": "pulp-content", "uid": uid, "replicas": 0, "replicasOwners": []});
    let lease: Lease = serde_json::from_value(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {
            "name": format!("throughput-{uid}"),
            "labels": {
                "app.kubernetes.io/managed-by": "throughput-operator",
                "perf.pulpproject.org/claim": "true",
                "perf.pulpproject.org/test-uid": "00000000-0000-0000-0000-000000000000",
            },
            "annotations": {"perf.pulpproject.org/claim": record.to_string()},
        },
        "spec": {"holderIdentity": "pulp-perf/gone/00000000-0000-0000-0000-000000000000"},
    }))
    .unwrap();
    let leases: Api<Lease> = cluster.api();
    let name = lease.name_any();
    let _ = leases.delete(&name, &DeleteParams::default()).await;
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let told = |events: &[Event]| {
        events.iter().any(|event| {
            event.reason.as_deref() == Some("ClaimNotSigned")
                && event.regarding.as_ref().is_some_and(|about| about.name.as_deref() == Some(name.as_str()))
        })
    };
    let events: Api<Event> = cluster.api();
    cluster
        .until("it is told", Duration::from_mins(3), async || {
            told(&events.list(&ListParams::default()).await.ok()?.items).then_some(())
        })
        .await;
    assert_eq!(cluster.as_found("pulp-content").await, before);
    leases.delete(&name, &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_stage_that_somebody_writes_into_the_status_leads_to_no_verdict_on_a_part_of_the_tasks() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-skipped", one_cell(200, "0.3")).await;
    cluster.until_stage("e2e-skipped", Stage::Draining, RUN).await;
    let skipped = json!({"status": {"current": {"stage": "Collecting"}}});
    let tests: Api<ThroughputTest> = cluster.api();
    tests.patch_status("e2e-skipped", &PatchParams::default(), &Patch::Merge(skipped)).await.unwrap();
    let status = cluster.until_finished("e2e-skipped", RUN).await;
    assert_ne!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    assert_eq!(sql::unfinished().await, Some(0), "tasks are left in Pulp's queue");
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.delete("e2e-skipped").await;
}

#[tokio::test]
async fn a_run_that_is_aborted_waits_for_no_request_that_its_generators_have_awaited() {
    let cluster = Cluster::connect().await;
    let before = cluster.as_found(WORKERS).await;
    cluster.create("e2e-aborted", one_cell(20_000, "0")).await;
    cluster.until_stage("e2e-aborted", Stage::Dispatching, RUN).await;
    let sent = |status: &ThroughputTestStatus| {
        status.current.as_ref().and_then(|current| current.live).is_some_and(|live| live.tasks_submitted > 0)
    };
    cluster.until_status("e2e-aborted", "tasks are dispatched", RUN, sent).await;
    let abort = Patch::Merge(json!({"spec": {"abort": true}}));
    cluster.api::<ThroughputTest>().patch("e2e-aborted", &PatchParams::default(), &abort).await.unwrap();
    let aborted = Instant::now();
    let status = cluster.until_finished("e2e-aborted", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Aborted), "{status:#?}");
    // A request may take a minute, and so long was waited for each that might have been under way.
    assert!(aborted.elapsed() < Duration::from_secs(55), "{:?}", aborted.elapsed());
    assert_eq!(sql::unfinished().await, Some(0), "tasks are left in Pulp's queue");
    assert_eq!(cluster.as_found(WORKERS).await, before, "the target is as it was found");
    cluster.delete("e2e-aborted").await;
}

#[tokio::test]
async fn a_report_that_is_deleted_between_two_cells_is_made_anew_of_what_they_kept() {
    let cluster = Cluster::connect().await;
    cluster.create("e2e-lost-report", PulpSpec::of(100).workers(&[1, 2]).requests_of(50, "0.1")).await;
    let second = |status: &ThroughputTestStatus| {
        status.results.len() == 1
            && status.current.as_ref().is_some_and(|current| current.stage == Stage::Dispatching)
    };
    cluster.until_status("e2e-lost-report", "the second cell is under way", RUN, second).await;
    let first = cluster.report("e2e-lost-report").await["cells"][0].clone();
    let maps: Api<ConfigMap> = cluster.api();
    maps.delete("e2e-lost-report-report", &DeleteParams::default()).await.unwrap();
    let status = cluster.until_finished("e2e-lost-report", RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let report = cluster.report("e2e-lost-report").await;
    assert_eq!(report["cells"].as_array().unwrap().len(), 2);
    assert_eq!(report["cells"][0], first);
    cluster.delete("e2e-lost-report").await;
}
