//! Why a cell's figures cannot be trusted, in a sentence each.

use throughput_model::counted::{agreeing, counted, counted_as};
use throughput_model::decimal::seconds;
use throughput_model::figures::TaskFigures;
use throughput_model::foreign::ForeignWork;
use throughput_model::pulp_load::all_tasks_dispatched;

use crate::judge::evidence::Evidence;
use crate::judge::saturation;

/// How many names of others' tasks are told in a sentence.
const NAMES_TOLD: usize = 3;

/// All doubts.
pub(super) fn all(
    evidence: &Evidence<'_>,
    tasks: &TaskFigures,
    foreign: Option<&ForeignWork>,
) -> Vec<String> {
    let mut doubts = Vec::new();
    doubts.extend(foreign.and_then(too_much_foreign_work));
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

/// That tasks of others took more of the workers' time than they may, if so.
fn too_much_foreign_work(work: &ForeignWork) -> Option<String> {
    if !work.exceeds() {
        return None;
    }
    let tasks = counted_as(work.count, "task not of this run", "tasks not of this run");
    let Some((taken, share)) = work.worker_microseconds.zip(work.worker_time_percent()) else {
        let were = agreeing(work.count, "was", "were");
        return Some(format!("{tasks} {were} there while its tasks were counted, more than are looked at"));
    };
    // The status has no room for a long sentence, and the names are most of it.
    Some(format!(
        "{tasks} took {} s of worker time, {share} %, more than maxForeignWorkPercent ({}): {}",
        seconds(taken, 1),
        work.max_percent,
        foreign_names(work)
    ))
}

/// What tasks of others were, those that took the most time first.
pub(super) fn foreign_names(work: &ForeignWork) -> String {
    let names: Vec<&str> = work.names.iter().take(NAMES_TOLD).map(|work| work.name.as_str()).collect();
    let more = work.names.len() > NAMES_TOLD || work.others.is_some();
    format!("{}{}", names.join(", "), if more { ", and others" } else { "" })
}
