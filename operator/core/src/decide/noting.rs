//! What is noted in the status while a cell is measured, whatever its stage.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, LiveCounts, WorkersOnline};
use throughput_model::counted::counted_as;

use super::{Draft, View};
use crate::clock::elapsed;
use crate::observed::{Counts, OwnTasks, Pulp, Target};
use crate::reason::Why;

/// The most changes of the number of workers that a cell keeps: the schema allows as many.
const MOST_WORKER_CHANGES: usize = 32;
/// The live counts in the status are rewritten at most this often.
const REWRITE_LIVE_COUNTS: Duration = Duration::from_secs(10);

/// Takes what Pulp counts into the status, and returns the cell's own tasks.
pub(super) fn count(draft: &mut Draft<'_>, view: &View<'_>) -> Option<OwnTasks> {
    let Counts { own, workers_online, processes, versions, unfinished: _, waiting: _, deletions: _ } =
        match &view.observed.pulp {
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

/// Notes it when Pulp has another number of workers online than before. Where it changes more often than there is room
/// for, the last one kept is the newest.
pub(super) fn note_workers(draft: &mut Draft<'_>, view: &View<'_>) {
    let Some(workers) = workers_online(view) else { return };
    let entry = WorkersOnline { since: draft.now, workers };
    let Some(current) = &mut draft.status.current else { return };
    let seen = &mut current.progress.workers_online;
    if seen.last().is_some_and(|last| last.workers == workers) {
        return;
    }
    seen.truncate(MOST_WORKER_CHANGES - 1);
    seen.push(entry);
}

pub(super) fn workers_online(view: &View<'_>) -> Option<u32> {
    view.observed.pulp.counts().and_then(|counts| counts.workers_online)
}

/// Notes it when a target does not have the replicas that the cell wants any more.
pub(super) fn watch_for_drift(draft: &mut Draft<'_>, view: &View<'_>) {
    for (entry, target) in view.observed.targets.iter().enumerate() {
        let name = &view.plan.scale[entry].target;
        match (target, view.wanted_replicas(entry)) {
            (Target::Present { replicas, .. }, Some(wanted)) if *replicas != wanted => {
                draft.doubt(format!("the replicas of the {name} were changed from {wanted} to {replicas} while the cell was measured"));
            }
            (Target::Missing, _) => {
                draft.doubt(format!("the {name} was deleted while the cell was measured"));
            }
            (Target::Autoscaled { autoscaler }, _) => {
                draft.doubt(format!("the HorizontalPodAutoscaler {autoscaler} began to scale the {name} while the cell was measured"));
            }
            (Target::Present { agreed: false, .. }, Some(wanted)) => {
                draft.doubt(format!("the owner of the {name}'s replicas was told another number than {wanted} while the cell was measured"));
            }
            (Target::Refused(unscalable), _) => {
                draft.doubt(format!("{} (while the cell was measured)", unscalable.message));
            }
            (Target::Present { .. }, _) => {}
        }
    }
}

/// Notes it when workers are online while a backlog is built: they are not among those that were scaled.
pub(super) fn watch_for_workers(draft: &mut Draft<'_>, view: &View<'_>) {
    if let (true, Some(online @ 1..)) = (view.builds_a_backlog(), workers_online(view)) {
        draft.doubt(format!(
            "{} online while the backlog was built",
            counted_as(online, "worker was", "workers were")
        ));
    }
}
