//! The rules for failures: when a load is given up, and how long a user backs off after each.

use std::time::Duration;

/// The number of requests that must have failed one after the other for a load to be given up.
pub const MOST_FAILURES_IN_A_ROW: u64 = 20;
/// The time for which, besides, no request must have succeeded. A hundred users whose requests fail at once, as a
/// target restarts, are one incident, not a hundred.
pub const LONGEST_WITHOUT_SUCCESS: Duration = Duration::from_mins(1);

/// The back-off after a user's first failure.
const SHORTEST_BACKOFF: Duration = Duration::from_millis(100);
/// The longest back-off.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);

/// The failures of all users since the last success of any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureStreak {
    failures: u64,
}

impl FailureStreak {
    /// Notes a success.
    pub fn note_success(&mut self) {
        self.failures = 0;
    }

    /// Notes a failure.
    pub fn note_failure(&mut self) {
        self.failures += 1;
    }

    /// Whether to give up, so long after the last success, or after the start when there was none.
    pub fn is_hopeless(&self, without_success: Duration) -> bool {
        self.failures >= MOST_FAILURES_IN_A_ROW && without_success >= LONGEST_WITHOUT_SUCCESS
    }
}

/// The back-off of a user before its next request: none after a success, then 100 ms, doubled with each
/// further failure of this user up to 5 s.
pub fn backoff_after(failures_in_a_row: u32) -> Duration {
    match failures_in_a_row.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => {
            SHORTEST_BACKOFF.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_BACKOFF)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoffs_double_up_to_five_seconds() {
        let backoffs: Vec<u128> = (0..9).map(|failures| backoff_after(failures).as_millis()).collect();
        assert_eq!(backoffs, [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(backoff_after(u32::MAX), LONGEST_BACKOFF);
    }

    #[test]
    fn neither_many_failures_nor_a_long_time_alone_is_hopeless() {
        let mut streak = FailureStreak::default();
        (1..MOST_FAILURES_IN_A_ROW).for_each(|_| streak.note_failure());
        assert!(!streak.is_hopeless(LONGEST_WITHOUT_SUCCESS * 10));
        streak.note_failure();
        assert!(streak.is_hopeless(LONGEST_WITHOUT_SUCCESS));
        assert!(!streak.is_hopeless(LONGEST_WITHOUT_SUCCESS / 2));
        streak.note_success();
        assert!(!streak.is_hopeless(LONGEST_WITHOUT_SUCCESS * 10));
    }
}
