//! One dispatching request, and its outcome.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::substitution::substitute;
use throughput_model::workload::{Dispatch, DispatchRequest, Method, PulpTasks, TestView, UNIQUE};
use throughput_pulp::{Answer, PulpClient, PulpError, Request};
use uuid::Uuid;

/// A request that did not dispatch tasks, as far as its sender knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispatchFailure {
    /// The phase of the request in which it failed.
    pub phase: Phase,
    /// The class of the failure.
    pub class: FailureClass,
    /// The failure in words.
    pub description: String,
}

/// Sends the requests of one generator.
#[derive(Debug)]
pub struct Dispatcher {
    pulp: PulpClient,
    dispatch: Dispatch,
    correlation_id: Uuid,
    /// The part of the values for `$(unique)` that no other run has; the rest is a number.
    unique_seed: String,
    unique_number: AtomicU64,
}

impl Dispatcher {
    /// A sender for this load. No other pod may have the same `unique_seed`.
    pub fn new(pulp: PulpClient, tasks: &PulpTasks, unique_seed: String) -> Self {
        Self {
            pulp,
            dispatch: tasks.dispatch.clone(),
            correlation_id: tasks.correlation_id,
            unique_seed,
            unique_number: AtomicU64::new(0),
        }
    }

    /// Sends one request. Returns the number of tasks that it dispatched, at least 1.
    pub async fn send(&self) -> Result<u64, DispatchFailure> {
        let tasks = match &self.dispatch {
            Dispatch::TestView(view) => self.send_to_test_view(view).await,
            Dispatch::Request(request) => self.send_request(request).await,
            // Calls in Pulp's own process are made by the script beside this program.
            Dispatch::InProcess(_) => {
                Err(PulpError::UnexpectedAnswer("not dispatched by requests".to_owned()))
            }
        };
        tasks.map_err(|error| DispatchFailure {
            phase: error.failure_phase(),
            class: error.failure_class(),
            description: error.to_string(),
        })
    }

    async fn send_to_test_view(&self, view: &TestView) -> Result<u64, PulpError> {
        match self.pulp.ask_test_view(view, self.correlation_id).await? {
            // Counted as a success it would be repeated without a pause.
            0 => Err(PulpError::UnexpectedAnswer("no task was dispatched".to_owned())),
            tasks => Ok(tasks),
        }
    }

    async fn send_request(&self, request: &DispatchRequest) -> Result<u64, PulpError> {
        let DispatchRequest { method, path, body, request_timeout_milliseconds } = request;
        let body = body.as_ref().map(|body| self.fill(body));
        let request =
            Request { body: body.as_deref(), ..self.prepare(*method, path, *request_timeout_milliseconds) };
        tasks_of_request(&self.pulp.send(&request).await?)
    }

    fn prepare<'a>(&self, method: Method, path: &'a str, timeout_milliseconds: u64) -> Request<'a> {
        Request {
            correlation_id: Some(self.correlation_id),
            timeout: Some(Duration::from_millis(timeout_milliseconds)),
            ..Request::new(method, path)
        }
    }

    /// A body with each `$(unique)` replaced.
    fn fill(&self, body: &str) -> String {
        let unique = |name: &str| {
            (name == UNIQUE).then(|| {
                let number = self.unique_number.fetch_add(1, Ordering::Relaxed);
                let name = format!("{}/{number}", self.unique_seed);
                Uuid::new_v5(&self.correlation_id, name.as_bytes()).to_string()
            })
        };
        // A name that there is not was refused before anything was done.
        substitute(body, unique).unwrap_or_else(|_| body.to_owned())
    }
}

/// The number of tasks that a request dispatched: 202 names the task, 201 the resource that one made.
fn tasks_of_request(answer: &Answer) -> Result<u64, PulpError> {
    match answer.status {
        201 => Ok(1),
        202 => {
            let fields: BTreeMap<String, Value> = answer.json()?;
            if fields.get("task").is_some_and(Value::is_string) {
                Ok(1)
            } else {
                Err(PulpError::UnexpectedAnswer("202 without a task".to_owned()))
            }
        }
        status => Err(PulpError::UnexpectedAnswer(format!("status {status} dispatches no task"))),
    }
}
