//! Tasks that Pulp's workers finish.
//!
//! A cell begins with an empty queue. `Sustained`: the workers are scaled, then the generators dispatch while the workers work,
//! then the rest is drained. `Backlog`: there is no worker while the generators dispatch, and the workers come after that.

mod backlog;
mod cancel;
mod cleanup;
mod counting;
mod dispatch;
mod doubts;
mod drain;
mod evaluate;
mod findings;
pub mod in_process;
mod nudging;
pub mod observed;
pub mod plan;
mod queue;
mod workers;

use std::time::Duration;

use throughput_crds::{Current, Procedure, Stage};
use throughput_model::cell::CellAddress;
use throughput_model::workload;

use self::observed::{Pulp, ViewFault};
pub use self::plan::PulpTasks;
use super::{Canceling, Collected, WorkloadKind};
use crate::decide::draft::{Draft, View};
use crate::judge::evidence::{Evaluation, Evidence};
use crate::judge::findings::Rule;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::destination::secret_keys;
use crate::plan::generator_order::{CredentialsSource, GeneratorOrder, milliseconds};
use crate::plan::matrix::Cell;
use crate::reason::{Reason, Why};
use crate::target::TargetName;

impl WorkloadKind for PulpTasks {
    fn route(&self) -> &'static [Stage] {
        match self.procedure {
            Procedure::Sustained => &[
                Stage::EmptyingQueue,
                Stage::ScalingWorkers,
                Stage::StartingGenerators,
                Stage::Dispatching,
                Stage::Draining,
            ],
            Procedure::Backlog => &[
                Stage::EmptyingQueue,
                Stage::ScalingDown,
                Stage::StartingGenerators,
                Stage::Dispatching,
                Stage::ScalingWorkers,
                Stage::AwaitingFirstTask,
                Stage::Draining,
            ],
        }
    }

    fn unmet(&self, view: &View<'_>) -> Option<Why> {
        let pulp = match &view.observed.pulp.answer {
            Pulp::Unavailable(why) => Some(why.clone()),
            Pulp::NotAsked | Pulp::Answering(_) => None,
        };
        workers::none_as_found(self, view).or(pulp)
    }

    fn final_fault(&self, view: &View<'_>) -> Option<Why> {
        // Asked again, the view might dispatch.
        match view.observed.pulp.view_fault.as_ref()? {
            ViewFault::Failed(words) => Some(Why::new(Reason::TestViewFailed, words.clone())),
            // Not how many: the field that says it is the test's to choose.
            ViewFault::Dispatched => Some(Why::new(
                Reason::CheckQueryDispatches,
                "with dispatch.testView.checkQuery the view says that it dispatched tasks: write a query with which it dispatches none, or leave checkQuery out",
            )),
        }
    }

    fn order(&self, plan: &Plan, cell: &Cell, address: &CellAddress) -> GeneratorOrder {
        let under_test = self.pulp_of(cell);
        let pulp = &under_test.endpoint;
        let keys = secret_keys(&pulp.authentication, pulp.username.is_some());
        GeneratorOrder {
            address: address.clone(),
            generators: cell.generators,
            workload: workload::Workload::PulpTasks(Box::new(workload::PulpTasks {
                pulp: pulp.clone(),
                correlation_id: address.correlation_id(),
                tasks: self.tasks,
                concurrency: cell.concurrency,
                dispatch: under_test.dispatch.clone(),
                dispatch_deadline_milliseconds: milliseconds(plan.deadlines.dispatch),
            })),
            in_process: self.in_process.clone(),
            credentials: under_test.secret.clone().map(|secret| CredentialsSource { secret, keys }),
            trust: plan.targets[cell.target].trust.clone(),
            pod: plan.generator_pod.clone(),
            lifetime: plan.deadlines.generator_start + plan.deadlines.dispatch,
        }
    }

    fn wanted_replicas(&self, view: &View<'_>, target: &TargetName) -> Option<u32> {
        if *target == self.workers.target && self.builds_a_backlog(view.current.stage) {
            Some(0)
        } else {
            view.cell_replicas(target)
        }
    }

    fn note(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        workers::note_online(draft, view);
    }

    fn watch_the_start(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        counting::update_counts(draft, view);
    }

    fn step(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        match view.current.stage {
            Stage::EmptyingQueue => queue::emptying(draft, view),
            Stage::ScalingDown => workers::scaling_down(draft, view),
            Stage::ScalingWorkers => workers::scaling_up(self, draft, view),
            Stage::Dispatching => dispatch::dispatching(self, draft, view),
            Stage::AwaitingFirstTask => backlog::awaiting_first_task(draft, view),
            Stage::Draining => drain::draining(self, draft, view),
            Stage::CleaningUp => cleanup::cleaning_up(draft, view),
            // What all kinds share.
            Stage::AwaitingTargets
            | Stage::Queued
            | Stage::Claiming
            | Stage::Suspended
            | Stage::StartingGenerators
            | Stage::CancelingTasks
            | Stage::Settling
            | Stage::Collecting
            | Stage::Restoring => {}
        }
    }

    fn cancel(&self, draft: &mut Draft<'_>, view: &View<'_>, allowed: Duration) -> Canceling {
        cancel::cancel(self, draft, view, allowed)
    }

    fn left_in_target(&self, address: &CellAddress) -> String {
        let id = address.correlation_id();
        format!("tasks of the test are left in Pulp's queue; they have the correlation id {id}")
    }

    fn target_answers(&self, observed: &Observed) -> bool {
        match observed.pulp.answer {
            Pulp::Answering(_) => true,
            Pulp::Unavailable(_) | Pulp::NotAsked => false,
        }
    }

    fn after_the_load(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        cleanup::after_the_tasks(self, draft, view);
    }

    fn collected(&self, draft: &mut Draft<'_>, view: &View<'_>) -> Collected {
        evaluate::collected(draft, view)
    }

    fn evaluate(&self, current: &Current, evidence: &Evidence<'_>) -> Evaluation {
        evaluate::evaluate(self, current, evidence)
    }

    fn rules(&self) -> &'static [Rule] {
        &findings::RULES
    }
}
