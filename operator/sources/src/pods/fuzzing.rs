//! What kubelets, the metrics API and the API server say of pods, for tests/fuzz alone.
#![expect(clippy::missing_panics_doc, reason = "stopping at the first surprise is what they are for")]

use futures::FutureExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::counters::{self, Before, Reading};
use super::group::{WatchedPod, watched};
use super::kubelet::each_line;
use super::memory::Memory;
use super::owners::Owners;
use super::status::{note_restarts, sample_replicas};
use super::usage::{self, Span, Usage};
use crate::fuzzing::{check, empty, read};

/// Two pods, of which the input knows the ids and names.
fn usual() -> Vec<WatchedPod> {
    let pod = |name: &str, id: &str| {
        json!({
            "metadata": {"name": name, "namespace": "pulp", "uid": name},
            "spec": {"nodeName": "node1", "containers": [{"name": "main", "resources": {
                "requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "50m", "memory": "64Mi"}}}]},
            "status": {"phase": "Running", "hostIP": "198.18.0.1", "containerStatuses": [{
                "containerID": format!("containerd://{id}"), "image": "", "imageID": "", "name": "main",
                "ready": true, "restartCount": 2, "state": {"running": {"startedAt": "1970-01-01T00:02:00Z"}}}]},
        })
    };
    let pods = [pod("burner", "88bf37f5"), pod("idler", "46199f0d")].map(serde_json::from_value::<Pod>);
    pods.iter().flatten().map(watched).collect()
}

const CELL: Span = Span { start: Timestamp::UNIX_EPOCH, end: None };

/// Answers of a kubelet, with an empty line between them.
pub fn counters(input: &[u8]) {
    let pods = usual();
    let mut owners = Owners::default();
    owners.add("api", &pods);
    owners.add("workers", &pods);
    let (mut memory, mut before, mut recording) = (Memory::default(), Before::default(), empty("pods"));
    let text = String::from_utf8_lossy(input);
    for answer in text.split("\n\n").take(8) {
        let mut reading = Reading::default();
        let taken = each_line(answer.as_bytes(), |line| {
            reading.take(line, &owners, "pulp", Timestamp::UNIX_EPOCH);
        });
        assert!(taken.now_or_never().is_some_and(|taken| taken.is_ok()), "reading memory does not wait");
        let _ = reading.oldest();
        let mut both = Reading::default();
        both.merge(reading);
        counters::record(&mut memory, &mut recording, &mut before, &both, CELL);
    }
    let _ = counters::missing(&memory, "api");
    check(&recording);
}

/// Answers of the metrics API, one a line.
pub fn usages(input: &[u8]) {
    let (pods, mut memory, mut recording) = (usual(), Memory::default(), empty("pods"));
    for line in input.split(|byte| *byte == b'\n').take(8) {
        let usages: Vec<Usage> = read::<DynamicObject>(line).iter().filter_map(Usage::read).collect();
        usage::record(&mut memory, &mut recording, "api", &pods, &usages, CELL);
        usage::note_seen(&mut memory, &usages, CELL);
    }
    memory.store(&mut recording);
    check(&recording);
}

/// Pods as the API server tells them, one a line.
pub fn pods(input: &[u8]) {
    let (mut memory, mut recording) = (Memory::default(), empty("pods"));
    for line in input.split(|byte| *byte == b'\n').take(8) {
        let Some(pod) = read::<Pod>(line) else { continue };
        let pods = [watched(&pod)];
        sample_replicas(&mut recording, "api", &pods, Timestamp::UNIX_EPOCH);
        note_restarts(&mut memory, &mut recording, "api", &pods, Timestamp::UNIX_EPOCH);
        memory.has_begun = true;
        let mut owners = Owners::default();
        owners.add("api", &pods);
    }
    memory.store(&mut recording);
    check(&recording);
}

/// What the source keeps for its next life: it goes on with it.
pub fn stored(input: &[u8]) {
    let Some(value) = read::<Value>(input) else { return };
    let mut recording = empty("pods");
    if recording.remember("pods", &value).is_err() {
        return;
    }
    let mut memory = Memory::load(&recording);
    for group in ["api", "workers"] {
        note_restarts(&mut memory, &mut recording, group, &usual(), Timestamp::UNIX_EPOCH);
    }
    usage::note_seen(&mut memory, &[], CELL);
    let _ = counters::missing(&memory, "api");
    memory.store(&mut recording);
    check(&recording);
}
