//! Failed requests, counted by class, with a few samples of what was said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many samples are kept of each class.
pub const SAMPLES_PER_CLASS: usize = 3;
/// The longest sample, in characters.
pub const LONGEST_SAMPLE: usize = 300;

/// What kind of failure ended a request. The set is fixed, so that it can be a metric's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureClass {
    /// The name did not resolve, or no connection could be made.
    Connect,
    /// No full answer came within the request's time.
    Timeout,
    /// The connection broke before the answer was complete.
    Reset,
    /// 401 or 403.
    Unauthorized,
    /// Any other status from 400 to 499.
    ClientError,
    /// A status from 500 on.
    ServerError,
    /// An answer that was understood by HTTP but not by us: no JSON, or a field missing.
    UnexpectedAnswer,
    /// A call in Pulp's own process raised an exception.
    Raised,
}

/// Counts and samples of failed requests. Its size is bounded, whatever happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failures(BTreeMap<FailureClass, ClassFailures>);

/// The failures of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClassFailures {
    /// How many.
    pub count: u64,
    /// The first few different descriptions, each cut to [`LONGEST_SAMPLE`].
    pub samples: Vec<String>,
}

impl Failures {
    /// Counts one failure, and keeps its description while there is room and it is new.
    pub fn record(&mut self, class: FailureClass, description: &str) {
        let entry = self.0.entry(class).or_default();
        entry.count += 1;
        entry.keep(description);
    }

    /// Adds the failures of another generator or connection.
    pub fn merge(&mut self, other: &Self) {
        for (class, failures) in &other.0 {
            let entry = self.0.entry(*class).or_default();
            entry.count += failures.count;
            for sample in &failures.samples {
                entry.keep(sample);
            }
        }
    }

    /// All failures.
    pub fn total(&self) -> u64 {
        self.0.values().map(|failures| failures.count).sum()
    }

    /// The failures of each class that had any, in the classes' order.
    pub fn by_class(&self) -> impl Iterator<Item = (FailureClass, &ClassFailures)> {
        self.0.iter().map(|(class, failures)| (*class, failures))
    }
}

impl ClassFailures {
    fn keep(&mut self, description: &str) {
        let sample: String = description.chars().take(LONGEST_SAMPLE).collect();
        if self.samples.len() < SAMPLES_PER_CLASS && !self.samples.contains(&sample) {
            self.samples.push(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_keeps_exact_counts_and_few_short_samples() {
        let mut failures = Failures::default();
        for number in 0..10_000 {
            failures.record(FailureClass::ServerError, &format!("{number} {}", "x".repeat(10_000)));
        }
        failures.record(FailureClass::Timeout, "no answer within 60 s");
        let server_errors =
            failures.by_class().find(|(class, _)| *class == FailureClass::ServerError).unwrap().1;
        assert_eq!(failures.total(), 10_001);
        assert_eq!(server_errors.count, 10_000);
        assert_eq!(server_errors.samples.len(), SAMPLES_PER_CLASS);
        assert!(server_errors.samples.iter().all(|sample| sample.chars().count() == LONGEST_SAMPLE));
    }

    #[test]
    fn merging_adds_counts_and_keeps_different_samples() {
        let mut first = Failures::default();
        first.record(FailureClass::Connect, "refused");
        let mut second = Failures::default();
        second.record(FailureClass::Connect, "refused");
        second.record(FailureClass::Connect, "unreachable");
        first.merge(&second);
        let (_, connect) = first.by_class().next().unwrap();
        assert_eq!(
            connect,
            &ClassFailures { count: 3, samples: vec!["refused".to_owned(), "unreachable".to_owned()] }
        );
    }
}
