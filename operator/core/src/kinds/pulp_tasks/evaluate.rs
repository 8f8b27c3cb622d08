//! What a cell of Pulp's tasks came to.

use throughput_crds::{Current, Stage};
use throughput_model::counted::{agreeing, counted};
use throughput_model::figures::{TaskFigures, completions_over_time, queue_over_time};
use throughput_model::foreign::ForeignWork;
use throughput_model::generator::{GeneratorResult, RequestFigures, StopReason};
use throughput_model::pulp_load::{PulpLoad, TASKS_MOST_A_REQUEST, all_tasks_dispatched};
use throughput_model::task::TaskRecord;
use throughput_report::kinds::LoadReport;
use throughput_report::kinds::pulp_tasks::StartReport;
use throughput_report::kinds::pulp_tasks::{PulpTasksReport, RequestReport};

use super::doubts;
use super::observed::Pulp;
use super::plan::PulpTasks;
use crate::decide::draft::{Draft, View};
use crate::judge::evidence::Evaluation;
use crate::judge::evidence::Evidence;
use crate::judge::saturation;
use crate::kinds::Collected;
use crate::reason::{Reason, Why};

/// Whether the cell's tasks were read. At the deadline the cell has failed, and goes on without them.
///
/// That they have all ended is not believed because of the way by which the cell came here, which is a text that anybody may
/// have changed: what has not ended is canceled, and the cell has failed.
pub(super) fn collected(draft: &mut Draft<'_>, view: &View<'_>) -> Collected {
    let unfinished =
        view.observed.pulp.remains.as_ref().map_or(0, |remains| count_unfinished(&remains.tasks));
    if unfinished > 0 && view.current.progress.failure_reason.is_none() {
        let why = Why::new(Reason::TasksUnfinished, unfinished_words(unfinished));
        draft.fail_cell(why, Stage::CancelingTasks);
        return Collected::SentBack;
    }
    // Where nothing was dispatched there is nothing to be read, and nothing to wait for.
    if view.observed.pulp.remains.is_some() || !view.had_load() {
        return Collected::Complete;
    }
    if !draft.is_past(view.since(), view.plan.deadlines.collect) {
        return Collected::NotYet;
    }
    let words = match &view.observed.pulp.answer {
        Pulp::Unavailable(why) => why.message.clone(),
        Pulp::NotAsked | Pulp::Answering(_) => "Pulp's answer was not complete".to_owned(),
    };
    if let Some(current) = &mut draft.status.current {
        current.progress.failure.get_or_insert(format!("the cell's tasks could not be read: {words}"));
        current.progress.failure_reason.get_or_insert(Reason::TasksNotRead.to_string());
    }
    Collected::Complete
}

pub(super) fn evaluate(planned: &PulpTasks, current: &Current, evidence: &Evidence<'_>) -> Evaluation {
    let merged = merge(evidence.generators);
    let requests = merged.as_ref().map(|figures| request_report(planned, evidence.generators, figures));
    let read = evidence.pulp.remains.as_ref().map_or(&[][..], |remains| &remains.tasks);
    let tasks = TaskFigures::of(read);
    let foreign_work =
        evidence.pulp.remains.as_ref().map(|remains| {
            ForeignWork::of(&remains.foreign, &remains.tasks, &planned.max_foreign_work_percent)
        });
    Evaluation {
        doubts: doubts::all(evidence, &tasks, foreign_work.as_ref()),
        short: requests.as_ref().and_then(|requests| short(planned, requests)).or_else(|| unfinished(&tasks)),
        request_figures: merged,
        queue: queue_over_time(read),
        completions: completions_over_time(read),
        load: LoadReport::PulpTasks(Box::new(PulpTasksReport {
            workers: evidence.workers,
            tasks_wanted: planned.tasks,
            requests,
            tasks,
            foreign_work,
            processes: current.progress.processes,
            pulp_versions: current.progress.pulp_versions.clone(),
            nudges: current.progress.nudges.clone(),
            cleanup: current.progress.cleanup.clone(),
        })),
    }
}

/// That fewer tasks were dispatched than were wanted, if so.
fn short(planned: &PulpTasks, requests: &RequestReport) -> Option<Why> {
    let dispatched = requests.tasks_dispatched;
    let message = || {
        format!(
            "{dispatched} of {} {} dispatched: {}",
            counted(planned.tasks, "task"),
            agreeing(dispatched, "was", "were"),
            stop_words(requests.stopped)
        )
    };
    (dispatched < planned.tasks).then(|| Why::new(Reason::DispatchIncomplete, message()))
}

/// That tasks of the cell have not ended, if so: whatever its criteria, such a cell has not passed.
fn unfinished(tasks: &TaskFigures) -> Option<Why> {
    (tasks.unfinished > 0).then(|| Why::new(Reason::TasksUnfinished, unfinished_words(tasks.unfinished)))
}

fn unfinished_words(unfinished: u64) -> String {
    let have = agreeing(unfinished, "has", "have");
    format!(
        "{} of this cell {have} not ended, though its figures were to be collected",
        counted(unfinished, "task")
    )
}

fn count_unfinished(tasks: &[TaskRecord]) -> u64 {
    tasks.iter().filter(|task| !task.state.is_final()).count() as u64
}

fn stop_words(reason: StopReason) -> &'static str {
    match reason {
        StopReason::AllTasksDispatched => "the generator stopped early",
        StopReason::DeadlineExceeded => "timeouts.dispatch passed",
        StopReason::TooManyFailures => "too many requests failed one after the other",
        StopReason::Terminated => "the generator was ended",
    }
}

fn merge(generators: &[GeneratorResult]) -> Option<RequestFigures> {
    let (first, rest) = generators.split_first()?;
    let mut merged = PulpLoad::of(first).requests;
    for generator in rest {
        merged.merge(&PulpLoad::of(generator).requests);
    }
    Some(merged)
}

fn request_report(
    planned: &PulpTasks,
    generators: &[GeneratorResult],
    merged: &RequestFigures,
) -> RequestReport {
    let tasks_dispatched = all_tasks_dispatched(generators);
    let yields = generators.iter().map(|generator| generator.counts.count(TASKS_MOST_A_REQUEST));
    RequestReport {
        generators: u32::try_from(generators.len()).unwrap_or(u32::MAX),
        sent: merged.sent,
        succeeded: merged.succeeded,
        failures: merged.failures.clone(),
        tasks_dispatched,
        largest_yield: yields.max().unwrap_or_default(),
        overshoot: tasks_dispatched.saturating_sub(planned.tasks),
        stopped: generators
            .iter()
            .map(|generator| generator.stopped)
            .find(|stopped| *stopped != StopReason::AllTasksDispatched)
            .unwrap_or(StopReason::AllTasksDispatched),
        started_at: generators.iter().map(|generator| generator.started_at).min().unwrap_or_default(),
        finished_at: generators.iter().map(|generator| generator.finished_at).max().unwrap_or_default(),
        latency: merged.latency.summary(),
        failed_latency: merged.failed_latency.summary(),
        start: start_report(generators),
        own_work: saturation::work_report(generators),
    }
}

/// How well the generators started together; with one there is nothing to be late for.
fn start_report(generators: &[GeneratorResult]) -> Option<StartReport> {
    let starts: Vec<_> = generators.iter().filter_map(|generator| generator.start).collect();
    if generators.len() < 2 {
        return None;
    }
    Some(StartReport {
        max_uncertainty_microseconds: starts.iter().map(|start| start.uncertainty_microseconds).max()?,
        max_lateness_microseconds: starts.iter().map(|start| start.lateness_microseconds).max()?,
    })
}
