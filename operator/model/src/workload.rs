//! What a load generator is told to do.
//!
//! An [`Assignment`] reaches the generator as a file; it holds no secret. Credentials are mounted beside it
//! and never pass through this type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cell::CellAddress;

/// The version of the [`Assignment`] format: a generator refuses any other.
pub const ASSIGNMENT_VERSION: u32 = 3;

/// Everything that one generator of a cell needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assignment {
    /// [`ASSIGNMENT_VERSION`].
    pub version: u32,
    /// The cell that the load belongs to.
    pub address: CellAddress,
    /// How many generators share the load; each takes its share of the tasks by its index.
    pub generators: u32,
    /// The load.
    pub workload: Workload,
}

/// The kinds of load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Workload {
    /// Requests that make Pulp dispatch tasks.
    PulpTasks(Box<PulpTasks>),
    /// Holding for a while, in tests.
    #[cfg(feature = "example-kind")]
    Holding(crate::holding::Holding),
}

/// Requests that make Pulp dispatch tasks, sent by a closed loop of `concurrency` users until `tasks` tasks
/// were dispatched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PulpTasks {
    /// Where Pulp's API is.
    pub pulp: PulpEndpoint,
    /// Sent as `Correlation-ID` with every dispatching request.
    pub correlation_id: Uuid,
    /// How many tasks all generators together shall dispatch. Requests may dispatch more than one task each,
    /// so the number really dispatched can be higher, never lower unless requests fail.
    pub tasks: u64,
    /// How many requests are under way at once, those of all generators together.
    pub concurrency: u32,
    /// The requests.
    pub dispatch: Dispatch,
    /// After this many milliseconds no new request is sent, whatever was dispatched.
    pub dispatch_deadline_milliseconds: u64,
}

/// Where a Pulp API is, and how to authenticate to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PulpEndpoint {
    /// Scheme, host and port, without a path: `http://pulp-api.pulp.svc:24817`.
    pub base_url: String,
    /// Pulp's `API_ROOT`, with a slash at both ends: `/pulp/`.
    pub api_root: String,
    /// The domain's name where Pulp's `DOMAIN_ENABLED` is on; else absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub domain: Option<String>,
    /// How requests authenticate.
    pub authentication: Authentication,
    /// The user's name, where the credentials do not hold it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub username: Option<String>,
    /// Whether an encrypted target's certificate is verified.
    pub verifies_certificate: bool,
}

/// How requests to Pulp authenticate. What they authenticate with is never part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Authentication {
    /// Log in once with user name and password, then send the session's cookies: what costs the API least.
    Session,
    /// User name and password with each request. Pulp hashes the password each time, which can cost more
    /// than the request itself.
    Basic,
    /// A token with each request, in the header `Authorization`.
    Bearer,
    /// A header with each request, whose value is the credential.
    Header {
        /// The header's name: `x-rh-identity`.
        name: String,
    },
    /// Not at all.
    None,
}

/// The requests that make Pulp dispatch tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Dispatch {
    /// A view made for tests, which dispatches many tasks within one request and answers how many.
    TestView(TestView),
    /// Any request that Pulp answers with a task: status 202 and `{"task": href}`.
    Request(DispatchRequest),
    /// Calls of Pulp's own function, by a script in a container with Pulp's image and settings.
    InProcess(InProcess),
}

/// A view that dispatches tasks itself and answers their number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TestView {
    /// The view's absolute path: `/pulp/test/tasks/`.
    pub path: String,
    /// The query's parameters.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// The field of the JSON answer that carries the number of dispatched tasks: `tasks_executed`.
    pub count_field: String,
    /// The most tasks that one request dispatches, when that is known beforehand. Until a first answer tells
    /// more, the generator reckons with this number for requests under way, else with 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tasks_per_request: Option<u64>,
    /// How long one request may take. The view of pulp-service works for 25 s whatever it is asked.
    pub request_timeout_milliseconds: u64,
}

