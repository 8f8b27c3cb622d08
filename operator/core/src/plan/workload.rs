//! What the load of a plan is.

#[cfg(feature = "example-kind")]
use throughput_model::holding::Holding;

use crate::kinds::pulp_tasks::plan::PulpTasks;
use crate::plan::matrix::Cell;
use crate::plan::planned::{Asked, PlannedLoad};
use crate::plan::rejection::Rejection;

/// What the load is, by its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Tasks that Pulp's workers finish.
    PulpTasks(Box<PulpTasks>),
    /// Holding for a while, in tests.
    #[cfg(feature = "example-kind")]
    Holding(Holding),
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

    /// It, as a plan asks every kind.
    pub fn planned(&self) -> &dyn PlannedLoad {
        match self {
            Self::PulpTasks(tasks) => tasks.as_ref(),
            #[cfg(feature = "example-kind")]
            Self::Holding(holding) => holding,
        }
    }

    /// It, where it is Pulp's tasks.
    pub fn pulp_tasks(&self) -> Option<&PulpTasks> {
        match self {
            Self::PulpTasks(tasks) => Some(tasks),
            #[cfg(feature = "example-kind")]
            Self::Holding(_) => None,
        }
    }
}
