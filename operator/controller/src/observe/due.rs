//! Which of Pulp's counts are due while a cell is measured. Pure.
//!
//! Each question is a request that Pulp answers instead of one of the load, so that only what something depends on is
//! asked: while tasks are dispatched nothing is decided by Pulp's counts, and while they are drained only by the rest.

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{Current, LiveCounts};

use throughput_core::clock::elapsed;
use throughput_core::stage::{Door, facts};

/// How long the counts of a cell that is dispatched are good enough for those who watch: as long as it had been dispatched
/// when they were taken, between these two. How far its generators are, they say themselves.
const SHORTEST_WHILE_DISPATCHING: Duration = Duration::from_secs(10);
const LONGEST_WHILE_DISPATCHING: Duration = Duration::from_mins(1);

/// The counts of a cell's tasks that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// All: how many there are, how many are left, how many workers are online.
    All,
    /// How many are left. The others are as they were counted before.
    Unfinished(LiveCounts),
    /// Nothing yet.
    Nothing,
}

/// The counts that are due now, where the status has some of this stage.
pub(super) fn due(current: &Current, now: Timestamp) -> Due {
    let since = current.timeline.last().map(|entry| entry.since).unwrap_or_default();
    let Some(live) = current.live.filter(|live| live.at >= since) else {
        return Due::All;
    };
    // The counts are rewritten with what is left, so that their age says nothing of the others: those are asked for
    // anew in each minute of the clock.
    let same_minute = live.at.as_second().div_euclid(60) == now.as_second().div_euclid(60);
    match facts(current.stage).generators {
        Door::Load if elapsed(live.at, now) < good_enough_for(elapsed(since, live.at)) => Due::Nothing,
        Door::Deliver if same_minute => Due::Unfinished(live),
        Door::Register | Door::Load | Door::Deliver | Door::End | Door::Closed => Due::All,
    }
}

/// How long counts are good enough that were taken so long after the dispatch began.
fn good_enough_for(dispatched_for: Duration) -> Duration {
    dispatched_for.clamp(SHORTEST_WHILE_DISPATCHING, LONGEST_WHILE_DISPATCHING)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A cell that is at this stage since 12:00:00, with counts of this instant.
    fn cell(stage: &str, counted: &str) -> Current {
        let live =
            json!({"at": instant(counted), "tasksSubmitted": 10, "tasksUnfinished": 4, "workersOnline": 2});
        let timeline = json!([{"stage": stage, "since": instant("12:00:00")}]);
        let current = json!({"cell": 0, "attempt": 1, "stage": stage, "timeline": timeline, "live": live});
        serde_json::from_value(current).unwrap()
    }

    fn instant(time: &str) -> Timestamp {
        format!("2026-01-01T{time}Z").parse().unwrap()
    }

    fn at(stage: &str, counted: &str, now: &str) -> Due {
        due(&cell(stage, counted), instant(now))
    }

    #[test]
    fn a_stage_begins_with_counts_of_its_own() {
        for stage in ["Dispatching", "Draining"] {
            assert_eq!(at(stage, "11:59:59", "12:00:01"), Due::All, "{stage}");
        }
    }

    #[test]
    fn a_cell_that_is_dispatched_is_counted_less_and_less_often_and_at_least_once_a_minute() {
        for (counted, still_good, due) in [
            ("12:00:01", "12:00:10", "12:00:11"),
            ("12:00:25", "12:00:49", "12:00:50"),
            ("12:30:00", "12:30:59", "12:31:00"),
        ] {
            assert_eq!(at("Dispatching", counted, still_good), Due::Nothing, "{counted}");
            assert_eq!(at("Dispatching", counted, due), Due::All, "{counted}");
        }
    }

    #[test]
    fn of_a_cell_that_is_drained_the_rest_is_counted_each_time_and_all_once_a_minute() {
        let live = cell("Draining", "12:00:01").live.unwrap();
        assert_eq!(at("Draining", "12:00:01", "12:00:11"), Due::Unfinished(live));
        assert_eq!(at("Draining", "12:00:51", "12:01:01"), Due::All);
    }

    #[test]
    fn what_decides_something_is_asked_each_time() {
        assert_eq!(at("CancelingTasks", "12:00:01", "12:00:02"), Due::All);
    }
}
