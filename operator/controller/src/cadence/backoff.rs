//! How long to wait after failures: longer each time, for each test apart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// The number of failures in a row, by test.
#[derive(Clone, Debug, Default)]
pub struct Backoffs(Arc<Mutex<HashMap<String, u32>>>);

impl Backoffs {
    /// Counts a failure, and says how long to wait after it.
    pub fn next(&self, test_uid: &str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(test_uid.to_owned()).or_default();
        let wait = FIRST.saturating_mul(1 << (*count).min(16)).min(LONGEST);
        *count = count.saturating_add(1);
        wait
    }

    /// Forgets the failures of a test.
    pub fn reset(&self, test_uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(test_uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_start_anew_after_a_success() {
        let backoffs = Backoffs::default();
        let waits: Vec<u128> = (0..9).map(|_| backoffs.next("a").as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoffs.next("b"), FIRST);
        backoffs.reset("a");
        assert_eq!(backoffs.next("a"), FIRST);
    }
}
