//! What Pulp counts, in the status.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, LiveCounts};

use super::observed::{Counts, OwnTasks, Pulp};
use crate::clock::elapsed;
use crate::decide::draft::{Draft, View};
use crate::reason::Why;

/// The live counts in the status are rewritten at most this often.
const REWRITE_LIVE_COUNTS: Duration = Duration::from_secs(10);

/// Takes what Pulp counts into the status, and returns the cell's own tasks.
pub(super) fn update_counts(draft: &mut Draft<'_>, view: &View<'_>) -> Option<OwnTasks> {
    let Counts { own, workers_online, processes, versions, unfinished: _, waiting: _, deletions: _ } =
        match &view.observed.pulp.answer {
            Pulp::Answering(counts) => counts,
            Pulp::Unavailable(Why { reason, message }) => {
                draft.condition(ConditionType::Running, ConditionStatus::True, *reason, message);
                return None;
            }
            Pulp::NotAsked => return None,
        };
    let now = draft.now;
    if let Some(current) = &mut draft.status.current {
        current.progress.processes = current.progress.processes.or(*processes);
        if current.progress.pulp_versions.is_empty() {
            current.progress.pulp_versions.clone_from(versions);
        }
        let is_due = current.live.is_none_or(|live| elapsed(live.at, now) >= REWRITE_LIVE_COUNTS);
        if let (Some(own), true) = (own, is_due) {
            current.live = Some(LiveCounts {
                at: now,
                tasks_submitted: own.submitted,
                tasks_unfinished: own.unfinished,
                workers_online: *workers_online,
            });
        }
    }
    *own
}
