//! After the dispatch: the workers finish what is left.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Procedure, Stage};

use super::cleanup::after_the_tasks;
use super::counting::update_counts;
use super::observed::OwnTasks;
use super::plan::PulpTasks;
use super::workers;
use crate::clock::elapsed;
use crate::decide::draft::{Draft, View};
use crate::decide::drift::watch_for_drift;
use crate::reason::{Reason, Why};

/// How often to count where Pulp does not say how much is left.
const LOOK_WITHOUT_COUNTS: Duration = Duration::from_secs(5);

pub(super) fn draining(tasks: &PulpTasks, draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Draining,
        "the workers finish what was dispatched",
    );
    watch_for_drift(draft, view);
    let own = update_counts(draft, view);
    if own.is_some_and(|own| own.unfinished == 0) {
        return after_the_tasks(tasks, draft, view);
    }
    if let Some(message) = workers::gone(tasks, view) {
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
    let workers_begin = match tasks.procedure {
        Procedure::Sustained => Stage::Dispatching,
        Procedure::Backlog => Stage::AwaitingFirstTask,
    };
    let working_for = view.began(workers_begin).map(|since| elapsed(since, draft.now)).unwrap_or_default();
    draft.look_again_in(own.map_or(LOOK_WITHOUT_COUNTS, |own| until_drained_is_seen(own, working_for)));
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
