//! Why a cell's figures cannot be trusted, in a sentence each.

use throughput_model::counted::{agreeing, counted, counted_as};
use throughput_model::figures::TaskFigures;
use throughput_model::pulp_load::all_tasks_dispatched;

use crate::judge::evidence::Evidence;
use crate::judge::saturation;

/// All doubts.
pub(super) fn all(evidence: &Evidence<'_>, tasks: &TaskFigures) -> Vec<String> {
    let mut doubts = Vec::new();
    let foreign_tasks = evidence.pulp.remains.as_ref().map_or(0, |remains| remains.foreign_tasks);
    if foreign_tasks > 0 {
        doubts.push(format!(
            "{} dispatched while its tasks were counted",
            counted_as(
                foreign_tasks,
                "task that is not of this run was",
                "tasks that are not of this run were"
            )
        ));
    }
    if tasks.negative_durations > 0 {
        doubts.push(format!(
            "{} or an end before {} start: clocks differ",
            counted_as(
                tasks.negative_durations,
                "task has a start before its dispatch",
                "tasks have a start before their dispatch"
            ),
            agreeing(tasks.negative_durations, "its", "their")
        ));
    }
    doubts.extend(saturation::doubts(evidence.generators));
    let dispatched = all_tasks_dispatched(evidence.generators);
    let failed_requests = evidence.generators.iter().any(|generator| generator.failures.total() > 0);
    // A request that failed may have dispatched tasks all the same, so more tasks than answers is then no
    // contradiction. Fewer always is.
    if !evidence.generators.is_empty()
        && (tasks.submitted < dispatched || (tasks.submitted > dispatched && !failed_requests))
    {
        doubts.push(format!(
            "Pulp has {} of this cell, but its answers said {dispatched}",
            counted(tasks.submitted, "task")
        ));
    }
    doubts
}
