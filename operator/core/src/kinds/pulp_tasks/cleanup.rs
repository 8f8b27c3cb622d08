//! After the tasks have ended: deleting what they made.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::plan::PulpTasks;
use crate::decide::decision::Action;
use crate::decide::draft::{Draft, View};
use crate::decide::settle::to_the_figures;
use crate::observed::Credentials;
use crate::reason::{Reason, Why};

/// How often to look whether the deletions have ended.
const LOOK_AT_DELETIONS: Duration = Duration::from_secs(2);

/// Goes on when the cell's tasks have ended: to deleting what they made, where that is asked for.
pub(super) fn after_the_tasks(tasks: &PulpTasks, draft: &mut Draft<'_>, view: &View<'_>) {
    if tasks.deletes_created && view.had_load() {
        draft.enter(Stage::CleaningUp);
    } else {
        to_the_figures(draft, view);
    }
}

/// Deletes what the cell's tasks made. Whatever comes of it, the cell's figures are collected.
pub(super) fn cleaning_up(draft: &mut Draft<'_>, view: &View<'_>) {
    let progress = view.current.progress.cleanup.clone().unwrap_or_default();
    let deletions = view.observed.pulp.answer.counts().and_then(|counts| counts.deletions);
    if let (true, Some(deletions)) = (progress.done, deletions)
        && deletions.unfinished == 0
    {
        if let Some(cleanup) =
            draft.status.current.as_mut().and_then(|current| current.progress.cleanup.as_mut())
        {
            cleanup.left += deletions.failed;
        }
        return to_the_figures(draft, view);
    }
    let seen = format!(
        "{} of {} resources that the tasks made were asked to be deleted",
        progress.asked, progress.created
    );
    if let Credentials::Unusable(Why { message, .. }) = &view.observed.credentials {
        draft.warn(Reason::NotCleanedUp, format!("{message}; {seen}; the rest stays"));
        return to_the_figures(draft, view);
    }
    if draft.is_past(view.since(), view.plan.deadlines.cleanup) {
        draft.warn(Reason::NotCleanedUp, format!("timeouts.cleanup passed: {seen}; the rest stays"));
        return to_the_figures(draft, view);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::CleaningUp, seen);
    if progress.done {
        return draft.look_again_in(LOOK_AT_DELETIONS);
    }
    let address = draft.address(view.current);
    draft.act(Action::DeleteCreated {
        created_by: address.correlation_id(),
        correlation_id: address.cleanup_correlation_id(),
        progress,
    });
    draft.look_again_in(Duration::ZERO);
}
