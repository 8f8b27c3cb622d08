//! How many requests were sent, and what came of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use throughput_model::failure::FailureClass;

use crate::error::PulpError;
use crate::exchange::Answer;

/// Counts of requests, logins included, and the time that they took. Clones count together, so that what several
/// clients ask of one Pulp can be told in one figure.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    /// By what came of them: `None` is a success.
    by_outcome: BTreeMap<Option<FailureClass>, u64>,
    taken: Duration,
}

impl RequestCounts {
    /// The counts so far, by what came of the requests (`None` is a success), of whatever has happened at least
    /// once.
    pub fn all(&self) -> Vec<(Option<FailureClass>, u64)> {
        self.lock().by_outcome.iter().map(|(outcome, count)| (*outcome, *count)).collect()
    }

    /// How long all of them took, one after the other.
    pub fn taken(&self) -> Duration {
        self.lock().taken
    }

    pub(crate) fn note(&self, answered: &Result<Answer, PulpError>, taken: Duration) {
        let outcome = match answered {
            Ok(answer) if answer.is_success() => None,
            Ok(answer) => Some(answer.to_error().failure_class()),
            Err(error) => Some(error.failure_class()),
        };
        let mut counts = self.lock();
        *counts.by_outcome.entry(outcome).or_default() += 1;
        counts.taken += taken;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
