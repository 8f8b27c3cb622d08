//! What one load generator measured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failures;
use crate::histogram::{LatencyHistogram, LatencySummary};
use crate::named::{Counts, Histograms};
use crate::protocol::LARGEST_BODY_BYTES;

/// The version of the [`GeneratorResult`] format.
pub const RESULT_VERSION: u32 = 2;

/// What one load generator measured: counts and histograms by name, so that every kind of load delivers its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorResult {
    /// [`RESULT_VERSION`].
    pub version: u32,
    /// The pod that measured it.
    pub pod_name: String,
    /// `metadata.uid` of that pod.
    pub pod_uid: String,
    /// When the first request was sent, by the generator's clock.
    pub started_at: Timestamp,
    /// When the last answer was complete, by the generator's clock.
    pub finished_at: Timestamp,
    /// How long it took from the first to the last, by a clock that nobody sets, in microseconds.
    pub elapsed_microseconds: u64,
    /// Why no further request was sent.
    pub stopped: StopReason,
    /// What was counted, by names of the kind of load.
    pub counts: Counts,
    /// Latencies, by names of the kind of load.
    pub histograms: Histograms,
    /// What failed, and where on its way.
    pub failures: Failures,
    /// How it kept to the common start; absent where nobody measured it.
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

/// The longest name of a pod, and the longest UID, in characters.
const LONGEST_POD_NAME: usize = 253;

/// The part of a result that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl GeneratorResult {
    /// Reads a result, after a look at its length and its version. What it takes in memory is bounded by its length.
    pub fn from_json(text: &[u8]) -> Result<Self, NotAResult> {
        if text.len() > LARGEST_BODY_BYTES {
            return Err(NotAResult::TooLong(text.len()));
        }
        let malformed = |error: serde_json::Error| NotAResult::Malformed(error.to_string());
        let Versioned { version } = serde_json::from_slice(text).map_err(malformed)?;
        if version != RESULT_VERSION {
            return Err(NotAResult::Version(version));
        }
        let result: Self = serde_json::from_slice(text).map_err(malformed)?;
        if [&result.pod_name, &result.pod_uid].iter().any(|name| name.chars().count() > LONGEST_POD_NAME) {
            let words = format!("the name or the UID of a pod has more than {LONGEST_POD_NAME} characters");
            return Err(NotAResult::Malformed(words));
        }
        Ok(result)
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
    /// Requests that failed, by phase and class; `sent = succeeded + failures.total()` once all have ended.
    pub failures: Failures,
    /// From sending a request to its complete answer, of those that succeeded.
    pub latency: LatencyHistogram,
    /// The same of those that failed.
    pub failed_latency: LatencyHistogram,
}

impl RequestFigures {
    /// Adds the figures of another generator.
    pub fn merge(&mut self, other: &Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.succeeded = self.succeeded.saturating_add(other.succeeded);
        self.failures.merge(&other.failures);
        self.latency.merge(&other.latency);
        self.failed_latency.merge(&other.failed_latency);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::histogram::LONGEST_TEXT;
    use crate::named::MOST_NAMES;

    /// A result of a load that nobody knows yet, with a change to its JSON.
    fn result(change: impl FnOnce(&mut Value)) -> Result<GeneratorResult, NotAResult> {
        let mut histogram = LatencyHistogram::new();
        histogram.record(std::time::Duration::from_millis(20));
        let mut result = json!({
            "version": 2,
            "podName": "generator-0",
            "podUid": "3f1c",
            "startedAt": "2026-01-01T00:00:00Z",
            "finishedAt": "2026-01-01T00:00:10Z",
            "elapsedMicroseconds": 10_000_000,
            "stopped": "DeadlineExceeded",
            "counts": {"messages.published": 9},
            "histograms": {"messages.delivery": histogram},
            "failures": [],
        });
        change(&mut result);
        GeneratorResult::from_json(result.to_string().as_bytes())
    }

    #[test]
    fn another_kind_of_load_delivers_its_own_names() {
        let result = result(|_| {}).unwrap();
        assert_eq!(result.counts.count("messages.published"), 9);
        assert_eq!(result.histograms.get("messages.delivery").unwrap().decode().count(), 1);
    }

    #[test]
    fn a_result_of_another_version_is_refused_before_its_fields_are_looked_at() {
        for version in [1, 3] {
            let refused =
                GeneratorResult::from_json(json!({"version": version, "tps": 5}).to_string().as_bytes());
            assert_eq!(refused, Err(NotAResult::Version(version)));
        }
        assert_eq!(NotAResult::Version(1).to_string(), "version 1 of a result, 2 is wanted");
    }

    #[test]
    fn what_a_result_claims_does_not_take_more_memory_than_it_is_long() {
        // A histogram whose header claims four gibibytes.
        let bomb = "HISTE/////8AAAAAAAAAAwAAAAAAAAABAAAAAa0nSAA/8AAAAAAAAA==";
        let fault = result(|it| it["histograms"]["messages.delivery"] = json!(bomb)).unwrap_err().to_string();
        assert!(fault.contains("its header claims 4294967295 bytes"), "{fault}");
        let long = "A".repeat(LONGEST_TEXT + 4);
        assert!(result(|it| it["histograms"]["messages.delivery"] = json!(long)).is_err());
        let many: Vec<(String, Value)> =
            (0..=MOST_NAMES).map(|number| (format!("count{number}"), json!(1))).collect();
        let fault = result(|it| it["counts"] = many.into_iter().collect()).unwrap_err().to_string();
        assert!(fault.contains("more than 64 names"), "{fault}");
        assert!(result(|it| it["podName"] = json!("x".repeat(254))).is_err());
        let too_long = GeneratorResult::from_json(&vec![b' '; LARGEST_BODY_BYTES + 1]);
        assert_eq!(too_long, Err(NotAResult::TooLong(LARGEST_BODY_BYTES + 1)));
    }

    #[test]
    fn a_result_with_as_many_of_the_largest_histograms_as_a_kind_of_load_may_need_is_short_enough() {
        let histograms: serde_json::Map<String, Value> =
            (0..4).map(|number| (format!("step{number}"), json!(LatencyHistogram::full()))).collect();
        assert!(result(|it| it["histograms"] = json!(histograms)).is_ok());
    }

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
