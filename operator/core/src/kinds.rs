//! The kinds of load: what a cell of each needs of its target, which stages it goes through, what its generators do, and what it
//! comes to.
//!
//! A new kind is a folder here that implements [`WorkloadKind`], a variant of [`Workload`], and its part of the report. The
//! stages that all kinds share are decided in [`crate::decide`], which asks the kind where it differs; the others are the
//! kind's own ([`WorkloadKind::step`]).

#[cfg(feature = "example-kind")]
pub mod holding;
pub mod pulp_tasks;

use std::time::Duration;

use throughput_crds::{Current, Stage, ThroughputTestSpec};
use throughput_model::cell::CellAddress;
use throughput_model::figures::{Completions, QueuePoint};
use throughput_model::generator::RequestFigures;
use throughput_report::kinds::{KindFacts, LoadReport};

use self::pulp_tasks::PulpTasks;
use crate::decide::{Canceling, Collected, Draft, View};
use crate::judge::findings::Rule;
use crate::judge::result::Evidence;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::destination::Destination;
use crate::plan::generator_order::GeneratorOrder;
use crate::plan::matrix::{Cell, ScaledTarget};
use crate::plan::permissions::Permissions;
use crate::plan::rejection::Rejection;
use crate::reason::Why;

/// What the load is, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Tasks that Pulp's workers finish.
    PulpTasks(Box<PulpTasks>),
    /// Holding for a while, in tests.
    #[cfg(feature = "example-kind")]
    Holding(holding::Holding),
}

impl Workload {
    /// The load that a spec names, with its cells.
    pub(crate) fn new(asked: &Asked<'_>) -> Result<(Self, Vec<Cell>), Rejection> {
        let throughput_crds::Workload { pulp_tasks } = &asked.spec.workload;
        if let Some(tasks) = pulp_tasks {
            return PulpTasks::new(asked, tasks)
                .map(|(tasks, cells)| (Self::PulpTasks(Box::new(tasks)), cells));
        }
        Err(Rejection::NoWorkload)
    }

    /// It, as every kind is asked.
    pub fn kind(&self) -> &dyn WorkloadKind {
        match self {
            Self::PulpTasks(tasks) => tasks.as_ref(),
            #[cfg(feature = "example-kind")]
            Self::Holding(holding) => holding,
        }
    }
}

/// What a kind makes its part of a plan from.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The namespace of the test.
    pub(crate) namespace: &'a str,
    /// Its spec.
    pub(crate) spec: &'a ThroughputTestSpec,
    /// What it scales.
    pub(crate) scale: &'a [ScaledTarget],
    /// Where requests are sent.
    pub(crate) destination: &'a Destination,
    /// What the administrator permits.
    pub(crate) permissions: &'a Permissions,
}

/// What every kind of load has.
pub trait WorkloadKind {
    /// What its reports have: the figures by which criteria can judge, the headline, the columns.
    fn facts(&self) -> &'static KindFacts;

    /// The stages of a cell that goes well, in their order: from the first once everything is claimed to the last with load.
    fn route(&self) -> &'static [Stage];

    /// The position in [`Plan::scale`] of the target whose replicas are the load's main axis, such as Pulp's workers.
    fn main_target(&self) -> Option<usize> {
        None
    }

    /// What is not there that the run needs, beside its targets and credentials: it is waited for, and nothing is claimed.
    fn unmet(&self, view: &View<'_>) -> Option<Why> {
        let _ = view;
        None
    }

    /// What was seen before anything is claimed that ends the test at once, since only editing the spec can mend it.
    fn final_fault(&self, view: &View<'_>) -> Option<Why> {
        let _ = view;
        None
    }

    /// The order for the generators of a cell.
    fn order(&self, plan: &Plan, cell: &Cell, address: &CellAddress) -> GeneratorOrder;

    /// The replicas that this entry of the plan's `scale` shall have at this stage of the cell.
    fn wanted_replicas(&self, view: &View<'_>, entry: usize) -> Option<u32> {
        view.cell_replicas(entry)
    }

    /// Takes what the target says into the status, whatever the stage.
    fn note(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        let _ = (draft, view);
    }

    /// Looks at the target while the generators get ready; `all_ready` once, just before they start.
    fn watch_the_start(&self, draft: &mut Draft<'_>, view: &View<'_>, all_ready: bool) {
        let _ = (draft, view, all_ready);
    }

    /// Decides in a stage that is not shared by all kinds.
    fn step(&self, draft: &mut Draft<'_>, view: &View<'_>);

    /// Ends the load of a cell that is given up, and takes back what it left in the target, for as long as is allowed since
    /// the stage began.
    fn cancel(&self, draft: &mut Draft<'_>, view: &View<'_>, allowed: Duration) -> Canceling;

    /// What is left in the target when the time to take it back is up, in a sentence for whoever cleans up.
    fn left_in_target(&self, address: &CellAddress) -> String;

    /// Whether the target answers, as far as it was asked: one that does not is waited for less long.
    fn target_answers(&self, observed: &Observed) -> bool {
        let _ = observed;
        true
    }

    /// Goes on once nothing of the load is left in the target: to the figures, or first to what is cleaned up.
    fn after_the_load(&self, draft: &mut Draft<'_>, view: &View<'_>);

    /// Whether all that the figures are made of was read from the target.
    fn collected(&self, draft: &mut Draft<'_>, view: &View<'_>) -> Collected {
        let _ = (draft, view);
        Collected::Complete
    }

    /// What a cell came to.
    fn evaluate(&self, current: &Current, evidence: &Evidence<'_>) -> Evaluation;

    /// The rules by which its figures become words, in the order in which they speak.
    fn rules(&self) -> &'static [Rule];

    /// It, where the load is Pulp's tasks.
    fn pulp_tasks(&self) -> Option<&PulpTasks> {
        None
    }
}

/// What a cell came to, before anything is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Its figures, as the report keeps them.
    pub load: LoadReport,
    /// Why they cannot be trusted, in a sentence each.
    pub doubts: Vec<String>,
    /// How the load fell short of what was wanted, if it did: then the cell has failed, whatever its figures.
    pub short: Option<Why>,
    /// Counts and histograms of requests, ready to be merged with those of other runs; `None` where there were none.
    pub request_figures: Option<RequestFigures>,
    /// The queue of the target over time; empty where it has none.
    pub queue: Vec<QueuePoint>,
    /// What the target completed over time; empty where it says nothing of that.
    pub completions: Completions,
}
