//! What a backlog takes besides a sustained load: workers that are away while it is built, and that begin.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::preparing::scale_to_wanted;
use super::{Action, Draft, View, elapsed};

/// How often to look whether the workers are gone, and whether they begin.
const LOOK_AT_WORKERS: Duration = Duration::from_secs(1);
/// How long workers that are online may start or cancel nothing before they are nudged, the first time and again.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a cell's workers are nudged for the one or the other.
const MOST_NUDGES: usize = 3;

/// Waits until no worker is left that could start a task of the backlog.
pub(super) fn scaling_down(draft: &mut Draft<'_>, view: &View<'_>) {
    let scaled = match scale_to_wanted(draft, view) {
        Ok(scaled) => scaled,
        Err((reason, message)) => return draft.fail_cell(reason, message, Stage::Collecting),
    };
    let online = workers_online(view);
    if scaled.all_there && online == Some(0) {
        return draft.enter(Stage::StartingGenerators);
    }
    let seen = scaled.seen_with(online);
    if draft.is_past(view.since(), view.plan.deadlines.scale) {
        let message = format!("timeouts.scale passed: {seen}");
        return draft.fail_cell("WorkersNotGone", message, Stage::Collecting);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, "ScalingDown", seen);
    draft.look_again_in(LOOK_AT_WORKERS);
}

/// Waits until the workers start the first task. Workers that were not there when the tasks were dispatched
/// can fail to notice them; one more task, of no consequence, wakes them up.
pub(super) fn awaiting_first_task(draft: &mut Draft<'_>, view: &View<'_>) {
    super::measuring::watch_for_drift(draft, view);
    let own = super::measuring::count(draft, view);
    let waiting = view.observed.pulp.counts().and_then(|counts| counts.waiting);
    draft.look_again_in(LOOK_AT_WORKERS);
    let (Some(own), Some(waiting)) = (own, waiting) else {
        return give_up_in_time(draft, view, "Pulp does not say how many tasks wait");
    };
    if own.unfinished == 0 || waiting < own.submitted {
        return draft.enter(Stage::Draining);
    }
    let nudges = view.current.progress.nudges.len();
    let seen =
        format!("workers are online, {waiting} tasks wait, and none was started; nudged {nudges} times");
    let quiet_since = view.current.progress.nudges.last().copied().unwrap_or_else(|| view.since());
    if nudges < MOST_NUDGES && draft.is_past(quiet_since, PATIENCE) {
        nudge(draft, view, "NothingStarts", &seen);
    }
    draft.condition(ConditionType::Running, ConditionStatus::True, "NothingStarts", seen.clone());
    give_up_in_time(draft, view, &seen);
}

/// The same for workers that were not there when tasks were canceled: without it, these stay `canceling`.
pub(super) fn wake_to_cancel(draft: &mut Draft<'_>, view: &View<'_>, unfinished: u64) {
    let nudges = view.current.progress.nudges.iter().filter(|at| **at >= view.since()).count();
    let (now, live) = (draft.now, view.current.live);
    let is_quiet = live.is_some_and(|live| {
        let were_there = live.workers_online.is_some_and(|workers| workers > 0);
        were_there && live.tasks_unfinished == unfinished && elapsed(live.at, now) >= PATIENCE
    });
    if unfinished > 0 && is_quiet && nudges < MOST_NUDGES {
        let seen = format!("workers are online, and none of {unfinished} tasks was canceled for 10 s");
        nudge(draft, view, "NothingCanceled", &seen);
    }
}

fn nudge(draft: &mut Draft<'_>, view: &View<'_>, reason: &'static str, seen: &str) {
    let correlation_id = draft.address(view.current).nudge_correlation_id();
    draft.act(Action::Nudge { correlation_id });
    draft.warn(reason, format!("{seen}: dispatching one more task, which is not counted"));
    let now = draft.now;
    if let Some(current) = &mut draft.status.current {
        current.progress.nudges.push(now);
    }
}

fn give_up_in_time(draft: &mut Draft<'_>, view: &View<'_>, seen: &str) {
    if draft.is_past(view.since(), view.plan.deadlines.drain) {
        draft.fail_cell("NothingStarted", format!("timeouts.drain passed: {seen}"), Stage::CancelingTasks);
    }
}

pub(super) fn workers_online(view: &View<'_>) -> Option<u32> {
    view.observed.pulp.counts().and_then(|counts| counts.workers_online)
}

/// Notes it when workers are online while a backlog is built: they are not among those that were scaled.
pub(super) fn watch_for_workers(draft: &mut Draft<'_>, view: &View<'_>) {
    if let (true, Some(online @ 1..)) = (view.builds_a_backlog(), workers_online(view)) {
        draft.doubt(format!("{online} workers were online while the backlog was built"));
    }
}
