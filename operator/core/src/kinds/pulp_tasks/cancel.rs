//! Canceling what a cell has left in Pulp.

use std::time::Duration;

use throughput_crds::Stage;
use throughput_model::failure::FailureClass;

use super::counting::update_counts;
use super::nudging::wake_to_cancel;
use super::plan::PulpTasks;
use crate::decide::decision::Action;
use crate::decide::draft::{Draft, View};
use crate::kinds::Canceling;
use crate::observed::{Job, Target};
use crate::target::Holder;

/// How often to look whether everything is canceled.
const LOOK_WHILE_CANCELING: Duration = Duration::from_secs(5);
/// How long to wait for tasks to be canceled once the workers' Deployment is gone: its pods may still end what
/// they run, and after them nobody is left who could.
const WITHOUT_WORKERS: Duration = Duration::from_mins(1);

/// Deletes the cell's generators and cancels its tasks, for as long as is allowed since the stage began.
pub(super) fn cancel(
    tasks: &PulpTasks,
    draft: &mut Draft<'_>,
    view: &View<'_>,
    allowed: Duration,
) -> Canceling {
    let own = update_counts(draft, view);
    if own.is_some_and(|own| own.unfinished == 0) && !may_dispatch(tasks, draft, view) {
        return Canceling::Done;
    }
    let workers = view.observed.targets.get(&tasks.workers.target);
    let allowed = match workers {
        Some(Target::Missing) | None => allowed.min(WITHOUT_WORKERS),
        Some(Target::Present { .. } | Target::Refused(_) | Target::Autoscaled { .. }) => allowed,
    };
    if draft.is_past(view.since(), allowed) {
        return Canceling::TimeIsUp;
    }
    if let Some(Target::Present { replicas: 0, holder: Holder::This, .. }) = workers {
        // A waiting task is canceled by a worker. As many as were found, and one where there were none.
        let target = tasks.workers.target.clone();
        let found = view.observed.claims.iter().find(|claimed| claimed.target == target);
        let replicas = found.map_or(0, |claimed| claimed.replicas);
        draft.act(Action::Scale { target, replicas: replicas.max(1) });
    }
    let address = draft.address(view.current);
    draft.act(Action::DeleteGenerators { address: address.clone() });
    if let Some(own) = own {
        draft.act(Action::CancelTasks { correlation_id: address.correlation_id() });
        wake_to_cancel(draft, view, own.unfinished);
    }
    draft.look_again_in(LOOK_WHILE_CANCELING);
    Canceling::GoesOn
}

/// Whether tasks of the cell may still come: from a generator that is at work, or from a request that Pulp has not
/// ended, whose sender is lost or did not await it. Pulp works on for nobody as long as it would have for somebody, and what it
/// dispatched then would be found by the next cell.
fn may_dispatch(tasks: &PulpTasks, draft: &Draft<'_>, view: &View<'_>) -> bool {
    let generators = &view.observed.generators;
    if matches!(generators.job, Job::Active { .. }) {
        return true;
    }
    // One that ended well had delivered, also where somebody has deleted it since.
    let all_ended_well =
        generators.results.len() >= view.cell.generators as usize || generators.job == Job::Complete;
    let all_delivered = all_ended_well
        && generators.results.iter().all(|result| result.failures.of_class(FailureClass::Abandoned) == 0);
    let request = tasks.request_timeout();
    view.began(Stage::Dispatching).is_some() && !all_delivered && !draft.is_past(view.since(), request)
}
