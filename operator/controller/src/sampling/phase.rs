//! What the sources of a cell have to do, as its status says. Pure.

use throughput_crds::ThroughputTestStatus;
use throughput_model::cell::CellAddress;
use throughput_sources::source::Window;

use throughput_core::stage::{Sampling, facts, window, window_start};

/// What the sources of a cell have to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To connect, and note how things are before the first task.
    Prepare,
    /// To look, at every interval.
    Measure,
    /// To ask for what is only known afterwards.
    Settle(Window),
}

/// The cell that is watched, and what its sources have to do; none where nothing is to be seen.
pub(super) fn phase(test_uid: &str, status: &ThroughputTestStatus) -> Option<(CellAddress, Phase)> {
    let current = status.current.as_ref()?;
    let phase = match facts(current.stage).sources {
        Sampling::Prepare => Phase::Prepare,
        Sampling::Measure => Phase::Measure,
        Sampling::MeasureOnceLoaded if window_start(current).is_some() => Phase::Measure,
        Sampling::Settle => Phase::Settle(window(current)?),
        Sampling::Off | Sampling::MeasureOnceLoaded => return None,
    };
    let address = CellAddress { test_uid: test_uid.to_owned(), cell: current.cell, attempt: current.attempt };
    Some((address, phase))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(stages: &[&str]) -> ThroughputTestStatus {
        let timeline: Vec<_> = stages
            .iter()
            .enumerate()
            .map(|(at, stage)| json!({"stage": stage, "since": format!("2026-01-01T00:00:{at:02}Z")}))
            .collect();
        let stage = stages.last().unwrap();
        let current = json!({"cell": 2, "attempt": 1, "stage": stage, "timeline": timeline});
        serde_json::from_value(json!({"current": current})).unwrap()
    }

    fn at(stages: &[&str]) -> Option<Phase> {
        phase("uid", &status(stages)).map(|(_, phase)| phase)
    }

    fn settle(start: &str, end: &str) -> Phase {
        Phase::Settle(Window { start: start.parse().unwrap(), end: end.parse().unwrap() })
    }

    #[test]
    fn a_cell_is_watched_from_its_generators_to_its_figures() {
        assert_eq!(at(&["EmptyingQueue", "ScalingWorkers"]), None);
        assert_eq!(at(&["ScalingWorkers", "StartingGenerators"]), Some(Phase::Prepare));
        assert_eq!(at(&["StartingGenerators", "Dispatching"]), Some(Phase::Measure));
        assert_eq!(at(&["Dispatching", "Draining"]), Some(Phase::Measure));
        let window = Some(settle("2026-01-01T00:00:00Z", "2026-01-01T00:00:02Z"));
        assert_eq!(at(&["Dispatching", "Draining", "Settling"]), window);
        assert_eq!(at(&["Dispatching", "Draining", "Settling", "Collecting"]), window);
        assert_eq!(at(&["Dispatching", "Draining", "Settling", "Collecting", "Restoring"]), None);
    }

    #[test]
    fn the_workers_of_a_backlog_come_within_its_window() {
        assert_eq!(at(&["Dispatching", "ScalingWorkers"]), Some(Phase::Measure));
        assert_eq!(at(&["Dispatching", "ScalingWorkers", "AwaitingFirstTask"]), Some(Phase::Measure));
    }

    #[test]
    fn the_window_ends_before_anything_is_canceled_or_deleted() {
        let stages = ["Dispatching", "CancelingTasks", "CleaningUp", "Settling"];
        assert_eq!(at(&stages), Some(settle("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z")));
    }

    #[test]
    fn a_cell_that_dispatched_nothing_has_nothing_to_be_seen() {
        assert_eq!(at(&["ScalingWorkers", "Collecting"]), None);
    }

    #[test]
    fn the_window_begins_with_the_common_start() {
        let mut status = status(&["Dispatching", "Draining", "Settling"]);
        let starts_at = "2026-01-01T00:00:01.5Z".parse().unwrap();
        status.current.as_mut().unwrap().progress.starts_at = Some(starts_at);
        assert_eq!(window(status.current.as_ref().unwrap()).unwrap().start, starts_at);
    }
}