/// What the body of a dispatching request may have in it, as `$(unique)`: a value that no other request has.
pub const UNIQUE: &str = "unique";

/// A request that Pulp answers with one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DispatchRequest {
    /// The method.
    pub method: Method,
    /// The absolute path: `/pulp/api/v3/tasks/purge/`.
    pub path: String,
    /// The JSON body, as text. Each `$(unique)` in it is replaced by a value that no other request has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub body: Option<String>,
    /// How long one request may take.
    pub request_timeout_milliseconds: u64,
}

/// Calls of Pulp's `dispatch` in a process of its own. Each dispatches one task; a generator makes one after
/// the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InProcess {
    /// The task's function, by its full name: `pulpcore.app.tasks.test.dummy_task`.
    pub function: String,
    /// Its arguments: a JSON array, as text.
    pub arguments: String,
    /// Its named arguments: a JSON object, as text.
    pub named_arguments: String,
    /// Whether each task locks a resource that no other task has.
    pub unique_lock: bool,
    /// The resources that every task locks for itself alone.
    pub exclusive: Vec<String>,
    /// The resources that every task shares.
    pub shared: Vec<String>,
}

/// The methods of a dispatching request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl PulpTasks {
    /// The tasks that the generator with this index dispatches: an equal share, the remainder going to the
    /// first ones.
    pub fn share(&self, generators: u32, index: u32) -> u64 {
        let (generators, index) = (u64::from(generators.max(1)), u64::from(index));
        self.tasks / generators + u64::from(index < self.tasks % generators)
    }

    /// The requests that the generator with this index has under way at once: an equal share, the remainder going to the
    /// first ones, and one at least.
    pub fn concurrency_share(&self, generators: u32, index: u32) -> u32 {
        let generators = generators.max(1);
        (self.concurrency / generators + u32::from(index < self.concurrency % generators)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(tasks: u64) -> PulpTasks {
        PulpTasks {
            pulp: PulpEndpoint {
                base_url: "http://pulp-api:24817".to_owned(),
                api_root: "/pulp/".to_owned(),
                domain: None,
                authentication: Authentication::Session,
                username: None,
                verifies_certificate: true,
            },
            correlation_id: Uuid::nil(),
            tasks,
            concurrency: 1,
            dispatch: Dispatch::TestView(TestView {
                path: "/pulp/test/tasks/".to_owned(),
                query: BTreeMap::new(),
                count_field: "tasks_executed".to_owned(),
                tasks_per_request: None,
                request_timeout_milliseconds: 60_000,
            }),
            dispatch_deadline_milliseconds: 1_000,
        }
    }

    #[test]
    fn shares_add_up_to_all_tasks() {
        let workload = workload(1_000);
        let shares: Vec<u64> = (0..3).map(|index| workload.share(3, index)).collect();
        assert_eq!(shares, [334, 333, 333]);
    }

    #[test]
    fn requests_at_once_are_shared_and_everybody_has_one() {
        let shares = |concurrency, generators| {
            let workload = PulpTasks { concurrency, ..workload(10) };
            (0..generators).map(|index| workload.concurrency_share(generators, index)).collect::<Vec<_>>()
        };
        assert_eq!(shares(10, 4), [3, 3, 2, 2]);
        assert_eq!(shares(4, 4), [1, 1, 1, 1]);
        assert_eq!(shares(1, 2), [1, 1]);
    }

    #[test]
    fn an_assignment_survives_its_own_json() {
        let assignment = Assignment {
            version: ASSIGNMENT_VERSION,
            address: CellAddress { test_uid: "3f1c".to_owned(), cell: 0, attempt: 1 },
            generators: 1,
            workload: Workload::PulpTasks(Box::new(workload(10))),
        };
        let json = serde_json::to_string(&assignment).unwrap();
        assert_eq!(serde_json::from_str::<Assignment>(&json).unwrap(), assignment);
    }
}
