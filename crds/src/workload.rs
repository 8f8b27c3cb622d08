//! What the load consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::duration::BoundedDuration;
use crate::in_process::InProcessDispatch;

/// What the load consists of: exactly one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("has(self.pulpTasks)").message("name the workload: pulpTasks")),
)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Pulp tasks, dispatched by requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulp_tasks: Option<PulpTasksWorkload>,
}

/// Pulp tasks, dispatched by requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PulpTasksWorkload {
    /// How many tasks each cell dispatches. A view that dispatches many at once can overshoot; what was
    /// really dispatched is in the results.
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 200_000)))]
    pub tasks: u64,
    /// What the workers do while tasks are dispatched.
    #[serde(default)]
    pub procedure: Procedure,
    /// How the tasks are dispatched.
    #[serde(default)]
    pub dispatch: Dispatch,
    /// What is done with that which the tasks made.
    #[serde(default)]
    pub cleanup: Cleanup,
    /// The share of the workers' time that tasks of others may take while the cell's tasks are counted, those of Pulp's own
    /// schedule above all: a decimal in quotes, in percent of the time that workers spent on tasks. With a larger one the
    /// cell's figures are not trusted: its verdict is Invalid.
    #[serde(default = "default_max_foreign_work_percent")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 6), regex(pattern = r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)$"))
    )]
    pub max_foreign_work_percent: String,
}

fn default_max_foreign_work_percent() -> String {
    "1".to_owned()
}

/// What the workers do while tasks are dispatched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum Procedure {
    /// The workers run while tasks are dispatched: the rate that the system sustains.
    #[default]
    Sustained,
    /// All tasks are dispatched while there is no worker, then the workers are started: the rate at which a
    /// backlog is drained.
    Backlog,
}

/// What is done, after a cell, with that which its tasks made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
pub enum Cleanup {
    /// It stays.
    #[default]
    None,
    /// Every resource that Pulp names as created by one of the cell's tasks is deleted.
    Created,
}

/// How tasks are dispatched: one of its fields. When none is given, by a request that every Pulp has and that changes
/// nothing: a purge of tasks of before 1970, for which the annotation `perf.pulpproject.org/for` alone suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "kube",
    derive(kube::KubeSchema),
    x_kube(validation = kube::core::Rule::new("[has(self.testView), has(self.request), has(self.inProcess)].filter(given, given).size() <= 1").message("give one way to dispatch: testView, request or inProcess")),
)]
#[serde(rename_all = "camelCase")]
pub struct Dispatch {
    /// A view made for tests that dispatches many tasks within one request, such as pulp-service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_view: Option<TestViewDispatch>,
    /// Any request that Pulp answers with a task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestDispatch>,
    /// Calls of Pulp's own function, in a container with Pulp's image and settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_process: Option<InProcessDispatch>,
}

/// A view made for tests that dispatches many tasks within one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestViewDispatch {
    /// The view's path below Pulp's API root. No part of it begins with a dot. Where there is a Secret, its owner
    /// permits the path (`perf.pulpproject.org/requests`).
    #[serde(default = "default_view_path")]
    #[cfg_attr(
        feature = "kube",
        schemars(length(max = 256), regex(pattern = "^([-_~A-Za-z0-9][-._~A-Za-z0-9]*/)+$"))
    )]
    pub path: String,
    /// The query's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub query: BTreeMap<String, String>,
    /// A query with which the view dispatches nothing, where it has one: `{timeout: "0"}` for pulp-service. With it
    /// the view is asked once, when everything else is there and before anything is scaled, so that one that is
    /// switched off is noticed in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(extend("maxProperties" = 16)))]
    pub check_query: Option<BTreeMap<String, String>>,
    /// The field of the JSON answer that carries the number of dispatched tasks.
    #[serde(default = "default_count_field")]
    #[cfg_attr(feature = "kube", schemars(length(min = 1, max = 64)))]
    pub count_field: String,
    /// The most tasks that one request dispatches, when that is known: the generator then stops exactly,
    /// before any answer has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(range(min = 1, max = 200_000)))]
    pub tasks_per_request: Option<u64>,
    /// How long one request may take. The view of pulp-service works for 25 s, whatever it is asked.
    #[serde(default = "default_view_timeout")]
    pub timeout: RequestTimeout,
}

impl Default for TestViewDispatch {
    fn default() -> Self {
        Self {
            path: default_view_path(),
            query: BTreeMap::new(),
            check_query: None,
            count_field: default_count_field(),
            tasks_per_request: None,
            timeout: default_view_timeout(),
        }
    }
}

fn default_view_path() -> String {
    "test/tasks/".to_owned()
}

fn default_count_field() -> String {
    "tasks_executed".to_owned()
}

fn default_view_timeout() -> RequestTimeout {
    const { RequestTimeout::from_seconds(60) }
}

/// The time for one request: from a second to an hour.
pub type RequestTimeout = BoundedDuration<1, 3600>;

/// A request that Pulp answers with one task: with status 202 and `{"task": …}`, or 201.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestDispatch {
    /// The method.
    #[serde(default)]
    pub method: DispatchMethod,
    /// The path below Pulp's API root, the domain included where there is one. No part of it begins with a dot.
    #[cfg_attr(
        feature = "kube",
        schemars(
            length(min = 1, max = 256),
            regex(pattern = "^[-_~A-Za-z0-9][-._~A-Za-z0-9]*(/[-_~A-Za-z0-9][-._~A-Za-z0-9]*)*/?$")
        )
    )]
    pub path: String,
    /// The JSON body, as text. Each `$(unique)` in it is replaced by a value that no other request has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "kube", schemars(length(max = 8192)))]
    pub body: Option<String>,
    /// How long one request may take.
    #[serde(default = "default_request_timeout")]
    pub timeout: RequestTimeout,
}

fn default_request_timeout() -> RequestTimeout {
    const { RequestTimeout::from_seconds(30) }
}

/// The method of a dispatching request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "kube", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum DispatchMethod {
    /// `GET`
    Get,
    /// `POST`
    #[default]
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}
