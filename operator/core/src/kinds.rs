//! The kinds of load: what a cell of each needs of its target, which stages it goes through, what its generators do, and what it
//! comes to.
//!
//! A new kind is a folder here that implements [`PlannedLoad`] and [`WorkloadKind`], a variant of [`Workload`], and its part
//! of the report. The stages that all kinds share are decided in [`crate::decide`], which asks the kind where it differs;
//! the others are the kind's own ([`WorkloadKind::step`]).

#[cfg(feature = "example-kind")]
pub mod holding;
pub mod pulp_tasks;

use std::time::Duration;

use throughput_crds::{Current, Stage};
use throughput_model::cell::CellAddress;

use crate::decide::draft::{Draft, View};
use crate::judge::evidence::{Evaluation, Evidence};
use crate::judge::findings::Rule;
use crate::observed::Observed;
use crate::plan::Plan;
use crate::plan::generator_order::GeneratorOrder;
use crate::plan::matrix::Cell;
use crate::plan::planned::PlannedLoad;
use crate::plan::workload::{Workload, of_any_kind};
use crate::reason::Why;
use crate::target::TargetName;

/// How far canceling has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceling {
    /// It goes on.
    GoesOn,
    /// Nothing of the cell is left in the target, and nothing can come.
    Done,
    /// The time for it is up.
    TimeIsUp,
}

/// Whether all that a cell's figures are made of was read from the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collected {
    /// It was, or never will be.
    Complete,
    /// It may still come.
    NotYet,
    /// The cell's load is not over: the cell goes back to the end of it.
    SentBack,
}

impl Workload {
    /// It, as every kind is asked for what it decides.
    pub fn kind(&self) -> &dyn WorkloadKind {
        of_any_kind!(self, load => load.as_ref())
    }
}

impl Plan {
    /// The order for the generators of a cell.
    pub fn order(&self, cell: &Cell, address: &CellAddress) -> GeneratorOrder {
        self.workload.kind().order(self, cell, address)
    }
}

/// What every kind of load decides.
pub trait WorkloadKind: PlannedLoad {
    /// The stages of a cell that goes well, in their order: from the first once everything is claimed to the last with load.
    fn route(&self) -> &'static [Stage];

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

    /// The replicas that this target shall have at this stage of the cell.
    fn wanted_replicas(&self, view: &View<'_>, target: &TargetName) -> Option<u32> {
        view.cell_replicas(target)
    }

    /// Takes what the target says into the status, whatever the stage.
    fn note(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        let _ = (draft, view);
    }

    /// Looks at the target while the generators get ready; `all_ready` once, just before they start.
    fn watch_the_start(&self, draft: &mut Draft<'_>, view: &View<'_>) {
        let _ = (draft, view);
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
}
