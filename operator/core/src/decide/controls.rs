//! What people ask of a run on its way: to hold it, to end it, to delete it in time.

use std::ops::ControlFlow;

use throughput_crds::{ConditionStatus, ConditionType, Stage, Verdict};

use super::decision::Action;
use super::draft::{Draft, View};
use super::{claim, verdict};
use crate::observed::{Credentials, Observed};
use crate::plan::Plan;
use crate::reason::{Reason, Why};
use crate::stage::{ends_in, facts};

/// Does what people ask for; breaks where that is all that this look is for.
pub(super) fn heed(draft: &mut Draft<'_>, plan: &Plan, observed: &Observed) -> ControlFlow<()> {
    let stage = draft.status.current.as_ref().map(|current| current.stage);
    if observed.controls.abort {
        match draft.status.current.as_ref() {
            None => {
                let message = "spec.abort was set before anything was scaled";
                verdict::give_up(draft, Verdict::Aborted, Reason::Aborted, message);
                return ControlFlow::Break(());
            }
            Some(current) if !facts(current.stage).at_its_end => {
                let next = ends_in(current);
                draft.fail_cell(Why::new(Reason::Aborted, "spec.abort was set".to_owned()), next);
                return ControlFlow::Break(());
            }
            Some(_) => {}
        }
    }
    if let (Credentials::Unusable(why), Some(current)) =
        (&observed.credentials, draft.status.current.as_ref())
        && facts(current.stage).claimed
        && !facts(current.stage).at_its_end
    {
        // Somebody took back what the run needs: its load ends, and nothing more is sent.
        let next = ends_in(current);
        draft.fail_cell(why.clone(), next);
        return ControlFlow::Break(());
    }
    if observed.controls.suspend && stage.is_none_or(|stage| facts(stage).can_be_held) {
        let cell = draft.status.current.as_ref().map_or(0, |current| current.cell as usize);
        draft.accept(plan);
        draft.begin_cell(plan.cells.get(cell).unwrap_or(&plan.cells[0]), Stage::Suspended);
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}

/// Holds the run: nothing stays claimed meanwhile.
pub(super) fn suspended(draft: &mut Draft<'_>, view: &View<'_>) {
    if !view.observed.claims.is_empty() {
        draft.act(Action::Restore);
        return draft.look_again_in(verdict::LOOK_AT_RESTORING);
    }
    // Once: what is claimed nowhere and has no finalizer was let go before.
    if draft.status.started_at.is_some() && view.observed.has_finalizer {
        claim::tell_restored(draft);
    }
    if !view.observed.controls.suspend {
        return draft.begin_cell(view.cell, Stage::AwaitingTargets);
    }
    draft.condition(
        ConditionType::Running,
        ConditionStatus::False,
        Reason::Suspended,
        "held before the next cell until spec.suspend is false",
    );
    draft.release = view.observed.has_finalizer;
    draft.next = None;
}
