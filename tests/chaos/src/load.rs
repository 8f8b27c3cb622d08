//! The tests that faults are done to: small ones, of one cell.

use serde_json::{Value, json};

use throughput_e2e_tests::WORKERS;

/// What a test measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// 120 tasks, dispatched while three workers run.
    Sustained,
    /// Tasks that run one after the other, and are not done when the time to drain is over.
    NeverDrains,
    /// 40 distributions, dispatched while no worker runs, and deleted at the end.
    Backlog,
    /// As `Sustained`, and the content app is scaled too: claimed second.
    TwoTargets,
}

impl Load {
    /// Its spec.
    pub fn spec(self) -> Value {
        match self {
            Self::Sustained => spec(120, &json!({"tasks": "20", "sleep": "0.2"}), "45s"),
            Self::NeverDrains => spec(20, &json!({"tasks": "20", "sleep": "4", "lock": "chaos"}), "2s"),
            Self::Backlog => backlog(),
            Self::TwoTargets => two_targets(["workers", "content"]),
        }
    }
}

/// Two targets in this order.
pub(super) fn two_targets(order: [&str; 2]) -> Value {
    let deployment = |name: &str| if name == "workers" { WORKERS } else { "pulp-content" };
    let mut spec = Load::Sustained.spec();
    spec["scale"] = order
        .map(|name| json!({"name": name, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment(name)}}))
        .into();
    spec["matrix"] = json!([
        {"name": "workers", "of": "Scale", "values": [3]},
        {"name": "content", "of": "Scale", "values": [2]},
    ]);
    spec
}

fn backlog() -> Value {
    let mut spec = Load::Sustained.spec();
    spec["matrix"] = json!([{"name": "workers", "of": "Scale", "values": [2]}]);
    spec["workload"] = json!({"pulpTasks": {
        "tasks": 40,
        "procedure": "Backlog",
        "cleanup": "Created",
        "dispatch": {"testView": {
            "path": "test/distributions/", "query": {"tasks": "10"}, "tasksPerRequest": 10, "timeout": "15s",
        }},
    }});
    spec
}

/// The same as `Sustained` in a namespace of its own: what it scales there is idle, and the workers are Pulp's.
pub(super) fn elsewhere() -> Value {
    let mut spec = Load::Sustained.spec();
    let deployment = |name: &str| json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": name});
    spec["scale"] = json!([
        {"name": "workers", "ref": deployment("idle-workers")},
        {"name": "others", "ref": deployment("idle-others")},
    ]);
    spec["matrix"] = json!([{"name": "others", "of": "Scale", "values": [3]}]);
    spec
}

fn spec(tasks: u64, query: &Value, drain: &str) -> Value {
    json!({
        "target": {"service": {"name": "pulp-api", "port": 24817}, "pulp": {"credentials": {"secretRef": {"name": "pulp-admin"}}}},
        "scale": [{"name": "workers", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": WORKERS}}],
        "matrix": [{"name": "workers", "of": "Scale", "values": [3]}],
        "workload": {"pulpTasks": {"tasks": tasks, "dispatch": {"testView": {"query": query, "tasksPerRequest": 20, "timeout": "15s"}}}},
        "criteria": [{"metric": "tasks.successRatio", "atLeast": "1"}],
        "timeouts": {"start": "4m", "scale": "3m", "generatorStart": "45s", "dispatch": "1m", "drain": drain, "cancel": "50s"},
    })
}
