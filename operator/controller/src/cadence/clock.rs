//! The time of day as a test's decisions are made by: it does not jump while the test is under way.
//!
//! Deadlines are counted from instants that the status has by the time of day, since they have to outlive the operator.
//! When the node's clock is set meanwhile, by a minute or by a year, every deadline would pass at once, or none. So
//! what counts for a test is a clock that nobody sets, begun at the time of day when the operator first looks at it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Clocks are corrected by less than this all the time.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(2);

/// The clocks of all tests, by UID.
#[derive(Clone, Debug, Default)]
pub struct TestClocks(Arc<Mutex<HashMap<String, TestClock>>>);

/// What a test's clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The time that counts for the test.
    pub now: Timestamp,
    /// By how much the clock of this node was set since the last reading, where that is worth telling.
    pub set_by: Option<SignedDuration>,
}

/// The clock of a test.
#[derive(Clone, Copy, Debug)]
struct TestClock {
    begun: (Instant, Timestamp),
    /// By how much the clock of this node is ahead of it, as far as it was told.
    told: SignedDuration,
}

impl TestClocks {
    /// Reads the clock of a test. The two instants are the same moment, by both clocks of this node.
    pub fn read(&self, test_uid: &str, (instant, time_of_day): (Instant, Timestamp)) -> Reading {
        let begun = TestClock { begun: (instant, time_of_day), told: SignedDuration::ZERO };
        // Nothing that holds the lock can panic half-way through a change.
        let mut clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.entry(test_uid.to_owned()).or_insert(begun).read(instant, time_of_day)
    }

    /// Forgets a test that does not exist any more.
    pub fn forget(&self, test_uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(test_uid);
    }
}

impl TestClock {
    fn read(&mut self, instant: Instant, time_of_day: Timestamp) -> Reading {
        let (since, at) = self.begun;
        let passed = SignedDuration::try_from(instant.saturating_duration_since(since));
        let now = passed.ok().and_then(|passed| at.checked_add(passed).ok()).unwrap_or(time_of_day);
        let ahead = time_of_day.duration_since(now);
        let set_by = ahead - self.told;
        let is_worth_telling = set_by.abs() >= WORTH_TELLING;
        if is_worth_telling {
            self.told = ahead;
        }
        Reading { now, set_by: is_worth_telling.then_some(set_by) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn time(text: &str) -> Timestamp {
        format!("2026-01-01T{text}Z").parse().unwrap()
    }

    #[test]
    fn time_goes_on_as_it_passes_however_the_nodes_clock_is_set() {
        let (clocks, begun) = (TestClocks::default(), Instant::now());
        let hours = SignedDuration::from_hours;
        for (seconds, time_of_day, now, set_by) in [
            (0, "12:00:00", "12:00:00", None),
            (10, "12:00:10", "12:00:10", None),
            // Corrected a little.
            (20, "12:00:21", "12:00:20", None),
            // Set forward by an hour, which is told once.
            (30, "13:00:30", "12:00:30", Some(hours(1))),
            (40, "13:00:40", "12:00:40", None),
            // And back by two.
            (50, "11:00:50", "12:00:50", Some(hours(-2))),
            (60, "11:01:00", "12:01:00", None),
        ] {
            let instant = begun + Duration::from_secs(seconds);
            let reading = clocks.read("uid", (instant, time(time_of_day)));
            assert_eq!(reading, Reading { now: time(now), set_by }, "{time_of_day}");
        }
    }

    #[test]
    fn another_test_begins_by_the_nodes_clock() {
        let (clocks, now) = (TestClocks::default(), Instant::now());
        let (at, later) = (time("12:00:00"), time("15:00:00"));
        assert_eq!(clocks.read("uid", (now, at)), Reading { now: at, set_by: None });
        assert_eq!(clocks.read("other", (now, later)), Reading { now: later, set_by: None });
        clocks.forget("uid");
        assert_eq!(clocks.read("uid", (now, later)), Reading { now: later, set_by: None });
    }
}
