//! How long to wait after failures: longer each time, for each test apart, whatever else asks for a look meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::cadence::wishes::Wanted;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// The failures in a row, by test.
#[derive(Clone, Debug, Default)]
pub struct Backoffs(Arc<Mutex<HashMap<String, Failures>>>);

#[derive(Clone, Debug)]
struct Failures {
    count: u32,
    since: Instant,
    next_at: Instant,
    /// What people wanted of the test then.
    wanted: Wanted,
}

impl Backoffs {
    /// Counts a failure, and says how long to wait after it.
    pub fn next(&self, test_uid: &str, wanted: Wanted, now: Instant) -> Duration {
        let mut tests = self.lock();
        let before = tests.get(test_uid);
        let count = before.map_or(0, |failures| failures.count);
        let since =
            before.filter(|failures| failures.wanted == wanted).map_or(now, |failures| failures.since);
        let wait = FIRST.saturating_mul(1 << count.min(16)).min(LONGEST);
        let failures = Failures { count: count.saturating_add(1), since, next_at: now + wait, wanted };
        tests.insert(test_uid.to_owned(), failures);
        wait
    }

    /// How long a test is still to be left alone. What is tried after a failure often changes an object that is watched,
    /// and each change asks for a look: without this a refusal would be met again as fast as the API server answers.
    pub fn rest(&self, test_uid: &str, wanted: Wanted, now: Instant) -> Option<Duration> {
        let tests = self.lock();
        let failures = tests.get(test_uid).filter(|failures| failures.wanted == wanted)?;
        failures.next_at.checked_duration_since(now).filter(|rest| *rest > Duration::ZERO)
    }

    /// How long a test has failed by now, since people wanted this of it and without a success in between.
    pub fn failing_for(&self, test_uid: &str, wanted: Wanted, now: Instant) -> Duration {
        let tests = self.lock();
        let failures = tests.get(test_uid).filter(|failures| failures.wanted == wanted);
        failures.map(|failures| now.saturating_duration_since(failures.since)).unwrap_or_default()
    }

    /// Forgets the failures of a test.
    pub fn reset(&self, test_uid: &str) {
        self.lock().remove(test_uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        // Nothing that holds the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { generation: Some(1), deleting: false };

    #[test]
    fn waits_double_up_to_a_minute_and_start_anew_after_a_success() {
        let (backoffs, now) = (Backoffs::default(), Instant::now());
        let waits: Vec<u128> = (0..9).map(|_| backoffs.next("a", WANTED, now).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(backoffs.next("b", WANTED, now), FIRST);
        backoffs.reset("a");
        assert_eq!(backoffs.next("a", WANTED, now), FIRST);
    }

    #[test]
    fn a_test_has_failed_since_its_first_failure_until_it_succeeds_or_people_want_something_else_of_it() {
        let (backoffs, begun) = (Backoffs::default(), Instant::now());
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(backoffs.failing_for("a", WANTED, at(9)), Duration::ZERO);
        for seconds in [0, 4] {
            backoffs.next("a", WANTED, at(seconds));
        }
        assert_eq!(backoffs.failing_for("a", WANTED, at(9)), Duration::from_secs(9));
        let changed = Wanted { generation: Some(2), ..WANTED };
        assert_eq!(backoffs.failing_for("a", changed, at(9)), Duration::ZERO);
        backoffs.next("a", changed, at(10));
        assert_eq!(backoffs.failing_for("a", changed, at(12)), Duration::from_secs(2));
        backoffs.reset("a");
        assert_eq!(backoffs.failing_for("a", changed, at(12)), Duration::ZERO);
    }

    #[test]
    fn a_test_that_failed_is_left_alone_until_its_time_unless_people_want_something_else_of_it() {
        let (backoffs, now) = (Backoffs::default(), Instant::now());
        assert_eq!(backoffs.rest("a", WANTED, now), None);
        backoffs.next("a", WANTED, now);
        let later = |milliseconds| now + Duration::from_millis(milliseconds);
        assert_eq!(backoffs.rest("a", WANTED, later(200)), Some(Duration::from_millis(300)));
        assert_eq!(backoffs.rest("a", WANTED, later(500)), None);
        for other in [Wanted { generation: Some(2), ..WANTED }, Wanted { deleting: true, ..WANTED }] {
            assert_eq!(backoffs.rest("a", other, later(200)), None);
        }
        assert_eq!(backoffs.rest("b", WANTED, later(200)), None);
    }
}
