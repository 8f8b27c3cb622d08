//! From the first request of a cell to its figures.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Procedure, Stage};

use super::cancel::{Canceling, cancel, without_workers};
use super::cleanup::after_the_tasks;
use super::noting::{count, watch_for_drift, watch_for_workers};
use super::{Action, Draft, View, elapsed};
use crate::judge::result::{Evidence, measure, summarized};
use crate::observed::{Job, OwnTasks, Pulp, Remains, Sources};
use crate::reason::{Reason, Why};
use crate::report::timeline::Timelines;
use crate::report::{SCHEMA_VERSION, TestReport};

/// How often to count while generators dispatch.
const LOOK_WHILE_DISPATCHING: Duration = Duration::from_secs(5);
/// The most observations of a cell that are told as events; the report has them all.
const MOST_OBSERVATION_EVENTS: usize = 8;
/// How much longer than the dispatch deadline a generator may take to deliver.
const DELIVERY_GRACE: Duration = Duration::from_mins(2);

pub(super) fn dispatching(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Dispatching,
        "the generators dispatch tasks",
    );
    watch_for_drift(draft, view);
    watch_for_workers(draft, view);
    count(draft, view);
    if let Some(message) = without_workers(view) {
        return draft.fail_cell(Why::new(Reason::TargetGone, message), Stage::CancelingTasks);
    }
    let generators = &view.observed.generators;
    if generators.results.len() >= view.cell.generators as usize {
        return draft.enter(match view.plan.procedure {
            Procedure::Sustained => Stage::Draining,
            Procedure::Backlog => Stage::ScalingWorkers,
        });
    }
    let lost = match &generators.job {
        Job::Failed { message } => Some(message.clone()),
        Job::Absent => Some("its Job was deleted".to_owned()),
        // A generator ends well only once its result is stored; the store may be seen a moment later.
        Job::Complete | Job::Active { .. } => None,
    };
    if let Some(message) = lost {
        return draft.fail_cell(
            Why::new(Reason::GeneratorFailed, format!("a load generator was lost: {message}")),
            Stage::CancelingTasks,
        );
    }
    let allowed = view.plan.deadlines.dispatch + view.plan.request_timeout() + DELIVERY_GRACE;
    if draft.is_past(view.since(), allowed) {
        let message = format!(
            "{} of {} load generators delivered their results in time after timeouts.dispatch",
            generators.results.len(),
            view.cell.generators
        );
        return draft.fail_cell(Why::new(Reason::ResultNotDelivered, message), Stage::CancelingTasks);
    }
    draft.look_again_in(LOOK_WHILE_DISPATCHING);
}

pub(super) fn draining(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Draining,
        "the workers finish what was dispatched",
    );
    watch_for_drift(draft, view);
    let own = count(draft, view);
    if own.is_some_and(|own| own.unfinished == 0) {
        return after_the_tasks(draft, view);
    }
    if let Some(message) = without_workers(view) {
        return draft.fail_cell(Why::new(Reason::TargetGone, message), Stage::CancelingTasks);
    }
    if draft.is_past(view.since(), view.plan.deadlines.drain) {
        let left = own.map_or_else(
            || "Pulp does not say how many tasks are left".to_owned(),
            |own| format!("{} of {} tasks are unfinished", own.unfinished, own.submitted),
        );
        return draft.fail_cell(
            Why::new(Reason::DrainDeadlineExceeded, format!("timeouts.drain passed: {left}")),
            Stage::CancelingTasks,
        );
    }
    let workers_begin = match view.plan.procedure {
        Procedure::Sustained => Stage::Dispatching,
        Procedure::Backlog => Stage::AwaitingFirstTask,
    };
    let working_for = view.began(workers_begin).map(|since| elapsed(since, draft.now)).unwrap_or_default();
    draft.look_again_in(own.map_or(LOOK_WHILE_DISPATCHING, |own| until_drained_is_seen(own, working_for)));
}

/// When to count again: a tenth of the time that the rest takes at the rate so far, so that a long drain is
/// hardly disturbed and its end is still seen at once.
fn until_drained_is_seen(own: OwnTasks, working_for: Duration) -> Duration {
    let (shortest, longest) = (Duration::from_millis(500), Duration::from_secs(15));
    let done = own.submitted.saturating_sub(own.unfinished);
    if done == 0 {
        return Duration::from_secs(2);
    }
    let per_task = working_for.as_micros() / u128::from(done);
    let rest = per_task * u128::from(own.unfinished) / 10;
    Duration::from_micros(u64::try_from(rest).unwrap_or(u64::MAX)).clamp(shortest, longest)
}

pub(super) fn canceling_tasks(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::CancelingTasks,
        "what is left of the cell is canceled",
    );
    match cancel(draft, view, view.plan.deadlines.cancel) {
        Canceling::GoesOn => {}
        Canceling::Done => after_the_tasks(draft, view),
        Canceling::TimeIsUp => {
            draft.warn(
                Reason::TasksNotCanceled,
                "tasks of this cell could not be canceled; no further cell is measured".to_owned(),
            );
            if let Some(current) = &mut draft.status.current {
                current.progress.failure_reason = Some(Reason::TasksNotCanceled.to_string());
            }
            draft.enter(Stage::Collecting);
        }
    }
}

