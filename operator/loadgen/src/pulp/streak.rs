//! When failures say that going on would say nothing new, and how long a user rests after each.

use std::time::Duration;

/// So many requests must have failed one after the other.
pub const MOST_FAILURES_IN_A_ROW: u64 = 20;
/// And so long must no request have succeeded: a hundred users whose requests fail at once, as a target
/// restarts, are one incident, not a hundred.
pub const LONGEST_WITHOUT_SUCCESS: Duration = Duration::from_mins(1);

/// The shortest rest, after a user's first failure.
const SHORTEST_REST: Duration = Duration::from_millis(100);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// The failures of all users since the last success of any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureStreak {
    failures: u64,
}

impl FailureStreak {
    /// Takes note of a success.
    pub fn note_success(&mut self) {
        self.failures = 0;
    }

    /// Takes note of a failure.
    pub fn note_failure(&mut self) {
        self.failures += 1;
    }

    /// Whether to give up, so long after the last success, or after the start when there was none.
    pub fn is_hopeless(&self, without_success: Duration) -> bool {
        self.failures >= MOST_FAILURES_IN_A_ROW && without_success >= LONGEST_WITHOUT_SUCCESS
    }
}

/// How long a user rests before its next request: not at all after a success, then 100 ms, doubled with each
/// further failure of this user up to 5 s.
pub fn rest_after(failures_in_a_row: u32) -> Duration {
    match failures_in_a_row.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => SHORTEST_REST.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_five_seconds() {
        let rests: Vec<u128> = (0..9).map(|failures| rest_after(failures).as_millis()).collect();
        assert_eq!(rests, [0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(rest_after(u32::MAX), LONGEST_REST);
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
