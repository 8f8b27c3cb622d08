//! The stages of a cell: what their order says. Pure.

use jiff::Timestamp;
use throughput_crds::{Current, Stage};
use throughput_sources::source::Window;

/// Where a run that shall end goes on from here: where it cancels, if it may have dispatched something that is not
/// finished, else where everything is put back.
pub(crate) fn ends_in(current: &Current) -> Stage {
    match current.stage {
        // What is dispatched has ended.
        Stage::CleaningUp | Stage::Settling | Stage::Collecting | Stage::Restoring => Stage::Restoring,
        Stage::AwaitingTargets
        | Stage::Claiming
        | Stage::Suspended
        | Stage::EmptyingQueue
        | Stage::ScalingDown
        | Stage::ScalingWorkers
        | Stage::StartingGenerators
        | Stage::Dispatching
        | Stage::AwaitingFirstTask
        | Stage::Draining
        | Stage::CancelingTasks => {
            // A generator that has not been given the start never gets it once the stage is another one.
            let dispatched =
                [Stage::Dispatching, Stage::AwaitingFirstTask, Stage::Draining, Stage::CancelingTasks];
            let was_there = current.timeline.iter().any(|entry| dispatched.contains(&entry.stage));
            if was_there { Stage::CancelingTasks } else { Stage::Restoring }
        }
    }
}

/// The time in which the cell's tasks were dispatched and worked on; none before it is over, or where nothing was
/// dispatched.
pub(crate) fn window(current: &Current) -> Option<Window> {
    let start = window_start(current)?;
    let over = |stage| {
        matches!(stage, Stage::CancelingTasks | Stage::CleaningUp | Stage::Settling | Stage::Collecting)
    };
    let end = current.timeline.iter().find(|entry| over(entry.stage))?.since;
    Some(Window { start, end: end.max(start) })
}

pub(crate) fn window_start(current: &Current) -> Option<Timestamp> {
    let dispatching = current.timeline.iter().find(|entry| entry.stage == Stage::Dispatching)?;
    Some(current.progress.starts_at.unwrap_or(dispatching.since))
}
