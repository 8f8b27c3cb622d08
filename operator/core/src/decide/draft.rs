//! What a stage's handler looks at, and the decision that it makes.

use std::time::Duration;

use jiff::Timestamp;
use throughput_crds::{
    CellCounts, CellProgress, Condition, ConditionStatus, ConditionType, Current, Stage, StageEntry,
    ThroughputTestStatus,
};
use throughput_model::cell::CellAddress;
use throughput_model::counted::counted;

use super::decision::{Action, Decision, EventText};
use crate::clock::elapsed;
use crate::identity::TestFacts;
use crate::observed::{Observed, Target};
use crate::plan::Plan;
use crate::plan::matrix::{Cell, ScaledTarget, parameters};
use crate::reason::{Reason, Why};
use crate::stage::{Door, facts};
use crate::status;
use crate::target::TargetName;

/// What a stage looks at.
pub struct View<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) cell: &'a Cell,
    pub(crate) current: &'a Current,
    pub(crate) observed: &'a Observed,
}

impl View<'_> {
    /// What the plan scales, in its order, with what was seen of it.
    pub(crate) fn targets(&self) -> impl Iterator<Item = (&ScaledTarget, &Target)> {
        self.plan.scale.iter().filter_map(|entry| Some((entry, self.observed.targets.get(&entry.target)?)))
    }

    /// The replicas that this target shall have at this stage of the cell.
    pub(crate) fn wanted_replicas(&self, target: &TargetName) -> Option<u32> {
        self.plan.workload.kind().wanted_replicas(self, target)
    }

    /// The replicas that this target has while the cell's load is worked on.
    pub(crate) fn cell_replicas(&self, target: &TargetName) -> Option<u32> {
        let as_found = || self.observed.claims.iter().find(|claimed| claimed.target == *target);
        self.cell.replicas.get(target).copied().or_else(|| Some(as_found()?.replicas))
    }

    /// When this stage began.
    pub(crate) fn since(&self) -> Timestamp {
        self.current.timeline.last().map(|entry| entry.since).unwrap_or_default()
    }

    /// Whether the cell's generators were told to begin.
    pub(crate) fn had_load(&self) -> bool {
        self.current.timeline.iter().any(|entry| facts(entry.stage).generators == Door::Load)
    }

    /// Goes on to the next stage of the kind's route; after the last one, to what follows the load.
    pub(crate) fn go_on(&self, draft: &mut Draft<'_>) {
        let kind = self.plan.workload.kind();
        let mut rest = kind.route().iter().skip_while(|stage| **stage != self.current.stage);
        match rest.nth(1) {
            Some(next) => draft.enter(*next),
            None => kind.after_the_load(draft, self),
        }
    }

    /// When another stage of this cell began.
    pub(crate) fn began(&self, stage: Stage) -> Option<Timestamp> {
        self.current.timeline.iter().find(|entry| entry.stage == stage).map(|entry| entry.since)
    }
}

/// A decision in the making.
pub struct Draft<'a> {
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

    /// Notes that the spec has become a plan.
    pub(super) fn accept(&mut self, plan: &Plan) {
        self.status.observed_generation = self.test.generation;
        let total = u32::try_from(plan.cells.len()).unwrap_or(u32::MAX);
        self.status.cells.get_or_insert(CellCounts { total, finished: 0 });
        self.condition(
            ConditionType::Accepted,
            ConditionStatus::True,
            Reason::Planned,
            format!("{} will be measured", counted(total, "cell")),
        );
        if !self.status.conditions.iter().any(|condition| condition.type_ == ConditionType::Finished) {
            self.condition(
                ConditionType::Running,
                ConditionStatus::False,
                Reason::NotStarted,
                "nothing has been scaled yet",
            );
            self.condition(
                ConditionType::Finished,
                ConditionStatus::False,
                Reason::NotFinished,
                "the run is not over",
            );
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        status::holds(&self.status, ConditionType::Finished)
    }

    /// The address of an attempt at a cell of this test.
    pub(crate) fn address(&self, current: &Current) -> CellAddress {
        CellAddress { test_uid: self.test.uid.clone(), cell: current.cell, attempt: current.attempt }
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    pub(crate) fn tell(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: false, reason, note });
    }

    pub(crate) fn warn(&mut self, reason: Reason, note: String) {
        self.events.push(EventText { warning: true, reason, note });
    }

    pub(crate) fn look_again_in(&mut self, wait: Duration) {
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
    pub(crate) fn begin_cell(&mut self, cell: &Cell, stage: Stage) {
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

    /// Begins a cell for which everything is claimed.
    pub(crate) fn begin_measuring(&mut self, plan: &Plan, cell: &Cell) {
        let first = plan.workload.kind().route().first();
        self.begin_cell(cell, first.copied().unwrap_or(Stage::Restoring));
    }

    /// Goes on to another stage of the same cell.
    pub(crate) fn enter(&mut self, stage: Stage) {
        self.forget_refusal();
        let now = self.now;
        if let Some(current) = &mut self.status.current {
            current.stage = stage;
            current.timeline.push(StageEntry { stage, since: now });
        }
        self.look_again_in(Duration::ZERO);
    }

    /// Ends the cell's plan for this reason, and goes on to `stage`. What was collected is kept.
    pub(crate) fn fail_cell(&mut self, why: Why, stage: Stage) {
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
    pub(crate) fn doubt(&mut self, doubt: String) {
        if let Some(current) = &mut self.status.current
            && !current.progress.invalid.contains(&doubt)
        {
            current.progress.invalid.push(doubt.clone());
            self.warn(Reason::FiguresNotTrusted, doubt);
        }
    }

    /// Since when this stage's actions are refused, and with which words; `None` when nothing was refused, or something
    /// has succeeded since.
    pub(crate) fn refusal(&self) -> Option<(Timestamp, &str)> {
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
    pub(crate) fn is_past(&self, since: Timestamp, allowed: Duration) -> bool {
        elapsed(since, self.now) > allowed
    }
}
