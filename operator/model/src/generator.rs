//! What one load generator measured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failures;
use crate::histogram::{LatencyHistogram, LatencySummary};
use crate::protocol::LARGEST_BODY_BYTES;

/// The version of the [`GeneratorResult`] format.
pub const RESULT_VERSION: u32 = 1;

/// What one load generator measured: counts and histograms that merge with those of others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorResult {
    /// [`RESULT_VERSION`].
    pub version: u32,
    /// The pod that measured it.
    pub pod_name: String,
    /// `metadata.uid` of that pod; empty in results of programs that did not say it yet.
    #[serde(default)]
    pub pod_uid: String,
    /// When the first request was sent, by the generator's clock.
    pub started_at: Timestamp,
    /// When the last answer was complete, by the generator's clock.
    pub finished_at: Timestamp,
    /// How long it took from the first to the last, by a clock that nobody sets, in microseconds.
    pub elapsed_microseconds: u64,
    /// Why no further request was sent.
    pub stopped: StopReason,
    /// What was counted.
    pub requests: RequestFigures,
    /// Tasks that the answers say were dispatched.
    pub tasks_dispatched: u64,
    /// The most tasks that a single request dispatched.
    pub largest_yield: u64,
    /// How it kept to the common start; absent in results of programs that did not say it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<StartFigures>,
    /// How much of itself it used; absent where nobody measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<OwnWork>,
}

/// A text that is not a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAResult {
    /// It is longer than any result.
    #[error("{0} bytes of a result, at most {LARGEST_BODY_BYTES} are taken")]
    TooLong(usize),
    /// It is of another version than [`RESULT_VERSION`].
    #[error("version {0} of a result, {RESULT_VERSION} is wanted")]
    Version(u32),
    /// It is no JSON, or not that of a result.
    #[error("not a result: {0}")]
    Malformed(String),
}

/// The part of a result that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl GeneratorResult {
    /// Reads a result, after a look at its length and its version.
    pub fn from_json(text: &[u8]) -> Result<Self, NotAResult> {
        if text.len() > LARGEST_BODY_BYTES {
            return Err(NotAResult::TooLong(text.len()));
        }
        let malformed = |error: serde_json::Error| NotAResult::Malformed(error.to_string());
        let Versioned { version } = serde_json::from_slice(text).map_err(malformed)?;
        if version != RESULT_VERSION {
            return Err(NotAResult::Version(version));
        }
        serde_json::from_slice(text).map_err(malformed)
    }
}

/// How a generator kept to the common start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartFigures {
    /// How much the start that it was told can be off, in either direction, in microseconds.
    pub uncertainty_microseconds: u64,
    /// From the start that it was told to its first request, in microseconds.
    pub lateness_microseconds: u64,
}

/// How much of itself a generator used, from its first request to its last answer. It tells whether the
/// figures are the target's or the generator's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnWork {
    /// Processor time that it used, in microseconds.
    pub cpu_microseconds: u64,
    /// What it could use: its limit, or all cores of its node, in thousandths of a core.
    pub cpu_capacity_millicores: u64,
    /// Whether that is a limit of its own.
    pub cpu_limited: bool,
    /// Periods of the processor's scheduler in which it was at work; 0 without a limit.
    pub cpu_periods: u64,
    /// Those of them in which it was stopped since its share was used up.
    pub cpu_periods_throttled: u64,
    /// From when a request could have been sent to when it was, of all but the users' first ones.
    pub lag: LatencySummary,
    /// The most requests that could have been sent at one time and were not yet.
    pub most_unsent: u64,
}

/// The reason for which a generator sent no further request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopReason {
    /// All tasks that were wanted were dispatched, or more. Its name in results is `TargetReached`.
    #[serde(rename = "TargetReached")]
    AllTasksDispatched,
    /// The dispatch deadline passed first.
    DeadlineExceeded,
    /// So many requests failed one after the other that going on would say nothing new.
    TooManyFailures,
    /// The generator was told to end (its pod was deleted).
    Terminated,
}

/// Counts and latencies of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestFigures {
    /// Requests that were sent.
    pub sent: u64,
    /// Requests that were answered as they should be.
    pub succeeded: u64,
    /// Requests that failed, by class; `sent = succeeded + failures.total()` once all have ended.
    pub failures: Failures,
    /// From sending a request to its complete answer, of those that succeeded.
    pub latency: LatencyHistogram,
    /// The same of those that failed.
    pub failed_latency: LatencyHistogram,
}

impl RequestFigures {
    /// Adds the figures of another generator.
    pub fn merge(&mut self, other: &Self) {
        self.sent += other.sent;
        self.succeeded += other.succeeded;
        self.failures.merge(&other.failures);
        self.latency.merge(&other.latency);
        self.failed_latency.merge(&other.failed_latency);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reasons_to_stop_have_the_names_that_results_have_always_had() {
        let reasons = [
            (StopReason::AllTasksDispatched, "TargetReached"),
            (StopReason::DeadlineExceeded, "DeadlineExceeded"),
            (StopReason::TooManyFailures, "TooManyFailures"),
            (StopReason::Terminated, "Terminated"),
        ];
        for (reason, name) in reasons {
            assert_eq!(serde_json::to_value(reason).unwrap(), name);
        }
    }
}
