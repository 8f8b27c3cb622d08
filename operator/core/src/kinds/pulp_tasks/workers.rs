//! Pulp's workers: as many as the cell wants, and as many as Pulp says.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Procedure, Stage, WorkersOnline};
use throughput_model::counted::counted_as;

use super::plan::PulpTasks;
use crate::decide::draft::{Draft, View};
use crate::decide::scaling::{Scaling, scale_to_wanted};
use crate::observed::Target;
use crate::reason::{Reason, Why};

/// The most changes of the number of workers that a cell keeps: the schema allows as many.
const MOST_WORKER_CHANGES: usize = 32;
/// How often to look whether the workers are online, or gone.
const LOOK_AT_WORKERS: Duration = Duration::from_secs(1);

/// That the workers stay as they were found, and there is none.
pub(super) fn none_as_found(tasks: &PulpTasks, view: &View<'_>) -> Option<Why> {
    let workers = &tasks.workers.target;
    let as_found = view.plan.cells.iter().any(|cell| !cell.replicas.contains_key(workers));
    match view.observed.targets.get(workers) {
        Some(Target::Present { replicas: 0, .. }) if as_found => Some(Why::new(
            Reason::NoWorkers,
            format!(
                "the {workers} has 0 replicas, and no axis of the matrix says how many workers there shall be: scale it, or add an axis of: Scale"
            ),
        )),
        Some(Target::Present { .. } | Target::Refused(_) | Target::Autoscaled { .. } | Target::Missing)
        | None => None,
    }
}

/// That the workers' Deployment or `StatefulSet` is gone, if it is: then no task of the cell will ever end.
pub(super) fn gone(tasks: &PulpTasks, view: &View<'_>) -> Option<String> {
    let workers = &tasks.workers.target;
    matches!(view.observed.targets.get(workers), Some(Target::Missing))
        .then(|| format!("the {workers} was deleted while the cell was measured"))
}

pub(super) fn online(view: &View<'_>) -> Option<u32> {
    view.observed.pulp.answer.counts().and_then(|counts| counts.workers_online)
}

/// Notes it when Pulp has another number of workers online than before. Where it changes more often than there is room
/// for, the last one kept is the newest.
pub(super) fn note_online(draft: &mut Draft<'_>, view: &View<'_>) {
    let Some(workers) = online(view) else { return };
    let entry = WorkersOnline { since: draft.now, workers };
    let Some(current) = &mut draft.status.current else { return };
    let seen = &mut current.progress.workers_online;
    if seen.last().is_some_and(|last| last.workers == workers) {
        return;
    }
    seen.truncate(MOST_WORKER_CHANGES - 1);
    seen.push(entry);
}

/// Notes it when workers are online while a backlog is built: they are not among those that were scaled.
pub(super) fn watch_for_others(tasks: &PulpTasks, draft: &mut Draft<'_>, view: &View<'_>) {
    if let (true, Some(online @ 1..)) = (tasks.builds_a_backlog(view.current.stage), online(view)) {
        draft.doubt(format!(
            "{} online while the backlog was built",
            counted_as(online, "worker was", "workers were")
        ));
    }
}

/// Scales everything to what the cell wants, until the workers are online.
pub(super) fn scaling_up(tasks: &PulpTasks, draft: &mut Draft<'_>, view: &View<'_>) {
    // A backlog has its tasks already: they are canceled when no worker comes for them.
    let otherwise = match tasks.procedure {
        Procedure::Sustained => Stage::Collecting,
        Procedure::Backlog => Stage::CancelingTasks,
    };
    let scaled = match scale_to_wanted(draft, view) {
        Ok(scaled) => scaled,
        Err(why) => return draft.fail_cell(why, otherwise),
    };
    let online = online(view);
    if scaled.all_there && online.is_some() && online == view.cell_replicas(&tasks.workers.target) {
        return view.go_on(draft);
    }
    let seen = seen_with(scaled, online);
    if draft.is_past(view.since(), view.plan.deadlines.scale) {
        return draft.fail_cell(
            Why::new(Reason::WorkersNotOnline, format!("timeouts.scale passed: {seen}")),
            otherwise,
        );
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::ScalingWorkers, seen);
    draft.look_again_in(LOOK_AT_WORKERS);
}

/// Waits until no worker is left that could start a task of the backlog.
pub(super) fn scaling_down(draft: &mut Draft<'_>, view: &View<'_>) {
    let scaled = match scale_to_wanted(draft, view) {
        Ok(scaled) => scaled,
        Err(why) => return draft.fail_cell(why, Stage::Collecting),
    };
    let online = online(view);
    if scaled.all_there && online == Some(0) {
        return draft.enter(Stage::StartingGenerators);
    }
    let seen = seen_with(scaled, online);
    if draft.is_past(view.since(), view.plan.deadlines.scale) {
        let message = format!("timeouts.scale passed: {seen}");
        return draft.fail_cell(Why::new(Reason::WorkersNotGone, message), Stage::Collecting);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::ScalingDown, seen);
    draft.look_again_in(LOOK_AT_WORKERS);
}

/// How far scaling is, with what Pulp says of its workers.
fn seen_with(scaling: Scaling, online: Option<u32>) -> String {
    let mut seen = scaling.seen;
    seen.push(online.map_or_else(
        || "Pulp does not say how many workers are online".to_owned(),
        |online| format!("{} online in Pulp", counted_as(online, "worker is", "workers are")),
    ));
    seen.join(", ")
}
