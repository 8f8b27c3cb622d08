//! Pulp's queue, which is empty when a cell begins.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};
use throughput_model::counted::{agreeing, counted_as};

use super::observed::{Counts, Pulp};
use crate::decide::draft::{Draft, View};
use crate::reason::{Reason, Why};

/// How often to look whether the queue is empty.
const LOOK_AT_QUEUE: Duration = Duration::from_secs(2);

pub(super) fn emptying(draft: &mut Draft<'_>, view: &View<'_>) {
    let unfinished = view.observed.pulp.answer.counts().and_then(|counts| counts.unfinished);
    if unfinished == Some(0) {
        return view.go_on(draft);
    }
    let what = match (unfinished, &view.observed.pulp.answer) {
        (Some(unfinished), _) => {
            format!(
                "{} not of this run {} unfinished in Pulp's queue",
                counted_as(unfinished, "task that is", "tasks that are"),
                agreeing(unfinished, "is", "are")
            )
        }
        (None, Pulp::Unavailable(why)) => why.message.clone(),
        (None, _) => "Pulp was not asked yet".to_owned(),
    };
    if draft.is_past(view.since(), view.plan.deadlines.start) {
        return draft.fail_cell(
            Why::new(Reason::QueueNotEmpty, format!("timeouts.start passed: {what}")),
            Stage::Collecting,
        );
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::EmptyingQueue, what);
    draft.look_again_in(LOOK_AT_QUEUE);
}

/// The queue was empty before the workers were scaled; what came since is older than the cell's own tasks, and would not be
/// counted among the foreign ones later.
pub(super) fn doubt_what_came_since(draft: &mut Draft<'_>, view: &View<'_>) {
    if let Pulp::Answering(Counts { unfinished: Some(unfinished @ 1..), .. }) = &view.observed.pulp.answer {
        draft.doubt(format!(
            "{} not of this run {} unfinished when the dispatch began",
            counted_as(*unfinished, "task that is", "tasks that are"),
            agreeing(*unfinished, "was", "were")
        ));
    }
}
