//! The workers of a backlog, that come when all is dispatched, and begin.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};
use throughput_model::counted::{agreeing, counted, times};

use super::counting::update_counts;
use super::nudging::{MOST_NUDGES, PATIENCE, nudge};
use crate::decide::draft::{Draft, View};
use crate::decide::drift::watch_for_drift;
use crate::reason::{Reason, Why};

/// How often to look whether the workers begin.
const LOOK_AT_WORKERS: Duration = Duration::from_secs(1);

/// Waits until the workers start the first task. Workers that were not there when the tasks were dispatched
/// can fail to notice them; one more task, of no consequence, wakes them up.
pub(super) fn awaiting_first_task(draft: &mut Draft<'_>, view: &View<'_>) {
    watch_for_drift(draft, view);
    let own = update_counts(draft, view);
    let waiting = view.observed.pulp.answer.counts().and_then(|counts| counts.waiting);
    draft.look_again_in(LOOK_AT_WORKERS);
    let (Some(own), Some(waiting)) = (own, waiting) else {
        return give_up_in_time(draft, view, "Pulp does not say how many tasks wait");
    };
    if own.unfinished == 0 || waiting < own.submitted {
        return view.go_on(draft);
    }
    let nudges = view.current.progress.nudges.len();
    let seen = format!(
        "workers are online, {} {}, and none was started; nudged {}",
        counted(waiting, "task"),
        agreeing(waiting, "waits", "wait"),
        times(nudges)
    );
    let quiet_since = view.current.progress.nudges.last().copied().unwrap_or_else(|| view.since());
    if nudges < MOST_NUDGES && draft.is_past(quiet_since, PATIENCE) {
        nudge(draft, view, Reason::NothingStarts, &seen);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::NothingStarts, seen.clone());
    give_up_in_time(draft, view, &seen);
}

fn give_up_in_time(draft: &mut Draft<'_>, view: &View<'_>, seen: &str) {
    if draft.is_past(view.since(), view.plan.deadlines.drain) {
        draft.fail_cell(
            Why::new(Reason::NothingStarted, format!("timeouts.drain passed: {seen}")),
            Stage::CancelingTasks,
        );
    }
}
