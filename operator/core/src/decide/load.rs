//! The load of a cell: dispatching, draining, and canceling what is left.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Procedure, Stage};

use super::cancel::{Canceling, cancel, without_workers};
use super::cleanup::after_the_tasks;
use super::noting::{count, watch_for_drift, watch_for_workers};
use super::{Draft, View, elapsed};
use crate::observed::{Job, OwnTasks};
use crate::reason::{Reason, Why};

/// How often to count while generators dispatch.
const LOOK_WHILE_DISPATCHING: Duration = Duration::from_secs(5);
/// How much longer than the dispatch deadline a generator may take to deliver.
const DELIVERY_GRACE: Duration = Duration::from_mins(2);

pub(super) fn dispatching(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Dispatching,
        "the generators dispatch tasks",
    );
    watch_for_drift(draft, view);
    watch_for_workers(draft, view);
    count(draft, view);
    if let Some(message) = without_workers(view) {
        return draft.fail_cell(Why::new(Reason::TargetGone, message), Stage::CancelingTasks);
    }
    let generators = &view.observed.generators;
    if generators.results.len() >= view.cell.generators as usize {
        return draft.enter(match view.plan.procedure {
            Procedure::Sustained => Stage::Draining,
            Procedure::Backlog => Stage::ScalingWorkers,
        });
    }
    let lost = match &generators.job {
        Job::Failed { message } => Some(message.clone()),
        Job::Absent => Some("its Job was deleted".to_owned()),
        // A generator ends well only once its result is stored; the store may be seen a moment later.
        Job::Complete | Job::Active { .. } => None,
    };
    if let Some(message) = lost {
        return draft.fail_cell(
            Why::new(Reason::GeneratorFailed, format!("a load generator was lost: {message}")),
            Stage::CancelingTasks,
        );
    }
    let allowed = view.plan.deadlines.dispatch + view.plan.request_timeout() + DELIVERY_GRACE;
    if draft.is_past(view.since(), allowed) {
        let message = format!(
            "{} of {} load generators delivered their results in time after timeouts.dispatch",
            generators.results.len(),
            view.cell.generators
        );
        return draft.fail_cell(Why::new(Reason::ResultNotDelivered, message), Stage::CancelingTasks);
    }
    draft.look_again_in(LOOK_WHILE_DISPATCHING);
}

pub(super) fn draining(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Draining,
        "the workers finish what was dispatched",
    );
    watch_for_drift(draft, view);
    let own = count(draft, view);
    if own.is_some_and(|own| own.unfinished == 0) {
        return after_the_tasks(draft, view);
    }
    if let Some(message) = without_workers(view) {
        return draft.fail_cell(Why::new(Reason::TargetGone, message), Stage::CancelingTasks);
    }
    if draft.is_past(view.since(), view.plan.deadlines.drain) {
        let left = own.map_or_else(
            || "Pulp does not say how many tasks are left".to_owned(),
            |own| format!("{} of {} tasks are unfinished", own.unfinished, own.submitted),
        );
        return draft.fail_cell(
            Why::new(Reason::DrainDeadlineExceeded, format!("timeouts.drain passed: {left}")),
            Stage::CancelingTasks,
        );
    }
    let workers_begin = match view.plan.procedure {
        Procedure::Sustained => Stage::Dispatching,
        Procedure::Backlog => Stage::AwaitingFirstTask,
    };
    let working_for = view.began(workers_begin).map(|since| elapsed(since, draft.now)).unwrap_or_default();
    draft.look_again_in(own.map_or(LOOK_WHILE_DISPATCHING, |own| until_drained_is_seen(own, working_for)));
}

/// When to count again: a tenth of the time that the rest takes at the rate so far, so that a long drain is
/// hardly disturbed and its end is still seen at once.
fn until_drained_is_seen(own: OwnTasks, working_for: Duration) -> Duration {
    let (shortest, longest) = (Duration::from_millis(500), Duration::from_secs(15));
    let done = own.submitted.saturating_sub(own.unfinished);
    if done == 0 {
        return Duration::from_secs(2);
    }
    let per_task = working_for.as_micros() / u128::from(done);
    let rest = per_task * u128::from(own.unfinished) / 10;
    Duration::from_micros(u64::try_from(rest).unwrap_or(u64::MAX)).clamp(shortest, longest)
}

pub(super) fn canceling_tasks(draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::CancelingTasks,
        "what is left of the cell is canceled",
    );
    match cancel(draft, view, view.plan.deadlines.cancel) {
        Canceling::GoesOn => {}
        Canceling::Done => after_the_tasks(draft, view),
        Canceling::TimeIsUp => {
            draft.warn(
                Reason::TasksNotCanceled,
                "tasks of this cell could not be canceled; no further cell is measured".to_owned(),
            );
            if let Some(current) = &mut draft.status.current {
                current.progress.failure_reason = Some(Reason::TasksNotCanceled.to_string());
            }
            draft.enter(Stage::Collecting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_drain_is_counted_rarely_and_its_end_is_seen_soon() {
        let after = |unfinished| {
            let own = OwnTasks { submitted: 10_000, unfinished };
            until_drained_is_seen(own, Duration::from_secs(100))
        };
        assert_eq!(after(9_900), Duration::from_secs(15));
        assert_eq!(after(5_000), Duration::from_secs(10));
        assert_eq!(after(900), Duration::from_micros(989_010));
        assert_eq!(after(3), Duration::from_millis(500));
    }
}
