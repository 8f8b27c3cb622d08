//! Collecting what a cell left behind, and writing what it came to.

use std::time::Duration;

use throughput_crds::{CellResult, Stage};
use throughput_model::counted::counted;
use throughput_report::data::TestReport;

use super::decision::{Action, EventText};
use super::draft::{Draft, View};
use crate::identity::TestFacts;
use crate::judge::evidence::Evidence;
use crate::judge::result::{measure, summarized};
use crate::kinds::Collected;
use crate::observed::Sources;
use crate::reason::Reason;
use crate::stage::{Door, facts};

/// The most observations of a cell that are told as events; the report has them all.
const MOST_OBSERVATION_EVENTS: usize = 8;

pub(super) fn collecting(draft: &mut Draft<'_>, view: &View<'_>) {
    match view.plan.workload.kind().collected(draft, view) {
        Collected::Complete => {}
        Collected::NotYet => return draft.look_again_in(Duration::from_secs(2)),
        Collected::SentBack => return,
    }
    doubt_what_is_gone(draft, view);
    let not_written = not_written(draft, view);
    if not_written.is_none() && sources_may_come(draft, view) {
        return draft.look_again_in(Duration::from_secs(1));
    }
    write_results(draft, view, not_written);
    let failure =
        draft.status.current.as_ref().and_then(|current| current.progress.failure_reason.as_deref());
    let stops = failure.and_then(Reason::of).is_some_and(Reason::stops_the_matrix);
    let next = view.plan.cells.get(view.cell.index as usize + 1);
    match next {
        Some(cell) if !stops => {
            let held = view.observed.controls.suspend;
            if held {
                draft.begin_cell(cell, Stage::Suspended);
            } else {
                draft.begin_measuring(view.plan, cell);
            }
        }
        _ => draft.enter(Stage::Restoring),
    }
}

/// Notes it when results that were there are gone: without them nothing tells what was asked for.
fn doubt_what_is_gone(draft: &mut Draft<'_>, view: &View<'_>) {
    let stored = view.observed.generators.results.len();
    let missing = (view.cell.generators as usize).saturating_sub(stored);
    let went_on = view.current.timeline.iter().any(|entry| facts(entry.stage).generators == Door::Deliver);
    let all_had_delivered = went_on || (view.had_load() && view.current.progress.failure.is_none());
    if missing > 0 && all_had_delivered {
        let generators = counted(missing, "load generator");
        draft.doubt(format!("what {generators} delivered is not there any more"));
    }
}

/// Why the cell's details are not written, once that has been refused for long enough, or the run is aborted meanwhile.
///
/// What is refused now may be taken later (a quota, a webhook that is down), so it is tried again until the deadline.
/// After it the cell keeps its row in the status, and the targets are put back.
fn not_written(draft: &Draft<'_>, view: &View<'_>) -> Option<String> {
    let (since, refusal) = draft.refusal()?;
    let enough = draft.is_past(since, view.plan.deadlines.collect) || view.observed.controls.abort;
    enough.then(|| {
        format!("the details of this cell are not in the report, since they could not be written: {refusal}")
    })
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

fn write_results(draft: &mut Draft<'_>, view: &View<'_>, not_written: Option<String>) {
    let current = draft.status.current.clone().unwrap_or_else(|| view.current.clone());
    let address = draft.address(&current);
    let main_target = view.plan.workload.kind().main_target();
    let evidence = Evidence {
        pulp: &view.observed.pulp,
        generators: &view.observed.generators.results,
        workers: main_target.and_then(|main| view.cell_replicas(&main.target)).unwrap_or_default(),
        sources: view.observed.sources.reports(),
        earlier: view.observed.report.as_ref().map_or(&[], |report| report.cells.as_slice()),
    };
    let detail = measure(view.plan, view.cell, &current, &evidence, address.correlation_id(), draft.now);
    let mut result = summarized(&detail.figures);
    draft.status.results.retain(|other| other.cell != result.cell);
    tell_of_result(draft, view, &result, &detail.figures.observations);
    if let Some(words) = not_written {
        draft.warn(Reason::ReportNotWritten, format!("{}: {words}", cell_name(view)));
        result.observations.push(words);
        draft.status.results.push(result);
        return;
    }
    let report = view.observed.report.clone().unwrap_or_else(|| {
        let TestFacts { namespace, name, uid, generation: _ } = draft.test;
        TestReport::empty(namespace, name, uid, view.plan.main_axis())
    });
    tell_of_lost_cells(draft, &report);
    let report = Box::new(report.with(detail.figures.clone()));
    draft.status.results.push(result);
    draft.act(Action::WriteReport { address: address.clone(), detail: Box::new(detail), report });
    draft.act(Action::DeleteGenerators { address });
}

/// Says of each earlier cell whose details are not to be had any more that they are not, once.
fn tell_of_lost_cells(draft: &mut Draft<'_>, report: &TestReport) {
    let words =
        "the details of this cell are not in the report any more: its ConfigMap was deleted, or changed";
    for result in &mut draft.status.results {
        let was_told =
            result.observations.iter().any(|told| told.starts_with("the details of this cell are not"));
        if report.lost_cells.contains(&result.cell) && !was_told {
            result.observations.push(words.to_owned());
            let note = format!("cell {}: {words}", result.cell + 1);
            draft.events.push(EventText { warning: true, reason: Reason::ReportIncomplete, note });
        }
    }
}

/// The cell, as events name it.
fn cell_name(view: &View<'_>) -> String {
    format!("cell {} of {}", view.cell.index + 1, view.plan.cells.len())
}

fn tell_of_result(draft: &mut Draft<'_>, view: &View<'_>, result: &CellResult, observations: &[String]) {
    let name = cell_name(view);
    let headline = result.tasks_per_second.as_deref().unwrap_or("no");
    let words = view.plan.workload.kind().facts().headline_words;
    let note = format!("{name}: {:?}, {headline} {words}", result.verdict);
    draft.tell(Reason::CellFinished, note);
    for words in observations.iter().take(MOST_OBSERVATION_EVENTS) {
        draft.tell(Reason::Observed, format!("{name}: {words}"));
    }
}
