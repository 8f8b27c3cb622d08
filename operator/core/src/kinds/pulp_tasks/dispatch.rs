//! The generators dispatch tasks.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Stage};

use super::counting::update_counts;
use super::plan::PulpTasks;
use super::workers;
use crate::decide::delivery::{Delivery, delivery};
use crate::decide::draft::{Draft, View};
use crate::decide::drift::watch_for_drift;
use crate::reason::{Reason, Why};

/// How often to count while generators dispatch.
const LOOK_WHILE_DISPATCHING: Duration = Duration::from_secs(5);

pub(super) fn dispatching(tasks: &PulpTasks, draft: &mut Draft<'_>, view: &View<'_>) {
    draft.condition(
        ConditionType::Running,
        ConditionStatus::True,
        Reason::Dispatching,
        "the generators dispatch tasks",
    );
    watch_for_drift(draft, view);
    workers::watch_for_others(tasks, draft, view);
    update_counts(draft, view);
    if let Some(message) = workers::gone(tasks, view) {
        return draft.fail_cell(Why::new(Reason::TargetGone, message), Stage::CancelingTasks);
    }
    match delivery(draft, view, view.plan.deadlines.dispatch + tasks.request_timeout()) {
        Delivery::All => view.go_on(draft),
        Delivery::Awaited => draft.look_again_in(LOOK_WHILE_DISPATCHING),
        Delivery::Failed(why) => draft.fail_cell(why, Stage::CancelingTasks),
    }
}
