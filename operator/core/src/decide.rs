//! What to do next. Pure: plan, status, what was observed, and the time, become a [`Decision`].
//!
//! The status is the journal: a stage is written there before anything is done for it, and everything that a
//! stage does can be done again. So the operator may be killed at any point and started again: it reads the
//! stage and goes on.

mod cancel;
mod claim;
mod collect;
mod controls;
pub(crate) mod decision;
pub(crate) mod delivery;
pub(crate) mod draft;
pub(crate) mod drift;
mod generators;
pub mod outcome;
mod prepare;
mod queue;
pub(crate) mod scaling;
pub(crate) mod settle;
mod verdict;

#[cfg(any(test, feature = "fixture"))]
pub mod fixture;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use decision::{Action, Decision, EventText};
pub use draft::{Draft, View};
pub use prepare::{is_held, may_ask_once};

use std::ops::ControlFlow;

use jiff::Timestamp;
use throughput_crds::{Stage, ThroughputTestStatus};

use crate::identity::TestFacts;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::rejection::Rejection;

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
        Ok(plan) => match controls::heed(&mut draft, plan, observed) {
            ControlFlow::Break(()) => {}
            ControlFlow::Continue(()) => carry_out(&mut draft, plan, observed),
        },
    }
    draft.decided()
}

fn carry_out(draft: &mut Draft<'_>, plan: &Plan, observed: &Observed) {
    draft.accept(plan);
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
        Stage::Queued => queue::queued(draft, &view),
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
