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
mod plan;
mod queue;
mod workers;

use std::time::Duration;

use throughput_crds::{Current, InProcessDispatch, Procedure, Stage};
use throughput_model::cell::CellAddress;
use throughput_model::workload::{self, Dispatch, PulpEndpoint, TestView};
use throughput_report::kinds::KindFacts;
use throughput_report::kinds::pulp_tasks::FACTS;

use super::{Evaluation, WorkloadKind};
use crate::decide::{Canceling, Collected, Draft, View};
use crate::judge::findings::Rule;
use crate::judge::result::Evidence;
use crate::observed::{Observed, Pulp, ViewFault};
use crate::plan::destination::secret_keys;
use crate::plan::generator_order::{CredentialsSource, GeneratorOrder};
use crate::plan::matrix::Cell;
use crate::plan::{Plan, milliseconds};
use crate::reason::{Reason, Why};

/// The load of a plan whose load is Pulp's tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulpTasks {
    /// The Pulp under test.
    pub pulp: PulpEndpoint,
    /// The Secret with what Pulp asks for; `None` when it asks for nothing.
    pub secret: Option<String>,
    /// The position in [`Plan::scale`] of Pulp's workers, whose number Pulp itself confirms.
    pub workers: usize,
    /// How many tasks each cell dispatches.
    pub tasks: u64,
    /// What the workers do while tasks are dispatched.
    pub procedure: Procedure,
    /// Whether what the tasks made is deleted after each cell.
    pub deletes_created: bool,
    /// How tasks are dispatched.
    pub dispatch: Dispatch,
    /// The view that dispatches, with a query with which it dispatches nothing, where the spec has one.
    pub view_check: Option<TestView>,
    /// The container that dispatches, where tasks are dispatched in Pulp's own process.
    pub in_process: Option<InProcessDispatch>,
}

impl PulpTasks {
    /// How long one request may take, or one call in Pulp's own process.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_millis(match &self.dispatch {
            Dispatch::TestView(view) => view.request_timeout_milliseconds,
            Dispatch::Request(request) => request.request_timeout_milliseconds,
            // A call is not given up: this is what one may take while the database is busy.
            Dispatch::InProcess(_) => 60_000,
        })
    }

    /// Whether the workers stay away in this stage, until everything is dispatched.
    fn builds_a_backlog(&self, stage: Stage) -> bool {
        match self.procedure {
            Procedure::Sustained => false,
            Procedure::Backlog => {
                matches!(stage, Stage::ScalingDown | Stage::StartingGenerators | Stage::Dispatching)
            }
        }
    }
}

impl WorkloadKind for PulpTasks {
    fn facts(&self) -> &'static KindFacts {
        &FACTS
    }

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

    fn main_target(&self) -> Option<usize> {
        Some(self.workers)
    }

    fn unmet(&self, view: &View<'_>) -> Option<Why> {
        let pulp = match &view.observed.pulp {
            Pulp::Unavailable(why) => Some(why.clone()),
            Pulp::NotAsked | Pulp::Answering(_) => None,
        };
        workers::none_as_found(self, view).or(pulp)
    }

    fn final_fault(&self, view: &View<'_>) -> Option<Why> {
        // Asked again, the view might dispatch.
        match view.observed.view_fault.as_ref()? {
            ViewFault::Failed(words) => Some(Why::new(Reason::TestViewFailed, words.clone())),
            // Not how many: the field that says it is the test's to choose.
            ViewFault::Dispatched => Some(Why::new(
                Reason::CheckQueryDispatches,
                "with dispatch.testView.checkQuery the view says that it dispatched tasks: write a query with which it dispatches none, or leave checkQuery out",
            )),
        }
    }

    fn order(&self, plan: &Plan, cell: &Cell, address: &CellAddress) -> GeneratorOrder {
        let keys = secret_keys(&self.pulp.authentication);
        GeneratorOrder {
            address: address.clone(),
            generators: cell.generators,
            workload: workload::Workload::PulpTasks(Box::new(workload::PulpTasks {
                pulp: self.pulp.clone(),
                correlation_id: address.correlation_id(),
                tasks: self.tasks,
                concurrency: cell.concurrency,
                dispatch: self.dispatch.clone(),
                dispatch_deadline_milliseconds: milliseconds(plan.deadlines.dispatch),
            })),
            in_process: self.in_process.clone(),
            credentials: self.secret.clone().map(|secret| CredentialsSource { secret, keys }),
            ca_bundle: plan.ca_bundle.clone(),
            lifetime: plan.deadlines.generator_start + plan.deadlines.dispatch,
        }
    }

    fn wanted_replicas(&self, view: &View<'_>, entry: usize) -> Option<u32> {
        if entry == self.workers && self.builds_a_backlog(view.current.stage) {
            Some(0)
        } else {
            view.cell_replicas(entry)
        }
    }

    fn note(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        workers::note_online(draft, view);
    }

    fn watch_the_start(&self, draft: &mut Draft<'_>, view: &View<'_>, all_ready: bool) {
        counting::update_counts(draft, view);
        if all_ready {
            queue::doubt_what_came_since(draft, view);
        }
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
        match observed.pulp {
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

    fn pulp_tasks(&self) -> Option<&PulpTasks> {
        Some(self)
    }
}
