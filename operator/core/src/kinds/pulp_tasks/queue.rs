//! Pulp's queue, which is empty when a cell begins. What comes after that, while the workers are scaled, is judged at the end
//! by the workers' time that it took, like what comes while tasks are dispatched.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};
use throughput_model::counted::{agreeing, counted_as};

use super::observed::Pulp;
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
