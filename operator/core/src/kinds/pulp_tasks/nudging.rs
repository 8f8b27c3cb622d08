//! Nudging workers that do not notice what waits for them: one more task, of no consequence, wakes them up.

use std::time::Duration;

use throughput_model::counted::counted;

use crate::clock::elapsed;
use crate::decide::decision::Action;
use crate::decide::draft::{Draft, View};
use crate::reason::Reason;

/// How long workers that are online may start or cancel nothing before they are nudged, the first time and again.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How often a cell's workers are nudged for the one or the other.
pub(super) const MOST_NUDGES: usize = 3;

/// The same for workers that were not there when tasks were canceled: without it, these stay `canceling`.
pub(super) fn wake_to_cancel(draft: &mut Draft<'_>, view: &View<'_>, unfinished: u64) {
    let nudges = view.current.progress.nudges.iter().filter(|at| **at >= view.since()).count();
    let (now, live) = (draft.now, view.current.live);
    let is_quiet = live.is_some_and(|live| {
        let were_there = live.workers_online.is_some_and(|workers| workers > 0);
        were_there && live.tasks_unfinished == unfinished && elapsed(live.at, now) >= PATIENCE
    });
    if unfinished > 0 && is_quiet && nudges < MOST_NUDGES {
        let seen = format!(
            "workers are online, and none of {} was canceled for {} s",
            counted(unfinished, "task"),
            PATIENCE.as_secs()
        );
        nudge(draft, view, Reason::NothingCanceled, &seen);
    }
}

pub(super) fn nudge(draft: &mut Draft<'_>, view: &View<'_>, reason: Reason, seen: &str) {
    let correlation_id = draft.address(view.current).nudge_correlation_id();
    draft.act(Action::Nudge { correlation_id });
    draft.warn(reason, format!("{seen}: dispatching one more task, which is not counted"));
    let now = draft.now;
    if let Some(current) = &mut draft.status.current {
        current.progress.nudges.push(now);
    }
}
