//! What to do next. Pure: plan, status, what was observed, and the time, become a [`Decision`].
//!
//! The status is the journal: a stage is written there before anything is done for it, and everything that a
//! stage does can be done again. So the operator may be killed at any point and started again: it reads the
//! stage and goes on.

mod cancel;
mod claim;
mod collect;
mod controls;
mod delivery;
mod draft;
mod drift;
mod generators;
pub mod outcome;
mod prepare;
mod scaling;
mod settle;
mod verdict;

#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use cancel::Canceling;
pub use collect::Collected;
pub use delivery::Delivery;
pub(crate) use delivery::delivery;
pub use draft::{Draft, View};
pub(crate) use drift::watch_for_drift;
pub use prepare::may_ask_once;
pub(crate) use scaling::{Scaling, scale_to_wanted};
pub(crate) use settle::to_the_figures;

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{
    CellCounts, CleanupProgress, ConditionStatus, ConditionType, Stage, ThroughputTestStatus,
};
use throughput_model::cell::CellAddress;
use throughput_model::counted::counted;
use throughput_report::data::{CellDetail, TestReport};
use uuid::Uuid;

use crate::identity::TestFacts;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::generator_order::GeneratorOrder;
use crate::plan::rejection::Rejection;
use crate::reason::Reason;
use crate::target::TargetName;

/// What to do, and what to say.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What to do, in this order, before the status is written.
    pub actions: Vec<Action>,
    /// The status.
    pub status: ThroughputTestStatus,
    /// What to tell people.
    pub events: Vec<EventText>,
    /// Whether the finalizer is to be removed, after the status is written.
    pub release: bool,
    /// When to look again; `None` waits for a change.
    pub next: Option<Duration>,
}

/// One thing to do. Each can be done again.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put our finalizer on the test.
    AddFinalizer,
    /// Claim all that the plan scales, or none of it.
    Claim {
        /// What it scales.
        targets: Vec<TargetName>,
    },
    /// Set the replicas of a claimed target.
    Scale {
        /// Which.
        target: TargetName,
        /// How many.
        replicas: u32,
    },
    /// Make the cell's `ConfigMap`, Secret and Job.
    StartGenerators(Box<GeneratorOrder>),
    /// Delete the cell's Job and Secret.
    DeleteGenerators {
        /// The cell.
        address: CellAddress,
    },
    /// Ask Pulp to cancel what is left of the cell.
    CancelTasks {
        /// The cell's correlation id.
        correlation_id: Uuid,
    },
    /// Dispatch one more task, so that workers which overslept the backlog wake up.
    Nudge {
        /// The task's correlation id.
        correlation_id: Uuid,
    },
    /// Delete what the cell's tasks made, from where an earlier look came to.
    DeleteCreated {
        /// The correlation id of the tasks that made it.
        created_by: Uuid,
        /// The correlation id of the tasks that delete it.
        correlation_id: Uuid,
        /// How far it is.
        progress: CleanupProgress,
    },
    /// Write a cell's details and the test's report.
    WriteReport {
        /// The cell.
        address: CellAddress,
        /// Its details.
        detail: Box<CellDetail>,
        /// The report, this cell included.
        report: Box<TestReport>,
    },
    /// Put back everything that is claimed.
    Restore,
    /// Delete the test itself, and with it what it owns.
    DeleteTest,
}

/// Something to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventText {
    /// Whether somebody should look.
    pub warning: bool,
    /// In one word.
    pub reason: Reason,
    /// In a sentence.
    pub note: String,
}

/// Decides what to do next.
pub fn decide(
    test: &TestFacts,
    plan: &Result<Plan, Rejection>,
    status: &ThroughputTestStatus,
    observed: &Observed,
    now: Timestamp,
) -> Decision {
    let mut draft = Draft::new(test, status, now);
    match plan {
        _ if draft.is_finished() => verdict::after_the_end(&mut draft, observed),
        _ if observed.deleting => cancel::for_deletion(&mut draft, plan.as_ref().ok(), observed),
        Err(rejection) => verdict::reject(&mut draft, rejection, observed),
        Ok(plan) => controls::carry_out(&mut draft, plan, observed),
    }
    draft.decided()
}

fn carry_out(draft: &mut Draft<'_>, plan: &Plan, observed: &Observed) {
    accept(draft, plan);
    let Some(current) = draft.status.current.clone() else {
        return draft.begin_cell(&plan.cells[0], Stage::AwaitingTargets);
    };
    let Some(cell) = plan.cells.get(current.cell as usize) else {
        // The spec cannot change, so this takes a status that somebody edited by hand. A cell that there is
        // takes its place, or the next look would come here again.
        return draft.begin_cell(&plan.cells[0], Stage::Restoring);
    };
    let view = View { plan, cell, current: &current, observed };
    claim::watch(draft, &view);
    settle::tell_of_sources(draft, &view);
    plan.workload.kind().note(draft, &view);
    match current.stage {
        Stage::AwaitingTargets => prepare::awaiting_targets(draft, &view),
        Stage::Claiming => prepare::claiming(draft, &view),
        Stage::Suspended => controls::suspended(draft, &view),
        Stage::StartingGenerators => generators::starting_generators(draft, &view),
        Stage::CancelingTasks => cancel::canceling(draft, &view),
        Stage::Settling => settle::settling(draft, &view),
        Stage::Collecting => collect::collecting(draft, &view),
        Stage::Restoring => verdict::restoring(draft, &view),
        Stage::EmptyingQueue
        | Stage::ScalingDown
        | Stage::ScalingWorkers
        | Stage::Dispatching
        | Stage::AwaitingFirstTask
        | Stage::Draining
        | Stage::CleaningUp => plan.workload.kind().step(draft, &view),
    }
}

/// Notes that the spec has become a plan.
fn accept(draft: &mut Draft<'_>, plan: &Plan) {
    draft.status.observed_generation = draft.test.generation;
    let total = u32::try_from(plan.cells.len()).unwrap_or(u32::MAX);
    draft.status.cells.get_or_insert(CellCounts { total, finished: 0 });
    draft.condition(
        ConditionType::Accepted,
        ConditionStatus::True,
        Reason::Planned,
        format!("{} will be measured", counted(total, "cell")),
    );
    if !draft.status.conditions.iter().any(|condition| condition.type_ == ConditionType::Finished) {
        draft.condition(
            ConditionType::Running,
            ConditionStatus::False,
            Reason::NotStarted,
            "nothing has been scaled yet",
        );
        draft.condition(
            ConditionType::Finished,
            ConditionStatus::False,
            Reason::NotFinished,
            "the run is not over",
        );
    }
}
