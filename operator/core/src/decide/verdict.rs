//! How a run ends: everything is put back, then the verdict is given.

use std::time::Duration;

use throughput_crds::{CellOutcome, ConditionStatus, ConditionType, Verdict};

use super::claim;
use super::decision::Action;
use super::draft::{Draft, View};
use crate::clock::elapsed;
use crate::observed::{Job, Observed};
use crate::plan::criteria::CriteriaOutcome;
use crate::plan::criteria::repeated;
use crate::plan::rejection::Rejection;
use crate::reason::Reason;

/// How often to look whether everything is put back.
pub(super) const LOOK_AT_RESTORING: Duration = Duration::from_millis(500);

/// Puts everything back, then finishes.
pub(super) fn restoring(draft: &mut Draft<'_>, view: &View<'_>) {
    let address = draft.address(view.current);
    let generators_gone = view.observed.generators.job == Job::Absent;
    if view.observed.claims.is_empty() {
        if generators_gone {
            return finish(draft, view);
        }
        // Their Job has a deadline of its own, and goes with the test.
        if let Some((_, refusal)) =
            draft.refusal().filter(|(since, _)| draft.is_past(*since, view.plan.deadlines.cancel))
        {
            let note =
                format!("the Job of the load generators is left, since it could not be deleted: {refusal}");
            draft.warn(Reason::GeneratorsNotDeleted, note);
            return finish(draft, view);
        }
    }
    draft.condition(
        ConditionType::Running,
        ConditionStatus::False,
        Reason::Restoring,
        "no further cell is measured",
    );
    // First what matters most: what follows may be refused.
    draft.act(Action::Restore);
    if !generators_gone {
        draft.act(Action::DeleteGenerators { address });
    }
    draft.look_again_in(LOOK_AT_RESTORING);
}

fn finish(draft: &mut Draft<'_>, view: &View<'_>) {
    let cells = view.plan.cells.len();
    let complete =
        draft.status.results.iter().filter(|result| result.outcome == CellOutcome::Completed).count();
    let aborted =
        view.current.progress.failure_reason.as_ref().is_some_and(|reason| *reason == Reason::Aborted);
    let of_repeats = repeated::judge(
        &view.plan.repeat_criteria,
        view.plan.workload.kind().facts(),
        &view.plan.cells,
        &draft.status.repeats,
    );
    let verdict = if aborted { Verdict::Aborted } else { verdict(draft, cells, &of_repeats) };
    let words = format!("{complete} of {cells} cells were followed to their end");
    let collected = if complete == cells { ConditionStatus::True } else { ConditionStatus::False };
    draft.condition(
        ConditionType::ResultsCollected,
        collected,
        if complete == cells { Reason::AllCells } else { Reason::Incomplete },
        &words,
    );
    claim::tell_restored(draft);
    let why = draft
        .status
        .results
        .iter()
        .find(|result| result.verdict == verdict)
        .and_then(|result| result.message.clone())
        // A cell that left no row of its own.
        .or_else(|| {
            view.current.progress.failure.clone().filter(|_| aborted || draft.status.results.len() < cells)
        })
        .or(match (of_repeats, verdict) {
            (CriteriaOutcome::NotMet(words), Verdict::Failed)
            | (CriteriaOutcome::NoFigure(words), Verdict::Invalid) => Some(words),
            _ => None,
        })
        .unwrap_or(words);
    end(draft, verdict, verdict_reason(verdict), &why);
    draft.release = true;
}

/// The test's verdict: what could not be carried out or is not met weighs more than what cannot be trusted.
fn verdict(draft: &Draft<'_>, cells: usize, of_repeats: &CriteriaOutcome) -> Verdict {
    let any = |verdict| draft.status.results.iter().any(|result| result.verdict == verdict);
    let short = draft.status.results.len() < cells || matches!(of_repeats, CriteriaOutcome::NotMet(_));
    if short || any(Verdict::Failed) {
        Verdict::Failed
    } else if any(Verdict::Invalid) || matches!(of_repeats, CriteriaOutcome::NoFigure(_)) {
        Verdict::Invalid
    } else {
        Verdict::Passed
    }
}

fn verdict_reason(verdict: Verdict) -> Reason {
    match verdict {
        Verdict::Passed => Reason::Passed,
        Verdict::Failed => Reason::Failed,
        Verdict::Invalid => Reason::Invalid,
        Verdict::Aborted => Reason::Aborted,
    }
}

fn end(draft: &mut Draft<'_>, verdict: Verdict, reason: Reason, message: &str) {
    let passed = if verdict == Verdict::Passed { ConditionStatus::True } else { ConditionStatus::False };
    draft.condition(ConditionType::Running, ConditionStatus::False, Reason::Finished, "the run is over");
    draft.condition(ConditionType::Succeeded, passed, reason, message);
    draft.condition(ConditionType::Finished, ConditionStatus::True, reason, message);
    let note = format!("{}: {message}", verdict_reason(verdict));
    if verdict == Verdict::Passed {
        draft.tell(Reason::Finished, note);
    } else {
        draft.warn(Reason::Finished, note);
    }
    draft.status.verdict = Some(verdict);
    draft.status.current = None;
    draft.status.finished_at = Some(draft.now);
    draft.next = None;
}

/// Ends a run that never scaled anything.
pub(super) fn give_up(draft: &mut Draft<'_>, verdict: Verdict, reason: Reason, message: &str) {
    draft.condition(
        ConditionType::ResultsCollected,
        ConditionStatus::False,
        Reason::NothingMeasured,
        "no cell was measured",
    );
    draft.condition(
        ConditionType::TargetsRestored,
        ConditionStatus::True,
        Reason::NothingScaled,
        "nothing was scaled",
    );
    end(draft, verdict, reason, message);
    draft.release = true;
}

/// A spec that can never be carried out.
pub(super) fn reject(draft: &mut Draft<'_>, rejection: &Rejection, observed: &Observed) {
    if !observed.claims.is_empty() {
        // It was accepted once, by another version of this program: what that one claimed is put back first.
        draft.act(Action::Restore);
        if let Some(current) = draft.status.current.clone() {
            let address = draft.address(&current);
            draft.act(Action::DeleteGenerators { address });
        }
        return draft.look_again_in(LOOK_AT_RESTORING);
    }
    draft.status.observed_generation = draft.test.generation;
    draft.condition(
        ConditionType::Accepted,
        ConditionStatus::False,
        rejection.reason(),
        rejection.to_string(),
    );
    give_up(draft, Verdict::Failed, rejection.reason(), &rejection.to_string());
}

/// Nothing is left to be done but to let go, should the program have been killed just before it did.
pub(super) fn after_the_end(draft: &mut Draft<'_>, observed: &Observed) {
    if observed.claims.is_empty() {
        draft.release = observed.has_finalizer;
        if !observed.deleting {
            delete_in_time(draft, observed);
        }
    } else {
        draft.act(Action::Restore);
        draft.look_again_in(LOOK_AT_RESTORING);
    }
}

/// Deletes a finished test once its time has passed.
pub(super) fn delete_in_time(draft: &mut Draft<'_>, observed: &Observed) {
    let (Some(ttl), Some(finished)) = (observed.controls.ttl_after_finished, draft.status.finished_at) else {
        return;
    };
    match ttl.checked_sub(elapsed(finished, draft.now)) {
        Some(rest) if rest > Duration::ZERO => draft.look_again_in(rest),
        _ => draft.act(Action::DeleteTest),
    }
}
