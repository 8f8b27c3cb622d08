//! What to do next. Pure: plan, status, what was observed, and the time, become a [`Decision`].
//!
//! The status is the journal: a stage is written there before anything is done for it, and everything that a
//! stage does can be done again. So the operator may be killed at any point and started again: it reads the
//! stage and goes on.

mod backlog;
mod cancel;
mod claim;
mod cleanup;
mod collect;
mod controls;
mod generators;
mod load;
mod noting;
mod nudging;
pub mod outcome;
mod prepare;
mod scaling;
mod settle;
mod verdict;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{
    CellCounts, CellProgress, CleanupProgress, Condition, ConditionStatus, ConditionType, Current, Procedure,
    Stage, StageEntry, ThroughputTestStatus,
};
use throughput_model::cell::CellAddress;
use throughput_report::data::{CellDetail, TestReport};
use uuid::Uuid;

use crate::clock::elapsed;
use crate::identity::TestFacts;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::generator_order::GeneratorOrder;
use crate::plan::matrix::Cell;
use crate::plan::matrix::parameters;
use crate::plan::rejection::Rejection;
use crate::reason::{Reason, Why};
use crate::scaling::scalable::TargetName;
use crate::status;
use throughput_model::counted::counted;

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
    noting::note_workers(draft, &view);
    match current.stage {
        Stage::AwaitingTargets => prepare::awaiting_targets(draft, &view),
        Stage::Claiming => prepare::claiming(draft, &view),
        Stage::Suspended => controls::suspended(draft, &view),
        Stage::EmptyingQueue => prepare::emptying_queue(draft, &view),
        Stage::ScalingDown => backlog::scaling_down(draft, &view),
        Stage::ScalingWorkers => prepare::scaling_workers(draft, &view),
        Stage::StartingGenerators => generators::starting_generators(draft, &view),
        Stage::Dispatching => load::dispatching(draft, &view),
        Stage::AwaitingFirstTask => backlog::awaiting_first_task(draft, &view),
        Stage::Draining => load::draining(draft, &view),
        Stage::CancelingTasks => load::canceling_tasks(draft, &view),
        Stage::CleaningUp => cleanup::cleaning_up(draft, &view),
        Stage::Settling => settle::settling(draft, &view),
        Stage::Collecting => collect::collecting(draft, &view),
        Stage::Restoring => verdict::restoring(draft, &view),
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

/// What a stage looks at.
struct View<'a> {
    plan: &'a Plan,
    cell: &'a Cell,
    current: &'a Current,
    observed: &'a Observed,
}

impl View<'_> {
    /// The replicas that this entry of the plan's `scale` shall have at this stage of the cell.
    fn wanted_replicas(&self, entry: usize) -> Option<u32> {
        if entry == self.plan.workers && self.builds_a_backlog() {
            Some(0)
        } else {
            self.cell_replicas(entry)
        }
    }

    /// Whether the workers stay away until everything is dispatched.
    fn builds_a_backlog(&self) -> bool {
        match self.plan.procedure {
            Procedure::Sustained => false,
            Procedure::Backlog => matches!(
                self.current.stage,
                Stage::ScalingDown | Stage::StartingGenerators | Stage::Dispatching
            ),
        }
    }

    /// The replicas that this entry of the plan's `scale` has when the cell's tasks are worked on.
    fn cell_replicas(&self, entry: usize) -> Option<u32> {
        let target = &self.plan.scale[entry].target;
        let as_found = || {
            let claim = self.observed.claims.iter().find(|claim| claim.record.target == *target)?;
            u32::try_from(claim.record.replicas).ok()
        };
        self.cell.replicas[entry].or_else(as_found)
    }

    /// The workers that work on this cell's tasks.
    fn cell_workers(&self) -> Option<u32> {
        self.cell_replicas(self.plan.workers)
    }

    /// When this stage began.
    fn since(&self) -> Timestamp {
        self.current.timeline.last().map(|entry| entry.since).unwrap_or_default()
    }

    /// When another stage of this cell began.
    fn began(&self, stage: Stage) -> Option<Timestamp> {
        self.current.timeline.iter().find(|entry| entry.stage == stage).map(|entry| entry.since)
    }
}

