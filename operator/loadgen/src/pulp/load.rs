//! The load of one generator: its plan, and the report of what came of it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use throughput_model::generator::{
    GeneratorResult, OwnWork, RESULT_VERSION, RequestFigures, StartFigures, StopReason,
};
use throughput_model::histogram::LatencyHistogram;
use throughput_model::pulp_load::PulpLoad;
use throughput_model::workload::{Dispatch, PulpTasks};
use tokio::time::Instant;

use crate::durations::microseconds;
use crate::session::start::StartEstimate;
use crate::settings::Settings;

/// The plan of a closed loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoopPlan {
    /// The number of tasks to dispatch: this generator's share.
    pub tasks_wanted: u64,
    /// The number of tasks that a request is expected to dispatch, until the first answer tells.
    pub tasks_per_request: u64,
    /// The number of users, each with one request under way at most.
    pub concurrency: u32,
    /// The time for which new requests are sent.
    pub dispatch_deadline: Duration,
    /// The longest time to await requests under way, after being told to end.
    pub termination_grace: Duration,
}

impl LoopPlan {
    /// The plan for this generator's share of the tasks.
    pub(crate) fn new(settings: &Settings, tasks: &PulpTasks) -> Self {
        Self {
            tasks_wanted: tasks.share(settings.assignment.generators, settings.index),
            tasks_per_request: match &tasks.dispatch {
                Dispatch::TestView(view) => view.tasks_per_request.unwrap_or(1),
                Dispatch::Request(_) | Dispatch::InProcess(_) => 1,
            },
            concurrency: tasks.concurrency_share(settings.assignment.generators, settings.index),
            dispatch_deadline: Duration::from_millis(tasks.dispatch_deadline_milliseconds),
            termination_grace: settings.termination_grace,
        }
    }
}

/// The report of a closed loop.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopReport {
    /// The time of the first request, by the clock of this machine.
    pub started_at: Timestamp,
    /// The time from the first request to the last answer.
    pub elapsed: Duration,
    /// The reason for which no further request was sent.
    pub stopped: StopReason,
    /// Requests, counted and timed.
    pub requests: RequestFigures,
    /// The number of tasks that were dispatched.
    pub tasks_dispatched: u64,
    /// The most tasks that one request dispatched.
    pub largest_yield: u64,
    /// The delays from when a request could have been sent to when it was; the users' first requests are left out.
    pub lag: LatencyHistogram,
    /// The most requests that could have been sent at one time and were not yet.
    pub most_unsent: u64,
    /// The instant of the first request; absent when none was sent.
    pub first_sent: Option<Instant>,
}

impl LoopReport {
    /// The result that is delivered, of a load whose start was estimated so and which cost the generator this work.
    pub(crate) fn into_result(
        self,
        settings: &Settings,
        start: &StartEstimate,
        work: OwnWork,
    ) -> GeneratorResult {
        let Self {
            started_at,
            elapsed,
            stopped,
            requests,
            tasks_dispatched,
            largest_yield,
            lag: _,
            most_unsent: _,
            first_sent,
        } = self;
        let load = PulpLoad { requests, tasks_dispatched, largest_yield };
        let lateness = first_sent.map(|sent| sent.saturating_duration_since(start.at)).unwrap_or_default();
        let elapsed_of_day = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        GeneratorResult {
            version: RESULT_VERSION,
            pod_name: settings.pod_name.clone(),
            pod_uid: settings.pod_uid.clone(),
            started_at,
            finished_at: started_at.checked_add(elapsed_of_day).unwrap_or(Timestamp::MAX),
            elapsed_microseconds: microseconds(elapsed),
            stopped,
            counts: load.counts(),
            histograms: load.histograms(),
            failures: load.requests.failures,
            start: Some(StartFigures {
                uncertainty_microseconds: microseconds(start.uncertainty),
                lateness_microseconds: microseconds(lateness),
            }),
            work: Some(work),
        }
    }
}