pub(super) fn collecting(draft: &mut Draft<'_>, view: &View<'_>) {
    let nothing = Remains { tasks: Vec::new(), foreign_tasks: 0 };
    let remains = match &view.observed.remains {
        Some(remains) => remains,
        // Nothing was dispatched, so there is nothing to be read, and nothing to wait for.
        None if view.began(Stage::Dispatching).is_none() => &nothing,
        None if draft.is_past(view.since(), view.plan.deadlines.collect) => {
            let words = match &view.observed.pulp {
                Pulp::Unavailable(why) => why.message.clone(),
                Pulp::NotAsked | Pulp::Answering(_) => "Pulp's answer was not complete".to_owned(),
            };
            if let Some(current) = &mut draft.status.current {
                current
                    .progress
                    .failure
                    .get_or_insert(format!("the cell's tasks could not be read: {words}"));
                current.progress.failure_reason.get_or_insert(Reason::TasksNotRead.to_string());
            }
            &nothing
        }
        None => return draft.look_again_in(Duration::from_secs(2)),
    };
    if sources_may_come(draft, view) {
        return draft.look_again_in(Duration::from_secs(1));
    }
    write_results(draft, view, remains);
    let failure =
        draft.status.current.as_ref().and_then(|current| current.progress.failure_reason.as_deref());
    let stops = failure.and_then(Reason::of).is_some_and(Reason::stops_the_matrix);
    let next = view.plan.cells.get(view.cell.index as usize + 1);
    match next {
        Some(cell) if !stops => {
            let held = view.observed.controls.suspend;
            draft.begin_cell(cell, if held { Stage::Suspended } else { Stage::EmptyingQueue });
        }
        _ => draft.enter(Stage::Restoring),
    }
}

/// Whether what the sources saw is still to be had: an operator that was started again reads it first.
fn sources_may_come(draft: &Draft<'_>, view: &View<'_>) -> bool {
    let Some(settling) = view.began(Stage::Settling) else {
        return false;
    };
    match &view.observed.sources {
        Sources::None => false,
        Sources::NotYet => !draft.is_past(view.since(), view.plan.deadlines.collect),
        Sources::Seen { settled, .. } => !settled && !draft.is_past(settling, view.plan.deadlines.settle),
    }
}

fn write_results(draft: &mut Draft<'_>, view: &View<'_>, remains: &Remains) {
    let current = draft.status.current.clone().unwrap_or_else(|| view.current.clone());
    let address = draft.address(&current);
    let evidence = Evidence {
        tasks: &remains.tasks,
        foreign_tasks: remains.foreign_tasks,
        generators: &view.observed.generators.results,
        workers: view.cell_workers().unwrap_or_default(),
        sources: view.observed.sources.reports(),
        earlier: view.observed.report.as_ref().map_or(&[], |report| report.cells.as_slice()),
    };
    let detail = measure(view.plan, view.cell, &current, &evidence, address.correlation_id(), draft.now);
    let result = summarized(&detail.figures);
    let report = view.observed.report.clone().unwrap_or_else(|| TestReport {
        schema_version: SCHEMA_VERSION,
        namespace: draft.test.namespace.clone(),
        test: draft.test.name.clone(),
        test_uid: draft.test.uid.clone(),
        operator_version: env!("CARGO_PKG_VERSION").to_owned(),
        workers_axis: view.plan.scale[view.plan.workers].name.clone(),
        cells: Vec::new(),
        repeats: Vec::new(),
        timelines: Timelines::default(),
    });
    let report = Box::new(report.with(detail.figures.clone()));
    draft.status.results.retain(|other| other.cell != result.cell);
    draft.tell(
        Reason::CellFinished,
        format!(
            "cell {} of {}: {:?}, {} tasks per second",
            result.cell + 1,
            view.plan.cells.len(),
            result.verdict,
            result.tasks_per_second.as_deref().unwrap_or("no")
        ),
    );
    for words in detail.figures.observations.iter().take(MOST_OBSERVATION_EVENTS) {
        draft.tell(
            Reason::Observed,
            format!("cell {} of {}: {words}", result.cell + 1, view.plan.cells.len()),
        );
    }
    draft.status.results.push(result);
    draft.act(Action::WriteReport { address: address.clone(), detail: Box::new(detail), report });
    draft.act(Action::DeleteGenerators { address });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_drain_is_counted_rarely_and_its_end_is_seen_soon() {
        let after = |unfinished| {
            let own = OwnTasks { submitted: 10_000, unfinished };
            until_drained_is_seen(own, Duration::from_secs(100))
        };
        assert_eq!(after(9_900), Duration::from_secs(15));
        assert_eq!(after(5_000), Duration::from_secs(10));
        assert_eq!(after(900), Duration::from_micros(989_010));
        assert_eq!(after(3), Duration::from_millis(500));
    }
}
