//! How a run ends before its time: what it dispatched is canceled while workers live, then everything is put back.
//! Each part has a deadline.
//!
//! A deleted test goes all of this way. A cell that cannot be finished goes its first half, and its figures are
//! collected after that.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::decision::Action;
use super::draft::{Draft, View};
use super::verdict::LOOK_AT_RESTORING;
use crate::kinds::Canceling;
use crate::observed::{Credentials, Observed};
use crate::plan::Plan;
use crate::reason::{Reason, Why};
use crate::stage::{ends_in, facts};

/// How long the load of a deleted test is canceled before it is let go all the same.
const DELETION_DEADLINE: Duration = Duration::from_mins(5);
/// The same while the target does not answer: it may be restarting, or gone for good.
const DELETION_DEADLINE_WITHOUT_ANSWER: Duration = Duration::from_mins(2);

/// Ends the load of a cell that is given up. Whatever comes of it, the cell's figures are collected.
pub(super) fn canceling(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::CancelingTasks,
        "what is left of the cell is canceled",
    );
    let kind = view.plan.workload.kind();
    if let Credentials::Unusable(Why { message, .. }) = &view.observed.credentials {
        // The generators go while everything is put back.
        let left = kind.left_in_target(&draft.address(view.current));
        return draft
            .fail_cell(Why::new(Reason::TasksNotCanceled, format!("{message}; {left}")), Stage::Restoring);
    }
    match kind.cancel(draft, view, view.plan.deadlines.cancel) {
        Canceling::GoesOn => {}
        Canceling::Done => kind.after_the_load(draft, view),
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

/// The test was deleted: its tasks are canceled and everything is put back before it may go.
pub(super) fn for_deletion(draft: &mut Draft<'_>, plan: Option<&Plan>, observed: &Observed) {
    let current = draft.status.current.clone();
    if observed.claims.is_empty() {
        // Nothing is left to be put back: also when its namespace is being deleted, claims and all.
        if current.as_ref().is_some_and(|current| facts(current.stage).claimed) {
            let note = "the claims of the deleted test are gone, and with them what its targets were before";
            draft.warn(Reason::ClaimLost, note.to_owned());
        }
        draft.release = true;
        return;
    }
    let view = plan.zip(current.as_ref()).and_then(|(plan, current)| {
        let cell = plan.cells.get(current.cell as usize)?;
        Some(View { plan, cell, current, observed })
    });
    let Some(view) = view.filter(|view| ends_in(view.current) == Stage::CancelingTasks) else {
        return put_back(draft);
    };
    if view.current.stage != Stage::CancelingTasks {
        draft.tell(Reason::CancelingTasks, "the test was deleted: what it dispatched is canceled".to_owned());
        return draft.enter(Stage::CancelingTasks);
    }
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::CancelingTasks,
        "the test was deleted: what it dispatched is canceled",
    );
    let kind = view.plan.workload.kind();
    let answers = kind.target_answers(observed);
    let allowed = if answers { DELETION_DEADLINE } else { DELETION_DEADLINE_WITHOUT_ANSWER };
    match kind.cancel(draft, &view, allowed) {
        Canceling::GoesOn => {}
        Canceling::Done => draft.enter(Stage::Restoring),
        Canceling::TimeIsUp => {
            let left = kind.left_in_target(&draft.address(view.current));
            draft.warn(Reason::TasksNotCanceled, left);
            draft.enter(Stage::Restoring);
        }
    }
}

fn put_back(draft: &mut Draft<'_>) {
    if let Some(current) = draft.status.current.clone() {
        if current.stage != Stage::Restoring {
            return draft.enter(Stage::Restoring);
        }
        let address = draft.address(&current);
        draft.act(Action::Restore);
        draft.act(Action::DeleteGenerators { address });
    } else {
        draft.act(Action::Restore);
    }
    draft.condition(
        ConditionType::Running,
        ConditionStatus::False,
        Reason::Restoring,
        "the test was deleted: what was scaled is put back",
    );
    draft.look_again_in(LOOK_AT_RESTORING);
}
