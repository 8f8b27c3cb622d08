//! What ended between two statuses. Pure.

use std::time::Duration;

use throughput_crds::{CellResult, Stage, ThroughputTestStatus};

use throughput_core::clock::elapsed;

/// The stage that a status has left, and how long it took.
pub(super) fn ended(
    before: &ThroughputTestStatus,
    after: &ThroughputTestStatus,
) -> Option<(Stage, Duration)> {
    let left = before.current.as_ref()?;
    let since = left.timeline.last()?.since;
    let until = match &after.current {
        Some(now) if (now.cell, now.attempt, now.stage) == (left.cell, left.attempt, left.stage) => None,
        Some(now) => now.timeline.last().map(|entry| entry.since),
        None => after.finished_at,
    };
    Some((left.stage, elapsed(since, until?)))
}

/// The results that a status has and the one before has not.
pub(super) fn new_results<'a>(
    before: &'a ThroughputTestStatus,
    after: &'a ThroughputTestStatus,
) -> impl Iterator<Item = &'a CellResult> {
    after.results.iter().filter(|result| before.results.iter().all(|known| known.cell != result.cell))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(value: Value) -> ThroughputTestStatus {
        serde_json::from_value(value).unwrap()
    }

    fn at(cell: u32, stage: &str, since: &str) -> ThroughputTestStatus {
        let timeline = json!([{"stage": stage, "since": since}]);
        status(json!({"current": {"cell": cell, "attempt": 1, "stage": stage, "timeline": timeline}}))
    }

    #[test]
    fn a_stage_lasts_until_the_next_one_begins() {
        let before = at(0, "Draining", "2026-01-01T00:00:00Z");
        let after = at(0, "Collecting", "2026-01-01T00:01:30Z");
        assert_eq!(ended(&before, &after), Some((Stage::Draining, Duration::from_secs(90))));
    }

    #[test]
    fn the_same_stage_of_the_next_cell_is_another_stage() {
        let before = at(0, "EmptyingQueue", "2026-01-01T00:00:00Z");
        let after = at(1, "EmptyingQueue", "2026-01-01T00:00:02Z");
        assert_eq!(ended(&before, &after), Some((Stage::EmptyingQueue, Duration::from_secs(2))));
    }

    #[test]
    fn the_last_stage_lasts_until_the_end() {
        let before = at(3, "Restoring", "2026-01-01T00:00:00Z");
        let after = status(json!({"finishedAt": "2026-01-01T00:00:05Z"}));
        assert_eq!(ended(&before, &after), Some((Stage::Restoring, Duration::from_secs(5))));
    }

    #[test]
    fn looking_again_ends_nothing() {
        let before = at(0, "Draining", "2026-01-01T00:00:00Z");
        assert_eq!(ended(&before, &before), None);
        assert_eq!(ended(&ThroughputTestStatus::default(), &before), None);
    }
}