/// A decision in the making.
pub(crate) struct Draft<'a> {
    pub(crate) test: &'a TestFacts,
    pub(crate) status: ThroughputTestStatus,
    pub(crate) now: Timestamp,
    actions: Vec<Action>,
    events: Vec<EventText>,
    release: bool,
    next: Option<Duration>,
}

impl<'a> Draft<'a> {
    fn new(test: &'a TestFacts, status: &ThroughputTestStatus, now: Timestamp) -> Self {
        let status = status.clone();
        Self { test, status, now, actions: Vec::new(), events: Vec::new(), release: false, next: None }
    }

    fn decided(mut self) -> Decision {
        status::summarize(&mut self.status);
        let Self { test: _, status, now: _, actions, events, release, next } = self;
        Decision { actions, status, events, release, next }
    }

    fn is_finished(&self) -> bool {
        status::holds(&self.status, ConditionType::Finished)
    }

    /// The address of an attempt at a cell of this test.
    fn address(&self, current: &Current) -> CellAddress {
        CellAddress { test_uid: self.test.uid.clone(), cell: current.cell, attempt: current.attempt }
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    fn tell(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: false, reason, note });
    }

    fn warn(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: true, reason, note });
    }

    fn look_again_in(&mut self, wait: Duration) {
        self.next = Some(wait);
    }

    pub(crate) fn condition(
        &mut self,
        type_: ConditionType,
        holds: ConditionStatus,
        reason: Reason,
        message: impl AsRef<str>,
    ) {
        status::set(
            &mut self.status.conditions,
            type_,
            holds,
            reason,
            message.as_ref(),
            self.now,
            self.test.generation,
        );
    }

    /// Begins a cell in this stage.
    fn begin_cell(&mut self, cell: &Cell, stage: Stage) {
        self.forget_refusal();
        self.status.current = Some(Current {
            cell: cell.index,
            attempt: 1,
            stage,
            parameters: parameters(cell),
            timeline: vec![StageEntry { stage, since: self.now }],
            progress: CellProgress::default(),
            live: None,
        });
        self.look_again_in(Duration::ZERO);
    }

    /// Goes on to another stage of the same cell.
    fn enter(&mut self, stage: Stage) {
        self.forget_refusal();
        let now = self.now;
        if let Some(current) = &mut self.status.current {
            current.stage = stage;
            current.timeline.push(StageEntry { stage, since: now });
        }
        self.look_again_in(Duration::ZERO);
    }

    /// Ends the cell's plan for this reason, and goes on to `stage`. What was collected is kept.
    fn fail_cell(&mut self, why: Why, stage: Stage) {
        let Why { reason, message } = why;
        // What is refused must not keep the end of its stage from being written.
        self.actions.clear();
        if let Some(current) = &mut self.status.current {
            current.progress.failure.get_or_insert_with(|| message.clone());
            current.progress.failure_reason.get_or_insert_with(|| reason.to_string());
        }
        self.warn(reason, message);
        self.enter(stage);
    }

    /// Notes why the cell's figures cannot be trusted, once.
    fn doubt(&mut self, doubt: String) {
        if let Some(current) = &mut self.status.current
            && !current.progress.invalid.contains(&doubt)
        {
            current.progress.invalid.push(doubt.clone());
            self.warn(Reason::FiguresNotTrusted, doubt);
        }
    }

    /// Since when this stage's actions are refused, and with which words; `None` when nothing was refused, or something
    /// has succeeded since.
    fn refusal(&self) -> Option<(Timestamp, &str)> {
        let running = self.running()?;
        (running.status == ConditionStatus::Unknown)
            .then_some((running.last_transition_time, running.message.as_str()))
    }

    fn running(&self) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == ConditionType::Running)
    }

    /// A refusal belongs to its stage: the next one's actions have not been tried.
    fn forget_refusal(&mut self) {
        if self.refusal().is_some() {
            let message = "what was refused belongs to a stage that is over";
            self.condition(ConditionType::Running, ConditionStatus::True, Reason::Measuring, message);
        }
    }

    /// Whether more time has passed since then than is allowed.
    fn is_past(&self, since: Timestamp, allowed: Duration) -> bool {
        elapsed(since, self.now) > allowed
    }
}
