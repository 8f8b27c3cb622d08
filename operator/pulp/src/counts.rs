//! How many requests were sent, and what came of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use throughput_model::failure::FailureClass;

use crate::error::PulpError;
use crate::exchange::Answer;

/// Counts of requests, logins included, by what came of each: `None` is a success. Clones count together, so
/// that what several clients ask of one Pulp can be told in one figure.
#[derive(Clone, Debug, Default)]
pub struct RequestCounts(Arc<Mutex<BTreeMap<Option<FailureClass>, u64>>>);

impl RequestCounts {
    /// The counts so far, of whatever has happened at least once.
    pub fn all(&self) -> Vec<(Option<FailureClass>, u64)> {
        self.lock().iter().map(|(outcome, count)| (*outcome, *count)).collect()
    }

    pub(crate) fn note(&self, answered: &Result<Answer, PulpError>) {
        let outcome = match answered {
            Ok(answer) if answer.is_success() => None,
            Ok(answer) => Some(answer.to_error().failure_class()),
            Err(error) => Some(error.failure_class()),
        };
        *self.lock().entry(outcome).or_default() += 1;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Option<FailureClass>, u64>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
