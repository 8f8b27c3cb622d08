//! What a load of Pulp's tasks delivers, and the names that it has in results and in progress.

use crate::generator::{GeneratorResult, RequestFigures};
use crate::histogram::{EncodedHistogram, LatencyHistogram};
use crate::named::{Counts, Histograms};

/// Requests that were sent.
pub const REQUESTS_SENT: &str = "requests.sent";
/// Requests that were answered as they should be.
pub const REQUESTS_SUCCEEDED: &str = "requests.succeeded";
/// Requests that failed.
pub const REQUESTS_FAILED: &str = "requests.failed";
/// Requests that were answered, well or ill: of progress alone.
pub const REQUESTS_FINISHED: &str = "requests.finished";
/// Tasks that the answers say were dispatched.
pub const TASKS_DISPATCHED: &str = "tasks.dispatched";
/// The most tasks that a single request dispatched. Of several generators the largest counts, not the sum.
pub const TASKS_MOST_A_REQUEST: &str = "tasks.mostPerRequest";
/// The histogram of the latencies of requests that succeeded.
pub const LATENCY: &str = "requests.latency";
/// The histogram of the latencies of requests that failed.
pub const FAILED_LATENCY: &str = "requests.failedLatency";

/// What one generator of Pulp's tasks counted and timed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PulpLoad {
    /// Its requests.
    pub requests: RequestFigures,
    /// Tasks that the answers say were dispatched.
    pub tasks_dispatched: u64,
    /// The most tasks that a single request dispatched.
    pub largest_yield: u64,
}

impl PulpLoad {
    /// Reads it out of a result. What has no name there is 0.
    pub fn of(result: &GeneratorResult) -> Self {
        let histogram = |name| result.histograms.get(name).map(EncodedHistogram::decode).unwrap_or_default();
        Self {
            requests: RequestFigures {
                sent: result.counts.count(REQUESTS_SENT),
                succeeded: result.counts.count(REQUESTS_SUCCEEDED),
                failures: result.failures.clone(),
                latency: histogram(LATENCY),
                failed_latency: histogram(FAILED_LATENCY),
            },
            tasks_dispatched: tasks_dispatched(result),
            largest_yield: result.counts.count(TASKS_MOST_A_REQUEST),
        }
    }

    /// Its counts, by name. The classes of failures are not among them.
    pub fn counts(&self) -> Counts {
        Counts::of([
            (REQUESTS_SENT, self.requests.sent),
            (REQUESTS_SUCCEEDED, self.requests.succeeded),
            (REQUESTS_FAILED, self.requests.failures.total()),
            (TASKS_DISPATCHED, self.tasks_dispatched),
            (TASKS_MOST_A_REQUEST, self.largest_yield),
        ])
    }

    /// Its histograms, by name.
    pub fn histograms(&self) -> Histograms {
        let RequestFigures { latency, failed_latency, .. } = &self.requests;
        Histograms::of([(LATENCY, latency.into()), (FAILED_LATENCY, failed_latency.into())])
    }
}

/// Tasks that the answers to one generator say were dispatched.
pub fn tasks_dispatched(result: &GeneratorResult) -> u64 {
    result.counts.count(TASKS_DISPATCHED)
}

/// The same of all generators of a cell.
pub fn all_tasks_dispatched(results: &[GeneratorResult]) -> u64 {
    results.iter().map(tasks_dispatched).fold(0, u64::saturating_add)
}

/// The latencies of the requests of one generator that succeeded.
pub fn latency(result: &GeneratorResult) -> LatencyHistogram {
    result.histograms.get(LATENCY).map(EncodedHistogram::decode).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::failure::{FailureClass, Phase};
    use crate::generator::{RESULT_VERSION, StopReason};

    #[test]
    fn what_is_delivered_by_name_is_what_was_counted() {
        let mut load = PulpLoad { tasks_dispatched: 250, largest_yield: 50, ..PulpLoad::default() };
        (load.requests.sent, load.requests.succeeded) = (6, 5);
        load.requests.latency.record(Duration::from_millis(20));
        load.requests.failed_latency.record(Duration::from_secs(59));
        load.requests.failures.record(Phase::AwaitAnswer, FailureClass::Timeout, "no answer");
        let result = GeneratorResult {
            version: RESULT_VERSION,
            pod_name: String::new(),
            pod_uid: String::new(),
            started_at: Timestamp::UNIX_EPOCH,
            finished_at: Timestamp::UNIX_EPOCH,
            elapsed_microseconds: 0,
            stopped: StopReason::Terminated,
            counts: load.counts(),
            histograms: load.histograms(),
            failures: load.requests.failures.clone(),
            start: None,
            work: None,
        };
        assert_eq!(PulpLoad::of(&result), load);
        assert_eq!(
            result.counts.to_string(),
            "requests.failed 1, requests.sent 6, requests.succeeded 5, tasks.dispatched 250, tasks.mostPerRequest 50"
        );
        assert_eq!((tasks_dispatched(&result), latency(&result)), (250, load.requests.latency));
    }
}
