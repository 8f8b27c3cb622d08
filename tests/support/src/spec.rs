//! The spec of a test of Pulp's tasks, with the fewest words.

use serde_json::{Value, json};

/// The Deployment of Pulp's workers.
pub const WORKERS: &str = "pulp-worker";

/// A spec in the making. What is not said has the API's defaults.
#[derive(Clone, Debug)]
pub struct PulpSpec(Value);

impl PulpSpec {
    /// So many tasks a cell of the test view, for the Pulp behind the Service `pulp-api`, with the password in the Secret `pulp-admin` and
    /// the Deployment [`WORKERS`].
    pub fn of(tasks: u64) -> Self {
        Self(json!({
            "targets": [{
                "name": "pulp",
                "service": {"name": "pulp-api", "port": 24817},
                "credentials": {"secretRef": {"name": "pulp-admin"}},
                "pulp": {},
            }],
            "scale": [scaled("workers", "Deployment", WORKERS)],
            "workload": {"pulpTasks": {"tasks": tasks, "dispatch": {"testView": {}}}},
        }))
    }

    /// Pulp is logged into like this: `credentials` of the target.
    #[must_use]
    pub fn credentials(mut self, credentials: Value) -> Self {
        self.0["targets"][0]["credentials"] = credentials;
        self
    }

    /// The workers are this object of `apps/v1`.
    #[must_use]
    pub fn scaling(mut self, kind: &str, name: &str) -> Self {
        self.0["scale"] = json!([scaled("workers", kind, name)]);
        self
    }

    /// Each of these numbers of workers is a cell.
    #[must_use]
    pub fn workers(self, numbers: &[u32]) -> Self {
        self.with("matrix", json!([{"name": "workers", "of": "Scale", "values": numbers}]))
    }

    /// The test view is asked for so many tasks at a time, each of which sleeps for so many seconds.
    #[must_use]
    pub fn requests_of(self, tasks: u64, sleep: &str) -> Self {
        self.dispatch(json!({"testView": {
            "query": {"tasks": tasks.to_string(), "sleep": sleep}, "tasksPerRequest": tasks,
        }}))
    }

    /// Tasks are dispatched like this: `workload.pulpTasks.dispatch`.
    #[must_use]
    pub fn dispatch(mut self, dispatch: Value) -> Self {
        self.0["workload"]["pulpTasks"]["dispatch"] = dispatch;
        self
    }

    /// A criterion: this metric is at least that.
    #[must_use]
    pub fn at_least(mut self, metric: &str, least: &str) -> Self {
        let criterion = json!({"metric": metric, "atLeast": least});
        match self.0["criteria"].as_array_mut() {
            Some(criteria) => criteria.push(criterion),
            None => self.0["criteria"] = json!([criterion]),
        }
        self
    }

    /// A field of the spec.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        self.0[field] = value;
        self
    }
}

impl From<PulpSpec> for Value {
    fn from(spec: PulpSpec) -> Self {
        spec.0
    }
}

/// An entry of `scale`: the object of `apps/v1` that goes by this name in the spec.
pub fn scaled(name: &str, kind: &str, object: &str) -> Value {
    json!({"name": name, "ref": {"apiVersion": "apps/v1", "kind": kind, "name": object}})
}
