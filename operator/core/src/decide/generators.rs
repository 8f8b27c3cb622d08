//! Starting the load generators of a cell, all at the same instant.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};
use throughput_model::counted::counted_as;

use super::decision::Action;
use super::draft::{Draft, View};
use super::drift::watch_for_drift;
use crate::observed::Job;
use crate::reason::{Reason, Why};

/// How far ahead the start of several generators lies when it is stored. Storing takes some tenths of a second
/// on a busy API server; then each generator asks up to four times, to know the instant well.
const START_LEAD: Duration = Duration::from_secs(2);
/// How often to look at the generators, besides when their Job or `ConfigMap` changes.
const LOOK_AT_GENERATORS: Duration = Duration::from_secs(5);

/// Lets the generators start. Several shall do so together: each has to know the instant before it comes.
fn start_together(draft: &mut Draft<'_>, view: &View<'_>) {
    let lead = if view.cell.generators > 1 { START_LEAD } else { Duration::ZERO };
    let starts_at = draft.now.checked_add(lead).unwrap_or(draft.now);
    if let Some(current) = &mut draft.status.current {
        current.progress.starts_at = Some(starts_at);
    }
    view.go_on(draft);
}

pub(super) fn starting_generators(draft: &mut Draft<'_>, view: &View<'_>) {
    watch_for_drift(draft, view);
    let kind = view.plan.workload.kind();
    let generators = &view.observed.generators;
    let all_ready = generators.registered >= view.cell.generators;
    kind.watch_the_start(draft, view);
    let address = draft.address(view.current);
    if all_ready {
        return start_together(draft, view);
    }
    match &generators.job {
        Job::Failed { message } => {
            return draft.fail_cell(
                Why::new(
                    Reason::GeneratorFailed,
                    format!("a load generator failed before it was ready: {message}"),
                ),
                Stage::Collecting,
            );
        }
        Job::Complete => {
            return draft.fail_cell(
                Why::new(Reason::GeneratorFailed, "a load generator ended before it was ready".to_owned()),
                Stage::Collecting,
            );
        }
        Job::Absent | Job::Active { .. } => {}
    }
    let trouble = match &generators.job {
        Job::Active { trouble: Some(trouble) } => format!(", {trouble}"),
        _ => String::new(),
    };
    let seen = format!(
        "{} of {} ready{trouble}",
        generators.registered,
        counted_as(view.cell.generators, "load generator is", "load generators are")
    );
    if draft.is_past(view.since(), view.plan.deadlines.generator_start) {
        return draft.fail_cell(
            Why::new(Reason::GeneratorNotReady, format!("timeouts.generatorStart passed: {seen}")),
            Stage::Collecting,
        );
    }
    draft.act(Action::StartGenerators(Box::new(view.plan.order(view.cell, &address))));
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::StartingGenerators, seen);
    draft.look_again_in(LOOK_AT_GENERATORS);
}
