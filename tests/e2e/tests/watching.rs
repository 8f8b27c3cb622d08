//! A run whose sources watch what the local cluster has: through the installed operator, as a user would.
#![expect(clippy::unwrap_used, reason = "this is test code: it stops at the first surprise")]

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use throughput_crds::{ConditionStatus, ConditionType, Verdict};
use throughput_e2e_tests::{Cluster, database_secret, sql};
use throughput_test_support::spec::PulpSpec;

const NAME: &str = "e2e-watching";
const RUN: Duration = Duration::from_mins(12);

fn spec() -> PulpSpec {
    let selector = |pod: &str| json!({"matchLabels": {"app": "pulp", "pod": pod}});
    let observe = json!({
        "provenance": {"deployments": ["pulp-api"]},
        "pods": [{"name": "workers", "selector": selector("pulp-worker"), "kubelet": true}],
        "postgres": {"secretRef": {"name": NAME}},
        "logs": {"pods": [{"selector": selector("pulp-api")}]},
        "profile": {"selector": selector("pulp-api"), "delay": "1s", "duration": "5s"},
    });
    // Many small requests: so long is the API at work that there is something to be profiled.
    PulpSpec::of(600)
        .requests_of(10, "0")
        .with("observe", observe)
        .at_least("postgres.connections.max", "1")
        .at_least("postgres.commits.total", "300")
}

fn unpacked(map: &ConfigMap, key: &str) -> String {
    let packed = &map.binary_data.as_ref().unwrap()[key];
    let mut text = String::new();
    GzDecoder::new(packed.0.as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn a_watched_run_has_its_sources_figures_in_status_report_and_page() {
    let cluster = Cluster::connect().await;
    // Whatever ran before has filled it: PostgreSQL would throw statements out, and the source would say so.
    sql::one("SELECT pg_stat_statements_reset()").await;
    database_secret(&cluster, NAME).await;
    cluster.create(NAME, spec()).await;
    let status = cluster.until_finished(NAME, RUN).await;
    assert_eq!(status.verdict, Some(Verdict::Passed), "{status:#?}");
    let complete =
        status.conditions.iter().find(|condition| condition.type_ == ConditionType::SourcesComplete).unwrap();
    // The local node's kubelet counts neither disks nor networks. All else is seen.
    assert_eq!(complete.status, ConditionStatus::False, "{}", complete.message);
    let said: Vec<&str> = complete.message.split("; ").collect();
    assert!(said.len() == 1 && said[0].starts_with("pods: CountersMissing: "), "{said:?}");
    let observed = status.results[0].observed.as_ref().unwrap();
    assert!(observed.database_connections_max > Some(1), "{observed:?}");
    assert_eq!((observed.restarts, observed.timeouts), (Some(0), Some(0)), "{observed:?}");
    assert!(observed.profiled && observed.incomplete == ["pods"], "{observed:?}");
    let words = &status.results[0].observations;
    assert!(words.iter().any(|words| words.starts_with("processes were profiled meanwhile")), "{words:?}");

    let report = cluster.report(NAME).await;
    let sources = report["cells"][0]["sources"].as_array().unwrap();
    let names: Vec<&str> = sources.iter().map(|source| source["source"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    let figure = |name: &str| sources.iter().find_map(|source| source["figures"][name].as_f64());
    assert!(figure("pods.workers.memoryBytes.max") > Some(10e6));
    // The operator asks the kubelet itself, with no more than the right to its metrics.
    assert!(figure("pods.workers.cpuSeconds.total") > Some(1.0), "{:#}", report["cells"][0]["sources"]);
    assert!(figure("postgres.connectTime.p99Milliseconds") > Some(0.0));
    assert!(figure("profile.samples") > Some(0.0), "{:?}", figure("profile.samples"));
    let versions = report["cells"][0]["pulpVersions"].as_object().unwrap();
    assert!(versions.contains_key("core") && versions.contains_key("file"), "{versions:?}");

    let maps = cluster.api::<ConfigMap>();
    let cell = maps.get(&format!("{NAME}-cell-0-attempt-1")).await.unwrap();
    let detail: Value = serde_json::from_str(&unpacked(&cell, "cell.json.gz")).unwrap();
    let series = |source: &str| {
        let sources = detail["sources"].as_array().unwrap();
        let found = sources.iter().find(|one| one["source"] == source).unwrap();
        found["series"].as_array().map_or(0, Vec::len)
    };
    assert!(series("postgres") > 3 && series("pods") > 0, "{:#}", detail["sources"]);

    let online: Vec<&Value> = detail["workersOnline"].as_array().unwrap().iter().collect();
    assert_eq!(online.last().unwrap()["workers"], 2, "{online:?}");

    let page = unpacked(&maps.get(&format!("{NAME}-report")).await.unwrap(), "report.html.gz");
    let tasks_per_second = status.results[0].tasks_per_second.as_deref().unwrap();
    for words in [tasks_per_second, "postgres", "connections", "online in Pulp", "<svg"] {
        assert!(page.contains(words), "the page lacks {words}");
    }
    cluster.delete(NAME).await;
}
