//! What a stage's handler looks at, and the decision that it makes.

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{
    CellProgress, Condition, ConditionStatus, ConditionType, Current, Procedure, Stage, StageEntry,
    ThroughputTestStatus,
};
use throughput_model::cell::CellAddress;

use super::{Action, Decision, EventText};
use crate::clock::elapsed;
use crate::identity::TestFacts;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::matrix::{Cell, parameters};
use crate::reason::{Reason, Why};
use crate::status;

/// What a stage looks at.
pub(super) struct View<'a> {
    pub(super) plan: &'a Plan,
    pub(super) cell: &'a Cell,
    pub(super) current: &'a Current,
    pub(super) observed: &'a Observed,
}

impl View<'_> {
    /// The replicas that this entry of the plan's `scale` shall have at this stage of the cell.
    pub(super) fn wanted_replicas(&self, entry: usize) -> Option<u32> {
        if entry == self.plan.workers && self.builds_a_backlog() {
            Some(0)
        } else {
            self.cell_replicas(entry)
        }
    }

    /// Whether the workers stay away until everything is dispatched.
    pub(super) fn builds_a_backlog(&self) -> bool {
        match self.plan.procedure {
            Procedure::Sustained => false,
            Procedure::Backlog => matches!(
                self.current.stage,
                Stage::ScalingDown | Stage::StartingGenerators | Stage::Dispatching
            ),
        }
    }

    /// The replicas that this entry of the plan's `scale` has when the cell's tasks are worked on.
    pub(super) fn cell_replicas(&self, entry: usize) -> Option<u32> {
        let target = &self.plan.scale[entry].target;
        let claimed = self.observed.claims.iter().find(|claimed| claimed.target == *target);
        self.cell.replicas[entry].or_else(|| Some(claimed?.replicas))
    }

    /// The workers that work on this cell's tasks.
    pub(super) fn cell_workers(&self) -> Option<u32> {
        self.cell_replicas(self.plan.workers)
    }

    /// When this stage began.
    pub(super) fn since(&self) -> Timestamp {
        self.current.timeline.last().map(|entry| entry.since).unwrap_or_default()
    }

    /// When another stage of this cell began.
    pub(super) fn began(&self, stage: Stage) -> Option<Timestamp> {
        self.current.timeline.iter().find(|entry| entry.stage == stage).map(|entry| entry.since)
    }
}

/// A decision in the making.
pub(crate) struct Draft<'a> {
    pub(crate) test: &'a TestFacts,
    pub(crate) status: ThroughputTestStatus,
    pub(crate) now: Timestamp,
    pub(super) actions: Vec<Action>,
    pub(super) events: Vec<EventText>,
    pub(super) release: bool,
    pub(super) next: Option<Duration>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(test: &'a TestFacts, status: &ThroughputTestStatus, now: Timestamp) -> Self {
        let status = status.clone();
        Self { test, status, now, actions: Vec::new(), events: Vec::new(), release: false, next: None }
    }

    pub(super) fn decided(mut self) -> Decision {
        status::summarize(&mut self.status);
        let Self { test: _, status, now: _, actions, events, release, next } = self;
        Decision { actions, status, events, release, next }
    }

    pub(super) fn is_finished(&self) -> bool {
        status::holds(&self.status, ConditionType::Finished)
    }

    /// The address of an attempt at a cell of this test.
    pub(super) fn address(&self, current: &Current) -> CellAddress {
        CellAddress { test_uid: self.test.uid.clone(), cell: current.cell, attempt: current.attempt }
    }

    pub(super) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(super) fn tell(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: false, reason, note });
    }

    pub(super) fn warn(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: true, reason, note });
    }

    pub(super) fn look_again_in(&mut self, wait: Duration) {
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
    pub(super) fn begin_cell(&mut self, cell: &Cell, stage: Stage) {
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
    pub(super) fn enter(&mut self, stage: Stage) {
        self.forget_refusal();
        let now = self.now;
        if let Some(current) = &mut self.status.current {
            current.stage = stage;
            current.timeline.push(StageEntry { stage, since: now });
        }
        self.look_again_in(Duration::ZERO);
    }

    /// Ends the cell's plan for this reason, and goes on to `stage`. What was collected is kept.
    pub(super) fn fail_cell(&mut self, why: Why, stage: Stage) {
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
    pub(super) fn doubt(&mut self, doubt: String) {
        if let Some(current) = &mut self.status.current
            && !current.progress.invalid.contains(&doubt)
        {
            current.progress.invalid.push(doubt.clone());
            self.warn(Reason::FiguresNotTrusted, doubt);
        }
    }

    /// Since when this stage's actions are refused, and with which words; `None` when nothing was refused, or something
    /// has succeeded since.
    pub(super) fn refusal(&self) -> Option<(Timestamp, &str)> {
        let running = self.running()?;
        (running.status == ConditionStatus::Unknown)
            .then_some((running.last_transition_time, running.message.as_str()))
    }

    pub(super) fn running(&self) -> Option<&Condition> {
        self.status.conditions.iter().find(|condition| condition.type_ == ConditionType::Running)
    }

    /// A refusal belongs to its stage: the next one's actions have not been tried.
    pub(super) fn forget_refusal(&mut self) {
        if self.refusal().is_some() {
            let message = "what was refused belongs to a stage that is over";
            self.condition(ConditionType::Running, ConditionStatus::True, Reason::Measuring, message);
        }
    }

    /// Whether more time has passed since then than is allowed.
    pub(super) fn is_past(&self, since: Timestamp, allowed: Duration) -> bool {
        elapsed(since, self.now) > allowed
    }
}
