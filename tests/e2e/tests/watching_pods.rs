//! Pods that burn processor time under a limit, and that are killed for their memory, as the source `pods` sees them on a
//! real node.
#![expect(clippy::unwrap_used, reason = "test code stops at the first surprise")]

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::{Client, Config};
use serde_json::json;
use throughput_crds::ObservePods;
use throughput_e2e_tests::Cluster;
use throughput_e2e_tests::watching::Ground;
use throughput_sources::access::{Access, Installation};
use throughput_sources::pods::Pods;
use throughput_sources::recording::Recording;
use throughput_sources::source::Source;
use throughput_test_support::sources::{self, settle};

const INTERVAL: Duration = Duration::from_secs(5);
/// Metrics-server needs two rounds to know a new pod, and the kubelet one of its own.
const DEADLINE: Duration = Duration::from_mins(3);
/// Two threads that each would take a whole processor.
const BURNER: &str = "import threading\ndef burn():\n  while True: pass\nfor _ in range(2): threading.Thread(target=burn).start()";
/// Takes a megabyte after another.
const EATER: &str = "kept = []\nwhile True: kept.append(bytearray(1 << 20))";

fn groups() -> Vec<ObservePods> {
    let groups = json!([
        {"name": "burner", "selector": {"matchLabels": {"app": "burner"}}, "kubelet": true},
        {"name": "eater", "selector": {"matchLabels": {"app": "eater"}}},
    ]);
    serde_json::from_value(groups).unwrap()
}

fn access(ground: &Ground, client: Client) -> (Access, Recording) {
    let installation = Installation { kubelet: true, ..Installation::default() };
    let access = Access { installation, ..sources::access(client, &ground.cluster.namespace) };
    (access, Recording::new("pods", jiff::Timestamp::now()))
}

/// Starts the pods and looks at them until all is seen.
async fn watch(ground: &Ground, directly: Option<Config>) -> Recording {
    let limits =
        json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "64Mi"}});
    ground.python("burner", BURNER, &limits).await;
    ground
        .cluster
        .until("the burner runs", DEADLINE, || async {
            let pod = ground.cluster.api::<Pod>().get("burner").await.ok()?;
            let phase = pod.status?.phase?;
            (phase == "Running").then_some(())
        })
        .await;
    let (access, mut recording) = access(ground, ground.client().await);
    let mut source = Pods::new(&groups(), &access, directly);
    source.begin(&mut recording).await.unwrap();
    let little =
        json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "200m", "memory": "24Mi"}});
    ground.python("eater", EATER, &little).await;
    let looking = async {
        loop {
            source.look(&mut recording).await.unwrap();
            let figures = recording.report().summary.figures;
            let is_throttled = figures.contains_key("pods.burner.throttledPeriodsPercent.max");
            let is_sampled = figures.contains_key("pods.burner.cpuPercentOfLimit.max");
            let kills = figures.get("pods.eater.outOfMemoryKills.total").copied().unwrap_or_default();
            if is_throttled && is_sampled && kills > 0.0 {
                return;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let seen = tokio::time::timeout(DEADLINE, looking).await;
    assert!(seen.is_ok(), "not everything was seen within {DEADLINE:?}: {:#?}", recording.report().summary);
    settle(&mut source, &mut recording).await;
    recording
}

fn assert_seen(recording: &Recording) {
    let summary = recording.report().summary;
    let lies_within = |name: &str, least: f64, most: f64| {
        let value = summary.figures.get(&format!("pods.{name}")).copied();
        assert!(
            value.is_some_and(|value| (least..=most).contains(&value)),
            "{name}: {value:?} in {summary:#?}"
        );
    };
    // Two threads want two processors, and may use a twentieth of one.
    lies_within("burner.cpuPercentOfLimit.max", 70.0, 130.0);
    lies_within("burner.throttledPeriodsPercent.max", 50.0, 100.0);
    lies_within("burner.throttledSeconds.total", 0.1, 1_000.0);
    lies_within("burner.cpuSeconds.total", 0.1, 20.0);
    lies_within("burner.cpuSecondsPerSecond.max", 0.02, 0.1);
    lies_within("burner.memoryPercentOfLimit.max", 1.0, 100.0);
    lies_within("burner.workingSetBytes.max", 1e6, 64.0 * 1_048_576.0);
    lies_within("burner.threads.max", 3.0, 10.0);
    lies_within("burner.openFiles.max", 3.0, 100.0);
    lies_within("burner.replicas.max", 1.0, 1.0);
    lies_within("burner.restarts.total", 0.0, 0.0);
    lies_within("eater.outOfMemoryKills.total", 1.0, 20.0);
    lies_within("eater.restarts.total", 0.0, 20.0);
    // The local node's kernel counts disk and network for no pod. What is missing is said, and never a zero.
    let reasons: Vec<&str> = summary.shortfalls.iter().map(|shortfall| shortfall.reason.as_str()).collect();
    let others: Vec<&&str> =
        reasons.iter().filter(|reason| !["CountersMissing", "NoSamples"].contains(reason)).collect();
    assert_eq!(others, [] as [&&str; 0], "{summary:#?}");
    for name in ["burner.diskReadBytes.total", "burner.networkSentBytes.total"] {
        let is_missing = !summary.figures.contains_key(&format!("pods.{name}"));
        assert_eq!(is_missing, reasons.contains(&"CountersMissing"), "{name}: {summary:#?}");
    }
}

#[tokio::test]
async fn throttling_and_out_of_memory_kills_are_seen_by_the_kubelets_themselves() {
    let ground = Ground::prepare(&Cluster::connect().await, "watch-pods", &["observe.kubelet=true"]).await;
    let directly = ground.account().await;
    let recording = watch(&ground, Some(directly)).await;
    assert_seen(&recording);
    ground.clear().await;
}

#[tokio::test]
async fn throttling_and_out_of_memory_kills_are_seen_through_the_api_server() {
    let values = ["observe.kubelet=true", "observe.kubeletProxy=true"];
    let ground = Ground::prepare(&Cluster::connect().await, "watch-pods-proxy", &values).await;
    let recording = watch(&ground, None).await;
    assert_seen(&recording);
    ground.clear().await;
}

#[tokio::test]
async fn without_the_right_to_the_kubelets_the_rest_is_seen() {
    let ground =
        Ground::prepare(&Cluster::connect().await, "watch-pods-refused", &["observe.nodes=true"]).await;
    let limits =
        json!({"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "64Mi"}});
    ground.python("burner", "import time; time.sleep(3600)", &limits).await;
    let (access, mut recording) = access(&ground, ground.client().await);
    let mut source = Pods::new(&groups(), &access, Some(ground.account().await));
    source.begin(&mut recording).await.unwrap();
    let seen = async {
        loop {
            source.look(&mut recording).await.unwrap();
            if recording.report().summary.figures.contains_key("pods.burner.memoryBytes.max") {
                return;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::time::timeout(DEADLINE, seen).await.unwrap();
    let reasons: Vec<&str> =
        recording.shortfalls().iter().map(|shortfall| shortfall.reason.as_str()).collect();
    assert_eq!(reasons, ["KubeletForbidden"]);
    ground.clear().await;
}
