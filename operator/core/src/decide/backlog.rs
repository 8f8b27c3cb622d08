//! What a backlog takes besides a sustained load: workers that are away while it is built, and that begin.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};
use throughput_model::counted::{agreeing, counted, times};

use super::noting::{count, watch_for_drift, workers_online};
use super::nudging::{MOST_NUDGES, PATIENCE, nudge};
use super::scaling::scale_to_wanted;
use super::{Draft, View};

use crate::reason::{Reason, Why};

/// How often to look whether the workers are gone, and whether they begin.
const LOOK_AT_WORKERS: Duration = Duration::from_secs(1);

/// Waits until no worker is left that could start a task of the backlog.
pub(super) fn scaling_down(draft: &mut Draft<'_>, view: &View<'_>) {
    let scaled = match scale_to_wanted(draft, view) {
        Ok(scaled) => scaled,
        Err(why) => return draft.fail_cell(why, Stage::Collecting),
    };
    let online = workers_online(view);
    if scaled.all_there && online == Some(0) {
        return draft.enter(Stage::StartingGenerators);
    }
    let seen = scaled.seen_with(online);
    if draft.is_past(view.since(), view.plan.deadlines.scale) {
        let message = format!("timeouts.scale passed: {seen}");
        return draft.fail_cell(Why::new(Reason::WorkersNotGone, message), Stage::Collecting);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::ScalingDown, seen);
    draft.look_again_in(LOOK_AT_WORKERS);
}

/// Waits until the workers start the first task. Workers that were not there when the tasks were dispatched
/// can fail to notice them; one more task, of no consequence, wakes them up.
pub(super) fn awaiting_first_task(draft: &mut Draft<'_>, view: &View<'_>) {
    watch_for_drift(draft, view);
    let own = count(draft, view);
    let waiting = view.observed.pulp.counts().and_then(|counts| counts.waiting);
    draft.look_again_in(LOOK_AT_WORKERS);
    let (Some(own), Some(waiting)) = (own, waiting) else {
        return give_up_in_time(draft, view, "Pulp does not say how many tasks wait");
    };
    if own.unfinished == 0 || waiting < own.submitted {
        return draft.enter(Stage::Draining);
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
