//! The second kind of load, for tests alone: generators hold for some seconds, and count.
//!
//! It shows where a kind goes, and keeps the seam: it is scaled, started, judged and reported like any other, and nobody can
//! ask for it.

use std::time::Duration;

use throughput_crds::{ConditionStatus, ConditionType, Current, Stage};
use throughput_model::cell::CellAddress;
use throughput_model::figures::Completions;
use throughput_model::holding::COUNTED;
use throughput_model::holding::Holding;
use throughput_model::workload::Workload;
use throughput_report::kind_facts::KindFacts;
use throughput_report::kinds::LoadReport;
use throughput_report::kinds::holding::{FACTS, HoldingReport};

use super::{Canceling, WorkloadKind};
use crate::decide::decision::Action;
use crate::decide::delivery::{Delivery, delivery};
use crate::decide::draft::{Draft, View};
use crate::decide::drift::watch_for_drift;
use crate::decide::scaling::scale_to_wanted;
use crate::decide::settle::to_the_figures;
use crate::judge::evidence::{Evaluation, Evidence};
use crate::judge::findings::{Rule, incomplete, restarts};
use crate::judge::saturation;
use crate::observed::Job;
use crate::plan::Plan;
use crate::plan::generator_order::GeneratorOrder;
use crate::plan::matrix::Cell;
use crate::plan::planned::PlannedLoad;
use crate::reason::{Reason, Why};

const LOOK: Duration = Duration::from_secs(1);

impl PlannedLoad for Holding {
    fn facts(&self) -> &'static KindFacts {
        &FACTS
    }
}

impl WorkloadKind for Holding {
    fn route(&self) -> &'static [Stage] {
        &[Stage::ScalingWorkers, Stage::StartingGenerators, Stage::Dispatching]
    }

    fn order(&self, plan: &Plan, cell: &Cell, address: &CellAddress) -> GeneratorOrder {
        GeneratorOrder {
            address: address.clone(),
            generators: cell.generators,
            workload: Workload::Holding(*self),
            in_process: None,
            credentials: None,
            trust: plan.targets[cell.target].trust.clone(),
            pod: plan.generator_pod.clone(),
            lifetime: plan.deadlines.generator_start + plan.deadlines.dispatch,
        }
    }

    fn step(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        match view.current.stage {
            Stage::ScalingWorkers => scaling(draft, view),
            Stage::Dispatching => holding(*self, draft, view),
            // Not on its route, or shared by all kinds.
            Stage::EmptyingQueue
            | Stage::ScalingDown
            | Stage::AwaitingFirstTask
            | Stage::Draining
            | Stage::CleaningUp
            | Stage::AwaitingTargets
            | Stage::Queued
            | Stage::Claiming
            | Stage::Suspended
            | Stage::StartingGenerators
            | Stage::CancelingTasks
            | Stage::Settling
            | Stage::Collecting
            | Stage::Restoring => draft.enter(Stage::Restoring),
        }
    }

    fn cancel(&self, draft: &mut Draft<'_>, view: &View<'_>, allowed: Duration) -> Canceling {
        if view.observed.generators.job == Job::Absent {
            return Canceling::Done;
        }
        if draft.is_past(view.since(), allowed) {
            return Canceling::TimeIsUp;
        }
        draft.act(Action::DeleteGenerators { address: draft.address(view.current) });
        draft.look_again_in(LOOK);
        Canceling::GoesOn
    }

    fn left_in_target(&self, _: &CellAddress) -> String {
        "load generators of the deleted test may still hold".to_owned()
    }

    fn after_the_load(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        to_the_figures(draft, view);
    }

    fn evaluate(&self, _: &Current, evidence: &Evidence<'_>) -> Evaluation {
        let counts = evidence.generators.iter().map(|generator| generator.counts.count(COUNTED));
        let report = HoldingReport { held_seconds: self.seconds, counted: counts.sum() };
        Evaluation {
            doubts: saturation::doubts(evidence.generators),
            short: None,
            request_figures: None,
            queue: Vec::new(),
            completions: Completions::default(),
            load: LoadReport::Holding(Box::new(report)),
        }
    }

    fn rules(&self) -> &'static [Rule] {
        &[restarts, incomplete]
    }
}

fn scaling(draft: &mut Draft<'_>, view: &View<'_>) {
    match scale_to_wanted(draft, view) {
        Err(why) => draft.fail_cell(why, Stage::Collecting),
        Ok(scaled) if scaled.all_there => view.go_on(draft),
        Ok(scaled) if draft.is_past(view.since(), view.plan.deadlines.scale) => {
            let message = format!("timeouts.scale passed: {}", scaled.seen.join(", "));
            draft.fail_cell(Why::new(Reason::WorkersNotOnline, message), Stage::Collecting);
        }
        Ok(_) => draft.look_again_in(LOOK),
    }
}

fn holding(load: Holding, draft: &mut Draft<'_>, view: &View<'_>) {
    let message = "the generators hold";
    draft.condition(ConditionType::Running, ConditionStatus::True, Reason::Dispatching, message);
    watch_for_drift(draft, view);
    match delivery(draft, view, Duration::from_secs(load.seconds.into())) {
        Delivery::All => view.go_on(draft),
        Delivery::Awaited => draft.look_again_in(LOOK),
        Delivery::Failed(why) => draft.fail_cell(why, Stage::CancelingTasks),
    }
}
