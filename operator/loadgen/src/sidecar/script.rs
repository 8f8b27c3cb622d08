//! The script's work, and its result as the operator wants it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use throughput_model::failure::{FailureClass, Phase};
use throughput_model::generator::{
    GeneratorResult, RESULT_VERSION, RequestFigures, StartFigures, StopReason,
};
use throughput_model::pulp_load::PulpLoad;
use throughput_model::workload::{InProcess, PulpTasks};
use uuid::Uuid;

use crate::durations::microseconds;
use crate::session::start::StartEstimate;
use crate::settings::Settings;

/// The script's work, as `work.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Work {
    /// The number of tasks to dispatch.
    pub(super) tasks: u64,
    /// The tasks' correlation id.
    pub(super) correlation_id: Uuid,
    /// The tasks' domain, where there are domains.
    pub(super) domain: Option<String>,
    /// The tasks' function.
    pub(super) function: String,
    /// Its arguments: a JSON array, as text.
    pub(super) arguments: String,
    /// Its named arguments: a JSON object, as text.
    pub(super) named_arguments: String,
    /// Whether each task locks a resource of its own.
    pub(super) unique_lock: bool,
    /// The resources that every task locks for itself alone.
    pub(super) exclusive: Vec<String>,
    /// The resources that every task shares.
    pub(super) shared: Vec<String>,
    /// The longest time for which tasks are dispatched.
    pub(super) deadline_milliseconds: u64,
}

impl Work {
    pub(super) fn new(settings: &Settings, tasks: &PulpTasks, work: &InProcess) -> Self {
        let InProcess { function, arguments, named_arguments, unique_lock, exclusive, shared } = work.clone();
        Self {
            tasks: tasks.share(settings.assignment.generators, settings.index),
            correlation_id: tasks.correlation_id,
            domain: tasks.pulp.domain.clone(),
            function,
            arguments,
            named_arguments,
            unique_lock,
            exclusive,
            shared,
            deadline_milliseconds: tasks.dispatch_deadline_milliseconds,
        }
    }
}

/// The script's result, as `result.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScriptResult {
    /// The time of the first call, in nanoseconds since 1970.
    pub(super) started_at: i64,
    /// The time from the first call to the end of the last one.
    pub(super) elapsed_microseconds: u64,
    /// The reason for which no further call was made.
    pub(super) stopped: StopReason,
    /// The time of each call that dispatched a task.
    pub(super) latencies_microseconds: Vec<u64>,
    /// The time of each call that raised an exception.
    pub(super) failed_microseconds: Vec<u64>,
    /// The first few exceptions, in words.
    pub(super) failures: Vec<String>,
}

impl ScriptResult {
    /// The result that is delivered. `at` is the start by this node's clock.
    pub(super) fn into_result(
        self,
        settings: &Settings,
        start: &StartEstimate,
        at: Timestamp,
    ) -> GeneratorResult {
        let Self {
            started_at,
            elapsed_microseconds,
            stopped,
            latencies_microseconds,
            failed_microseconds,
            failures,
        } = self;
        let mut requests = RequestFigures::default();
        for microseconds in &latencies_microseconds {
            requests.latency.record(Duration::from_micros(*microseconds));
        }
        for (number, microseconds) in failed_microseconds.iter().enumerate() {
            requests.failed_latency.record(Duration::from_micros(*microseconds));
            let description = failures.get(number).map_or("a further exception", String::as_str);
            requests.failures.record(Phase::AwaitAnswer, FailureClass::Raised, description);
        }
        requests.succeeded = requests.latency.count();
        requests.sent = requests.succeeded + requests.failures.total();
        let load = PulpLoad {
            tasks_dispatched: requests.succeeded,
            largest_yield: u64::from(requests.succeeded > 0),
            requests,
        };
        let started_at = Timestamp::from_nanosecond(i128::from(started_at)).unwrap_or_default();
        let elapsed = SignedDuration::try_from(Duration::from_micros(elapsed_microseconds))
            .unwrap_or(SignedDuration::MAX);
        let lateness = Duration::try_from(started_at.duration_since(at)).unwrap_or_default();
        GeneratorResult {
            version: RESULT_VERSION,
            pod_name: settings.pod_name.clone(),
            pod_uid: settings.pod_uid.clone(),
            started_at,
            finished_at: started_at.checked_add(elapsed).unwrap_or(Timestamp::MAX),
            elapsed_microseconds,
            stopped,
            counts: load.counts(),
            histograms: load.histograms(),
            failures: load.requests.failures,
            start: Some(StartFigures {
                uncertainty_microseconds: microseconds(start.uncertainty),
                lateness_microseconds: microseconds(lateness),
            }),
            // The calls are the load, and their time is Pulp's own: there is no generator that could lag.
            work: None,
        }
    }
}
