//! How a run ends before its time: what it dispatched is canceled while workers live, then everything is put back.
//! Each part has a deadline.
//!
//! A deleted test goes all of this way. A cell that cannot be finished goes its first half, and its figures are
//! collected after that.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::noting::count;
use super::verdict::LOOK_AT_RESTORING;
use super::{Action, Draft, View};
use crate::observed::{Job, Observed, Pulp, Target};
use crate::plan::Plan;
use crate::reason::Reason;
use crate::stage::{ends_in, facts};
use crate::target::Holder;

/// How often to look whether everything is canceled.
const LOOK_WHILE_CANCELING: Duration = Duration::from_secs(5);
/// How long the tasks of a deleted test are canceled before it is let go all the same.
const DELETION_DEADLINE: Duration = Duration::from_mins(5);
/// The same while Pulp does not answer: it may be restarting, or gone for good.
const DELETION_DEADLINE_WITHOUT_ANSWER: Duration = Duration::from_mins(2);
/// How long to wait for tasks to be canceled once the workers' Deployment is gone: its pods may still end what
/// they run, and after them nobody is left who could.
const WITHOUT_WORKERS: Duration = Duration::from_mins(1);

/// How far canceling has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canceling {
    /// It goes on.
    GoesOn,
    /// No task of the cell is left, and none can come.
    Done,
    /// The time for it is up.
    TimeIsUp,
}

/// That the workers' Deployment or `StatefulSet` is gone, if it is: then no task of the cell will ever end.
pub(super) fn without_workers(view: &View<'_>) -> Option<String> {
    let workers = view.plan.workers;
    matches!(view.observed.targets.get(workers), Some(Target::Missing))
        .then(|| format!("the {} was deleted while the cell was measured", view.plan.scale[workers].target))
}

/// Deletes the cell's generators and cancels its tasks, for as long as is allowed since the stage began.
pub(super) fn cancel(draft: &mut Draft<'_>, view: &View<'_>, allowed: Duration) -> Canceling {
    let own = count(draft, view);
    if own.is_some_and(|own| own.unfinished == 0) && !may_dispatch(draft, view) {
        return Canceling::Done;
    }
    let workers = view.observed.targets.get(view.plan.workers);
    let allowed = match workers {
        Some(Target::Missing) | None => allowed.min(WITHOUT_WORKERS),
        Some(Target::Present { .. } | Target::Refused(_) | Target::Autoscaled { .. }) => allowed,
    };
    if draft.is_past(view.since(), allowed) {
        return Canceling::TimeIsUp;
    }
    if let Some(Target::Present { replicas: 0, holder: Holder::This, .. }) = workers {
        // A waiting task is canceled by a worker. As many as were found, and one where there were none.
        let target = view.plan.scale[view.plan.workers].target.clone();
        let found = view.observed.claims.iter().find(|claimed| claimed.target == target);
        let replicas = found.map_or(0, |claimed| claimed.replicas);
        draft.act(Action::Scale { target, replicas: replicas.max(1) });
    }
    let address = draft.address(view.current);
    draft.act(Action::DeleteGenerators { address: address.clone() });
    if let Some(own) = own {
        draft.act(Action::CancelTasks { correlation_id: address.correlation_id() });
        super::nudging::wake_to_cancel(draft, view, own.unfinished);
    }
    draft.look_again_in(LOOK_WHILE_CANCELING);
    Canceling::GoesOn
}

/// Whether tasks of the cell may still come: from a generator that is at work, or from a request that Pulp has not
/// ended, whose sender is lost. Pulp works on for nobody as long as it would have for somebody, and what it
/// dispatched then would be found by the next cell.
fn may_dispatch(draft: &Draft<'_>, view: &View<'_>) -> bool {
    let generators = &view.observed.generators;
    if matches!(generators.job, Job::Active { .. }) {
        return true;
    }
    let all_delivered = generators.results.len() >= view.cell.generators as usize;
    let request = view.plan.request_timeout();
    view.began(Stage::Dispatching).is_some() && !all_delivered && !draft.is_past(view.since(), request)
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
    let allowed = match observed.pulp {
        Pulp::Answering(_) => DELETION_DEADLINE,
        Pulp::Unavailable(_) | Pulp::NotAsked => DELETION_DEADLINE_WITHOUT_ANSWER,
    };
    match cancel(draft, &view, allowed) {
        Canceling::GoesOn => {}
        Canceling::Done => draft.enter(Stage::Restoring),
        Canceling::TimeIsUp => {
            draft.warn(
                Reason::TasksNotCanceled,
                format!(
                    "tasks of the deleted test are left in Pulp's queue; they have the correlation id {}",
                    draft.address(view.current).correlation_id()
                ),
            );
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
