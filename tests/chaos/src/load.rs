//! The tests that faults are done to: small ones, of one cell.

use serde_json::{Value, json};
use throughput_test_support::spec::{PulpSpec, WORKERS, scaled};

use super::elsewhere::pulps_url;

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
            Self::Sustained => sustained().into(),
            Self::NeverDrains => never_drains(),
            Self::Backlog => backlog(),
            Self::TwoTargets => two_targets(["workers", "content"]),
        }
    }
}

fn sustained() -> PulpSpec {
    spec(view(&json!({"tasks": "20", "sleep": "0.2"})), 120, "45s")
}

fn never_drains() -> Value {
    spec(view(&json!({"tasks": "20", "sleep": "4", "lock": "chaos"})), 20, "2s").into()
}

/// Two targets in this order.
pub(super) fn two_targets(order: [&str; 2]) -> Value {
    let deployment = |name: &str| if name == "workers" { WORKERS } else { "pulp-content" };
    let matrix = json!([
        {"name": "workers", "of": "Scale", "values": [3]},
        {"name": "content", "of": "Scale", "values": [2]},
    ]);
    let scale = order.map(|name| scaled(name, "Deployment", deployment(name)));
    sustained().with("scale", scale.into()).with("matrix", matrix).into()
}

fn backlog() -> Value {
    let view = json!({"testView": {
        "path": "test/distributions/", "query": {"tasks": "10"}, "tasksPerRequest": 10, "timeout": "15s",
    }});
    let mut spec = Value::from(spec(view, 40, "45s").workers(&[2]));
    spec["workload"]["pulpTasks"]["procedure"] = "Backlog".into();
    spec["workload"]["pulpTasks"]["cleanup"] = "Created".into();
    spec
}

/// The same as `Sustained` in a namespace of its own: what it scales there is idle, and the workers are Pulp's.
pub(super) fn elsewhere() -> Value {
    let idle = [("workers", "idle-workers"), ("others", "idle-others")];
    let matrix = json!([{"name": "others", "of": "Scale", "values": [3]}]);
    let scale = idle.map(|(name, deployment)| scaled(name, "Deployment", deployment));
    let credentials = json!({"secretRef": {"name": "pulp-admin"}});
    let target = json!({"name": "pulp", "url": pulps_url(), "credentials": credentials, "pulp": {}});
    sustained().with("targets", json!([target])).with("scale", scale.into()).with("matrix", matrix).into()
}

fn view(query: &Value) -> Value {
    json!({"testView": {"query": query, "tasksPerRequest": 20, "timeout": "15s"}})
}

fn spec(dispatch: Value, tasks: u64, drain: &str) -> PulpSpec {
    let timeouts = json!({
        "start": "4m", "scale": "3m", "generatorStart": "45s", "dispatch": "1m", "drain": drain, "cancel": "50s",
    });
    PulpSpec::of(tasks)
        .workers(&[3])
        .dispatch(dispatch)
        .at_least("tasks.successRatio", "1")
        .with("timeouts", timeouts)
}
